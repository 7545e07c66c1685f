"""Members of a group become one load balancer."""

from __future__ import annotations

import json
from typing import Any

import pytest

from aws_lb_controller.intent.values import FrontendAccess, ListenerIntent, LoadBalancerIntent, SubnetChoice
from aws_lb_controller.model.listener import FixedResponse, MutualAuthentication, Redirect
from builders_ingress import (
    FIXED,
    SETTINGS,
    a_backend,
    a_member,
    a_rule,
    an_action_path,
    an_ingress,
    only_listener,
    paths_of,
    problems,
    settings_with,
    warnings,
    wish,
)
from builders_kube import a_service

CERT = "arn:aws:acm:eu-west-1:111122223333:certificate/"


def one(name: str, **alb: str) -> dict[str, Any]:
    """A member of group ``shared``; keys with underscores for dashes and two for a dot."""
    written = {k.replace("__", ".").replace("_", "-"): v for k, v in alb.items()}
    return an_ingress(
        name,
        alb={"group.name": "shared", "actions.hi": FIXED, **written},
        rules=[a_rule(an_action_path(f"/{name}"))],
    )


def load_balancer(*members: Any, **more: Any) -> LoadBalancerIntent:
    return wish(*members, **more).load_balancer


def listeners(*members: Any) -> dict[int, ListenerIntent]:
    return {listener.port: listener for listener in wish(*members).listeners}


# -- what must be said alike


@pytest.mark.parametrize(
    ("key", "first", "other"),
    [
        ("scheme", "internal", "internet-facing"),
        ("ip_address_type", "ipv4", "dualstack"),
        ("load_balancer_name", "a", "b"),
        ("subnets", "subnet-1,subnet-2", "subnet-1,subnet-3"),
        ("security_groups", "sg-1,sg-2", "sg-2,sg-1"),
        ("inbound_cidrs", "10.0.0.0/8", "10.0.0.0/8,10.1.0.0/16"),
        ("security_group_prefix_lists", "pl-1", "pl-2"),
        ("minimum_load_balancer_capacity", "CapacityUnits=100", "CapacityUnits=200"),
        ("customer_owned_ipv4_pool", "pool-1", "pool-2"),
        ("ipam_ipv4_pool_id", "pool-1", "pool-2"),
    ],
)
def test_members_that_contradict_each_other_are_told_whom(key: str, first: str, other: str) -> None:
    (problem, *_) = problems(one("a", **{key: first}), one("b", **{key: other}))
    field = key.replace("_", "-")
    assert problem.startswith(f"Ingress shop/b: {field} = ")
    assert f"say the same as {field} of Ingress shop/a in the same group" in problem


def test_whoever_speaks_sets_it_for_all() -> None:
    asked = load_balancer(one("a"), one("b", scheme="internet-facing", load_balancer_name="shop"))
    assert ("internet-facing", "shop", "ipv4") == (asked.scheme, asked.name, asked.ip_address_type)


def test_where_nobody_speaks_the_flags_do() -> None:
    flags = settings_with("--default-load-balancer-scheme=internet-facing", "--default-target-type=ip")
    assert "internet-facing" == load_balancer(an_ingress(), settings=flags).scheme
    assert "internal" == load_balancer(an_ingress(), settings=SETTINGS).scheme


def test_the_class_speaks_for_its_members() -> None:
    member = a_member(
        an_ingress(alb={"scheme": "nonsense", "load-balancer-name": "mine"}),
        scheme="internal",
        loadBalancerName="platform",
        subnets={"tags": {"tier": ["web"]}},
        ipAddressType="dualstack",
    )
    asked = load_balancer(member)
    assert ("internal", "platform", "dualstack") == (asked.scheme, asked.name, asked.ip_address_type)
    assert SubnetChoice(tags={"tier": ("web",)}) == asked.subnets


def test_the_order_of_subnets_does_not_matter() -> None:
    asked = load_balancer(one("a", subnets="subnet-1,subnet-2"), one("b", subnets="subnet-2,subnet-1"))
    assert SubnetChoice(names_or_ids=("subnet-1", "subnet-2")) == asked.subnets


def test_subnets_that_name_none_are_an_error() -> None:
    assert ["Ingress shop/web: subnets: write at least one, or leave the annotation out"] == problems(
        an_ingress(alb={"subnets": ""})
    )


