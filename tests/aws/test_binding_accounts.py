"""Target groups of other accounts: a binding names a role, and its targets are registered through it."""

from __future__ import annotations

from typing import Any

import boto3
import pytest
from aws_builders import LOG, answering
from binding_world import BindingWorld

from aws_lb_controller.aws.accounts import Accounts
from aws_lb_controller.errors import UnmetNeed
from aws_lb_controller.intent.binding import AssumedRole

A, B = "192.168.97.1", "192.168.113.3"
ROLE = "arn:aws:iam::210987654321:role/targets"


class Theirs:
    """The other account, as those who live there see it."""

    def __init__(self, aws: Any) -> None:
        given = aws.session.client("sts").assume_role(RoleArn=ROLE, RoleSessionName="them")["Credentials"]
        session = boto3.Session(
            aws_access_key_id=given["AccessKeyId"],
            aws_secret_access_key=given["SecretAccessKey"],
            aws_session_token=given["SessionToken"],
            region_name=aws.world.region,
        )
        self.elbv2: Any = session.client("elbv2")
        self.vpc: str = session.client("ec2").create_vpc(CidrBlock="172.16.0.0/16")["Vpc"]["VpcId"]

    def target_group(self, **more: Any) -> str:
        wanted = {"Name": "theirs", "Protocol": "HTTP", "Port": 80, "TargetType": "ip", "VpcId": self.vpc, **more}
        return str(self.elbv2.create_target_group(**wanted)["TargetGroups"][0]["TargetGroupArn"])

    def targets(self, arn: str) -> dict[tuple[str, int], str | None]:
        """Those that do not drain, with their zones."""
        described = self.elbv2.describe_target_health(TargetGroupArn=arn)["TargetHealthDescriptions"]
        return {
            (one["Target"]["Id"], one["Target"]["Port"]): one["Target"].get("AvailabilityZone")
            for one in described
            if one["TargetHealth"]["State"] != "draining"
        }


@pytest.fixture
def theirs(aws: Any) -> Theirs:
    return Theirs(aws)


def bind(world: BindingWorld, arn: str, **more: Any) -> None:
    world.binding(arn, iamRoleArnToAssume=ROLE, **more)


def test_pods_are_registered_and_deregistered_through_the_role(world: BindingWorld, theirs: Theirs) -> None:
    arn = theirs.target_group()
    world.pods(A)
    bind(world, arn, vpcID=theirs.vpc)
    world.reconcile()
    assert {(A, 8080): "all"} == theirs.targets(arn)
    world.pods(B)
    world.reconcile()
    assert {(B, 8080): "all"} == theirs.targets(arn)
    world.delete_binding()
    world.reconcile()
    assert ({}, None) == (theirs.targets(arn), world.stored())


def test_security_groups_are_opened_with_our_own_credentials(world: BindingWorld, theirs: Theirs) -> None:
    world.pods(A)
    bind(world, theirs.target_group(), vpcID=theirs.vpc)
    world.reconcile()
    assert {("tcp", 8080, 8080, world.backend_group)} == world.our_rules()


def test_in_a_vpc_that_they_share_with_us_addresses_have_their_own_zones(world: BindingWorld, theirs: Theirs) -> None:
    # as a VPC that is shared with another account: both see its networks
    arn = theirs.target_group()
    world.pods(A, "10.77.0.8")
    bind(world, arn, vpcID=world.clients.vpc_id, networking=None)
    world.reconcile()
    zones = theirs.targets(arn)
    assert ("all", True) == (zones["10.77.0.8", 8080], zones[A, 8080] != "all")


def test_a_vpc_that_we_cannot_see_is_not_asked_for_at_each_change(world: BindingWorld, theirs: Theirs) -> None:
    arn = theirs.target_group()
    bind(world, arn, vpcID=theirs.vpc, networking=None)
    for addresses in ((A,), (A, B), (B,)):
        world.pods(*addresses)
        world.reconcile()
    assert 1 == LOG.operations().count("DescribeVpcs")
    assert 1 == LOG.operations().count("AssumeRole")


