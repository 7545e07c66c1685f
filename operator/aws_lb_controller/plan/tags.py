"""Tags: what is wanted is set, what is not wanted goes, except what others own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Literal, Protocol, TypeVar

from aws_lb_controller.model.observed import Seen
from aws_lb_controller.plan.policy import Terms
from aws_lb_controller.plan.steps import SetTags, Step

LEGACY_KEYS = frozenset(
    {
        "ingress.k8s.aws/cluster",
        "kubernetes.io/cluster-name",
        "kubernetes.io/ingress-name",
        "kubernetes.io/namespace",
        "kubernetes.io/service-name",
        "kubernetes.io/service-port",
    }
)
"""Set by aws-alb-ingress-controller 1.x, which finds its resources by them: kept, so that going back stays possible."""


class _Tagged(Protocol):
    @property
    def tags(self) -> Mapping[str, str] | None:
        """AWS's tags; None: nobody cares for them."""


T = TypeVar("T", bound=_Tagged)


def set_tags(service: Literal["elbv2", "ec2"], wanted: T, seen: Seen[T], *, terms: Terms) -> Iterator[Step]:
    """The step that brings an existing resource's tags to what is wanted, or none."""
    if wanted.tags is None:
        return
    there = seen.resource.tags or {}
    external = terms.external_managed_tags
    add = {k: v for k, v in wanted.tags.items() if there.get(k) != v and _is_ours(k, external)}
    remove = sorted(k for k in there if k not in wanted.tags and _is_ours(k, external) and not _is_legacy(k))
    if add or remove:
        yield SetTags(service=service, arn=seen.arn, add=add, remove=tuple(remove))


def _is_ours(key: str, external: frozenset[str]) -> bool:
    return not key.startswith("aws:") and key not in external


def _is_legacy(key: str) -> bool:
    return key in LEGACY_KEYS or key.startswith("kubernetes.io/cluster/")
