"""What Ingresses ask of an NLB in front of their ALB."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import TypeAdapter

from aws_lb_controller.intent.frontend_nlb import read_frontend
from aws_lb_controller.intent.group import deletion_protection
from aws_lb_controller.intent.ingress import notes_of
from aws_lb_controller.intent.ingress_member import MemberFrontend
from aws_lb_controller.intent.values import FrontendIntent, HealthCheckIntent
from builders_ingress import an_ingress, problems, settings_with, warnings, wish

PORTS = '[{"HTTP": 80}, {"HTTP": 8080}]'


def one(name: str = "web", *, on: str | None = "true", group: str | None = None, **alb: str) -> dict[str, Any]:
    """An Ingress that asks for the NLB; keys of annotations with underscores for hyphens, without ``frontend-nlb-``."""
    written = {f"frontend-nlb-{key.replace('_', '-')}": value for key, value in alb.items()}
    switch = {} if on is None else {"enable-frontend-nlb": on}
    member = {} if group is None else {"group.name": group}
    return an_ingress(name, alb={"listen-ports": PORTS, **switch, **member, **written})


def frontend(*members: dict[str, Any], **more: Any) -> FrontendIntent:
    found = wish(*members, **more).frontend
    assert found is not None
    return found


def mapped(intent: FrontendIntent) -> dict[int, int]:
    return {listener.port: listener.target_port for listener in intent.listeners}


# -- one Ingress


@pytest.mark.parametrize("on", [None, "false", "0"])
def test_nobody_gets_one_who_does_not_ask(on: str | None) -> None:
    assert wish(one(on=on)).frontend is None


def test_a_switch_that_is_neither_on_nor_off_is_an_error() -> None:
    assert [
        'Ingress shop/web: enable-frontend-nlb = \'maybe\': write "true" or "false"',
    ] == problems(one(on="maybe"))


def test_it_has_the_default_scheme_whatever_the_one_behind_has() -> None:
    ingress = an_ingress(alb={"enable-frontend-nlb": "true", "scheme": "internet-facing"})

    assert "internal" == frontend(ingress).load_balancer.scheme
    settings = settings_with("--default-load-balancer-scheme=internet-facing")
    assert "internet-facing" == frontend(ingress, settings=settings).load_balancer.scheme


def test_what_is_written_of_it_is_asked_of_it() -> None:
    lb = frontend(
        one(
            scheme="internet-facing",
            subnets="public-a, public-b",
            security_groups="sg-1",
            eip_allocations="eipalloc-1,eipalloc-2",
            tags="team=front",
            attributes="load_balancing.cross_zone.enabled=true",
        )
    ).load_balancer

    assert ("network", "internet-facing") == (lb.type, lb.scheme)
    assert ("public-a", "public-b") == lb.subnets.names_or_ids
    assert ("sg-1",) == lb.security_groups.groups
    assert ("eipalloc-1", "eipalloc-2") == lb.addresses.eip_allocations
    assert ({"team": "front"}, {"load_balancing.cross_zone.enabled": "true"}) == (lb.tags, lb.attributes)


def test_without_tags_of_its_own_it_has_those_of_the_one_behind() -> None:
    ingress = an_ingress(alb={"enable-frontend-nlb": "true", "tags": "team=shop"})

    assert {"team": "shop"} == frontend(ingress).load_balancer.tags


def test_every_port_leads_to_itself_unless_it_is_mapped() -> None:
    assert {80: 80, 8080: 8080} == mapped(frontend(one()))
    assert {9000: 80, 9001: 80} == mapped(frontend(one(listener_port_mapping="9000=80,9001=80")))


def test_a_mapping_to_a_port_that_nobody_listens_on_is_left_out_with_a_warning() -> None:
    ingress = one(listener_port_mapping="80=80,90=9090")

    assert {80: 80} == mapped(frontend(ingress))
    assert [
        "Ingress shop/web: frontend-nlb-listener-port-mapping = '90=9090': it has no effect: this Ingress does not "
        "listen on port 9090"
    ] == warnings(ingress)


def test_health_checks_are_as_written() -> None:
    listener, _ = frontend(
        one(
            healthcheck_protocol="HTTPS",
            healthcheck_port="8443",
            healthcheck_path="/up",
            healthcheck_interval_seconds="20",
            healthcheck_timeout_seconds="4",
            healthcheck_healthy_threshold_count="3",
            healthcheck_unhealthy_threshold_count="5",
            healthcheck_success_codes="200-299",
        )
    ).listeners

    assert listener.health_check == HealthCheckIntent(
        protocol="HTTPS",
        port="8443",
        path="/up",
        interval_seconds=20,
        timeout_seconds=4,
        healthy_threshold=3,
        unhealthy_threshold=5,
        success_codes="200-299",
    )


BAD = {
    "scheme": ("public", "write one of internal, internet-facing"),
    "subnets": (" , ", "write at least one, or leave the annotation out"),
    "listener_port_mapping": ("80=http", "write pairs of ports such as 80=8080, 443=443"),
    "healthcheck_port": ("http", "write a whole number without blanks"),
    "healthcheck_protocol": ("TCP", "write one of HTTP, HTTPS"),
    "attributes": (
        "dns_record.client_routing_policy=near",
        "write one of any_availability_zone, availability_zone_affinity, partial_availability_zone_affinity for "
        "dns_record.client_routing_policy",
    ),
}


@pytest.mark.parametrize(("key", "value", "remedy"), [(key, *case) for key, case in BAD.items()])
def test_a_bad_value_is_an_error_of_whoever_asks_for_the_nlb(key: str, value: str, remedy: str) -> None:
    name = f"frontend-nlb-{key.replace('_', '-')}"

    assert [f"Ingress shop/web: {name} = {value!r}: {remedy}"] == problems(one(**{key: value}))


@pytest.mark.parametrize(("key", "value", "remedy"), [(key, *case) for key, case in BAD.items()])
def test_a_bad_value_beside_no_nlb_is_but_a_warning(key: str, value: str, remedy: str) -> None:
    ingress = one(on=None, **{key: value})

    assert wish(ingress).frontend is None
    assert any(told.endswith(remedy) for told in warnings(ingress))


def test_one_before_an_alb_of_an_address_type_that_nlbs_lack_is_an_error() -> None:
    ingress = an_ingress(alb={"enable-frontend-nlb": "true", "ip-address-type": "dualstack-without-public-ipv4"})

    (told,) = problems(ingress)
    assert "has the address type ipv4 or dualstack" in told


def test_what_an_ingress_asks_survives_being_written_down() -> None:
    written = TypeAdapter(MemberFrontend)
    asked, _ = read_frontend(notes_of(one(listener_port_mapping="80=8080", tags="a=b", subnets="x,y")), (8080,))

    assert asked == written.validate_json(written.dump_json(asked))


# -- a group


def in_group(name: str, **alb: Any) -> dict[str, Any]:
    return one(name, group="shared", **alb)


def test_one_member_that_asks_is_enough_for_the_ports_of_all() -> None:
    assert {80: 80, 8080: 8080, 9000: 80} == mapped(
        frontend(in_group("a"), in_group("b", on=None, listener_port_mapping="9000=80"))
    )


@pytest.mark.parametrize(
    ("key", "first", "other"),
    [
        ("scheme", "internal", "internet-facing"),
        ("subnets", "a,b", "a,c"),
        ("security_groups", "sg-1,sg-2", "sg-2,sg-1"),
        ("eip_allocations", "e-1", "e-2"),
        ("tags", "a=1", "a=2"),
        ("attributes", "a=1", "a=2"),
        ("healthcheck_path", "/a", "/b"),
    ],
)
def test_members_that_contradict_each_other_are_told_whose_value_holds(key: str, first: str, other: str) -> None:
    told, *_ = problems(in_group("a", **{key: first}), in_group("b", **{key: other}))
    name = f"frontend-nlb-{key.replace('_', '-')}"

    assert told.startswith(f"Ingress shop/b: {name} = ")
    assert f"say the same as {name} of Ingress shop/a in the same group, which holds: " in told


def test_members_that_disagree_whether_there_is_one_are_told_so() -> None:
    (told,) = problems(in_group("a"), in_group("b", on="false"))

    assert told.startswith("Ingress shop/b: enable-frontend-nlb = 'False': say the same as enable-frontend-nlb of ")


def test_the_order_of_subnets_and_addresses_is_no_contradiction() -> None:
    lb = frontend(in_group("a", subnets="x,y"), in_group("b", subnets="y,x")).load_balancer

    assert ("x", "y") == lb.subnets.names_or_ids


def test_a_port_that_two_members_lead_to_different_places_leads_where_the_first_says() -> None:
    (told,) = problems(in_group("a", listener_port_mapping="443=80"), in_group("b", listener_port_mapping="443=8080"))

    assert (
        "Ingress shop/b: frontend-nlb-listener-port-mapping = '443=8080': lead it where Ingress shop/a does, whose "
        "port holds: 443=80"
    ) == told


def test_a_health_check_setting_that_one_member_writes_holds_for_the_ports_it_shares() -> None:
    checks = {
        listener.port: listener.health_check.path
        for listener in frontend(
            in_group("a", listener_port_mapping="80=80"),
            in_group("b", listener_port_mapping="80=80,81=80", healthcheck_path="/b"),
            in_group("c", listener_port_mapping="82=80"),
        ).listeners
    }

    assert {80: "/b", 81: "/b", 82: None} == checks


# -- deletion protection


@pytest.mark.parametrize(
    ("on", "behind", "in_front", "expected"),
    [
        ("true", "false", "true", True),
        ("true", "false", "false", False),
        ("false", "false", "true", False),
    ],
)
def test_deletion_protection_of_either_load_balancer_counts_while_there_are_two(
    on: str, behind: str, in_front: str, expected: bool
) -> None:
    key = "deletion_protection.enabled"
    written = {"load-balancer-attributes": f"{key}={behind}", "frontend-nlb-attributes": f"{key}={in_front}"}

    assert expected is deletion_protection(an_ingress(alb={"enable-frontend-nlb": on, **written}))
