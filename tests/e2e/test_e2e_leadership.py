"""Of two controllers one acts; the other takes over when it goes, at once if it says so and soon if it does not."""

from __future__ import annotations

import pytest

from e2e_world import ALB, LEASE, Controller, Controllers, Place, ingress, service, until

HANDED_OVER_SECONDS = 10
RUN_OUT_SECONDS = 30  # the Lease holds for 15 s


@pytest.fixture
def shop(controllers: Controllers, place: Place) -> Place:
    """An Ingress that one controller has made an ALB for."""
    controllers.stop()
    controllers.one()
    place.apply(service(), ingress())
    place.there.wait()
    return place


def holder(place: Place) -> str:
    """Who holds the Lease; "" if nobody does."""
    return str(place.cluster.get(*LEASE)["spec"].get("holderIdentity") or "")


def edit_and_wait(place: Place, value: str, *, seconds: float) -> None:
    """Edit the Ingress, and wait until AWS shows it."""
    place.annotate("ingress", "web", {f"{ALB}/tags": f"edited={value}"})
    hostname = place.hostname("ingress", "web")
    assert hostname is not None
    until(f"the tag {value}", lambda: value == place.there.load_balancer_tags(hostname).get("edited"), seconds=seconds)


def start_standby(controllers: Controllers) -> Controller:
    """One more, which is ready but does not lead."""
    standby = controllers.start()
    assert not standby.leads()
    return standby


def test_a_standby_takes_over_at_once_from_a_leader_that_ends_and_soon_from_one_that_dies(
    controllers: Controllers, shop: Place
) -> None:
    [first] = controllers.running
    second = start_standby(controllers)
    first_holder = holder(shop)
    assert first.leads()
    first.process.stop()
    assert first_holder != holder(shop)
    edit_and_wait(shop, "ended", seconds=HANDED_OVER_SECONDS)
    assert second.leads()

    third, second_holder = start_standby(controllers), holder(shop)
    assert second.leads()
    second.process.kill()
    assert second_holder == holder(shop)
    assert not third.leads()
    edit_and_wait(shop, "died", seconds=RUN_OUT_SECONDS)
    assert third.leads()
    assert second_holder != holder(shop)


def test_a_standby_makes_no_call_that_could_change_anything(controllers: Controllers, shop: Place) -> None:
    standby = start_standby(controllers)
    edit_and_wait(shop, "led", seconds=HANDED_OVER_SECONDS)
    assert [] == standby.proxy.mutations()
