"""What the kubelet and Prometheus ask over HTTP: alive, ready, metrics.

Alive says that this process can do its work: no reconcile hangs, and the event loop turns. Ready says that it knows the
cluster: everything has been listed once. Neither asks AWS or the API server, whose outage a restart would not mend.

The kubelet is answered from a thread with a loop of its own, so that it is told when the program's loop stands.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any, TypeVar

from aiohttp import web

from aws_lb_controller.errors import UsageError
from aws_lb_controller.runtime.metrics import Metrics
from aws_lb_controller.settings import ListenAddress

BEAT_SECONDS = 1.0
STANDS_SECONDS = 60.0
"""Far longer than anything in the event loop may take; a machine that is merely busy must not be made busier by
restarts.
"""

T = TypeVar("T")

Check = Callable[[], str | None]
"""What is wrong, in words, or None if nothing is."""

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Heartbeat:
    """Notices, from any other thread, that the running event loop stands."""

    def __init__(self, *, stands_seconds: float = STANDS_SECONDS, clock: Callable[[], float] = time.monotonic) -> None:
        self._loop = asyncio.get_running_loop()
        self._stands_seconds, self._clock = stands_seconds, clock
        self._beat()

    def standing(self) -> str | None:
        """For how long the loop has stood, if it does."""
        still = self._clock() - self._beaten_at
        return f"the event loop has stood for {still:.0f} s" if still > self._stands_seconds else None

    def _beat(self) -> None:
        self._beaten_at = self._clock()
        self._loop.call_later(BEAT_SECONDS, self._beat)


class Server:
    """Small HTTP servers: the metrics' in the running event loop, the probes' in a thread."""

    def __init__(self) -> None:
        self._metrics: web.AppRunner | None = None
        self._probes: web.AppRunner | None = None
        self._thread: _LoopInThread | None = None

    async def serve_health(
        self, address: ListenAddress | None, *, alive: Sequence[Check], ready: Sequence[Check]
    ) -> None:
        """Answer /healthz and /readyz at the address; nowhere if there is none. Raises `UsageError`.

        The checks are called in another thread.
        """
        if address is None:
            return
        app = web.Application()
        app.router.add_get("/healthz", _answer(alive))
        app.router.add_get("/readyz", _answer(ready))
        self._thread = _LoopInThread("probes")
        self._probes = await self._thread.run(_serve(app, address, "health-probe-bind-addr"))

    async def serve_metrics(self, address: ListenAddress | None, metrics: Metrics) -> None:
        """Answer /metrics at the address; nowhere if there is none. Raises `UsageError`."""

        async def show(_request: web.Request) -> web.Response:
            return web.Response(body=metrics.render(), headers={"Content-Type": CONTENT_TYPE})

        if address is None:
            return
        app = web.Application()
        app.router.add_get("/metrics", show)
        self._metrics = await _serve(app, address, "metrics-bind-addr")

    async def close(self) -> None:
        """Stop answering."""
        if self._metrics is not None:
            await self._metrics.cleanup()
        if self._thread is not None:
            if self._probes is not None:
                await self._thread.run(self._probes.cleanup())
            await self._thread.end()


class _LoopInThread:
    """An event loop in a thread of its own, until `end`."""

    def __init__(self, name: str) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name=name, daemon=True)
        self._thread.start()

    async def run(self, job: Coroutine[Any, Any, T]) -> T:
        """Run a job there, while the caller's own loop goes on."""
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(job, self._loop))

    async def end(self) -> None:
        """Nothing runs there any more."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        await asyncio.to_thread(self._thread.join)
        self._loop.close()


async def _serve(app: web.Application, address: ListenAddress, flag: str) -> web.AppRunner:
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    try:
        await web.TCPSite(runner, address.host or None, address.port).start()
    except OSError as wrong:
        await runner.cleanup()
        raise UsageError(f"--{flag}={address}: cannot listen there: {wrong.strerror or wrong}") from None
    return runner


def _answer(checks: Sequence[Check]) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    async def answer(_request: web.Request) -> web.StreamResponse:
        problems = [problem for check in checks if (problem := check())]
        return web.Response(status=500 if problems else 200, text="\n".join(problems) or "ok")

    return answer
