"""What holds for every Service that a user might write, all the way from its manifest to what stands in AWS.

Services are drawn as people write them: choices that go together, and now and then an annotation at random on top,
sometimes with a value that is nearly right. Most can be built; the others must say what is wrong.
"""

from __future__ import annotations

import copy
import random
import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from hypothesis import assume, event, given
from hypothesis import settings as limits
from hypothesis import strategies as st

from aws_lb_controller.build.config import BuildConfig
from aws_lb_controller.build.facts import Subnet
from aws_lb_controller.build.stack import build
from aws_lb_controller.errors import Problem, SpecError, UnmetNeed
from aws_lb_controller.intent import service_annotations
from aws_lb_controller.intent.service import is_ours, read_service, stack_id
from aws_lb_controller.model.digest import digest
from aws_lb_controller.model.load_balancer import LoadBalancer
from aws_lb_controller.model.observed import ObservedStack
from aws_lb_controller.model.refs import resolve
from aws_lb_controller.model.stack import Stack
from aws_lb_controller.plan import match
from aws_lb_controller.plan.effects import after
from aws_lb_controller.plan.plan import plan
from aws_lb_controller.plan.policy import refusals
from aws_lb_controller.plan.steps import Plan, gives
from aws_lb_controller.settings import Settings
from aws_lb_controller.settings.gates import FeatureGates
from builders_intent import a_subnet, facts
from builders_kube import a_service
from carrying_out import assert_possible, give
from contract_data import contract
from exploring import examples

Obj = dict[str, Any]

PREFIX = service_annotations.PREFIX
LB = "aws-load-balancer"
ACTION = (
    '{"type": "forward", "forwardConfig": {"baseServiceWeight": 90, '
    '"targetGroups": [{"serviceName": "next", "servicePort": 80, "weight": 10}]}}'
)
OWN_GROUPS = {"sg-own": ("sg-own",), "shop-edge": ("sg-0edge", "sg-1edge")}

