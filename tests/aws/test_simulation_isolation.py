"""A group of 50 members, one of which breaks in every way there is: nobody else feels it, and nothing of it is touched.

The victim has what only it asks for: listeners, certificates, scheme, subnets, networks, tags and attributes. The group
is made once; each test breaks the victim, and what it left behind is put right, or the group is made anew.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from group_world import ALB, GROUP, NOTHING, Belongings, GroupWorld, a_backend_service, an_issued_certificate
from moto import mock_aws

from aws_lb_controller.cluster.kinds import INGRESS, INGRESS_CLASS, INGRESS_CLASS_PARAMS, SERVICE, Kind
from builders_ingress import FIXED, a_path, a_rule, an_action_path, an_ingress
from builders_kube import a_port
from localworld.aws_world import build_aws_world
from localworld.behaviour import Behaviour
from localworld.moto_extensions import install
from simulated_cluster import Obj, samples

VICTIM = "m25"
EARLIER, LATER = "m03", "m41"
"""Healthy members whose rules come before and after the victim's."""

FORWARD = json.dumps(
    {
        "type": "forward",
        "forwardConfig": {
            "targetGroups": [
                {"serviceName": "NAME", "servicePort": 80, "weight": 9},
                {"serviceName": "NAME-next", "servicePort": 80, "weight": 1},
            ],
            "targetGroupStickinessConfig": {"enabled": True, "durationSeconds": 60},
        },
    }
)
REDIRECT = json.dumps({"type": "redirect", "redirectConfig": {"host": "example.com", "statusCode": "HTTP_301"}})
QUERY = json.dumps([{"field": "query-string", "queryStringConfig": {"values": [{"key": "v", "value": "2"}]}}])

TARGETS = ("RegisterTargets", "DeregisterTargets")
"""What follows from Services and nodes, whoever forwards to them."""


# ---- the group


def members() -> Iterator[Obj]:
    """The 50 with their Services, in shop; their rules are numbered by `group.order` as by name."""
    for number in range(50):
        name = f"m{number:02}"
        yield from the_victim(name, number) if name == VICTIM else a_healthy_member(name, number)


def a_healthy_member(name: str, number: int) -> Iterator[Obj]:
    """One of five kinds, some with ports, certificates, tags or attributes of their own."""
    alb = {"group.name": GROUP, "group.order": str(number)}
    yield a_backend_service(name)
    paths = [a_path(f"/{name}/a", service=name)]
    if number % 5 == 1:
        alb |= {"actions.hello": FIXED}
        paths.append(an_action_path(f"/{name}/b", action="hello"))
    elif number % 5 == 2:
        yield a_backend_service(f"{name}-next")
        alb |= {"actions.split": FORWARD.replace("NAME", name), "target-type": "ip"}
        paths.append(an_action_path(f"/{name}/b", action="split"))
    elif number % 5 == 3:
        alb |= {"actions.away": REDIRECT, "conditions.away": QUERY, "tags": f"{name}=yes"}
        paths.append(an_action_path(f"/{name}/b", action="away"))
    elif number % 5 == 4:
        alb |= {"healthcheck-path": f"/{name}", "target-group-attributes": "deregistration_delay.timeout_seconds=30"}
    alb |= {
        9: {"listen-ports": '[{"HTTP": 80}, {"HTTP": 9000}]'},
        14: {"listen-ports": '[{"HTTP": 80}, {"HTTPS": 443}]', "certificate-arn": "CERTIFICATE"},
        30: {"load-balancer-attributes": "routing.http2.enabled=false"},
        44: {"listen-ports": '[{"HTTP": 80}, {"HTTPS": 443}]', "certificate-arn": "CERTIFICATE"},
    }.get(number, {})
    yield an_ingress(name, alb=alb, rules=[a_rule(*paths)])


