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
from datetime import UTC, datetime
from typing import Any, TextIO

import orjson

_ABOUT: ContextVar[Mapping[str, str] | None] = ContextVar("about", default=None)

LEVELS = {"debug": logging.DEBUG, "info": logging.INFO}
NOISY = {
    "kopf": logging.WARNING,
    "kopf._core.reactor.running": logging.ERROR,  # warns that signals are not its own, which is as we want it
    "urllib3": logging.WARNING,
    "botocore": logging.INFO,
}
"""Libraries whose own chatter would drown ours, and from which level on they are heard."""

_RECORD_FIELDS = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


@contextmanager
def about(**what: str) -> Iterator[str]:
    """Every line logged inside, in this thread, bears `what` and a new correlation id, which is given."""
    reconcile = secrets.token_hex(8)
    token = _ABOUT.set({**what, "reconcileID": reconcile})
    try:
        yield reconcile
    finally:
        _ABOUT.reset(token)


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
    """Log to the stream from now on. level: a value of ``--log-level``; ``debug`` lets the libraries speak too."""
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonLines())
    logging.basicConfig(level=LEVELS[level], handlers=[handler], force=True)
    for name, least in NOISY.items():
        logging.getLogger(name).setLevel(logging.DEBUG if level == "debug" and name == "kopf" else least)
