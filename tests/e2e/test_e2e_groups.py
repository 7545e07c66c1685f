"""One broken Ingress of a group hurts only itself, on a real control plane and across a restart."""

from __future__ import annotations

from e2e_world import ALB, Controllers, Place, ingress, service, until

GROUP = {f"{ALB}/group.name": "e2e-shared"}


def test_a_broken_member_is_told_alone_and_the_others_converge_after_a_restart_too(
    controllers: Controllers, place: Place
) -> None:
    controllers.one()
    place.apply(service(), ingress("a", annotations=GROUP), ingress("b", annotations=GROUP))
    place.there.wait()
    until("both to have a host name", lambda: place.hostname("ingress", "a") and place.hostname("ingress", "b"))
    hostname = str(place.hostname("ingress", "a"))

    place.annotate("ingress", "a", {f"{ALB}/listen-ports": "nonsense"})
    until("a Warning", lambda: failures(place, "a"))
    controllers.stop()
    controllers.one()
    place.annotate("ingress", "b", {f"{ALB}/tags": "edited=true"})
    until("the edit", lambda: place.there.load_balancer_tags(hostname).get("edited") == "true")

    assert [] == failures(place, "b")
    assert hostname == place.hostname("ingress", "a")


def failures(place: Place, name: str) -> list[tuple[str, str, str]]:
    """The Events that say that an Ingress cannot be built."""
    return [event for event in place.events("Ingress", name) if "FailedBuildModel" in event]
