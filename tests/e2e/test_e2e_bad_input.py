"""What cannot be built is told in words that help, changes nothing, and is put right by an edit."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from e2e_world import ALB, NLB, Controller, Place, ingress, nlb_service, service, until

TAGS = {"ingress": f"{ALB}/tags", "service": f"{NLB}-additional-resource-tags"}
NAMES = {"ingress": "web", "service": "echo"}


def annotated(key: str, value: str | None) -> Mapping[str, Any]:
    """A patch of one annotation."""
    return {"metadata": {"annotations": {key: value}}}


def to_port(number: int) -> Mapping[str, Any]:
    """A patch of the Ingress's only backend."""
    return {"spec": ingress(port=number)["spec"]}


@dataclass(frozen=True)
class Mistake:
    """An edit that cannot be built, what of it the Event must say beside the object, and the edit that mends it."""

    kind: str
    edit: Mapping[str, Any]
    said: tuple[str, ...]
    mend: Mapping[str, Any]


def of_annotation(kind: str, key: str, value: str, *said: str) -> Mistake:
    """A mistake in an annotation: key, value and remedy are to be said."""
    return Mistake(kind, annotated(key, value), (key, value, *said), annotated(key, None))


MISTAKES = {
    "unknown scheme of an Ingress": of_annotation("ingress", f"{ALB}/scheme", "public", "internet-facing"),
    "unknown scheme of a Service": of_annotation("service", f"{NLB}-scheme", "public", "internet-facing"),
    "malformed JSON": of_annotation("ingress", f"{ALB}/listen-ports", '[{"HTTP": 80', "JSON"),
    "malformed number": of_annotation("service", f"{NLB}-healthcheck-interval", "soon", "number"),
    "no such subnet": of_annotation("ingress", f"{ALB}/subnets", "nowhere", "subnet"),
    "no such subnet for a Service": of_annotation("service", f"{NLB}-subnets", "nowhere", "subnet"),
    "Service port missing": Mistake("ingress", to_port(81), ("web", "81", "port"), to_port(80)),
}


@pytest.fixture(scope="module")
def shop(shared_place: Place) -> Place:
    """An Ingress and a Service of type LoadBalancer, and an Ingress beside them that nobody touches."""
    shared_place.apply(service(), ingress(), ingress("beside"), nlb_service("echo"))
    return shared_place


@pytest.mark.parametrize("mistake", MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_told_changes_nothing_and_can_be_mended(
    mistake: Mistake, controller: Controller, shop: Place
) -> None:
    shop.there.wait()
    until("the controller to be done", controller.idle)
    kind, name = mistake.kind, NAMES[mistake.kind]
    before, made, told = shop.there.picture(), controller.proxy.mutations(), warnings(shop, kind)
    shop.edit(kind, name, mistake.edit)
    [message] = until("a Warning", lambda: warnings(shop, kind) - told)
    assert [] == [word for word in (f"{kind.title()} {shop.namespace}/{name}", *mistake.said) if word not in message]
    assert (before, made) == (shop.there.picture(), controller.proxy.mutations())

    shop.edit(kind, name, mistake.mend)
    shop.annotate(kind, name, {TAGS[kind]: f"mended={len(told)}"})
    hostname = shop.hostname(kind, name)
    assert hostname is not None
    until("the mended state", lambda: str(len(told)) == shop.there.load_balancer_tags(hostname).get("mended"))


def test_what_is_wrong_from_the_start_makes_nothing_in_aws(controller: Controller, shop: Place) -> None:
    shop.there.wait()
    until("the controller to be done", controller.idle)
    before = shop.there.picture()
    shop.apply(ingress("wrong", port=81), nlb_service("wrong-too", annotations={f"{NLB}-scheme": "public"}))
    for kind, name in (("Ingress", "wrong"), ("Service", "wrong-too")):
        until(f"a Warning on {kind} {name}", lambda of=(kind, name): shop.events(*of))  # type: ignore[misc]  # a default binds the loop's values
    assert before == shop.there.picture()
    shop.edit("ingress", "wrong", to_port(80))
    shop.edit("service", "wrong-too", annotated(f"{NLB}-scheme", "internal"))
    shop.there.wait()


@pytest.fixture
def late_subnet(shop: Place) -> Iterator[Callable[[], None]]:
    """Makes a subnet of the name `late`, which is deleted after the Service of that name."""
    ec2, made = shop.world.aws.ec2, []

    def make() -> None:
        tagged = {"ResourceType": "subnet", "Tags": [{"Key": "Name", "Value": "late"}]}
        vpc = shop.world.aws.world.vpc_id
        made.append(ec2.create_subnet(VpcId=vpc, CidrBlock="192.168.200.0/24", TagSpecifications=[tagged]))

    yield make
    shop.cluster.kubectl("delete", "service/late", "-n", shop.namespace)  # returns when the finalizer is gone
    for one in made:
        ec2.delete_subnet(SubnetId=one["Subnet"]["SubnetId"])


def test_what_aws_lacks_is_asked_for_again_without_an_edit(
    controller: Controller, shop: Place, late_subnet: Callable[[], None]
) -> None:
    shop.apply(nlb_service("late", annotations={f"{NLB}-subnets": "late"}))
    until("a Warning", lambda: shop.events("Service", "late"))
    assert shop.hostname("service", "late") is None
    late_subnet()
    shop.there.wait()


def warnings(place: Place, kind: str) -> set[str]:
    """The messages of the Warnings on the edited object."""
    events = place.events(kind.title(), NAMES[kind])
    return {message for type_, reason, message in events if type_ == "Warning" and reason == "FailedBuildModel"}
