"""What holds for every stack that can be built."""

from __future__ import annotations

import copy
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from aws_lb_controller.build.stack import build
from aws_lb_controller.intent.values import (
    ForwardIntent,
    ForwardTo,
    FrontendAccess,
    HealthCheckIntent,
    ListenerIntent,
    RuleIntent,
    SecurityGroupChoice,
    StackIntent,
    TargetGroupIntent,
)
from aws_lb_controller.model.listener import Condition, FixedResponse
from aws_lb_controller.model.refs import BACKEND_SECURITY_GROUP, Ref, references
from aws_lb_controller.model.stack import Stack, StackId
from builders_intent import (
    a_build_config,
    a_load_balancer_intent,
    a_service_port,
    all_subnets,
    an_existing,
    facts,
    some_service_facts,
)

NAMES = st.from_regex(r"[a-z]([-a-z0-9]{0,40}[a-z0-9])?", fullmatch=True)
PORTS = st.integers(1, 65535)
CONFIGS = st.builds(
    a_build_config,
    enable_backend_security_group=st.booleans(),
    disable_restricted_sg_rules=st.booleans(),
    default_tags=st.dictionaries(NAMES, NAMES, max_size=2),
)


@st.composite
def target_groups(draw: Any, *, network: bool, namespace: str, name: str, port: int) -> TargetGroupIntent:
    service_port = a_service_port(
        port, target_port=draw(st.one_of(PORTS, NAMES)), node_port=draw(st.integers(30000, 32767))
    )
    return TargetGroupIntent(
        id=f"{namespace}/{name}:{port}",
        owner="" if network else f"{namespace}/{name}",
        service=some_service_facts(namespace=namespace, name=name, ports=(service_port,)),
        service_port=service_port,
        port_as_written=port,
        target_type=draw(st.sampled_from(["ip", "instance"])),
        protocol=draw(st.sampled_from(["TCP", "UDP", "TCP_UDP", "TLS"] if network else ["HTTP", "HTTPS"])),
        protocol_version=None if network else draw(st.sampled_from(["HTTP1", "HTTP2", "GRPC"])),
        health_check=HealthCheckIntent(port=draw(st.sampled_from([None, "traffic-port", "8081"]))),
    )


def _forward(groups: list[TargetGroupIntent]) -> ForwardIntent:
    return ForwardIntent(to=tuple(ForwardTo(target_group=tg.id, weight=1) for tg in groups))


@st.composite
def intents(draw: Any) -> StackIntent:
    network = draw(st.booleans())
    namespace, name = draw(NAMES), draw(NAMES)
    explicit = not network and draw(st.booleans())
    ports = draw(st.lists(PORTS, min_size=1, max_size=3, unique=True))
    groups = [draw(target_groups(network=network, namespace=namespace, name=name, port=port)) for port in ports]
    rule = RuleIntent(
        owner=name, conditions=(Condition(field="path-pattern", values=("/*",)),), actions=(_forward(groups),)
    )
    no_group = network and draw(st.booleans())
    return StackIntent(
        stack=StackId("service" if network else "ingress", name if explicit else f"{namespace}/{name}"),
        load_balancer=a_load_balancer_intent(
            type="network" if network else "application",
            scheme=draw(st.sampled_from(["internal", "internet-facing"])),
            security_groups=SecurityGroupChoice(none_at_all=no_group),
            access=FrontendAccess(cidrs=draw(st.sampled_from([(), ("10.0.0.0/8",)]))),
        ),
        target_groups=tuple(groups),
        listeners=tuple(
            ListenerIntent(
                port=tg.service_port.port,
                protocol=tg.protocol,
                default_actions=(_forward([tg]),) if network else (FixedResponse(status_code="404"),),
                rules=() if network else (rule,) * draw(st.integers(0, 3)),
            )
            for tg in groups
        ),
    )


def made_by(stack: Stack) -> set[Ref]:
    return {
        *(Ref("SecurityGroup", group.id) for group in stack.security_groups),
        *(Ref("TargetGroup", group.id) for group in stack.target_groups),
        *(lb.ref for lb in stack.load_balancers),
        *(listener.ref for listener in stack.listeners),
    }


@given(intents(), CONFIGS)
def test_the_same_intent_and_facts_give_the_same_stack(intent: StackIntent, config: Any) -> None:
    again = copy.deepcopy(intent)
    assert build(intent, facts(intent, config), config) == build(again, facts(again, config), config)


@given(intents(), CONFIGS, st.permutations(all_subnets()))
def test_the_order_of_facts_does_not_matter(intent: StackIntent, config: Any, subnets: Any) -> None:
    known, shuffled = facts(intent, config), facts(intent, config, subnets=tuple(subnets))
    assert build(intent, known, config) == build(intent, shuffled, config)


@given(intents(), CONFIGS)
def test_names_fit_what_aws_allows(intent: StackIntent, config: Any) -> None:
    stack = build(intent, facts(intent, config), config)
    named = (*stack.load_balancers, *stack.target_groups, *stack.security_groups, *stack.bindings)
    assert [] == [resource.name for resource in named if not 0 < len(resource.name) <= 32]


@given(intents(), CONFIGS)
def test_every_reference_is_to_something_the_stack_makes_or_to_the_shared_group(
    intent: StackIntent, config: Any
) -> None:
    stack = build(intent, facts(intent, config), config)
    assert set(references(stack)) <= made_by(stack) | {BACKEND_SECURITY_GROUP}


@given(intents(), CONFIGS)
def test_no_two_resources_of_a_kind_have_the_same_id(intent: StackIntent, config: Any) -> None:
    stack = build(intent, facts(intent, config), config)
    for resources in (stack.target_groups, stack.listeners, stack.rules):
        ids = [resource.id for resource in resources]
        assert sorted(set(ids)) == sorted(ids)


@given(intents(), CONFIGS)
def test_building_again_over_what_was_built_changes_nothing(intent: StackIntent, config: Any) -> None:
    stack = build(intent, facts(intent, config), config)
    (lb,) = stack.load_balancers
    existing = an_existing(
        type=lb.type, scheme=lb.scheme, subnets=tuple(reversed(lb.subnets)), security_groups=lb.security_groups
    )
    if lb.security_groups or lb.type == "network":
        assert stack == build(intent, facts(intent, config, existing=existing), config)
