"""The whole controller in one thread, without kopf, HTTP or a clock: a test says what happens, and when.

Real are `app.wire` with all reconcilers, the store, the routing, the writes, and boto3 up to where a request would be
sent: there moto answers in this process. In place of the rest stand a queue that is worked off while `run` runs, and
the cluster of `simulated_cluster`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

from botocore.awsrequest import AWSResponse
from moto.core.models import botocore_stubber

from aws_lb_controller.app import Wired, wire
from aws_lb_controller.aws.accounts import Accounts
from aws_lb_controller.aws.clients import Clients, RareService, is_read, make_clients
from aws_lb_controller.cluster.config_maps import ConfigMaps
from aws_lb_controller.cluster.indexes import full_name, namespace_of
from aws_lb_controller.cluster.kinds import INGRESS, NAMESPACE, SECRET, SERVICE, TARGET_GROUP_BINDING, Kind
from aws_lb_controller.cluster.lean import lean
from aws_lb_controller.cluster.secrets import Secrets
from aws_lb_controller.cluster.store import Store
from aws_lb_controller.cluster.writes import Writes
from aws_lb_controller.errors import (
    AwsError,
    ControllerError,
    KubernetesError,
    KubernetesNotFound,
    NotYet,
    SpecError,
    UnmetNeed,
)
from aws_lb_controller.reconcile.keys import Key
from aws_lb_controller.settings import Settings
from aws_picture import AwsPicture, with_names
from iam_calls import Permissions
from localworld.control_plane import NodePlace
from simulated_cluster import WATCHED, Cluster, Obj

ATTEMPTS = 12
"""How often one `run` looks at a key that cannot be done yet."""

IMAGE = "ami-0123456789abcdef0"
POD_ADDRESSES = 8

FIREWALL_SERVICES: tuple[RareService, ...] = ("wafv2", "waf-regional", "shield")

Answer = AWSResponse | None
Send = Callable[[], Answer]


class Death(BaseException):
    """The process dies here: nothing of ours can catch it."""


@dataclass
class Wire:
    """Between our clients and AWS. operations: what was sent, each attempt; at_mutation may answer in AWS's place.

    at_mutation is called with the operation and with what sends it, and returns the answer.
    """

    operations: list[str] = field(default_factory=list)
    at_mutation: Callable[[str, Send], Answer] = lambda _operation, send: send()

    def mutations(self) -> list[str]:
        return [operation for operation in self.operations if not is_read(operation)]

    def clear(self) -> None:
        self.operations.clear()

    def __call__(self, *, event_name: str, request: Any, **_: Any) -> Answer:
        operation = event_name.rpartition(".")[2]
        self.operations.append(operation)
        if is_read(operation):
            return botocore_stubber(event_name, request)
        return self.at_mutation(operation, lambda: botocore_stubber(event_name, request))

    @contextmanager
    def between(self, clients: Clients) -> Iterator[None]:
        """Stands there meanwhile, in moto's place: botocore asks all who listen, so both would carry out a request."""
        with ExitStack() as ending:
            for client in (clients.elbv2, clients.ec2, clients.acm, *map(clients.on_demand, FIREWALL_SERVICES)):
                events: Any = client.meta.events
                events.unregister("before-send", botocore_stubber)
                events.register("before-send", self)
                ending.callback(events.register, "before-send", botocore_stubber)
                ending.callback(events.unregister, "before-send", self)
            yield


@dataclass(frozen=True)
class Told:
    """An Event."""

    object: str
    type: str
    reason: str
    message: str


@dataclass
class Events:
    """Every Event that was emitted."""

    told: list[Told] = field(default_factory=list)

    def emit(self, obj: Mapping[str, Any], reason: str, message: str, type: str = "Normal") -> None:
        self.told.append(Told(f"{obj['kind']} {full_name(obj)}", type, str(reason), message))

    def warnings(self) -> list[Told]:
        return [one for one in self.told if one.type == "Warning"]


class SimulatedSecrets:
    """What `cluster.secrets` looks at, without its threads: `Simulation` hears for it."""

    def __init__(self, api: Any, store: Store) -> None:
        self._api, self._store, self._real = api, store, Secrets(api, store)
        self.watched: set[tuple[Kind, str, str]] = set()

    def __contains__(self, name: tuple[Kind, str, str]) -> bool:
        return name in self.watched

    def get(self, namespace: str, name: str) -> Mapping[str, Any] | None:
        found = self._api.objects.get(SECRET.path_of(namespace, name))
        if (SECRET, namespace, name) not in self.watched and found is not None:
            self._store.upsert(SECRET, lean(SECRET, found))
        self.watched.add((SECRET, namespace, name))
        return self._store.get(SECRET, namespace, name)

    def text(self, namespace: str, name: str) -> tuple[str, str] | None:
        return self._real.text(namespace, name)


