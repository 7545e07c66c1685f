"""kopf's part: it hears Services, Ingresses, their classes and parameters, and bindings, and tells the store.

kopf runs in a thread with an event loop of its own, because when it ends it cancels every task of its loop that was
begun after it: there, those are all its own. It ends on errors that are no reason for us to end (a watch answered with
404, an error inside a stream): then it is started again, while store and queue stay.

Only ``on.event`` handlers are used: the others write annotations and finalizers of kopf's onto users' objects.
"""

from __future__ import annotations

import asyncio
import logging
import random
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import kopf

from aws_lb_controller.cluster.client import KubeClient
from aws_lb_controller.cluster.indexes import namespace_of
from aws_lb_controller.cluster.kinds import HEARD_BY_KOPF, Kind
from aws_lb_controller.cluster.lean import lean
from aws_lb_controller.cluster.store import Store

log = logging.getLogger(__name__)

PAGE = 500
RESTART_SECONDS = 2.0
STOP_SECONDS = 5.0
TOKEN_MINUTES = 10
"""A token is read anew this often: the kubelet and credential plugins replace them long before they run out."""

ERROR_BACKOFFS = (0.5, 1, 2, 5, 10)


class EndlessBackoffs:
    """Waits between tries, the last one for ever. kopf iterates over it anew for each request."""

    def __iter__(self) -> Iterator[float]:
        yield from ERROR_BACKOFFS
        while True:
            yield ERROR_BACKOFFS[-1] * random.uniform(0.8, 1.2)


class Watches:
    """kopf, kept running from `start` to `stop`.

    namespace: the one to look at, None for all. extend: sets more on kopf's registry and settings, at each start.
    """

    def __init__(
        self,
        client: KubeClient,
        store: Store,
        *,
        namespace: str | None = None,
        kinds: Sequence[Kind] = HEARD_BY_KOPF,
        extend: Callable[[kopf.OperatorRegistry, kopf.OperatorSettings], None] | None = None,
    ) -> None:
        self._client, self._store, self._namespace = client, store, namespace
        self._kinds, self._extend = tuple(kinds), extend
        self._stopping = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop_kopf: asyncio.Event | None = None
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="kopf", daemon=True)
        self.restarts = 0

    def start(self) -> None:
        """Begin to hear. The CRDs must be there: kopf looks for its kinds once."""
        self._thread.start()

    def stop(self) -> None:
        """End kopf, and wait a moment for it."""
        with self._lock:
            self._stopping.set()
            if self._loop is not None and self._stop_kopf is not None:
                self._loop.call_soon_threadsafe(self._stop_kopf.set)
        if self._thread.is_alive():
            self._thread.join(STOP_SECONDS)

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                asyncio.run(self._hear())
            except Exception:
                log.exception("kopf has ended")
            if self._stopping.wait(0):
                return
            self.restarts += 1
            log.warning("kopf is started again")
            self._stopping.wait(RESTART_SECONDS)

    async def _hear(self) -> None:
        with self._lock:
            if self._stopping.is_set():
                return
            self._loop, self._stop_kopf = asyncio.get_running_loop(), asyncio.Event()
        registry, settings = self._registry(), self._settings()
        if self._extend is not None:
            self._extend(registry, settings)
        where: dict[str, Any] = {"namespaces": [self._namespace]} if self._namespace else {"clusterwide": True}
        try:
            await kopf.operator(
                registry=registry, settings=settings, standalone=True, stop_flag=self._stop_kopf, **where
            )
        finally:
            with self._lock:
                self._loop = self._stop_kopf = None

    def _settings(self) -> kopf.OperatorSettings:
        settings = kopf.OperatorSettings()
        # else kopf kills the whole process some minutes after it fell
        settings.process.ultimate_exiting_timeout = None
        settings.posting.enabled = False
        settings.scanning.disabled = True
        settings.watching.chunk_size = PAGE
        settings.watching.server_timeout = 300
        settings.networking.request_timeout = 30
        settings.networking.connect_timeout = 3
        settings.networking.error_backoffs = EndlessBackoffs()
        return settings

    def _registry(self) -> kopf.OperatorRegistry:
        registry = kopf.OperatorRegistry()
        kopf.on.login(registry=registry, retries=1)(self._login)
        for kind in self._kinds:
            kopf.on.event(kind.group, kind.version, kind.plural, registry=registry)(self._handler(kind))
        return registry

    def _handler(self, kind: Kind) -> Any:
        async def heard(event: Mapping[str, Any], **_: Any) -> None:
            self._take(kind, cast("str | None", event["type"]), event["object"])

        return heard

    def _take(self, kind: Kind, type_: str | None, obj: Mapping[str, Any]) -> None:
        """type_ None: kopf's first list."""
        if type_ == "DELETED":
            metadata = obj["metadata"]
            self._store.remove(kind, namespace_of(obj), metadata["name"], version=metadata.get("resourceVersion"))
        else:
            self._store.upsert(kind, lean(kind, obj))

    async def _login(self, **_: Any) -> kopf.ConnectionInfo:
        """How kopf connects: as our own client does. Asked again whenever the API server refuses the credentials."""
        connection = await asyncio.to_thread(self._client.connection)
        return kopf.ConnectionInfo(
            server=connection.server,
            ca_path=connection.ca_file,
            insecure=connection.insecure,
            username=connection.username,
            password=connection.password,
            scheme=connection.scheme,
            token=connection.token,
            certificate_path=connection.certificate_file,
            private_key_path=connection.key_file,
            default_namespace=self._namespace,
            expiration=datetime.now(UTC) + timedelta(minutes=TOKEN_MINUTES) if connection.token else None,
            proxy_url=connection.proxy,
        )
