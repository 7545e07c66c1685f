"""Reserved capacity and listeners' certificates are brought to what is wanted, and a fresh look finds them so."""

from __future__ import annotations

import dataclasses
from collections import Counter
from typing import Any

import boto3
import pytest
from aws_builders import LOG, STACK, answering, listener, load_balancer, our_clients, settings
from botocore.stub import Stubber
from moto.elbv2.models import FakeLoadBalancer

from aws_lb_controller.aws.apply import Applier
from aws_lb_controller.aws.backend_group import BackendSecurityGroup
from aws_lb_controller.aws.look import with_capacity
from aws_lb_controller.aws.observe import Inventory
from aws_lb_controller.errors import AwsRefused, NotYet
from aws_lb_controller.model.observed import ObservedStack, SeenLoadBalancer
from aws_lb_controller.model.refs import Ref, resolve
from aws_lb_controller.model.stack import Stack
from aws_lb_controller.plan import steps
from aws_lb_controller.plan.effects import after
from aws_lb_controller.plan.match import known
from aws_lb_controller.plan.plan import plan
from aws_lb_controller.plan.steps import Plan, gives


class World:
    """A stack of one load balancer and one listener, its AWS, and who brings the two together."""

    def __init__(self, aws: Any) -> None:
        self.aws = aws
        self.clients = our_clients(aws.world.vpc_id)
        self.backend = BackendSecurityGroup(self.clients, settings())
        self.applier = Applier(self.clients, settings(), self.backend)
        self.restart()
        self.balancer = load_balancer([aws.world.subnets["private-a"], aws.world.subnets["private-b"]])
        self.listener = listener(Ref("LoadBalancer", "LoadBalancer"))  # type: ignore[arg-type]  # until it has an ARN

    def restart(self) -> None:
        self.inventory = Inventory(self.clients, settings(), self.backend)

    def certificate(self, domain: str) -> str:
        acm = self.aws.session.client("acm")
        return str(acm.request_certificate(DomainName=domain)["CertificateArn"])

    def reserves(self, units: int | None) -> Stack:
        balancer = dataclasses.replace(self.balancer, minimum_capacity_units=units)
        return Stack(id=STACK, load_balancers=(balancer,), listeners=(self.listener,))

    def serves(self, *certificates: str) -> Stack:
        policy = "ELBSecurityPolicy-2016-08"
        tls = dataclasses.replace(self.listener, protocol="HTTPS", certificates=certificates, ssl_policy=policy)
        wanted = tls if certificates else self.listener
        return Stack(id=STACK, load_balancers=(self.balancer,), listeners=(wanted,))

    def bring_to(self, stack: Stack) -> Plan:
        """Returns what there was to do, without what concerns Kubernetes alone."""
        seen = self.inventory.observe(stack.id)
        refs = dict(known(stack, seen))
        planned = tuple(step for step in plan(stack, seen) if not isinstance(step, steps.PublishStatus))
        try:
            for step in planned:
                resolved = resolve(step, refs)
                given = self.applier.carry_out(resolved)
                if given and (ref := gives(step)):
                    refs[ref] = given.arn
                seen = after(seen, resolved, given)
        finally:
            self.inventory.remember(stack.id, seen)
        return planned

    def left_to_do(self, stack: Stack) -> tuple[Plan, Plan]:
        """By what is remembered, and by a fresh look."""
        remembered = plan(stack, self.inventory.observe(stack.id))
        self.restart()
        return remembered, plan(stack, self.inventory.observe(stack.id))

    def reserved(self) -> int:
        [balancer] = self.aws.elbv2.describe_load_balancers()["LoadBalancers"]
        told = self.aws.elbv2.describe_capacity_reservation(LoadBalancerArn=balancer["LoadBalancerArn"])
        return int(told.get("MinimumLoadBalancerCapacity", {}).get("CapacityUnits", 0))

    def served(self) -> tuple[list[str], set[str]]:
        """The default certificates and the list, as AWS tells them."""
        [balancer] = self.aws.elbv2.describe_load_balancers()["LoadBalancers"]
        [described] = self.aws.elbv2.describe_listeners(LoadBalancerArn=balancer["LoadBalancerArn"])["Listeners"]
        told = self.aws.elbv2.describe_listener_certificates(ListenerArn=described["ListenerArn"])["Certificates"]
        default = [one["CertificateArn"] for one in told if one["IsDefault"]]
        return default, {one["CertificateArn"] for one in told if not one["IsDefault"]}


@pytest.fixture
def world(aws: Any) -> World:
    return World(aws)


NOTHING: tuple[Plan, Plan] = ((), ())


