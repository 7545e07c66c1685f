"""The clean-up of security groups looks only where there may be something to do, and takes back what nobody needs."""

from __future__ import annotations

from typing import Any

import pytest
from aws_builders import LOG, answering
from binding_world import BindingWorld
from botocore.exceptions import ClientError

from aws_lb_controller.aws.clients import MOST_ATTEMPTS
from aws_lb_controller.errors import AwsError, NotYet

A, B, C = "192.168.97.1", "192.168.97.2", "192.168.113.3"
UNAVAILABLE: Any = {"status": 503, "code": "Unavailable", "times": MOST_ATTEMPTS}
MANY = [f"web-{n}" for n in range(8)]


def comes_and_goes(world: BindingWorld, arn: str) -> None:
    """A binding of a pod, without any clean-up in between."""
    world.pods(A)
    world.binding(arn)
    world.reconcile()
    world.delete_binding()
    world.reconcile()


def many(world: BindingWorld, aws: Any) -> None:
    """Bindings with pods on either node, all reconciled; afterwards the controller begins anew."""
    for name, address in zip(MANY, (A, C) * len(MANY), strict=False):
        world.service(name)
        world.pods(address, service=name)
        world.binding(aws.target_group(name), name, serviceRef={"name": name, "port": 80})
        world.reconcile(name)
        world.settle()
    world.restart()
    world.queue.clear()
    LOG.clear()


def reads_of_groups() -> int:
    return LOG.operations().count("DescribeSecurityGroups")


def test_after_a_start_groups_are_read_once_however_often_the_clean_up_is_asked_for(
    world: BindingWorld, aws: Any
) -> None:
    many(world, aws)
    world.node_groups.reconcile("")
    swept = reads_of_groups()
    for name in MANY:
        world.reconcile(name)
        world.node_groups.reconcile("")
    assert ([], swept) == (LOG.writes(), reads_of_groups())
    assert [True] * len(MANY) == [world.ledger.is_certain(f"shop/{name}") for name in MANY]


def test_at_a_start_the_interfaces_behind_all_bindings_are_read_at_once(world: BindingWorld, aws: Any) -> None:
    many(world, aws)
    world.node_groups.reconcile("")
    assert 1 == LOG.operations().count("DescribeInstances")


def test_interfaces_that_cannot_be_read_leave_rules_as_they_are(world: BindingWorld, aws: Any) -> None:
    many(world, aws)
    before = world.our_rules()
    with answering(world.clients.ec2, "DescribeInstances", status=503, code="Unavailable", times=MOST_ATTEMPTS + 1):
        world.node_groups.reconcile("")
    assert ([], before) == (LOG.writes(), world.our_rules())


def test_a_binding_that_is_opened_by_itself_leaves_the_clean_up_nothing_to_look_at(
    world: BindingWorld, arn: str
) -> None:
    world.node_groups.reconcile("")
    world.pods(A)
    world.binding(arn)
    world.reconcile()
    LOG.clear()
    world.settle()
    assert [] == LOG.calls


def test_rules_go_with_their_binding_even_if_no_clean_up_saw_them_come(world: BindingWorld, arn: str) -> None:
    """What all bindings need is then the same as when it was cleaned up last."""
    world.node_groups.reconcile("")
    comes_and_goes(world, arn)
    world.settle()
    assert set() == world.our_rules()


def test_rules_whose_grant_seemed_to_fail_go_with_their_binding(world: BindingWorld, arn: str) -> None:
    world.node_groups.reconcile("")
    world.pods(A)
    world.binding(arn)
    lost = answering(world.clients.ec2, "AuthorizeSecurityGroupIngress", **UNAVAILABLE, after_effect=True)
    with lost, pytest.raises(NotYet):
        world.reconcile()
    world.delete_binding()
    world.reconcile()
    world.node_groups.reconcile("")
    assert set() == world.our_rules()


def test_a_revocation_that_failed_is_made_good_when_the_clean_up_runs_again(world: BindingWorld, arn: str) -> None:
    world.pods(A)
    world.binding(arn)
    world.reconcile()
    world.settle()
    world.delete_binding()
    world.reconcile()
    with answering(world.clients.ec2, "RevokeSecurityGroupIngress", **UNAVAILABLE), pytest.raises(AwsError):
        world.node_groups.reconcile("")
    world.node_groups.reconcile("")
    assert set() == world.our_rules()


def test_a_need_that_others_share_goes_without_a_look(world: BindingWorld, aws: Any) -> None:
    world.pods(A)
    for name in ("web", "other"):
        world.binding(aws.target_group(name), name)
        world.reconcile(name)
    world.settle()
    world.delete_binding("other")
    world.reconcile("other")
    LOG.clear()
    world.settle()
    assert ([], {("tcp", 8080, 8080, world.backend_group)}) == (LOG.operations(), world.our_rules())


def test_a_group_that_was_deleted_is_looked_at_no_more(world: BindingWorld, arn: str, aws: Any) -> None:
    own = aws.security_group("own")
    instance = aws.ec2.describe_instances(InstanceIds=world.instances[:1])["Reservations"][0]["Instances"][0]
    interface = instance["NetworkInterfaces"][0]["NetworkInterfaceId"]
    aws.ec2.modify_network_interface_attribute(NetworkInterfaceId=interface, Groups=[own])
    world.pods(A)
    world.binding(arn)
    world.reconcile()
    aws.ec2.modify_network_interface_attribute(NetworkInterfaceId=interface, Groups=[world.group])
    aws.ec2.delete_security_group(GroupId=own)
    world.delete_binding()
    world.reconcile()
    world.node_groups.reconcile("")
    LOG.clear()
    world.node_groups.reconcile("")
    assert ([], False) == (LOG.calls, own in world.ledger.known_groups())


class TestSharedGroup:
    def test_its_deletion_takes_back_the_rules_that_name_it_before_any_clean_up_came(
        self, world: BindingWorld, arn: str, aws: Any
    ) -> None:
        group, reconciler = world.shared_group()
        world.backend_group = group.ensure()
        world.node_groups.reconcile("")
        comes_and_goes(world, arn)
        reconciler.reconcile("")
        assert (None, set()) == (group.known, world.our_rules())
        with pytest.raises(ClientError, match=r"InvalidGroup\.NotFound"):
            aws.ec2.describe_security_groups(GroupIds=[world.backend_group])
