"""What the end-to-end tests do over and over: controllers as processes, objects in a namespace, waits with a limit.

Nothing of the controller's own code is used, so that the tests see what a user sees.
"""

from __future__ import annotations

import json
import os
import urllib.request
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import yaml
from prometheus_client.parser import text_string_to_metric_families

from aws_picture import AwsPicture
from aws_proxy import AwsProxy
from localworld.aws_view import AwsView
from localworld.control_plane import ControlPlane
from localworld.controller_process import ControllerProcess
from localworld.demo import SAMPLE_FILES
from localworld.processes import wait_for
from localworld.world import SAMPLES, LocalWorld

Obj = dict[str, Any]
T = TypeVar("T")

LEASE = ("lease/aws-load-balancer-controller-leader", "-n", "kube-system")
OURS = "ingresses,services,targetgroupbindings"
CONVERGE_SECONDS = 60
QUIET_SECONDS = 1.0
ALB, NLB = "alb.ingress.kubernetes.io", "service.beta.kubernetes.io/aws-load-balancer"


# ---- controllers


@dataclass
class Controller:
    """A controller as a process, with a proxy before AWS that no other controller uses."""

    process: ControllerProcess
    proxy: AwsProxy

    @property
    def pid(self) -> int:
        """Its process id."""
        assert self.process.process is not None
        return self.process.process.pid

    def crash_at(self, nth: int, *, after: bool) -> Callable[[], bool]:
        """SIGKILL at its nth mutating call from now on, before it reaches AWS or after; gives whether it happened."""
        strike = self.proxy.strike(nth, after=after, deed=lambda: os.kill(self.pid, 9))
        return lambda: strike.struck is not None and not self.process.alive()

    def metric(self, metric: str, **labels: str) -> float | None:
        """The sum of a metric's samples that bear the labels, as /metrics says; None without any."""
        families = text_string_to_metric_families(self.get("/metrics", port=self.process.metrics_port))
        samples = [sample for family in families for sample in family.samples if sample.name == metric]
        found = [sample.value for sample in samples if labels.items() <= sample.labels.items()]
        return sum(found) if found else None

    def get(self, path: str, *, port: int | None = None) -> str:
        """The body of the answer of an HTTP GET, by default from the health port; an error if it is not 200."""
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(f"http://127.0.0.1:{port or self.process.health_port}{path}", timeout=5) as answer:
            assert 200 == answer.status
            body: bytes = answer.read()
            return body.decode()

    def log_lines(self) -> list[Obj]:
        """What it wrote, each line read as JSON."""
        return [json.loads(line) for line in self.process.log.read_text().splitlines()]

    def leads(self) -> bool:
        """Whether it says so itself."""
        return bool(self.metric("leader_election_master_status"))

    def idle(self) -> bool:
        """Whether it has looked at everything and nothing is under way, for a while now."""
        return (
            self.proxy.quiet_seconds() > QUIET_SECONDS
            and self.metric("controller_runtime_reconcile_total") is not None
            and not self.metric("workqueue_depth")
        )

    def stop(self) -> None:
        """SIGTERM, and the proxy ends too."""
        self.process.stop()
        self.proxy.stop()


@dataclass
class Controllers:
    """Starts controllers as the ServiceAccount of deploy/ with its RBAC, and knows which run."""

    world: LocalWorld
    kubeconfig: Path
    running: list[Controller] = field(default_factory=list)
    _proxies: list[AwsProxy] = field(default_factory=list)

    def start(self, *flags: str, leader_election: bool = True, wait: bool = True) -> Controller:
        """One more, with further flags; waits until it is ready."""
        proxy = AwsProxy(self.world.aws.url)
        proxy.start()
        self._proxies.append(proxy)
        environment = {"AWS_ENDPOINT_URL": proxy.url}
        process = self.world.controller(
            *flags, kubeconfig=self.kubeconfig, environment=environment, leader_election=leader_election
        )
        controller = Controller(process, proxy)
        self.running.append(controller)
        process.start(wait=wait)
        return controller

    def one(self) -> Controller:
        """The only one that runs, with leader election: one that runs already, or a new one."""
        if len(self.running) == 1 and self.living() and self.running[0].process.leader_election:
            return self.running[0]
        self.stop()
        controller = self.start()
        until("the controller to lead", controller.leads, seconds=30)
        return controller

    def aws_calls(self) -> set[str]:
        """The operations that any of them called in AWS, those that have ended too."""
        return {call.operation for proxy in self._proxies for call in proxy.calls}

    def living(self) -> list[Controller]:
        """Those that run now."""
        return [each for each in self.running if each.process.alive()]

    def bury_dead(self) -> None:
        """Forget those that have ended."""
        for each in [one for one in self.running if not one.process.alive()]:
            self.running.remove(each)
            each.stop()

    def stop(self) -> None:
        """Stop them all."""
        while self.running:
            self.running.pop().stop()


# ---- Kubernetes


