"""The load balancer of a stack: an ALB for an IngressGroup, an NLB for a Service, built alike."""

from __future__ import annotations

from aws_lb_controller.build.config import BuildConfig
from aws_lb_controller.build.owner import own_service
from aws_lb_controller.build.tags import resource_tags
from aws_lb_controller.intent.values import LoadBalancerIntent, StackIntent
from aws_lb_controller.model import naming
from aws_lb_controller.model.load_balancer import LoadBalancer, Scheme, SubnetMapping
from aws_lb_controller.model.observed import ObservedStack
from aws_lb_controller.model.refs import Value

LOAD_BALANCER = "LoadBalancer"
"""The id of the load balancer within its stack."""


def existing_load_balancer(intent: LoadBalancerIntent, observed: ObservedStack) -> LoadBalancer | None:
    """The stack's load balancer in AWS; while one replaces another, that of the wanted scheme."""
    seen = [lb for lb in observed.load_balancers if lb.resource.type == intent.type]
    seen.sort(key=lambda lb: (lb.resource.scheme != intent.scheme, lb.arn))
    return seen[0].resource if seen else None


def choose_scheme(intent: LoadBalancerIntent, existing: LoadBalancer | None) -> Scheme:
    """What the user wants; of a silent one the existing load balancer's, because a change would replace it."""
    return intent.scheme or (existing.scheme if existing else intent.default_scheme)


def build_load_balancer(
    intent: StackIntent,
    *,
    scheme: Scheme,
    ip_address_type: str,
    subnets: tuple[SubnetMapping, ...],
    security_groups: tuple[Value, ...],
    existing: LoadBalancer | None,
    config: BuildConfig,
) -> LoadBalancer:
    """subnets and security_groups as chosen, in order; existing: what AWS has of it."""
    lb = intent.load_balancer
    return LoadBalancer(
        id=LOAD_BALANCER,
        name=lb.name or _generated_name(intent, scheme=scheme, cluster=config.cluster_name),
        type=lb.type,
        scheme=scheme,
        ip_address_type=ip_address_type,
        subnets=subnets,
        security_groups=security_groups,
        tags=resource_tags(lb.tags, stack=intent.stack, resource=LOAD_BALANCER, config=config),
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
