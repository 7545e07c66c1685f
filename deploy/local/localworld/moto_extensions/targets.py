"""Target groups and targets as on AWS: a target is an address and a port, is checked first, and drains at the end."""

from __future__ import annotations

import time
from fnmatch import fnmatch
from typing import Any

from moto.elbv2.exceptions import TargetNotRunning
from moto.elbv2.models import ELBv2Backend, FakeHealthStatus, FakeTargetGroup, elbv2_backends
from moto.elbv2.responses import ELBV2Response

from localworld.moto_extensions.listeners import QUIC
from localworld.moto_extensions.patching import around, behaviour, computed, instead

DELAY_ATTRIBUTE = "deregistration_delay.timeout_seconds"
NOT_REGISTERED = ("unused", "Target.NotRegistered", "Target is not registered to the target group")
NOT_IN_USE = ("unused", "Target.NotInUse", "Target group is not configured to receive traffic from a load balancer")
INITIAL = ("initial", "Elb.RegistrationInProgress", "Target registration is in progress")
FAILED = ("unhealthy", "Target.FailedHealthChecks", "Health checks failed")
DRAINING = ("draining", "Target.DeregistrationInProgress", "Target deregistration is in progress")
STOPPED = ("unused", "Target.InvalidState", "Target is in the stopped state")


@instead(FakeTargetGroup, "register")
def register(group: Any, targets: list[dict[str, Any]]) -> None:
    """Add targets by address and port, with their zone; one that drained is registered again."""
    for target in targets:
        instance = group.ec2_backend.get_instance_by_id(target["Id"])
        if instance and instance.state != "running":
            raise TargetNotRunning(instance_id=target["Id"])
    for target in targets:
        port = int(target.get("Port") or group.port or 0) or None
        standing = group.targets.get((target["Id"], port))
        began = standing["registered"] if standing else time.monotonic()
        group.targets[target["Id"], port] = {**target, "Port": port, "registered": began}
        group.deregistered_targets.pop((target["Id"], port), None)


@instead(FakeTargetGroup, "deregister")
def deregister(group: Any, targets: list[dict[str, Any]]) -> None:
    """Take targets off, to drain; one that is not registered is no error."""
    delay = float(group.attributes.get(DELAY_ATTRIBUTE, 300))
    left = {"deregistered": time.monotonic(), "delay": delay}
    for target in targets:
        for key in _keys(group.targets, target):
            group.deregistered_targets[key] = {**group.targets.pop(key), **left}


@instead(FakeTargetGroup, "deregister_terminated_instances")
def deregister_terminated_instances(group: Any, instance_ids: list[str]) -> None:
    """An instance that is terminated drains too."""
    deregister(group, [{"Id": instance} for instance in instance_ids])


def _keys(registered: dict[Any, Any], target: dict[str, Any]) -> list[Any]:
    """The registered keys that a target description means: without a port, every port of the address."""
    port = int(target["Port"]) if target.get("Port") else None
    return [key for key in list(registered) if key[0] == target["Id"] and port in (None, key[1])]


def draining(group: Any) -> dict[Any, dict[str, Any]]:
    """The targets that are still draining now."""
    return {key: target for key, target in list(group.deregistered_targets.items()) if _drains(target)}


def _drains(target: dict[str, Any]) -> bool:
    drained: float = target["deregistered"] + min(behaviour.draining_seconds, target["delay"])
    return time.monotonic() < drained


@around(ELBv2Backend, "describe_target_health")
def describe_target_health(original: Any, backend: Any, arn: str, targets: list[dict[str, Any]]) -> Any:
    """Without targets named, list those that drain beside the registered."""
    group = backend.target_groups.get(arn)
    if group is not None and not targets:
        targets = [*group.targets.values(), *draining(group).values()]
    return original(backend, arn, targets)


@instead(FakeTargetGroup, "health_for")
def health_for(group: Any, target: dict[str, Any], ec2_backend: Any) -> Any:
    """The health of one target: as behaviour says when it is registered, else draining, else not registered."""
    if keys := _keys(group.targets, target):
        known = group.targets[keys[0]]
        state = _registered_state(group, known, ec2_backend)
    elif keys := _keys(draining(group), target):
        known, state = group.deregistered_targets[keys[0]], DRAINING
    else:
        known, state = target, NOT_REGISTERED
    health: Any = FakeHealthStatus(known["Id"], known.get("Port") or group.port, group.health_check_port, *state)
    health.kept = {key: known[key] for key in ("AvailabilityZone", "QuicServerId") if known.get(key)}
    return health


def _registered_state(group: Any, target: dict[str, Any], ec2_backend: Any) -> tuple[str, ...]:
    instance = ec2_backend.get_instance_by_id(target["Id"]) if target["Id"].startswith("i-") else None
    if instance and instance.state == "stopped":
        return STOPPED
    if behaviour.tells_unused and not group.load_balancer_arns:
        return NOT_IN_USE
    if time.monotonic() < target["registered"] + behaviour.initial_seconds:
        return INITIAL
    return FAILED if fnmatch(group.name, behaviour.failing_target_groups) else ("healthy",)


@computed(FakeHealthStatus, "target")
def described_target(health: Any) -> dict[str, Any]:
    """The target with the zone it was registered with."""
    return {"Id": health.instance_id, "Port": health.port, **getattr(health, "kept", {})}


@computed(FakeTargetGroup, "load_balancer_arns")
def load_balancer_arns(group: Any) -> list[str]:
    """The load balancers whose listeners and rules forward to the group now (moto only ever adds)."""
    return sorted(users(elbv2_backends[group.account_id][group.region_name], group.arn))


def users(backend: Any, target_group_arn: str) -> set[str]:
    """The ARNs of the load balancers that forward to a target group."""
    return {
        balancer.arn
        for balancer in backend.load_balancers.values()
        for listener in balancer.listeners.values()
        for rule in listener.rules.values()
        for action in rule.actions
        if target_group_arn in backend._get_target_group_arns_from(action_data=action.data)
    }


@around(ELBv2Backend, "create_target_group")
def create_target_group(original: Any, backend: Any, name: str, **kwargs: Any) -> Any:
    """Target groups may speak QUIC."""
    wanted = kwargs.get("protocol")
    group = original(backend, name, **{**kwargs, "protocol": QUIC.get(wanted or "", wanted)})
    if wanted in QUIC:
        group.protocol = wanted
    return group


@around(ELBV2Response, "modify_target_group")
def modify_target_group(original: Any, response: Any) -> Any:
    """Success codes go with the health check's protocol, not the group's, and may be gRPC's."""
    result = original(response)
    group, matcher = result._result["TargetGroups"][0], response._get_params().get("Matcher") or {}
    if matcher.get("GrpcCode"):
        group.matcher = {"GrpcCode": matcher["GrpcCode"]}
    elif group.protocol not in ("HTTP", "HTTPS"):
        if group.health_check_protocol == "TCP":
            group.health_check_path, group.matcher = None, None
        elif matcher.get("HttpCode"):
            group.matcher = {"HttpCode": matcher["HttpCode"]}
    return result
