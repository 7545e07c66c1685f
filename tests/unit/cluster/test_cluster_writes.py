"""Writes cost nothing where nothing changes, keep others' finalizers, and are known to the store at once."""

from __future__ import annotations

from typing import Any, cast

import pytest

from aws_lb_controller.cluster.client import KubeClient
from aws_lb_controller.cluster.kinds import POD, SERVICE, TARGET_GROUP_BINDING
from aws_lb_controller.cluster.store import Store
from aws_lb_controller.cluster.writes import Writes, merged
from aws_lb_controller.errors import KubernetesConflict, KubernetesNotFound, NotLeading
from builders_cluster import a_binding, a_pod
from builders_kube import a_service
from fake_api import FakeApi

PATH = SERVICE.path_of("shop", "web")
OURS = "service.k8s.aws/resources"
OTHERS = "example.com/theirs"


class World:
    """An API with one Service, a store that holds it, and what writes to both."""

    def __init__(self, **metadata: Any) -> None:
        self.api, self.store = FakeApi(), Store()
        service = a_service()
        service["metadata"].update(metadata)
        self.service = self.api.put(PATH, service)
        self.store.upsert(SERVICE, self.service)
        self.writes = Writes(cast("KubeClient", self.api), self.store, may_write=lambda: None)

    @property
    def methods(self) -> list[str]:
        return [method for method, _ in self.api.requests]

    @property
    def held(self) -> Any:
        return self.store.get(SERVICE, "shop", "web")


def test_a_finalizer_is_added_beside_others_and_the_store_knows() -> None:
    world = World(finalizers=[OTHERS])
    world.writes.add_finalizer(SERVICE, world.service, OURS)
    assert [OTHERS, OURS] == world.api.objects[PATH]["metadata"]["finalizers"] == world.held["metadata"]["finalizers"]


def test_a_finalizer_that_is_there_costs_no_request() -> None:
    world = World(finalizers=[OURS])
    assert world.service == world.writes.add_finalizer(SERVICE, world.service, OURS)
    assert [] == world.methods


def test_a_finalizer_that_somebody_else_added_meanwhile_is_kept() -> None:
    world = World()
    changed = {**world.service, "metadata": {**world.service["metadata"], "finalizers": [OTHERS]}}
    world.api.put(PATH, changed)
    world.writes.add_finalizer(SERVICE, world.service, OURS)
    assert [OTHERS, OURS] == world.api.objects[PATH]["metadata"]["finalizers"]
    assert ["PATCH", "GET", "PATCH"] == world.methods


def test_an_object_that_keeps_changing_is_a_conflict_in_the_end() -> None:
    world = World()
    world.api.before = lambda method, path: method == "PATCH" and world.api.put(path, world.api.objects[path])  # type: ignore[func-returns-value, return-value]
    with pytest.raises(KubernetesConflict):
        world.writes.add_finalizer(SERVICE, world.service, OURS)
    assert 4 == world.methods.count("PATCH")


def test_adding_a_finalizer_to_what_is_gone_says_so_and_the_store_forgets_it() -> None:
    world = World()
    world.api.drop(PATH)
    with pytest.raises(KubernetesNotFound):
        world.writes.add_finalizer(SERVICE, world.service, OURS)
    assert world.held is None


def test_removing_the_last_finalizer_of_a_deleted_object_lets_it_go() -> None:
    world = World(finalizers=[OURS], deletionTimestamp="2026-01-01T00:00:00Z", deletionGracePeriodSeconds=0)
    assert world.writes.remove_finalizer(SERVICE, world.service, OURS) is None
    assert world.held is None
    assert {} == world.api.objects


def test_removing_a_finalizer_of_what_is_gone_is_fine() -> None:
    world = World(finalizers=[OURS])
    world.api.drop(PATH)
    assert world.writes.remove_finalizer(SERVICE, world.service, OURS) is None


def test_a_pod_in_its_grace_period_stays_in_the_store() -> None:
    world = World()
    pod = a_pod(deletionTimestamp="2026-01-01T00:00:00Z", deletionGracePeriodSeconds=30)
    pod = world.api.put(POD.path_of("shop", "web-1"), pod)
    world.writes.patch_status(POD, pod, {"conditions": [{"type": "Ready", "status": "True"}]})
    assert world.store.get(POD, "shop", "web-1") is not None


def test_a_status_is_patched_only_if_it_differs() -> None:
    world = World()
    status = {"loadBalancer": {"ingress": [{"hostname": "a.elb.amazonaws.com"}]}}
    changed = world.writes.patch_status(SERVICE, world.service, status)
    assert status == changed["status"] == world.held["status"]
    world.writes.patch_status(SERVICE, changed, status)
    assert [("PATCH", PATH + "/status")] == world.api.requests


