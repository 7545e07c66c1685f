"""What is measured, under the names and labels that dashboards for this controller already use.

``aws_api_*`` and ``awslbc_*`` are the contract's names, ``controller_runtime_*``, ``workqueue_*`` and
``leader_election_*`` those of the framework that such dashboards take for granted. Ours alone are the age of the
oldest key that waits and the age of each watch, which say at once what a depth or a count only hints at.
"""

from __future__ import annotations

import threading
import time
from collections import Counter as Counts
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from aws_lb_controller.aws.errors import meaning_of
from aws_lb_controller.cluster.kinds import INGRESS, SERVICE, TARGET_GROUP_BINDING, Kind
from aws_lb_controller.cluster.store import Store
from aws_lb_controller.errors import AwsDenied, AwsThrottled, NotLeading, NotYet
from aws_lb_controller.reconcile.keys import Controller, Key
from aws_lb_controller.runtime.workqueue import WorkQueue

CONTROLLER_LABELS: Mapping[Controller, str] = {
    "service": "service",
    "ingress-group": "ingress",
    "binding": "targetGroupBinding",
    "node-security-groups": "nodeSecurityGroups",
    "backend-security-group": "backendSecurityGroup",
}
"""The value of the label ``controller`` for each of our controllers."""

CACHED: Mapping[str, Kind] = {"service": SERVICE, "ingress": INGRESS, "targetgroupbinding": TARGET_GROUP_BINDING}
TALKERS = 3
TALKERS_SECONDS = 180.0

_CALL = ("service", "operation")
_CALL_OUTCOME = (*_CALL, "status_code", "error_code")
_RECONCILE_BUCKETS = (0.005, 0.025, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0)


class Metrics:
    """Every metric, in a registry of its own. For any thread."""

    def __init__(self) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]  # the contract knows no such series
        self.registry = CollectorRegistry()
        self._make_aws()
        self._make_controller()
        self._talkers = _TopTalkers()
        self.registry.register(self._talkers)
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
        self._leader = self._gauge("leader_election_master_status", "1 on the replica that leads.", ("name",))

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
        if getattr(self._counted, "error", None) is not wrong:
            self._count_error(CONTROLLER_LABELS[controller], f"{type(wrong).__name__}", wrong)
        self._counted.error = None

    def reconciled(self, key: Key, *, result: str, seconds: float) -> None:
        """A reconcile has ended: ``success``, ``error`` or ``requeue_after``."""
        label = CONTROLLER_LABELS[key.controller]
        self._reconciles.labels(label, result).inc()
        self._reconcile_seconds.labels(label).observe(seconds)
        self._talkers.count(label, key.name)

    def _count_error(self, label: str, category: str, wrong: BaseException) -> None:
        self._errors.labels(label, category).inc()
        self._counted.error = wrong

    # ---- states that are read when asked for

    def show_queue(self, queue: WorkQueue) -> None:
        """Show the queue's depth and age per controller."""
        depth = self._gauge("workqueue_depth", "Keys that wait for a worker.", ("name", "controller"))
        age = self._gauge("awslbc_workqueue_oldest_seconds", "For how long the oldest of them waits.", ("controller",))
        for controller, label in CONTROLLER_LABELS.items():
            depth.labels(label, label).set_function(lambda c=controller: queue.depth(c))  # type: ignore[misc]  # a default binds the loop's value
            age.labels(label).set_function(lambda c=controller: queue.oldest(c))  # type: ignore[misc]  # as above

    def show_store(self, store: Store) -> None:
        """Show how many objects are held."""
        held = self._gauge("awslbc_controller_cache_object_total", "Objects that are held in memory.", ("resource",))
        for label, kind in CACHED.items():
            held.labels(label).set_function(lambda k=kind: store.count(k))  # type: ignore[misc]  # a default binds the loop's value

    def show_watches(self, ages: Callable[[], Mapping[Kind, float]]) -> None:
        """Show for how long each kind has not been heard of."""
        self.registry.register(_WatchAges(ages))

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


def _kind_of_refusal(status: int, code: str) -> str | None:
    meaning = meaning_of(code, status)
    if status in (401, 403) or meaning is AwsDenied:
        return "permission"
    if meaning is AwsThrottled:
        return "throttled"
    if "LimitExceeded" in code:
        return "service_limit_exceeded"
    return "validation" if code == "ValidationError" else None


class _WatchAges(Collector):
    """The ages of the watches, read at the moment of asking."""

    def __init__(self, ages: Callable[[], Mapping[Kind, float]]) -> None:
        self._ages = ages

    def collect(self) -> Iterator[GaugeMetricFamily]:
        family = GaugeMetricFamily(
            "awslbc_watch_age_seconds", "For how long a kind has not been heard of.", labels=["resource"]
        )
        for kind, age in self._ages().items():
            family.add_metric([kind.plural], age)
        yield family


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
