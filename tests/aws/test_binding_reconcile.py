"""A TargetGroupBinding's targets follow its Service, and security groups are open before targets come."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from aws_builders import LOG, answering
from binding_world import FINALIZER, BindingWorld
from botocore.exceptions import ClientError

from aws_lb_controller.cluster.kinds import NODE, POD, SERVICE, TARGET_GROUP_BINDING
from aws_lb_controller.errors import AwsUnavailable, NotYet, SpecError
from aws_lb_controller.model.security_group import IngressRule, Source
from aws_lb_controller.plan.node_rules import DESCRIPTION

A, B, C = "192.168.97.1", "192.168.97.2", "192.168.113.3"


def test_ready_pods_are_registered_behind_an_open_security_group(world: BindingWorld, arn: str) -> None:
    world.pods(A, C)
    world.binding(arn)
    world.reconcile()
    assert {(A, 8080), (C, 8080)} == world.registered(arn)
    assert {("tcp", 8080, 8080, world.backend_group)} == world.our_rules()
    assert ["AuthorizeSecurityGroupIngress", "RegisterTargets"] == LOG.writes()


def test_a_new_binding_gets_its_finalizer_its_status_and_one_event(world: BindingWorld, arn: str) -> None:
    world.binding(arn)
    world.reconcile()
    assert [FINALIZER] == world.stored()["metadata"]["finalizers"]
    assert {"observedGeneration": 1} == world.stored()["status"]
    assert ["SuccessfullyReconciled"] == world.events.reasons()


def test_a_reconcile_with_nothing_to_do_makes_no_call_and_tells_nobody(world: BindingWorld, arn: str) -> None:
    world.pods(A)
    world.binding(arn)
    world.reconcile()
    world.settle()
    LOG.clear()
    world.writer.writes.clear()
    world.events.events.clear()
    world.reconcile()
    world.node_groups.reconcile("")
    assert ([], [], []) == (LOG.calls, world.writer.writes, world.events.events)


def test_after_a_restart_one_read_finds_that_all_is_well(world: BindingWorld, arn: str) -> None:
    world.pods(A)
    world.binding(arn)
    world.reconcile()
    world.restart()
    LOG.clear()
    world.reconcile()
    assert [] == LOG.writes()
    assert 1 == LOG.operations().count("DescribeTargetHealth")


def test_what_leaves_is_deregistered_before_anything_else_is_called(world: BindingWorld, arn: str) -> None:
    world.pods(A, B)
    world.binding(arn)
    world.reconcile()
    LOG.clear()
    world.pods(C, port=9090)
    world.binding(arn, port=9090)
    world.reconcile()
    assert "DeregisterTargets" == LOG.operations()[0]
    assert ["DeregisterTargets", "AuthorizeSecurityGroupIngress", "RegisterTargets"] == LOG.writes()
    assert {(C, 9090)} == world.registered(arn)


def test_deregistering_does_not_wait_for_security_groups_that_cannot_be_opened(world: BindingWorld, arn: str) -> None:
    world.pods(A)
    world.binding(arn)
    world.reconcile()
    world.pods(B)
    world.binding(arn, port=9090)
    with (
        answering(world.clients.ec2, "DescribeSecurityGroups", status=500, code="InternalError", times=20),
        pytest.raises(NotYet),
    ):
        world.reconcile()
    assert "FailedNetworkReconcile" == world.events.reasons()[-1]
    assert {(B, 8080)} == world.registered(arn)


def test_a_draining_target_that_comes_back_is_registered_again(world: BindingWorld, arn: str) -> None:
    world.pods(A)
    world.binding(arn)
    for addresses in ((A,), (), (A,)):
        world.pods(*addresses)
        world.reconcile()
    assert {(A, 8080)} == world.registered(arn)


def test_a_port_that_is_within_the_open_range_needs_no_call(world: BindingWorld, arn: str, aws: Any) -> None:
    world.pods(A)
    for name, port in (("low", 80), ("high", 9000)):
        world.binding(aws.target_group(name), name, port=port)
        world.reconcile(name)
    world.binding(arn, port=85)
    LOG.clear()
    world.reconcile()
    assert ["RegisterTargets"] == LOG.writes()


def test_the_clean_up_joins_ports_of_all_bindings_and_revokes_what_nobody_needs(
    world: BindingWorld, arn: str, aws: Any
) -> None:
    world.pods(A)
    for name, port in (("web", 8080), ("other", 9090)):
        world.binding(arn if name == "web" else aws.target_group("other"), name, port=port)
        world.reconcile(name)
    assert 2 == len(world.our_rules())
    world.settle()
    assert {("tcp", 8080, 9090, world.backend_group)} == world.our_rules()


def test_rules_of_others_stay(world: BindingWorld, arn: str) -> None:
    world.aws.ec2.authorize_security_group_ingress(
        GroupId=world.group,
        IpPermissions=[{"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "IpRanges": [{"CidrIp": "10.0.0.0/8"}]}],
    )
    world.node_groups.reconcile("")
    assert 1 == len(world.rules.read([world.group])[world.group])


def test_a_rule_that_somebody_took_away_is_granted_again_by_the_audit(world: BindingWorld, arn: str) -> None:
    world.pods(A)
    world.binding(arn)
    world.reconcile()
    world.settle()
    world.rules.revoke(world.group, world.rules.read([world.group])[world.group])
    world.now += 4000
    world.node_groups.reconcile("")
    assert {("tcp", 8080, 8080, world.backend_group)} == world.our_rules()


def test_targets_that_somebody_else_changed_are_found_by_the_audit(world: BindingWorld, arn: str, aws: Any) -> None:
    world.pods(A)
    world.binding(arn)
    world.reconcile()
    aws.elbv2.deregister_targets(TargetGroupArn=arn, Targets=[{"Id": A, "Port": 8080}])
    world.now += 4000
    world.reconcile()
    assert {(A, 8080)} == world.registered(arn)


def test_nodes_are_registered_on_the_node_port(world: BindingWorld, aws: Any) -> None:
    arn = aws.target_group("nodes", TargetType="instance")
    world.binding(arn, port=30080, targetType="instance")
    world.reconcile()
    assert {(instance, 30080) for instance in world.instances} == world.registered(arn)
    world.node("node-1", world.instances[1], ready="False")
    world.reconcile()
    assert {(world.instances[0], 30080)} == world.registered(arn)
    assert {("tcp", 30080, 30080, world.backend_group)} == world.our_rules()


def test_node_targets_need_a_service_with_node_ports(world: BindingWorld, aws: Any) -> None:
    world.service(type="ClusterIP")
    world.binding(aws.target_group("nodes", TargetType="instance"), port=1, targetType="instance")
    with pytest.raises(SpecError, match=r"Service shop/web: spec\.type"):
        world.reconcile()
    assert ["FailedReconcile"] == world.events.reasons()


def test_a_named_networking_port_is_what_the_pods_say(world: BindingWorld, arn: str) -> None:
    world.pods(A)
    world.binding(arn, port="http")
    world.reconcile()
    assert {("tcp", 8080, 8080, world.backend_group)} == world.our_rules()


@pytest.mark.parametrize(
    ("peer", "port", "told"),
    [
        ({"ipBlock": {"cidr": "10.0.0.0"}}, 8080, "from[0].ipBlock.cidr = '10.0.0.0'"),
        ({}, 8080, "from[0]: give one of ipBlock and securityGroup"),
        ({"securityGroup": {"groupID": "sg-1"}}, "metrics", f"Pod shop/pod-{A}: spec.containers[].ports[].name"),
    ],
)
def test_pods_are_registered_and_bad_networking_is_told_apart(
    peer: dict[str, Any], port: Any, told: str, world: BindingWorld, arn: str
) -> None:
    world.pods(A)
    world.binding(arn, networking={"ingress": [{"from": [peer], "ports": [{"port": port}]}]})
    with pytest.raises(NotYet):
        world.reconcile()
    assert ({(A, 8080)}, set()) == (world.registered(arn), world.our_rules())
    [(reason, message)] = world.events.events
    assert ("FailedNetworkReconcile", True) == (reason, told in message)
    world.binding(arn)
    world.reconcile()
    assert {("tcp", 8080, 8080, world.backend_group)} == world.our_rules()


def test_a_pod_without_the_named_port_keeps_the_traffic_from_no_other(world: BindingWorld, arn: str) -> None:
    world.pods(A, B)
    nameless = world.store.get(POD, "shop", f"pod-{B}") or {}
    world.put(POD, {**nameless, "spec": {"nodeName": "node-0", "containers": [{}]}})
    world.binding(arn, port="http")
    with pytest.raises(NotYet):
        world.reconcile()
    assert {(A, 8080), (B, 8080)} == world.registered(arn)
    assert {("tcp", 8080, 8080, world.backend_group)} == world.our_rules()
    [(reason, message)] = world.events.events
    assert ("FailedNetworkReconcile", True, False) == (reason, f"pod-{B}" in message, f"pod-{A}" in message)


def test_pods_outside_the_vpc_are_registered_for_all_zones(world: BindingWorld, arn: str, aws: Any) -> None:
    world.pods("10.77.0.8")
    world.binding(arn, networking=None)
    world.reconcile()
    described = aws.elbv2.describe_target_health(TargetGroupArn=arn)["TargetHealthDescriptions"]
    assert ["all"] == [one["Target"]["AvailabilityZone"] for one in described]


def test_a_missing_service_is_told_at_once_and_costs_its_targets_after_a_moment(world: BindingWorld, arn: str) -> None:
    world.pods(A)
    world.binding(arn)
    world.reconcile()
    world.store.remove(SERVICE, "shop", "web")
    for _ in range(2):
        with pytest.raises(NotYet):
            world.reconcile()
    assert ["SuccessfullyReconciled", "BackendNotFound"] == world.events.reasons()
    assert {(A, 8080)} == world.registered(arn)
    world.now += 5
    world.reconcile()
    assert set() == world.registered(arn)


def test_a_service_that_is_made_anew_in_time_keeps_its_targets(world: BindingWorld, arn: str) -> None:
    world.pods(A)
    world.binding(arn)
    world.reconcile()
    held = world.store.get(SERVICE, "shop", "web")
    world.store.remove(SERVICE, "shop", "web")
    with pytest.raises(NotYet):
        world.reconcile()
    assert held is not None
    world.service()
    world.now += 60
    LOG.clear()
    world.reconcile()
    assert [] == LOG.calls


def test_a_missing_port_costs_the_targets_at_once(world: BindingWorld, arn: str) -> None:
    world.pods(A)
    world.binding(arn)
    world.reconcile()
    world.binding(arn, serviceRef={"name": "web", "port": 81})
    world.reconcile()
    assert set() == world.registered(arn)
    assert ("BackendNotFound", "Service shop/web has no port 81") in world.events.events


def test_a_binding_with_neither_service_nor_target_group_is_done(world: BindingWorld, arn: str, aws: Any) -> None:
    aws.elbv2.delete_target_group(TargetGroupArn=arn)
    world.binding(arn, serviceRef={"name": "none", "port": 80})
    with pytest.raises(NotYet):
        world.reconcile()
    world.now += 6
    world.reconcile()
    assert ["BackendNotFound", "SuccessfullyReconciled"] == world.events.reasons()


def test_deleting_deregisters_everything_and_lets_the_object_go(world: BindingWorld, arn: str) -> None:
    world.pods(A, B)
    world.binding(arn)
    world.reconcile()
    world.delete_binding()
    world.reconcile()
    assert None is world.stored()
    assert set() == world.registered(arn)
    world.settle()
    assert set() == world.our_rules()


def test_deleting_needs_neither_a_valid_spec_nor_a_service(world: BindingWorld, arn: str) -> None:
    world.pods(A)
    world.binding(arn)
    world.reconcile()
    world.store.remove(SERVICE, "shop", "web")
    world.binding(arn, targetType="nonsense", networking={"ingress": "nonsense"})
    world.delete_binding()
    world.reconcile()
    assert (None, set()) == (world.stored(), world.registered(arn))


@pytest.mark.parametrize(
    "target_group",
    ["arn:aws:elasticloadbalancing:us-west-2:123456789012:targetgroup/gone/0123456789abcdef", "no ARN at all"],
)
def test_a_binding_whose_target_group_does_not_exist_can_be_deleted(world: BindingWorld, target_group: str) -> None:
    world.binding(target_group, metadata={"finalizers": [FINALIZER]})
    world.delete_binding()
    world.reconcile()
    assert None is world.stored()


def test_of_a_shared_target_group_only_our_own_targets_are_touched(world: BindingWorld, arn: str, aws: Any) -> None:
    aws.elbv2.register_targets(TargetGroupArn=arn, Targets=[{"Id": "192.168.1.9", "Port": 80}])
    world.pods(A, B)
    world.binding(arn, multiClusterTargetGroup=True)
    world.reconcile()
    world.pods(A)
    world.reconcile()
    assert {("192.168.1.9", 80), (A, 8080)} == world.registered(arn)
    world.delete_binding()
    world.reconcile()
    assert {("192.168.1.9", 80)} == world.registered(arn)


def test_a_registration_whose_answer_was_lost_is_looked_for_afterwards(world: BindingWorld, arn: str) -> None:
    world.pods(A)
    world.binding(arn)
    with (
        answering(world.clients.elbv2, "RegisterTargets", status=503, code="ServiceUnavailable", times=9),
        pytest.raises(AwsUnavailable),
    ):
        world.reconcile()
    LOG.clear()
    world.reconcile()
    assert "DescribeTargetHealth" == LOG.operations()[0]
    assert {(A, 8080)} == world.registered(arn)
    assert ["FailedReconcile", "SuccessfullyReconciled"] == world.events.reasons()


def test_a_checkpoint_of_the_controller_before_us_goes_when_targets_change(world: BindingWorld, arn: str) -> None:
    key = "elbv2.k8s.aws/checkpoint"
    world.pods(A)
    world.binding(arn, metadata={"annotations": {key: "abc/def", f"{key}-timestamp": "1", "mine": "yes"}})
    world.reconcile()
    assert {"mine": "yes"} == world.stored()["metadata"]["annotations"]


def test_a_pod_whose_interface_is_not_found_is_registered_all_the_same_and_told(world: BindingWorld, arn: str) -> None:
    world.pods(A, "192.168.200.1")
    world.binding(arn)
    with pytest.raises(NotYet):
        world.reconcile()
    assert {(A, 8080), ("192.168.200.1", 8080)} == world.registered(arn)
    [(reason, message)] = world.events.events
    assert "FailedNetworkReconcile" == reason
    assert "Pod shop/pod-192.168.200.1: status.podIP = '192.168.200.1'" in message
    assert {("tcp", 8080, 8080, world.backend_group)} == world.our_rules()


def test_a_success_after_a_failure_is_told(world: BindingWorld, arn: str) -> None:
    world.pods(A, "192.168.200.1")
    world.binding(arn)
    with pytest.raises(NotYet):
        world.reconcile()
    world.binding(arn, networking=None)
    world.reconcile()
    world.reconcile()
    assert ["FailedNetworkReconcile", "SuccessfullyReconciled"] == world.events.reasons()


def test_while_security_groups_hang_the_targets_of_others_leave(world: BindingWorld, arn: str, aws: Any) -> None:
    other = aws.target_group("other")
    world.pods(A, B)
    world.binding(other, "other", networking=None)
    world.reconcile("other")
    asked, answer = threading.Event(), threading.Event()

    def hang(**_: Any) -> None:
        asked.set()
        assert answer.wait(30)

    event = "before-send.ec2.DescribeSecurityGroups"
    world.clients.ec2.meta.events.register_first(event, hang)
    try:
        world.binding(arn)
        hanging = threading.Thread(target=world.reconcile)
        hanging.start()
        assert asked.wait(30)
        world.pods(A)
        world.reconcile("other")
        assert {(A, 8080)} == world.registered(other)
        assert hanging.is_alive()
    finally:
        answer.set()
        world.clients.ec2.meta.events.unregister(event, hang)
    hanging.join(30)
    assert {(A, 8080)} == world.registered(arn)


def test_a_full_security_group_makes_room_by_rules_that_nobody_needs(world: BindingWorld, arn: str) -> None:
    world.pods(A)
    world.binding(arn)
    world.reconcile()
    useless = IngressRule(
        protocol="udp", from_port=1, to_port=9, source=Source("ipv4", "10.9.0.0/16"), description=DESCRIPTION
    )
    world.rules.revoke(world.group, world.rules.read([world.group])[world.group])
    world.rules.authorize(world.group, [useless])
    with answering(
        world.clients.ec2, "AuthorizeSecurityGroupIngress", status=400, code="RulesPerSecurityGroupLimitExceeded"
    ):
        world.node_groups.reconcile("")
    assert {("tcp", 8080, 8080, world.backend_group)} == world.our_rules()


class TestDoubt:
    def test_a_binding_that_cannot_be_computed_keeps_its_rules_and_does_not_stop_the_clean_up(
        self, world: BindingWorld, arn: str, aws: Any
    ) -> None:
        world.pods(A)
        world.binding(arn)
        world.reconcile()
        net = {"ingress": [{"from": [{"ipBlock": {"cidr": "10.42.0.0/16"}}], "ports": [{"port": 80}]}]}
        world.binding(aws.target_group("other"), "other", networking=net)
        world.reconcile("other")
        world.restart()
        world.store.remove(NODE, "", "node-0")
        world.binding(arn, networking=net)
        world.pods(A, "192.168.200.1")  # an address that no interface has
        world.binding(arn)
        world.store.remove(TARGET_GROUP_BINDING, "shop", "other")
        world.node_groups.reconcile("")
        assert {("tcp", 8080, 8080, world.backend_group)} == world.our_rules()


class TestBackendSecurityGroup:
    def test_it_is_deleted_when_nothing_needs_it_and_then_no_call_is_made(self, world: BindingWorld, aws: Any) -> None:
        group, reconciler = world.shared_group()
        group_id = group.ensure()
        world.aws.ec2.authorize_security_group_ingress(
            GroupId=world.group,
            IpPermissions=[
                {
                    "IpProtocol": "tcp",
                    "FromPort": 80,
                    "ToPort": 80,
                    "UserIdGroupPairs": [
                        {"GroupId": group_id, "Description": "elbv2.k8s.aws/targetGroupBinding=shared"}
                    ],
                }
            ],
        )
        reconciler.reconcile("")
        with pytest.raises(ClientError):
            aws.ec2.describe_security_groups(GroupIds=[group_id])
        assert set() == world.our_rules()
        LOG.clear()
        reconciler.reconcile("")
        assert [] == LOG.calls

    def test_it_stays_while_a_service_is_ours(self, world: BindingWorld) -> None:
        group, reconciler = world.shared_group()
        group_id = group.ensure()
        held = world.store.get(SERVICE, "shop", "web") or {}
        world.put(SERVICE, {**held, "metadata": {**held["metadata"], "finalizers": ["service.k8s.aws/resources"]}})
        LOG.clear()
        reconciler.reconcile("")
        assert ([], group_id) == (LOG.calls, group.known)
