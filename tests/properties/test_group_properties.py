"""What holds for every IngressGroup that users might write, all the way from manifests to what stands in AWS.

Members are drawn as people write them: choices that go together, one of each kind. Values of different members may
contradict each other, and what cannot be built sets its member aside, as `reconcile.ingress_group` does it.
"""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, event, given
from hypothesis import settings as limits
from hypothesis import strategies as st

from aws_lb_controller.build.config import BuildConfig
from aws_lb_controller.build.facts import Certificate, Facts
from aws_lb_controller.build.gift import gift
from aws_lb_controller.build.listeners import foreign_names
from aws_lb_controller.build.stack import build
from aws_lb_controller.errors import Problem, SpecError, UnmetNeed
from aws_lb_controller.intent.group import read_members
from aws_lb_controller.intent.ingress_member import MemberIntent
from aws_lb_controller.intent.isolation import Draft
from aws_lb_controller.intent.merge import merge
from aws_lb_controller.intent.values import StackIntent
from aws_lb_controller.model.digest import digest
from aws_lb_controller.model.observed import ObservedStack
from aws_lb_controller.model.refs import Ref, resolve
from aws_lb_controller.model.stack import Stack, StackId
from aws_lb_controller.plan import match
from aws_lb_controller.plan.effects import after
from aws_lb_controller.plan.plan import plan
from aws_lb_controller.plan.policy import refusals
from aws_lb_controller.plan.steps import Plan, concerns, gives
from builders_ingress import FIXED, a_backend, a_member, a_path, a_rule, an_action_path, an_ingress, settings_with
from builders_intent import facts
from builders_kube import a_port, a_service
from carrying_out import assert_possible, give, without_arns
from exploring import examples
from ingress_catalogue import BEYOND_MOTO

Obj = dict[str, Any]

PREFIX = "alb.ingress.kubernetes.io"
GROUP = StackId("ingress", "games")
CERTIFICATES = (
    Certificate(arn="arn:found-a", domains=("*.example.com",)),
    Certificate(arn="arn:found-b", domains=("b.example.com", "example.com")),
)
OWN_GROUPS = {"edge": ("sg-edge",)}
OWN_TARGET_GROUPS = {"theirs": "arn:theirs"}
WEB_ACLS = {"a": "arn:acl-a", "b": "arn:acl-b"}
SETTINGS = settings_with(
    "--default-target-type=ip",
    "--tolerate-non-existent-backend-service=false",
    "--tolerate-non-existent-backend-action=false",
)
CONFIG = BuildConfig.of(SETTINGS, "vpc-1")

HTTPS = '[{"HTTPS": 443}]'
BOTH = '[{"HTTP": 80}, {"HTTPS": 443}]'
SPLIT = json.dumps(
    {
        "type": "forward",
        "forwardConfig": {
            "targetGroups": [
                {"serviceName": "web", "servicePort": 80, "weight": 9},
                {"targetGroupName": "theirs", "weight": 1},
            ]
        },
    }
)
QUERY = '[{"field": "query-string", "queryStringConfig": {"values": [{"key": "v", "value": "2"}]}}]'
TO_NOWHERE = json.dumps(
    {"type": "forward", "forwardConfig": {"targetGroups": [{"targetGroupName": "nowhere", "weight": 1}]}}
)
COGNITO = json.dumps({"userPoolARN": "arn:pool", "userPoolClientID": "client", "userPoolDomain": "shop"})

