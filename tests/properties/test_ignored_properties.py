"""A value is told as passed over just where it makes no difference: with it and without it, the same stack is built."""

from __future__ import annotations

from typing import Any

from hypothesis import assume, event, given
from hypothesis import strategies as st

from aws_lb_controller.build.config import BuildConfig
from aws_lb_controller.build.facts import (
    Certificates,
    Existing,
    Facts,
    PublicSubnets,
    SecurityGroupIds,
    VpcCidrs,
    VpcNetworks,
    VpcSubnets,
)
from aws_lb_controller.build.stack import build
from aws_lb_controller.errors import Problem, SpecError, UnmetNeed
from aws_lb_controller.intent.service import read_service
from aws_lb_controller.intent.service_annotations import PREFIX
from aws_lb_controller.model.observed import ObservedStack
from aws_lb_controller.model.stack import Stack, StackId
from aws_lb_controller.settings import Settings
from builders_intent import a_subnet
from builders_kube import a_port, a_service

LB = "aws-load-balancer"
VALUES: dict[str, tuple[str, ...]] = {
    f"{LB}-type": ("external", "nlb-ip", "nlb"),
    f"{LB}-nlb-target-type": ("ip", "instance", "pods"),
    f"{LB}-name": ("shop",),
    f"{LB}-scheme": ("internal", "internet-facing"),
    f"{LB}-internal": ("true", "false"),
    f"{LB}-ip-address-type": ("ipv4", "dualstack"),
    f"{LB}-subnets": ("public-a,public-b",),
    f"{LB}-attributes": ("load_balancing.cross_zone.enabled=true,access_logs.s3.enabled=true", "a.b=c"),
    f"{LB}-cross-zone-load-balancing-enabled": ("true", "false"),
    f"{LB}-access-log-enabled": ("true", "false"),
    f"{LB}-access-log-s3-bucket-name": ("logs",),
    f"{LB}-access-log-s3-bucket-prefix": ("shop",),
    f"{LB}-minimum-load-balancer-capacity": ("CapacityUnits=3000",),
    f"{LB}-additional-resource-tags": ("team=shop", "elbv2.k8s.aws/cluster=x", "stage=live"),
    f"{LB}-ssl-cert": ("arn:aws:acm:us-west-2:111122223333:certificate/1",),
    f"{LB}-ssl-ports": ("443", "80", "53", "dns,443"),
    f"{LB}-ssl-negotiation-policy": ("ELBSecurityPolicy-TLS13-1-2-2021-06",),
    f"{LB}-alpn-policy": ("HTTP2Only", "None"),
    f"{LB}-backend-protocol": ("ssl", "tcp", "https"),
    f"{LB}-enable-tcp-udp-listener": ("true", "false", "maybe"),
    f"{LB}-quic-enabled-ports": ("53", "dns", "9999"),
    f"{LB}-listener-attributes": ("tcp.idle_timeout.seconds=400",),
    f"{LB}-listener-attributes.TCP-80": ("tcp.idle_timeout.seconds=400",),
    f"{LB}-listener-attributes.TLS-443": ("tcp.idle_timeout.seconds=400",),
    f"{LB}-proxy-protocol": ("*",),
    f"{LB}-proxy-protocol-per-target-group": ("80", "443,53", "9999"),
    f"{LB}-target-group-attributes": ("proxy_protocol_v2.enabled=true", "preserve_client_ip.enabled=false", "x.y=z"),
    f"{LB}-target-group-attributes.80": ("proxy_protocol_v2.enabled=true", "preserve_client_ip.enabled=true", "x.y=0"),
    f"{LB}-target-node-labels": ("role=edge",),
    f"{LB}-multi-cluster-target-group": ("true",),
    f"{LB}-healthcheck-protocol": ("TCP", "http"),
    f"{LB}-healthcheck-port": ("8081",),
    f"{LB}-healthcheck-path": ("/ready",),
    f"{LB}-healthcheck-success-codes": ("204",),
    f"{LB}-healthcheck-interval": ("30",),
    f"{LB}-healthcheck-timeout": ("7",),
    f"{LB}-healthcheck-healthy-threshold": ("5",),
    f"{LB}-healthcheck-unhealthy-threshold": ("5",),
    "load-balancer-source-ranges": ("10.0.0.0/8",),
    f"{LB}-security-group-prefix-lists": ("pl-1",),
    f"{LB}-enable-icmp-for-path-mtu-discovery": ("on", "off", "true"),
    f"{LB}-security-groups": ("sg-1",),
    f"{LB}-manage-backend-security-group-rules": ("true", "false"),
    f"{LB}-disable-nlb-sg": ("true", "false"),
    f"{LB}-inbound-sg-rules-on-private-link-traffic": ("off",),
    f"{LB}-extra-security-groups": ("sg-2",),
    f"{LB}-schema": ("internal",),
}
CHOOSES_AMONG_PORTS = (f"{PREFIX}/{LB}-ssl-ports", f"{PREFIX}/{LB}-proxy-protocol-per-target-group")
"""Where an item that matches nothing is told, but still keeps the others from being chosen."""
MAY_AGREE = frozenset(
    f"{LB}-{suffix}"
    for suffix in (
        # they may say what is the default, or what another annotation says too
        *("type", "nlb-target-type", "scheme", "internal", "ip-address-type", "alpn-policy", "backend-protocol"),
        *("access-log-enabled", "cross-zone-load-balancing-enabled", "proxy-protocol", "ssl-ports"),
        *("target-group-attributes", "target-group-attributes.80", "proxy-protocol-per-target-group"),
        *("healthcheck-protocol", "enable-tcp-udp-listener", "enable-icmp-for-path-mtu-discovery"),
        *("disable-nlb-sg", "manage-backend-security-group-rules"),
    )
)
GATES = (
    "NLBHealthCheckAdvancedConfig=false",
    "LBCapacityReservation=false",
    "NLBSecurityGroup=false",
    "EnableTCPUDPListener=true",
)
SUBNETS = tuple(
    a_subnet(f"{kind}-{zone}", ipv6_cidrs=(f"2001:db8:{n}:{i}::/64",))
    for n, kind in enumerate(("private", "public"))
    for i, zone in enumerate("abc")
)
PORTS = ({"port": 80}, {"port": 443}, {"port": 53}, {"port": 53, "protocol": "UDP", "name": "dns"})