def test_security_groups_of_the_users_own_leave_the_backend_rules_alone_unless_told() -> None:
    asked = load_balancer(an_ingress(alb={"security-groups": "sg-1"})).security_groups
    assert (("sg-1",), False) == (asked.groups, asked.manage_backend_rules)
    told = {"security-groups": "sg-1", "manage-backend-security-group-rules": "true"}
    assert load_balancer(an_ingress(alb=told)).security_groups.manage_backend_rules


def test_a_name_is_too_long_at_any_time_and_what_else_aws_may_mind_shows_when_one_is_made() -> None:
    too_long = an_ingress(alb={"load-balancer-name": "x" * 33})
    remedy = "write at most 32 letters, digits and hyphens"
    assert [f"Ingress shop/web: load-balancer-name = '{'x' * 33}': {remedy}"] == problems(too_long)
    by_class = problems(a_member(loadBalancerName="x" * 33))
    assert [f"IngressClassParams platform: spec.loadBalancerName = '{'x' * 33}': {remedy}"] == by_class
    assert "shop_edge" == load_balancer(an_ingress(alb={"load-balancer-name": "shop_edge"})).name


def test_a_switch_for_own_security_groups_that_cannot_be_read_is_an_error_only_beside_such_groups() -> None:
    unreadable = {"manage-backend-security-group-rules": "maybe"}
    assert load_balancer(an_ingress(alb=unreadable)).security_groups.groups is None
    assert any("of your own" in told for told in warnings(an_ingress(alb=unreadable)))
    (problem,) = problems(an_ingress(alb={"security-groups": "sg-1", **unreadable}))
    assert problem.endswith('write "true" or "false"')


def test_a_capacity_that_cannot_be_read_is_no_error_where_the_class_has_one() -> None:
    unreadable = an_ingress(alb={"minimum-load-balancer-capacity": "Units=5"})
    reserved = a_member(unreadable, minimumLoadBalancerCapacity={"capacityUnits": 500})
    assert 500 == load_balancer(reserved).minimum_capacity_units
    assert ["IngressClassParams platform wins" in told for told in warnings(reserved)] == [True]
    assert ["Units=5" in problem for problem in problems(unreadable)] == [True]


def test_backend_rules_cannot_be_managed_without_a_shared_group() -> None:
    told = {"security-groups": "sg-1", "manage-backend-security-group-rules": "true"}
    flags = settings_with("--enable-backend-security-group=false", "--default-target-type=ip")
    (problem,) = problems(an_ingress(alb=told), settings=flags)
    assert problem.endswith("it needs the flag --enable-backend-security-group=true")


# -- what is joined


def test_tags_are_joined_and_a_contradiction_names_both() -> None:
    asked = wish(one("a", tags="x=1,y=2"), one("b", tags="x=1,z=3"))
    assert {"x": "1", "y": "2", "z": "3"} == asked.load_balancer.tags
    assert [{"x": "1", "y": "2"}, {"x": "1", "z": "3"}] == [rule.tags for rule in only_listener(asked).rules]
    assert ["Ingress shop/b: tags = 'x=2': say the same as Ingress shop/a, which holds: x=1"] == problems(
        one("a", tags="x=1"), one("b", tags="x=2")
    )


def test_attributes_are_joined_and_the_class_settles_contradictions() -> None:
    a, b = one("a", load_balancer_attributes="x=1,y=2"), one("b", load_balancer_attributes="x=2")
    assert "load-balancer-attributes = 'x=2': say the same as Ingress shop/a, which holds: x=1" in problems(a, b)[0]
    settled = {"loadBalancerAttributes": [{"key": "x", "value": "3"}]}
    assert {"x": "3", "y": "2"} == load_balancer(a_member(a, **settled), a_member(b, **settled)).attributes


# -- listeners


def test_an_ingress_listens_on_http_80_without_certificates_and_on_https_443_with() -> None:
    assert [(80, "HTTP")] == [(x.port, x.protocol) for x in wish(an_ingress()).listeners]
    secured = wish(an_ingress(alb={"certificate-arn": f"{CERT}1"})).listeners
    assert [(443, "HTTPS", (f"{CERT}1",))] == [(x.port, x.protocol, x.certificates) for x in secured]


