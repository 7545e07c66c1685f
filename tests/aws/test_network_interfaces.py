"""From a pod or a node to its network interface, and from there to the security group that is opened."""

from __future__ import annotations

from typing import Any

import pytest
from aws_builders import CLUSTER, LOG
from binding_world import BindingWorld

from aws_lb_controller.aws.network_interfaces import (
    EndpointGroup,
    Interface,
    NetworkInterfaces,
    NotRead,
    PodPlace,
    _Memory,
)
from aws_lb_controller.errors import UnmetNeed


def a_place(world: BindingWorld, address: str = "192.168.97.1", **changes: Any) -> PodPlace:
    values: dict[str, Any] = {
        "uid": f"uid-{address}",
        "name": f"shop/pod-{address}",
        "address": address,
        "instance_id": world.instances[0],
    }
    return PodPlace(**{**values, **changes})


def an_interface(*groups: str) -> Interface:
    return Interface(id="eni-1", security_groups=groups, addresses=frozenset())


def own_interface(world: BindingWorld, address: str, *groups: str) -> str:
    made = world.aws.ec2.create_network_interface(
        SubnetId=world.aws.world.subnets["private-a"], PrivateIpAddress=address, Groups=[*groups]
    )
    return str(made["NetworkInterface"]["NetworkInterfaceId"])


def test_a_pods_interface_is_found_among_those_of_its_node(world: BindingWorld) -> None:
    places = [a_place(world), a_place(world, "192.168.97.2")]
    found = world.interfaces.of_pods(places)
    assert [(world.group,)] * 2 == [found[place.uid].security_groups for place in places]
    assert ["DescribeInstances"] == LOG.operations()


def test_what_is_known_of_a_pod_costs_no_call(world: BindingWorld) -> None:
    world.interfaces.of_pods([a_place(world)])
    LOG.clear()
    world.interfaces.of_pods([a_place(world)])
    world.interfaces.of_pods([a_place(world, "192.168.97.3")])
    assert [] == LOG.calls


def test_an_address_that_a_node_got_lately_is_found(world: BindingWorld) -> None:
    world.interfaces.of_pods([a_place(world)])
    interface = world.interfaces.of_instances([world.instances[0]])[world.instances[0]].id
    world.aws.ec2.assign_private_ip_addresses(NetworkInterfaceId=interface, PrivateIpAddresses=["192.168.97.200"])
    late = a_place(world, "192.168.97.200")
    assert interface == world.interfaces.of_pods([late])[late.uid].id


def test_an_address_within_a_delegated_prefix_is_carried() -> None:
    from ipaddress import ip_network  # noqa: PLC0415 - only here

    interface = Interface(
        id="eni-1", security_groups=(), addresses=frozenset(), networks=(ip_network("192.168.98.0/28"),)
    )
    assert [True, False] == [interface.carries(address) for address in ("192.168.98.7", "192.168.98.16")]


def test_a_pod_with_a_branch_interface_is_found_by_its_id(world: BindingWorld) -> None:
    group = world.aws.security_group("pods")
    branch = own_interface(world, "192.168.96.200", group)
    place = a_place(world, "192.168.96.200", interface_id=branch)
    assert (group,) == world.interfaces.of_pods([place])[place.uid].security_groups
    assert ["DescribeNetworkInterfaces"] == LOG.operations()


def test_a_fargate_pod_is_found_by_its_address(world: BindingWorld) -> None:
    group = world.aws.security_group("fargate")
    own_interface(world, "192.168.96.201", group)
    place = a_place(world, "192.168.96.201", instance_id=None, kind="fargate")
    assert (group,) == world.interfaces.of_pods([place])[place.uid].security_groups


def test_a_pod_outside_aws_is_not_looked_for(world: BindingWorld) -> None:
    assert {} == world.interfaces.of_pods([a_place(world, "10.9.9.9", kind="hybrid")])
    assert [] == LOG.calls


