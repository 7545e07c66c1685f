"""A listener of a Service forwards to other Services too, by weight, as its ``actions.PROTOCOL-PORT`` says."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aws_lb_controller.errors import Problem, SpecError
from aws_lb_controller.intent.readers import Unreadable
from aws_lb_controller.intent.service import read_service
from aws_lb_controller.intent.service_actions import Backend, WeightedForward, read_weighted_forward
from aws_lb_controller.intent.service_annotations import ACTIONS, PREFIX
from aws_lb_controller.intent.values import ForwardIntent, ForwardTo, StackIntent
from aws_lb_controller.model.listener import STICKY_WITHOUT_DURATION
from aws_lb_controller.settings import Settings
from builders_kube import a_port, a_service

SETTINGS = Settings.from_args(["--cluster-name=demo", "--default-target-type=ip"])
GREEN = {"serviceName": "green", "servicePort": 80, "weight": 10}
OWN_ARN = "arn:aws:elasticloadbalancing:us-west-2:1:targetgroup/own/1"


def an_action(*target_groups: dict[str, Any], base: int | None = 90, **config: Any) -> dict[str, Any]:
    """A forward to the Service itself and to others, by default to one that is called green."""
    forward = {"baseServiceWeight": base, "targetGroups": [*target_groups] or [GREEN], **config}
    return {"type": "forward", "forwardConfig": forward}


def read(action: object) -> WeightedForward:
    return read_weighted_forward(json.dumps(action))


def a_backend(**written: Any) -> Backend:
    (backend,) = read(an_action(written)).to
    return backend


def remedy(action: object) -> str:
    with pytest.raises(Unreadable) as caught:
        read(action)
    return str(caught.value)


def blue(action: object, *, key: str = "TCP-80", ports: list[Any] | None = None, **annotations: str) -> dict[str, Any]:
    """Service shop/blue with an action; annotations: keys without ``aws-load-balancer-``, underscores for dashes."""
    more = {f"{PREFIX}/aws-load-balancer-{k.replace('_', '-')}": v for k, v in annotations.items()}
    text = action if isinstance(action, str) else json.dumps(action)
    return a_service("blue", annotations={f"{PREFIX}/actions.{key}": text, **more}, ports=ports)


def green(**spec: Any) -> dict[str, Any]:
    return a_service("green", **{"type": "ClusterIP", "loadBalancerClass": None, **spec})


def understood(
    service: dict[str, Any], *others: dict[str, Any], settings: Settings = SETTINGS
) -> tuple[StackIntent, tuple[Problem, ...]]:
    there = {(o["metadata"]["namespace"], o["metadata"]["name"]): o for o in others}
    return read_service(service, settings, services=lambda namespace, name: there.get((namespace, name)))


def wish(service: dict[str, Any], *others: dict[str, Any], settings: Settings = SETTINGS) -> StackIntent:
    return understood(service, *others, settings=settings)[0]


def problems_of(service: dict[str, Any], *others: dict[str, Any], settings: Settings = SETTINGS) -> tuple[Problem, ...]:
    with pytest.raises(SpecError) as caught:
        wish(service, *others, settings=settings)
    return caught.value.problems


def forward_of(intent: StackIntent) -> ForwardIntent:
    action = intent.listeners[0].default_actions[0]
    assert isinstance(action, ForwardIntent)
    return action


def protocols_of(intent: StackIntent) -> dict[str, str]:
    return {group.id: group.protocol for group in intent.target_groups}


# -- the JSON


def test_the_example_of_the_reference_is_read() -> None:
    canary = Backend(service="canary", port=80, weight=10)
    assert WeightedForward(base_weight=90, to=(canary,)) == read_weighted_forward(ACTIONS.example)


def test_keys_are_found_in_any_case_and_null_is_absent() -> None:
    text = """{"TYPE": "forward", "forwardconfig": {"BaseServiceWeight": null, "targetgroups":
        [{"ServiceName": "green", "serviceport": "web", "WEIGHT": 0, "decrypt": null}]}}"""
    assert WeightedForward(
        base_weight=None, to=(Backend(service="green", port="web", weight=0),)
    ) == read_weighted_forward(text)


@pytest.mark.parametrize("config", [{}, {"targetGroups": None}, {"targetGroups": []}])
def test_without_other_target_groups_everything_goes_to_the_service(config: dict[str, Any]) -> None:
    assert WeightedForward(base_weight=None, to=()) == read({"type": "forward", "forwardConfig": config})


def test_a_single_target_group_needs_no_weight() -> None:
    assert Backend(service="green", port=80) == a_backend(serviceName="green", servicePort=80)


def test_a_target_group_may_be_named_by_arn() -> None:
    assert Backend(arn=OWN_ARN, weight=5) == a_backend(targetGroupARN=OWN_ARN, weight=5)


@pytest.mark.parametrize(
    ("stickiness", "sticky"), [({"enabled": True}, True), ({"enabled": False}, False), ({}, False), (None, False)]
)
def test_stickiness_is_on_or_off(stickiness: object, sticky: bool) -> None:
    assert sticky == read(an_action(targetGroupStickinessConfig=stickiness)).sticky


@pytest.mark.parametrize(
    ("action", "told"),
    [
        (None, "write the type as forward"),
        ([], "write the action as a JSON object"),
        ({"type": "redirect"}, "write the type as forward"),
        ({"type": 1}, "write type as a text"),
        ({"type": "forward"}, "add forwardConfig"),
        ({"type": "forward", "forwardConfig": 1}, "write forwardConfig as a JSON object"),
        (an_action(base=1000), "write baseServiceWeight as a whole number from 0 to 999"),
        ({"type": "forward", "forwardConfig": {"baseServiceWeight": "1"}}, "write baseServiceWeight as a whole number"),
        ({"type": "forward", "forwardConfig": {"targetGroups": {}}}, "write targetGroups as a JSON array"),
        (an_action(targetGroupStickinessConfig={"enabled": "true"}), "write enabled as true or false"),
    ],
)
def test_what_cannot_be_read_is_told_with_a_remedy(action: object, told: str) -> None:
    assert told in remedy(action)


@pytest.mark.parametrize(
    ("backend", "told"),
    [
        ({}, "name it by targetGroupARN or by serviceName"),
        ({"serviceName": "green", "servicePort": 80, "targetGroupARN": OWN_ARN}, "name it by targetGroupARN or by"),
        ({"targetGroupName": "own"}, "name it by targetGroupARN or by serviceName"),
        ({"targetGroupARN": ""}, "write an ARN in targetGroupARN"),
        ({"serviceName": "green"}, "add servicePort to serviceName green"),
        ({"serviceName": "green", "servicePort": 8.5}, "write servicePort as a whole number"),
        ({"serviceName": "green", "servicePort": 80, "weight": -1}, "write weight as a whole number from 0 to 999"),
        ({"serviceName": "green", "servicePort": 80, "weight": "1"}, "write weight as a whole number"),
        ({"serviceName": "green", "servicePort": 80, "decrypt": 1}, "write decrypt as true or false"),
    ],
)
def test_what_is_wrong_with_a_target_group_is_told_with_its_place(backend: dict[str, Any], told: str) -> None:
    assert f"targetGroups[1]: {told}" in remedy(an_action(GREEN, backend))


def test_several_target_groups_need_weights() -> None:
    without = {"serviceName": "blue", "servicePort": 81}
    assert "give each of several targetGroups a weight" == remedy(an_action(GREEN, without))


def test_all_that_is_wrong_is_told_at_once() -> None:
    told = remedy(an_action({}, {"serviceName": "green"}, base=-1))
    assert ["baseServiceWeight", "targetGroups[0]", "targetGroups[1]"] == [
        part for part in ("baseServiceWeight", "targetGroups[0]", "targetGroups[1]") if part in told
    ]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["type", "forwardConfig", "targetGroups", "serviceName", "servicePort", "weight", "x"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


def read_or_remedy(action: object) -> WeightedForward | str:
    try:
        return read(action)
    except Unreadable as e:
        return str(e)


@given(value=json_values, within=st.booleans())
def test_any_json_is_read_or_answered_with_a_remedy(value: object, within: bool) -> None:
    outcome = read_or_remedy({"type": "forward", "forwardConfig": value} if within else value)
    if isinstance(outcome, WeightedForward):
        assert all((backend.arn is None) != (backend.service is None) for backend in outcome.to)
    else:
        assert outcome


# -- where it leads


def test_the_services_own_target_group_comes_first_with_its_weight_then_the_others_as_written() -> None:
    action = an_action(GREEN, {"targetGroupARN": OWN_ARN, "weight": 0})
    expected = ForwardIntent(
        to=(
            ForwardTo(target_group="shop/blue:80", weight=90),
            ForwardTo(target_group="shop/green:80", weight=10),
            ForwardTo(arn=OWN_ARN, weight=0),
        )
    )
    assert expected == forward_of(wish(blue(action), green()))


def test_a_port_is_found_by_number_or_by_name_and_counts_by_its_number() -> None:
    named = {"serviceName": "green", "servicePort": "web"}
    intent = wish(blue(an_action(named)), green(ports=[a_port(81, name="x"), a_port(8000, name="web")]))
    group = intent.target_groups[1]
    assert ("shop/green:8000", 8000, "web") == (group.id, group.port_as_written, group.service_port.name)


def test_a_number_in_quotes_is_a_ports_name_and_no_port_has_it() -> None:
    (problem,) = problems_of(blue(an_action({"serviceName": "green", "servicePort": "80"})), green())
    assert ("80", "Service green has only the ports 80; write one's number, or its name in quotes") == (
        problem.value,
        problem.remedy,
    )


def test_every_missing_service_and_port_is_told_at_once_with_the_annotations_key() -> None:
    lost = {"serviceName": "none", "servicePort": 80, "weight": 1}
    other_port = {"serviceName": "green", "servicePort": 81, "weight": 1}
    problems = problems_of(blue(an_action(lost, other_port)), green())
    key = "service.beta.kubernetes.io/actions.TCP-80"
    assert [("Service shop/blue", key, "none"), ("Service shop/blue", key, "81")] == [
        (p.object, p.field, p.value) for p in problems
    ]


def test_services_of_other_namespaces_are_out_of_reach() -> None:
    (problem,) = problems_of(blue(an_action()), a_service("green", "elsewhere"))
    assert "no Service of that name is in the namespace shop" in problem.remedy


def test_a_target_group_that_is_named_twice_or_by_two_listeners_is_made_once() -> None:
    service = blue(an_action(), ports=[a_port(80), a_port(81)])
    service["metadata"]["annotations"][f"{PREFIX}/actions.TCP-81"] = json.dumps(an_action())
    assert ["shop/blue:80", "shop/green:80", "shop/blue:81"] == [g.id for g in wish(service, green()).target_groups]


def test_an_action_may_lead_to_another_port_of_the_same_service() -> None:
    backend = {"serviceName": "blue", "servicePort": 81, "weight": 1}
    service = blue(an_action(backend), ports=[a_port(80), a_port(81)])
    intent = wish(service, service)
    assert ["shop/blue:80", "shop/blue:81"] == [g.id for g in intent.target_groups]
    assert ["shop/blue:80", "shop/blue:81"] == [to.target_group for to in forward_of(intent).to]


def test_stickiness_has_no_duration() -> None:
    sticky = forward_of(wish(blue(an_action(targetGroupStickinessConfig={"enabled": True})), green()))
    assert (STICKY_WITHOUT_DURATION, None) == (
        sticky.stickiness_seconds,
        forward_of(wish(blue(an_action()), green())).stickiness_seconds,
    )


def test_without_an_action_a_forward_has_neither_weight_nor_stickiness() -> None:
    assert ForwardIntent(to=(ForwardTo(target_group="shop/web:80"),)) == forward_of(wish(a_service()))


# -- protocols and settings of the others' target groups


def test_the_key_names_the_listeners_own_protocol() -> None:
    tls = blue(an_action(), key="TLS-443", ports=[a_port(443)], ssl_cert="arn:1")
    udp = blue(an_action(), key="UDP-53", ports=[a_port(53, protocol="UDP")])
    ports = [a_port(53), a_port(53, protocol="UDP")]
    both = blue(an_action(), key="TCP_UDP-53", ports=ports, enable_tcp_udp_listener="true")
    quic = blue(an_action(), key="QUIC-443", ports=[a_port(443, protocol="UDP")], quic_enabled_ports="443")
    assert [2, 2, 2, 2] == [len(forward_of(wish(service, green())).to) for service in (tls, udp, both, quic)]


@pytest.mark.parametrize(
    ("key", "port", "quic_enabled_ports"),
    [("UDP-53", a_port(53, protocol="UDP"), ""), ("QUIC-443", a_port(443, protocol="UDP"), "443")],
)
def test_the_others_target_groups_have_the_listeners_protocol(
    key: str, port: dict[str, Any], quic_enabled_ports: str
) -> None:
    service = blue(an_action(), key=key, ports=[port], quic_enabled_ports=quic_enabled_ports)
    assert key.partition("-")[0] == protocols_of(wish(service, green()))["shop/green:80"]


@pytest.mark.parametrize(
    ("backend_protocol", "backend", "expected"),
    [
        ("tcp", {}, ("TCP", "TLS")),
        ("tcp", {"decrypt": True}, ("TCP", "TCP")),
        ("ssl", {"decrypt": False}, ("TLS", "TLS")),
        ("ssl", {"decrypt": True}, ("TLS", "TCP")),
    ],
)
def test_behind_tls_the_others_are_spoken_to_by_tls_unless_decrypt_says_otherwise(
    backend_protocol: str, backend: dict[str, Any], expected: tuple[str, str]
) -> None:
    action = an_action({**GREEN, **backend})
    service = blue(action, key="TLS-443", ports=[a_port(443)], ssl_cert="arn:1", backend_protocol=backend_protocol)
    intent = wish(service, green())
    assert {"shop/blue:443": expected[0], "shop/green:80": expected[1]} == protocols_of(intent)


def test_another_services_annotations_do_not_count_the_owners_do() -> None:
    other = green()
    other["metadata"]["annotations"] = {
        f"{PREFIX}/aws-load-balancer-healthcheck-interval": "30",
        f"{PREFIX}/aws-load-balancer-nlb-target-type": "instance",
        f"{PREFIX}/aws-load-balancer-additional-resource-tags": "team=green",
    }
    service = blue(
        an_action(), healthcheck_interval="20", target_group_attributes="a=b", additional_resource_tags="team=blue"
    )
    group = wish(service, other).target_groups[1]
    assert (20, "b", {"team": "blue"}, "ip") == (
        group.health_check.interval_seconds,
        group.attributes["a"],
        group.tags,
        group.target_type,
    )


def test_what_the_owner_says_of_a_port_holds_for_the_other_services_port_of_that_number() -> None:
    action = an_action({"serviceName": "green", "servicePort": 9000})
    annotations = {
        f"{PREFIX}/aws-load-balancer-target-group-attributes.9000": "a=b",
        f"{PREFIX}/aws-load-balancer-proxy-protocol-per-target-group": "9000",
    }
    service = blue(action)
    service["metadata"]["annotations"] |= annotations
    own, other = wish(service, green(ports=[a_port(9000)])).target_groups
    assert {"proxy_protocol_v2.enabled": "false"} == own.attributes
    assert {"proxy_protocol_v2.enabled": "true", "a": "b"} == other.attributes


def test_instance_targets_need_a_node_port_of_the_other_service_too() -> None:
    service = blue(an_action(), nlb_target_type="instance")
    (by_type,) = problems_of(service, green(ports=[{"port": 80}]))
    (by_port,) = problems_of(service, green(type="NodePort", ports=[{"port": 80}]))
    assert [("Service shop/green", "spec.type"), ("Service shop/green", "spec.ports[80].nodePort")] == [
        (p.object, p.field) for p in (by_type, by_port)
    ]
    assert "instance" == wish(service, green(type="NodePort")).target_groups[1].target_type


# -- what has no effect


def warnings_of(service: dict[str, Any], *others: dict[str, Any]) -> list[Problem]:
    return [problem for problem in understood(service, *others)[1] if "/actions." in problem.field]


def test_an_action_that_is_all_in_use_warns_of_nothing() -> None:
    assert [] == warnings_of(blue(an_action()), green())


@pytest.mark.parametrize(
    ("action", "field"),
    [
        (an_action({**GREEN, "targetGroupName": "own"}), "targetGroupName"),
        (an_action(targetGroupStickinessConfig={"enabled": True, "durationSeconds": 60}), "durationSeconds"),
        (an_action() | {"order": 1}, "order"),
    ],
)
def test_fields_that_such_an_action_does_not_have_are_told(action: dict[str, Any], field: str) -> None:
    (told,) = warnings_of(blue(action), green())
    assert (field, True) == (told.value, "no such field" in told.remedy)


def test_decrypt_without_a_tls_listener_is_told() -> None:
    (told,) = warnings_of(blue(an_action({**GREEN, "decrypt": True})), green())
    assert ("decrypt", True) == (told.value, "nothing to decrypt" in told.remedy)


@pytest.mark.parametrize("key", ["TCP-81", "TLS-80", "tcp-80", "UDP-80"])
def test_an_action_of_no_listener_is_told_with_those_that_there_are_and_not_even_read(key: str) -> None:
    (told,) = warnings_of(blue("{", key=key, ports=[a_port(80), a_port(82)]))
    assert told.remedy.endswith("TCP-80, TCP-82")
