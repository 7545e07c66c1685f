"""The samples of deploy/, as a user applies them: they come to exist, follow their pods, and go."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest

from e2e_world import (
    Controller,
    Converging,
    Obj,
    Place,
    hostname_of,
    is_balanced,
    namespaces_of,
    sample_objects,
    title,
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
    balancers = samples.view.load_balancers()
    balanced = [one for one in samples.objects("ingresses,services") if is_balanced(one)]
    assert {one["DNSName"].lower() for one in balancers} == {hostname_of(one) for one in balanced}
    assert {
        ("application", "internet-facing"): 2,
        ("network", "internal"): 1,
        ("network", "internet-facing"): 1,
    } == Counter((one["Type"], one["Scheme"]) for one in balancers)
    bindings = samples.objects("targetgroupbindings")
    assert {("Ingress", "ip"), ("Ingress", "instance"), ("Service", "ip"), ("Service", "instance")} == {
        (owner(one), one["spec"]["targetType"]) for one in bindings
    }
    until_nothing("word of success", lambda: [title(one) for one in balanced + bindings if not is_told(samples, one)])
    scaled(samples, control_plane, replicas=3)
    scaled(samples, control_plane, replicas=1)
    control_plane.kubectl("delete", "namespaces", *NAMESPACES, "--wait=false")
    until_nothing("the end of the samples", samples.remaining)
    until_nothing("an AWS as before, without the shared backend group", samples.leftovers)


def owner(binding: Obj) -> str:
    """The kind of the object that a binding was made for."""
    return "Ingress" if any(key.startswith("ingress.") for key in binding["metadata"]["labels"]) else "Service"


def is_told(samples: Converging, obj: Obj) -> bool:
    """Whether the object was told that it is reconciled, and nothing bad."""
    place = Place(samples.world, obj["metadata"]["namespace"])
    events = place.events(obj["kind"], obj["metadata"]["name"])
    assert [] == [message for type_, _, message in events if type_ == "Warning"]
    return "SuccessfullyReconciled" in {reason for _, reason, _ in events}


def scaled(samples: Converging, control_plane: ControlPlane, *, replicas: int) -> None:
    """Scale the game, and wait until exactly its ready pods are registered."""
    control_plane.kubectl("scale", "deployment/deployment-2048", "-n", "game-2048", f"--replicas={replicas}")
    [binding] = [one for one in samples.objects("targetgroupbindings") if one["metadata"]["namespace"] == "game-2048"]
    until(f"{replicas} targets", lambda: replicas == len(samples.registered(binding)))
    samples.wait()
