"""What IngressClassParams may say beyond their schema: networks that are networks, subnets chosen in one way."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from aws_lb_controller.errors import Problem
from aws_lb_controller.intent.ingress_annotations import network
from aws_lb_controller.intent.readers import Unreadable
from aws_lb_controller.webhooks import answers
from aws_lb_controller.webhooks.review import Review, Verdict

Obj = Mapping[str, Any]
_NETWORK_OF_ONE = {4: 32, 6: 64}
_SUBNETS = "spec.subnets"


def check_class_params(review: Review) -> Verdict:
    """The validating webhook: every problem at once."""
    if not answers.is_written(review) or answers.keeps_spec(review):
        return Verdict()
    object_ref = answers.reference("IngressClassParams", review)
    spec = answers.spec_of(review.obj)
    return answers.decided(
        {"checkInboundCIDRs": _wrong_cidrs(spec, object_ref), "checkSubnetSelectors": _wrong_subnets(spec, object_ref)}
    )


def _wrong_cidrs(spec: Obj, object_ref: str) -> Iterator[Problem]:
    for i, cidr in enumerate(spec.get("inboundCIDRs") or ()):
        if remedy := cidr_remedy(cidr):
            yield Problem(object_ref, f"spec.inboundCIDRs[{i}]", cidr, remedy)


def cidr_remedy(cidr: str) -> str | None:
    """What is wrong with a network as written; None for a good one, which has no bits behind its prefix."""
    try:
        network(cidr)
    except Unreadable:
        return "could not be parsed as a CIDR" + _perhaps(cidr)
    whole = ipaddress.ip_network(cidr, strict=False)
    if ipaddress.ip_interface(cidr).ip == whole.network_address:
        return None
    return f"network contains bits outside prefix: write {whole}"


def _perhaps(cidr: str) -> str:
    try:
        address = ipaddress.ip_address(cidr)
    except ValueError:
        return ": write a network such as 10.0.0.0/8"
    return f": write {cidr}/{_NETWORK_OF_ONE[address.version]}"


def _wrong_subnets(spec: Obj, object_ref: str) -> Iterator[Problem]:
    subnets = spec.get("subnets")
    if subnets is None:
        return
    ids, tags = subnets.get("ids"), subnets.get("tags")
    if ids is None and tags is None:
        yield Problem(object_ref, _SUBNETS, "", "must have either `ids` or `tags`")
    elif ids is not None and tags is not None:
        yield Problem(object_ref, f"{_SUBNETS}.tags", "", "may not have both `ids` and `tags` set")
    elif ids is not None:
        yield from _repeated(ids, f"{_SUBNETS}.ids", object_ref)
    elif not tags:
        yield Problem(object_ref, f"{_SUBNETS}.tags", "", "must have at least one tag key")
    else:
        for key, values in sorted(tags.items()):
            yield from _repeated(values or (), f"{_SUBNETS}.tags[{key}]", object_ref)


def _repeated(values: Sequence[str], field: str, object_ref: str) -> Iterator[Problem]:
    for i, value in enumerate(values):
        if value in values[:i]:
            yield Problem(object_ref, f"{field}[{i}]", value, "duplicate value: write it once")
