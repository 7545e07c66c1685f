"""Logs as one JSON object per line, each saying which object it is about and which reconcile it belongs to.

A reconcile runs in one thread from start to end: what it is about is held in a context variable of that thread, so
that the code below it, and the libraries below that, need not pass it on.
"""

from __future__ import annotations

import logging
import secrets
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any, TextIO

import orjson

from aws_lb_controller.aws.clients import Call
from aws_lb_controller.reconcile.keys import Controller, Key

log = logging.getLogger(__name__)

_ABOUT: ContextVar[Mapping[str, str] | None] = ContextVar("about", default=None)

LEVELS = {"debug": logging.DEBUG, "info": logging.INFO}
OURS = "aws_lb_controller"
"""The root of our own loggers. Libraries are never heard below info: at debug some log whole answers, Secrets too."""

NOISY = {
    "kopf": logging.WARNING,
    "kopf._core.reactor.running": logging.ERROR,  # warns that signals are not its own, which is as we want it
    "urllib3": logging.WARNING,
    "aiohttp.access": logging.WARNING,  # a line for each review
}
"""Libraries whose own chatter would drown ours, and from which level on they are heard."""

KINDS: Mapping[Controller, str] = {
    "service": "Service",
    "binding": "TargetGroupBinding",
    "access": "TargetGroupBinding",
    "pod-readiness": "TargetGroupBinding",
}

_RECORD_FIELDS = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


def object_of(key: Key) -> dict[str, str]:
    """What a key is about, as lines tell it: kind (of what is no object of Kubernetes: none) and namespace/name."""
    kind = KINDS.get(key.controller, "")
    if key.controller == "ingress-group":
        kind = "Ingress" if "/" in key.name else "IngressGroup"
    return {"kind": kind, "name": key.name} if kind else {"name": key.name}


@contextmanager
def about(**what: str) -> Iterator[str]:
    """Every line logged inside, in this thread, bears `what` and a new correlation id, which is given."""
    reconcile = secrets.token_hex(8)
    token = _ABOUT.set({**what, "reconcileID": reconcile})
    try:
        yield reconcile
    finally:
        _ABOUT.reset(token)


def aws_call(call: Call) -> None:
    """A line, at debug, on a call that was made; not what was sent, for that may be a secret."""
    log.debug("%s", call.operation, extra={"aws": asdict(call)})


class JsonLines(logging.Formatter):
    """A record as one line of JSON: ts, level, logger, msg, what it is about, and what was given as ``extra``."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        extra = {key: value for key, value in vars(record).items() if key not in _RECORD_FIELDS}
        line: dict[str, Any] = {
            "ts": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "msg": record.getMessage(),
            **(_ABOUT.get() or {}),
            **extra,
        }
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return orjson.dumps(line, default=str, option=orjson.OPT_NON_STR_KEYS).decode()


def set_up(level: str, stream: TextIO = sys.stderr) -> None:
    """Log to the stream from now on. level: a value of ``--log-level``; one that nobody knows means info."""
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonLines())
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    logging.getLogger(OURS).setLevel(LEVELS.get(level, logging.INFO))
    for name, least in NOISY.items():
        logging.getLogger(name).setLevel(least)