def the_victim(name: str, number: int) -> Iterator[Obj]:
    """Has two Services (pods, nodes), is the only one that asks for many things, and alone on two ports."""
    yield a_backend_service(name)
    yield a_backend_service(f"{name}-next")
    yield a_backend_service(f"{name}-nodes")
    yield an_ingress(
        name,
        alb={
            "group.name": GROUP,
            "group.order": str(number),
            "listen-ports": '[{"HTTP": 80}, {"HTTP": 8081}, {"HTTPS": 443}, {"HTTPS": 8443}]',
            "scheme": "internet-facing",
            "subnets": "public-a, public-b",
            "inbound-cidrs": "10.1.0.0/16",
            "tags": "owner=victim",
            "load-balancer-attributes": "idle_timeout.timeout_seconds=77",
            "actions.split": FORWARD.replace("NAME", name),
            "actions.hello": FIXED,
            "conditions.hello": QUERY,
        },
        rules=[
            a_rule(
                a_path(f"/{name}/a", service=name),
                an_action_path(f"/{name}/b", action="split"),
                a_path(f"/{name}/c", service=f"{name}-nodes"),
                an_action_path(f"/{name}/d", action="hello"),
                host="victim.example.com",
            )
        ],
        ingressClassName="victims",
    )


VICTIMS_CLASS: tuple[Obj, ...] = (
    {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "IngressClass",
        "metadata": {"name": "victims"},
        "spec": {
            "controller": "ingress.k8s.aws/alb",
            "parameters": {"apiGroup": "elbv2.k8s.aws", "kind": "IngressClassParams", "name": "victims"},
        },
    },
    {
        "apiVersion": "elbv2.k8s.aws/v1beta1",
        "kind": "IngressClassParams",
        "metadata": {"name": "victims"},
        "spec": {"targetType": "instance"},
    },
)


class Fifty(GroupWorld):
    """The group as it stands."""

    def __init__(self, aws: Any) -> None:
        super().__init__(aws, tolerate_non_existent_backend_action=False)
        self.certificates = [an_issued_certificate(aws, name) for name in ("shop.example.com", "*.example.com")]
        self.manifests = [*samples("ingress-class"), *VICTIMS_CLASS, *members()]
        self.apply(self.manifests)
        self.run()
        assert [] == self.world.unexpected()
        self.at_first = self.picture()

    def apply(self, manifests: Iterable[Obj]) -> None:
        text = json.dumps([*manifests]).replace('"CERTIFICATE"', json.dumps(self.certificates[0]))
        self.cluster.apply(*json.loads(text))

    def picture(self) -> str:
        """What there is, without the ids that AWS gives what it makes."""
        seen = {"shared": self.shared_things(), "rules": [{**rule, "RuleArn": ""} for rule in self.rules()]}
        return re.sub(r"/[0-9a-f]{16}\b", "", json.dumps(seen, sort_keys=True, default=str))

    def is_as_at_first(self) -> bool:
        """Everything is again as it was written, and nothing shows that it ever was not."""
        self.wire.refuse = lambda _operation, _parameters: None
        touched = (VICTIM, EARLIER, LATER)
        self.apply([*VICTIMS_CLASS, *(one for one in self.manifests if one["metadata"]["name"].startswith(touched))])
        self.run()
        return not self.world.unexpected() and self.picture() == self.at_first

    def edits(self) -> list[tuple[str, str]]:
        """The changes but for those of targets, each with the first path that it names."""
        changes = (sent for sent in self.changes() if sent.operation not in TARGETS)
        return [(one.operation, next(iter(one.paths()), "")) for one in changes]


@pytest.fixture(autouse=True)
def _soon_tired(monkeypatch: pytest.MonkeyPatch) -> None:
    """What AWS refuses, it refuses however often it is asked."""
    monkeypatch.setattr("simulation.ATTEMPTS", 2)


@pytest.fixture(scope="module")
def made(session: boto3.Session, clients: dict[str, Any]) -> Iterator[Callable[[], Fifty]]:
    """Makes the group when it is asked for first, and anew where the last test left it other than it was."""
    held: list[Fifty] = []
    with ExitStack() as ending:

        def make() -> Fifty:
            if held and held[0].is_as_at_first():
                return held[0]
            ending.close()
            install(Behaviour(rules_per_load_balancer=1000))
            ending.callback(install, Behaviour())
            ending.enter_context(mock_aws())
            world = build_aws_world(clients["ec2"], nodes=0)
            held[:] = [Fifty(SimpleNamespace(session=session, world=world, **clients))]
            return held[0]

        yield make


