"""Pods of SageMaker HyperPod nodes have addresses of a prefix that is delegated to an interface in our VPC."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from aws_builders import LOG
from binding_world import BindingWorld

from aws_lb_controller.aws.network_interfaces import PodPlace

NODE, POD, OTHER = "192.168.96.210", "192.168.98.7", "192.168.98.20"


@pytest.fixture
def world(aws: Any) -> Iterator[BindingWorld]:
    """Interfaces with a prefix, which moto does not know."""
    world = BindingWorld(aws)
    event = "after-call.ec2.DescribeNetworkInterfaces"

    def delegate(*, parsed: Any, **_: Any) -> None:
        for interface in parsed["NetworkInterfaces"]:
            interface["Ipv4Prefixes"] = [{"Ipv4Prefix": "192.168.98.0/28"}]

    world.clients.ec2.meta.events.register(event, delegate)
    yield world
    world.clients.ec2.meta.events.unregister(event, delegate)


def a_place(address: str = POD, **more: Any) -> PodPlace:
    given = {"uid": address, "name": "shop/web", "address": address, "kind": "hyperpod", "node_address": NODE}
    return PodPlace(**{**given, **more})


def test_such_a_pod_is_found_by_its_nodes_address(world: BindingWorld) -> None:
    subnet = world.aws.world.subnets["private-a"]
    made = world.aws.ec2.create_network_interface(SubnetId=subnet, PrivateIpAddress=NODE, Groups=[world.group])
    found = world.interfaces.of_pods([a_place(), a_place(OTHER)])
    assert {POD: made["NetworkInterface"]["NetworkInterfaceId"]} == {uid: i.id for uid, i in found.items()}


@pytest.mark.parametrize("more", [{"node_address": None}, {"kind": "fargate"}])
def test_no_other_pod_is_looked_for_there(world: BindingWorld, more: dict[str, Any]) -> None:
    assert {} == world.interfaces.of_pods([a_place(**more)])
    assert ["DescribeNetworkInterfaces"] == LOG.operations()
