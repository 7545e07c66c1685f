"""Broken members of a group at its edges: when it begins and ends, when they alone said something, when nobody knows.

`a`, `b` and `c` are members of the group; where it says nothing else, `b` breaks.
"""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from group_world import ALB, GROUP, MEMORY, NOTHING, GroupWorld, a_backend_service, an_issued_certificate
from swap_world import a_deployment

from aws_lb_controller.errors import KubernetesDenied, KubernetesError
from builders_ingress import a_path, a_rule, an_ingress
from simulated_cluster import Obj, samples

BAD: dict[str, str | None] = {"healthcheck_interval_seconds": "soon"}
MENDED: dict[str, str | None] = {"healthcheck_interval_seconds": None}


@pytest.fixture
def group(aws: Any) -> GroupWorld:
    world = GroupWorld(aws)
    world.cluster.apply(*samples("ingress-class"), *(a_backend_service(name) for name in "abc"))
    return world


def member(name: str, *, group: str = GROUP, **alb: str) -> Obj:
    """One path to its own Service. Underscores in annotations stand for hyphens, double ones for dots."""
    keys = {key.replace("__", ".").replace("_", "-"): text for key, text in alb.items()}
    return an_ingress(name, alb={"group.name": group, **keys}, rules=[a_rule(a_path(f"/{name}/x", service=name))])


def stand(group: GroupWorld, *members: Obj) -> None:
    group.cluster.apply(*members)
    group.run()
    assert [] == group.world.unexpected()


def state(group: GroupWorld) -> list[Any]:
    return [group.balancers(), group.rules(), group.shared_things() if group.balancers() else None]


# ---- what only the broken one asked for

ALONE: dict[str, dict[str, str]] = {
    "ports": {"listen_ports": '[{"HTTP": 80}, {"HTTP": 8080}]'},
    "scheme": {"scheme": "internet-facing"},
    "name": {"load_balancer_name": "arcade"},
    "subnets": {"subnets": "private-a, private-b"},
    "networks": {"inbound_cidrs": "10.1.0.0/16"},
    "certificate": {"listen_ports": '[{"HTTPS": 443}]', "certificate_arn": "CERTIFICATE"},
    "security groups": {"security_groups": "own"},
    "tags": {"tags": "team=b"},
    "attributes": {"load_balancer_attributes": "idle_timeout.timeout_seconds=77"},
    "listener attributes": {"listener_attributes__HTTP_80": "routing.http.response.server.enabled=false"},
}


@pytest.mark.parametrize("asked", ALONE.values(), ids=ALONE)
def test_what_only_a_broken_member_asked_for_stays_and_no_load_balancer_is_replaced(
    asked: dict[str, str], group: GroupWorld
) -> None:
    stand_with(group, asked)
    before = group.shared_things()
    group.annotate("b", **BAD)
    group.edit_path("a", "/a/x", "/a/y")
    group.run()
    group.restart()
    assert (before, ["/a/y"], ["/b/x"]) == (group.shared_things(), group.paths("a"), group.paths("b")[:1])
    assert {"b"} == group.warned()
    group.delete("a")
    group.delete("c")
    group.run()
    assert before["balancer"] == group.shared_things()["balancer"]
    assert ([], []) == (group.paths("a"), group.paths("c"))
    assert not group.exists("a")


def stand_with(group: GroupWorld, asked: dict[str, str]) -> None:
    own = group.aws.ec2.create_security_group(GroupName="own", Description="own", VpcId=group.aws.world.vpc_id)
    group.aws.ec2.create_tags(Resources=[own["GroupId"]], Tags=[{"Key": "Name", "Value": "own"}])
    stand(group, member("a"), member("b", **with_certificate(group, asked)), member("c"))


def with_certificate(group: GroupWorld, asked: dict[str, str]) -> dict[str, str]:
    return {key: text.replace("CERTIFICATE", group.certificate()) for key, text in asked.items()}


def test_a_redirect_that_only_a_broken_member_asked_for_stays(group: GroupWorld) -> None:
    both = '[{"HTTP": 80}, {"HTTPS": 443}]'
    stand(group, member("a"), member("b", listen_ports=both, certificate_arn=group.certificate(), ssl_redirect="443"))
    before = state(group)
    group.annotate("b", **BAD)
    group.edit_path("a", "/a/x", "/a/y")
    group.restart()
    assert (before, {"b"}) == (state(group), group.warned())
    assert "redirect" == group.listeners()[80]["DefaultActions"][0]["Type"]


