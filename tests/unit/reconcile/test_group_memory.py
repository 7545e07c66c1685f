"""What members gave is remembered in a ConfigMap, and every kind of it comes back as it was."""

from __future__ import annotations

import base64
import zlib
from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aws_lb_controller.errors import KubernetesDenied, KubernetesError, Problem
from aws_lb_controller.intent.ingress_member import (
    Asked,
    MemberFirewall,
    MemberFrontend,
    MemberHealthCheck,
    MemberIntent,
    MemberListener,
    Settled,
)
from aws_lb_controller.intent.values import (
    ActionIntent,
    Blame,
    ForwardIntent,
    ForwardTo,
    HealthCheckIntent,
    RuleIntent,
    ServiceFacts,
    ServicePort,
    SubnetChoice,
    TargetGroupIntent,
)
from aws_lb_controller.model.listener import (
    Authenticate,
    ClientSecret,
    Condition,
    FixedResponse,
    MutualAuthentication,
    Redirect,
    Transform,
)
from aws_lb_controller.reconcile.group_memory import GroupMemory

BLAME = Blame(object="Ingress shop/a", field="x")


def a_member_intent(name: str = "shop/a", **values: Any) -> MemberIntent:
    given: dict[str, Any] = {"name": name, "order": 0, "listeners": (), "listen_blame": BLAME, "tags_blame": BLAME}
    return MemberIntent(**(given | values))


class KeptConfigMaps:
    """The API server's, counting what it is asked; `wrong` is what it says instead."""

    def __init__(self) -> None:
        self.held: dict[str, Mapping[str, str]] = {}
        self.asked: list[str] = []
        self.wrong: KubernetesError | None = None

    def read(self, name: str) -> Mapping[str, str] | None:
        self._ask("read")
        return self.held.get(name)

    def write(self, name: str, data: Mapping[str, str], *, labels: Mapping[str, str]) -> None:
        self._ask("write")
        self.held[name] = dict(data)

    def delete(self, name: str) -> None:
        self._ask("delete")
        self.held.pop(name, None)

    def _ask(self, what: str) -> None:
        self.asked.append(what)
        if self.wrong:
            raise self.wrong


@pytest.fixture
def config_maps() -> KeptConfigMaps:
    return KeptConfigMaps()


def remembered(member: MemberIntent) -> MemberIntent | None:
    """The member, as another life of ours knows it."""
    config_maps = KeptConfigMaps()
    GroupMemory(config_maps).remember("games", {member.name: member})
    return GroupMemory(config_maps).recall("games", member.name)


# ---- every kind of member

TEXTS = st.text(max_size=4) | st.sampled_from(["80", "true", "null", "8080"])
NUMBERS = st.integers(0, 65535)
MAPS = st.dictionaries(TEXTS, TEXTS, max_size=2)
JSON = st.recursive(
    TEXTS | st.booleans() | NUMBERS,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(TEXTS, inner, max_size=2),
    max_leaves=4,
)
BLAMES = st.builds(Blame, object=TEXTS, field=TEXTS, member=TEXTS)


