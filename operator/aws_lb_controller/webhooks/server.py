"""The admission server: every replica, leading or not, answers the API server's reviews over TLS.

Sockets, routes and JSON are those of kopf's admission server, which is used by itself: behind it stands no handler of
kopf's, but a table from path to handler. Handlers run in threads, a pool for each path, so that one that waits for AWS
keeps no other from answering.

======================================= ===============================================================
a handler allows, or refuses            so do we (403 inside the review, with its words)
a handler raises, or takes too long     HTTP 500, its body says why, and logged
a path that nobody handles              HTTP 404
what is no AdmissionReview              HTTP 400
======================================= ===============================================================

The last three, like no answer at all, are for the webhook's ``failurePolicy`` to decide.
"""

from __future__ import annotations

import asyncio
import base64
import json
import logging
import ssl
import time
from collections.abc import AsyncIterator, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Protocol, cast

import kopf
from aiohttp import web

from aws_lb_controller.errors import ControllerError
from aws_lb_controller.settings import Settings
from aws_lb_controller.webhooks.certificates import CertificateFiles, Certificates
from aws_lb_controller.webhooks.review import Handler, Review, Verdict

log = logging.getLogger(__name__)

MAX_BYTES = 7 * 1024 * 1024
"""More than any review: two objects of what etcd takes, and what is said about them."""

ANSWER_SECONDS = 8.0
"""Below the 10 seconds after which the API server gives up, so that it hears why."""

LOOK_SECONDS = 2.0
THREADS = 4


class Observe(Protocol):
    """Is told of each request: HTTP code, duration, and which check refused ("" if none did)."""

    def __call__(self, path: str, *, code: int, seconds: float, refused_by: str) -> None: ...  # noqa: D102  # the class says it


class _MalformedReview(ValueError):
    """What was sent is no AdmissionReview that can be answered; the text says why."""


class _NoVerdict(Exception):
    """The handler came to none; the text says why, in words for whoever made the object."""


class WebhookServer:
    """Serves handlers while `run` runs.

    certificates: read again whenever the files change. wanted: whether certificates are expected at all; without them
    the replica counts as ready only if they are not. address: None for all.
    """

    def __init__(
        self,
        handlers: Mapping[str, Handler],
        *,
        certificates: Certificates,
        port: int,
        observe: Observe,
        wanted: Callable[[], bool] = lambda: True,
        address: str | None = None,
        answer_seconds: float = ANSWER_SECONDS,
        look_seconds: float = LOOK_SECONDS,
    ) -> None:
        self._handlers, self._observe = dict(handlers), observe
        self._certificates, self._wanted = certificates, wanted
        self._address, self._port = address, port
        self._answer_seconds, self._look_seconds = answer_seconds, look_seconds
        self._pools = {path: ThreadPoolExecutor(THREADS, f"webhook-{path.strip('/')}") for path in self._handlers}
        self._serving: AsyncIterator[Any] | None = None  # kopf serves for as long as this is referred to
        self._listening = False
        self._said: str | None = None

    @classmethod
    def of(cls, settings: Settings, handlers: Mapping[str, Handler], *, observe: Observe) -> WebhookServer:
        """As the flags say.

        Without ``--webhook-cert-dir``, a folder that is not there means that the installation has no webhooks.
        """
        folder = Path(settings.webhook_cert_dir)
        client_ca = Path(settings.kube_ca_pem_filepath) if settings.kube_ca_pem_filepath else None
        files = CertificateFiles(
            folder / settings.webhook_cert_file, folder / settings.webhook_key_file, client_ca=client_ca
        )
        given = "webhook-cert-dir" in settings.given
        return cls(
            handlers,
            certificates=Certificates(files),
            port=settings.webhook_bind_port,
            observe=observe,
            wanted=lambda: given or folder.is_dir(),
        )

    def unready(self) -> str | None:
        """Why the API server is not answered, if it should be: for ``/readyz``."""
        if self._listening or not self._wanted():
            return None
        return self._said or "the webhooks are not served yet"

    async def run(self) -> None:
        """Serve until cancelled; before there is a certificate, or while the port is taken, wait for it."""
        try:
            async with AsyncExitStack() as listening:
                while True:
                    if self._wanted():
                        self._certificates.look()
                    self._say(await self._listen(listening))
                    await asyncio.sleep(self._look_seconds)
        finally:
            self._listening = False
            for pool in self._pools.values():
                pool.shutdown(wait=False, cancel_futures=True)

    async def _listen(self, listening: AsyncExitStack) -> str | None:
        """Begin to listen if that is possible; why not, if it is not."""
        if self._listening:
            return None
        if not self._wanted():
            return "no webhooks are served: there is no folder of certificates"
        if not self._certificates.loaded:
            return f"no webhooks are served yet: {self._certificates.problem}"
        try:
            server = _KopfServer(self._certificates.listening_context(), addr=self._address, port=self._port)
            self._serving = server(cast(kopf.WebhookFn, self._answer))
            await anext(self._serving)
        except OSError as wrong:
            return f"no webhooks are served yet: --webhook-bind-port={self._port}: {wrong.strerror or wrong}"
        listening.push_async_exit(server)
        self._listening = True
        log.info("webhooks are served", extra={"port": self._port})
        return None

    def _say(self, problem: str | None) -> None:
        """Log what is wrong, once."""
        if problem and problem != self._said:
            log.log(logging.WARNING if self._wanted() else logging.INFO, "%s", problem)
        self._said = problem

    # ---- answering

    async def _answer(self, body: Any, *, webhook: str | None = None, **_: Any) -> dict[str, Any]:
        """What kopf's server calls with the JSON it was sent, and sends back."""
        path, started = f"/{webhook}", time.monotonic()
        if path not in self._handlers:
            raise web.HTTPNotFound
        try:
            uid, review = _read(body)
        except _MalformedReview as wrong:
            self._observe(path, code=400, seconds=time.monotonic() - started, refused_by="")
            raise web.HTTPBadRequest(text=str(wrong)) from None
        try:
            verdict = await self._judge(path, review)
        except _NoVerdict as wrong:
            self._observe(path, code=500, seconds=time.monotonic() - started, refused_by="")
            raise web.HTTPInternalServerError(text=str(wrong)) from None
        refused_by = "" if verdict.refusal is None else verdict.check
        self._observe(path, code=200, seconds=time.monotonic() - started, refused_by=refused_by)
        return {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "response": _response(uid, verdict)}

    async def _judge(self, path: str, review: Review) -> Verdict:
        """The handler's verdict. Raises `_NoVerdict`."""
        about = {"webhook": path, "operation": review.operation, "object": _title(review)}
        judging = asyncio.get_running_loop().run_in_executor(self._pools[path], self._handlers[path], review)
        await asyncio.wait([judging], timeout=self._answer_seconds)
        if not judging.done():
            judging.cancel()
            log.error("no verdict within %g seconds", self._answer_seconds, extra=about)
            raise _NoVerdict(_ours(f"no verdict within {self._answer_seconds:g} seconds"))
        try:
            verdict = judging.result()
        except Exception as wrong:
            expected = isinstance(wrong, ControllerError)
            log.error("%s: %s", type(wrong).__name__, wrong, exc_info=None if expected else wrong, extra=about)
            raise _NoVerdict(_ours(f"{type(wrong).__name__}: {wrong}")) from wrong
        if verdict.refusal is not None:
            log.info("refused: %s", verdict.refusal, extra=about)
        return verdict