def test_a_broken_backend_behind_another_members_redirect_is_told_to_its_own_member_alone(group: GroupWorld) -> None:
    """No listener has a rule for it, yet it would come to light when the redirect goes."""
    both = '[{"HTTP": 80}, {"HTTPS": 443}]'
    broken = member("b")
    broken["spec"]["rules"][0]["http"]["paths"][0]["backend"]["service"]["port"] = {"number": 81}
    group.cluster.apply(member("a", listen_ports=both, certificate_arn=group.certificate(), ssl_redirect="443"), broken)
    group.run()
    group.edit_path("a", "/a/x", "/a/y")
    group.run()
    assert ({"b"}, ["/a/y"], []) == (group.warned(), group.paths("a"), group.paths("b"))
    assert "Service b has only the ports 80" in group.warned_of("b")
    assert "redirect" == group.listeners()[80]["DefaultActions"][0]["Type"]


def test_a_certificate_that_left_acm_after_it_was_found_still_serves_the_broken_member(group: GroupWorld) -> None:
    arn = an_issued_certificate(group.aws, "b.example.com")
    secure = member("b", listen_ports='[{"HTTPS": 443}]')
    secure["spec"]["rules"][0]["host"] = "b.example.com"
    stand(group, member("a"), secure)
    before = group.shared_things()
    group.aws.session.client("acm").delete_certificate(CertificateArn=arn)
    group.edit_path("a", "/a/x", "/a/y")
    group.restart()
    assert (before, ["/a/y"]) == (group.shared_things(), group.paths("a"))
    assert {"b"} == group.warned()
    assert "b.example.com" in group.warned_of("b")


def test_a_load_balancer_protected_from_deletion_is_not_replaced_and_only_who_asks_for_that_is_told(
    group: GroupWorld,
) -> None:
    stand(group, member("a", load_balancer_attributes="deletion_protection.enabled=true"), member("b"))
    before = group.shared_things()
    group.annotate("b", scheme="internet-facing")
    group.edit_path("a", "/a/x", "/a/y")
    group.run()
    assert (before, ["/a/y"]) == (group.shared_things(), group.paths("a"))
    assert {"b"} == group.warned()
    assert "protected from deletion" in group.warned_of("b")


# ---- how a group begins and ends


def test_a_protected_member_leaves_a_group_that_stays_and_the_protection_stays_too(group: GroupWorld) -> None:
    stand(group, member("a"), member("b", load_balancer_attributes="deletion_protection.enabled=true"))
    before = group.balancers()
    group.delete("b")
    group.run()
    assert (before, False, []) == (group.balancers(), group.exists("b"), group.paths("b"))
    attributes = group.world.aws_state()["load balancers"].popitem()[1]["attributes"]
    assert "true" == attributes["deletion_protection.enabled"]


def test_nothing_is_made_for_a_group_of_which_nobody_can_be_built(group: GroupWorld) -> None:
    group.cluster.apply(member("a", scheme="public"), member("b", target_type="pod"))
    group.run()
    group.restart()
    assert ([], []) == (group.balancers(), group.wire.mutations())
    assert {"a", "b"} == group.warned()
    assert None is group.memory()
    group.delete("a")
    group.delete("b")
    group.run()
    assert not group.exists("a")
    assert not group.exists("b")
    assert [] == group.balancers()


@pytest.mark.parametrize("where", ["reading", "building"])
def test_a_member_broken_from_the_start_gives_nothing_and_hurts_nobody(where: str, group: GroupWorld) -> None:
    stand(group, member("a"))
    wrong = {"reading": {"tags": "x"}, "building": {"subnets": "none-a, none-b"}}[where]
    ports = '[{"HTTP": 80}, {"HTTP": 8080}]'
    group.cluster.apply(member("b", listen_ports=ports, scheme="internet-facing", **wrong))
    before = state(group)
    group.edit_path("a", "/a/x", "/a/y")
    group.run()
    group.restart()
    assert ({80}, ["/a/y"], []) == ({*group.listeners()}, group.paths("a"), group.paths("b"))
    assert {"b"} == group.warned()
    group.delete("b")
    group.edit_path("a", "/a/y", "/a/x")
    group.run()
    assert not group.exists("b")
    assert before == state(group)


