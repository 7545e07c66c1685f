"""What Ingresses become under flags, feature gates and their class's parameters: from their manifests to the stack."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from aws_lb_controller.build.config import BuildConfig
from aws_lb_controller.build.facts import Certificate, Subnet
from aws_lb_controller.build.stack import build
from aws_lb_controller.errors import UnmetNeed
from aws_lb_controller.intent.ingress_member import MemberInput
from aws_lb_controller.model.binding import Binding
from aws_lb_controller.model.listener import Forward, Listener, MutualAuthentication
from aws_lb_controller.model.load_balancer import LoadBalancer
from aws_lb_controller.model.refs import BACKEND_SECURITY_GROUP, Ref, Value
from aws_lb_controller.model.stack import Stack
from aws_lb_controller.settings import Settings
from builders_ingress import a_member, a_path, a_rule, an_ingress, wish
from builders_intent import all_subnets, facts
from builders_kube import a_service

MANAGED = Ref("SecurityGroup", "ManagedLBSecurityGroup")
ISSUED = (
    Certificate(arn="arn:early", domains=("shop.example.com",)),
    Certificate(arn="arn:late", domains=("pay.example.com",)),
)
Port = int | str | None


def settings_of(*flags: str) -> Settings:
    return Settings.from_args(["--cluster-name=demo", *flags])


def stack(
    *members: dict[str, Any] | MemberInput,
    flags: tuple[str, ...] = (),
    services: list[dict[str, Any]] | None = None,
    **known: Any,
) -> Stack:
    """The stack of a group in a cluster that runs with these flags; of an Ingress alone if none is given."""
    settings = settings_of(*flags)
    config = BuildConfig.of(settings, "vpc-1")
    intent = wish(*(members or (an_ingress(),)), settings=settings, services=services)
    return build(intent, facts(intent, config, **known), config)


def annotated(**alb: str) -> dict[str, Any]:
    """An Ingress with annotations, underscores for dashes."""
    return an_ingress(alb={key.replace("_", "-"): text for key, text in alb.items()})


def of_class(ingress: dict[str, Any] | None = None, **spec: Any) -> MemberInput:
    return a_member(ingress, **spec)


def the_load_balancer(built: Stack) -> LoadBalancer:
    (load_balancer,) = built.load_balancers
    return load_balancer


def the_listener(built: Stack) -> Listener:
    (listener,) = built.listeners
    return listener


def the_binding(built: Stack) -> Binding:
    (binding,) = built.bindings
    return binding


def let_in(built: Stack) -> list[tuple[Value | None, Port]] | None:
    """The binding's rules: from which group, on which TCP port."""
    rules = the_binding(built).networking
    return None if rules is None else [(rule.peers[0].security_group, rule.ports[0].port) for rule in rules]


def opened(built: Stack) -> set[tuple[int | None, Value]]:
    """What the managed security group lets in: port, source."""
    (group,) = built.security_groups
    return {(rule.from_port, rule.source.value) for rule in group.ingress}


# -- security groups and networking


def test_the_targets_let_the_shared_group_in_on_the_node_port() -> None:
    built = stack()
    assert (MANAGED, BACKEND_SECURITY_GROUP) == the_load_balancer(built).security_groups
    assert [(BACKEND_SECURITY_GROUP, 30080)] == let_in(built)


def test_without_the_shared_group_the_targets_let_the_managed_one_in() -> None:
    built = stack(flags=("--enable-backend-security-group=false",))
    assert (MANAGED,) == the_load_balancer(built).security_groups
    assert [(MANAGED, 30080)] == let_in(built)


def test_health_check_and_control_port_are_let_in_beside_the_traffic() -> None:
    web = annotated(target_type="ip", healthcheck_port="9090", **{"target-control-port.web.80": "3000"})
    ports = [port for _, port in let_in(stack(web)) or []]
    assert [8080, 9090, 3000] == ports


def test_all_ports_are_let_in_where_rules_are_not_restricted() -> None:
    web = annotated(healthcheck_port="9090")
    built = stack(web, flags=("--disable-restricted-sg-rules=true",))
    assert [(BACKEND_SECURITY_GROUP, None)] == let_in(built)


@pytest.mark.parametrize(
    ("flags", "annotations", "rules"),
    [
        ((), {}, None),
        ((), {"manage_backend_security_group_rules": "true"}, [(BACKEND_SECURITY_GROUP, 30080)]),
        (("--enable-manage-backend-security-group-rules=true",), {}, [(BACKEND_SECURITY_GROUP, 30080)]),
        (
            ("--enable-manage-backend-security-group-rules=true",),
            {"manage_backend_security_group_rules": "false"},
            None,
        ),
    ],
)
def test_with_groups_of_ones_own_the_targets_are_opened_only_on_demand(
    flags: tuple[str, ...], annotations: dict[str, str], rules: list[tuple[Value, Port]] | None
) -> None:
    built = stack(annotated(security_groups="edge", **annotations), flags=flags, security_groups={"edge": ("sg-1",)})
    wanted = ("sg-1",) if rules is None else ("sg-1", BACKEND_SECURITY_GROUP)
    assert (wanted, rules) == (the_load_balancer(built).security_groups, let_in(built))


