"""Child processes of the local world: a clean environment, starting, waiting for a condition, stopping.

Nothing here may touch what the user has: children see an environment made from a short list of variables, a HOME of
their own, and credentials that only moto accepts.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, MutableMapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

REGION = "us-west-2"

PASSED_ON = ("PATH", "LANG", "LC_ALL", "TMPDIR", "TZ", "TERM")

AWS_STAND_IN = {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_REGION": REGION,
    "AWS_DEFAULT_REGION": REGION,
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "AWS_EC2_METADATA_DISABLED": "true",
}

# what the user may have set for her own AWS and clusters; our own variables begin with AWS_LBC_
USERS_OWN = ("AWS_", "BOTO_", "KUBE")
OURS = "AWS_LBC_"
LOOPBACK = "127.0.0.1,localhost"

T = TypeVar("T")


class WorldError(Exception):
    """The local world could not be brought to a state in time; the message says which, and shows the log's end."""


def clean_environment(home: Path, **more: str) -> dict[str, str]:
    """An environment without the user's kubeconfig, AWS settings, proxies or dotfiles; `more` is laid over it."""
    passed_on = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    return {**passed_on, **AWS_STAND_IN, "HOME": str(home), "KUBECONFIG": os.devnull, "KUBERC": "off", **more}


def forget_user_settings(environment: MutableMapping[str, str] = os.environ) -> None:
    """Take the user's AWS and Kubernetes settings out of this process's own environment, stand-ins in their place.

    For programs that call boto3 in this process. Proxies stay, for downloads, but not towards this machine.
    """
    for name in list(environment):
        if name.startswith(USERS_OWN) and not name.startswith(OURS):
            del environment[name]
    environment.update(AWS_STAND_IN)
    for name in ("NO_PROXY", "no_proxy"):
        environment[name] = ",".join(filter(None, [environment.get(name), LOOPBACK]))


def free_port() -> int:
    """A TCP port of the loopback address that is free now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def wait_for(what: str, condition: Callable[[], T | None], *, seconds: float, interval: float = 0.1) -> T:
    """Ask `condition` until it gives something true and return that; WorldError once the time is over."""
    deadline = time.monotonic() + seconds
    while True:
        if got := condition():
            return got
        if time.monotonic() > deadline:
            raise WorldError(f"{what}: not within {seconds:.0f} s")
        time.sleep(interval)


def answers(url: str) -> bool:
    """Whether an HTTP GET of that URL gives a status below 400."""
    try:
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url, timeout=2) as response:
            status: int = response.status
            return status < 400
    except (OSError, urllib.error.URLError):
        return False


def tail(log: Path, lines: int = 30) -> str:
    """The last lines of a log, or a word on its absence."""
    if not log.exists():
        return f"({log} does not exist)"
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])


@dataclass(frozen=True)
class Process:
    """A child in a session of its own, so that it outlives us when asked to and is stopped with all it started."""

    pid: int
    log: Path
    child: subprocess.Popen[bytes] | None = None  # None when another run of ours started it

    def alive(self) -> bool:
        """Whether it still runs."""
        if self.child is not None:
            return self.child.poll() is None
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return False
        return True

    def stop(self, *, seconds: float = 15) -> None:
        """SIGTERM, time to end well, then SIGKILL for the whole session."""
        self._signal(signal.SIGTERM)
        with contextlib.suppress(WorldError):
            wait_for("ending", lambda: not self.alive(), seconds=seconds, interval=0.05)
        if self.alive():
            self._signal(signal.SIGKILL)
        if self.child is not None:
            self.child.wait(10)

    def kill(self) -> None:
        """SIGKILL, as a crash."""
        self._signal(signal.SIGKILL)
        if self.child is not None:
            self.child.wait(10)

    def _signal(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, number)


def start(command: list[str], *, log: Path, environment: Mapping[str, str], folder: Path | None = None) -> Process:
    """Start a child whose output goes to `log` (appended)."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        child = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=dict(environment),
            cwd=folder,
            start_new_session=True,
        )
    return Process(pid=child.pid, log=log, child=child)
