"""The whole program, without a cluster that answers: what the kubelet is told, and which flags reach which part."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from aws_lb_controller import app
from aws_lb_controller.runtime.leader import AlwaysLeading, Leader
from aws_lb_controller.settings import Settings

CLUSTER = """
apiVersion: v1
kind: Config
clusters: [{name: dead, cluster: {server: "http://127.0.0.1:%d"}}]
contexts: [{name: dead, context: {cluster: dead, user: nobody}}]
users: [{name: nobody, user: {}}]
current-context: dead
"""
AWS = ["--aws-region=us-west-2", "--aws-vpc-id=vpc-1"]


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@pytest.fixture
def flags(tmp_path: Path) -> list[str]:
    """Of a program whose API server does not answer, and that listens nowhere."""
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text(CLUSTER % free_port())
    quiet = ["--health-probe-bind-addr=0", "--metrics-bind-addr=0", f"--webhook-bind-port={free_port()}"]
    return ["--cluster-name=demo", f"--kubeconfig={kubeconfig}", *AWS, *quiet]


def made(flags: list[str], look: Callable[[Any], None]) -> None:
    """Look at a program that was made and does not run."""

    async def make() -> None:
        look(app._Program(Settings.from_args(flags)))

    asyncio.run(make())


def running(flags: list[str], test: Callable[[], Awaitable[None]]) -> None:
    """Run a test while the program runs."""

    async def run() -> None:
        program = app._Program(Settings.from_args(flags))
        task = asyncio.create_task(program.run())
        try:
            await asyncio.wait_for(test(), 30)
        finally:
            program._stop.set()
            await asyncio.wait_for(task, 30)

    asyncio.run(run())


# -- the kubelet


def test_without_an_api_server_it_is_alive_but_not_ready_and_says_what_it_waits_for(
    flags: list[str], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    port = free_port()
    answers: dict[str, tuple[int, str]] = {}

    async def ask() -> None:
        while "listing services failed" not in caplog.text or "cannot renew the Lease" not in caplog.text:
            await asyncio.sleep(0.01)
        async with aiohttp.ClientSession(f"http://127.0.0.1:{port}") as session:
            for path in ("/healthz", "/readyz"):
                async with session.get(path) as answer:
                    answers[path] = (answer.status, await answer.text())

    folder = tmp_path / "no-such-folder"
    running([*flags, f"--health-probe-bind-addr=127.0.0.1:{port}", f"--webhook-cert-dir={folder}"], ask)
    assert (200, "ok") == answers["/healthz"]
    status, why = answers["/readyz"]
    listing, webhooks = why.split("\n")
    assert (500, "not everything is listed yet") == (status, listing)
    assert webhooks.startswith("no webhooks are served yet: ")
    assert str(folder) in webhooks


def test_what_hangs_is_named(flags: list[str]) -> None:
    def look(program: Any) -> None:
        assert None is program._hanging()
        program._workers.hanging = lambda: (app.Key("service", "shop/web"),)
        assert "shop/web" in program._hanging()

    made(flags, look)


# -- flags


def test_flags_of_the_process_reach_the_parts_that_they_are_for(flags: list[str], tmp_path: Path) -> None:
    def look(program: Any) -> None:
        assert ["shop", "shop"] == [program._reflector._namespace, program._watches._namespace]
        assert isinstance(program._leader, Leader)
        assert ("another", "leases") == (program._leader._name, program._leader._namespace)
        assert ("team", "shop") == program._secrets._label
        limits = program._workers.limits
        assert (5, 6, 7, 7) == tuple(limits[c] for c in ("service", "ingress-group", "binding", "access"))
        assert 60 == program._queue._backoffs["binding"].most
        files = program._webhooks._certificates._files
        named = [files.certificate, files.key, files.client_ca]
        assert [tmp_path / "c.crt", tmp_path / "k.key", Path("/ca.crt")] == named
        assert timedelta(minutes=5) == program._settings.sync_period

    given = [
        "--watch-namespace=shop",
        "--leader-election-id=another",
        "--leader-election-namespace=leases",
        "--required-secrets-label=team=shop",
        "--service-max-concurrent-reconciles=5",
        "--ingress-max-concurrent-reconciles=6",
        "--targetgroupbinding-max-concurrent-reconciles=7",
        "--targetgroupbinding-max-exponential-backoff-delay=1m",
        f"--webhook-cert-dir={tmp_path}",
        "--webhook-cert-file=c.crt",
        "--webhook-key-file=k.key",
        "--kube-ca-pem-filepath=/ca.crt",
        "--sync-period=5m",
    ]
    made([*flags, *given], look)


def test_without_leader_election_the_only_replica_leads(flags: list[str]) -> None:
    def look(program: Any) -> None:
        assert isinstance(program._leader, AlwaysLeading)

    made([*flags, "--enable-leader-election=false"], look)


CALLED = {
    "Backends": {"fail_open": False, "server_id_variable": "ID"},
    "Lookout": {"max_targets": 7},
    "BindingReconciler": {"max_targets": 7},
    "AccessDesk": {"retry_seconds": 60.0},
    "AccessLedger": {"restricted": False},
    "NetworkInterfaces": {"tags": {"team": "shop"}},
    "Answers": {"allowed_authorities": frozenset({"arn:ca"})},
    "MissedGates": {"on": False},
    "Deployer": {"external_managed_tags": frozenset({"cost"})},
}


def test_flags_of_the_reconcilers_reach_the_parts_that_they_are_for(
    flags: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    called: dict[str, Any] = {}

    def listening(name: str) -> Callable[..., Any]:
        make = getattr(app, name)

        def call(*args: Any, **named: Any) -> Any:
            called[name] = named
            return make(*args, **named)

        return call

    for name in CALLED:
        monkeypatch.setattr(app, name, listening(name))
    given = [
        "--feature-gates=EndpointsFailOpen=false",
        "--quic-environment-variable-name=ID",
        "--max-targets-per-target-group=7",
        "--targetgroupbinding-requeue-duration=1m",
        "--disable-restricted-sg-rules",
        "--service-target-eni-security-group-tags=team=shop",
        "--allowed-certificate-authority-arns=arn:ca",
        "--enable-pod-readiness-gate-inject=false",
        "--external-managed-tags=cost",
    ]
    made([*flags, *given], lambda _program: None)
    assert CALLED == {name: {key: called[name][key] for key in wanted} for name, wanted in CALLED.items()}
