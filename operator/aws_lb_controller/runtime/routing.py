"""Which keys a change of an object touches. A key says what to look at, never what happened: any may be doubled.

What is compared is what a user asks for: status, versions and bookkeeping of an object do not wake anybody, nor do the
heartbeats of nodes or what pods do that no target depends on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Set

from aws_lb_controller.api.names import (
    CHECKPOINT_ANNOTATION,
    CLIENT_SECRETS_ANNOTATION,
    DEPLOYED_ANNOTATION,
    GROUP_FINALIZER_PREFIX,
    SERVICE_ANNOTATION_PREFIX,
    Finalizer,
)
from aws_lb_controller.cluster import views
from aws_lb_controller.cluster.indexes import (
    Obj,
    annotations_of,
    finalizer_groups,
    finalizers_of,
    full_name,
    is_deleting,
    labels_of,
    service_of_slice,
    spec_of,
    stack_of_binding,
)
from aws_lb_controller.cluster.kinds import (
    ENDPOINT_SLICE,
    INGRESS,
    INGRESS_CLASS,
    INGRESS_CLASS_PARAMS,
    NODE,
    POD,
    SECRET,
    SERVICE,
    TARGET_GROUP_BINDING,
    Kind,
)
from aws_lb_controller.cluster.store import Store
from aws_lb_controller.intent import oidc_client
from aws_lb_controller.intent.ingress_class import is_default
from aws_lb_controller.reconcile.keys import BACKEND_SECURITY_GROUP, NODE_SECURITY_GROUPS, Controller, Key
from aws_lb_controller.runtime.workqueue import Lane

Routed = tuple[Key, Lane]

OURS = frozenset(Finalizer)
LOAD_BALANCER_ANNOTATION = f"{SERVICE_ANNOTATION_PREFIX}/aws-load-balancer-"
BOOKKEEPING = frozenset(
    {
        CHECKPOINT_ANNOTATION,
        CLIENT_SECRETS_ANNOTATION,
        DEPLOYED_ANNOTATION,
        "kubectl.kubernetes.io/last-applied-configuration",
    }
)
"""Annotations that say nothing a user asks for."""


class Routing:
    """From changes to keys, with what the store says now.

    group_names: the groups that an Ingress asks to be in, by its class, parameters and annotations; none for one that
    is not ours. The groups that it is still held by are told by its finalizers and need not be given. idle: controllers
    that do not run, for which there are no keys.
    """

    def __init__(
        self,
        store: Store,
        group_names: Callable[[Obj], Iterable[str]],
        *,
        idle: Set[Controller] = frozenset(),
    ) -> None:
        self._store, self._group_names, self._idle = store, group_names, idle
        self._routes: Mapping[Kind, Callable[[Obj | None, Obj | None], Iterator[Routed]]] = {
            SERVICE: self._service,
            INGRESS: self._ingress,
            INGRESS_CLASS: self._ingress_class,
            INGRESS_CLASS_PARAMS: self._ingress_class_params,
            SECRET: self._secret,
            TARGET_GROUP_BINDING: self._binding,
            ENDPOINT_SLICE: self._endpoint_slice,
            POD: self._pod,
            NODE: self._node,
        }

    def keys_for(self, kind: Kind, old: Obj | None, new: Obj | None) -> dict[Key, Lane]:
        """The keys that a change touches, each with its most urgent lane. old None: made; new None: gone."""
        route = self._routes.get(kind)
        return self._worked_on(_most_urgent(route(old, new))) if route else {}

    def everything(self) -> dict[Key, Lane]:
        """Every key there is reason to look at: for a resync, and for a replica that begins to lead."""
        keys = [*self._services(self._store.list(SERVICE)), NODE_SECURITY_GROUPS, BACKEND_SECURITY_GROUP]
        keys += [key for ingress in self._store.list(INGRESS) for key in self._groups(ingress)]
        keys += [_binding_key(binding) for binding in self._store.list(TARGET_GROUP_BINDING)]
        return self._worked_on(dict.fromkeys(keys, Lane.BACKGROUND))

    def _worked_on(self, lanes: dict[Key, Lane]) -> dict[Key, Lane]:
        return {key: lane for key, lane in lanes.items() if key.controller not in self._idle}

    # ---- Services

    def _service(self, old: Obj | None, new: Obj | None) -> Iterator[Routed]:
        if not _has_changed(old, new):
            return
        name = full_name(_either(old, new))
        for key in self._services(obj for obj in (old, new) if obj is not None):
            yield key, Lane.NORMAL
        yield from _let_go(old, new)
        if _differ(old, new, lambda service: (spec_of(service), _annotations(service))):
            for ingress in self._store.by_index(INGRESS, "service", name):
                yield from _normal(self._groups(ingress))
        if _differ(old, new, spec_of):
            yield from _normal(self._services(self._store.by_index(SERVICE, "service", name)))
            for binding in self._store.by_index(TARGET_GROUP_BINDING, "service", name):
                yield _binding_key(binding), Lane.NORMAL

    def _services(self, services: Iterable[Obj]) -> Iterator[Key]:
        return (Key("service", full_name(service)) for service in services if _may_be_ours(service))

    # ---- Ingresses

    def _ingress(self, old: Obj | None, new: Obj | None) -> Iterator[Routed]:
        if _has_changed(old, new):
            for ingress in (old, new):
                if ingress is not None:
                    yield from _normal(self._groups(ingress))
            yield from _let_go(old, new)

    def _groups(self, ingress: Obj) -> set[Key]:
        names = {*self._group_names(ingress), *finalizer_groups(ingress)}
        return {Key("ingress-group", name) for name in names}

    def _ingress_class(self, old: Obj | None, new: Obj | None) -> Iterator[Routed]:
        if not _differ(old, new, _asked):
            return
        names = [full_name(_either(old, new))]
        if any(is_default(each) for each in (old, new) if each is not None):
            names.append("")
        for name in names:
            for ingress in self._store.by_index(INGRESS, "class", name):
                yield from _normal(self._groups(ingress))

    def _ingress_class_params(self, old: Obj | None, new: Obj | None) -> Iterator[Routed]:
        if _differ(old, new, _asked):
            name = full_name(_either(old, new))
            for ingress_class in self._store.by_index(INGRESS_CLASS, "params", name):
                yield from self._ingress_class(None, ingress_class)

    # ---- Secrets

    def _secret(self, old: Obj | None, new: Obj | None) -> Iterator[Routed]:
        """Of those that are looked at, which Ingresses or the Services behind them name for signing users in."""
        if not _differ(old, new, _client):
            return
        name = full_name(_either(old, new))
        named = [*self._store.by_index(INGRESS, "secret", name)]
        for service in self._store.by_index(SERVICE, "secret", name):
            named += self._store.by_index(INGRESS, "service", full_name(service))
        for ingress in named:
            yield from _normal(self._groups(ingress))

    # ---- TargetGroupBindings

    def _binding(self, old: Obj | None, new: Obj | None) -> Iterator[Routed]:
        if not _has_changed(old, new):
            return
        binding = _either(old, new)
        yield _binding_key(binding), Lane.NORMAL
        if _is_other_than_made(old, new):
            yield from _normal(_owners(binding))
        if new is None or (old is not None and _networking(old) != _networking(new)):
            yield NODE_SECURITY_GROUPS, Lane.NORMAL
        if new is None:
            yield BACKEND_SECURITY_GROUP, Lane.NORMAL

    # ---- what targets come from

    def _endpoint_slice(self, old: Obj | None, new: Obj | None) -> Iterator[Routed]:
        if _differ(old, new, _endpoints):
            lane = Lane.LEAVING if _serving(old) - _serving(new) else Lane.URGENT
            for service in {name for obj in (old, new) if obj is not None for name in service_of_slice(obj)}:
                yield from self._bindings_of(service, lane)

    def _pod(self, old: Obj | None, new: Obj | None) -> Iterator[Routed]:
        if _differ(old, new, _pod_as_target):
            for endpoint_slice in self._store.by_index(ENDPOINT_SLICE, "pod", full_name(_either(old, new))):
                for service in service_of_slice(endpoint_slice):
                    yield from self._bindings_of(service, Lane.URGENT)

    def _bindings_of(self, service: str, lane: Lane) -> Iterator[Routed]:
        for binding in self._store.by_index(TARGET_GROUP_BINDING, "service", service):
            if _target_type(binding) != "instance":
                yield _binding_key(binding), lane

    def _node(self, old: Obj | None, new: Obj | None) -> Iterator[Routed]:
        if not _differ(old, new, views.node):
            return
        for binding in self._store.list(TARGET_GROUP_BINDING):
            if _target_type(binding) != "ip":
                yield _binding_key(binding), Lane.NORMAL
        yield NODE_SECURITY_GROUPS, Lane.NORMAL


# --- comparing ---


def _differ(old: Obj | None, new: Obj | None, of: Callable[[Obj], object]) -> bool:
    """Whether an object that is there before and after differs in some respect; one that came or went does."""
    return old is None or new is None or of(old) != of(new)


def _asked(obj: Obj) -> tuple[object, ...]:
    """What users ask for."""
    return spec_of(obj), _annotations(obj), labels_of(obj), is_deleting(obj)


def _has_changed(old: Obj | None, new: Obj | None) -> bool:
    """Whether users ask for something else, or one of our finalizers was taken away (that we add one is no news)."""
    return _differ(old, new, _asked) or bool(_our_finalizers(old) - _our_finalizers(new))


def _let_go(old: Obj | None, new: Obj | None) -> Iterator[Routed]:
    """A Service or Ingress is ours no longer: it may have been the last, also when its bindings went before it."""
    if _our_finalizers(old) - _our_finalizers(new):
        yield BACKEND_SECURITY_GROUP, Lane.NORMAL


def _our_finalizers(obj: Obj | None) -> set[str]:
    held = finalizers_of(obj) if obj is not None else ()
    return {each for each in held if each in OURS or each.startswith(GROUP_FINALIZER_PREFIX)}


def _annotations(obj: Obj) -> dict[str, str]:
    return {key: text for key, text in annotations_of(obj).items() if key not in BOOKKEEPING}


def _client(secret: Obj) -> tuple[object, ...]:
    """The OIDC client: its name, and the mark of its secret."""
    return oidc_client.client_id(secret), oidc_client.mark(secret)


def _endpoints(endpoint_slice: Obj) -> tuple[object, ...]:
    """The kept fields but the version: all that is kept of a slice matters."""
    return endpoint_slice.get("endpoints"), endpoint_slice.get("ports"), labels_of(endpoint_slice)


def _serving(endpoint_slice: Obj | None) -> set[str]:
    """The addresses of the endpoints that are ready and stay."""
    endpoints = views.endpoints(endpoint_slice) if endpoint_slice is not None else ()
    return {endpoint.address for endpoint in endpoints if endpoint.ready and not endpoint.terminating}


def _pod_as_target(obj: Obj) -> tuple[object, ...]:
    pod = views.pod(obj)
    return pod.ips, pod.node, pod.conditions, pod.readiness_gates, pod.deleting, pod.eni


# --- reading ---


def _either(old: Obj | None, new: Obj | None) -> Obj:
    """The object as it is, or as it last was."""
    obj = new if new is not None else old
    if obj is None:
        raise ValueError("a change is of an object")
    return obj


def _may_be_ours(service: Obj) -> bool:
    """Whether a Service could have a load balancer of ours: its class is for the reconcile to judge."""
    return (
        spec_of(service).get("type") == "LoadBalancer"
        or Finalizer.SERVICE in finalizers_of(service)
        or any(key.startswith(LOAD_BALANCER_ANNOTATION) for key in annotations_of(service))
    )


def _is_other_than_made(old: Obj | None, new: Obj | None) -> bool:
    """Whether a binding was edited, is being deleted or has gone: its owner may have to make it anew."""
    if new is None:
        return True
    return old is not None and (is_deleting(new), spec_of(new)) != (False, spec_of(old))


def _owners(binding: Obj) -> Iterator[Key]:
    for stack in stack_of_binding(binding):
        owner, _, name = stack.partition(":")
        yield Key("service" if owner == "service" else "ingress-group", name)


def _networking(binding: Obj | None) -> object:
    return spec_of(binding).get("networking") if binding is not None else None


def _target_type(binding: Obj) -> str | None:
    """``spec.targetType``, None where only the target group can tell."""
    target_type: str | None = spec_of(binding).get("targetType")
    return target_type


def _binding_key(binding: Obj) -> Key:
    return Key("binding", full_name(binding))


def _normal(keys: Iterable[Key]) -> Iterator[Routed]:
    return ((key, Lane.NORMAL) for key in keys)


def _most_urgent(routed: Iterable[Routed]) -> dict[Key, Lane]:
    lanes: dict[Key, Lane] = {}
    for key, lane in routed:
        lanes[key] = min(lane, lanes.get(key, lane))
    return lanes
