"""Which inbound rules the targets' security groups need, all bindings together, and how to get there without a gap.

The groups are others' (of node groups, of pods), so only rules that bear our description are ever revoked. Rules for
load balancers' security groups are joined into one range of ports per protocol and source, from the lowest to the
highest port of all bindings: a security group may have only few rules. Networks are left as they are.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from aws_lb_controller.model.binding import NetworkingPeer, NetworkingPort, NetworkingRule
from aws_lb_controller.model.security_group import IngressRule, Source

DESCRIPTION = "elbv2.k8s.aws/targetGroupBinding=shared"
"""Description of every rule that is ours."""

Rules = frozenset[IngressRule]
Access = Mapping[str, Rules]
"""What one binding needs: endpoint security group's id → rules."""

NO_RULES: Rules = frozenset()
PortsByName = Callable[[str], Iterable[int]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Doubt:
    """A binding of which it is not known, for now, what it needs where: rules that might be its own are kept.

    sources: pairs of protocol and source that it names, None if not even that is known.
    """

    binding: str
    sources: frozenset[tuple[str, Source]] | None

    def may_need(self, rule: IngressRule) -> bool:
        """Whether the rule might be there for this binding."""
        return self.sources is None or (rule.protocol, rule.source) in self.sources


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleChange:
    """What to do to one security group: first grant, then revoke."""

    grant: Rules = NO_RULES
    revoke: Rules = NO_RULES

    def __bool__(self) -> bool:
        return bool(self.grant or self.revoke)


def rules_of(networking: Iterable[NetworkingRule], ports_by_name: PortsByName) -> Rules:
    """The rules that a binding's networking asks for in one security group.

    ports_by_name gives the numbers that a named port has on the pods behind that group; each becomes a rule. A
    networking rule without any port opens nothing, a port without number all ports of its protocol.
    """
    return frozenset(
        IngressRule(
            protocol=_protocol(port), from_port=first, to_port=last, source=source_of(peer), description=DESCRIPTION
        )
        for rule in networking
        for peer in rule.peers
        for port in rule.ports
        for first, last in _ranges(port, ports_by_name)
    )


def sources_of(networking: Iterable[NetworkingRule]) -> frozenset[tuple[str, Source]]:
    """The pairs of protocol and source that a binding's networking names."""
    return frozenset(
        (_protocol(port), source_of(peer)) for rule in networking for peer in rule.peers for port in rule.ports
    )


def source_of(peer: NetworkingPeer) -> Source:
    """The peer as a rule's source."""
    if peer.security_group is not None:
        return Source("security-group", peer.security_group)
    cidr = peer.cidr or ""
    return Source("ipv6" if ":" in cidr else "ipv4", cidr)


def _protocol(port: NetworkingPort) -> str:
    return (port.protocol or "tcp").lower()


def _ranges(port: NetworkingPort, ports_by_name: PortsByName) -> Iterator[tuple[int, int]]:
    match port.port:
        case None:
            yield (0, 65535)
        case str(name):
            yield from ((number, number) for number in ports_by_name(name))
        case number:
            yield (number, number)


def together(accesses: Iterable[Access], *, restricted: bool) -> dict[str, Rules]:
    """What all bindings need: endpoint security group's id → rules. Not restricted: nothing is joined."""
    needed: dict[str, set[IngressRule]] = {}
    for access in accesses:
        for group, rules in access.items():
            needed.setdefault(group, set()).update(rules)
    return {group: frozenset(_joined(rules) if restricted else rules) for group, rules in needed.items()}


def _joined(rules: Iterable[IngressRule]) -> Iterator[IngressRule]:
    spans: dict[tuple[str, Source], IngressRule] = {}
    for rule in rules:
        if rule.source.kind != "security-group":
            yield rule
            continue
        span = spans.setdefault((rule.protocol, rule.source), rule)
        spans[rule.protocol, rule.source] = dataclasses.replace(
            span, from_port=min(_first(span), _first(rule)), to_port=max(_last(span), _last(rule))
        )
    yield from spans.values()


def _first(rule: IngressRule) -> int:
    return 0 if rule.from_port is None else rule.from_port


def _last(rule: IngressRule) -> int:
    return 65535 if rule.to_port is None else rule.to_port


def permission(rule: IngressRule) -> IngressRule:
    """The rule without its description: what EC2 tells rules apart by."""
    return dataclasses.replace(rule, description="")


def is_ours(rule: IngressRule) -> bool:
    """Whether the rule bears our description."""
    return rule.description == DESCRIPTION


def lets_in(there: Iterable[IngressRule], need: IngressRule) -> bool:
    """Whether rules let in what `need` does: one of ours with at least its ports, or the very same of others."""
    return any(
        rule.protocol == need.protocol
        and rule.source == need.source
        and (
            (is_ours(rule) and _first(rule) <= _first(need) and _last(need) <= _last(rule))
            or permission(rule) == permission(need)
        )
        for rule in there
    )


def lacking(needed: Rules, there: Rules) -> Rules:
    """The needed rules whose traffic is not let in."""
    return frozenset(need for need in needed if not lets_in(there, need))


def to_grant(needed: Rules, there: Rules, *, joined: Rules) -> Rules:
    """What to grant so that all that is needed is let in: of the joined rules those that let in what is lacking."""
    missing = lacking(needed, there)
    return frozenset(rule for rule in joined if any(lets_in((rule,), need) for need in missing))


def change_rules(wanted: Rules, there: Rules, *, doubts: Iterable[Doubt] = ()) -> RuleChange:
    """What brings a group's rules to what is wanted; others' rules, and what might be needed, stay."""
    have, want = {permission(r) for r in there}, {permission(r) for r in wanted}
    doubts = tuple(doubts)
    return RuleChange(
        grant=frozenset(r for r in wanted if permission(r) not in have),
        revoke=frozenset(
            r
            for r in there
            if is_ours(r) and permission(r) not in want and not any(doubt.may_need(r) for doubt in doubts)
        ),
    )