VALUES: Mapping[str, tuple[str, ...]] = {
    f"{LB}-type": ("external", "nlb-ip", "nlb"),
    f"{LB}-nlb-target-type": ("ip", "instance", "pod"),
    f"{LB}-name": ("shop", "shop-edge-0", "-shop", ""),
    f"{LB}-scheme": ("internal", "internet-facing", "public"),
    f"{LB}-internal": ("true", "false", "0.0.0.0/0"),
    f"{LB}-subnets": ("private-a, private-b", "public-a,public-b", "subnet-public-c", "none-such", ""),
    f"{LB}-ip-address-type": ("ipv4", "dualstack", "ipv6"),
    f"{LB}-eip-allocations": ("eipalloc-1, eipalloc-2", "eipalloc-1", ""),
    f"{LB}-private-ipv4-addresses": ("192.168.96.15, 192.168.112.15", "192.168.96.15", "10.0.0.1", "192.168.96"),
    f"{LB}-ipv6-addresses": ("2001:db8::9, 2001:db8:0:1::9", "2001:db8::9", "192.168.96.15"),
    f"{LB}-source-nat-ipv6-prefixes": ("auto_assigned, auto_assigned", "2001:db8::/80,auto_assigned", "2001:db8::/64"),
    f"{LB}-enable-prefix-for-ipv6-source-nat": ("on", "off", "true"),
    f"{LB}-proxy-protocol": ("*", "80"),
    f"{LB}-proxy-protocol-per-target-group": ("80", "80, 443", "http", ""),
    f"{LB}-access-log-enabled": ("true", "false", "yes"),
    f"{LB}-access-log-s3-bucket-name": ("logs", ""),
    f"{LB}-access-log-s3-bucket-prefix": ("shop", ""),
    f"{LB}-cross-zone-load-balancing-enabled": ("true", "false", "True ", "on"),
    f"{LB}-attributes": (
        "load_balancing.cross_zone.enabled=true",
        "deletion_protection.enabled=true",
        "deletion_protection.enabled=false",
        "dns_record.client_routing_policy=availability_zone_affinity",
        "dns_record.client_routing_policy=near",
        "deletion_protection.enabled",
    ),
    f"{LB}-target-group-attributes": (
        "preserve_client_ip.enabled=true",
        "preserve_client_ip.enabled=maybe",
        "deregistration_delay.timeout_seconds=30, stickiness.enabled=true",
        "proxy_protocol_v2.enabled=",
        "=",
    ),
    f"{LB}-target-group-attributes.80": ("stickiness.enabled=true", "stickiness.enabled=", "stickiness"),
    f"{LB}-listener-attributes.TCP-80": ("tcp.idle_timeout.seconds=400", "tcp.idle_timeout.seconds", ""),
    f"{LB}-additional-resource-tags": ("team=shop, stage=live", "owner=", "team", "kubernetes.io/cluster/demo=x"),
    f"{LB}-ssl-cert": ("arn:aws:acm:us-west-2:1:certificate/a, arn:aws:acm:us-west-2:1:certificate/b", "a", ""),
    f"{LB}-ssl-ports": ("443", "https, 80", "8443", "*", ""),
    f"{LB}-ssl-negotiation-policy": ("ELBSecurityPolicy-TLS13-1-2-2021-06", ""),
    f"{LB}-backend-protocol": ("ssl", "tcp", "SSL"),
    f"{LB}-alpn-policy": ("HTTP2Preferred", "None", "h2"),
    f"{LB}-enable-tcp-udp-listener": ("true", "false", "maybe"),
    f"{LB}-quic-enabled-ports": ("53", "443", "dns", "http", ""),
    f"{LB}-healthcheck-protocol": ("TCP", "http", "HTTPS", "UDP"),
    f"{LB}-healthcheck-port": ("traffic-port", "8081", "http", "web", "0", "65536"),
    f"{LB}-healthcheck-path": ("/ready", ""),
    f"{LB}-healthcheck-interval": ("10", "+30", "30s", "-1"),
    f"{LB}-healthcheck-timeout": ("6", "ten"),
    f"{LB}-healthcheck-healthy-threshold": ("2", "3.0"),
    f"{LB}-healthcheck-unhealthy-threshold": ("4", ""),
    f"{LB}-healthcheck-success-codes": ("200-299", "ok"),
    "load-balancer-source-ranges": ("10.0.0.0/8, 172.16.0.0/12", "10.0.0.1/8", "2001:db8::/32", "10.0.0.0/33", ""),
    f"{LB}-security-group-prefix-lists": ("pl-1, pl-2", ""),
    f"{LB}-security-groups": ("sg-own, shop-edge", "shop-edge", "none-such", ""),
    f"{LB}-manage-backend-security-group-rules": ("true", "false", "on"),
    f"{LB}-disable-nlb-sg": ("true", "false", "yes"),
    f"{LB}-inbound-sg-rules-on-private-link-traffic": ("on", "off", "false"),
    f"{LB}-enable-icmp-for-path-mtu-discovery": ("on", "off", "ON"),
    f"{LB}-target-node-labels": ("role=edge", "role", ""),
    f"{LB}-multi-cluster-target-group": ("true", "false", "1", "on"),
    f"{LB}-minimum-load-balancer-capacity": ("CapacityUnits=2000", "CapacityUnits=0", "Units=1", ""),
    "actions.TCP-80": (ACTION, ACTION.replace("next", "none-such"), "{", '{"type": "redirect"}'),
    "actions.TLS-443": (ACTION, ACTION.replace("10", "1000")),
}
"""Values that are right for some Services, and others that nearly are."""

