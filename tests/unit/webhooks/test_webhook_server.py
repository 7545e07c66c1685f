"""The admission server answers over TLS what handlers say, and errors of ours in the API server's own terms."""

from __future__ import annotations

import asyncio
import base64
import json
import socket
import ssl
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from cryptography import x509

from aws_lb_controller.errors import AwsThrottled
from aws_lb_controller.settings import Settings
from aws_lb_controller.webhooks.certificates import CertificateFiles, Certificates
from aws_lb_controller.webhooks.review import Handler, Review, Verdict
from aws_lb_controller.webhooks.server import MAX_BYTES, WebhookServer
from serving_certificates import Authority, Issued, mount

AUTHORITY = Authority()
PATH = "/validate-it"
WAIT_SECONDS = 10


_held: list[socket.socket] = []


def free_port() -> int:
    """A port that stays ours: kopf's server shares ports, so two tests on one would get each other's connections."""
    found = socket.socket()
    found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    found.bind(("127.0.0.1", 0))
    _held.append(found)
    port: int = found.getsockname()[1]
    return port


def a_review(**changed: Any) -> dict[str, Any]:
    request = {
        "uid": "u-1",
        "operation": "CREATE",
        "namespace": "shop",
        "name": "web",
        "object": {"metadata": {"name": "web"}},
        "oldObject": None,
        "dryRun": False,
        **changed,
    }
    return {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": request}


def allow(_review: Review) -> Verdict:
    return Verdict()


@dataclass
class Serving:
    """A server under test, and what it told of its requests."""

    folder: Path
    handlers: Mapping[str, Handler] = field(default_factory=lambda: {PATH: allow})
    client_ca: Path | None = None
    answer_seconds: float = WAIT_SECONDS
    wanted: bool = True
    port: int = field(default_factory=free_port)
    observed: list[dict[str, Any]] = field(default_factory=list)
    server: WebhookServer = field(init=False)

    def __post_init__(self) -> None:
        files = CertificateFiles(self.folder / "tls.crt", self.folder / "tls.key", client_ca=self.client_ca)
        self.server = WebhookServer(
            self.handlers,
            certificates=Certificates(files),
            port=self.port,
            observe=lambda path, **what: self.observed.append({"path": path, **what}),
            wanted=lambda: self.wanted,
            address="127.0.0.1",
            answer_seconds=self.answer_seconds,
            look_seconds=0.01,
        )

    @asynccontextmanager
    async def running(self, *, until_ready: bool = True) -> AsyncIterator[None]:
        task = asyncio.create_task(self.server.run())
        try:
            if until_ready:
                await until(lambda: self.server.unready() is None)
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    @asynccontextmanager
    async def session(self, *, certificate: Issued | None = None, **tls: Any) -> AsyncIterator[aiohttp.ClientSession]:
        """A client that trusts the authority; certificate: what it calls with."""
        context = ssl.create_default_context(cadata=AUTHORITY.pem.decode())
        for setting, value in tls.items():
            setattr(context, setting, value)
        if certificate:
            for name, data in certificate.files().items():
                (self.folder / f"client-{name}").write_bytes(data)
            context.load_cert_chain(self.folder / "client-tls.crt", self.folder / "client-tls.key")
        connector = aiohttp.TCPConnector(ssl=context)
        async with aiohttp.ClientSession(f"https://127.0.0.1:{self.port}", connector=connector) as session:
            yield session

    async def serial(self) -> int:
        """The serial number of the certificate that a new connection is shown."""
        _, writer = await asyncio.open_connection(
            "127.0.0.1", self.port, ssl=ssl.create_default_context(cadata=AUTHORITY.pem.decode())
        )
        shown = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
        writer.close()
        return x509.load_der_x509_certificate(shown).serial_number


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(WAIT_SECONDS):
        while not condition():
            await asyncio.sleep(0.005)


async def until_serial(serving: Serving, serial: int) -> None:
    async with asyncio.timeout(WAIT_SECONDS):
        while await serving.serial() != serial:
            await asyncio.sleep(0.005)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A mounted Secret with a certificate."""
    certs = tmp_path / "certs"
    mount(certs, AUTHORITY.issue().files())
    return certs


def asked(serving: Serving, *bodies: Any, path: str = PATH) -> list[tuple[int, Any]]:
    """What a running server answers to each body, JSON unless bytes: HTTP status, and the answer's `response`."""

    async def ask() -> list[tuple[int, Any]]:
        async with serving.running(), serving.session() as session:
            return [await post(session, body, path=path) for body in bodies]

    return asyncio.run(ask())


async def post(session: aiohttp.ClientSession, body: Any, *, path: str = PATH) -> tuple[int, Any]:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    async with session.post(path, data=data, headers={"Content-Type": "application/json"}) as answer:
        if answer.status != 200:
            return answer.status, await answer.text()
        told = await answer.json()
        assert ("admission.k8s.io/v1", "AdmissionReview") == (told["apiVersion"], told["kind"])
        return answer.status, told["response"]


# ---- what handlers say


def test_what_a_handler_allows_is_allowed_under_the_reviews_uid(folder: Path) -> None:
    assert [(200, {"uid": "u-1", "allowed": True})] == asked(Serving(folder), a_review())


def test_a_handler_is_asked_for_what_the_api_server_said(folder: Path) -> None:
    seen: list[Review] = []

    def remember(review: Review) -> Verdict:
        seen.append(review)
        return Verdict()

    asked(Serving(folder, {PATH: remember}), a_review(operation="UPDATE", oldObject={"spec": {}}, dryRun=True))
    assert [Review("UPDATE", "shop", "web", {"metadata": {"name": "web"}}, {"spec": {}}, True)] == seen


def test_an_object_without_namespace_or_name_yet_has_empty_ones(folder: Path) -> None:
    seen: list[Review] = []

    def remember(review: Review) -> Verdict:
        seen.append(review)
        return Verdict()

    review = a_review()
    del review["request"]["namespace"], review["request"]["name"], review["request"]["oldObject"]
    asked(Serving(folder, {PATH: remember}), review)
    assert [Review("CREATE", "", "", {"metadata": {"name": "web"}}, None, False)] == seen


def test_a_refusal_bears_the_handlers_words_and_code_403(folder: Path) -> None:
    def refuse(_review: Review) -> Verdict:
        return Verdict(refusal="spec.vpcID may not change", check="checkImmutableFields")

    serving = Serving(folder, {PATH: refuse})
    [(status, response)] = asked(serving, a_review())
    assert (200, False) == (status, response["allowed"])
    assert {"code": 403, "reason": "Forbidden", "message": "spec.vpcID may not change"} == response["status"]
    [observed] = serving.observed
    assert (PATH, 200, "checkImmutableFields") == (observed["path"], observed["code"], observed["refused_by"])


def test_a_patch_is_sent_as_json_patch_and_warnings_as_they_are(folder: Path) -> None:
    operations = ({"op": "add", "path": "/spec/loadBalancerClass", "value": "service.k8s.aws/nlb"},)
    [(_, response)] = asked(
        Serving(folder, {PATH: lambda _: Verdict(patch=operations, warnings=("a", "b"))}), a_review()
    )
    assert ("JSONPatch", ["a", "b"]) == (response["patchType"], response["warnings"])
    assert [*operations] == json.loads(base64.b64decode(response["patch"]))


def test_a_verdict_that_changes_nothing_has_no_patch(folder: Path) -> None:
    [(_, response)] = asked(Serving(folder), a_review())
    assert set() == response.keys() & {"patch", "patchType", "warnings", "status"}


# ---- what goes wrong


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (KeyError("spec"), "KeyError: 'spec'"),
        (AwsThrottled("DescribeTargetGroups", "Throttling", "slow down"), "DescribeTargetGroups: Throttling"),
        (TimeoutError("of a socket"), "TimeoutError: of a socket"),
    ],
    ids=["a bug", "an error of AWS", "a time-out inside"],
)
def test_a_handler_that_raises_leaves_it_to_the_failure_policy_and_says_whose_fault_it_is(
    folder: Path, wrong: Exception, told: str, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(_review: Review) -> Verdict:
        raise wrong

    serving = Serving(folder, {PATH: fail})
    [(status, text)] = asked(serving, a_review())
    assert 500 == status
    assert "aws-load-balancer-controller" in text
    assert told in text
    assert [(500, "")] == [(observed["code"], observed["refused_by"]) for observed in serving.observed]
    [record] = [record for record in caplog.records if record.levelname == "ERROR"]
    assert (PATH, "shop/web") == (record.__dict__["webhook"], record.__dict__["object"])


def test_a_handler_that_takes_too_long_is_given_up_in_time_and_keeps_no_other_path_waiting(folder: Path) -> None:
    let_go = threading.Event()

    def hang(_review: Review) -> Verdict:
        let_go.wait()
        return Verdict()

    serving = Serving(folder, {PATH: hang, "/other": allow}, answer_seconds=0.2)

    async def ask() -> tuple[list[Any], Any]:
        async with serving.running(), serving.session() as session:
            hanging = [asyncio.create_task(post(session, a_review())) for _ in range(20)]
            await asyncio.sleep(0)
            other = await post(session, a_review(), path="/other")
            return await asyncio.gather(*hanging), other

    try:
        hanging, other = asyncio.run(ask())
    finally:
        let_go.set()
    assert (200, {"uid": "u-1", "allowed": True}) == other
    assert {500} == {status for status, _ in hanging}
    assert {True} == {"no verdict within 0.2 seconds" in text for _, text in hanging}
    assert [500] * 20 == [each["code"] for each in serving.observed if each["path"] == PATH]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"\xff\xfe",
        [],
        {"kind": "AdmissionReview"},
        {**a_review(), "kind": "Pod"},
        {**a_review(), "apiVersion": "admission.k8s.io/v1beta1"},
        {**a_review(), "request": None},
        a_review(uid=None),
        a_review(uid=""),
        a_review(operation=1),
        a_review(namespace=[]),
        a_review(object="text"),
        a_review(oldObject=[]),
    ],
    ids=str,
)
def test_what_is_no_review_is_answered_400_and_asks_no_handler(folder: Path, body: Any) -> None:
    def never(_review: Review) -> Verdict:
        raise AssertionError("asked")

    [(status, _)] = asked(Serving(folder, {PATH: never}), body)
    assert 400 == status


