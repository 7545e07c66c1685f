"""What AWS refuses and moto takes: shared target groups, taken names, things still in use, quotas.

Registered last, so that a refusal comes before anything is kept. Error codes are AWS's; their messages are ours.
"""

from __future__ import annotations

import re
import time
from typing import Any

from moto.core.responses import ActionResult
from moto.ec2.exceptions import DependencyViolationError
from moto.ec2.models import EC2Backend
from moto.elbv2.exceptions import (
    DuplicateListenerError,
    DuplicateLoadBalancerName,
    DuplicateTargetGroupName,
    ELBClientError,
    TooManyTagsError,
    ValidationError,
)
from moto.elbv2.models import ELBv2Backend, elbv2_backends
from moto.elbv2.responses import ELBV2Response
from moto.elbv2.ssl_policies import SSL_POLICIES

from localworld.moto_extensions.load_balancers import ADDRESS_KEYS
from localworld.moto_extensions.patching import around, behaviour, instead
from localworld.moto_extensions.targets import users

NAME = re.compile(r"(?!internal-)(?!-)[A-Za-z0-9-]{1,32}(?<!-)")

# group id → when it is free, for the groups of deleted load balancers
_released: dict[str, float] = {}


# ---- load balancers


@around(ELBV2Response, "create_load_balancer")
def create_load_balancer(original: Any, response: Any) -> Any:
    """A name is unique: asked for again with the same settings it is what stands, with others an error."""
    parameters, backend = response._get_params(), response.elbv2_backend
    if not NAME.fullmatch(parameters["Name"]):
        raise ValidationError(f"The load balancer name '{parameters['Name']}' is not valid")
    standing = next((one for one in backend.load_balancers.values() if one.name == parameters["Name"]), None)
    if standing is None:
        _check_security_groups(backend, parameters.get("SecurityGroups") or [])
        _check_zones(backend, parameters)
        _check_addresses(backend, parameters, code="ResourceInUse")
        return original(response)
    if _settings(backend, standing) != _wanted_settings(parameters):
        raise DuplicateLoadBalancerName
    return ActionResult({"LoadBalancers": [standing]})


def _settings(backend: Any, balancer: Any) -> tuple[Any, ...]:
    tags = backend.tagging_service.get_tag_dict_for_resource(balancer.arn)
    subnets = {subnet.id for subnet in balancer.subnets}
    groups = set(balancer.security_groups or [])
    return balancer.type, balancer.scheme, balancer.ip_address_type, subnets, groups, tags


def _wanted_settings(parameters: dict[str, Any]) -> tuple[Any, ...]:
    return (
        parameters.get("Type") or "application",
        parameters.get("Scheme") or "internet-facing",
        parameters.get("IpAddressType") or "ipv4",
        set(_subnet_ids(parameters)),
        set(parameters.get("SecurityGroups") or []),
        {tag["Key"]: tag.get("Value", "") for tag in parameters.get("Tags") or []},
    )


def _subnet_ids(parameters: dict[str, Any]) -> list[str]:
    mapped = [mapping["SubnetId"] for mapping in parameters.get("SubnetMappings") or []]
    return [*(parameters.get("Subnets") or []), *mapped]


def _check_security_groups(backend: Any, group_ids: list[str]) -> None:
    for group_id in group_ids:
        if backend.ec2_backend.get_security_group_from_id(group_id) is None:
            raise ELBClientError("InvalidSecurityGroup", f"Security group {group_id} does not exist")


def _check_zones(backend: Any, parameters: dict[str, Any]) -> None:
    zones = [backend.ec2_backend.get_subnet(one).availability_zone for one in _subnet_ids(parameters)]
    if len(set(zones)) < len(zones):
        raise ELBClientError("InvalidConfigurationRequest", "Several subnets of one Availability Zone")
    if (parameters.get("Type") or "application") == "application" and len(zones) < 2:
        raise ValidationError("At least two subnets in two different Availability Zones must be specified")


