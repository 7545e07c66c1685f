"""Views say what Kubernetes' fields mean, defaults included."""

from __future__ import annotations

import pytest

from aws_lb_controller.cluster import views
from builders_cluster import a_node, a_pod, a_slice
from builders_kube import a_port, a_service


def test_a_port_without_target_port_targets_itself() -> None:
    service = a_service(ports=[{"port": 80}])
    expected = views.ServicePort(name="", port=80, target_port=80, node_port=None, protocol="TCP")
    assert (expected,) == views.service_ports(service)


def test_a_port_is_found_by_number_and_by_name() -> None:
    service = a_service(ports=[a_port(80, name="http"), a_port(443, name="https", target_port="tls")])
    found = [views.service_port(service, wanted) for wanted in (443, "https", "80", 81)]
    assert ["https", "https", None, None] == [port and port.name for port in found]


def test_an_endpoint_bears_its_pod_and_the_slices_ports() -> None:
    expected = views.Endpoint(
        address="10.0.0.1",
        address_type="IPv4",
        ready=True,
        terminating=False,
        pod="shop/web-1",
        pod_uid="uid-of-web-1",
        node="node-0",
        zone="us-west-2a",
        ports=(views.EndpointPort(name="http", port=8080, protocol="TCP"),),
    )
    assert (expected,) == views.endpoints(a_slice())


def test_an_unknown_state_counts_as_ready() -> None:
    endpoint_slice = a_slice()
    endpoint_slice["endpoints"][0]["conditions"] = {}
    (endpoint,) = views.endpoints(endpoint_slice)
    assert (True, False) == (endpoint.ready, endpoint.terminating)


def test_the_nameless_port_of_a_service_is_every_port_of_the_slice() -> None:
    (endpoint,) = views.endpoints(a_slice())
    assert [(8080,), (8080,), ()] == [endpoint.numbers(name) for name in ("http", "", "https")]


def test_an_endpoint_without_a_pod_has_none() -> None:
    endpoint_slice = a_slice()
    del endpoint_slice["endpoints"][0]["targetRef"]
    assert [None] == [endpoint.pod for endpoint in views.endpoints(endpoint_slice)]


def test_a_pods_named_ports_are_those_of_its_containers_first() -> None:
    obj = a_pod()
    obj["spec"]["initContainers"] = [
        {"ports": [{"name": "http", "containerPort": 1}, {"name": "m", "containerPort": 2}]}
    ]
    assert {"http": 8080, "m": 2} == views.pod(obj).named_ports


def test_a_pod_is_ready_by_its_containers() -> None:
    assert [True, False] == [views.pod(a_pod(ready=ready)).containers_ready for ready in (True, False)]


@pytest.mark.parametrize(
    ("provider_id", "instance"),
    [
        ("aws:///us-west-2a/i-0123456789abcdef0", "i-0123456789abcdef0"),
        ("aws:///us-west-2a/fargate-ip-10-0-0-1", None),
        ("eks-hybrid:///us-west-2/demo/mi-0123456789abcdef0", None),
        ("", None),
    ],
)
def test_the_instance_behind_a_node_is_read_from_its_provider_id(provider_id: str, instance: str | None) -> None:
    assert instance == views.node(a_node(providerID=provider_id)).instance_id


def test_a_node_tells_zone_address_and_readiness() -> None:
    node = views.node(a_node(ready="Unknown"))
    assert ("us-west-2a", "10.0.0.9", "Unknown") == (node.zone, node.internal_ip, node.ready)


def test_a_node_is_excluded_by_labels() -> None:
    obj = a_node()
    assert not views.node(obj).excluded
    for labels in ({views.EXCLUDE_LABELS[0]: ""}, {views.COMPUTE_TYPE_LABEL: "fargate"}):
        obj["metadata"]["labels"] = labels
        assert views.node(obj).excluded


@pytest.mark.parametrize(
    ("key", "effect", "leaving"),
    [
        ("ToBeDeletedByClusterAutoscaler", "NoExecute", True),
        ("karpenter.sh/disrupted", "NoSchedule", True),
        ("karpenter.sh/disrupted", "NoExecute", False),
        ("example.com/other", "NoSchedule", False),
    ],
)
def test_a_node_is_leaving_by_an_autoscalers_taint(key: str, effect: str, leaving: bool) -> None:
    assert leaving == views.node(a_node(taints=[{"key": key, "effect": effect}])).leaving
