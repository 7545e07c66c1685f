"""What is measured, under the names and labels that dashboards for this controller already use.

``aws_api_*`` and ``awslbc_*`` are the contract's names, ``controller_runtime_*``, ``workqueue_*`` and
``leader_election_*`` those of the framework that such dashboards take for granted. Ours alone are the age of the
oldest key that waits and the age of each watch, which say at once what a depth or a count only hints at.
"""

from __future__ import annotations

import threading
import time
from collections import Counter as Counts
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    GCCollector,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from aws_lb_controller.aws.errors import meaning_of
from aws_lb_controller.cluster.indexes import namespace_of
from aws_lb_controller.cluster.kinds import (
    HEARD_BY_KOPF,
    INGRESS,
    REFLECTED,
    SERVICE,
    TARGET_GROUP_BINDING,
    Kind,
)
from aws_lb_controller.cluster.store import Store
from aws_lb_controller.errors import (
    AwsDenied,
    AwsThrottled,
    ControllerError,
    ForbiddenChange,
    NotLeading,
    NotYet,
    SpecError,
)
from aws_lb_controller.reconcile.keys import Controller, Key
from aws_lb_controller.runtime.workqueue import WorkQueue

CONTROLLER_LABELS: Mapping[Controller, str] = {
    "service": "service",
    "ingress-group": "ingress",
    "binding": "targetGroupBinding",
    "access": "targetGroupBindingAccess",
    "pod-readiness": "podReadiness",
    "node-security-groups": "nodeSecurityGroups",
    "backend-security-group": "backendSecurityGroup",
}
"""The value of the label ``controller`` for each of our controllers."""

STAGE_LABELS: Mapping[tuple[Controller, str], str] = {
    ("service", "remove_finalizers"): "cleanup_load_balancer",
    ("service", "cleanup_status"): "cleanup_load_balancer",
    ("ingress-group", "add_finalizers"): "add_group_finalizer",
    ("ingress-group", "update_status"): "dns_resolve_and_update_status",
    ("ingress-group", "remove_finalizers"): "remove_group_finalizer",
}
"""Stages that dashboards know by another name than ours."""

CACHED: Mapping[str, Kind] = {"service": SERVICE, "ingress": INGRESS, "targetgroupbinding": TARGET_GROUP_BINDING}
TALKERS = 3
TALKERS_SECONDS = 180.0

_CALL = ("service", "operation")
_CALL_OUTCOME = (*_CALL, "status_code", "error_code")
_QUEUE = ("name", "controller")
_GATE_BUCKETS = (10, 30, *range(60, 601, 60))
_RECONCILE_BUCKETS = (0.005, 0.025, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0)


