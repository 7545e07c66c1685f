"""What every binding needs of the targets' security groups, and which rules are known to be there.

Bindings open what they need, each in its own time; one clean-up revokes what nobody needs. This is the book that both
keep, so that no rule is revoked on which somebody has just begun to rely: a need is entered before the rules are
looked at, and a rule is struck out before it is revoked. Its methods are short and do no I/O.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable

from aws_lb_controller.plan.node_rules import (
    NO_RULES,
    Access,
    Doubt,
    RuleChange,
    Rules,
    change_rules,
    lacking,
    lets_in,
    to_grant,
    together,
)


class AccessLedger:
    """Safe for several threads. restricted: rules for security groups are joined into one range of the ports in use."""

    def __init__(self, *, restricted: bool) -> None:
        self._restricted = restricted
        self._needs: dict[str, Access] = {}
        self._doubted: set[str] = set()
        self._known: dict[str, Rules] = {}
        self._lock = threading.Lock()

    def enter(self, binding: str, access: Access) -> None:
        """The binding needs this from now on, and nothing else.

        Only for whoever registers the binding's targets: nobody else can tell that what it needed has gone.
        """
        with self._lock:
            self._needs[binding] = access
            self._doubted.discard(binding)

    def add(self, binding: str, access: Access) -> None:
        """The binding needs this too; if it was never entered, at least this."""
        with self._lock:
            if binding not in self._needs:
                self._doubted.add(binding)
            self._needs[binding] = _both(self._needs.get(binding, {}), access)

    def enter_if_new(self, binding: str, access: Access) -> None:
        """As `add`, unless the binding is entered already: that may be newer."""
        with self._lock:
            if binding not in self._needs:
                self._needs[binding] = access
                self._doubted.add(binding)

    def doubt(self, binding: str) -> None:
        """The binding may need more than is entered, and nobody can tell what, until it is entered anew."""
        with self._lock:
            self._doubted.add(binding)

    def is_certain(self, binding: str) -> bool:
        """Whether all that the binding needs is entered."""
        with self._lock:
            return binding in self._needs and binding not in self._doubted

    def strike(self, binding: str) -> None:
        """The binding needs nothing any more."""
        with self._lock:
            self._needs.pop(binding, None)
            self._doubted.discard(binding)

    def bindings(self) -> frozenset[str]:
        """Every binding that is entered."""
        with self._lock:
            return frozenset(self._needs)

    def needs_of(self, binding: str) -> Access:
        """What is entered for one binding."""
        with self._lock:
            return self._needs.get(binding, {})

    def wanted(self) -> dict[str, Rules]:
        """All needs together: security group's id → rules."""
        with self._lock:
            return self._together()

    def is_open(self, binding: str) -> bool:
        """Whether all that the binding needs is known to be let in."""
        with self._lock:
            needs = self._needs.get(binding, {})
            return not any(lacking(need, self._known.get(group, NO_RULES)) for group, need in needs.items())

    def lacks(self, binding: str, group: str) -> bool:
        """Whether something that the binding needs in the group is not known to be there."""
        with self._lock:
            return bool(lacking(self._needs.get(binding, {}).get(group, NO_RULES), self._known.get(group, NO_RULES)))

    def to_grant(self, binding: str, group: str, there: Rules) -> Rules:
        """The rules to grant so that the binding has what it needs, joined with what others need. there: just read."""
        with self._lock:
            self._known[group] = there
            joined = self._together().get(group, NO_RULES)
            return to_grant(self._needs.get(binding, {}).get(group, NO_RULES), there, joined=joined)

    def saw(self, group: str, there: Rules) -> None:
        """These are the rules of the group: just read."""
        with self._lock:
            self._known[group] = there

    def granted(self, group: str, rules: Rules) -> None:
        """These are there too, now."""
        with self._lock:
            self._known[group] = self._known.get(group, NO_RULES) | rules

    def settle(self, group: str, there: Rules, *, doubts: Iterable[Doubt] = ()) -> RuleChange:
        """What to do about the group, all needs considered. What is to be revoked is not relied on from here on."""
        with self._lock:
            change = change_rules(self._together().get(group, NO_RULES), there, doubts=doubts)
            self._known[group] = there - change.revoke
            return change

    def serves_nobody(self, group: str, rules: Rules) -> Rules:
        """Those of the rules that let in nothing that anybody needs, not even for want of a better one."""
        with self._lock:
            needs = [need for access in self._needs.values() for need in access.get(group, NO_RULES)]
            return frozenset(rule for rule in rules if not any(lets_in((rule,), need) for need in needs))

    def known_groups(self) -> frozenset[str]:
        """Every group whose rules were ever read."""
        with self._lock:
            return frozenset(self._known)

    def forget_group(self, group: str) -> None:
        """The group does not exist any more."""
        with self._lock:
            self._known.pop(group, None)

    def _together(self) -> dict[str, Rules]:
        return together(self._needs.values(), restricted=self._restricted)


def _both(one: Access, other: Access) -> Access:
    return {g: one.get(g, NO_RULES) | other.get(g, NO_RULES) for g in {*one, *other}}
