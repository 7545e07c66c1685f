"""A Service becomes the wish for an NLB."""

from __future__ import annotations

from typing import Any

import pytest

from aws_lb_controller.errors import SpecError
from aws_lb_controller.intent.service import deletion_protection, is_ours, read_service
from aws_lb_controller.intent.service_annotations import PREFIX
from aws_lb_controller.intent.values import StackIntent
from aws_lb_controller.model.stack import StackId
from aws_lb_controller.settings import Settings
from builders_kube import a_port, a_service

SETTINGS = Settings.from_args(["--cluster-name=demo"])


def annotated(**annotations: str) -> dict[str, str]:
    """Keys without ``aws-load-balancer-``, underscores for dashes."""
    return {f"{PREFIX}/aws-load-balancer-{k.replace('_', '-')}": v for k, v in annotations.items()}


def wish(service: dict[str, Any]) -> StackIntent:
    return read_service(service, SETTINGS)[0]


def problems_of(service: dict[str, Any]) -> list[str]:
    with pytest.raises(SpecError) as caught:
        read_service(service, SETTINGS)
    return [str(p) for p in caught.value.problems]


def test_a_service_of_our_class_is_ours() -> None:
    assert is_ours(a_service(), SETTINGS)


def test_a_service_of_another_class_is_not_ours_whatever_its_annotations_say() -> None:
    assert not is_ours(a_service(loadBalancerClass="other", annotations=annotated(type="nlb-ip")), SETTINGS)


@pytest.mark.parametrize(
    ("annotations", "ours"),
    [
        ({"type": "nlb-ip"}, True),
        ({"type": "external", "nlb_target_type": "ip"}, True),
        ({"type": "external", "nlb_target_type": "instance"}, True),
        ({"type": "external"}, False),
        ({"type": "nlb"}, False),
        ({}, False),
    ],
)
def test_without_a_class_the_legacy_type_annotation_decides(annotations: dict[str, str], ours: bool) -> None:
    assert ours == is_ours(a_service(loadBalancerClass=None, annotations=annotated(**annotations)), SETTINGS)


