"""A stack's load balancers: an ALB for an IngressGroup, an NLB for a Service or in front of an ALB, built alike."""

from __future__ import annotations

from dataclasses import dataclass

from aws_lb_controller.build.config import BuildConfig
from aws_lb_controller.build.owner import own_service
from aws_lb_controller.build.problems import blamed
from aws_lb_controller.build.tags import resource_tags
from aws_lb_controller.errors import SpecError
from aws_lb_controller.intent.readers import Unreadable, read_load_balancer_name
from aws_lb_controller.intent.values import LoadBalancerIntent, StackIntent
from aws_lb_controller.model import naming
from aws_lb_controller.model.load_balancer import FRONTEND, LOAD_BALANCER, LoadBalancer, Scheme, SubnetMapping
from aws_lb_controller.model.observed import ObservedStack
from aws_lb_controller.model.refs import Value
from aws_lb_controller.model.stack import StackId


def existing_load_balancer(intent: LoadBalancerIntent, observed: ObservedStack) -> LoadBalancer | None:
    """The stack's load balancer in AWS; while one replaces another, that of the wanted scheme."""
    seen = [lb for lb in observed.load_balancers if lb.resource.type == intent.type]
    wanted = None if intent.scheme_contested else intent.scheme
    seen.sort(key=lambda lb: (lb.resource.scheme != wanted, lb.arn))
    return seen[0].resource if seen else None


def choose_scheme(intent: LoadBalancerIntent, existing: LoadBalancer | None) -> Scheme:
    """What is wanted; of silent or divided users the existing load balancer's, because a change would replace it."""
    if existing and (intent.scheme is None or intent.scheme_contested):
        return existing.scheme
    return intent.scheme or intent.default_scheme


def check_name(intent: LoadBalancerIntent, *, stack: StackId, scheme: Scheme, existing: LoadBalancer | None) -> None:
    """Raises SpecError for a name that AWS does not take; where a load balancer has its name already, nobody asks."""
    if intent.name is None or (existing is not None and existing.scheme == scheme):
        return
    try:
        read_load_balancer_name(intent.name)
    except Unreadable as e:
        raise SpecError([blamed(intent.blame, "name", remedy=str(e), stack=stack, value=intent.name)]) from None


@dataclass(frozen=True, slots=True, kw_only=True)
class Naming:
    """What a load balancer is called: by us (id), in AWS (name), and there while another has its name (other_name)."""

    id: str
    name: str
    other_name: str | None = None


def main_naming(intent: StackIntent, *, scheme: Scheme, config: BuildConfig) -> Naming:
    """That of the load balancer that every stack has; raises SpecError for a Service without ports."""
    given = intent.load_balancer.name
    return Naming(id=LOAD_BALANCER, name=given or _generated_name(intent, scheme=scheme, cluster=config.cluster_name))


def frontend_naming(*, alb: str, scheme: Scheme) -> Naming:
    """That of the NLB in front of an ALB, from the ALB's name, which says nothing of the NLB's scheme."""
    return Naming(
        id=FRONTEND,
        name=naming.frontend_network_load_balancer(alb=alb),
        other_name=naming.other_frontend_network_load_balancer(alb=alb, scheme=scheme),
    )


def build_load_balancer(
    lb: LoadBalancerIntent,
    *,
    stack: StackId,
    called: Naming,
    scheme: Scheme,
    ip_address_type: str,
    subnets: tuple[SubnetMapping, ...],
    security_groups: tuple[Value, ...],
    existing: LoadBalancer | None,
    config: BuildConfig,
) -> LoadBalancer:
    """subnets and security_groups as chosen, in order; existing: what AWS has of it."""
    return LoadBalancer(
        id=called.id,
        name=called.name,
        other_name=called.other_name,
        type=lb.type,
        scheme=scheme,
        ip_address_type=ip_address_type,
        subnets=subnets,
        security_groups=security_groups,
        tags=resource_tags(lb.tags, stack=stack, resource=called.id, config=config),
        attributes=dict(lb.attributes),
        customer_owned_ipv4_pool=lb.customer_owned_ipv4_pool,
        ipv4_ipam_pool_id=lb.ipv4_ipam_pool_id,
        minimum_capacity_units=lb.minimum_capacity_units if config.lb_capacity_reservation else None,
        inbound_rules_on_private_link=lb.inbound_rules_on_private_link if security_groups else None,
        prefix_for_ipv6_source_nat=_source_nat(lb, ip_address_type, existing),
    )


def _source_nat(lb: LoadBalancerIntent, ip_address_type: str, existing: LoadBalancer | None) -> str | None:
    """Only a dual-stack NLB can have it; it goes off when the user takes it away, or dual-stack."""
    had_it = existing is not None and existing.prefix_for_ipv6_source_nat == "on"
    if lb.type != "network" or (ip_address_type == "ipv4" and not had_it):
        return None
    return lb.prefix_for_ipv6_source_nat or "off"


def _generated_name(intent: StackIntent, *, scheme: Scheme, cluster: str) -> str:
    if intent.stack.owner == "ingress":
        return naming.application_load_balancer(cluster=cluster, group=intent.stack.name, scheme=scheme)
    service = own_service(intent)
    return naming.network_load_balancer(
        cluster=cluster, namespace=service.namespace, name=service.name, uid=service.uid, scheme=scheme
    )
