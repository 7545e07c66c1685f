"""A plan as text: the dry run. One line for each step; ``+`` makes, ``~`` changes, ``-`` deletes, ``=`` waits or tells.

Values are named, not printed whole: a plan may hold client secrets, and its reader wants to know what would happen.
"""

# ruff: noqa: PLR0911  # each function is a table: a row for each step, and so many returns

from __future__ import annotations

from collections.abc import Iterable, Mapping

from aws_lb_controller.model.refs import Ref, Value
from aws_lb_controller.plan.steps import (
    AssociateWebAcl,
    AwaitTargets,
    AwaitTraffic,
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
    ModifyCapacityReservation,
    ModifyIpPools,
    ModifyListener,
    ModifyListenerAttributes,
    ModifyLoadBalancerAttributes,
    ModifyRule,
    ModifyTargetGroup,
    ModifyTargetGroupAttributes,
    Plan,
    PublishStatus,
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


def show(plan: Plan) -> str:
    """The whole plan, a line for each step; a plan without steps says so."""
    return "\n".join(describe(step) for step in plan) if plan else "nothing to do"


def describe(step: Step) -> str:
    """One step in one line."""
    rare = _between(step) or _guarded(step)
    return _made(step) or _deleted(step) or rare or _changed(step) or _changed_on_load_balancer(step)


def _made(step: Step) -> str:
    match step:
        case EnsureBackendSecurityGroup():
            return "+ shared backend security group, unless it exists"
        case CreateSecurityGroup(group=group):
            return f"+ security group {group.name} with {_count(group.ingress, 'inbound rule')}"
        case CreateTargetGroup(group=group):
            return f"+ target group {group.name} ({group.target_type}, {group.protocol} {group.port})"
        case CreateLoadBalancer(load_balancer=lb):
            return f"+ load balancer {lb.name} ({lb.type}, {lb.scheme}, {lb.ip_address_type})"
        case RegisterLoadBalancer(target_group=group, target=target):
            return f"+ target {_text(target.load_balancer)} port {target.port} of {_text(group)}"
        case CreateListener(listener=listener):
            return f"+ listener {listener.protocol} {listener.port} on {_text(listener.load_balancer)}"
        case CreateRule(rule=rule):
            return f"+ rule {rule.priority} on {_text(rule.listener)}"
        case CreateBinding(binding=binding):
            return f"+ TargetGroupBinding {binding.namespace}/{binding.name} for {_text(binding.target_group)}"
    return ""


def _deleted(step: Step) -> str:
    match step:
        case DeleteSecurityGroup(group_id=group_id):
            return f"- security group {group_id}"
        case DeleteTargetGroup(arn=arn):
            return f"- target group {arn}"
        case DeregisterLoadBalancer(target_group=target_group, target=target):
            return f"- target {_text(target.load_balancer)} port {target.port} of {target_group}"
        case DeleteLoadBalancer(arn=arn):
            return f"- load balancer {arn}"
        case DeleteListener(arn=arn):
            return f"- listener {arn}"
        case DeleteRule(arn=arn):
            return f"- rule {arn}"
        case DeleteBinding(namespace=namespace, name=name):
            return f"- TargetGroupBinding {namespace}/{name}"
    return ""


def _between(step: Step) -> str:
    match step:
        case AwaitTargets(namespace=namespace, name=name):
            return f"= wait until every ready endpoint of TargetGroupBinding {namespace}/{name} is registered"
        case AwaitTraffic(load_balancer=lb):
            return f"= wait until traffic flows through {_text(lb)}"
        case PublishStatus():
            return "= status"
    return ""


def _changed(step: Step) -> str:
    match step:
        case SetSecurityGroupIngress(group_id=group_id, ingress=ingress):
            return f"~ security group {group_id}: {_count(ingress, 'inbound rule')}"
        case ModifyTargetGroup(arn=arn, changed=changed):
            return f"~ target group {arn}: health check's {', '.join(changed)}"
        case ModifyTargetGroupAttributes(arn=arn, attributes=attributes):
            return f"~ target group {arn}: {_pairs(attributes)}"
        case ModifyRule(arn=arn, rule=rule, changed=changed):
            return f"~ rule {rule.priority} {arn}: {', '.join(changed)}"
        case SetRulePriorities(priorities=priorities):
            return f"~ rules' priorities: {_pairs(priorities)}"
        case SetTags(arn=arn, add=add, remove=remove):
            return f"~ tags of {arn}: {_pairs(add)}{' ' if add and remove else ''}{_without(remove)}"
        case UpdateBinding(binding=binding):
            return f"~ TargetGroupBinding {binding.namespace}/{binding.name}"
    return ""


def _guarded(step: Step) -> str:
    match step:
        case AssociateWebAcl(load_balancer=lb, service=service, web_acl=web_acl):
            return f"~ load balancer {_text(lb)}: web ACL {web_acl} ({service})"
        case DisassociateWebAcl(load_balancer=lb, service=service):
            return f"~ load balancer {_text(lb)}: no web ACL ({service})"
        case CreateShieldProtection(load_balancer=lb):
            return f"+ Shield protection of load balancer {_text(lb)}"
        case DeleteShieldProtection(load_balancer=lb, protection_id=protection):
            return f"- Shield protection {protection} of load balancer {_text(lb)}"
    return ""


def _changed_on_load_balancer(step: Step) -> str:
    match step:
        case SetSubnets(arn=arn, subnets=subnets):
            return f"~ load balancer {arn}: subnets {', '.join(s.subnet_id for s in subnets)}"
        case SetSecurityGroups(arn=arn, security_groups=groups):
            return f"~ load balancer {arn}: security groups {', '.join(map(_text, groups)) or 'none'}"
        case SetIpAddressType(arn=arn, ip_address_type=ip_address_type):
            return f"~ load balancer {arn}: address type {ip_address_type}"
        case ModifyIpPools(arn=arn, ipv4_ipam_pool_id=pool):
            return f"~ load balancer {arn}: IPv4 addresses from {pool or 'no pool'}"
        case ModifyLoadBalancerAttributes(arn=arn, attributes=attributes):
            return f"~ load balancer {arn}: {_pairs(attributes)}"
        case ModifyCapacityReservation(load_balancer=lb, units=units):
            return f"~ load balancer {_text(lb)}: {units or 'no'} capacity units reserved"
        case ModifyListener(arn=arn, listener=listener, changed=changed):
            return f"~ listener {listener.port} {arn}: {', '.join(changed)}"
        case SetListenerCertificates(arn=arn, add=add, remove=remove):
            return f"~ listener {arn}: certificates {', '.join([*(f'+{c}' for c in add), *(f'-{c}' for c in remove)])}"
        case ModifyListenerAttributes(arn=arn, attributes=attributes):
            return f"~ listener {arn}: {_pairs(attributes)}"
    return repr(step)


def _text(value: Value) -> str:
    return f"<{value.kind} {value.id}>" if isinstance(value, Ref) else value


def _pairs(values: Mapping[str, object]) -> str:
    return ", ".join(f"{key}={value}" for key, value in values.items())


def _without(keys: tuple[str, ...]) -> str:
    return f"without {', '.join(keys)}" if keys else ""


def _count(things: Iterable[object], noun: str) -> str:
    number = len(list(things))
    return f"{number} {noun}{'' if number == 1 else 's'}"
