"""Services as people run them: deployed once, nothing but an edit or a deletion changes anything in AWS."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from aws_lb_controller.cluster.kinds import SERVICE
from aws_lb_controller.intent import service_annotations
from contract_data import contract
from service_catalogue import NAMESPACE, OWN_GROUP, PREFIX, RECIPES, annotations_in_use, manifests, service
from simulated_cluster import Obj
from simulation import Simulation

UNRELATED = {"metadata": {"annotations": {"example.com/note": "seen"}, "labels": {"team": "shop"}}}


@pytest.fixture
def world(aws: Any, values: Mapping[str, str]) -> Simulation:
    """A cluster without Services; AWS has what the recipes name."""
    assert values
    return Simulation(aws)


def deployed(world: Simulation, *objs: Obj) -> Obj:
    """AWS once the objects are there; nothing is written down of how it came to be."""
    world.cluster.apply(*objs)
    world.run()
    assert [] == world.unexpected()
    assert [] == world.events.warnings()
    assert [] != world.wire.mutations()
    forget_what_was_done(world)
    return world.aws_state()


def forget_what_was_done(world: Simulation) -> None:
    world.wire.clear()
    world.cluster.api.requests.clear()
    world.events.told.clear()


def done(world: Simulation) -> list[Any]:
    """What the controller changes, in AWS and in the cluster, until it rests."""
    forget_what_was_done(world)
    world.run()
    written = [(method, path) for method, path in world.cluster.api.requests if method != "GET"]
    return [*world.wire.mutations(), *written, *world.events.told]


def edit(world: Simulation, name: str, patch: Mapping[str, Any]) -> None:
    world.cluster.edit(SERVICE, NAMESPACE, name, patch)
    world.run()


def annotate(world: Simulation, name: str, annotations: Mapping[str, str | None]) -> None:
    edit(world, name, {"metadata": {"annotations": annotations}})


def is_held(world: Simulation, name: str) -> bool:
    return bool(world.cluster.get(SERVICE, NAMESPACE, name)["metadata"]["finalizers"])


# ---- the catalogue


def test_the_recipes_use_every_annotation_of_the_contract() -> None:
    assert set() == set(contract("names")["serviceAnnotations"]) - annotations_in_use()


@pytest.mark.parametrize("recipe", RECIPES)
def test_nothing_but_an_edit_changes_what_is_deployed_and_deleting_it_leaves_nothing(
    recipe: str, world: Simulation, values: Mapping[str, str]
) -> None:
    nothing = world.aws_state()
    before = deployed(world, *manifests(recipe, values))
    world.restart()
    at_a_restart = done(world)
    world.cluster.edit(SERVICE, NAMESPACE, recipe, UNRELATED)
    at_an_edit_of_nothing = done(world)
    world.audit()
    at_an_audit = done(world)
    assert ([], [], []) == (at_a_restart, at_an_edit_of_nothing, at_an_audit)
    assert before == world.aws_state()
    world.cluster.delete_all(manifests(recipe, values))
    world.run()
    assert [] == world.unexpected()
    assert nothing == world.aws_state()
    assert {} == world.kubernetes_state()


# ---- edits from one recipe to another


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("nginx-proxy-protocol", "nginx-tls"),
        ("nginx-local", "nginx-proxy-protocol"),
        ("without-annotations", "dual-stack"),
        ("dns", "mail"),
        ("weighted", "reserved-capacity"),
        ("own-groups", "prefix-lists"),
        ("elastic-addresses", "private-addresses"),
        ("no-group", "health-checks"),
        ("nginx-tls", "tls-to-the-pods"),
        ("no-group", "private-link"),
    ],
)
def test_a_service_that_becomes_another_and_is_itself_again_comes_to_rest_each_time(
    one: str, other: str, world: Simulation, values: Mapping[str, str]
) -> None:
    nothing = world.aws_state()
    world.cluster.apply(*(obj for recipe in (one, other) for obj in manifests(recipe, values)[:-1]))
    for recipe in (one, other, one):
        told = service(recipe, values)
        told["metadata"]["name"] = one
        world.cluster.apply(told)
        world.run()
        assert [] == world.unexpected()
        world.wire.clear()
        world.audit()
        world.run()
        assert [] == world.wire.mutations()
    world.cluster.delete(SERVICE, NAMESPACE, one)
    world.run()
    assert nothing == world.aws_state()


# ---- Services that are not ours any more, and then are again


@pytest.mark.parametrize("recipe", ["nginx-tls", "no-group", "dual-stack"])
@pytest.mark.parametrize(
    "turned",
    [{"type": "ClusterIP"}, {"type": "NodePort"}, {"type": "ExternalName", "externalName": "shop.example.com"}],
    ids=lambda turned: turned["type"],
)
def test_a_service_that_turns_to_another_type_loses_its_load_balancer_until_it_turns_back(
    recipe: str, turned: Mapping[str, str], world: Simulation, values: Mapping[str, str]
) -> None:
    nothing = world.aws_state()
    before = deployed(world, *manifests(recipe, values))
    edit(world, recipe, {"spec": {**turned, "loadBalancerClass": None}})
    assert [] == world.unexpected()
    assert nothing == world.aws_state()
    assert not is_held(world, recipe)
    assert {} == world.cluster.get(SERVICE, NAMESPACE, recipe)["status"]["loadBalancer"]
    world.cluster.apply(service(recipe, values))
    world.run()
    assert before == world.aws_state()
    assert [] == world.unexpected()


@pytest.mark.parametrize("type_", ["NodePort", "ClusterIP", "ExternalName"])
def test_a_service_with_the_older_annotations_may_be_of_any_type(
    type_: str, world: Simulation, values: Mapping[str, str]
) -> None:
    before = deployed(world, *manifests("old-pod-targets", values))
    edit(world, "old-pod-targets", {"spec": {"type": type_}})
    assert [] == world.wire.mutations()
    assert before == world.aws_state()
    assert [] == world.unexpected()


@pytest.mark.parametrize(("port", "told"), [(80, "TCP"), (53, "UDP")])
def test_the_status_follows_the_numbers_of_ports_as_v3_5_0_lets_it(
    port: int, told: str, world: Simulation, values: Mapping[str, str]
) -> None:
    deployed(world, *manifests("private-link", values))
    edit(world, "private-link", {"spec": {"ports": [{"port": port, "targetPort": 8080, "protocol": "UDP"}]}})
    (ingress,) = world.cluster.get(SERVICE, NAMESPACE, "private-link")["status"]["loadBalancer"]["ingress"]
    assert [{"port": port, "protocol": told}] == ingress["ports"]


@pytest.mark.parametrize("recipe", ["old-pod-targets", "old-node-targets"])
@pytest.mark.parametrize("other", [None, "nlb", ""], ids=["none", "in-tree", "empty"])
def test_a_service_whose_type_annotation_is_not_ours_loses_its_load_balancer_until_it_is_again(
    recipe: str, other: str | None, world: Simulation, values: Mapping[str, str]
) -> None:
    nothing = world.aws_state()
    before = deployed(world, *manifests(recipe, values))
    annotate(world, recipe, {f"{PREFIX}-type": other})
    assert nothing == world.aws_state()
    assert not is_held(world, recipe)
    annotate(world, recipe, service(recipe, values)["metadata"]["annotations"])
    assert before == world.aws_state()
    assert is_held(world, recipe)
    assert [] == world.unexpected()


def test_the_two_spellings_of_pod_targets_are_one(world: Simulation, values: Mapping[str, str]) -> None:
    before = deployed(world, *manifests("old-pod-targets", values))
    annotate(world, "old-pod-targets", {f"{PREFIX}-type": "external", f"{PREFIX}-nlb-target-type": "ip"})
    assert [] == world.wire.mutations()
    assert before == world.aws_state()


def test_another_controllers_service_is_left_alone(world: Simulation, values: Mapping[str, str]) -> None:
    theirs = service("without-annotations", values)
    theirs["spec"]["loadBalancerClass"] = "example.com/other"
    world.cluster.apply(theirs)
    assert [] == done(world)


# ---- mistakes

PORTS = [
    {"name": "http", "port": 80, "targetPort": 8080},
    {"name": "https", "port": 443, "targetPort": 8443},
    {"name": "dns", "port": 53, "targetPort": 8053, "protocol": "UDP"},
]

UNREADABLE: Mapping[str, Mapping[str, str]] = {
    "load-balancer": {
        "aws-load-balancer-name": "a-name-that-is-longer-than-aws-allows",
        "aws-load-balancer-scheme": "public",
        "aws-load-balancer-internal": "yes",
        "aws-load-balancer-attributes": "deletion_protection.enabled",
        "aws-load-balancer-access-log-enabled": "yes",
        "aws-load-balancer-cross-zone-load-balancing-enabled": "on",
        "aws-load-balancer-minimum-load-balancer-capacity": "Units=3000",
        "aws-load-balancer-additional-resource-tags": "team",
    },
    "addresses": {
        "aws-load-balancer-subnets": "no-such-subnet",
        "aws-load-balancer-ip-address-type": "ipv6",
        "aws-load-balancer-eip-allocations": "eipalloc-1, eipalloc-2, eipalloc-3",
        "aws-load-balancer-private-ipv4-addresses": "192.168.96.300",
        "aws-load-balancer-ipv6-addresses": "2001:db8::9",
        "aws-load-balancer-source-nat-ipv6-prefixes": "2001:db8::/80",
        "aws-load-balancer-enable-prefix-for-ipv6-source-nat": "true",
    },
    "access": {
        "load-balancer-source-ranges": "10.0.0.0/33",
        "aws-load-balancer-security-groups": "no-such-group",
        "aws-load-balancer-manage-backend-security-group-rules": "on",
        "aws-load-balancer-disable-nlb-sg": "on",
        "aws-load-balancer-inbound-sg-rules-on-private-link-traffic": "false",
    },
    "listeners": {
        "aws-load-balancer-ssl-ports": "8443",
        "aws-load-balancer-alpn-policy": "HTTP3Only",
        "aws-load-balancer-quic-enabled-ports": "80",
        "aws-load-balancer-listener-attributes": "tcp.idle_timeout.seconds",
        "actions": "{",
    },
    "target-groups": {
        "aws-load-balancer-proxy-protocol": "80",
        "aws-load-balancer-proxy-protocol-per-target-group": "http",
        "aws-load-balancer-target-group-attributes": "preserve_client_ip.enabled=maybe",
        "aws-load-balancer-target-node-labels": "edge",
        "aws-load-balancer-multi-cluster-target-group": "on",
    },
    "health-checks": {
        "aws-load-balancer-healthcheck-protocol": "UDP",
        "aws-load-balancer-healthcheck-port": "web",
        "aws-load-balancer-healthcheck-interval": "10s",
        "aws-load-balancer-healthcheck-timeout": "ten",
        "aws-load-balancer-healthcheck-healthy-threshold": "3.0",
        "aws-load-balancer-healthcheck-unhealthy-threshold": " 3 ",
    },
}
"""For each annotation a value that has no meaning for it, at least not for the Service of these tests."""

ANY_TEXT = {
    "aws-load-balancer-type": "other controllers' values make the Service theirs",
    "aws-load-balancer-nlb-target-type": "with a class, what is not ip means instance: so the peer has it",
    "aws-load-balancer-access-log-s3-bucket-name": "AWS knows its buckets",
    "aws-load-balancer-access-log-s3-bucket-prefix": "any prefix is one",
    "aws-load-balancer-ssl-cert": "AWS knows its certificates",
    "aws-load-balancer-ssl-negotiation-policy": "AWS knows its policies",
    "aws-load-balancer-backend-protocol": "what is not ssl means TCP: so the peer has it",
    "aws-load-balancer-enable-tcp-udp-listener": "what is no switch is passed over: so the peer has it",
    "aws-load-balancer-healthcheck-path": "AWS checks it",
    "aws-load-balancer-healthcheck-success-codes": "AWS checks them",
    "aws-load-balancer-security-group-prefix-lists": "AWS knows its lists",
    "aws-load-balancer-enable-icmp-for-path-mtu-discovery": "what is not on means off: so the peer has it",
}
"""Annotations of which no value is refused before AWS is asked, and why."""

NEEDS = {
    "aws-load-balancer-manage-backend-security-group-rules": {f"{PREFIX}-security-groups": OWN_GROUP},
    "aws-load-balancer-target-node-labels": {f"{PREFIX}-nlb-target-type": "instance"},
}
"""What must be written beside an annotation for it to be looked at."""

KEYS = {"aws-load-balancer-listener-attributes": ".TCP-80", "actions": ".TCP-80"}
"""What stands behind the annotations that are about one listener."""


def full_key(suffix: str) -> str:
    return f"service.beta.kubernetes.io/{suffix}{KEYS.get(suffix, '')}"


@pytest.fixture
def sound(values: Mapping[str, str]) -> list[Obj]:
    """Pods, and a Service with TCP, TLS and UDP ports, for which every annotation means something."""
    pods, ours = manifests("nginx-tls", values)
    del ours["metadata"]["annotations"][f"{PREFIX}-scheme"]  # it wins over the older -internal
    ours["spec"]["ports"] = PORTS
    return [pods, ours]


def check_that_it_harms_nothing(world: Simulation, ours: Obj, mistakes: Mapping[str, str]) -> None:
    """The edit is told, naming each annotation; AWS is left alone; and the edit that takes it back is enough."""
    name, written = ours["metadata"]["name"], ours["metadata"]["annotations"]
    wrong = {full_key(suffix): text for suffix, text in mistakes.items()}
    added = wrong | {key: text for suffix in mistakes for key, text in NEEDS.get(suffix, {}).items()}
    forget_what_was_done(world)
    annotate(world, name, added)
    told = {(one.reason, key) for one in world.events.warnings() for key in wrong if key in one.message}
    assert {("FailedBuildModel", key) for key in wrong} == told
    world.restart()
    world.audit()
    world.run()
    annotate(world, name, {key: written.get(key) for key in added})
    assert [] == world.wire.mutations()
    assert "SuccessfullyReconciled" == world.events.told[-1].reason


def test_every_annotation_has_a_value_that_is_refused_or_a_reason_why_not() -> None:
    refused = [suffix for values in UNREADABLE.values() for suffix in values]
    assert sorted(service_annotations.TABLE) == sorted([*refused, *ANY_TEXT])


@pytest.mark.parametrize("about", UNREADABLE)
def test_values_without_meaning_are_told_by_their_annotations_and_leave_aws_as_it_is_until_they_are_mended(
    about: str, world: Simulation, sound: list[Obj]
) -> None:
    before = deployed(world, *sound)
    for suffix, text in UNREADABLE[about].items():
        check_that_it_harms_nothing(world, sound[-1], {suffix: text})
    assert before == world.aws_state()


REFUSED_BY_AWS = {
    "aws-load-balancer-ssl-cert": "arn:aws:acm:us-west-2:123456789012:certificate/none-such",
    "aws-load-balancer-attributes": "no.such.attribute=1",
}


@pytest.mark.parametrize("suffix", REFUSED_BY_AWS)
def test_what_aws_refuses_is_told_and_the_edit_that_mends_it_is_enough(
    suffix: str, world: Simulation, sound: list[Obj]
) -> None:
    before = deployed(world, *sound)
    name, written = sound[-1]["metadata"]["name"], sound[-1]["metadata"]["annotations"]
    annotate(world, name, {full_key(suffix): REFUSED_BY_AWS[suffix]})
    assert {"FailedDeployModel"} == {told.reason for told in world.events.warnings()}
    annotate(world, name, {full_key(suffix): written.get(full_key(suffix))})
    assert before == world.aws_state()
    assert "SuccessfullyReconciled" == world.events.told[-1].reason
    world.audit()
    assert [] == done(world)


@pytest.mark.parametrize("about", ["health-checks", "target-groups"])
def test_all_mistakes_of_a_service_are_told_at_once(about: str, world: Simulation, sound: list[Obj]) -> None:
    deployed(world, *sound)
    # this one is found only once the Service can be read and AWS was asked
    mistakes = {s: text for s, text in UNREADABLE[about].items() if s != "aws-load-balancer-healthcheck-port"}
    check_that_it_harms_nothing(world, sound[-1], mistakes)


MISTAKES = [
    {"aws-load-balancer-scheme": "public"},
    {"aws-load-balancer-subnets": "no-such-subnet"},
    {"aws-load-balancer-attributes": "deletion_protection.enabled"},
    {"actions": "{"},
]


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: next(iter(mistake)))
def test_neither_deleting_a_service_nor_turning_it_away_needs_a_valid_spec(
    mistake: Mapping[str, str], world: Simulation, sound: list[Obj]
) -> None:
    nothing, (*_, ours) = world.aws_state(), sound
    name = ours["metadata"]["name"]
    ours["metadata"]["annotations"] |= {f"{PREFIX}-type": "external"}
    del ours["spec"]["loadBalancerClass"]
    before = deployed(world, *sound)
    annotate(world, name, {full_key(suffix): text for suffix, text in mistake.items()})
    annotate(world, name, {f"{PREFIX}-type": None})
    assert nothing == world.aws_state()
    annotate(world, name, {full_key(suffix): None for suffix in mistake} | {f"{PREFIX}-type": "external"})
    assert before == world.aws_state()
    annotate(world, name, {full_key(suffix): text for suffix, text in mistake.items()})
    world.restart()
    world.cluster.delete_all(sound)
    world.run()
    assert nothing == world.aws_state()
    assert {} == world.kubernetes_state()
