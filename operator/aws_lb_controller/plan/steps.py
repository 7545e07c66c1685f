"""The steps a plan is made of: one frozen value per kind of AWS (or Kubernetes) write.

A step may hold references to what earlier steps make; `gives` is the reference that becomes known once it is done.
Printing a plan is the dry run, so each step's fields say all that it would do.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from aws_lb_controller.model.binding import Binding
from aws_lb_controller.model.firewall import WebAclService
from aws_lb_controller.model.listener import Listener, Rule
from aws_lb_controller.model.load_balancer import LoadBalancer, SubnetMapping
from aws_lb_controller.model.refs import BACKEND_SECURITY_GROUP, Ref, Value, references
from aws_lb_controller.model.security_group import IngressRule, SecurityGroup
from aws_lb_controller.model.target_group import LoadBalancerTarget, TargetGroup


@dataclass(frozen=True, slots=True, kw_only=True)
class EnsureBackendSecurityGroup:
    """The cluster's shared backend security group exists from here on (DescribeSecurityGroups, CreateSecurityGroup)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateSecurityGroup:
    """CreateSecurityGroup with its tags, then AuthorizeSecurityGroupIngress with its rules."""

    group: SecurityGroup


@dataclass(frozen=True, slots=True, kw_only=True)
class SetSecurityGroupIngress:
    """The group's rules become `ingress`. What is missing is authorized, then what is too much is revoked.

    Carried out against rules read afresh, never against what the plan was made from.
    """

    group_id: str
    resource: str
    ingress: frozenset[IngressRule]


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteSecurityGroup:
    """DeleteSecurityGroup."""

    group_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateTargetGroup:
    """CreateTargetGroup with its tags, then ModifyTargetGroupAttributes with its attributes, if any.

    The group comes without a target: that is registered when there is something to register (RegisterLoadBalancer).
    """

    group: TargetGroup


@dataclass(frozen=True, slots=True, kw_only=True)
class ModifyTargetGroup:
    """ModifyTargetGroup (the health check); changed: the fields of `HealthCheck` that differ."""

    arn: str
    group: TargetGroup
    changed: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ModifyTargetGroupAttributes:
    """ModifyTargetGroupAttributes with those that differ."""

    arn: str
    attributes: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteTargetGroup:
    """DeleteTargetGroup."""

    arn: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisterLoadBalancer:
    """RegisterTargets: the ALB becomes the target of a group of type ``alb``. It must listen on the target's port."""

    target_group: Value
    target: LoadBalancerTarget


@dataclass(frozen=True, slots=True, kw_only=True)
class DeregisterLoadBalancer:
    """DeregisterTargets: until then AWS deletes neither the ALB nor its listener on the target's port."""

    target_group: str
    target: LoadBalancerTarget


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateLoadBalancer:
    """CreateLoadBalancer with its tags, then ModifyLoadBalancerAttributes if any."""

    load_balancer: LoadBalancer


@dataclass(frozen=True, slots=True, kw_only=True)
class SetSubnets:
    """SetSubnets."""

    arn: str
    type: str
    subnets: tuple[SubnetMapping, ...]
    prefix_for_ipv6_source_nat: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SetSecurityGroups:
    """SetSecurityGroups, with the NLB's PrivateLink switch where it is given."""

    arn: str
    security_groups: tuple[Value, ...]
    inbound_rules_on_private_link: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SetIpAddressType:
    """SetIpAddressType."""

    arn: str
    ip_address_type: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ModifyIpPools:
    """ModifyIpPools: the IPAM pool that an ALB's public IPv4 addresses come from; None: AWS's own again."""

    arn: str
    ipv4_ipam_pool_id: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ModifyLoadBalancerAttributes:
    """ModifyLoadBalancerAttributes with those that differ."""

    arn: str
    attributes: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class ModifyCapacityReservation:
    """DescribeLoadBalancers, then ModifyCapacityReservation, which AWS refuses while a load balancer is provisioning.

    units: ``CapacityUnits`` of ``MinimumLoadBalancerCapacity``; 0 resets the reservation.
    """

    load_balancer: Value
    units: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteLoadBalancer:
    """DeleteLoadBalancer; AWS deletes its listeners and rules with it."""

    arn: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AssociateWebAcl:
    """AssociateWebACL, which takes the place of any other web ACL of the same service.

    web_acl: an ARN for ``wafv2``, an id for ``waf-regional``.
    """

    load_balancer: Value
    service: WebAclService
    web_acl: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DisassociateWebAcl:
    """DisassociateWebACL."""

    load_balancer: Value
    service: WebAclService


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateShieldProtection:
    """Shield's CreateProtection, under the controller's name."""

    load_balancer: Value


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteShieldProtection:
    """Shield's DeleteProtection."""

    load_balancer: Value
    protection_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateListener:
    """CreateListener with its tags, then AddListenerCertificates and ModifyListenerAttributes, if any."""

    listener: Listener


