"""What we ask AWS for comes back as what we asked for."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aws_lb_controller.aws.wire import action, listener, load_balancer, rule, security_group, tags, target_group
from aws_lb_controller.model.listener import (
    STICKY_WITHOUT_DURATION,
    Action,
    Authenticate,
    Condition,
    FixedResponse,
    Forward,
    Listener,
    MutualAuthentication,
    Redirect,
    Rule,
    Transform,
    WeightedTargetGroup,
)
from aws_lb_controller.model.load_balancer import LoadBalancer, SubnetMapping
from aws_lb_controller.model.security_group import IngressRule, Source
from aws_lb_controller.model.stack import StackId
from aws_lb_controller.model.target_group import HealthCheck, TargetGroup

texts = st.text(min_size=1, max_size=8)
optional = st.none() | texts
forwards = st.builds(
    Forward,
    target_groups=st.lists(
        st.builds(WeightedTargetGroup, texts, st.none() | st.integers(0, 999)), min_size=1, max_size=3
    ).map(tuple),
    stickiness_seconds=st.none() | st.just(STICKY_WITHOUT_DURATION) | st.integers(1, 604800),
)
actions = (
    forwards
    | st.builds(FixedResponse, status_code=texts, content_type=optional, message_body=optional)
    | st.builds(Redirect, status_code=texts, protocol=texts, host=texts, port=texts, path=texts, query=texts)
    | st.builds(
        Authenticate,
        type=st.sampled_from(["authenticate-cognito", "authenticate-oidc", "jwt-validation"]),
        config=st.dictionaries(texts, texts | st.integers(), min_size=1),
    )
)
fields = st.sampled_from(["host-header", "path-pattern", "http-request-method", "source-ip"])
values = st.lists(texts, min_size=1, max_size=3).map(tuple)
queries = st.lists(st.tuples(st.text("abc", max_size=3), texts).map("=".join), min_size=1, max_size=3).map(tuple)
conditions = (
    st.builds(Condition, field=fields, values=values)
    | st.builds(Condition, field=st.just("query-string"), values=queries)
    | st.builds(Condition, field=st.sampled_from(["host-header", "path-pattern"]), regex_values=values)
    | st.builds(Condition, field=st.just("http-header"), values=values, header_name=texts)
)
transforms = st.builds(
    Transform,
    type=st.sampled_from(["url-rewrite", "host-header-rewrite"]),
    rewrites=st.lists(st.tuples(texts, texts), min_size=1, max_size=2).map(tuple),
)


def described(parameters: dict[str, Any], **more: Any) -> dict[str, Any]:
    """An answer that holds what was asked for, as AWS gives it."""
    return {**parameters, **more}


@given(st.lists(actions, min_size=1, max_size=3).map(tuple))
def test_actions_come_back_in_their_order(wanted: tuple[Action, ...]) -> None:
    assert wanted == action.from_aws(reversed(action.to_aws(wanted)))


def test_a_forward_in_its_short_form_is_the_same_as_in_the_long_one() -> None:
    short = {"Type": "forward", "TargetGroupArn": "arn"}
    assert (Forward(target_groups=(WeightedTargetGroup("arn"),)),) == action.from_aws([short])


def test_stickiness_that_is_off_is_none() -> None:
    config = {"TargetGroups": [{"TargetGroupArn": "a"}], "TargetGroupStickinessConfig": {"Enabled": False}}
    [seen] = action.from_aws([{"Type": "forward", "ForwardConfig": config}])
    assert Forward(target_groups=(WeightedTargetGroup("a"),)) == seen


@given(
    conditions=st.lists(conditions, min_size=1, max_size=3).map(tuple),
    transforms=st.lists(transforms, max_size=2).map(tuple),
)
def test_a_rule_comes_back_as_wanted(conditions: tuple[Condition, ...], transforms: tuple[Transform, ...]) -> None:
    wanted = Rule(
        id="80:1",
        listener="arn",
        priority=1,
        conditions=conditions,
        actions=(FixedResponse(status_code="404"),),
        transforms=transforms,
        tags={"ingress.k8s.aws/resource": "80:1"},
    )
    answer = described(rule.create(wanted), RuleArn="rule", Priority="1")
    seen = rule.seen(answer, listener="arn", resource_tag="ingress.k8s.aws/resource", tags=wanted.tags)
    assert wanted == seen.resource


def test_values_that_stand_outside_their_config_are_read_too() -> None:
    answer = {"RuleArn": "rule", "Priority": "1", "Conditions": [{"Field": "path-pattern", "Values": ["/a"]}]}
    seen = rule.seen(answer, listener="arn", resource_tag="-", tags={})
    assert (Condition(field="path-pattern", values=("/a",)),) == seen.resource.conditions


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"protocol": "HTTPS", "certificates": ("a", "b", "c"), "ssl_policy": "ELBSecurityPolicy-TLS13-1-2-2021-06"},
        {"protocol": "TLS", "certificates": ("a",), "ssl_policy": "p", "alpn_policy": "HTTP2Preferred"},
        {
            "protocol": "HTTPS",
            "certificates": ("a",),
            "ssl_policy": "p",
            "mutual_authentication": MutualAuthentication(
                mode="verify", trust_store_arn="t", ignore_client_certificate_expiry=False
            ),
        },
    ],
)
def test_a_listener_comes_back_as_wanted(more: dict[str, Any]) -> None:
    wanted = Listener(
        **{
            "id": "443",
            "load_balancer": "lb",
            "port": 443,
            "protocol": "HTTP",
            "default_actions": (FixedResponse(status_code="404"),),
            "tags": {"service.k8s.aws/resource": "443"},
            "attributes": {"a": "1"},
            **more,
        }
    )
    seen = listener.seen(
        described(listener.create(wanted), ListenerArn="arn"),
        resource_tag="service.k8s.aws/resource",
        tags=wanted.tags,
        attributes=wanted.attributes,
        certificates=listener.certificates(wanted.certificates),
    )
    assert wanted == seen.resource


def test_stickiness_without_a_duration_is_asked_for_without_one() -> None:
    sticky = Forward(target_groups=(WeightedTargetGroup("a"),), stickiness_seconds=STICKY_WITHOUT_DURATION)
    [asked] = action.to_aws([sticky])
    assert {"Enabled": True} == asked["ForwardConfig"]["TargetGroupStickinessConfig"]


@pytest.mark.parametrize(("protocol", "expected"), [("TCP", STICKY_WITHOUT_DURATION), ("HTTP", 3600)])
def test_a_duration_of_stickiness_that_aws_tells_counts_for_application_load_balancers_only(
    protocol: str, expected: int
) -> None:
    forward = Forward(target_groups=(WeightedTargetGroup("a"),), stickiness_seconds=3600)
    answer = {"ListenerArn": "a", "LoadBalancerArn": "lb", "Port": 80, "Protocol": protocol}
    answer["DefaultActions"] = action.to_aws([forward])
    seen = listener.seen(answer, resource_tag="-", tags={}, attributes={}, certificates=())
    (seen_forward,) = seen.resource.default_actions
    assert isinstance(seen_forward, Forward)
    assert expected == seen_forward.stickiness_seconds


def test_a_listener_without_tls_has_no_policy_though_aws_may_say_one() -> None:
    answer = {"ListenerArn": "a", "LoadBalancerArn": "lb", "Port": 80, "Protocol": "HTTP", "SslPolicy": "old"}
    seen = listener.seen(answer, resource_tag="-", tags={}, attributes={}, certificates=())
    assert seen.resource.ssl_policy is None


@pytest.mark.parametrize("ip_address_type", ["ipv4", "ipv6"])
@pytest.mark.parametrize("codes", [{"http_codes": "200-299"}, {"grpc_codes": "12"}, {}])
def test_a_target_group_comes_back_as_wanted(codes: dict[str, str], ip_address_type: str) -> None:
    check = HealthCheck(
        protocol="HTTP",
        port="traffic-port",
        path="/",
        interval_seconds=15,
        timeout_seconds=5,
        healthy_threshold=2,
        unhealthy_threshold=2,
        **codes,
    )
    wanted = TargetGroup(
        id="a",
        name="a",
        target_type="ip",
        port=80,
        protocol="HTTP",
        protocol_version="GRPC",
        ip_address_type=ip_address_type,
        vpc_id="vpc-1",
        health_check=check,
        tags={"service.k8s.aws/resource": "a"},
        attributes={},
        target_control_port=3000,
    )
    answer = described(target_group.create(wanted), TargetGroupArn="arn", TargetGroupName="a")
    seen = target_group.seen(answer, resource_tag="service.k8s.aws/resource", tags=wanted.tags, attributes={})
    assert wanted == seen.resource


def test_a_network_load_balancer_with_fixed_addresses_comes_back_as_wanted() -> None:
    wanted = LoadBalancer(
        id="LoadBalancer",
        name="a",
        type="network",
        scheme="internet-facing",
        ip_address_type="dualstack",
        subnets=(
            SubnetMapping(subnet_id="subnet-1", allocation_id="eip-1", ipv6_address="2001:db8::1"),
            SubnetMapping(subnet_id="subnet-2", source_nat_ipv6_prefix="auto_assigned"),
        ),
        security_groups=("sg-1",),
        tags={"service.k8s.aws/resource": "LoadBalancer"},
        attributes={},
        customer_owned_ipv4_pool="coip",
        ipv4_ipam_pool_id="ipam",
        prefix_for_ipv6_source_nat="on",
    )
    asked = load_balancer.create(wanted)
    zones = [
        {
            "SubnetId": mapping["SubnetId"],
            "LoadBalancerAddresses": [mapping],
            "SourceNatIpv6Prefixes": [mapping["SourceNatIpv6Prefix"]] if "SourceNatIpv6Prefix" in mapping else [],
        }
        for mapping in reversed(asked["SubnetMappings"])
    ]
    answer = described(
        asked,
        LoadBalancerArn="arn",
        LoadBalancerName="a",
        AvailabilityZones=zones,
        DNSName="a.elb",
        State={"Code": "provisioning"},
    )
    seen = load_balancer.seen(answer, resource_tag="service.k8s.aws/resource", tags=wanted.tags, attributes={})
    assert (wanted, "a.elb", "provisioning") == (seen.resource, seen.dns_name, seen.state)


def test_permissions_that_ec2_joined_are_one_rule_for_each_source() -> None:
    permission = {
        "IpProtocol": "tcp",
        "FromPort": 80,
        "ToPort": 80,
        "IpRanges": [{"CidrIp": "10.0.0.0/8"}, {"CidrIp": "11.0.0.0/8", "Description": "-"}],
        "Ipv6Ranges": [{"CidrIpv6": "::/0"}],
        "PrefixListIds": [{"PrefixListId": "pl-1"}],
        "UserIdGroupPairs": [{"GroupId": "sg-1", "UserId": "1"}],
    }
    sources = {
        Source("ipv4", "10.0.0.0/8"): "",
        Source("ipv4", "11.0.0.0/8"): "-",
        Source("ipv6", "::/0"): "",
        Source("prefix-list", "pl-1"): "",
        Source("security-group", "sg-1"): "",
    }
    expected = {
        IngressRule(protocol="tcp", from_port=80, to_port=80, source=source, description=description)
        for source, description in sources.items()
    }
    assert expected == security_group.ingress({"IpPermissions": [permission, {"IpProtocol": "-1"}]})


def test_rules_that_differ_in_description_or_host_bits_permit_the_same() -> None:
    one = IngressRule(protocol="tcp", from_port=1, to_port=2, source=Source("ipv4", "10.1.2.3/8"), description="x")
    other = IngressRule(protocol="tcp", from_port=1, to_port=2, source=Source("ipv4", "10.0.0.0/8"))
    assert security_group.permits(one) == security_group.permits(other)


@pytest.mark.parametrize(
    ("owned", "expected"),
    [
        ({"elbv2.k8s.aws/cluster": "demo", "ingress.k8s.aws/stack": "shop"}, StackId("ingress", "shop")),
        ({"elbv2.k8s.aws/cluster": "demo", "service.k8s.aws/stack": "shop/web"}, StackId("service", "shop/web")),
        ({"elbv2.k8s.aws/cluster": "other", "service.k8s.aws/stack": "shop/web"}, None),
        ({"elbv2.k8s.aws/cluster": "demo", "elbv2.k8s.aws/resource": "backend-sg"}, None),
        ({}, None),
    ],
)
def test_tags_tell_whose_a_resource_is(owned: dict[str, str], expected: StackId | None) -> None:
    assert expected == tags.owner(owned, cluster="demo")
