"""Of what is many only the needed fields are kept, in the API's shape."""

from __future__ import annotations

from typing import Any

from aws_lb_controller.cluster.kinds import ENDPOINT_SLICE, NODE, POD, SECRET, SERVICE
from aws_lb_controller.cluster.lean import lean
from builders_cluster import a_node, a_pod, a_slice
from builders_kube import a_secret, a_service


def without_version(obj: dict[str, Any]) -> dict[str, Any]:
    return {**obj, "metadata": {k: v for k, v in obj["metadata"].items() if k != "resourceVersion"}}


def test_of_a_pod_stays_what_a_target_depends_on() -> None:
    expected = {
        "metadata": {
            "name": "web-1",
            "namespace": "shop",
            "uid": "uid-of-web-1",
            "resourceVersion": "1",
            "labels": {"app": "web"},
        },
        "spec": {"nodeName": "node-0", "containers": [{"ports": [{"name": "http", "containerPort": 8080}]}]},
        "status": {"podIP": "10.0.0.1", "conditions": [{"type": "ContainersReady", "status": "True"}]},
    }
    assert expected == lean(POD, a_pod())


def test_our_readiness_gates_are_kept_and_no_other_condition() -> None:
    pod = a_pod()
    written = {"reason": "Elb.InitialHealthChecking", "message": "x", "lastTransitionTime": "2026-01-01T00:00:00Z"}
    gate = {"type": "target-health.elbv2.k8s.aws/tgb", "status": "False", **written}
    whole = {**gate, "lastProbeTime": None, "observedGeneration": 1}
    pod["status"]["conditions"] = [whole, {"type": "example.com/other", "status": "True"}]
    pod["spec"]["readinessGates"] = [{"conditionType": gate["type"]}]
    kept = lean(POD, pod)
    assert [gate] == kept["status"]["conditions"]
    assert [{"conditionType": gate["type"]}] == kept["spec"]["readinessGates"]


def test_of_init_containers_only_those_that_keep_running_have_ports() -> None:
    pod, port = a_pod(), {"name": "metrics", "containerPort": 9000}
    pod["spec"]["initContainers"] = [{"ports": [port], "restartPolicy": "Always"}, {"ports": [{**port, "name": "no"}]}]
    assert [{"ports": [port]}] == lean(POD, pod)["spec"]["initContainers"]


def test_a_heartbeat_changes_nothing_of_a_node_but_its_version() -> None:
    before, after = lean(NODE, a_node(version=1)), lean(NODE, a_node(version=2))
    assert before != after
    assert without_version(before) == without_version(after)


def test_of_a_slice_only_the_label_of_its_service_stays() -> None:
    kept = lean(ENDPOINT_SLICE, a_slice())
    assert {"kubernetes.io/service-name": "web"} == kept["metadata"]["labels"]
    assert a_slice()["endpoints"] == kept["endpoints"]


def test_what_is_few_stays_whole_but_for_managed_fields_and_says_its_kind() -> None:
    service = a_service()
    listed = {k: v for k, v in service.items() if k not in ("kind", "apiVersion")}
    listed["metadata"] = {**service["metadata"], "managedFields": [{"manager": "kubectl"}]}
    assert service == lean(SERVICE, listed)


def test_keeping_twice_is_keeping_once() -> None:
    for kind, obj in ((POD, a_pod()), (NODE, a_node()), (ENDPOINT_SLICE, a_slice())):
        assert lean(kind, obj) == lean(kind, lean(kind, obj))


def test_of_a_secret_stays_the_clients_name_and_a_mark() -> None:
    kept = lean(SECRET, a_secret(clientID="shop", clientSecret="hush", password="more"))
    assert {"apiVersion", "kind", "metadata", "data", "clientSecretMark"} == set(kept)
    assert (["clientID"], "oidc") == ([*kept["data"]], kept["metadata"]["name"])
