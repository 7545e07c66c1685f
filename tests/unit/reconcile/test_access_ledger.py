"""Bindings open and the clean-up closes, in any order, and no needed rule is ever missing."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from aws_lb_controller.model.security_group import IngressRule, Source
from aws_lb_controller.plan.node_rules import DESCRIPTION, NO_RULES, Doubt, Rules, lacking
from aws_lb_controller.reconcile.access_ledger import AccessLedger
from exploring import examples

GROUP = "sg-node"
THEIRS = IngressRule(protocol="tcp", from_port=3, to_port=3, source=Source("ipv4", "10.0.0.0/8"), description="ssh")
SOURCES = ("sg-backend", "sg-own", "10.1.0.0/16")


def a_rule(port: int, source: str = "sg-backend", last: int | None = None) -> IngressRule:
    kind: Any = "security-group" if source.startswith("sg-") else "ipv4"
    return IngressRule(
        protocol="tcp", from_port=port, to_port=last or port, source=Source(kind, source), description=DESCRIPTION
    )


class Interleaving:
    """Actors that go on by one step whenever they are chosen; AWS is the set `there`.

    A binding relies on its rules from when its opening is done until it enters other needs: that is when its targets
    are registered. Changes of the group exclude each other, as they do in the program; entering needs and finding
    that nothing is to be done do not.
    """

    def __init__(self, random: Random) -> None:
        self.random = random
        self.ledger = AccessLedger(restricted=True)
        self.there: Rules = frozenset({THEIRS}) | self.some_rules()
        self.relied_on: dict[str, Rules] = {}
        self.actors: dict[str, Iterator[None]] = {}
        self.held = self.swept = False

    def some_rules(self) -> Rules:
        count = self.random.randrange(3)
        return frozenset(a_rule(self.random.randrange(1, 4), self.random.choice(SOURCES)) for _ in range(count))

    def run(self, steps: int) -> None:
        for _ in range(steps):
            name = self.random.choice(["a", "b", "c", "clean-up"])
            if name not in self.actors:
                self.actors[name] = self.clean_up() if name == "clean-up" else self.reconcile(name)
            self.go_on(name)

    def come_to_rest(self) -> None:
        while self.actors:
            self.go_on(self.random.choice(sorted(self.actors)))
        self.actors["clean-up"] = self.clean_up()
        while self.actors:
            self.go_on("clean-up")

    def go_on(self, name: str) -> None:
        if next(self.actors[name], "done") == "done":
            del self.actors[name]
        for binding, need in self.relied_on.items():
            assert frozenset() == lacking(need, self.there), binding
        assert THEIRS in self.there

    def reconcile(self, name: str) -> Iterator[None]:
        self.relied_on.pop(name, None)  # what leaves is deregistered first
        yield
        if self.random.random() < 0.2:
            self.ledger.strike(name)
            return
        need = self.some_rules()
        self.ledger.enter(name, {GROUP: need})
        yield
        if self.ledger.lacks(name, GROUP):
            yield from self.alone()
            there = self.there
            yield
            grant = self.ledger.to_grant(name, GROUP, there)
            yield
            self.there |= grant
            yield
            self.held = False
            if self.random.random() < 0.2:
                return  # the answer was lost
            self.ledger.granted(GROUP, grant)
        self.relied_on[name] = need
        for _ in range(self.random.randrange(10)):
            yield

    def clean_up(self) -> Iterator[None]:
        if not self.swept:
            there = self.there  # read without excluding anybody
            yield
            self.ledger.saw(GROUP, there)
            self.swept = True
        if not self.ledger.unsettled():
            return
        yield from self.alone()
        while True:
            there = self.there
            yield
            change = self.ledger.settle(GROUP, there)
            yield
            if not change.grant:
                break
            self.there |= change.grant
            yield
            self.ledger.granted(GROUP, change.grant)
        self.there = self.there - change.revoke
        self.held = False

    def alone(self) -> Iterator[None]:
        while self.held:
            yield
        self.held = True


@settings(max_examples=examples(400))
@given(st.integers(0, 2**32))
def test_no_interleaving_takes_away_a_rule_that_is_relied_on_and_all_end_exact(seed: int) -> None:
    world = Interleaving(Random(seed))
    world.run(steps=150)
    world.come_to_rest()
    assert world.ledger.wanted().get(GROUP, NO_RULES) == world.there - {THEIRS}


def test_a_need_within_what_is_known_lacks_nothing() -> None:
    ledger = AccessLedger(restricted=True)
    ledger.enter("a", {GROUP: frozenset({a_rule(5)})})
    assert ledger.lacks("a", GROUP)
    ledger.saw(GROUP, frozenset({a_rule(5)}))
    assert not ledger.lacks("a", GROUP)


def test_what_is_to_be_revoked_is_not_relied_on_any_more() -> None:
    ledger = AccessLedger(restricted=True)
    assert {a_rule(5)} == ledger.settle(GROUP, frozenset({a_rule(5)})).revoke
    ledger.enter("a", {GROUP: frozenset({a_rule(5)})})
    assert ledger.lacks("a", GROUP)


def test_a_range_that_is_too_wide_serves_somebody_until_a_better_one_is_there() -> None:
    ledger = AccessLedger(restricted=True)
    ledger.enter("a", {GROUP: frozenset({a_rule(5)})})
    assert {a_rule(7)} == ledger.serves_nobody(GROUP, frozenset({a_rule(1, last=9), a_rule(7)}))


def test_what_is_added_does_not_take_the_place_of_what_is_needed() -> None:
    ledger = AccessLedger(restricted=True)
    ledger.enter("a", {GROUP: frozenset({a_rule(5)})})
    ledger.add("a", {GROUP: frozenset({a_rule(7)}), "sg-other": frozenset({a_rule(9)})})
    assert {GROUP: {a_rule(5), a_rule(7)}, "sg-other": {a_rule(9)}} == ledger.needs_of("a")


def test_a_binding_is_open_when_every_group_is_known_to_let_it_in() -> None:
    ledger = AccessLedger(restricted=True)
    ledger.enter("a", {GROUP: frozenset({a_rule(5)}), "sg-other": frozenset({a_rule(5)})})
    ledger.saw(GROUP, frozenset({a_rule(5)}))
    assert not ledger.is_open("a")
    ledger.granted("sg-other", frozenset({a_rule(5)}))
    assert ledger.is_open("a")
    assert ledger.is_open("one that needs nothing")


def test_a_doubt_lasts_until_the_binding_is_entered_anew_or_struck_out() -> None:
    ledger = AccessLedger(restricted=True)
    for name in ("a", "b"):
        ledger.doubt(name)
        ledger.add(name, {GROUP: frozenset({a_rule(5)})})
        ledger.enter_if_new(name, {})
    assert [False, False] == [ledger.is_certain(name) for name in "ab"]
    ledger.enter("a", {})
    ledger.strike("b")
    ledger.enter("b", {})
    assert [True, True] == [ledger.is_certain(name) for name in "ab"]


def test_what_others_than_the_binding_enter_is_less_than_certain() -> None:
    ledger = AccessLedger(restricted=True)
    ledger.add("a", {GROUP: frozenset({a_rule(5)})})
    ledger.enter_if_new("b", {GROUP: frozenset({a_rule(5)})})
    assert [False, False] == [ledger.is_certain(name) for name in "ab"]
    ledger.enter("b", {})
    ledger.enter_if_new("b", {GROUP: frozenset({a_rule(5)})})
    assert (True, {}) == (ledger.is_certain("b"), ledger.needs_of("b"))


class TestWhatToLookAt:
    def settled(self, *ports: int) -> AccessLedger:
        """One binding for each port, and the rules for them."""
        ledger = AccessLedger(restricted=False)
        rules = frozenset(map(a_rule, ports))
        for port in ports:
            ledger.enter(f"needs-{port}", {GROUP: frozenset({a_rule(port)})})
        assert not ledger.settle(GROUP, rules | {THEIRS})
        return ledger

    def test_a_group_that_has_what_is_needed_and_no_more_need_not_be_looked_at(self) -> None:
        assert frozenset() == self.settled(5, 7).unsettled()

    def test_a_group_that_lacks_something_is_looked_at_also_if_it_was_never_read(self) -> None:
        ledger = self.settled(5)
        ledger.enter("new", {GROUP: frozenset({a_rule(7)}), "sg-other": frozenset({a_rule(7)})})
        assert {GROUP, "sg-other"} == ledger.unsettled()

    def test_a_group_is_looked_at_when_something_is_needed_no_more(self) -> None:
        ledger = self.settled(5, 7)
        ledger.strike("needs-7")
        assert {GROUP} == ledger.unsettled()
        ledger.settle(GROUP, frozenset({a_rule(5)}))
        assert frozenset() == ledger.unsettled()

    def test_even_if_nothing_is_known_to_be_there_that_somebody_needed(self) -> None:
        """A grant that failed as far as we know may have taken effect."""
        ledger = AccessLedger(restricted=True)
        ledger.enter("a", {GROUP: frozenset({a_rule(5)})})
        ledger.strike("a")
        assert {GROUP} == ledger.unsettled()

    def test_but_not_if_another_needs_the_same(self) -> None:
        ledger = self.settled(5)
        ledger.enter("another", {GROUP: frozenset({a_rule(5)})})
        ledger.strike("needs-5")
        assert frozenset() == ledger.unsettled()

    def test_that_a_binding_needs_what_it_did_before_is_no_reason_to_look(self) -> None:
        ledger = self.settled(5)
        ledger.doubt("needs-5")
        ledger.enter("needs-5", {GROUP: frozenset({a_rule(5)})})
        assert frozenset() == ledger.unsettled()

    def test_what_a_doubt_holds_back_is_looked_at_once_the_doubt_has_gone(self) -> None:
        ledger = AccessLedger(restricted=True)
        doubt = Doubt(binding="b", sources=None)
        ledger.settle(GROUP, frozenset({a_rule(5)}), doubts=[doubt])
        assert [[], [GROUP]] == [sorted(ledger.unsettled([doubt])), sorted(ledger.unsettled())]

    def test_a_group_that_is_found_otherwise_than_it_is_known_is_looked_at(self) -> None:
        ledger = self.settled(5)
        ledger.saw(GROUP, frozenset())
        assert not ledger.lacks("needs-5", GROUP)
        assert {GROUP} == ledger.unsettled()

    def test_so_is_one_that_is_not_to_be_trusted_until_it_is_gone(self) -> None:
        ledger = self.settled(5)
        ledger.strike("needs-5")
        ledger.distrust(GROUP)
        assert {GROUP} == ledger.unsettled()
        ledger.forget_group(GROUP)
        assert frozenset() == ledger.unsettled()
