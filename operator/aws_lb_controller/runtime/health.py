"""What the kubelet and Prometheus ask over HTTP: alive, ready, metrics.

Alive says that this process can do its work: no reconcile hangs. Ready says that it knows the cluster: everything
has been listed once. Neither asks AWS or the API server, whose outage a restart would not mend.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from aiohttp import web

from aws_lb_controller.errors import UsageError
from aws_lb_controller.runtime.metrics import Metrics
from aws_lb_controller.settings import ListenAddress

Check = Callable[[], str | None]
"""What is wrong, in words, or None if nothing is."""

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Server:
    """Small HTTP servers in the running event loop."""

    def __init__(self) -> None:
        self._runners: list[web.AppRunner] = []

    async def serve_health(
        self, address: ListenAddress | None, *, alive: Sequence[Check], ready: Sequence[Check]
    ) -> None:
        """Answer /healthz and /readyz at the address; nowhere if there is none. Raises `UsageError`."""
        app = web.Application()
        app.router.add_get("/healthz", _answer(alive))
        app.router.add_get("/readyz", _answer(ready))
        await self._serve(app, address, "health-probe-bind-addr")

    async def serve_metrics(self, address: ListenAddress | None, metrics: Metrics) -> None:
        """Answer /metrics at the address; nowhere if there is none. Raises `UsageError`."""

        async def show(_request: web.Request) -> web.Response:
            return web.Response(body=metrics.render(), headers={"Content-Type": CONTENT_TYPE})

        app = web.Application()
        app.router.add_get("/metrics", show)
        await self._serve(app, address, "metrics-bind-addr")

    async def close(self) -> None:
        """Stop answering."""
        for runner in self._runners:
            await runner.cleanup()

    async def _serve(self, app: web.Application, address: ListenAddress | None, flag: str) -> None:
        if address is None:
            return
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await runner.setup()
        self._runners.append(runner)
        try:
            await web.TCPSite(runner, address.host or None, address.port).start()
        except OSError as wrong:
            raise UsageError(f"--{flag}={address}: cannot listen there: {wrong.strerror or wrong}") from None


def _answer(checks: Sequence[Check]) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    async def answer(_request: web.Request) -> web.StreamResponse:
        problems = [problem for check in checks if (problem := check())]
        return web.Response(status=500 if problems else 200, text="\n".join(problems) or "ok")

    return answer
