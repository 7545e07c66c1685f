"""Who comes to an IngressGroup and does not fit in hurts nobody: it gave nothing yet, whatever its status says."""

from __future__ import annotations

from typing import Any

import pytest
from group_world import GROUP, GroupWorld, a_backend_service

from aws_lb_controller.cluster.kinds import INGRESS
from builders_ingress import a_path, a_rule, an_ingress
from simulated_cluster import Obj, samples

STATUS = {"loadBalancer": {"ingress": [{"hostname": "old.elb.amazonaws.com"}]}}
"""What an Ingress has from another group, or from when it stood alone."""
BROKEN = {"healthcheck-interval-seconds": "soon"}
DUAL_STACK = {"ip-address-type": "dualstack"}


@pytest.fixture
def group(aws: Any) -> GroupWorld:
    """A group of one in the private subnets, which have no IPv6."""
    world = GroupWorld(aws)
    world.cluster.apply(*samples("ingress-class"), a_backend_service("a"), a_backend_service("b"), a_member("a"))
    world.run()
    assert [] == world.world.unexpected()
    return world


def a_member(name: str, alb: dict[str, str] | None = None, **more: Obj) -> Obj:
    said = {"group.name": GROUP, **(alb or {})}
    return {**an_ingress(name, alb=said, rules=[a_rule(a_path(f"/{name}", service=name))]), **more}


def paths(group: GroupWorld) -> set[str]:
    """The paths of the rules in AWS, without those of what lies below."""
    arns = [listener["ListenerArn"] for listener in group.listeners().values()]
    rules = [rule for arn in arns for rule in group.aws.elbv2.describe_rules(ListenerArn=arn)["Rules"]]
    values = [value for rule in rules for c in rule["Conditions"] for value in c["PathPatternConfig"]["Values"]]
    return {value for value in values if not value.endswith("*")}


@pytest.mark.parametrize("alb", [BROKEN, DUAL_STACK], ids=["unreadable", "cannot be built"])
def test_a_newcomer_that_cannot_be_built_stops_nobody_though_it_bears_a_status(
    alb: dict[str, str], group: GroupWorld
) -> None:
    group.cluster.apply(a_member("b", alb, status=STATUS))
    group.run()
    group.cluster.edit(INGRESS, "shop", "a", {"spec": {"rules": [a_rule(a_path("/other", service="a"))]}})
    group.run()
    assert {"/other"} == paths(group)
    group.world.restart()
    group.cluster.edit(INGRESS, "shop", "a", {"spec": {"rules": [a_rule(a_path("/third", service="a"))]}})
    group.run()
    assert {"/third"} == paths(group)


def test_a_newcomer_with_ipv6_that_the_subnets_have_not_changes_nothing_in_aws(group: GroupWorld) -> None:
    before = group.world.aws_state()
    group.cluster.apply(a_member("b", DUAL_STACK))
    group.run()
    assert [] == group.wire.mutations()
    assert before == group.world.aws_state()
    assert {"b"} == group.warned()
    assert "has no IPv6 network, which dualstack needs in every subnet" in group.warned_of("b")