TOGETHER: tuple[tuple[Mapping[str, str], ...], ...] = (
    (
        {},
        {"scheme": "internet-facing"},
        {"internal": "true"},
        {"scheme": "internet-facing", "subnets": "public-a, public-b", "eip-allocations": "eipalloc-1, eipalloc-2"},
        {"subnets": "private-a, private-b", "private-ipv4-addresses": "192.168.112.15, 192.168.96.15"},
        {"scheme": "internet-facing", "ip-address-type": "dualstack"},
        {
            "scheme": "internet-facing",
            "ip-address-type": "dualstack",
            "subnets": "public-a, public-b",
            "ipv6-addresses": "2001:db8:0:1::9, 2001:db8::9",
            "enable-prefix-for-ipv6-source-nat": "on",
            "source-nat-ipv6-prefixes": "auto_assigned, auto_assigned",
        },
    ),
    ({}, {"name": "shop"}, {"name": "other"}),
    ({}, {"nlb-target-type": "ip"}, {"nlb-target-type": "instance", "target-node-labels": "role=edge"}),
    (
        {},
        {"security-groups": "sg-own"},
        {"security-groups": "shop-edge, sg-own", "manage-backend-security-group-rules": "true"},
        {"disable-nlb-sg": "true"},
        {"disable-nlb-sg": "true", "manage-backend-security-group-rules": "false"},
        {"security-group-prefix-lists": "pl-1", "enable-icmp-for-path-mtu-discovery": "on"},
        {"inbound-sg-rules-on-private-link-traffic": "off"},
    ),
    (
        {},
        {"ssl-cert": "cert-a"},
        {"ssl-cert": "cert-b, cert-a", "ssl-ports": "${port}", "alpn-policy": "HTTP2Preferred"},
        {
            "ssl-cert": "cert-a, cert-c",
            "backend-protocol": "ssl",
            "ssl-negotiation-policy": "ELBSecurityPolicy-2016-08",
        },
        {"enable-tcp-udp-listener": "true"},
        {"quic-enabled-ports": "53"},
        {"quic-enabled-ports": "dns", "enable-tcp-udp-listener": "true"},
    ),
    (
        {},
        {"proxy-protocol": "*"},
        {"proxy-protocol-per-target-group": "80"},
        {
            "target-group-attributes": "preserve_client_ip.enabled=true",
            "target-group-attributes.80": "stickiness.enabled=",
        },
        {"multi-cluster-target-group": "true"},
        {"listener-attributes.TCP-80": "tcp.idle_timeout.seconds=400"},
    ),
    (
        {},
        {"healthcheck-protocol": "HTTP", "healthcheck-path": "/ready", "healthcheck-success-codes": "200"},
        {"healthcheck-port": "8081", "healthcheck-interval": "30", "healthcheck-timeout": "5"},
        {"healthcheck-healthy-threshold": "2", "healthcheck-unhealthy-threshold": "4"},
    ),
    (
        {},
        {"access-log-enabled": "true", "access-log-s3-bucket-name": "logs", "access-log-s3-bucket-prefix": "shop"},
        {"cross-zone-load-balancing-enabled": "true", "additional-resource-tags": "team=shop"},
        {"attributes": "deletion_protection.enabled=true"},
        {
            "attributes": "load_balancing.cross_zone.enabled=false",
            "minimum-load-balancer-capacity": "CapacityUnits=2000",
        },
    ),
)
"""Annotations (behind ``aws-load-balancer-``) that people write together: one of each group."""

PORTS: tuple[tuple[tuple[str, int, str], ...], ...] = (
    (("http", 80, "TCP"),),
    (("http", 80, "TCP"), ("https", 443, "TCP")),
    (("https", 443, "TCP"), ("dns", 53, "UDP")),
    (("dns", 53, "UDP"), ("dns-tcp", 53, "TCP")),
    (("http", 80, "TCP"), ("dns-tcp", 53, "TCP"), ("dns", 53, "UDP")),
    (("dns", 53, "UDP"), ("sctp", 53, "SCTP")),
)

_seldom = st.sampled_from([*[False] * 5, True])
_rarely = st.sampled_from([*[False] * 29, True])
LABEL = r"[a-z]([-a-z0-9]{0,61}[a-z0-9])?"
NAMES = st.sampled_from(["web", "a", "ingress-nginx-controller"]) | st.from_regex(LABEL, fullmatch=True)
ZONES = st.sampled_from(["abc", "abc", "ab", "ab", "b"])


# ---- what users write


