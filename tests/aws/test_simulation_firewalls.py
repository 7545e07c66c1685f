"""Firewalls from annotations to AWS and back: quiet when nothing changes, and never in the way of anything else."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from botocore.awsrequest import AWSResponse
from botocore.stub import Stubber

from aws_lb_controller.cluster.kinds import INGRESS
from aws_lb_controller.model.firewall import SHIELD_PROTECTION
from simulated_cluster import samples
from simulation import ATTEMPTS, Answer, Send, Simulation

GAME = ("game-2048", "ingress-2048")
ALB = "alb.ingress.kubernetes.io"
WAF_CALLS = {"AssociateWebACL", "DisassociateWebACL", "GetWebACLForResource", "ListWebACLs"}
SHIELD_CALLS = {"CreateProtection", "DeleteProtection", "DescribeProtection", "GetSubscriptionState"}


class Firewalls:
    """The firewalls of the account, as an administrator sees them."""

    def __init__(self, aws: Any) -> None:
        self._aws = aws
        self._waf, self.shield = aws.session.client("wafv2"), aws.session.client("shield")

    def web_acl(self, name: str) -> str:
        """Makes one; its ARN."""
        visibility = {"SampledRequestsEnabled": False, "CloudWatchMetricsEnabled": False, "MetricName": "m"}
        made = self._waf.create_web_acl(
            Name=name, Scope="REGIONAL", DefaultAction={"Allow": {}}, VisibilityConfig=visibility
        )
        return str(made["Summary"]["ARN"])

    def associated(self) -> str:
        """The ARN of the load balancer's web ACL, or nothing."""
        found = self._waf.get_web_acl_for_resource(ResourceArn=self.load_balancer())
        return str(found.get("WebACL", {}).get("ARN", ""))

    def associate(self, arn: str) -> None:
        self._waf.associate_web_acl(WebACLArn=arn, ResourceArn=self.load_balancer())

    def protections(self) -> list[tuple[str, str]]:
        """Name and resource of every protection."""
        return [(one["Name"], one["ResourceArn"]) for one in self.shield.list_protections()["Protections"]]

    def load_balancer(self) -> str:
        [balancer] = self._aws.elbv2.describe_load_balancers()["LoadBalancers"]
        return str(balancer["LoadBalancerArn"])


@pytest.fixture
def firewalls(aws: Any) -> Firewalls:
    return Firewalls(aws)


@pytest.fixture
def world(aws: Any) -> Simulation:
    """The game, deployed, without a word of firewalls."""
    world = Simulation(aws)
    world.cluster.apply(*samples("ingress-class", "2048-game"))
    world.run()
    assert [] == world.unexpected()
    forget(world)
    return world


def forget(world: Simulation) -> None:
    world.wire.clear()
    world.events.told.clear()
    world.wrong.clear()


def annotate(world: Simulation, **annotations: str | None) -> None:
    """Edits the game's Ingress and lets the controller work."""
    forget(world)
    world.cluster.annotate(
        INGRESS, *GAME, {f"{ALB}/{key.replace('_', '-')}": value for key, value in annotations.items()}
    )
    world.run()


@contextmanager
def refusing(world: Simulation, service: Any, method: str) -> Iterator[None]:
    """Permissions lack for a method that only reads."""
    with Stubber(world._clients.on_demand(service)) as stubber:
        for _ in range(ATTEMPTS):
            stubber.add_client_error(method, "AccessDeniedException", "no", http_status_code=400)
        yield


def answering(world: Simulation, operation: str, code: str, *, times: int) -> None:
    """AWS answers the next attempts at an operation that writes with an error."""
    left = [times]

    def answer(called: str, send: Send) -> Answer:
        if called != operation or not left[0]:
            return send()
        left[0] -= 1
        return AWSResponse("http://aws", 400, {}, Raw(json.dumps({"__type": code, "message": "no"}).encode()))

    world.wire.at_mutation = answer


