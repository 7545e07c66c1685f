"""The Service that a Service's stack belongs to: its UID is part of generated names."""

from __future__ import annotations

from aws_lb_controller.build.problems import blamed
from aws_lb_controller.errors import SpecError
from aws_lb_controller.intent.values import ServiceFacts, StackIntent


def is_own(service: ServiceFacts, intent: StackIntent) -> bool:
    """Whether the stack is this Service's; others are only weighted backends of its listeners."""
    return intent.stack.owner == "service" and f"{service.namespace}/{service.name}" == intent.stack.name


def own_service(intent: StackIntent) -> ServiceFacts:
    """The Service whose stack it is, known by its target groups. Raises SpecError for a Service without ports."""
    for target_group in intent.target_groups:
        if is_own(target_group.service, intent):
            return target_group.service
    remedy = "give the Service at least one port: a load balancer without listeners serves nobody"
    raise SpecError([blamed({}, "spec.ports", remedy=remedy, stack=intent.stack)])
