"""AWS WAF, WAF Classic and Shield Advanced: what stands before a load balancer, and the calls that change it.

Their clients are made when somebody first asks, so a cluster without firewalls pays nothing for them. Everything here
raises `AwsError`; that no firewall holds up the stack it belongs to is seen to by who asks (`reconcile.firewalls`).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, assert_never

from aws_lb_controller.aws.cache import Cache
from aws_lb_controller.aws.clients import Clients
from aws_lb_controller.aws.errors import tolerating
from aws_lb_controller.errors import AwsNotFound
from aws_lb_controller.model.firewall import OWN_SHIELD_PROTECTIONS, SHIELD_PROTECTION, Firewall, Guard
from aws_lb_controller.model.observed import ObservedStack, SeenLoadBalancer
from aws_lb_controller.plan.effects import Given
from aws_lb_controller.plan.steps import (
    AssociateWebAcl,
    CreateShieldProtection,
    DeleteShieldProtection,
    DisassociateWebAcl,
)

SUBSCRIPTION_SECONDS = 2 * 60 * 60
"""How long it counts whether the account is subscribed to Shield Advanced: who subscribes does so for a year."""

WEB_ACLS_PAGE = 100
"""The largest page of ListWebACLs."""


class Firewalls:
    """Thread-safe, as the clients are."""

    def __init__(self, clients: Clients) -> None:
        self._client = clients.on_demand
        self._subscription: Cache[str, bool] = Cache(ttl=SUBSCRIPTION_SECONDS)

    # --- what there is

    def look(self, seen: ObservedStack, guard: Guard) -> ObservedStack:
        """The same with what is known of a guard (GetWebACLForResource, DescribeProtection) where it was unknown.

        Only application load balancers have guards: WAF takes no other, and an NLB before one is left alone.
        """
        looked_at = tuple(self._looked_at(one, guard) for one in seen.load_balancers)
        return seen if looked_at == seen.load_balancers else dataclasses.replace(seen, load_balancers=looked_at)

    def _looked_at(self, seen: SeenLoadBalancer, guard: Guard) -> SeenLoadBalancer:
        known = seen.resource.firewall
        if known.knows(guard) or seen.resource.type != "application":
            return seen
        firewall = self._read(seen.arn, guard, known)
        return dataclasses.replace(seen, resource=dataclasses.replace(seen.resource, firewall=firewall))

    def _read(self, arn: str, guard: Guard, known: Firewall) -> Firewall:
        match guard:
            case "wafv2":
                found = self._client("wafv2").get_web_acl_for_resource(ResourceArn=arn)
                return dataclasses.replace(known, web_acl=(found.get("WebACL") or {}).get("ARN", ""))
            case "waf-regional":
                found = self._client("waf-regional").get_web_acl_for_resource(ResourceArn=arn)
                web_acl = (found.get("WebACLSummary") or {}).get("WebACLId", "")
                return dataclasses.replace(known, classic_web_acl=web_acl)
            case "shield":
                return dataclasses.replace(known, **self._protection(arn))
        assert_never(guard)

    def _protection(self, arn: str) -> dict[str, Any]:
        try:
            protection = self._client("shield").describe_protection(ResourceArn=arn).get("Protection")
        except AwsNotFound:
            protection = None
        if not protection:
            return {"shield": False, "protection_id": ""}
        ours = protection.get("Name") in OWN_SHIELD_PROTECTIONS
        return {"shield": True, "protection_id": protection["Id"] if ours else ""}

    # --- what is asked for

    def web_acl_arns(self) -> Mapping[str, str]:
        """The region's web ACLs: name → ARN (ListWebACLs)."""
        found: dict[str, str] = {}
        marker: dict[str, str] = {}
        while True:
            page = self._client("wafv2").list_web_acls(Scope="REGIONAL", Limit=WEB_ACLS_PAGE, **marker)
            found |= {one["Name"]: one["ARN"] for one in page.get("WebACLs", ())}
            if not page.get("NextMarker") or not page.get("WebACLs"):
                return found
            marker = {"NextMarker": page["NextMarker"]}

    def is_subscribed(self) -> bool:
        """Whether the account has Shield Advanced (GetSubscriptionState), from a cache."""
        return self._subscription.get("", self._ask_subscription)

    def _ask_subscription(self) -> bool:
        return bool(self._client("shield").get_subscription_state()["SubscriptionState"] == "ACTIVE")

    # --- steps

    def associate(self, step: AssociateWebAcl) -> None:
        """AssociateWebACL."""
        field = "WebACLArn" if step.service == "wafv2" else "WebACLId"
        self._client(step.service).associate_web_acl(**{field: step.web_acl, "ResourceArn": step.load_balancer})

    def disassociate(self, step: DisassociateWebAcl) -> None:
        """DisassociateWebACL; gone already is fine."""
        with tolerating(AwsNotFound):
            self._client(step.service).disassociate_web_acl(ResourceArn=step.load_balancer)

    def protect(self, step: CreateShieldProtection) -> Given:
        """CreateProtection."""
        made = self._client("shield").create_protection(Name=SHIELD_PROTECTION, ResourceArn=step.load_balancer)
        return Given(arn=made["ProtectionId"])

    def unprotect(self, step: DeleteShieldProtection) -> None:
        """DeleteProtection; gone already is fine."""
        with tolerating(AwsNotFound):
            self._client("shield").delete_protection(ProtectionId=step.protection_id)