def test_a_field_of_the_status_is_cleared_by_none() -> None:
    world = World()
    cleared = world.writes.patch_status(SERVICE, world.service, {"loadBalancer": None})
    assert ([], world.service) == (world.methods, cleared)


def test_a_condition_of_a_pod_is_merged_by_its_type_and_known_at_once() -> None:
    world = World()
    pod = a_pod()
    world.store.upsert(POD, world.api.put(POD.path_of("shop", "web-1"), pod))
    gate = {"type": "target-health.elbv2.k8s.aws/tgb", "status": "False", "reason": "x", "lastTransitionTime": "t"}
    world.writes.set_pod_condition(pod, gate)
    world.writes.set_pod_condition(pod, {"type": gate["type"], "status": "False", "reason": "y"})
    [*others, last] = world.api.objects[POD.path_of("shop", "web-1")]["status"]["conditions"]
    assert (pod["status"]["conditions"], {**gate, "reason": "y"}) == (others, last)
    held: Any = world.store.get(POD, "shop", "web-1")
    assert last == held["status"]["conditions"][-1]


def test_a_condition_for_a_pod_that_another_has_followed_under_its_name_is_a_conflict() -> None:
    world = World()
    world.api.put(POD.path_of("shop", "web-1"), a_pod())
    before = a_pod()
    before["metadata"]["uid"] = "another"
    with pytest.raises(KubernetesConflict):
        world.writes.set_pod_condition(before, {"type": "x", "status": "True"})


def test_a_patch_that_changes_nothing_is_not_sent() -> None:
    world = World()
    world.writes.patch(SERVICE, "shop", "web", {"metadata": {"annotations": {}}})
    world.writes.patch(SERVICE, "shop", "web", {"metadata": {"annotations": {"a": "b"}}})
    assert ["PATCH"] == world.methods
    assert {"a": "b"} == world.held["metadata"]["annotations"]


def test_what_is_made_bears_its_kind_and_is_known_at_once() -> None:
    world = World()
    made = world.writes.create(TARGET_GROUP_BINDING, {"metadata": {"namespace": "shop", "name": "tgb"}, "spec": {}})
    assert ("elbv2.k8s.aws/v1beta1", "TargetGroupBinding") == (made["apiVersion"], made["kind"])
    assert made == world.store.get(TARGET_GROUP_BINDING, "shop", "tgb")


def test_making_what_exists_is_a_conflict() -> None:
    world = World()
    with pytest.raises(KubernetesConflict):
        world.writes.create(SERVICE, a_service())


def test_deleting_forgets_what_went_and_keeps_what_waits_for_finalizers() -> None:
    world = World(finalizers=[OURS])
    binding = world.api.put(TARGET_GROUP_BINDING.path_of("shop", "tgb"), a_binding())
    world.store.upsert(TARGET_GROUP_BINDING, binding)
    world.writes.delete(TARGET_GROUP_BINDING, "shop", "tgb")
    world.writes.delete(SERVICE, "shop", "web")
    assert world.store.get(TARGET_GROUP_BINDING, "shop", "tgb") is None
    assert world.held["metadata"]["deletionTimestamp"]
    world.writes.delete(SERVICE, "shop", "web")
    assert ["DELETE", "DELETE"] == world.methods


def test_deleting_what_is_gone_is_fine() -> None:
    world = World()
    world.api.drop(PATH)
    world.writes.delete(SERVICE, "shop", "web")
    assert world.held is None


def test_a_replica_that_does_not_lead_writes_nothing() -> None:
    world = World()

    def fence() -> None:
        raise NotLeading("another leads")

    writes = Writes(cast("KubeClient", world.api), world.store, may_write=fence)
    for write in (
        lambda: writes.add_finalizer(SERVICE, world.service, OURS),
        lambda: writes.patch_status(SERVICE, world.service, {"a": 1}),
        lambda: writes.create(SERVICE, a_service("other")),
        lambda: writes.delete(SERVICE, "shop", "web"),
    ):
        with pytest.raises(NotLeading):
            write()
    assert [] == world.methods


@pytest.mark.parametrize(
    ("value", "patch", "expected"),
    [
        ({"a": 1, "b": {"c": 2}}, {"b": {"d": 3}}, {"a": 1, "b": {"c": 2, "d": 3}}),
        ({"a": 1}, {"a": None}, {}),
        ({"a": [1, 2]}, {"a": [3]}, {"a": [3]}),
        (None, {"a": {"b": None, "c": 1}}, {"a": {"c": 1}}),
    ],
)
def test_a_merge_patch_means_what_the_rfc_says(value: Any, patch: Any, expected: Any) -> None:
    assert expected == merged(value, patch)