def test_a_path_that_nobody_handles_is_answered_404(folder: Path) -> None:
    assert [404] == [status for status, _ in asked(Serving(folder), a_review(), path="/validate-that")]


def test_a_review_of_several_megabytes_is_read_and_a_larger_one_is_not(folder: Path) -> None:
    large = a_review(object={"data": "x" * (MAX_BYTES - 1000)})
    too_large = a_review(object={"data": "x" * MAX_BYTES})
    assert [200, 413] == [status for status, _ in asked(Serving(folder), large, too_large)]


# ---- TLS


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=str)
def test_tls_1_2_and_1_3_are_spoken(folder: Path, version: ssl.TLSVersion) -> None:
    serving = Serving(folder)

    async def ask() -> tuple[int, Any]:
        async with serving.running(), serving.session(maximum_version=version, minimum_version=version) as session:
            return await post(session, a_review())

    assert 200 == asyncio.run(ask())[0]


def test_tls_1_1_is_not_even_offered(folder: Path) -> None:
    files = CertificateFiles(folder / "tls.crt", folder / "tls.key")
    assert ssl.TLSVersion.TLSv1_2 == files.context().minimum_version == files.certified_context().minimum_version


def test_only_callers_that_the_given_authority_vouches_for_are_let_in(folder: Path, tmp_path: Path) -> None:
    callers, strangers = Authority("callers"), Authority("strangers")
    (tmp_path / "callers.crt").write_bytes(callers.pem)
    serving = Serving(folder, client_ca=tmp_path / "callers.crt")

    async def status(certificate: Issued | None) -> int | None:
        async with serving.session(certificate=certificate) as session:
            try:
                return (await post(session, a_review()))[0]
            except (aiohttp.ClientError, OSError):
                return None

    async def ask() -> list[int | None]:
        async with serving.running():
            return [await status(who) for who in (callers.issue(), strangers.issue(), None)]

    assert [200, None, None] == asyncio.run(ask())


