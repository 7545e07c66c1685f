"""Rules of a group's listener change with as few calls as there are changes, and no rule that stays is ever gone."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest
from group_world import GROUP, GroupWorld, Sent, a_backend_service

from builders_ingress import a_path, a_rule, an_ingress
from simulated_cluster import Obj, samples


@pytest.fixture
def group(aws: Any) -> GroupWorld:
    """Members a, b and c with three paths each, in this order."""
    world = GroupWorld(aws)
    world.cluster.apply(*samples("ingress-class"), *(a_backend_service(name) for name in ("a", "b", "c", "other")))
    put(world, *(member(name, "1", "2", "3") for name in "abc"))
    assert ALL == paths(world)
    return world


def member(name: str, *numbers: str, order: int = 0, service: str = "", **alb: str) -> Obj:
    """Each path is `/NAME/NUMBER`, exactly."""
    written = [a_path(f"/{name}/{number}", kind="Exact", service=service or name) for number in numbers]
    keys = {"group.name": GROUP, "group.order": str(order), **{k.replace("_", "-"): text for k, text in alb.items()}}
    return an_ingress(name, alb=keys, rules=[a_rule(*written)])


def put(group: GroupWorld, *members: Obj) -> list[str]:
    """What AWS was asked to change for it, but for the tags that number the rules and for targets."""
    group.cluster.apply(*members)
    group.run()
    assert [] == group.world.unexpected()
    return [one for one in group.operations() if one not in ("AddTags", "RegisterTargets", "DeregisterTargets")]


def paths(group: GroupWorld) -> list[str]:
    return [*map(_path, group.rules())]


class Watched:
    """Looks after each call whether the rules of these paths are all there, with what they do.

    in_place: those that are also to stay in their order among each other.
    """

    def __init__(self, group: GroupWorld, *, staying: Iterable[str], in_place: Iterable[str]) -> None:
        self._group, self.looks = group, 0
        self._staying, self._in_place = self._of({*staying}), [*self._of({*in_place})]
        self.wrong: list[tuple[str, Any]] = []
        group.wire.after = self

    def __call__(self, sent: Sent) -> None:
        self.looks += 1
        seen = self._of(None)
        lacking = [arn for arn, actions in self._staying.items() if seen.get(arn) != actions]
        if lacking or [arn for arn in seen if arn in self._in_place] != self._in_place:
            self.wrong.append((sent.operation, lacking))

    def _of(self, wanted: set[str] | None) -> dict[str, Any]:
        """What rules do, by ARN and in order."""
        named = ((_path(rule), rule) for rule in self._group.rules())
        return {rule["RuleArn"]: rule["Actions"] for path, rule in named if wanted is None or path in wanted}


def _path(rule: Obj) -> str:
    path: str = rule["Conditions"][0]["PathPatternConfig"]["Values"][0]
    return path


ALL = [f"/{name}/{number}" for name in "abc" for number in "123"]


def of_others(name: str) -> list[str]:
    return [path for path in ALL if not path.startswith(f"/{name}/")]


EDITS: dict[str, tuple[Obj, list[str]]] = {
    "one path renamed": (member("b", "1", "new", "3"), ["ModifyRule"]),
    "one path more at the end": (member("c", "1", "2", "3", "4"), ["CreateRule"]),
    "one path more in the middle": (member("b", "1", "2", "new", "3"), ["SetRulePriorities", "CreateRule"]),
    "one path more in front of all": (member("a", "new", "1", "2", "3"), ["SetRulePriorities", "CreateRule"]),
    "the last path gone": (member("c", "1", "2"), ["DeleteRule"]),
    "one path gone from the middle": (member("b", "1", "3"), ["DeleteRule", "SetRulePriorities"]),
    "a member moved to the front": (member("c", "1", "2", "3", order=-1), ["SetRulePriorities"]),
    "a member moved to the end": (member("a", "1", "2", "3", order=1), ["SetRulePriorities"]),
    "two paths exchanged": (member("b", "2", "1", "3"), ["SetRulePriorities"]),
    "a new member at the end": (member("d", "1", service="other"), ["CreateTargetGroup", "CreateRule"]),
}


@pytest.mark.parametrize(("edited", "calls"), EDITS.values(), ids=EDITS)
def test_an_edit_makes_the_fewest_calls_and_takes_no_rule_away_that_stays(
    edited: Obj, calls: list[str], group: GroupWorld
) -> None:
    name = edited["metadata"]["name"]
    wanted = {path["path"] for rule in edited["spec"]["rules"] for path in rule["http"]["paths"]}
    staying = [*of_others(name), *(path for path in ALL if path in wanted)]
    watched = Watched(group, staying=staying, in_place=of_others(name))
    assert sorted(calls) == sorted(put(group, edited))
    assert ([], True) == (watched.wrong, watched.looks > 0)
    assert wanted == {path for path in paths(group) if path.startswith(f"/{name}/")}
    assert [] == put(group)
    group.restart()
    assert [] == group.operations()


def test_all_priorities_move_in_one_call(group: GroupWorld) -> None:
    arns = {rule["RuleArn"] for rule in group.rules()}
    calls = put(group, member("a", "3", "2", "1", order=2), member("c", "2", "1", "3", order=-2))
    assert ["SetRulePriorities"] == calls
    assert ["/c/2", "/c/1", "/c/3", "/b/1", "/b/2", "/b/3", "/a/3", "/a/2", "/a/1"] == paths(group)
    assert arns == {rule["RuleArn"] for rule in group.rules()}


def test_a_member_that_goes_takes_only_its_own_rules(group: GroupWorld) -> None:
    watched = Watched(group, staying=of_others("b"), in_place=of_others("b"))
    group.delete("b")
    assert sorted([*["DeleteRule"] * 3, "SetRulePriorities", "DeleteTargetGroup"]) == sorted(put(group))
    assert [] == watched.wrong
    assert ["/a/1", "/a/2", "/a/3", "/c/1", "/c/2", "/c/3"] == paths(group)


def test_another_service_changes_just_the_rules_that_lead_to_it(group: GroupWorld) -> None:
    watched = Watched(group, staying=of_others("b"), in_place=of_others("b"))
    arns = {rule["RuleArn"] for rule in group.rules()}
    calls = put(group, member("b", "1", "2", "3", service="other"))
    assert sorted(["CreateTargetGroup", *["ModifyRule"] * 3, "DeleteTargetGroup"]) == sorted(calls)
    assert ([], arns) == (watched.wrong, {rule["RuleArn"] for rule in group.rules()})


def test_an_edit_of_something_else_touches_no_rule(group: GroupWorld) -> None:
    watched = Watched(group, staying=ALL, in_place=ALL)
    calls = put(group, member("b", "1", "2", "3", healthcheck_path="/ready"))
    assert ["ModifyTargetGroup"] == calls
    calls = put(group, member("b", "1", "2", "3", listen_ports='[{"HTTP": 80}, {"HTTP": 8080}]'))
    assert ["CreateListener", *["CreateRule"] * 3] == [one for one in calls if "Rule" in one or "Listener" in one]
    assert [] == watched.wrong
