"""Whether an Ingress is ours, and by which class: the question that comes before its group.

The annotation ``kubernetes.io/ingress.class`` decides alone where it stands, as it did before classes were objects.
Else ``spec.ingressClassName`` or the cluster's default IngressClass decides, and brings its IngressClassParams along.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from aws_lb_controller.api import names
from aws_lb_controller.api.ingress_class_params import IngressClassParams, IngressClassParamsSpec
from aws_lb_controller.api.selector import LabelSelector
from aws_lb_controller.errors import Problem, SpecError
from aws_lb_controller.settings import Settings

Obj = Mapping[str, Any]
Lookup = Callable[[str], Obj | None]
Params = Callable[[str], IngressClassParams | None]
"""Raises `SpecError` for parameters that cannot be read."""

DEFAULT_CLASS_ANNOTATION = "ingressclass.kubernetes.io/is-default-class"
_CLASS_FIELD = "spec.ingressClassName"


@dataclass(frozen=True, slots=True, kw_only=True)
class Classified:
    """How an Ingress is ours. class_name: its IngressClass, None by the annotation or without any class."""

    class_name: str | None = None
    params: IngressClassParams | None = None

    @property
    def spec(self) -> IngressClassParamsSpec:
        """The class's parameters; silent ones where there are none."""
        return self.params.spec if self.params else IngressClassParamsSpec()


def ingress_name(ingress: Obj) -> str:
    """``namespace/name``."""
    return f"{ingress['metadata']['namespace']}/{ingress['metadata']['name']}"


def classify(
    ingress: Obj,
    *,
    classes: Lookup,
    params: Params,
    namespaces: Lookup | None,
    settings: Settings,
    all_classes: Callable[[], Iterable[Obj]] = tuple,
) -> Classified | None:
    """How an Ingress is ours; None if it is not, or is being deleted.

    classes, params, namespaces: IngressClass, IngressClassParams and Namespace by name; namespaces None: a class is
    taken to admit all of them. all_classes: every IngressClass, asked for the default one. Raises `SpecError` where
    class or parameters are missing or do not admit the Ingress, and whatever the lookups raise.
    """
    if ingress["metadata"].get("deletionTimestamp"):
        return None
    legacy = (ingress["metadata"].get("annotations") or {}).get(names.INGRESS_CLASS_ANNOTATION)
    if legacy is not None:
        return Classified() if legacy in {settings.ingress_class, settings.ingress_class or "alb"} else None
    name = ingress.get("spec", {}).get("ingressClassName")
    if name is None:
        name = _default_class(ingress, all_classes())
    if name is None:
        return None if settings.ingress_class else Classified()
    return _by_class(ingress, _found(ingress, name, classes), params=params, namespaces=namespaces)


def _default_class(ingress: Obj, classes: Iterable[Obj]) -> str | None:
    defaults = sorted(c["metadata"]["name"] for c in classes if is_default(c))
    if len(defaults) > 1:
        raise _wrong(ingress, "", f"name a class: the cluster has several default ones ({', '.join(defaults)})")
    return defaults[0] if defaults else None


def is_default(ingress_class: Obj) -> bool:
    """Whether an IngressClass takes the Ingresses that name none."""
    annotations = ingress_class["metadata"].get("annotations") or {}
    return bool(annotations.get(DEFAULT_CLASS_ANNOTATION) == "true")


def _found(ingress: Obj, name: str, classes: Lookup) -> Obj:
    found = classes(name)
    if found is None:
        raise _wrong(ingress, name, "name an IngressClass that exists")
    return found


def _by_class(ingress: Obj, ingress_class: Obj, *, params: Params, namespaces: Lookup | None) -> Classified | None:
    spec, name = ingress_class.get("spec", {}), ingress_class["metadata"]["name"]
    if spec.get("controller") != names.INGRESS_CLASS_CONTROLLER:
        return None
    if not (reference := spec.get("parameters")):
        return Classified(class_name=name)
    parameters = _params(ingress, name, reference=reference, params=params)
    if namespaces is not None:
        _admit(ingress, name, selector=parameters.spec.namespace_selector, namespaces=namespaces)
    return Classified(class_name=name, params=parameters)


def _params(ingress: Obj, class_name: str, *, reference: Obj, params: Params) -> IngressClassParams:
    if (reference.get("apiGroup"), reference.get("kind")) != (names.GROUP, "IngressClassParams"):
        raise _wrong(ingress, class_name, f"let the class's parameters be an IngressClassParams of {names.GROUP}")
    found = params(reference["name"])
    if found is None:
        raise _wrong(ingress, class_name, f"make the IngressClassParams {reference['name']} that the class names")
    return found


def _admit(ingress: Obj, class_name: str, *, selector: LabelSelector | None, namespaces: Lookup) -> None:
    if selector is None:
        return
    namespace = namespaces(ingress["metadata"]["namespace"])
    labels = namespace["metadata"].get("labels") or {} if namespace else None
    if labels is None or not selector.matches(labels):
        raise _wrong(
            ingress, class_name, "name a class that serves this namespace: its parameters' namespaceSelector does not"
        )


def _wrong(ingress: Obj, value: str, remedy: str) -> SpecError:
    return SpecError([Problem(f"Ingress {ingress_name(ingress)}", _CLASS_FIELD, value, remedy)])