def test_a_service_that_is_being_deleted_asks_for_nothing() -> None:
    service = a_service()
    service["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    assert not is_ours(service, SETTINGS)


def test_the_stack_is_called_by_namespace_and_name() -> None:
    assert StackId("service", "shop/web") == wish(a_service()).stack


def test_with_no_annotation_targets_are_nodes_and_the_scheme_is_the_default() -> None:
    intent = wish(a_service())
    assert "instance" == intent.target_groups[0].target_type
    assert (None, "internal") == (intent.load_balancer.scheme, intent.load_balancer.default_scheme)


@pytest.mark.parametrize(
    ("annotations", "scheme"),
    [
        ({"scheme": "internet-facing"}, "internet-facing"),
        ({"internal": "true"}, "internal"),
        ({"internal": "false"}, "internet-facing"),
        ({"internal": "true", "scheme": "internet-facing"}, "internet-facing"),
    ],
)
def test_the_scheme_annotation_wins_over_the_old_internal_one(annotations: dict[str, str], scheme: str) -> None:
    assert scheme == wish(a_service(annotations=annotated(**annotations))).load_balancer.scheme


def test_a_name_is_read_as_it_is_unless_it_is_too_long() -> None:
    assert "my_shop" == wish(a_service(annotations=annotated(name="my_shop"))).load_balancer.name
    (problem,) = problems_of(a_service(annotations=annotated(name="a" * 33)))
    assert "write at most 32 letters" in problem


def test_every_port_is_a_listener_with_a_target_group_of_its_own() -> None:
    intent = wish(a_service(ports=[a_port(80), a_port(9000, target_port=9090), a_port(514, protocol="UDP")]))
    assert [(80, "TCP"), (9000, "TCP"), (514, "UDP")] == [(x.port, x.protocol) for x in intent.listeners]
    assert ["shop/web:80", "shop/web:9000", "shop/web:514"] == [g.id for g in intent.target_groups]


def test_tls_is_on_all_tcp_ports_when_none_is_chosen() -> None:
    intent = wish(a_service(annotations=annotated(ssl_cert="arn:1"), ports=[a_port(80), a_port(514, protocol="UDP")]))
    assert [("TLS", ("arn:1",)), ("UDP", ())] == [(x.protocol, x.certificates) for x in intent.listeners]


def test_tls_is_on_the_chosen_ports_only() -> None:
    service = a_service(
        annotations=annotated(ssl_cert="arn:1", ssl_ports="https"), ports=[a_port(80), a_port(443, name="https")]
    )
    assert ["TCP", "TLS"] == [x.protocol for x in wish(service).listeners]


def test_behind_a_tls_listener_the_target_group_is_tcp_unless_the_backend_speaks_ssl() -> None:
    plain = wish(a_service(annotations=annotated(ssl_cert="arn:1")))
    ssl = wish(a_service(annotations=annotated(ssl_cert="arn:1", backend_protocol="ssl")))
    assert ["TCP", "TLS"] == [plain.target_groups[0].protocol, ssl.target_groups[0].protocol]


def test_tcp_and_udp_of_one_port_are_merged_only_when_asked() -> None:
    ports = [a_port(53), a_port(53, protocol="UDP")]
    merged = wish(a_service(annotations=annotated(enable_tcp_udp_listener="true"), ports=ports))
    assert ["TCP_UDP"] == [x.protocol for x in merged.listeners]
    assert ["TCP"] == [x.protocol for x in wish(a_service(ports=ports)).listeners]


def test_only_one_tcp_and_one_udp_port_of_a_number_can_be_merged() -> None:
    ports = [a_port(53), a_port(53, protocol="SCTP")]
    (problem,) = problems_of(a_service(annotations=annotated(enable_tcp_udp_listener="true"), ports=ports))
    assert "spec.ports[53].protocol = 'SCTP, TCP'" in problem


def test_a_port_without_a_listener_of_its_own_cannot_become_quic_either() -> None:
    ports = [a_port(443, protocol="UDP"), a_port(443)]
    (problem,) = problems_of(a_service(annotations=annotated(quic_enabled_ports="443"), ports=ports))
    assert "port 443 is TCP: QUIC needs a UDP port" in problem


def test_the_managed_security_group_opens_every_port_of_the_service() -> None:
    ports = [a_port(53), a_port(53, protocol="UDP")]
    assert (("tcp", 53), ("udp", 53)) == wish(a_service(ports=ports)).load_balancer.access.ports


def test_proxy_protocol_is_always_said_and_wins_over_the_attribute() -> None:
    off = wish(a_service()).target_groups[0].attributes
    on = wish(
        a_service(
            annotations=annotated(
                proxy_protocol="*", target_group_attributes="proxy_protocol_v2.enabled=false,stickiness.enabled=true"
            )
        )
    )
    assert {"proxy_protocol_v2.enabled": "false"} == off
    assert {"proxy_protocol_v2.enabled": "true", "stickiness.enabled": "true"} == on.target_groups[0].attributes


@pytest.mark.parametrize(
    ("ports", "on"), [("80", "true"), (" 80 ,,81", "true"), ("080", "false"), ("+80", "false"), ("", "false")]
)
def test_proxy_protocol_goes_by_the_port_as_it_is_usually_written(ports: str, on: str) -> None:
    (group,) = wish(a_service(annotations=annotated(proxy_protocol_per_target_group=ports))).target_groups
    assert on == group.attributes["proxy_protocol_v2.enabled"]


@pytest.mark.parametrize("units", ["", "many", "2147483648", "1.5"])
def test_capacity_is_a_number_of_32_bits(units: str) -> None:
    (problem,) = problems_of(a_service(annotations=annotated(minimum_load_balancer_capacity=f"CapacityUnits={units}")))
    assert "minimum-load-balancer-capacity" in problem


def test_a_ports_own_attributes_win_but_empty_ones_keep_the_general() -> None:
    annotations = annotated(target_group_attributes="a=1,b=1") | {
        f"{PREFIX}/aws-load-balancer-target-group-attributes.80": "a=2,b="
    }
    attributes = wish(a_service(annotations=annotations)).target_groups[0].attributes
    assert ("2", "1") == (attributes["a"], attributes["b"])


def test_cross_zone_is_an_attribute_of_the_load_balancer() -> None:
    intent = wish(a_service(annotations=annotated(cross_zone_load_balancing_enabled="true")))
    assert {"load_balancing.cross_zone.enabled": "true"} == intent.load_balancer.attributes


def test_listener_attributes_go_by_protocol_and_port() -> None:
    annotations = {f"{PREFIX}/aws-load-balancer-listener-attributes.TCP-80": "tcp.idle_timeout.seconds=60"}
    assert {"tcp.idle_timeout.seconds": "60"} == wish(a_service(annotations=annotations)).listeners[0].attributes


def test_every_problem_is_told_at_once_with_object_field_value_and_remedy() -> None:
    service = a_service(annotations=annotated(scheme="public", healthcheck_interval="ten"))
    assert [
        "Service shop/web: service.beta.kubernetes.io/aws-load-balancer-healthcheck-interval = 'ten': "
        "write a whole number without blanks",
        "Service shop/web: service.beta.kubernetes.io/aws-load-balancer-scheme = 'public': "
        "write one of internal, internet-facing",
    ] == sorted(problems_of(service))


def test_a_problem_that_all_ports_share_is_told_once() -> None:
    service = a_service(annotations=annotated(healthcheck_protocol="ICMP"), ports=[a_port(80), a_port(81)])
    assert 1 == len(problems_of(service))


def test_instance_targets_need_a_node_port() -> None:
    (problem,) = problems_of(a_service(ports=[{"port": 80, "protocol": "TCP"}], allocateLoadBalancerNodePorts=False))
    assert "spec.ports[80].nodePort" in problem


def test_ssl_ports_must_be_ports_of_the_service() -> None:
    (problem,) = problems_of(a_service(annotations=annotated(ssl_cert="arn:1", ssl_ports="444")))
    assert "444 is neither number nor name of a port of the Service" in problem


def test_tags_that_others_manage_are_refused() -> None:
    settings = Settings.from_args(["--cluster-name=demo", "--external-managed-tags=owner"])
    with pytest.raises(SpecError, match="leave out owner"):
        read_service(a_service(annotations=annotated(additional_resource_tags="owner=me")), settings)


@pytest.mark.parametrize(("value", "kept"), [("true", True), ("false", False), ("maybe", True)])
def test_deletion_protection_that_cannot_be_read_counts_as_on(value: str, kept: bool) -> None:
    service = a_service(annotations=annotated(attributes=f"deletion_protection.enabled={value}"))
    assert kept == deletion_protection(service)


def test_without_the_attribute_nothing_is_said_of_deletion_protection() -> None:
    assert deletion_protection(a_service()) is None


def test_security_groups_that_must_not_be_opened_are_told_from_those_nobody_spoke_of() -> None:
    refused = wish(a_service(annotations=annotated(manage_backend_security_group_rules="false")))
    silent = wish(a_service())
    assert (True, False) == tuple(x.load_balancer.security_groups.backend_rules_refused for x in (refused, silent))