TOGETHER: tuple[tuple[Mapping[str, str], ...], ...] = (
    ({}, {}, {"scheme": "internet-facing"}, {"scheme": "internal"}, {"load-balancer-name": "arcade"}),
    (
        {},
        {},
        {"listen-ports": '[{"HTTP": 80}, {"HTTP": 8080}]'},
        {"certificate-arn": "arn:a"},
        {"listen-ports": BOTH, "certificate-arn": "arn:b, arn:a", "ssl-policy": "ELBSecurityPolicy-2016-08"},
        {"listen-ports": BOTH},
        {"listen-ports": HTTPS, "mutual-authentication": '[{"port": 443, "mode": "passthrough"}]'},
        {"listen-ports": BOTH, "ssl-redirect": "443"},
        {"listen-ports": BOTH, "auth-type": "cognito", "auth-idp-cognito": COGNITO},
        {"listen-ports": '[{"HTTPS": 80}]', "certificate-arn": "arn:a"},
        {"listen-ports": '[{"HTTPS": 80}]'},
    ),
    ({}, {}, {"tags": "team=a"}, {"tags": "team=b, stage=live"}),
    (
        {},
        {"load-balancer-attributes": "idle_timeout.timeout_seconds=77"},
        {"load-balancer-attributes": "idle_timeout.timeout_seconds=78, routing.http2.enabled=false"},
        {"listener-attributes.HTTP-80": "routing.http.response.server.enabled=false"},
    ),
    ({}, {}, {"subnets": "private-a, private-b"}, {"subnets": "public-b, public-a"}),
    (
        {},
        {},
        {"inbound-cidrs": "10.0.0.0/8"},
        {"security-group-prefix-lists": "pl-1"},
        {"security-groups": "edge"},
        {"security-groups": "edge", "manage-backend-security-group-rules": "true"},
    ),
    ({}, {}, {"ip-address-type": "dualstack"}, {"enable-frontend-nlb": "true"}),
    (
        {},
        {},
        {"wafv2-acl-arn": "arn:acl-a"},
        {"wafv2-acl-arn": "arn:acl-c"},
        {"wafv2-acl-name": "a"},
        {"wafv2-acl-name": "b"},
        {"wafv2-acl-name": "none"},
    ),
    (
        {},
        {"target-type": "instance"},
        {"target-type": "ip", "healthcheck-path": "/ready", "healthcheck-interval-seconds": "30"},
        {"backend-protocol-version": "GRPC"},
        {"target-group-attributes": "deregistration_delay.timeout_seconds=30"},
    ),
)
"""Annotations that people write together: one of each row."""

UNREADABLE: Mapping[str, str] = {
    "group.order": "first",
    "listen-ports": '[{"HTTP": 80',
    "scheme": "public",
    "inbound-cidrs": "10.0.0.0/33",
    "tags": "team",
    "load-balancer-attributes": "idle_timeout",
    "healthcheck-interval-seconds": "soon",
    "target-group-attributes": "x",
    "actions.split": '{"type": "forward"',
    "conditions.split": '[{"field": "http-header"}]',
    "mutual-authentication": '[{"port": 443, "mode": "verify"}]',
    "load-balancer-name": "-arcade",
    "ip-address-type": "ipv5",
}
"""Values that make a member one that cannot be built, whatever else it says."""


Fault = Callable[[Obj], Obj]
"""A member that was well, with something in it that cannot be."""


def saying(key: str, value: str) -> Fault:
    """The member with this annotation (without the prefix)."""

    def broken(member: Obj) -> Obj:
        changed = copy.deepcopy(member)
        changed["metadata"]["annotations"][f"{PREFIX}/{key}"] = value
        return changed

    return broken


def with_a_path(path: Obj) -> Fault:
    """The member with one more path."""

    def broken(member: Obj) -> Obj:
        changed = copy.deepcopy(member)
        changed["spec"]["rules"][0]["http"]["paths"].append(path)
        return changed

    return broken


def with_a_host_without_certificate(member: Obj) -> Obj:
    changed = saying("listen-ports", HTTPS)(member)
    changed["metadata"]["annotations"].pop(f"{PREFIX}/certificate-arn", None)
    changed["spec"]["rules"].append(a_rule(host="shop.example.net"))
    return changed


