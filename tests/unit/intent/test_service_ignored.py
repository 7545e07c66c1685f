"""What a Service says without effect is told, each with a remedy; what has an effect never is."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aws_lb_controller.errors import Problem
from aws_lb_controller.intent.service import read_ignored_type, read_service
from aws_lb_controller.intent.service_annotations import PREFIX
from aws_lb_controller.settings import Settings
from builders_kube import a_port, a_service

CERT = "arn:aws:acm:us-west-2:111122223333:certificate/1"
LB = f"{PREFIX}/aws-load-balancer"
LISTS = ("ssl-cert", "ssl-ports", "security-groups", "quic-enabled-ports", "target-node-labels")


def told(
    annotations: dict[str, str] | None = None,
    ports: list[dict[str, Any]] | None = None,
    *,
    flags: tuple[str, ...] = (),
    **spec: Any,
) -> tuple[Problem, ...]:
    """The warnings; keys of annotations without ``service.beta.kubernetes.io/aws-load-balancer-``, or whole."""
    keyed = {k if "/" in k else f"{LB}-{k}": v for k, v in (annotations or {}).items()}
    settings = Settings.from_args(["--cluster-name=demo", *flags])
    return read_service(a_service(annotations=keyed, ports=ports, **spec), settings)[1]


def fields(*args: Any, **more: Any) -> list[str]:
    """The fields that warnings are about, without the usual prefix."""
    return [problem.field.removeprefix(f"{LB}-") for problem in told(*args, **more)]


def only(*args: Any, **more: Any) -> Problem:
    problems = told(*args, **more)
    assert 1 == len(problems), problems
    return problems[0]


# -- plain and right


@pytest.mark.parametrize(
    "annotations",
    [
        {},
        {"scheme": "internet-facing", "nlb-target-type": "ip", "ip-address-type": "dualstack"},
        {"type": "external", "nlb-target-type": "instance", "target-node-labels": "role=edge"},
        {"type": "nlb-ip"},
        {"internal": "true", "scheme": "internal"},
        {"internal": "false", "scheme": "internet-facing"},
        {"ssl-cert": CERT, "ssl-ports": "80", "backend-protocol": "ssl", "alpn-policy": "HTTP2Only"},
        {"backend-protocol": "tcp", "alpn-policy": "None", "ssl-cert": "", "ssl-ports": ""},
        {"healthcheck-protocol": "http", "healthcheck-path": "/", "healthcheck-success-codes": "200"},
        {"access-log-enabled": "true", "access-log-s3-bucket-name": "b", "access-log-s3-bucket-prefix": "p"},
        {"access-log-enabled": "false", "attributes": "access_logs.s3.enabled=false"},
        {"cross-zone-load-balancing-enabled": "true", "attributes": "load_balancing.cross_zone.enabled=true"},
        {"proxy-protocol": "*", "target-group-attributes": "proxy_protocol_v2.enabled=true"},
        {"proxy-protocol-per-target-group": "80"},
        {"target-group-attributes.80": "preserve_client_ip.enabled=false"},
        {"listener-attributes.TCP-80": "tcp.idle_timeout.seconds=400"},
        {"additional-resource-tags": "team=shop", "attributes": "deletion_protection.enabled=true"},
        {"security-groups": "sg-1", "manage-backend-security-group-rules": "true"},
        {"security-groups": "sg-1", "manage-backend-security-group-rules": "false"},
        {"security-groups": "sg-1", "disable-nlb-sg": "false"},
        {"manage-backend-security-group-rules": "true"},
        {"disable-nlb-sg": "true", "manage-backend-security-group-rules": "false"},
        {"enable-icmp-for-path-mtu-discovery": "on", f"{PREFIX}/load-balancer-source-ranges": "10.0.0.0/8"},
        {"enable-icmp-for-path-mtu-discovery": "off", "security-groups": "sg-1"},
        {"security-group-prefix-lists": "pl-1", f"{PREFIX}/load-balancer-source-ranges": "10.0.0.0/8"},
        {"disable-nlb-sg": "true", f"{PREFIX}/load-balancer-source-ranges": "10.0.0.0/8"},
        {"enable-tcp-udp-listener": "false", "multi-cluster-target-group": "true"},
        {"minimum-load-balancer-capacity": "CapacityUnits=3000", "healthcheck-timeout": "6"},
        {"kubernetes.io/anything": "x", f"{PREFIX}/azure-load-balancer-internal": "true"},
    ],
    ids=lambda annotations: " ".join(annotations) or "none",
)
def test_what_has_an_effect_or_says_what_holds_anyway_is_not_told(annotations: dict[str, str]) -> None:
    assert () == told(annotations)


def test_tcp_and_udp_that_are_joined_are_not_told() -> None:
    ports = [a_port(53), a_port(53, protocol="UDP")]
    assert () == told({"enable-tcp-udp-listener": "true", "quic-enabled-ports": "53"}, ports)
    assert () == told({}, ports, flags=("--feature-gates=EnableTCPUDPListener=true",))


def test_a_health_check_path_counts_where_nodes_are_asked_for_local_pods() -> None:
    assert () == told({"healthcheck-path": "/ready"}, externalTrafficPolicy="Local", healthCheckNodePort=32000)


def test_udp_ports_of_their_own_number_are_not_told() -> None:
    assert () == told({}, [a_port(80), a_port(53, protocol="UDP")])


@given(st.sets(st.sampled_from(LISTS)))
def test_an_empty_list_asks_for_nothing(suffixes: set[str]) -> None:
    assert () == told(dict.fromkeys(suffixes, ""))


# -- values that mean nothing


@pytest.mark.parametrize(
    ("suffix", "value", "allowed"),
    [
        ("nlb-target-type", "pods", "write instance or ip; anything else counts as instance"),
        ("type", "nlb", "external, nlb-ip"),
        ("enable-tcp-udp-listener", "maybe", 'write "true" or "false"'),
        ("enable-icmp-for-path-mtu-discovery", "true", "on, off"),
    ],
)
def test_a_value_without_meaning_is_told_with_those_that_have_one(suffix: str, value: str, allowed: str) -> None:
    problem = only({suffix: value})
    assert (f"{LB}-{suffix}", value) == (problem.field, problem.value)
    assert allowed in problem.remedy


def test_a_backend_protocol_other_than_ssl_is_told() -> None:
    assert ["backend-protocol"] == fields({"ssl-cert": CERT, "backend-protocol": "https"})


def test_a_problem_names_the_service() -> None:
    assert "Service shop/web" == only({"type": "nlb"}).object


# -- circumstances


@pytest.mark.parametrize("suffix", ["ssl-negotiation-policy", "ssl-ports", "backend-protocol", "alpn-policy"])
def test_tls_settings_without_a_certificate_are_told(suffix: str) -> None:
    value = {"ssl-ports": "80", "backend-protocol": "ssl", "alpn-policy": "HTTP2Only"}.get(suffix, "any")
    problem = only({suffix: value})
    assert f"{LB}-{suffix}" == problem.field
    assert "aws-load-balancer-ssl-cert" in problem.remedy


def test_a_certificate_without_a_tcp_port_is_told() -> None:
    assert ["ssl-cert"] == fields({"ssl-cert": CERT}, [a_port(53, protocol="UDP")])


def test_a_tls_port_that_is_udp_is_told_by_its_name() -> None:
    ports = [a_port(443), a_port(53, protocol="UDP", name="dns")]
    assert "dns" == only({"ssl-cert": CERT, "ssl-ports": "443,dns"}, ports).value


@pytest.mark.parametrize(("suffix", "value"), [("healthcheck-path", "/ready"), ("healthcheck-success-codes", "200")])
@pytest.mark.parametrize("by_tcp", [{}, {"healthcheck-protocol": "TCP"}], ids=["default", "given"])
def test_http_settings_of_a_tcp_health_check_are_told(suffix: str, value: str, by_tcp: dict[str, str]) -> None:
    assert [suffix] == fields({suffix: value, **by_tcp})


def test_node_labels_with_ip_targets_are_told() -> None:
    assert ["target-node-labels"] == fields({"target-node-labels": "role=edge", "nlb-target-type": "ip"})


@pytest.mark.parametrize("suffix", ["access-log-s3-bucket-name", "access-log-s3-bucket-prefix"])
@pytest.mark.parametrize("switch", [{}, {"access-log-enabled": "false"}], ids=["silent", "off"])
def test_where_to_log_without_the_switch_for_logs_is_told(suffix: str, switch: dict[str, str]) -> None:
    assert [suffix] == fields({suffix: "logs", **switch})


@pytest.mark.parametrize(
    ("gate", "suffix", "value"),
    [
        ("NLBHealthCheckAdvancedConfig", "healthcheck-timeout", "6"),
        ("NLBHealthCheckAdvancedConfig", "healthcheck-success-codes", "200"),
        ("LBCapacityReservation", "minimum-load-balancer-capacity", "CapacityUnits=3000"),
        ("NLBSecurityGroup", "security-groups", "sg-1"),
    ],
)
def test_what_a_closed_feature_gate_holds_back_is_told(gate: str, suffix: str, value: str) -> None:
    annotations = {suffix: value, "healthcheck-protocol": "HTTP"}
    assert () == told(annotations)
    problem = only(annotations, flags=(f"--feature-gates={gate}=false",))
    assert f"{LB}-{suffix}" == problem.field
    assert gate in problem.remedy


# -- who may come in


@pytest.mark.parametrize("choice", [{"security-groups": "sg-1"}, {"disable-nlb-sg": "true"}], ids=["own", "none"])
@pytest.mark.parametrize(
    ("suffix", "value"), [("security-group-prefix-lists", "pl-1"), ("enable-icmp-for-path-mtu-discovery", "on")]
)
def test_rules_of_the_managed_group_are_told_where_there_is_none(
    suffix: str, value: str, choice: dict[str, str]
) -> None:
    assert [suffix] == fields({suffix: value, **choice})


def test_source_ranges_beside_own_security_groups_are_told_wherever_they_are_written() -> None:
    annotations = {"security-groups": "sg-1", f"{PREFIX}/load-balancer-source-ranges": "10.0.0.0/8"}
    expected = [f"{PREFIX}/load-balancer-source-ranges", "spec.loadBalancerSourceRanges"]
    assert expected == fields(annotations, loadBalancerSourceRanges=["10.1.0.0/16"])


def test_source_ranges_are_told_where_no_group_is_and_the_targets_see_no_clients() -> None:
    annotations = {"disable-nlb-sg": "true", f"{PREFIX}/load-balancer-source-ranges": "10.0.0.0/8"}
    assert [f"{PREFIX}/load-balancer-source-ranges"] == fields(annotations | {"nlb-target-type": "ip"})


def test_source_ranges_count_where_no_group_is_and_targets_are_reached_by_udp() -> None:
    annotations = {"disable-nlb-sg": "true", "nlb-target-type": "ip"}
    assert () == told(annotations, [a_port(53, protocol="UDP")], loadBalancerSourceRanges=["10.0.0.0/8"])


def test_the_annotation_for_source_ranges_is_told_where_the_spec_says_otherwise() -> None:
    annotations = {f"{PREFIX}/load-balancer-source-ranges": "10.0.0.0/8, 10.1.0.0/16"}
    assert () == told(annotations, loadBalancerSourceRanges=["10.1.0.0/16", "10.0.0.0/8"])
    problem = only(annotations, loadBalancerSourceRanges=["10.2.0.0/16"])
    assert "has no effect; spec.loadBalancerSourceRanges wins over it" == problem.remedy


def test_icmp_beside_prefix_lists_alone_is_told() -> None:
    annotations = {"enable-icmp-for-path-mtu-discovery": "on", "security-group-prefix-lists": "pl-1"}
    assert ["enable-icmp-for-path-mtu-discovery"] == fields(annotations)


def test_own_security_groups_beside_the_wish_for_none_are_told() -> None:
    assert ["security-groups"] == fields({"security-groups": "sg-1", "disable-nlb-sg": "true"})


def test_the_private_link_switch_is_told_where_no_group_is() -> None:
    suffix = "inbound-sg-rules-on-private-link-traffic"
    assert () == told({suffix: "off"})
    assert () == told({suffix: "on", "disable-nlb-sg": "true"})
    problem = only({suffix: "off", "disable-nlb-sg": "true"})
    assert "has no effect; it needs a security group on the load balancer" in problem.remedy


@pytest.mark.parametrize("value", ["false", "perhaps"])
def test_leaving_the_targets_groups_alone_is_told_where_the_group_is_managed(value: str) -> None:
    assert ["manage-backend-security-group-rules"] == fields({"manage-backend-security-group-rules": value})


# -- ports and listeners


def test_a_udp_port_that_shares_its_number_with_tcp_is_told_with_the_switch_that_saves_it() -> None:
    problem = only({}, [a_port(53), a_port(53, protocol="UDP")])
    assert ("spec.ports[53].protocol", "UDP") == (problem.field, problem.value)
    assert f"{LB}-enable-tcp-udp-listener" in problem.remedy


def test_a_node_port_that_joined_listeners_do_not_use_is_told() -> None:
    ports = [a_port(53), a_port(53, protocol="UDP", nodePort=30054)]
    problem = only({"enable-tcp-udp-listener": "true"}, ports)
    assert ("spec.ports[53].nodePort", "30054") == (problem.field, problem.value)
    assert () == told({"enable-tcp-udp-listener": "true", "nlb-target-type": "ip"}, ports)


def test_a_target_port_that_joined_listeners_do_not_use_is_told_with_ip_targets() -> None:
    ports = [a_port(53, target_port=5353), a_port(53, protocol="UDP", target_port=5354)]
    problem = only({"enable-tcp-udp-listener": "true", "nlb-target-type": "ip"}, ports)
    assert ("spec.ports[53].targetPort", "5354") == (problem.field, problem.value)


def test_quic_ports_that_the_service_does_not_have_are_told_one_by_one() -> None:
    problems = told({"quic-enabled-ports": "53,8443,h3"}, [a_port(53, protocol="UDP")])
    assert ["8443", "h3"] == [problem.value for problem in problems]
    assert all("it has: 53" in problem.remedy for problem in problems)


def test_a_quic_port_by_the_name_of_the_second_of_two_joined_ports_is_told_to_be_written_by_number() -> None:
    ports = [a_port(53, name="dns-tcp"), a_port(53, protocol="UDP", name="dns")]
    problem = only({"enable-tcp-udp-listener": "true", "quic-enabled-ports": "dns"}, ports)
    assert "dns" == problem.value
    assert "number" in problem.remedy


def test_proxy_protocol_for_ports_without_a_target_group_is_told() -> None:
    assert "443" == only({"proxy-protocol-per-target-group": "80,443"}).value


def test_target_group_attributes_of_no_port_are_told() -> None:
    assert ["target-group-attributes.443"] == fields({"target-group-attributes.443": "preserve_client_ip.enabled=true"})


@pytest.mark.parametrize("key", ["TCP-443", "UDP-80", "80", "tcp-80"])
def test_listener_attributes_of_no_listener_are_told_with_the_keys_that_there_are(key: str) -> None:
    problem = only({f"listener-attributes.{key}": "tcp.idle_timeout.seconds=400"})
    assert f"{LB}-listener-attributes.{key}" == problem.field
    assert "one of TCP-80" in problem.remedy


def test_listener_attributes_for_tcp_are_told_where_a_certificate_makes_it_tls() -> None:
    annotations = {"ssl-cert": CERT, "listener-attributes.TCP-80": "tcp.idle_timeout.seconds=400"}
    assert "one of TLS-80" in only(annotations).remedy


def test_listener_attributes_without_a_key_are_told_with_an_example() -> None:
    problem = only({"listener-attributes": "tcp.idle_timeout.seconds=400"})
    assert f"{LB}-listener-attributes.TCP-80" in problem.remedy


# -- values that lose to others


def test_the_older_scheme_is_told_where_it_contradicts_the_newer() -> None:
    assert ["internal"] == fields({"internal": "true", "scheme": "internet-facing"})


def test_instance_targets_beside_the_older_type_for_ip_targets_are_told() -> None:
    assert ["nlb-target-type"] == fields({"type": "nlb-ip", "nlb-target-type": "instance"})


def test_proxy_protocol_per_port_beside_proxy_protocol_for_all_is_told() -> None:
    assert ["proxy-protocol-per-target-group"] == fields(
        {"proxy-protocol": "*", "proxy-protocol-per-target-group": "80,443"}
    )


@pytest.mark.parametrize("key", ["target-group-attributes", "target-group-attributes.80"])
@pytest.mark.parametrize("winner", [{"proxy-protocol": "*"}, {"proxy-protocol-per-target-group": "80"}])
def test_the_attribute_for_proxy_protocol_is_told_where_an_annotation_says_otherwise(
    key: str, winner: dict[str, str]
) -> None:
    problem = only({key: "proxy_protocol_v2.enabled=false, stickiness.enabled=true", **winner})
    assert (f"{LB}-{key}", "proxy_protocol_v2.enabled=false") == (problem.field, problem.value)


def test_attributes_are_told_where_an_older_annotation_says_otherwise() -> None:
    annotations = {
        "cross-zone-load-balancing-enabled": "true",
        "attributes": "load_balancing.cross_zone.enabled=false, deletion_protection.enabled=true",
    }
    assert "load_balancing.cross_zone.enabled=false" == only(annotations).value


def test_switching_logs_off_by_the_older_annotation_is_told_where_the_attribute_switches_them_on() -> None:
    annotations = {"access-log-enabled": "false", "attributes": "access_logs.s3.enabled=true"}
    assert ["access-log-enabled"] == fields(annotations)


@pytest.mark.parametrize("key", ["elbv2.k8s.aws/cluster", "service.k8s.aws/stack", "service.k8s.aws/resource"])
def test_tags_that_the_controller_sets_itself_are_told(key: str) -> None:
    assert f"{key}=x" == only({"additional-resource-tags": f"team=shop, {key}=x"}).value


def test_tags_that_lose_to_the_default_ones_are_told() -> None:
    tags, flag = {"additional-resource-tags": "team=shop, stage=live"}, "--default-tags=team=all,stage=live"
    assert "team=shop" == only(tags, flags=(flag,)).value
    assert () == told(tags, flags=(flag, "--feature-gates=EnableDefaultTagsLowPriority=true"))


def test_an_address_in_the_spec_is_told_with_the_annotations_that_take_one() -> None:
    problem = only({}, loadBalancerIP="192.0.2.1")
    assert ("spec.loadBalancerIP", "192.0.2.1") == (problem.field, problem.value)
    assert f"{LB}-eip-allocations" in problem.remedy


# -- annotations that nobody knows


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("shceme", "scheme"),
        ("healthcheck-interval-seconds", "healthcheck-interval"),
        ("target-group-atributes.80", "target-group-attributes"),
        ("eip-allocation", "eip-allocations"),
    ],
)
def test_an_annotation_that_is_mistyped_is_told_with_the_one_that_was_meant(written: str, meant: str) -> None:
    problem = only({written: "x"})
    assert (f"{LB}-{written}", "x") == (problem.field, problem.value)
    assert problem.remedy.endswith(f"did you mean {LB}-{meant}?")


def test_a_mistyped_start_is_told_too() -> None:
    assert only({f"{PREFIX}/aws-loadbalancer-scheme": "internal"}).remedy.endswith(f"did you mean {LB}-scheme?")
    assert only({f"{PREFIX}/load-balancer-source-range": "10.0.0.0/8"}).remedy.endswith("load-balancer-source-ranges?")


def test_a_key_behind_an_annotation_that_takes_none_is_told() -> None:
    assert f"write {LB}-attributes," in only({"attributes.80": "deletion_protection.enabled=true"}).remedy


@pytest.mark.parametrize(
    "suffix",
    [
        "extra-security-groups",
        "connection-draining-enabled",
        "connection-draining-timeout",
        "connection-idle-timeout",
        "access-log-emit-interval",
    ],
)
def test_annotations_of_the_in_tree_provider_are_told_as_such(suffix: str) -> None:
    assert "in-tree" in only({suffix: "60"}).remedy


def test_an_annotation_of_pods_is_told_as_such() -> None:
    assert "pods" in only({"quic-enabled-containers": "web"}).remedy


# -- Services that are not ours


@pytest.mark.parametrize("target_type", [{}, {f"{LB}-nlb-target-type": "pods"}], ids=["missing", "unknown"])
def test_without_a_class_a_type_that_means_us_but_no_known_target_type_is_told(target_type: dict[str, str]) -> None:
    service = a_service(loadBalancerClass=None, annotations={f"{LB}-type": "external", **target_type})
    (problem,) = read_ignored_type(service)
    assert ("Service shop/web", f"{LB}-nlb-target-type") == (problem.object, problem.field)
    assert target_type.get(problem.field, "") == problem.value


@pytest.mark.parametrize(
    ("annotations", "load_balancer_class"),
    [
        ({}, None),
        ({"type": "nlb"}, None),
        ({"type": "nlb-ip"}, None),
        ({"type": "external", "nlb-target-type": "ip"}, None),
        ({"type": "external"}, "service.k8s.aws/nlb"),
        ({"type": "external"}, "other"),
    ],
)
def test_a_service_that_is_served_or_means_somebody_else_is_not_told(
    annotations: dict[str, str], load_balancer_class: str | None
) -> None:
    keyed = {f"{LB}-{k}": v for k, v in annotations.items()}
    assert () == read_ignored_type(a_service(loadBalancerClass=load_balancer_class, annotations=keyed))


def test_a_service_that_goes_is_not_told() -> None:
    service = a_service(loadBalancerClass=None, annotations={f"{LB}-type": "external"})
    service["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    assert () == read_ignored_type(service)
