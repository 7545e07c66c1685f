"""What is observed once a step has been carried out: so our own writes keep right what is known, without asking again.

Pure and total: a step that names what is not there changes nothing, and so does a creation without AWS's answer, as
then nobody knows the new ARN.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from aws_lb_controller.model.binding import Binding
from aws_lb_controller.model.firewall import UNGUARDED, Firewall
from aws_lb_controller.model.listener import SECURE_PROTOCOLS, Listener
from aws_lb_controller.model.load_balancer import LoadBalancer
from aws_lb_controller.model.observed import ObservedStack, Seen, SeenBinding, SeenLoadBalancer
from aws_lb_controller.plan import canon
from aws_lb_controller.plan.steps import (
    AssociateWebAcl,
    CreateBinding,
    CreateListener,
    CreateLoadBalancer,
    CreateRule,
    CreateSecurityGroup,
    CreateShieldProtection,
    CreateTargetGroup,
    DeleteBinding,
    DeleteListener,
    DeleteLoadBalancer,
    DeleteRule,
    DeleteSecurityGroup,
    DeleteShieldProtection,
    DeleteTargetGroup,
    DeregisterLoadBalancer,
    DisassociateWebAcl,
    EnsureBackendSecurityGroup,
    FirewallStep,
    ModifyCapacityReservation,
    ModifyIpPools,
    ModifyListener,
    ModifyListenerAttributes,
    ModifyLoadBalancerAttributes,
    ModifyRule,
    ModifyTargetGroup,
    ModifyTargetGroupAttributes,
    RegisterLoadBalancer,
    SetIpAddressType,
    SetListenerCertificates,
    SetRulePriorities,
    SetSecurityGroupIngress,
    SetSecurityGroups,
    SetSubnets,
    SetTags,
    Step,
    UpdateBinding,
)

S = TypeVar("S", bound=Seen[Any])


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What AWS answered to a creation: arn is an ARN, a security group's id or a binding's UID.

    dns_name and hosted_zone_id (``CanonicalHostedZoneId``) come with load balancers only.
    """

    arn: str
    dns_name: str = ""
    hosted_zone_id: str = ""


def after(observed: ObservedStack, step: Step, given: Given | None) -> ObservedStack:
    """The stack as it is seen after `step`, to whose creation, if it is one, AWS answered `given`."""
    for effect in _EFFECTS:
        observed = effect(observed, step, given)
    return _with_tags(observed, step) if isinstance(step, SetTags) else observed


def _on_security_groups(observed: ObservedStack, step: Step, given: Given | None) -> ObservedStack:
    groups = observed.security_groups
    match step:
        case EnsureBackendSecurityGroup() if given:
            return replace(observed, backend_security_group=given.arn)
        case CreateSecurityGroup(group=group) if given:
            return replace(observed, security_groups=(*groups, Seen(arn=given.arn, resource=group)))
        case SetSecurityGroupIngress(group_id=group_id, ingress=ingress):
            return replace(observed, security_groups=_changed(groups, group_id, ingress=ingress))
        case DeleteSecurityGroup(group_id=group_id):
            return replace(observed, security_groups=_without(groups, group_id))
    return observed


def _on_target_groups(observed: ObservedStack, step: Step, given: Given | None) -> ObservedStack:
    groups = observed.target_groups
    match step:
        case CreateTargetGroup(group=group) if given:
            return replace(observed, target_groups=(*groups, Seen(arn=given.arn, resource=group)))
        case ModifyTargetGroup(arn=arn, group=group, changed=changed):
            check = {name: getattr(group.health_check, name) for name in changed}
            return replace(observed, target_groups=_nested(groups, arn, health_check=check))
        case ModifyTargetGroupAttributes(arn=arn, attributes=attributes):
            return replace(observed, target_groups=_attributed(groups, arn, attributes))
        case DeleteTargetGroup(arn=arn):
            return replace(observed, target_groups=_without(groups, arn))
    return observed


def _on_targets(observed: ObservedStack, step: Step, _: Given | None) -> ObservedStack:
    groups = observed.target_groups
    match step:
        case RegisterLoadBalancer(target_group=str(arn), target=target):
            return replace(observed, target_groups=_changed(groups, arn, target=target))
        case DeregisterLoadBalancer(target_group=arn):
            return replace(observed, target_groups=_changed(groups, arn, target=None))
    return observed


