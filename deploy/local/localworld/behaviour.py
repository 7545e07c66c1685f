"""How long AWS takes, how much it allows, and what fails there: what a test or the demo may turn about our moto.

Delays count from when something began, against what is set now: turning one to 0 ends what is under way.

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
    provisioning_seconds: float = 0.0  # a new load balancer is provisioning so long (AWS: minutes)
    initial_seconds: float = 0.0  # a new target's first health checks take so long
    failing_target_groups: str = ""  # the health checks of groups with such a name fail: a pattern as of fnmatch
    tells_unused: bool = False  # targets whose group no listener forwards to are `unused` (AWS: always)
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
                setattr(made, one.name, _read(text, getattr(made, one.name)))
        return made


def _read(text: str, default: object) -> object:
    return text.lower() == "true" if isinstance(default, bool) else type(default)(text)  # type: ignore[call-arg]


def variable(field_name: str) -> str:
    """The environment variable that sets a field of Behaviour in moto's server."""
    return f"LOCALWORLD_{field_name.upper()}"
