"""Tags as lists of ``{"Key": …, "Value": …}``, and whose a tagged resource is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal

from aws_lb_controller.api.names import CLUSTER_TAG_OF_V1, Tag
from aws_lb_controller.model.stack import StackId

Json = Mapping[str, Any]
"""A structure of boto3's, as it comes in an answer."""

_OWNERS: tuple[Literal["service", "ingress"], ...] = ("service", "ingress")


def to_aws(tags: Mapping[str, str]) -> list[dict[str, str]]:
    """``Tags`` of a request, sorted by key."""
    return [{"Key": key, "Value": value} for key, value in sorted(tags.items())]


def from_aws(tags: Iterable[Json]) -> dict[str, str]:
    """``Tags`` of an answer."""
    return {tag["Key"]: tag.get("Value", "") for tag in tags}


def specification(tags: Mapping[str, str]) -> list[dict[str, Any]]:
    """EC2's ``TagSpecifications`` for a security group."""
    return [{"ResourceType": "security-group", "Tags": to_aws(tags)}] if tags else []


def keys(tags: Iterable[str]) -> list[dict[str, str]]:
    """EC2's ``Tags`` of a request that deletes tags, whatever their values are."""
    return [{"Key": key} for key in sorted(tags)]


def owner(tags: Mapping[str, str], *, cluster: str) -> StackId | None:
    """The stack that a resource belongs to, None for one that belongs to none of this cluster's.

    What aws-alb-ingress-controller 1.x left has the stack's tag too, and the cluster's name by another key.
    """
    if tags.get(Tag.CLUSTER, tags.get(CLUSTER_TAG_OF_V1)) != cluster:
        return None
    stacks = (StackId(owner, "") for owner in _OWNERS)
    return next((StackId(s.owner, tags[s.stack_tag]) for s in stacks if tags.get(s.stack_tag)), None)


def attributes_to_aws(attributes: Mapping[str, str]) -> list[dict[str, str]]:
    """``Attributes`` of a request, sorted by key."""
    return to_aws(attributes)


def attributes_from_aws(attributes: Iterable[Json]) -> dict[str, str]:
    """``Attributes`` of an answer."""
    return from_aws(attributes)


def without_none(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters that say something: None, empty lists and empty structures mean silence in a request."""
    return {key: value for key, value in parameters.items() if value not in (None, [], {})}