def test_each_member_has_its_rules_on_its_own_listeners() -> None:
    found = listeners(one("a"), one("b", listen_ports='[{"HTTP": 80}, {"HTTP": 8080}]'))
    assert [("/a", "/a/*"), ("/b", "/b/*")] == paths_of(found[80].rules)
    assert [("/b", "/b/*")] == paths_of(found[8080].rules)


def test_one_port_cannot_have_two_protocols() -> None:
    (problem, *_) = problems(one("a"), one("b", listen_ports='[{"HTTPS": 80}]'))
    assert problem == (
        "Ingress shop/b: listen-ports = 'HTTPS 80': listen as Ingress shop/a does there, whose protocol holds: HTTP"
    )


@pytest.mark.parametrize(
    "text", ["[]", '[{"TCP": 80}]', '[{"HTTP": 0}]', '[{"HTTP": "80"}]', "80", '[{"HTTP": 65536}]']
)
def test_listen_ports_that_are_none_are_an_error(text: str) -> None:
    assert problems(an_ingress(alb={"listen-ports": text}))[0].startswith("Ingress shop/web: listen-ports = ")


def test_the_first_certificate_of_all_is_the_default_one() -> None:
    found = listeners(one("a", certificate_arn=f"{CERT}2,{CERT}1"), one("b", certificate_arn=f"{CERT}1,{CERT}3"))
    assert (f"{CERT}2", f"{CERT}1", f"{CERT}3") == found[443].certificates


def test_hosts_tell_where_to_find_certificates_that_are_not_named() -> None:
    ingress = an_ingress(
        alb={"listen-ports": '[{"HTTPS": 443}]'},
        rules=[a_rule(host="a.example.com"), a_rule()],
        tls=[{"hosts": ["b.example.com"]}],
    )
    assert frozenset({"a.example.com", "b.example.com"}) == only_listener(wish(ingress)).certificate_hosts


def test_who_may_reach_a_port_is_said_by_those_who_listen_there() -> None:
    found = listeners(one("a", inbound_cidrs="10.0.0.0/8,2001:db8::/32"), one("b", listen_ports='[{"HTTP": 8080}]'))
    assert FrontendAccess(cidrs=("10.0.0.0/8", "2001:db8::/32")) == found[80].access
    assert FrontendAccess() == found[8080].access


def test_the_order_of_networks_does_not_matter() -> None:
    found = listeners(
        one("a", inbound_cidrs="10.1.0.0/16,10.0.0.0/16"), one("b", inbound_cidrs="10.0.0.0/16,10.1.0.0/16")
    )
    assert FrontendAccess(cidrs=("10.0.0.0/16", "10.1.0.0/16")) == found[80].access


@pytest.mark.parametrize("text", ["10.0.0.0", "10.0.0.0/33", "10.0.0.0/255.0.0.0", "everyone", "fe80::1%eth0/64"])
def test_networks_that_are_none_are_an_error(text: str) -> None:
    assert "write networks such as" in problems(an_ingress(alb={"inbound-cidrs": text}))[0]


def test_networks_of_the_class_that_are_none_are_told_to_the_class() -> None:
    (problem,) = problems(a_member(inboundCIDRs=["10.0.0.0"]))
    assert problem.startswith("IngressClassParams platform: spec.inboundCIDRs = '10.0.0.0'")


def test_listener_attributes_go_by_protocol_and_port() -> None:
    alb = {"listener-attributes.HTTP-80": "a=1", "listener-attributes.HTTPS-80": "a=2"}
    listed = [{"protocol": "HTTP", "port": 80, "listenerAttributes": [{"key": "b", "value": "3"}]}]
    assert {"a": "1", "b": "3"} == only_listener(wish(a_member(an_ingress(alb=alb), listeners=listed))).attributes


def test_a_second_default_backend_on_a_listener_is_an_error() -> None:
    members = [an_ingress(n, alb={"group.name": "g"}, defaultBackend=a_backend(), rules=[]) for n in ("a", "b")]
    assert ["Ingress shop/b: spec.defaultBackend: leave it out: that of Ingress shop/a holds for port 80"] == (
        problems(*members)
    )


