"""Listener rules, with as few calls as AWS allows and without a moment in which a rule that stays is missing.

A rule is what it does (conditions, actions, transforms); its priority is where it stands. For each listener:

1. what does the right thing in the right place is left alone;
2. what does the right thing elsewhere is moved there, all moves in one SetRulePriorities, which AWS carries out at
   once; rules that are in the way and will be deleted are sent to the end by the same call;
3. where the right place holds something that nothing wants, that rule is modified in place;
4. what is still missing is created, and what nothing wants is deleted: afterwards, unless that would go past the quota.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from aws_lb_controller.model.listener import Rule
from aws_lb_controller.model.observed import ObservedStack, Seen
from aws_lb_controller.model.refs import Value
from aws_lb_controller.model.stack import Stack
from aws_lb_controller.plan import canon, match
from aws_lb_controller.plan.order import Phase, Phased
from aws_lb_controller.plan.policy import Terms
from aws_lb_controller.plan.steps import CreateRule, DeleteRule, ModifyRule, SetRulePriorities, Step
from aws_lb_controller.plan.tags import set_tags

QUOTA = 100
"""AWS's quota "Rules per Application Load Balancer" where nobody has raised it (default rules do not count)."""

LAST_PRIORITY = 50_000

Pair = tuple[Rule, Seen[Rule]]


@dataclass(slots=True)
class _Listener:
    """What becomes of one listener's rules."""

    stay: list[Pair] = field(default_factory=list)
    move: list[Pair] = field(default_factory=list)
    modify: list[Pair] = field(default_factory=list)
    create: list[Rule] = field(default_factory=list)
    delete: list[Seen[Rule]] = field(default_factory=list)


def changes(wanted: Stack, observed: ObservedStack, terms: Terms) -> Phased:
    """The steps for the rules of the listeners that stay or come; `wanted` has its known references resolved."""
    listeners = [_sorted_out(rules, seen) for rules, seen in _by_listener(wanted, observed)]
    steps: list[Step] = [step for listener in listeners for step in _moves(listener)]
    steps += [step for listener in listeners for step in _modifications(listener)]
    steps += _swapped(
        [rule for listener in listeners for rule in listener.create],
        [seen for listener in listeners for seen in listener.delete],
        there=sum(len(x.stay) + len(x.move) + len(x.modify) + len(x.delete) for x in listeners),
    )
    steps += [step for listener in listeners for step in _tags(listener, terms)]
    return {Phase.RULES: steps}


def _by_listener(wanted: Stack, observed: ObservedStack) -> Iterator[tuple[list[Rule], list[Seen[Rule]]]]:
    want: defaultdict[Value, list[Rule]] = defaultdict(list)
    for rule in wanted.rules:
        want[rule.listener].append(rule)
    there: defaultdict[Value, list[Seen[Rule]]] = defaultdict(list)
    for seen in observed.rules:
        there[seen.resource.listener].append(seen)
    kept = [seen.arn for _, seen in match.listeners(wanted, observed).pairs]
    for listener in dict.fromkeys([*want, *kept]):
        yield want.get(listener, []), there.get(listener, [])


def _sorted_out(wanted: Sequence[Rule], seen: Iterable[Seen[Rule]]) -> _Listener:
    out = _Listener()
    left = {one.resource.priority: one for one in sorted(seen, key=lambda s: s.resource.priority)}
    content = {priority: canon.rule(one.resource) for priority, one in left.items()}
    wants = [(rule, canon.rule(rule)) for rule in sorted(wanted, key=lambda r: r.priority)]

    elsewhere = []
    for rule, does in wants:
        if rule.priority in left and content[rule.priority] == does:
            out.stay.append((rule, left.pop(rule.priority)))
        else:
            elsewhere.append((rule, does))

    homeless = []
    places = _places(content, left)
    for rule, does in elsewhere:
        if places.get(does):
            out.move.append((rule, left.pop(places[does].pop(0))))
        else:
            homeless.append(rule)

    for rule in homeless:
        if rule.priority in left:
            out.modify.append((rule, left.pop(rule.priority)))
        else:
            out.create.append(rule)
    out.delete.extend(left.values())
    return out


def _places(content: dict[int, tuple[Hashable, ...]], left: Iterable[int]) -> dict[tuple[Hashable, ...], list[int]]:
    """Content → the priorities it stands at, among those that are left."""
    places: dict[tuple[Hashable, ...], list[int]] = {}
    for priority in left:
        places.setdefault(content[priority], []).append(priority)
    return places


def _moves(listener: _Listener) -> Iterator[Step]:
    if not listener.move:
        return
    priorities = {seen.arn: rule.priority for rule, seen in listener.move}
    targets = set(priorities.values())
    in_the_way = [seen for seen in listener.delete if seen.resource.priority in targets]
    yield SetRulePriorities(
        priorities=priorities | dict(zip(_arns(in_the_way), _free_from_the_end(listener), strict=False))
    )


def _arns(seen: Iterable[Seen[Rule]]) -> list[str]:
    return [one.arn for one in seen]


def _free_from_the_end(listener: _Listener) -> Iterator[int]:
    """Priorities that nothing holds or will hold, from the last one up."""
    pairs = [*listener.stay, *listener.move, *listener.modify]
    taken = {rule.priority for rule, _ in pairs} | {rule.priority for rule in listener.create}
    taken |= {seen.resource.priority for _, seen in pairs} | {seen.resource.priority for seen in listener.delete}
    return (priority for priority in range(LAST_PRIORITY, 0, -1) if priority not in taken)


def _modifications(listener: _Listener) -> Iterator[Step]:
    for rule, seen in listener.modify:
        yield ModifyRule(arn=seen.arn, rule=rule, changed=tuple(_changed(rule, seen.resource)))


def _changed(wanted: Rule, seen: Rule) -> Iterator[str]:
    for name, now, then in zip(
        ("conditions", "actions", "transforms"), canon.rule(wanted), canon.rule(seen), strict=True
    ):
        if now != then:
            yield name


def _swapped(create: Sequence[Rule], delete: Sequence[Seen[Rule]], *, there: int) -> Iterator[Step]:
    """Creations, then deletions; but never more rules at a time than the quota allows (or than there are already)."""
    room = max(QUOTA, there) - there
    going = iter(delete)
    for rule in create:
        if room > 0:
            room -= 1
        elif (seen := next(going, None)) is not None:
            yield DeleteRule(arn=seen.arn)
        yield CreateRule(rule=rule)
    for seen in going:
        yield DeleteRule(arn=seen.arn)


def _tags(listener: _Listener, terms: Terms) -> Iterator[Step]:
    """The resource tag names the priority, so a rule that moved needs a new one."""
    for rule, seen in (*listener.stay, *listener.move, *listener.modify):
        yield from set_tags("elbv2", rule, seen, terms=terms)
