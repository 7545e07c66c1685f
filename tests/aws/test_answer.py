"""Builders' questions are answered from AWS, and asked once for all stacks."""

from __future__ import annotations

from typing import Any

import pytest
from aws_builders import LOG, STACK, our_clients, settings

from aws_lb_controller.aws.answer import Answers
from aws_lb_controller.aws.backend_group import BackendSecurityGroup
from aws_lb_controller.aws.observe import Inventory
from aws_lb_controller.build.facts import (
    Certificate,
    Certificates,
    Existing,
    PublicSubnets,
    SecurityGroupIds,
    TargetGroupArns,
    VpcCidrs,
    VpcNetworks,
    VpcSubnets,
)
from aws_lb_controller.model.observed import ObservedStack


@pytest.fixture
def answers(aws: Any) -> Answers:
    clients = our_clients(aws.world.vpc_id)
    backend = BackendSecurityGroup(clients, settings())
    return Answers(clients, Inventory(clients, settings(), backend))


def named(aws: Any, name: str, **more: Any) -> str:
    group = aws.security_group(more.pop("group", name))
    aws.ec2.create_tags(Resources=[group], Tags=[{"Key": "Name", "Value": name}])
    return group


def test_the_vpcs_subnets_are_told_in_order_with_their_tags(aws: Any, answers: Answers) -> None:
    subnets = answers.answer([VpcSubnets()])[VpcSubnets()]
    assert sorted(aws.world.subnets.values()) == [subnet.id for subnet in subnets]
    [public] = [subnet for subnet in subnets if subnet.id == aws.world.subnets["public-a"]]
    assert ("availability-zone", "us-west-2a") == (public.zone_type, public.zone)
    assert "kubernetes.io/role/elb" in public.tags


def test_a_subnet_of_an_outpost_is_told_as_such(aws: Any, answers: Answers) -> None:
    """moto has no Outposts, so its answer is completed."""
    outpost = "arn:aws:outposts:us-west-2:123456789012:outpost/op-1234567890abcdef0"

    def put_on_outpost(*, parsed: Any, **_: Any) -> None:
        for subnet in parsed["Subnets"]:
            if subnet["SubnetId"] == aws.world.subnets["private-a"]:
                subnet["OutpostArn"] = outpost

    events = our_clients(aws.world.vpc_id).ec2.meta.events
    events.register("after-call.ec2.DescribeSubnets", put_on_outpost)
    try:
        subnets = answers.answer([VpcSubnets()])[VpcSubnets()]
    finally:
        events.unregister("after-call.ec2.DescribeSubnets", put_on_outpost)
    [outposted] = [subnet for subnet in subnets if subnet.zone_type == "outpost"]
    assert aws.world.subnets["private-a"] == outposted.id


def test_subnets_are_asked_for_once(answers: Answers) -> None:
    answers.answer([VpcSubnets()])
    LOG.calls.clear()
    answers.answer([VpcSubnets()])
    assert [] == LOG.calls


def test_a_refresh_asks_again_what_made_a_build_fail(answers: Answers) -> None:
    answers.answer([VpcSubnets()])
    LOG.calls.clear()
    answers.answer([VpcSubnets()], refresh=True)
    assert ["DescribeSubnets"] == LOG.operations()


def test_public_subnets_are_those_whose_route_table_leads_to_an_internet_gateway(aws: Any, answers: Answers) -> None:
    gateway = aws.ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    aws.ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=aws.world.vpc_id)
    table = aws.ec2.create_route_table(VpcId=aws.world.vpc_id)["RouteTable"]["RouteTableId"]
    aws.ec2.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway)
    aws.ec2.associate_route_table(RouteTableId=table, SubnetId=aws.world.subnets["private-c"])
    before = answers.answer([PublicSubnets()])[PublicSubnets()]
    assert aws.world.subnets["private-c"] in before
    assert aws.world.subnets["private-a"] not in before


def test_the_networks_of_the_vpc_are_told(aws: Any, answers: Answers) -> None:
    [vpc] = aws.ec2.describe_vpcs(VpcIds=[aws.world.vpc_id])["Vpcs"]
    ipv6 = tuple(network["Ipv6CidrBlock"] for network in vpc.get("Ipv6CidrBlockAssociationSet", ()))
    assert VpcCidrs(ipv4=(vpc["CidrBlock"],), ipv6=ipv6) == answers.answer([VpcNetworks()])[VpcNetworks()]


def test_security_groups_are_found_by_id_and_by_name_tag(aws: Any, answers: Answers) -> None:
    by_id, by_name = aws.security_group("a"), named(aws, "front-end")
    question = SecurityGroupIds(frozenset({by_id, "front-end", "nobody", "sg-0123456789abcdef0"}))
    assert {by_id: (by_id,), "front-end": (by_name,)} == answers.answer([question])[question]


def test_a_star_in_a_name_is_a_star(aws: Any, answers: Answers) -> None:
    named(aws, "front-end")
    question = SecurityGroupIds(frozenset({"front-*"}))
    assert {} == answers.answer([question])[question]


def test_all_security_groups_of_a_name_are_told_in_order(aws: Any, answers: Answers) -> None:
    both = {named(aws, "front-end", group="one"), named(aws, "front-end", group="two")}
    question = SecurityGroupIds(frozenset({"front-end"}))
    assert {"front-end": tuple(sorted(both))} == answers.answer([question])[question]


def test_target_groups_that_are_not_there_are_left_out(aws: Any, answers: Answers) -> None:
    arn = aws.target_group("there")
    question = TargetGroupArns(frozenset({"there", "nowhere"}))
    assert {"there": arn} == answers.answer([question])[question]


def test_issued_certificates_are_told_with_all_their_names(
    aws: Any, answers: Answers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("moto.settings.ACM_VALIDATION_WAIT", -1)
    acm = aws.session.client("acm")
    arn = acm.request_certificate(DomainName="Shop.example.com", SubjectAlternativeNames=["www.example.com"])
    acm.describe_certificate(CertificateArn=arn["CertificateArn"])
    wanted = Certificate(arn=arn["CertificateArn"], domains=("shop.example.com", "www.example.com"))
    assert (wanted,) == answers.answer([Certificates()])[Certificates()]


def test_what_a_stack_has_is_told_from_the_inventory(answers: Answers) -> None:
    question = Existing(STACK)
    assert ObservedStack() == answers.answer([question])[question]
