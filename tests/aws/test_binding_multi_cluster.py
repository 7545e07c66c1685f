"""A target group that several clusters share: ours are ours through every restart, and no others are touched."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from aws_builders import LOG
from binding_world import FINALIZER, BindingWorld
from moto.core.models import botocore_stubber

from aws_lb_controller.aws.clients import is_read
from aws_lb_controller.cluster.kinds import SERVICE
from aws_lb_controller.errors import KubernetesError, NotYet
from fake_api import no_answer

A, B, C = "192.168.97.1", "192.168.97.2", "192.168.113.3"
THEIRS = ("192.168.200.9", 8080)
MISSING = "TrackedTargetsMissing"


@pytest.fixture
def world(aws: Any) -> BindingWorld:
    return BindingWorld(aws)


@pytest.fixture
def arn(aws: Any) -> str:
    """A target group in which another cluster has a target."""
    return shared_group(aws, "web")


def shared_group(aws: Any, name: str) -> str:
    arn = str(aws.target_group(name))
    aws.elbv2.register_targets(TargetGroupArn=arn, Targets=[{"Id": THEIRS[0], "Port": THEIRS[1]}])
    return arn


def bind(world: BindingWorld, arn: str, name: str = "web", **more: Any) -> None:
    world.binding(arn, name, networking=None, multiClusterTargetGroup=True, **more)


def test_what_left_while_we_were_down_is_deregistered(world: BindingWorld, arn: str) -> None:
    world.pods(A, B)
    bind(world, arn)
    world.reconcile()
    world.pods(B)
    world.restart()
    world.reconcile()
    assert ({THEIRS, (B, 8080)}, f"{B}:8080") == (world.registered(arn), world.tracked())


def test_what_the_controller_before_us_registered_is_ours(world: BindingWorld, arn: str, aws: Any) -> None:
    aws.elbv2.register_targets(TargetGroupArn=arn, Targets=[{"Id": C, "Port": 8080}])
    world.track(f"{C}:8080,{A}:8080")
    world.pods(A)
    bind(world, arn)
    world.reconcile()
    assert ({THEIRS, (A, 8080)}, f"{A}:8080") == (world.registered(arn), world.tracked())


def test_nodes_are_tracked_by_instance_and_node_port(world: BindingWorld, aws: Any) -> None:
    arn = aws.target_group("nodes", TargetType="instance")
    world.binding(arn, networking=None, targetType="instance", multiClusterTargetGroup=True)
    world.reconcile()
    assert ",".join(sorted(f"{instance}:30080" for instance in world.instances)) == world.tracked()


def test_targets_are_tracked_before_they_are_registered(world: BindingWorld, arn: str) -> None:
    tracked: list[str | None] = []
    event = "before-send.elastic-load-balancing-v2.RegisterTargets"

    def look(**_: Any) -> None:
        tracked.append(world.tracked())

    world.pods(A)
    bind(world, arn)
    world.clients.elbv2.meta.events.register_first(event, look)
    try:
        world.reconcile()
    finally:
        world.clients.elbv2.meta.events.unregister(event, look)
    assert [f"{A}:8080"] == tracked


def test_while_nothing_changes_nothing_is_written(world: BindingWorld, arn: str) -> None:
    world.pods(A)
    bind(world, arn)
    world.reconcile()
    world.restart()
    world.api.requests.clear()
    LOG.clear()
    world.reconcile()
    world.reconcile()
    assert (["GET"], []) == ([method for method, _ in world.api.requests], LOG.writes())


def test_where_the_config_map_is_missing_nothing_is_deregistered_and_that_is_told(
    world: BindingWorld, arn: str
) -> None:
    world.pods(A, B)
    bind(world, arn)
    world.reconcile()
    world.api.objects.clear()
    world.restart()
    world.pods(C)
    world.reconcile()
    assert {THEIRS, (A, 8080), (B, 8080), (C, 8080)} == world.registered(arn)
    [message] = [message for reason, message in world.events.events if reason == MISSING]
    assert message.startswith("ConfigMap shop/aws-lbc-targets-web, which says what targets are ours, does not exist: 3")
    assert f"{C}:8080" == world.tracked()


def test_of_a_new_binding_nothing_is_missed(world: BindingWorld, arn: str) -> None:
    world.pods(A)
    bind(world, arn)
    world.reconcile()
    assert ["SuccessfullyReconciled"] == world.events.reasons()


def test_where_the_config_map_cannot_be_read_nothing_is_touched(world: BindingWorld, arn: str) -> None:
    world.pods(A)
    bind(world, arn)
    world.reconcile()
    world.restart()
    world.pods(B)

    def fail(method: str, path: str) -> None:
        raise no_answer(f"{method} {path}")

    world.api.before = fail
    with pytest.raises(KubernetesError):
        world.reconcile()
    assert {THEIRS, (A, 8080)} == world.registered(arn)
    assert "FailedReconcile" == world.events.reasons()[-1]
    world.api.before = lambda _method, _path: None
    world.reconcile()
    assert {THEIRS, (B, 8080)} == world.registered(arn)


def test_deleting_the_binding_takes_our_targets_and_the_config_map(world: BindingWorld, arn: str) -> None:
    world.pods(A)
    bind(world, arn)
    world.reconcile()
    world.restart()
    world.delete_binding()
    world.reconcile()
    assert ({THEIRS}, None, None) == (world.registered(arn), world.tracked(), world.stored())


def test_deleting_a_binding_whose_config_map_is_missing_touches_no_target(world: BindingWorld, arn: str) -> None:
    world.pods(A)
    bind(world, arn)
    world.reconcile()
    world.restart()
    world.api.objects.clear()
    world.delete_binding()
    world.reconcile()
    assert ({THEIRS, (A, 8080)}, None) == (world.registered(arn), world.stored())
    assert MISSING == world.events.reasons()[-1]


def test_a_binding_whose_config_map_cannot_be_read_is_not_let_go(world: BindingWorld, arn: str) -> None:
    world.pods(A)
    bind(world, arn, metadata={"finalizers": [FINALIZER]})
    world.delete_binding()

    def fail(method: str, path: str) -> None:
        raise no_answer(f"{method} {path}")

    world.api.before = fail
    with pytest.raises(KubernetesError):
        world.reconcile()
    assert "FailedCleanup" == world.events.reasons()[-1]
    assert world.stored() is not None


def test_when_the_service_is_gone_only_our_targets_go(world: BindingWorld, arn: str) -> None:
    world.pods(A)
    bind(world, arn)
    world.reconcile()
    world.binding(
        arn, networking=None, multiClusterTargetGroup=True, serviceRef={"name": "web", "port": "no such port"}
    )
    world.reconcile()
    assert ({THEIRS}, "") == (world.registered(arn), world.tracked())
    world.service()
    bind(world, arn)
    world.reconcile()
    assert {THEIRS, (A, 8080)} == world.registered(arn)
    assert MISSING not in world.events.reasons()


def test_two_bindings_of_one_cluster_track_apart(world: BindingWorld, arn: str) -> None:
    world.service("other")
    world.pods(A)
    world.pods(C, service="other")
    bind(world, arn)
    bind(world, arn, "other", serviceRef={"name": "other", "port": 80})
    world.reconcile()
    world.reconcile("other")
    world.pods(B)
    world.reconcile()
    assert {THEIRS, (B, 8080), (C, 8080)} == world.registered(arn)
    world.delete_binding("other")
    world.reconcile("other")
    assert {THEIRS, (B, 8080)} == world.registered(arn)


# ---- crashes


class Death(BaseException):
    """The process dies here: nothing of ours can catch it."""


class Doom:
    """Dies at the n-th thing that is written, to AWS or to the API server, before or after it has taken effect."""

    def __init__(self, at: int, *, after: bool) -> None:
        self.at, self.after, self.count = at, after, 0

    def write(self, carry_out: Callable[[], Any]) -> Any:
        self.count += 1
        if self.count != self.at:
            return carry_out()
        if self.after:
            carry_out()
        raise Death

    @contextmanager
    def over(self, world: BindingWorld) -> Iterator[None]:
        events: Any = world.clients.elbv2.meta.events
        request = world.api.request

        def send(*, event_name: str, request: Any, **_: Any) -> Any:
            operation = event_name.rpartition(".")[2]
            if is_read(operation):
                return botocore_stubber(event_name, request)
            return self.write(lambda: botocore_stubber(event_name, request))

        def ask(method: str, path: str, **more: Any) -> Any:
            if method == "GET":
                return request(method, path, **more)
            return self.write(lambda: request(method, path, **more))

        events.unregister("before-send", botocore_stubber)
        events.register("before-send", send)
        world.api.request = ask
        try:
            yield
        finally:
            world.api.request = request
            events.unregister("before-send", send)
            events.register("before-send", botocore_stubber)


def live_through(world: BindingWorld, aws: Any, name: str, doom: Doom) -> None:
    """A life of a binding, with a death in between; while nobody runs, the pods change once more."""
    arn = shared_group(aws, name)

    def step(*addresses: str, port: int = 8080) -> None:
        world.pods(*addresses, port=port)
        try:
            with doom.over(world):
                world.reconcile(name)
        except Death:
            world.restart()
            world.pods(*addresses[:-1], port=port)
            world.reconcile(name)
            world.pods(*addresses, port=port)
            world.reconcile(name)
        assert {THEIRS, *((address, port) for address in addresses)} == world.registered(arn)
        assert ",".join(sorted(f"{address}:{port}" for address in addresses)) == world.tracked(name)

    bind(world, arn, name)
    step(A, B)
    step(B, C)
    step(B, C, port=9090)
    step(C, port=9090)
    step()
    step(A, B)
    world.delete_binding(name)
    try:
        with doom.over(world):
            world.reconcile(name)
    except Death:
        world.restart()
        world.reconcile(name)
    assert ({THEIRS}, None) == (world.registered(arn), world.tracked(name))


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_a_death_at_any_write_forgets_no_target_and_takes_none_of_others(aws: Any, after: bool) -> None:
    world = BindingWorld(aws)
    for at in itertools.count(1):
        doom = Doom(at, after=after)
        live_through(world, aws, f"web-{at}", doom)
        world.restart()
        if doom.count < at:
            break
    assert at > 12


def test_a_missing_service_keeps_the_targets_of_a_shared_group_for_a_moment(world: BindingWorld, arn: str) -> None:
    world.pods(A)
    bind(world, arn)
    world.reconcile()
    world.store.remove(SERVICE, "shop", "web")
    with pytest.raises(NotYet, match="its targets stay for a moment"):
        world.reconcile()
    world.restart()
    with pytest.raises(NotYet, match="its targets stay for a moment"):
        world.reconcile()
    world.now += 5
    world.reconcile()
    assert ({THEIRS}, "") == (world.registered(arn), world.tracked())
