"""What moto drops or does not check is sent right: exact calls, in the shapes of AWS's own service model.

The steps are those that a Service (or, where none can ask for it, a wish) leads to. Nothing answers but what a test
puts there, and botocore refuses what its model of ELBv2 does not have.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, TypeVar

import pytest
from aws_builders import our_clients, settings
from botocore.stub import ANY, Stubber

from aws_lb_controller.aws.apply import Applier
from aws_lb_controller.aws.backend_group import BackendSecurityGroup
from aws_lb_controller.aws.targets import Targets
from aws_lb_controller.build.config import BuildConfig
from aws_lb_controller.build.stack import build
from aws_lb_controller.errors import AwsInUse
from aws_lb_controller.intent.service import read_service
from aws_lb_controller.intent.values import StackIntent
from aws_lb_controller.model.load_balancer import SubnetMapping
from aws_lb_controller.model.observed import ObservedStack, Seen
from aws_lb_controller.model.refs import references, resolve
from aws_lb_controller.model.stack import Stack
from aws_lb_controller.plan import steps
from aws_lb_controller.plan.plan import plan
from aws_lb_controller.plan.targets import Target
from aws_lb_controller.settings import Settings
from builders_intent import (
    PRIVATE,
    PUBLIC,
    a_build_config,
    an_alb_intent,
    an_existing,
    an_http_target_group_intent,
    an_ingress_stack_intent,
    facts,
)
from builders_kube import a_port, a_service

PREFIX = "service.beta.kubernetes.io/aws-load-balancer-"
LB = "arn:lb/1"
GROUPS = ["arn-of-ManagedLBSecurityGroup", "arn-of-shared"]
CERT = "arn:aws:acm:us-west-2:123456789012:certificate/1"
EIPS = ("eipalloc-1", "eipalloc-2", "eipalloc-3")
PRIVATE_IPV4 = ("192.168.96.10", "192.168.112.10", "192.168.128.10")
IPV6 = ("2001:db8::10", "2001:db8:0:1::10", "2001:db8:0:2::10")
NAT = ("2001:db8:0:0:1::/80", "2001:db8:0:1:1::/80", "2001:db8:0:2:1::/80")
DUALSTACK = {"scheme": "internet-facing", "ip_address_type": "dualstack"}
SOURCE_NAT = {
    **DUALSTACK,
    "enable_prefix_for_ipv6_source_nat": "on",
    "source_nat_ipv6_prefixes": ",".join(NAT),
}
UDP = [a_port(53, protocol="UDP")]

S = TypeVar("S")


# ---- from a Service to a step


def stack_of(
    *flags: str, existing: ObservedStack | None = None, ports: Any = None, spec: Any = None, **annotations: str
) -> Stack:
    """annotations: without their common beginning, underscores for dashes; other keys are whole."""
    options = Settings.from_args(["--cluster-name=demo", *flags])
    written = {key if "/" in key else PREFIX + key.replace("_", "-"): text for key, text in annotations.items()}
    service = a_service(annotations=written, ports=ports, **(spec or {}))
    intent, _ = read_service(service, options, services=lambda _namespace, name: a_service(name))
    config = BuildConfig.of(options, "vpc-1")
    return build(intent, facts(intent, config, existing=existing), config)


def stack_of_wish(intent: StackIntent) -> Stack:
    return build(intent, facts(intent), a_build_config())


def step(kind: type[S], stack: Stack, observed: ObservedStack | None = None) -> S:
    """The one step of its kind on the way from what is observed, with a made-up ARN for whatever it refers to."""
    (found,) = (one for one in plan(stack, observed or ObservedStack()) if isinstance(one, kind))
    return resolve(found, {ref: f"arn-of-{ref.id}" for ref in references(found)})


# ---- from a step to calls


class Aws:
    """Takes just the calls that it was told to expect, in that order."""

    def __init__(self) -> None:
        self.clients = our_clients("vpc-1")
        self.applier = Applier(self.clients, settings(), BackendSecurityGroup(self.clients, settings()))
        self._stubber = Stubber(self.clients.elbv2)

    def expects(self, operation: str, parameters: dict[str, Any], answer: dict[str, Any] | None = None) -> None:
        self._stubber.add_response(
            operation, {"ResponseMetadata": {"HTTPStatusCode": 200}, **(answer or {})}, parameters
        )

    def refuses(self, operation: str, code: str, status: int) -> None:
        self._stubber.add_client_error(operation, code, http_status_code=status)

    @contextmanager
    def listening(self) -> Iterator[None]:
        with self._stubber:
            yield
            self._stubber.assert_no_pending_responses()


@pytest.fixture
def stubbed() -> Iterator[Aws]:
    """Every expected call must have been made when the test ends."""
    aws = Aws()
    with aws.listening():
        yield aws


def a_network_load_balancer(**parameters: Any) -> dict[str, Any]:
    """CreateLoadBalancer for a Service without any wish, internal, but for some parameters; None: not sent."""
    usual = {
        "Name": ANY,
        "Type": "network",
        "Scheme": "internal",
        "IpAddressType": "ipv4",
        "SubnetMappings": [{"SubnetId": subnet} for subnet in PRIVATE],
        "SecurityGroups": GROUPS,
        "Tags": ANY,
        **parameters,
    }
    return {name: value for name, value in usual.items() if value is not None}


MADE = {"LoadBalancers": [{"LoadBalancerArn": LB, "DNSName": "lb.example"}]}


def mappings(subnets: tuple[str, ...], **addresses: tuple[str, ...]) -> list[dict[str, str]]:
    return [{"SubnetId": s, **{kind: of[i] for kind, of in addresses.items()}} for i, s in enumerate(subnets)]


# -- load balancers: addresses


@pytest.mark.parametrize(
    ("annotations", "parameters"),
    [
        (
            {"scheme": "internet-facing", "eip_allocations": ",".join(EIPS)},
            {"Scheme": "internet-facing", "SubnetMappings": mappings(PUBLIC, AllocationId=EIPS)},
        ),
        (
            {"private_ipv4_addresses": ",".join(PRIVATE_IPV4)},
            {"SubnetMappings": mappings(PRIVATE, PrivateIPv4Address=PRIVATE_IPV4)},
        ),
        (
            {**DUALSTACK, "ipv6_addresses": ",".join(IPV6)},
            {
                "Scheme": "internet-facing",
                "IpAddressType": "dualstack",
                "SubnetMappings": mappings(PUBLIC, IPv6Address=IPV6),
                "EnablePrefixForIpv6SourceNat": "off",
            },
        ),
        (
            SOURCE_NAT,
            {
                "Scheme": "internet-facing",
                "IpAddressType": "dualstack",
                "SubnetMappings": mappings(PUBLIC, SourceNatIpv6Prefix=NAT),
                "EnablePrefixForIpv6SourceNat": "on",
            },
        ),
    ],
    ids=["elastic", "private", "ipv6", "source-nat"],
)
def test_a_load_balancer_is_made_with_its_addresses(
    annotations: dict[str, str], parameters: dict[str, Any], stubbed: Aws
) -> None:
    stubbed.expects("create_load_balancer", a_network_load_balancer(**parameters), MADE)
    stubbed.applier.carry_out(step(steps.CreateLoadBalancer, stack_of(ports=UDP, **annotations)))


def a_dual_stack_one(**values: Any) -> ObservedStack:
    subnets = tuple(SubnetMapping(subnet_id=subnet) for subnet in PUBLIC)
    usual = {"scheme": "internet-facing", "ip_address_type": "dualstack", "subnets": subnets}
    return an_existing(**usual, prefix_for_ipv6_source_nat="off", **values)


def test_source_nat_comes_to_a_load_balancer_that_stands_with_its_prefixes(stubbed: Aws) -> None:
    expected = {
        "LoadBalancerArn": LB,
        "SubnetMappings": mappings(PUBLIC, SourceNatIpv6Prefix=NAT),
        "EnablePrefixForIpv6SourceNat": "on",
    }
    stubbed.expects("set_subnets", expected)
    there = a_dual_stack_one()
    stubbed.applier.carry_out(step(steps.SetSubnets, stack_of(existing=there, ports=UDP, **SOURCE_NAT), there))


def test_an_application_load_balancer_is_made_with_its_address_pools(stubbed: Aws) -> None:
    """Customer-owned addresses (Outposts) and IPAM pools: AWS has them for application load balancers."""
    pools = {"customer_owned_ipv4_pool": "ipv4pool-coip-1", "ipv4_ipam_pool_id": "ipam-pool-1"}
    expected = a_network_load_balancer(
        Type="application",
        Scheme="internet-facing",
        SubnetMappings=mappings(PUBLIC),
        CustomerOwnedIpv4Pool="ipv4pool-coip-1",
        IpamPools={"Ipv4IpamPoolId": "ipam-pool-1"},
    )
    stubbed.expects("create_load_balancer", expected, MADE)
    wanted = stack_of_wish(an_ingress_stack_intent(load_balancer=an_alb_intent(**pools)))
    stubbed.applier.carry_out(step(steps.CreateLoadBalancer, wanted))


# -- load balancers: the PrivateLink switch, logs, capacity

SWITCH = "EnforceSecurityGroupInboundRulesOnPrivateLinkTraffic"
OFF = {"inbound_sg_rules_on_private_link_traffic": "off"}


def test_the_private_link_switch_is_set_as_soon_as_the_load_balancer_is_made(stubbed: Aws) -> None:
    stubbed.expects("create_load_balancer", a_network_load_balancer(), MADE)
    stubbed.expects("set_security_groups", {"LoadBalancerArn": LB, "SecurityGroups": GROUPS, SWITCH: "off"})
    stubbed.applier.carry_out(step(steps.CreateLoadBalancer, stack_of(**OFF)))


def test_the_private_link_switch_of_a_load_balancer_that_stands_is_set_with_its_groups(stubbed: Aws) -> None:
    stubbed.expects("set_security_groups", {"LoadBalancerArn": LB, "SecurityGroups": GROUPS, SWITCH: "off"})
    there = an_existing(inbound_rules_on_private_link="on")
    stubbed.applier.carry_out(step(steps.SetSecurityGroups, stack_of(existing=there, **OFF), there))


def test_a_load_balancer_without_security_groups_is_made_without_a_word_of_private_link(stubbed: Aws) -> None:
    stubbed.expects("create_load_balancer", a_network_load_balancer(SecurityGroups=None), MADE)
    stubbed.applier.carry_out(step(steps.CreateLoadBalancer, stack_of(disable_nlb_sg="true", **OFF)))


def test_where_the_access_log_goes_is_said_as_soon_as_the_load_balancer_is_made(stubbed: Aws) -> None:
    attributes = [
        {"Key": "access_logs.s3.bucket", "Value": "logs"},
        {"Key": "access_logs.s3.enabled", "Value": "true"},
        {"Key": "access_logs.s3.prefix", "Value": "web"},
    ]
    stubbed.expects("create_load_balancer", a_network_load_balancer(), MADE)
    stubbed.expects("modify_load_balancer_attributes", {"LoadBalancerArn": LB, "Attributes": attributes})
    log = {"access_log_enabled": "true", "access_log_s3_bucket_name": "logs", "access_log_s3_bucket_prefix": "web"}
    stubbed.applier.carry_out(step(steps.CreateLoadBalancer, stack_of(**log)))


def test_capacity_is_reserved_in_units_when_the_load_balancer_is_active(stubbed: Aws) -> None:
    active = {"LoadBalancers": [{"LoadBalancerArn": "arn-of-LoadBalancer", "State": {"Code": "active"}}]}
    stubbed.expects("describe_load_balancers", {"LoadBalancerArns": ["arn-of-LoadBalancer"]}, active)
    units = {"LoadBalancerArn": "arn-of-LoadBalancer", "MinimumLoadBalancerCapacity": {"CapacityUnits": 2750}}
    stubbed.expects("modify_capacity_reservation", units)
    wanted = stack_of(minimum_load_balancer_capacity="CapacityUnits=2750")
    stubbed.applier.carry_out(step(steps.ModifyCapacityReservation, wanted))


@pytest.mark.parametrize(("code", "status"), [("PriorRequestNotComplete", 429), ("CapacityReservationPending", 400)])
def test_an_earlier_change_of_capacity_that_is_under_way_is_waited_for(code: str, status: int, stubbed: Aws) -> None:
    active = {"LoadBalancers": [{"LoadBalancerArn": LB, "State": {"Code": "active"}}]}
    stubbed.expects("describe_load_balancers", {"LoadBalancerArns": [LB]}, active)
    stubbed.refuses("modify_capacity_reservation", code, status)
    with pytest.raises(AwsInUse, match=code):
        stubbed.applier.carry_out(steps.ModifyCapacityReservation(load_balancer=LB, units=0))


def test_subnets_wait_for_a_capacity_that_is_pending(stubbed: Aws) -> None:
    stubbed.refuses("set_subnets", "CapacityReservationPending", 400)
    subnets = tuple(SubnetMapping(subnet_id=subnet) for subnet in PRIVATE)
    with pytest.raises(AwsInUse, match="CapacityReservationPending"):
        stubbed.applier.carry_out(steps.SetSubnets(arn=LB, type="network", subnets=subnets))


# -- target groups and targets

TARGET_GROUP = {"TargetGroups": [{"TargetGroupArn": "arn:tg/1"}]}


def a_target_group(**parameters: Any) -> dict[str, Any]:
    """CreateTargetGroup for a Service's pods on port 8080."""
    return {
        "Name": ANY,
        "TargetType": "ip",
        "Port": 8080,
        "Protocol": "TCP",
        "VpcId": "vpc-1",
        "Tags": ANY,
        "HealthCheckEnabled": True,
        "HealthCheckProtocol": "TCP",
        "HealthCheckPort": "traffic-port",
        "HealthCheckIntervalSeconds": 10,
        "HealthCheckTimeoutSeconds": 10,
        "HealthyThresholdCount": 3,
        "UnhealthyThresholdCount": 3,
        **parameters,
    }


