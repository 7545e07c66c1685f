"""Who AWS refused is tried again after pauses that grow, or once it asks for something else."""

from __future__ import annotations

from aws_lb_controller.errors import AwsRefused
from aws_lb_controller.intent.group import read_members
from aws_lb_controller.intent.ingress_member import MemberIntent
from aws_lb_controller.reconcile.refusals import LONGEST_SECONDS, Refusals
from builders_ingress import SETTINGS, a_member, an_ingress
from builders_kube import a_service


def asking(**alb: str) -> MemberIntent:
    readings = read_members(
        [a_member(an_ingress("web", alb=alb))],
        services=lambda namespace, name: a_service(name, namespace),
        secrets=lambda _namespace, _name: None,
        settings=SETTINGS,
    )
    return readings.read["shop/web"]


ERROR = AwsRefused("CreateListener", "CertificateNotFound", "no such certificate")
ASKED = asking(scheme="internal")


class World:
    def __init__(self) -> None:
        self.now = 0.0
        self.refusals = Refusals(clock=lambda: self.now)

    def refused(self, times: int, asked: MemberIntent = ASKED) -> None:
        for _ in range(times):
            self.refusals.note("games", "shop/web", asked=asked, error=ERROR)

    def held(self, asked: MemberIntent = ASKED) -> bool:
        return self.refusals.of("games", "shop/web", asked=asked) is ERROR


def test_the_first_refusal_holds_nobody_up() -> None:
    world = World()
    world.refused(1)
    assert not world.held()


def test_after_the_second_there_is_a_pause() -> None:
    world = World()
    world.refused(2)
    seen = []
    for world.now in (0.0, 29.0, 30.0):
        seen.append(world.held())
    assert [True, True, False] == seen


def test_pauses_grow_to_a_limit() -> None:
    world = World()
    world.refused(20)
    seen = []
    for world.now in (LONGEST_SECONDS - 1, LONGEST_SECONDS):
        seen.append(world.held())
    assert [True, False] == seen


def test_who_asks_for_something_else_is_tried_at_once_and_begins_anew() -> None:
    world, other = World(), asking(scheme="internet-facing")
    world.refused(5)
    assert not world.held(other)
    world.refused(1, other)
    assert not world.held(other)


def test_who_got_what_it_asked_for_begins_anew() -> None:
    world = World()
    world.refused(5)
    world.refusals.forget("games", ["shop/web"])
    assert not world.held()
