"""From an intent to a stack: first what must be known of AWS, then everything that is wanted there.

`questions` says what to ask; whoever has the answers hands them to `build` as facts. Both are pure: the same intent,
facts and settings give the same stack. ALB and NLB take the same road; what differs is data in the builders.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from aws_lb_controller.build.addresses import AddressPlan
from aws_lb_controller.build.bindings import build_binding
from aws_lb_controller.build.config import BuildConfig
from aws_lb_controller.build.facts import (
    Certificates,
    Existing,
    Facts,
    PublicSubnets,
    Question,
    SecurityGroupIds,
    Subnet,
    TargetGroupArns,
    VpcNetworks,
    VpcSubnets,
)
from aws_lb_controller.build.listeners import ListenerBuilder, foreign_names
from aws_lb_controller.build.load_balancers import (
    build_load_balancer,
    choose_scheme,
    existing_load_balancer,
)
from aws_lb_controller.build.networking import Reach
from aws_lb_controller.build.problems import Findings
from aws_lb_controller.build.security_groups import Groups, choose_groups
from aws_lb_controller.build.subnets import SubnetChooser
from aws_lb_controller.build.tags import check_tags
from aws_lb_controller.build.target_groups import build_target_group
from aws_lb_controller.intent.values import LoadBalancerIntent, StackIntent, TargetGroupIntent
from aws_lb_controller.model.binding import Binding
from aws_lb_controller.model.listener import Listener, Rule
from aws_lb_controller.model.load_balancer import LoadBalancer, Scheme, SubnetMapping
from aws_lb_controller.model.stack import Stack
from aws_lb_controller.model.target_group import TargetGroup


def questions(intent: StackIntent, config: BuildConfig) -> frozenset[Question[Any]]:
    """What `build` needs to know for this intent."""
    lb = intent.load_balancer
    asked: set[Question[Any]] = {Existing(intent.stack), VpcSubnets()}
    if _may_go_by_routes(lb, config):
        asked.add(PublicSubnets())
    if lb.security_groups.groups:
        asked.add(SecurityGroupIds(frozenset(lb.security_groups.groups)))
    if lb.type == "network" and not lb.access.cidrs:
        asked.add(VpcNetworks())
    if any(listener.certificate_hosts for listener in intent.listeners):
        asked.add(Certificates())
    if names := foreign_names(intent.listeners):
        asked.add(TargetGroupArns(names))
    return frozenset(asked)


def _may_go_by_routes(lb: LoadBalancerIntent, config: BuildConfig) -> bool:
    silent = lb.subnets.names_or_ids is None and lb.subnets.tags is None
    return silent and config.subnet_discovery_by_reachability


def build(intent: StackIntent, facts: Facts, config: BuildConfig) -> Stack:
    """Everything that the intent wants in AWS.

    Raises SpecError where an edit is needed, UnmetNeed where only AWS lacks something; either has every problem found.
    """
    site, findings = _Site.of(intent, facts=facts, config=config), Findings()
    _check_tags(intent, config=config, findings=findings)
    with findings:
        subnets = site.subnets()
        mappings = site.mappings(subnets)
    with findings:
        groups = site.groups()
    target_groups = _target_groups(site, findings)
    listeners, rules = _listeners(site, findings)
    findings.finish()
    return Stack(
        id=intent.stack,
        security_groups=(groups.managed,) if groups.managed else (),
        target_groups=target_groups,
        load_balancers=(site.load_balancer(mappings, groups),),
        listeners=listeners,
        rules=rules,
        bindings=_bindings(intent, target_groups, site.reach(subnets, groups)),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Site:
    """What is settled before anything is built: everything else depends on it."""

    intent: StackIntent
    facts: Facts
    config: BuildConfig
    existing: LoadBalancer | None
    scheme: Scheme
    ip_address_type: str

    @classmethod
    def of(cls, intent: StackIntent, *, facts: Facts, config: BuildConfig) -> _Site:
        existing = existing_load_balancer(intent.load_balancer, facts[Existing(intent.stack)])
        return cls(
            intent=intent,
            facts=facts,
            config=config,
            existing=existing,
            scheme=choose_scheme(intent.load_balancer, existing),
            ip_address_type=intent.load_balancer.ip_address_type or "ipv4",
        )

    def subnets(self) -> tuple[Subnet, ...]:
        chooser = SubnetChooser(
            intent=self.intent.load_balancer,
            stack=self.intent.stack,
            scheme=self.scheme,
            ip_address_type=self.ip_address_type,
            facts=self.facts,
            config=self.config,
        )
        return chooser.choose(self.existing)

    def mappings(self, subnets: tuple[Subnet, ...]) -> tuple[SubnetMapping, ...]:
        return AddressPlan(
            intent=self.intent.load_balancer,
            stack=self.intent.stack,
            scheme=self.scheme,
            ip_address_type=self.ip_address_type,
            subnets=subnets,
        ).mappings()

    def groups(self) -> Groups:
        return choose_groups(
            self.intent,
            ip_address_type=self.ip_address_type,
            existing=self.existing,
            facts=self.facts,
            config=self.config,
        )

    def target_group(self, wanted: TargetGroupIntent) -> TargetGroup:
        return build_target_group(wanted, intent=self.intent, ip_address_type=self.ip_address_type, config=self.config)

    def load_balancer(self, mappings: tuple[SubnetMapping, ...], groups: Groups) -> LoadBalancer:
        return build_load_balancer(
            self.intent,
            scheme=self.scheme,
            ip_address_type=self.ip_address_type,
            subnets=mappings,
            security_groups=groups.frontend,
            existing=self.existing,
            config=self.config,
        )

    def reach(self, subnets: tuple[Subnet, ...], groups: Groups) -> Reach:
        return Reach(
            load_balancer=self.intent.load_balancer,
            scheme=self.scheme,
            subnets=subnets,
            groups=groups,
            facts=self.facts,
            config=self.config,
        )


def _check_tags(intent: StackIntent, *, config: BuildConfig, findings: Findings) -> None:
    lb = intent.load_balancer
    tagged = [(lb.tags, lb.blame), *((tg.tags, tg.blame) for tg in intent.target_groups)]
    for listener in intent.listeners:
        tagged += [(listener.tags, listener.blame), *((rule.tags, listener.blame) for rule in listener.rules)]
    for tags, blame in tagged:
        with findings:
            check_tags(tags, blame=blame, stack=intent.stack, config=config)


def _target_groups(site: _Site, findings: Findings) -> tuple[TargetGroup, ...]:
    built = []
    for wanted in site.intent.target_groups:
        with findings:
            built.append(site.target_group(wanted))
    return tuple(built)


def _listeners(site: _Site, findings: Findings) -> tuple[tuple[Listener, ...], tuple[Rule, ...]]:
    builder = ListenerBuilder(intent=site.intent, facts=site.facts, config=site.config)
    listeners: list[Listener] = []
    rules: list[Rule] = []
    for wanted in site.intent.listeners:
        with findings:
            listeners.append(builder.listener(wanted))
        with findings:
            rules += builder.rules(wanted)
    return tuple(listeners), tuple(rules)


def _bindings(intent: StackIntent, target_groups: tuple[TargetGroup, ...], reach: Reach) -> tuple[Binding, ...]:
    return tuple(
        build_binding(wanted, built, reach=reach, stack=intent.stack)
        for wanted, built in zip(intent.target_groups, target_groups, strict=True)
    )
