"""Reads what the program logs, as whoever collects its standard error does."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from aws_lb_controller.runtime import logs

Lines = Callable[[], list[dict[str, Any]]]


@contextmanager
def logging_at(level: str) -> Iterator[Lines]:
    """Logs as ``--log-level`` says meanwhile; gives what reads the lines so far."""
    loggers = [logging.getLogger(name) for name in ("", logs.OURS, *logs.NOISY)]
    before, handlers = [logger.level for logger in loggers], loggers[0].handlers[:]
    stream = io.StringIO()
    logs.set_up(level, stream)
    try:
        yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    finally:
        loggers[0].handlers[:] = handlers
        for logger, least in zip(loggers, before, strict=True):
            logger.setLevel(least)