def without_attributes(made: steps.CreateTargetGroup) -> steps.CreateTargetGroup:
    """Those take a call of their own, which moto knows."""
    return replace(made, group=replace(made.group, attributes={}))


@pytest.mark.parametrize(
    ("ports", "protocol"),
    [
        ([a_port(443, protocol="UDP")], "QUIC"),
        ([a_port(443), a_port(443, protocol="UDP")], "TCP_QUIC"),
    ],
)
def test_quic_is_the_protocol_of_listener_and_target_group(ports: Any, protocol: str, stubbed: Aws) -> None:
    quic = {"nlb_target_type": "ip", "quic_enabled_ports": "443", "enable_tcp_udp_listener": "true"}
    stack = stack_of(ports=ports, **quic)
    stubbed.expects("create_target_group", a_target_group(Protocol=protocol), TARGET_GROUP)
    forward = [
        {"Type": "forward", "ForwardConfig": {"TargetGroups": [{"TargetGroupArn": "arn-of-shop/web:443"}]}, "Order": 1}
    ]
    listener = {
        "LoadBalancerArn": "arn-of-LoadBalancer",
        "Port": 443,
        "Protocol": protocol,
        "DefaultActions": forward,
        "Tags": ANY,
    }
    stubbed.expects("create_listener", listener, {"Listeners": [{"ListenerArn": "arn:listener/1"}]})
    stubbed.applier.carry_out(without_attributes(step(steps.CreateTargetGroup, stack)))
    stubbed.applier.carry_out(step(steps.CreateListener, stack))


