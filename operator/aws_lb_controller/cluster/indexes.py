"""What Kubernetes objects say of each other: the references by which the store finds one from the other.

Pure functions over objects as the API gives them. They never raise: an annotation that cannot be read names nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import orjson

from aws_lb_controller.api.names import (
    GROUP_FINALIZER_PREFIX,
    INGRESS_ANNOTATION_PREFIX,
    INGRESS_CLASS_ANNOTATION,
    SERVICE_ANNOTATION_PREFIX,
    Finalizer,
    Label,
)
from aws_lb_controller.cluster.kinds import (
    ENDPOINT_SLICE,
    INGRESS,
    INGRESS_CLASS,
    INGRESS_CLASS_PARAMS,
    SERVICE,
    TARGET_GROUP_BINDING,
    Kind,
)

Obj = Mapping[str, Any]
"""A Kubernetes object, as the API's JSON has it."""

IndexFunction = Callable[[Obj], Iterable[str]]

ACTION_PREFIX = f"{INGRESS_ANNOTATION_PREFIX}/actions."
SERVICE_ACTION_PREFIX = f"{SERVICE_ANNOTATION_PREFIX}/actions."
OIDC = f"{INGRESS_ANNOTATION_PREFIX}/auth-idp-oidc"
GROUP_NAME = f"{INGRESS_ANNOTATION_PREFIX}/group.name"
STACK_TAGS = {"service": "service.k8s.aws/stack", "ingress": "ingress.k8s.aws/stack"}


def namespace_of(obj: Obj) -> str:
    """``metadata.namespace``, "" for kinds without."""
    return str(obj["metadata"].get("namespace") or "")


def full_name(obj: Obj) -> str:
    """``namespace/name``, or the name alone for kinds without namespaces."""
    return "/".join(filter(None, (namespace_of(obj), obj["metadata"]["name"])))


def labels_of(obj: Obj) -> Mapping[str, str]:
    """``metadata.labels``, empty if there are none."""
    return obj["metadata"].get("labels") or {}


def annotations_of(obj: Obj) -> Mapping[str, str]:
    """``metadata.annotations``, empty if there are none."""
    return obj["metadata"].get("annotations") or {}


def finalizers_of(obj: Obj) -> tuple[str, ...]:
    """``metadata.finalizers``."""
    return tuple(obj["metadata"].get("finalizers") or ())


def spec_of(obj: Obj) -> Mapping[str, Any]:
    """``spec``, empty if there is none."""
    return obj.get("spec") or {}


def is_deleting(obj: Obj) -> bool:
    """Whether ``metadata.deletionTimestamp`` is set."""
    return bool(obj["metadata"].get("deletionTimestamp"))


# --- EndpointSlices ---


def service_of_slice(endpoint_slice: Obj) -> Iterator[str]:
    """``namespace/name`` of the Service whose endpoints the slice holds."""
    if name := labels_of(endpoint_slice).get(Label.SERVICE_NAME):
        yield f"{namespace_of(endpoint_slice)}/{name}"


def pods_of_slice(endpoint_slice: Obj) -> Iterator[str]:
    """``namespace/name`` of the pods behind the slice's endpoints."""
    for endpoint in endpoint_slice.get("endpoints") or ():
        target = endpoint.get("targetRef") or {}
        if target.get("kind") == "Pod":
            yield f"{target.get('namespace') or namespace_of(endpoint_slice)}/{target['name']}"


# --- TargetGroupBindings ---


def service_of_binding(binding: Obj) -> Iterator[str]:
    """``namespace/name`` of the Service that the binding's targets come from."""
    if name := (spec_of(binding).get("serviceRef") or {}).get("name"):
        yield f"{namespace_of(binding)}/{name}"


def stack_of_binding(binding: Obj) -> Iterator[str]:
    """``owner:stack name`` of the stack that made the binding, from its labels; nothing for one that a user made."""
    labels = labels_of(binding)
    for owner, tag in STACK_TAGS.items():
        namespace, name = labels.get(f"{tag}-namespace"), labels.get(f"{tag}-name")
        if group := labels.get(tag):
            yield f"{owner}:{group}"
        elif namespace and name:
            yield f"{owner}:{namespace}/{name}"


# --- Ingresses ---


def backends_of(ingress: Obj) -> Iterator[Mapping[str, Any]]:
    """Every backend of an Ingress: the default one and those of its paths."""
    spec = spec_of(ingress)
    if default := spec.get("defaultBackend"):
        yield default
    for rule in spec.get("rules") or ():
        for path in (rule.get("http") or {}).get("paths") or ():
            yield path.get("backend") or {}