@pytest.fixture
def group(made: Callable[[], Fifty]) -> Fifty:
    return made()


# ---- faults


@dataclass(frozen=True)
class Fault:
    """put_in breaks the victim; names: what the Warning must say. refused: it is AWS that will not have it."""

    name: str
    put_in: Callable[[Fifty], None]
    names: tuple[str, ...]
    refused: bool = False

    def __str__(self) -> str:
        return self.name.replace(" ", "-")


def annotated(name: str, key: str, value: str | None, *names: str, refused: bool = False) -> Fault:
    def put_in(group: Fifty) -> None:
        group.cluster.annotate(INGRESS, "shop", VICTIM, {f"{ALB}/{key}": value})

    said = value[:40] if value else ""
    return Fault(name, put_in, names or (f"Ingress shop/{VICTIM}", f"{ALB}/{key}", said), refused)


def with_spec(name: str, change: Callable[[Obj], None], *names: str) -> Fault:
    def put_in(group: Fifty) -> None:
        ingress = group.ingress(VICTIM)
        change(ingress["spec"])
        group.cluster.edit(INGRESS, "shop", VICTIM, {"spec": ingress["spec"]})

    return Fault(name, put_in, names)


def with_first_path(name: str, change: Callable[[Obj], None], *names: str) -> Fault:
    return with_spec(name, lambda spec: change(spec["rules"][0]["http"]["paths"][0]), *names)


def with_service(name: str, spec: Mapping[str, Any], *names: str, of: str) -> Fault:
    return Fault(name, lambda group: group.edit_service(of, **spec), names)


def with_gone(name: str, kind: Kind, namespace: str, of: str, *names: str) -> Fault:
    return Fault(name, lambda group: group.cluster.delete(kind, namespace, of), names)


def refused_by_aws(name: str, key: str, value: str, code: str, call: Callable[[str, Mapping[str, str]], bool]) -> Fault:
    """An annotation whose value AWS refuses where this call takes it there."""

    def put_in(group: Fifty) -> None:
        group.wire.refuse = lambda operation, parameters: code if call(operation, parameters) else None
        group.cluster.annotate(INGRESS, "shop", VICTIM, {f"{ALB}/{key}": value})

    return Fault(name, put_in, (code,), refused=True)


WITHOUT_NODE_PORT = {"name": "p80", "port": 80, "targetPort": 8080, "protocol": "TCP"}
COGNITO = json.dumps(
    {
        "userPoolARN": "arn:aws:cognito-idp:us-west-2:123456789012:userpool/us-west-2_1",
        "userPoolClientID": "client",
        "userPoolDomain": "shop",
    }
)
JWT = json.dumps({"issuer": "https://id.example.com", "jwksEndpoint": "https://id.example.com/keys"})
OIDC = json.dumps(
    {
        "issuer": "https://id.example.com",
        "authorizationEndpoint": "https://id.example.com/authorize",
        "tokenEndpoint": "https://id.example.com/token",
        "userInfoEndpoint": "https://id.example.com/user",
        "secretName": "no-client",
    }
)
NO_ARN = "arn:aws:acm:us-west-2:123456789012:certificate/00000000-0000-0000-0000-000000000000"
NO_GROUP = "arn:aws:elasticloadbalancing:us-west-2:123456789012:targetgroup/none/0000000000000000"


def forward_to(**target: Any) -> str:
    return json.dumps({"type": "forward", "forwardConfig": {"targetGroups": [{"weight": 1, **target}]}})


