"""A registry in which every metric that the program has bears a sample, as Prometheus would find it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress

from prometheus_client.parser import text_string_to_metric_families

from aws_lb_controller.cluster.kinds import POD, TARGET_GROUP_BINDING
from aws_lb_controller.cluster.store import Store
from aws_lb_controller.errors import SpecError
from aws_lb_controller.reconcile.keys import Key
from aws_lb_controller.runtime.metrics import Metrics
from aws_lb_controller.runtime.workqueue import WorkQueue

ARN = "arn:aws:elasticloadbalancing:us-west-2:123456789012:targetgroup/k8s-shop-web-0123456789/0123456789abcdef"
KEY = Key("service", "shop/web")
CODES = ("AccessDenied", "TooManyTargetsLimitExceeded", "Throttling", "ValidationError")


def a_binding(*, arn: str | None = ARN, version: str = "1") -> dict[str, object]:
    spec = {"serviceRef": {"name": "web", "port": 80}, **({"targetGroupARN": arn} if arn else {})}
    return {"metadata": {"namespace": "shop", "name": "tgb", "uid": "u", "resourceVersion": version}, "spec": spec}


def every_metric() -> Metrics:
    """Everything that can happen has happened once."""
    metrics, store = Metrics(), Store()
    store.upsert(TARGET_GROUP_BINDING, a_binding())
    asyncio.run(_with_queue(metrics))
    metrics.show_store(store)
    metrics.show_workers({"service": 3}, lambda: {KEY: 1.0})
    metrics.show_watches(lambda: {POD: 1.0})
    metrics.show_leader("lease", lambda: True)
    for code in ("", *CODES):
        metrics.aws_call(service="EC2", operation="DescribeVpcs", code=code, status=400, seconds=0.1, retries=1)
    metrics.aws_request(service="EC2", operation="DescribeVpcs", code="", status=200, seconds=0.1)
    for path in ("/mutate-v1-pod", "/validate-networking-v1-ingress"):
        metrics.reviewed(path, code=200, seconds=0.1, refused_by="check")
    metrics.reconciled(KEY, result="success", seconds=0.1)
    with suppress(SpecError), metrics.stage("service", "build_model"):
        raise SpecError([])
    for wrong in (SpecError([]), ZeroDivisionError()):
        metrics.failed("service", wrong)
    metrics.gate_opened("shop", "tgb", 1.0)
    metrics.without_server_id("shop", "tgb", 1)
    return metrics


async def _with_queue(metrics: Metrics) -> None:
    queue = WorkQueue(listener=metrics)
    metrics.show_queue(queue)
    queue.add(KEY)
    await queue.get("service")
    queue.retry(KEY)


def series() -> Mapping[str, frozenset[str]]:
    """Name of each series, as queries have it -> its labels."""
    families = text_string_to_metric_families(every_metric().render().decode())
    return {sample.name: frozenset(sample.labels) for family in families for sample in family.samples}