FAULTS: Mapping[str, Fault] = {
    **{f"{key}={value}": saying(key, value) for key, value in UNREADABLE.items() if not key.endswith(".split")},
    "no such Service": with_a_path(a_path("/new", service="nowhere")),
    "no such port": with_a_path(a_path("/new", port="nowhere")),
    "no such action": with_a_path(an_action_path("/new", action="nowhere")),
    "no such subnet": saying("subnets", "nowhere-a, nowhere-b"),
    "no such security group": saying("security-groups", "nowhere"),
    "no such target group": lambda member: saying("actions.theirs", TO_NOWHERE)(
        with_a_path(an_action_path("/new", action="theirs"))(member)
    ),
    "no certificate": with_a_host_without_certificate,
    "no IPv6": lambda member: saying("ip-address-type", "dualstack")(saying("subnets", "private-a, private-b")(member)),
    "a redirect to nowhere": saying("ssl-redirect", "9443"),
    "tags of AWS's own": saying("tags", "elbv2.k8s.aws/cluster=mine"),
}


# ---- what users write


@st.composite
def ingresses(draw: st.DrawFn, name: str) -> Obj:
    alb = {key: text for row in TOGETHER for key, text in draw(st.sampled_from(row)).items()}
    alb |= {"group.name": "games", "group.order": str(draw(st.integers(-1, 2)))}
    paths = [a_path(f"/{name}/a"), a_path(f"/{name}/b", kind="Exact", port="admin")]
    if draw(st.booleans()):
        alb |= {"actions.split": SPLIT, "conditions.split": QUERY}
        paths.append(an_action_path(f"/{name}/c", action="split"))
    if draw(st.booleans()):
        alb["actions.hello"] = FIXED
        paths.append(an_action_path(f"/{name}/d", action="hello"))
    spec: Obj = {"defaultBackend": a_backend()} if draw(st.sampled_from([False, False, True])) else {}
    host = draw(st.sampled_from(["a.example.com", "b.example.com"]))
    return an_ingress(name, alb=alb, rules=[a_rule(*draw(st.permutations(paths))[:3], host=host)], **spec)


def groups(*, least: int = 1) -> st.SearchStrategy[list[Obj]]:
    some = st.integers(least, 4).flatmap(lambda number: st.permutations("abcd").map(lambda names: names[:number]))
    return some.flatmap(lambda names: st.tuples(*(ingresses(name) for name in names)).map(list))


def service(namespace: str, name: str) -> Obj | None:
    ports = [a_port(80, name="http"), a_port(81, name="admin")]
    return a_service(name, namespace, ports=ports) if name == "web" else None


# ---- the controller, without AWS and Kubernetes

Memory = Mapping[str, MemberIntent]


class Run:
    """One run over a group. memory: what its members last gave; there: what exists.

    stack: None where nobody can be built. gave: what its members give now. outvoted: whose values do not hold.
    """

    def __init__(
        self, members: Iterable[Obj], memory: Memory | None = None, there: ObservedStack | None = None
    ) -> None:
        self._memory, self._there = memory or {}, there
        readings = read_members(
            [a_member(one) for one in members],
            services=service,
            secrets=lambda _namespace, _name: None,
            settings=SETTINGS,
        )
        self.draft = Draft(fresh=readings.read).set_aside(readings.unreadable, self._memory.get)
        self.stack: Stack | None = None
        self.gave: Memory = {}
        while self.draft.members and self._try():
            pass

    def _try(self) -> bool:
        """Whether to try again with fewer who are as they are written."""
        merged = merge("games", self.draft.members, settings=SETTINGS)
        impossible = {name: those for name, those in merged.impossible.items() if name in self.draft.fresh}
        if impossible:
            return self._set_aside(impossible)
        known = known_of(merged.intent, self._there)
        try:
            self.stack = build(merged.intent, known, CONFIG)
        except (SpecError, UnmetNeed) as error:
            return self._set_aside(self.draft.to_blame(error.problems, self._memory.get))
        now = {name: gift(member, merged.intent, known) for name, member in self.draft.fresh.items()}
        self.gave = {**self.draft.last, **now}
        self.intent, self.given = merged.intent, replace(self.draft, fresh=now)
        return False

    def _set_aside(self, guilty: Mapping[str, tuple[Problem, ...]]) -> bool:
        """False where it is nobody's fault: then all are told, and nothing is done."""
        wrong = {name: SpecError(those) for name, those in guilty.items()}
        self.draft = self.draft.set_aside(wrong, self._memory.get)
        return bool(guilty)

    @property
    def all_are_fresh(self) -> bool:
        return not self.draft.aside