@st.composite
def services(draw: st.DrawFn) -> dict[str, Any]:
    """Services with some annotations, some ports, and what else of the spec has to do with them."""
    suffixes = draw(st.sets(st.sampled_from(sorted(VALUES)), min_size=1, max_size=7))
    annotations = {f"{PREFIX}/{s}": draw(st.sampled_from(VALUES[s])) for s in sorted(suffixes)}
    ports = draw(st.lists(st.sampled_from(PORTS), min_size=1, max_size=4, unique_by=str))
    spec: dict[str, Any] = {}
    if draw(st.booleans()):
        spec |= {"externalTrafficPolicy": "Local", "healthCheckNodePort": 32000}
    if draw(st.booleans()):
        spec |= {"loadBalancerSourceRanges": ["10.1.0.0/16"]}
    return a_service(annotations=annotations, ports=[a_port(**p) for p in ports], **spec)


def settings(gates: set[str]) -> Settings:
    return Settings.from_args(["--cluster-name=demo", f"--feature-gates={','.join(sorted(gates))}"])


def outcome(service: dict[str, Any], configured: Settings) -> tuple[Stack, tuple[Problem, ...]]:
    """What is built of a Service that AWS knows nothing of yet, and what is told."""
    intent, told = read_service(service, configured)
    known = Facts(
        {
            Existing(StackId("service", "shop/web")): ObservedStack(),
            VpcSubnets(): SUBNETS,
            PublicSubnets(): frozenset(),
            VpcNetworks(): VpcCidrs(ipv4=("192.168.0.0/16",), ipv6=("2001:db8::/56",)),
            Certificates(): (),
            SecurityGroupIds(frozenset({"sg-1"})): {"sg-1": ("sg-1",)},
        }
    )
    return build(intent, known, BuildConfig.of(configured, "vpc-1")), told


def outcome_or_skip(service: dict[str, Any], configured: Settings) -> tuple[Stack, tuple[Problem, ...]]:
    """As `outcome`; a Service that cannot be built is not what the test is about."""
    try:
        return outcome(service, configured)
    except (SpecError, UnmetNeed):
        assume(False)
        raise


def without(service: dict[str, Any], field: str) -> dict[str, Any]:
    meta, spec = service["metadata"], service["spec"]
    return service | {
        "metadata": meta | {"annotations": {k: v for k, v in meta["annotations"].items() if k != field}},
        "spec": {k: v for k, v in spec.items() if f"spec.{k}" != field},
    }


@given(services(), st.sets(st.sampled_from(GATES)))
def test_what_is_told_as_passed_over_makes_no_difference(service: dict[str, Any], gates: set[str]) -> None:
    configured = settings(gates)
    stack, told = outcome_or_skip(service, configured)
    written = service["metadata"]["annotations"]
    for problem in told:
        whole = problem.value == written.get(problem.field) and problem.field not in CHOOSES_AMONG_PORTS
        if whole or problem.field == "spec.loadBalancerSourceRanges":
            event(problem.field)
            assert stack == outcome_or_skip(without(service, problem.field), configured)[0]


@given(services(), st.sets(st.sampled_from(GATES)))
def test_what_makes_no_difference_is_told_unless_it_agrees_with_what_holds(
    service: dict[str, Any], gates: set[str]
) -> None:
    configured = settings(gates)
    stack, told = outcome_or_skip(service, configured)
    fields = {problem.field for problem in told}
    for field, value in service["metadata"]["annotations"].items():
        if field.removeprefix(f"{PREFIX}/") not in MAY_AGREE and field not in fields:
            event(field)
            assert stack != outcome_or_skip(without(service, field), configured)[0], value
