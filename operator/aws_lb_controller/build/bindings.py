"""The TargetGroupBindings of a stack: each keeps one target group filled with one Service port's targets."""

from __future__ import annotations

from aws_lb_controller.build.networking import Reach
from aws_lb_controller.intent.values import TargetGroupIntent
from aws_lb_controller.model.binding import Binding
from aws_lb_controller.model.refs import Ref
from aws_lb_controller.model.stack import StackId
from aws_lb_controller.model.target_group import TargetGroup


def build_binding(wanted: TargetGroupIntent, target_group: TargetGroup, *, reach: Reach, stack: StackId) -> Binding:
    """The binding stands beside the Service and bears its target group's name."""
    return Binding(
        namespace=wanted.service.namespace,
        name=target_group.name,
        labels=stack.labels,
        target_group=Ref("TargetGroup", target_group.id),
        target_group_protocol=target_group.protocol,
        target_type=target_group.target_type,
        ip_address_type=target_group.ip_address_type,
        vpc_id=target_group.vpc_id,
        service_name=wanted.service.name,
        service_port=wanted.port_as_written,
        networking=reach.rules(wanted, target_group),
        node_selector=wanted.node_selector if wanted.target_type == "instance" else None,
        multi_cluster=wanted.multi_cluster,
    )
