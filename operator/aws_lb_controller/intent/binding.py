"""What a TargetGroupBinding asks for, typed and with its defaults: every bad value is reported at once.

A binding may be ours (made for a target group of a stack) or a user's own, for a target group that others made.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import ValidationError

from aws_lb_controller.api.selector import LabelSelector
from aws_lb_controller.api.target_group_binding import (
    Networking,
    NetworkingIngressRule,
    TargetGroupBinding,
    TargetGroupBindingSpec,
    TargetType,
)
from aws_lb_controller.api.target_group_binding import NetworkingPeer as ApiPeer
from aws_lb_controller.errors import Problem, SpecError
from aws_lb_controller.model.binding import NetworkingPeer, NetworkingPort, NetworkingRule

_TARGET_GROUP_ARN = re.compile(r"arn:[^:]+:elasticloadbalancing:[^:]+:[^:]+:targetgroup/.+")
_ROLE_ARN = re.compile(r"arn:[^:]+:iam::[0-9]+:role/.+")
_VPC_ID = re.compile(r"vpc-[0-9a-f]+")
_QUIC = frozenset({"QUIC", "TCP_QUIC"})
_LABEL_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?")
_LABEL_PREFIX = re.compile(r"(?=.{1,253}\Z)[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*")


@dataclass(frozen=True, slots=True, kw_only=True)
class AssumedRole:
    """``spec.iamRoleArnToAssume`` and ``spec.assumeRoleExternalId``: the target group is in another account."""

    arn: str
    external_id: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class BindingIntent:
    """A TargetGroupBinding as it is to be carried out.

    target_group: its ARN as written. networking None: the targets' security groups are not ours to touch. In it CIDRs
    are without host bits, protocols are ``tcp`` or ``udp``, and every security group is an id. bad_networking: what is
    wrong with it; it says nothing then, but pods are targets all the same, as where a security group cannot be opened.
    node_selector None: all nodes that take part in load balancing. vpc_id None: the target group is in the cluster's
    VPC.
    """

    namespace: str
    name: str
    target_group: str
    target_group_protocol: str | None
    target_type: TargetType
    ip_address_type: Literal["ipv4", "ipv6"]
    vpc_id: str | None
    service_name: str
    service_port: int | str
    networking: tuple[NetworkingRule, ...] | None
    bad_networking: tuple[Problem, ...] = ()
    node_selector: LabelSelector | None
    multi_cluster: bool
    assumed_role: AssumedRole | None

    @property
    def key(self) -> str:
        """``namespace/name``."""
        return f"{self.namespace}/{self.name}"

    @property
    def uses_server_ids(self) -> bool:
        """Whether its targets are told apart by a QUIC server id too."""
        return self.target_group_protocol in _QUIC


def read_binding(raw: Mapping[str, Any]) -> BindingIntent:
    """The intent of a TargetGroupBinding as the API gives it.

    Raises `SpecError` naming every field that is missing or wrong, but for the networking of pods.
    """
    binding = TargetGroupBinding.read(raw)
    metadata, spec = binding.metadata, binding.spec
    name = f"TargetGroupBinding {metadata.namespace}/{metadata.name}"
    bad_networking = tuple(_networking_problems(name, spec))
    if problems := (*_problems(name, spec), *(() if spec.target_type == "ip" else bad_networking)):
        raise SpecError(problems)
    return BindingIntent(
        namespace=metadata.namespace,
        name=metadata.name,
        target_group=spec.target_group_arn or "",
        target_group_protocol=spec.target_group_protocol,
        target_type=spec.target_type or "instance",
        ip_address_type=spec.ip_address_type or "ipv4",
        vpc_id=spec.vpc_id or None,
        service_name=spec.service_ref.name,
        service_port=spec.service_ref.port,
        networking=_rules(spec.networking, bad=bool(bad_networking)),
        bad_networking=bad_networking,
        node_selector=spec.node_selector,
        multi_cluster=spec.multi_cluster_target_group,
        assumed_role=_assumed_role(spec),
    )


def role_of(raw: Mapping[str, Any]) -> AssumedRole | None:
    """The role to assume, of a binding that need not be valid: deleting needs no valid spec."""
    spec = raw.get("spec") or {}
    arn, external_id = spec.get("iamRoleArnToAssume"), spec.get("assumeRoleExternalId")
    return AssumedRole(arn=str(arn), external_id=str(external_id) if external_id else None) if arn else None


def is_multi_cluster(raw: Mapping[str, Any]) -> bool:
    """Whether other clusters have targets in its target group; of a binding that need not be valid."""
    return bool((raw.get("spec") or {}).get("multiClusterTargetGroup"))


def target_group_of(raw: Mapping[str, Any]) -> str | None:
    """The ARN as written, of a binding that need not be valid: deleting needs no valid spec."""
    arn = (raw.get("spec") or {}).get("targetGroupARN")
    return arn if isinstance(arn, str) and arn else None


def networking_of(raw: Mapping[str, Any]) -> tuple[NetworkingRule, ...] | None:
    """The networking of a binding that need not be valid otherwise: none is empty, None is one that cannot be read."""
    try:
        networking = Networking.model_validate((raw.get("spec") or {}).get("networking") or {})
    except ValidationError:
        return None
    if any(_rule_problems("", networking.ingress, None)):
        return None
    return tuple(map(_rule, networking.ingress))


def _assumed_role(spec: TargetGroupBindingSpec) -> AssumedRole | None:
    if not spec.iam_role_arn_to_assume:
        return None
    return AssumedRole(arn=spec.iam_role_arn_to_assume, external_id=spec.assume_role_external_id or None)


def _problems(name: str, spec: TargetGroupBindingSpec) -> Iterator[Problem]:
    if spec.target_type is None:
        yield Problem(name, "spec.targetType", "", "give the type of the target group's targets: instance or ip")
    if not spec.target_group_arn:
        yield Problem(
            name,
            "spec.targetGroupARN",
            "",
            "give the target group's ARN (a name alone is resolved by the webhook only)",
        )
    elif not _TARGET_GROUP_ARN.fullmatch(spec.target_group_arn):
        remedy = "give a target group's ARN: arn:aws:elasticloadbalancing:REGION:ACCOUNT:targetgroup/NAME/ID"
        yield Problem(name, "spec.targetGroupARN", spec.target_group_arn, remedy)
    if spec.target_type != "instance" and spec.vpc_id and not _VPC_ID.fullmatch(spec.vpc_id):
        yield Problem(name, "spec.vpcID", spec.vpc_id, "give the id of the target group's VPC: vpc-...")
    if spec.target_type == "instance":
        yield from _instance_problems(name, spec)
    if spec.iam_role_arn_to_assume and not _ROLE_ARN.fullmatch(spec.iam_role_arn_to_assume):
        remedy = "give the ARN of a role in the target group's account: arn:aws:iam::ACCOUNT:role/NAME"
        yield Problem(name, "spec.iamRoleArnToAssume", spec.iam_role_arn_to_assume, remedy)


def _instance_problems(name: str, spec: TargetGroupBindingSpec) -> Iterator[Problem]:
    if spec.iam_role_arn_to_assume:
        remedy = "use targetType ip: a target group of another account takes no instances of this one"
        yield Problem(name, "spec.iamRoleArnToAssume", spec.iam_role_arn_to_assume, remedy)
    if spec.target_group_protocol in _QUIC:
        remedy = "use targetType ip: nodes have no QUIC server ids"
        yield Problem(name, "spec.targetGroupProtocol", spec.target_group_protocol, remedy)
    if spec.node_selector is not None:
        yield from _selector_problems(name, spec.node_selector)


def _selector_problems(name: str, selector: LabelSelector) -> Iterator[Problem]:
    for key, value in selector.match_labels.items():
        yield from _label_problems(name, "spec.nodeSelector.matchLabels", key, (value,))
    for i, each in enumerate(selector.match_expressions):
        field, needs_values = f"spec.nodeSelector.matchExpressions[{i}]", each.operator in ("In", "NotIn")
        if needs_values != bool(each.values):
            remedy = f"{each.operator} needs values" if needs_values else f"{each.operator} takes no values"
            yield Problem(name, f"{field}.values", ",".join(each.values), remedy)
        yield from _label_problems(name, field, each.key, each.values)


def _label_problems(name: str, field: str, key: str, values: Iterable[str]) -> Iterator[Problem]:
    """What no node can bear as a label: whoever writes it means something else."""
    if not _is_label_key(key):
        yield Problem(name, field, key, "write the key of a label, such as example.com/role")
    for value in values:
        if value and not _LABEL_NAME.fullmatch(value):
            yield Problem(name, field, value, "write a label's value: at most 63 letters, digits, -, _ and .")


def _is_label_key(key: str) -> bool:
    prefix, slash, label = key.rpartition("/")
    return bool(_LABEL_NAME.fullmatch(label)) and (not slash or bool(_LABEL_PREFIX.fullmatch(prefix)))


def _networking_problems(name: str, spec: TargetGroupBindingSpec) -> Iterator[Problem]:
    if spec.networking is not None:
        yield from _rule_problems(name, spec.networking.ingress, spec.target_type)


def _rule_problems(
    name: str, rules: Iterable[NetworkingIngressRule], target_type: TargetType | None
) -> Iterator[Problem]:
    for i, rule in enumerate(rules):
        field = f"spec.networking.ingress[{i}]"
        for j, peer in enumerate(rule.from_):
            yield from _peer_problems(name, f"{field}.from[{j}]", peer)
        for j, port in enumerate(rule.ports):
            if isinstance(port.port, str) and target_type == "instance":
                yield Problem(
                    name, f"{field}.ports[{j}].port", port.port, "give a number: names are those of pods, not of nodes"
                )


def _peer_problems(name: str, field: str, peer: ApiPeer) -> Iterator[Problem]:
    """Of both, the security group counts, and nobody looks at the network."""
    if peer.security_group is not None:
        return
    if peer.ip_block is None:
        yield Problem(name, field, "", "give one of ipBlock and securityGroup")
    elif not _is_network(peer.ip_block.cidr):
        yield Problem(name, f"{field}.ipBlock.cidr", peer.ip_block.cidr, "write a network such as 10.0.0.0/16")


def _is_network(text: str) -> bool:
    try:
        ipaddress.ip_network(text, strict=False)
    except ValueError:
        return False
    return "/" in text


def _rules(networking: Networking | None, *, bad: bool) -> tuple[NetworkingRule, ...] | None:
    return None if networking is None else () if bad else tuple(map(_rule, networking.ingress))


def _rule(rule: NetworkingIngressRule) -> NetworkingRule:
    ports = (NetworkingPort(protocol=(p.protocol or "TCP").lower(), port=p.port) for p in rule.ports)
    return NetworkingRule(peers=tuple(map(_peer, rule.from_)), ports=tuple(ports))


def _peer(peer: ApiPeer) -> NetworkingPeer:
    if peer.security_group is not None or peer.ip_block is None:
        return NetworkingPeer(security_group=peer.security_group.group_id if peer.security_group else None)
    # AWS keeps networks without host bits: compared as written, they would never be found again
    return NetworkingPeer(cidr=str(ipaddress.ip_network(peer.ip_block.cidr, strict=False)))