def test_each_port_is_opened_for_those_whom_its_own_members_let_in() -> None:
    alike = {"group.name": "shop"}
    web = an_ingress(name="a", alb={**alike, "inbound-cidrs": "10.0.0.0/8", "listen-ports": '[{"HTTP": 80}]'})
    api = an_ingress(name="b", alb={**alike, "security-group-prefix-lists": "pl-1", "listen-ports": '[{"HTTP": 81}]'})
    assert {(80, "10.0.0.0/8"), (81, "pl-1")} == opened(stack(web, api))


@pytest.mark.parametrize("kind", ["dualstack", "dualstack-without-public-ipv4"])
def test_every_dual_stack_type_lets_ipv6_in(kind: str) -> None:
    subnets = tuple(replace(s, ipv6_cidrs=("2001:db8::/64",)) for s in all_subnets())
    assert {(80, "0.0.0.0/0"), (80, "::/0")} == opened(stack(annotated(ip_address_type=kind), subnets=subnets))


# -- subnets of the class


def chosen(built: Stack) -> list[str]:
    return [mapping.subnet_id for mapping in the_load_balancer(built).subnets]


def tagged(**names: str) -> tuple[Subnet, ...]:
    """The VPC's subnets, those that are named here with a tag ``tier``; underscores for dashes."""
    tiers = {name.replace("_", "-"): {"tier": tier} for name, tier in names.items()}
    return tuple(replace(s, tags={**s.tags, **tiers.get(s.tags["Name"], {})}) for s in all_subnets())


def test_tags_of_the_class_choose_subnets_by_any_of_their_values() -> None:
    subnets = tagged(private_a="edge", private_b="core", private_c="lab")
    built = stack(of_class(subnets={"tags": {"tier": ["edge", "core"]}}), subnets=subnets)
    assert ["subnet-private-a", "subnet-private-b"] == chosen(built)


@pytest.mark.parametrize(
    ("values", "ids"),
    [
        (["edge-?"], ["subnet-private-a", "subnet-private-b"]),
        (["edge*", "nothing"], ["subnet-private-a", "subnet-private-b", "subnet-private-c"]),
        (["c?re", r"edge\*"], ["subnet-private-c", "subnet-public-b"]),
    ],
)
def test_wildcards_in_the_classs_tags_are_those_of_ec2s_filters(values: list[str], ids: list[str]) -> None:
    subnets = tagged(private_a="edge-1", private_b="edge-2", public_b="core", private_c="edge*")
    assert ids == chosen(stack(of_class(subnets={"tags": {"tier": values}}), subnets=subnets))


def test_a_class_that_names_no_kind_of_subnet_takes_any() -> None:
    built = stack(of_class(subnets={}), subnets=tuple(replace(s, tags={}) for s in all_subnets()))
    assert ["subnet-private-a", "subnet-private-b", "subnet-private-c"] == chosen(built)


# -- mutual authentication

VERIFY = '[{"port": 443, "mode": "verify", "trustStore": "clients"}]'
HTTPS = {"listen-ports": '[{"HTTPS": 443}]', "certificate-arn": "arn:cert"}


def mutual(text: str, *flags: str, **known: Any) -> MutualAuthentication | None:
    ingress = an_ingress(alb={**HTTPS, **({"mutual-authentication": text} if text else {})})
    return the_listener(stack(ingress, flags=flags, **known)).mutual_authentication


def test_a_trust_stores_name_becomes_its_arn() -> None:
    wanted = MutualAuthentication(mode="verify", trust_store_arn="arn:store", ignore_client_certificate_expiry=False)
    assert wanted == mutual(VERIFY, trust_stores={"clients": "arn:store"})


def test_a_trust_store_that_aws_does_not_have_is_told_to_whoever_names_it() -> None:
    with pytest.raises(UnmetNeed) as caught:
        mutual(VERIFY)
    assert "Ingress shop/web: alb.ingress.kubernetes.io/mutual-authentication: AWS has no trust store" in str(
        caught.value
    )


@pytest.mark.parametrize(("flags", "wanted"), [((), None), (("EnhancedDefaultBehavior=true",), "off")])
def test_mutual_authentication_that_nobody_asks_for_goes_only_with_its_gate(
    flags: tuple[str, ...], wanted: str | None
) -> None:
    found = mutual("", *(f"--feature-gates={flag}" for flag in flags))
    assert wanted == (found.mode if found else None)


# -- certificates by host


