"""Which new pods get which readiness gates."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aws_lb_controller.webhooks.pod_readiness import inject_readiness_gates
from aws_lb_controller.webhooks.reading import Cluster
from aws_lb_controller.webhooks.review import Handler, Verdict
from builders_cluster import a_binding
from builders_kube import a_service
from builders_webhooks import a_cluster, a_review, asked, assert_needs_no_second_patch, mutated

GATE = "target-health.elbv2.k8s.aws/tgb"
LEGACY = "target-health.alb.ingress.k8s.aws/web_http"


def a_new_pod(*gates: str, labels: dict[str, str] | None = None) -> dict[str, Any]:
    spec: dict[str, Any] = {"containers": [{"name": "app"}]}
    if gates:
        spec["readinessGates"] = [{"conditionType": gate} for gate in gates]
    return {"metadata": {"namespace": "shop", "name": "web-1", "labels": labels or {"app": "web"}}, "spec": spec}


def selecting(name: str = "web", **labels: str) -> dict[str, Any]:
    return a_service(name, selector=labels or {"app": "web"})


def injecting(cluster: Cluster, *, enabled: bool = True) -> Handler:
    return partial(inject_readiness_gates, cluster=cluster, enabled=enabled)


def gates(pod: dict[str, Any]) -> list[str]:
    return [gate["conditionType"] for gate in pod["spec"].get("readinessGates", [])]


def injected(cluster: Cluster, pod: dict[str, Any] | None = None) -> list[str]:
    return gates(mutated(injecting(cluster), pod or a_new_pod()))


def test_a_pod_of_a_bindings_service_gets_the_bindings_gate() -> None:
    assert [GATE] == injected(a_cluster(a_binding(), selecting()))


def test_a_pod_gets_a_gate_for_each_binding_that_it_will_be_a_target_of() -> None:
    cluster = a_cluster(a_binding("b"), a_binding("a", service="api"), selecting(), selecting("api"))

    assert ["target-health.elbv2.k8s.aws/a", "target-health.elbv2.k8s.aws/b"] == injected(cluster)


@pytest.mark.parametrize(
    "objects",
    [
        pytest.param([a_binding(target_type="instance"), selecting()], id="nodes are its targets"),
        pytest.param([a_binding(target_type=None), selecting()], id="its target type is unknown"),
        pytest.param([a_binding(namespace="other"), selecting()], id="it is in another namespace"),
        pytest.param([a_binding()], id="its Service is not there"),
        pytest.param([a_binding(), selecting(app="api")], id="its Service selects other pods"),
        pytest.param([a_binding(), selecting(app="web", tier="front")], id="its Service wants more labels"),
        pytest.param([a_binding(), a_service()], id="its Service selects nothing"),
        pytest.param([a_binding(deletionTimestamp="2026-01-01T00:00:00Z"), selecting()], id="it is going"),
    ],
)
def test_a_binding_gives_no_gate_where(objects: list[dict[str, Any]]) -> None:
    assert [] == injected(a_cluster(*objects))


def test_a_pod_keeps_its_own_gates_before_ours() -> None:
    assert ["example.com/warm", GATE] == injected(a_cluster(a_binding(), selecting()), a_new_pod("example.com/warm"))


def test_a_gate_that_is_there_is_not_added_again() -> None:
    verdict = injecting(a_cluster(a_binding(), selecting()))(a_review(a_new_pod(GATE)))

    assert Verdict() == verdict


def test_gates_of_the_v1_controller_give_way_to_ours() -> None:
    assert [GATE] == injected(a_cluster(a_binding(), selecting()), a_new_pod(LEGACY))


def test_gates_of_the_v1_controller_stay_where_no_binding_has_the_pod() -> None:
    assert [LEGACY] == injected(a_cluster(), a_new_pod(LEGACY))


def test_nothing_is_injected_with_the_flag_off() -> None:
    cluster = a_cluster(a_binding(), selecting())

    assert Verdict() == injecting(cluster, enabled=False)(a_review(a_new_pod()))


def test_only_new_pods_are_touched() -> None:
    cluster = a_cluster(a_binding(), selecting())

    assert Verdict() == injecting(cluster)(a_review(a_new_pod(), old=a_new_pod()))


def test_pods_outside_the_watched_namespace_are_not_ours() -> None:
    assert [] == injected(a_cluster(a_binding(), selecting(), watched="other"))


def test_a_binding_whose_name_fits_into_no_gate_is_told_and_not_waited_for() -> None:
    name = "b" * 64
    verdict = injecting(a_cluster(a_binding(name), selecting()))(a_review(a_new_pod()))

    assert () == verdict.patch
    assert name in verdict.warnings[0]


# -- what is known when


def test_a_pod_whose_binding_is_known_costs_no_request() -> None:
    cluster = a_cluster(a_binding(), selecting())
    injected(cluster)

    assert [] == asked(cluster)


def test_a_binding_made_a_moment_before_the_pod_is_found() -> None:
    cluster = a_cluster(live=[a_binding(), selecting()])

    assert [GATE] == injected(cluster)
    assert ["list TargetGroupBinding shop", "list Service shop"] == asked(cluster)


def test_before_the_store_is_filled_the_api_server_is_asked() -> None:
    assert [GATE] == injected(a_cluster(live=[a_binding(), selecting()], ready=False))


def test_a_pod_without_bindings_is_made_while_the_api_server_does_not_answer() -> None:
    assert Verdict() == injecting(a_cluster(broken=0))(a_review(a_new_pod()))


def test_while_nothing_is_known_a_pod_is_made_without_gates_and_warned_of() -> None:
    verdict = injecting(a_cluster(ready=False, broken=0))(a_review(a_new_pod()))

    assert (None, ()) == (verdict.refusal, verdict.patch)
    assert "Pod shop/web-1: spec.readinessGates: no readiness gates are injected" in verdict.warnings[0]


@given(st.lists(st.sampled_from([GATE, LEGACY, "example.com/warm"]), unique=True), st.booleans())
def test_a_patched_pod_needs_no_patch(held: list[str], bound: bool) -> None:
    cluster = a_cluster(*([a_binding()] if bound else []), selecting())

    assert_needs_no_second_patch(injecting(cluster), a_new_pod(*held))
