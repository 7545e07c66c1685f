"""What stands guard before a load balancer: a web ACL of AWS WAF, one of WAF Classic, and Shield Advanced."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

WebAclService = Literal["wafv2", "waf-regional"]
Guard = Literal["wafv2", "waf-regional", "shield"]
"""The AWS services that guard, as boto3 calls them."""

SHIELD_PROTECTION = "managed by aws-load-balancer-controller"
"""``Name`` of the protections that the controller makes."""

OWN_SHIELD_PROTECTIONS = frozenset({SHIELD_PROTECTION, "managed by aws-alb-ingress-controller"})
"""``Name`` of the protections that it may delete: its own, and those of what it was called before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Firewall:
    """None anywhere means: leave it as AWS has it; in what was observed, that nobody looked.

    web_acl: the ARN of a web ACL (wafv2); classic_web_acl: the id of one (waf-regional); "" for none. shield: whether
    Shield Advanced protects the load balancer. protection_id: ``ProtectionId``, only in what was observed, and only of
    a protection that bears a name of ours: "" for any other, which is not ours to delete.
    """

    web_acl: str | None = None
    classic_web_acl: str | None = None
    shield: bool | None = None
    protection_id: str = ""

    def web_acl_of(self, service: WebAclService) -> str | None:
        """The web ACL of one of the two services."""
        return self.web_acl if service == "wafv2" else self.classic_web_acl

    def knows(self, guard: Guard) -> bool:
        """Whether it says anything of this guard."""
        return (self.shield if guard == "shield" else self.web_acl_of(guard)) is not None

    @property
    def guards(self) -> tuple[Guard, ...]:
        """The guards that it says something of, in the order in which they are set."""
        every: tuple[Guard, ...] = ("wafv2", "waf-regional", "shield")
        return tuple(guard for guard in every if self.knows(guard))


SILENT = Firewall()
"""Says nothing of any guard."""

UNGUARDED = Firewall(web_acl="", classic_web_acl="", shield=False)
"""What a load balancer has when it is new."""
