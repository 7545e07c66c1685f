"""The kubelet and Prometheus are answered over HTTP."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable

import aiohttp
import pytest

from aws_lb_controller.errors import UsageError
from aws_lb_controller.runtime.health import Server
from aws_lb_controller.runtime.metrics import Metrics
from aws_lb_controller.settings import ListenAddress

Get = Callable[[str], Awaitable[tuple[int, str]]]


def free_address() -> ListenAddress:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return ListenAddress("127.0.0.1", found.getsockname()[1])


def serving(start: Callable[[Server, ListenAddress], Awaitable[None]], *paths: str) -> list[tuple[int, str]]:
    """What a server answers to each path."""

    async def ask() -> list[tuple[int, str]]:
        server, address = Server(), free_address()
        await start(server, address)
        try:
            async with aiohttp.ClientSession(f"http://{address}") as session:
                return [await _get(session, path) for path in paths]
        finally:
            await server.close()

    return asyncio.run(ask())


async def _get(session: aiohttp.ClientSession, path: str) -> tuple[int, str]:
    async with session.get(path) as answer:
        return answer.status, await answer.text()


def test_alive_and_ready_are_told_apart() -> None:
    async def start(server: Server, address: ListenAddress) -> None:
        await server.serve_health(
            address, alive=[lambda: None], ready=[lambda: None, lambda: "Pods are not listed yet"]
        )

    assert [(200, "ok"), (500, "Pods are not listed yet")] == serving(start, "/healthz", "/readyz")


def test_metrics_are_shown() -> None:
    async def start(server: Server, address: ListenAddress) -> None:
        await server.serve_metrics(address, Metrics())

    ((status, text),) = serving(start, "/metrics")
    assert 200 == status
    assert "# TYPE awslbc_controller_reconcile_errors_total counter" in text


def test_an_address_that_is_taken_is_a_usage_error_naming_the_flag() -> None:
    async def start_twice() -> None:
        server, address = Server(), free_address()
        try:
            await server.serve_metrics(address, Metrics())
            await server.serve_health(address, alive=(), ready=())
        finally:
            await server.close()

    with pytest.raises(UsageError, match=r"--health-probe-bind-addr=127\.0\.0\.1:"):
        asyncio.run(start_twice())


def test_no_address_means_no_server() -> None:
    async def start() -> None:
        server = Server()
        await server.serve_metrics(None, Metrics())
        await server.serve_health(None, alive=(), ready=())
        await server.close()

    asyncio.run(start())