class Simulation:
    """A cluster, AWS, and the controller between them. Users' deeds are `cluster`'s; `run` lets the controller work.

    settings: as the controller is started. wrong: what reconciles raised on purpose, newest last. permissions: those of
    the controller's role; a call that they do not allow fails the test.
    """

    def __init__(self, aws: Any, *, nodes: Sequence[NodePlace] = ()) -> None:
        self._aws, self._nodes = aws, tuple(nodes) or run_nodes(aws)
        self._settings = settings(aws.world.vpc_id)
        self._clients = replace(_made_clients(), vpc_id=aws.world.vpc_id)
        self.cluster = Cluster(self._nodes)
        self.wire = Wire()
        self.permissions = Permissions.shipped(aws.elbv2, aws.ec2)
        self.events = Events()
        self.wrong: list[tuple[Key, ControllerError]] = []
        self._queue: dict[Key, None] = {}
        self._store = Store()
        self._wired = self._start()

    def anew(self) -> Simulation:
        """Another cluster on the same AWS and the same EC2 instances."""
        return Simulation(self._aws, nodes=self._nodes)

    # ---- the controller

    def restart(self) -> None:
        """A new process: nothing is remembered but what AWS and the API server hold."""
        self._queue.clear()
        self._store = Store()
        self._wired = self._start()

    def resync(self) -> None:
        """Everything is to be looked at again."""
        self._queue.update(dict.fromkeys(self._wired.routing.everything()))

    def audit(self) -> None:
        """Everything is to be compared with AWS: what is remembered does not count."""
        for key in self._wired.routing.everything():
            self._wired.doubt(key)
        self.resync()

    def run(self) -> None:
        """Lets the controller work until it has nothing to do, or only waits for what does not come."""
        attempts: dict[Key, int] = {}
        waiting: dict[Key, None] = {}
        with self.wire.between(self._clients), self.permissions.judging(self._clients, *FIREWALL_SERVICES):
            self._hear()
            while self._queue or waiting:
                if not self._queue:
                    self._queue, waiting = waiting, {}
                key = next(iter(self._queue))
                del self._queue[key]
                again = self._look_at(key)
                attempts[key] = attempts.get(key, 0) + 1
                if again and attempts[key] < ATTEMPTS:
                    waiting[key] = None
                self._hear()

    def _start(self) -> Wired:
        for kind in WATCHED:
            objs = [lean(kind, obj) for obj in self.cluster.api.of(kind)]
            self._store.replace(kind, objs, str(self.cluster.api.version))
        self.cluster.api.heard.clear()
        api: Any = self.cluster.api
        self._secrets = SimulatedSecrets(api, self._store)
        wired = wire(
            self._settings,
            clients=self._clients,
            accounts=Accounts(self._clients),
            store=self._store,
            writer=Writes(api, self._store, may_write=lambda: None),
            events=self.events,
            namespace=self._namespace,
            enqueue=self._enqueue,
            secrets=self._secrets,
            config_maps=ConfigMaps(api, namespace="kube-system", may_write=lambda: None),
        )
        self._store.subscribe(self._route)
        self._queue.update(dict.fromkeys(wired.routing.everything()))
        return wired

    def _namespace(self, name: str) -> Any:
        try:
            return self.cluster.api.get(NAMESPACE.path_of("", name))
        except KubernetesNotFound:
            return None

    def _enqueue(self, key: Key) -> None:
        self._queue.setdefault(key)

    def _route(self, kind: Kind, old: Any, new: Any) -> None:
        # as they come: what is urgent goes first only for the sake of time, and there is no time here
        for key in self._wired.routing.keys_for(kind, old, new):
            self._enqueue(key)

    def _hear(self) -> None:
        """The watches tell."""
        heard, self.cluster.api.heard = self.cluster.api.heard, []
        for one in heard:
            metadata = one.obj["metadata"]
            if one.kind not in WATCHED and (one.kind, namespace_of(one.obj), metadata["name"]) not in self._secrets:
                continue
            if one.gone:
                version = metadata["resourceVersion"]
                self._store.remove(one.kind, namespace_of(one.obj), metadata["name"], version=version)
            else:
                self._store.upsert(one.kind, lean(one.kind, one.obj))

    def _look_at(self, key: Key) -> bool:
        """Whether to look again, as `runtime.worker` decides; what is a bug of ours is raised."""
        try:
            self._wired.reconcilers[key.controller](key.name)
        except ControllerError as wrong:
            self.wrong.append((key, wrong))
            return isinstance(wrong, NotYet | UnmetNeed | AwsError | KubernetesError)
        return False

    def unexpected(self) -> list[str]:
        """What went wrong but for waiting."""
        return [f"{key}: {wrong!r}" for key, wrong in self.wrong if not isinstance(wrong, NotYet)]

    def spec_errors(self) -> list[SpecError]:
        """What users wrote and cannot be built."""
        return [wrong for _, wrong in self.wrong if isinstance(wrong, SpecError)]

    # ---- what there is

    def aws_state(self) -> Obj:
        """AWS, with names in the place of ids and of pods' addresses."""
        return AwsPicture(self._aws.elbv2, self._aws.ec2).take(self._names())

    def kubernetes_state(self) -> dict[str, Obj]:
        """Services, Ingresses and TargetGroupBindings by path, without what counts writes."""
        names = self._names() | self._aws_names()
        kinds = {SERVICE.kind, INGRESS.kind, TARGET_GROUP_BINDING.kind}
        held = {path: obj for path, obj in self.cluster.api.objects.items() if obj["kind"] in kinds}
        return {path: with_names(_lasting(obj), names) for path, obj in sorted(held.items())}

    def _names(self) -> dict[str, str]:
        pods = (obj for obj in self.cluster.api.objects.values() if obj["kind"] == "Pod")
        subnets = {subnet: f"<{name}>" for name, subnet in self._aws.world.subnets.items()}
        nodes = {node.instance_id: f"<{node.name}>" for node in self._nodes}
        return {pod["status"]["podIP"]: f"<{full_name(pod)}>" for pod in pods} | subnets | nodes

    def _aws_names(self) -> dict[str, str]:
        groups = self._aws.elbv2.describe_target_groups()["TargetGroups"]
        security_groups = self._aws.ec2.describe_security_groups()["SecurityGroups"]
        return {
            **{one["TargetGroupArn"]: f"<{one['TargetGroupName']}>" for one in groups},
            **{one["GroupId"]: f"<{one['GroupName']}>" for one in security_groups},
        }


