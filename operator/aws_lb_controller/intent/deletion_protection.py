"""Deletion protection, as an object's own annotation for the load balancer's attributes has it."""

from __future__ import annotations

from collections.abc import Mapping

from aws_lb_controller.errors import Problem
from aws_lb_controller.intent.readers import Unreadable, read_bool
from aws_lb_controller.model.load_balancer import DELETION_PROTECTION


def protects(attributes: Mapping[str, str] | None) -> bool | None:
    """What attributes say of deletion protection; None: nothing. What cannot be read counts as protection."""
    text = (attributes or {}).get(DELETION_PROTECTION)
    try:
        return None if text is None else read_bool(text)
    except Unreadable:
        return True


def protected(object_ref: str, field: str) -> Problem:
    """Why the object's load balancer is not deleted; field: the annotation."""
    remedy = f"set {DELETION_PROTECTION}=false to let the load balancer be deleted"
    return Problem(object_ref, field, f"{DELETION_PROTECTION}=true", remedy)