def _on_load_balancers(observed: ObservedStack, step: Step, given: Given | None) -> ObservedStack:
    match step:
        case CreateLoadBalancer(load_balancer=load_balancer) if given:
            seen = SeenLoadBalancer(
                arn=given.arn,
                resource=replace(load_balancer, minimum_capacity_units=0, other_name=None, firewall=UNGUARDED),
                dns_name=given.dns_name,
                hosted_zone_id=given.hosted_zone_id,
                state="provisioning",
            )
            return replace(observed, load_balancers=(*observed.load_balancers, seen))
        case DeleteLoadBalancer(arn=arn):
            return _without_load_balancer(observed, arn)
        case AssociateWebAcl() | DisassociateWebAcl() | CreateShieldProtection() | DeleteShieldProtection():
            return replace(observed, load_balancers=_guarded(observed.load_balancers, step, given))
        case ModifyIpPools(arn=arn, ipv4_ipam_pool_id=pool):
            return replace(observed, load_balancers=_changed(observed.load_balancers, arn, ipv4_ipam_pool_id=pool))
    return replace(observed, load_balancers=_load_balancers_after(observed.load_balancers, step))


def _load_balancers_after(seen: tuple[SeenLoadBalancer, ...], step: Step) -> tuple[SeenLoadBalancer, ...]:
    match step:
        case SetSubnets(arn=arn, subnets=subnets, prefix_for_ipv6_source_nat=prefix):
            return _changed(seen, arn, subnets=subnets, **_if_given(prefix_for_ipv6_source_nat=prefix))
        case SetSecurityGroups(arn=arn, security_groups=groups, inbound_rules_on_private_link=switch):
            return _changed(seen, arn, security_groups=groups, **_if_given(inbound_rules_on_private_link=switch))
        case SetIpAddressType(arn=arn, ip_address_type=ip_address_type):
            return _changed(seen, arn, ip_address_type=ip_address_type)
        case ModifyLoadBalancerAttributes(arn=arn, attributes=attributes):
            return _attributed(seen, arn, attributes)
        case ModifyCapacityReservation(load_balancer=str(arn), units=units):
            return _changed(seen, arn, minimum_capacity_units=units)
    return seen


def _guarded(
    seen: tuple[SeenLoadBalancer, ...], step: FirewallStep, given: Given | None
) -> tuple[SeenLoadBalancer, ...]:
    def guarded(load_balancer: LoadBalancer) -> LoadBalancer:
        return replace(load_balancer, firewall=_firewall_after(load_balancer.firewall, step, given))

    return _each(seen, str(step.load_balancer), guarded)


def _firewall_after(firewall: Firewall, step: FirewallStep, given: Given | None) -> Firewall:
    match step:
        case CreateShieldProtection():
            return replace(firewall, shield=True, protection_id=given.arn) if given else firewall
        case DeleteShieldProtection():
            return replace(firewall, shield=False, protection_id="")
    web_acl = step.web_acl if isinstance(step, AssociateWebAcl) else ""
    return replace(firewall, web_acl=web_acl) if step.service == "wafv2" else replace(firewall, classic_web_acl=web_acl)


def _on_listeners(observed: ObservedStack, step: Step, given: Given | None) -> ObservedStack:
    listeners = observed.listeners
    match step:
        case CreateListener(listener=listener) if given:
            return replace(observed, listeners=(*listeners, Seen(arn=given.arn, resource=_made(listener))))
        case ModifyListener(arn=arn, listener=listener, changed=changed):
            return replace(observed, listeners=_each(listeners, arn, lambda old: _modified(old, listener, changed)))
        case SetListenerCertificates(arn=arn, add=add, remove=remove):
            return replace(observed, listeners=_each(listeners, arn, lambda old: _certified(old, add, remove)))
        case ModifyListenerAttributes(arn=arn, attributes=attributes):
            return replace(observed, listeners=_attributed(listeners, arn, attributes))
        case DeleteListener(arn=arn):
            return _without_listeners(observed, frozenset({arn}))
    return observed


def _on_rules(observed: ObservedStack, step: Step, given: Given | None) -> ObservedStack:
    rules = observed.rules
    match step:
        case CreateRule(rule=rule) if given:
            return replace(observed, rules=(*rules, Seen(arn=given.arn, resource=rule)))
        case ModifyRule(arn=arn, rule=rule, changed=changed):
            return replace(observed, rules=_changed(rules, arn, **{name: getattr(rule, name) for name in changed}))
        case SetRulePriorities(priorities=priorities):
            moved = (
                replace(s, resource=replace(s.resource, priority=priorities.get(s.arn, s.resource.priority)))
                for s in rules
            )
            return replace(observed, rules=tuple(moved))
        case DeleteRule(arn=arn):
            return replace(observed, rules=_without(rules, arn))
    return observed


