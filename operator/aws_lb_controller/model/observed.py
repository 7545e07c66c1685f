"""What AWS and Kubernetes were seen to hold for one stack, in the model's own words, so that both compare field by
field.

In an observed resource every reference is an id or ARN; `id` is the value of the resource tag ("" where it is missing).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

from aws_lb_controller.model.binding import Binding
from aws_lb_controller.model.listener import Listener, Rule
from aws_lb_controller.model.load_balancer import LoadBalancer
from aws_lb_controller.model.security_group import SecurityGroup
from aws_lb_controller.model.target_group import TargetGroup

R = TypeVar("R")


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen(Generic[R]):
    """A resource that exists. arn: its ARN, a security group's id, or a binding's UID."""

    arn: str
    resource: R


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenLoadBalancer(Seen[LoadBalancer]):
    """A load balancer that exists. state is the API's ``State.Code`` (``provisioning``, ``active`` …)."""

    dns_name: str
    hosted_zone_id: str = ""
    state: str = "active"


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenBinding(Seen[Binding]):
    """A binding that exists; deleting: it has a deletionTimestamp."""

    deleting: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ObservedStack:
    """Everything that bears the stack's tags (listeners and rules: everything on its load balancers)."""

    security_groups: tuple[Seen[SecurityGroup], ...] = ()
    target_groups: tuple[Seen[TargetGroup], ...] = ()
    load_balancers: tuple[SeenLoadBalancer, ...] = ()
    listeners: tuple[Seen[Listener], ...] = ()
    rules: tuple[Seen[Rule], ...] = ()
    bindings: tuple[SeenBinding, ...] = ()
    backend_security_group: str | None = None