FAULTS = (
    annotated("bad JSON", "listen-ports", '[{"HTTP": 80'),
    annotated("bad action JSON", "actions.hello", '{"type": "fixed-'),
    annotated("bad group.order", "group.order", "first"),
    annotated("bad scheme", "scheme", "public"),
    annotated("bad interval", "healthcheck-interval-seconds", "soon"),
    annotated("unknown subnets", "subnets", "none-a, none-b"),
    annotated("unknown security group", "security-groups", "sg-none, nobody"),
    annotated("condition without config", "conditions.hello", '[{"field": "http-header"}]'),
    annotated("action annotation taken away", "actions.hello", None, f"{ALB}/actions.hello"),
    Fault(
        "sign-in by two ways",
        lambda group: group.annotate(VICTIM, auth_type="cognito", auth_idp_cognito=COGNITO, jwt_validation=JWT),
        (f"{ALB}/jwt-validation", "auth-type"),
    ),
    Fault(
        "missing OIDC Secret",
        lambda group: group.annotate(VICTIM, auth_type="oidc", auth_idp_oidc=OIDC),
        (f"{ALB}/auth-idp-oidc", "shop/no-client"),
    ),
    annotated("redirect to a port that is none", "ssl-redirect", "9999"),
    annotated("mutual authentication without a trust store", "mutual-authentication", '[{"port":443,"mode":"verify"}]'),
    annotated("unknown target group name", "actions.hello", forward_to(targetGroupName="nobodys"), "nobodys"),
    annotated(
        "unknown target group ARN", "actions.hello", forward_to(targetGroupARN=NO_GROUP), "TargetGroup", refused=True
    ),
    annotated("unknown certificate", "certificate-arn", NO_ARN, "CertificateNotFound", refused=True),
    annotated("unknown policy", "ssl-policy", "ELBSecurityPolicy-None", "SSLPolicyNotFound", refused=True),
    with_first_path(
        "wildcard in Prefix", lambda path: path.update(path=f"/{VICTIM}/*"), "paths[0].path", f"/{VICTIM}/*"
    ),
    with_first_path(
        "missing Service port",
        lambda path: path["backend"]["service"].update(port={"number": 81}),
        "paths[0].backend.service",
        f"Service {VICTIM} has only the ports 80",
    ),
    with_spec(
        "host without certificate",
        lambda spec: spec["rules"][0].update(host="victim.example.org"),
        "victim.example.org",
    ),
    with_spec("class taken away", lambda spec: spec.update(ingressClassName="none"), "spec.ingressClassName", "none"),
    with_service("Service port taken away", {"ports": [a_port(81)]}, "80", of=VICTIM),
    with_service(
        "node port taken away",
        {"type": "ClusterIP", "ports": [WITHOUT_NODE_PORT]},
        f"{VICTIM}-nodes",
        of=f"{VICTIM}-nodes",
    ),
    with_service("IPv6 on IPv4", {"ipFamilies": ["IPv6"]}, "spec.ipFamilies", "IPv6", of=VICTIM),
    with_gone(
        "one Service of two missing", SERVICE, "shop", f"{VICTIM}-next", f"{ALB}/actions.split", f"{VICTIM}-next"
    ),
    with_gone("class deleted", INGRESS_CLASS, "", "victims", "spec.ingressClassName", "victims"),
    with_gone("class parameters deleted", INGRESS_CLASS_PARAMS, "", "victims", "IngressClassParams victims"),
    refused_by_aws(
        "health check that AWS refuses",
        "healthcheck-interval-seconds",
        "299",
        "ValidationError",
        lambda operation, parameters: parameters.get("HealthCheckIntervalSeconds") == "299",
    ),
    refused_by_aws(
        "target group attribute that AWS refuses",
        "target-group-attributes",
        "stickiness.type=none",
        "InvalidConfigurationRequest",
        lambda operation, parameters: operation == "ModifyTargetGroupAttributes" and "none" in parameters.values(),
    ),
    refused_by_aws(
        "load balancer attribute that AWS refuses",
        "load-balancer-attributes",
        "idle_timeout.timeout_seconds=99999",
        "InvalidConfigurationRequest",
        lambda operation, parameters: operation == "ModifyLoadBalancerAttributes" and "99999" in parameters.values(),
    ),
    refused_by_aws(
        "listener attribute that AWS refuses",
        "listener-attributes.HTTP-80",
        "routing.http.response.server.enabled=maybe",
        "InvalidConfigurationRequest",
        lambda operation, parameters: operation == "ModifyListenerAttributes" and "maybe" in parameters.values(),
    ),
)

