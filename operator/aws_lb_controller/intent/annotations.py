"""One table declares each annotation; reading, validation and the reference documentation all come from it.

A table is a mapping from an annotation's suffix to an `Annotation`. An `AnnotationReader` reads one object's
annotations by such a table and gathers every problem, so that one edit can mend them all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from aws_lb_controller.errors import Problem
from aws_lb_controller.intent.readers import Reader, Unreadable
from aws_lb_controller.intent.values import Blame

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


@dataclass(frozen=True, slots=True)
class Need:
    """A circumstance without which annotations have no effect. words: what must be there, as a noun.

    Whoever validates a table says how each of its needs is seen to be met.
    """

    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Annotation(Generic[T_co]):
    """One annotation.

    suffix: the key behind the prefix; with `keyed` it is followed by ``.KEY`` (a port, an action's name …). reader:
    text to value. default: what holds when it is absent, in words. aws: the API field it sets. example: a value
    that is valid. carried_out False: known, read by no builder yet; whoever uses it gets a Warning.
    blank_is_absent: an empty list or text counts as not written.

    about, takes, conflicts: for the reference: what it is for, which values it takes, what must not or need not stand
    beside it. key: what the KEY of a keyed one is; key_may_be_left_out: without it, it holds for all. example_key: a
    KEY that is valid.

    What has no effect, and is then told: heeds: a reader stricter than `reader`, of the values that mean something;
    needs: circumstances; gate: the feature gate that must be on; loses_to: suffixes of annotations that win over it.
    idle_keys: of a value that can be read, as parsed JSON: the keys in it that count for nothing.
    asks_for_nothing: values for which none of that matters, because they only say what holds anyway.

    For Ingresses: on_service: how it counts where it stands on a Service behind one, "" where it does not; in_group:
    how it counts in an IngressGroup; class_field: the field of IngressClassParams, below ``spec``, that wins over it.
    """

    suffix: str
    reader: Reader[T_co]
    default: str = ""
    aws: str = ""
    example: str = ""
    keyed: bool = False
    carried_out: bool = True
    blank_is_absent: bool = False
    about: str = ""
    takes: str = ""
    conflicts: str = ""
    key: str = ""
    key_may_be_left_out: bool = False
    example_key: str = ""
    heeds: Reader[Any] | None = None
    needs: tuple[Need, ...] = ()
    gate: str = ""
    loses_to: tuple[str, ...] = ()
    idle_keys: Callable[[Any], Iterable[str]] | None = None
    asks_for_nothing: tuple[str | bool | int, ...] = ()
    on_service: str = ""
    in_group: str = ""
    class_field: str = ""


class AnnotationReader:
    """Reads the annotations of one object (``Kind namespace/name``) and keeps what is wrong with them in `problems`."""

    def __init__(self, *, object_ref: str, annotations: Mapping[str, str], prefix: str) -> None:
        self.object_ref, self.prefix = object_ref, prefix
        self._annotations = annotations
        self.problems: list[Problem] = []

    def apart(self) -> AnnotationReader:
        """Another reader of the same annotations, for what is no error whatever it says."""
        return AnnotationReader(object_ref=self.object_ref, annotations=self._annotations, prefix=self.prefix)

    def key(self, annotation: Annotation[Any], of: str = "") -> str:
        """The whole key of an annotation, with what it is about where it is keyed."""
        return f"{self.prefix}/{annotation.suffix}{'.' if of else ''}{of}"

    def raw(self, annotation: Annotation[Any], of: str = "") -> str | None:
        """The text as written."""
        return self._annotations.get(self.key(annotation, of))

    def get(self, annotation: Annotation[T], of: str = "") -> T | None:
        """The value; None when the annotation is absent, or cannot be read, which is then among the problems."""
        text = self.raw(annotation, of)
        if text is None:
            return None
        try:
            value = annotation.reader(text)
        except Unreadable as e:
            self.complain(annotation, str(e), of=of)
            return None
        return None if annotation.blank_is_absent and not value else value

    def keys_of(self, annotation: Annotation[Any]) -> Iterator[str]:
        """For a keyed annotation: every KEY it is written with, in order."""
        start = self.key(annotation) + "."
        return (k.removeprefix(start) for k in sorted(self._annotations) if k.startswith(start))

    def written(self) -> Iterator[tuple[str, str]]:
        """Every annotation under the prefix, in order: its key behind the prefix, and the text as written."""
        start = f"{self.prefix}/"
        return ((k.removeprefix(start), v) for k, v in self.under(start))

    def under(self, start: str) -> Iterator[tuple[str, str]]:
        """Every annotation whose key begins like this, in order, be it under the prefix or not."""
        return ((k, v) for k, v in sorted(self._annotations.items()) if k.startswith(start))

    def complain(self, annotation: Annotation[Any], remedy: str, *, of: str = "") -> None:
        """Adds a problem with an annotation that was read, but does not fit."""
        value = self.raw(annotation, of) or ""
        self.add(Problem(self.object_ref, self.key(annotation, of), value, remedy))

    def add(self, problem: Problem) -> None:
        """Adds a problem once, however often the same thing is read (an annotation for each port, say)."""
        if problem not in self.problems:
            self.problems.append(problem)

    def blame(self, annotation: Annotation[Any], of: str = "") -> Blame:
        """Whom to tell of a problem that only shows later."""
        return Blame(object=self.object_ref, field=self.key(annotation, of))

    def not_carried_out(self, table: Mapping[str, Annotation[Any]]) -> list[Problem]:
        """A warning for each annotation that is written, and known, but read by no builder yet."""
        return [
            Problem(self.object_ref, key, self._annotations[key], "this annotation has no effect in this version")
            for annotation in table.values()
            if not annotation.carried_out
            for key in sorted(self._annotations)
            if key == self.key(annotation) or (annotation.keyed and key.startswith(self.key(annotation) + "."))
        ]
