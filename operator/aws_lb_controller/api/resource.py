"""What our CRDs' models have in common: how they are read from the API's JSON, and how they go back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel
from pydantic_core import ErrorDetails

from aws_lb_controller.errors import Problem, SpecError

OptionalText = Annotated[str | None, BeforeValidator(lambda text: None if text == "" else text)]
"""Text that may be left out; Go programs write the empty text where they mean that."""


class ApiModel(BaseModel):
    """A piece of an API object: fields in snake case here, in camel case there; unknown ones are passed over."""

    model_config = ConfigDict(frozen=True, extra="ignore", alias_generator=to_camel, populate_by_name=True)

    def manifest(self) -> dict[str, Any]:
        """The API's JSON for it, without the fields that are as if left out."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True, exclude_defaults=True)


class ObjectMeta(ApiModel):
    """The part of ``metadata`` that we use; namespace is "" for kinds without."""

    name: str
    namespace: str = ""
    uid: str = ""
    resource_version: str = ""
    generation: int = 0
    labels: Mapping[str, str] = Field(default_factory=dict)
    annotations: Mapping[str, str] = Field(default_factory=dict)
    finalizers: tuple[str, ...] = ()


class Resource(ApiModel):
    """An object of one of our CRDs."""

    metadata: ObjectMeta

    @classmethod
    def read(cls, raw: Mapping[str, Any]) -> Self:
        """The object as the API gives it. Raises `SpecError` with every field that is not what the CRD says."""
        try:
            return cls.model_validate(raw)
        except ValidationError as wrong:
            raise SpecError([_problem(cls.__name__, raw, error) for error in wrong.errors()]) from None


def _problem(kind: str, raw: Mapping[str, Any], error: ErrorDetails) -> Problem:
    metadata = raw.get("metadata") or {}
    name = "/".join(filter(None, (metadata.get("namespace"), metadata.get("name"))))
    value = "" if error["type"] == "missing" else str(error["input"])
    return Problem(object=f"{kind} {name}", field=_path(error["loc"]), value=value, remedy=error["msg"])


def _path(loc: tuple[int | str, ...]) -> str:
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in loc).removeprefix(".")