@st.composite
def services(draw: st.DrawFn, *, place: tuple[str, str] | None = None, mostly_sound: bool = True) -> Obj:
    """A Service of our class, or of the older annotations. place: its namespace and name."""
    namespace, name = place or (draw(NAMES), draw(NAMES))
    classless = draw(_seldom)
    ports = draw(_ports())
    written = {
        k: v.replace("${port}", str(ports[0]["port"])) for k, v in draw(_annotations(mostly_sound=mostly_sound)).items()
    }
    older = {
        f"{PREFIX}/{LB}-type": "external",
        f"{PREFIX}/{LB}-nlb-target-type": draw(st.sampled_from(["ip", "instance"])),
    }
    spec: Obj = {"loadBalancerClass": None} if classless else {}
    if draw(st.booleans()):
        spec |= {"externalTrafficPolicy": "Local", "healthCheckNodePort": 31999}
    if draw(_seldom):
        spec["loadBalancerSourceRanges"] = ["198.51.100.0/24"]
    service = a_service(
        name,
        namespace,
        annotations=written | (older if classless else {}),
        ports=ports,
        type=draw(st.sampled_from(["LoadBalancer"] * 12 + ["NodePort", "ClusterIP"])),
        ipFamilies=draw(st.sampled_from([*[["IPv4"]] * 8, ["IPv4", "IPv6"], ["IPv6"]])),
        **spec,
    )
    service["spec"] = {key: value for key, value in service["spec"].items() if value is not None}
    return service


@st.composite
def _annotations(draw: st.DrawFn, *, mostly_sound: bool) -> dict[str, str]:
    written = {f"{LB}-{key}": text for choices in TOGETHER for key, text in draw(st.sampled_from(choices)).items()}
    at_random = draw(st.lists(st.sampled_from(sorted(VALUES)), max_size=1 if mostly_sound else 6, unique=True))
    for key in at_random:
        written[key] = draw(st.sampled_from(VALUES[key][:2] if mostly_sound else VALUES[key]))
    return {f"{PREFIX}/{key}": text for key, text in written.items()}


@st.composite
def _ports(draw: st.DrawFn) -> list[Obj]:
    named_targets = draw(_seldom)
    return [
        {
            "name": name,
            "port": port,
            "protocol": protocol,
            "targetPort": name if named_targets else 8000 + port,
            **({"nodePort": 30000 + number} if not draw(_rarely) else {}),
        }
        for number, (name, port, protocol) in enumerate(draw(st.sampled_from(PORTS)))
    ]


# ---- how the controller was started, and what AWS has


@st.composite
def started(draw: st.DrawFn) -> Settings:
    """Flags and gates as by default, but for a few."""
    backend_group = draw(_mostly(True))
    gates = {
        "enable_ip_target_type": draw(_mostly(True)),
        "nlb_security_group": draw(_mostly(True)),
        "nlb_health_check_advanced_config": draw(_mostly(True)),
        "lb_capacity_reservation": draw(_mostly(True)),
        "weighted_target_groups": draw(_mostly(True)),
        "subnets_cluster_tag_check": draw(_mostly(True)),
        "enable_tcp_udp_listener": draw(_mostly(False)),
        "enable_default_tags_low_priority": draw(_mostly(False)),
        "enhanced_default_behavior": draw(_mostly(False)),
        "service_type_load_balancer_only": draw(_mostly(False)),
    }
    return Settings(
        cluster_name="demo",
        default_load_balancer_scheme=draw(st.sampled_from(["internal", "internet-facing"])),
        default_target_type=draw(st.sampled_from(["instance", "ip"])),
        default_tags=draw(st.sampled_from([{}, {"team": "platform"}])),
        external_managed_tags=draw(st.sampled_from([(), ("cost-centre",)])),
        enable_backend_security_group=backend_group,
        enable_manage_backend_security_group_rules=backend_group and draw(_mostly(False)),
        disable_restricted_sg_rules=draw(_mostly(False)),
        feature_gates=FeatureGates(**gates),
    )


def _mostly(value: bool) -> st.SearchStrategy[bool]:
    return st.sampled_from([*[value] * 15, not value])


@st.composite
def vpcs(draw: st.DrawFn) -> tuple[Subnet, ...]:
    """A public and a private subnet in each of some zones; those of this cluster, nearly always."""
    theirs = {"tags": {"kubernetes.io/cluster/other": "shared"}} if draw(_rarely) else {}
    return tuple(a_subnet(f"{kind}-{zone}", **theirs) for zone in draw(ZONES) for kind in ("private", "public"))


# ---- the controller, without AWS

NEXT = a_service("next", "shop", ports=[{"port": 80, "targetPort": 8080, "nodePort": 30999, "protocol": "TCP"}])


def neighbours(namespace: str, name: str) -> Obj | None:
    """The one other Service of every namespace."""
    return copy.deepcopy(NEXT) | {"metadata": {**NEXT["metadata"], "namespace": namespace}} if name == "next" else None


