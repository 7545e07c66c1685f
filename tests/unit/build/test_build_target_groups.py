"""Target groups: port, name, address type."""

from __future__ import annotations

from typing import Any

import pytest

from aws_lb_controller.build.stack import build
from aws_lb_controller.errors import SpecError
from aws_lb_controller.intent.values import TargetGroupIntent
from aws_lb_controller.model import naming
from aws_lb_controller.model.target_group import TargetGroup
from builders_intent import (
    UID,
    a_build_config,
    a_listener_intent,
    a_load_balancer_intent,
    a_service_port,
    a_stack_intent,
    a_target_group_intent,
    an_http_target_group_intent,
    an_ingress_stack_intent,
    facts,
    some_service_facts,
)


def of_service(*wanted: TargetGroupIntent, **lb: Any) -> tuple[TargetGroup, ...]:
    intent = a_stack_intent(target_groups=wanted, load_balancer=a_load_balancer_intent(**lb))
    return build(intent, facts(intent), a_build_config()).target_groups


def of_ingress(**values: Any) -> TargetGroup:
    intent = an_ingress_stack_intent(target_groups=(an_http_target_group_intent(**values),))
    (built,) = build(intent, facts(intent), a_build_config()).target_groups
    return built


def test_a_target_group_of_pods_has_the_pods_port() -> None:
    (built,) = of_service(a_target_group_intent(a_service_port(target_port=9376)))
    assert 9376 == built.port


def test_a_target_group_of_pods_whose_port_has_a_name_has_port_1() -> None:
    (built,) = of_service(a_target_group_intent(a_service_port(target_port="http")))
    assert 1 == built.port


def test_a_target_group_of_nodes_has_the_node_port() -> None:
    (built,) = of_service(a_target_group_intent(a_service_port(node_port=31234), target_type="instance"))
    assert 31234 == built.port


@pytest.mark.parametrize("node_port", [None, 0])
def test_nodes_as_targets_need_a_node_port(node_port: int | None) -> None:
    port = a_service_port(node_port=node_port)
    wanted = a_target_group_intent(port, target_type="instance", service=some_service_facts(type="ClusterIP"))
    with pytest.raises(SpecError, match=r"port 80 of Service shop/web \(type ClusterIP\) has no node port"):
        of_service(wanted)


def test_a_services_target_group_is_named_by_the_contract_with_its_health_check() -> None:
    expected = naming.service_target_group(
        cluster="demo",
        namespace="shop",
        name="web",
        uid=UID,
        service_port=80,
        port=8080,
        target_type="ip",
        protocol="TCP",
        health_check_protocol="TCP",
        health_check_interval_seconds=10,
    )
    assert [expected] == [built.name for built in of_service(a_target_group_intent())]


def test_the_name_for_another_services_pods_takes_the_owners_uid_too() -> None:
    other = some_service_facts(name="canary", uid="other-uid")
    wanted = a_target_group_intent(id="shop/canary:80", service=other)
    expected = naming.service_target_group(
        cluster="demo",
        namespace="shop",
        name="canary",
        uid="other-uid",
        base_service_uid=UID,
        service_port=80,
        port=8080,
        target_type="ip",
        protocol="TCP",
        health_check_protocol="TCP",
        health_check_interval_seconds=10,
    )
    assert expected == of_service(a_target_group_intent(), wanted)[1].name


def test_an_ingresss_target_group_is_named_by_the_contract_with_the_port_as_written() -> None:
    expected = naming.ingress_target_group(
        cluster="demo",
        group="shop/web",
        ingress_namespace="shop",
        ingress_name="web",
        service_namespace="shop",
        service_name="web",
        service_uid=UID,
        service_port="http",
        port=8080,
        target_type="ip",
        protocol="HTTP",
        protocol_version="GRPC",
        target_control_port=3000,
    )
    built = of_ingress(port_as_written="http", protocol_version="GRPC", target_control_port=3000)
    assert expected == built.name


def test_a_control_port_needs_pods_as_targets() -> None:
    with pytest.raises(SpecError, match="target control port needs ip targets"):
        of_ingress(target_type="instance", target_control_port=3000)


def test_a_service_with_ipv6_addresses_makes_an_ipv6_target_group_on_a_dual_stack_load_balancer() -> None:
    wanted = a_target_group_intent(service=some_service_facts(ip_families=("IPv4", "IPv6")))
    (built,) = of_service(wanted, ip_address_type="dualstack", scheme="internet-facing")
    assert "ipv6" == built.ip_address_type


def test_a_service_with_ipv6_addresses_needs_a_dual_stack_load_balancer() -> None:
    with pytest.raises(SpecError) as error:
        of_service(a_target_group_intent(service=some_service_facts(ip_families=("IPv6",))))
    (problem,) = error.value.problems
    assert "example.com/ip-address-type" == problem.field
    assert "write dualstack: Service shop/web has IPv6 addresses, and the load balancer is ipv4" == problem.remedy


def test_protocol_version_and_attributes_are_passed_through() -> None:
    built = of_ingress(protocol_version="HTTP2", attributes={"stickiness.enabled": "true"})
    assert ("HTTP2", {"stickiness.enabled": "true"}) == (built.protocol_version, built.attributes)


def test_every_problem_with_every_target_group_is_told_at_once() -> None:
    wanted = tuple(
        a_target_group_intent(a_service_port(port, node_port=None), target_type="instance") for port in (80, 81)
    )
    intent = a_stack_intent(target_groups=wanted, listeners=(a_listener_intent(),))
    with pytest.raises(SpecError) as error:
        build(intent, facts(intent), a_build_config())
    assert ["port 80", "port 81"] == [problem.remedy[:7] for problem in error.value.problems]
