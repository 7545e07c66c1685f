"""A rollout waits until AWS calls the new pods' targets healthy.

kwok's pods are ready at once, whatever gates they have, so here the test plays the kubelet: a pod is ready when its
containers are and all of its gates are open.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from aws_proxy import AwsCall
from e2e_world import Controller, Controllers, Obj, Place, service, until, workload

NAME = "gated"
LEFT_ALONE = {"kwok.x-k8s.io/status": "custom"}
GATE = f"target-health.elbv2.k8s.aws/{NAME}"
CHECKING = ("False", "Elb.InitialHealthChecking", "Initial health checks in progress")


class Kubelet:
    """Of the pods in one namespace that kwok leaves alone. `play` does what is to be done now."""

    def __init__(self, place: Place) -> None:
        self._place = place
        network = place.world.aws.world.nodes[0].pod_cidr.removesuffix(".0/24")
        self._addresses = (f"{network}.{host}" for host in range(250, 200, -1))

    def play(self) -> None:
        """New pods start; a pod is ready when its containers are and its gates are open."""
        for pod in self.pods():
            if "podIP" not in pod["status"]:
                address = next(self._addresses)
                began = {"phase": "Running", "podIP": address, "podIPs": [{"ip": address}]}
                self._patch(pod, {**began, "conditions": [_condition("ContainersReady")]})
            elif _is_true(pod, "Ready") != (ready := _is_ready(pod)):
                self._patch(pod, {"conditions": [_condition("Ready", ready=ready)]})

    def pods(self) -> list[Obj]:
        """Those that are scheduled, and stay."""
        return [
            pod
            for pod in self._place.objects("pods")
            if LEFT_ALONE.items() <= (pod["metadata"].get("annotations") or {}).items()
            and "nodeName" in pod["spec"]
            and "deletionTimestamp" not in pod["metadata"]
        ]

    def _patch(self, pod: Obj, status: Obj) -> None:
        target = ["pod", pod["metadata"]["name"], "-n", self._place.namespace]
        patch = json.dumps({"status": status})
        self._place.cluster.kubectl("patch", *target, "--subresource=status", "--type=strategic", "-p", patch)


def _condition(type_: str, *, ready: bool = True) -> Obj:
    return {"type": type_, "status": str(ready)}


def _is_true(pod: Obj, type_: str) -> bool:
    return any(one["type"] == type_ and one["status"] == "True" for one in pod["status"].get("conditions") or ())


def _is_ready(pod: Obj) -> bool:
    gates = [gate["conditionType"] for gate in pod["spec"].get("readinessGates") or ()]
    return all(_is_true(pod, type_) for type_ in ("ContainersReady", *gates))


@pytest.fixture
def target_group(controllers: Controllers, place: Place) -> Iterator[str]:
    """A target group that the test made and gave to a binding, both of which go afterwards; its ARN."""
    aws = place.world.aws
    made = aws.elbv2.create_target_group(Name=NAME, Protocol="HTTP", Port=80, TargetType="ip", VpcId=aws.world.vpc_id)
    arn = made["TargetGroups"][0]["TargetGroupArn"]
    yield arn
    if not controllers.living():
        controllers.one()
    place.delete("targetgroupbindings,deployments")
    until("the binding to go", lambda: not place.objects("targetgroupbindings"))
    aws.elbv2.delete_target_group(TargetGroupArn=arn)


def gated_deployment(*, version: str) -> Obj:
    """Two pods with the gate, of which both must be ready while they are replaced."""
    deployment = workload(NAME, replicas=2)
    template: dict[str, Any] = deployment["spec"]["template"]
    template["metadata"]["annotations"] = {"version": version, **LEFT_ALONE}
    # without a grace period the API server itself ends the pods
    template["spec"] |= {
        "readinessGates": [{"conditionType": GATE}],
        "terminationGracePeriodSeconds": 0,
    }
    deployment["spec"]["strategy"] = {"rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}}
    return deployment


def a_binding(arn: str) -> Obj:
    """A user's own binding."""
    spec = {"targetGroupARN": arn, "targetType": "ip", "serviceRef": {"name": NAME, "port": 80}}
    return {
        "apiVersion": "elbv2.k8s.aws/v1beta1",
        "kind": "TargetGroupBinding",
        "metadata": {"name": NAME},
        "spec": spec,
    }


def health_checks_go_on(call: AwsCall, body: bytes) -> bytes:
    """No target is healthy yet."""
    if call.operation != "DescribeTargetHealth":
        return body
    state, reason, words = "initial", CHECKING[1], CHECKING[2]
    checking = f"<State>{state}</State><Reason>{reason}</Reason><Description>{words}</Description>"
    return body.replace(b"<State>healthy</State>", checking.encode())


def gate_of(pod: Obj) -> tuple[str, str, str] | None:
    """Status, reason and message."""
    found = [one for one in pod["status"].get("conditions") or () if one["type"] == GATE]
    return (found[0]["status"], found[0].get("reason", ""), found[0].get("message", "")) if found else None


def test_a_rollout_waits_until_the_targets_of_the_new_pods_are_healthy(
    controllers: Controllers, controller: Controller, place: Place, target_group: str
) -> None:
    kubelet = Kubelet(place)

    def rolled_out(version: str) -> bool:
        kubelet.play()
        status = place.get("deployment", NAME)["status"]
        counts = [status.get(count) for count in ("replicas", "updatedReplicas", "availableReplicas")]
        versions = {pod["metadata"]["annotations"]["version"] for pod in kubelet.pods()}
        return ([2, 2, 2], {version}) == (counts, versions)

    def new_pods() -> list[Obj]:
        return [pod for pod in kubelet.pods() if pod["metadata"]["annotations"]["version"] == "2"]

    def new_pod_is_checked() -> bool:
        kubelet.play()
        return [CHECKING] == [gate_of(pod) for pod in new_pods()]

    def registered() -> set[str]:
        return place.there.registered(a_binding(target_group))

    place.apply(service(NAME, selector={"app": NAME}), a_binding(target_group), gated_deployment(version="1"))
    until("both pods to be ready", lambda: rolled_out("1"))

    controller.proxy.rewrite = health_checks_go_on
    place.apply(gated_deployment(version="2"))
    until("the new pod to say that its target is checked", new_pod_is_checked)
    addresses = {pod["status"]["podIP"] for pod in kubelet.pods()}
    assert (3, addresses) == (len(addresses), registered())
    assert 2 == place.get("deployment", NAME)["status"]["availableReplicas"]
    assert 2 == controller.metric("awslbc_readiness_gate_ready_seconds_count", name=NAME)

    controllers.stop()
    assert not rolled_out("2")
    controllers.one()  # before it nobody has asked AWS for these targets, and now they are healthy
    until("the rollout to end", lambda: rolled_out("2"))
    until("the old pods' targets to go", lambda: {pod["status"]["podIP"] for pod in kubelet.pods()} == registered())
