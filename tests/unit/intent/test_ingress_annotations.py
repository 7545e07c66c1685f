"""The table of annotations is whole, and what it says of itself is true."""

from __future__ import annotations

from typing import Any

import pytest

from aws_lb_controller.intent.annotations import Annotation
from aws_lb_controller.intent.ingress_annotations import PREFIX, TABLE
from aws_lb_controller.intent.readers import Unreadable
from contract_data import contract


def test_the_table_has_every_annotation_of_the_contract() -> None:
    names = contract("names")
    assert names["ingressAnnotationPrefix"] == PREFIX
    assert {*names["ingressAnnotations"], "actions", "conditions", "transforms"} == TABLE.keys()


@pytest.mark.parametrize(
    "suffix",
    [
        *("healthcheck-interval-seconds", "healthcheck-timeout-seconds"),
        *("healthy-threshold-count", "unhealthy-threshold-count", "ssl-redirect"),
        *("frontend-nlb-healthcheck-interval-seconds", "frontend-nlb-healthcheck-timeout-seconds"),
    ],
)
def test_numbers_that_have_no_place_in_32_bits_are_unreadable(suffix: str) -> None:
    with pytest.raises(Unreadable):
        TABLE[suffix].reader("2147483648")


@pytest.mark.parametrize("annotation", [a for a in TABLE.values() if a.carried_out], ids=lambda a: a.suffix)
def test_the_example_of_an_annotation_is_valid(annotation: Annotation[Any]) -> None:
    assert annotation.reader(annotation.example) is not None