@pytest.mark.parametrize("where", ["reading", "building"])
def test_the_last_healthy_member_takes_everything_along_if_the_others_never_gave_anything(
    where: str, group: GroupWorld
) -> None:
    stand(group, member("a"))
    group.cluster.apply(member("b", **{"reading": {"tags": "x"}, "building": {"subnets": "none-a, none-b"}}[where]))
    group.run()
    group.delete("a")
    group.run()
    assert ([], False) == (group.balancers(), group.exists("a"))
    assert None is group.memory()
    group.annotate("b", tags=None, subnets=None)
    group.run()
    assert ["/b/x"] == group.paths("b")


def test_nothing_changes_when_all_members_are_broken(group: GroupWorld) -> None:
    stand(group, member("a"), member("b", listen_ports='[{"HTTP": 8080}]'))
    before = state(group)
    group.annotate("a", **BAD)
    group.annotate("b", **BAD)
    group.run()
    group.restart()
    group.world.audit()
    group.run()
    assert (before, []) == (state(group), group.operations())
    assert {"a", "b"} == group.warned()
    group.annotate("a", **MENDED)
    group.annotate("b", **MENDED)
    group.run()
    assert (before, set()) == (state(group), group.warned())


def test_the_last_healthy_member_goes_and_the_broken_one_keeps_what_it_has(group: GroupWorld) -> None:
    stand(group, member("a", scheme="internet-facing"), member("b", scheme="internet-facing"))
    mine, name = group.belongings("b"), group.balancer()["LoadBalancerName"]
    group.annotate("b", **BAD)
    group.delete("a")
    group.restart()
    assert (mine, name) == (group.belongings("b"), group.balancer()["LoadBalancerName"])
    assert (NOTHING, False) == (group.belongings("a"), group.exists("a"))
    group.delete("b")
    group.run()
    assert ([], False) == (group.balancers(), group.exists("b"))
    assert None is group.memory()


def test_members_come_and_go_while_one_is_broken(group: GroupWorld) -> None:
    stand(group, member("a"), member("b"))
    mine = group.belongings("b")
    group.annotate("b", **BAD)
    group.cluster.apply(member("c", group__order="-1"))
    group.run()
    assert (["/c/x"], mine) == (group.paths("c"), group.belongings("b"))
    group.delete("a")
    group.restart()
    assert (NOTHING, mine) == (group.belongings("a"), group.belongings("b"))
    assert [["/c/x", "/c/x/*"], ["/b/x", "/b/x/*"]] == [
        r["Conditions"][0]["PathPatternConfig"]["Values"] for r in group.rules()
    ]


def test_a_broken_member_that_names_another_group_leaves_nothing_behind(group: GroupWorld) -> None:
    stand(group, member("a"), member("b"))
    group.annotate("b", group__name="other", **BAD)
    group.run()
    assert (NOTHING, ["/a/x"]) == (group.belongings("b"), group.paths("a"))
    assert ["group.ingress.k8s.aws/other"] == group.ingress("b")["metadata"]["finalizers"]
    group.annotate("b", **MENDED)
    group.run()
    assert 2 == len(group.balancers())


def test_a_broken_member_whose_new_group_name_is_none_is_told_so(group: GroupWorld) -> None:
    stand(group, member("a"), member("b"))
    group.annotate("b", group__name="No Group!")
    group.edit_path("a", "/a/x", "/a/y")
    group.run()
    assert ["/a/y"] == group.paths("a")
    assert {"b"} == group.warned()
    assert "No Group!" in group.warned_of("b")


# ---- members that contradict each other

CONTRADICTIONS: dict[str, tuple[dict[str, str], dict[str, str]]] = {
    "scheme": ({"scheme": "internal"}, {"scheme": "internet-facing"}),
    "load-balancer-name": ({"load_balancer_name": "one"}, {"load_balancer_name": "two"}),
    "subnets": ({"subnets": "private-a, private-b"}, {"subnets": "private-b, private-c"}),
    "inbound-cidrs": ({"inbound_cidrs": "10.1.0.0/16"}, {"inbound_cidrs": "10.2.0.0/16"}),
    "tags": ({"tags": "team=a"}, {"tags": "team=b"}),
    "load-balancer-attributes": (
        {"load_balancer_attributes": "idle_timeout.timeout_seconds=70"},
        {"load_balancer_attributes": "idle_timeout.timeout_seconds=80"},
    ),
    "listen-ports": (
        {"listen_ports": '[{"HTTP": 80}, {"HTTP": 8443}]'},
        {"listen_ports": '[{"HTTP": 80}, {"HTTPS": 8443}]', "certificate_arn": "CERTIFICATE"},
    ),
}


