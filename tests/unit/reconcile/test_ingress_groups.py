"""Which groups to look at is told without a request; a group is loaded with as few as can be."""

from __future__ import annotations

from typing import Any

import pytest

from aws_lb_controller.api.ingress_class_params import IngressClassParams
from aws_lb_controller.cluster.kinds import INGRESS, INGRESS_CLASS, INGRESS_CLASS_PARAMS
from aws_lb_controller.cluster.store import Store
from aws_lb_controller.errors import KubernetesError
from aws_lb_controller.reconcile.ingress_groups import Group, IngressGroups
from builders_cluster import an_ingress, an_ingress_class, metadata
from builders_ingress import SETTINGS

Obj = dict[str, Any]

SELECTOR = {"matchLabels": {"team": "shop"}}
GROUP = "alb.ingress.kubernetes.io/group.name"


class Namespaces:
    """Every namespace bears the label team=shop; asked: those that were. broken: the API server does not answer."""

    def __init__(self, *, broken: bool = False) -> None:
        self.asked: list[str] = []
        self.broken, self.labels = broken, {"team": "shop"}

    def __call__(self, name: str) -> Obj:
        self.asked.append(name)
        if self.broken:
            raise KubernetesError(f"GET /api/v1/namespaces/{name}", 0, "no answer")
        return {"metadata": {"name": name, "labels": self.labels}}


def params(version: int = 1, **spec: Any) -> Obj:
    return {"kind": "IngressClassParams", "metadata": metadata("p", None, version=version), "spec": spec}


def a_store(*ingresses: Obj, **spec: Any) -> Store:
    """Ingresses of class alb with these parameters."""
    store = Store()
    store.upsert(INGRESS_CLASS, an_ingress_class(params="p"))
    store.upsert(INGRESS_CLASS_PARAMS, params(**spec))
    for ingress in ingresses:
        store.upsert(INGRESS, ingress)
    return store


def in_group(name: str = "web", *, group: str = "shared", **more: Any) -> Obj:
    return an_ingress(name, annotations={GROUP: group}, **more)


def names_of(group: Group) -> list[str]:
    return [member.ingress["metadata"]["name"] for member in group.members]


@pytest.mark.parametrize(
    ("spec", "ingress", "expected"),
    [
        pytest.param({}, an_ingress(), {"shop/web"}, id="alone"),
        pytest.param({}, in_group(), {"shared"}, id="by annotation"),
        pytest.param({"group": {"name": "platform"}}, in_group(), {"platform"}, id="by class"),
        pytest.param({}, in_group(group="No Name"), {"shop/web"}, id="no name"),
        pytest.param({"scheme": "no scheme"}, in_group(), {"shop/web"}, id="wrong parameters"),
        pytest.param({}, in_group(deletionTimestamp="2026-01-01T00:00:00Z"), set(), id="deleted"),
        pytest.param({"namespaceSelector": SELECTOR}, an_ingress(), {"shop/web"}, id="chosen, alone"),
        pytest.param({"namespaceSelector": SELECTOR}, in_group(), {"shared", "shop/web"}, id="chosen, by annotation"),
    ],
)
def test_an_ingress_leads_to_its_group_and_to_itself_where_it_may_have_to_be_told(
    spec: Obj, ingress: Obj, expected: set[str]
) -> None:
    assert expected == IngressGroups(a_store(**spec), SETTINGS, namespace=Namespaces()).names(ingress)


def test_which_groups_to_look_at_is_told_without_asking_for_namespaces() -> None:
    namespaces = Namespaces(broken=True)
    groups = IngressGroups(a_store(namespaceSelector=SELECTOR), SETTINGS, namespace=namespaces)
    groups.names(in_group())
    assert [] == namespaces.asked


def test_a_group_asks_once_for_each_namespace_of_its_own_and_for_no_others() -> None:
    mine = [in_group("a"), in_group("b"), in_group("c", namespace="app")]
    others = [an_ingress(f"other-{number}", namespace="elsewhere") for number in range(9)]
    namespaces = Namespaces()
    groups = IngressGroups(a_store(*others, *mine, namespaceSelector=SELECTOR), SETTINGS, namespace=namespaces)
    assert ["c", "a", "b"] == names_of(groups.load("shared"))
    assert ["app", "shop"] == namespaces.asked


def test_a_class_that_chooses_no_namespaces_asks_for_none() -> None:
    namespaces = Namespaces(broken=True)
    groups = IngressGroups(a_store(in_group()), SETTINGS, namespace=namespaces)
    assert ["web"] == names_of(groups.load("shared"))


def test_a_namespace_that_cannot_be_read_says_nothing_about_who_is_in_a_group() -> None:
    store = a_store(in_group(finalizers=["group.ingress.k8s.aws/shared"]), namespaceSelector=SELECTOR)
    with pytest.raises(KubernetesError):
        IngressGroups(store, SETTINGS, namespace=Namespaces(broken=True)).load("shared")


def test_the_label_of_a_namespace_counts_from_the_next_look() -> None:
    namespaces = Namespaces()
    groups = IngressGroups(a_store(in_group(), namespaceSelector=SELECTOR), SETTINGS, namespace=namespaces)
    assert ["web"] == names_of(groups.load("shared"))
    namespaces.labels = {"team": "other"}
    assert [] == names_of(groups.load("shared"))


def test_each_version_of_class_parameters_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []
    of_model = IngressClassParams.read

    def counting(raw: Any) -> IngressClassParams:
        read.append(raw["metadata"]["resourceVersion"])
        return of_model(raw)

    monkeypatch.setattr(IngressClassParams, "read", counting)
    store = a_store(in_group("a"), in_group("b"))
    groups = IngressGroups(store, SETTINGS, namespace=Namespaces())
    for group in ("shared", "shop/a", "shop/b", "shared"):
        groups.load(group)
    assert ["1"] == read
    store.upsert(INGRESS_CLASS_PARAMS, params(2, group={"name": "platform"}))
    assert ([], ["a", "b"]) == (names_of(groups.load("shared")), names_of(groups.load("platform")))
    assert ["1", "2"] == read


def test_class_parameters_that_go_and_come_again_are_read_again() -> None:
    store = a_store(an_ingress(), group={"name": "old"})
    groups = IngressGroups(store, SETTINGS, namespace=Namespaces())
    groups.load("old")
    store.remove(INGRESS_CLASS_PARAMS, "", "p", version="2")
    assert {"shop/web"} == groups.names(an_ingress())
    store.upsert(INGRESS_CLASS_PARAMS, params(3, group={"name": "new"}))
    assert {"new"} == groups.names(an_ingress())
