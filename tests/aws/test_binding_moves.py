"""Targets that move to another port are never without a place, and what is gone leaves first."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from random import Random
from typing import Any

import pytest
from aws_builders import LOG, answering
from binding_world import BindingWorld

from aws_lb_controller.cluster.kinds import ENDPOINT_SLICE, NODE, POD
from aws_lb_controller.cluster.quic import CONTAINERS_ANNOTATION, VARIABLE
from aws_lb_controller.errors import AwsError, AwsRefused

A, B, C = "192.168.97.1", "192.168.97.2", "192.168.113.3"
OUTSIDE = "10.77.0.8"
CHECKPOINT = "elbv2.k8s.aws/checkpoint"


def test_pods_on_another_port_are_registered_before_the_old_port_goes(world: BindingWorld, arn: str) -> None:
    world.pods(A, B)
    world.binding(arn, networking=None)
    world.reconcile()
    LOG.clear()
    world.pods(A, B, port=9090)
    world.reconcile()
    assert ["RegisterTargets", "DeregisterTargets"] == LOG.writes()
    assert {(A, 9090), (B, 9090)} == world.registered(arn)


def test_of_pods_that_move_and_pods_that_are_gone_those_that_are_gone_leave_first(
    world: BindingWorld, arn: str
) -> None:
    world.pods(A, B)
    world.binding(arn, networking=None)
    world.reconcile()
    LOG.clear()
    world.pods(B, C, port=9090)
    world.reconcile()
    assert ["DeregisterTargets", "RegisterTargets", "DeregisterTargets"] == LOG.writes()
    assert {(B, 9090), (C, 9090)} == world.registered(arn)


def test_nodes_on_another_node_port_are_registered_before_the_old_one_goes(world: BindingWorld, aws: Any) -> None:
    arn = aws.target_group("nodes", TargetType="instance")
    world.binding(arn, networking=None, targetType="instance")
    world.reconcile()
    LOG.clear()
    world.service(ports=[{"name": "http", "port": 80, "nodePort": 31000}])
    world.reconcile()
    assert ["RegisterTargets", "DeregisterTargets"] == LOG.writes()
    assert {(instance, 31000) for instance in world.instances} == world.registered(arn)


def test_a_node_that_is_gone_leaves_first(world: BindingWorld, aws: Any) -> None:
    arn = aws.target_group("nodes", TargetType="instance")
    world.binding(arn, networking=None, targetType="instance")
    world.reconcile()
    LOG.clear()
    world.store.remove(NODE, "", "node-0")
    world.service(ports=[{"name": "http", "port": 80, "nodePort": 31000}])
    world.reconcile()
    assert ["DeregisterTargets", "RegisterTargets", "DeregisterTargets"] == LOG.writes()


def test_an_old_port_stays_while_the_new_one_cannot_be_registered(world: BindingWorld, arn: str) -> None:
    world.pods(A)
    world.binding(arn, networking=None)
    world.reconcile()
    world.pods(A, port=9090)
    with (
        answering(world.clients.elbv2, "RegisterTargets", status=400, code="TooManyTargets"),
        pytest.raises(AwsRefused),
    ):
        world.reconcile()
    assert {(A, 8080)} == world.registered(arn)
    world.reconcile()
    assert {(A, 9090)} == world.registered(arn)


def test_a_restart_between_the_two_finishes_the_move(world: BindingWorld, arn: str) -> None:
    world.pods(A)
    world.binding(arn, networking=None)
    world.reconcile()
    world.pods(A, port=9090)
    with (
        answering(world.clients.elbv2, "DeregisterTargets", status=503, code="ServiceUnavailable", times=9),
        pytest.raises(AwsError),
    ):
        world.reconcile()
    world.restart()
    world.reconcile()
    assert {(A, 9090)} == world.registered(arn)


@contextmanager
def watched(world: BindingWorld, arn: str, seen: list[set[str]]) -> Iterator[None]:
    """The addresses that have a target after each write."""

    def look(**_: Any) -> None:
        seen.append({address for address, _ in world.registered(arn)})

    events: Any = world.clients.elbv2.meta.events
    writes = [f"after-call.elastic-load-balancing-v2.{each}" for each in ("RegisterTargets", "DeregisterTargets")]
    for event in writes:
        events.register(event, look)
    try:
        yield
    finally:
        for event in writes:
            events.unregister(event, look)


def test_whoever_stays_through_many_moves_is_never_without_a_target(world: BindingWorld, arn: str) -> None:
    random = Random(6)
    everyone = [f"192.168.97.{host}" for host in range(1, 9)]
    before: set[str] = set()
    world.binding(arn, networking=None)
    for _ in range(60):
        addresses = random.sample(everyone, random.randrange(9))
        world.pods(*addresses, port=random.choice((8080, 9090)))
        seen: list[set[str]] = []
        with watched(world, arn, seen):
            world.reconcile()
        for there in seen:
            assert before & set(addresses) <= there
        before = set(addresses)


class TestQuic:
    def serving(self, world: BindingWorld, arn: str, *addresses: str, value: str = "AAECAwQFBgc=") -> None:
        """Pods with this server id on port 8080, and one without."""
        world.pods(*addresses, C)
        for address in addresses:
            pod = world.store.get(POD, "shop", f"pod-{address}") or {}
            container = {"ports": [{"containerPort": 8080}], "env": [{"name": VARIABLE, "value": value}]}
            metadata = {**pod["metadata"], "annotations": {CONTAINERS_ANNOTATION: "app"}}
            world.put(POD, {**pod, "metadata": metadata, "spec": {**pod["spec"], "containers": [container]}})
        world.binding(arn, networking=None, targetGroupProtocol="QUIC")
        world.reconcile()

    @pytest.fixture
    def arn(self, aws: Any) -> str:
        return str(aws.target_group("quic", Protocol="QUIC", Port=443, HealthCheckProtocol="TCP"))

    def ids(self, aws: Any, arn: str) -> dict[str, str]:
        described = aws.elbv2.describe_target_health(TargetGroupArn=arn)["TargetHealthDescriptions"]
        targets = [one["Target"] for one in described if one["TargetHealth"]["State"] != "draining"]
        return {target["Id"]: target["QuicServerId"] for target in targets}

    def test_pods_are_registered_with_their_server_ids_and_those_without_are_told(
        self, world: BindingWorld, arn: str, aws: Any
    ) -> None:
        self.serving(world, arn, A, B)
        assert dict.fromkeys((A, B), "0x0001020304050607") == self.ids(aws, arn)
        self.serving(world, arn, A, B)
        [message] = [message for reason, message in world.events.events if reason == "QuicServerIdMissing"]
        assert message.startswith(f"Pod shop/pod-{C} has no QUIC server id")

    def test_a_pod_with_another_server_id_takes_the_place_of_the_old_one(
        self, world: BindingWorld, arn: str, aws: Any
    ) -> None:
        self.serving(world, arn, A)
        LOG.clear()
        self.serving(world, arn, A, value="//////////8=")
        assert ["DeregisterTargets", "RegisterTargets"] == LOG.writes()
        assert {A: "0xffffffffffffffff"} == self.ids(aws, arn)


class TestZones:
    def test_where_an_address_for_all_zones_is_refused_that_of_its_node_is_tried(
        self, world: BindingWorld, arn: str, aws: Any
    ) -> None:
        world.pods(OUTSIDE)
        node = world.store.get(NODE, "", "node-1") or {}
        labels = {"topology.kubernetes.io/zone": "us-west-2b"}
        world.put(NODE, {**node, "metadata": {**node["metadata"], "labels": labels}})
        world.binding(arn, networking=None)
        with answering(world.clients.elbv2, "RegisterTargets", status=400, code="ValidationError"):
            world.reconcile()
        described = aws.elbv2.describe_target_health(TargetGroupArn=arn)["TargetHealthDescriptions"]
        assert ["us-west-2b"] == [one["Target"]["AvailabilityZone"] for one in described]
        LOG.clear()
        world.pods(OUTSIDE, "10.77.0.9")
        world.reconcile()
        assert ["RegisterTargets"] == LOG.writes()

    def test_what_is_refused_for_another_reason_is_not_tried_twice(self, world: BindingWorld, arn: str) -> None:
        world.pods(A)
        world.binding(arn, networking=None)
        with (
            answering(world.clients.elbv2, "RegisterTargets", status=400, code="ValidationError"),
            pytest.raises(AwsRefused),
        ):
            world.reconcile()
        assert ["RegisterTargets"] == LOG.writes()


class TestCheckpoint:
    """The controller before us passes over a binding whose checkpoint fits its spec and endpoints."""

    def bound(self, world: BindingWorld, arn: str) -> None:
        world.binding(arn, networking=None, metadata={"annotations": {CHECKPOINT: "abc/def", "mine": "yes"}})

    def test_it_stays_while_targets_are_what_they_were(self, world: BindingWorld, arn: str, aws: Any) -> None:
        aws.elbv2.register_targets(TargetGroupArn=arn, Targets=[{"Id": A, "Port": 8080}])
        world.pods(A)
        self.bound(world, arn)
        world.reconcile()
        assert "abc/def" == world.stored()["metadata"]["annotations"][CHECKPOINT]

    def test_it_is_gone_before_anything_is_registered(self, world: BindingWorld, arn: str) -> None:
        world.pods(A)
        self.bound(world, arn)
        with (
            answering(world.clients.elbv2, "RegisterTargets", status=400, code="TooManyTargets"),
            pytest.raises(AwsRefused),
        ):
            world.reconcile()
        assert {"mine": "yes"} == world.stored()["metadata"]["annotations"]

    def test_deregistering_does_not_wait_for_it(self, world: BindingWorld, arn: str, aws: Any) -> None:
        aws.elbv2.register_targets(TargetGroupArn=arn, Targets=[{"Id": A, "Port": 8080}])
        self.bound(world, arn)
        writes: list[list[str]] = []
        event = "before-send.elastic-load-balancing-v2.DeregisterTargets"

        def look(**_: Any) -> None:
            writes.append([*world.writer.writes])

        world.clients.elbv2.meta.events.register_first(event, look)
        try:
            world.reconcile()
        finally:
            world.clients.elbv2.meta.events.unregister(event, look)
        assert [["add finalizer"]] == writes
        assert {"mine": "yes"} == world.stored()["metadata"]["annotations"]


class TestOtherTargets:
    def test_an_ipv6_binding_takes_only_addresses_of_ipv6(self, world: BindingWorld, arn: str) -> None:
        world.pods(A)
        held = world.store.get(ENDPOINT_SLICE, "shop", "web-1") or {}
        endpoint = {**held["endpoints"][0], "addresses": ["2001:db8::1"]}
        metadata = {**held["metadata"], "name": "web-2"}
        world.put(ENDPOINT_SLICE, {**held, "metadata": metadata, "addressType": "IPv6", "endpoints": [endpoint]})
        world.binding(arn, networking=None, ipAddressType="ipv6")
        world.reconcile()
        assert {("2001:db8::1", 8080)} == world.registered(arn)

    def test_a_service_port_may_be_named(self, world: BindingWorld, arn: str) -> None:
        world.pods(A)
        world.binding(arn, networking=None, serviceRef={"name": "web", "port": "http"})
        world.reconcile()
        assert {(A, 8080)} == world.registered(arn)

    def test_nodes_that_are_no_ec2_instances_do_not_disturb_the_others(self, world: BindingWorld, aws: Any) -> None:
        arn = aws.target_group("nodes", TargetType="instance")
        for name, provider in (("hybrid", "eks-hybrid:///us-west-2/demo/mi-0123"), ("new", "")):
            status = {"conditions": [{"type": "Ready", "status": "True"}]}
            world.put(NODE, {"metadata": {"name": name}, "spec": {"providerID": provider}, "status": status})
        world.binding(arn, networking=None, targetType="instance")
        world.reconcile()
        assert {(instance, 30080) for instance in world.instances} == world.registered(arn)

    @pytest.mark.parametrize(
        ("labels", "taints", "unschedulable"),
        [
            ({"node.kubernetes.io/exclude-from-external-load-balancers": ""}, [], False),
            ({"alpha.service-controller.kubernetes.io/exclude-balancer": "false"}, [], False),
            ({"node-role.kubernetes.io/master": ""}, [], False),
            ({"eks.amazonaws.com/compute-type": "fargate"}, [], False),
            ({}, [{"key": "ToBeDeletedByClusterAutoscaler", "effect": "NoSchedule"}], False),
            ({}, [{"key": "karpenter.sh/disrupted", "effect": "NoSchedule"}], False),
        ],
    )
    def test_nodes_that_take_no_part_are_no_targets(
        self, world: BindingWorld, aws: Any, labels: Any, taints: Any, unschedulable: bool
    ) -> None:
        assert {world.instances[1]} == self.taking_part(world, aws, labels, taints, unschedulable)

    @pytest.mark.parametrize(
        ("labels", "taints", "unschedulable"),
        [
            ({}, [], True),
            ({"eks.amazonaws.com/compute-type": "hybrid"}, [], False),
            ({"node-role.kubernetes.io/control-plane": ""}, [], False),
            ({}, [{"key": "karpenter.sh/disrupted", "effect": "NoExecute"}], False),
            ({}, [{"key": "dedicated", "value": "x", "effect": "NoSchedule"}], False),
        ],
    )
    def test_all_others_are(self, world: BindingWorld, aws: Any, labels: Any, taints: Any, unschedulable: bool) -> None:
        assert {*world.instances} == self.taking_part(world, aws, labels, taints, unschedulable)

    def taking_part(self, world: BindingWorld, aws: Any, labels: Any, taints: Any, unschedulable: bool) -> set[str]:
        """The instances that are registered if the first node is like this."""
        arn = aws.target_group("nodes", TargetType="instance")
        node = world.store.get(NODE, "", "node-0") or {}
        spec = {**node["spec"], "taints": taints, "unschedulable": unschedulable}
        world.put(NODE, {**node, "metadata": {**node["metadata"], "labels": labels}, "spec": spec})
        world.binding(arn, networking=None, targetType="instance")
        world.reconcile()
        return {instance for instance, _ in world.registered(arn)}

    def test_the_bindings_selector_narrows_the_nodes(self, world: BindingWorld, aws: Any) -> None:
        arn = aws.target_group("nodes", TargetType="instance")
        node = world.store.get(NODE, "", "node-0") or {}
        world.put(NODE, {**node, "metadata": {**node["metadata"], "labels": {"role": "edge"}}})
        world.binding(arn, networking=None, targetType="instance", nodeSelector={"matchLabels": {"role": "edge"}})
        world.reconcile()
        assert {(world.instances[0], 30080)} == world.registered(arn)