def test_targets_behind_quic_are_registered_and_deregistered_with_their_server_ids(stubbed: Aws) -> None:
    described = {"Id": "10.0.0.7", "Port": 8443, "QuicServerId": "0x1234567890abcdef"}
    expected = {"TargetGroupArn": "arn:tg/1", "Targets": [described]}
    stubbed.expects("register_targets", expected)
    stubbed.expects("deregister_targets", expected)
    targets = Targets(stubbed.clients)
    target = Target(id="10.0.0.7", port=8443, server_id="0x1234567890abcdef")
    targets.register("arn:tg/1", [target])
    targets.deregister("arn:tg/1", [target])


def test_a_server_id_that_aws_tells_is_known(stubbed: Aws) -> None:
    described = {"Id": "10.0.0.7", "Port": 8443, "QuicServerId": "0x1234567890abcdef"}
    health = {"TargetHealthDescriptions": [{"Target": described, "TargetHealth": {"State": "healthy"}}]}
    stubbed.expects("describe_target_health", {"TargetGroupArn": "arn:tg/1"}, health)
    assert (Target(id="10.0.0.7", port=8443, server_id="0x1234567890abcdef"),) == Targets(stubbed.clients).registered(
        "arn:tg/1"
    )


def test_the_targets_of_an_ipv6_service_have_a_target_group_of_their_address_type(stubbed: Aws) -> None:
    stubbed.expects("create_target_group", a_target_group(IpAddressType="ipv6"), TARGET_GROUP)
    wanted = stack_of(spec={"ipFamilies": ["IPv6"]}, nlb_target_type="ip", **DUALSTACK)
    stubbed.applier.carry_out(without_attributes(step(steps.CreateTargetGroup, wanted)))


