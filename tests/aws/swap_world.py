"""A shop with a Service or an Ingress, changed by edits, and a look at AWS right after each call that changes it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders

from aws_lb_controller.cluster.kinds import SERVICE, TARGET_GROUP_BINDING, Kind
from aws_lb_controller.errors import NotYet
from builders_ingress import a_path, a_rule, an_ingress
from simulated_cluster import Obj, samples
from simulation import Answer, Death, Send, Simulation

SHOP = "shop"
NLB = "service.beta.kubernetes.io/aws-load-balancer"
ALB = "alb.ingress.kubernetes.io"
DRAINING = ("draining", "unhealthy.draining")
MANY_SECONDS = 3600.0


def a_deployment(name: str, replicas: int = 2) -> Obj:
    container = {"name": "web", "image": "web", "ports": [{"containerPort": 8080}]}
    template = {"metadata": {"labels": {"app": name}}, "spec": {"containers": [container]}}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"namespace": SHOP, "name": name},
        "spec": {"replicas": replicas, "selector": {"matchLabels": {"app": name}}, "template": template},
    }


def a_service(name: str, annotations: Mapping[str, str] | None = None, **spec: Any) -> Obj:
    """Port 80 of the pods of that name; node ports are allocated."""
    wanted = {"type": "NodePort", "selector": {"app": name}, "ports": [{"port": 80, "targetPort": 8080}], **spec}
    metadata = {"namespace": SHOP, "name": name, "annotations": dict(annotations or {})}
    return {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": wanted}


def an_nlb(annotations: Mapping[str, str] | None = None, **spec: Any) -> Obj:
    """Service web with a load balancer in front of its pods. annotations: without what all of them begin with."""
    full = {f"{NLB}-{key}": value for key, value in {"nlb-target-type": "ip", **(annotations or {})}.items()}
    return a_service("web", full, type="LoadBalancer", loadBalancerClass="service.k8s.aws/nlb", **spec)


def an_alb(annotations: Mapping[str, str] | None = None, *paths: Obj) -> list[Obj]:
    """Ingress web with a load balancer in front of Service web. annotations: without what all of them begin with."""
    ours = {"target-type": "ip", **(annotations or {})}
    ingress = an_ingress("web", namespace=SHOP, alb=ours, rules=[a_rule(*(paths or (a_path("/"),)))])
    return [*samples("ingress-class"), a_service("web"), ingress]


def a_world(aws: Any, *, like: Simulation | None = None) -> Simulation:
    """Two pods each of `web` and `other`, and no Service yet. like: a world whose EC2 instances are the nodes."""
    world = like.anew() if like else Simulation(aws)
    world.cluster.apply(a_deployment("web"), a_deployment("other"))
    return world


def deploy(world: Simulation, *objs: Obj) -> None:
    """All of it stands; nothing is written down of how it came to be."""
    world.cluster.apply(*objs)
    world.run()
    assert [] == world.unexpected()
    forget_what_was_done(world)


def forget_what_was_done(world: Simulation) -> None:
    world.wire.clear()
    world.cluster.api.requests.clear()
    world.events.told.clear()
    world.wrong.clear()


def annotate(world: Simulation, kind: Kind, annotations: Mapping[str, str | None]) -> None:
    """The annotations of `web`, without what all of them begin with."""
    prefix = f"{NLB}-" if kind == SERVICE else f"{ALB}/"
    world.cluster.annotate(kind, SHOP, "web", {f"{prefix}{key}": value for key, value in annotations.items()})


def later(world: Simulation) -> None:
    """What waits is looked at again."""
    world.resync()
    world.run()


def hostname(world: Simulation, kind: Kind) -> str:
    """What the status of `web` says, "" for nothing."""
    status = world.cluster.get(kind, SHOP, "web").get("status") or {}
    entries = (status.get("loadBalancer") or {}).get("ingress") or [{"hostname": ""}]
    return str(entries[0]["hostname"])


def told(world: Simulation, kind: Kind) -> list[str]:
    """The reasons of the Events of `web`, each as often as it was told."""
    return [one.reason for one in world.events.told if one.object == f"{kind.kind} {SHOP}/web"]


def waits(world: Simulation) -> list[str]:
    return [str(wrong) for _, wrong in world.wrong if isinstance(wrong, NotYet)]


def bindings(world: Simulation) -> list[Obj]:
    return world.cluster.api.of(TARGET_GROUP_BINDING)


class Watched:
    """Carries every mutation out, and looks right after it whether what stood before leads to targets.

    gaps: (operation, name of the empty target group) where a listener or rule that stood when this was made forwards
    to a group without registered targets. operations: all of them. then: what carries a mutation out.
    """

    def __init__(
        self, world: Simulation, aws: Any, *, then: Callable[[str, Send], Answer] = lambda _operation, send: send()
    ) -> None:
        self._elbv2, self._then = aws.elbv2, then
        self._standing = {arn for arn, _ in self._forwards()}
        assert self._standing
        self.gaps: list[tuple[str, str]] = []
        self.operations: list[str] = []
        world.wire.at_mutation = self

    def __call__(self, operation: str, send: Send) -> Answer:
        self.operations.append(operation)
        try:
            return self._then(operation, send)
        finally:
            self.gaps += [(operation, group) for group in self._empty()]

    def _empty(self) -> Iterator[str]:
        for arn, groups in self._forwards():
            if arn in self._standing:
                yield from (group.split("/")[1] for group in groups if not registered(self._elbv2, group))

    def _forwards(self) -> Iterator[tuple[str, list[str]]]:
        """Listener or rule → the target groups that get requests through it."""
        for balancer in self._elbv2.describe_load_balancers()["LoadBalancers"]:
            for listener in self._elbv2.describe_listeners(LoadBalancerArn=balancer["LoadBalancerArn"])["Listeners"]:
                yield listener["ListenerArn"], [*_groups(listener["DefaultActions"])]
                for rule in self._elbv2.describe_rules(ListenerArn=listener["ListenerArn"])["Rules"]:
                    if not rule["IsDefault"]:
                        yield rule["RuleArn"], [*_groups(rule["Actions"])]


def _groups(actions: Iterable[Obj]) -> Iterator[str]:
    for action in actions:
        for group in (action.get("ForwardConfig") or {}).get("TargetGroups") or ():
            if group.get("Weight", 1):
                yield group["TargetGroupArn"]


def registered(elbv2: Any, group: str) -> list[str]:
    """The ids of a group's targets that do not drain."""
    health: list[Obj] = elbv2.describe_target_health(TargetGroupArn=group)["TargetHealthDescriptions"]
    return sorted(str(one["Target"]["Id"]) for one in health if one["TargetHealth"]["State"] not in DRAINING)


