"""The exact calls to WAF, WAF Classic and Shield, against botocore's own model of each; and moto where it has them.

moto has no WAF Classic and refuses nothing of the others, so whatever AWS refuses is answered by botocore's Stubber.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

import pytest
from aws_builders import LOG, STACK, load_balancer, our_clients, settings
from botocore.stub import Stubber

from aws_lb_controller.aws.answer import Answers
from aws_lb_controller.aws.apply import Applier
from aws_lb_controller.aws.backend_group import BackendSecurityGroup
from aws_lb_controller.aws.clients import Clients, RareService, make_clients
from aws_lb_controller.aws.firewalls import Firewalls
from aws_lb_controller.aws.observe import Inventory
from aws_lb_controller.build.facts import ShieldSubscription, Unanswered, WebAclArns
from aws_lb_controller.errors import (
    AwsAlreadyExists,
    AwsDenied,
    AwsError,
    AwsInUse,
    AwsNotFound,
    AwsRefused,
    AwsUnavailable,
    NotLeading,
)
from aws_lb_controller.model.firewall import Firewall, Guard
from aws_lb_controller.model.observed import ObservedStack, SeenLoadBalancer
from aws_lb_controller.plan.effects import Given
from aws_lb_controller.plan.steps import (
    AssociateWebAcl,
    CreateShieldProtection,
    DeleteShieldProtection,
    DisassociateWebAcl,
    FirewallStep,
)

LB = "arn:aws:elasticloadbalancing:us-west-2:123456789012:loadbalancer/app/web/0123456789abcdef"
ACL = "arn:aws:wafv2:us-west-2:123456789012:regional/webacl/shop/12345678-1234-1234-1234-123456789012"
PROTECTION = "12345678-1234-1234-1234-123456789012"
OURS, LEGACY = "managed by aws-load-balancer-controller", "managed by aws-alb-ingress-controller"


class Answering(Stubber):
    """Answers with the HTTP status that botocore would have put in."""

    def add_response(
        self, method: str, service_response: dict[str, Any], expected_params: dict[str, Any] | None = None
    ) -> None:
        answer = {**service_response, "ResponseMetadata": {"HTTPStatusCode": 200}}
        super().add_response(method, answer, expected_params)


Stub = Callable[[RareService], Answering]


@pytest.fixture
def ours() -> Clients:
    return our_clients("vpc-1")


@pytest.fixture
def stub(ours: Clients) -> Iterator[Stub]:
    """Answers a service's calls, in order, and refuses what its model does not have."""
    with ExitStack() as stack:
        stubbers: dict[str, Answering] = {}

        def of(service: RareService) -> Answering:
            if service not in stubbers:
                stubbers[service] = stack.enter_context(Answering(ours.on_demand(service)))
            return stubbers[service]

        yield of
        for stubber in stubbers.values():
            stubber.assert_no_pending_responses()


def applier(clients: Clients) -> Applier:
    return Applier(clients, settings(), BackendSecurityGroup(clients, settings()))


def seen(firewall: Firewall | None = None) -> ObservedStack:
    resource = replace(load_balancer(["subnet-1"]), firewall=firewall or Firewall())
    return ObservedStack(load_balancers=(SeenLoadBalancer(arn=LB, resource=resource, dns_name="lb.example"),))


def looked_at(clients: Clients, guard: Guard, known: Firewall | None = None) -> Firewall:
    return Firewalls(clients).look(seen(known), guard).load_balancers[0].resource.firewall


# --- what there is


@pytest.mark.parametrize(
    ("answer", "web_acl"),
    [({}, ""), ({"WebACL": {"ARN": ACL, "Name": "shop", "Id": "1", "DefaultAction": {}, "VisibilityConfig": {}}}, ACL)],
)
def test_the_web_acl_of_a_load_balancer_is_its_arn(
    answer: dict[str, Any], web_acl: str, ours: Clients, stub: Stub
) -> None:
    for each in answer.values():
        each["VisibilityConfig"] = {
            "SampledRequestsEnabled": False, "CloudWatchMetricsEnabled": False, "MetricName": "shop"
        }  # fmt: skip  # the model requires it
    stub("wafv2").add_response("get_web_acl_for_resource", answer, {"ResourceArn": LB})
    assert Firewall(web_acl=web_acl) == looked_at(ours, "wafv2")