# --- capacity ---


def test_capacity_is_reserved_changed_left_alone_and_reset(world: World) -> None:
    reserved = []
    for units in (3000, 5000, None, 0):
        world.bring_to(world.reserves(units))
        reserved.append(world.reserved())
    assert [3000, 5000, 5000, 0] == reserved


@pytest.mark.parametrize("units", [3000, 0, None])
def test_capacity_that_is_as_wanted_needs_nothing_more_also_after_a_restart(units: int | None, world: World) -> None:
    world.bring_to(world.reserves(units))
    assert NOTHING == world.left_to_do(world.reserves(units))


def test_capacity_that_somebody_else_changed_is_put_right(world: World) -> None:
    world.bring_to(world.reserves(3000))
    [seen] = world.inventory.observe(STACK).load_balancers
    world.aws.elbv2.modify_capacity_reservation(LoadBalancerArn=seen.arn, ResetCapacityReservation=True)
    world.inventory.forget(STACK)
    world.bring_to(world.reserves(3000))
    assert 3000 == world.reserved()


def test_capacity_waits_for_a_load_balancer_that_is_provisioning_and_nothing_waits_for_capacity(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as still:
        still.setattr(FakeLoadBalancer, "activate", lambda _self: None)
        with pytest.raises(NotYet) as waits:
            world.bring_to(world.reserves(3000))
        [there] = world.inventory.observe(STACK).listeners
        assert (120.0, 80, 0) == (waits.value.after, there.resource.port, world.reserved())
        LOG.clear()
        with pytest.raises(NotYet):
            world.bring_to(world.reserves(3000))
        assert (["DescribeLoadBalancers"], []) == (LOG.operations(), LOG.writes())
    LOG.clear()
    world.bring_to(world.reserves(3000))
    assert (["ModifyCapacityReservation"], 3000) == (LOG.writes(), world.reserved())


def test_capacity_that_aws_refuses_is_an_error_that_leaves_all_else_as_wanted(world: World) -> None:
    refused = answering(world.clients.elbv2, "ModifyCapacityReservation", status=400, code="InsufficientCapacity")
    with refused, pytest.raises(AwsRefused):
        world.bring_to(world.reserves(3000))
    left = plan(world.reserves(3000), world.inventory.observe(STACK))
    assert ["PublishStatus", "ModifyCapacityReservation"] == [type(step).__name__ for step in left]


def seen_balancer(balancer: Any, **more: Any) -> ObservedStack:
    resource = dataclasses.replace(balancer, **more)
    return ObservedStack(load_balancers=(SeenLoadBalancer(arn="arn", resource=resource, dns_name="lb.example"),))


@pytest.mark.parametrize(
    ("units", "parameters"),
    [(0, {"ResetCapacityReservation": True}), (3000, {"MinimumLoadBalancerCapacity": {"CapacityUnits": 3000}})],
)
def test_capacity_is_asked_for_in_the_shapes_of_awss_api(
    units: int, parameters: dict[str, Any], world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    elbv2 = boto3.client("elbv2", region_name="us-west-2")
    monkeypatch.setattr(world.applier, "_elbv2", elbv2)
    with Stubber(elbv2) as aws:
        active = {"LoadBalancers": [{"LoadBalancerArn": "arn", "State": {"Code": "active"}}]}
        aws.add_response("describe_load_balancers", active, {"LoadBalancerArns": ["arn"]})
        answer = {"DecreaseRequestsRemaining": 1, "CapacityReservationState": [{"State": {"Code": "pending"}}]}
        aws.add_response("modify_capacity_reservation", answer, {"LoadBalancerArn": "arn", **parameters})
        world.applier.carry_out(steps.ModifyCapacityReservation(load_balancer="arn", units=units))
        aws.assert_no_pending_responses()


@pytest.mark.parametrize(
    ("answer", "units"),
    [
        ({}, 0),
        ({"CapacityReservationState": []}, 0),
        ({"CapacityReservationState": [{"State": {"Code": "rebalancing"}, "AvailabilityZone": "us-west-2a"}]}, 0),
        ({"MinimumLoadBalancerCapacity": {"CapacityUnits": 3000}, "DecreaseRequestsRemaining": 2}, 3000),
    ],
)
def test_what_aws_may_tell_of_capacity_is_understood(answer: dict[str, Any], units: int, world: World) -> None:
    elbv2 = boto3.client("elbv2", region_name="us-west-2")
    with Stubber(elbv2) as aws:
        aws.add_response("describe_capacity_reservation", answer, {"LoadBalancerArn": "arn"})
        [seen] = with_capacity(elbv2, seen_balancer(world.balancer)).load_balancers
    assert units == seen.resource.minimum_capacity_units


def test_capacity_that_is_known_is_not_asked_for_again(world: World) -> None:
    elbv2 = boto3.client("elbv2", region_name="us-west-2")
    there = seen_balancer(world.balancer, minimum_capacity_units=0)
    with Stubber(elbv2):  # which takes no call
        assert there == with_capacity(elbv2, there)


# --- certificates ---


def test_all_certificates_of_a_listener_are_on_its_list_the_default_one_too(world: World) -> None:
    one, two = world.certificate("one.example.com"), world.certificate("two.example.com")
    world.bring_to(world.serves(one, two))
    assert ([one], {one, two}) == world.served()
    assert NOTHING == world.left_to_do(world.serves(one, two))


def test_certificates_are_swapped_and_then_dropped_with_tls(world: World) -> None:
    one, two, three = (world.certificate(f"{name}.example.com") for name in ("one", "two", "three"))
    seen = []
    for stack in (world.serves(one, two), world.serves(two, three), world.serves(), world.serves(three)):
        world.bring_to(stack)
        seen.append(world.served())
        assert NOTHING == world.left_to_do(stack)
    assert [([one], {one, two}), ([two], {two, three}), ([], set()), ([three], {three})] == seen


def test_new_certificates_are_added_first_and_old_ones_removed_last(world: World) -> None:
    one, two, three = (world.certificate(f"{name}.example.com") for name in ("one", "two", "three"))
    world.bring_to(world.serves(one, two))
    LOG.clear()
    world.bring_to(world.serves(two, three))
    calls = ["AddListenerCertificates", "ModifyListener", "AddListenerCertificates", "RemoveListenerCertificates"]
    assert calls == _without_repetition(LOG.writes())


def _without_repetition(operations: list[str]) -> list[str]:
    return [one for before, one in zip(["", *operations], operations, strict=False) if one != before]


def test_a_default_certificate_that_is_not_on_the_list_comes_there(world: World) -> None:
    one, two = world.certificate("one.example.com"), world.certificate("two.example.com")
    world.bring_to(world.serves(one, two))
    [there] = world.inventory.observe(STACK).listeners
    alone = [{"CertificateArn": one}]
    world.aws.elbv2.remove_listener_certificates(ListenerArn=there.arn, Certificates=alone)
    world.inventory.forget(STACK)
    LOG.clear()
    world.bring_to(world.serves(one, two))
    assert (["AddListenerCertificates"], ([one], {one, two})) == (LOG.writes(), world.served())


def test_where_the_quota_has_no_room_for_both_old_certificates_go_first(world: World) -> None:
    arns = [world.certificate(f"{number}.example.com") for number in range(27)]
    world.bring_to(world.serves(*arns[:25]))
    LOG.clear()
    world.bring_to(world.serves(*arns[:24], arns[25]))
    assert Counter(AddListenerCertificates=2, RemoveListenerCertificates=1) == Counter(LOG.writes())
    assert ([arns[0]], {*arns[:24], arns[25]}) == world.served()
    world.bring_to(world.serves(arns[26], *arns[1:24], arns[25]))
    assert ([arns[26]], {*arns[1:24], *arns[25:]}) == world.served()


def test_certificates_that_do_not_fit_at_all_are_an_error(world: World) -> None:
    arns = [world.certificate(f"{number}.example.com") for number in range(26)]
    world.bring_to(world.serves(*arns[:25]))
    with pytest.raises(AwsRefused):
        world.bring_to(world.serves(*arns))
    assert ([arns[0]], {*arns[:25]}) == world.served()


@pytest.mark.parametrize(("status", "code"), [(400, "OperationNotPermitted"), (400, "ValidationError")])
def test_a_list_that_went_with_tls_needs_no_removing(status: int, code: str, world: World) -> None:
    one = world.certificate("one.example.com")
    world.bring_to(world.serves(one))
    with answering(world.clients.elbv2, "RemoveListenerCertificates", status=status, code=code):
        world.bring_to(world.serves())
    assert NOTHING == world.left_to_do(world.serves())


def test_a_certificate_that_cannot_be_removed_is_an_error_while_there_is_tls(world: World) -> None:
    one, two = world.certificate("one.example.com"), world.certificate("two.example.com")
    world.bring_to(world.serves(one, two))
    refused = answering(world.clients.elbv2, "RemoveListenerCertificates", status=400, code="OperationNotPermitted")
    with refused, pytest.raises(AwsRefused):
        world.bring_to(world.serves(one))
