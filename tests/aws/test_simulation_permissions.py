"""A permission that is missing costs what needs it and nothing else, is told to who asked, and may come later."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from group_world import GroupWorld, a_backend_service, an_issued_certificate
from swap_world import (
    ALB,
    NLB,
    SHOP,
    a_service,
    a_world,
    an_alb,
    an_nlb,
    annotate,
    deploy,
    forget_what_was_done,
    later,
    load_balancers,
    told,
)

from aws_lb_controller.cluster.kinds import INGRESS, SERVICE
from aws_lb_controller.errors import KubernetesDenied
from builders_ingress import a_path, a_rule, an_ingress
from iam_policy import Policy
from simulated_cluster import samples
from simulation import Answer, Simulation, Told, Wire

JSON_SERVICES = ("acm", "wafv2", "waf-regional", "shield")


class Denying(Wire):
    """AWS as it is for a role that lacks some actions."""

    def __init__(self, *operations: str) -> None:
        super().__init__()
        self.denied = set(operations)

    def __call__(self, *, event_name: str, request: Any, **more: Any) -> Answer:
        _, service, operation = event_name.split(".")
        if operation not in self.denied:
            return super().__call__(event_name=event_name, request=request, **more)
        self.operations.append(operation)
        return a_denial("json" if service in JSON_SERVICES else service, f"not authorized to perform {operation}")


def a_denial(service: str, message: str) -> AWSResponse:
    """As the service's protocol has it."""
    match service:
        case "json":
            text = json.dumps({"__type": "AccessDeniedException", "message": message})
        case "ec2":
            error = f"<Error><Code>UnauthorizedOperation</Code><Message>{message}</Message></Error>"
            text = f"<Response><Errors>{error}</Errors><RequestID>1</RequestID></Response>"
        case _:
            error = f"<Error><Type>Sender</Type><Code>AccessDenied</Code><Message>{message}</Message></Error>"
            text = f"<ErrorResponse>{error}<RequestId>1</RequestId></ErrorResponse>"
    return AWSResponse("http://aws", 403, HTTPHeaders(), _Body(text.encode()))


class _Body:
    def __init__(self, content: bytes) -> None:
        self._content = content

    def stream(self, **_: Any) -> Iterator[bytes]:
        yield self._content


@contextmanager
def lacking(world: Simulation, *operations: str) -> Iterator[Denying]:
    """The permissions are missing meanwhile."""
    before, world.wire = world.wire, Denying(*operations)
    try:
        yield world.wire  # type: ignore[misc]
    finally:
        world.wire = before


def warnings(world: Simulation) -> set[tuple[str, str]]:
    return {(one.object, one.reason) for one in world.events.warnings()}


def message_of(world: Simulation) -> str:
    """The message of the Warnings, which all say the same."""
    (message,) = {one.message for one in world.events.warnings()}
    return message


# ---- a Service


@pytest.fixture
def service(aws: Any) -> Simulation:
    return a_world(aws)


@pytest.mark.parametrize("operation", ["DescribeCapacityReservation", "ModifyCapacityReservation"])
def test_without_leave_for_capacity_a_service_is_served_and_told_and_gets_it_when_it_may(
    operation: str, service: Simulation, aws: Any
) -> None:
    deploy(service, an_nlb())
    service.restart()  # what was made just now is known to have no capacity
    with lacking(service, operation) as wire:
        wanted = {"minimum-load-balancer-capacity": "CapacityUnits=3000", "healthcheck-interval": "20"}
        annotate(service, SERVICE, wanted)
        service.run()
        assert "ModifyTargetGroup" in wire.mutations()
    assert {("Service shop/web", "FailedDeployModel")} == warnings(service)
    assert "minimum-load-balancer-capacity = 'CapacityUnits=3000': it is left as AWS has it" in message_of(service)
    assert f"{operation}: AccessDenied" in message_of(service)
    later(service)
    assert "ModifyCapacityReservation" in service.wire.mutations()
    assert "SuccessfullyReconciled" == told(service, SERVICE)[-1]


