"""Which Ingresses are ours, and by which class."""

from __future__ import annotations

from typing import Any

import pytest

from aws_lb_controller.api.ingress_class_params import IngressClassParams
from aws_lb_controller.errors import SpecError
from aws_lb_controller.intent.ingress_class import Classified, classify
from aws_lb_controller.settings import Settings
from builders_ingress import SETTINGS, an_ingress, params, settings_with

PARAMETERS = {"apiGroup": "elbv2.k8s.aws", "kind": "IngressClassParams", "name": "platform"}


def a_class(name: str = "alb", *, controller: str = "ingress.k8s.aws/alb", **more: Any) -> dict[str, Any]:
    annotations = {"ingressclass.kubernetes.io/is-default-class": "true"} if more.pop("default", False) else {}
    return {"metadata": {"name": name, "annotations": annotations}, "spec": {"controller": controller, **more}}


def classified(
    ingress: dict[str, Any],
    *classes: dict[str, Any],
    class_spec: dict[str, Any] | None = None,
    labels: dict[str, str] | None = None,
    settings: Settings = SETTINGS,
) -> Classified | None:
    by_name = {c["metadata"]["name"]: c for c in classes}
    spec = None if class_spec is None else {"metadata": {"name": "platform"}, "spec": class_spec}
    return classify(
        ingress,
        classes=by_name.get,
        params=lambda name: IngressClassParams.read(spec) if spec and name == "platform" else None,
        namespaces=lambda name: {"metadata": {"name": name, "labels": labels or {}}},
        settings=settings,
        all_classes=lambda: classes,
    )


def problem(*args: Any, **more: Any) -> str:
    with pytest.raises(SpecError) as caught:
        classified(*args, **more)
    return str(caught.value)


def legacy(text: str) -> dict[str, Any]:
    return an_ingress(annotations={"kubernetes.io/ingress.class": text}, ingressClassName=None)


def test_an_ingress_of_a_class_of_our_controller_is_ours() -> None:
    assert Classified(class_name="alb") == classified(an_ingress(), a_class())


def test_an_ingress_of_another_controllers_class_is_not_ours() -> None:
    assert classified(an_ingress(), a_class(controller="k8s.io/nginx")) is None


def test_an_ingress_that_is_being_deleted_is_not_ours() -> None:
    ingress = an_ingress()
    ingress["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    assert classified(ingress, a_class()) is None


def test_a_class_that_does_not_exist_is_an_error_naming_it() -> None:
    assert "Ingress shop/web: spec.ingressClassName = 'alb': name an IngressClass that exists" == problem(an_ingress())


@pytest.mark.parametrize(
    ("flag", "annotation", "ours"),
    [
        ("alb", "alb", True),
        ("alb", "nginx", False),
        ("alb", "", False),
        ("mine", "mine", True),
        ("mine", "alb", False),
        ("", "alb", True),
        ("", "", True),
        ("", "nginx", False),
    ],
)
def test_the_legacy_annotation_must_equal_the_flag(flag: str, annotation: str, ours: bool) -> None:
    found = classified(legacy(annotation), settings=settings_with(f"--ingress-class={flag}"))
    assert (Classified() if ours else None) == found


def test_the_legacy_annotation_decides_alone_even_where_a_class_is_named() -> None:
    ingress = an_ingress(annotations={"kubernetes.io/ingress.class": "nginx"})
    assert classified(ingress, a_class()) is None


def test_without_any_class_an_ingress_is_ours_only_if_the_flag_is_empty() -> None:
    ingress = an_ingress(ingressClassName=None)
    assert classified(ingress) is None
    assert Classified() == classified(ingress, settings=settings_with("--ingress-class="))


def test_without_a_name_the_default_class_counts() -> None:
    ingress = an_ingress(ingressClassName=None)
    assert Classified(class_name="main") == classified(ingress, a_class(), a_class("main", default=True))


def test_several_default_classes_are_an_error_naming_them() -> None:
    ingress = an_ingress(ingressClassName=None)
    assert "several default ones (a, b)" in problem(ingress, a_class("b", default=True), a_class("a", default=True))


def test_the_parameters_of_the_class_come_along() -> None:
    found = classified(an_ingress(), a_class(parameters=PARAMETERS), class_spec={"scheme": "internal"})
    assert Classified(class_name="alb", params=params(scheme="internal")) == found


def test_missing_parameters_are_an_error_naming_them() -> None:
    assert "make the IngressClassParams platform" in problem(an_ingress(), a_class(parameters=PARAMETERS))


def test_parameters_of_another_kind_are_an_error() -> None:
    other = {"apiGroup": "k8s.example.com", "kind": "IngressParameters", "name": "platform"}
    assert "IngressClassParams of elbv2.k8s.aws" in problem(an_ingress(), a_class(parameters=other))


def test_wrong_parameters_are_an_error_of_the_parameters() -> None:
    text = problem(an_ingress(), a_class(parameters=PARAMETERS), class_spec={"scheme": "public"})
    assert text.startswith("IngressClassParams platform: spec.scheme = 'public'")


def test_a_namespace_selector_admits_namespaces_with_its_labels() -> None:
    spec = {"namespaceSelector": {"matchLabels": {"team": "shop"}}}
    with_parameters = a_class(parameters=PARAMETERS)
    assert classified(an_ingress(), with_parameters, class_spec=spec, labels={"team": "shop"}) is not None
    assert "namespaceSelector" in problem(an_ingress(), with_parameters, class_spec=spec, labels={"team": "other"})


def test_a_namespace_selector_that_is_not_asked_admits_every_namespace() -> None:
    by_name = {"alb": a_class(parameters=PARAMETERS)}
    choosy = params(namespaceSelector={"matchLabels": {"team": "shop"}})
    found = classify(
        an_ingress(), classes=by_name.get, params={"platform": choosy}.get, namespaces=None, settings=SETTINGS
    )
    assert Classified(class_name="alb", params=choosy) == found
