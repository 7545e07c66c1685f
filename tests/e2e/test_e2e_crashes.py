"""A controller may be killed at any AWS call of the samples' creation; the next one finishes the work.

Ten crashes, spread over the creation: every other one before the call reaches AWS, the others after it took effect and
before its answer came. Each finds the workloads running, makes the Services and Ingresses anew, and ends by deleting
them, so that each begins with an empty AWS.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from aws_picture import AwsPicture
from e2e_world import (
    Controller,
    Controllers,
    Converging,
    Obj,
    is_balanced,
    namespaces_of,
    sample_objects,
    until,
    until_nothing,
)
from localworld.world import LocalWorld

CRASHES = 10
SUFFIX = "-crash"
FIRST_NODE_PORT = 31080
KINDS = ("Service", "Ingress")


def suffixed(obj: Obj) -> Obj:
    """The object in a namespace of this module's own."""
    name = "name" if obj["kind"] == "Namespace" else "namespace"
    return {**obj, "metadata": {**obj["metadata"], name: obj["metadata"][name] + SUFFIX}}


def with_node_port(obj: Obj, number: int) -> Obj:
    """A Service with the same node port each time it is made: security group rules tell it."""
    [port] = obj["spec"]["ports"]
    return {**obj, "spec": {**obj["spec"], "ports": [{**port, "nodePort": FIRST_NODE_PORT + number}]}}


ALL = [
    with_node_port(one, number) if one["kind"] == "Service" else one
    for number, one in enumerate(map(suffixed, sample_objects()))
]
WORKLOADS = [one for one in ALL if one["kind"] not in KINDS]
EXPOSED = [one for one in ALL if one["kind"] in KINDS]
NAMESPACES = tuple(namespaces_of(ALL))


@dataclass
class Scene:
    """The samples' workloads, the controller that runs now, and what an undisturbed creation came to."""

    world: LocalWorld
    controllers: Controllers
    creation: int = 0  # how many mutating calls it took
    expected: Any = None

    @property
    def there(self) -> Converging:
        """What is missing or left."""
        return Converging(self.world, NAMESPACES)

    def running(self) -> Controller:
        """The controller that lives, or a new one; without election, since a killed leader's Lease runs out slowly."""
        self.controllers.bury_dead()
        return (self.controllers.living() or [self.controllers.start(leader_election=False)])[0]

    def create(self) -> None:
        """Make the Services and Ingresses."""
        self.world.control_plane.apply(EXPOSED)

    def delete(self) -> None:
        """Delete them, and wait until AWS is empty."""
        for namespace in NAMESPACES:
            self.world.control_plane.kubectl("delete", "services,ingresses", "--all", "-n", namespace, "--wait=false")
        until_nothing("the end of the Services and Ingresses", self.there.remaining)
        until_nothing("an empty AWS", self.there.leftovers)

    def picture(self) -> Any:
        """All of AWS, with what is made up anew each time under names of what it is for."""
        taken = AwsPicture(self.world.aws.elbv2, self.world.aws.ec2).take({})
        text = json.dumps(taken, sort_keys=True)
        for part in ("load balancers", "target groups", "security groups"):
            for name, one in taken[part].items():
                text = text.replace(name, purpose(part, one["tags"]) or name)
        return json.loads(text)


def purpose(part: str, tags: dict[str, str]) -> str:
    """By which a resource is told, whatever its name: the stack and the resource in its tags."""
    return " ".join(
        [part, *(value for key, value in sorted(tags.items()) if key.split("/")[-1] in ("stack", "resource"))]
    )


@pytest.fixture(scope="module")
def scene(local_world: LocalWorld, controllers: Controllers) -> Iterator[Scene]:
    """The workloads run, and one creation and deletion has been undisturbed."""
    controllers.stop()
    scene = Scene(local_world, controllers)
    local_world.control_plane.apply(WORKLOADS)
    for one in WORKLOADS:
        if one["kind"] == "Deployment":
            metadata = one["metadata"]
            local_world.control_plane.kubectl(
                "rollout", "status", f"deployment/{metadata['name']}", "-n", metadata["namespace"], "--timeout=60s"
            )
    controller = scene.running()
    scene.create()
    scene.there.wait()
    until("the controller to be done", controller.idle)
    scene.creation, scene.expected = len(controller.proxy.mutations()), scene.picture()
    scene.delete()
    yield scene
    scene.delete()
    local_world.control_plane.kubectl("delete", "namespaces", *NAMESPACES, "--wait=false")


@pytest.mark.parametrize("number", range(CRASHES))
def test_a_crash_at_any_call_ends_in_the_same_aws(scene: Scene, number: int) -> None:
    nth = 1 + number * (scene.creation - 1) // CRASHES
    struck = scene.running().crash_at(nth, after=number % 2 == 1)
    try:
        scene.create()
        until(f"the crash at call {nth} of {scene.creation}", struck)
        scene.running()
        scene.there.wait()
        until_nothing("the same AWS", lambda: differences(scene.expected, scene.picture()), seconds=20)
    finally:
        scene.running()
        scene.delete()


def differences(expected: Any, seen: Any, path: str = "") -> list[str]:
    """Where two pictures differ, each with what was expected and what is there."""
    if isinstance(expected, dict) and isinstance(seen, dict):
        keys = sorted(expected.keys() | seen.keys())
        return [one for key in keys for one in differences(expected.get(key), seen.get(key), f"{path}/{key}")]
    return [] if expected == seen else [f"{path}: {expected} expected, {seen} seen"]


def test_the_samples_that_are_crashed_at_are_all_of_them() -> None:
    assert 4 == sum(is_balanced(one) for one in EXPOSED) == len(NAMESPACES)