@pytest.mark.parametrize("rsa_key", [False, True], ids=["the same kind of key", "another kind of key"])
def test_a_new_certificate_is_shown_to_new_connections_and_those_that_are_open_stay(
    folder: Path, rsa_key: bool
) -> None:
    serving, renewed = Serving(folder), AUTHORITY.issue(rsa_key=rsa_key)

    async def renew() -> tuple[list[int], int, int]:
        async with serving.running(), serving.session() as session:
            before = await post(session, a_review())
            [connection] = [c for connections in session.connector._conns.values() for c, _ in connections]  # type: ignore[union-attr]  # what is open
            mount(folder, renewed.files())
            await until_serial(serving, renewed.serial)
            after = await post(session, a_review())
            open_now = [c for connections in session.connector._conns.values() for c, _ in connections]  # type: ignore[union-attr]  # as above
            return [before[0], after[0]], open_now.index(connection), len(open_now)

    assert ([200, 200], 0, 1) == asyncio.run(renew())


def test_requests_under_way_while_the_certificate_changes_are_answered(folder: Path) -> None:
    asked_for, let_go, renewed = threading.Event(), threading.Event(), AUTHORITY.issue()

    def slow(_review: Review) -> Verdict:
        asked_for.set()
        let_go.wait(WAIT_SECONDS)
        return Verdict()

    serving = Serving(folder, {PATH: slow})

    async def renew() -> tuple[int, Any]:
        async with serving.running(), serving.session() as session:
            answer = asyncio.create_task(post(session, a_review()))
            await until(asked_for.is_set)
            mount(folder, renewed.files())
            await until_serial(serving, renewed.serial)
            let_go.set()
            return await answer

    assert 200 == asyncio.run(renew())[0]


