"""What a Service becomes under each flag and feature gate: from its manifest to the stack."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from aws_lb_controller.build.config import BuildConfig
from aws_lb_controller.build.facts import Subnet, VpcCidrs
from aws_lb_controller.build.stack import build
from aws_lb_controller.errors import SpecError, UnmetNeed
from aws_lb_controller.intent.service import is_ours, read_service
from aws_lb_controller.model.binding import Binding
from aws_lb_controller.model.load_balancer import LoadBalancer
from aws_lb_controller.model.observed import ObservedStack
from aws_lb_controller.model.refs import BACKEND_SECURITY_GROUP, Ref, Value
from aws_lb_controller.model.stack import Stack
from aws_lb_controller.settings import Settings
from builders_intent import PRIVATE, PUBLIC, a_forward, a_subnet, all_subnets, an_existing, facts
from builders_kube import a_port, a_service

PREFIX = "service.beta.kubernetes.io/aws-load-balancer-"
MANAGED = Ref("SecurityGroup", "ManagedLBSecurityGroup")
IPV6_RANGE = "2001:db8::/32"


def settings_of(*flags: str) -> Settings:
    return Settings.from_args(["--cluster-name=demo", *flags])


def annotated(**annotations: str) -> dict[str, str]:
    """Keys without ``aws-load-balancer-``, underscores for dashes."""
    return {PREFIX + key.replace("_", "-"): text for key, text in annotations.items()}


def stack(
    *flags: str,
    existing: ObservedStack | None = None,
    subnets: tuple[Subnet, ...] | None = None,
    annotations: dict[str, str] | None = None,
    **service: Any,
) -> Stack:
    """The stack of a Service in a cluster that runs with these flags; security group ``edge`` is sg-1."""
    settings = settings_of(*flags)
    config = BuildConfig.of(settings, "vpc-1")
    intent, _ = read_service(a_service(annotations=annotations, **service), settings)
    vpc = VpcCidrs(ipv4=("192.168.0.0/16",), ipv6=("2001:db8::/56",))
    known = facts(intent, config, existing=existing, subnets=subnets, vpc=vpc, security_groups={"edge": ("sg-1",)})
    return build(intent, known, config)


def refusal(*flags: str, **given: Any) -> str:
    """Everything that is wrong, as the user reads it."""
    with pytest.raises((SpecError, UnmetNeed)) as caught:
        stack(*flags, **given)
    return str(caught.value)


def the_load_balancer(built: Stack) -> LoadBalancer:
    (load_balancer,) = built.load_balancers
    return load_balancer


def the_binding(built: Stack) -> Binding:
    (binding,) = built.bindings
    return binding


def let_in(
    built: Stack,
) -> list[tuple[tuple[Value | None, ...], tuple[tuple[str | None, int | str | None], ...]]] | None:
    """The binding's rules: from whom (group or network), on which ports."""
    rules = the_binding(built).networking
    if rules is None:
        return None
    return [
        (tuple(p.security_group or p.cidr for p in rule.peers), tuple((p.protocol, p.port) for p in rule.ports))
        for rule in rules
    ]


def opened(built: Stack) -> set[tuple[str, int | None, Value]]:
    """What the managed security group lets in: protocol, port, source."""
    (group,) = built.security_groups
    return {(rule.protocol, rule.from_port, rule.source.value) for rule in group.ingress}


def all_tags(built: Stack) -> list[Mapping[str, str]]:
    """The tags of the one security group, target group, load balancer and listener."""
    (group,), (target_group,), (listener,) = built.security_groups, built.target_groups, built.listeners
    return [group.tags, target_group.tags, the_load_balancer(built).tags, listener.tags]


# -- which Services are ours


def test_only_load_balancer_services_are_ours_under_service_type_load_balancer_only() -> None:
    service = a_service(type="NodePort", loadBalancerClass=None, annotations=annotated(type="nlb-ip"))
    assert is_ours(service, settings_of())
    assert not is_ours(service, settings_of("--feature-gates=ServiceTypeLoadBalancerOnly=true"))


