"""Which rules bindings need in their targets' security groups, and how a group is brought there."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from aws_lb_controller.model.binding import NetworkingPeer, NetworkingPort, NetworkingRule
from aws_lb_controller.model.security_group import IngressRule, Source
from aws_lb_controller.plan.node_rules import (
    DESCRIPTION,
    Doubt,
    Rules,
    change_rules,
    is_ours,
    lacking,
    lets_in,
    rules_of,
    sources_of,
    to_grant,
    together,
)

BACKEND = Source("security-group", "sg-backend")


def a_rule(first: int = 8080, last: int | None = None, **changes: Any) -> IngressRule:
    values: dict[str, Any] = {
        "protocol": "tcp",
        "from_port": first,
        "to_port": first if last is None else last,
        "source": BACKEND,
        "description": DESCRIPTION,
    }
    return IngressRule(**{**values, **changes})


def networking(*ports: NetworkingPort, peer: NetworkingPeer | None = None) -> tuple[NetworkingRule, ...]:
    return (NetworkingRule(peers=(peer or NetworkingPeer(security_group="sg-backend"),), ports=ports),)


def port(number: int | str | None, protocol: str = "tcp") -> NetworkingPort:
    return NetworkingPort(protocol=protocol, port=number)


def no_names(_: str) -> tuple[int, ...]:
    return ()


class TestRulesOfABinding:
    def test_a_port_by_number_is_one_rule_from_the_peer(self) -> None:
        assert {a_rule(8080)} == rules_of(networking(port(8080)), no_names)

    def test_a_port_by_name_is_one_rule_for_each_number_that_pods_give_it(self) -> None:
        assert {a_rule(8080), a_rule(9090)} == rules_of(networking(port("http")), {"http": (8080, 9090)}.__getitem__)

    def test_a_port_without_number_opens_all_of_its_protocol(self) -> None:
        assert {a_rule(0, 65535, protocol="udp")} == rules_of(networking(port(None, "udp")), no_names)

    def test_a_networking_rule_without_ports_opens_nothing(self) -> None:
        assert frozenset() == rules_of(networking(), no_names)

    def test_a_network_is_a_source_of_its_family(self) -> None:
        v4 = rules_of(networking(port(80), peer=NetworkingPeer(cidr="10.0.0.0/16")), no_names)
        v6 = rules_of(networking(port(80), peer=NetworkingPeer(cidr="2001:db8::/48")), no_names)
        assert [Source("ipv4", "10.0.0.0/16"), Source("ipv6", "2001:db8::/48")] == [r.source for r in (*v4, *v6)]


class TestTogether:
    def test_ports_of_one_security_group_are_joined_into_one_range(self) -> None:
        needs = [{"sg-node": frozenset({a_rule(8080)})}, {"sg-node": frozenset({a_rule(9090), a_rule(80)})}]
        assert {"sg-node": {a_rule(80, 9090)}} == together(needs, restricted=True)

    def test_protocols_and_sources_stay_apart(self) -> None:
        other = a_rule(9, source=Source("security-group", "sg-other"))
        needs = [{"sg-node": frozenset({a_rule(8080), a_rule(53, protocol="udp"), other})}]
        assert {"sg-node": needs[0]["sg-node"]} == together(needs, restricted=True)

    def test_networks_are_not_joined(self) -> None:
        net = Source("ipv4", "10.0.0.0/16")
        needs = [{"sg-node": frozenset({a_rule(80, source=net), a_rule(90, source=net)})}]
        assert {"sg-node": needs[0]["sg-node"]} == together(needs, restricted=True)

    def test_nothing_is_joined_where_rules_are_not_restricted(self) -> None:
        needs = [{"sg-node": frozenset({a_rule(80), a_rule(90)})}]
        assert {"sg-node": needs[0]["sg-node"]} == together(needs, restricted=False)

    def test_security_groups_of_targets_are_apart(self) -> None:
        needs = [{"sg-a": frozenset({a_rule(80)})}, {"sg-b": frozenset({a_rule(90)})}]
        assert {"sg-a": {a_rule(80)}, "sg-b": {a_rule(90)}} == together(needs, restricted=True)


class TestGrant:
    def test_what_a_range_of_ours_lets_in_is_not_granted_again(self) -> None:
        assert frozenset() == to_grant(frozenset({a_rule(85)}), frozenset({a_rule(80, 90)}), joined=frozenset())

    def test_the_joined_range_is_granted_where_a_port_is_missing(self) -> None:
        joined = frozenset({a_rule(80, 95), a_rule(53, protocol="udp")})
        assert {a_rule(80, 95)} == to_grant(frozenset({a_rule(95)}), frozenset({a_rule(80, 90)}), joined=joined)

    def test_the_very_same_rule_of_somebody_else_is_enough(self) -> None:
        theirs = a_rule(80, description="by hand")
        assert frozenset() == lacking(frozenset({a_rule(80)}), frozenset({theirs}))

    def test_a_wider_rule_of_somebody_else_is_not_relied_on(self) -> None:
        theirs = a_rule(0, 65535, description="by hand")
        assert {a_rule(80)} == lacking(frozenset({a_rule(80)}), frozenset({theirs}))


class TestDoubt:
    def test_a_binding_in_doubt_keeps_the_rules_of_its_sources(self) -> None:
        doubt = Doubt(binding="shop/web", sources=sources_of(networking(port("http"))))
        other = a_rule(80, source=Source("ipv4", "10.0.0.0/16"))
        assert {other} == change_rules(frozenset(), frozenset({a_rule(8080), other}), doubts=[doubt]).revoke

    def test_a_binding_of_which_nothing_is_known_keeps_every_rule(self) -> None:
        doubt = Doubt(binding="shop/web", sources=None)
        assert not change_rules(frozenset(), frozenset({a_rule(8080)}), doubts=[doubt])


sources = st.sampled_from([BACKEND, Source("security-group", "sg-x"), Source("ipv4", "10.0.0.0/16")])
rules = st.builds(
    lambda a, b, source, protocol, text: a_rule(
        min(a, b), max(a, b), source=source, protocol=protocol, description=text
    ),
    st.integers(1, 6),
    st.integers(1, 6),
    sources,
    st.sampled_from(["tcp", "udp"]),
    st.sampled_from([DESCRIPTION, "by hand", ""]),
)


def one_of_each(found: Rules) -> Rules:
    """EC2 has each permission only once, whatever its description."""
    return frozenset({(r.protocol, r.from_port, r.to_port, r.source): r for r in found}.values())


there = st.frozensets(rules).map(one_of_each)
ours = st.frozensets(rules.filter(is_ours))


@given(ours, there)
def test_a_change_leaves_everything_that_is_wanted_and_nothing_of_ours_besides(wanted: Rules, have: Rules) -> None:
    change = change_rules(wanted, have)
    after = (have | change.grant) - change.revoke
    assert all(lets_in(after, need) for need in wanted)
    assert not change_rules(wanted, after)


@given(ours, there)
def test_rules_of_others_are_never_revoked(wanted: Rules, have: Rules) -> None:
    assert all(is_ours(rule) for rule in change_rules(wanted, have).revoke)


@given(st.lists(ours, max_size=4), there)
def test_what_was_granted_for_one_binding_lets_in_all_that_it_needs(bindings: list[Rules], have: Rules) -> None:
    joined = together([{"sg": needs} for needs in bindings], restricted=True).get("sg", frozenset())
    for needs in bindings:
        assert frozenset() == lacking(needs, have | to_grant(needs, have, joined=joined))


@given(st.lists(ours, max_size=4))
def test_joined_rules_let_in_what_each_binding_needs(bindings: list[Rules]) -> None:
    joined = together([{"sg": needs} for needs in bindings], restricted=True).get("sg", frozenset())
    assert all(lets_in(joined, need) for needs in bindings for need in needs)
