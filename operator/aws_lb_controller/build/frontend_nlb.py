"""The NLB in front of an IngressGroup's ALB: a second load balancer in the same stack, whose only target is the first.

Each of its listeners has a target group of type ``alb`` of its own. It stands in subnets of its own choice; address
type, tags and security groups are the ALB's unless the user gave others.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from aws_lb_controller.build.addresses import AddressPlan
from aws_lb_controller.build.config import BuildConfig
from aws_lb_controller.build.facts import Existing, Facts, PublicSubnets, Question, SecurityGroupIds
from aws_lb_controller.build.health_checks import build_frontend_health_check
from aws_lb_controller.build.load_balancers import (
    build_load_balancer,
    choose_scheme,
    existing_load_balancer,
    frontend_naming,
)
from aws_lb_controller.build.problems import Findings
from aws_lb_controller.build.security_groups import choose_groups
from aws_lb_controller.build.subnets import SubnetChooser, may_go_by_routes
from aws_lb_controller.build.tags import resource_tags
from aws_lb_controller.intent.values import FrontendIntent, FrontendListenerIntent, LoadBalancerIntent, StackIntent
from aws_lb_controller.model import naming
from aws_lb_controller.model.listener import Forward, Listener, WeightedTargetGroup
from aws_lb_controller.model.load_balancer import FRONTEND, LoadBalancer, Scheme, SubnetMapping
from aws_lb_controller.model.refs import Ref, Value
from aws_lb_controller.model.target_group import LoadBalancerTarget, TargetGroup

_PROTOCOL = "TCP"
"""All that AWS has for targets that are ALBs, but for TLS, which would end before the ALB's own."""


def frontend_questions(wanted: FrontendIntent, config: BuildConfig) -> frozenset[Question[Any]]:
    """What must be known for the NLB beside what its stack asks anyway."""
    asked: set[Question[Any]] = set()
    if may_go_by_routes(wanted.load_balancer.subnets, config):
        asked.add(PublicSubnets())
    if groups := wanted.load_balancer.security_groups.groups:
        asked.add(SecurityGroupIds(frozenset(groups)))
    return frozenset(asked)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where the NLB stands. security_groups None: the ALB's. existing: what AWS has of it."""

    scheme: Scheme
    subnets: tuple[SubnetMapping, ...]
    security_groups: tuple[Value, ...] | None
    existing: LoadBalancer | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Frontend:
    """What a stack holds for the sake of the NLB."""

    load_balancers: tuple[LoadBalancer, ...] = ()
    target_groups: tuple[TargetGroup, ...] = ()
    listeners: tuple[Listener, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class FrontendBuilder:
    """Builds the NLB of one stack. wanted: the stack's `frontend`."""

    intent: StackIntent
    wanted: FrontendIntent
    facts: Facts
    config: BuildConfig

    def place(self) -> Place:
        """What can be wrong with it is wrong here: raises SpecError or UnmetNeed with everything."""
        lb, findings = self.wanted.load_balancer, Findings()
        existing = existing_load_balancer(lb, self.facts[Existing(self.intent.stack)])
        scheme = choose_scheme(lb, existing)
        with findings:
            subnets = self._subnets(scheme, existing)
        with findings:
            groups = self._security_groups(existing)
        findings.finish()
        return Place(scheme=scheme, subnets=subnets, security_groups=groups, existing=existing)

    def build(self, place: Place, *, behind: LoadBalancer) -> Frontend:
        """behind: the ALB."""
        return Frontend(
            load_balancers=(self._load_balancer(place, behind),),
            target_groups=tuple(self._target_group(listener, behind) for listener in self.wanted.listeners),
            listeners=tuple(self._listener(listener) for listener in self.wanted.listeners),
        )

    @property
    def _address_type(self) -> str:
        return self.wanted.load_balancer.ip_address_type or "ipv4"

    def _subnets(self, scheme: Scheme, existing: LoadBalancer | None) -> tuple[SubnetMapping, ...]:
        lb, stack, address_type = self.wanted.load_balancer, self.intent.stack, self._address_type
        chosen = SubnetChooser(
            intent=lb, stack=stack, scheme=scheme, ip_address_type=address_type, facts=self.facts, config=self.config
        ).choose(existing)
        return AddressPlan(
            intent=lb, stack=stack, scheme=scheme, ip_address_type=address_type, subnets=chosen
        ).mappings()

    def _security_groups(self, existing: LoadBalancer | None) -> tuple[Value, ...] | None:
        """AWS gives an NLB that was made without any none later."""
        lb = self.wanted.load_balancer
        without = existing is not None and not existing.security_groups
        if lb.security_groups.groups is None and not without:
            return None
        return choose_groups(
            replace(self.intent, load_balancer=lb),
            ip_address_type=self._address_type,
            existing=existing,
            facts=self.facts,
            config=self.config,
        ).frontend

    def _load_balancer(self, place: Place, behind: LoadBalancer) -> LoadBalancer:
        lb: LoadBalancerIntent = self.wanted.load_balancer
        groups = behind.security_groups if place.security_groups is None else place.security_groups
        return build_load_balancer(
            lb,
            stack=self.intent.stack,
            called=frontend_naming(alb=behind.name, scheme=place.scheme),
            scheme=place.scheme,
            ip_address_type=self._address_type,
            subnets=place.subnets,
            security_groups=groups,
            existing=place.existing,
            config=self.config,
        )

    def _target_group(self, wanted: FrontendListenerIntent, behind: LoadBalancer) -> TargetGroup:
        check, target_group = build_frontend_health_check(wanted.health_check), _target_group_id(wanted)
        return TargetGroup(
            id=target_group,
            name=naming.frontend_target_group(
                cluster=self.config.cluster_name,
                group=self.intent.stack.name,
                port=wanted.port,
                protocol=_PROTOCOL,
                health_check_port=check.port,
                health_check_protocol=check.protocol,
            ),
            target_type="alb",
            port=wanted.port,
            protocol=_PROTOCOL,
            protocol_version=None,
            ip_address_type="ipv4",
            vpc_id=self.config.vpc_id,
            health_check=check,
            tags=self._tags(target_group),
            attributes={},
            target=LoadBalancerTarget(load_balancer=behind.ref, port=wanted.target_port),
        )

    def _listener(self, wanted: FrontendListenerIntent) -> Listener:
        listener, target_group = (
            f"{FRONTEND}-ls-{_PROTOCOL}-{wanted.port}",
            Ref("TargetGroup", _target_group_id(wanted)),
        )
        return Listener(
            id=listener,
            load_balancer=Ref("LoadBalancer", FRONTEND),
            port=wanted.port,
            protocol=_PROTOCOL,
            default_actions=(Forward(target_groups=(WeightedTargetGroup(target_group),)),),
            tags=self._tags(listener) if self.config.listener_rules_tagging else None,
            attributes={},
        )

    def _tags(self, resource: str) -> Mapping[str, str]:
        own = self.wanted.load_balancer.tags
        return resource_tags(own, stack=self.intent.stack, resource=resource, config=self.config)


def _target_group_id(wanted: FrontendListenerIntent) -> str:
    return f"{FRONTEND}-tg-{_PROTOCOL}-{wanted.port}"
