"""What the API server asks of a webhook and what a webhook answers, in our words.

Handlers are pure in these two values; `webhooks/server.py` alone knows AdmissionReview, HTTP and TLS.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias


@dataclass(frozen=True, slots=True)
class Review:
    """What a handler is asked: `AdmissionReview.request`.

    operation: CREATE, UPDATE or DELETE. name: empty where the API server is still to make one from `generateName`.
    namespace: empty for what belongs to none. obj: as it is to be (None on DELETE). old: as it stands (None on
    CREATE). dry_run: nothing of it will be stored.
    """

    operation: str
    namespace: str
    name: str
    obj: Mapping[str, Any] | None
    old: Mapping[str, Any] | None
    dry_run: bool


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a handler answers: allowed, perhaps changed and with warnings; or refused.

    patch: RFC 6902 operations on the object. warnings: lines that kubectl shows. refusal: why not, for whoever asked.
    check: what refused (``checkImmutableFields``), for the metric's label ``error_category``.
    """

    patch: tuple[dict[str, Any], ...] = ()
    warnings: tuple[str, ...] = ()
    refusal: str | None = None
    check: str = "refused"


Handler: TypeAlias = Callable[[Review], Verdict]
"""Decides one review. An exception is our fault, not the object's: it is logged and answered with HTTP 500."""
