"""What moto drops or does not check of Ingresses is sent right: from annotations and class parameters to exact calls.

Nothing answers but what a test puts there, and botocore refuses what its model of ELBv2 does not have.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, TypeVar

import pytest
from aws_builders import our_clients, settings
from botocore.stub import ANY, Stubber

from aws_lb_controller.aws.apply import Applier
from aws_lb_controller.aws.backend_group import BackendSecurityGroup
from aws_lb_controller.build.config import BuildConfig
from aws_lb_controller.build.stack import build
from aws_lb_controller.intent.ingress_member import MemberInput
from aws_lb_controller.model.observed import ObservedStack
from aws_lb_controller.model.refs import references, resolve
from aws_lb_controller.model.stack import Stack
from aws_lb_controller.plan import steps
from aws_lb_controller.plan.plan import plan
from builders_ingress import SETTINGS, a_member, a_path, a_rule, an_action_path, an_ingress, wish
from builders_intent import PRIVATE, PUBLIC, facts

LB, ACTIVE = "arn-of-LoadBalancer", {"LoadBalancers": [{"LoadBalancerArn": "lb", "State": {"Code": "active"}}]}
TLS = {"listen-ports": '[{"HTTPS": 443}]', "certificate-arn": "arn:cert"}
MADE: dict[str, Any] = {"LoadBalancers": [{"LoadBalancerArn": "lb", "DNSName": "lb.example"}]}
OK = {"ResponseMetadata": {"HTTPStatusCode": 200}}

S = TypeVar("S")


# ---- from an Ingress to a step


def stack_of(alb: dict[str, str] | None = None, *, of_class: dict[str, Any] | None = None, **spec: Any) -> Stack:
    member: MemberInput = a_member(an_ingress(alb=alb, **spec), **(of_class or {}))
    intent, config = wish(member), BuildConfig.of(SETTINGS, "vpc-1")
    return build(intent, facts(intent, config, trust_stores={"clients": "arn:store"}), config)


def step(kind: type[S], stack: Stack) -> S:
    """The one step of its kind on the way from nothing, with a made-up ARN for whatever it refers to."""
    (found,) = (one for one in plan(stack, ObservedStack()) if isinstance(one, kind))
    return resolve(found, {ref: f"arn-of-{ref.id}" for ref in references(found)})


# ---- from a step to calls


class Aws:
    """Takes just the calls that it was told to expect, in that order."""

    def __init__(self) -> None:
        clients = our_clients("vpc-1")
        self.applier = Applier(clients, settings(), BackendSecurityGroup(clients, settings()))
        self.stubber = Stubber(clients.elbv2)

    def expects(self, operation: str, parameters: dict[str, Any], answer: dict[str, Any] | None = None) -> None:
        self.stubber.add_response(operation, {**OK, **(answer or {})}, parameters)


@pytest.fixture
def stubbed() -> Iterator[Aws]:
    """Every expected call must have been made when the test ends."""
    aws = Aws()
    with aws.stubber:
        yield aws
        aws.stubber.assert_no_pending_responses()


def an_application_load_balancer(**parameters: Any) -> dict[str, Any]:
    return {
        "Name": ANY,
        "Type": "application",
        "Scheme": "internal",
        "IpAddressType": "ipv4",
        "SubnetMappings": [{"SubnetId": subnet} for subnet in PRIVATE],
        "SecurityGroups": ["arn-of-ManagedLBSecurityGroup", "arn-of-shared"],
        "Tags": ANY,
        **parameters,
    }


# -- load balancers


@pytest.mark.parametrize(
    ("alb", "of_class", "parameters"),
    [
        ({"ipam-ipv4-pool-id": "ipam-pool-1"}, {}, {"IpamPools": {"Ipv4IpamPoolId": "ipam-pool-1"}}),
        (
            {"ipam-ipv4-pool-id": "ipam-pool-1"},
            {"ipamConfiguration": {"ipv4IPAMPoolId": "ipam-pool-2"}},
            {"IpamPools": {"Ipv4IpamPoolId": "ipam-pool-2"}},
        ),
        ({"customer-owned-ipv4-pool": "ipv4pool-coip-1"}, {}, {"CustomerOwnedIpv4Pool": "ipv4pool-coip-1"}),
        (
            {"scheme": "internet-facing", "ip-address-type": "dualstack-without-public-ipv4"},
            {},
            {
                "Scheme": "internet-facing",
                "IpAddressType": "dualstack-without-public-ipv4",
                "SubnetMappings": [{"SubnetId": subnet} for subnet in PUBLIC],
            },
        ),
    ],
    ids=["IPAM pool", "IPAM pool of the class", "customer-owned pool", "without public IPv4"],
)
def test_a_load_balancer_is_made_with_the_pool_its_addresses_come_from(
    alb: dict[str, str], of_class: dict[str, Any], parameters: dict[str, Any], stubbed: Aws
) -> None:
    stubbed.expects("create_load_balancer", an_application_load_balancer(**parameters), MADE)
    stubbed.applier.carry_out(step(steps.CreateLoadBalancer, stack_of(alb, of_class=of_class)))


def test_where_the_logs_go_is_said_as_soon_as_the_load_balancer_is_made(stubbed: Aws) -> None:
    logs = {"access_logs.s3.enabled": "true", "access_logs.s3.bucket": "logs", "connection_logs.s3.enabled": "true"}
    attributes = [{"Key": key, "Value": text} for key, text in sorted(logs.items())]
    stubbed.expects("create_load_balancer", an_application_load_balancer(), MADE)
    stubbed.expects("modify_load_balancer_attributes", {"LoadBalancerArn": "lb", "Attributes": attributes})
    written = ",".join(f"{key}={text}" for key, text in logs.items())
    stubbed.applier.carry_out(step(steps.CreateLoadBalancer, stack_of({"load-balancer-attributes": written})))


@pytest.mark.parametrize(
    ("alb", "of_class", "units"),
    [
        ({"minimum-load-balancer-capacity": "CapacityUnits=1000"}, {}, 1000),
        ({}, {"minimumLoadBalancerCapacity": {"capacityUnits": 500}}, 500),
    ],
    ids=["annotation", "class"],
)
def test_capacity_is_reserved_in_units(alb: dict[str, str], of_class: dict[str, Any], units: int, stubbed: Aws) -> None:
    stubbed.expects("describe_load_balancers", {"LoadBalancerArns": [LB]}, ACTIVE)
    wanted = {"LoadBalancerArn": LB, "MinimumLoadBalancerCapacity": {"CapacityUnits": units}}
    stubbed.expects("modify_capacity_reservation", wanted)
    stubbed.applier.carry_out(step(steps.ModifyCapacityReservation, stack_of(alb, of_class=of_class)))


# -- target groups


def test_the_port_of_the_target_control_agent_is_sent_with_the_target_group(stubbed: Aws) -> None:
    made = step(steps.CreateTargetGroup, stack_of({"target-type": "ip", "target-control-port.web.80": "3000"}))
    expected = {
        "Name": ANY,
        "TargetType": "ip",
        "Port": 8080,
        "Protocol": "HTTP",
        "ProtocolVersion": "HTTP1",
        "TargetControlPort": 3000,
        "VpcId": "vpc-1",
        "Tags": ANY,
        "HealthCheckEnabled": True,
        "HealthCheckProtocol": "HTTP",
        "HealthCheckPort": "traffic-port",
        "HealthCheckPath": "/",
        "HealthCheckIntervalSeconds": 15,
        "HealthCheckTimeoutSeconds": 5,
        "HealthyThresholdCount": 2,
        "UnhealthyThresholdCount": 2,
        "Matcher": {"HttpCode": "200"},
    }
    stubbed.expects("create_target_group", expected, {"TargetGroups": [{"TargetGroupArn": "tg"}]})
    stubbed.applier.carry_out(made)


# -- listeners and rules


@pytest.mark.parametrize(
    ("settings_of_port", "sent"),
    [
        (
            {"mode": "verify", "trustStore": "clients"},
            {"Mode": "verify", "TrustStoreArn": "arn:store", "IgnoreClientCertificateExpiry": False},
        ),
        (
            {
                "mode": "verify",
                "trustStore": "arn:other",
                "ignoreClientCertificateExpiry": True,
                "advertiseTrustStoreCaNames": "on",
            },
            {
                "Mode": "verify",
                "TrustStoreArn": "arn:other",
                "IgnoreClientCertificateExpiry": True,
                "AdvertiseTrustStoreCaNames": "on",
            },
        ),
        ({"mode": "passthrough"}, {"Mode": "passthrough", "TrustStoreArn": ""}),
    ],
    ids=["trust store by name", "by ARN, with all there is", "passthrough"],
)
def test_a_listener_is_made_with_its_mutual_authentication(
    settings_of_port: dict[str, Any], sent: dict[str, Any], stubbed: Aws
) -> None:
    alb = {**TLS, "mutual-authentication": json.dumps([{"port": 443, **settings_of_port}])}
    expected = {
        "LoadBalancerArn": LB,
        "Port": 443,
        "Protocol": "HTTPS",
        "SslPolicy": "ELBSecurityPolicy-2016-08",
        "Certificates": [{"CertificateArn": "arn:cert"}],
        "DefaultActions": ANY,
        "MutualAuthentication": sent,
        "Tags": ANY,
    }
    stubbed.expects("create_listener", expected, {"Listeners": [{"ListenerArn": "listener"}]})
    listed = {"ListenerArn": "listener", "Certificates": [{"CertificateArn": "arn:cert"}]}
    stubbed.expects("add_listener_certificates", listed)
    stubbed.applier.carry_out(step(steps.CreateListener, stack_of(alb)))


EXTRAS = {
    "actions.api": '{"type": "fixed-response", "fixedResponseConfig": {"statusCode": "200"}}',
    "use-regex-path-match": "true",
    "conditions.api": json.dumps(
        [
            {"field": "host-header", "hostHeaderConfig": {"regexValues": ["^api[0-9]"]}},
            {"field": "http-header", "httpHeaderConfig": {"httpHeaderName": "X-Stage", "regexValues": ["^b"]}},
            {"field": "source-ip", "sourceIPConfig": {"values": ["10.0.0.0/8"]}},
        ]
    ),
    "transforms.api": json.dumps(
        [
            {"type": "host-header-rewrite", "hostHeaderRewriteConfig": {"rewrites": [{"regex": "a", "replace": "b"}]}},
            {"type": "url-rewrite", "urlRewriteConfig": {"rewrites": [{"regex": "^/v1", "replace": "/"}]}},
        ]
    ),
    "jwt-validation": json.dumps(
        {
            "jwksEndpoint": "https://id/keys",
            "issuer": "https://id",
            "additionalClaims": [{"format": "string-array", "name": "aud", "values": ["shop"]}],
        }
    ),
}


def test_a_rule_is_made_with_regular_expressions_transforms_and_a_validation_of_tokens(stubbed: Aws) -> None:
    rules = [a_rule(an_action_path("/^/v[0-9]", action="api", kind="ImplementationSpecific"))]
    header = {"HttpHeaderName": "X-Stage", "RegexValues": ["^b"]}
    claims = [{"Format": "string-array", "Name": "aud", "Values": ["shop"]}]
    token = {"JwksEndpoint": "https://id/keys", "Issuer": "https://id", "AdditionalClaims": claims}
    expected = {
        "ListenerArn": "arn-of-443",
        "Priority": 1,
        "Conditions": [
            {"Field": "http-header", "HttpHeaderConfig": header},
            {"Field": "source-ip", "SourceIpConfig": {"Values": ["10.0.0.0/8"]}},
            {"Field": "host-header", "HostHeaderConfig": {"RegexValues": ["^api[0-9]"]}},
            {"Field": "path-pattern", "PathPatternConfig": {"RegexValues": ["^/v[0-9]"]}},
        ],
        "Actions": [
            {"Type": "jwt-validation", "Order": 1, "JwtValidationConfig": token},
            {"Type": "fixed-response", "Order": 2, "FixedResponseConfig": {"StatusCode": "200"}},
        ],
        "Transforms": [
            {"Type": "host-header-rewrite", "HostHeaderRewriteConfig": {"Rewrites": [{"Regex": "a", "Replace": "b"}]}},
            {"Type": "url-rewrite", "UrlRewriteConfig": {"Rewrites": [{"Regex": "^/v1", "Replace": "/"}]}},
        ],
        "Tags": ANY,
    }
    stubbed.expects("create_rule", expected, {"Rules": [{"RuleArn": "rule"}]})
    stubbed.applier.carry_out(step(steps.CreateRule, stack_of({**TLS, **EXTRAS}, rules=rules)))


def test_a_wildcard_host_and_a_path_of_each_type_are_sent_as_they_are_written(stubbed: Aws) -> None:
    path = a_path("/shop", kind="Exact")
    stubbed.expects(
        "create_rule",
        {
            "ListenerArn": "arn-of-80",
            "Priority": 1,
            "Conditions": [
                {"Field": "host-header", "HostHeaderConfig": {"Values": ["*.example.com"]}},
                {"Field": "path-pattern", "PathPatternConfig": {"Values": ["/shop"]}},
            ],
            "Actions": ANY,
            "Tags": ANY,
        },
        {"Rules": [{"RuleArn": "rule"}]},
    )
    stubbed.applier.carry_out(step(steps.CreateRule, stack_of(rules=[a_rule(path, host="*.example.com")])))
