"""What aws-alb-ingress-controller 1.x left bears the cluster's name by another tag: it is taken over, not made anew."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from group_world import GroupWorld, a_backend_service

from builders_ingress import a_path, a_rule, an_ingress
from simulated_cluster import samples

NOW, THEN = "elbv2.k8s.aws/cluster", "ingress.k8s.aws/cluster"


@pytest.fixture
def world(aws: Any) -> GroupWorld:
    """An Ingress alone, whose things in AWS bear tags as if that controller had made them."""
    world = GroupWorld(aws)
    world.world.permissions = world.world.permissions.also("iam-policy-untagged")
    ingress = an_ingress("a", rules=[a_rule(a_path("/a", service="a"))])
    world.cluster.apply(*samples("ingress-class"), a_backend_service("a"), ingress)
    world.run()
    assert [] == world.world.unexpected()
    return world


def things(aws: Any) -> tuple[list[str], str]:
    """The ARNs of load balancers and target groups, and the id of the managed security group."""
    (balancer,) = aws.elbv2.describe_load_balancers()["LoadBalancers"]
    (group,) = aws.elbv2.describe_target_groups()["TargetGroups"]
    managed = managed_groups(aws)
    assert 1 == len(managed)
    return [balancer["LoadBalancerArn"], group["TargetGroupArn"]], managed[0]["GroupId"]


def managed_groups(aws: Any) -> list[Mapping[str, Any]]:
    stack = [{"Name": "tag:ingress.k8s.aws/stack", "Values": ["shop/a"]}]
    return list(aws.ec2.describe_security_groups(Filters=stack)["SecurityGroups"])


def as_if_made_by_v1(aws: Any, *, cluster: str) -> None:
    arns, group = things(aws)
    aws.elbv2.remove_tags(ResourceArns=arns, TagKeys=[NOW])
    aws.elbv2.add_tags(ResourceArns=arns, Tags=[{"Key": THEN, "Value": cluster}])
    aws.ec2.delete_tags(Resources=[group], Tags=[{"Key": NOW}])
    aws.ec2.create_tags(Resources=[group], Tags=[{"Key": THEN, "Value": cluster}])


def cluster_of(world: GroupWorld) -> str:
    arns, _ = things(world.aws)
    return world.tags(arns[0])[NOW]


def test_it_is_taken_over_by_nothing_but_tags(world: GroupWorld) -> None:
    cluster, before = cluster_of(world), things(world.aws)
    as_if_made_by_v1(world.aws, cluster=cluster)
    world.restart()
    assert {"AddTags", "CreateTags"} == {*world.operations()}
    assert before == things(world.aws)
    tags = [world.tags(arn) for arn in before[0]]
    assert [(cluster, cluster)] * 2 == [(one[NOW], one[THEN]) for one in tags]  # so that going back stays possible
    world.restart()
    assert [] == world.operations()


def test_a_deletion_takes_it_away(world: GroupWorld) -> None:
    as_if_made_by_v1(world.aws, cluster=cluster_of(world))
    world.delete("a")
    world.restart()
    assert ([], []) == (world.aws.elbv2.describe_load_balancers()["LoadBalancers"], managed_groups(world.aws))
    assert [] == world.aws.elbv2.describe_target_groups()["TargetGroups"]


def test_what_another_cluster_took_over_already_is_left_alone(world: GroupWorld) -> None:
    cluster, before = cluster_of(world), things(world.aws)
    as_if_made_by_v1(world.aws, cluster=cluster)
    world.aws.elbv2.add_tags(ResourceArns=before[0], Tags=[{"Key": NOW, "Value": "other"}])
    world.aws.ec2.create_tags(Resources=[before[1]], Tags=[{"Key": NOW, "Value": "other"}])
    world.delete("a")
    world.restart()
    assert before == things(world.aws)


def test_what_another_cluster_had_is_left_alone(world: GroupWorld) -> None:
    as_if_made_by_v1(world.aws, cluster="other")
    before = things(world.aws)
    world.delete("a")
    world.restart()
    assert before == things(world.aws)
    assert not world.exists("a")