def services_of_ingress(ingress: Obj) -> Iterator[str]:
    """``namespace/name`` of the Services that an Ingress names: as backends, or in its annotations' actions."""
    names = {(backend.get("service") or {}).get("name") for backend in backends_of(ingress)}
    names.update(_services_in_actions(ingress, ACTION_PREFIX))
    yield from (f"{namespace_of(ingress)}/{name}" for name in names if name)


def services_of_service(service: Obj) -> Iterator[str]:
    """``namespace/name`` of the Services that a Service names in its annotations' actions."""
    names = {*_services_in_actions(service, SERVICE_ACTION_PREFIX)}
    yield from (f"{namespace_of(service)}/{name}" for name in names if name)


def _services_in_actions(obj: Obj, prefix: str) -> Iterator[str]:
    for key, text in annotations_of(obj).items():
        if key.startswith(prefix):
            yield from _values_of(_read(text), "servicename")


def _read(text: str) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return None


def _values_of(value: Any, field: str) -> Iterator[str]:
    """The texts of a field wherever it stands in some JSON; keys in any case, as the annotations' readers take them."""
    if isinstance(value, list):
        for each in value:
            yield from _values_of(each, field)
    elif isinstance(value, dict):
        for key, each in value.items():
            if key.lower() == field and isinstance(each, str):
                yield each
            else:
                yield from _values_of(each, field)


def secrets_of(obj: Obj) -> Iterator[str]:
    """``namespace/name`` of the Secrets that an Ingress, or a Service behind one, names for signing users in."""
    text = annotations_of(obj).get(OIDC)
    names = dict.fromkeys(_values_of(_read(text), "secretname") if text is not None else ())
    yield from (f"{namespace_of(obj)}/{name}" for name in names if name)


def declared_group(ingress: Obj) -> str:
    """The group that the Ingress itself asks for: an explicit group's name, else ``namespace/name``.

    A group named in the IngressClassParams of its class goes before: that is not for one object to know.
    """
    return annotations_of(ingress).get(GROUP_NAME) or full_name(ingress)


def finalizer_groups(ingress: Obj) -> Iterator[str]:
    """The groups that hold the Ingress by a finalizer: those it is in, and those it has yet to leave."""
    for finalizer in finalizers_of(ingress):
        if finalizer == Finalizer.INGRESS:
            yield full_name(ingress)
        elif finalizer.startswith(GROUP_FINALIZER_PREFIX):
            yield finalizer.removeprefix(GROUP_FINALIZER_PREFIX)


def groups_of_ingress(ingress: Obj) -> set[str]:
    """Every group that the Ingress alone speaks of."""
    return {declared_group(ingress), *finalizer_groups(ingress)}


def class_of_ingress(ingress: Obj) -> Iterator[str]:
    """The IngressClass that an Ingress names; "" for one that names none, which a default class may take.

    The legacy annotation goes before ``spec.ingressClassName`` and names no object: nothing then.
    """
    if INGRESS_CLASS_ANNOTATION not in annotations_of(ingress):
        yield spec_of(ingress).get("ingressClassName") or ""


def params_of_class(ingress_class: Obj) -> Iterator[str]:
    """The name of the IngressClassParams that an IngressClass points to."""
    parameters = spec_of(ingress_class).get("parameters") or {}
    if parameters.get("kind") == "IngressClassParams" and parameters.get("name"):
        yield parameters["name"]


def group_of_params(params: Obj) -> Iterator[str]:
    """The group that all Ingresses of the classes with these IngressClassParams are in."""
    if name := (spec_of(params).get("group") or {}).get("name"):
        yield name


INDEXES: Mapping[tuple[Kind, str], IndexFunction] = {
    (ENDPOINT_SLICE, "service"): service_of_slice,
    (ENDPOINT_SLICE, "pod"): pods_of_slice,
    (TARGET_GROUP_BINDING, "service"): service_of_binding,
    (TARGET_GROUP_BINDING, "stack"): stack_of_binding,
    (SERVICE, "service"): services_of_service,
    (SERVICE, "secret"): secrets_of,
    (INGRESS, "service"): services_of_ingress,
    (INGRESS, "secret"): secrets_of,
    (INGRESS, "group"): groups_of_ingress,
    (INGRESS, "class"): class_of_ingress,
    (INGRESS_CLASS, "params"): params_of_class,
    (INGRESS_CLASS_PARAMS, "group"): group_of_params,
}
"""The indexes that every store has from the start."""
