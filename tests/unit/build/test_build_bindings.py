"""TargetGroupBindings: what they point to, and who may reach the targets."""

from __future__ import annotations

from typing import Any

import pytest

from aws_lb_controller.build.facts import VpcCidrs
from aws_lb_controller.build.stack import build
from aws_lb_controller.intent.values import (
    FrontendAccess,
    HealthCheckIntent,
    SecurityGroupChoice,
    TargetGroupIntent,
)
from aws_lb_controller.model.binding import Binding, NetworkingPeer, NetworkingPort, NetworkingRule
from aws_lb_controller.model.refs import BACKEND_SECURITY_GROUP, Ref
from aws_lb_controller.model.stack import StackId
from builders_intent import (
    a_build_config,
    a_load_balancer_intent,
    a_service_port,
    a_stack_intent,
    a_target_group_intent,
    an_existing,
    an_http_target_group_intent,
    an_ingress_stack_intent,
    facts,
    some_service_facts,
)

BY_GROUP = (NetworkingPeer(security_group=BACKEND_SECURITY_GROUP),)
NO_GROUP = SecurityGroupChoice(none_at_all=True)
SUBNETS = ("192.168.96.0/20", "192.168.112.0/20", "192.168.128.0/20")


def tcp(port: int | str | None) -> NetworkingPort:
    return NetworkingPort(protocol="TCP", port=port)


def udp(port: int | str | None) -> NetworkingPort:
    return NetworkingPort(protocol="UDP", port=port)


def by_cidr(*cidrs: str) -> tuple[NetworkingPeer, ...]:
    return tuple(NetworkingPeer(cidr=cidr) for cidr in cidrs)


def on_nlb(wanted: TargetGroupIntent | None = None, *, config: Any = None, existing: Any = None, **lb: Any) -> Binding:
    config = config or a_build_config()
    wanted = wanted or a_target_group_intent()
    intent = a_stack_intent(target_groups=(wanted,), load_balancer=a_load_balancer_intent(**lb))
    known = facts(
        intent,
        config,
        existing=existing,
        security_groups={"edge": ("sg-1",)},
        vpc=VpcCidrs(ipv4=("10.0.0.0/8", "100.64.0.0/16"), ipv6=("2001:db8::/56",)),
    )
    (binding,) = build(intent, known, config).bindings
    return binding


def on_alb(*, config: Any = None, **values: Any) -> Binding:
    config = config or a_build_config()
    intent = an_ingress_stack_intent(target_groups=(an_http_target_group_intent(**values),))
    (binding,) = build(intent, facts(intent, config), config).bindings
    return binding


def test_a_binding_stands_beside_the_service_and_bears_the_target_groups_name() -> None:
    intent = an_ingress_stack_intent()
    stack = build(intent, facts(intent), a_build_config())
    expected = Binding(
        namespace="shop",
        name=stack.target_groups[0].name,
        labels={"ingress.k8s.aws/stack-namespace": "shop", "ingress.k8s.aws/stack-name": "web"},
        target_group=Ref("TargetGroup", "shop/web-web:80"),
        target_group_protocol="HTTP",
        target_type="ip",
        ip_address_type="ipv4",
        vpc_id="vpc-1",
        service_name="web",
        service_port=80,
        networking=(NetworkingRule(peers=BY_GROUP, ports=(tcp(8080),)),),
    )
    assert (expected,) == stack.bindings


def test_a_binding_of_an_explicit_group_is_labelled_with_the_groups_name() -> None:
    intent = an_ingress_stack_intent(stack=StackId("ingress", "storefront"))
    (binding,) = build(intent, facts(intent), a_build_config()).bindings
    assert {"ingress.k8s.aws/stack": "storefront"} == binding.labels


def test_the_service_port_is_as_the_user_wrote_it() -> None:
    assert "http" == on_alb(port_as_written="http").service_port


def test_nodes_are_selected_for_node_targets_only() -> None:
    selector = {"matchLabels": {"role": "edge"}}
    assert selector == on_alb(node_selector=selector, target_type="instance").node_selector
    assert on_alb(node_selector=selector, target_type="ip").node_selector is None


def test_a_group_shared_by_clusters_is_marked() -> None:
    assert on_alb(multi_cluster=True).multi_cluster


# -- by security group


