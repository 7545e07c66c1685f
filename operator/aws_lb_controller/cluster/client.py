"""Requests to the API server: JSON in and out, errors of our own tree, one pool of connections for all threads.

The `kubernetes` package reads the kubeconfig or the pod's ServiceAccount, keeps tokens fresh and sets up TLS; its
generated methods, which build a Python object per field, are not used: raw JSON costs a tenth.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import orjson
import urllib3
from kubernetes import client as kubernetes_client
from kubernetes import config as kubernetes_config

from aws_lb_controller.errors import (
    KubernetesConflict,
    KubernetesDenied,
    KubernetesError,
    KubernetesNotFound,
    UsageError,
)

CONNECT_SECONDS = 3.0
READ_SECONDS = 15.0
CONNECTIONS = 32
USER_AGENT = "aws-load-balancer-controller"
MERGE_PATCH = "application/merge-patch+json"
STRATEGIC_MERGE_PATCH = "application/strategic-merge-patch+json"

_ERRORS: Mapping[int, type[KubernetesError]] = {
    403: KubernetesDenied,
    404: KubernetesNotFound,
    409: KubernetesConflict,
}
# a dead connection is only met by using it: try a fresh one once, as nothing has been sent on the first
_RETRIES = urllib3.Retry(total=1, connect=1, read=0, redirect=0, status=0, other=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """How another client reaches the same API server as the same user: files' paths, and the token as it is now."""

    server: str
    ca_file: str | None
    certificate_file: str | None
    key_file: str | None
    insecure: bool
    scheme: str | None
    token: str | None
    username: str | None
    password: str | None
    proxy: str | None


class KubeClient:
    """The API server, for any thread. Every failure is a `KubernetesError`, without an answer one of status 0."""

    def __init__(self, configuration: kubernetes_client.Configuration) -> None:
        configuration.connection_pool_maxsize = CONNECTIONS
        self._configuration = configuration
        self._api = kubernetes_client.ApiClient(configuration)
        self._pool: urllib3.PoolManager = self._api.rest_client.pool_manager
        self._auth_lock = threading.Lock()

    @classmethod
    def configured(cls, kubeconfig: str | None) -> KubeClient:
        """From a kubeconfig file, or, without one, from the pod's ServiceAccount. Raises `UsageError`."""
        configuration = kubernetes_client.Configuration()
        try:
            if kubeconfig:
                kubernetes_config.load_kube_config(config_file=kubeconfig, client_configuration=configuration)  # type: ignore[no-untyped-call]
            else:
                kubernetes_config.load_incluster_config(client_configuration=configuration)  # type: ignore[no-untyped-call]
        except (kubernetes_config.ConfigException, OSError) as wrong:
            where = f"--kubeconfig={kubeconfig}" if kubeconfig else "not in a cluster and no --kubeconfig"
            raise UsageError(f"{where}: {wrong}") from None
        return cls(configuration)

    def get(self, path: str, query: Mapping[str, str] | None = None, *, seconds: float = READ_SECONDS) -> Any:
        """GET some JSON; seconds: the longest pause in the answer."""
        return self.request("GET", path, query=query, seconds=seconds)

    def request(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Any = None,
        content_type: str = "application/json",
        seconds: float = READ_SECONDS,
    ) -> Any:
        """One request; the answer's JSON, None for an empty one."""
        what = f"{method} {path}"
        with _no_answer_is_an_error(what):
            answer = self._pool.request(
                method,
                self._url(path, query),
                body=None if body is None else orjson.dumps(body),
                headers=self._headers({"Content-Type": content_type} if body is not None else {}),
                timeout=urllib3.Timeout(connect=min(CONNECT_SECONDS, seconds), read=seconds),
                retries=_RETRIES,
            )
        if answer.status >= 400:
            raise _error(what, answer.status, answer.data)
        return orjson.loads(answer.data) if answer.data else None

    @contextmanager
    def stream(self, path: str, query: Mapping[str, str], *, stall_seconds: float) -> Iterator[Stream]:
        """GET an endless answer of JSON lines; it ends with an error if nothing comes for `stall_seconds`."""
        what = f"watch {path}"
        with _no_answer_is_an_error(what):
            answer = self._pool.request(
                "GET",
                self._url(path, query),
                headers=self._headers({}),
                timeout=urllib3.Timeout(connect=CONNECT_SECONDS, read=stall_seconds),
                retries=_RETRIES,
                preload_content=False,
            )
        try:
            if answer.status >= 400:
                raise _error(what, answer.status, answer.read())
            yield Stream(what, answer)
        finally:
            answer.close()

    def connection(self) -> Connection:
        """How to connect, with a token that is fresh now."""
        configuration = self._configuration
        with self._auth_lock:
            header = configuration.get_api_key_with_prefix("BearerToken", alias="authorization") or ""
        scheme, _, token = header.rpartition(" ")
        return Connection(
            server=configuration.host,
            ca_file=configuration.ssl_ca_cert,
            certificate_file=configuration.cert_file,
            key_file=configuration.key_file,
            insecure=not configuration.verify_ssl,
            scheme=scheme or None,
            token=token or None,
            username=configuration.username or None,
            password=configuration.password or None,
            proxy=configuration.proxy or None,
        )

    def _url(self, path: str, query: Mapping[str, str] | None) -> str:
        return f"{self._configuration.host}{path}" + (f"?{urlencode(query)}" if query else "")

    def _headers(self, extra: Mapping[str, str]) -> dict[str, str]:
        headers = {"Accept": "application/json", "User-Agent": USER_AGENT, **extra}
        with self._auth_lock:  # the refresh of a token is not thread-safe
            self._api.update_params_for_auth(headers, [], ["BearerToken"], "", "GET", None)
        return headers


class Stream:
    """The lines of an endless answer, each as read JSON. `stop` may be called from any thread and ends the reading."""

    def __init__(self, what: str, answer: urllib3.BaseHTTPResponse) -> None:
        self._what, self._answer = what, answer

    def __iter__(self) -> Iterator[Any]:
        rest = b""
        with _no_answer_is_an_error(self._what):
            for chunk in self._answer.stream(1 << 16):
                *lines, rest = (rest + chunk).split(b"\n")
                yield from (orjson.loads(line) for line in lines if line)

    def stop(self) -> None:
        """Wake the reader: its socket is shut down."""
        with suppress(ValueError, RuntimeError, OSError):  # the answer has ended meanwhile
            self._answer.shutdown()


@contextmanager
def _no_answer_is_an_error(what: str) -> Iterator[None]:
    try:
        yield
    except (urllib3.exceptions.HTTPError, OSError) as wrong:
        raise KubernetesError(what, 0, str(wrong) or type(wrong).__name__) from wrong
    except orjson.JSONDecodeError as wrong:
        raise KubernetesError(what, 0, f"an answer that is no JSON: {wrong}") from wrong


def _error(what: str, status: int, body: bytes) -> KubernetesError:
    return _ERRORS.get(status, KubernetesError)(what, status, _message(body))


def _message(body: bytes) -> str:
    """The message of a ``Status`` object, or the body's start where something else answered."""
    try:
        answer = orjson.loads(body)
    except orjson.JSONDecodeError:
        return body[:200].decode(errors="replace")
    return str(answer.get("message") or "") if isinstance(answer, dict) else str(answer)
