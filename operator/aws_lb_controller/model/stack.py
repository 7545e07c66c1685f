"""A stack: everything in AWS that one Service, or one IngressGroup, wants."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from aws_lb_controller.model.binding import Binding
from aws_lb_controller.model.listener import Listener, Rule
from aws_lb_controller.model.load_balancer import LoadBalancer
from aws_lb_controller.model.security_group import SecurityGroup
from aws_lb_controller.model.target_group import TargetGroup


@dataclass(frozen=True, slots=True, order=True)
class StackId:
    """Whose stack it is. owner ``service``: name is ``namespace/name``; ``ingress``: the same, or an explicit
    group's name.

    Its text stands in the tag ``service.k8s.aws/stack`` or ``ingress.k8s.aws/stack``.
    """

    owner: Literal["service", "ingress"]
    name: str

    @property
    def stack_tag(self) -> str:
        """The key of the tag that names the stack."""
        return f"{self.owner}.k8s.aws/stack"

    @property
    def resource_tag(self) -> str:
        """The key of the tag that names the resource within the stack."""
        return f"{self.owner}.k8s.aws/resource"

    @property
    def labels(self) -> dict[str, str]:
        """The labels of the stack's TargetGroupBindings."""
        namespace, slash, name = self.name.partition("/")
        if not slash:
            return {self.stack_tag: self.name}
        return {f"{self.stack_tag}-namespace": namespace, f"{self.stack_tag}-name": name}


@dataclass(frozen=True, slots=True, kw_only=True)
class Stack:
    """The wanted state; an empty stack (nothing but the id) wants all of its resources gone."""

    id: StackId
    security_groups: tuple[SecurityGroup, ...] = ()
    target_groups: tuple[TargetGroup, ...] = ()
    load_balancers: tuple[LoadBalancer, ...] = ()
    listeners: tuple[Listener, ...] = ()
    rules: tuple[Rule, ...] = ()
    bindings: tuple[Binding, ...] = ()
