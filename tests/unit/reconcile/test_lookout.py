"""What a deployment waits for: each question returns, or says what is still to come."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from aws_lb_controller.cluster.kinds import ENDPOINT_SLICE, NODE, POD, SERVICE, TARGET_GROUP_BINDING
from aws_lb_controller.cluster.lean import lean
from aws_lb_controller.cluster.store import Store
from aws_lb_controller.errors import AwsThrottled, NotYet
from aws_lb_controller.model.refs import Ref
from aws_lb_controller.model.stack import StackId
from aws_lb_controller.plan.steps import AwaitTraffic
from aws_lb_controller.plan.targets import Target
from aws_lb_controller.reconcile.backends import Backends
from aws_lb_controller.reconcile.keys import Key
from aws_lb_controller.reconcile.lookout import Lookout
from builders_cluster import a_binding, a_node, a_pod, a_slice
from builders_kube import a_port, a_service

SHOP = StackId("service", "shop/web")
GROUP = a_binding()["spec"]["targetGroupARN"]


class Aws:
    """What AWS would say. registered: addresses; states: load balancer's ARN or target group's → what it is in."""

    def __init__(self) -> None:
        self.addresses: list[str] = []
        self.states: dict[str, Any] = {}
        self.asked: list[str] = []
        self.failure: Exception | None = None
        self.meanwhile: Callable[[], None] = lambda: None

    def registered(self, arn: str) -> tuple[Target, ...]:
        self.meanwhile()
        if self.failure:
            raise self.failure
        assert arn == GROUP
        return tuple(Target(id=address, port=8080) for address in self.addresses)

    def of_load_balancer(self, arn: str) -> str:
        self.asked.append(arn)
        return str(self.states[arn])

    def of_targets(self, arns: tuple[str, ...]) -> Counter[str]:
        self.asked += arns
        return Counter(state for arn in arns for state in self.states.get(arn, ()))


class World:
    """A Service, its binding, and ready pods: 10.0.0.1, 10.0.0.2 …"""

    def __init__(self, pods: int = 2, *, max_targets: int = 0) -> None:
        self.store, self.aws, self.enqueued = Store(), Aws(), list[Key]()
        self._versions = 10
        self.store.upsert(NODE, lean(NODE, a_node()))
        self.store.upsert(SERVICE, a_service("web", ports=[a_port(name="http")]))
        self.store.upsert(TARGET_GROUP_BINDING, a_binding(version=1))
        self.ready(pods)
        self.lookout = Lookout(
            store=self.store,
            backends=Backends(self.store, fail_open=True),
            targets=self.aws,
            health=self.aws,
            enqueue=self.enqueued.append,
            max_targets=max_targets,
        )

    def ready(self, *numbers: int) -> None:
        """So many pods, or those of these numbers, are all that is ready."""
        pods = range(1, numbers[0] + 1) if len(numbers) == 1 else numbers
        self._versions += 1
        endpoint_slice = a_slice(pods=tuple(f"web-{n}" for n in pods), version=self._versions)
        for n, endpoint in zip(pods, endpoint_slice["endpoints"], strict=True):
            endpoint["addresses"] = [f"10.0.0.{n}"]
            self.store.upsert(POD, lean(POD, a_pod(f"web-{n}", ip=f"10.0.0.{n}", version=self._versions)))
        self.store.upsert(ENDPOINT_SLICE, lean(ENDPOINT_SLICE, endpoint_slice))

    def waits_for(self, name: str = "tgb", *, stack: StackId = SHOP) -> str:
        """Why the stack waits; "" if it does not."""
        try:
            self.lookout.await_targets("shop", name, stack=stack)
        except NotYet as wait:
            return wait.why
        return ""


# ---- targets that register


def test_ready_endpoints_that_are_not_registered_are_waited_for() -> None:
    assert "TargetGroupBinding shop/tgb has 2 targets to register" == World().waits_for()


def test_it_goes_on_once_all_are_registered() -> None:
    world = World()
    seen = [world.waits_for()]
    for address in ("10.0.0.1", "10.0.0.2"):
        world.aws.addresses.append(address)
        seen.append(world.waits_for())
    assert [f"TargetGroupBinding shop/tgb has {n} targets to register" for n in (2, 1)] == seen[:2]
    assert "" == seen[2]


def test_without_ready_endpoints_nothing_is_waited_for() -> None:
    assert "" == World(pods=0).waits_for()


def test_one_that_is_ready_no_more_is_not_waited_for() -> None:
    world = World()
    world.waits_for()
    world.aws.addresses.append("10.0.0.1")
    world.ready(1)
    assert "" == world.waits_for()


def test_those_that_become_ready_later_are_not_waited_for() -> None:
    world = World()
    world.waits_for()
    world.aws.addresses = ["10.0.0.1", "10.0.0.2"]
    world.ready(1, 2, 3)
    assert "" == world.waits_for()


def test_once_a_stack_has_settled_the_next_wait_is_for_all_that_are_ready_then() -> None:
    world = World()
    world.waits_for()
    world.aws.addresses = ["10.0.0.1", "10.0.0.2"]
    world.waits_for()
    world.lookout.settled(SHOP)
    world.ready(1, 2, 3)
    assert "TargetGroupBinding shop/tgb has 1 targets to register" == world.waits_for()


def test_a_binding_that_brings_its_targets_while_we_look_wakes_the_stack() -> None:
    world = World()
    world.aws.meanwhile = lambda: world.lookout.brought("shop/tgb")
    world.waits_for()
    assert [Key("service", "shop/web")] == world.enqueued


def test_another_stack_that_settles_changes_nothing() -> None:
    world = World()
    world.waits_for()
    world.lookout.settled(StackId("service", "shop/other"))
    world.ready(1, 2, 3)
    world.aws.addresses = ["10.0.0.1", "10.0.0.2"]
    assert "" == world.waits_for()


def test_a_binding_or_a_service_that_does_not_exist_holds_nobody_up() -> None:
    world = World()
    world.store.upsert(TARGET_GROUP_BINDING, a_binding("lost", service="gone", version=99))
    assert ("", "") == (world.waits_for("none-such"), world.waits_for("lost"))


def test_what_finds_no_room_in_the_target_group_is_not_waited_for() -> None:
    world = World(pods=3, max_targets=2)
    before = world.waits_for()
    world.aws.addresses = ["10.0.0.1", "10.0.0.2"]
    assert ("TargetGroupBinding shop/tgb has 2 targets to register", "") == (before, world.waits_for())


def test_in_a_shared_target_group_the_room_that_others_take_is_not_waited_for() -> None:
    world = World(pods=2, max_targets=2)
    shared = a_binding(version=50)
    shared["spec"]["multiClusterTargetGroup"] = True
    world.store.upsert(TARGET_GROUP_BINDING, shared)
    world.aws.addresses = ["10.9.0.1", "10.9.0.2"]
    assert "" == world.waits_for()


def test_what_cannot_be_asked_of_aws_is_its_error_and_nothing_is_taken_for_registered() -> None:
    world = World()
    world.aws.failure = AwsThrottled("DescribeTargetHealth", "Throttling", "")
    with pytest.raises(AwsThrottled):
        world.waits_for()
    world.aws.failure = None
    assert "TargetGroupBinding shop/tgb has 2 targets to register" == world.waits_for()


@pytest.mark.parametrize(
    ("stack", "key"),
    [
        (SHOP, Key("service", "shop/web")),
        (StackId("ingress", "shop/web"), Key("ingress-group", "shop/web")),
        (StackId("ingress", "edge"), Key("ingress-group", "edge")),
    ],
)
def test_a_binding_that_has_done_what_it_could_wakes_who_waits_for_it(stack: StackId, key: Key) -> None:
    world = World()
    world.waits_for(stack=stack)
    for binding in ("shop/other", "shop/tgb"):
        world.lookout.brought(binding)
    assert [key] == world.enqueued


def test_nobody_is_woken_who_waits_no_more() -> None:
    world = World()
    world.waits_for()
    world.lookout.settled(SHOP)
    world.lookout.brought("shop/tgb")
    assert [] == world.enqueued


# ---- traffic that flows

TRAFFIC = AwaitTraffic(load_balancer="new", target_groups=("one", "two"), instead_of=("old",))


def test_traffic_flows_when_the_new_load_balancer_serves_as_the_old_one_does() -> None:
    aws = (world := World()).aws
    aws.states = {"new": "active", "one": ["healthy"], "two": ["healthy"], "old": ["healthy"]}
    world.lookout.await_traffic(TRAFFIC)
    assert ["new", "one", "two", "old"] == aws.asked


@pytest.mark.parametrize(
    ("state", "one", "why"),
    [
        ("provisioning", "healthy", "it is provisioning"),
        ("active", "initial", "the first health checks of 1 targets are under way"),
        ("active", "unhealthy", "0 target groups behind it have healthy targets, and behind the old one 1 have"),
    ],
)
def test_until_then_it_says_why_the_old_load_balancer_stays(state: str, one: str, why: str) -> None:
    world = World()
    world.aws.states = {"new": state, "one": [one], "old": ["healthy"]}
    with pytest.raises(NotYet, match=rf"^load balancer new takes over later: {why}$"):
        world.lookout.await_traffic(TRAFFIC)


def test_references_must_be_known_by_then() -> None:
    world = World()
    with pytest.raises(KeyError):
        world.lookout.await_traffic(
            AwaitTraffic(load_balancer=Ref("LoadBalancer", "LoadBalancer"), target_groups=(), instead_of=())
        )


# ---- targets that drain


@pytest.mark.parametrize("state", ["draining", "unhealthy.draining"])
def test_a_target_that_drains_is_waited_for(state: str) -> None:
    world = World()
    world.aws.states = {"group": [state, state, "healthy", "unused"]}
    with pytest.raises(NotYet, match=r"^2 targets of group are draining$"):
        world.lookout.await_drained("group")


@pytest.mark.parametrize("states", [[], ["healthy", "unused", "initial", "unhealthy"]])
def test_targets_that_do_not_drain_are_not_waited_for(states: list[str]) -> None:
    world = World()
    world.aws.states = {"group": states}
    world.lookout.await_drained("group")