@dataclass(frozen=True)
class Place:
    """A namespace of a test, and the AWS beside it."""

    world: LocalWorld
    namespace: str

    @property
    def cluster(self) -> ControlPlane:
        """The control plane."""
        return self.world.control_plane

    @property
    def there(self) -> Converging:
        """What is missing or left of it in AWS."""
        return Converging(self.world, (self.namespace,))

    def apply(self, *objects: Obj) -> None:
        """Apply objects in this namespace."""
        self.cluster.apply([_placed(one, self.namespace) for one in objects])

    def edit(self, kind: str, name: str, patch: Mapping[str, Any]) -> None:
        """`kubectl patch`, merging."""
        self.cluster.kubectl("patch", kind, name, "-n", self.namespace, "--type=merge", "-p", json.dumps(patch))

    def annotate(self, kind: str, name: str, annotations: Mapping[str, str | None]) -> None:
        """Set annotations, or take away those that are None."""
        self.edit(kind, name, {"metadata": {"annotations": dict(annotations)}})

    def get(self, kind: str, name: str) -> Obj:
        """One object."""
        return self.cluster.get(kind, name, "-n", self.namespace)

    def objects(self, kinds: str) -> list[Obj]:
        """The objects of some kinds."""
        items: list[Obj] = self.cluster.get(kinds, "-n", self.namespace)["items"]
        return items

    def delete(self, kinds: str = "ingresses,services") -> None:
        """Delete all of some kinds, without waiting."""
        self.cluster.kubectl("delete", kinds, "--all", "-n", self.namespace, "--wait=false")

    def hostname(self, kind: str, name: str) -> str | None:
        """What the object's status says."""
        return hostname_of(self.get(kind, name))

    def events(self, kind: str, name: str) -> list[tuple[str, str, str]]:
        """Type, reason and message of the Events of one object."""
        selector = f"involvedObject.kind={kind},involvedObject.name={name}"
        found = self.cluster.get("events", "-n", self.namespace, "--field-selector", selector)["items"]
        return [(one["type"], one["reason"], one["message"]) for one in found]

    def versions(self) -> dict[str, str]:
        """The resourceVersion of each Service, Ingress and TargetGroupBinding."""
        return {
            f"{one['kind']} {one['metadata']['name']}": one["metadata"]["resourceVersion"] for one in self.objects(OURS)
        }


def _placed(obj: Obj, namespace: str) -> Obj:
    return {**obj, "metadata": {**obj["metadata"], "namespace": namespace}}


def hostname_of(obj: Obj) -> str | None:
    """The first hostname of its status."""
    entries = (obj.get("status") or {}).get("loadBalancer", {}).get("ingress") or [{}]
    name: str | None = entries[0].get("hostname")
    return name


def is_balanced(obj: Obj) -> bool:
    """Whether a load balancer belongs to it: an Ingress or a Service of type LoadBalancer."""
    kind = obj["kind"]
    return kind == "Ingress" or bool(kind == "Service" and obj["spec"]["type"] == "LoadBalancer")


def sample_objects() -> list[Obj]:
    """The objects of all samples."""
    return [one for file in SAMPLE_FILES for one in yaml.safe_load_all((SAMPLES / file).read_text()) if one]


def namespaces_of(objects: Iterable[Obj]) -> list[str]:
    """The namespaces among the objects."""
    return [one["metadata"]["name"] for one in objects if one["kind"] == "Namespace"]


def workload(name: str = "web", *, replicas: int = 1) -> Obj:
    """A Deployment with one port, named `http`."""
    labels = {"app": name}
    pod = {"containers": [{"name": "web", "image": "web", "ports": [{"name": "http", "containerPort": 8080}]}]}
    template = {"metadata": {"labels": labels}, "spec": pod}
    spec = {"replicas": replicas, "selector": {"matchLabels": labels}, "template": template}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name}, "spec": spec}


def service(name: str = "web", *, annotations: Mapping[str, str] | None = None, **spec: Any) -> Obj:
    """A ClusterIP Service with port 80 before the pods of `web`; `spec` is laid over."""
    ports = [{"name": "http", "port": 80, "targetPort": 8080, "protocol": "TCP"}]
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "annotations": dict(annotations or {})},
        "spec": {"selector": {"app": "web"}, "ports": ports, **spec},
    }


def nlb_service(name: str, *, annotations: Mapping[str, str] | None = None) -> Obj:
    """A Service of class `service.k8s.aws/nlb` with pods as targets."""
    given = {f"{NLB}-nlb-target-type": "ip", **(annotations or {})}
    return service(name, annotations=given, type="LoadBalancer", loadBalancerClass="service.k8s.aws/nlb")