def maybe(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | strategy


def few(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[tuple[Any, ...]]:
    return st.lists(strategy, max_size=2).map(tuple)


def asked(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return maybe(st.builds(Asked, strategy, BLAMES))


SETTLED = st.builds(Settled, own=asked(MAPS), by_class=MAPS)
CONDITIONS = st.builds(Condition, field=TEXTS, values=few(TEXTS), regex_values=few(TEXTS), header_name=maybe(TEXTS))
ACTIONS: st.SearchStrategy[ActionIntent] = st.one_of(
    st.builds(
        ForwardIntent,
        to=few(
            st.builds(ForwardTo, target_group=maybe(TEXTS), arn=maybe(TEXTS), name=maybe(TEXTS), weight=maybe(NUMBERS))
        ),
        stickiness_seconds=maybe(NUMBERS),
    ),
    st.builds(FixedResponse, status_code=TEXTS, content_type=maybe(TEXTS), message_body=maybe(TEXTS)),
    st.builds(
        Redirect,
        status_code=TEXTS,
        protocol=maybe(TEXTS),
        host=maybe(TEXTS),
        port=maybe(TEXTS),
        path=maybe(TEXTS),
        query=maybe(TEXTS),
    ),
    st.builds(
        Authenticate,
        type=st.sampled_from(["authenticate-oidc", "authenticate-cognito", "jwt-validation"]),
        config=st.dictionaries(TEXTS, JSON, max_size=3),
        client_secret=maybe(st.builds(ClientSecret, owner=TEXTS, secret=TEXTS, mark=TEXTS, news=st.just(False))),
    ),
)
RULES = st.builds(
    RuleIntent,
    owner=TEXTS,
    conditions=few(CONDITIONS),
    actions=few(ACTIONS),
    transforms=few(st.builds(Transform, type=TEXTS, rewrites=few(st.tuples(TEXTS, TEXTS)))),
    tags=MAPS,
)
MUTUAL = st.builds(
    MutualAuthentication,
    mode=TEXTS,
    trust_store_arn=maybe(TEXTS),
    ignore_client_certificate_expiry=maybe(st.booleans()),
    advertise_trust_store_ca_names=maybe(TEXTS),
)
LISTENERS = st.builds(
    MemberListener,
    port=NUMBERS,
    protocol=st.sampled_from(["HTTP", "HTTPS"]),
    cidrs=asked(few(TEXTS)),
    prefix_lists=asked(few(TEXTS)),
    certificates=few(TEXTS),
    certificate_hosts=st.frozensets(TEXTS, max_size=2),
    found_certificates=st.frozensets(TEXTS, max_size=2),
    ssl_policy=asked(TEXTS),
    mutual_authentication=asked(MUTUAL),
    attributes=SETTLED,
)
PORTS = st.builds(
    ServicePort, name=TEXTS, port=NUMBERS, target_port=NUMBERS | TEXTS, node_port=maybe(NUMBERS), protocol=TEXTS
)
SERVICES = st.builds(
    ServiceFacts,
    namespace=TEXTS,
    name=TEXTS,
    uid=TEXTS,
    type=TEXTS,
    ports=few(PORTS),
    ip_families=few(TEXTS),
    external_traffic_policy=TEXTS,
    health_check_node_port=maybe(NUMBERS),
    annotations=MAPS,
)
TARGET_GROUPS = st.builds(
    TargetGroupIntent,
    id=TEXTS,
    owner=TEXTS,
    service=SERVICES,
    service_port=PORTS,
    port_as_written=NUMBERS | TEXTS,
    target_type=st.sampled_from(["ip", "instance"]),
    protocol=TEXTS,
    protocol_version=maybe(TEXTS),
    health_check=st.builds(HealthCheckIntent, port=maybe(TEXTS), interval_seconds=maybe(NUMBERS)),
    attributes=MAPS,
    tags=MAPS,
    node_selector=maybe(st.dictionaries(TEXTS, JSON, max_size=2)),
    multi_cluster=st.booleans(),
    target_control_port=maybe(NUMBERS),
    blame=st.dictionaries(TEXTS, BLAMES, max_size=1),
)
SUBNETS = st.builds(
    SubnetChoice, names_or_ids=maybe(few(TEXTS)), tags=maybe(st.dictionaries(TEXTS, few(TEXTS), max_size=1))
)
SCHEMES = st.sampled_from(["internal", "internet-facing"])
FRONTENDS = st.builds(
    MemberFrontend,
    enabled=asked(st.booleans()),
    scheme=asked(SCHEMES),
    subnets=asked(few(TEXTS)),
    security_groups=asked(few(TEXTS)),
    eip_allocations=asked(few(TEXTS)),
    tags=asked(MAPS),
    attributes=asked(MAPS),
    ports=asked(st.dictionaries(NUMBERS, NUMBERS, max_size=2)),
    health_check=st.builds(MemberHealthCheck, port=asked(TEXTS), interval_seconds=asked(NUMBERS)),
)
# its many parts are drawn in two draws, so that none of them grows too large
OF_THE_BALANCER: dict[str, st.SearchStrategy[Any]] = {
    "scheme": asked(SCHEMES),
    "load_balancer_name": asked(TEXTS),
    "ip_address_type": asked(TEXTS),
    "subnets": asked(SUBNETS),
    "security_groups": asked(few(TEXTS)),
    "manage_backend_rules": asked(st.booleans()),
    "attributes": SETTLED,
    "tags": MAPS,
    "capacity_units": asked(NUMBERS),
    "class_capacity_units": maybe(NUMBERS),
    "customer_owned_pool": asked(TEXTS),
    "ipam_pool": asked(TEXTS),
    "class_ipam_pool": maybe(TEXTS),
    "ssl_redirect": asked(maybe(NUMBERS)),
    "frontend": FRONTENDS,
    "firewall": st.builds(
        MemberFirewall,
        web_acl=asked(TEXTS),
        web_acl_name=asked(TEXTS),
        classic_web_acl=asked(TEXTS),
        shield=asked(st.booleans()),
    ),
}
OF_ITS_OWN: dict[str, st.SearchStrategy[Any]] = {
    "listeners": few(LISTENERS),
    "rules": few(RULES),
    "default_actions": maybe(few(ACTIONS)),
    "target_groups": few(TARGET_GROUPS),
    "order": st.integers(-1000, 1000),
    "warnings": few(st.builds(Problem, TEXTS, TEXTS, TEXTS, TEXTS, TEXTS)),
}


@given(st.fixed_dictionaries(OF_ITS_OWN))
def test_rules_listeners_and_target_groups_come_back_as_they_were(values: dict[str, Any]) -> None:
    member = a_member_intent(**values)
    assert member == remembered(member)


@given(st.fixed_dictionaries(OF_THE_BALANCER))
def test_what_is_asked_of_the_load_balancer_comes_back_as_it_was(values: dict[str, Any]) -> None:
    member = a_member_intent(**values)
    assert member == remembered(member)


def test_the_strategies_draw_every_field_of_a_member() -> None:
    drawn = {"name", "listen_blame", "tags_blame", *OF_THE_BALANCER, *OF_ITS_OWN}
    assert {field.name for field in fields(MemberIntent)} == drawn


def test_no_client_secret_is_kept() -> None:
    secret = ClientSecret(owner="shop/a", secret="shop/client", mark="0123")
    action = Authenticate(type="authenticate-oidc", config={"ClientId": "id"}, client_secret=secret)
    member = a_member_intent(default_actions=(action,))
    assert member == remembered(member)


# ---- when it asks, and when not


def test_what_is_remembered_is_written_once_and_read_only_by_the_next_life(config_maps: KeptConfigMaps) -> None:
    memory, member = GroupMemory(config_maps), a_member_intent()
    for _ in range(3):
        memory.remember("games", {"shop/a": member})
        assert member == memory.recall("games", "shop/a")
    assert ["read", "write"] == config_maps.asked
    GroupMemory(config_maps).remember("games", {"shop/a": member})
    assert ["read", "write", "read"] == config_maps.asked


def test_each_group_and_each_member_has_its_own(config_maps: KeptConfigMaps) -> None:
    memory = GroupMemory(config_maps)
    memory.remember("games", {"shop/a": a_member_intent(order=1), "b/shop.a": a_member_intent("b/shop.a", order=2)})
    memory.remember("tools", {"shop/a": a_member_intent(order=3)})
    anew = GroupMemory(config_maps)
    recalled = [anew.recall(*which) for which in (("games", "shop/a"), ("games", "b/shop.a"), ("tools", "shop/a"))]
    assert [1, 2, 3] == [gave.order for gave in recalled if gave]
    assert None is anew.recall("games", "shop/other")


def test_who_left_is_forgotten(config_maps: KeptConfigMaps) -> None:
    memory = GroupMemory(config_maps)
    memory.remember("games", {"shop/a": a_member_intent(), "shop/b": a_member_intent("shop/b")})
    memory.remember("games", {"shop/a": a_member_intent()})
    assert (None, None) == (memory.recall("games", "shop/b"), GroupMemory(config_maps).recall("games", "shop/b"))
    memory.forget("games")
    assert ({}, None) == (config_maps.held, memory.recall("games", "shop/a"))


def test_what_the_api_server_does_not_keep_is_known_in_this_life_and_written_later(config_maps: KeptConfigMaps) -> None:
    memory, member = GroupMemory(config_maps), a_member_intent()
    config_maps.wrong = KubernetesDenied("PUT", 403, "forbidden")
    for order in (1, 2, 2):
        with pytest.raises(KubernetesError):
            memory.remember("games", {"shop/a": replace(member, order=order)})
        assert replace(member, order=order) == memory.recall("games", "shop/a")
    config_maps.wrong = None
    memory.remember("games", {"shop/a": replace(member, order=2)})
    assert replace(member, order=2) == GroupMemory(config_maps).recall("games", "shop/a")


def test_what_could_not_be_read_is_asked_for_again(config_maps: KeptConfigMaps) -> None:
    member = a_member_intent()
    GroupMemory(config_maps).remember("games", {"shop/a": member})
    memory = GroupMemory(config_maps)
    config_maps.wrong = KubernetesError("GET", 0, "timed out")
    with pytest.raises(KubernetesError):
        memory.recall("games", "shop/a")
    config_maps.wrong = None
    assert member == memory.recall("games", "shop/a")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "!",
        base64.b64encode(b"x").decode(),
        base64.b64encode(zlib.compress(b"{}")).decode(),
        base64.b64encode(zlib.compress(b'{"name": "shop/a", "order": "first"}')).decode(),
    ],
)
def test_what_cannot_be_made_out_is_nothing(text: str, config_maps: KeptConfigMaps) -> None:
    member = a_member_intent("shop/b")
    GroupMemory(config_maps).remember("games", {"shop/b": member})
    [name] = config_maps.held
    config_maps.held[name] = {**config_maps.held[name], "shop.a": text}
    memory = GroupMemory(config_maps)
    assert (None, member) == (memory.recall("games", "shop/a"), memory.recall("games", "shop/b"))
