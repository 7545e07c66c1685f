"""The feature gates: switches of ``--feature-gates=NAME=true,OTHER=false``, under the names users already have."""

from __future__ import annotations

import difflib
from collections.abc import Mapping

from pydantic import BaseModel, ConfigDict, Field

from aws_lb_controller.settings.readers import read_switch


class FeatureGates(BaseModel):
    """Every feature gate, on or off. A gate's alias is its name on the command line.

    given: the gates that the command line names, whatever value it gives them.
    """

    model_config = ConfigDict(frozen=True, populate_by_name=True, extra="forbid")

    given: frozenset[str] = frozenset()

    listener_rules_tagging: bool = Field(
        default=True, alias="ListenerRulesTagging", description="Tag listeners and their rules."
    )
    weighted_target_groups: bool = Field(
        default=True, alias="WeightedTargetGroups", description="Let forward actions split traffic by weight."
    )
    service_type_load_balancer_only: bool = Field(
        default=False,
        alias="ServiceTypeLoadBalancerOnly",
        description="Take only Services of type LoadBalancer, not annotated ones of other types.",
    )
    endpoints_fail_open: bool = Field(
        default=True,
        alias="EndpointsFailOpen",
        description="Register pods also while their readiness is unknown.",
    )
    enable_service_controller: bool = Field(
        default=True, alias="EnableServiceController", description="Make network load balancers of Services."
    )
    enable_ip_target_type: bool = Field(
        default=True, alias="EnableIPTargetType", description="Allow target type ip beside instance."
    )
    enable_rgt_api: bool = Field(
        default=False,
        alias="EnableRGTAPI",
        description="Read tags through the Resource Groups Tagging API instead of ELBv2.",
    )
    subnets_cluster_tag_check: bool = Field(
        default=True,
        alias="SubnetsClusterTagCheck",
        description="Pass over subnets that are tagged for other clusters only (kubernetes.io/cluster/NAME).",
    )
    nlb_health_check_advanced_config: bool = Field(
        default=True,
        alias="NLBHealthCheckAdvancedConfig",
        description="Set time-out, codes and uneven thresholds of NLB health checks.",
    )
    nlb_security_group: bool = Field(
        default=True, alias="NLBSecurityGroup", description="Give network load balancers security groups."
    )
    alb_single_subnet: bool = Field(
        default=False, alias="ALBSingleSubnet", description="Allow an application load balancer in one zone only."
    )
    lb_capacity_reservation: bool = Field(
        default=True, alias="LBCapacityReservation", description="Reserve load balancer capacity units on demand."
    )
    enable_tcp_udp_listener: bool = Field(
        default=False,
        alias="EnableTCPUDPListener",
        description="Join a TCP and a UDP Service port of one number in one TCP_UDP listener.",
    )
    global_accelerator_controller: bool = Field(
        default=False, alias="GlobalAcceleratorController", description="Manage GlobalAccelerator objects."
    )
    enhanced_default_behavior: bool = Field(
        default=False,
        alias="EnhancedDefaultBehavior",
        description="Undo ALPN policies and mutual TLS of listeners when their annotation goes.",
    )
    enable_default_tags_low_priority: bool = Field(
        default=False,
        alias="EnableDefaultTagsLowPriority",
        description="Let tags of annotations win over --default-tags.",
    )
    subnet_discovery_by_reachability: bool = Field(
        default=True,
        alias="SubnetDiscoveryByReachability",
        description="Where no subnet has a role tag, choose public or private ones by their routes.",
    )
    nlb_gateway_api: bool = Field(
        default=True, alias="NLBGatewayAPI", description="Serve Gateways with network load balancers."
    )
    alb_gateway_api: bool = Field(
        default=True, alias="ALBGatewayAPI", description="Serve Gateways with application load balancers."
    )
    gateway_listener_set: bool = Field(
        default=True, alias="GatewayListenerSet", description="Serve the ListenerSets of Gateways."
    )
    alb_target_control_agent: bool = Field(
        default=False, alias="ALBTargetControlAgent", description="Inject the ALB target control agent into pods."
    )
    enable_certificate_management: bool = Field(
        default=False,
        alias="EnableCertificateManagement",
        description="Request ACM certificates for Ingresses that ask for one.",
    )
    ingress_plan_annotation: bool = Field(
        default=False,
        alias="IngressPlanAnnotation",
        description="Write the plan of a dry run into an annotation of the Ingress.",
    )


NAMES: Mapping[str, str] = {f.alias: name for name, f in FeatureGates.model_fields.items() if f.alias}
"""Gate as typed -> field of `FeatureGates`."""


def read_feature_gates(text: str) -> FeatureGates:
    """``NAME=true,OTHER=false``. Raises `ValueError` for an unknown gate or a value that is no boolean."""
    values: dict[str, bool] = {}
    for part in filter(None, text.split(",")):
        gate, equals, switch = (piece.strip() for piece in part.partition("="))
        if gate not in NAMES:
            raise ValueError(_unknown(gate))
        if not equals:
            raise ValueError(f"{gate} must be written {gate}=true or {gate}=false")
        values[gate] = _switch(gate, switch)
    return _gates(values)


def _switch(gate: str, text: str) -> bool:
    try:
        return read_switch(text)
    except ValueError as wrong:
        raise ValueError(f"{gate} {wrong}") from None


def _unknown(gate: str) -> str:
    near = difflib.get_close_matches(gate, NAMES, n=1)
    hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(sorted(NAMES))}"
    return f"no such feature gate {gate!r}; {hint}"


def _gates(values: Mapping[str, bool]) -> FeatureGates:
    return FeatureGates.model_validate({**values, "given": frozenset(values)})


def given_values(gates: FeatureGates) -> dict[str, bool]:
    """The gates that were given and their values."""
    return {gate: getattr(gates, NAMES[gate]) for gate in sorted(gates.given)}


def merge_feature_gates(earlier: FeatureGates, later: FeatureGates) -> FeatureGates:
    """The flag given twice: all gates of both, the later value for one that is in both."""
    return _gates({**given_values(earlier), **given_values(later)})


def show_feature_gates(gates: FeatureGates) -> str:
    """The gates that were given, as typed."""
    return ",".join(f"{gate}={str(value).lower()}" for gate, value in given_values(gates).items())
