"""Members of IngressGroups that AWS refused: whoever stays as it was then is not tried again at once.

What is made for a member before AWS refuses the rest of it is taken away again, and that wakes the group: without a
pause the two would go on for ever. An edit of the member ends the pause.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from aws_lb_controller.errors import ControllerError
from aws_lb_controller.intent.ingress_member import MemberIntent

FIRST_SECONDS = 30.0
"""After the second refusal; the first may have had to do with what was under way."""
LONGEST_SECONDS = 960.0


@dataclass(frozen=True, slots=True)
class _Refusal:
    asked: MemberIntent
    error: ControllerError
    times: int
    until: float


class Refusals:
    """For the one worker that has a group at a time; clock gives seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._refused: dict[tuple[str, str], _Refusal] = {}

    def note(self, group: str, member: str, *, asked: MemberIntent, error: ControllerError) -> None:
        """AWS refused what the member asked for."""
        before = self._refused.get((group, member))
        times = before.times + 1 if before and before.asked == asked else 1
        pause = min(LONGEST_SECONDS, FIRST_SECONDS * 2 ** (times - 2)) if times > 1 else 0.0
        self._refused[group, member] = _Refusal(asked, error, times, self._clock() + pause)

    def of(self, group: str, member: str, *, asked: MemberIntent) -> ControllerError | None:
        """Why the member is not to be tried now; None if it is."""
        refusal = self._refused.get((group, member))
        if refusal is None or refusal.asked != asked or self._clock() >= refusal.until:
            return None
        return refusal.error

    def forget(self, group: str, members: Iterable[str]) -> None:
        """They got what they asked for, or are gone."""
        for member in members:
            self._refused.pop((group, member), None)
