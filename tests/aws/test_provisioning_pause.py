"""How long is waited for a load balancer that is not active yet is a flag."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from aws_builders import our_clients, settings

from aws_lb_controller.aws.apply import Applier
from aws_lb_controller.aws.backend_group import BackendSecurityGroup
from aws_lb_controller.errors import NotYet
from aws_lb_controller.model.target_group import LoadBalancerTarget
from aws_lb_controller.plan.steps import RegisterLoadBalancer
from localworld.behaviour import Behaviour


def test_the_pause_before_the_next_look_is_as_the_flag_says(aws: Any, moto_behaviour: Behaviour) -> None:
    moto_behaviour.provisioning_seconds = 3600
    given = settings(lb_stabilization_monitor_interval=timedelta(seconds=7))
    clients = our_clients(aws.world.vpc_id)
    target = LoadBalancerTarget(load_balancer=aws.load_balancer("behind"), port=80)
    group = aws.target_group("front", TargetType="alb", Protocol="TCP")
    applier = Applier(clients, given, BackendSecurityGroup(clients, given))
    with pytest.raises(NotYet) as wait:
        applier.carry_out(RegisterLoadBalancer(target_group=group, target=target))
    assert 7 == wait.value.after
