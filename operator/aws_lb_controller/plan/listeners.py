"""Listeners: the port on its load balancer is what a listener is; everything else is changed in place.

Certificates: all that a listener has are on its certificate list, the default one too (AWS takes what suits the client
best from the list alone). New ones are on the list before the default one changes, old ones leave it afterwards: so no
host is without a certificate of its own in between.
"""

from __future__ import annotations

from collections.abc import Iterator, Set
from dataclasses import replace

from aws_lb_controller.model.listener import SECURE_PROTOCOLS, Listener
from aws_lb_controller.model.observed import ObservedStack, Seen
from aws_lb_controller.model.refs import Value
from aws_lb_controller.model.stack import Stack
from aws_lb_controller.plan import canon, match
from aws_lb_controller.plan.order import Phase, Phased
from aws_lb_controller.plan.policy import Terms
from aws_lb_controller.plan.steps import (
    CreateListener,
    DeleteListener,
    ModifyListener,
    ModifyListenerAttributes,
    SetListenerCertificates,
    Step,
)
from aws_lb_controller.plan.tags import set_tags


def changes(wanted: Stack, observed: ObservedStack, terms: Terms) -> Phased:
    """The steps for the stack's listeners; `wanted` has its known references resolved.

    A load balancer that goes takes its listeners with it: they need no steps.
    """
    found, fronting = match.listeners(wanted, observed), match.fronting(wanted, observed)
    held = [seen for seen in found.unwanted if _is_held(seen, wanted, observed)]
    create = [(listener, CreateListener(listener=_as_aws_takes_it(listener))) for listener in found.missing]
    update = [
        (listener, step) for listener, seen in found.pairs for step in _updates(_as_aws_takes_it(listener), seen, terms)
    ]
    in_front = [step for listener, step in (*create, *update) if _forwards_to(listener, fronting)]
    behind = [step for listener, step in (*create, *update) if not _forwards_to(listener, fronting)]
    return {
        Phase.RETIRED_LISTENERS: [DeleteListener(arn=seen.arn) for seen in found.unwanted if seen not in held],
        Phase.LISTENERS: behind,
        Phase.FRONTEND_LISTENERS: in_front,
        Phase.REGISTERED_LISTENERS: [DeleteListener(arn=seen.arn) for seen in held],
    }


def _is_held(listener: Seen[Listener], wanted: Stack, observed: ObservedStack) -> bool:
    """It is, or was until now, the target of something: AWS lets it go when that has."""
    groups = {seen.arn for seen in observed.target_groups if seen.resource.target_type == "alb"}
    if _forwards_to(listener.resource, groups):
        return False
    leaving = {seen.arn for seen in match.target_groups(wanted, observed).unwanted}
    return bool(groups & leaving) or listener.arn in match.registered_listeners(observed)


def _forwards_to(listener: Listener, target_groups: Set[Value]) -> bool:
    return any(arn in target_groups for arn in match.targets_of(listener.default_actions))


def _as_aws_takes_it(listener: Listener) -> Listener:
    """A TLS listener has no attributes: AWS would refuse, so what the user wrote for the port is passed over."""
    return replace(listener, attributes={}) if listener.protocol == "TLS" and listener.attributes else listener


def _updates(listener: Listener, seen: Seen[Listener], terms: Terms) -> Iterator[Step]:
    yield from set_tags("elbv2", listener, seen, terms=terms)
    changed = tuple(_changed(listener, seen.resource))
    default_changes = "certificates" in changed
    if default_changes:
        yield from _certificates_that_come(listener, seen)
    if changed:
        yield ModifyListener(arn=seen.arn, listener=listener, changed=changed)
    yield from _certificates(listener, seen, default_changes=default_changes)
    if attributes := canon.not_there(listener.attributes, seen.resource.attributes):
        yield ModifyListenerAttributes(arn=seen.arn, attributes=attributes)


def _changed(wanted: Listener, seen: Listener) -> Iterator[str]:
    if wanted.protocol != seen.protocol:
        yield "protocol"
    if canon.actions(wanted.default_actions) != canon.actions(seen.default_actions):
        yield "default_actions"
    if wanted.protocol in SECURE_PROTOCOLS:
        yield from _changed_of_tls(wanted, seen)


def _changed_of_tls(wanted: Listener, seen: Listener) -> Iterator[str]:
    """Policies and mutual authentication of None are left as they are; a listener that had no TLS has none of them."""
    had_tls = seen.protocol in SECURE_PROTOCOLS
    if wanted.certificates[:1] != (seen.certificates[:1] if had_tls else ()):
        yield "certificates"
    if wanted.ssl_policy is not None and wanted.ssl_policy != (seen.ssl_policy if had_tls else None):
        yield "ssl_policy"
    if wanted.alpn_policy is not None and canon.alpn_policy(wanted.alpn_policy) != canon.alpn_policy(seen.alpn_policy):
        yield "alpn_policy"
    mutual = wanted.mutual_authentication
    if mutual is not None and canon.mutual_authentication(mutual) != canon.mutual_authentication(
        seen.mutual_authentication
    ):
        yield "mutual_authentication"


def _certificates_that_come(wanted: Listener, seen: Seen[Listener]) -> Iterator[Step]:
    """Those that are not on the list yet, ahead of a change of the default one; only TLS listeners have a list."""
    want, there = canon.certificate_list(wanted), canon.certificate_list(seen.resource)
    if seen.resource.protocol in SECURE_PROTOCOLS and want - there:
        add, spare = tuple(sorted(want - there)), tuple(sorted(there - want))
        yield SetListenerCertificates(arn=seen.arn, add=add, remove=(), spare=spare)


def _certificates(wanted: Listener, seen: Seen[Listener], *, default_changes: bool) -> Iterator[Step]:
    """The list becomes what is wanted; empty without TLS.

    Whether it outlives a change of the default one is not documented; adding one twice is no error, so all are added.
    """
    tls = wanted.protocol in SECURE_PROTOCOLS
    want, there = canon.certificate_list(wanted) if tls else frozenset(), canon.certificate_list(seen.resource)
    add, remove = want if default_changes else want - there, there - want
    if add or remove:
        yield SetListenerCertificates(
            arn=seen.arn, add=tuple(sorted(add)), remove=tuple(sorted(remove)), may_be_gone=not tls
        )
