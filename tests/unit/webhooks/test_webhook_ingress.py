"""Which Ingresses are refused, and what their users are warned of."""

from __future__ import annotations

from typing import Any

import pytest

from aws_lb_controller.errors import KubernetesError
from aws_lb_controller.settings import Settings
from aws_lb_controller.webhooks.ingress_rules import IngressRules
from aws_lb_controller.webhooks.reading import Cluster
from aws_lb_controller.webhooks.review import Verdict
from builders_cluster import an_ingress_class
from builders_ingress import SETTINGS, a_path, a_rule, an_ingress, settings_with
from builders_webhooks import a_cluster, a_review, refusal

CLASS = "kubernetes.io/ingress.class"
GROUP = "alb.ingress.kubernetes.io/group.name"
NO_CLASS_ANNOTATION = settings_with("--disable-ingress-class-annotation=true")
NO_GROUP_ANNOTATION = settings_with("--disable-ingress-group-name-annotation=true")
UNREADABLE = '[{"field": "http-header"}]'


def of_another_controller(name: str = "nginx") -> dict[str, Any]:
    other = an_ingress_class(name)
    return {**other, "spec": {"controller": "k8s.io/nginx"}}


def default_class(name: str) -> dict[str, Any]:
    return an_ingress_class(name, annotations={"ingressclass.kubernetes.io/is-default-class": "true"})


def reviewed(
    ingress: dict[str, Any],
    *,
    old: dict[str, Any] | None = None,
    cluster: Cluster | None = None,
    settings: Settings = SETTINGS,
) -> Verdict:
    rules = IngressRules(cluster=cluster or a_cluster(an_ingress_class()), settings=settings)
    return rules(a_review(ingress, old=old))


def by_annotation(value: str = "alb", **more: Any) -> dict[str, Any]:
    return an_ingress(annotations={CLASS: value}, **{"ingressClassName": None, **more})


def grouped(name: str | None) -> dict[str, Any]:
    return an_ingress(annotations={GROUP: name} if name is not None else {})


# -- the class


def test_an_ingress_of_our_class_is_allowed() -> None:
    assert Verdict() == reviewed(an_ingress())


def test_an_ingress_of_a_class_that_is_not_there_is_refused() -> None:
    verdict = reviewed(an_ingress(ingressClassName="gone"))

    expected = (
        "invalid ingress class: Ingress shop/web: spec.ingressClassName = 'gone': name an IngressClass that exists"
    )
    assert expected == refusal(verdict)
    assert "checkIngressClass" == verdict.check


def test_a_class_made_a_moment_before_is_found() -> None:
    assert Verdict() == reviewed(an_ingress(), cluster=a_cluster(live=[an_ingress_class()]))


def test_while_nobody_can_tell_the_class_nothing_is_decided() -> None:
    with pytest.raises(KubernetesError):
        reviewed(an_ingress(), cluster=a_cluster(broken=0))


def test_a_known_class_needs_no_answer_of_the_api_server() -> None:
    assert Verdict() == reviewed(an_ingress(), cluster=a_cluster(an_ingress_class(), broken=0))


def test_the_parameters_of_the_class_may_come_later() -> None:
    assert Verdict() == reviewed(an_ingress(), cluster=a_cluster(an_ingress_class(params="not-yet")))


def test_several_default_classes_are_none() -> None:
    cluster = a_cluster(default_class("one"), default_class("two"))

    verdict = reviewed(an_ingress(ingressClassName=None), cluster=cluster)

    assert "the cluster has several default ones (one, two)" in refusal(verdict)


@pytest.mark.parametrize(
    ("ingress", "flags"),
    [
        pytest.param({"ingressClassName": "nginx"}, [], id="its class is of another controller"),
        pytest.param({"ingressClassName": None}, [], id="it has no class"),
        pytest.param({"annotations": {CLASS: "nginx"}}, [], id="its annotation names another class"),
        pytest.param({"annotations": {CLASS: "alb"}}, ["--ingress-class=mine"], id="ours has another name"),
    ],
)
def test_an_ingress_of_others_may_say_anything_where(ingress: dict[str, Any], flags: list[str]) -> None:
    alb = {"conditions.web": UNREADABLE}
    cluster = a_cluster(of_another_controller())

    assert Verdict() == reviewed(an_ingress(alb=alb, **ingress), cluster=cluster, settings=settings_with(*flags))