@pytest.mark.parametrize("key", CONTRADICTIONS)
def test_of_values_that_contradict_each_other_the_first_holds_and_the_other_is_told_both_owners(
    key: str, group: GroupWorld
) -> None:
    first, second = (
        {k: v.replace("CERTIFICATE", group.certificate()) for k, v in one.items()} for one in CONTRADICTIONS[key]
    )
    stand(group, member("a", **first))
    alone = group.shared_things()
    group.cluster.apply(member("b", **second))
    group.run()
    assert {"b"} == group.warned()
    for text in ("Ingress shop/a", "Ingress shop/b", f"{ALB}/{key}"):
        assert text in group.warned_of("b")
    assert ["/b/x"] == group.paths("b")
    kept = ("balancer", "attributes", "tags", "access")
    assert {k: alone[k] for k in kept} == {k: group.shared_things()[k] for k in kept}
    group.edit_path("b", "/b/x", "/b/y")
    group.run()
    assert ["/b/y"] == group.paths("b")


def test_an_existing_load_balancer_keeps_scheme_and_name_when_an_earlier_member_says_otherwise(
    group: GroupWorld,
) -> None:
    stand(group, member("b", scheme="internal", load_balancer_name="one", inbound_cidrs="10.1.0.0/16"))
    before = group.balancer()
    group.cluster.apply(
        member("a", scheme="internet-facing", load_balancer_name="two", inbound_cidrs="10.2.0.0/16", group__order="-5")
    )
    group.run()
    assert before["LoadBalancerArn"] == group.balancer()["LoadBalancerArn"]
    assert before["Scheme"] == group.balancer()["Scheme"]
    assert {"b"} == group.warned()
    assert "keeps its own" in group.warned_of("b")
    assert "10.2.0.0/16" in str(group.shared_things()["access"])
    assert (["/a/x"], ["/b/x"]) == (group.paths("a"), group.paths("b"))


# ---- what AWS refuses of the NLB in front

FRONT = {"enable_frontend_nlb": "true"}


def of_nlb(operation: str, key: str, value: str) -> Callable[[str, Mapping[str, str]], str | None]:
    """AWS refuses a call in which a parameter, by its ending, has a value."""

    def refuse(called: str, parameters: Mapping[str, str]) -> str | None:
        has = any(name.endswith(key) and value in text for name, text in parameters.items())
        return "InvalidConfigurationRequest" if called == operation and has else None

    return refuse


REFUSED_IN_FRONT: dict[str, tuple[dict[str, str], dict[str, str], Callable[[str, Mapping[str, str]], str | None]]] = {
    "made": ({}, FRONT, of_nlb("CreateLoadBalancer", "Type", "network")),
    "attributes": (
        FRONT,
        {"frontend_nlb_attributes": "load_balancing.cross_zone.enabled=true"},
        of_nlb("ModifyLoadBalancerAttributes", ".Key", "load_balancing.cross_zone.enabled"),
    ),
    "health check": (
        FRONT,
        {"frontend_nlb_healthcheck_interval_seconds": "299"},
        of_nlb("ModifyTargetGroup", "HealthCheckIntervalSeconds", "299"),
    ),
    "tags": (FRONT, {"frontend_nlb_tags": "team=b"}, of_nlb("AddTags", ".Value", "b")),
    "security groups": (
        FRONT,
        {"frontend_nlb_security_groups": "own"},
        of_nlb("SetSecurityGroups", "LoadBalancerArn", "/net/"),
    ),
    "target group": ({}, FRONT, of_nlb("CreateTargetGroup", "TargetType", "alb")),
    "target": ({}, FRONT, of_nlb("RegisterTargets", ".Id", "loadbalancer/app")),
    "listener": ({}, FRONT, of_nlb("CreateListener", "Protocol", "TCP")),
    "another port": (
        FRONT,
        {"frontend_nlb_listener_port_mapping": "9000=80"},
        of_nlb("CreateListener", "Port", "9000"),
    ),
}