def test_the_port_of_the_target_control_agent_is_sent_with_the_target_group(stubbed: Aws) -> None:
    wanted = stack_of_wish(
        an_ingress_stack_intent(target_groups=(an_http_target_group_intent(target_control_port=3000),))
    )
    made = step(steps.CreateTargetGroup, wanted)
    expected = {
        **a_target_group(
            Port=made.group.port,
            Protocol="HTTP",
            TargetType=made.group.target_type,
            HealthCheckProtocol="HTTP",
            HealthCheckPath="/",
            HealthCheckIntervalSeconds=15,
            HealthCheckTimeoutSeconds=5,
            HealthyThresholdCount=2,
            UnhealthyThresholdCount=2,
            Matcher={"HttpCode": "200"},
        ),
        "ProtocolVersion": "HTTP1",
        "TargetControlPort": 3000,
    }
    stubbed.expects("create_target_group", expected, TARGET_GROUP)
    stubbed.applier.carry_out(without_attributes(made))


# -- listeners


def test_a_network_load_balancers_stickiness_is_sent_without_a_duration(stubbed: Aws) -> None:
    action = (
        '{"type": "forward", "forwardConfig": {"baseServiceWeight": 90, "targetGroupStickinessConfig": '
        '{"enabled": true}, "targetGroups": [{"serviceName": "next", "servicePort": 80, "weight": 10}]}}'
    )
    stack = stack_of(**{"service.beta.kubernetes.io/actions.TCP-80": action})
    config = {
        "TargetGroups": [{"TargetGroupArn": ANY, "Weight": 90}, {"TargetGroupArn": ANY, "Weight": 10}],
        "TargetGroupStickinessConfig": {"Enabled": True},
    }
    expected = {
        "LoadBalancerArn": "arn-of-LoadBalancer",
        "Port": 80,
        "Protocol": "TCP",
        "DefaultActions": [{"Type": "forward", "ForwardConfig": config, "Order": 1}],
        "Tags": ANY,
    }
    stubbed.expects("create_listener", expected, {"Listeners": [{"ListenerArn": "arn:listener/1"}]})
    stubbed.applier.carry_out(step(steps.CreateListener, stack))


