"""What a running controller lets others see: health, metrics, logs."""

from __future__ import annotations

from e2e_world import Controller, Place, ingress, service, until


def test_health_metrics_and_logs_tell_what_the_controller_does(controller: Controller, place: Place) -> None:
    place.apply(service(), ingress())
    place.there.wait()
    until("the controller to be done", controller.idle)
    assert ("ok", "ok") == (controller.get("/healthz"), controller.get("/readyz"))

    made = {"service": "Elastic Load Balancing v2", "operation": "CreateLoadBalancer", "status_code": "200"}
    assert 1 <= (controller.metric("aws_api_calls_total", **made) or 0)
    assert 0 == controller.metric("workqueue_depth", name="ingress")
    assert 1 == controller.metric("leader_election_master_status", name="aws-load-balancer-controller-leader")

    name = f"{place.namespace}/web"
    lines = [line for line in controller.log_lines() if line.get("name") == name]
    assert {"ts", "level", "logger", "msg", "controller", "name", "reconcileID"} <= set.intersection(*map(set, lines))
    assert "CreateLoadBalancer" in {line.get("step") for line in lines}