def test_the_class_of_the_flag_makes_a_service_ours() -> None:
    settings = settings_of("--load-balancer-class=example.com/nlb")
    assert is_ours(a_service(loadBalancerClass="example.com/nlb"), settings)
    assert not is_ours(a_service(), settings)


# -- target types


def test_the_default_target_type_holds_where_the_service_is_silent() -> None:
    built = stack("--default-target-type=ip")
    assert ["ip"] == [group.target_type for group in built.target_groups]


def test_a_blank_target_type_is_instance_whatever_the_default() -> None:
    built = stack("--default-target-type=ip", annotations=annotated(nlb_target_type=""))
    assert ["instance"] == [group.target_type for group in built.target_groups]


@pytest.mark.parametrize(
    ("flags", "annotations"), [((), annotated(nlb_target_type="ip")), (("--default-target-type=ip",), {})]
)
def test_ip_targets_are_refused_without_their_gate(flags: tuple[str, ...], annotations: dict[str, str]) -> None:
    wrong = refusal("--feature-gates=EnableIPTargetType=false", *flags, annotations=annotations)
    assert "EnableIPTargetType" in wrong


def test_the_old_type_nlb_ip_alone_has_ip_targets_even_without_the_gate() -> None:
    built = stack("--feature-gates=EnableIPTargetType=false", annotations=annotated(type="nlb-ip"))
    assert ["ip"] == [group.target_type for group in built.target_groups]


def test_unreadable_node_labels_are_nobodys_problem_where_targets_are_pods() -> None:
    assert (
        the_binding(stack(annotations=annotated(nlb_target_type="ip", target_node_labels="edge"))).node_selector is None
    )
    assert "target-node-labels" in refusal(annotations=annotated(target_node_labels="edge"))


# -- scheme, subnets, addresses


def test_the_default_scheme_holds_where_neither_service_nor_aws_has_one() -> None:
    built = the_load_balancer(stack("--default-load-balancer-scheme=internet-facing"))
    assert ("internet-facing", PUBLIC) == (built.scheme, tuple(s.subnet_id for s in built.subnets))


def test_an_existing_load_balancer_keeps_its_scheme_when_the_default_changes() -> None:
    built = stack("--default-load-balancer-scheme=internet-facing", existing=an_existing())
    assert "internal" == the_load_balancer(built).scheme


def test_subnets_of_other_clusters_count_without_the_cluster_tag_check() -> None:
    tags = {"kubernetes.io/role/internal-elb": "1", "kubernetes.io/cluster/other": "shared"}
    others = tuple(a_subnet(name, tags=tags) for name in ("private-a", "private-b"))
    built = stack("--feature-gates=SubnetsClusterTagCheck=false", subnets=others)
    assert ["subnet-private-a", "subnet-private-b"] == [s.subnet_id for s in the_load_balancer(built).subnets]
    assert "tagged for other clusters only" in refusal(subnets=others)


def test_without_role_tags_and_without_discovery_by_reachability_there_are_no_subnets() -> None:
    untagged = tuple(replace(subnet, tags={}) for subnet in all_subnets())
    assert PRIVATE == tuple(s.subnet_id for s in the_load_balancer(stack(subnets=untagged)).subnets)
    wrong = refusal("--feature-gates=SubnetDiscoveryByReachability=false", subnets=untagged)
    assert "the tag kubernetes.io/role/internal-elb" in wrong


def test_subnets_on_an_outpost_and_in_a_region_do_not_go_together() -> None:
    mixed = (a_subnet("private-a", zone_type="outpost"), a_subnet("private-b"))
    assert "zones of several kinds (availability-zone, outpost)" in refusal(subnets=mixed)


def test_source_nat_by_ipv6_is_switched_off_where_dual_stack_goes() -> None:
    existing = an_existing(ip_address_type="dualstack", prefix_for_ipv6_source_nat="on")
    assert "off" == the_load_balancer(stack(existing=existing)).prefix_for_ipv6_source_nat
    assert the_load_balancer(stack(existing=an_existing())).prefix_for_ipv6_source_nat is None


# -- capacity, listeners


