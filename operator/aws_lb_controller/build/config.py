"""What builders must know of the program's settings, and nothing else of them, so that a test says it in one line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from aws_lb_controller.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildConfig:
    """The settings that decide how stacks look. vpc_id is the cluster's VPC, which the settings need not name.

    The fields are the flags and feature gates of their names (default_tags_low_priority: EnableDefaultTagsLowPriority).
    """

    cluster_name: str
    vpc_id: str
    default_tags: Mapping[str, str] = field(default_factory=dict)
    external_managed_tags: frozenset[str] = frozenset()
    default_tags_low_priority: bool = False
    default_ssl_policy: str = "ELBSecurityPolicy-2016-08"
    enable_backend_security_group: bool = True
    disable_restricted_sg_rules: bool = False
    subnets_cluster_tag_check: bool = True
    subnet_discovery_by_reachability: bool = True
    alb_single_subnet: bool = False
    nlb_health_check_advanced_config: bool = True
    lb_capacity_reservation: bool = True
    listener_rules_tagging: bool = True
    weighted_target_groups: bool = True
    enhanced_default_behavior: bool = False

    @classmethod
    def of(cls, settings: Settings, vpc_id: str) -> BuildConfig:
        """Takes from the settings what builders need."""
        gates = settings.feature_gates
        return cls(
            cluster_name=settings.cluster_name,
            vpc_id=vpc_id,
            default_tags=settings.default_tags,
            external_managed_tags=frozenset(settings.external_managed_tags),
            default_tags_low_priority=gates.enable_default_tags_low_priority,
            default_ssl_policy=settings.default_ssl_policy,
            enable_backend_security_group=settings.enable_backend_security_group,
            disable_restricted_sg_rules=settings.disable_restricted_sg_rules,
            subnets_cluster_tag_check=gates.subnets_cluster_tag_check,
            subnet_discovery_by_reachability=gates.subnet_discovery_by_reachability,
            alb_single_subnet=gates.alb_single_subnet,
            nlb_health_check_advanced_config=gates.nlb_health_check_advanced_config,
            lb_capacity_reservation=gates.lb_capacity_reservation,
            listener_rules_tagging=gates.listener_rules_tagging,
            weighted_target_groups=gates.weighted_target_groups,
            enhanced_default_behavior=gates.enhanced_default_behavior,
        )