def known_of(intent: StackIntent, there: ObservedStack | None) -> Facts:
    names = intent.load_balancer.security_groups.groups or ()
    return facts(
        intent,
        CONFIG,
        existing=replace(there, bindings=()) if there else None,
        certificates=CERTIFICATES,
        web_acls=WEB_ACLS,
        security_groups={name: ids for name, ids in OWN_GROUPS.items() if name in names},
        target_groups={name: arn for name, arn in OWN_TARGET_GROUPS.items() if name in foreign_names(intent)},
    )


def stack_of(run: Run) -> Stack:
    """Of a group of which somebody can be built."""
    assert run.stack is not None
    return run.stack


def carried_out(steps: Plan, there: ObservedStack, stack: Stack) -> ObservedStack:
    known = dict(match.known(stack, there))
    for planned in steps:
        step = resolve(planned, known)
        answer = give(step)
        if (ref := gives(planned)) is not None:
            known[ref] = answer.arn
        there = after(there, step, answer)
        assert_possible(_without_things_of_others(there))
    return there


def _without_things_of_others(there: ObservedStack) -> ObservedStack:
    """Security groups and target groups of the users' own are not observed."""
    own = {id for ids in OWN_GROUPS.values() for id in ids}
    balancers = []
    for seen in there.load_balancers:
        kept = tuple(group for group in seen.resource.security_groups if group not in own)
        balancers.append(replace(seen, resource=replace(seen.resource, security_groups=kept)))
    return replace(there, load_balancers=tuple(balancers), rules=tuple(map(_without_targets_of_others, there.rules)))


def _without_targets_of_others(seen: Any) -> Any:
    actions = tuple(
        replace(a, target_groups=tuple(t for t in a.target_groups if t.arn not in OWN_TARGET_GROUPS.values()))
        if hasattr(a, "target_groups")
        else a
        for a in seen.resource.actions
    )
    return replace(seen, resource=replace(seen.resource, actions=actions))


def brought_to(run: Run, there: ObservedStack) -> ObservedStack | None:
    """What then exists; None where policy refuses it."""
    stack = stack_of(run)
    steps = plan(stack, there)
    return None if refusals(steps, there) else carried_out(steps, there, stack)


# ---- properties

# many groups are refused: what is claimed is of those that come to stand
MANY = limits(max_examples=examples(25), suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])


@given(groups(), st.randoms(use_true_random=False))
@MANY
def test_the_order_of_members_and_annotations_makes_no_difference(members: list[Obj], order: random.Random) -> None:
    shuffled = [with_annotations_in_another_order(member, order) for member in order.sample(members, len(members))]
    run, again = Run(members), Run(shuffled)
    event(f"aside: {len(run.draft.aside)}")
    assert (run.stack, run.gave, run.draft.aside.keys()) == (again.stack, again.gave, again.draft.aside.keys())
    if run.stack and again.stack:
        assert digest(run.stack, version="1") == digest(again.stack, version="1")


@given(groups())
@MANY
def test_a_group_that_was_carried_out_needs_nothing_more_and_goes_whole(members: list[Obj]) -> None:
    world = World()
    assume(world.becomes(members))
    there = world.there
    empty = Stack(id=GROUP)
    gone = carried_out(plan(empty, there, deletion_protection_off=True), there, empty)
    assert ObservedStack(backend_security_group=gone.backend_security_group) == gone


@given(groups(), groups())
@MANY
def test_a_group_that_becomes_any_other_and_is_itself_again_is_as_it_was(one: list[Obj], other: list[Obj]) -> None:
    first, there = World(), World()
    assume(first.becomes(one) and there.becomes(one))
    event(f"the other came to be: {there.becomes(other)}")
    came = there.becomes(one)
    event(f"came to rest: {came}")
    assume(came and first.run.all_are_fresh and there.run.all_are_fresh)
    assume(not first.run.intent.load_balancer.scheme_contested)
    assert lasting(stack_of(first.run)) == lasting(stack_of(there.run))
    assert parts(first.there) == parts(there.there)


