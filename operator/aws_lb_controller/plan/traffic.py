"""Whether a new load balancer carries traffic no worse than the one it replaces, by what AWS says of both."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

DRAINING = frozenset({"draining", "unhealthy.draining"})
"""States of a target (``TargetHealth.State``) that is on its way out."""


_TAKES_REQUESTS = frozenset({"active", "active_impaired"})


def why_not_yet(state: str, *, new: Sequence[Counter[str]], old: Sequence[Counter[str]]) -> str | None:
    """What is still to come before the old load balancer may go; None if nothing is.

    state: the new one's ``State.Code``; new, old: for each target group behind it, how many targets are in which
    ``TargetHealth.State``. Which group stands for which is not asked: as many as serve behind the old one are to serve
    behind the new one, or all of those that have targets, if these are fewer.
    """
    if state not in _TAKES_REQUESTS:
        return f"it is {state}"
    if checked := sum(group["initial"] for group in new):
        return f"the first health checks of {checked} targets are under way"
    served, serving = _serving(old), _serving(new)
    wanted = min(served, max(1, sum(1 for group in new if group.total())))
    if serving < wanted:
        return f"{serving} target groups behind it have healthy targets, and behind the old one {served} have"
    return None


def _serving(groups: Sequence[Counter[str]]) -> int:
    return sum(1 for group in groups if group["healthy"])