def test_without_leave_for_capacity_whoever_asks_for_none_hears_nothing(service: Simulation) -> None:
    with lacking(service, "DescribeCapacityReservation", "ModifyCapacityReservation"):
        service.cluster.apply(an_nlb())
        service.run()
    assert ([], ["SuccessfullyReconciled"]) == (service.unexpected(), told(service, SERVICE))


FOR_NOBODY = ["DescribeAvailabilityZones", "DescribeListenerAttributes", "DescribeRouteTables", "DescribeTrustStores"]


@pytest.mark.parametrize("operation", [*FOR_NOBODY, "ListCertificates", "GetWebACLForResource", "DescribeProtection"])
def test_what_nobody_asks_for_need_not_be_allowed(operation: str, service: Simulation, aws: Any) -> None:
    kind = {"type": "LoadBalancer", "loadBalancerClass": "service.k8s.aws/nlb"}
    balanced = a_service("other", {f"{NLB}-nlb-target-type": "ip"}, **kind)
    with lacking(service, operation):
        service.cluster.apply(balanced, *an_alb())
        service.run()
        service.restart()
        service.audit()
        service.run()
    assert ([], []) == (service.unexpected(), service.events.warnings())
    assert 2 == len(load_balancers(aws))


def test_subnets_that_only_routes_can_tell_are_told_to_be_named_or_tagged(service: Simulation, aws: Any) -> None:
    for role in ("elb", "internal-elb"):
        key = f"kubernetes.io/role/{role}"
        aws.ec2.delete_tags(Resources=[*aws.world.subnets.values()], Tags=[{"Key": key}])
    with lacking(service, "DescribeRouteTables"):
        service.cluster.apply(an_nlb())
        service.run()
        assert "AWS does not tell (DescribeRouteTables: UnauthorizedOperation" in message_of(service)
        assert "give the controller the permission, tag subnets with kubernetes.io/role/internal-elb" in message_of(
            service
        )
        annotate(service, SERVICE, {"subnets": "private-a, private-b"})
        service.run()
    assert "SuccessfullyReconciled" == told(service, SERVICE)[-1]
    assert 1 == len(load_balancers(aws))


# ---- members of a group


@pytest.fixture
def group(aws: Any) -> GroupWorld:
    """Member a is served; b is to come."""
    world = GroupWorld(aws)
    world.cluster.apply(*samples("ingress-class"), a_backend_service("a"), a_backend_service("b"), member("a"))
    world.run()
    assert [] == world.world.unexpected()
    forget_what_was_done(world.world)
    return world


def member(name: str, host: str | None = None, tls: bool = False, **annotations: str) -> Any:
    written = {"group.name": "games", **{key.replace("_", "-"): text for key, text in annotations.items()}}
    rules = [a_rule(a_path(f"/{name}", service=name), **({"host": host} if host else {}))]
    spec: dict[str, Any] = {"tls": [{"hosts": [host]}]} if tls else {}
    return an_ingress(name, alb=written, rules=rules, **spec)


def edited(world: GroupWorld) -> list[Told]:
    return [one for one in world.world.events.warnings() if one.object == "Ingress shop/a"]


def test_certificates_that_may_not_be_listed_cost_the_member_that_looks_for_one(group: GroupWorld, aws: Any) -> None:
    an_issued_certificate(aws, "b.example.com")
    seeks = member("b", "b.example.com", tls=True, listen_ports='[{"HTTP": 80}, {"HTTPS": 443}]')
    with lacking(group.world, "ListCertificates"):
        group.cluster.apply(seeks)
        group.annotate("a", healthcheck_interval_seconds="30")
        group.world.run()
        assert {("Ingress shop/b", "FailedBuildModel")} == warnings(group.world)
        assert "AWS does not tell (ListCertificates: AccessDeniedException" in message_of(group.world)
        assert ["/a"] == [path for name in ("a", "b") for path in group.paths(name)]
    (target_group,) = aws.elbv2.describe_target_groups()["TargetGroups"]
    assert 30 == target_group["HealthCheckIntervalSeconds"]
    group.world.resync()
    group.world.run()
    assert {80, 443} == {*group.listeners()}
    assert [] == edited(group)


