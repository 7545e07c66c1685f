"""Ingresses as people run them: deployed once, nothing but an edit or a deletion changes anything in AWS."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from aws_lb_controller.cluster.kinds import INGRESS
from contract_data import contract
from ingress_catalogue import (
    BEYOND_MOTO,
    NAMESPACE,
    PREFIX,
    RECIPES,
    annotations_in_use,
    ignored,
    ingress,
    manifests,
)
from simulated_cluster import Obj, samples
from simulation import Simulation, Told

UNRELATED = {"metadata": {"annotations": {"example.com/note": "seen"}, "labels": {"team": "shop"}}}


@pytest.fixture
def world(aws: Any, values: Mapping[str, str]) -> Simulation:
    """A cluster without Ingresses; AWS has what the recipes name."""
    assert values
    world = Simulation(aws)
    world.cluster.apply(*samples("ingress-class"))
    return world


def deployed(world: Simulation, recipe: str, *objs: Obj) -> Obj:
    """AWS once the objects are there; nothing is written down of how it came to be."""
    world.cluster.apply(*objs)
    world.run()
    assert [] == world.unexpected()
    assert ignored(recipe) == {_ignored_key(told) for told in world.events.warnings()}
    assert [] != world.wire.mutations()
    return world.aws_state()


def _ignored_key(told: Told) -> str:
    assert told.reason == "IgnoredValue", told
    return told.message.partition(f"{PREFIX}/")[2].partition(" ")[0].rstrip(":")


def done(world: Simulation) -> list[Any]:
    """What the controller changes, in AWS and in the cluster, until it rests, but for Warnings `IgnoredValue`."""
    world.wire.clear()
    world.cluster.api.requests.clear()
    world.events.told.clear()
    world.run()
    told = [one for one in world.events.told if one.reason != "IgnoredValue"]
    written = [request for request in world.cluster.api.requests if request[0] != "GET"]
    return [*world.wire.mutations(), *written, *told]


def test_the_recipes_use_every_annotation_of_the_contract_that_moto_can_show() -> None:
    beyond_moto = {key.partition(".")[0] for key in BEYOND_MOTO}
    assert set(contract("names")["ingressAnnotations"]) - annotations_in_use() == beyond_moto


@pytest.mark.parametrize("recipe", RECIPES)
def test_nothing_but_an_edit_changes_what_is_deployed_and_deleting_it_leaves_nothing(
    recipe: str, world: Simulation, values: Mapping[str, str]
) -> None:
    nothing = world.aws_state()
    before = deployed(world, recipe, *manifests(recipe, values))
    world.restart()
    at_a_restart = done(world)
    world.cluster.edit(INGRESS, NAMESPACE, recipe, UNRELATED)
    at_an_edit_of_nothing = done(world)
    world.audit()
    at_an_audit = done(world)
    assert ([], [], []) == (at_a_restart, at_an_edit_of_nothing, at_an_audit)
    assert before == world.aws_state()
    world.cluster.delete(INGRESS, NAMESPACE, recipe)
    world.run()
    assert [] == world.unexpected()
    assert nothing == world.aws_state()


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("without-annotations", "https"),
        ("https", "found-certificate"),
        ("weighted", "answers-and-redirects"),
        ("own-groups", "some-clients-only"),
        ("some-nodes-only", "encrypted-to-the-pods"),
        ("cognito", "tokens"),
        ("oidc", "rewritten"),
        ("firewall", "firewall-by-name"),
        ("health-checks", "shared-by-clusters"),
        ("reserved-capacity", "shared"),
    ],
)
def test_an_ingress_that_becomes_another_and_is_itself_again_comes_to_rest_each_time(
    one: str, other: str, world: Simulation, values: Mapping[str, str]
) -> None:
    nothing = world.aws_state()
    world.cluster.apply(*manifests(one, values)[:-1])
    for recipe in (one, other, one):
        told = ingress(recipe, values)
        told["metadata"]["name"] = one
        world.cluster.apply(told)
        world.run()
        assert [] == world.unexpected()
        world.audit()
        assert [] == done(world)
    world.cluster.delete(INGRESS, NAMESPACE, one)
    world.run()
    assert nothing == world.aws_state()