def test_an_ingress_without_class_is_ours_where_the_flag_says_so() -> None:
    ingress = an_ingress(alb={"conditions.web": UNREADABLE}, ingressClassName=None)

    assert "conditions.web" in refusal(reviewed(ingress, settings=settings_with("--ingress-class=")))


def test_a_class_beside_the_annotation_must_be_there_when_it_is_named() -> None:
    named = by_annotation(ingressClassName="gone")

    assert "name an IngressClass that exists" in refusal(reviewed(named))
    assert "checkIngressClassUsage" == reviewed(named).check
    assert "name an IngressClass that exists" in refusal(reviewed(named, old=by_annotation()))


def test_a_class_beside_the_annotation_may_have_gone_since() -> None:
    old = by_annotation(ingressClassName="gone")
    new = by_annotation(ingressClassName="gone", rules=[a_rule(a_path("/new"))])

    assert Verdict() == reviewed(new, old=old)


# -- what flags forbid


def test_the_class_annotation_may_not_be_used_anew() -> None:
    verdict = reviewed(by_annotation(), settings=NO_CLASS_ANNOTATION)

    expected = f"new usage of `{CLASS}` annotation is forbidden: use spec.ingressClassName"
    assert f"Ingress shop/web: {CLASS} = 'alb': {expected}" == refusal(verdict)
    assert "checkIngressClassAnnotationUsage" == verdict.check


def test_the_class_annotation_may_not_be_added() -> None:
    old = an_ingress()

    assert "is forbidden" in refusal(reviewed(by_annotation(), old=old, settings=NO_CLASS_ANNOTATION))


def test_an_old_class_annotation_stays() -> None:
    new = by_annotation(rules=[a_rule(a_path("/new"))])

    assert Verdict() == reviewed(new, old=by_annotation(), settings=NO_CLASS_ANNOTATION)


def test_the_class_annotation_may_be_used_without_the_flag() -> None:
    assert Verdict() == reviewed(by_annotation())


@pytest.mark.parametrize(
    ("before", "after", "allowed"),
    [
        ("shop", "shop", True),
        ("shop", None, True),
        (None, None, True),
        (None, "shop", False),
        ("shop", "other", False),
        (None, "", False),
    ],
)
def test_the_group_annotation_may_only_stay_or_go(before: str | None, after: str | None, allowed: bool) -> None:
    new = {**grouped(after), "spec": {**grouped(after)["spec"], "rules": []}}

    assert allowed == (reviewed(new, old=grouped(before), settings=NO_GROUP_ANNOTATION).refusal is None)


def test_the_group_annotation_may_not_be_used_anew() -> None:
    verdict = reviewed(grouped("shop"), settings=NO_GROUP_ANNOTATION)

    expected = f"new usage of `{GROUP}` annotation is forbidden: use spec.group of the class's IngressClassParams"
    assert f"Ingress shop/web: {GROUP} = 'shop': {expected}" == refusal(verdict)
    assert "checkGroupNameAnnotationUsage" == verdict.check


def test_the_group_annotation_may_be_used_without_the_flag() -> None:
    assert Verdict() == reviewed(grouped("shop"))


