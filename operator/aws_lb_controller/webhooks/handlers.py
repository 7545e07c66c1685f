"""Every webhook under its path, which is part of the contract: the configurations in clusters name these."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from aws_lb_controller.settings import Settings
from aws_lb_controller.webhooks.accelerator_rules import check_accelerator
from aws_lb_controller.webhooks.binding_defaults import default_binding
from aws_lb_controller.webhooks.binding_rules import BindingRules
from aws_lb_controller.webhooks.class_params_rules import check_class_params
from aws_lb_controller.webhooks.ingress_rules import IngressRules
from aws_lb_controller.webhooks.pod_readiness import inject_readiness_gates
from aws_lb_controller.webhooks.quic_server_ids import ServerIds, Workers, inject_server_ids
from aws_lb_controller.webhooks.reading import Cluster
from aws_lb_controller.webhooks.review import Handler
from aws_lb_controller.webhooks.service_class import default_service_class
from aws_lb_controller.webhooks.target_control import inject_target_control
from aws_lb_controller.webhooks.target_groups import Describe, TargetGroups


def handlers(
    settings: Settings, *, cluster: Cluster, describe: Describe, workers: Workers, vpc_id: str
) -> Mapping[str, Handler]:
    """Path → what answers there; all of them for any thread.

    describe: how AWS is asked for target groups; workers: who numbers replicas for QUIC server ids; vpc_id: the
    cluster's VPC.
    """
    groups = TargetGroups(describe)
    agent = partial(inject_target_control, live=cluster.live, enabled=settings.feature_gates.alb_target_control_agent)
    return {
        "/mutate-v1-pod": partial(
            inject_readiness_gates, cluster=cluster, enabled=settings.enable_pod_readiness_gate_inject
        ),
        "/mutate-v1-pod-server-id": partial(
            inject_server_ids, ids=ServerIds(workers), variable=settings.quic_environment_variable_name
        ),
        "/mutate-alb-target-control-namespace-v1-pod": agent,
        "/mutate-alb-target-control-object-v1-pod": agent,
        "/mutate-v1-service": partial(default_service_class, load_balancer_class=settings.load_balancer_class),
        "/mutate-elbv2-k8s-aws-v1beta1-targetgroupbinding": partial(default_binding, groups=groups),
        "/validate-elbv2-k8s-aws-v1beta1-targetgroupbinding": BindingRules(
            cluster=cluster, groups=groups, vpc_id=vpc_id
        ),
        "/validate-elbv2-k8s-aws-v1beta1-ingressclassparams": check_class_params,
        "/validate-networking-v1-ingress": IngressRules(cluster=cluster, settings=settings),
        "/validate-aga-k8s-aws-v1beta1-globalaccelerator": check_accelerator,
    }
