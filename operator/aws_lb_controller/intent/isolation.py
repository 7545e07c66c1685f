"""One broken member of an IngressGroup hurts only itself.

A member that cannot be built is set aside: in its place counts what it last gave the load balancer, its rules with
everything else, so that nothing of it changes in AWS until it is mended. One that never gave anything does not count.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Set
from dataclasses import dataclass, field, fields, replace
from typing import Any

from aws_lb_controller.errors import ControllerError, Problem
from aws_lb_controller.intent.ingress_member import MemberIntent, MemberListener
from aws_lb_controller.intent.values import Blame, StackIntent
from aws_lb_controller.model.load_balancer import FRONTEND

Recall = Callable[[str], MemberIntent | None]
"""What a member (``namespace/name``) last gave the load balancer; None: nothing."""

Said = Mapping[str, object]
"""What a member asks for of something that all share, without what it is silent about."""

_ITS_OWN = frozenset(
    {
        "name",
        "order",
        "listeners",
        "rules",
        "target_groups",
        "default_actions",
        "warnings",
        "listen_blame",
        "tags_blame",
    }
)
"""Fields of a member that are not about the load balancer itself."""
_OWNED = frozenset({"TargetGroup", "Rule", "Certificate"})
_ASPECTS: Mapping[str, frozenset[str]] = {
    "attributes": frozenset({"attributes", "frontend"}),
    "capacity": frozenset({"capacity_units", "class_capacity_units"}),
    "frontend": frozenset({"frontend"}),
    "ip_address_type": frozenset({"ip_address_type"}),
    "place": frozenset({"scheme", "subnets", "ip_address_type", "frontend"}),
    "ip_pools": frozenset({"ipam_pool", "class_ipam_pool"}),
    "security_groups": frozenset({"security_groups", "manage_backend_rules", "frontend"}),
    "subnets": frozenset({"subnets", "frontend"}),
    "tags": frozenset({"tags", "frontend"}),
}
"""What of a load balancer (``plan.steps.concerns``) comes from which fields of its members."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """Who makes up a group for now. fresh: members as they are written; aside: what is wrong with each of the others;
    last: what those last gave. All by ``namespace/name``.
    """

    fresh: Mapping[str, MemberIntent]
    aside: Mapping[str, ControllerError] = field(default_factory=dict)
    last: Mapping[str, MemberIntent] = field(default_factory=dict)

    @property
    def members(self) -> tuple[MemberIntent, ...]:
        """All that count."""
        return (*self.fresh.values(), *self.last.values())

    def set_aside(self, wrong: Mapping[str, ControllerError], recall: Recall) -> Draft:
        """The same group without what these members are now."""
        last = {name: gave for name in wrong if (gave := recall(name)) is not None}
        return replace(
            self,
            fresh={name: member for name, member in self.fresh.items() if name not in wrong},
            aside={**self.aside, **wrong},
            last={**self.last, **last},
        )

    def to_blame(self, problems: Iterable[Problem], recall: Recall) -> Mapping[str, tuple[Problem, ...]]:
        """Which fresh members are the cause of which problems; empty if one of the problems has no such cause.

        Where somebody's own value is wrong, that alone is told: without it, what members want together may go well.
        Of a problem that names nobody they are the cause who now ask for another place for the load balancer.
        """
        problems = tuple(problems)
        own = [(problem, whose) for problem in problems if (whose := self._whose_own(problem))]
        causes = own or [(problem, self._causes_together(problem, recall)) for problem in problems]
        if not all(names for _, names in causes):
            return {}
        found: dict[str, dict[Problem, None]] = {}
        for problem, names in causes:
            for name in names:
                found.setdefault(name, {})[problem] = None
        return {name: tuple(those) for name, those in found.items()}

    def _whose_own(self, problem: Problem) -> Set[str]:
        kind, _, name = problem.object.partition(" ")
        if kind == "Service" and not problem.member:
            return {m.name for m in self.fresh.values() if name in _services(m)}
        if _is_of_two(problem):
            return frozenset()
        return {problem.member or name} & self.fresh.keys()

    def _causes_together(self, problem: Problem, recall: Recall) -> Set[str]:
        """Of two whose wishes do not go together, the one who came to it; both did, or neither: who suffers by it."""
        _, _, name = problem.object.partition(" ")
        two = {name, problem.member} & self.fresh.keys()
        changed = two & self._all_changed("LoadBalancer", "place", recall)
        if len(changed) == 1:
            return changed
        return {problem.member} & self.fresh.keys() or self._changed("LoadBalancer", "place", recall)

    def to_blame_for(self, intent: StackIntent, about: tuple[str, str] | None, recall: Recall) -> Set[str]:
        """Which fresh members are the cause that AWS does not take something; empty if it cannot be told.

        intent: what the members became together. about: what AWS refuses (``errors.AwsError.about``); None: anything.
        What is one member's own is that member's fault, unless it gave just that before. For what all share, those are
        to blame who ask for something else than they last did: first they who speak of it at all, then they who came
        to it.
        """
        kind, name = about or ("LoadBalancer", "")
        if _is_before_the_group(name):
            kind, name = "LoadBalancer", "frontend"
        if kind in _OWNED:
            owners = _owners(intent, self.fresh.values(), kind, name) & self.fresh.keys()
            if changed := {owner for owner in owners if _own(self.fresh[owner], kind) != _own(recall(owner), kind)}:
                return changed
            kind, name = "LoadBalancer", ""
        return self._changed(kind, name, recall)

    def _changed(self, kind: str, name: str, recall: Recall) -> Set[str]:
        changed = self._all_changed(kind, name, recall)
        loud = {member for member in changed if _said(self.fresh[member], kind, name)}
        return loud or (changed if len(changed) < len(self.fresh) else set())

    def _all_changed(self, kind: str, name: str, recall: Recall) -> Set[str]:
        return {m.name for m in self.fresh.values() if _said(m, kind, name) != _last(m, kind, name, recall)}


def _is_of_two(problem: Problem) -> bool:
    """Whether one member's value does not go with another's (`build.problems.suffered_by`)."""
    return bool(problem.member) and problem.object.startswith(("Ingress ", "IngressGroup "))


def _is_before_the_group(name: str) -> bool:
    """Whether a listener or target group is that of the NLB in front."""
    return name.startswith(f"{FRONTEND}-")


# -- what is one member's own


def _owners(intent: StackIntent, members: Iterable[MemberIntent], kind: str, resource: str) -> Set[str]:
    if kind == "TargetGroup":
        return {group.owner for group in intent.target_groups if group.id == resource}
    if kind == "Certificate":
        return {m.name for m in members if any(resource in x.certificates for x in m.listeners)}
    port, _, priority = resource.partition(":")
    return {x.rules[int(priority) - 1].owner for x in intent.listeners if str(x.port) == port}


def _own(member: MemberIntent | None, kind: str) -> object:
    """What of a member becomes resources of this kind."""
    if member is None or kind == "TargetGroup":
        return member and member.target_groups
    if kind == "Certificate":
        return [listener.certificates for listener in member.listeners]
    return member.rules, [listener.port for listener in member.listeners]


def _services(member: MemberIntent) -> set[str]:
    return {f"{group.service.namespace}/{group.service.name}" for group in member.target_groups}


# -- what all share


def _last(member: MemberIntent, kind: str, name: str, recall: Recall) -> Said | None:
    gave = recall(member.name)
    return None if gave is None else _said(gave, kind, name)


def _said(member: MemberIntent, kind: str, name: str) -> Said | None:
    """None where the member has no part in it."""
    if kind == "Listener":
        return _of_listener(member, name)
    if kind == "SecurityGroup":
        who = {str(x.port): (x.cidrs, x.prefix_lists) for x in member.listeners}
        return {port: may_enter for port, may_enter in who.items() if may_enter != (None, None)}
    said = dict(_spoken(member, _SILENT, but=_ITS_OWN))
    if name in _ASPECTS:
        return {key: value for key, value in said.items() if key in _ASPECTS[name]}
    of_listeners = {str(x.port): _of_listener(member, str(x.port)) for x in member.listeners}
    return {**said, **{port: spoken for port, spoken in of_listeners.items() if spoken}}


def _of_listener(member: MemberIntent, port: str) -> Said | None:
    listener = next((x for x in member.listeners if str(x.port) == port), None)
    if listener is None:
        return None
    silent = MemberListener(port=listener.port, protocol="HTTP")
    own = {"default_actions": member.default_actions, "tags": member.tags}
    return {**dict(_spoken(listener, silent)), **{key: value for key, value in own.items() if value}}


def _spoken(value: Any, silent: Any, *, but: Set[str] = frozenset()) -> Iterator[tuple[str, object]]:
    names = (f.name for f in fields(value) if f.name not in but)
    return ((name, getattr(value, name)) for name in names if getattr(value, name) != getattr(silent, name))


_NOBODY = Blame(object="", field="")
_SILENT = MemberIntent(name="", order=0, listeners=(), listen_blame=_NOBODY, tags_blame=_NOBODY)
