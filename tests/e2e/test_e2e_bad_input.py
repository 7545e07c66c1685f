"""What cannot be built is told in words that help, changes nothing, and is put right by an edit."""

from __future__ import annotations

from collections.abc import Mapping
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


def warnings(place: Place, kind: str) -> set[str]:
    """The messages of the Warnings on the edited object."""
    events = place.events(kind.title(), NAMES[kind])
    return {message for type_, reason, message in events if type_ == "Warning" and reason == "FailedBuildModel"}
