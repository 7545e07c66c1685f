"""The tags of everything in a stack: the user's, the operator's, and ours, by which a resource is found again."""

from __future__ import annotations

from collections.abc import Mapping

from aws_lb_controller.api.names import Tag
from aws_lb_controller.build.config import BuildConfig
from aws_lb_controller.build.problems import blamed
from aws_lb_controller.errors import SpecError
from aws_lb_controller.intent.values import Blame
from aws_lb_controller.model.stack import StackId


def resource_tags(own: Mapping[str, str], *, stack: StackId, resource: str, config: BuildConfig) -> dict[str, str]:
    """The tags of one resource. own: the user's; ours win over everything, the defaults over the user's (or not)."""
    low, high = (config.default_tags, own) if config.default_tags_low_priority else (own, config.default_tags)
    return {
        **low,
        **high,
        Tag.CLUSTER.value: config.cluster_name,
        stack.stack_tag: stack.name,
        stack.resource_tag: resource,
    }


def check_tags(own: Mapping[str, str], *, blame: Mapping[str, Blame], stack: StackId, config: BuildConfig) -> None:
    """Raises SpecError for tags that --external-managed-tags leaves to others."""
    if foreign := sorted(config.external_managed_tags & own.keys()):
        remedy = f"leave out {', '.join(foreign)}: --external-managed-tags gives it to others"
        raise SpecError([blamed(blame, "tags", remedy=remedy, stack=stack)])
