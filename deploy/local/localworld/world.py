"""The whole local world as one thing: control plane, AWS, and nodes that stand in both.

The demo, the end-to-end tests and developers all start it here, so that they see the same world.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from localworld.aws_world import AwsWorld, build_aws_world, client_config, local_session
from localworld.behaviour import Behaviour
from localworld.control_plane import ControlPlane
from localworld.controller_process import ControllerProcess
from localworld.moto_server import MotoServer

if TYPE_CHECKING:
    from mypy_boto3_ec2 import EC2Client
    from mypy_boto3_elbv2 import ElasticLoadBalancingv2Client

REPOSITORY = Path(__file__).resolve().parents[3]
CRDS = REPOSITORY / "crds"
DEPLOY = REPOSITORY / "deploy"
MANIFESTS = DEPLOY / "base"
SAMPLES = DEPLOY / "samples"
INGRESS_CLASS = SAMPLES / "ingress-class.yaml"
SERVICE_ACCOUNT = ("kube-system", "aws-load-balancer-controller")  # namespace, name: as deploy/base/ says


@dataclass
class LocalAws:
    """moto's server with the world of `aws_world` in it."""

    server: MotoServer
    _world: AwsWorld | None = field(default=None, init=False)

    @property
    def url(self) -> str:
        """For AWS_ENDPOINT_URL."""
        return self.server.url

    @property
    def world(self) -> AwsWorld:
        """What was made at the start."""
        if self._world is None:
            raise RuntimeError("AWS has not been started")
        return self._world

    def start(self) -> None:
        """Start the server and make VPC, subnets and instances."""
        self.server.start()
        self._world = build_aws_world(self.ec2)

    def stop(self) -> None:
        """Stop the server."""
        self.server.stop()

    def client(self, service: str) -> Any:
        """A boto3 client of any service, such as `acm`."""
        return local_session().client(service, endpoint_url=self.url, config=client_config())  # type: ignore[call-overload]  # the stubs want literals

    @cached_property
    def ec2(self) -> EC2Client:
        """A boto3 client."""
        return local_session().client("ec2", endpoint_url=self.url, config=client_config())

    @cached_property
    def elbv2(self) -> ElasticLoadBalancingv2Client:
        """A boto3 client."""
        return local_session().client("elbv2", endpoint_url=self.url, config=client_config())


@dataclass
class LocalWorld:
    """Control plane and AWS with every file below `root`; `tools` is the folder of the binaries."""

    root: Path
    tools: Path
    audit: bool = False
    behaviour: Behaviour = field(default_factory=Behaviour)
    control_plane: ControlPlane = field(init=False)
    aws: LocalAws = field(init=False)
    controllers: list[ControllerProcess] = field(default_factory=list, init=False)

    def __post_init__(self) -> None:
        self.control_plane = ControlPlane(tools=self.tools, root=self.root, audit=self.audit)
        self.aws = LocalAws(MotoServer(root=self.root / "aws", behaviour=self.behaviour))

    def start(self) -> None:
        """Start both side by side, then add nodes, the CRDs of crds/ and the IngressClass `alb`."""
        with ThreadPoolExecutor(1) as pool:
            control_plane = pool.submit(self.control_plane.start)
            try:
                self.aws.start()
                control_plane.result()
            except BaseException:
                self.control_plane.stop()  # ends a start under way, or the pool would wait for it
                raise
        self.control_plane.add_nodes(self.aws.world.nodes)
        self.control_plane.apply_crds(CRDS)
        self.control_plane.apply(INGRESS_CLASS)

    def service_account_kubeconfig(self) -> Path:
        """Apply the ServiceAccount and the RBAC of deploy/ and return a kubeconfig that acts as that account."""
        for file in ("serviceaccount.yaml", "rbac.yaml"):
            self.control_plane.apply(MANIFESTS / file)
        return self.control_plane.service_account_kubeconfig(*SERVICE_ACCOUNT)

    def controller(self, *flags: str, kubeconfig: Path | None = None, **more: Any) -> ControllerProcess:
        """A controller of this world, not yet started; `stop` stops it. `more` goes to ControllerProcess."""
        number = len(self.controllers) + 1
        controller = ControllerProcess(
            root=self.root / f"controller-{number}",
            kubeconfig=kubeconfig or self.control_plane.kubeconfig,
            aws_url=self.aws.url,
            aws=self.aws.world,
            extra_flags=flags,
            **more,
        )
        self.controllers.append(controller)
        return controller

    def stop(self) -> None:
        """Stop everything, the controllers first."""
        for controller in reversed(self.controllers):
            controller.stop()
        self.aws.stop()
        self.control_plane.stop()
