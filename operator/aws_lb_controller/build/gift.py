"""What a member of an IngressGroup gave the load balancer, in a form that outlives what it was found by.

Certificates that were discovered by host, and target groups and web ACLs that were named, stand in it with their ARNs:
should the certificate go from ACM's list, or the name from AWS, then what the member last gave can still be built. Web
ACLs and trust stores stay as they were named, for members must say the same of them; AWS neither renames a trust store
nor deletes it in use, so its ARN is not needed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from aws_lb_controller.build.certificates import find_certificates
from aws_lb_controller.build.facts import Certificates, Facts, TargetGroupArns, Unanswered
from aws_lb_controller.build.firewalls import found_firewall
from aws_lb_controller.build.listeners import foreign_names
from aws_lb_controller.intent.ingress_member import MemberIntent, MemberListener
from aws_lb_controller.intent.values import ActionIntent, ForwardIntent, ForwardTo, StackIntent


def gift(member: MemberIntent, intent: StackIntent, facts: Facts | None) -> MemberIntent:
    """The member as it went into `intent`, which was built with `facts`; annotations of Services are left out.

    facts None: they are not at hand, and what they would tell is left as it is.
    """
    names = foreign_names(intent)
    arns = facts[TargetGroupArns(names)] if names and facts else {}
    return replace(
        member,
        listeners=tuple(_found(listener, facts) for listener in member.listeners),
        default_actions=None if member.default_actions is None else _resolved(member.default_actions, arns),
        rules=tuple(replace(rule, actions=_resolved(rule.actions, arns)) for rule in member.rules),
        target_groups=tuple(
            replace(group, service=replace(group.service, annotations={})) for group in member.target_groups
        ),
        firewall=found_firewall(member.firewall, facts) if facts else member.firewall,
        warnings=(),
    )


def _found(listener: MemberListener, facts: Facts | None) -> MemberListener:
    if facts is None or not listener.certificate_hosts:
        return listener
    issued = facts[Certificates()]
    if isinstance(issued, Unanswered):
        return listener
    arns, _ = find_certificates(listener.certificate_hosts, issued)
    return replace(listener, certificate_hosts=frozenset(), found_certificates=frozenset(arns))


def _resolved(actions: tuple[ActionIntent, ...], arns: Mapping[str, str]) -> tuple[ActionIntent, ...]:
    return tuple(_forward(action, arns) if isinstance(action, ForwardIntent) else action for action in actions)


def _forward(forward: ForwardIntent, arns: Mapping[str, str]) -> ForwardIntent:
    return replace(forward, to=tuple(_by_arn(one, arns) for one in forward.to))


def _by_arn(to: ForwardTo, arns: Mapping[str, str]) -> ForwardTo:
    return to if to.name is None or to.name not in arns else replace(to, arn=arns[to.name], name=None)
