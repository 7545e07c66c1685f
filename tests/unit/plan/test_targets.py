"""Which endpoints and nodes become targets, and what to call so that they are."""

from ipaddress import ip_network
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aws_lb_controller.api.selector import LabelSelector
from aws_lb_controller.plan.targets import (
    CandidateNode,
    PodEndpoint,
    Target,
    TargetChange,
    batches,
    change_targets,
    node_targets,
    nodes_to_register,
    pod_targets,
    pods_to_register,
    with_zones,
)


def an_endpoint(**changes: Any) -> PodEndpoint:
    values: dict[str, Any] = {
        "address": "192.168.97.1",
        "port": 8080,
        "pod": "shop/web-1",
        "pod_uid": "uid-1",
        "ready": True,
        "terminating": False,
        "containers_ready": True,
        "node_ready": "True",
        "container_ports": {},
    }
    return PodEndpoint(**{**values, **changes})


def a_node(**changes: Any) -> CandidateNode:
    values: dict[str, Any] = {"name": "node-0", "labels": {}, "ready": "True", "instance_id": "i-1"}
    return CandidateNode(**{**values, **changes})


def registers(fail_open: bool = True, **changes: Any) -> bool:
    return bool(pods_to_register([an_endpoint(**changes)], fail_open=fail_open))


def takes(fail_open: bool = True, selector: LabelSelector | None = None, **changes: Any) -> bool:
    return bool(nodes_to_register([a_node(**changes)], selector=selector, fail_open=fail_open))


class TestPods:
    def test_a_ready_endpoint_is_a_target_whatever_its_pod_says(self) -> None:
        assert registers(ready=True, containers_ready=False, node_ready="False")

    def test_an_unready_endpoint_whose_containers_and_node_are_ready_is_a_target(self) -> None:
        assert registers(ready=False)

    @pytest.mark.parametrize("changes", [{"containers_ready": False}, {"node_ready": "False"}])
    def test_any_other_unready_endpoint_is_none(self, changes: dict[str, Any]) -> None:
        assert not registers(ready=False, **changes)

    @pytest.mark.parametrize("ready", [True, False])
    def test_a_terminating_endpoint_is_none(self, ready: bool) -> None:
        assert not registers(ready=ready, terminating=True)

    def test_where_no_node_has_been_heard_of_their_pods_stay_targets(self) -> None:
        assert registers(ready=False, node_ready="Unknown")
        assert registers(ready=False, node_ready="Unknown", terminating=True)
        assert not registers(fail_open=False, ready=False, node_ready="Unknown")

    def test_pods_on_nodes_that_were_not_heard_of_are_left_out_while_others_are_ready(self) -> None:
        ready = an_endpoint()
        lost = an_endpoint(address="192.168.97.2", ready=False, node_ready="Unknown")
        assert (ready,) == pods_to_register([ready, lost], fail_open=True)

    def test_an_address_in_two_slices_is_one_target(self) -> None:
        assert 1 == len(pods_to_register([an_endpoint(), an_endpoint()], fail_open=True))

    def test_an_address_outside_the_vpc_is_registered_for_all_zones(self) -> None:
        targets = with_zones(
            [Target(id="192.168.97.1", port=80), Target(id="10.77.0.8", port=80)], [ip_network("192.168.0.0/16")]
        )
        assert [None, "all"] == [t.availability_zone for t in targets]

    def test_a_quic_target_group_takes_only_pods_with_a_server_id(self) -> None:
        pods = [an_endpoint(), an_endpoint(address="192.168.97.2", server_id="0xab")]
        assert (Target(id="192.168.97.2", port=8080, server_id="0xab"),) == pod_targets(pods, with_server_ids=True)


class TestNodes:
    def test_a_ready_node_is_a_target_on_the_node_port(self) -> None:
        nodes = nodes_to_register([a_node()], selector=None, fail_open=True)
        assert (Target(id="i-1", port=30080),) == node_targets(nodes, 30080)

    @pytest.mark.parametrize("why", ["excluded", "leaving"])
    def test_a_node_that_is_excluded_or_about_to_go_is_none(self, why: str) -> None:
        assert not takes(**{why: True})

    def test_a_node_without_an_instance_is_none_and_does_not_disturb_others(self) -> None:
        nodes = [a_node(name="new", instance_id=None), a_node()]
        assert ("node-0",) == tuple(n.name for n in nodes_to_register(nodes, selector=None, fail_open=True))

    def test_the_bindings_selector_narrows_the_nodes(self) -> None:
        selector = LabelSelector(match_labels={"role": "edge"})
        assert not takes(selector=selector)
        assert takes(selector=selector, labels={"role": "edge"})

    def test_nodes_that_were_not_heard_of_are_targets_only_where_none_is_ready(self) -> None:
        assert takes(ready="Unknown")
        assert not takes(ready="Unknown", fail_open=False)
        assert not takes(ready="False")
        both = nodes_to_register([a_node(), a_node(name="lost", ready="Unknown")], selector=None, fail_open=True)
        assert ["node-0"] == [n.name for n in both]