def test_capacity_is_not_asked_for_without_its_gate_and_not_even_read() -> None:
    off = "--feature-gates=LBCapacityReservation=false"
    built = stack(off, annotations=annotated(minimum_load_balancer_capacity="much"))
    assert the_load_balancer(built).minimum_capacity_units is None


def test_the_gate_joins_tcp_and_udp_of_one_port() -> None:
    ports = [a_port(53), a_port(53, protocol="UDP")]
    built = stack("--feature-gates=EnableTCPUDPListener=true", ports=ports)
    assert ["TCP_UDP"] == [listener.protocol for listener in built.listeners]
    assert ["TCP_UDP"] == [group.protocol for group in built.target_groups]


def test_the_annotation_keeps_tcp_and_udp_apart_whatever_the_gate() -> None:
    ports = [a_port(53), a_port(53, protocol="UDP")]
    apart = annotated(enable_tcp_udp_listener="false")
    built = stack("--feature-gates=EnableTCPUDPListener=true", ports=ports, annotations=apart)
    assert ["TCP"] == [listener.protocol for listener in built.listeners]


def test_the_default_policy_holds_for_tls_listeners_only() -> None:
    annotations = annotated(ssl_cert="arn:cert", ssl_ports="443")
    built = stack("--default-ssl-policy=Strict", ports=[a_port(80), a_port(443)], annotations=annotations)
    assert {80: None, 443: "Strict"} == {listener.port: listener.ssl_policy for listener in built.listeners}


def test_a_tls_port_cannot_be_quic() -> None:
    wrong = refusal(annotations=annotated(ssl_cert="arn:cert", quic_enabled_ports="80"))
    assert "port 80 is TLS: QUIC needs a UDP port" in wrong


def test_an_alpn_policy_that_is_taken_away_goes_with_the_gate_for_enhanced_defaults() -> None:
    built = stack("--feature-gates=EnhancedDefaultBehavior=true", annotations=annotated(ssl_cert="arn:cert"))
    assert {"None"} == {listener.alpn_policy for listener in built.listeners if listener.protocol == "TLS"}


def test_nothing_is_said_of_the_tags_of_listeners_without_their_gate() -> None:
    built = stack("--feature-gates=ListenerRulesTagging=false", "--default-tags=team=shop")
    assert [None] == [listener.tags for listener in built.listeners]
    assert "shop" == built.target_groups[0].tags["team"]


def test_one_target_group_is_all_that_a_forward_has_without_the_gate_for_weights() -> None:
    settings = settings_of("--feature-gates=WeightedTargetGroups=false")
    config = BuildConfig.of(settings, "vpc-1")
    intent, _ = read_service(a_service(ports=[a_port(80), a_port(81)]), settings)
    assert 2 == len(build(intent, facts(intent, config), config).listeners)
    both = replace(intent.listeners[0], default_actions=(a_forward("shop/web:80", "shop/web:81"),))
    weighted = replace(intent, listeners=(both,))
    with pytest.raises(SpecError, match="WeightedTargetGroups"):
        build(weighted, facts(weighted, config), config)


# -- target groups


@pytest.mark.parametrize(("protocol", "path"), [("HTTP", "/"), ("HTTPS", "/"), ("TCP", None)])
def test_without_the_gate_for_advanced_checks_timeout_and_codes_are_aws_own(protocol: str, path: str | None) -> None:
    annotations = annotated(
        healthcheck_protocol=protocol,
        healthcheck_timeout="7",
        healthcheck_success_codes="204",
        healthcheck_interval="30",
    )
    built = stack("--feature-gates=NLBHealthCheckAdvancedConfig=false", annotations=annotations)
    check = built.target_groups[0].health_check
    assert (protocol, path, 30, 10, None) == (
        check.protocol,
        check.path,
        check.interval_seconds,
        check.timeout_seconds,
        check.http_codes,
    )