@pytest.mark.parametrize(
    ("answer", "web_acl"), [({}, ""), ({"WebACLSummary": {"WebACLId": "id", "Name": "shop"}}, "id")]
)
def test_the_classic_web_acl_of_a_load_balancer_is_its_id(
    answer: dict[str, Any], web_acl: str, ours: Clients, stub: Stub
) -> None:
    stub("waf-regional").add_response("get_web_acl_for_resource", answer, {"ResourceArn": LB})
    assert Firewall(classic_web_acl=web_acl) == looked_at(ours, "waf-regional")


@pytest.mark.parametrize(("name", "protection_id"), [(OURS, PROTECTION), (LEGACY, PROTECTION), ("theirs", "")])
def test_only_a_protection_under_the_controllers_names_is_its_own(
    name: str, protection_id: str, ours: Clients, stub: Stub
) -> None:
    answer = {"Protection": {"Id": PROTECTION, "Name": name, "ResourceArn": LB}}
    stub("shield").add_response("describe_protection", answer, {"ResourceArn": LB})
    assert Firewall(shield=True, protection_id=protection_id) == looked_at(ours, "shield")


def test_a_load_balancer_without_protection_is_not_protected(ours: Clients, stub: Stub) -> None:
    stub("shield").add_client_error("describe_protection", "ResourceNotFoundException", http_status_code=400)
    assert Firewall(shield=False) == looked_at(ours, "shield")


def test_what_is_known_is_not_looked_at_again(ours: Clients) -> None:
    known = Firewall(web_acl="", classic_web_acl="id", shield=True)
    assert [known, known, known] == [looked_at(ours, guard, known) for guard in known.guards]
    assert [] == LOG.calls


def test_a_network_load_balancer_is_not_looked_at(ours: Clients) -> None:
    [balancer] = seen().load_balancers
    network = replace(balancer, resource=replace(balancer.resource, type="network"))
    observed = ObservedStack(load_balancers=(network,))
    assert observed == Firewalls(ours).look(observed, "wafv2")
    assert [] == LOG.calls


def test_all_pages_of_web_acls_are_read(ours: Clients, stub: Stub) -> None:
    asked = {"Scope": "REGIONAL", "Limit": 100}
    first = {"WebACLs": [{"Name": "a", "ARN": f"{ACL}-a"}], "NextMarker": "more"}
    second = {"WebACLs": [{"Name": "b", "ARN": f"{ACL}-b"}], "NextMarker": "end"}
    stub("wafv2").add_response("list_web_acls", first, asked)
    stub("wafv2").add_response("list_web_acls", second, {**asked, "NextMarker": "more"})
    stub("wafv2").add_response("list_web_acls", {"WebACLs": [], "NextMarker": "end"}, {**asked, "NextMarker": "end"})
    assert {"a": f"{ACL}-a", "b": f"{ACL}-b"} == Firewalls(ours).web_acl_arns()


@pytest.mark.parametrize(("state", "subscribed"), [("ACTIVE", True), ("INACTIVE", False)])
def test_the_subscription_is_asked_for_once(state: str, subscribed: bool, ours: Clients, stub: Stub) -> None:
    stub("shield").add_response("get_subscription_state", {"SubscriptionState": state}, {})
    firewalls = Firewalls(ours)
    assert [subscribed, subscribed] == [firewalls.is_subscribed() for _ in range(2)]


# --- steps


@pytest.mark.parametrize(
    ("step", "service", "method", "parameters"),
    [
        (
            AssociateWebAcl(load_balancer=LB, service="wafv2", web_acl=ACL),
            "wafv2",
            "associate_web_acl",
            {"WebACLArn": ACL, "ResourceArn": LB},
        ),
        (
            AssociateWebAcl(load_balancer=LB, service="waf-regional", web_acl="id"),
            "waf-regional",
            "associate_web_acl",
            {"WebACLId": "id", "ResourceArn": LB},
        ),
        (
            DisassociateWebAcl(load_balancer=LB, service="wafv2"),
            "wafv2",
            "disassociate_web_acl",
            {"ResourceArn": LB},
        ),
        (
            DisassociateWebAcl(load_balancer=LB, service="waf-regional"),
            "waf-regional",
            "disassociate_web_acl",
            {"ResourceArn": LB},
        ),
        (
            DeleteShieldProtection(load_balancer=LB, protection_id=PROTECTION),
            "shield",
            "delete_protection",
            {"ProtectionId": PROTECTION},
        ),
    ],
)
def test_a_step_is_one_call(
    step: FirewallStep,
    service: RareService,
    method: str,
    parameters: dict[str, str],
    ours: Clients,
    stub: Stub,
) -> None:
    stub(service).add_response(method, {}, parameters)
    assert applier(ours).carry_out(step) is None