class Raw:
    """The body of an answer."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    def stream(self, **_: Any) -> Iterator[bytes]:
        yield self._body


def calls(world: Simulation) -> set[str]:
    return set(world.wire.operations) & (WAF_CALLS | SHIELD_CALLS)


def test_a_stack_that_says_nothing_of_firewalls_costs_no_call(world: Simulation) -> None:
    for again in (world.restart, world.audit):
        again()
        world.run()
    assert set() == calls(world)


def test_a_web_acl_is_set_by_arn_exchanged_by_name_and_taken_away(world: Simulation, firewalls: Firewalls) -> None:
    first, second = firewalls.web_acl("first"), firewalls.web_acl("second")
    annotate(world, wafv2_acl_arn=first)
    assert (["AssociateWebACL"], first) == (world.wire.operations, firewalls.associated())
    annotate(world, wafv2_acl_name="second")
    assert (["ListWebACLs", "AssociateWebACL"], second) == (world.wire.operations, firewalls.associated())
    annotate(world, wafv2_acl_name="none")
    assert (["DisassociateWebACL"], "") == (world.wire.operations, firewalls.associated())
    assert [] == world.unexpected()


def test_a_load_balancer_of_an_earlier_life_is_looked_at_first(world: Simulation, firewalls: Firewalls) -> None:
    arn = firewalls.web_acl("shop")
    firewalls.associate(arn)
    world.restart()
    annotate(world, wafv2_acl_arn=arn)
    assert ({"GetWebACLForResource"}, []) == (calls(world), world.wire.mutations())


def test_a_new_load_balancer_has_its_web_acl_before_it_listens(aws: Any, firewalls: Firewalls) -> None:
    world = Simulation(aws)
    arn = firewalls.web_acl("shop")
    world.cluster.apply(*samples("ingress-class", "2048-game"))
    world.cluster.annotate(INGRESS, *GAME, {f"{ALB}/wafv2-acl-arn": arn})
    world.run()
    made = world.wire.mutations()
    assert arn == firewalls.associated()
    assert made.index("CreateLoadBalancer") < made.index("AssociateWebACL") < made.index("CreateListener")
    assert "GetWebACLForResource" not in world.wire.operations


def test_without_its_annotation_a_web_acl_stays_whoever_set_it(world: Simulation, firewalls: Firewalls) -> None:
    arn = firewalls.web_acl("shop")
    annotate(world, wafv2_acl_arn=arn)
    annotate(world, wafv2_acl_arn=None)
    assert (set(), arn) == (calls(world), firewalls.associated())


@pytest.mark.parametrize("again", ["resync", "restart", "audit"])
def test_a_firewall_that_is_right_is_not_touched_again(again: str, world: Simulation, firewalls: Firewalls) -> None:
    firewalls.shield.create_subscription()
    annotate(world, wafv2_acl_arn=firewalls.web_acl("shop"), shield_advanced_protection="true")
    forget(world)
    getattr(world, again)()
    world.run()
    assert [] == world.wire.mutations()
    looked = {"GetWebACLForResource", "DescribeProtection"} if again == "audit" else set()
    assert looked == calls(world) - {"GetSubscriptionState"}
    assert [] == world.events.told


def test_an_audit_puts_right_what_others_changed(world: Simulation, firewalls: Firewalls) -> None:
    arn = firewalls.web_acl("shop")
    annotate(world, wafv2_acl_arn=arn)
    firewalls.associate(firewalls.web_acl("other"))
    world.audit()
    world.run()
    assert arn == firewalls.associated()


def test_shield_protects_and_lets_go(world: Simulation, firewalls: Firewalls) -> None:
    firewalls.shield.create_subscription()
    annotate(world, shield_advanced_protection="true")
    assert [(SHIELD_PROTECTION, firewalls.load_balancer())] == firewalls.protections()
    annotate(world, shield_advanced_protection="false")
    assert (["DeleteProtection"], []) == (world.wire.operations, firewalls.protections())
    assert [] == world.unexpected()


def test_a_protection_that_somebody_else_made_stays(world: Simulation, firewalls: Firewalls) -> None:
    firewalls.shield.create_subscription()
    firewalls.shield.create_protection(Name="theirs", ResourceArn=firewalls.load_balancer())
    annotate(world, shield_advanced_protection="false")
    assert [("theirs", firewalls.load_balancer())] == firewalls.protections()


def test_without_a_subscription_the_wish_for_protection_is_passed_over_with_a_warning(world: Simulation) -> None:
    annotate(world, shield_advanced_protection="true")
    assert ["GetSubscriptionState"] == world.wire.operations
    (told,) = world.events.warnings()
    assert ("Ingress game-2048/ingress-2048", "IgnoredValue") == (told.object, told.reason)
    assert "shield-advanced-protection" in told.message
    assert [] == world.unexpected()


def test_a_name_that_no_web_acl_has_is_told_and_works_once_somebody_made_it(
    world: Simulation, firewalls: Firewalls
) -> None:
    annotate(world, wafv2_acl_name="shop", load_balancer_attributes="idle_timeout.timeout_seconds=90")
    assert [] == world.wire.mutations()
    assert {"FailedBuildModel"} == {told.reason for told in world.events.warnings()}
    arn = firewalls.web_acl("shop")
    world.resync()
    world.run()
    assert arn == firewalls.associated()


def only_warning(world: Simulation) -> str:
    """The message of the one Warning that was told, however often."""
    ((object_, reason, message),) = {(told.object, told.reason, told.message) for told in world.events.told}
    assert ("Ingress game-2048/ingress-2048", "FailedDeployModel") == (object_, reason)
    return message


def test_a_look_that_aws_denies_costs_the_firewall_alone_and_is_told(world: Simulation, firewalls: Firewalls) -> None:
    arn = firewalls.web_acl("shop")
    world.restart()
    with refusing(world, "wafv2", "get_web_acl_for_resource"):
        annotate(world, wafv2_acl_arn=arn, healthcheck_interval_seconds="30")
    assert ["ModifyTargetGroup"] == world.wire.mutations()
    message = only_warning(world)
    assert f"{ALB}/wafv2-acl-arn = '{arn}': it is left as AWS has it, and all else is done" in message
    assert "GetWebACLForResource: AccessDeniedException" in message
    assert "set --enable-wafv2=false" in message
    world.resync()
    world.run()
    assert arn == firewalls.associated()
    assert "SuccessfullyReconciled" == world.events.told[-1].reason


def test_a_change_that_aws_denies_costs_the_firewall_alone_and_is_told(world: Simulation, firewalls: Firewalls) -> None:
    arn = firewalls.web_acl("shop")
    answering(world, "AssociateWebACL", "AccessDeniedException", times=ATTEMPTS)
    annotate(world, wafv2_acl_arn=arn, healthcheck_interval_seconds="30")
    assert 1 == world.wire.mutations().count("ModifyTargetGroup")
    assert "AssociateWebACL: AccessDeniedException" in only_warning(world)
    world.restart()
    world.run()
    assert arn == firewalls.associated()


def test_a_web_acl_that_does_not_exist_costs_the_firewall_alone(world: Simulation, firewalls: Firewalls) -> None:
    arn = firewalls.web_acl("shop")
    annotate(world, wafv2_acl_arn=f"{arn}-gone", healthcheck_interval_seconds="30")
    assert "ModifyTargetGroup" in world.wire.mutations()
    assert any("WAFNonexistentItemException" in told.message for told in world.events.warnings())
    annotate(world, wafv2_acl_arn=arn)
    assert arn == firewalls.associated()
    assert [] == world.unexpected()


def test_a_load_balancer_that_waf_does_not_know_yet_is_only_waited_for(world: Simulation, firewalls: Firewalls) -> None:
    arn = firewalls.web_acl("shop")
    answering(world, "AssociateWebACL", "WAFUnavailableEntityException", times=2)
    annotate(world, wafv2_acl_arn=arn)
    assert ([], []) == (world.events.warnings(), world.unexpected())
    assert arn == firewalls.associated()


def test_a_protection_whose_answer_was_lost_is_found(world: Simulation, firewalls: Firewalls) -> None:
    firewalls.shield.create_subscription()
    firewalls.shield.create_protection(Name=SHIELD_PROTECTION, ResourceArn=firewalls.load_balancer())
    annotate(world, shield_advanced_protection="true")
    assert ([], []) == (world.events.warnings(), world.unexpected())
    annotate(world, shield_advanced_protection="false")
    assert [] == firewalls.protections()


def test_names_that_may_not_be_listed_leave_the_web_acl_as_it_is(world: Simulation, firewalls: Firewalls) -> None:
    before = firewalls.web_acl("before")
    annotate(world, wafv2_acl_arn=before)
    with refusing(world, "wafv2", "list_web_acls"):
        annotate(world, wafv2_acl_name="after", healthcheck_interval_seconds="30")
    assert (["ModifyTargetGroup"], before) == (world.wire.mutations(), firewalls.associated())
    assert any("ListWebACLs: AccessDeniedException" in told.message for told in world.events.warnings())
    after = firewalls.web_acl("after")
    world.resync()
    world.run()
    assert after == firewalls.associated()


@pytest.mark.parametrize("annotation", ["waf_acl_id", "web_acl_id"])
def test_a_classic_web_acl_is_set_by_id_and_taken_away(
    annotation: str, world: Simulation, firewalls: Firewalls
) -> None:
    """moto has no WAF Classic, so botocore's own model of it answers."""
    arn = firewalls.load_balancer()
    expected: list[tuple[str, dict[str, Any]]] = [
        ("get_web_acl_for_resource", {"ResourceArn": arn}),
        ("associate_web_acl", {"ResourceArn": arn, "WebACLId": "id"}),
        ("disassociate_web_acl", {"ResourceArn": arn}),
    ]
    world.restart()
    with Stubber(world._clients.on_demand("waf-regional")) as stubber:
        for method, parameters in expected:
            stubber.add_response(method, {"ResponseMetadata": {}}, parameters)
        annotate(world, **{annotation: "id"})
        annotate(world, **{annotation: "none"})
        stubber.assert_no_pending_responses()
    assert [] == world.unexpected()


def test_members_of_a_group_that_differ_are_told_and_the_firsts_web_acl_holds(
    world: Simulation, firewalls: Firewalls
) -> None:
    first, second = firewalls.web_acl("first"), firewalls.web_acl("second")
    ingress = world.cluster.get(INGRESS, *GAME)
    other = {**ingress, "metadata": {"namespace": GAME[0], "name": "other", "annotations": {}}}
    for obj, arn in ((ingress, first), (other, second)):
        obj["metadata"]["annotations"] = {
            **ingress["metadata"]["annotations"],
            f"{ALB}/group.name": "g",
            f"{ALB}/wafv2-acl-arn": arn,
        }
        world.cluster.apply(obj)
    world.run()
    told = {(one.object, one.reason) for one in world.events.warnings()}
    assert {("Ingress game-2048/other", "FailedBuildModel")} == told
    assert first == firewalls.associated()
