"""How far property tests look.

`make test` tries the same examples each time, so that it says something of the change at hand; `make explore` tries
others each time, and many more, to find what nobody thought of.
"""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

_TIMES = int(os.environ.get("EXPLORE", "0"))


def examples(number: int) -> int:
    """How many examples a property test tries, in place of this many."""
    return number * max(_TIMES, 1)


def set_up() -> None:
    """What holds for every property test. How long an example takes says more of the machine than of the code."""
    settings.register_profile(
        "any-machine",
        deadline=None,
        derandomize=not _TIMES,
        max_examples=examples(100),
        suppress_health_check=[HealthCheck.too_slow],
    )
    settings.load_profile("any-machine")