@pytest.mark.parametrize(("at_first", "asked", "refuse"), REFUSED_IN_FRONT.values(), ids=REFUSED_IN_FRONT)
def test_who_asks_for_an_nlb_in_front_that_aws_refuses_is_told_alone_and_the_others_go_on(
    at_first: dict[str, str],
    asked: dict[str, str],
    refuse: Callable[[str, Mapping[str, str]], str | None],
    group: GroupWorld,
) -> None:
    stand_with(group, at_first)
    before = [one["LoadBalancerArn"] for one in group.balancers()]
    group.wire.refuse = refuse
    group.annotate("b", **asked)
    group.edit_path("a", "/a/x", "/a/y")
    group.run()
    assert ({"b"}, ["/a/y"], ["/b/x"]) == (group.warned(), paths(group, "a"), paths(group, "b"))
    assert "InvalidConfigurationRequest" in group.warned_of("b")
    assert before == [one["LoadBalancerArn"] for one in group.balancers()]
    group.wire.refuse = lambda _operation, _parameters: None
    group.restart()
    assert (set(), 2) == (group.warned(), len(group.balancers()))


def test_in_a_new_group_too_who_asks_for_the_nlb_in_front_is_told_alone(group: GroupWorld) -> None:
    group.wire.refuse = of_nlb("CreateLoadBalancer", "Type", "network")
    group.cluster.apply(member("a", scheme="internet-facing"), member("b", **FRONT), member("c", tags="team=c"))
    group.run()
    assert ({"b"}, ["/a/x"], ["/c/x"], []) == (group.warned(), *(paths(group, name) for name in "acb"))


def paths(group: GroupWorld, name: str) -> list[str]:
    """As `GroupWorld.paths`, while there may be an NLB in front."""
    found: list[str] = []
    for balancer in group.balancers():
        if balancer["Type"] == "application":
            for listener in listeners_of(group, balancer):
                rules = group.aws.elbv2.describe_rules(ListenerArn=listener["ListenerArn"])["Rules"]
                conditions = [rule["Conditions"] for rule in rules if group.owner(rule) == name]
                found += [one[0]["PathPatternConfig"]["Values"][0] for one in conditions]
    return found


def listeners_of(group: GroupWorld, balancer: Obj) -> list[Obj]:
    arn = balancer["LoadBalancerArn"]
    return list(group.aws.elbv2.describe_listeners(LoadBalancerArn=arn)["Listeners"])


# ---- what is remembered, and when it is not


def lost(group: GroupWorld) -> None:
    group.cluster.api.drop(MEMORY)


def garbled(group: GroupWorld) -> None:
    write_memory(group, lambda _text: base64.b64encode(b"no member").decode())


def of_another_version(group: GroupWorld) -> None:
    def other(text: str) -> str:
        read = json.loads(zlib.decompress(base64.b64decode(text)))
        del read["listeners"]
        return base64.b64encode(zlib.compress(json.dumps(read).encode())).decode()

    write_memory(group, other)


def write_memory(group: GroupWorld, change: Callable[[str], str]) -> None:
    held = group.cluster.api.objects[MEMORY]
    group.cluster.api.put(MEMORY, {**held, "binaryData": {k: change(v) for k, v in held["binaryData"].items()}})


@pytest.mark.parametrize("lose", [lost, garbled, of_another_version])
def test_a_group_stands_still_while_nobody_knows_what_a_broken_member_gave(
    lose: Callable[[GroupWorld], None], group: GroupWorld
) -> None:
    stand(group, member("a"), member("b"), member("c"))
    before = state(group)
    lose(group)
    group.annotate("b", **BAD)
    group.edit_path("a", "/a/x", "/a/y")
    group.restart()
    assert (before, []) == (state(group), group.operations())
    assert "healthcheck-interval-seconds" in group.warned_of("b")
    assert "mend shop/b first" in group.warned_of("a")
    group.delete("c")
    group.run()
    assert not group.exists("c")
    assert before[0] == group.balancers()
    group.annotate("b", **MENDED)
    group.run()
    assert (["/a/y"], ["/b/x"], NOTHING) == (group.paths("a"), group.paths("b"), group.belongings("c"))
    group.annotate("b", **BAD)
    group.edit_path("a", "/a/y", "/a/z")
    group.restart()
    assert (["/a/z"], ["/b/x"]) == (group.paths("a"), group.paths("b"))


