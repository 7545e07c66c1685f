"""Whether a new load balancer carries traffic no worse than the one it replaces, by what AWS says of both."""

from __future__ import annotations

from collections import Counter

DRAINING = frozenset({"draining", "unhealthy.draining"})
"""States of a target (``TargetHealth.State``) that is on its way out."""


def why_not_yet(state: str, *, new: Counter[str], old: Counter[str]) -> str | None:
    """What is still to come before the old load balancer may go; None if nothing is.

    state: the new one's ``State.Code``; new, old: how many targets behind each are in which ``TargetHealth.State``.
    """
    if state == "provisioning":
        return "it is provisioning"
    if new["initial"]:
        return f"the first health checks of {new['initial']} targets are under way"
    if old["healthy"] and not new["healthy"]:
        return "no target behind it is healthy, and behind the old one some are"
    return None
