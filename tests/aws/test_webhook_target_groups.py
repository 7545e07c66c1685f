"""The webhooks' look at target groups, in AWS as moto has it."""

from __future__ import annotations

from typing import Any

import pytest
from aws_builders import LOG, our_clients

from aws_lb_controller.aws.accounts import Accounts
from aws_lb_controller.errors import UnmetNeed
from aws_lb_controller.intent.binding import AssumedRole
from aws_lb_controller.webhooks.target_groups import FoundGroup, TargetGroups, describing

BINDING = "TargetGroupBinding shop/tgb"
ROLE = AssumedRole(arn="arn:aws:iam::210987654321:role/targets", external_id=None)


@pytest.fixture
def accounts(aws: Any) -> Accounts:
    return Accounts(our_clients(aws.world.vpc_id))


@pytest.fixture
def groups(accounts: Accounts) -> TargetGroups:
    return TargetGroups(describing(accounts))


def found(groups: TargetGroups, **spec: str) -> FoundGroup:
    return groups.of_binding(spec, object_ref=BINDING)


def test_a_target_group_is_found_by_arn_and_by_name(aws: Any, groups: TargetGroups) -> None:
    arn = aws.target_group("web")
    expected = FoundGroup(arn=arn, target_type="ip", ip_address_type="ipv4", vpc_id=aws.world.vpc_id, protocol="HTTP")

    assert expected == found(groups, targetGroupName="web")
    assert expected == found(groups, targetGroupARN=arn)
    assert ["DescribeTargetGroups"] == LOG.operations()


def test_a_name_is_asked_for_each_time(aws: Any, groups: TargetGroups) -> None:
    aws.target_group("web")
    found(groups, targetGroupName="web")
    found(groups, targetGroupName="web")

    assert ["DescribeTargetGroups"] * 2 == LOG.operations()


def test_a_role_finds_the_target_groups_of_its_account(accounts: Accounts, groups: TargetGroups) -> None:
    theirs = accounts.elbv2(ROLE).create_target_group(Name="web", TargetType="lambda")["TargetGroups"][0]

    arn = theirs["TargetGroupArn"]
    assert arn == found(groups, targetGroupName="web", iamRoleArnToAssume=ROLE.arn).arn
    with pytest.raises(UnmetNeed, match=r"spec\.targetGroupName = 'web'"):
        found(groups, targetGroupName="web")


def test_a_target_group_that_is_not_there_is_the_users_to_mend(aws: Any, groups: TargetGroups) -> None:
    gone = aws.target_group("gone")
    aws.elbv2.delete_target_group(TargetGroupArn=gone)

    with pytest.raises(UnmetNeed, match="AWS does not tell the target group: DescribeTargetGroups"):
        found(groups, targetGroupARN=gone)