def _on_bindings(observed: ObservedStack, step: Step, given: Given | None) -> ObservedStack:
    bindings = observed.bindings
    match step:
        case CreateBinding(binding=binding) if given:
            return replace(observed, bindings=(*bindings, SeenBinding(arn=given.arn, resource=binding)))
        case UpdateBinding(binding=binding):
            name = (binding.namespace, binding.name)
            updated = (replace(s, resource=_updated(s.resource, binding)) if _name(s) == name else s for s in bindings)
            return replace(observed, bindings=tuple(updated))
        case DeleteBinding(namespace=namespace, name=name):
            return replace(observed, bindings=tuple(s for s in bindings if _name(s) != (namespace, name)))
    return observed


def _with_tags(observed: ObservedStack, step: SetTags) -> ObservedStack:
    def tagged(resource: Any) -> Any:
        kept = {k: v for k, v in (resource.tags or {}).items() if k not in step.remove}
        return replace(resource, tags={**kept, **step.add})

    return replace(
        observed,
        security_groups=_each(observed.security_groups, step.arn, tagged),
        target_groups=_each(observed.target_groups, step.arn, tagged),
        load_balancers=_each(observed.load_balancers, step.arn, tagged),
        listeners=_each(observed.listeners, step.arn, tagged),
        rules=_each(observed.rules, step.arn, tagged),
    )


def _made(new: Listener) -> Listener:
    return replace(new, certificates=canon.seen_certificates(new.certificates[:1], canon.certificate_list(new)))


def _modified(old: Listener, new: Listener, changed: tuple[str, ...]) -> Listener:
    """ModifyListener sets the default certificate only; a listener that leaves TLS loses all that goes with it."""
    values = {name: getattr(new, name) for name in changed}
    if "certificates" in values:
        values["certificates"] = canon.seen_certificates(new.certificates[:1], canon.certificate_list(old))
    if new.protocol not in SECURE_PROTOCOLS:
        values |= {"certificates": (), "ssl_policy": None, "alpn_policy": None, "mutual_authentication": None}
    return replace(old, **values)


def _certified(old: Listener, add: tuple[str, ...], remove: tuple[str, ...]) -> Listener:
    listed = (canon.certificate_list(old) | frozenset(add)) - frozenset(remove)
    return replace(old, certificates=canon.seen_certificates(old.certificates[:1], listed))


def _updated(old: Binding, new: Binding) -> Binding:
    """Labels and annotations of others stay, and so does a VPC that the new one is silent about."""
    annotations = {**(old.annotations or {}), **(new.annotations or {})}
    return replace(
        new, labels={**old.labels, **new.labels}, annotations=annotations or None, vpc_id=new.vpc_id or old.vpc_id
    )


_EFFECTS = (
    _on_security_groups,
    _on_target_groups,
    _on_targets,
    _on_load_balancers,
    _on_listeners,
    _on_rules,
    _on_bindings,
)


def _name(seen: SeenBinding) -> tuple[str, str]:
    return seen.resource.namespace, seen.resource.name


def _without_load_balancer(observed: ObservedStack, arn: str) -> ObservedStack:
    gone = frozenset(s.arn for s in observed.listeners if s.resource.load_balancer == arn)
    without = _without_listeners(observed, gone)
    return replace(without, load_balancers=_without(observed.load_balancers, arn))


def _without_listeners(observed: ObservedStack, gone: frozenset[str]) -> ObservedStack:
    return replace(
        observed,
        listeners=tuple(s for s in observed.listeners if s.arn not in gone),
        rules=tuple(s for s in observed.rules if s.resource.listener not in gone),
    )


def _without(seen: tuple[S, ...], arn: str) -> tuple[S, ...]:
    return tuple(s for s in seen if s.arn != arn)


def _each(seen: tuple[S, ...], arn: str, change: Callable[[Any], Any]) -> tuple[S, ...]:
    return tuple(replace(s, resource=change(s.resource)) if s.arn == arn else s for s in seen)


def _changed(seen: tuple[S, ...], arn: str, **values: object) -> tuple[S, ...]:
    return _each(seen, arn, lambda resource: replace(resource, **values))


def _nested(seen: tuple[S, ...], arn: str, *, health_check: Mapping[str, object]) -> tuple[S, ...]:
    return _each(seen, arn, lambda group: replace(group, health_check=replace(group.health_check, **health_check)))


def _attributed(seen: tuple[S, ...], arn: str, attributes: Mapping[str, str]) -> tuple[S, ...]:
    return _each(seen, arn, lambda resource: replace(resource, attributes={**resource.attributes, **attributes}))


def _if_given(**values: object) -> dict[str, object]:
    return {name: value for name, value in values.items() if value is not None}