def test_an_address_that_nobody_has_is_left_out(world: BindingWorld) -> None:
    assert {} == world.interfaces.of_pods([a_place(world, "10.9.9.9")])


def test_an_instance_that_is_gone_does_not_hide_the_others(world: BindingWorld) -> None:
    found = world.interfaces.of_instances([*world.instances, "i-0123456789abcdef0"])
    assert set(world.instances) == set(found)


class TestEndpointGroup:
    def test_the_only_group_is_it_without_a_call(self, world: BindingWorld) -> None:
        assert EndpointGroup(id="sg-any") == world.interfaces.endpoint_group(an_interface("sg-any"))
        assert [] == LOG.calls

    def test_of_several_it_is_the_one_tagged_for_the_cluster(self, world: BindingWorld) -> None:
        interface = an_interface(world.aws.security_group("plain"), world.group)
        assert EndpointGroup(id=world.group) == world.interfaces.endpoint_group(interface)

    @pytest.mark.parametrize("owned", [True, False])
    def test_of_several_tagged_it_is_one_that_the_cluster_owns_and_then_the_first_by_id(
        self, world: BindingWorld, owned: bool
    ) -> None:
        groups = sorted(world.aws.security_group(name) for name in ("one", "two", "three"))
        key = f"kubernetes.io/cluster/{CLUSTER}"
        for group in groups:
            mine = owned and group != groups[0]
            world.aws.ec2.create_tags(Resources=[group], Tags=[{"Key": key, "Value": "owned" if mine else "shared"}])
        chosen = world.interfaces.endpoint_group(an_interface(*reversed(groups)))
        assert groups[1 if owned else 0] == chosen.id
        assert all(group in (chosen.warning or "") for group in (key, *groups))

    def test_where_none_is_tagged_the_error_names_them_and_the_tag(self, world: BindingWorld) -> None:
        groups = [world.aws.security_group(name) for name in ("one", "two")]
        with pytest.raises(UnmetNeed, match=f"{groups[0]}.*kubernetes.io/cluster/{CLUSTER}"):
            world.interfaces.endpoint_group(an_interface(*groups))

    def test_further_tags_tell_several_apart(self, world: BindingWorld) -> None:
        cluster = {"Key": f"kubernetes.io/cluster/{CLUSTER}", "Value": "shared"}
        other = world.aws.security_group("second")
        world.aws.ec2.create_tags(Resources=[other], Tags=[cluster, {"Key": "open", "Value": "yes"}])
        interfaces = NetworkInterfaces(world.clients, world.rules, cluster=CLUSTER, tags={"open": "yes"})
        assert EndpointGroup(id=other) == interfaces.endpoint_group(an_interface(world.group, other))


def test_the_vpcs_networks_are_read_once(world: BindingWorld) -> None:
    assert ["192.168.0.0/16"] == [str(network) for network in world.interfaces.vpc_networks()]
    world.interfaces.vpc_networks(world.aws.world.vpc_id)
    assert ["DescribeVpcs"] == LOG.operations()


def test_of_what_was_read_only_so_much_is_remembered_and_only_so_long() -> None:
    now = [0.0]
    memory: _Memory[str, int] = _Memory(ttl=10, clock=lambda: now[0], limit=2)
    for number, name in enumerate("abc"):
        memory.put(name, number, memory.ticket())
    assert [None, 1, 2] == [memory.peek(name) for name in "abc"]
    now[0] = 10
    assert None is memory.peek("c")


def test_an_answer_to_what_was_asked_before_does_not_take_the_place_of_a_newer_one() -> None:
    memory: _Memory[str, str] = _Memory(ttl=10, clock=lambda: 0.0)
    early, late = memory.ticket(), memory.ticket()
    memory.put("node", "new", late)
    memory.put("node", "old", early)
    assert "new" == memory.peek("node")