@pytest.mark.parametrize(
    ("target_type", "target_port", "port"), [("ip", 8080, 8080), ("ip", "http", "http"), ("instance", 8080, 30080)]
)
def test_the_shared_group_reaches_the_port_on_which_targets_take_traffic(
    target_type: str, target_port: int | str, port: int | str
) -> None:
    wanted = a_target_group_intent(a_service_port(target_port=target_port), target_type=target_type)
    assert (NetworkingRule(peers=BY_GROUP, ports=(tcp(port),)),) == on_nlb(wanted).networking


@pytest.mark.parametrize(
    ("protocol", "ports"),
    [
        ("TCP", (tcp(8080),)),
        ("TLS", (tcp(8080),)),
        ("UDP", (udp(8080), tcp(8080))),
        ("TCP_UDP", (udp(8080), tcp(8080))),
        ("QUIC", (udp(8080), tcp(8080))),
        ("TCP_QUIC", (udp(8080), tcp(8080))),
    ],
)
def test_udp_is_opened_for_traffic_and_tcp_for_health_checks(protocol: str, ports: tuple[NetworkingPort, ...]) -> None:
    binding = on_nlb(a_target_group_intent(protocol=protocol))
    assert (NetworkingRule(peers=BY_GROUP, ports=ports),) == binding.networking


@pytest.mark.parametrize(("protocol", "ports"), [("TCP", (tcp(8080), tcp(9090))), ("UDP", (udp(8080), tcp(9090)))])
def test_a_health_check_port_of_its_own_is_opened_in_the_same_rule_of_an_nlb(
    protocol: str, ports: tuple[NetworkingPort, ...]
) -> None:
    wanted = a_target_group_intent(protocol=protocol, health_check=HealthCheckIntent(port="9090"))
    assert (NetworkingRule(peers=BY_GROUP, ports=ports),) == on_nlb(wanted).networking


def test_a_health_check_port_that_is_the_traffic_port_is_opened_once_for_an_nlb() -> None:
    wanted = a_target_group_intent(health_check=HealthCheckIntent(port="8080"))
    assert (NetworkingRule(peers=BY_GROUP, ports=(tcp(8080),)),) == on_nlb(wanted).networking


def test_an_alb_opens_traffic_health_check_and_control_port_in_a_rule_each() -> None:
    binding = on_alb(health_check=HealthCheckIntent(port="9090"), target_control_port=3000)
    assert (
        tuple(NetworkingRule(peers=BY_GROUP, ports=(tcp(port),)) for port in (8080, 9090, 3000)) == binding.networking
    )


@pytest.mark.parametrize(("protocol", "ports"), [("TCP", (tcp(None),)), ("UDP", (tcp(None), udp(None)))])
def test_all_ports_are_opened_where_rules_are_not_to_be_restricted(
    protocol: str, ports: tuple[NetworkingPort, ...]
) -> None:
    config = a_build_config(disable_restricted_sg_rules=True)
    binding = on_nlb(a_target_group_intent(protocol=protocol), config=config)
    assert (NetworkingRule(peers=BY_GROUP, ports=ports),) == binding.networking
    assert (NetworkingRule(peers=BY_GROUP, ports=(tcp(None),)),) == on_alb(config=config).networking


def test_without_the_shared_group_the_managed_one_reaches_the_targets() -> None:
    binding = on_nlb(config=a_build_config(enable_backend_security_group=False))
    managed = NetworkingPeer(security_group=Ref("SecurityGroup", "ManagedLBSecurityGroup"))
    assert (NetworkingRule(peers=(managed,), ports=(tcp(8080),)),) == binding.networking


def test_the_targets_groups_are_left_alone_where_the_user_has_own_groups() -> None:
    assert on_nlb(security_groups=SecurityGroupChoice(groups=("edge",))).networking is None


def test_with_own_groups_the_targets_are_opened_to_the_shared_group_on_demand() -> None:
    choice = SecurityGroupChoice(groups=("edge",), manage_backend_rules=True)
    assert (NetworkingRule(peers=BY_GROUP, ports=(tcp(8080),)),) == on_nlb(security_groups=choice).networking


# -- by address: an NLB without security groups


def test_an_nlb_without_groups_reaches_pods_from_its_subnets() -> None:
    rule = NetworkingRule(peers=by_cidr(*SUBNETS), ports=(tcp(8080),))
    assert (rule,) == on_nlb(security_groups=NO_GROUP).networking


def test_so_does_one_that_was_made_without_groups() -> None:
    rule = NetworkingRule(peers=by_cidr(*SUBNETS), ports=(tcp(8080),))
    assert (rule,) == on_nlb(existing=an_existing(security_groups=())).networking


