"""The samples of deploy/, as a user applies them: they come to exist, follow their pods, and go."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from e2e_world import (
    Controller,
    Converging,
    Obj,
    hostname_of,
    is_balanced,
    namespaces_of,
    sample_objects,
    until,
    until_nothing,
)
from localworld.control_plane import ControlPlane
from localworld.world import LocalWorld

SAMPLES = sample_objects()
NAMESPACES = namespaces_of(SAMPLES)


@pytest.fixture
def samples(local_world: LocalWorld, control_plane: ControlPlane, controller: Controller) -> Iterator[Converging]:
    control_plane.apply(SAMPLES)
    there = Converging(local_world, tuple(NAMESPACES))
    there.wait()
    yield there
    control_plane.kubectl("delete", "namespaces", *NAMESPACES, "--wait=false", "--ignore-not-found")
    until_nothing("the end of the samples", there.remaining)


def test_the_samples_come_to_exist_follow_their_pods_and_leave_nothing(
    samples: Converging, control_plane: ControlPlane
) -> None:
    active = {one["DNSName"].lower() for one in samples.view.load_balancers()}
    balanced = [one for one in samples.objects("ingresses,services") if is_balanced(one)]
    assert active == {hostname_of(one) for one in balanced}
    assert [("application", "internet-facing")] * 2 + [
        ("network", "internal"),
        ("network", "internet-facing"),
    ] == sorted((one["Type"], one["Scheme"]) for one in samples.view.load_balancers())
    assert {("Ingress", "ip"), ("Ingress", "instance"), ("Service", "ip"), ("Service", "instance")} == {
        (owner(one), one["spec"]["targetType"]) for one in samples.objects("targetgroupbindings")
    }
    for one in [*balanced, *samples.objects("targetgroupbindings")]:
        until(f"an Event of {one['kind']} {one['metadata']['name']}", lambda: succeeded(control_plane, one))  # noqa: B023
    scaled(samples, control_plane, replicas=3)
    scaled(samples, control_plane, replicas=1)
    control_plane.kubectl("delete", "namespaces", *NAMESPACES, "--wait=false")
    until_nothing("the end of the samples", samples.remaining)
    until_nothing("an AWS as before, without the shared backend group", samples.leftovers)


def owner(binding: Obj) -> str:
    """The kind of the object that a binding was made for."""
    return "Ingress" if any(key.startswith("ingress.") for key in binding["metadata"]["labels"]) else "Service"


def succeeded(control_plane: ControlPlane, obj: Obj) -> bool:
    """Whether the object was told that it is reconciled, and nothing bad."""
    metadata = obj["metadata"]
    of_it = f"involvedObject.kind={obj['kind']},involvedObject.name={metadata['name']}"
    events = control_plane.get("events", "-n", metadata["namespace"], "--field-selector", of_it)["items"]
    assert [] == [one["message"] for one in events if one["type"] == "Warning"]
    return "SuccessfullyReconciled" in {one["reason"] for one in events}


def scaled(samples: Converging, control_plane: ControlPlane, *, replicas: int) -> None:
    """Scale the game, and wait until exactly its ready pods are registered."""
    control_plane.kubectl("scale", "deployment/deployment-2048", "-n", "game-2048", f"--replicas={replicas}")
    [binding] = [one for one in samples.objects("targetgroupbindings") if one["metadata"]["namespace"] == "game-2048"]
    until(f"{replicas} targets", lambda: replicas == len(samples.registered(binding)))
    samples.wait()