def with_host(name: str, host: str, **alb: str) -> dict[str, Any]:
    notes = {key.replace("_", "-"): text for key, text in alb.items()}
    secured = {"group.name": "shop", "listen-ports": '[{"HTTPS": 443}]', **notes}
    return an_ingress(name=name, alb=secured, rules=[a_rule(a_path(), host=host)])


def certificates(*members: dict[str, Any]) -> tuple[str, ...]:
    return the_listener(stack(*members, certificates=ISSUED)).certificates


def test_the_default_certificate_is_the_first_members_also_where_it_is_found_by_host() -> None:
    pay, shop = with_host("a", "pay.example.com"), with_host("b", "shop.example.com")
    assert ("arn:late", "arn:early") == certificates(pay, shop)


def test_a_found_certificate_of_the_first_member_comes_before_named_ones_of_later_members() -> None:
    pay, shop = with_host("a", "pay.example.com"), with_host("b", "shop.example.com", certificate_arn="arn:named")
    assert ("arn:late", "arn:named") == certificates(pay, shop)


def test_a_named_certificate_of_the_first_member_comes_before_found_ones() -> None:
    shop, pay = with_host("a", "shop.example.com", certificate_arn="arn:named"), with_host("b", "pay.example.com")
    assert ("arn:named", "arn:late") == certificates(shop, pay)


# -- listeners and rules under gates


def test_listeners_and_rules_bear_no_tags_without_their_gate() -> None:
    built = stack(flags=("--feature-gates=ListenerRulesTagging=false", "--default-tags=team=shop"))
    assert [None, None] == [tagged.tags for tagged in (*built.listeners, *built.rules)]
    assert "shop" == the_load_balancer(built).tags["team"]


def test_without_weights_a_forward_is_asked_for_by_its_one_target_group() -> None:
    built = stack(flags=("--feature-gates=WeightedTargetGroups=false",))
    (action,) = built.rules[0].actions
    assert isinstance(action, Forward)
    assert (True, None) == (action.without_config, action.target_groups[0].weight)


@pytest.mark.parametrize(("gate", "units"), [("true", 50), ("false", None)])
def test_the_classs_capacity_wins_and_needs_its_gate(gate: str, units: int | None) -> None:
    member = of_class(
        annotated(minimum_load_balancer_capacity="CapacityUnits=9"), minimumLoadBalancerCapacity={"capacityUnits": 50}
    )
    built = stack(member, flags=(f"--feature-gates=LBCapacityReservation={gate}",))
    assert units == the_load_balancer(built).minimum_capacity_units


def test_the_classs_address_pool_wins_over_the_ingresss() -> None:
    member = of_class(annotated(ipam_ipv4_pool_id="ipam-own"), ipamConfiguration={"ipv4IPAMPoolId": "ipam-class"})
    assert "ipam-class" == the_load_balancer(stack(member)).ipv4_ipam_pool_id
    assert "ipam-own" == the_load_balancer(stack(annotated(ipam_ipv4_pool_id="ipam-own"))).ipv4_ipam_pool_id


@pytest.mark.parametrize(
    ("flags", "team"), [((), "flag"), (("--feature-gates=EnableDefaultTagsLowPriority=true",), "class")]
)
def test_tags_of_the_class_win_over_all_but_the_default_tags(flags: tuple[str, ...], team: str) -> None:
    service = a_service(annotations={"alb.ingress.kubernetes.io/tags": "team=service,tier=service"})
    member = of_class(annotated(tags="team=own,tier=own"), tags=[{"key": "team", "value": "class"}])
    built = stack(member, flags=("--default-tags=team=flag", *flags), services=[service])
    (group,) = built.target_groups
    assert ((team, "own"), (team, "service")) == (
        (the_load_balancer(built).tags["team"], the_load_balancer(built).tags["tier"]),
        (group.tags["team"], group.tags["tier"]),
    )


# -- what is not looked at


def test_ports_without_any_port_make_a_load_balancer_without_listeners_and_target_groups() -> None:
    built = stack(annotated(listen_ports="[{}]"))
    assert ((), (), ()) == (built.listeners, built.target_groups, built.bindings)


def test_the_switch_for_regular_expressions_is_not_read_where_no_path_could_be_one() -> None:
    assert ["/*"] == [v for c in stack(annotated(use_regex_path_match="maybe")).rules[0].conditions for v in c.values]


def test_default_backends_of_a_port_that_is_one_redirect_do_not_collide() -> None:
    default = {"service": {"name": "web", "port": {"number": 80}}}
    redirect = {"group.name": "shop", "ssl-redirect": "443", **HTTPS, "listen-ports": '[{"HTTP": 80}, {"HTTPS": 443}]'}
    first = an_ingress(name="a", alb=redirect, defaultBackend=default)
    second = an_ingress(name="b", alb={"group.name": "shop"}, defaultBackend=default)
    assert [80, 443] == [listener.port for listener in stack(first, second).listeners]