def test_a_protection_is_made_under_the_controllers_name(ours: Clients, stub: Stub) -> None:
    asked = {"Name": OURS, "ResourceArn": LB}
    stub("shield").add_response("create_protection", {"ProtectionId": PROTECTION}, asked)
    assert Given(arn=PROTECTION) == applier(ours).carry_out(CreateShieldProtection(load_balancer=LB))


@pytest.mark.parametrize(
    ("step", "service", "method", "code"),
    [
        (
            DisassociateWebAcl(load_balancer=LB, service="wafv2"),
            "wafv2",
            "disassociate_web_acl",
            "WAFNonexistentItemException",
        ),
        (
            DeleteShieldProtection(load_balancer=LB, protection_id=PROTECTION),
            "shield",
            "delete_protection",
            "ResourceNotFoundException",
        ),
    ],
)
def test_what_is_gone_already_is_fine(
    step: FirewallStep, service: RareService, method: str, code: str, ours: Clients, stub: Stub
) -> None:
    stub(service).add_client_error(method, code, http_status_code=400)
    assert applier(ours).carry_out(step) is None


@pytest.mark.parametrize(
    ("service", "method", "code", "meaning"),
    [
        ("wafv2", "associate_web_acl", "WAFNonexistentItemException", AwsNotFound),
        ("wafv2", "associate_web_acl", "WAFUnavailableEntityException", AwsInUse),
        ("wafv2", "associate_web_acl", "WAFInternalErrorException", AwsUnavailable),
        ("wafv2", "associate_web_acl", "WAFLimitsExceededException", AwsRefused),
        ("wafv2", "associate_web_acl", "AccessDeniedException", AwsDenied),
        ("shield", "create_protection", "ResourceAlreadyExistsException", AwsAlreadyExists),
        ("shield", "create_protection", "OptimisticLockException", AwsInUse),
        ("shield", "create_protection", "LimitsExceededException", AwsRefused),
    ],
)
def test_what_aws_refuses_is_told_by_its_meaning(
    service: RareService, method: str, code: str, meaning: type[AwsError], ours: Clients, stub: Stub
) -> None:
    steps: dict[str, FirewallStep] = {
        "associate_web_acl": AssociateWebAcl(load_balancer=LB, service="wafv2", web_acl=ACL),
        "create_protection": CreateShieldProtection(load_balancer=LB),
    }
    stub(service).add_client_error(method, code, http_status_code=400)
    with pytest.raises(AwsError) as caught:
        applier(ours).carry_out(steps[method])
    assert meaning is type(caught.value)


# --- the ours


def a_maker(**flags: Any) -> Clients:
    return make_clients(settings(**flags), may_write=lambda: None, record=lambda _: None)


def test_no_client_is_made_before_it_is_asked_for_and_each_once() -> None:
    made = a_maker()
    assert {} == made.on_demand._made
    assert made.on_demand("shield") is made.on_demand("shield")
    assert ["shield"] == list(made.on_demand._made)


def test_a_flag_gives_a_services_endpoint_and_the_environment_that_of_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://localhost:5000")
    on_demand = a_maker(aws_api_endpoints={"WAFV2": "http://localhost:6000"}).on_demand
    assert ["http://localhost:6000", "http://localhost:5000", "http://localhost:5000"] == [
        on_demand("wafv2").meta.endpoint_url,
        on_demand("waf-regional").meta.endpoint_url,
        on_demand("shield").meta.endpoint_url,
    ]


def test_waf_is_called_in_the_clusters_region_and_shield_where_it_is() -> None:
    on_demand = a_maker().on_demand
    assert "https://wafv2.us-west-2.amazonaws.com" == on_demand("wafv2").meta.endpoint_url
    assert "https://waf-regional.us-west-2.amazonaws.com" == on_demand("waf-regional").meta.endpoint_url
    assert "https://shield.us-east-1.amazonaws.com" == on_demand("shield").meta.endpoint_url