def built(service: Obj, settings: Settings, vpc: tuple[Subnet, ...], there: ObservedStack | None = None) -> Stack:
    """The stack of a Service, over what exists already. Raises SpecError or UnmetNeed."""
    intent, passed_over = read_service(service, settings, services=neighbours)
    assert [] == [problem for problem in passed_over if not says_what_to_do(problem, service)]
    config = BuildConfig.of(settings, "vpc-1")
    existing = replace(there, bindings=()) if there else None
    known = {
        name: groups
        for name, groups in OWN_GROUPS.items()
        if name in (intent.load_balancer.security_groups.groups or ())
    }
    return build(intent, facts(intent, config, subnets=vpc, existing=existing, security_groups=known), config)


def tried(
    service: Obj, settings: Settings, vpc: tuple[Subnet, ...], there: ObservedStack | None = None
) -> Stack | None:
    """The same; None where it cannot be built."""
    try:
        return built(service, settings, vpc, there)
    except (SpecError, UnmetNeed):
        return None


def planned(stack: Stack, there: ObservedStack, settings: Settings, *, unprotected: bool = False) -> Plan:
    managed = frozenset(settings.external_managed_tags)
    return plan(stack, there, external_managed_tags=managed, deletion_protection_off=unprotected)


def carried_out(steps: Plan, there: ObservedStack, stack: Stack) -> ObservedStack:
    """As `carrying_out.carried_out`, where security groups of the users' own exist beside those that are observed."""
    known = dict(match.known(stack, there))
    for planned_step in steps:
        step = resolve(planned_step, known)
        answer = give(step)
        if (ref := gives(planned_step)) is not None:
            known[ref] = answer.arn
        there = after(there, step, answer)
        assert_possible(_without_groups_of_others(there))
    return there


def _without_groups_of_others(there: ObservedStack) -> ObservedStack:
    balancers = (replace(seen, resource=_with_groups_of_its_own(seen.resource)) for seen in there.load_balancers)
    return replace(there, load_balancers=tuple(balancers))


def _with_groups_of_its_own(lb: LoadBalancer) -> LoadBalancer:
    of_others = {group for groups in OWN_GROUPS.values() for group in groups}
    return replace(lb, security_groups=tuple(group for group in lb.security_groups if group not in of_others))


def rests(service: Obj, settings: Settings, vpc: tuple[Subnet, ...], there: ObservedStack) -> bool:
    """Nothing is to be done for the Service: neither now nor when it is built anew over what exists."""
    return () == planned(built(service, settings, vpc, there), there, settings)


def says_what_to_do(problem: Problem, service: Obj) -> bool:
    """It names the object (the Service itself, or the neighbour), the field, and what to write."""
    namespace = service["metadata"]["namespace"]
    objects = (f"Service {namespace}/{service['metadata']['name']}", f"Service {namespace}/next")
    field = re.fullmatch(rf"spec\.\S+|{re.escape(PREFIX)}/[a-z0-9-]+(\.\S+)?", problem.field)
    return problem.object in objects and bool(field) and len(problem.remedy.split()) > 1


# ---- properties


def test_the_values_are_of_every_annotation_of_the_contract() -> None:
    drawn = {key.partition(".")[0] for key in VALUES}
    assert set() == {*contract("names")["serviceAnnotations"], *service_annotations.TABLE} - drawn


@given(services(mostly_sound=False), started(), vpcs())
@limits(max_examples=examples(300))
def test_a_service_can_be_built_or_every_problem_says_which_field_of_which_object_and_what_to_do(
    service: Obj, settings: Settings, vpc: tuple[Subnet, ...]
) -> None:
    wrong = None
    try:
        assert built(service, settings, vpc).load_balancers
    except (SpecError, UnmetNeed) as e:
        wrong = e
    event(type(wrong).__name__)
    assert wrong is None or wrong.problems
    assert [] == [problem for problem in (wrong.problems if wrong else ()) if not says_what_to_do(problem, service)]


@given(services(), started(), vpcs(), st.randoms(use_true_random=False))
@limits(max_examples=examples(150))
def test_the_order_in_which_a_manifest_is_written_does_not_matter(
    service: Obj, settings: Settings, vpc: tuple[Subnet, ...], order: random.Random
) -> None:
    stack = tried(service, settings, vpc)
    again = tried(_shuffled(service, order), settings, tuple(order.sample(vpc, len(vpc))))
    assert stack == again
    if stack and again:
        assert digest(stack, version="1") == digest(again, version="1")


