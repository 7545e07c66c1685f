"""A line of the log is JSON and says what it is about."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from aws_lb_controller.reconcile.keys import Key
from aws_lb_controller.runtime import logs
from log_capture import Lines, logging_at


@pytest.fixture
def out() -> Iterator[Lines]:
    with logging_at("info") as lines:
        yield lines


def test_a_line_bears_level_logger_message_and_extras(out: Lines) -> None:
    logging.getLogger("x.y").warning("made %s", "it", extra={"object": "Service shop/web"})
    (line,) = out()
    assert ("warning", "x.y", "made it", "Service shop/web") == tuple(
        line[k] for k in ("level", "logger", "msg", "object")
    )


def test_what_is_logged_within_a_reconcile_says_which(out: Lines) -> None:
    with logs.about(controller="service", name="shop/web") as reconcile:
        logging.getLogger("x").info("inside")
    logging.getLogger("x").info("outside")
    inside, outside = out()
    assert ("service", "shop/web", reconcile) == (inside["controller"], inside["name"], inside["reconcileID"])
    assert "reconcileID" not in outside


def test_a_traceback_stays_on_the_line(out: Lines) -> None:
    try:
        raise ZeroDivisionError
    except ZeroDivisionError:
        logging.getLogger("x").exception("a bug")
    (line,) = out()
    assert line["traceback"].startswith("Traceback")


OURS = "aws_lb_controller.somewhere"


def test_debug_is_not_logged_at_level_info(out: Lines) -> None:
    logging.getLogger(OURS).debug("no")
    logging.getLogger("kopf.objects").info("no")
    assert [] == out()


def test_at_level_debug_our_own_code_speaks_and_libraries_do_not_for_they_would_log_secrets() -> None:
    with logging_at("debug") as out:
        logging.getLogger(OURS).debug("yes")
        for library in ("kubernetes.client.rest", "botocore.endpoint", "boto3", "urllib3.connectionpool", "kopf.x"):
            logging.getLogger(library).debug("no")
        assert ["yes"] == [line["msg"] for line in out()]


def test_a_level_that_nobody_knows_means_info() -> None:
    with logging_at("warn") as out:
        logging.getLogger(OURS).info("yes")
        logging.getLogger(OURS).debug("no")
        assert ["yes"] == [line["msg"] for line in out()]


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        (Key("service", "shop/web"), {"kind": "Service", "name": "shop/web"}),
        (Key("ingress-group", "shop/web"), {"kind": "Ingress", "name": "shop/web"}),
        (Key("ingress-group", "shared"), {"kind": "IngressGroup", "name": "shared"}),
        (Key("binding", "shop/tgb"), {"kind": "TargetGroupBinding", "name": "shop/tgb"}),
        (Key("pod-readiness", "shop/tgb"), {"kind": "TargetGroupBinding", "name": "shop/tgb"}),
        (Key("node-security-groups"), {"name": ""}),
    ],
)
def test_a_key_is_told_as_the_object_that_it_is_about(key: Key, expected: dict[str, str]) -> None:
    assert expected == logs.object_of(key)


def test_every_line_says_when_it_was_written_in_utc(out: Lines) -> None:
    before = datetime.now(UTC)
    logging.getLogger("x").info("now")
    assert before - timedelta(milliseconds=1) <= datetime.fromisoformat(out()[0]["ts"]) <= datetime.now(UTC)
