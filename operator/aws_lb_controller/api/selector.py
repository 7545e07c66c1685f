"""``LabelSelector`` of meta/v1, as ``nodeSelector`` and ``namespaceSelector`` of our CRDs hold it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from pydantic import Field

from aws_lb_controller.api.resource import ApiModel


class LabelRequirement(ApiModel):
    """``matchExpressions[]``."""

    key: str
    operator: Literal["In", "NotIn", "Exists", "DoesNotExist"]
    values: tuple[str, ...] = ()

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether labels meet it; a missing key meets ``NotIn``, as in Kubernetes."""
        present = self.key in labels
        match self.operator:
            case "In":
                return present and labels[self.key] in self.values
            case "NotIn":
                return not present or labels[self.key] not in self.values
            case "Exists":
                return present
            case "DoesNotExist":
                return not present


class LabelSelector(ApiModel):
    """Selects objects by their labels; all of its parts must match, and an empty one selects everything."""

    match_labels: Mapping[str, str] = Field(default_factory=dict)
    match_expressions: tuple[LabelRequirement, ...] = ()

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether an object with these labels is selected."""
        return self.match_labels.items() <= labels.items() and all(e.matches(labels) for e in self.match_expressions)
