"""Which replica acts: the one that holds a Lease, under the same name and times as other implementations use.

A replica holds the Lease for 15 s after each renewal and renews every 2 s. It stops acting when it has not renewed for
10 s, 5 s before another may take over. Whether somebody else's hold has run out is judged by our own clock, from when
we last saw the record change: the clocks of two machines are never compared. On shutdown the Lease is given back, so
that a standby takes over at its next try instead of waiting for it to run out.

`check` is the fence: it is asked before every write, and says no when the last renewal is too old, whatever the
renewing thread may be doing at the time.
"""

from __future__ import annotations

import logging
import os
import secrets
import socket
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from aws_lb_controller.cluster.client import KubeClient
from aws_lb_controller.cluster.indexes import Obj
from aws_lb_controller.cluster.kinds import Kind
from aws_lb_controller.errors import KubernetesConflict, KubernetesError, KubernetesNotFound, NotLeading

log = logging.getLogger(__name__)

LEASE = Kind("coordination.k8s.io", "v1", "leases", "Lease")
NAMESPACE_FILE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")
DEFAULT_NAMESPACE = "kube-system"


@dataclass(frozen=True, slots=True, kw_only=True)
class Times:
    """Seconds. lease: how long a renewal holds; renew: without one for this long we stop; retry: between two tries.

    request: how long one request may take; less than `retry`, so that a hanging one does not cost the Lease.
    """

    lease: int = 15
    renew: float = 10.0
    retry: float = 2.0
    request: float = 1.5


class Leadership(Protocol):
    """What the rest of the program sees of it."""

    @property
    def leading(self) -> bool:
        """Whether this replica may act now."""

    def check(self) -> None:
        """Raise `NotLeading` if it may not."""

    def start(self) -> None:
        """Begin."""

    def stop(self) -> None:
        """End, and let another lead."""


def lease_namespace(flag: str | None, file: Path = NAMESPACE_FILE) -> str:
    """Where the Lease lies: as the flag says, else where this pod runs, else kube-system."""
    if flag:
        return flag
    try:
        return file.read_text().strip() or DEFAULT_NAMESPACE
    except OSError:
        return DEFAULT_NAMESPACE


def own_identity() -> str:
    """A name for this process, told apart from an earlier one of the same pod."""
    return f"{os.environ.get('HOSTNAME') or socket.gethostname()}_{secrets.token_hex(8)}"


class AlwaysLeading:
    """Leadership without an election: there is but one replica."""

    leading = True

    def __init__(self, on_started: Callable[[], None] = lambda: None) -> None:
        self._on_started = on_started

    def check(self) -> None:
        """Everything may be written."""

    def start(self) -> None:
        """Lead at once."""
        self._on_started()

    def stop(self) -> None:
        """Nothing is held."""


