"""What load balancers keep on AWS and moto drops: addresses, capacity, address types."""

from __future__ import annotations

import time
from typing import Any

from moto.core.responses import ActionResult
from moto.elbv2.exceptions import ELBClientError, LoadBalancerNotFoundError
from moto.elbv2.models import AvailabilityZone, ELBv2Backend, FakeLoadBalancer
from moto.elbv2.responses import ELBV2Response

from localworld.moto_extensions.patching import around, behaviour, computed, instead

PUBLIC_IPV6_ONLY = "dualstack-without-public-ipv4"
ADDRESS_KEYS = ("AllocationId", "PrivateIPv4Address", "IPv6Address")


@computed(FakeLoadBalancer, "availability_zones")
def availability_zones(balancer: Any) -> list[Any]:
    """The zones, with the fixed addresses and the IPv6 source prefix given for each subnet."""
    return [_zone(subnet, getattr(balancer, "subnet_mappings", {}).get(subnet.id, {})) for subnet in balancer.subnets]


def _zone(subnet: Any, mapping: dict[str, Any]) -> Any:
    zone: Any = AvailabilityZone(subnet)
    address = {key: mapping[key] for key in ADDRESS_KEYS if key in mapping}
    zone.load_balancer_addresses = [address] if address else []
    prefix = mapping.get("SourceNatIpv6Prefix")
    zone.source_nat_ipv6_prefixes = [prefix] if prefix else []
    return zone


def keep_network_settings(balancer: Any, parameters: dict[str, Any]) -> None:
    """Keep what CreateLoadBalancer, SetSubnets and SetSecurityGroups say of a network load balancer."""
    if balancer.type != "network":
        return
    if "SubnetMappings" in parameters:
        balancer.subnet_mappings = {mapping["SubnetId"]: mapping for mapping in parameters["SubnetMappings"]}
    _keep(balancer, "enable_prefix_for_ipv6_source_nat", parameters.get("EnablePrefixForIpv6SourceNat"), "off")
    if balancer.security_groups:
        switch = "EnforceSecurityGroupInboundRulesOnPrivateLinkTraffic"
        name = "enforce_security_group_inbound_rules_on_private_link_traffic"
        _keep(balancer, name, parameters.get(switch), "on")


def _keep(balancer: Any, name: str, given: str | None, default: str) -> None:
    setattr(balancer, name, given or getattr(balancer, name, default))


@around(ELBV2Response, "create_load_balancer")
def create_load_balancer(original: Any, response: Any) -> Any:
    """Keep a network load balancer's settings."""
    result = original(response)
    keep_network_settings(result._result["LoadBalancers"][0], response._get_params())
    return result


@around(ELBV2Response, "set_subnets")
def set_subnets(original: Any, response: Any) -> Any:
    """Let a network load balancer stand in one zone, and keep its addresses."""
    parameters = response._get_params()
    balancer = response.elbv2_backend.load_balancers.get(parameters["LoadBalancerArn"])
    wanted = parameters.get("SubnetMappings") or [{"SubnetId": one} for one in parameters.get("Subnets", [])]
    if balancer is None or balancer.type != "network":
        return original(response)
    if len(wanted) == 1:
        balancer.subnets = [response.elbv2_backend.ec2_backend.get_subnet(wanted[0]["SubnetId"])]
    else:
        original(response)
    keep_network_settings(balancer, parameters)
    return ActionResult({"AvailabilityZones": balancer.availability_zones})


@around(ELBV2Response, "set_security_groups")
def set_security_groups(original: Any, response: Any) -> Any:
    """Keep the PrivateLink switch that comes with the groups."""
    result, parameters = original(response), response._get_params()
    balancer = response.elbv2_backend.load_balancers[parameters["LoadBalancerArn"]]
    keep_network_settings(balancer, {key: value for key, value in parameters.items() if key != "SubnetMappings"})
    return result


@around(ELBv2Backend, "create_load_balancer")
def create_with_type(original: Any, backend: Any, *args: Any, **kwargs: Any) -> Any:
    """Take the address type that moto does not know, and give a network load balancer the ARN of one."""
    wanted = kwargs.get("ip_address_type")
    known = {**kwargs, "ip_address_type": "dualstack"} if wanted == PUBLIC_IPV6_ONLY else kwargs
    balancer = original(backend, *args, **known)
    balancer.ip_address_type = wanted or balancer.ip_address_type
    balancer.made = time.monotonic()
    if balancer.type == "network":
        _rename(backend, balancer, balancer.arn.replace(":loadbalancer/app/", ":loadbalancer/net/"))
    return balancer


def _rename(backend: Any, balancer: Any, arn: str) -> None:
    backend.load_balancers[arn] = backend.load_balancers.pop(balancer.arn)
    backend.tagging_service.copy_tags(balancer.arn, arn)
    backend.tagging_service.delete_all_tags_for_resource(balancer.arn)
    balancer.arn = arn


@around(FakeLoadBalancer, "activate")
def activate(original: Any, balancer: Any) -> None:
    """A new load balancer is provisioning for a while; moto's is until it was described."""
    if time.monotonic() >= balancer.made + behaviour.provisioning_seconds:
        original(balancer)


@around(ELBv2Backend, "set_ip_address_type")
def set_ip_address_type(original: Any, backend: Any, arn: str, ip_type: str) -> None:
    """Take the address type that moto does not know."""
    original(backend, arn, "dualstack" if ip_type == PUBLIC_IPV6_ONLY else ip_type)
    backend.load_balancers[arn].ip_address_type = ip_type


@instead(ELBV2Response, "modify_capacity_reservation")
def modify_capacity_reservation(response: Any) -> ActionResult:
    """Keep or reset a load balancer's reserved capacity, once it is no longer provisioning; moto has no such call."""
    parameters, balancer = response._get_params(), _described(response)
    if balancer.state == "provisioning":
        raise ELBClientError("OperationNotPermitted", "The load balancer is provisioning")
    if _is_true(parameters.get("ResetCapacityReservation")):
        balancer.capacity_units = 0
    elif units := (parameters.get("MinimumLoadBalancerCapacity") or {}).get("CapacityUnits"):
        balancer.capacity_units = int(units)
    else:
        raise ELBClientError("InvalidConfigurationRequest", "Neither capacity units nor a reset")
    return describe_capacity_reservation(response)


@instead(ELBV2Response, "describe_capacity_reservation")
def describe_capacity_reservation(response: Any) -> ActionResult:
    """The kept capacity, as provisioned at once; without one neither units nor states are told."""
    units = getattr(_described(response), "capacity_units", 0)
    if not units:
        return ActionResult({"CapacityReservationState": []})
    state = [{"State": {"Code": "provisioned"}}]
    return ActionResult({"MinimumLoadBalancerCapacity": {"CapacityUnits": units}, "CapacityReservationState": state})


def _described(response: Any) -> Any:
    arn = response._get_params()["LoadBalancerArn"]
    if arn not in response.elbv2_backend.load_balancers:
        raise LoadBalancerNotFoundError
    return response.elbv2_backend.load_balancers[arn]


def _is_true(value: Any) -> bool:
    return str(value).lower() == "true"
