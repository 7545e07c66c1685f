"""From an intent to a stack: first what must be known of AWS, then everything that is wanted there.

`questions` says what to ask; whoever has the answers hands them to `build` as facts. Both are pure: the same intent,
facts and settings give the same stack. ALB and NLB take the same road; what differs is data in the builders.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from aws_lb_controller.build import firewalls
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
    TrustStoreArns,
    VpcNetworks,
    VpcSubnets,
)
from aws_lb_controller.build.frontend_nlb import Frontend, FrontendBuilder, frontend_questions
from aws_lb_controller.build.listeners import ListenerBuilder, foreign_names, trust_store_names
from aws_lb_controller.build.load_balancers import (
    build_load_balancer,
    check_name,
    choose_scheme,
    existing_load_balancer,
    main_naming,
)
from aws_lb_controller.build.networking import Reach
from aws_lb_controller.build.problems import Findings
from aws_lb_controller.build.security_groups import Groups, choose_groups
from aws_lb_controller.build.subnets import SubnetChooser, may_go_by_routes
from aws_lb_controller.build.tags import check_tags
from aws_lb_controller.build.target_groups import build_target_group
from aws_lb_controller.intent.values import StackIntent, TargetGroupIntent
from aws_lb_controller.model.binding import Binding
from aws_lb_controller.model.listener import Listener, Rule
from aws_lb_controller.model.load_balancer import LoadBalancer, Scheme, SubnetMapping
from aws_lb_controller.model.stack import Stack
from aws_lb_controller.model.target_group import TargetGroup


def questions(intent: StackIntent, config: BuildConfig) -> frozenset[Question[Any]]:
    """What `build` needs to know for this intent."""
    lb = intent.load_balancer
    asked: set[Question[Any]] = {Existing(intent.stack), VpcSubnets()}
    if may_go_by_routes(lb.subnets, config):
        asked.add(PublicSubnets())
    if lb.security_groups.groups:
        asked.add(SecurityGroupIds(frozenset(lb.security_groups.groups)))
    if lb.type == "network" and not lb.access.cidrs:
        asked.add(VpcNetworks())
    if intent.mentions.certificates or any(listener.certificate_hosts for listener in intent.listeners):
        asked.add(Certificates())
    if names := foreign_names(intent):
        asked.add(TargetGroupArns(names))
    if names := trust_store_names(intent.listeners):
        asked.add(TrustStoreArns(names))
    asked.update(firewalls.questions(intent))
    if intent.frontend:
        asked |= frontend_questions(intent.frontend, config)
    return frozenset(asked)


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
    with findings:
        site.check_name()
    with findings:
        firewall = firewalls.build_firewall(intent, facts)
    frontend = (
        FrontendBuilder(intent=intent, wanted=intent.frontend, facts=facts, config=config) if intent.frontend else None
    )
    with findings:
        place = frontend.place() if frontend else None
    target_groups = _target_groups(site, findings)
    listeners, rules = _listeners(site, findings)
    findings.finish()
    load_balancer = replace(site.load_balancer(mappings, groups), firewall=firewall)
    front = frontend.build(place, behind=load_balancer) if frontend and place else Frontend()
    return Stack(
        id=intent.stack,
        security_groups=(groups.managed,) if groups.managed else (),
        target_groups=(*target_groups, *front.target_groups),
        load_balancers=(load_balancer, *front.load_balancers),
        listeners=(*listeners, *front.listeners),
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

    def check_name(self) -> None:
        check_name(self.intent.load_balancer, stack=self.intent.stack, scheme=self.scheme, existing=self.existing)

    def target_group(self, wanted: TargetGroupIntent) -> TargetGroup:
        return build_target_group(wanted, intent=self.intent, ip_address_type=self.ip_address_type, config=self.config)

    def load_balancer(self, mappings: tuple[SubnetMapping, ...], groups: Groups) -> LoadBalancer:
        return build_load_balancer(
            self.intent.load_balancer,
            stack=self.intent.stack,
            called=main_naming(self.intent, scheme=self.scheme, config=self.config),
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
    if intent.frontend:
        tagged.append((intent.frontend.load_balancer.tags, intent.frontend.load_balancer.blame))
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
