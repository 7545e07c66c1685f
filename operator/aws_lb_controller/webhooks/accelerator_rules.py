"""What GlobalAccelerators may say beyond their schema: one endpoint once, one port of a protocol once.

They are not managed here, but a cluster may have them from the controller before us, and their webhook is part of the
contract.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import combinations
from typing import Any

from aws_lb_controller.errors import Problem
from aws_lb_controller.webhooks import answers
from aws_lb_controller.webhooks.review import Review, Verdict

Obj = Mapping[str, Any]
Range = tuple[int, int]


def check_accelerator(review: Review) -> Verdict:
    """The validating webhook: every problem at once."""
    if not answers.is_written(review) or answers.keeps_spec(review):
        return Verdict()
    object_ref = answers.reference("GlobalAccelerator", review)
    listeners = answers.spec_of(review.obj).get("listeners") or ()
    return answers.decided(
        {
            "checkForDuplicateEndpoints": _repeated_endpoints(listeners, review.namespace, object_ref),
            "checkForOverlappingPortRanges": _overlapping_ports(listeners, object_ref),
        }
    )


def _repeated_endpoints(listeners: Any, namespace: str, object_ref: str) -> Iterator[Problem]:
    for i, listener in enumerate(listeners):
        for j, group in enumerate(listener.get("endpointGroups") or ()):
            keys = [_endpoint_key(endpoint, namespace) for endpoint in group.get("endpoints") or ()]
            for key in dict.fromkeys(key for n, key in enumerate(keys) if key in keys[:n]):
                field = f"spec.listeners[{i}].endpointGroups[{j}].endpoints"
                yield Problem(object_ref, field, key, "duplicate endpoint detected: name it once in a group")


def _endpoint_key(endpoint: Obj, namespace: str) -> str:
    if endpoint["type"] == "EndpointID":
        return f"EndpointID/{endpoint.get('endpointID') or ''}"
    return f"{endpoint['type']}/{endpoint.get('namespace') or namespace}/{endpoint.get('name') or ''}"


def _overlapping_ports(listeners: Any, object_ref: str) -> Iterator[Problem]:
    by_protocol: dict[str, list[Range]] = {}
    for listener in listeners:
        if protocol := listener.get("protocol"):
            written = listener.get("portRanges") or ()
            by_protocol.setdefault(protocol, []).extend((each["fromPort"], each["toPort"]) for each in written)
    for protocol, ranges in by_protocol.items():
        if overlap := next((pair for pair in combinations(ranges, 2) if _overlap(*pair)), None):
            shown = " and ".join(f"{start}-{end}" for start, end in overlap)
            remedy = f"overlapping port ranges detected for protocol {protocol}: let no two of its ranges share a port"
            yield Problem(object_ref, "spec.listeners[].portRanges", shown, remedy)


def _overlap(one: Range, other: Range) -> bool:
    return one[0] <= other[1] and other[0] <= one[1]