def test_without_the_gate_for_advanced_checks_local_services_keep_their_own_timeout() -> None:
    built = stack(
        "--feature-gates=NLBHealthCheckAdvancedConfig=false",
        externalTrafficPolicy="Local",
        healthCheckNodePort=31234,
        annotations=annotated(healthcheck_timeout="7"),
    )
    check = built.target_groups[0].health_check
    assert ("HTTP", "31234", "/healthz", 6, 2) == (
        check.protocol,
        check.port,
        check.path,
        check.timeout_seconds,
        check.healthy_threshold,
    )


def test_an_unreadable_timeout_is_nobodys_problem_without_the_gate_for_advanced_checks() -> None:
    built = stack(
        "--feature-gates=NLBHealthCheckAdvancedConfig=false", annotations=annotated(healthcheck_timeout="soon")
    )
    assert 10 == built.target_groups[0].health_check.timeout_seconds


def test_a_ports_own_blank_client_ip_preservation_is_an_error_naming_that_port() -> None:
    annotations = annotated(target_group_attributes="preserve_client_ip.enabled=true")
    annotations[PREFIX + "target-group-attributes.80"] = "preserve_client_ip.enabled="
    assert "target-group-attributes.80" in refusal(annotations=annotations)


# -- security groups


def test_an_nlb_has_no_security_groups_without_the_gate_and_is_let_in_by_address() -> None:
    built = stack("--feature-gates=NLBSecurityGroup=false", annotations=annotated(nlb_target_type="ip"))
    assert ((), ()) == (built.security_groups, the_load_balancer(built).security_groups)
    networks = ("192.168.96.0/20", "192.168.112.0/20", "192.168.128.0/20")
    assert [(networks, (("TCP", 8080),))] == let_in(built)


def test_an_nlb_that_has_security_groups_cannot_lose_them_to_the_gate() -> None:
    assert "cannot take all security groups" in refusal(
        "--feature-gates=NLBSecurityGroup=false", existing=an_existing()
    )


def test_an_nlb_that_was_made_without_security_groups_never_has_any() -> None:
    built = stack(existing=an_existing(security_groups=()), annotations=annotated(security_groups="edge"))
    assert ((), ()) == (built.security_groups, the_load_balancer(built).security_groups)


def test_without_the_shared_group_the_managed_one_is_let_in() -> None:
    built = stack("--enable-backend-security-group=false")
    assert (MANAGED,) == the_load_balancer(built).security_groups
    assert [((MANAGED,), (("TCP", 30080),))] == let_in(built)


def test_own_groups_come_alone_and_the_targets_groups_are_left_alone() -> None:
    built = stack(annotations=annotated(security_groups="edge"))
    assert ("sg-1",) == the_load_balancer(built).security_groups
    assert let_in(built) is None


def test_own_groups_come_with_the_shared_one_under_the_flag_that_manages_backend_rules() -> None:
    flag = "--enable-manage-backend-security-group-rules=true"
    built = stack(flag, annotations=annotated(security_groups="edge"))
    assert ("sg-1", BACKEND_SECURITY_GROUP) == the_load_balancer(built).security_groups
    assert [((BACKEND_SECURITY_GROUP,), (("TCP", 30080),))] == let_in(built)


def test_the_annotation_wins_over_the_flag_that_manages_backend_rules() -> None:
    flag = "--enable-manage-backend-security-group-rules=true"
    annotations = annotated(security_groups="edge", manage_backend_security_group_rules="false")
    assert ("sg-1",) == the_load_balancer(stack(flag, annotations=annotations)).security_groups


def test_backend_rules_for_own_groups_need_the_shared_group() -> None:
    annotations = annotated(security_groups="edge", manage_backend_security_group_rules="true")
    wrong = refusal("--enable-backend-security-group=false", annotations=annotations)
    assert "manage-backend-security-group-rules" in wrong


def test_the_switch_for_backend_rules_says_nothing_where_the_group_is_managed() -> None:
    unreadable = annotated(manage_backend_security_group_rules="maybe")
    assert [((BACKEND_SECURITY_GROUP,), (("TCP", 30080),))] == let_in(stack(annotations=unreadable))
    assert "maybe" in refusal(annotations={**unreadable, **annotated(security_groups="edge")})
    assert "maybe" in refusal(annotations={**unreadable, **annotated(disable_nlb_sg="true")})


