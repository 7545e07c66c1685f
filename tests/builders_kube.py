"""Kubernetes objects for tests: valid by default, as the API server gives them."""

from __future__ import annotations

import base64
from typing import Any


def a_service(
    name: str = "web",
    namespace: str = "shop",
    *,
    annotations: dict[str, str] | None = None,
    ports: list[dict[str, Any]] | None = None,
    **spec: Any,
) -> dict[str, Any]:
    """A Service of type LoadBalancer and our class, port 80 to 8080 by node port 30080."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {
            "namespace": namespace,
            "name": name,
            "uid": f"uid-of-{namespace}-{name}",
            "resourceVersion": "1",
            "annotations": annotations or {},
        },
        "spec": {
            "type": "LoadBalancer",
            "loadBalancerClass": "service.k8s.aws/nlb",
            "ports": ports or [a_port()],
            "ipFamilies": ["IPv4"],
            "externalTrafficPolicy": "Cluster",
            **spec,
        },
    }


def a_secret(
    name: str = "oidc", namespace: str = "shop", *, version: int = 1, labels: dict[str, str] | None = None, **data: str
) -> dict[str, Any]:
    """An OIDC client, shop with the secret "hush"; data: other keys instead."""
    texts = data or {"clientID": "shop", "clientSecret": "hush"}
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "namespace": namespace,
            "name": name,
            "uid": f"uid-of-{namespace}-{name}",
            "resourceVersion": str(version),
            "labels": labels or {},
        },
        "data": {key: base64.b64encode(text.encode()).decode() for key, text in texts.items()},
    }


def a_port(port: int = 80, *, target_port: int | str = 8080, protocol: str = "TCP", **more: Any) -> dict[str, Any]:
    """One of a Service's ports, with a node port."""
    return {"port": port, "targetPort": target_port, "protocol": protocol, "nodePort": 30000 + port, **more}
