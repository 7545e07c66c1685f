"""Which IngressClassParams and GlobalAccelerators are refused."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aws_lb_controller.webhooks.accelerator_rules import check_accelerator
from aws_lb_controller.webhooks.class_params_rules import check_class_params, cidr_remedy
from aws_lb_controller.webhooks.review import Verdict
from builders_webhooks import a_review, refusal


def params(**spec: Any) -> dict[str, Any]:
    return {"metadata": {"name": "platform"}, "spec": spec}


def accelerator(*listeners: dict[str, Any]) -> dict[str, Any]:
    return {"metadata": {"namespace": "shop", "name": "fast"}, "spec": {"listeners": [*listeners]}}


# -- IngressClassParams


@pytest.mark.parametrize("cidr", ["10.0.0.0/8", "0.0.0.0/0", "10.1.2.3/32", "2001:db8::/32", "::/0"])
def test_networks_are_allowed(cidr: str) -> None:
    assert Verdict() == check_class_params(a_review(params(inboundCIDRs=[cidr])))


@pytest.mark.parametrize(
    ("cidr", "remedy"),
    [
        ("10.0.0.1", "could not be parsed as a CIDR: write 10.0.0.1/32"),
        ("2001:db8::1", "could not be parsed as a CIDR: write 2001:db8::1/64"),
        ("everyone", "could not be parsed as a CIDR: write a network such as 10.0.0.0/8"),
        ("10.0.0.0/33", "could not be parsed as a CIDR: write a network such as 10.0.0.0/8"),
        ("10.0.0.0/255.0.0.0", "could not be parsed as a CIDR: write a network such as 10.0.0.0/8"),
        ("", "could not be parsed as a CIDR: write a network such as 10.0.0.0/8"),
        ("10.0.0.1/8", "network contains bits outside prefix: write 10.0.0.0/8"),
        ("2001:db8::1/32", "network contains bits outside prefix: write 2001:db8::/32"),
    ],
)
def test_what_is_no_network_is_refused_with_what_may_be_meant(cidr: str, remedy: str) -> None:
    verdict = check_class_params(a_review(params(inboundCIDRs=["10.0.0.0/8", cidr])))

    shown = f" = {cidr!r}" if cidr else ""
    assert f"IngressClassParams platform: spec.inboundCIDRs[1]{shown}: {remedy}" == refusal(verdict)
    assert "checkInboundCIDRs" == verdict.check


@given(st.ip_addresses(), st.integers(0, 32))
def test_what_is_proposed_for_a_network_with_host_bits_is_allowed(address: Any, length: int) -> None:
    remedy = cidr_remedy(f"{address}/{length}")

    assert remedy is None or cidr_remedy(remedy.rpartition("write ")[2]) is None


@pytest.mark.parametrize(
    ("subnets", "words"),
    [
        ({}, "spec.subnets: must have either `ids` or `tags`"),
        ({"ids": None, "tags": None}, "must have either `ids` or `tags`"),
        ({"ids": ["subnet-1"], "tags": {"a": ["b"]}}, "spec.subnets.tags: may not have both `ids` and `tags` set"),
        ({"ids": [], "tags": {"a": ["b"]}}, "may not have both"),
        ({"ids": ["subnet-1", "subnet-2", "subnet-1"]}, "spec.subnets.ids[2] = 'subnet-1': duplicate value"),
        ({"tags": {}}, "spec.subnets.tags: must have at least one tag key"),
        ({"tags": {"role": ["a", "b", "b"]}}, "spec.subnets.tags[role][2] = 'b': duplicate value"),
    ],
)
def test_a_choice_of_subnets_is_refused_where(subnets: dict[str, Any], words: str) -> None:
    verdict = check_class_params(a_review(params(subnets=subnets)))

    assert words in refusal(verdict)
    assert "checkSubnetSelectors" == verdict.check


@pytest.mark.parametrize(
    "subnets",
    [None, {"ids": ["subnet-1", "subnet-2"]}, {"tags": {"role": ["a", "b"], "tier": ["a"]}}, {"tags": {"role": []}}],
)
def test_subnets_chosen_in_one_way_are_allowed(subnets: dict[str, Any] | None) -> None:
    assert Verdict() == check_class_params(a_review(params(subnets=subnets)))


def test_every_problem_of_the_parameters_is_told_at_once() -> None:
    words = refusal(check_class_params(a_review(params(inboundCIDRs=["x"], subnets={}))))

    assert "spec.inboundCIDRs[0]" in words
    assert "spec.subnets" in words


def test_parameters_without_a_spec_are_allowed() -> None:
    assert Verdict() == check_class_params(a_review({"metadata": {"name": "platform"}}))


def test_a_change_is_looked_at_and_a_deletion_is_not() -> None:
    good, bad = params(), params(subnets={})

    assert "must have" in refusal(check_class_params(a_review(bad, old=good)))
    assert Verdict() == check_class_params(a_review(None, old=bad, operation="DELETE"))


def test_parameters_whose_spec_stays_are_let_through() -> None:
    assert Verdict() == check_class_params(a_review(params(subnets={}), old=params(subnets={})))


# -- GlobalAccelerators


def endpoint(name: str = "web", **more: Any) -> dict[str, Any]:
    return {"type": "Service", "name": name, **more}


def groups(*endpoints: dict[str, Any]) -> dict[str, Any]:
    return {"endpointGroups": [{"endpoints": [*endpoints]}]}


def ports(protocol: str | None, *ranges: tuple[int, int]) -> dict[str, Any]:
    written = [{"fromPort": start, "toPort": end} for start, end in ranges]
    return {"portRanges": written, **({"protocol": protocol} if protocol else {})}


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (endpoint(), endpoint(), True),
        (endpoint(), endpoint(namespace="shop"), True),
        (endpoint(), endpoint(namespace="other"), False),
        (endpoint(), endpoint("api"), False),
        (endpoint(), {**endpoint(), "type": "Ingress"}, False),
        ({"type": "EndpointID", "endpointID": "a"}, {"type": "EndpointID", "endpointID": "a"}, True),
        ({"type": "EndpointID", "endpointID": "a"}, {"type": "EndpointID", "endpointID": "b"}, False),
    ],
)
def test_an_endpoint_stands_once_in_a_group(one: dict[str, Any], other: dict[str, Any], same: bool) -> None:
    verdict = check_accelerator(a_review(accelerator(groups(one, other))))

    assert same == (verdict.refusal is not None)


def test_a_repeated_endpoint_is_told_with_its_group() -> None:
    verdict = check_accelerator(a_review(accelerator(groups(endpoint(), endpoint()))))

    expected = (
        "GlobalAccelerator shop/fast: spec.listeners[0].endpointGroups[0].endpoints = 'Service/shop/web': "
        "duplicate endpoint detected: name it once in a group"
    )
    assert expected == refusal(verdict)
    assert "checkForDuplicateEndpoints" == verdict.check


def test_an_endpoint_may_stand_in_several_groups() -> None:
    assert Verdict() == check_accelerator(a_review(accelerator(groups(endpoint()), groups(endpoint()))))


@pytest.mark.parametrize(
    ("listeners", "allowed"),
    [
        ([ports("TCP", (80, 90)), ports("TCP", (91, 95))], True),
        ([ports("TCP", (80, 90)), ports("TCP", (90, 95))], False),
        ([ports("TCP", (80, 90), (85, 86))], False),
        ([ports("TCP", (80, 90)), ports("UDP", (80, 90))], True),
        ([ports(None, (80, 90)), ports(None, (80, 90))], True),
        ([{"protocol": "TCP"}, {}], True),
    ],
)
def test_ports_of_a_protocol_belong_to_one_range(listeners: list[dict[str, Any]], allowed: bool) -> None:
    assert allowed == (check_accelerator(a_review(accelerator(*listeners))).refusal is None)


def test_overlapping_ports_are_told() -> None:
    verdict = check_accelerator(a_review(accelerator(ports("TCP", (80, 90), (85, 95)))))

    assert "= '80-90 and 85-95': overlapping port ranges detected for protocol TCP" in refusal(verdict)
    assert "checkForOverlappingPortRanges" == verdict.check


def test_an_accelerator_without_listeners_is_allowed() -> None:
    assert Verdict() == check_accelerator(a_review({"metadata": {"namespace": "shop", "name": "fast"}, "spec": {}}))
