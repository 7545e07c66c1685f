"""Once in each sync period everything is compared with AWS, so that what others changed is found.

One key after the other, spread over the period: no burst of calls comes of it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from datetime import timedelta

from aws_lb_controller.reconcile.keys import Key


async def audit(
    period: timedelta,
    *,
    everything: Callable[[], Iterable[Key]],
    look_at: Callable[[Key], None],
    sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
) -> None:
    """Runs until cancelled; a period of zero means never. The first round begins when one period is over."""
    seconds = period.total_seconds()
    if not seconds:
        await asyncio.Event().wait()
    waiting: list[Key] = []
    pause = seconds
    while True:
        await sleep(pause)
        if not waiting:
            waiting = [*everything()]
            pause = seconds / max(1, len(waiting))
        if waiting:
            look_at(waiting.pop())
