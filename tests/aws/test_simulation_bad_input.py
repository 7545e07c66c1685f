"""What users get wrong is told in one Event, harms nothing that stands, and is well again after the next edit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from aws_lb_controller.cluster.kinds import INGRESS, SERVICE, Kind
from simulated_cluster import Obj, samples
from simulation import Simulation

GAME, ECHO = ("game-2048", "ingress-2048"), ("echo", "svc-nlb-ip-type")
ALB, NLB = "alb.ingress.kubernetes.io", "service.beta.kubernetes.io/aws-load-balancer"
OTHERS = ("ingress-class", "echo-nlb-instance")


@dataclass(frozen=True)
class Mistake:
    """An edit of an object that makes it wrong, and what the Warning must name: the field and the value."""

    kind: Kind
    place: tuple[str, str]
    edit: Mapping[str, Any]
    names: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.kind}-{self.names[0]}"

    @property
    def sample(self) -> str:
        return "2048-game" if self.kind == INGRESS else "echo-nlb"

    @property
    def object(self) -> str:
        return f"{self.kind} {'/'.join(self.place)}"


def annotation(kind: Kind, place: tuple[str, str], key: str, value: str) -> Mistake:
    return Mistake(kind, place, {"metadata": {"annotations": {key: value}}}, (key, value))


def backend(port: Mapping[str, Any], *names: str, **path: Any) -> Mistake:
    """The game's path leads to another port of its Service."""
    service = {"service": {"name": "service-2048", "port": port}}
    rules = [{"http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": service, **path}]}}]
    return Mistake(INGRESS, GAME, {"spec": {"rules": rules}}, names)


MISTAKES = (
    annotation(INGRESS, GAME, f"{ALB}/scheme", "public"),
    annotation(INGRESS, GAME, f"{ALB}/subnets", "no-such-subnet"),
    annotation(INGRESS, GAME, f"{ALB}/listen-ports", '[{"HTTP": 80'),
    annotation(INGRESS, GAME, f"{ALB}/healthcheck-interval-seconds", "soon"),
    annotation(INGRESS, GAME, f"{ALB}/target-type", "pod"),
    backend({"number": 81}, "service-2048", "81"),
    backend({"name": "https"}, "service-2048", "https"),
    annotation(SERVICE, ECHO, f"{NLB}-scheme", "public"),
    annotation(SERVICE, ECHO, f"{NLB}-subnets", "no-such-subnet"),
    annotation(SERVICE, ECHO, f"{NLB}-healthcheck-port", "web"),
    annotation(SERVICE, ECHO, f"{NLB}-attributes", "load_balancing.cross_zone.enabled"),
)


@pytest.fixture
def world(aws: Any) -> Simulation:
    return Simulation(aws)


def states_without_mistakes(world: Simulation, mistake: Mistake) -> tuple[Obj, Obj]:
    """AWS without the sample that the mistake is to be in, and with it; nothing is left of either."""
    world.cluster.apply(*samples(*OTHERS))
    world.run()
    without = world.aws_state()
    world.cluster.apply(*samples(mistake.sample))
    world.run()
    mended = world.aws_state()
    world.cluster.delete_all(samples(*OTHERS, mistake.sample))
    world.run()
    return without, mended


def check_that_it_is_told(world: Simulation, mistake: Mistake) -> None:
    told = [one for one in world.events.warnings() if one.object == mistake.object]
    assert ["FailedBuildModel"] == sorted({one.reason for one in told})
    (message,) = {one.message for one in told}
    assert [] == [name for name in (mistake.object, *mistake.names) if name not in message]
    remedy = message.rpartition(mistake.names[-1])[2]
    assert len(remedy.split()) >= 3, message


@pytest.mark.parametrize("mistake", MISTAKES, ids=str)
def test_a_new_object_with_a_mistake_makes_nothing_until_it_is_mended(mistake: Mistake, world: Simulation) -> None:
    without, mended = states_without_mistakes(world, mistake)
    world = world.anew()
    world.cluster.apply(*samples(*OTHERS, mistake.sample))
    world.cluster.edit(mistake.kind, *mistake.place, mistake.edit)
    world.run()
    check_that_it_is_told(world, mistake)
    assert without == world.aws_state()
    world.cluster.apply(*samples(mistake.sample))
    world.run()
    assert mended == world.aws_state()


@pytest.mark.parametrize("mistake", MISTAKES, ids=str)
def test_an_edit_with_a_mistake_changes_nothing_that_is_deployed(mistake: Mistake, world: Simulation) -> None:
    world.cluster.apply(*samples(*OTHERS, mistake.sample))
    world.run()
    before = world.aws_state()
    world.wire.clear()
    world.cluster.edit(mistake.kind, *mistake.place, mistake.edit)
    world.run()
    check_that_it_is_told(world, mistake)
    world.restart()
    world.run()
    assert [] == world.wire.mutations()
    assert before == world.aws_state()
    world.cluster.apply(*samples(mistake.sample))
    world.run()
    assert [] == world.wire.mutations()
    assert ("Normal", "SuccessfullyReconciled") == (world.events.told[-1].type, world.events.told[-1].reason)