def test_an_alpn_policy_that_is_taken_away_is_set_to_none_under_enhanced_defaults(stubbed: Aws) -> None:
    stack = stack_of("--feature-gates=EnhancedDefaultBehavior=true", existing=an_existing(), ssl_cert=CERT)
    (listener,) = stack.listeners
    there = replace(
        an_existing(),
        listeners=(Seen(arn="arn:listener/1", resource=replace(listener, load_balancer=LB, alpn_policy="HTTP2Only")),),
    )
    expected = {
        "ListenerArn": "arn:listener/1",
        "Port": 80,
        "Protocol": "TLS",
        "DefaultActions": ANY,
        "Certificates": [{"CertificateArn": CERT}],
        "SslPolicy": "ELBSecurityPolicy-2016-08",
        "AlpnPolicy": ["None"],
    }
    stubbed.expects("modify_listener", expected)
    stubbed.applier.carry_out(step(steps.ModifyListener, stack, there))


def test_a_listener_is_made_without_tags_where_aws_cannot_tag_them(stubbed: Aws) -> None:
    expected = {"LoadBalancerArn": ANY, "Port": 80, "Protocol": "TCP", "DefaultActions": ANY}
    stubbed.expects("create_listener", expected, {"Listeners": [{"ListenerArn": "arn:listener/1"}]})
    wanted = stack_of("--feature-gates=ListenerRulesTagging=false")
    stubbed.applier.carry_out(step(steps.CreateListener, wanted))