def test_nodes_see_the_clients_who_are_in_the_vpc_when_it_is_internal() -> None:
    binding = on_nlb(a_target_group_intent(target_type="instance"), security_groups=NO_GROUP)
    assert (NetworkingRule(peers=by_cidr("10.0.0.0/8", "100.64.0.0/16"), ports=(tcp(30080),)),) == binding.networking


@pytest.mark.parametrize(("families", "clients"), [(("IPv4",), "0.0.0.0/0"), (("IPv6",), "::/0")])
def test_the_clients_of_an_internet_facing_nlb_are_anywhere(families: tuple[str, ...], clients: str) -> None:
    wanted = a_target_group_intent(service=some_service_facts(ip_families=families), target_type="instance")
    binding = on_nlb(wanted, security_groups=NO_GROUP, scheme="internet-facing", ip_address_type="dualstack")
    assert (NetworkingRule(peers=by_cidr(clients), ports=(tcp(30080),)),) == binding.networking


def test_subnets_reach_ipv6_targets_by_their_ipv6_networks() -> None:
    wanted = a_target_group_intent(service=some_service_facts(ip_families=("IPv6",)))
    binding = on_nlb(wanted, security_groups=NO_GROUP, scheme="internet-facing", ip_address_type="dualstack")
    networks = by_cidr("2001:db8:0:0::/64", "2001:db8:0:1::/64", "2001:db8:0:2::/64")
    assert (NetworkingRule(peers=networks, ports=(tcp(8080),)),) == binding.networking


def test_given_client_networks_are_let_in_and_the_subnets_for_health_checks() -> None:
    wanted = a_target_group_intent(target_type="instance")
    binding = on_nlb(wanted, security_groups=NO_GROUP, access=FrontendAccess(cidrs=("172.16.0.0/12",)))
    expected = (
        NetworkingRule(peers=by_cidr("172.16.0.0/12"), ports=(tcp(30080),)),
        NetworkingRule(peers=by_cidr(*SUBNETS), ports=(tcp(30080),)),
    )
    assert expected == binding.networking


def test_client_networks_that_are_everything_need_no_rule_for_health_checks() -> None:
    wanted = a_target_group_intent(target_type="instance")
    binding = on_nlb(wanted, security_groups=NO_GROUP, access=FrontendAccess(cidrs=("0.0.0.0/0",)))
    assert (NetworkingRule(peers=by_cidr("0.0.0.0/0"), ports=(tcp(30080),)),) == binding.networking


@pytest.mark.parametrize(("preserve", "peers"), [("true", ("172.16.0.0/12",)), ("false", SUBNETS)])
def test_whether_targets_see_the_clients_may_be_chosen(preserve: str, peers: tuple[str, ...]) -> None:
    wanted = a_target_group_intent(attributes={"preserve_client_ip.enabled": preserve})
    binding = on_nlb(wanted, security_groups=NO_GROUP, access=FrontendAccess(cidrs=("172.16.0.0/12",)))
    assert binding.networking is not None
    assert by_cidr(*peers) == binding.networking[0].peers


def test_udp_targets_see_the_clients_and_are_health_checked_by_tcp_from_the_subnets() -> None:
    binding = on_nlb(a_target_group_intent(protocol="UDP"), security_groups=NO_GROUP)
    expected = (
        NetworkingRule(peers=by_cidr("10.0.0.0/8", "100.64.0.0/16"), ports=(udp(8080),)),
        NetworkingRule(peers=by_cidr(*SUBNETS), ports=(tcp(8080),)),
    )
    assert expected == binding.networking


def test_tcp_and_udp_are_both_let_in_from_the_clients() -> None:
    binding = on_nlb(a_target_group_intent(protocol="TCP_UDP"), security_groups=NO_GROUP)
    rule = NetworkingRule(peers=by_cidr("10.0.0.0/8", "100.64.0.0/16"), ports=(tcp(8080), udp(8080)))
    assert (rule,) == binding.networking


def test_a_health_check_port_of_its_own_is_opened_to_the_subnets() -> None:
    wanted = a_target_group_intent(target_type="instance", health_check=HealthCheckIntent(port="32000"))
    binding = on_nlb(wanted, security_groups=NO_GROUP)
    assert binding.networking is not None
    assert NetworkingRule(peers=by_cidr(*SUBNETS), ports=(tcp(32000),)) == binding.networking[1]


def test_the_targets_groups_are_left_alone_where_the_user_says_so() -> None:
    choice = SecurityGroupChoice(none_at_all=True, backend_rules_refused=True)
    assert on_nlb(security_groups=choice).networking is None
