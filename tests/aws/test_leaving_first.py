"""While EC2 does not answer, what leaves is deregistered all the same: nobody who deregisters ever waits for EC2."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from aws_builders import LOG
from binding_world import BindingWorld
from moto.core.models import botocore_stubber

from aws_lb_controller.errors import NotYet
from aws_lb_controller.reconcile.access_desk import PATIENCE_SECONDS
from aws_lb_controller.reconcile.keys import Controller, Key
from aws_lb_controller.runtime.metrics import Metrics
from aws_lb_controller.runtime.worker import Workers
from aws_lb_controller.runtime.workqueue import Lane, WorkQueue

A, B, C = "192.168.97.1", "192.168.97.2", "192.168.113.3"
WORKERS = 3
LIMIT_SECONDS = 60.0

HERE = threading.local()
"""What the thread is doing."""


@dataclass
class Hanging:
    """EC2 as it does not answer. asked: by whose reconciles; answered: calls that returned; go_on ends it."""

    asked: list[str] = field(default_factory=list)
    answered: list[str] = field(default_factory=list)
    go_on: threading.Event = field(default_factory=threading.Event)

    def __call__(self, *, event_name: str, request: Any, **_: Any) -> Any:
        self.asked.append(getattr(HERE, "controller", "nobody"))
        assert self.go_on.wait(LIMIT_SECONDS)
        self.answered.append(event_name)
        return botocore_stubber(event_name, request)


@contextmanager
def ec2_hangs(world: BindingWorld) -> Iterator[Hanging]:
    hanging, events = Hanging(), world.clients.ec2.meta.events
    events.unregister("before-send", botocore_stubber)
    events.register("before-send", hanging)
    try:
        yield hanging
    finally:
        hanging.go_on.set()
        events.unregister("before-send", hanging)
        events.register("before-send", botocore_stubber)


class Working:
    """The real queue and workers, on the world's reconcilers."""

    def __init__(self, world: BindingWorld) -> None:
        self.world, self.queue = world, WorkQueue()
        self.workers = Workers(
            self.queue,
            {"binding": self.run("binding"), "access": self.run("access")},
            concurrency={"binding": WORKERS, "access": WORKERS},
            metrics=Metrics(),
        )

    def run(self, controller: Controller) -> Callable[[str], None]:
        reconcile = {"binding": self.world.binding_reconciler.reconcile, "access": self.world.desk.reconcile}

        def then_ask(name: str) -> None:
            HERE.controller = controller
            try:
                reconcile[controller](name)
            finally:
                while self.world.queue:
                    self.queue.post(self.world.queue.pop(0), Lane.URGENT, gather=False)

        return then_ask

    def add(self, lane: Lane, *names: str) -> None:
        for name in names:
            self.queue.add(Key("binding", f"shop/{name}"), lane)

    async def until(self, condition: Callable[[], bool]) -> None:
        limit = time.monotonic() + LIMIT_SECONDS
        while not condition():
            assert time.monotonic() < limit
            await asyncio.sleep(0.005)


def test_every_deregistration_goes_out_before_any_call_to_ec2_returns(world: BindingWorld, aws: Any) -> None:
    """More bindings than workers have security groups to open, and as many have targets to register."""
    leaving, coming, closed = ([f"{what}-{n}" for n in range(2 * WORKERS)] for what in ("leaving", "coming", "closed"))
    arns = {name: aws.target_group(name) for name in (*leaving, *coming, *closed)}
    for name in (*leaving, *coming):
        world.service(name)
        world.binding(arns[name], name, serviceRef={"name": name, "port": 80})
        world.pods(A, B, service=name)
        world.reconcile(name)
    for name in closed:
        world.service(name)
        world.binding(arns[name], name, port=9090, serviceRef={"name": name, "port": 80})
        world.pods(A, service=name, port=9090)
    LOG.clear()

    async def play() -> None:
        working = Working(world)
        running = asyncio.create_task(working.workers.run())
        with ec2_hangs(world) as ec2:
            working.add(Lane.URGENT, *closed)
            await working.until(lambda: bool(ec2.asked) and working.queue.depth("access") == len(closed) - WORKERS)
            for name in coming:
                world.pods(A, B, C, service=name)
            for name in leaving:
                world.pods(A, service=name)
            working.add(Lane.URGENT, *coming)
            working.add(Lane.LEAVING, *leaving)
            await working.until(lambda: LOG.writes().count("DeregisterTargets") == len(leaving))
            assert ([], {"access"}) == (ec2.answered, {*ec2.asked})
        await working.until(lambda: all(world.registered(arns[name]) == {(A, 9090)} for name in closed))
        await working.until(lambda: all(len(world.registered(arns[name])) == 3 for name in coming))
        running.cancel()
        await asyncio.wait([running])
        working.workers.close()

    asyncio.run(play())
    assert [{(A, 8080)}] * len(leaving) == [world.registered(arns[name]) for name in leaving]


