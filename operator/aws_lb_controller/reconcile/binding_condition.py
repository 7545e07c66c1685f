"""The condition ``Ready`` of a TargetGroupBinding that cannot be let go: why its deletion hangs stands on the object,
where it is still found when the Events have expired.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from aws_lb_controller.api.names import Reason
from aws_lb_controller.reconcile.ports import Obj

_LONGEST_MESSAGE = 32768
_COMPARED = ("status", "reason", "message", "observedGeneration")


def with_failed_cleanup(obj: Obj, message: str, *, now: datetime) -> list[Mapping[str, Any]]:
    """The binding's ``status.conditions``, with that of the failure; as they are where it is among them.

    now: in UTC.
    """
    held = (obj.get("status") or {}).get("conditions") or []
    condition = {
        "type": "Ready",
        "status": "False",
        "reason": Reason.FAILED_CLEANUP.value,
        "message": message[:_LONGEST_MESSAGE],
        "observedGeneration": obj["metadata"].get("generation", 0),
        "lastTransitionTime": now.strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
    before = next((each for each in held if each.get("type") == condition["type"]), None)
    if before is not None and all(before.get(field) == condition[field] for field in _COMPARED):
        return list(held)
    return [condition if each is before else each for each in held] + ([condition] if before is None else [])
