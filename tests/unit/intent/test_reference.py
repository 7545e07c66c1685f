"""The reference of annotations is made from the table that reads them, and stands in the repository as it was made."""

from __future__ import annotations

import pytest

from aws_lb_controller.intent.annotations import Annotation, Need
from aws_lb_controller.intent.readers import read_text
from aws_lb_controller.intent.reference import Chapter, Reference, render
from aws_lb_controller.intent.service_annotations import PREFIX, TABLE
from aws_lb_controller.intent.service_ignored import MET
from aws_lb_controller.intent.service_reference import service_reference
from aws_lb_controller.settings.gates import NAMES
from contract_data import REPOSITORY, contract

PAGE = REPOSITORY / "docs" / "service-annotations.md"
EVERY_ANNOTATION = pytest.mark.parametrize("annotation", TABLE.values(), ids=list(TABLE))


def an_annotation(suffix: str = "colour", **values: object) -> Annotation[str]:
    given = {"reader": read_text, "about": "What it looks like.", "example": "red", "default": "grey", "aws": "Colour"}
    return Annotation(suffix=suffix, **(given | values))  # type: ignore[arg-type]


def page(*annotations: Annotation[str]) -> str:
    reference = Reference(
        title="Colours",
        prefix="example.com",
        introduction="All of them.",
        chapters=(Chapter(heading="Paint", annotations=annotations),),
    )
    return render(reference, {a.suffix: a for a in annotations})


# -- Services


def test_the_page_of_services_is_as_the_table_makes_it() -> None:
    assert service_reference() == PAGE.read_text(), "the page is stale: run `make docs`"


def test_every_annotation_of_the_contract_is_in_the_table_and_on_the_page() -> None:
    names, sections = contract("names")["serviceAnnotations"], PAGE.read_text().split("\n### ")[1:]
    assert [] == [n for n in names if n not in TABLE]
    assert set(names) <= {section.split("\n")[0].partition(".")[0].partition("[")[0] for section in sections}


def test_the_table_knows_nothing_but_the_contract_and_the_actions_of_listeners() -> None:
    assert {"actions"} == set(TABLE) - set(contract("names")["serviceAnnotations"])


def test_the_prefix_is_that_of_the_contract() -> None:
    assert contract("names")["serviceAnnotationPrefix"] == PREFIX


@EVERY_ANNOTATION
def test_an_annotation_says_what_it_is_for_what_it_takes_and_what_holds_without_it(annotation: Annotation[str]) -> None:
    assert all((annotation.about, annotation.takes, annotation.default, annotation.example))


@EVERY_ANNOTATION
def test_an_annotation_sets_something_in_aws_or_decides_who_serves_the_service(annotation: Annotation[str]) -> None:
    assert annotation.aws or annotation.suffix == "aws-load-balancer-type"


@EVERY_ANNOTATION
def test_an_example_is_a_value_that_is_read_and_heeded(annotation: Annotation[str]) -> None:
    annotation.reader(annotation.example)
    if annotation.heeds is not None:
        annotation.heeds(annotation.example)


@EVERY_ANNOTATION
def test_the_rules_of_an_annotation_name_what_there_is(annotation: Annotation[str]) -> None:
    assert set(annotation.needs) <= set(MET)
    assert annotation.gate in ("", *NAMES)
    assert set(annotation.loses_to) <= set(TABLE)
    assert bool(annotation.key and annotation.example_key) == annotation.keyed


def test_no_need_is_left_over() -> None:
    assert set(MET) == {need for annotation in TABLE.values() for need in annotation.needs}


# -- any table


def test_a_section_has_the_example_as_yaml_the_default_and_the_field_of_aws() -> None:
    expected = (
        '### colour\n\nWhat it looks like.\n\n```yaml\nexample.com/colour: "red"\n```\n\n- default: grey\n'
        "- AWS: `Colour`\n"
    )
    assert page(an_annotation()).endswith(expected)


def test_a_section_tells_what_is_needed_and_what_wins() -> None:
    shade = an_annotation("shade")
    colour = an_annotation(needs=(Need("light"),), gate="Eyes", loses_to=("shade",), conflicts="Not at night.")
    text = page(colour, shade)
    assert "- needs: light; the feature gate Eyes (on)\n" in text
    assert "- conflicts: `shade` wins over it. Not at night.\n" in text


def test_a_keyed_annotation_is_shown_with_a_key_that_is_valid() -> None:
    text = page(an_annotation(keyed=True, key="a wall", example_key="north"))
    assert '```yaml\nexample.com/colour.north: "red"\n```' in text
    assert "[`colour.KEY`](#colourkey)" in text


def test_an_annotation_whose_key_may_be_left_out_is_shown_both_ways() -> None:
    text = page(an_annotation(keyed=True, example_key="north", key_may_be_left_out=True))
    assert '```yaml\nexample.com/colour: "red"\nexample.com/colour.north: "red"\n```' in text


def test_an_example_with_quotes_is_still_yaml() -> None:
    assert 'example.com/colour: \'{"a": "b"}\'' in page(an_annotation(example='{"a": "b"}'))


def test_a_bar_does_not_end_a_cell_of_the_table() -> None:
    assert "a \\| b |" in page(an_annotation(default="a | b"))


def test_every_annotation_is_in_the_table_of_contents_and_leads_to_its_section() -> None:
    assert "| [`colour`](#colour) | What it looks like. | grey |\n" in page(an_annotation())


def test_an_annotation_in_no_chapter_is_an_error_naming_it() -> None:
    reference = Reference(title="", prefix="", introduction="", chapters=(Chapter(heading="", annotations=()),))
    with pytest.raises(ValueError, match="colour"):
        render(reference, {"colour": an_annotation()})


def test_an_annotation_in_two_chapters_is_an_error_naming_it() -> None:
    chapter = Chapter(heading="", annotations=(an_annotation(),))
    with pytest.raises(ValueError, match="colour"):
        render(
            Reference(title="", prefix="", introduction="", chapters=(chapter, chapter)), {"colour": an_annotation()}
        )
