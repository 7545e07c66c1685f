"""Kubernetes objects as watches give them, for tests of the store, routing and views: valid by default."""

from __future__ import annotations

from typing import Any


def metadata(name: str, namespace: str | None = "shop", *, version: int = 1, **more: Any) -> dict[str, Any]:
    """Metadata with a uid and a resourceVersion."""
    place = {"namespace": namespace} if namespace else {}
    return {"name": name, **place, "uid": f"uid-of-{name}", "resourceVersion": str(version), **more}


def an_ingress(
    name: str = "web", *, services: tuple[str, ...] = ("web",), version: int = 1, **more: Any
) -> dict[str, Any]:
    """An Ingress of class alb with a path per Service; more: metadata."""
    backends = [{"service": {"name": service, "port": {"number": 80}}} for service in services]
    paths = [{"path": f"/{n}", "pathType": "Prefix", "backend": backend} for n, backend in enumerate(backends)]
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": metadata(name, version=version, **more),
        "spec": {"ingressClassName": "alb", "rules": [{"http": {"paths": paths}}]},
    }


def an_ingress_class(name: str = "alb", *, params: str | None = None, **more: Any) -> dict[str, Any]:
    """An IngressClass of ours; params: the name of its IngressClassParams."""
    reference = {"apiGroup": "elbv2.k8s.aws", "kind": "IngressClassParams", "name": params}
    spec = {"controller": "ingress.k8s.aws/alb", **({"parameters": reference} if params else {})}
    return {"kind": "IngressClass", "metadata": metadata(name, None, **more), "spec": spec}


def a_binding(
    name: str = "tgb", *, service: str = "web", target_type: str | None = "ip", **more: Any
) -> dict[str, Any]:
    """A TargetGroupBinding of a Service; more: metadata."""
    arn = f"arn:aws:elasticloadbalancing:us-west-2:111122223333:targetgroup/{name}/0123456789abcdef"
    spec = {"targetGroupARN": arn, "serviceRef": {"name": service, "port": 80}}
    return {
        "kind": "TargetGroupBinding",
        "metadata": metadata(name, **more),
        "spec": {**spec, **({"targetType": target_type} if target_type else {})},
    }


def a_slice(
    name: str = "web-abc", *, service: str = "web", pods: tuple[str, ...] = ("web-1",), version: int = 1
) -> dict[str, Any]:
    """An EndpointSlice with one ready endpoint per pod, whole as the API gives it."""
    return {
        "metadata": metadata(name, version=version, labels={"kubernetes.io/service-name": service, "app": service}),
        "addressType": "IPv4",
        "ports": [{"name": "http", "port": 8080, "protocol": "TCP"}],
        "endpoints": [
            {
                "addresses": [f"10.0.0.{n}"],
                "conditions": {"ready": True, "serving": True, "terminating": False},
                "nodeName": "node-0",
                "zone": "us-west-2a",
                "targetRef": {"kind": "Pod", "namespace": "shop", "name": pod, "uid": f"uid-of-{pod}"},
            }
            for n, pod in enumerate(pods, 1)
        ],
    }


def a_pod(
    name: str = "web-1", *, ready: bool = True, ip: str = "10.0.0.1", version: int = 1, **more: Any
) -> dict[str, Any]:
    """A running pod, whole as the API gives it; more: metadata."""
    status = "True" if ready else "False"
    container = {"name": "app", "image": "x", "ports": [{"name": "http", "containerPort": 8080}, {"containerPort": 9}]}
    return {
        "metadata": metadata(name, version=version, labels={"app": "web"}, **more),
        "spec": {"nodeName": "node-0", "containers": [container]},
        "status": {
            "phase": "Running",
            "podIP": ip,
            "podIPs": [{"ip": ip}],
            "conditions": [
                {"type": "ContainersReady", "status": status, "lastTransitionTime": "2026-01-01T00:00:00Z"},
                {"type": "PodScheduled", "status": "True"},
            ],
        },
    }


def a_node(name: str = "node-0", *, ready: str = "True", version: int = 1, **spec: Any) -> dict[str, Any]:
    """A node on an EC2 instance, whole as the API gives it."""
    heartbeat = f"2026-01-01T00:00:{version % 60:02}Z"
    return {
        "metadata": metadata(name, None, version=version, labels={"topology.kubernetes.io/zone": "us-west-2a"}),
        "spec": {"providerID": "aws:///us-west-2a/i-0123456789abcdef0", **spec},
        "status": {
            "addresses": [{"type": "InternalIP", "address": "10.0.0.9"}, {"type": "Hostname", "address": name}],
            "conditions": [
                {"type": "MemoryPressure", "status": "False"},
                {"type": "Ready", "status": ready, "lastHeartbeatTime": heartbeat},
            ],
            "capacity": {"cpu": "32"},
        },
    }
