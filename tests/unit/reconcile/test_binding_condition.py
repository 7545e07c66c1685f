"""The condition of a TargetGroupBinding that cannot be let go."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from aws_lb_controller.reconcile.binding_condition import with_failed_cleanup

NOON, LATER = datetime(2026, 1, 1, 12, tzinfo=UTC), datetime(2026, 1, 1, 13, tzinfo=UTC)
OTHER = {"type": "Other", "status": "True"}


def a_binding(conditions: list[Any], *, generation: int = 2) -> dict[str, Any]:
    return {"metadata": {"generation": generation}, "status": {"conditions": conditions}}


def test_the_failure_stands_beside_the_conditions_of_others() -> None:
    expected = {
        "type": "Ready",
        "status": "False",
        "reason": "FailedCleanup",
        "message": "no permission",
        "observedGeneration": 2,
        "lastTransitionTime": "2026-01-01T12:00:00Z",
    }
    assert [OTHER, expected] == with_failed_cleanup(a_binding([OTHER]), "no permission", now=NOON)


def test_the_same_failure_again_changes_nothing() -> None:
    told = with_failed_cleanup(a_binding([OTHER]), "no permission", now=NOON)
    assert told == with_failed_cleanup(a_binding(told), "no permission", now=LATER)


def test_another_failure_takes_the_place_of_the_first() -> None:
    first = with_failed_cleanup(a_binding([]), "no permission", now=NOON)
    (second, other) = with_failed_cleanup(a_binding([*first, OTHER]), "throttled", now=LATER)
    assert ("throttled", "2026-01-01T13:00:00Z", OTHER) == (second["message"], second["lastTransitionTime"], other)


def test_a_message_is_no_longer_than_the_api_server_takes() -> None:
    (condition,) = with_failed_cleanup(a_binding([]), "x" * 40000, now=NOON)
    assert 32768 == len(condition["message"])
