"""Pods come and go by the hundred: targets and rules follow, and traffic is never cut on the way."""

from __future__ import annotations

from random import Random
from typing import Any

from binding_world import BindingWorld

from aws_lb_controller.intent.binding import read_binding
from aws_lb_controller.plan.node_rules import lacking, rules_of

MOVES = 150
BINDINGS = ("a", "b", "c")
PORTS = (8080, 8081, 9090)


class Moves:
    """Random edits of slices and bindings, reconciled in random order; every call to AWS is followed by a look."""

    def __init__(self, aws: Any, seed: int) -> None:
        self.random = Random(seed)
        self.world = BindingWorld(aws)
        self.arns = {name: aws.target_group(name) for name in BINDINGS}
        self.pods: dict[str, tuple[tuple[str, ...], int]] = {}
        for name in BINDINGS:
            self.world.service(name)
            self.move(name)

    def move(self, name: str) -> None:
        """The Service has other pods, and sometimes the binding another port."""
        port = self.random.choice(PORTS)
        hosts = range(1 + 10 * BINDINGS.index(name), 6 + 10 * BINDINGS.index(name))
        addresses = self.random.sample([f"192.168.{t}.{h}" for t in (97, 113) for h in hosts], self.random.randrange(5))
        self.pods[name] = (tuple(addresses), port)
        self.world.pods(*addresses, service=name, port=port)
        held = self.world.stored(name)
        if held is None or self.random.random() < 0.3:
            self.world.binding(self.arns[name], name, port="http", serviceRef={"name": name, "port": 80})

    def step(self) -> None:
        name = self.random.choice(BINDINGS)
        if self.random.random() < 0.6:
            self.move(name)
        self.world.reconcile(name)
        self.look(name)
        if self.random.random() < 0.3:
            self.world.settle()
            for each in BINDINGS:
                self.look(each)
        if self.random.random() < 0.02:
            self.world.restart()
            for each in BINDINGS:
                self.world.reconcile(each)

    def look(self, name: str) -> None:
        """What is registered is let in."""
        there = self.world.rules.read([self.world.group])[self.world.group]
        ports = {port for _, port in self.world.registered(self.arns[name])}
        networking = read_binding(self.world.stored(name)).networking or ()
        assert frozenset() == lacking(rules_of(networking, lambda _: ports), there)


def test_many_moves_never_cut_traffic_and_end_exact(aws: Any) -> None:
    moves = Moves(aws, seed=1)
    for _ in range(MOVES):
        moves.step()
    for name in BINDINGS:
        moves.world.reconcile(name)
    moves.world.node_groups.reconcile("")
    for name in BINDINGS:
        addresses, port = moves.pods[name]
        assert {(address, port) for address in addresses} == moves.world.registered(moves.arns[name])
    ports = {port for addresses, port in moves.pods.values() if addresses}
    expected = {("tcp", min(ports), max(ports), moves.world.backend_group)} if ports else set()
    assert expected == moves.world.our_rules()
