"""Random stacks that a builder could have made, for property tests: few ids, so that two of them meet often."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import strategies as st

from aws_lb_controller.model.firewall import Firewall
from aws_lb_controller.model.listener import Action, Forward, Listener, Rule, Transform, WeightedTargetGroup
from aws_lb_controller.model.load_balancer import LoadBalancer, SubnetMapping
from aws_lb_controller.model.refs import BACKEND_SECURITY_GROUP, Ref
from aws_lb_controller.model.security_group import SecurityGroup, Source
from aws_lb_controller.model.stack import Stack
from aws_lb_controller.model.target_group import TargetGroup
from builders_model import (
    STACK_ID,
    a_binding,
    a_frontend_listener,
    a_frontend_nlb,
    a_frontend_target_group,
    a_health_check,
    a_listener,
    a_load_balancer,
    a_rule,
    a_security_group,
    a_target_group,
    a_tls_listener,
    an_ingress_rule,
    forward,
    not_found,
    path,
    tags,
)

TARGET_GROUP_IDS = ("shop/a:80", "shop/b:80", "shop/c:80")
SECURITY_GROUP_IDS = ("ManagedLBSecurityGroup", "Second")
PORTS = (80, 443, 8080)
PRIORITIES = range(1, 8)
user_tags = st.dictionaries(st.sampled_from(["team", "stage"]), st.sampled_from(["x", "y"]), max_size=2)


@st.composite
def stacks(draw: st.DrawFn) -> Stack:
    """A stack whose references all lead somewhere; sometimes without a load balancer."""
    security_groups = tuple(draw(_security_group(i)) for i in SECURITY_GROUP_IDS if draw(st.booleans()))
    target_groups = tuple(draw(_target_group(i)) for i in TARGET_GROUP_IDS if draw(st.booleans()))
    load_balancers = tuple(draw(st.lists(_load_balancer(security_groups), min_size=0, max_size=1)))
    ports = [port for port in PORTS if load_balancers and draw(st.booleans())]
    listeners = tuple(draw(_listener(port, target_groups)) for port in ports)
    rules = tuple(rule for port in ports for rule in draw(_rules(port, target_groups)))
    bindings = tuple(_binding(group) for group in target_groups if draw(st.booleans()))
    mapped = draw(_port_mapping(ports)) if load_balancers and draw(st.booleans()) else None
    return Stack(
        id=STACK_ID,
        security_groups=security_groups,
        target_groups=(*target_groups, *(a_frontend_target_group(port, to=to) for port, to in (mapped or {}).items())),
        load_balancers=(*load_balancers, *(() if mapped is None else (draw(_frontend_nlb(load_balancers[0])),))),
        listeners=(*listeners, *map(a_frontend_listener, mapped or {})),
        rules=rules,
        bindings=bindings,
    )


def _port_mapping(ports: list[int]) -> st.SearchStrategy[dict[int, int]]:
    """Ports of the NLB in front to ports that the load balancer listens on."""
    return st.dictionaries(st.sampled_from([80, 8443]), st.sampled_from(ports), max_size=2) if ports else st.just({})


@st.composite
def _frontend_nlb(draw: st.DrawFn, behind: LoadBalancer) -> LoadBalancer:
    return a_frontend_nlb(
        scheme=draw(st.sampled_from(["internal", "internet-facing"])),
        security_groups=behind.security_groups,
        tags=tags("FrontendNlb", **draw(user_tags)),
    )


@st.composite
def _security_group(draw: st.DrawFn, group_id: str) -> SecurityGroup:
    ports = draw(st.sets(st.sampled_from(PORTS)))
    rules = {an_ingress_rule(port) for port in ports}
    if group_id != SECURITY_GROUP_IDS[0] and draw(st.booleans()):
        rules.add(an_ingress_rule(source=Source("security-group", BACKEND_SECURITY_GROUP)))
    return a_security_group(group_id, ingress=frozenset(rules), tags=tags(group_id, **draw(user_tags)))


@st.composite
def _target_group(draw: st.DrawFn, group_id: str) -> TargetGroup:
    return a_target_group(
        group_id,
        target_type=draw(st.sampled_from(["ip", "instance"])),
        port=draw(st.sampled_from([1, 8080])),
        protocol_version=draw(st.sampled_from(["HTTP1", "HTTP2"])),
        health_check=a_health_check(path=draw(st.sampled_from(["/", "/up", None]))),
        attributes=draw(st.dictionaries(st.just("stickiness.enabled"), st.sampled_from(["true", "false"]))),
        tags=tags(group_id, **draw(user_tags)),
    )


@st.composite
def _load_balancer(draw: st.DrawFn, security_groups: tuple[SecurityGroup, ...]) -> LoadBalancer:
    own = tuple(Ref("SecurityGroup", group.id) for group in security_groups if draw(st.booleans()))
    subnets = draw(st.sets(st.sampled_from(["subnet-a", "subnet-b", "subnet-c"]), min_size=1))
    return a_load_balancer(
        scheme=draw(st.sampled_from(["internal", "internet-facing"])),
        ip_address_type=draw(st.sampled_from(["ipv4", "dualstack"])),
        subnets=tuple(SubnetMapping(subnet_id=subnet) for subnet in sorted(subnets)),
        security_groups=(*own, *([BACKEND_SECURITY_GROUP] if draw(st.booleans()) else [])),
        attributes=draw(st.dictionaries(st.just("idle_timeout.timeout_seconds"), st.sampled_from(["60", "90"]))),
        tags=tags("LoadBalancer", **draw(user_tags)),
        firewall=Firewall(
            web_acl=draw(st.sampled_from([None, "", "arn-web-acl-a", "arn-web-acl-b"])),
            classic_web_acl=draw(st.sampled_from([None, "", "classic"])),
            shield=draw(st.sampled_from([None, False, True])),
        ),
    )


@st.composite
def _listener(draw: st.DrawFn, port: int, groups: tuple[TargetGroup, ...]) -> Listener:
    plain = a_listener(port, default_actions=(draw(_action(groups)),), tags=tags(str(port), **draw(user_tags)))
    if draw(st.booleans()):
        return plain
    certificates = draw(st.lists(st.sampled_from(["cert-a", "cert-b", "cert-c"]), min_size=1, unique=True))
    policy = draw(st.sampled_from(["ELBSecurityPolicy-2016-08", "ELBSecurityPolicy-TLS13-1-2-2021-06"]))
    return a_tls_listener(
        port,
        default_actions=plain.default_actions,
        tags=plain.tags,
        certificates=tuple(certificates),
        ssl_policy=policy,
    )


@st.composite
def _rules(draw: st.DrawFn, port: int, groups: tuple[TargetGroup, ...]) -> list[Rule]:
    priorities = draw(st.lists(st.sampled_from(PRIORITIES), unique=True, max_size=6))
    return [draw(_rule(priority, port, groups)) for priority in sorted(priorities)]


@st.composite
def _rule(draw: st.DrawFn, priority: int, port: int, groups: tuple[TargetGroup, ...]) -> Rule:
    paths = draw(st.lists(st.sampled_from(["/", "/a", "/b"]), min_size=1, max_size=2, unique=True))
    rewrite = Transform(type="url-rewrite", rewrites=(("^/a", "/b"),))
    return a_rule(
        priority,
        port,
        conditions=(path(*paths),),
        actions=(draw(_action(groups)),),
        transforms=(rewrite,) if draw(st.booleans()) else (),
    )


@st.composite
def _action(draw: st.DrawFn, groups: tuple[TargetGroup, ...]) -> Action:
    chosen = draw(st.lists(st.sampled_from(groups), unique_by=lambda g: g.id, max_size=2)) if groups else []
    refs = [Ref("TargetGroup", group.id) for group in chosen]
    if not refs:
        return not_found()
    if len(refs) == 1:
        return forward(*refs)
    return Forward(target_groups=tuple(WeightedTargetGroup(ref, draw(st.sampled_from([None, 1, 50]))) for ref in refs))


def _binding(group: TargetGroup) -> object:
    return replace(a_binding(group.id), name=group.name, target_type=group.target_type)
