"""A line of the log is JSON and says what it is about."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest

from aws_lb_controller.runtime import logs


@pytest.fixture
def out() -> Iterator[io.StringIO]:
    """What is logged at level info, through the set-up of the program."""
    root = logging.getLogger()
    before = (root.level, root.handlers[:])
    stream = io.StringIO()
    logs.set_up("info", stream)
    yield stream
    root.setLevel(before[0])
    root.handlers[:] = before[1]


def lines(out: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in out.getvalue().splitlines()]


def test_a_line_bears_level_logger_message_and_extras(out: io.StringIO) -> None:
    logging.getLogger("x.y").warning("made %s", "it", extra={"object": "Service shop/web"})
    (line,) = lines(out)
    assert ("warning", "x.y", "made it", "Service shop/web") == tuple(
        line[k] for k in ("level", "logger", "msg", "object")
    )


def test_what_is_logged_within_a_reconcile_says_which(out: io.StringIO) -> None:
    with logs.about(controller="service", name="shop/web") as reconcile:
        logging.getLogger("x").info("inside")
    logging.getLogger("x").info("outside")
    inside, outside = lines(out)
    assert ("service", "shop/web", reconcile) == (inside["controller"], inside["name"], inside["reconcileID"])
    assert "reconcileID" not in outside


def test_a_traceback_stays_on_the_line(out: io.StringIO) -> None:
    try:
        raise ZeroDivisionError
    except ZeroDivisionError:
        logging.getLogger("x").exception("a bug")
    (line,) = lines(out)
    assert line["traceback"].startswith("Traceback")


def test_debug_is_not_logged_at_level_info(out: io.StringIO) -> None:
    logging.getLogger("x").debug("no")
    logging.getLogger("kopf.objects").info("no")
    assert [] == lines(out)