def test_what_was_read_anew_counts_whatever_an_older_answer_says_meanwhile(world: BindingWorld) -> None:
    """One thread reads a node, another gives it an address and reads it anew before the first one's answer is kept."""
    instance = world.instances[0]
    late = a_place(world, "192.168.97.200")
    found: dict[str, Any] = {}
    parsed = "after-call.ec2.DescribeInstances"

    def meanwhile(**_: Any) -> None:
        world.clients.ec2.meta.events.unregister(parsed, meanwhile)
        eni = world.aws.ec2.describe_network_interfaces(Filters=[{"Name": "group-id", "Values": [world.group]}])
        node = next(e for e in eni["NetworkInterfaces"] if e["Attachment"]["InstanceId"] == instance)
        world.aws.ec2.assign_private_ip_addresses(
            NetworkInterfaceId=node["NetworkInterfaceId"], PrivateIpAddresses=[late.address]
        )
        found.update(world.interfaces.of_pods([late]))

    world.clients.ec2.meta.events.register(parsed, meanwhile)
    world.interfaces.of_instances([instance])
    assert (world.group,) == found[late.uid].security_groups
    known = world.interfaces.known.of_pods([a_place(world, late.address, uid="another")])
    assert (world.group,) == known["another"].security_groups


class TestKnown:
    def test_nothing_is_known_before_it_was_read(self, world: BindingWorld) -> None:
        with pytest.raises(NotRead):
            world.interfaces.known.of_pods([a_place(world)])
        with pytest.raises(NotRead):
            world.interfaces.known.of_instances(world.instances)
        with pytest.raises(NotRead):
            world.interfaces.known.endpoint_group(an_interface("sg-1", "sg-2"))
        assert [] == LOG.calls

    def test_every_pod_on_a_node_that_was_read_is_known(self, world: BindingWorld) -> None:
        world.interfaces.of_instances(world.instances)
        LOG.clear()
        place = a_place(world, "192.168.97.7")
        assert (world.group,) == world.interfaces.known.of_pods([place])[place.uid].security_groups
        assert [] == LOG.calls

    def test_a_pod_outside_aws_has_nothing_to_be_known(self, world: BindingWorld) -> None:
        assert {} == world.interfaces.known.of_pods([a_place(world, "10.9.9.9", kind="hybrid")])

    def test_a_branch_interface_is_known_once_it_was_read(self, world: BindingWorld) -> None:
        group = world.aws.security_group("pods")
        place = a_place(world, "192.168.96.200", interface_id=own_interface(world, "192.168.96.200", group))
        world.interfaces.of_instances(world.instances)
        with pytest.raises(NotRead):
            world.interfaces.known.of_pods([place])
        world.interfaces.of_pods([place])
        assert (group,) == world.interfaces.known.of_pods([place])[place.uid].security_groups

    def test_which_group_is_opened_is_known_once_the_tags_were_read(self, world: BindingWorld) -> None:
        interface = an_interface(world.aws.security_group("plain"), world.group)
        chosen = world.interfaces.endpoint_group(interface)
        assert chosen == world.interfaces.known.endpoint_group(interface)

    def test_addresses_count_as_within_the_vpc_until_its_networks_were_read(self, world: BindingWorld) -> None:
        assert {"0.0.0.0/0", "::/0"} == {str(network) for network in world.interfaces.known.vpc_networks()}
        assert not world.interfaces.known.can_place(["192.168.1.1"])
        world.interfaces.vpc_networks()
        assert ["192.168.0.0/16"] == [str(network) for network in world.interfaces.known.vpc_networks()]
        assert world.interfaces.known.can_place(["192.168.1.1", "10.9.9.9"])

    def test_what_is_outside_the_vpc_only_counts_if_that_was_read_lately(self, world: BindingWorld) -> None:
        now = [0.0]
        interfaces = NetworkInterfaces(
            world.clients, world.rules, cluster=CLUSTER, tags={}, ttl=10, clock=lambda: now[0]
        )
        interfaces.vpc_networks()
        now[0] = 10
        assert [True, False] == [interfaces.known.can_place([address]) for address in ("192.168.1.1", "10.9.9.9")]
