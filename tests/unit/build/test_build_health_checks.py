"""Health checks: defaults by load balancer, protocol and Service, and what the user gives instead."""

from __future__ import annotations

from typing import Any

import pytest

from aws_lb_controller.build.config import BuildConfig
from aws_lb_controller.build.health_checks import build_health_check
from aws_lb_controller.errors import SpecError
from aws_lb_controller.intent.values import HealthCheckIntent, TargetGroupIntent
from aws_lb_controller.model.target_group import HealthCheck
from builders_intent import (
    ALB_STACK,
    NLB_STACK,
    a_build_config,
    a_service_port,
    a_target_group_intent,
    an_http_target_group_intent,
    some_service_facts,
)


def on_nlb(wanted: TargetGroupIntent, config: BuildConfig | None = None) -> HealthCheck:
    return build_health_check(wanted, load_balancer="network", stack=NLB_STACK, config=config or a_build_config())


def on_alb(**values: Any) -> HealthCheck:
    wanted = an_http_target_group_intent(**values)
    return build_health_check(wanted, load_balancer="application", stack=ALB_STACK, config=a_build_config())


def local(**values: Any) -> TargetGroupIntent:
    service = some_service_facts(external_traffic_policy="Local", health_check_node_port=32000)
    return a_target_group_intent(**({"service": service, "target_type": "instance"} | values))


def test_an_nlb_connects_to_the_targets_by_default() -> None:
    expected = HealthCheck(
        protocol="TCP",
        port="traffic-port",
        path=None,
        interval_seconds=10,
        timeout_seconds=10,
        healthy_threshold=3,
        unhealthy_threshold=3,
    )
    assert expected == on_nlb(a_target_group_intent())


def test_an_nlb_that_asks_by_http_has_a_path_and_codes() -> None:
    built = on_nlb(a_target_group_intent(health_check=HealthCheckIntent(protocol="http")))
    assert ("HTTP", "/", "200-399", 10) == (built.protocol, built.path, built.http_codes, built.timeout_seconds)


def test_an_empty_path_and_empty_codes_are_for_aws_to_judge() -> None:
    built = on_nlb(a_target_group_intent(health_check=HealthCheckIntent(protocol="HTTP", path="", success_codes="")))
    assert ("", "") == (built.path, built.http_codes)


def test_without_the_advanced_feature_gate_an_nlb_sends_no_codes() -> None:
    wanted = a_target_group_intent(health_check=HealthCheckIntent(protocol="HTTP"))
    assert on_nlb(wanted, a_build_config(nlb_health_check_advanced_config=False)).http_codes is None


def test_nodes_of_a_service_with_local_traffic_are_asked_on_the_health_check_node_port() -> None:
    expected = HealthCheck(
        protocol="HTTP",
        port="32000",
        path="/healthz",
        interval_seconds=10,
        timeout_seconds=6,
        healthy_threshold=2,
        unhealthy_threshold=2,
        http_codes="200-399",
    )
    assert expected == on_nlb(local())


def test_pods_of_a_service_with_local_traffic_are_asked_as_ever() -> None:
    assert "TCP" == on_nlb(local(target_type="ip")).protocol


def test_what_the_user_gives_wins_over_the_defaults_for_local_traffic() -> None:
    built = on_nlb(local(health_check=HealthCheckIntent(protocol="TCP", port="traffic-port", unhealthy_threshold=5)))
    assert ("TCP", "traffic-port", None, None, 6, 2, 5) == (
        built.protocol,
        built.port,
        built.path,
        built.http_codes,
        built.timeout_seconds,
        built.healthy_threshold,
        built.unhealthy_threshold,
    )


def test_an_alb_asks_by_the_targets_protocol() -> None:
    expected = HealthCheck(
        protocol="HTTPS",
        port="traffic-port",
        path="/",
        interval_seconds=15,
        timeout_seconds=5,
        healthy_threshold=2,
        unhealthy_threshold=2,
        http_codes="200",
    )
    assert expected == on_alb(protocol="HTTPS")


def test_grpc_targets_are_asked_at_their_own_path_with_grpc_codes() -> None:
    built = on_alb(protocol_version="GRPC")
    assert ("/AWS.ALB/healthcheck", None, "12") == (built.path, built.http_codes, built.grpc_codes)


def test_every_field_may_be_given() -> None:
    asked = HealthCheckIntent(
        protocol="HTTP",
        port="8081",
        path="/ready",
        interval_seconds=20,
        timeout_seconds=7,
        healthy_threshold=4,
        unhealthy_threshold=6,
        success_codes="200,302",
    )
    expected = HealthCheck(
        protocol="HTTP",
        port="8081",
        path="/ready",
        interval_seconds=20,
        timeout_seconds=7,
        healthy_threshold=4,
        unhealthy_threshold=6,
        http_codes="200,302",
    )
    assert expected == on_alb(health_check=asked)


ADMIN = a_service_port(9000, name="admin", target_port=9090, node_port=30900)
PORTS = (a_service_port(name="http", target_port="web"), ADMIN)


@pytest.mark.parametrize(("target_type", "port"), [("ip", "9090"), ("instance", "30900")])
def test_a_port_may_be_given_by_the_name_of_one_of_the_services_ports(target_type: str, port: str) -> None:
    service = some_service_facts(ports=PORTS)
    asked = HealthCheckIntent(port="admin")
    assert port == on_alb(service=service, target_type=target_type, health_check=asked).port


def test_an_empty_port_is_that_of_the_services_port_without_a_name() -> None:
    assert "8080" == on_nlb(a_target_group_intent(health_check=HealthCheckIntent(port=""))).port


@pytest.mark.parametrize("text", ["", " 8080 ", "8_080", "99999999999"])
def test_what_is_no_number_to_kubernetes_is_taken_for_the_name_of_a_port(text: str) -> None:
    with pytest.raises(SpecError, match="no port of that name"):
        on_alb(service=some_service_facts(ports=PORTS), health_check=HealthCheckIntent(port=text))


def test_a_name_that_no_port_has_is_an_error_that_lists_those_there_are() -> None:
    with pytest.raises(SpecError) as error:
        on_alb(service=some_service_facts(ports=PORTS), health_check=HealthCheckIntent(port="nope"))
    (problem,) = error.value.problems
    assert ("Ingress shop/web", "healthcheck-port", "nope") == (problem.object, problem.field, problem.value)
    assert "Service shop/web has no port of that name (it has: http, admin)" == problem.remedy


def test_a_name_of_a_port_whose_target_is_a_name_is_an_error_for_pods() -> None:
    with pytest.raises(SpecError, match=r"targetPort is a name \(web\)"):
        on_alb(service=some_service_facts(ports=PORTS), health_check=HealthCheckIntent(port="http"))


def test_a_name_of_a_port_without_node_port_is_an_error_for_nodes() -> None:
    service = some_service_facts(ports=(a_service_port(name="http", node_port=None),))
    with pytest.raises(SpecError, match="no node port"):
        on_alb(service=service, target_type="instance", health_check=HealthCheckIntent(port="http"))
