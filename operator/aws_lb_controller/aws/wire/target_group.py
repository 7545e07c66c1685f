"""Target groups: CreateTargetGroup, ModifyTargetGroup and RegisterTargets one way, DescribeTargetGroups the other."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from aws_lb_controller.aws.wire.tags import Json, to_aws, without_none
from aws_lb_controller.model.observed import Seen
from aws_lb_controller.model.target_group import HealthCheck, LoadBalancerTarget, TargetGroup
from aws_lb_controller.plan.traffic import DRAINING


def create(group: TargetGroup) -> dict[str, Any]:
    """The parameters of CreateTargetGroup."""
    return without_none(
        {
            "Name": group.name,
            "TargetType": group.target_type,
            "Port": group.port,
            "Protocol": group.protocol,
            "ProtocolVersion": group.protocol_version,
            # AWS knows the parameter for instance and ip targets only, and ipv4 is its default
            "IpAddressType": group.ip_address_type if group.ip_address_type != "ipv4" else None,
            "TargetControlPort": group.target_control_port,
            "VpcId": group.vpc_id,
            "Tags": to_aws(group.tags),
            **_health_check(group.health_check),
        }
    )


def modify(arn: str, group: TargetGroup) -> dict[str, Any]:
    """The parameters of ModifyTargetGroup: the whole health check, for AWS checks its fields against each other."""
    return {"TargetGroupArn": arn, **_health_check(group.health_check)}


def target(target: LoadBalancerTarget) -> dict[str, Any]:
    """The ``TargetDescription`` of a load balancer."""
    return {"Id": target.load_balancer, "Port": target.port}


def seen_target(described: Iterable[Json]) -> LoadBalancerTarget | None:
    """The target of a group of type ``alb`` (``TargetHealthDescriptions`` of DescribeTargetHealth).

    One that drains counts as gone.
    """
    staying = (health["Target"] for health in described if health["TargetHealth"]["State"] not in DRAINING)
    found = [LoadBalancerTarget(load_balancer=each["Id"], port=each["Port"]) for each in staying]
    return found[0] if found else None


def _health_check(check: HealthCheck) -> dict[str, Any]:
    return without_none(
        {
            "HealthCheckEnabled": True,
            "HealthCheckProtocol": check.protocol,
            "HealthCheckPort": check.port,
            "HealthCheckPath": check.path,
            "HealthCheckIntervalSeconds": check.interval_seconds,
            "HealthCheckTimeoutSeconds": check.timeout_seconds,
            "HealthyThresholdCount": check.healthy_threshold,
            "UnhealthyThresholdCount": check.unhealthy_threshold,
            "Matcher": without_none({"HttpCode": check.http_codes, "GrpcCode": check.grpc_codes}),
        }
    )


def seen(
    described: Json, *, resource_tag: str, tags: Mapping[str, str], attributes: Mapping[str, str]
) -> Seen[TargetGroup]:
    """A target group of DescribeTargetGroups; resource_tag: the key of the tag that holds its id within the stack."""
    return Seen(
        arn=described["TargetGroupArn"],
        resource=TargetGroup(
            id=tags.get(resource_tag, ""),
            name=described["TargetGroupName"],
            target_type=described["TargetType"],
            port=described.get("Port", 0),
            protocol=described.get("Protocol", ""),
            protocol_version=described.get("ProtocolVersion"),
            ip_address_type=described.get("IpAddressType", "ipv4"),
            vpc_id=described.get("VpcId", ""),
            health_check=_seen_health_check(described),
            tags=tags,
            attributes=attributes,
            target_control_port=described.get("TargetControlPort"),
        ),
    )


def _seen_health_check(described: Json) -> HealthCheck:
    matcher: Json = described.get("Matcher", {})
    return HealthCheck(
        protocol=described.get("HealthCheckProtocol", ""),
        port=described.get("HealthCheckPort", ""),
        path=described.get("HealthCheckPath"),
        interval_seconds=described.get("HealthCheckIntervalSeconds", 0),
        timeout_seconds=described.get("HealthCheckTimeoutSeconds", 0),
        healthy_threshold=described.get("HealthyThresholdCount", 0),
        unhealthy_threshold=described.get("UnhealthyThresholdCount", 0),
        http_codes=matcher.get("HttpCode"),
        grpc_codes=matcher.get("GrpcCode"),
    )
