"""TargetGroupBindings between the model's words and the Kubernetes API's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aws_lb_controller.api.names import API_VERSION
from aws_lb_controller.model.binding import Binding, NetworkingPeer, NetworkingPort, NetworkingRule
from aws_lb_controller.model.observed import SeenBinding

Obj = Mapping[str, Any]


def manifest(binding: Binding) -> dict[str, Any]:
    """The object to create; every reference in the binding is resolved."""
    return {
        "apiVersion": API_VERSION,
        "kind": "TargetGroupBinding",
        "metadata": {
            "namespace": binding.namespace,
            "name": binding.name,
            "labels": dict(binding.labels),
            **({"annotations": dict(binding.annotations)} if binding.annotations else {}),
        },
        "spec": {k: v for k, v in _spec(binding).items() if v is not None},
    }


def patch(binding: Binding, held: Obj) -> dict[str, Any]:
    """The merge patch that brings the object that is there to the binding. Others' labels and annotations stay."""
    metadata: dict[str, Any] = {"labels": dict(binding.labels)}
    if binding.annotations:
        metadata["annotations"] = dict(binding.annotations)
    return {"metadata": metadata, "spec": _difference(held.get("spec") or {}, manifest(binding)["spec"])}


def _difference(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """The JSON merge patch (RFC 7386) from one object to another: what is too much is null, at every depth."""
    gone: dict[str, Any] = dict.fromkeys(old.keys() - new.keys())
    return gone | {
        key: _difference(old[key], value) if isinstance(value, Mapping) and isinstance(old.get(key), Mapping) else value
        for key, value in new.items()
        if old.get(key) != value
    }


def _spec(binding: Binding) -> dict[str, Any]:
    networking = binding.networking
    return {
        "targetGroupARN": binding.target_group,
        "targetGroupProtocol": binding.target_group_protocol,
        "targetType": binding.target_type,
        "ipAddressType": binding.ip_address_type,
        "vpcID": binding.vpc_id,
        "serviceRef": {"name": binding.service_name, "port": binding.service_port},
        "networking": None if networking is None else {"ingress": [_rule(r) for r in networking]},
        "nodeSelector": binding.node_selector,
        "multiClusterTargetGroup": binding.multi_cluster or None,
    }


def _rule(rule: NetworkingRule) -> dict[str, Any]:
    return {
        "from": [
            {"ipBlock": {"cidr": p.cidr}} if p.cidr else {"securityGroup": {"groupID": p.security_group}}
            for p in rule.peers
        ],
        "ports": [{k: v for k, v in (("protocol", p.protocol), ("port", p.port)) if v is not None} for p in rule.ports],
    }


def seen(obj: Obj) -> SeenBinding:
    """A TargetGroupBinding of the API as an observed binding."""
    meta, spec = obj["metadata"], obj["spec"]
    networking = spec.get("networking")
    return SeenBinding(
        arn=meta.get("uid", ""),
        deleting=bool(meta.get("deletionTimestamp")),
        resource=Binding(
            namespace=meta["namespace"],
            name=meta["name"],
            labels=meta.get("labels") or {},
            annotations=meta.get("annotations"),
            target_group=spec.get("targetGroupARN", ""),
            target_group_protocol=spec.get("targetGroupProtocol", ""),
            target_type=spec.get("targetType", ""),
            ip_address_type=spec.get("ipAddressType", ""),
            vpc_id=spec.get("vpcID"),
            service_name=spec["serviceRef"]["name"],
            service_port=spec["serviceRef"]["port"],
            networking=None if networking is None else tuple(_seen_rule(r) for r in networking.get("ingress") or ()),
            node_selector=spec.get("nodeSelector"),
            multi_cluster=bool(spec.get("multiClusterTargetGroup")),
        ),
    )


def _seen_rule(rule: Obj) -> NetworkingRule:
    return NetworkingRule(
        peers=tuple(
            NetworkingPeer(
                cidr=(p.get("ipBlock") or {}).get("cidr"),
                security_group=(p.get("securityGroup") or {}).get("groupID"),
            )
            for p in rule.get("from") or ()
        ),
        ports=tuple(NetworkingPort(protocol=p.get("protocol"), port=p.get("port")) for p in rule.get("ports") or ()),
    )
