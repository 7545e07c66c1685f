"""The reference of Ingresses and their classes is made from what reads them, and stands in the repository as made."""

from __future__ import annotations

from typing import Any

import pytest

from aws_lb_controller.api.ingress_class_params import IngressClassParamsSpec
from aws_lb_controller.intent.annotations import Annotation
from aws_lb_controller.intent.class_params_reference import OF_THEIR_OWN, annotation_of, class_params_reference
from aws_lb_controller.intent.ingress_annotations import TABLE
from aws_lb_controller.intent.ingress_ignored import MET, MET_TOGETHER, OF_CLASS
from aws_lb_controller.intent.ingress_reference import ingress_reference
from aws_lb_controller.settings.gates import NAMES
from contract_data import REPOSITORY, contract

PAGE = REPOSITORY / "docs" / "ingress-annotations.md"
CLASS_PAGE = REPOSITORY / "docs" / "ingress-class-params.md"
EVERY_ANNOTATION = pytest.mark.parametrize("annotation", TABLE.values(), ids=list(TABLE))
FIELDS = {field.alias for field in IngressClassParamsSpec.model_fields.values()}
LATER = {"create-acm-cert", "acm-pca-arn", "dry-run-plan"}


def test_the_page_of_ingresses_is_as_the_table_makes_it() -> None:
    assert ingress_reference() == PAGE.read_text(), "the page is stale: run `make docs`"


def test_the_page_of_class_parameters_is_as_the_model_makes_it() -> None:
    assert class_params_reference() == CLASS_PAGE.read_text(), "the page is stale: run `make docs`"


def test_every_annotation_of_the_contract_is_on_the_page() -> None:
    sections = {section.split("\n")[0] for section in PAGE.read_text().split("\n### ")[1:]}
    assert [] == [n for n in contract("names")["ingressAnnotations"] if not sections & {n, f"{n}.KEY"}]


@EVERY_ANNOTATION
def test_an_annotation_says_what_it_is_for_what_it_takes_and_what_holds_without_it(annotation: Annotation[Any]) -> None:
    assert all((annotation.about, annotation.takes, annotation.default, annotation.example, annotation.aws))


@EVERY_ANNOTATION
def test_an_annotation_says_how_it_counts_in_a_group(annotation: Annotation[Any]) -> None:
    assert annotation.in_group


@EVERY_ANNOTATION
def test_an_example_is_a_value_that_is_read(annotation: Annotation[Any]) -> None:
    annotation.reader(annotation.example)


@EVERY_ANNOTATION
def test_the_rules_of_an_annotation_name_what_there_is(annotation: Annotation[Any]) -> None:
    assert set(annotation.needs) <= {*MET, *MET_TOGETHER}
    assert annotation.gate in ("", *NAMES)
    assert set(annotation.loses_to) <= set(TABLE)
    assert annotation.class_field.partition(".")[0] in {"", *FIELDS}
    assert bool(annotation.key and annotation.example_key) == annotation.keyed


def test_no_need_is_left_over() -> None:
    assert {*MET, *MET_TOGETHER} == {need for annotation in TABLE.values() for need in annotation.needs}


def test_annotations_may_stand_where_the_contract_says() -> None:
    for entry in contract("annotations")["ingress"]:
        suffix = entry["name"].removeprefix("alb.ingress.kubernetes.io/").partition(".$")[0]
        # it is documented for Ingresses, but the peer reads it on Services too
        on_service = "Service" in entry["location"] or suffix == "target-control-port"
        assert on_service == bool(TABLE[suffix].on_service), suffix


def test_only_what_comes_later_is_not_carried_out() -> None:
    assert LATER == {suffix for suffix, annotation in TABLE.items() if not annotation.carried_out}


def test_every_field_of_the_class_has_its_purpose_and_its_annotation() -> None:
    assert set(contract_fields()) == FIELDS
    assert {"namespaceSelector", "PrefixListsIDs"} == {field for field in FIELDS if annotation_of(field or "") is None}
    assert {"namespaceSelector", "PrefixListsIDs"} <= set(OF_THEIR_OWN)


def test_every_annotation_that_a_class_wins_over_whole_is_looked_at() -> None:
    by_key_or_group = {
        *("tags", "load-balancer-attributes", "listener-attributes"),
        *("minimum-load-balancer-capacity", "ipam-ipv4-pool-id"),
    }
    assert {a.suffix for a in TABLE.values() if a.class_field} == set(OF_CLASS) | by_key_or_group


def contract_fields() -> dict[str, Any]:
    version = contract("crds")["ingressclassparams.elbv2.k8s.aws"]["versions"][0]
    fields: dict[str, Any] = version["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]
    return fields