def test_a_trust_store_that_may_not_be_looked_for_costs_the_member_that_names_it(group: GroupWorld, aws: Any) -> None:
    arn = an_issued_certificate(aws, "b.example.com")
    mutual = json.dumps([{"port": 443, "mode": "verify", "trustStore": "clients"}])
    with lacking(group.world, "DescribeTrustStores"):
        group.cluster.apply(member("b", certificate_arn=arn, mutual_authentication=mutual))
        group.annotate("a", healthcheck_interval_seconds="30")
        group.world.run()
    assert {("Ingress shop/b", "FailedBuildModel")} == warnings(group.world)
    assert "AWS does not tell (DescribeTrustStores: AccessDenied" in message_of(group.world)
    (target_group,) = aws.elbv2.describe_target_groups()["TargetGroups"]
    assert 30 == target_group["HealthCheckIntervalSeconds"]


def test_a_call_that_is_denied_for_what_one_member_asks_for_costs_that_member(group: GroupWorld, aws: Any) -> None:
    arn = an_issued_certificate(aws, "shop.example.com")
    with lacking(group.world, "CreateListener"):
        group.cluster.apply(member("b", listen_ports='[{"HTTPS": 443}]', certificate_arn=arn))
        group.annotate("a", healthcheck_interval_seconds="30")
        group.world.run()
    assert {("Ingress shop/b", "FailedDeployModel")} == warnings(group.world)
    (target_group,) = aws.elbv2.describe_target_groups()["TargetGroups"]
    assert 30 == target_group["HealthCheckIntervalSeconds"]


def test_without_leave_for_capacity_a_group_is_served_and_who_asks_for_it_is_told(group: GroupWorld) -> None:
    group.world.restart()  # what was made just now is known to have no capacity
    with lacking(group.world, "DescribeCapacityReservation"):
        group.cluster.apply(member("b", minimum_load_balancer_capacity="CapacityUnits=3000"))
        group.world.run()
    assert {("Ingress shop/b", "FailedDeployModel")} == warnings(group.world)
    assert f"{ALB}/minimum-load-balancer-capacity = 'CapacityUnits=3000'" in message_of(group.world)
    assert [["/a"], ["/b"]] == [group.paths(name) for name in ("a", "b")]


def test_without_leave_for_config_maps_a_group_is_served_and_those_who_leave_go(group: GroupWorld, aws: Any) -> None:
    group.cluster.api.before = config_maps_are_forbidden
    group.cluster.apply(member("b"))
    group.run()
    assert [["/a"], ["/b"]] == [group.paths(name) for name in ("a", "b")]
    for name in ("a", "b"):
        group.delete(name)
        group.run()
    assert (False, False, []) == (group.exists("a"), group.exists("b"), load_balancers(aws))


def config_maps_are_forbidden(method: str, path: str) -> None:
    if "/configmaps" in path:
        raise KubernetesDenied(f"{method} {path}", 403, "forbidden")


# ---- things that bear no tag of ours


def test_the_shipped_policies_are_what_the_simulation_judges_by(service: Simulation) -> None:
    assert Policy.of("iam-policy").statements == service.permissions.policy.statements


def test_listeners_without_tags_need_the_further_document(service: Simulation, aws: Any) -> None:
    gates: Mapping[str, bool] = {"listener_rules_tagging": False}
    current = service._settings
    off = current.feature_gates.model_copy(update=gates)
    service._settings = current.model_copy(update={"feature_gates": off})
    service.permissions = service.permissions.also("iam-policy-untagged")
    service.restart()
    service.cluster.apply(*an_alb())
    service.run()
    annotate(service, INGRESS, {"listen-ports": '[{"HTTP": 81}]'})
    service.run()
    service.cluster.delete(INGRESS, SHOP, "web")
    service.run()
    assert ([], []) == (service.unexpected(), load_balancers(aws))