# -- conditions


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("no json", "JSON"),
        ('{"field": "host-header"}', "the conditions as a JSON array"),
        ('[{"field": "host-header"}]', "add hostHeaderConfig"),
        ('[{"field": "path-pattern", "hostHeaderConfig": {"values": ["a"]}}]', "add pathPatternConfig"),
        ('[{"field": "host-header", "hostHeaderConfig": {}}]', "either values or regexValues"),
        ('[{"field": "http-header", "httpHeaderConfig": {"values": ["a"], "regexValues": ["a"]}}]', "either values"),
        ('[{"field": "http-request-method", "httpRequestMethodConfig": {"values": []}}]', "give httpRequestMethod"),
        ('[{"field": "query-string", "queryStringConfig": {"values": [{"key": "a"}]}}]', "give each item"),
        ('[{"field": "source-ip", "sourceIPConfig": {"values": 1}}]', "values as a JSON array"),
    ],
)
def test_conditions_that_cannot_be_read_are_refused(written: str, words: str) -> None:
    verdict = reviewed(an_ingress(alb={"conditions.web": written}))

    assert "invalid alb.ingress.kubernetes.io/conditions.web annotation: " in refusal(verdict)
    assert words in refusal(verdict)
    assert "checkIngressAnnotationConditions" == verdict.check


@pytest.mark.parametrize(
    "written",
    [
        "[]",
        "null",
        '[{"field": "host-header", "hostHeaderConfig": {"values": ["a.example.com"]}}]',
        '[{"field": "http-header", "httpHeaderConfig": {"httpHeaderName": "x", "regexValues": ["a"]}}]',
        '[{"field": "query-string", "queryStringConfig": {"values": [{"value": "a"}]}}]',
    ],
)
def test_good_conditions_are_allowed(written: str) -> None:
    assert Verdict() == reviewed(an_ingress(alb={"conditions.web": written}))


def test_conditions_of_every_backend_are_told_at_once() -> None:
    rules = [a_rule(a_path("/a", service="a"), a_path("/b", service="b"))]
    verdict = reviewed(an_ingress(alb={"conditions.a": "x", "conditions.b": "y"}, rules=rules))

    assert "conditions.a" in refusal(verdict)
    assert "conditions.b" in refusal(verdict)


def test_conditions_that_no_rule_has_are_only_warned_of() -> None:
    verdict = reviewed(an_ingress(alb={"conditions.other": UNREADABLE}))

    assert verdict.refusal is None
    assert "conditions.other" in verdict.warnings[0]


def test_a_backend_that_is_no_service_has_no_conditions() -> None:
    path = {"path": "/", "pathType": "Prefix", "backend": {"resource": {"kind": "Bucket", "name": "b"}}}

    assert Verdict() == reviewed(an_ingress(rules=[a_rule(path)]))


# -- warnings


@pytest.mark.parametrize(
    ("annotation", "value", "words"),
    [
        ("scheme", "sideways", "write one of internal, internet-facing"),
        ("conditions.web", '[{"field": "weather"}]', "no load balancer has the condition 'weather'"),
        ("create-acm-cert", "true", "this annotation has no effect in this version"),
    ],
)
def test_what_will_not_work_is_warned_of(annotation: str, value: str, words: str) -> None:
    verdict = reviewed(an_ingress(alb={annotation: value}))

    assert verdict.refusal is None
    assert any(f"alb.ingress.kubernetes.io/{annotation}" in each and words in each for each in verdict.warnings)


# -- what is let through


def test_an_update_that_leaves_everything_as_it_is_is_let_through() -> None:
    broken = an_ingress(ingressClassName="gone", alb={"conditions.web": UNREADABLE})

    assert Verdict() == reviewed(broken, old=broken)


def test_an_update_of_annotations_is_looked_at() -> None:
    assert "conditions.web" in refusal(
        reviewed(an_ingress(alb={"conditions.web": UNREADABLE}), old=an_ingress(alb={"conditions.web": "[]"}))
    )


def test_an_ingress_that_is_being_deleted_is_let_go() -> None:
    leaving = an_ingress(ingressClassName="gone")
    leaving["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"

    assert Verdict() == reviewed(leaving, old=an_ingress())


def test_an_ingress_whose_name_is_still_to_be_made_is_told_by_its_start() -> None:
    ingress = an_ingress(ingressClassName="gone")
    ingress["metadata"] = {"generateName": "web-", "namespace": "shop"}

    assert "Ingress shop/web-*: " in refusal(reviewed(ingress))