def test_a_name_that_aws_would_refuse_makes_nothing_but_does_not_hurt_a_load_balancer_that_has_its_name(
    world: Simulation,
) -> None:
    world.cluster.apply(*samples(*OTHERS, "2048-game"))
    world.cluster.annotate(INGRESS, *GAME, {f"{ALB}/load-balancer-name": "arcade_2048"})
    world.run()
    assert {"FailedBuildModel"} == {one.reason for one in world.events.warnings()}
    world.cluster.annotate(INGRESS, *GAME, {f"{ALB}/load-balancer-name": "arcade"})
    world.run()
    before = world.aws_state()
    world.events.told.clear()
    world.cluster.annotate(INGRESS, *GAME, {f"{ALB}/load-balancer-name": "arcade_2048"})
    world.run()
    assert (before, {"IgnoredValue"}) == (world.aws_state(), {one.reason for one in world.events.warnings()})


@pytest.mark.parametrize(
    ("sample", "kind", "place", "annotations"),
    [
        ("2048-game", INGRESS, GAME, {f"{ALB}/healthcheck-interval-seconds": "3"}),
        ("echo-nlb", SERVICE, ECHO, {f"{NLB}-healthcheck-interval": "3", f"{NLB}-healthcheck-timeout": "4"}),
    ],
)
def test_a_value_below_what_aws_takes_is_told_as_aws_tells_it_and_well_when_mended(
    sample: str, kind: Kind, place: tuple[str, str], annotations: dict[str, str], world: Simulation
) -> None:
    world.cluster.apply(*samples(*OTHERS, sample))
    world.cluster.annotate(kind, *place, annotations)
    world.run()
    (told,) = {one for one in world.events.warnings() if one.object == f"{kind} {'/'.join(place)}"}
    assert "FailedDeployModel" == told.reason
    assert told.message.endswith("the interval '3'")
    world.cluster.annotate(kind, *place, dict.fromkeys(annotations))
    world.run()
    assert {"SuccessfullyReconciled"} == {one.reason for one in world.events.told[-2:]}


@pytest.mark.parametrize(("sample", "kind", "place"), [("2048-game", INGRESS, GAME), ("echo-nlb", SERVICE, ECHO)])
def test_a_vpc_without_subnets_that_fit_is_told_and_served_as_soon_as_there_are_some(
    sample: str, kind: Kind, place: tuple[str, str], world: Simulation, aws: Any
) -> None:
    subnets = [*aws.world.subnets.values()]
    role = {"Key": "kubernetes.io/role/elb", "Value": "1"}
    ours, theirs = ({"Key": f"kubernetes.io/cluster/{name}", "Value": "shared"} for name in ("demo", "other"))
    aws.ec2.delete_tags(Resources=subnets, Tags=[role, ours])
    aws.ec2.create_tags(Resources=subnets, Tags=[theirs])
    before = world.aws_state()
    world.cluster.apply(*samples("ingress-class", sample))
    world.run()
    (message,) = {one.message for one in world.events.warnings() if one.object == f"{kind} {'/'.join(place)}"}
    assert "subnets" in message
    assert aws.world.vpc_id in message
    assert "tag subnets" in message
    assert before == world.aws_state()
    aws.ec2.create_tags(Resources=subnets[:4], Tags=[role, ours])
    world.resync()
    world.run()
    assert "SuccessfullyReconciled" in [one.reason for one in world.events.told]
    assert 1 == len(world.aws_state()["load balancers"])


def test_a_member_of_a_group_with_a_mistake_is_told_and_takes_nothing_from_the_group(world: Simulation) -> None:
    other = ("game-2048-instance", "ingress-2048")
    group = {"metadata": {"annotations": {f"{ALB}/group.name": "games"}}}
    world.cluster.apply(*samples("ingress-class", "2048-game", "2048-game-instance"))
    world.cluster.edit(INGRESS, *GAME, group)
    world.cluster.edit(INGRESS, *other, group)
    world.run()
    assert [] == world.unexpected()
    before = world.aws_state()
    world.wire.clear()
    world.cluster.annotate(INGRESS, *GAME, {f"{ALB}/healthcheck-interval-seconds": "soon"})
    world.run()
    assert [] == world.wire.operations
    assert before == world.aws_state()
    (told,) = world.events.warnings()
    assert f"Ingress {'/'.join(GAME)}" == told.object
    assert f"{ALB}/healthcheck-interval-seconds" in told.message
    world.cluster.annotate(INGRESS, *other, {f"{ALB}/healthcheck-interval-seconds": "30"})
    world.run()
    assert ["ModifyTargetGroup"] == world.wire.mutations()
    assert {f"Ingress {'/'.join(GAME)}"} == {one.object for one in world.events.warnings()}
