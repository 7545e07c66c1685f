"""What a running controller lets others see: health, metrics, logs."""

from __future__ import annotations

from e2e_world import Controller, Controllers, Place, ingress, nlb_service, service, until
from every_metric import series


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
    assert {"ts", "level", "logger", "msg", "controller", "kind", "name", "reconcileID"} <= set.intersection(
        *map(set, lines)
    )
    assert "CreateLoadBalancer" in {line.get("step") for line in lines}


def test_every_metric_that_is_promised_is_shown_or_waits_for_its_first_event(controller: Controller) -> None:
    until("the controller to lead", controller.leads)
    shown = controller.get("/metrics", port=controller.process.metrics_port)
    named = {line.split()[2] for line in shown.splitlines() if line.startswith("# TYPE ")}
    parts = ("", "_bucket", "_sum", "_count")
    assert [] == [name for name in series() if not any(name.removesuffix(part) in named for part in parts)]


def test_at_debug_each_call_of_aws_names_its_reconcile_and_what_means_nothing_is_told_once(
    controllers: Controllers, place: Place
) -> None:
    controllers.stop()
    controller = controllers.start("--log-level=debug", "stray", "--nlb-gateway-max-concurrent-reconciles=9")
    place.apply(nlb_service("api"))
    until("a load balancer", lambda: "CreateLoadBalancer" in {line.get("step") for line in controller.log_lines()})
    until("the controller to be done", controller.idle)
    lines = controller.log_lines()
    made = [line for line in lines if line.get("aws", {}).get("operation") == "CreateLoadBalancer"]
    steps = [line for line in lines if line.get("step") == "CreateLoadBalancer"]
    told = ("level", "kind", "name", "reconcileID")
    expected = ("debug", "Service", f"{place.namespace}/api", steps[-1]["reconcileID"])
    assert expected in {tuple(line[key] for key in told) for line in made}
    warned = [line["msg"] for line in lines if line["logger"] in ("__main__", "aws_lb_controller.__main__")]
    assert [
        "stray: passed over: it is no flag",
        "--nlb-gateway-max-concurrent-reconciles has no effect: the Gateway API is not served",
    ] == warned
    controllers.stop()
