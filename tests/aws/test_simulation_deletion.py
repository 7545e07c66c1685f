"""With the last object goes all that was made for it, and nothing else: what others have beside ours stays."""

from __future__ import annotations

from typing import Any

import pytest

from aws_lb_controller.cluster.kinds import SERVICE, TARGET_GROUP_BINDING
from simulated_cluster import DEMO, samples
from simulation import Simulation

OTHER_CLUSTER = {
    "elbv2.k8s.aws/cluster": "other",
    "ingress.k8s.aws/stack": "game-2048/ingress-2048",
    "ingress.k8s.aws/resource": "LoadBalancer",
}


@pytest.fixture
def world(aws: Any) -> Simulation:
    """Beside things of others: some plain, some of another cluster's controller for a stack of the same name."""
    world = Simulation(aws)
    group = aws.target_group("theirs")
    aws.listener(aws.load_balancer("theirs"), group)
    aws.elbv2.register_targets(TargetGroupArn=group, Targets=[{"Id": "192.168.97.200", "Port": 80}])
    tags = [{"Key": key, "Value": value} for key, value in OTHER_CLUSTER.items()]
    aws.load_balancer("other-cluster", Tags=tags)
    aws.target_group("other-cluster", Tags=tags)
    aws.ec2.create_tags(Resources=[aws.security_group("other-cluster")], Tags=tags)
    for ours in (aws.world.node_security_group_id, aws.security_group("theirs")):
        by_hand = {"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, "IpRanges": [{"CidrIp": "10.0.0.0/8"}]}
        aws.ec2.authorize_security_group_ingress(GroupId=ours, IpPermissions=[by_hand])
    return world


def test_deleting_everything_leaves_what_others_have_and_no_object_of_ours(world: Simulation) -> None:
    before = world.aws_state()
    world.cluster.apply(*samples(*DEMO))
    world.run()
    assert before != world.aws_state()
    world.cluster.delete_all(samples(*DEMO))
    world.run()
    assert [] == world.unexpected()
    assert before == world.aws_state()
    assert {} == world.kubernetes_state()


@pytest.mark.parametrize("gone", DEMO[1:])
def test_deleting_one_of_several_leaves_the_others_as_if_it_had_never_been(gone: str, world: Simulation) -> None:
    others = samples(*(name for name in DEMO if name != gone))
    world.cluster.apply(*others)
    world.run()
    without = world.aws_state()
    world.cluster.apply(*samples(gone))
    world.run()
    world.cluster.delete_all(samples(gone))
    world.run()
    assert [] == world.unexpected()
    assert without == world.aws_state()


def test_deleting_while_no_controller_runs_is_made_good_by_the_next(world: Simulation) -> None:
    before = world.aws_state()
    world.cluster.apply(*samples(*DEMO))
    world.run()
    world.cluster.delete_all(samples(*DEMO))
    world.restart()
    world.run()
    assert before == world.aws_state()
    assert {} == world.kubernetes_state()


def test_a_service_that_is_no_longer_ours_loses_its_load_balancer_and_stays(world: Simulation) -> None:
    before = world.aws_state()
    world.cluster.apply(*samples("echo-nlb"))
    world.run()
    world.cluster.edit(SERVICE, "echo", "svc-nlb-ip-type", {"spec": {"type": "ClusterIP", "loadBalancerClass": None}})
    world.run()
    assert [] == world.unexpected()
    assert before == world.aws_state()
    service = world.cluster.get(SERVICE, "echo", "svc-nlb-ip-type")
    assert [] == service["metadata"]["finalizers"]
    assert {} == service["status"]["loadBalancer"]


def test_a_users_own_binding_takes_its_targets_with_it_and_leaves_the_target_group(world: Simulation, aws: Any) -> None:
    arn = aws.target_group("own")
    before = world.aws_state()
    world.cluster.apply(*samples("echo-nlb"))
    world.run()
    with_nlb = world.aws_state()
    spec = {
        "targetGroupARN": arn,
        "targetType": "ip",
        "serviceRef": {"name": "svc-nlb-ip-type", "port": 80},
        "networking": {"ingress": [{"from": [{"ipBlock": {"cidr": "10.1.0.0/16"}}], "ports": [{"protocol": "TCP"}]}]},
    }
    world.cluster.apply(
        {
            "apiVersion": "elbv2.k8s.aws/v1beta1",
            "kind": "TargetGroupBinding",
            "metadata": {"namespace": "echo", "name": "own"},
            "spec": spec,
        }
    )
    world.run()
    targets = world.aws_state()["target groups"]["own"]["targets"]
    assert ["<echo/echo-0>", "<echo/echo-1>"] == [target["Id"] for target in targets]
    world.cluster.delete(TARGET_GROUP_BINDING, "echo", "own")
    world.run()
    assert with_nlb == world.aws_state()
    world.cluster.delete_all(samples("echo-nlb"))
    world.run()
    assert before == world.aws_state()