def _check_addresses(backend: Any, parameters: dict[str, Any], *, code: str, arn: str = "") -> None:
    """No other load balancer than `arn` holds one of the fixed addresses."""
    others = [one for one in backend.load_balancers.values() if one.arn != arn]
    held = {address for one in others for zone in one.availability_zones for address in _held(zone)}
    wanted = {mapping.get(key) for mapping in parameters.get("SubnetMappings") or [] for key in ADDRESS_KEYS}
    if taken := held & wanted:
        raise ELBClientError(code, f"Not available for use: {', '.join(sorted(map(str, taken)))}")


def _held(zone: Any) -> list[str]:
    return [value for address in zone.load_balancer_addresses for value in address.values()]


@around(ELBV2Response, "set_subnets")
def set_subnets(original: Any, response: Any) -> Any:
    """A network load balancer gets and loses zones, and keeps its subnet in those that stay."""
    parameters, backend = response._get_params(), response.elbv2_backend
    balancer = backend.load_balancers.get(parameters["LoadBalancerArn"])
    if balancer is not None:
        _check_zones(backend, {**parameters, "Type": balancer.type})
    if balancer is not None and balancer.type == "network":
        _check_addresses(backend, parameters, code="InvalidConfigurationRequest", arn=balancer.arn)
        there = {subnet.availability_zone: subnet.id for subnet in balancer.subnets}
        for subnet_id in _subnet_ids(parameters):
            zone = backend.ec2_backend.get_subnet(subnet_id).availability_zone
            if there.get(zone, subnet_id) != subnet_id:
                raise ELBClientError("InvalidConfigurationRequest", f"In {zone} the load balancer has {there[zone]}")
    return original(response)


@around(ELBV2Response, "set_security_groups")
def set_security_groups(original: Any, response: Any) -> Any:
    """Only a network load balancer that was made with groups has any, and it keeps one; the switch is for those."""
    parameters = response._get_params()
    balancer = response.elbv2_backend.load_balancers.get(parameters["LoadBalancerArn"])
    switch = "EnforceSecurityGroupInboundRulesOnPrivateLinkTraffic"
    if balancer is not None and balancer.type != "network" and parameters.get(switch):
        raise ELBClientError("InvalidConfigurationRequest", f"{switch} is for network load balancers")
    if balancer is not None and balancer.type == "network":
        if not balancer.security_groups:
            raise ELBClientError("InvalidConfigurationRequest", "The load balancer was made without security groups")
        if not parameters.get("SecurityGroups"):
            raise ELBClientError("InvalidConfigurationRequest", "A security group must stay")
    return original(response)


@around(ELBv2Backend, "set_ip_address_type")
def set_ip_address_type(original: Any, backend: Any, arn: str, ip_type: str) -> None:
    """IPv6 needs subnets with it; only application load balancers do without public IPv4 addresses."""
    balancer = backend.load_balancers.get(arn)
    if balancer is not None and ip_type != "ipv4":
        if balancer.type == "network" and ip_type != "dualstack":
            raise ELBClientError("InvalidConfigurationRequest", f"A network load balancer cannot be {ip_type}")
        without = [subnet.id for subnet in balancer.subnets if not subnet.ipv6_cidr_block_associations]
        if without:
            raise ELBClientError("InvalidSubnet", f"Subnets without an IPv6 network: {', '.join(without)}")
    original(backend, arn, ip_type)


@around(ELBv2Backend, "delete_load_balancer")
def delete_load_balancer(original: Any, backend: Any, arn: str) -> None:
    """A protected load balancer stays; the groups of one that goes are in use for a while yet."""
    balancer = backend.load_balancers.get(arn)
    if balancer is not None:
        if balancer.attrs.get("deletion_protection.enabled") == "true":
            raise ELBClientError("OperationNotPermitted", f"Load balancer '{arn}' has deletion protection enabled")
        if _registered_ports(backend, arn):
            raise ELBClientError("ResourceInUse", f"Load balancer '{arn}' is a registered target")
        free = time.monotonic() + behaviour.group_release_seconds
        _released.update(dict.fromkeys(balancer.security_groups or [], free))
    original(backend, arn)