def test_an_ipv6_service_needs_a_dualstack_load_balancer() -> None:
    service = a_service(ipFamilies=["IPv6"])
    (problem,) = problems(an_ingress(), services=[service])
    assert problem.startswith("Service shop/web: spec.ipFamilies = 'IPv6': an IPv6 Service needs ip-address-type")
    assert wish(an_ingress(alb={"ip-address-type": "dualstack"}), services=[service]).target_groups


def test_mutual_authentication_holds_for_its_https_port() -> None:
    entries = [{"port": 443, "mode": "verify", "trustStore": "arn:aws:ts"}, {"port": 80, "mode": "off"}]
    alb = {"listen-ports": '[{"HTTP": 80}, {"HTTPS": 443}]', "mutual-authentication": json.dumps(entries)}
    found = listeners(an_ingress(alb=alb))
    verify = MutualAuthentication(mode="verify", trust_store_arn="arn:aws:ts", ignore_client_certificate_expiry=False)
    assert (None, verify) == (found[80].mutual_authentication, found[443].mutual_authentication)


def test_an_empty_trust_store_may_stand_beside_any_mode() -> None:
    entry = {"port": 443, "mode": "passthrough", "trustStore": ""}
    alb = {"listen-ports": '[{"HTTPS": 443}]', "mutual-authentication": json.dumps([entry])}
    found = listeners(an_ingress(alb=alb))
    assert MutualAuthentication(mode="passthrough") == found[443].mutual_authentication


@pytest.mark.parametrize(
    "entry",
    [
        {"port": 443},
        {"port": 443, "mode": "off", "advertiseTrustStoreCaNames": ""},
        {"port": 443, "mode": "strict"},
        {"port": 443, "mode": "verify"},
        {"port": 443, "mode": "off", "trustStore": "arn:x"},
        {"port": 0, "mode": "off"},
        {"port": 443, "mode": "verify", "trustStore": "arn:x", "advertiseTrustStoreCaNames": "yes"},
    ],
)
def test_mutual_authentication_that_makes_no_sense_is_an_error(entry: dict[str, Any]) -> None:
    assert "mutual-authentication" in problems(an_ingress(alb={"mutual-authentication": json.dumps([entry])}))[0]


# -- ssl-redirect


BOTH = {"listen_ports": '[{"HTTP": 80}, {"HTTPS": 443}]', "certificate_arn": f"{CERT}1"}


def test_ssl_redirect_leaves_http_listeners_of_all_members_nothing_but_a_redirect() -> None:
    found = listeners(one("a", **BOTH, ssl_redirect="443"), one("b"))
    assert ((Redirect(status_code="HTTP_301", protocol="HTTPS", port="443"),), ()) == (
        found[80].default_actions,
        found[80].rules,
    )
    assert [("/a", "/a/*")] == paths_of(found[443].rules)
    assert (FixedResponse(status_code="404", content_type="text/plain"),) == found[443].default_actions


def test_target_groups_of_members_that_are_only_redirected_are_not_made() -> None:
    redirected = an_ingress("b", alb={"group.name": "shared"})
    assert () == wish(one("a", **BOTH, ssl_redirect="443"), redirected).target_groups


@pytest.mark.parametrize("port", ["80", "8443"])
def test_ssl_redirect_to_what_is_no_https_listener_is_an_error(port: str) -> None:
    (problem,) = problems(one("a", **BOTH, ssl_redirect=port))
    assert (
        problem
        == f"Ingress shop/a: ssl-redirect = '{port}': name the port of an HTTPS listener of the same load balancer"
    )


def test_a_wrong_redirect_port_of_the_class_is_passed_over_with_a_warning() -> None:
    member = a_member(one("a", **BOTH), sslRedirectPort="https")
    assert [("/a", "/a/*")] == paths_of(listeners(member)[80].rules)
    assert warnings(member)[0].startswith("IngressClassParams platform: spec.sslRedirectPort = 'https'")


# -- what is not served


@pytest.mark.parametrize("annotation", ["create-acm-cert", "acm-pca-arn", "dry-run-plan"])
def test_annotations_that_are_not_carried_out_are_warned_about(annotation: str) -> None:
    (warning,) = warnings(an_ingress(alb={annotation: "true"}))
    assert warning.startswith(f"Ingress shop/web: {annotation} = 'true': ")
    assert warning.endswith("has no effect in this version")