class _KopfServer(kopf.WebhookServer):
    """kopf's server with our TLS context, with room for large reviews, and 400 for bytes that are no text."""

    def __init__(self, context: ssl.SSLContext, *, addr: str | None, port: int) -> None:
        super().__init__(addr=addr, port=port, context=context)

    def _build_ssl(self) -> tuple[bytes | None, ssl.SSLContext | None]:
        # kopf's own would load the certificate once, and close every connection to load another
        return None, self.context

    @staticmethod
    async def _serve(fn: Any, request: web.Request) -> web.Response:
        try:
            return await kopf.WebhookServer._serve(fn, request.clone(client_max_size=MAX_BYTES))
        except UnicodeDecodeError:
            raise web.HTTPBadRequest from None


def _read(body: Any) -> tuple[str, Review]:
    """An AdmissionReview's uid and what it asks. Raises `_MalformedReview`."""
    if not isinstance(body, Mapping) or body.get("kind") != "AdmissionReview":
        raise _MalformedReview("this is no AdmissionReview")
    if body.get("apiVersion") != "admission.k8s.io/v1":
        raise _MalformedReview(f"apiVersion {body.get('apiVersion')!r}: must be admission.k8s.io/v1")
    request = body.get("request")
    if not isinstance(request, Mapping) or not isinstance(uid := request.get("uid"), str) or not uid:
        raise _MalformedReview("request.uid: must be given")
    return uid, Review(
        operation=_text(request, "operation"),
        namespace=_text(request, "namespace"),
        name=_text(request, "name"),
        obj=_object(request, "object"),
        old=_object(request, "oldObject"),
        dry_run=request.get("dryRun") is True,
    )


def _text(request: Mapping[str, Any], field: str) -> str:
    value = request.get(field)
    if value is not None and not isinstance(value, str):
        raise _MalformedReview(f"request.{field}: must be a string")
    return value or ""


def _object(request: Mapping[str, Any], field: str) -> Mapping[str, Any] | None:
    value = request.get(field)
    if value is not None and not isinstance(value, Mapping):
        raise _MalformedReview(f"request.{field}: must be an object")
    return value


def _ours(problem: str) -> str:
    """Whose fault it is: kubectl shows it after the webhook's name, which says little to its user."""
    return f"aws-load-balancer-controller cannot tell whether this is right: {problem}"


def _title(review: Review) -> str:
    metadata = (review.obj or {}).get("metadata") or {}
    name = review.name or f"{metadata.get('generateName', '')}*"
    return f"{review.namespace}/{name}" if review.namespace else name


def _response(uid: str, verdict: Verdict) -> dict[str, Any]:
    """AdmissionResponse."""
    response: dict[str, Any] = {"uid": uid, "allowed": verdict.refusal is None}
    if verdict.refusal is not None:
        response["status"] = {"code": 403, "message": verdict.refusal, "reason": "Forbidden"}
    elif verdict.patch:
        response["patchType"] = "JSONPatch"
        response["patch"] = base64.b64encode(json.dumps(verdict.patch).encode()).decode()
    if verdict.warnings:
        response["warnings"] = list(verdict.warnings)
    return response