def test_without_a_role_a_vpc_that_does_not_exist_is_told_with_its_field(world: BindingWorld, aws: Any) -> None:
    world.pods(A)
    world.binding(aws.target_group(), vpcID="vpc-0123456789abcdef0", networking=None)
    with pytest.raises(UnmetNeed, match=r"^TargetGroupBinding shop/web: spec\.vpcID = 'vpc-0123456789abcdef0': "):
        world.reconcile()


def test_a_role_that_may_not_be_assumed_is_told_with_what_to_do(world: BindingWorld, theirs: Theirs) -> None:
    world.pods(A)
    bind(world, theirs.target_group(), assumeRoleExternalId="secret")
    with (
        answering(world.clients.on_demand("sts"), "AssumeRole", status=403, code="AccessDenied"),
        pytest.raises(UnmetNeed) as told,
    ):
        world.reconcile()
    [problem] = told.value.problems
    assert ("TargetGroupBinding shop/web", "spec.iamRoleArnToAssume", ROLE) == (
        problem.object,
        problem.field,
        problem.value,
    )
    assert "sts:AssumeRole" in problem.remedy
    assert "FailedReconcile" == world.events.reasons()[-1]


@pytest.mark.parametrize("operation", ["DescribeTargetHealth", "RegisterTargets"])
def test_a_role_that_lacks_a_permission_is_told_which(
    world: BindingWorld, theirs: Theirs, operation: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.pods(A)
    bind(world, theirs.target_group(), vpcID=theirs.vpc, networking=None)
    elbv2 = Accounts(world.clients).elbv2(AssumedRole(arn=ROLE, external_id=None))
    monkeypatch.setattr(world.accounts, "elbv2", lambda _role: elbv2)  # one whose answers a test may give
    with (
        answering(elbv2, operation, status=403, code="AccessDenied"),
        pytest.raises(UnmetNeed, match=rf"{ROLE}.*elasticloadbalancing:{operation}"),
    ):
        world.reconcile()


def test_a_target_group_that_does_not_exist_is_told_with_its_field(world: BindingWorld, theirs: Theirs) -> None:
    world.pods(A)
    world.binding(theirs.target_group(), networking=None)  # without the role it is nowhere
    with pytest.raises(UnmetNeed, match=r"shop/web: spec\.targetGroupARN = 'arn:.*name a role in spec\.iamRoleArn"):
        world.reconcile()


def test_a_binding_whose_role_may_not_be_assumed_any_more_is_not_let_go(world: BindingWorld, theirs: Theirs) -> None:
    world.pods(A)
    bind(world, theirs.target_group(), vpcID=theirs.vpc, networking=None)
    world.reconcile()
    world.restart()
    world.delete_binding()
    with (
        answering(world.clients.on_demand("sts"), "AssumeRole", status=403, code="AccessDenied"),
        pytest.raises(UnmetNeed),
    ):
        world.reconcile()
    assert "FailedCleanup" == world.events.reasons()[-1]
    (condition,) = world.stored()["status"]["conditions"]
    assert ("Ready", "False", "FailedCleanup") == (condition["type"], condition["status"], condition["reason"])
    assert "let the controller's own role do sts:AssumeRole on it" in condition["message"]
    world.reconcile()
    assert None is world.stored()


def test_other_bindings_do_not_suffer_from_a_role_that_is_refused(
    world: BindingWorld, theirs: Theirs, aws: Any
) -> None:
    world.pods(A)
    bind(world, theirs.target_group(), networking=None)
    arn = aws.target_group("ours")
    world.binding(arn, "ours", networking=None)
    with answering(world.clients.on_demand("sts"), "AssumeRole", status=403, code="AccessDenied"):
        with pytest.raises(UnmetNeed):
            world.reconcile()
        world.reconcile("ours")
    assert {(A, 8080)} == world.registered(arn)
