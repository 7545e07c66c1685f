"""However Ingresses, classes and their parameters are mixed, a group is found without looking at all that there is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from aws_lb_controller.api.ingress_class_params import IngressClassParams
from aws_lb_controller.cluster.indexes import finalizer_groups, full_name
from aws_lb_controller.cluster.kinds import INGRESS, INGRESS_CLASS, INGRESS_CLASS_PARAMS
from aws_lb_controller.cluster.store import Store
from aws_lb_controller.errors import SpecError
from aws_lb_controller.intent.group import finalizer_of, group_of
from aws_lb_controller.intent.ingress_class import classify
from aws_lb_controller.reconcile.ingress_groups import Group, IngressGroups
from aws_lb_controller.settings import Settings
from builders_cluster import an_ingress, an_ingress_class, metadata
from builders_ingress import settings_with

Obj = dict[str, Any]

NAMES = [(namespace, name) for namespace in ("shop", "app", "gone") for name in ("a", "b")]
SHARED = ("one", "two")
NO_NAMES = ("", "Not A Name")
GROUPS = (*SHARED, *("/".join(name) for name in NAMES), "Not A Name")
CLASSES, PARAMS = ("alb", "other"), ("p", "q")
NAMESPACES: Mapping[str, Obj] = {
    name: {"metadata": {"name": name, "labels": {"team": name}}} for name in ("shop", "app")
}
FINALIZERS = ("ingress.k8s.aws/resources", *(f"group.ingress.k8s.aws/{group}" for group in SHARED), "example.com/x")

maybe = st.none()


def mostly(usual: Sequence[Any], *seldom: Any) -> st.SearchStrategy[Any]:
    """One of the usual, and now and then another."""
    return st.sampled_from([*usual] * 4 + [*seldom])


@st.composite
def ingresses(draw: st.DrawFn, namespace: str, name: str) -> Obj:
    annotations = {
        "alb.ingress.kubernetes.io/group.name": draw(maybe | st.sampled_from([*SHARED, *NO_NAMES])),
        "kubernetes.io/ingress.class": draw(mostly([None], "alb", "nginx")),
    }
    ingress = an_ingress(
        name,
        namespace=namespace,
        annotations={key: text for key, text in annotations.items() if text is not None},
        finalizers=draw(st.lists(st.sampled_from(FINALIZERS), unique=True, max_size=2)),
        **draw(mostly([{}], {"deletionTimestamp": "2026-01-01T00:00:00Z"})),
    )
    ingress["spec"]["ingressClassName"] = draw(mostly([*CLASSES, None], "", "missing"))
    return ingress


@st.composite
def classes(draw: st.DrawFn, name: str) -> Obj:
    default = {"ingressclass.kubernetes.io/is-default-class": draw(st.sampled_from(["true", "false"]))}
    obj = an_ingress_class(name, params=draw(mostly(PARAMS, None, "missing")), annotations=default)
    obj["spec"]["controller"] = draw(mostly(["ingress.k8s.aws/alb"], "example.com/x"))
    return obj


@st.composite
def parameters(draw: st.DrawFn, name: str) -> Obj:
    spec = {
        "scheme": draw(mostly([None, "internal"], "no scheme")),
        "group": draw(maybe | st.builds(lambda group: {"name": group}, mostly(SHARED, *NO_NAMES))),
        "namespaceSelector": draw(maybe | st.just({"matchLabels": {"team": "shop"}})),
    }
    kept = {key: value for key, value in spec.items() if value is not None}
    return {"kind": "IngressClassParams", "metadata": metadata(name, None), "spec": kept}


@st.composite
def stores(draw: st.DrawFn) -> Store:
    store = Store()
    for kind, names, objs in (
        (INGRESS_CLASS, CLASSES, classes),
        (INGRESS_CLASS_PARAMS, PARAMS, parameters),
    ):
        for name in names:
            if draw(mostly([True], False)):
                store.upsert(kind, draw(objs(name)))
    for namespace, name in draw(st.lists(st.sampled_from(NAMES), unique=True, min_size=1)):
        store.upsert(INGRESS, draw(ingresses(namespace, name)))
    return store


flags = st.sampled_from([settings_with(), settings_with("--ingress-class=alb")])


def by_looking_at_all(store: Store, settings: Settings, group: str) -> list[tuple[Any, ...]]:
    """Who has to do with the group, and how."""
    return sorted(
        said
        for ingress in store.list(INGRESS)
        if (said := (full_name(ingress), *placed(store, settings, ingress, group)))[1:]
    )


def placed(store: Store, settings: Settings, ingress: Mapping[str, Any], group: str) -> tuple[Any, ...]:
    held = finalizer_of(group) in ingress["metadata"]["finalizers"]
    held = held and ("/" not in group or full_name(ingress) == group)
    concerned = held or full_name(ingress) == group
    classified = None
    try:
        classified = classify(
            ingress,
            classes=lambda name: store.get(INGRESS_CLASS, "", name),
            params=lambda name: read(store, name),
            namespaces=NAMESPACES.get,
            settings=settings,
            all_classes=lambda: store.list(INGRESS_CLASS),
        )
    except SpecError as wrong:
        return ("unplaced", str(wrong), held) if concerned else ()
    try:
        if classified is not None and group_of(ingress, classified) == group:
            return "member", classified.class_name or "", str(classified.params)
    except SpecError as wrong:
        told = ("unplaced", str(wrong), False) if concerned else ()
        return (*told, "leaving") if held else told
    return ("leaving",) if held else ()


def read(store: Store, name: str) -> IngressClassParams | None:
    obj = store.get(INGRESS_CLASS_PARAMS, "", name)
    return IngressClassParams.read(obj) if obj is not None else None


def shown(group: Group) -> list[tuple[Any, ...]]:
    """As `by_looking_at_all` has it."""
    said: dict[str, tuple[Any, ...]] = {
        full_name(one.ingress): ("unplaced", str(one.problem), one.held) for one in group.unplaced
    }
    for member in group.members:
        kept = member.classified
        said[full_name(member.ingress)] = "member", kept.class_name or "", str(kept.params)
    for ingress in group.leaving:
        said[full_name(ingress)] = (*said.get(full_name(ingress), ()), "leaving")
    return sorted((name, *what) for name, what in said.items())


@given(stores(), flags)
def test_a_group_is_the_same_as_by_looking_at_all_ingresses(store: Store, settings: Settings) -> None:
    groups = IngressGroups(store, settings, namespace=NAMESPACES.get)
    expected = {group: by_looking_at_all(store, settings, group) for group in GROUPS}
    assert expected == {group: shown(groups.load(group)) for group in GROUPS}


@given(stores(), flags)
def test_whoever_has_to_do_with_a_group_leads_to_it(store: Store, settings: Settings) -> None:
    groups = IngressGroups(store, settings, namespace=NAMESPACES.get)
    led = {full_name(one): {*groups.names(one), *finalizer_groups(one)} for one in store.list(INGRESS)}
    missed = {(group, name) for group in GROUPS for name, *_ in shown(groups.load(group)) if group not in led[name]}
    assert set() == missed
