"""Whatever is done to the queue: no key is lost, none runs twice at once, none overtakes without being more urgent."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from aws_lb_controller.reconcile.keys import Key
from aws_lb_controller.runtime.workqueue import PATIENCE_SECONDS, Lane, Lanes
from exploring import examples

keys = st.sampled_from([Key("binding", f"shop/{name}") for name in "abcd"])
lanes_of_all = st.sampled_from(list(Lane))


class QueueMachine(RuleBasedStateMachine):
    """A queue beside a plain account of which keys somebody has asked for and not got."""

    def __init__(self) -> None:
        super().__init__()
        self.lanes, self.now = Lanes(), 0.0
        self.owed: dict[Key, tuple[Lane, float]] = {}
        self.running: set[Key] = set()
        self.due: dict[Key, float] = {}

    @rule(key=keys, lane=lanes_of_all)
    def add(self, key: Key, lane: Lane) -> None:
        self.lanes.add(key, lane, self.now)
        self._owe(key, lane)

    def _owe(self, key: Key, lane: Lane) -> None:
        before, since = self.owed.get(key, (lane, self.now))
        self.owed[key] = min(before, lane), since

    @rule(key=keys, seconds=st.floats(0, 20))
    def add_after(self, key: Key, seconds: float) -> None:
        self.lanes.add_at(key, self.now + seconds, Lane.NORMAL)
        self.due[key] = min(self.due.get(key, self.now + seconds), self.now + seconds)

    @rule(seconds=st.floats(0, 50))
    def wait(self, seconds: float) -> None:
        self.now += seconds
        self.lanes.ripen(self.now)
        for key in [key for key, when in self.due.items() if when <= self.now]:
            del self.due[key]
            self._owe(key, Lane.NORMAL)

    @rule()
    def take(self) -> None:
        key = self.lanes.take("binding", self.now)
        ready = {each: owed for each, owed in self.owed.items() if each not in self.running}
        assert (key is None) == (not ready)
        if key is None:
            return
        assert key in ready
        lane, since = ready[key]
        impatient = self.now - since > PATIENCE_SECONDS
        assert impatient or lane == min(other for other, _ in ready.values())
        del self.owed[key]
        self.running.add(key)
        self.due.pop(key, None)

    @rule(key=keys)
    def done(self, key: Key) -> None:
        if key in self.running:
            self.running.discard(key)
            if key in self.owed:
                self.owed[key] = self.owed[key][0], self.now
            self.lanes.done(key, self.now)

    @invariant()
    def depth_is_what_is_owed_and_not_running(self) -> None:
        assert len({*self.owed} - self.running) == self.lanes.depth("binding")

    @invariant()
    def the_next_due_time_is_the_earliest(self) -> None:
        assert min(self.due.values(), default=None) == self.lanes.next_due()


TestQueue = QueueMachine.TestCase
TestQueue.settings = settings(max_examples=examples(60), stateful_step_count=40)
