"""Inbound rules are read afresh, and granting or revoking twice is no error."""

from __future__ import annotations

from typing import Any

import pytest
from aws_builders import CLUSTER, LOG, our_clients

from aws_lb_controller.aws.security_group_rules import SecurityGroupRules
from aws_lb_controller.model.security_group import IngressRule, Source

NETWORK = Source("ipv4", "10.0.0.0/16")


def a_rule(port: int = 80, source: Source = NETWORK, **more: Any) -> IngressRule:
    return IngressRule(protocol="tcp", from_port=port, to_port=port, source=source, description="ours", **more)


@pytest.fixture
def rules(aws: Any) -> SecurityGroupRules:
    return SecurityGroupRules(our_clients(aws.world.vpc_id), cluster=CLUSTER)


@pytest.fixture
def group(aws: Any) -> str:
    return str(aws.world.node_security_group_id)


def test_rules_of_every_source_come_back_as_they_were_granted(rules: SecurityGroupRules, group: str, aws: Any) -> None:
    sources = [
        NETWORK,
        Source("ipv6", "2001:db8::/48"),
        Source("security-group", aws.security_group("other")),
    ]
    wanted = frozenset(a_rule(source=source) for source in sources)
    rules.authorize(group, wanted)
    assert {group: wanted} == rules.read([group])


def test_granting_what_is_there_grants_the_rest(rules: SecurityGroupRules, group: str) -> None:
    rules.authorize(group, [a_rule(80)])
    rules.authorize(group, [a_rule(80), a_rule(81)])
    assert {a_rule(80), a_rule(81)} == rules.read([group])[group]


def test_revoking_what_is_gone_revokes_the_rest(rules: SecurityGroupRules, group: str) -> None:
    rules.authorize(group, [a_rule(80)])
    rules.revoke(group, [a_rule(80), a_rule(81)])
    assert frozenset() == rules.read([group])[group]


def test_a_group_that_does_not_exist_is_left_out(rules: SecurityGroupRules, group: str) -> None:
    assert {group} == rules.read([group, "sg-0123456789abcdef0"]).keys()


def test_the_clusters_groups_are_found_by_their_tag(rules: SecurityGroupRules, group: str, aws: Any) -> None:
    aws.security_group("untagged")
    assert {group} == rules.read_groups_of_the_cluster().keys()


def test_nothing_is_remembered(rules: SecurityGroupRules, group: str) -> None:
    for _ in range(2):
        rules.read([group])
    assert ["DescribeSecurityGroups"] * 2 == LOG.operations()
