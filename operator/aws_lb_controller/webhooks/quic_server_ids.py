"""Server ids of QUIC: numbers that no two containers of the cluster share, in an environment variable of each.

A QUIC listener finds the target of a connection that has moved by the id that the server put into its connection ids.
An id is 64 bits in base64: milliseconds since 2020, 17 bits of the replica that made it, and 7 bits of a sequence.
Replicas draw their number from a ConfigMap, so no two of them make the same id in the same millisecond.
"""

from __future__ import annotations

import base64
import random
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Protocol

from aws_lb_controller.cluster.client import KubeClient
from aws_lb_controller.cluster.kinds import CONFIG_MAP
from aws_lb_controller.cluster.quic import CONTAINERS_ANNOTATION
from aws_lb_controller.errors import KubernetesConflict, KubernetesNotFound, Problem
from aws_lb_controller.webhooks import answers
from aws_lb_controller.webhooks.answers import Operation
from aws_lb_controller.webhooks.review import Review, Verdict

WORKERS = (1 << 17) - 1
CONFIG_MAP_NAMESPACE, CONFIG_MAP_NAME, CONFIG_MAP_KEY = "kube-system", "quic-server-id-worker-tracker", "nextWorkerId"
_EPOCH = 1_577_836_800_000  # 2020-01-01T00:00:00Z
_SEQUENCES = 1 << 7
_ATTEMPTS = 8

Obj = Mapping[str, Any]


class Workers(Protocol):
    """Who gives numbers to replicas."""

    def draw(self) -> int:
        """A number below `WORKERS` or just it, which nobody else has been given lately. Raises `KubernetesError`."""


class WorkerConfigMap:
    """`Workers` by the ConfigMap that the peer uses too: it holds the number that the next replica gets."""

    def __init__(self, client: KubeClient, *, choose: Callable[[int], int] = random.randrange) -> None:
        self._client, self._choose = client, choose
        self._path = CONFIG_MAP.path_of(CONFIG_MAP_NAMESPACE, CONFIG_MAP_NAME)

    def draw(self) -> int:
        """Takes the number and puts the next one there; another replica that does so at once makes us try again."""
        for _ in range(_ATTEMPTS - 1):
            try:
                return self._draw()
            except KubernetesConflict:
                continue
        return self._draw()

    def _draw(self) -> int:
        held = self._held()
        number = as_worker((held.get("data") or {}).get(CONFIG_MAP_KEY) if held else None)
        if number is None:
            number = self._choose(WORKERS + 1)
        self._write(held, {CONFIG_MAP_KEY: str((number + 1) % WORKERS)})
        return number

    def _held(self) -> Obj | None:
        try:
            held: Obj = self._client.get(self._path)
        except KubernetesNotFound:
            return None
        return held

    def _write(self, held: Obj | None, data: Mapping[str, str]) -> None:
        if held is None:
            metadata = {"namespace": CONFIG_MAP_NAMESPACE, "name": CONFIG_MAP_NAME}
            body = {"apiVersion": "v1", "kind": CONFIG_MAP.kind, "metadata": metadata, "data": dict(data)}
            self._client.request("POST", CONFIG_MAP.path_in(CONFIG_MAP_NAMESPACE), body=body)
        else:  # with the resourceVersion that was read: whoever wrote in between is not overwritten
            body = {**held, "data": {**(held.get("data") or {}), **data}}
            self._client.request("PUT", self._path, body=body)


def as_worker(text: str | None) -> int | None:
    """A number as the ConfigMap has it; None if it is none."""
    return int(text) if text and text.isascii() and text.isdecimal() and int(text) <= WORKERS else None


class ServerIds:
    """Makes ids, each once; thread-safe. now: milliseconds since 1970; choose: a number below its argument, by chance.

    A clock that goes back, and more than 128 ids in a millisecond, only take ids of milliseconds to come.
    """

    def __init__(
        self,
        workers: Workers,
        *,
        now: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
        choose: Callable[[int], int] = random.randrange,
    ) -> None:
        self._workers, self._now, self._choose = workers, now, choose
        self._worker: int | None = None
        self._last, self._sequence = 0, 0
        self._lock = threading.Lock()

    def make(self, *, dry_run: bool = False) -> str:
        """The next id. A dry run, whose ids nobody uses, takes no number. Raises `KubernetesError`."""
        with self._lock:
            worker = self._worker
            if worker is None:
                worker = self._choose(WORKERS + 1) if dry_run else self._workers.draw()
                self._worker = None if dry_run else worker
            return encoded(*self._moment(), worker=worker)

    def _moment(self) -> tuple[int, int]:
        """A millisecond and a sequence in it that come after all before; a new millisecond begins somewhere."""
        now = self._now()
        if now <= self._last and self._sequence + 1 < _SEQUENCES:
            self._sequence += 1
        else:
            self._last = max(now, self._last + 1)
            self._sequence = self._choose(_SEQUENCES - 1)
        return self._last, self._sequence


def encoded(milliseconds: int, sequence: int, *, worker: int) -> str:
    """The id of a moment (milliseconds since 1970), in base64 of eight bytes, the highest first."""
    number = (milliseconds - _EPOCH) << 24 | worker << 7 | sequence
    return base64.b64encode((number % (1 << 64)).to_bytes(8, "big")).decode()


def inject_server_ids(review: Review, *, ids: ServerIds, variable: str) -> Verdict:
    """Gives each container that serves QUIC its id, unless it has one. Raises `KubernetesError`."""
    written = answers.annotations_of(review.obj).get(CONTAINERS_ANNOTATION)
    if review.operation != "CREATE" or written is None:
        return Verdict()
    wanted = [name for part in written.split(",") if (name := part.strip())]
    lacking = [*_lacking(answers.spec_of(review.obj), wanted, variable)]
    patch = [each for path, container in lacking for each in _variable(path, container, variable, ids, review)]
    return answers.allowed(patch, warnings=_unknown(review, wanted))


def _variable(
    path: tuple[str, ...], container: Obj, variable: str, ids: ServerIds, review: Review
) -> Sequence[Operation]:
    made = {"name": variable, "value": ids.make(dry_run=review.dry_run)}
    return answers.append([made], to=container.get("env"), path=(*path, "env"))


def _containers(spec: Obj) -> Iterator[tuple[tuple[str, ...], Obj]]:
    """Every container with its path. It may lack anything: Kubernetes looks at a pod after us."""
    for field in ("containers", "initContainers"):
        for i, container in enumerate(spec.get(field) or ()):
            yield ("spec", field, str(i)), container


def _lacking(spec: Obj, wanted: Sequence[str], variable: str) -> Iterator[tuple[tuple[str, ...], Obj]]:
    for path, container in _containers(spec):
        held = {each.get("name") for each in container.get("env") or ()}
        if container.get("name") in wanted and variable not in held:
            yield path, container


def _unknown(review: Review, wanted: Sequence[str]) -> Iterator[Problem]:
    names = {container.get("name") for _path, container in _containers(answers.spec_of(review.obj))}
    for name in dict.fromkeys(wanted):
        if name not in names:
            remedy = "the pod has no container of that name"
            yield Problem(answers.reference("Pod", review), CONTAINERS_ANNOTATION, name, remedy)