@instead(ELBv2Backend, "add_tags")
def add_tags(backend: Any, resource_arns: list[str], tags: list[dict[str, str]]) -> None:
    """A resource has up to 50 tags; moto stops at 10."""
    for arn in resource_arns:
        backend._get_resource_by_arn(arn)
        present = backend.tagging_service.get_tag_dict_for_resource(arn)
        if len({*present, *(tag["Key"] for tag in tags)}) > behaviour.tags_per_resource:
            raise TooManyTagsError
        backend.tagging_service.tag_resource(arn, tags)


# ---- listeners and rules


@around(ELBv2Backend, "create_listener")
def create_listener(original: Any, backend: Any, **wanted: Any) -> Any:
    """A port has one listener, an HTTPS listener a certificate, a load balancer so many listeners."""
    balancer = backend.load_balancers.get(wanted["load_balancer_arn"])
    listeners = list(balancer.listeners.values()) if balancer else []
    if any(str(listener.port) == str(wanted["port"]) for listener in listeners):
        raise DuplicateListenerError
    if len(listeners) >= behaviour.listeners_per_load_balancer:
        raise ELBClientError("TooManyListeners", "You've reached the limit on the number of listeners")
    if wanted["protocol"] in ("HTTPS", "TLS"):
        _check_tls(wanted)
    _check_forwards(backend, wanted["load_balancer_arn"], wanted["actions"])
    return original(backend, **wanted)


@around(ELBv2Backend, "delete_listener")
def delete_listener(original: Any, backend: Any, listener_arn: str) -> Any:
    """A listener stays whose port and load balancer are a registered target."""
    for balancer in backend.load_balancers.values():
        listener = balancer.listeners.get(listener_arn)
        if listener is not None and int(listener.port) in _registered_ports(backend, balancer.arn):
            raise ELBClientError("ResourceInUse", f"Port {listener.port} of '{balancer.arn}' is a registered target")
    return original(backend, listener_arn)


def _registered_ports(backend: Any, balancer_arn: str) -> set[int]:
    """The ports by which target groups of type alb have this load balancer as their target."""
    groups = [group for group in backend.target_groups.values() if group.target_type == "alb"]
    return {port for group in groups for arn, port in group.targets if arn == balancer_arn}


def _check_tls(wanted: dict[str, Any]) -> None:
    if not wanted["certificate"]:
        raise ValidationError("A certificate must be specified for HTTPS and TLS listeners")
    if wanted["ssl_policy"] not in SSL_POLICIES:
        raise ELBClientError("SSLPolicyNotFound", f"Policy {wanted['ssl_policy']} not found")


@around(ELBv2Backend, "modify_listener")
def modify_listener(original: Any, backend: Any, arn: str, port: Any = None, *rest: Any, **kwargs: Any) -> Any:
    """The new port is free, and the new default action forwards to no other load balancer's groups."""
    listener = backend.describe_listeners(load_balancer_arn=None, listener_arns=[arn])[0]
    siblings = backend.load_balancers[listener.load_balancer_arn].listeners.values()
    if port and any(one.arn != arn and str(one.port) == str(port) for one in siblings):
        raise DuplicateListenerError
    actions = kwargs.get("actions") or (rest[3] if len(rest) > 3 else [])
    _check_forwards(backend, listener.load_balancer_arn, actions)
    return original(backend, arn, port, *rest, **kwargs)


@around(ELBv2Backend, "create_rule")
def create_rule(original: Any, backend: Any, **wanted: Any) -> Any:
    """A load balancer has so many rules, default ones not counted."""
    listener = backend.describe_listeners(None, [wanted["listener_arn"]])[0]
    balancer = backend.load_balancers[listener.load_balancer_arn]
    if sum(len(one.rules) - 1 for one in balancer.listeners.values()) >= behaviour.rules_per_load_balancer:
        raise ELBClientError("TooManyRules", "You've reached the limit on the number of rules per load balancer")
    _check_forwards(backend, balancer.arn, wanted["actions"])
    return original(backend, **wanted)


@around(ELBv2Backend, "modify_rule")
def modify_rule(original: Any, backend: Any, rule_arn: str, conditions: Any, actions: Any) -> Any:
    """The new actions forward to no other load balancer's groups."""
    rule = backend.describe_rules(listener_arn=None, rule_arns=[rule_arn])[0]
    listener = backend.describe_listeners(None, [rule.listener_arn])[0]
    _check_forwards(backend, listener.load_balancer_arn, actions)
    return original(backend, rule_arn, conditions, actions)