def test_a_certificate_without_its_key_leaves_the_one_before_in_use_until_the_key_comes(folder: Path) -> None:
    serving, renewed = Serving(folder), AUTHORITY.issue()
    certificates = serving.server._certificates

    async def renew() -> tuple[bool, str | None]:
        async with serving.running():
            before = await serving.serial()
            old_key = (folder / "tls.key").read_bytes()
            mount(folder, {"tls.crt": renewed.certificate, "tls.key": old_key})
            await until(lambda: certificates.problem is not None)
            kept = before == await serving.serial()
            ready = serving.server.unready()
            mount(folder, renewed.files())
            await until_serial(serving, renewed.serial)
            return kept, ready

    assert (True, None) == asyncio.run(renew())


def test_an_encrypted_key_is_an_error_and_asks_nobody_for_its_password(folder: Path) -> None:
    encrypted = b"-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIGj\n-----END ENCRYPTED PRIVATE KEY-----\n"
    mount(folder, {"tls.crt": (folder / "tls.crt").read_bytes(), "tls.key": encrypted})
    certificates = Certificates(CertificateFiles(folder / "tls.crt", folder / "tls.key"))
    certificates.look()
    assert (False, True) == (certificates.loaded, "cannot be read" in (certificates.problem or ""))


# ---- ready or not


def waiting(serving: Serving, then: Callable[[], None] = lambda: None) -> Awaitable[tuple[str | None, str | None]]:
    """What readiness says while the server has looked once or more, and after `then`, once that is something else."""

    async def look() -> tuple[str | None, str | None]:
        async with serving.running(until_ready=False):
            await until(lambda: serving.server._said is not None)
            before = serving.server.unready()
            then()
            if before is not None:
                await until(lambda: serving.server.unready() != before)
            return before, serving.server.unready()

    return look()


def test_a_missing_certificate_is_waited_for_and_until_then_nothing_is_ready(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    certs = tmp_path / "certs"
    before, after = asyncio.run(waiting(Serving(certs), lambda: mount(certs, AUTHORITY.issue().files())))
    assert before is not None
    assert str(certs / "tls.crt") in before
    assert after is None
    said = [record.getMessage() for record in caplog.records if "served yet" in record.getMessage()]
    assert [before] == said


def test_a_port_that_is_taken_is_waited_for(folder: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        serving = Serving(folder, port=taken.getsockname()[1])
        before, after = asyncio.run(waiting(serving, taken.close))
    assert f"no webhooks are served yet: --webhook-bind-port={serving.port}: " in (before or "")
    assert after is None


def test_an_installation_without_webhooks_is_ready_without_them(tmp_path: Path) -> None:
    assert (None, None) == asyncio.run(waiting(Serving(tmp_path / "certs", wanted=False)))


def test_before_it_runs_nothing_is_ready(folder: Path) -> None:
    assert "the webhooks are not served yet" == Serving(folder).server.unready()


def of_flags(*flags: str) -> WebhookServer:
    settings = Settings.from_args(["--cluster-name=demo", *flags])
    return WebhookServer.of(settings, {}, observe=lambda path, *, code, seconds, refused_by: None)


def test_webhooks_are_expected_where_their_folder_is_named_or_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert of_flags(f"--webhook-cert-dir={tmp_path / 'not-there'}").unready()
    default = Settings.model_fields["webhook_cert_dir"].default
    monkeypatch.setattr(Path, "is_dir", lambda path: str(path) == default)
    assert of_flags().unready()
    monkeypatch.setattr(Path, "is_dir", lambda path: False)
    assert of_flags().unready() is None
