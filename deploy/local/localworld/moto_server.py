"""AWS on this machine: moto's HTTP server with our extensions, as a child process.

`python -m localworld.moto_server --port N` is the server; `MotoServer` starts and stops it. Requests are answered one
at a time: moto's state is plain dictionaries, and two threads in them make errors that AWS never gives.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from localworld.behaviour import Behaviour, variable
from localworld.processes import Process, WorldError, answers, clean_environment, free_port, start, tail, wait_for

START_SECONDS = 40
PACKAGE_FOLDER = Path(__file__).resolve().parent.parent


@dataclass
class MotoServer:
    """moto's server with its files below `root`."""

    root: Path
    behaviour: Behaviour = field(default_factory=Behaviour)
    port: int = field(default_factory=free_port)
    process: Process | None = field(default=None, init=False)

    @property
    def url(self) -> str:
        """The endpoint of every AWS service, for AWS_ENDPOINT_URL."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def log(self) -> Path:
        """One line per request."""
        return self.root / "moto.log"

    def start(self) -> None:
        """Start it and wait until it answers; WorldError with the log's end if it does not."""
        command = [sys.executable, "-m", "localworld.moto_server", "--port", str(self.port)]
        self.process = start(command, log=self.log, environment=self._environment())
        try:
            wait_for("moto's server", self._answers, seconds=START_SECONDS)
        except WorldError as error:
            self.stop()
            raise WorldError(f"{error}\n{tail(self.log)}") from None

    def _environment(self) -> dict[str, str]:
        turned = {variable(name): str(value) for name, value in asdict(self.behaviour).items()}
        more = {"PYTHONPATH": str(PACKAGE_FOLDER), "MOTO_ACM_VALIDATION_WAIT": "0", **turned}
        return clean_environment(self.root, **more)

    def _answers(self) -> bool:
        if self.process is not None and not self.process.alive():
            raise WorldError("moto's server ended")
        return answers(f"{self.url}/moto-api/data.json")

    def stop(self) -> None:
        """Stop it; what it held is gone."""
        if self.process is not None:
            self.process.stop()


# ---- the server itself

WsgiApplication = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


def one_at_a_time(application: WsgiApplication) -> WsgiApplication:
    """The same application, answering one request after the other."""
    lock = threading.Lock()

    def serial(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        with lock:
            return list(application(environ, start_response))

    return serial


def serve(port: int, *, host: str = "127.0.0.1") -> None:
    """Serve until terminated. host: the address to listen on; whoever reaches it may do anything."""
    # only the server's own process loads moto, which reads AWS settings when it is imported
    from moto.moto_server.werkzeug_app import (  # noqa: PLC0415
        DomainDispatcherApplication,
        MotoRequestHandler,
        create_backend_app,
    )
    from werkzeug.serving import run_simple  # noqa: PLC0415

    from localworld.moto_extensions import install  # noqa: PLC0415

    os.environ.setdefault("MOTO_PORT", str(port))
    install(Behaviour.from_environment())
    application = one_at_a_time(DomainDispatcherApplication(create_backend_app))
    run_simple(host, port, application, threaded=True, request_handler=MotoRequestHandler)


def main() -> None:
    """The server's command line."""
    parser = argparse.ArgumentParser(description="moto's server with what AWS does and moto does not.")
    parser.add_argument("--port", type=int, default=5000)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    serve(parser.parse_args().port)


if __name__ == "__main__":
    main()
