"""The reference documentation of annotations, made from the table that reads them: what is read is what is documented.

`render` is pure and knows nothing of Services or Ingresses; whoever has a table brings the words around it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aws_lb_controller.intent.annotations import Annotation


@dataclass(frozen=True, slots=True, kw_only=True)
class Chapter:
    """Annotations that belong together, in order, with a heading and a word on them (Markdown, may be empty)."""

    heading: str
    annotations: tuple[Annotation[Any], ...]
    introduction: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """A page. prefix: what stands before every suffix; introduction: Markdown."""

    title: str
    prefix: str
    introduction: str
    chapters: tuple[Chapter, ...]


def render(reference: Reference, table: Mapping[str, Annotation[Any]]) -> str:
    """The page as Markdown: all annotations in one table, then a section for each.

    Raises ValueError where an annotation of the table stands in no chapter, or in several.
    """
    _check_complete(reference, table)
    lines = [
        f"# {reference.title}",
        "",
        reference.introduction.strip(),
        "",
        *_overview(reference),
        *(line for chapter in reference.chapters for line in _chapter(chapter, reference.prefix)),
    ]
    return "\n".join(lines).rstrip() + "\n"


def _check_complete(reference: Reference, table: Mapping[str, Annotation[Any]]) -> None:
    shown = [annotation.suffix for chapter in reference.chapters for annotation in chapter.annotations]
    if wrong := sorted({s for s in shown if shown.count(s) > 1} | set(shown) ^ set(table)):
        raise ValueError(f"not in just one chapter: {', '.join(wrong)}")


def _overview(reference: Reference) -> Iterator[str]:
    yield "| annotation | what for | default |"
    yield "|---|---|---|"
    for chapter in reference.chapters:
        for annotation in chapter.annotations:
            name, default = _with_key(annotation), annotation.default or "none"
            yield f"| [`{name}`](#{_anchor(name)}) | {_cell(annotation.about)} | {_cell(default)} |"


def _chapter(chapter: Chapter, prefix: str) -> Iterator[str]:
    yield from ("", f"## {chapter.heading}")
    if chapter.introduction:
        yield from ("", chapter.introduction.strip())
    for annotation in chapter.annotations:
        yield from _section(annotation, prefix)


def _section(annotation: Annotation[Any], prefix: str) -> Iterator[str]:
    yield from ("", f"### {_with_key(annotation)}", "")
    if annotation.about:
        yield from (annotation.about, "")
    yield from ("```yaml", *_examples(annotation, prefix), "```", "")
    for label, text in _facts(annotation):
        if text:
            yield f"- {label}: {text}"


def _examples(annotation: Annotation[Any], prefix: str) -> Iterator[str]:
    key, value = f"{prefix}/{annotation.suffix}", _quoted(annotation.example)
    if not annotation.keyed or annotation.key_may_be_left_out:
        yield f"{key}: {value}"
    if annotation.keyed:
        yield f"{key}.{annotation.example_key or 'KEY'}: {value}"


def _facts(annotation: Annotation[Any]) -> Iterator[tuple[str, str]]:
    yield "KEY", annotation.key
    yield "takes", annotation.takes
    yield "default", annotation.default or "none"
    yield "AWS", f"`{annotation.aws}`" if annotation.aws else ""
    yield "on a Service", annotation.on_service
    yield "in a group", annotation.in_group
    yield "class parameters", f"`spec.{annotation.class_field}` wins over it" if annotation.class_field else ""
    yield "needs", "; ".join(_needs(annotation))
    yield "conflicts", _sentences(annotation)
    if not annotation.carried_out:
        yield "not carried out", "known, but without effect in this version"


def _needs(annotation: Annotation[Any]) -> Sequence[str]:
    gate = (f"the feature gate {annotation.gate} (on)",) if annotation.gate else ()
    return (*(need.words for need in annotation.needs), *gate)


def _sentences(annotation: Annotation[Any]) -> str:
    """What wins over it, and what else is to be known."""
    winners = [f"`{suffix}` wins over it." for suffix in annotation.loses_to]
    return " ".join([*winners, annotation.conflicts]).strip()


def _with_key(annotation: Annotation[Any]) -> str:
    if not annotation.keyed:
        return annotation.suffix
    return f"{annotation.suffix}[.KEY]" if annotation.key_may_be_left_out else f"{annotation.suffix}.KEY"


def _anchor(heading: str) -> str:
    """As GitHub makes it: lower case, nothing but letters, digits, ``-`` and ``_``."""
    return "".join(c for c in heading.lower() if c.isalnum() or c in "-_")


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _quoted(value: str) -> str:
    """As a YAML string, whatever it looks like."""
    return "'" + value.replace("'", "''") + "'" if '"' in value else f'"{value}"'
