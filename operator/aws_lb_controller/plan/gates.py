"""Pod readiness gates: what the condition by which a pod waits for its targets is to say, and how soon to ask again.

All of it is about values: what AWS says of targets, and conditions as the pod's status has them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Literal

QUICK_SECONDS = 1.5
"""How soon a pod that has just begun to wait is asked for again."""
PART_OF_THE_WAIT = 0.1
"""Later the pause is this part of the wait: nobody waits for much longer than the target took to become healthy."""
SLOW_SECONDS = 30.0
CALLS_PER_SECOND = 5.0
"""What all who wait may ask together. AWS allows 10 reads a second for the account and region, after a burst of 40."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetHealth:
    """``TargetHealth`` of DescribeTargetHealth; reason and description are "" where AWS says nothing, as of a healthy
    target.
    """

    state: str
    reason: str = ""
    description: str = ""

    @property
    def healthy(self) -> bool:
        """Whether the target takes requests and passes its checks."""
        return self.state == "healthy"


_NOT_THERE = frozenset({"Target.NotRegistered", "Target.DeregistrationInProgress"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """A condition of ``status.conditions``. since: its ``lastTransitionTime``, None while there is no condition."""

    status: Literal["True", "False", "Unknown", ""] = ""
    reason: str = ""
    message: str = ""
    since: str | None = None

    @property
    def open(self) -> bool:
        """Whether the pod waits for it no more."""
        return self.status == "True"

    def says(self, other: Gate) -> bool:
        """Whether both say the same, whenever they began to."""
        return (self.status, self.reason, self.message) == (other.status, other.reason, other.message)


REGISTERED_JUST_NOW = Gate(
    status="False", reason="Elb.RegistrationInProgress", message="Target registration is in progress"
)
"""What AWS would say of the target, so that it need not be asked at once."""


def gate_for(healths: Iterable[TargetHealth]) -> Gate | None:
    """What the gate of a pod is to say whose targets (one for each port) are so: open if all of them are healthy, else
    what is said of the first that is not. None if there is none, or one has left meanwhile.
    """
    known = [*healths]
    if not known or any(health.reason in _NOT_THERE for health in known):
        return None
    told = next((health for health in known if not health.healthy), known[0])
    return Gate(status="True" if told.healthy else "False", reason=told.reason, message=told.description)


def pause(waited: float) -> float:
    """Seconds until a binding is asked for again whose newest pod has waited so long."""
    return min(SLOW_SECONDS, max(QUICK_SECONDS, waited * PART_OF_THE_WAIT))


def stretched(own: float, others: Collection[float], *, slower: float = 1.0) -> float:
    """The pause of one of several bindings, so that all of them keep to their share of AWS's calls. slower: than that
    share by this factor, because AWS has asked for fewer calls.
    """
    calls = sum(1 / each for each in (own, *others))
    return own * max(1.0, calls * slower / CALLS_PER_SECOND)