@dataclass(frozen=True, slots=True, kw_only=True)
class ModifyListener:
    """ModifyListener; changed: the fields of `Listener` that differ."""

    arn: str
    listener: Listener
    changed: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SetListenerCertificates:
    """AddListenerCertificates, then RemoveListenerCertificates: the certificate list, whichever is the default one.

    spare: what is not wanted either, and goes first where the quota has no room for `add` (`remove` does so as well).
    may_be_gone: the listener has left TLS, and AWS may have emptied the list itself.
    """

    arn: str
    add: tuple[str, ...]
    remove: tuple[str, ...]
    spare: tuple[str, ...] = ()
    may_be_gone: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ModifyListenerAttributes:
    """ModifyListenerAttributes with those that differ."""

    arn: str
    attributes: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteListener:
    """DeleteListener; AWS deletes its rules with it."""

    arn: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateRule:
    """CreateRule with its tags."""

    rule: Rule


@dataclass(frozen=True, slots=True, kw_only=True)
class ModifyRule:
    """ModifyRule; changed: the fields of `Rule` that differ (conditions, actions, transforms)."""

    arn: str
    rule: Rule
    changed: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SetRulePriorities:
    """One SetRulePriorities for a listener: rule ARN → new priority."""

    priorities: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteRule:
    """DeleteRule."""

    arn: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SetTags:
    """AddTags and RemoveTags (elbv2), or CreateTags and DeleteTags (ec2), for one resource."""

    service: Literal["elbv2", "ec2"]
    arn: str
    add: Mapping[str, str]
    remove: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateBinding:
    """Kubernetes: create a TargetGroupBinding."""

    binding: Binding


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateBinding:
    """Kubernetes: bring the spec, labels and annotations of a TargetGroupBinding to what is wanted."""

    binding: Binding


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteBinding:
    """Kubernetes: delete a TargetGroupBinding and wait until its targets are deregistered and it is gone."""

    namespace: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AwaitTargets:
    """Nothing is written. Every endpoint that is ready now is registered in the target group of this binding."""

    namespace: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AwaitTraffic:
    """Nothing is written. The load balancer is active, and its target groups serve no worse than those of the old one.

    load_balancer: the one that replaces another; target_groups: what it forwards to; instead_of: what the old one does.
    """

    load_balancer: Value
    target_groups: tuple[Value, ...]
    instead_of: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishStatus:
    """Kubernetes: the owner's status names the load balancers that are wanted, for all of them stands now."""


Step = (
    EnsureBackendSecurityGroup
    | CreateSecurityGroup
    | SetSecurityGroupIngress
    | DeleteSecurityGroup
    | CreateTargetGroup
    | ModifyTargetGroup
    | ModifyTargetGroupAttributes
    | DeleteTargetGroup
    | RegisterLoadBalancer
    | DeregisterLoadBalancer
    | CreateLoadBalancer
    | SetSubnets
    | SetSecurityGroups
    | SetIpAddressType
    | ModifyIpPools
    | ModifyLoadBalancerAttributes
    | ModifyCapacityReservation
    | DeleteLoadBalancer
    | AssociateWebAcl
    | DisassociateWebAcl
    | CreateShieldProtection
    | DeleteShieldProtection
    | CreateListener
    | ModifyListener
    | SetListenerCertificates
    | ModifyListenerAttributes
    | DeleteListener
    | CreateRule
    | ModifyRule
    | SetRulePriorities
    | DeleteRule
    | SetTags
    | CreateBinding
    | UpdateBinding
    | DeleteBinding
    | AwaitTargets
    | AwaitTraffic
    | PublishStatus
)
BindingStep = CreateBinding | UpdateBinding | DeleteBinding
FirewallStep = AssociateWebAcl | DisassociateWebAcl | CreateShieldProtection | DeleteShieldProtection
Plan = tuple[Step, ...]


def gives(step: Step) -> Ref | None:
    """The reference that carrying out this step makes known."""
    match step:
        case EnsureBackendSecurityGroup():
            return BACKEND_SECURITY_GROUP
        case CreateSecurityGroup(group=group):
            return Ref("SecurityGroup", group.id)
        case CreateTargetGroup(group=target_group):
            return Ref("TargetGroup", target_group.id)
        case CreateLoadBalancer(load_balancer=load_balancer):
            return load_balancer.ref
        case CreateListener(listener=listener):
            return listener.ref
        case _:
            return None


def concerns(step: Step) -> tuple[str, str] | None:
    """What of the stack the step is for: kind and id, for what changes a load balancer what it changes of it ("" for
    one that is made). None for bindings, for what goes, and where only an ARN is known.
    """
    match step:
        case CreateTargetGroup(group=group) | ModifyTargetGroup(group=group):
            return "TargetGroup", group.id
        case CreateListener(listener=listener) | ModifyListener(listener=listener):
            return "Listener", listener.id
        case CreateRule(rule=rule) | ModifyRule(rule=rule):
            return "Rule", rule.id
        case CreateSecurityGroup() | SetSecurityGroupIngress():
            return "SecurityGroup", step.group.id if isinstance(step, CreateSecurityGroup) else step.resource
        case _:
            changed = _OF_LOAD_BALANCERS.get(type(step))
            return None if changed is None else ("LoadBalancer", changed)


_OF_LOAD_BALANCERS: Mapping[type, str] = {
    CreateLoadBalancer: "",
    SetSubnets: "subnets",
    SetSecurityGroups: "security_groups",
    SetIpAddressType: "ip_address_type",
    ModifyIpPools: "ip_pools",
    ModifyLoadBalancerAttributes: "attributes",
    ModifyCapacityReservation: "capacity",
}


def needs(step: Step) -> Iterator[Ref]:
    """The references that must be known before this step can be carried out."""
    return references(step)
