"""Metrics bear the contract's names and labels."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from aws_lb_controller.cluster.kinds import POD, SERVICE, TARGET_GROUP_BINDING
from aws_lb_controller.cluster.store import Store
from aws_lb_controller.errors import ForbiddenChange, NotYet, SpecError, UnmetNeed
from aws_lb_controller.reconcile.keys import Key
from aws_lb_controller.runtime.metrics import Metrics
from aws_lb_controller.runtime.workqueue import Lane, WorkQueue
from builders_kube import a_service
from contract_data import contract
from every_metric import a_binding, series

CALL = {"service", "operation"}
OUTCOME = CALL | {"status_code", "error_code"}
LABELS = {
    "aws_api_calls_total": OUTCOME,
    "aws_api_call_duration_seconds": CALL,
    "aws_api_call_retries": CALL,
    "aws_api_requests_total": OUTCOME,
    "aws_api_request_duration_seconds": CALL,
    "aws_api_call_permission_errors_total": OUTCOME,
    "aws_api_call_service_limit_exceeded_errors_total": OUTCOME,
    "aws_api_call_throttled_errors_total": OUTCOME,
    "aws_api_call_validation_errors_total": OUTCOME,
    "aws_target_group_info": {"namespace", "service", "target_group"},
    "awslbc_readiness_gate_ready_seconds": {"namespace", "name"},
    "awslbc_controller_reconcile_errors_total": {"controller", "error_category"},
    "awslbc_controller_reconcile_stage_duration": {"controller", "reconcile_stage"},
    "awslbc_webhook_validation_failure_total": {"webhook_name", "error_category"},
    "awslbc_webhook_mutation_failure_total": {"webhook_name", "error_category"},
    "awslbc_controller_cache_object_total": {"resource"},
    "awslbc_controller_top_talkers": {"controller", "namespace", "name"},
    "awslbc_quic_target_missing_server_id": {"namespace", "name"},
}
"""The labels of v3.5.0."""

FRAMEWORK = {
    "controller_runtime_reconcile_total": {"controller", "result"},
    "controller_runtime_reconcile_errors_total": {"controller"},
    "controller_runtime_terminal_reconcile_errors_total": {"controller"},
    "controller_runtime_reconcile_panics_total": {"controller"},
    "controller_runtime_reconcile_time_seconds": {"controller"},
    "controller_runtime_max_concurrent_reconciles": {"controller"},
    "controller_runtime_active_workers": {"controller"},
    "controller_runtime_webhook_requests_total": {"webhook", "code"},
    "controller_runtime_webhook_latency_seconds": {"webhook"},
    "workqueue_depth": {"name", "controller"},
    "workqueue_adds_total": {"name", "controller"},
    "workqueue_retries_total": {"name", "controller"},
    "workqueue_queue_duration_seconds": {"name", "controller"},
    "workqueue_work_duration_seconds": {"name", "controller"},
    "workqueue_unfinished_work_seconds": {"name", "controller"},
    "workqueue_longest_running_processor_seconds": {"name", "controller"},
    "leader_election_master_status": {"name"},
    "process_resident_memory_bytes": set(),
    "process_cpu_seconds_total": set(),
    "awslbc_workqueue_oldest_seconds": {"controller"},
    "awslbc_watch_age_seconds": {"resource"},
    "awslbc_watch_restarts_total": set(),
}
"""What the framework of v3.5.0 shows, as far as it makes sense here, and what is ours."""


def value(metrics: Metrics, series: str, /, **labels: str) -> float | None:
    return metrics.registry.get_sample_value(series, labels)


def test_every_metric_of_the_contract_has_labels_to_be_compared() -> None:
    assert {*contract("names")["metrics"]} == LABELS.keys()


@pytest.mark.parametrize(("name", "labels"), [*LABELS.items(), *FRAMEWORK.items()])
def test_a_metric_bears_its_name_and_labels(name: str, labels: set[str]) -> None:
    shown = series()
    found = shown[name] if name in shown else shown[f"{name}_bucket"] - {"le"}
    assert labels == found


def test_only_bindings_that_have_a_target_group_are_joined_with_it() -> None:
    metrics, store = Metrics(), Store()
    metrics.show_store(store)
    store.upsert(TARGET_GROUP_BINDING, a_binding(arn=None))
    assert "aws_target_group_info{" not in metrics.render().decode()
    store.upsert(TARGET_GROUP_BINDING, a_binding(version="2"))
    group = "targetgroup/k8s-shop-web-0123456789/0123456789abcdef"
    assert 1 == value(metrics, "aws_target_group_info", namespace="shop", service="web", target_group=group)


@pytest.mark.parametrize(
    ("wrong", "terminal", "panics"),
    [(SpecError([]), 1, 0), (ForbiddenChange("no"), 1, 0), (UnmetNeed([]), None, 0), (ZeroDivisionError(), None, 1)],
)
def test_failures_are_told_apart_by_whose_move_it_is(wrong: Exception, terminal: int | None, panics: int) -> None:
    metrics = Metrics()
    metrics.failed("service", wrong)
    of_service = {"controller": "service"}
    assert 1 == value(metrics, "controller_runtime_reconcile_errors_total", **of_service)
    assert terminal == value(metrics, "controller_runtime_terminal_reconcile_errors_total", **of_service)
    assert (panics or None) == value(metrics, "controller_runtime_reconcile_panics_total", **of_service)


def test_how_busy_the_workers_are_is_shown_per_controller() -> None:
    metrics, running = Metrics(), {Key("service", "shop/a"): 1.5, Key("service", "shop/b"): 7.0}
    metrics.show_workers({"service": 3, "binding": 2}, lambda: running)
    assert 3 == value(metrics, "controller_runtime_max_concurrent_reconciles", controller="service")
    assert 2 == value(metrics, "controller_runtime_active_workers", controller="service")
    assert 0 == value(metrics, "controller_runtime_active_workers", controller="targetGroupBinding")
    longest = "workqueue_longest_running_processor_seconds"
    assert 7 == value(metrics, longest, name="service", controller="service")
    assert 8.5 == value(metrics, "workqueue_unfinished_work_seconds", name="service", controller="service")


def test_a_watch_that_never_told_anything_is_as_old_as_the_process() -> None:
    metrics, now = Metrics(), [100.0]
    metrics.show_watches(lambda: {POD: 2.5}, kinds=(POD, SERVICE), restarts=lambda: 4, clock=lambda: now[0])
    now[0] = 700.0
    assert 2.5 == value(metrics, "awslbc_watch_age_seconds", resource="pods")
    assert 600 == value(metrics, "awslbc_watch_age_seconds", resource="services")
    assert 4 == value(metrics, "awslbc_watch_restarts_total")


def test_stages_bear_the_names_that_dashboards_know() -> None:
    metrics = Metrics()
    with metrics.stage("ingress-group", "add_finalizers"), metrics.stage("service", "add_finalizers"):
        pass
    series = "awslbc_controller_reconcile_stage_duration_count"
    assert 1 == value(metrics, series, controller="ingress", reconcile_stage="add_group_finalizer")
    assert 1 == value(metrics, series, controller="service", reconcile_stage="add_finalizers")


def test_pods_without_a_server_id_are_counted() -> None:
    metrics = Metrics()
    for pods in (2, 1):
        metrics.without_server_id("shop", "web", pods)
    assert 3 == value(metrics, "awslbc_quic_target_missing_server_id", namespace="shop", name="web")


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


def test_how_long_a_readiness_gate_was_closed_is_told_by_binding() -> None:
    metrics = Metrics()
    metrics.gate_opened("shop", "tgb", 31.0)
    of_binding = {"namespace": "shop", "name": "tgb"}
    assert 31 == value(metrics, "awslbc_readiness_gate_ready_seconds_sum", **of_binding)
    assert 0 == value(metrics, "awslbc_readiness_gate_ready_seconds_bucket", **of_binding, le="30.0")
    assert 1 == value(metrics, "awslbc_readiness_gate_ready_seconds_bucket", **of_binding, le="60.0")


def test_two_of_them_in_one_process_do_not_clash() -> None:
    assert Metrics().render().startswith(b"# HELP")
    assert Metrics().render().startswith(b"# HELP")


def test_a_refused_object_is_counted_by_its_webhook_and_check() -> None:
    metrics = Metrics()
    validate, mutate = "/validate-networking-v1-ingress", "/mutate-v1-pod"
    metrics.reviewed(validate, code=200, seconds=0.1, refused_by="checkIngressClass")
    metrics.reviewed(validate, code=200, seconds=0.1, refused_by="")
    metrics.reviewed(mutate, code=200, seconds=0.1, refused_by="timeout")
    refused = {"webhook_name": validate, "error_category": "checkIngressClass"}
    assert 1 == value(metrics, "awslbc_webhook_validation_failure_total", **refused)
    refused = {"webhook_name": mutate, "error_category": "timeout"}
    assert 1 == value(metrics, "awslbc_webhook_mutation_failure_total", **refused)
    assert 2 == value(metrics, "controller_runtime_webhook_requests_total", webhook=validate, code="200")
    assert 2 == value(metrics, "controller_runtime_webhook_latency_seconds_count", webhook=validate)


def test_what_the_queue_does_is_counted_once_for_each_key_however_often_it_is_asked_for() -> None:
    async def counted() -> Metrics:
        now = [0.0]
        metrics = Metrics()
        queue = WorkQueue(listener=metrics, clock=lambda: now[0])
        key = Key("binding", "shop/tgb")
        for lane in (Lane.NORMAL, Lane.URGENT, Lane.NORMAL):
            queue.add(key, lane)
        now[0] = 3.0
        await queue.get("binding")
        queue.add(key)
        queue.add(key)
        queue.done(key)
        queue.retry(key)
        return metrics

    metrics = asyncio.run(counted())
    labels = {"name": "targetGroupBinding", "controller": "targetGroupBinding"}
    assert 2 == value(metrics, "workqueue_adds_total", **labels)
    assert 1 == value(metrics, "workqueue_retries_total", **labels)
    assert (1, 3) == tuple(value(metrics, f"workqueue_queue_duration_seconds_{s}", **labels) for s in ("count", "sum"))