class Leader:
    """Tries to hold a Lease, in a thread of its own.

    on_started and on_stopped are called in that thread, in turn; they must not block. After a loss it tries again.
    """

    def __init__(
        self,
        client: KubeClient,
        *,
        name: str,
        namespace: str,
        on_started: Callable[[], None],
        on_stopped: Callable[[], None],
        identity: str | None = None,
        times: Times | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.identity = identity or own_identity()
        self._client, self._name, self._namespace = client, name, namespace
        self._on_started, self._on_stopped = on_started, on_stopped
        self._times, self._clock = times or Times(), clock
        self._seen: Mapping[str, Any] | None = None
        self._seen_at = 0.0
        self._renewed_at: float | None = None
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="leader", daemon=True)

    # ---- what others see

    @property
    def leading(self) -> bool:
        """Whether the last renewal is recent enough to act on."""
        renewed_at = self._renewed_at
        return renewed_at is not None and self._clock() - renewed_at < self._times.renew

    def check(self) -> None:
        """Raise `NotLeading` if nothing may be written."""
        if not self.leading:
            raise NotLeading(f"{self.identity} does not hold the Lease {self._namespace}/{self._name}")

    def start(self) -> None:
        """Begin to try."""
        self._thread.start()

    def stop(self) -> None:
        """Give the Lease back, and end. To be called when the last write has been made."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(self._times.retry + 3 * self._times.request)

    # ---- the thread

    def _run(self) -> None:
        acting = False
        while not self._stopping.is_set():
            self._try()
            if acting != self.leading:
                acting = self.leading
                self._tell(acting)
            self._stopping.wait(self._times.retry)
        if acting:
            self._release()
            self._tell(False)

    def _tell(self, leading: bool) -> None:
        log.info("%s leads" if leading else "%s no longer leads", self.identity)
        (self._on_started if leading else self._on_stopped)()

    def _try(self) -> None:
        """Take or renew the Lease if that may be; a failure is only told, as the next try comes soon."""
        try:
            asked_at = self._clock()
            if self._hold():
                self._renewed_at = asked_at  # the hold counts from before the request, not from its answer
        except KubernetesConflict:
            log.info("another replica wrote the Lease first")
        except KubernetesError as wrong:
            log.warning("cannot renew the Lease: %s", wrong)
        except Exception:
            log.exception("cannot renew the Lease: a bug")

    def _hold(self) -> bool:
        try:
            lease = self._client.get(self._path, seconds=self._times.request)
        except KubernetesNotFound:
            return self._create()
        spec = lease.get("spec") or {}
        self._observe(spec)
        if self._is_held_by_other(spec):
            self._renewed_at = None
            return False
        self._write(lease, self._own_spec(spec))
        return True

    def _observe(self, spec: Mapping[str, Any]) -> None:
        if spec != self._seen:
            self._seen, self._seen_at = spec, self._clock()

    def _is_held_by_other(self, spec: Mapping[str, Any]) -> bool:
        holder = spec.get("holderIdentity") or ""
        lasts = spec.get("leaseDurationSeconds") or self._times.lease
        return holder not in ("", self.identity) and self._clock() < self._seen_at + lasts

    def _own_spec(self, held: Mapping[str, Any]) -> dict[str, Any]:
        now, ours = _micro_time(), held.get("holderIdentity") == self.identity
        transitions = held.get("leaseTransitions") or 0
        return {
            **held,
            "holderIdentity": self.identity,
            "leaseDurationSeconds": self._times.lease,
            "acquireTime": held.get("acquireTime") if ours else now,
            "renewTime": now,
            "leaseTransitions": transitions if ours else transitions + 1,
        }

    def _create(self) -> bool:
        metadata = {"name": self._name, "namespace": self._namespace}
        body = {"apiVersion": LEASE.api_version, "kind": LEASE.kind, "metadata": metadata}
        path = self._path.rpartition("/")[0]
        spec = {**self._own_spec({}), "leaseTransitions": 0}
        made = self._client.request("POST", path, body={**body, "spec": spec}, seconds=self._times.request)
        self._observe(made["spec"])
        return True

    def _write(self, lease: Obj, spec: Mapping[str, Any]) -> None:
        """Write under the resourceVersion that was read: of two that write at once, one fails."""
        written = self._client.request("PUT", self._path, body={**lease, "spec": spec}, seconds=self._times.request)
        self._observe(written["spec"])

    def _release(self) -> None:
        self._renewed_at = None
        try:
            lease = self._client.get(self._path, seconds=self._times.request)
            spec = lease.get("spec") or {}
            if spec.get("holderIdentity") == self.identity:
                now = _micro_time()
                free = {"holderIdentity": "", "leaseDurationSeconds": 1, "acquireTime": now, "renewTime": now}
                self._write(lease, {**spec, **free})
        except KubernetesError as wrong:
            log.warning("cannot give the Lease back, it runs out in %s s: %s", self._times.lease, wrong)

    @property
    def _path(self) -> str:
        return LEASE.path_of(self._namespace, self._name)


def _micro_time() -> str:
    """Now, as Kubernetes writes a MicroTime."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