@given(services(), started(), vpcs())
@limits(max_examples=examples(150))
def test_what_was_built_for_a_service_needs_nothing_more_and_goes_whole(
    service: Obj, settings: Settings, vpc: tuple[Subnet, ...]
) -> None:
    stack = tried(service, settings, vpc)
    event("built" if stack else "not built")
    assume(stack)
    there = carried_out(planned(stack, ObservedStack(), settings), ObservedStack(), stack)
    assert () == planned(stack, there, settings)
    assert rests(service, settings, vpc, there)
    empty = Stack(id=stack_id(service))
    gone = carried_out(planned(empty, there, settings, unprotected=True), there, empty)
    assert ObservedStack(backend_security_group=gone.backend_security_group) == gone


@given(services(place=("shop", "web")), services(place=("shop", "web")), started(), vpcs())
@limits(max_examples=examples(300))
def test_an_edit_of_a_service_and_its_edit_back_come_to_rest_or_are_refused_with_a_reason(
    one: Obj, other: Obj, settings: Settings, vpc: tuple[Subnet, ...]
) -> None:
    there, came = ObservedStack(), "to rest"
    for service in (one, other, one):
        stack = tried(service, settings, vpc, there)
        steps = planned(stack, there, settings) if stack else ()
        if stack is None or (reasons := refusals(steps, there)):
            came = "to rest but for what cannot be built" if stack is None else "to be refused"
            assert stack is None or [] == [reason for reason in reasons if len(reason.split()) < 6]
            continue  # nothing is done then
        there = carried_out(steps, there, stack)
        assert () == planned(stack, there, settings)
        assert rests(service, settings, vpc, there)
    event(f"came {came}")


@given(services(), started(), vpcs())
@limits(max_examples=examples(150))
def test_generated_names_and_tags_fit_what_aws_and_kubernetes_allow(
    service: Obj, settings: Settings, vpc: tuple[Subnet, ...]
) -> None:
    service["metadata"]["annotations"].pop(f"{PREFIX}/{LB}-name", None)
    stack = tried(service, settings, vpc)
    assume(stack)
    elb_names = [r.name for r in (*stack.load_balancers, *stack.target_groups)]
    assert [] == _unlike(r"(?!internal-)(?!-)[A-Za-z0-9-]{1,32}(?<!-)", elb_names)
    group_texts = [text for group in stack.security_groups for text in (group.name, group.description)]
    assert [] == _unlike(r"(?!sg-)[a-zA-Z0-9 ._\-:/()#,@\[\]+=&;{}!$*]{1,255}", group_texts)
    assert [] == _unlike(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?", [binding.name for binding in stack.bindings])
    tagged = (*stack.security_groups, *stack.load_balancers, *stack.target_groups, *stack.listeners)
    tags = [pair for resource in tagged for pair in resource.tags.items()]
    assert [] == [(key, value) for key, value in tags if not 0 < len(key) <= 128 or len(value) > 256]
    labels = [value for binding in stack.bindings for value in binding.labels.values()]
    assert [] == _unlike(r"([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?", labels)


@given(services(mostly_sound=False), started())
@limits(max_examples=examples(100))
def test_whether_a_service_is_ours_can_be_told_of_any(service: Obj, settings: Settings) -> None:
    ours = is_ours(service, settings)
    only_one_type = settings.feature_gates.service_type_load_balancer_only
    assert not (ours and only_one_type and service["spec"]["type"] != "LoadBalancer")
    assert ours or only_one_type or "loadBalancerClass" not in service["spec"]
    service["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    assert not is_ours(service, settings)


def _unlike(pattern: str, texts: Iterable[str]) -> list[str]:
    return [text for text in texts if not re.fullmatch(pattern, text)]


def _shuffled(value: Any, order: random.Random) -> Any:
    """The same object with the keys of every mapping in another order."""
    if isinstance(value, dict):
        return {key: _shuffled(value[key], order) for key in order.sample(list(value), len(value))}
    return [_shuffled(each, order) for each in value] if isinstance(value, list) else value
