"""Which Services are given our class."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aws_lb_controller.webhooks.review import Verdict
from aws_lb_controller.webhooks.service_class import default_service_class
from builders_kube import a_service
from builders_webhooks import a_review, assert_needs_no_second_patch, mutated

OURS = "service.k8s.aws/nlb"
HANDLER = partial(default_service_class, load_balancer_class=OURS)


def of_class(name: str | None, **spec: Any) -> dict[str, Any]:
    return a_service(loadBalancerClass=name, **spec)


@pytest.mark.parametrize("silent", [None, ""])
def test_a_new_load_balancer_without_class_is_given_ours(silent: str | None) -> None:
    assert OURS == mutated(HANDLER, of_class(silent))["spec"]["loadBalancerClass"]


def test_the_patch_is_one_operation() -> None:
    expected = ({"op": "add", "path": "/spec/loadBalancerClass", "value": OURS},)

    assert expected == HANDLER(a_review(of_class(None))).patch


@pytest.mark.parametrize("type_", ["ClusterIP", "NodePort", "ExternalName", None])
def test_other_types_are_left_alone(type_: str | None) -> None:
    assert Verdict() == HANDLER(a_review(of_class(None, type=type_)))


def test_a_class_that_is_given_stays() -> None:
    assert Verdict() == HANDLER(a_review(of_class("example.com/lb")))


def test_an_update_that_drops_the_class_keeps_it() -> None:
    new, old = of_class(None), of_class("example.com/lb")

    assert "example.com/lb" == mutated(HANDLER, new, old=old)["spec"]["loadBalancerClass"]


def test_an_old_service_without_class_never_gets_one() -> None:
    assert Verdict() == HANDLER(a_review(of_class(None), old=of_class(None)))


def test_an_update_to_another_class_is_for_kubernetes_to_judge() -> None:
    assert Verdict() == HANDLER(a_review(of_class("example.com/new"), old=of_class("example.com/lb")))


@given(st.sampled_from(["LoadBalancer", "NodePort"]), st.sampled_from([None, "", OURS, "example.com/lb"]))
def test_a_patched_service_needs_no_patch(type_: str, class_: str | None) -> None:
    assert_needs_no_second_patch(HANDLER, of_class(class_, type=type_))
