"""What a TargetGroupBinding may say, and what of it may change: a wrong one would take targets from another's traffic.

What can be told from the object is told all at once; the API server is asked for other bindings of the target group and
AWS for the group itself only where the object alone is right.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from aws_lb_controller.cluster.indexes import full_name
from aws_lb_controller.cluster.kinds import TARGET_GROUP_BINDING
from aws_lb_controller.errors import Problem, UnmetNeed
from aws_lb_controller.webhooks import answers
from aws_lb_controller.webhooks.binding_defaults import ADDRESS_TYPES, KIND, no_target_group
from aws_lb_controller.webhooks.reading import Cluster
from aws_lb_controller.webhooks.review import Review, Verdict
from aws_lb_controller.webhooks.target_groups import FoundGroup, TargetGroups

Obj = Mapping[str, Any]
Checks = Mapping[str, Iterable[Problem]]
"""What each check found, by the check's name."""

_REQUIRED, _ADDRESS_TYPE = "checkRequiredFields", "checkTargetGroupIPAddressType"
_VPC_ID = re.compile(r"vpc-(?:[0-9a-f]{8}|[0-9a-f]{17}|[0-9a-f]{32})\Z")
_QUIC = ("QUIC", "TCP_QUIC")
_IMMUTABLE = "update may not change this immutable field"


@dataclass(frozen=True, slots=True, kw_only=True)
class BindingRules:
    """The validating webhook. vpc_id: the cluster's VPC, which a binding without one was in all along."""

    cluster: Cluster
    groups: TargetGroups
    vpc_id: str

    def __call__(self, review: Review) -> Verdict:
        """Raises `KubernetesError` while nothing is known of the cluster."""
        if not answers.is_written(review) or answers.keeps_spec(review):
            return Verdict()
        object_ref, found = answers.reference(KIND, review), _REQUIRED
        try:
            spec = self._with_arn(answers.spec_of(review.obj), object_ref)
            verdict = answers.decided(self._of_itself(review, spec, object_ref))
            if verdict.refusal is None:
                verdict = answers.decided({"checkExistingTargetGroups": self._beside_others(review, spec, object_ref)})
            if verdict.refusal is None and review.operation == "CREATE":  # what AWS is asked for never changes
                found = _ADDRESS_TYPE
                verdict = answers.decided(unlike(spec, self.groups.of_binding(spec, object_ref=object_ref), object_ref))
        except UnmetNeed as unmet:
            return answers.refused(unmet.problems, check=found)
        return verdict

    def _with_arn(self, spec: Obj, object_ref: str) -> Obj:
        """The spec with the ARN that its name stands for: what went before us may not have filled it in."""
        if spec.get("targetGroupARN") or not spec.get("targetGroupName"):
            return spec
        return {**spec, "targetGroupARN": self.groups.of_binding(spec, object_ref=object_ref).arn}

    def _of_itself(self, review: Review, spec: Obj, object_ref: str) -> Checks:
        old = answers.spec_of(review.old) if review.operation == "UPDATE" else spec
        return {
            _REQUIRED: required(spec, object_ref),
            "checkImmutableFields": immutable(spec, old, object_ref, vpc_id=self.vpc_id),
            "checkNodeSelector": selector_of_pods(spec, object_ref),
            "checkAssumeRoleConfig": instances_elsewhere(spec, object_ref),
        }

    def _beside_others(self, review: Review, spec: Obj, object_ref: str) -> Iterator[Problem]:
        itself = f"{review.namespace}/{answers.name_of(review)}"
        others = {
            full_name(other): answers.spec_of(other)
            for other in self.cluster.afresh(TARGET_GROUP_BINDING, self.cluster.watched)
            if full_name(other) != itself and answers.spec_of(other).get("targetGroupARN") == spec["targetGroupARN"]
        }
        if others and not all(each.get("multiClusterTargetGroup") for each in (spec, *others.values())):
            yield _already_bound(spec, object_ref, others)