def _check_forwards(backend: Any, balancer_arn: str, actions: list[dict[str, Any]]) -> None:
    for action in actions or []:
        groups = backend._get_target_group_arns_from(action_data=action)
        if len(groups) > behaviour.target_groups_per_action:
            raise ELBClientError("TooManyTargetGroups", "An action forwards to too many target groups")
        taken = [group for group in groups if users(backend, group) - {balancer_arn}]
        if taken:
            code = "TargetGroupAssociationLimit"
            raise ELBClientError(code, f"Target groups that serve another load balancer: {', '.join(taken)}")


# ---- target groups and targets


@around(ELBv2Backend, "create_target_group")
def create_target_group(original: Any, backend: Any, name: str, **kwargs: Any) -> Any:
    """A name is unique: asked for again with the same settings it is what stands, with others an error."""
    standing = next((group for group in backend.target_groups.values() if group.name == name), None)
    if standing is None:
        return original(backend, name, **kwargs)
    if not _same_group(backend, standing, kwargs):
        raise DuplicateTargetGroupName
    return standing


def _same_group(backend: Any, group: Any, wanted: dict[str, Any]) -> bool:
    tags = {tag["Key"]: tag.get("Value", "") for tag in wanted.get("tags") or []}
    if tags != backend.tagging_service.get_tag_dict_for_resource(group.arn):
        return False
    given = {key: value for key, value in wanted.items() if value is not None and key != "tags"}
    kept = {key: getattr(group, key.replace("healthcheck_", "health_check_"), None) for key in given}
    return all(str(value).lower() == str(kept[key]).lower() for key, value in given.items())


@around(ELBv2Backend, "register_targets")
def register_targets(original: Any, backend: Any, target_group_arn: str, instances: list[Any]) -> None:
    """A target group has so many targets, one of type alb a single one, which listens on the target's port."""
    original_group = backend.target_groups.get(target_group_arn)
    if original_group is not None:
        wanted = {(one["Id"], int(one.get("Port") or original_group.port or 0) or None) for one in instances}
        behind = original_group.target_type == "alb"
        if len({*original_group.targets, *wanted}) > (1 if behind else behaviour.targets_per_target_group):
            raise ELBClientError("TooManyTargets", "You've reached the limit on the number of targets")
        if behind:
            for arn, port in wanted:
                _check_that_it_listens(backend, arn, port)
    original(backend, target_group_arn, instances)


def _check_that_it_listens(backend: Any, arn: str, port: int | None) -> None:
    balancer = backend.load_balancers.get(arn)
    if balancer is None or balancer.type != "application":
        raise ELBClientError("InvalidTarget", f"'{arn}' is no Application Load Balancer")
    if not any(int(listener.port) == port for listener in balancer.listeners.values()):
        raise ELBClientError("InvalidTarget", f"'{arn}' has no listener on port {port}")


# ---- security groups


@around(EC2Backend, "delete_security_group")
def delete_security_group(original: Any, backend: Any, name: str | None = None, group_id: str | None = None) -> Any:
    """A group stays while a load balancer, a network interface or another group's rule uses it."""
    group = backend.get_security_group_by_name_or_id(group_id or name)
    if group is not None and _in_use(backend, group.id):
        raise DependencyViolationError(f"resource {group.id} has a dependent object")
    return original(backend, name=name, group_id=group_id)


def _in_use(backend: Any, group_id: str) -> bool:
    balancers = elbv2_backends[backend.account_id][backend.region_name].load_balancers.values()
    return (
        any(group_id in (balancer.security_groups or []) for balancer in balancers)
        or _released.get(group_id, 0.0) > time.monotonic()
        or any(group_id in {group.id for group in eni.group_set} for eni in backend.enis.values())
        or _referenced(backend, group_id)
    )


def _referenced(backend: Any, group_id: str) -> bool:
    return any(
        rule.source_group.get("GroupId") == group_id
        for groups in backend.groups.values()
        for group in groups.values()
        if group.id != group_id
        for rule in (*group.ingress_rules, *group.egress_rules)
    )
