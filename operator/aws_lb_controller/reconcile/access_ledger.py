"""What every binding needs of the targets' security groups, and which rules are known to be there.

Bindings open what they need, each in its own time; one clean-up revokes what nobody needs. This is the book that both
keep, so that no rule is revoked on which somebody has just begun to rely: a need is entered before the rules are
looked at, and a rule is struck out before it is revoked. It also tells the clean-up which groups to look at: what is
known of the others says already that nothing is to be done. Its methods are short and do no I/O.
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
        self._unsure: set[str] = set()
        self._lock = threading.Lock()

    def enter(self, binding: str, access: Access) -> None:
        """The binding needs this from now on, and nothing else.

        Only for whoever registers the binding's targets: nobody else can tell that what it needed has gone.
        """
        with self._lock:
            self._replace(binding, access)
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
            self._replace(binding, {})
            del self._needs[binding]
            self._doubted.discard(binding)

    def knows(self, binding: str) -> bool:
        """Whether the binding is entered."""
        with self._lock:
            return binding in self._needs

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
            joined = self._wanted_in(group)
            return to_grant(self._needs.get(binding, {}).get(group, NO_RULES), there, joined=joined)

    def saw(self, group: str, there: Rules) -> None:
        """These were the rules of the group when it was read, while others might change it.

        Where something else is known, either may be the newer: the group is to be looked at.
        """
        with self._lock:
            if self._known.setdefault(group, there) != there:
                self._unsure.add(group)

    def distrust(self, group: str) -> None:
        """What is known of the group may be wrong: it is to be looked at."""
        with self._lock:
            self._unsure.add(group)

    def unsettled(self, doubts: Iterable[Doubt] = ()) -> frozenset[str]:
        """The groups to look at, all needs considered: where something is to be granted or revoked, as far as is known,
        or where there may be more than is known.
        """
        doubts = tuple(doubts)
        with self._lock:
            wanted = self._together()
            return frozenset(self._unsure).union(
                group
                for group in {*wanted, *self._known}
                if change_rules(wanted.get(group, NO_RULES), self._known.get(group, NO_RULES), doubts=doubts)
            )

    def granted(self, group: str, rules: Rules) -> None:
        """These are there too, now."""
        with self._lock:
            self._known[group] = self._known.get(group, NO_RULES) | rules

    def settle(self, group: str, there: Rules, *, doubts: Iterable[Doubt] = ()) -> RuleChange:
        """What to do about the group, all needs considered. What is to be revoked is not relied on from here on.

        there: just read, while nobody else might change the group.
        """
        with self._lock:
            change = change_rules(self._wanted_in(group), there, doubts=doubts)
            self._known[group] = there - change.revoke
            self._unsure.discard(group)
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
            self._unsure.discard(group)

    def _replace(self, binding: str, access: Access) -> None:
        """What the binding needs no more, and nobody else, may be in AWS though it is not known to be: a call that
        granted it may have failed as far as we were told, or was not seen yet when the group was read.
        """
        before = self._needs.get(binding, {})
        self._needs[binding] = access
        freed = {group: rules - access.get(group, NO_RULES) for group, rules in before.items()}
        self._unsure.update(group for group, rules in freed.items() if rules - self._needed_in(group, rules))

    def _needed_in(self, group: str, rules: Rules) -> Rules:
        """Those of the rules that some binding needs just so."""
        return NO_RULES.union(*(rules & access.get(group, NO_RULES) for access in self._needs.values() if rules))

    def _together(self) -> dict[str, Rules]:
        return together(self._needs.values(), restricted=self._restricted)

    def _wanted_in(self, group: str) -> Rules:
        """All needs together in one group: there may be many, and registering waits for the lock."""
        there = ({group: access[group]} for access in self._needs.values() if group in access)
        return together(there, restricted=self._restricted).get(group, NO_RULES)


def _both(one: Access, other: Access) -> Access:
    return {g: one.get(g, NO_RULES) | other.get(g, NO_RULES) for g in {*one, *other}}