@given(groups(), groups(), st.randoms(use_true_random=False))
@MANY
def test_the_order_of_events_makes_no_difference_in_the_end(
    one: list[Obj], other: list[Obj], order: random.Random
) -> None:
    worlds = [World(), World()]
    for world in worlds:
        assume(world.becomes(one))
        named = {member["metadata"]["name"]: member for member in one}
        for name, now in order.sample(events := changes(one, other), len(events)):
            named = {key: member for key, member in {**named, name: now}.items() if member is not None}
            assume(world.becomes(list(named.values())))
    final = [world.run for world in worlds]
    assume(all(run.all_are_fresh and not run.intent.load_balancer.scheme_contested for run in final))
    assert lasting(stack_of(final[0])) == lasting(stack_of(final[1]))
    assert parts(worlds[0].there) == parts(worlds[1].there)


@given(groups(), st.sampled_from(sorted(FAULTS)), st.data())
@MANY
def test_a_broken_member_leaves_everything_as_it_was(members: list[Obj], fault: str, data: st.DataObject) -> None:
    world, broken = World(), data.draw(st.sampled_from(members))
    assume(world.becomes(members) and world.run.all_are_fresh and world.becomes(members))
    run = world.seen(with_one(members, broken, FAULTS[fault](broken)))
    name = f"shop/{broken['metadata']['name']}"
    event(f"{fault}: {'broken' if run.draft.aside else 'outvoted'}")
    assert run.draft.aside.keys() <= {name}
    assume(run.draft.aside)
    assert (world.run.stack, world.run.gave) == (run.stack, run.gave)


@given(groups(least=2), st.sampled_from(sorted(FAULTS)), st.data())
@MANY
def test_others_are_edited_around_a_broken_member_whose_things_stay(
    members: list[Obj], fault: str, data: st.DataObject
) -> None:
    world = World()
    assume(world.becomes(members) and world.run.all_are_fresh and world.becomes(members))
    broken, edited = data.draw(st.permutations(members))[:2]
    name = broken["metadata"]["name"]
    now = with_one(members, edited, with_another_path(edited))
    run, as_if_well = world.seen(with_one(now, broken, FAULTS[fault](broken))), world.seen(now)
    assert run.draft.aside.keys() <= {f"shop/{name}"}
    assume(run.draft.aside)
    assert things_of(name, stack_of(world.run)) == things_of(name, stack_of(run))
    assert as_if_well.stack == run.stack


@given(groups(), st.sampled_from(sorted(FAULTS)), st.data())
@MANY
def test_a_member_that_was_broken_from_the_start_is_as_if_it_were_not_there(
    members: list[Obj], fault: str, data: st.DataObject
) -> None:
    broken = data.draw(st.sampled_from(members))
    run = Run(with_one(members, broken, FAULTS[fault](broken)))
    without = Run([member for member in members if member is not broken])
    # where two do not go together, and neither was there before, it may be the other one who is told
    assume({f"shop/{broken['metadata']['name']}"} == run.draft.aside.keys() and without.all_are_fresh)
    assert (without.stack, without.gave.keys()) == (run.stack, run.gave.keys())


@given(groups(least=2), st.data())
@MANY
def test_whatever_aws_refuses_of_one_edit_is_nobody_elses_fault(members: list[Obj], data: st.DataObject) -> None:
    world, edited = World(), data.draw(st.sampled_from(members))
    name = edited["metadata"]["name"]
    assume(world.becomes(members) and world.run.all_are_fresh and world.becomes(members))
    run = world.seen(with_one(members, edited, data.draw(ingresses(name))))
    assume(run.all_are_fresh)
    for step in plan(stack_of(run), world.there):
        guilty = run.given.to_blame_for(run.intent, concerns(step), world.memory.get)
        assert guilty <= {f"shop/{name}"}, step