def test_what_leaves_goes_even_if_what_comes_with_it_waits_for_ec2(world: BindingWorld, aws: Any) -> None:
    arn = aws.target_group()
    world.pods(A)
    world.binding(arn)
    world.reconcile()
    world.pods(B)
    world.binding(arn, port=9090)
    LOG.clear()
    with pytest.raises(NotYet, match="security groups are being opened"):
        world.binding_reconciler.reconcile("shop/web")
    assert (["DeregisterTargets"], set()) == (LOG.operations(), world.registered(arn))
    assert Key("access", "shop/web") in world.queue


def test_what_is_known_to_be_open_is_registered_at_once(world: BindingWorld, aws: Any) -> None:
    arn = aws.target_group()
    world.pods(A)
    world.binding(arn)
    world.reconcile()
    world.queue.clear()
    world.pods(A, B)
    LOG.clear()
    world.binding_reconciler.reconcile("shop/web")
    assert (["RegisterTargets"], []) == (LOG.operations(), world.queue)


class TestPatience:
    """Security groups that do not open, because nobody answers: the opening has been asked for and never ends."""

    def ask(self, world: BindingWorld) -> NotYet:
        with pytest.raises(NotYet) as why:
            world.binding_reconciler.reconcile("shop/web")
        return why.value

    def test_targets_wait_for_an_opening_that_is_under_way(self, world: BindingWorld, aws: Any) -> None:
        arn = aws.target_group()
        world.pods(A)
        world.binding(arn)
        assert PATIENCE_SECONDS == self.ask(world).after
        world.now += PATIENCE_SECONDS - 1
        assert 1 == self.ask(world).after
        assert set() == world.registered(arn)
        assert [Key("access", "shop/web")] == world.queue

    def test_but_not_for_ever_and_the_user_is_told_once(self, world: BindingWorld, aws: Any) -> None:
        arn = aws.target_group()
        world.pods(A)
        world.binding(arn)
        self.ask(world)
        world.now += PATIENCE_SECONDS
        for _ in range(2):
            self.ask(world)
        assert {(A, 8080)} == world.registered(arn)
        assert ["FailedNetworkReconcile"] == world.events.reasons()

    def test_what_comes_later_does_not_wait_anew_for_the_same_opening(self, world: BindingWorld, aws: Any) -> None:
        arn = aws.target_group()
        world.pods(A)
        world.binding(arn)
        self.ask(world)
        world.now += PATIENCE_SECONDS
        world.pods(A, B)
        self.ask(world)
        assert {(A, 8080), (B, 8080)} == world.registered(arn)

    def test_when_it_opens_after_all_the_user_is_told_and_nobody_looks_again(
        self, world: BindingWorld, aws: Any
    ) -> None:
        world.pods(A)
        world.binding(aws.target_group())
        self.ask(world)
        world.now += PATIENCE_SECONDS
        self.ask(world)
        world.queue.clear()
        world.desk.reconcile("shop/web")
        assert Key("binding", "shop/web") in world.queue
        world.binding_reconciler.reconcile("shop/web")
        assert ["FailedNetworkReconcile", "SuccessfullyReconciled"] == world.events.reasons()

    def test_nothing_is_revoked_for_want_of_knowing_what_a_binding_needs(self, world: BindingWorld, aws: Any) -> None:
        """A controller that has just started registers targets before EC2 tells it where they are."""
        world.pods(A)
        world.binding(aws.target_group())
        world.reconcile()
        world.restart()
        world.pods(A, "192.168.200.1")  # no interface has that address
        self.ask(world)
        world.now += PATIENCE_SECONDS
        self.ask(world)
        world.node_groups.reconcile("")
        assert {("tcp", 8080, 8080, world.backend_group)} == world.our_rules()

    def test_a_binding_that_goes_meanwhile_leaves_nothing_behind(self, world: BindingWorld, aws: Any) -> None:
        world.pods(A)
        world.binding(aws.target_group())
        self.ask(world)
        world.desk.reconcile("shop/web")  # it has found and opened everything
        world.delete_binding()
        for _ in range(2):
            world.binding_reconciler.reconcile("shop/web")
        world.settle()
        assert (set(), frozenset()) == (world.our_rules(), world.ledger.bindings())


