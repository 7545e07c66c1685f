"""The Lease and Events against a real API server."""

from __future__ import annotations

import pytest

from aws_lb_controller.cluster.client import KubeClient
from aws_lb_controller.cluster.kinds import SERVICE
from aws_lb_controller.cluster.store import Store
from aws_lb_controller.cluster.writes import Writes
from aws_lb_controller.errors import NotLeading
from aws_lb_controller.runtime.events import Events
from aws_lb_controller.runtime.leader import Leader, Times
from fake_api import until
from localworld.control_plane import ControlPlane

QUICK = Times(retry=0.1)


@pytest.fixture
def client(control_plane: ControlPlane) -> KubeClient:
    return KubeClient.configured(str(control_plane.kubeconfig))


def a_leader(client: KubeClient, namespace: str, identity: str, told: list[str]) -> Leader:
    return Leader(
        client,
        name="lease",
        namespace=namespace,
        identity=identity,
        times=QUICK,
        on_started=lambda: told.append(f"{identity} leads"),
        on_stopped=lambda: told.append(f"{identity} ended"),
    )


def test_one_leads_and_the_other_takes_over_when_it_ends(
    client: KubeClient, control_plane: ControlPlane, namespace: str
) -> None:
    told: list[str] = []
    first, second = (a_leader(client, namespace, identity, told) for identity in "ab")
    first.start()
    until(lambda: first.leading, "the first to lead")
    second.start()
    with pytest.raises(NotLeading):
        second.check()
    first.stop()
    until(lambda: second.leading, "the second to lead")
    held = control_plane.get("lease/lease", "-n", namespace)["spec"]
    assert ("b", 15, 1) == (held["holderIdentity"], held["leaseDurationSeconds"], held["leaseTransitions"])
    second.stop()
    assert "" == control_plane.get("lease/lease", "-n", namespace)["spec"].get("holderIdentity", "")


def test_an_event_is_shown_with_its_object_and_counted(
    client: KubeClient, control_plane: ControlPlane, namespace: str
) -> None:
    body = {"metadata": {"name": "web", "namespace": namespace}, "spec": {"ports": [{"port": 80}]}}
    service = Writes(client, Store(), may_write=lambda: None).create(SERVICE, body)
    events = Events(client)
    events.start()
    for _ in range(3):
        events.emit(service, "FailedBuildModel", "Failed build model due to x", "Warning")
    events.stop()
    (event,) = control_plane.get("events", "-n", namespace)["items"]
    assert ("FailedBuildModel", "Warning", 3, "service") == (
        event["reason"],
        event["type"],
        event["count"],
        event["source"]["component"],
    )
    assert "FailedBuildModel" in control_plane.kubectl("describe", "service/web", "-n", namespace)
