"""The shared backend security group is found or made once, by all alike."""

from __future__ import annotations

from typing import Any

import pytest
from aws_builders import CLUSTER, LOG, our_clients, settings

from aws_lb_controller.aws.backend_group import DESCRIPTION, BackendSecurityGroup
from aws_lb_controller.aws.clients import Clients

NAME = "k8s-traffic-demo-2a97516c35"
OWN_TAGS = {"elbv2.k8s.aws/cluster": CLUSTER, "elbv2.k8s.aws/resource": "backend-sg"}


@pytest.fixture
def ours(aws: Any) -> Clients:
    return our_clients(aws.world.vpc_id)


def described(aws: Any, group_id: str) -> dict[str, Any]:
    group = aws.ec2.describe_security_groups(GroupIds=[group_id])["SecurityGroups"][0]
    return {**group, "Tags": {tag["Key"]: tag["Value"] for tag in group["Tags"]}}


def by_hand(aws: Any, name: str, **tags: str) -> str:
    group = aws.security_group(name)
    wanted = {**OWN_TAGS, **tags}
    aws.ec2.create_tags(Resources=[group], Tags=[{"Key": k, "Value": v} for k, v in wanted.items()])
    return group


def test_it_is_made_with_the_name_and_tags_by_which_others_know_it(aws: Any, ours: Clients) -> None:
    group = BackendSecurityGroup(ours, settings(default_tags={"team": "shop"})).ensure()
    seen = described(aws, group)
    assert (NAME, DESCRIPTION, {**OWN_TAGS, "team": "shop"}) == (seen["GroupName"], seen["Description"], seen["Tags"])


def test_it_is_asked_for_only_once(ours: Clients) -> None:
    backend = BackendSecurityGroup(ours, settings())
    first = backend.ensure()
    LOG.calls.clear()
    assert first == backend.ensure() == backend.known
    assert [] == LOG.calls


def test_one_that_is_there_is_taken_and_its_tags_are_brought_up_to_date(aws: Any, ours: Clients) -> None:
    group = by_hand(aws, NAME, old="1", theirs="2")
    wanted = settings(default_tags={"team": "shop"}, external_managed_tags=("theirs",))
    assert group == BackendSecurityGroup(ours, wanted).ensure()
    assert {**OWN_TAGS, "team": "shop", "theirs": "2"} == described(aws, group)["Tags"]


def test_of_two_every_replica_takes_the_one_with_the_right_name(aws: Any, ours: Clients) -> None:
    by_hand(aws, "another")
    right = by_hand(aws, NAME)
    assert right == BackendSecurityGroup(ours, settings()).ensure()


def test_one_that_the_flag_names_is_never_made_or_deleted(ours: Clients) -> None:
    backend = BackendSecurityGroup(ours, settings(backend_security_group="sg-given"))
    assert "sg-given" == backend.ensure() == backend.known
    backend.delete(needed=lambda: False)
    assert [] == LOG.calls


def test_deleting_it_lets_the_next_one_who_needs_it_make_it_again(ours: Clients) -> None:
    backend = BackendSecurityGroup(ours, settings())
    first = backend.ensure()
    backend.delete(needed=lambda: False)
    assert backend.known is None
    assert first != backend.ensure()


def test_one_that_others_deleted_is_deleted_without_an_error(aws: Any, ours: Clients) -> None:
    backend = BackendSecurityGroup(ours, settings())
    aws.ec2.delete_security_group(GroupId=backend.ensure())
    backend.delete(needed=lambda: False)
    assert backend.known is None


def test_a_group_that_somebody_came_to_need_meanwhile_stays(ours: Clients) -> None:
    backend = BackendSecurityGroup(ours, settings())
    group = backend.ensure()
    backend.delete(needed=lambda: True)
    assert group == backend.known


def test_a_look_that_began_before_the_group_was_deleted_does_not_bring_it_back(aws: Any, ours: Clients) -> None:
    group = by_hand(aws, NAME)
    backend = BackendSecurityGroup(ours, settings())
    since = backend.changes
    seen = [described(aws, group)]
    seen[0]["Tags"] = [{"Key": key, "Value": value} for key, value in seen[0]["Tags"].items()]
    backend.delete(needed=lambda: False)  # it was not known before, nor is it after
    backend.notice(seen, since=since)
    assert backend.known is None


def test_a_look_at_all_groups_tells_that_there_is_none(ours: Clients) -> None:
    backend = BackendSecurityGroup(ours, settings())
    backend.ensure()
    backend.notice([], since=backend.changes)
    assert backend.known is None
