"""The demo's tables show what is in AWS, read from its API."""

from __future__ import annotations

from typing import Any

import pytest

from localworld.aws_view import AwsView


def forward(*target_groups: str) -> dict[str, Any]:
    """An action that forwards to the groups in equal parts."""
    return {"Type": "forward", "ForwardConfig": {"TargetGroups": [{"TargetGroupArn": arn} for arn in target_groups]}}


@pytest.fixture
def view(aws: Any) -> AwsView:
    """The view of the test's account."""
    return AwsView(elbv2=aws.elbv2, ec2=aws.ec2, vpc_id=aws.world.vpc_id)


def test_load_balancers_are_shown_with_zones_and_the_names_of_their_groups(aws: Any, view: AwsView) -> None:
    aws.load_balancer("web", SecurityGroups=[aws.security_group("front")])
    expected = [("web", "application", "internal", "active", "us-west-2a, us-west-2b", "front")]
    assert expected == view.load_balancer_table().rows


def test_listeners_are_shown_with_their_default_action(aws: Any, view: AwsView) -> None:
    balancer = aws.load_balancer("web")
    aws.listener(balancer, port=81)
    aws.listener(balancer, aws.target_group("pods"), port=80)
    expected = [("web", "HTTP:80", "forward to pods"), ("web", "HTTP:81", "answer 404")]
    assert expected == view.listener_table().rows


def test_rules_are_shown_in_the_order_in_which_they_are_tried(aws: Any, view: AwsView) -> None:
    listener = aws.listener(aws.load_balancer("web"))
    for priority in (10, 2):
        aws.rule(listener, priority, forward(aws.target_group("a"), aws.target_group("b")))
    expected = [
        ("web", "80", "2", "path-pattern is /2", "forward to a (1), b (1)"),
        ("web", "80", "10", "path-pattern is /10", "forward to a (1), b (1)"),
    ]
    assert expected == view.rule_table().rows


def test_target_groups_are_shown_with_health_check_and_load_balancer(aws: Any, view: AwsView) -> None:
    aws.listener(aws.load_balancer("web"), aws.target_group("pods"))
    assert [("pods", "HTTP:80", "ip", "HTTP traffic-port /", "web")] == view.target_group_table().rows


def test_targets_are_shown_with_their_state_and_empty_groups_too(aws: Any, view: AwsView) -> None:
    aws.target_group("empty")
    targets = [{"Id": f"192.168.97.{number}", "Port": 80} for number in (1, 2)]
    aws.elbv2.register_targets(TargetGroupArn=aws.target_group("pods"), Targets=targets)
    expected = [("empty", "(none)", ""), ("pods", "192.168.97.1:80\n192.168.97.2:80", "healthy\nhealthy")]
    assert expected == view.target_table().rows


def test_security_groups_are_shown_with_where_traffic_may_come_from(aws: Any, view: AwsView) -> None:
    front, node = aws.security_group("front"), aws.world.node_security_group_id
    public = {"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
    inner = {"IpProtocol": "tcp", "FromPort": 80, "ToPort": 8080, "UserIdGroupPairs": [{"GroupId": front}]}
    aws.ec2.authorize_security_group_ingress(GroupId=front, IpPermissions=[public])
    aws.ec2.authorize_security_group_ingress(GroupId=node, IpPermissions=[inner])
    expected = [("demo-node", "tcp 80-8080 from front", "nodes"), ("front", "tcp 80 from 0.0.0.0/0", "front")]
    assert expected == view.security_group_table().rows


def test_nothing_is_left_over_in_a_fresh_account(aws: Any, view: AwsView) -> None:
    assert [] == view.leftovers(aws.world.node_security_group_id)


def test_everything_that_was_made_is_named_as_left_over(aws: Any, view: AwsView) -> None:
    front, node = aws.security_group("front"), aws.world.node_security_group_id
    aws.load_balancer("web")
    aws.target_group("pods")
    inner = {"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, "UserIdGroupPairs": [{"GroupId": front}]}
    aws.ec2.authorize_security_group_ingress(GroupId=node, IpPermissions=[inner])
    expected = [
        "load balancer web",
        "target group pods",
        "security group front",
        f"rule on the nodes' security group: tcp 80 from {front}",
    ]
    assert expected == view.leftovers(node)
