"""How verdicts are put together: JSON patches (RFC 6902) as small as the change, and refusals made of `Problem`s."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from aws_lb_controller.errors import Problem
from aws_lb_controller.webhooks.review import Review, Verdict

Operation = dict[str, Any]
Obj = Mapping[str, Any]


def add(value: Any, *path: str) -> Operation:
    """Put a value at a path: a member of an object, made or replaced, or ``-`` for a list's end."""
    return {"op": "add", "path": _pointer(path), "value": value}


def append(items: Sequence[Any], *, to: Sequence[Any] | None, path: tuple[str, ...]) -> tuple[Operation, ...]:
    """Put items at the end of a list, which is made if there is none; `to`: the list as it is."""
    if not items:
        return ()
    return tuple(add(item, *path, "-") for item in items) if to else (add([*items], *path),)


def set_entry(held: Obj | None, key: str, value: str, *, path: tuple[str, ...]) -> Operation:
    """Put an entry into a map such as ``metadata.annotations``, which is made if there is none."""
    return add(value, *path, key) if held else add({key: value}, *path)


def _pointer(path: Iterable[str]) -> str:
    return "".join("/" + part.replace("~", "~0").replace("/", "~1") for part in path)


def allowed(patch: Sequence[Operation] = (), *, warnings: Iterable[Problem] = ()) -> Verdict:
    """Yes, with a patch and with what the user may want to know."""
    return Verdict(patch=tuple(patch), warnings=tuple(str(each) for each in warnings))


def refused(problems: Iterable[Problem], *, check: str, start: str = "") -> Verdict:
    """No, for all of these; check: what found them; start: words before the first, which users of the peer look for."""
    return Verdict(refusal=start + "; ".join(str(problem) for problem in problems), check=check)


def decided(checks: Mapping[str, Iterable[Problem]], *, warnings: Iterable[Problem] = ()) -> Verdict:
    """Refused with the problems of all checks, by the name of the first that has any; else allowed."""
    found = {check: tuple(problems) for check, problems in checks.items()}
    failed = next((check for check, problems in found.items() if problems), None)
    if failed is None:
        return allowed(warnings=warnings)
    return refused((each for problems in found.values() for each in problems), check=failed)


def reference(kind: str, review: Review) -> str:
    """``Kind namespace/name`` of what is reviewed."""
    return f"{kind} " + "/".join(filter(None, (review.namespace, name_of(review))))


def name_of(review: Review) -> str:
    """The object's name; where the API server still makes one, the start of it and a star."""
    metadata = (review.obj or review.old or {}).get("metadata") or {}
    return str(review.name or metadata.get("name") or f"{metadata.get('generateName') or ''}*")


def spec_of(obj: Obj | None) -> Obj:
    """``spec``, empty if there is none."""
    return (obj or {}).get("spec") or {}


def annotations_of(obj: Obj | None) -> Mapping[str, str]:
    """``metadata.annotations``, empty if there are none."""
    return ((obj or {}).get("metadata") or {}).get("annotations") or {}


def labels_of(obj: Obj | None) -> Mapping[str, str]:
    """``metadata.labels``, empty if there are none."""
    return ((obj or {}).get("metadata") or {}).get("labels") or {}


def keeps_spec(review: Review) -> bool:
    """Whether an update leaves the spec alone: it is not the moment to find fault with it.

    So finalizers go and come on objects that were made before a rule was, or while no webhook was served.
    """
    return review.operation == "UPDATE" and spec_of(review.obj) == spec_of(review.old)


def keeps_annotations(review: Review) -> bool:
    """Whether an update leaves the annotations alone."""
    return review.operation == "UPDATE" and annotations_of(review.obj) == annotations_of(review.old)


def is_written(review: Review) -> bool:
    """Whether an object is made or changed."""
    return review.operation in ("CREATE", "UPDATE")