def required(spec: Obj, object_ref: str) -> Iterator[Problem]:
    """Fields that must be there once defaults are filled in."""
    if not spec.get("targetGroupARN"):
        yield no_target_group(object_ref)
    if not spec.get("targetType"):
        yield Problem(object_ref, "spec.targetType", "", "must specify this field: write instance or ip")


def selector_of_pods(spec: Obj, object_ref: str) -> Iterator[Problem]:
    """A choice of nodes where pods are the targets."""
    if spec.get("targetType") == "ip" and spec.get("nodeSelector") is not None:
        remedy = "cannot set nodeSelector when targetType is ip: its targets are pods; leave it out"
        yield Problem(object_ref, "spec.nodeSelector", "", remedy)


def instances_elsewhere(spec: Obj, object_ref: str) -> Iterator[Problem]:
    """Nodes of this cluster as targets in another account."""
    if spec.get("targetType") == "instance" and (role := spec.get("iamRoleArnToAssume")):
        remedy = "unable to use instance target type while using assume role: write targetType ip"
        yield Problem(object_ref, "spec.iamRoleArnToAssume", role, remedy)


def immutable(spec: Obj, old: Obj, object_ref: str, *, vpc_id: str) -> Iterator[Problem]:
    """Fields whose change would need another target group; a value may be written out that silence stood for."""
    silent = {"ipAddressType": ADDRESS_TYPES[0], "vpcID": vpc_id}
    for field in ("targetGroupARN", "targetType", "ipAddressType", "vpcID"):
        now, before = spec.get(field) or "", old.get(field) or ""
        if now != before and not (now and not before and now == silent.get(field)):
            remedy = f"{_IMMUTABLE}, which is {before or 'not set'}: make a new binding instead"
            yield Problem(object_ref, f"spec.{field}", now, remedy)


def unlike(spec: Obj, group: FoundGroup, object_ref: str) -> Checks:
    """Where the binding says other than AWS of its target group."""
    return {
        _ADDRESS_TYPE: _unlike_addresses(spec, group, object_ref),
        "checkTargetGroupVpcID": _unlike_vpc(spec, group, object_ref),
        "checkTargetGroupProtocol": _unlike_protocol(spec, group, object_ref),
    }


def _unlike_addresses(spec: Obj, group: FoundGroup, object_ref: str) -> Iterator[Problem]:
    written = spec.get("ipAddressType") or ""
    if group.ip_address_type != (written or ADDRESS_TYPES[0]):
        remedy = f"invalid IP address type: {group.arn} has {group.ip_address_type}"
        yield Problem(object_ref, "spec.ipAddressType", written, remedy)


def _unlike_vpc(spec: Obj, group: FoundGroup, object_ref: str) -> Iterator[Problem]:
    vpc = spec.get("vpcID") or ""
    if vpc and not _VPC_ID.match(vpc):
        remedy = "failed to satisfy constraint: write vpc- and 8, 17 or 32 lower-case hexadecimal digits"
        yield Problem(object_ref, "spec.vpcID", vpc, remedy)
    elif vpc and vpc != group.vpc_id:
        remedy = f"doesn't match the VpcID of {group.arn}: write {group.vpc_id}"
        yield Problem(object_ref, "spec.vpcID", vpc, remedy)


def _unlike_protocol(spec: Obj, group: FoundGroup, object_ref: str) -> Iterator[Problem]:
    protocol = spec.get("targetGroupProtocol") or ""
    if protocol and protocol != group.protocol:
        remedy = f"protocol differs: {group.arn} has {group.protocol}"
        yield Problem(object_ref, "spec.targetGroupProtocol", protocol, remedy)
    elif protocol in _QUIC and spec.get("targetType") == "instance":
        remedy = "QUIC protocol is not supported for instance target types: write targetType ip"
        yield Problem(object_ref, "spec.targetGroupProtocol", protocol, remedy)


def _already_bound(spec: Obj, object_ref: str, others: Mapping[str, Obj]) -> Problem:
    remedy = (
        f"the target group is already bound to TargetGroupBindings {', '.join(sorted(others))}: set "
        "multiClusterTargetGroup on all of them and on this one, or choose another target group"
    )
    return Problem(object_ref, "spec.targetGroupARN", spec["targetGroupARN"], remedy)
