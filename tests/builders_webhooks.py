"""Reviews, a cluster and patches for tests of the webhooks: an object, and what becomes of it."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from aws_lb_controller.cluster.indexes import Obj, namespace_of
from aws_lb_controller.cluster.kinds import (
    INGRESS_CLASS,
    INGRESS_CLASS_PARAMS,
    NAMESPACE,
    SERVICE,
    TARGET_GROUP_BINDING,
    Kind,
)
from aws_lb_controller.cluster.store import Store
from aws_lb_controller.errors import KubernetesDenied, KubernetesError
from aws_lb_controller.webhooks.reading import Cluster
from aws_lb_controller.webhooks.review import Handler, Review, Verdict
from aws_lb_controller.webhooks.target_control import CONFIG_KIND

KINDS: Mapping[str, Kind] = {
    kind.kind: kind
    for kind in (INGRESS_CLASS, INGRESS_CLASS_PARAMS, NAMESPACE, SERVICE, TARGET_GROUP_BINDING, CONFIG_KIND)
}


def a_review(
    obj: Mapping[str, Any] | None, *, old: Mapping[str, Any] | None = None, operation: str = "", dry_run: bool = False
) -> Review:
    """Creation of an object, or its update where there is an old one."""
    metadata = ((obj or old or {}).get("metadata")) or {}
    return Review(
        operation=operation or ("UPDATE" if old is not None else "CREATE"),
        namespace=metadata.get("namespace", ""),
        name=metadata.get("name", ""),
        obj=copy.deepcopy(obj),
        old=copy.deepcopy(old),
        dry_run=dry_run,
    )


def patched(obj: Mapping[str, Any], patch: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The object after RFC 6902's ``add`` operations, which are all that the webhooks use."""
    result = copy.deepcopy(dict(obj))
    for operation in patch:
        assert "add" == operation["op"]
        *way, last = [part.replace("~1", "/").replace("~0", "~") for part in operation["path"].split("/")[1:]]
        place: Any = result
        for part in way:
            place = place[int(part)] if isinstance(place, list) else place[part]
        if isinstance(place, list):
            place.insert(len(place) if last == "-" else int(last), operation["value"])
        else:
            place[last] = operation["value"]
    return result


def mutated(handler: Handler, obj: Mapping[str, Any], *, old: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The object as the webhook leaves it, who may not refuse it nor touch what it is given."""
    review = a_review(obj, old=old)
    verdict = handler(review)
    assert verdict.refusal is None
    assert obj == review.obj
    assert old == review.old
    return patched(obj, verdict.patch)


def assert_needs_no_second_patch(handler: Handler, obj: Mapping[str, Any]) -> None:
    """What has been patched needs no patch: the API server may ask again."""
    assert () == handler(a_review(mutated(handler, obj))).patch


def refusal(verdict: Verdict) -> str:
    """Why it is refused."""
    assert verdict.refusal is not None
    return verdict.refusal


@dataclass
class LiveObjects:
    """An API server with these objects; `broken`: it answers nothing but this status. asked: its requests."""

    objects: list[Obj] = field(default_factory=list)
    broken: int | None = None
    asked: list[str] = field(default_factory=list)

    def get(self, kind: Kind, namespace: str, name: str) -> Obj | None:
        self._ask(f"get {kind} {namespace}/{name}")
        return next((o for o in self._of(kind, namespace) if o["metadata"]["name"] == name), None)

    def list(self, kind: Kind, namespace: str) -> Sequence[Obj]:
        self._ask(f"list {kind} {namespace}".rstrip())
        return [*self._of(kind, namespace)]

    def _ask(self, what: str) -> None:
        self.asked.append(what)
        if self.broken is not None:
            raise (KubernetesDenied if self.broken == 403 else KubernetesError)(what, self.broken, "no")

    def _of(self, kind: Kind, namespace: str) -> Iterable[Obj]:
        return (o for o in self.objects if o["kind"] == kind.kind and namespace in ("", namespace_of(o)))


def a_cluster(
    *known: Mapping[str, Any],
    live: Iterable[Mapping[str, Any]] | None = None,
    ready: bool = True,
    broken: int | None = None,
    watched: str = "",
) -> Cluster:
    """A cluster whose store knows some objects; live: what the API server has, the same unless given."""
    store = Store()
    for obj in known:
        store.upsert(KINDS[obj["kind"]], obj)
    objects = LiveObjects([*(known if live is None else live)], broken=broken)
    return Cluster(store=store, live=objects, ready=lambda: ready, watched=watched)


def asked(cluster: Cluster) -> list[str]:
    """What the API server of `a_cluster` was asked."""
    assert isinstance(cluster.live, LiveObjects)
    return cluster.live.asked
