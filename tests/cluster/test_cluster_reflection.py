"""Store, reflector, kopf's watches and writes against a real API server."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from aws_lb_controller.cluster.client import KubeClient
from aws_lb_controller.cluster.kinds import (
    ENDPOINT_SLICE,
    HEARD_BY_KOPF,
    INGRESS,
    NODE,
    POD,
    REFLECTED,
    SERVICE,
    TARGET_GROUP_BINDING,
)
from aws_lb_controller.cluster.reflector import Reflector
from aws_lb_controller.cluster.store import Store
from aws_lb_controller.cluster.views import endpoints, node, pod, service_ports
from aws_lb_controller.cluster.writes import Writes
from aws_lb_controller.errors import KubernetesConflict, KubernetesError, KubernetesNotFound, UsageError
from aws_lb_controller.runtime.watches import Watches
from fake_api import until
from localworld.control_plane import ControlPlane

FINALIZER = "service.k8s.aws/resources"


@pytest.fixture
def client(control_plane: ControlPlane) -> KubeClient:
    return KubeClient.configured(str(control_plane.kubeconfig))


@pytest.fixture
def reflected(client: KubeClient) -> Iterator[Store]:
    """A store that is kept like the cluster, after everything was listed."""
    store = Store()
    reflector = Reflector(client, store, relist_seconds=0.2)
    reflector.start()
    assert reflector.listed.wait(20)
    yield store
    reflector.stop()
    assert [] == [thread.name for thread in reflector._threads if thread.is_alive()]


@pytest.fixture
def heard(client: KubeClient) -> Iterator[Store]:
    """A store that only kopf writes to."""
    store = Store()
    watches = Watches(client, store)
    watches.start()
    until(lambda: store.get(SERVICE, "default", "kubernetes") is not None, "kopf's first list")
    yield store
    watches.stop()
    assert (0, False) == (watches.restarts, watches._thread.is_alive())


def deployed(namespace: str, *, replicas: int) -> list[dict[str, Any]]:
    labels = {"app": "web"}
    container = {"name": "web", "image": "x", "ports": [{"name": "http", "containerPort": 8080}]}
    place = {"name": "web", "namespace": namespace}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [container]}}
    return [
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": place,
            "spec": {"replicas": replicas, "selector": {"matchLabels": labels}, "template": template},
        },
        a_service(namespace),
    ]


def a_service(namespace: str, name: str = "web") -> dict[str, Any]:
    port = {"name": "http", "port": 80, "targetPort": "http"}
    metadata = {"name": name, "namespace": namespace}
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata,
        "spec": {"selector": {"app": "web"}, "ports": [port]},
    }


def ready_pods(store: Store, namespace: str) -> set[str]:
    slices = store.by_index(ENDPOINT_SLICE, "service", f"{namespace}/web")
    return {e.pod for each in slices for e in endpoints(each) if e.ready and e.pod}


def test_endpoints_and_pods_follow_a_deployment(control_plane: ControlPlane, reflected: Store, namespace: str) -> None:
    control_plane.apply(deployed(namespace, replicas=3))
    until(lambda: len(ready_pods(reflected, namespace)) == 3, "three ready endpoints")
    names = ready_pods(reflected, namespace)
    views = [pod(reflected.get(POD, *name.split("/")) or {}) for name in names]
    assert [True] * 3 == [view.containers_ready for view in views]
    assert {"http": 8080} == views[0].named_ports
    (endpoint, *_) = endpoints(reflected.by_index(ENDPOINT_SLICE, "service", f"{namespace}/web")[0])
    assert ((8080,), True) == (endpoint.numbers("http"), endpoint.address in {view.ip for view in views})
    control_plane.kubectl("scale", "deployment/web", "-n", namespace, "--replicas=1")
    until(lambda: len(ready_pods(reflected, namespace)) == 1, "one ready endpoint")


def test_a_list_longer_than_a_page_is_taken_whole(
    client: KubeClient, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("aws_lb_controller.cluster.list_watch.PAGE", 2)
    writes, store = Writes(client, Store(), may_write=lambda: None), Store()
    for n in range(5):
        writes.create(SERVICE, a_service(namespace, f"web-{n}"))
    Reflector(client, store, namespace=namespace).list_once(SERVICE)
    assert {f"web-{n}" for n in range(5)} == {service["metadata"]["name"] for service in store.list(SERVICE)}


def test_a_silent_watch_is_begun_again_and_misses_nothing(
    client: KubeClient, control_plane: ControlPlane, namespace: str
) -> None:
    store = Store()
    reflector = Reflector(client, store, namespace=namespace, watched=(SERVICE,), heard=(), stall_seconds=0.2)
    stalls: list[str] = []
    opened = client.stream
    client.stream = lambda *args, **more: stalls.append("watch") or opened(*args, **more)  # type: ignore[method-assign]
    reflector.start()
    until(lambda: len(stalls) > 2, "stalls")
    control_plane.apply([a_service(namespace)])
    until(lambda: store.get(SERVICE, namespace, "web") is not None, "the Service")
    reflector.stop()


def test_nodes_name_their_instances(control_plane: ControlPlane, reflected: Store) -> None:
    provided = {item["spec"]["providerID"].rsplit("/", 1)[1] for item in control_plane.get("nodes")["items"]}
    assert provided == {node(obj).instance_id for obj in reflected.list(NODE)}


def test_a_token_may_list_exactly_what_its_role_says(control_plane: ControlPlane, namespace: str) -> None:
    control_plane.kubectl("create", "serviceaccount", "nobody", "-n", namespace)
    config = control_plane.service_account_kubeconfig(namespace, "nobody")
    reflector = Reflector(KubeClient.configured(str(config)), Store())
    with pytest.raises(KubernetesError, match="403"):
        reflector.list_once(POD)


def test_kopf_tells_of_services_and_leaves_no_mark_on_them(
    control_plane: ControlPlane, heard: Store, namespace: str
) -> None:
    control_plane.apply([a_service(namespace)])
    until(lambda: heard.get(SERVICE, namespace, "web") is not None, "the Service")
    control_plane.kubectl("annotate", "service/web", "-n", namespace, "a=b")
    until(lambda: (heard.get(SERVICE, namespace, "web") or {})["metadata"]["annotations"].get("a") == "b", "the edit")
    metadata = control_plane.get("service/web", "-n", namespace)["metadata"]
    applied = "kubectl.kubernetes.io/last-applied-configuration"
    assert ({"a", applied}, None) == ({*metadata["annotations"]}, metadata.get("finalizers"))
    control_plane.kubectl("delete", "service/web", "-n", namespace)
    until(lambda: heard.get(SERVICE, namespace, "web") is None, "the deletion")


def test_the_stores_of_kopf_and_of_the_reflector_are_the_same(
    control_plane: ControlPlane, heard: Store, reflected: Store, namespace: str
) -> None:
    control_plane.apply([a_service(namespace)])

    def of(store: Store) -> object:
        return store.get(SERVICE, namespace, "web")

    until(lambda: of(heard) is not None and of(heard) == of(reflected), "both")
    assert 1 == len(service_ports(of(heard) or {}))  # type: ignore[arg-type]  # it is an object


def test_kopf_in_one_namespace_hears_no_other(client: KubeClient, control_plane: ControlPlane, namespace: str) -> None:
    store = Store()
    watches = Watches(client, store, namespace=namespace)
    watches.start()
    control_plane.apply([a_service(namespace)])
    until(lambda: store.get(SERVICE, namespace, "web") is not None, "the Service")
    watches.stop()
    assert [namespace] == [service["metadata"]["namespace"] for service in store.list(SERVICE)]


def test_kopf_is_started_again_when_it_falls(
    client: KubeClient, control_plane: ControlPlane, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("aws_lb_controller.runtime.watches.RESTART_SECONDS", 0.01)
    store, fallen = Store(), threading.Event()

    def fall_once(*_: object) -> None:
        if not fallen.is_set():
            fallen.set()
            raise RuntimeError("as kopf does on a watch answered with 404")

    watches = Watches(client, store, extend=fall_once)
    watches.start()
    control_plane.apply([a_service(namespace)])
    until(lambda: store.get(SERVICE, namespace, "web") is not None, "the Service")
    watches.stop()
    assert 1 == watches.restarts


def test_finalizers_hold_an_object_until_the_last_is_removed(client: KubeClient, namespace: str) -> None:
    store = Store()
    writes = Writes(client, store, may_write=lambda: None)
    service = writes.create(SERVICE, a_service(namespace))
    stale = service
    service = writes.add_finalizer(SERVICE, service, FINALIZER)
    assert (
        service["metadata"]["finalizers"] == writes.add_finalizer(SERVICE, stale, FINALIZER)["metadata"]["finalizers"]
    )
    writes.delete(SERVICE, namespace, "web")
    held = store.get(SERVICE, namespace, "web")
    assert held is not None
    assert held["metadata"]["deletionTimestamp"]
    assert writes.remove_finalizer(SERVICE, held, FINALIZER) is None
    assert store.get(SERVICE, namespace, "web") is None
    with pytest.raises(KubernetesNotFound):
        writes.fetch(SERVICE, namespace, "web")


def test_status_is_patched_by_its_own_path(client: KubeClient, namespace: str) -> None:
    writes = Writes(client, Store(), may_write=lambda: None)
    rule = {"http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": {"resource": None}}]}}
    rule["http"]["paths"][0]["backend"] = {"service": {"name": "web", "port": {"number": 80}}}
    ingress = writes.create(INGRESS, {"metadata": {"name": "web", "namespace": namespace}, "spec": {"rules": [rule]}})
    status = {"loadBalancer": {"ingress": [{"hostname": "a.elb.amazonaws.com"}]}}
    assert status == writes.patch_status(INGRESS, ingress, status)["status"]


def test_making_a_binding_twice_is_a_conflict_and_a_wrong_one_an_error_that_says_why(
    client: KubeClient, namespace: str
) -> None:
    writes = Writes(client, Store(), may_write=lambda: None)
    spec = {"serviceRef": {"name": "web", "port": 80}, "targetGroupARN": "arn:aws:x", "targetType": "ip"}
    body = {"metadata": {"name": "tgb", "namespace": namespace}, "spec": spec}
    writes.create(TARGET_GROUP_BINDING, body)
    with pytest.raises(KubernetesConflict):
        writes.create(TARGET_GROUP_BINDING, body)
    with pytest.raises(KubernetesError, match=r"422.*targetType"):
        writes.patch(TARGET_GROUP_BINDING, namespace, "tgb", {"spec": {"targetType": "wrong"}})
    writes.delete(TARGET_GROUP_BINDING, namespace, "tgb")


def test_no_server_is_an_error_without_a_status(control_plane: ControlPlane) -> None:
    client = KubeClient.configured(str(control_plane.kubeconfig))
    client._configuration.host = "https://127.0.0.1:1"
    with pytest.raises(KubernetesError) as refused:
        client.get("/api")
    assert 0 == refused.value.status


def test_a_kubeconfig_that_is_missing_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match="--kubeconfig=/nowhere/kubeconfig"):
        KubeClient.configured("/nowhere/kubeconfig")


def test_the_kinds_of_the_controller_are_all_served(client: KubeClient) -> None:
    store = Store()
    reflector = Reflector(client, store)
    assert all(reflector.list_once(kind) for kind in (*HEARD_BY_KOPF, *REFLECTED))