targets = st.builds(
    Target, id=st.sampled_from(["a", "b", "c", "d"]), port=st.integers(1, 3), server_id=st.sampled_from([None, "0x1"])
)
groups = st.frozensets(targets)


class TestChange:
    @given(groups, groups)
    def test_the_change_leads_exactly_to_what_is_wanted(
        self, wanted: frozenset[Target], have: frozenset[Target]
    ) -> None:
        change = change_targets(wanted, have)
        after = (have - frozenset(change.deregister)) | frozenset(change.register)
        assert wanted == after - frozenset(change.replaced)

    @given(groups)
    def test_nothing_is_done_where_all_is_well(self, wanted: frozenset[Target]) -> None:
        assert not change_targets(wanted, wanted)

    @given(groups, groups, groups)
    def test_of_a_shared_group_only_our_own_targets_are_deregistered(
        self, wanted: frozenset[Target], have: frozenset[Target], ours: frozenset[Target]
    ) -> None:
        change = change_targets(wanted, have, ours={t.identity for t in ours})
        assert (have & ours) - wanted == frozenset(change.deregister + change.replaced)

    @given(groups, groups, st.integers(1, 5))
    def test_no_registration_exceeds_the_limit(
        self, wanted: frozenset[Target], have: frozenset[Target], limit: int
    ) -> None:
        change = change_targets(wanted, have, limit=limit)
        stay = len(have) - len(change.deregister)
        assert len(change.register) <= max(0, limit - stay)

    @given(groups, groups)
    def test_no_address_that_stays_is_ever_without_a_target(
        self, wanted: frozenset[Target], have: frozenset[Target]
    ) -> None:
        change = change_targets(wanted, have)
        in_between = have - frozenset(change.deregister)
        in_the_way = {(t.id, t.port) for t in wanted - have} & {(t.id, t.port) for t in have}
        staying = {t.id for t in have} & {t.id for t in wanted}
        assert staying <= {t.id for t in in_between} | {id for id, _ in in_the_way}

    def test_a_target_that_moves_to_another_port_is_deregistered_after_its_successor_is_registered(self) -> None:
        old, new, gone = Target(id="a", port=1), Target(id="a", port=2), Target(id="b", port=1)
        expected = TargetChange(deregister=(gone,), register=(new,), replaced=(old,))
        assert expected == change_targets([new], [old, gone])

    def test_a_target_whose_successor_is_there_already_is_deregistered_at_once(self) -> None:
        old, new = Target(id="a", port=1), Target(id="a", port=2)
        assert TargetChange(deregister=(old,)) == change_targets([new], [old, new])

    def test_a_target_that_differs_by_its_server_id_only_makes_way(self) -> None:
        old, new = Target(id="a", port=1, server_id="0x1"), Target(id="a", port=1, server_id="0x2")
        assert TargetChange(deregister=(old,), register=(new,)) == change_targets([new], [old])

    def test_where_the_group_is_full_what_moves_leaves_first(self) -> None:
        have = [Target(id=each, port=1) for each in "ab"]
        wanted = [Target(id=each, port=2) for each in "ab"]
        assert TargetChange(deregister=tuple(have), register=tuple(wanted)) == change_targets(wanted, have, limit=2)
        expected = TargetChange(deregister=(have[1],), register=tuple(wanted), replaced=(have[0],))
        assert expected == change_targets(wanted, have, limit=3)

    def test_the_zone_that_aws_knows_does_not_make_another_target(self) -> None:
        change = change_targets([Target(id="a", port=1)], [Target(id="a", port=1, availability_zone="all")])
        assert TargetChange() == change

    @given(st.lists(st.integers(), max_size=500))
    def test_batches_keep_everything_in_order_and_none_is_too_large(self, items: list[int]) -> None:
        cut = list(batches(items, 200))
        assert items == [i for batch in cut for i in batch]
        assert all(len(batch) <= 200 for batch in cut)