def _lasting(obj: Mapping[str, Any]) -> Obj:
    metadata, status = dict(obj["metadata"]), dict(obj.get("status") or {})
    del metadata["resourceVersion"]
    generation = metadata.pop("generation")
    if "observedGeneration" in status:
        status["observedGeneration"] = status["observedGeneration"] == generation
    return {**obj, "metadata": metadata, "status": status}


def settings(vpc_id: str) -> Settings:
    """Unthrottled: moto has no limits, and tests no time."""
    return Settings(
        cluster_name="demo",
        aws_region="us-west-2",
        aws_vpc_id=vpc_id,
        aws_api_throttle={"Elastic Load Balancing v2": (), "WAFV2": (), "WAF Regional": ()},
    )


@cache
def _made_clients() -> Clients:
    """One for all tests: making boto3's clients takes longer than most tests."""
    return make_clients(settings("vpc-1"), may_write=lambda: None, record=lambda _call: None)


def run_nodes(aws: Any, *, pod_addresses: int = POD_ADDRESSES) -> tuple[NodePlace, ...]:
    """EC2 instances for three nodes, one in each zone, with a few addresses for pods (moto is slow with many)."""
    return tuple(_run_node(aws, number, zone, pod_addresses) for number, zone in enumerate("abc"))


def _run_node(aws: Any, number: int, zone: str, pod_addresses: int) -> NodePlace:
    third = 96 + 16 * number
    interface = {
        "DeviceIndex": 0,
        "SubnetId": aws.world.subnets[f"private-{zone}"],
        "Groups": [aws.world.node_security_group_id],
        "PrivateIpAddress": f"192.168.{third}.10",
    }
    made = aws.ec2.run_instances(
        ImageId=IMAGE, MinCount=1, MaxCount=1, InstanceType="m5.large", NetworkInterfaces=[interface]
    )["Instances"][0]
    aws.ec2.assign_private_ip_addresses(
        NetworkInterfaceId=made["NetworkInterfaces"][0]["NetworkInterfaceId"],
        PrivateIpAddresses=[f"192.168.{third + 1}.{host}" for host in range(1, pod_addresses + 1)],
    )
    return NodePlace(
        name=f"node-{number}",
        instance_id=made["InstanceId"],
        zone=f"{aws.world.region}{zone}",
        ip=f"192.168.{third}.10",
        pod_cidr=f"192.168.{third + 1}.0/24",
    )