def load_balancers(aws: Any) -> list[Obj]:
    return list(aws.elbv2.describe_load_balancers()["LoadBalancers"])


def target_groups(aws: Any) -> dict[str, list[str]]:
    """Name → registered targets."""
    groups = aws.elbv2.describe_target_groups()["TargetGroups"]
    return {one["TargetGroupName"]: registered(aws.elbv2, one["TargetGroupArn"]) for one in groups}


def served_from(aws: Any) -> dict[int, list[str]]:
    """Port → the names of the target groups that its listeners, and their rules, forward to."""
    served: dict[int, list[str]] = {}
    for balancer in load_balancers(aws):
        for listener in aws.elbv2.describe_listeners(LoadBalancerArn=balancer["LoadBalancerArn"])["Listeners"]:
            rules = aws.elbv2.describe_rules(ListenerArn=listener["ListenerArn"])["Rules"]
            actions = [action for rule in rules for action in rule["Actions"]]
            served[listener["Port"]] = sorted({arn.split("/")[1] for arn in _groups(actions)})
    return served


Disturb = Callable[[Send], Answer]


def die_before_it_is_sent(_send: Send) -> Answer:
    raise Death


def die_when_it_took_effect(send: Send) -> Answer:
    send()
    raise Death


class At:
    """Disturbs the mutation of a number; the others are left alone."""

    def __init__(self, number: int, disturb: Disturb) -> None:
        self._left, self._disturb = number, disturb

    def __call__(self, _operation: str, send: Send) -> Answer:
        self._left -= 1
        return send() if self._left else self._disturb(send)


class Refusing:
    """AWS refuses some operations while it is on; everything else goes on."""

    def __init__(self, world: Simulation, *operations: str, code: str = "Throttling") -> None:
        self.on, self._operations, self._code, self._then = True, operations, code, world.wire.at_mutation
        world.wire.at_mutation = self

    def __call__(self, operation: str, send: Send) -> Answer:
        if self.on and operation in self._operations:
            return AWSResponse("http://aws", 400, HTTPHeaders(), _Refusal(self._code))
        return self._then(operation, send)


class _Refusal:
    def __init__(self, code: str) -> None:
        error = f"<Error><Type>Sender</Type><Code>{code}</Code><Message>not so</Message></Error>"
        self._body = f"<ErrorResponse>{error}<RequestId>1</RequestId></ErrorResponse>".encode()

    def stream(self, **_: Any) -> Iterator[bytes]:
        yield self._body