class Metrics:
    """Every metric, in a registry of its own. For any thread."""

    def __init__(self) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]  # the contract knows no such series
        self.registry = CollectorRegistry()
        self._make_aws()
        self._make_controller()
        self._make_webhooks()
        self._talkers = _TopTalkers()
        self.registry.register(self._talkers)
        ProcessCollector(registry=self.registry)
        GCCollector(registry=self.registry)
        self._counted = threading.local()

    def _make_aws(self) -> None:
        self._calls = self._counter("aws_api_calls_total", "Calls of the AWS API, retries not counted.", _CALL_OUTCOME)
        self._call_seconds = self._histogram("aws_api_call_duration_seconds", "Their duration, with retries.", _CALL)
        self._call_retries = self._histogram(
            "aws_api_call_retries", "How often each was retried.", _CALL, buckets=range(11)
        )
        self._requests = self._counter("aws_api_requests_total", "HTTP requests to AWS.", _CALL_OUTCOME)
        self._request_seconds = self._histogram("aws_api_request_duration_seconds", "Their duration.", _CALL)
        self._call_errors = {
            kind: self._counter(f"aws_api_call_{kind}_errors_total", f"Calls that AWS refused: {why}.", _CALL_OUTCOME)
            for kind, why in (
                ("permission", "not allowed"),
                ("service_limit_exceeded", "a quota is reached"),
                ("throttled", "too many calls"),
                ("validation", "values that are not valid"),
            )
        }

    def _make_controller(self) -> None:
        self._errors = self._counter(
            "awslbc_controller_reconcile_errors_total",
            "Reconciles that failed, by what failed.",
            ("controller", "error_category"),
        )
        self._stages = self._histogram(
            "awslbc_controller_reconcile_stage_duration",
            "Seconds that each stage of a reconcile took.",
            ("controller", "reconcile_stage"),
            buckets=Histogram.DEFAULT_BUCKETS,
        )
        self._reconciles = self._counter(
            "controller_runtime_reconcile_total", "Reconciles, by how they ended.", ("controller", "result")
        )
        self._reconcile_seconds = self._histogram(
            "controller_runtime_reconcile_time_seconds", "Seconds that a reconcile took.", ("controller",)
        )
        self._failures = {
            kind: self._counter(f"controller_runtime_{kind}_total", f"Reconciles that {how}.", ("controller",))
            for kind, how in (
                ("reconcile_errors", "failed"),
                ("terminal_reconcile_errors", "failed, and wait for an edit of the object"),
                ("reconcile_panics", "failed for a bug of ours"),
            )
        }
        self._adds = self._counter("workqueue_adds_total", "Keys that came to wait for a worker.", _QUEUE)
        self._retries = self._counter("workqueue_retries_total", "Keys that failed and wait for another try.", _QUEUE)
        self._waits = self._histogram("workqueue_queue_duration_seconds", "Seconds that keys waited.", _QUEUE)
        self._work = self._histogram("workqueue_work_duration_seconds", "Seconds that keys then took.", _QUEUE)
        self._leader = self._gauge("leader_election_master_status", "1 on the replica that leads.", ("name",))
        self._gates = self._histogram(
            "awslbc_readiness_gate_ready_seconds",
            "Seconds from a pod's registration as a target until its readiness gate opened.",
            ("namespace", "name"),
            buckets=_GATE_BUCKETS,
        )
        # a gauge by its type only: a counter's name would have to end in _total
        self._without_server_id = self._gauge(
            "awslbc_quic_target_missing_server_id",
            "Pods that were to be targets behind QUIC listeners and have no server id.",
            ("namespace", "name"),
        )

    def _make_webhooks(self) -> None:
        failed = ("webhook_name", "error_category")
        self._validation_failures = self._counter(
            "awslbc_webhook_validation_failure_total", "Objects refused by a validating webhook, by check.", failed
        )
        self._mutation_failures = self._counter(
            "awslbc_webhook_mutation_failure_total", "Objects refused by a mutating webhook, by check.", failed
        )
        self._reviews = self._counter(
            "controller_runtime_webhook_requests_total",
            "Requests of the API server, by HTTP code.",
            ("webhook", "code"),
        )
        self._review_seconds = self._histogram(
            "controller_runtime_webhook_latency_seconds", "Their duration.", ("webhook",)
        )

    # ---- webhooks

    def reviewed(self, path: str, *, code: int, seconds: float, refused_by: str) -> None:
        """A request of the API server was answered. refused_by: the check that refused the object, "" if none did."""
        self._reviews.labels(path, str(code)).inc()
        self._review_seconds.labels(path).observe(seconds)
        if refused_by:
            failures = self._mutation_failures if path.startswith("/mutate-") else self._validation_failures
            failures.labels(path, refused_by).inc()

    # ---- AWS

    def aws_call(
        self, *, service: str, operation: str, code: str, seconds: float, retries: int, status: int = 0
    ) -> None:
        """A call of the AWS API has ended. code: AWS's error code, "" for success; status: of the last HTTP answer."""
        outcome = (service, operation, str(status or (200 if not code else 0)), code)
        self._calls.labels(*outcome).inc()
        self._call_seconds.labels(service, operation).observe(seconds)
        self._call_retries.labels(service, operation).observe(retries)
        if kind := _kind_of_refusal(status, code):
            self._call_errors[kind].labels(*outcome).inc()

    def aws_request(self, *, service: str, operation: str, status: int, code: str, seconds: float) -> None:
        """One HTTP request to AWS has ended: a call has one, and one more for each retry."""
        self._requests.labels(service, operation, str(status), code).inc()
        self._request_seconds.labels(service, operation).observe(seconds)

    # ---- reconciles

    @contextmanager
    def stage(self, controller: Controller, stage: str) -> Iterator[None]:
        """A stage of a reconcile (``build_model``, ``deploy_model`` …): its duration, and its failure if it fails."""
        label, started = CONTROLLER_LABELS[controller], time.monotonic()
        stage = STAGE_LABELS.get((controller, stage), stage)
        try:
            yield
        except (NotYet, NotLeading):
            raise
        except Exception as wrong:
            self._count_error(label, f"{stage}_error", wrong)
            raise
        finally:
            self._stages.labels(label, stage).observe(time.monotonic() - started)

    def failed(self, controller: Controller, wrong: BaseException) -> None:
        """A reconcile raised; counted unless a stage of it, in this thread, has counted it."""
        label = CONTROLLER_LABELS[controller]
        if getattr(self._counted, "error", None) is not wrong:
            self._count_error(label, f"{type(wrong).__name__}", wrong)
        self._counted.error = None
        self._failures["reconcile_errors"].labels(label).inc()
        if isinstance(wrong, SpecError | ForbiddenChange):
            self._failures["terminal_reconcile_errors"].labels(label).inc()
        if not isinstance(wrong, ControllerError):
            self._failures["reconcile_panics"].labels(label).inc()

    def reconciled(self, key: Key, *, result: str, seconds: float) -> None:
        """A reconcile has ended: ``success``, ``error`` or ``requeue_after``."""
        label = CONTROLLER_LABELS[key.controller]
        self._reconciles.labels(label, result).inc()
        self._reconcile_seconds.labels(label).observe(seconds)
        self._work.labels(label, label).observe(seconds)
        self._talkers.count(label.lower(), key.name)

    def without_server_id(self, namespace: str, name: str, pods: int) -> None:
        """Pods of a binding were found to be no targets, for lack of a QUIC server id."""
        self._without_server_id.labels(namespace, name).inc(pods)

    def gate_opened(self, namespace: str, name: str, seconds: float) -> None:
        """The readiness gate of a pod opened: for the binding of that name, and so long after it was closed."""
        self._gates.labels(namespace, name).observe(seconds)

    def _count_error(self, label: str, category: str, wrong: BaseException) -> None:
        self._errors.labels(label, category).inc()
        self._counted.error = wrong

    # ---- the queue

    def added(self, controller: Controller) -> None:
        """A key waits for a worker now, that did not before."""
        self._adds.labels(*_queue(controller)).inc()

    def taken(self, controller: Controller, waited: float) -> None:
        """A worker has taken a key that waited for so many seconds."""
        self._waits.labels(*_queue(controller)).observe(waited)

    def retried(self, controller: Controller) -> None:
        """A key failed, and waits for its next try."""
        self._retries.labels(*_queue(controller)).inc()

    # ---- states that are read when asked for

    def show_queue(self, queue: WorkQueue) -> None:
        """Show the queue's depth and age per controller."""
        depth = self._gauge("workqueue_depth", "Keys that wait for a worker.", _QUEUE)
        age = self._gauge("awslbc_workqueue_oldest_seconds", "For how long the oldest of them waits.", ("controller",))
        for controller, label in CONTROLLER_LABELS.items():
            depth.labels(label, label).set_function(lambda c=controller: queue.depth(c))  # type: ignore[misc]  # a default binds the loop's value
            age.labels(label).set_function(lambda c=controller: queue.oldest(c))  # type: ignore[misc]  # as above

    def show_workers(self, limits: Mapping[Controller, int], running: Callable[[], Mapping[Key, float]]) -> None:
        """Show how busy the workers are. limits: how many there are; running: for how many seconds each key runs."""
        self.registry.register(_Busy(limits, running))

    def show_store(self, store: Store) -> None:
        """Show how many objects are held, and which target group is whose."""
        held = self._gauge("awslbc_controller_cache_object_total", "Objects that are held in memory.", ("resource",))
        for label, kind in CACHED.items():
            held.labels(label).set_function(lambda k=kind: store.count(k))  # type: ignore[misc]  # a default binds the loop's value
        self.registry.register(_TargetGroups(store))

    def show_watches(
        self,
        ages: Callable[[], Mapping[Kind, float]],
        *,
        kinds: Sequence[Kind] = (*HEARD_BY_KOPF, *REFLECTED),
        restarts: Callable[[], int] = lambda: 0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Show for how long each kind has not been heard of (never: since now), and how often kopf began anew."""
        self.registry.register(_Watches(ages, kinds=kinds, restarts=restarts, clock=clock))

    def show_leader(self, name: str, leading: Callable[[], bool]) -> None:
        """Show whether this replica leads."""
        self._leader.labels(name).set_function(lambda: float(leading()))

    def render(self) -> bytes:
        """All of it, in Prometheus's text format."""
        return generate_latest(self.registry)

    # ---- making

    def _counter(self, name: str, text: str, labels: tuple[str, ...]) -> Counter:
        return Counter(name, text, labels, registry=self.registry)

    def _gauge(self, name: str, text: str, labels: tuple[str, ...]) -> Gauge:
        return Gauge(name, text, labels, registry=self.registry)

    def _histogram(
        self, name: str, text: str, labels: tuple[str, ...], *, buckets: object = _RECONCILE_BUCKETS
    ) -> Histogram:
        return Histogram(name, text, labels, registry=self.registry, buckets=tuple(map(float, buckets)))  # type: ignore[call-overload]  # any sequence of numbers


def _queue(controller: Controller) -> tuple[str, str]:
    """The labels ``name`` and ``controller`` of a controller's queue."""
    return CONTROLLER_LABELS[controller], CONTROLLER_LABELS[controller]


def _kind_of_refusal(status: int, code: str) -> str | None:
    meaning = meaning_of(code, status)
    if status in (401, 403) or meaning is AwsDenied:
        return "permission"
    if meaning is AwsThrottled:
        return "throttled"
    if "LimitExceeded" in code:
        return "service_limit_exceeded"
    return "validation" if code == "ValidationError" else None


class _Watches(Collector):
    """The ages of the watches, read at the moment of asking."""

    def __init__(
        self,
        ages: Callable[[], Mapping[Kind, float]],
        *,
        kinds: Sequence[Kind],
        restarts: Callable[[], int],
        clock: Callable[[], float],
    ) -> None:
        self._ages, self._kinds, self._restarts, self._clock = ages, tuple(kinds), restarts, clock
        self._since = clock()

    def collect(self) -> Iterator[Metric]:
        age = GaugeMetricFamily(
            "awslbc_watch_age_seconds", "For how long a kind has not been heard of.", labels=["resource"]
        )
        never = self._clock() - self._since
        for kind, seconds in {**dict.fromkeys(self._kinds, never), **self._ages()}.items():
            age.add_metric([kind.plural], seconds)
        yield age
        yield CounterMetricFamily(
            "awslbc_watch_restarts_total", "How often kopf ended and was started again.", value=self._restarts()
        )


class _Busy(Collector):
    """The workers, at the moment of asking."""

    def __init__(self, limits: Mapping[Controller, int], running: Callable[[], Mapping[Key, float]]) -> None:
        self._limits, self._running = dict(limits), running

    def collect(self) -> Iterator[Metric]:
        most = GaugeMetricFamily("controller_runtime_max_concurrent_reconciles", "Workers.", labels=["controller"])
        busy = GaugeMetricFamily("controller_runtime_active_workers", "Workers that are busy.", labels=["controller"])
        longest = GaugeMetricFamily(
            "workqueue_longest_running_processor_seconds",
            "For how long the longest reconcile that runs has run.",
            labels=_QUEUE,
        )
        unfinished = GaugeMetricFamily(
            "workqueue_unfinished_work_seconds", "For how long all that run have run, together.", labels=_QUEUE
        )
        running = self._running()
        for controller, limit in self._limits.items():
            label = CONTROLLER_LABELS[controller]
            seconds = [lasting for key, lasting in running.items() if key.controller == controller]
            most.add_metric([label], limit)
            busy.add_metric([label], len(seconds))
            longest.add_metric([label, label], max(seconds, default=0.0))
            unfinished.add_metric([label, label], sum(seconds))
        yield from (most, busy, longest, unfinished)


class _TargetGroups(Collector):
    """Which target group stands behind which Service, for joins with CloudWatch's metrics of it."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def collect(self) -> Iterator[GaugeMetricFamily]:
        family = GaugeMetricFamily(
            "aws_target_group_info", "Target groups by Service.", labels=["namespace", "service", "target_group"]
        )
        for labels in sorted({*filter(None, map(_target_group, self._store.list(TARGET_GROUP_BINDING)))}):
            family.add_metric(list(labels), 1)
        yield family


def _target_group(binding: Mapping[str, Any]) -> tuple[str, str, str] | None:
    """target_group is CloudWatch's dimension: the end of the ARN, ``targetgroup/NAME/ID``."""
    spec = binding.get("spec") or {}
    arn, service = spec.get("targetGroupARN"), (spec.get("serviceRef") or {}).get("name")
    return (namespace_of(binding), service, arn.rpartition(":")[2]) if arn and service else None


class _TopTalkers(Collector):
    """The objects reconciled most often of late: the last whole period's, so that a fresh period does not hide them."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._lock, self._clock = threading.Lock(), clock
        self._now: Counts[tuple[str, str]] = Counts()
        self._before: Counts[tuple[str, str]] = Counts()
        self._since = clock()

    def count(self, controller: str, name: str) -> None:
        with self._lock:
            if self._clock() - self._since > TALKERS_SECONDS:
                self._before, self._now, self._since = self._now, Counts(), self._clock()
            self._now[controller, name] += 1

    def collect(self) -> Iterator[GaugeMetricFamily]:
        family = GaugeMetricFamily(
            "awslbc_controller_top_talkers",
            "Reconciles of the objects that are reconciled most often.",
            labels=["controller", "namespace", "name"],
        )
        with self._lock:
            counts = dict(self._before or self._now)
        for controller in sorted({controller for controller, _ in counts}):
            own = Counts({name: n for (each, name), n in counts.items() if each == controller})
            for name, n in own.most_common(TALKERS):
                namespace, _, bare = name.rpartition("/")
                family.add_metric([controller, namespace, bare], n)
        yield family