@pytest.mark.parametrize(("key", "value"), BEYOND_MOTO.items())
def test_what_moto_lacks_needs_nothing_more_once_it_was_carried_out(key: str, value: str) -> None:
    plain = an_ingress("a", alb={"group.name": "games", "scheme": "internet-facing"})
    world = World()
    assert all(world.becomes([member]) for member in (saying(key, value)(plain), plain, saying(key, value)(plain)))


# ---- in their words


class World:
    """What exists and what is remembered, from run to run. run: the latest one that was carried out."""

    run: Run

    def __init__(self) -> None:
        self.there, self.memory = ObservedStack(), dict[str, MemberIntent]()

    def becomes(self, members: list[Obj]) -> bool:
        """One run more than there are members brings it to rest; False where nobody can be built, or policy refuses it.

        More than one is needed where somebody is set aside who goes well with what the others make of it, or with
        what stands once somebody who left takes no part in it any more.
        """
        if not members:
            self.there, self.memory = ObservedStack(), {}
        for _ in range(len(members) + 1 if members else 0):
            run = self.seen(members)
            brought = brought_to(run, self.there) if run.stack else None
            if brought is None:
                return False
            self.there, self.memory, self.run = brought, dict(run.gave), run
            assert () == plan(stack_of(run), brought)
            self.run = self.seen(members)
            if self.run.draft.aside.keys() == run.draft.aside.keys():
                assert () == plan(stack_of(self.run), brought)
                return True
        assert not members, "does not come to rest"
        return True

    def seen(self, members: list[Obj]) -> Run:
        names = {f"shop/{member['metadata']['name']}" for member in members}
        return Run(members, {name: gave for name, gave in self.memory.items() if name in names}, self.there)


def changes(one: list[Obj], other: list[Obj]) -> list[tuple[str, Obj | None]]:
    """One for each member that comes, goes (None) or changes."""
    before, now = ({member["metadata"]["name"]: member for member in group} for group in (one, other))
    return [(name, now.get(name)) for name in sorted({*before, *now}) if before.get(name) != now.get(name)]


def lasting(stack: Stack) -> Stack:
    """Without what a load balancer keeps for as long as it stands: its name, and subnets that nobody named."""
    return replace(stack, load_balancers=tuple(replace(lb, name="", subnets=()) for lb in stack.load_balancers))


def parts(there: ObservedStack) -> Mapping[str, Any]:
    """What exists, without load balancers, rules' ids, and what stays when nobody speaks of it any more."""
    bare = replace(
        there,
        listeners=tuple(with_(seen, attributes={}, mutual_authentication=None) for seen in there.listeners),
        target_groups=tuple(with_(seen, attributes={}) for seen in there.target_groups),
        rules=tuple(with_(seen, id="") for seen in there.rules),
    )
    return {noun: seen for noun, seen in without_arns(bare).items() if noun != "load_balancers"}


def with_(seen: Any, **values: Any) -> Any:
    return replace(seen, resource=replace(seen.resource, **values))


def with_annotations_in_another_order(member: Obj, order: random.Random) -> Obj:
    annotations = member["metadata"]["annotations"]
    shuffled = {key: annotations[key] for key in order.sample([*annotations], len(annotations))}
    return {**member, "metadata": {**member["metadata"], "annotations": shuffled}}


with_another_path = with_a_path(a_path("/new"))
"""An edit of rules alone."""


def with_one(members: list[Obj], old: Obj, new: Obj) -> list[Obj]:
    return [new if one["metadata"]["name"] == old["metadata"]["name"] else one for one in members]


def things_of(name: str, stack: Stack) -> list[Any]:
    """A member's target groups, bindings and rules, these without their numbers."""
    rules = [
        (rule.listener, rule.conditions, rule.actions, rule.transforms)
        for rule in stack.rules
        if any(value.startswith(f"/{name}/") for c in rule.conditions for value in c.values)
    ]
    target_groups = [group for group in stack.target_groups if group.id.startswith(f"shop/{name}-")]
    refs = {Ref("TargetGroup", group.id) for group in target_groups}
    return [rules, target_groups, [binding for binding in stack.bindings if binding.target_group in refs]]