def test_a_replica_that_does_not_lead_changes_no_firewall(aws: Any) -> None:
    clients = our_clients(aws.world.vpc_id)

    def refuse() -> None:
        raise NotLeading("another replica leads")

    LOG.may_write = refuse
    with pytest.raises(NotLeading):
        Firewalls(clients).protect(CreateShieldProtection(load_balancer=LB))
    assert [] == LOG.calls


# --- answers


def answers(clients: Clients) -> Answers:
    return Answers(clients, Inventory(clients, settings(), BackendSecurityGroup(clients, settings())))


def test_web_acls_are_listed_once_for_all_who_ask(ours: Clients, stub: Stub) -> None:
    stub("wafv2").add_response("list_web_acls", {"WebACLs": [{"Name": "shop", "ARN": ACL}]})
    asking = answers(ours)
    assert [{"shop": ACL}, {"shop": ACL}] == [asking.answer([WebAclArns()])[WebAclArns()] for _ in range(2)]


def test_a_refusal_to_answer_is_an_answer_that_is_asked_for_again(ours: Clients, stub: Stub) -> None:
    stub("wafv2").add_client_error("list_web_acls", "AccessDeniedException", "no", http_status_code=400)
    stub("wafv2").add_response("list_web_acls", {"WebACLs": []})
    stub("shield").add_client_error("get_subscription_state", "InternalErrorException", "down", http_status_code=400)
    asking = answers(ours)
    first = asking.answer([WebAclArns(), ShieldSubscription()])
    denied = Unanswered(operation="ListWebACLs", code="AccessDeniedException", message="no", denied=True)
    down = Unanswered(operation="GetSubscriptionState", code="InternalErrorException", message="down", denied=False)
    assert [denied, down] == [first[WebAclArns()], first[ShieldSubscription()]]
    assert {} == asking.answer([WebAclArns()])[WebAclArns()]


# --- the whole way, as far as moto has it


@pytest.fixture
def moto_web_acl(aws: Any) -> Callable[[str], str]:
    """Makes a web ACL of a name; its ARN."""
    waf = aws.session.client("wafv2")
    visibility = {"SampledRequestsEnabled": False, "CloudWatchMetricsEnabled": False, "MetricName": "m"}

    def make(name: str) -> str:
        made = waf.create_web_acl(Name=name, Scope="REGIONAL", DefaultAction={"Allow": {}}, VisibilityConfig=visibility)
        return str(made["Summary"]["ARN"])

    return make


def test_a_web_acl_is_set_exchanged_and_taken_away(aws: Any, moto_web_acl: Callable[[str], str]) -> None:
    clients = our_clients(aws.world.vpc_id)
    carrier, arn = applier(clients), aws.load_balancer()
    first, second = moto_web_acl("first"), moto_web_acl("second")
    assert {"first": first, "second": second} == Firewalls(clients).web_acl_arns()
    found = []
    for web_acl in (first, second, ""):
        step: FirewallStep = DisassociateWebAcl(load_balancer=arn, service="wafv2")
        if web_acl:
            step = AssociateWebAcl(load_balancer=arn, service="wafv2", web_acl=web_acl)
        carrier.carry_out(step)
        there = replace(seen(), load_balancers=(replace(seen().load_balancers[0], arn=arn),))
        found.append(Firewalls(clients).look(there, "wafv2").load_balancers[0].resource.firewall.web_acl)
    assert [first, second, ""] == found


def test_a_guard_is_looked_at_once_and_then_remembered(aws: Any) -> None:
    clients = our_clients(aws.world.vpc_id)
    aws.elbv2.add_tags(
        ResourceArns=[aws.load_balancer()],
        Tags=[
            {"Key": "elbv2.k8s.aws/cluster", "Value": "demo"},
            {"Key": STACK.stack_tag, "Value": STACK.name},
            {"Key": STACK.resource_tag, "Value": "LoadBalancer"},
        ],
    )
    inventory = Inventory(clients, settings(), BackendSecurityGroup(clients, settings()))
    inventory.observe(STACK)
    LOG.clear()
    for _ in range(2):
        [lb] = inventory.look_at_guard(STACK, "wafv2").load_balancers
        assert Firewall(web_acl="") == lb.resource.firewall
    assert ["GetWebACLForResource"] == LOG.operations()
    inventory.forget(STACK)
    [lb] = inventory.observe(STACK).load_balancers
    assert Firewall() == lb.resource.firewall
