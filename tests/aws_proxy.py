"""Stands between one controller and AWS: records every call, and can strike at a chosen one.

Each controller process has a proxy of its own, so that a call always tells whose it was. What strikes is given by the
test: a crash, for instance, before a call takes effect or after, with its answer lost.
"""

from __future__ import annotations

import http.client
import re
import threading
import time
import urllib.parse
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

READS = ("Describe", "Get", "List", "Search", "AssumeRole")
HOP_BY_HOP = {"connection", "transfer-encoding", "content-length", "keep-alive", "date", "server"}
AWS_SECONDS = 30


@dataclass(frozen=True)
class AwsCall:
    """One call that came. operation: `CreateListener`; values: its parameters; at: monotonic seconds."""

    operation: str
    values: Mapping[str, str]
    at: float

    @property
    def mutating(self) -> bool:
        """Whether it may change something."""
        return not self.operation.startswith(READS)


@dataclass
class Strike:
    """What happens at the nth mutating call from now on: `deed` is done before the call reaches AWS, or after.

    In both cases the connection is closed without an answer.
    """

    nth: int
    after: bool
    deed: Callable[[], None]
    struck: AwsCall | None = field(default=None, init=False)


class AwsProxy:
    """Forwards to `aws_url`. `start` and `stop` it. rewrite: what becomes of the body of an answer to a call."""

    def __init__(self, aws_url: str) -> None:
        self.rewrite: Callable[[AwsCall, bytes], bytes] = lambda _call, body: body
        self._calls: list[AwsCall] = []
        self._lock = threading.Lock()
        self._strike: Strike | None = None
        self._under_way = 0
        self._ended_at = time.monotonic()
        address = urllib.parse.urlsplit(aws_url)
        self._server = _Server(("127.0.0.1", 0), _handler(self, f"{address.hostname}:{address.port}"))
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    @property
    def url(self) -> str:
        """For AWS_ENDPOINT_URL."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def calls(self) -> list[AwsCall]:
        """Every call up to now."""
        with self._lock:
            return list(self._calls)

    def mutations(self) -> list[str]:
        """The operations of the calls up to now that may have changed something."""
        return [call.operation for call in self.calls if call.mutating]

    def quiet_seconds(self) -> float:
        """For how long no call has been under way."""
        with self._lock:
            return 0.0 if self._under_way else time.monotonic() - self._ended_at

    def strike(self, nth: int, *, after: bool, deed: Callable[[], None]) -> Strike:
        """Do the deed at the nth mutating call from now on."""
        with self._lock:
            self._strike = Strike(nth, after, deed)
            return self._strike

    def start(self) -> None:
        """Begin to listen."""
        self._thread.start()

    def stop(self) -> None:
        """Listen no more."""
        self._server.shutdown()
        self._server.server_close()

    def begin(self, call: AwsCall) -> Strike | None:
        """A call has come; what strikes it, if anything does."""
        with self._lock:
            self._under_way += 1
            self._calls.append(call)
            if self._strike is None or not call.mutating:
                return None
            self._strike.nth -= 1
            if self._strike.nth:
                return None
            struck, self._strike = self._strike, None
            struck.struck = call
            return struck

    def end(self) -> None:
        """A call has been answered, or never will be."""
        with self._lock:
            self._under_way -= 1
            self._ended_at = time.monotonic()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that was killed in the middle of a call is no error of ours."""


def _handler(proxy: AwsProxy, aws: str) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def handle_one_call(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = self.rfile.read(length)
            if len(body) < length:  # killed in the middle of a request, which AWS then never sees whole
                self.close_connection = True
                return
            call = AwsCall(*_operation(self, body), at=time.monotonic())
            strike = proxy.begin(call)
            try:
                if strike is None:
                    status, headers, answer = self._ask_aws(body)
                    self._answer(status, headers, proxy.rewrite(call, answer))
                else:
                    self._strike(strike, body)
            finally:
                proxy.end()

        do_GET = do_POST = do_PUT = do_DELETE = handle_one_call  # noqa: N815  # http.server's names

        def _strike(self, strike: Strike, body: bytes) -> None:
            if strike.after:
                self._ask_aws(body)
            strike.deed()
            self.close_connection = True

        def _ask_aws(self, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
            connection = http.client.HTTPConnection(aws, timeout=AWS_SECONDS)
            try:
                headers = {key: value for key, value in self.headers.items() if key.lower() != "connection"}
                connection.request(self.command, self.path, body=body, headers=headers)
                answer = connection.getresponse()
                return answer.status, answer.getheaders(), answer.read()
            finally:
                connection.close()

        def _answer(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
            self.send_response(status)
            for key, value in headers:
                if key.lower() not in HOP_BY_HOP:
                    self.send_header(key, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Calls are recorded, not logged."""

    return Handler


def _operation(handler: BaseHTTPRequestHandler, body: bytes) -> tuple[str, dict[str, str]]:
    """By the header of the JSON protocol (ACM), else by the form of the query protocol (EC2, ELB)."""
    if target := handler.headers.get("X-Amz-Target"):
        return target.rpartition(".")[2], {}
    values = dict(urllib.parse.parse_qsl(body.decode(errors="replace")))
    return values.pop("Action", "") or f"{handler.command} {re.sub(r'[?].*', '', handler.path)}", values