every_fault = pytest.mark.parametrize("fault", FAULTS, ids=str)
every_second_fault = pytest.mark.parametrize("fault", FAULTS[::2], ids=str)


# ---- what holds for every fault


@every_fault
def test_a_broken_member_is_told_alone_and_keeps_what_it_has_until_it_is_mended(fault: Fault, group: Fifty) -> None:
    mine, shared = group.belongings(VICTIM), group.shared_things()
    break_and_edit(group, fault, EARLIER)
    check_that_the_victim_alone_is_told(group, fault)
    check_that_nothing_of_it_was_touched(group, mine)
    assert [("ModifyRule", f"/{EARLIER}/new")] == group.edits()
    rules = group.rules()

    group.restart()
    check_that_the_victim_alone_is_told(group, fault)
    assert [] == group.operations()
    assert fault.refused or [] == group.wire.mutations()

    group.edit_path(LATER, f"/{LATER}/a", f"/{LATER}/new")
    group.run()
    check_that_the_victim_alone_is_told(group, fault)
    check_that_nothing_of_it_was_touched(group, mine)
    assert [("ModifyRule", f"/{LATER}/new")] == group.edits()
    assert shared == group.shared_things()
    assert [*without(rules, LATER)] == [*without(group.rules(), LATER)]

    assert group.is_as_at_first()
    assert f"Ingress shop/{VICTIM}" in {one.object for one in group.world.events.told if one.type == "Normal"}


@every_second_fault
def test_a_member_that_breaks_while_nobody_looks_keeps_what_it_has_until_it_is_deleted(
    fault: Fault, group: Fifty
) -> None:
    mine, shared = group.belongings(VICTIM), group.shared_things()
    fault.put_in(group)
    group.edit_path(EARLIER, f"/{EARLIER}/a", f"/{EARLIER}/new")
    group.restart()
    check_that_the_victim_alone_is_told(group, fault)
    check_that_nothing_of_it_was_touched(group, mine)
    assert shared == group.shared_things()
    assert [("ModifyRule", f"/{EARLIER}/new")] == group.edits()
    others = [*without(group.rules(), VICTIM)]

    group.annotate(LATER, scheme="internet-facing")  # else the load balancer goes back to the default
    group.delete(VICTIM)
    group.run()
    assert not group.exists(VICTIM)
    assert NOTHING == group.belongings(VICTIM)
    assert others == [*without(group.rules(), VICTIM)]
    assert {80, 443, 9000} == {*group.listeners()}
    assert set() == group.warned()
    assert [] == group.world.unexpected()


def break_and_edit(group: Fifty, fault: Fault, other: str) -> None:
    """Both in the same moment."""
    fault.put_in(group)
    group.edit_path(other, f"/{other}/a", f"/{other}/new")
    group.run()


def check_that_the_victim_alone_is_told(group: Fifty, fault: Fault) -> None:
    assert {VICTIM} == {name for name in group.warned() if not name.startswith("TargetGroupBinding")}
    text = group.warned_of(VICTIM)
    assert [] == [name for name in fault.names if name not in text]


def check_that_nothing_of_it_was_touched(group: Fifty, mine: Belongings) -> None:
    assert mine == group.belongings(VICTIM)
    touched = [sent for sent in group.changes() if sent.names(*mine.arns) and sent.operation not in TARGETS]
    assert [] == touched
    assert set() == group.binding_writes() & mine.bindings.keys()


def without(rules: Iterable[Obj], member: str) -> Iterator[Obj]:
    """The rules of all others, in order, wherever they stand."""
    return ({**rule, "Priority": ""} for rule in rules if GroupWorld.owner(rule) != member)
