"""Each change touches the keys that depend on what changed, and no others."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import pytest

from aws_lb_controller.cluster.indexes import declared_group
from aws_lb_controller.cluster.kinds import (
    ENDPOINT_SLICE,
    INGRESS,
    INGRESS_CLASS,
    INGRESS_CLASS_PARAMS,
    NAMESPACE,
    NODE,
    POD,
    SECRET,
    SERVICE,
    TARGET_GROUP_BINDING,
    Kind,
)
from aws_lb_controller.cluster.lean import lean
from aws_lb_controller.cluster.store import Store
from aws_lb_controller.reconcile.keys import Key
from aws_lb_controller.runtime.routing import Routing
from aws_lb_controller.runtime.workqueue import Lane
from builders_cluster import a_binding, a_node, a_pod, a_slice, an_ingress, an_ingress_class, metadata
from builders_kube import a_port, a_secret, a_service

GROUP = "alb.ingress.kubernetes.io/group.name"
SERVICE_KEY = Key("service", "shop/web")
ALONE = Key("ingress-group", "shop/web")
BINDING = Key("binding", "shop/tgb")
NODES, BACKEND = Key("node-security-groups"), Key("backend-security-group")


def routed(
    kind: Kind, old: Any, new: Any, *held: tuple[Kind, Any], groups: Mapping[str, str] | None = None
) -> dict[Key, Lane]:
    """What a change leads to in a store that holds some objects; groups: Ingress name → group, where not its own."""
    store = Store()
    for each, obj in held:
        store.upsert(each, obj)
    if new is not None:
        store.upsert(kind, new)

    def group_names(ingress: Any) -> list[str]:
        return [(groups or {}).get(ingress["metadata"]["name"]) or declared_group(ingress)]

    return Routing(store, group_names).keys_for(kind, old, new)


def changed(obj: dict[str, Any], **metadata: Any) -> dict[str, Any]:
    """A newer version of an object, with other metadata."""
    newer = copy.deepcopy(obj)
    version = int(obj["metadata"]["resourceVersion"]) + 1
    newer["metadata"] |= {"resourceVersion": str(version), "managedFields": [{"time": str(version)}], **metadata}
    return newer


def with_status(obj: dict[str, Any]) -> dict[str, Any]:
    return {**changed(obj), "status": {"loadBalancer": {"ingress": [{"hostname": "x"}]}, "observedGeneration": 7}}


def normal(*keys: Key) -> dict[Key, Lane]:
    return dict.fromkeys(keys, Lane.NORMAL)


# --- Services ---


def test_a_service_touches_itself_the_groups_that_name_it_and_its_bindings() -> None:
    held = (
        (INGRESS, an_ingress()),
        (INGRESS, an_ingress("other", services=("api",))),
        (TARGET_GROUP_BINDING, a_binding()),
    )
    assert normal(SERVICE_KEY, ALONE, BINDING) == routed(SERVICE, None, a_service(), *held)
    assert normal(SERVICE_KEY, ALONE, BINDING) == routed(SERVICE, a_service(), None, *held)


def test_a_services_new_annotation_does_not_concern_bindings_nor_its_labels_the_groups() -> None:
    held = ((INGRESS, an_ingress()), (TARGET_GROUP_BINDING, a_binding()))
    annotated = changed(a_service(), annotations={"a": "b"})
    assert normal(SERVICE_KEY, ALONE) == routed(SERVICE, a_service(), annotated, *held)
    assert normal(SERVICE_KEY) == routed(SERVICE, a_service(), changed(a_service(), labels={"a": "b"}), *held)


def test_a_services_new_port_concerns_its_bindings() -> None:
    new = changed(a_service(ports=[a_port(81)]))
    assert normal(SERVICE_KEY, BINDING) == routed(SERVICE, a_service(), new, (TARGET_GROUP_BINDING, a_binding()))


FORWARD = '{"type": "forward", "forwardConfig": {"targetGroups": [{"serviceName": "green", "servicePort": 80}]}}'
BLUE = a_service("blue", annotations={"service.beta.kubernetes.io/actions.TCP-80": FORWARD})
GREEN = a_service("green", type="ClusterIP")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param(None, GREEN, id="made"),
        pytest.param(GREEN, changed(a_service("green", type="ClusterIP", ports=[a_port(81)])), id="edited"),
        pytest.param(GREEN, None, id="gone"),
    ],
)
def test_a_service_touches_those_whose_actions_lead_to_it(old: Any, new: Any) -> None:
    elsewhere = a_service("blue", "elsewhere", annotations=BLUE["metadata"]["annotations"])
    held = ((SERVICE, BLUE), (SERVICE, elsewhere), (SERVICE, a_service()))
    assert normal(Key("service", "shop/blue")) == routed(SERVICE, old, new, *held)


@pytest.mark.parametrize("metadata", [{"annotations": {"a": "b"}}, {"labels": {"a": "b"}}])
def test_what_does_not_concern_targets_does_not_touch_those_whose_actions_lead_to_a_service(
    metadata: dict[str, Any],
) -> None:
    assert {} == routed(SERVICE, GREEN, changed(GREEN, **metadata), (SERVICE, BLUE))


def test_an_action_of_a_service_that_cannot_be_ours_leads_nowhere() -> None:
    plain = {**BLUE, "spec": {**BLUE["spec"], "type": "ClusterIP"}}
    assert {} == routed(SERVICE, None, GREEN, (SERVICE, plain))


def test_a_service_that_cannot_be_ours_is_no_key_of_its_own() -> None:
    plain = a_service(type="ClusterIP")
    assert normal(ALONE) == routed(SERVICE, None, plain, (INGRESS, an_ingress()))


@pytest.mark.parametrize(
    "mark",
    [
        {"annotations": {"service.beta.kubernetes.io/aws-load-balancer-type": "external"}},
        {"finalizers": ["service.k8s.aws/resources"]},
    ],
)
def test_a_service_of_another_type_may_be_ours_by_annotation_or_finalizer(mark: dict[str, Any]) -> None:
    service = changed(a_service(type="ClusterIP"), **mark)
    assert normal(SERVICE_KEY) == routed(SERVICE, None, service)


def test_a_service_that_turns_into_another_type_is_still_looked_at() -> None:
    assert normal(SERVICE_KEY) == routed(SERVICE, a_service(), changed(a_service(type="ClusterIP")))


# --- status, versions, finalizers ---


@pytest.mark.parametrize(
    ("kind", "obj"), [(SERVICE, a_service()), (INGRESS, an_ingress()), (TARGET_GROUP_BINDING, a_binding())]
)
def test_status_and_versions_touch_nothing(kind: Kind, obj: dict[str, Any]) -> None:
    assert {} == routed(kind, obj, with_status(obj))


@pytest.mark.parametrize(
    ("kind", "obj", "finalizer"),
    [
        (SERVICE, a_service(), "service.k8s.aws/resources"),
        (INGRESS, an_ingress(), "ingress.k8s.aws/resources"),
        (INGRESS, an_ingress(), "group.ingress.k8s.aws/shop"),
        (TARGET_GROUP_BINDING, a_binding(), "elbv2.k8s.aws/resources"),
    ],
)
def test_our_finalizer_touches_nothing_when_it_comes_and_something_when_it_goes(
    kind: Kind, obj: dict[str, Any], finalizer: str
) -> None:
    held = changed(obj, finalizers=[finalizer])
    assert {} == routed(kind, obj, held)
    assert {} != routed(kind, held, changed(held, finalizers=[]))


@pytest.mark.parametrize(
    ("kind", "obj", "finalizer"),
    [(SERVICE, a_service(), "service.k8s.aws/resources"), (INGRESS, an_ingress(), "ingress.k8s.aws/resources")],
)
def test_the_shared_group_is_looked_at_when_a_service_or_ingress_is_let_go(
    kind: Kind, obj: dict[str, Any], finalizer: str
) -> None:
    held = changed(obj, finalizers=[finalizer])
    assert BACKEND in routed(kind, held, changed(held, finalizers=[]))
    assert BACKEND in routed(kind, held, None)
    assert BACKEND not in routed(kind, obj, None)


def test_our_checkpoint_on_a_binding_touches_nothing() -> None:
    assert {} == routed(
        TARGET_GROUP_BINDING, a_binding(), changed(a_binding(), annotations={"elbv2.k8s.aws/checkpoint": "x"})
    )


def test_what_is_being_deleted_is_looked_at() -> None:
    deleted = changed(an_ingress(), deletionTimestamp="2026-01-01T00:00:00Z")
    assert normal(ALONE) == routed(INGRESS, an_ingress(), deleted)


# --- Ingresses and classes ---


def test_an_ingress_that_moves_touches_both_groups() -> None:
    old, new = an_ingress(annotations={GROUP: "old"}), an_ingress(version=2, annotations={GROUP: "new"})
    assert normal(Key("ingress-group", "old"), Key("ingress-group", "new")) == routed(INGRESS, old, new)


def test_a_finalizer_tells_of_the_group_that_an_ingress_has_yet_to_leave() -> None:
    held_back = an_ingress(finalizers=["group.ingress.k8s.aws/old"])
    assert normal(ALONE, Key("ingress-group", "old")) == routed(INGRESS, None, held_back)


def test_an_ingress_that_is_gone_touches_its_group() -> None:
    assert normal(ALONE) == routed(INGRESS, an_ingress(), None)


def test_a_class_touches_the_groups_of_its_ingresses() -> None:
    other = an_ingress("other")
    other["spec"]["ingressClassName"] = "nginx"
    held = ((INGRESS, an_ingress()), (INGRESS, other))
    assert normal(ALONE) == routed(INGRESS_CLASS, None, an_ingress_class(), *held)


def test_a_default_class_touches_the_ingresses_that_name_none() -> None:
    silent = an_ingress("silent")
    del silent["spec"]["ingressClassName"]
    default = an_ingress_class("standard", annotations={"ingressclass.kubernetes.io/is-default-class": "true"})
    assert normal(Key("ingress-group", "shop/silent")) == routed(INGRESS_CLASS, None, default, (INGRESS, silent))


def test_parameters_touch_the_groups_of_ingresses_whose_class_names_them() -> None:
    params = {"kind": "IngressClassParams", "metadata": metadata("p", None), "spec": {"group": {"name": "shop"}}}
    held = ((INGRESS_CLASS, an_ingress_class(params="p")), (INGRESS, an_ingress()))
    assert normal(Key("ingress-group", "shop")) == routed(
        INGRESS_CLASS_PARAMS, None, params, *held, groups={"web": "shop"}
    )


# --- bindings ---


def test_a_new_binding_is_looked_at_alone() -> None:
    owned = a_binding(labels={"ingress.k8s.aws/stack": "shop"})
    assert normal(BINDING) == routed(TARGET_GROUP_BINDING, None, owned)


def test_a_binding_that_was_edited_touches_its_owner_and_with_other_networking_the_nodes_groups() -> None:
    labels = {"service.k8s.aws/stack-namespace": "shop", "service.k8s.aws/stack-name": "web"}
    old, new = a_binding(labels=labels), changed(a_binding(labels=labels))
    new["spec"]["serviceRef"] = {"name": "api", "port": 80}
    assert normal(BINDING, SERVICE_KEY) == routed(TARGET_GROUP_BINDING, old, new)
    new["spec"]["networking"] = {"ingress": []}
    assert normal(BINDING, SERVICE_KEY, NODES) == routed(TARGET_GROUP_BINDING, old, new)


def test_a_binding_that_is_being_deleted_touches_its_owner() -> None:
    old = a_binding(labels={"ingress.k8s.aws/stack": "shop"})
    new = changed(old, deletionTimestamp="2026-01-01T00:00:00Z")
    assert normal(BINDING, Key("ingress-group", "shop")) == routed(TARGET_GROUP_BINDING, old, new)


def test_a_binding_that_is_gone_touches_its_owner_and_the_security_groups() -> None:
    old = a_binding(labels={"ingress.k8s.aws/stack-namespace": "shop", "ingress.k8s.aws/stack-name": "web"})
    assert normal(BINDING, ALONE, NODES, BACKEND) == routed(TARGET_GROUP_BINDING, old, None)


# --- targets ---


def test_endpoints_touch_the_services_bindings_urgently() -> None:
    held = (
        (TARGET_GROUP_BINDING, a_binding()),
        (TARGET_GROUP_BINDING, a_binding("untyped", target_type=None)),
        (TARGET_GROUP_BINDING, a_binding("nodes", target_type="instance")),
        (TARGET_GROUP_BINDING, a_binding("other", service="api")),
    )
    expected = dict.fromkeys((BINDING, Key("binding", "shop/untyped")), Lane.URGENT)
    assert expected == routed(ENDPOINT_SLICE, None, lean(ENDPOINT_SLICE, a_slice()), *held)
    assert expected == routed(ENDPOINT_SLICE, a_slice(), a_slice(version=2, pods=("web-1", "web-2")), *held)


def test_an_endpoint_that_leaves_is_the_most_urgent() -> None:
    held = (TARGET_GROUP_BINDING, a_binding())
    both, one = a_slice(pods=("web-1", "web-2")), a_slice(version=2, pods=("web-1",))
    assert {BINDING: Lane.LEAVING} == routed(ENDPOINT_SLICE, both, one, held)
    assert {BINDING: Lane.LEAVING} == routed(ENDPOINT_SLICE, one, None, held)


def test_a_slice_with_the_same_endpoints_touches_nothing() -> None:
    assert {} == routed(ENDPOINT_SLICE, a_slice(), a_slice(version=2), (TARGET_GROUP_BINDING, a_binding()))


POD_CHANGES = [
    (a_pod(ready=False, version=2), True),
    (a_pod(ip="10.0.0.2", version=2), True),
    (a_pod(version=2, deletionTimestamp="2026-01-01T00:00:00Z"), True),
    (None, True),
    (a_pod(version=2, annotations={"a": "b"}), False),
    (a_pod(version=2), False),
]


@pytest.mark.parametrize(("new", "matters"), POD_CHANGES)
def test_a_pod_touches_the_bindings_it_is_a_target_of_when_it_matters(new: Any, matters: bool) -> None:
    held = ((ENDPOINT_SLICE, a_slice()), (TARGET_GROUP_BINDING, a_binding()))
    new = lean(POD, new) if new else None
    assert ({BINDING: Lane.URGENT} if matters else {}) == routed(POD, lean(POD, a_pod()), new, *held)


def test_a_pod_behind_no_service_touches_nothing() -> None:
    assert {} == routed(POD, None, lean(POD, a_pod("alone")), (TARGET_GROUP_BINDING, a_binding()))


NODE_CHANGES = [
    (a_node(ready="False", version=2), True),
    (a_node(version=2, taints=[{"key": "x", "effect": "NoSchedule"}]), True),
    (a_node(version=2, providerID="aws:///us-west-2b/i-1"), True),
    (None, True),
    (a_node(version=2), False),
]


@pytest.mark.parametrize(("new", "matters"), NODE_CHANGES)
def test_a_node_touches_bindings_of_instances_and_the_nodes_groups_but_not_by_its_heartbeats(
    new: Any, matters: bool
) -> None:
    held = ((TARGET_GROUP_BINDING, a_binding()), (TARGET_GROUP_BINDING, a_binding("nodes", target_type="instance")))
    expected = normal(Key("binding", "shop/nodes"), NODES) if matters else {}
    assert expected == routed(NODE, lean(NODE, a_node()), lean(NODE, new) if new else None, *held)


# --- the rest ---


def test_kinds_that_nothing_depends_on_touch_nothing() -> None:
    assert {} == routed(NAMESPACE, None, {"metadata": metadata("s", None)})


def test_everything_is_every_key_in_the_background() -> None:
    store = Store()
    for kind, obj in (
        (SERVICE, a_service()),
        (SERVICE, a_service("plain", type="ClusterIP")),
        (INGRESS, an_ingress(finalizers=["group.ingress.k8s.aws/old"])),
        (TARGET_GROUP_BINDING, a_binding()),
    ):
        store.upsert(kind, obj)
    routing = Routing(store, lambda ingress: [declared_group(ingress)])
    expected = (SERVICE_KEY, ALONE, Key("ingress-group", "old"), BINDING, NODES, BACKEND)
    assert dict.fromkeys(expected, Lane.BACKGROUND) == routing.everything()


def test_there_are_no_keys_for_a_controller_that_does_not_run() -> None:
    store, service = Store(), a_service()
    for kind, obj in ((SERVICE, service), (TARGET_GROUP_BINDING, a_binding()), (INGRESS, an_ingress())):
        store.upsert(kind, obj)
    routing = Routing(store, lambda ingress: [declared_group(ingress)], idle=frozenset({"service"}))
    changes = [(SERVICE, None, service), (SERVICE, service, None), (TARGET_GROUP_BINDING, a_binding(), None)]
    keys = {*routing.everything(), *(key for change in changes for key in routing.keys_for(*change))}
    assert {"ingress-group", "binding", "node-security-groups", "backend-security-group"} == {
        key.controller for key in keys
    }


NAMES_SECRET = {"alb.ingress.kubernetes.io/auth-idp-oidc": '{"secretName": "oidc"}'}


def a_client(version: int = 1, **more: Any) -> dict[str, Any]:
    return lean(SECRET, a_secret(version=version, **more))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (None, a_client()),
        (a_client(), None),
        (a_client(), a_client(2, clientID="shop", clientSecret="new")),
        (a_client(), a_client(2, clientID="mall", clientSecret="hush")),
    ],
    ids=["made", "gone", "another secret", "another name"],
)
def test_a_secret_touches_the_groups_of_the_ingresses_that_name_it(old: Any, new: Any) -> None:
    naming = an_ingress("a", annotations=NAMES_SECRET)
    other = an_ingress("b")
    expected = {Key("ingress-group", "shop"): Lane.NORMAL}
    assert expected == routed(SECRET, old, new, (INGRESS, naming), (INGRESS, other), groups={"a": "shop"})


def test_a_secret_touches_the_ingresses_of_services_that_name_it() -> None:
    service = a_service(annotations=NAMES_SECRET)
    assert {ALONE: Lane.NORMAL} == routed(SECRET, None, a_client(), (SERVICE, service), (INGRESS, an_ingress()))


def test_a_secret_whose_client_stays_touches_nothing() -> None:
    relabelled = a_client(2, labels={"team": "shop"})
    assert {} == routed(SECRET, a_client(), relabelled, (INGRESS, an_ingress(annotations=NAMES_SECRET)))


def test_a_record_of_client_secrets_on_a_binding_wakes_nobody() -> None:
    noted = changed(a_binding(), annotations={"elbv2.k8s.aws/deployed-client-secrets": "{}"})
    assert {} == routed(TARGET_GROUP_BINDING, a_binding(), noted)
