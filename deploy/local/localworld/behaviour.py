"""How long AWS takes and how much it allows: the numbers of our moto that a test or the demo may turn.

Apart from the extensions, so that setting them loads no moto: moto reads the user's AWS settings when it is imported.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, fields


@dataclass
class Behaviour:
    """Delays in seconds, and AWS's default quotas of one region."""

    draining_seconds: float = 0.0  # a deregistered target is listed as draining for so long (AWS: 300 by default)
    group_release_seconds: float = 0.0  # a deleted load balancer's interfaces keep its security groups in use so long
    targets_per_target_group: int = 1000
    rules_per_load_balancer: int = 100
    listeners_per_load_balancer: int = 50
    target_groups_per_action: int = 5
    tags_per_resource: int = 50

    def become(self, other: Behaviour) -> None:
        """Take over every value of another behaviour."""
        for one in fields(self):
            setattr(self, one.name, getattr(other, one.name))

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Behaviour:
        """The defaults, with what LOCALWORLD_DRAINING_SECONDS and its like for the other fields say."""
        made = cls()
        for one in fields(made):
            if text := environment.get(variable(one.name)):
                setattr(made, one.name, type(getattr(made, one.name))(text))
        return made


def variable(field_name: str) -> str:
    """The environment variable that sets a field of Behaviour in moto's server."""
    return f"LOCALWORLD_{field_name.upper()}"
