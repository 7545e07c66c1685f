"""Metrics bear the contract's names and labels."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from aws_lb_controller.cluster.kinds import POD, SERVICE
from aws_lb_controller.cluster.store import Store
from aws_lb_controller.errors import NotYet
from aws_lb_controller.reconcile.keys import Key
from aws_lb_controller.runtime.metrics import Metrics
from aws_lb_controller.runtime.workqueue import WorkQueue
from builders_kube import a_service
from contract_data import contract

LATER = {
    "aws_target_group_info",
    "awslbc_readiness_gate_ready_seconds",
    "awslbc_webhook_validation_failure_total",
    "awslbc_webhook_mutation_failure_total",
    "awslbc_quic_target_missing_server_id",
}
"""Of features that are not there yet."""


def value(metrics: Metrics, series: str, /, **labels: str) -> float | None:
    return metrics.registry.get_sample_value(series, labels)


def names(metrics: Metrics) -> set[str]:
    return {family.name + ("_total" if family.type == "counter" else "") for family in metrics.registry.collect()}


def test_every_metric_of_the_contract_that_makes_sense_now_is_there() -> None:
    metrics, store = Metrics(), Store()
    metrics.show_store(store)
    assert {*contract("names")["metrics"]} - LATER <= names(metrics)


def test_a_call_of_aws_is_counted_with_its_outcome() -> None:
    metrics = Metrics()
    metrics.aws_call(service="EC2", operation="DescribeVpcs", code="", seconds=0.1, retries=2)
    call = {"service": "EC2", "operation": "DescribeVpcs"}
    assert 1 == value(metrics, "aws_api_calls_total", **call, status_code="200", error_code="")
    assert 0.1 == value(metrics, "aws_api_call_duration_seconds_sum", **call)
    assert 2 == value(metrics, "aws_api_call_retries_sum", **call)


@pytest.mark.parametrize(
    ("code", "status", "kind"),
    [
        ("UnauthorizedOperation", 403, "permission"),
        ("AccessDenied", 0, "permission"),
        ("RulesPerSecurityGroupLimitExceeded", 400, "service_limit_exceeded"),
        ("Throttling", 400, "throttled"),
        ("ValidationError", 400, "validation"),
    ],
)
def test_a_refused_call_is_counted_by_kind(code: str, status: int, kind: str) -> None:
    metrics = Metrics()
    call = {"service": "EC2", "operation": "DescribeVpcs"}
    metrics.aws_call(**call, code=code, status=status, seconds=0.1, retries=0)  # type: ignore[arg-type]
    name = f"aws_api_call_{kind}_errors_total"
    assert 1 == value(metrics, name, **call, status_code=str(status), error_code=code)


def test_a_stage_is_timed_and_its_failure_counted_but_not_that_it_waits() -> None:
    metrics = Metrics()
    for raised in (ZeroDivisionError(), NotYet("soon", after=1)):
        with pytest.raises(type(raised)), metrics.stage("ingress-group", "deploy_model"):
            raise raised
    labels = {"controller": "ingress", "reconcile_stage": "deploy_model"}
    assert 2 == value(metrics, "awslbc_controller_reconcile_stage_duration_count", **labels)
    errors = {"controller": "ingress", "error_category": "deploy_model_error"}
    assert 1 == value(metrics, "awslbc_controller_reconcile_errors_total", **errors)


def test_reconciles_are_counted_and_the_busiest_objects_named() -> None:
    metrics = Metrics()
    for name, times in (("shop/a", 3), ("shop/b", 1), ("shop/c", 4), ("group", 2)):
        for _ in range(times):
            metrics.reconciled(Key("ingress-group", name), result="success", seconds=0.1)
    assert 10 == value(metrics, "controller_runtime_reconcile_total", controller="ingress", result="success")
    top = {
        (sample.labels["namespace"], sample.labels["name"]): sample.value
        for family in metrics.registry.collect()
        if family.name == "awslbc_controller_top_talkers"
        for sample in family.samples
    }
    assert {("shop", "c"): 4, ("shop", "a"): 3, ("", "group"): 2} == top


def test_the_store_the_watches_and_the_leader_are_shown_as_they_are() -> None:
    metrics, store = Metrics(), Store()
    leading = [False]
    metrics.show_store(store)
    metrics.show_watches(lambda: {POD: 2.5})
    metrics.show_leader("the-lease", lambda: leading[0])
    store.upsert(SERVICE, a_service())
    leading[0] = True
    assert 1 == value(metrics, "awslbc_controller_cache_object_total", resource="service")
    assert 2.5 == value(metrics, "awslbc_watch_age_seconds", resource="pods")
    assert 1 == value(metrics, "leader_election_master_status", name="the-lease")


def test_the_queue_is_shown_per_controller() -> None:
    async def shown() -> list[Any]:
        now = [0.0]
        metrics, queue = Metrics(), WorkQueue(clock=lambda: now[0])
        metrics.show_queue(queue)
        queue.add(Key("binding", "shop/tgb"))
        now[0] = 3.0
        label = "targetGroupBinding"
        return [
            value(metrics, "workqueue_depth", name=label, controller=label),
            value(metrics, "awslbc_workqueue_oldest_seconds", controller=label),
            value(metrics, "workqueue_depth", name="service", controller="service"),
        ]

    assert [1, 3, 0] == asyncio.run(shown())


def test_two_of_them_in_one_process_do_not_clash() -> None:
    assert Metrics().render().startswith(b"# HELP")
    assert Metrics().render().startswith(b"# HELP")
