"""New Services of type LoadBalancer that name no class become ours, where the configuration has this webhook."""

from __future__ import annotations

from aws_lb_controller.webhooks import answers
from aws_lb_controller.webhooks.review import Review, Verdict

_CLASS = "loadBalancerClass"


def default_service_class(review: Review, *, load_balancer_class: str) -> Verdict:
    """Sets ``spec.loadBalancerClass`` on creation; an update that drops it keeps it, as it may not change."""
    spec = answers.spec_of(review.obj)
    if spec.get("type") != "LoadBalancer" or spec.get(_CLASS):
        return Verdict()
    held = answers.spec_of(review.old).get(_CLASS) if review.operation == "UPDATE" else load_balancer_class
    return answers.allowed((answers.add(held, "spec", _CLASS),)) if held else Verdict()