class TestAfterARestart:
    """Nobody knows what is registered before the binding itself is reconciled."""

    def test_a_target_that_is_yet_to_leave_keeps_its_rules(self, world: BindingWorld, aws: Any) -> None:
        world.pods(A)
        world.binding(aws.target_group(), port="http")
        world.reconcile()
        world.restart()
        world.pods(B, port=9090)  # A is registered still
        world.node_groups.reconcile("")
        assert ("tcp", 8080, 8080, world.backend_group) in world.our_rules()

    def test_they_go_once_it_has_left(self, world: BindingWorld, aws: Any) -> None:
        world.pods(A)
        world.binding(aws.target_group(), port="http")
        world.reconcile()
        world.restart()
        world.pods(B, port=9090)
        world.node_groups.reconcile("")
        world.reconcile()
        world.settle()
        assert {("tcp", 9090, 9090, world.backend_group)} == world.our_rules()

    def test_a_binding_that_is_being_deleted_keeps_its_rules_until_its_targets_have_left(
        self, world: BindingWorld, aws: Any
    ) -> None:
        world.pods(A)
        world.binding(aws.target_group())
        world.reconcile()
        world.restart()
        world.delete_binding()
        world.node_groups.reconcile("")
        assert {("tcp", 8080, 8080, world.backend_group)} == world.our_rules()
        world.reconcile()
        world.node_groups.reconcile("")
        assert set() == world.our_rules()

    def test_what_only_the_opener_found_is_less_than_certain(self, world: BindingWorld, aws: Any) -> None:
        world.pods(A)
        world.binding(aws.target_group(), port="http")
        world.reconcile()
        world.restart()
        world.pods(B, port=9090)
        world.desk.reconcile("shop/web")
        world.node_groups.reconcile("")
        assert ("tcp", 8080, 8080, world.backend_group) in world.our_rules()


def test_a_target_that_moves_to_another_port_keeps_its_rules_until_it_has_left(world: BindingWorld, aws: Any) -> None:
    """The clean-up comes while the new port is being registered, and the old one still takes traffic."""
    arn = aws.target_group()
    world.pods(A)
    world.binding(arn)
    world.reconcile()
    world.settle()
    world.pods(A, port=9090)
    world.binding(arn, port=9090)
    meanwhile: list[set[Any]] = []

    def clean_up(*, event_name: str, **_: Any) -> None:
        if event_name.endswith("RegisterTargets") and not meanwhile:
            world.node_groups.reconcile("")
            meanwhile.append(world.our_rules())

    events = world.clients.elbv2.meta.events
    events.register_first("before-send", clean_up)
    try:
        world.reconcile()
    finally:
        events.unregister("before-send", clean_up)
    world.settle()
    assert [{("tcp", 8080, 9090, world.backend_group)}] == meanwhile
    assert {("tcp", 9090, 9090, world.backend_group)} == world.our_rules()
    assert {(A, 9090)} == world.registered(arn)
