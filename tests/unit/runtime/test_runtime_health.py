"""The kubelet and Prometheus are answered over HTTP."""

from __future__ import annotations

import asyncio
import socket
import threading
import urllib.request
from collections.abc import Awaitable, Callable
from urllib.error import HTTPError

import aiohttp
import pytest

from aws_lb_controller.errors import UsageError
from aws_lb_controller.runtime.health import STANDS_SECONDS, Heartbeat, Server
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


# -- the loop


def answer(address: ListenAddress, path: str) -> tuple[int, str]:
    """As the kubelet asks: from outside of the loop."""
    try:
        with urllib.request.urlopen(f"http://{address}{path}", timeout=10) as found:
            return found.status, found.read().decode()
    except HTTPError as refused:
        return refused.code, refused.read().decode()


def test_while_the_loop_stands_the_kubelet_is_told_so_and_when_it_turns_again_it_is_well() -> None:
    address, now, answers = free_address(), [0.0], list[tuple[int, str]]()
    stood, asked = threading.Event(), threading.Event()

    def ask() -> None:
        answers.append(answer(address, "/healthz"))
        stood.wait(10)
        now[0] += STANDS_SECONDS
        answers.append(answer(address, "/healthz"))
        now[0] += 1
        answers.append(answer(address, "/healthz"))
        asked.set()

    async def stand() -> None:
        server, heart = Server(), Heartbeat(clock=lambda: now[0])
        await server.serve_health(address, alive=[heart.standing], ready=())
        asking = asyncio.create_task(asyncio.to_thread(ask))
        while not answers:
            await asyncio.sleep(0.001)
        stood.set()
        asked.wait(10)  # what no code in the loop may do
        await asking
        async with asyncio.timeout(10):
            while heart.standing():
                await asyncio.sleep(0.01)
        await server.close()

    asyncio.run(stand())
    assert [(200, "ok"), (200, "ok"), (500, "the event loop has stood for 61 s")] == answers


def test_probes_stop_with_the_server() -> None:
    async def start_and_stop() -> ListenAddress:
        server, address = Server(), free_address()
        await server.serve_health(address, alive=(), ready=())
        await server.close()
        return address

    address = asyncio.run(start_and_stop())
    with socket.socket() as found:
        assert 0 != found.connect_ex((address.host, address.port))
