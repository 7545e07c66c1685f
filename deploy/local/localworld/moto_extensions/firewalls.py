"""WAF and Shield as on AWS: a web ACL takes the place of another, and it is told whether Shield is subscribed to.

moto keeps a load balancer associated with every web ACL that it was ever given, and has no GetSubscriptionState. It has
no WAF Classic at all.
"""

from __future__ import annotations

import json
from typing import Any

from moto.shield.responses import ShieldResponse
from moto.wafv2.models import WAFV2Backend

from localworld.moto_extensions.patching import around, instead


@around(WAFV2Backend, "associate_web_acl")
def associate_web_acl(original: Any, backend: Any, web_acl_arn: str, resource_arn: str) -> None:
    """The other web ACL goes, unless this one does not exist."""
    if web_acl_arn in backend.wacls:
        backend.disassociate_web_acl(resource_arn)
    original(backend, web_acl_arn, resource_arn)


@instead(ShieldResponse, "get_subscription_state")
def get_subscription_state(response: Any) -> str:
    """``ACTIVE`` after CreateSubscription."""
    return json.dumps({"SubscriptionState": "ACTIVE" if response.shield_backend.subscription else "INACTIVE"})