def test_a_group_that_stands_still_lets_the_broken_member_go(group: GroupWorld) -> None:
    stand(group, member("a"), member("b"))
    lost(group)
    group.annotate("b", **BAD)
    group.restart()
    group.delete("b")
    group.run()
    assert not group.exists("b")
    assert (NOTHING, ["/a/x"]) == (group.belongings("b"), group.paths("a"))


def refusing(*methods: str) -> Callable[[str, str], None]:
    """An API server that does not let us at ConfigMaps."""

    def before(method: str, path: str) -> None:
        if "/configmaps" in path and method in methods:
            raise KubernetesDenied(f"{method} {path}", 403, "forbidden")

    return before


def test_deployment_goes_on_where_the_api_server_keeps_no_memory_and_the_failure_is_reported_and_retried(
    group: GroupWorld,
) -> None:
    group.cluster.api.before = refusing("GET", "PUT", "POST")
    group.cluster.apply(member("a"), member("b"))
    group.run()
    assert (["/a/x"], ["/b/x"]) == (group.paths("a"), group.paths("b"))
    assert [403] * 12 == [wrong.status for _, wrong in group.world.wrong if isinstance(wrong, KubernetesError)]
    group.annotate("b", **BAD)
    group.edit_path("a", "/a/x", "/a/y")
    group.run()
    assert (["/a/y"], ["/b/x"], {"b"}) == (group.paths("a"), group.paths("b"), group.warned())
    group.cluster.api.before = lambda _method, _path: None
    group.world.resync()
    group.run()
    assert [] == [wrong for _, wrong in group.world.wrong if isinstance(wrong, KubernetesError)]
    group.restart()
    group.edit_path("a", "/a/y", "/a/z")
    group.run()
    assert (["/a/z"], ["/b/x"], {"b"}) == (group.paths("a"), group.paths("b"), group.warned())


def test_a_memory_that_cannot_be_read_stops_the_group_only_while_somebody_is_broken(group: GroupWorld) -> None:
    stand(group, member("a"), member("b"), member("c"))
    group.cluster.api.before = refusing("GET")
    group.annotate("b", **BAD)
    group.edit_path("a", "/a/x", "/a/y")
    group.delete("c")
    group.restart()
    assert (["/a/x"], ["/b/x"], False) == (group.paths("a"), group.paths("b"), group.exists("c"))
    assert any(isinstance(wrong, KubernetesError) for _, wrong in group.world.wrong)
    group.cluster.api.before = lambda _method, _path: None
    group.world.resync()
    group.run()
    assert (["/a/y"], ["/b/x"], NOTHING) == (group.paths("a"), group.paths("b"), group.belongings("c"))


def test_the_memory_of_a_group_goes_with_it(group: GroupWorld) -> None:
    stand(group, member("a"), member("b"))
    assert {"shop.a", "shop.b"} == {*(group.memory() or ())}
    group.delete("a")
    group.run()
    assert {"shop.b"} == {*(group.memory() or ())}
    group.delete("b")
    group.run()
    assert None is group.memory()


def test_an_ingress_that_stands_alone_is_not_remembered(group: GroupWorld) -> None:
    alone = member("a")
    del alone["metadata"]["annotations"][f"{ALB}/group.name"]
    stand(group, alone)
    group.annotate("a", **BAD)
    group.run()
    before = state(group)
    group.restart()
    assert (before, {"a"}) == (state(group), group.warned())
    assert [] == [path for path in group.cluster.api.objects if "/configmaps/" in path]
    group.delete("a")
    group.run()
    assert ([], False) == (group.balancers(), group.exists("a"))


def test_a_newcomer_that_aws_refuses_once_its_targets_are_there_is_not_tried_over_and_over(group: GroupWorld) -> None:
    stand(group, member("a"), member("b"))
    certificate = group.certificate()
    group.wire.refuse = lambda _operation, parameters: (
        "InvalidConfigurationRequest" if certificate in parameters.values() else None
    )
    group.cluster.apply(a_deployment("c"), member("c", listen_ports='[{"HTTPS": 443}]', certificate_arn=certificate))
    group.run()
    assert ["CreateListener"] * 2 == [sent.operation for sent in group.wire.sent if not sent.accepted]
    assert ({"c"}, NOTHING) == (group.warned(), group.belongings("c"))
    group.wire.refuse = lambda _operation, _parameters: None
    group.annotate("c", tags="team=c")
    group.run()
    assert (set(), ["/c/x"]) == (group.warned(), group.paths("c"))