def ingress(
    name: str = "web",
    *,
    annotations: Mapping[str, str] | None = None,
    port: int = 80,
    class_name: str | None = "alb",
) -> Obj:
    """An Ingress of path `/` to port 80 of Service `web`, with pods as targets."""
    backend = {"service": {"name": "web", "port": {"number": port}}}
    rules = [{"http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": backend}]}}]
    spec = {"rules": rules} | ({"ingressClassName": class_name} if class_name else {})
    given = {f"{ALB}/target-type": "ip", **(annotations or {})}
    metadata = {"name": name, "annotations": given}
    return {"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": metadata, "spec": spec}


# ---- waiting


def until(what: str, condition: Callable[[], T | None], *, seconds: float = CONVERGE_SECONDS) -> T:
    """Ask until it gives something true, and return that; an error naming what was waited for once time is over."""
    return wait_for(what, condition, seconds=seconds, interval=0.1)


def until_nothing(what: str, missing: Callable[[], Iterable[Any]], *, seconds: float = CONVERGE_SECONDS) -> None:
    """Ask until nothing is missing; an error that tells what still is once time is over."""
    left: list[Any] = []

    def none_left() -> bool:
        left[:] = missing()
        return not left

    try:
        until(what, none_left, seconds=seconds)
    except Exception as error:
        raise AssertionError(f"{error}; still: {left}") from None


@dataclass(frozen=True)
class Converging:
    """What is still missing until AWS is as the objects of some namespaces wish."""

    world: LocalWorld
    namespaces: tuple[str, ...]

    @property
    def view(self) -> AwsView:
        """AWS."""
        aws = self.world.aws
        return AwsView(elbv2=aws.elbv2, ec2=aws.ec2, vpc_id=aws.world.vpc_id)

    def objects(self, kinds: str) -> list[Obj]:
        """Objects of the namespaces."""
        items = self.world.control_plane.get(kinds, "-A")["items"]
        return [one for one in items if one["metadata"]["namespace"] in self.namespaces]

    def missing(self) -> Iterator[str]:
        """Hostnames that are not there; namespaces without a binding; bindings without all their targets."""
        objects = self.objects(f"{OURS},endpointslices")
        for one in objects:
            if is_balanced(one) and not hostname_of(one):
                yield f"hostname of {title(one)}"
        bindings = [one for one in objects if one["kind"] == "TargetGroupBinding"]
        balanced = {one["metadata"]["namespace"] for one in objects if is_balanced(one)}
        for namespace in sorted(balanced - {one["metadata"]["namespace"] for one in bindings}):
            yield f"a TargetGroupBinding in {namespace}"
        for one in bindings:
            wanted, seen = self.wanted_targets(one, objects), self.registered(one)
            if wanted != seen or not seen:
                yield f"{title(one)} has {seen} of {wanted}"

    def wanted_targets(self, binding: Obj, objects: Iterable[Obj]) -> set[str]:
        """Addresses or instances: every ready endpoint of its Service, or every node."""
        if binding["spec"]["targetType"] == "instance":
            return {node.instance_id for node in self.world.aws.world.nodes}
        of = binding["spec"]["serviceRef"]["name"]
        slices = [
            one
            for one in objects
            if one["kind"] == "EndpointSlice"
            and one["metadata"]["namespace"] == binding["metadata"]["namespace"]
            and one["metadata"]["labels"]["kubernetes.io/service-name"] == of
        ]
        endpoints = [endpoint for one in slices for endpoint in one.get("endpoints") or []]
        return {one["addresses"][0] for one in endpoints if one["conditions"].get("ready")}

    def registered(self, binding: Obj) -> set[str]:
        """Addresses or instances that are registered and do not drain."""
        states = self.view.targets(binding["spec"]["targetGroupARN"])
        return {target.rpartition(":")[0] for target, state in states.items() if state != "draining"}

    def wait(self) -> None:
        """Until nothing is missing."""
        until_nothing(f"all of {', '.join(self.namespaces)}", lambda: list(self.missing()))

    def picture(self) -> Obj:
        """All of AWS, without what it makes up."""
        return AwsPicture(self.world.aws.elbv2, self.world.aws.ec2).take({})

    def load_balancer_tags(self, hostname: str) -> dict[str, str]:
        """The tags of the load balancer with that DNS name."""
        [arn] = [one["LoadBalancerArn"] for one in self.view.load_balancers() if one["DNSName"].lower() == hostname]
        [described] = self.world.aws.elbv2.describe_tags(ResourceArns=[arn])["TagDescriptions"]
        return {tag["Key"]: tag["Value"] for tag in described["Tags"]}

    def remaining(self) -> list[str]:
        """Objects of ours that are still there."""
        return [title(one) for one in self.objects(OURS) if one["kind"] == "TargetGroupBinding" or is_balanced(one)]

    def leftovers(self) -> list[str]:
        """What is in AWS and was not before any controller came."""
        return self.view.leftovers(self.world.aws.world.node_security_group_id)


def title(obj: Obj) -> str:
    """`Ingress shop/web`."""
    return f"{obj['kind']} {obj['metadata']['namespace']}/{obj['metadata']['name']}"
