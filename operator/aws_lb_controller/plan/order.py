"""In which order steps are carried out: one list of phases, and after one another what needs one another.

This is the only place that knows that AWS refuses to delete what is in use. Whoever wants another order (the new load
balancer before the old one goes, bindings before rules) moves a phase here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from enum import IntEnum, auto

from aws_lb_controller.model.refs import Ref
from aws_lb_controller.plan.steps import Plan, Step, gives, needs


class Phase(IntEnum):
    """The stages of a plan; the members' order is the order of carrying out."""

    BACKEND_SECURITY_GROUP = auto()
    SECURITY_GROUPS = auto()
    TARGET_GROUPS = auto()
    LOAD_BALANCERS = auto()
    """The new one before the old one goes, with target groups of its own: a target group serves one load balancer."""
    FIREWALLS = auto()
    """Before anything listens."""
    COLLIDING_BINDINGS = auto()
    """Old bindings that must be gone before a new one of the same target group can be made."""
    EARLY_BINDINGS = auto()
    """Those of target groups that something which takes requests now is about to move to."""
    TARGETS_REGISTERED = auto()
    """Before that: a request that comes to an empty target group fails."""
    RETIRED_LISTENERS = auto()
    """Before the new ones: listeners, and the rules that go with them, count against the load balancer's quota."""
    LISTENERS = auto()
    RULES = auto()
    """With their deletions: those come last among the rules unless the quota wants them earlier."""
    BINDINGS = auto()
    TRAFFIC_FLOWS = auto()
    """Through a load balancer that replaces another, before the other one goes."""
    REGISTRATIONS = auto()
    """Of load balancers as targets of what stands in front of them: they listen, and take no worse care of requests."""
    FRONTEND_LISTENERS = auto()
    """Those that forward to other load balancers of the stack."""
    FRONTEND_TRAFFIC_FLOWS = auto()
    STATUS = auto()
    """All that is wanted stands: from here on steps are carried out each for itself, and none waits for another."""
    CAPACITY = auto()
    RETIRED_FRONTENDS = auto()
    """Network load balancers, before what may stand behind them."""
    DEREGISTRATIONS = auto()
    """Of load balancers that are targets: AWS deletes none that is registered, nor the listener it is registered by."""
    RETIRED_FRONTEND_TARGET_GROUPS = auto()
    REGISTERED_LISTENERS = auto()
    """Listeners that go and that were targets until now."""
    RETIRED_LOAD_BALANCERS = auto()
    RETIRED_BINDINGS = auto()
    RETIRED_TARGET_GROUPS = auto()
    RETIRED_SECURITY_GROUPS = auto()


Phased = Mapping[Phase, Sequence[Step]]
"""What one noun contributes to a plan."""


def arranged(parts: Iterable[Phased]) -> Plan:
    """All steps, phase by phase, and within a phase each after those that give what it needs."""
    parts = tuple(parts)
    return tuple(
        step for phase in Phase for part in parts if phase in part for step in _after_what_they_need(part[phase])
    )


def _after_what_they_need(steps: Sequence[Step]) -> Sequence[Step]:
    """The steps in their order, but each behind those of them that give what it needs (a cycle is a ValueError)."""
    makers = {ref: step for step in steps if (ref := gives(step)) is not None}
    if not makers:
        return steps
    done: dict[int, Step] = {}
    for step in steps:
        _place(step, makers=makers, done=done, above=())
    return tuple(done.values())


def _place(step: Step, *, makers: Mapping[Ref, Step], done: dict[int, Step], above: tuple[int, ...]) -> None:
    if id(step) in done:
        return
    if id(step) in above:
        raise ValueError(f"steps that need each other: {step!r}")
    for ref in needs(step):
        if ref in makers:
            _place(makers[ref], makers=makers, done=done, above=(*above, id(step)))
    done[id(step)] = step