def test_all_ports_of_the_targets_are_open_without_restricted_rules() -> None:
    assert [((BACKEND_SECURITY_GROUP,), (("TCP", None),))] == let_in(stack("--disable-restricted-sg-rules=true"))


def test_udp_targets_are_open_for_both_transports_without_restricted_rules() -> None:
    built = stack("--disable-restricted-sg-rules=true", ports=[a_port(53, protocol="UDP")])
    assert [((BACKEND_SECURITY_GROUP,), (("TCP", None), ("UDP", None)))] == let_in(built)


def test_rules_by_address_stay_restricted_whatever_the_flag() -> None:
    annotations = annotated(nlb_target_type="ip", disable_nlb_sg="true", subnets="public-a", scheme="internet-facing")
    built = stack("--disable-restricted-sg-rules=true", annotations=annotations)
    assert [(("192.168.0.0/20",), (("TCP", 8080),))] == let_in(built)


# -- who may reach the listeners


def test_an_ipv6_source_range_needs_dual_stack() -> None:
    wrong = refusal(loadBalancerSourceRanges=[IPV6_RANGE])
    assert f"spec.loadBalancerSourceRanges = '{IPV6_RANGE}'" in wrong
    built = stack(
        loadBalancerSourceRanges=[IPV6_RANGE],
        annotations=annotated(ip_address_type="dualstack", scheme="internet-facing"),
    )
    assert {("tcp", 80, IPV6_RANGE)} == opened(built)


def test_an_ipv6_source_range_of_the_annotation_is_told_to_the_annotation() -> None:
    key = "service.beta.kubernetes.io/load-balancer-source-ranges"
    assert f"{key} = '{IPV6_RANGE}'" in refusal(annotations={key: f"10.0.0.0/8, {IPV6_RANGE}"})


def test_source_ranges_say_nothing_where_the_groups_are_the_users_own() -> None:
    built = stack(loadBalancerSourceRanges=[IPV6_RANGE], annotations=annotated(security_groups="edge"))
    assert ("sg-1",) == the_load_balancer(built).security_groups


def test_source_ranges_are_let_in_as_they_are_where_there_is_no_group() -> None:
    built = stack(
        "--feature-gates=NLBSecurityGroup=false",
        loadBalancerSourceRanges=[IPV6_RANGE],
        ports=[a_port(53, protocol="UDP")],
    )
    rules = let_in(built)
    assert rules is not None
    assert ((IPV6_RANGE,), (("UDP", 30053),)) == rules[0]


def test_a_blank_list_of_prefix_lists_lets_nobody_in() -> None:
    assert set() == opened(stack(annotations=annotated(security_group_prefix_lists=" ")))


def test_source_ranges_are_let_in_beside_a_blank_list_of_prefix_lists() -> None:
    annotations = annotated(security_group_prefix_lists="")
    built = stack(loadBalancerSourceRanges=["10.0.0.0/8"], annotations=annotations)
    assert {("tcp", 80, "10.0.0.0/8")} == opened(built)


# -- tags


def test_default_tags_win_over_the_services_and_ours_over_all() -> None:
    annotations = annotated(additional_resource_tags="team=web,cost=1,elbv2.k8s.aws/cluster=mine")
    built = stack("--default-tags=team=shop", annotations=annotations)
    assert [("shop", "1", "demo")] * 4 == [
        (tags["team"], tags["cost"], tags["elbv2.k8s.aws/cluster"]) for tags in all_tags(built)
    ]


def test_the_services_tags_win_over_default_tags_of_low_priority() -> None:
    gate = "--feature-gates=EnableDefaultTagsLowPriority=true"
    built = stack(gate, "--default-tags=team=shop,env=test", annotations=annotated(additional_resource_tags="team=web"))
    assert [("web", "test")] * 4 == [(tags["team"], tags["env"]) for tags in all_tags(built)]


def test_a_tag_that_others_manage_cannot_be_the_services() -> None:
    wrong = refusal("--external-managed-tags=cost", annotations=annotated(additional_resource_tags="cost=1"))
    assert "leave out cost: --external-managed-tags" in wrong
