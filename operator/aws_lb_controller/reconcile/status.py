"""What ``status.loadBalancer`` of a Service or an Ingress tells already."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from aws_lb_controller.reconcile.ports import Obj


def told_of(obj: Obj) -> Sequence[Mapping[str, Any]]:
    """``status.loadBalancer.ingress``: the load balancers, each with its ``hostname`` and ``ports``."""
    return ((obj.get("status") or {}).get("loadBalancer") or {}).get("ingress") or ()
