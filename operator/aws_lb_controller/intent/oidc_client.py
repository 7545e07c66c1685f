"""The OIDC client in a Kubernetes Secret: its name in the clear, of its secret only a mark.

The mark is an HMAC of the secret under the Secret's uid. It tells whether AWS has what the Secret says now, in this
process and, because it is kept beside what was deployed, in the next one. The uid is random and readable only by those
who may read the Secret itself, so that nobody else can try guesses against a mark they see.

Keys and trimming are the peer's: ``clientID``, or ``clientId`` as an older controller had it, without white space at
its end; ``clientSecret`` without control characters at its end.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import unicodedata
from collections.abc import Callable, Mapping
from typing import Any

Obj = Mapping[str, Any]

Secrets = Callable[[str, str], Obj | None]
"""A Secret by namespace and name, as `kept` leaves it; None: there is none, or it may not be read."""

CLIENT_ID_KEYS = ("clientID", "clientId")
CLIENT_SECRET_KEY = "clientSecret"

_MARK = "clientSecretMark"
_WHITE_SPACE = "\t\n\v\f\r \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(map(chr, range(0x2000, 0x200B)))
"""Go's ``unicode.IsSpace``; Python's own `str.isspace` takes some control characters too."""


def kept(secret: Obj) -> dict[str, Any]:
    """What is kept of a Secret as the API gives it: who it is, the client's name, and the mark; no secret."""
    metadata, data = secret["metadata"], secret.get("data") or {}
    names = ("namespace", "name", "uid", "resourceVersion", "deletionTimestamp")
    text = client_secret(secret)
    return {
        "metadata": {key: metadata[key] for key in names if key in metadata},
        "data": {key: data[key] for key in CLIENT_ID_KEYS if key in data},
        _MARK: None if text is None else _mark(metadata.get("uid", ""), text),
    }


def client_id(secret: Obj) -> str | None:
    """The client's name, None if the Secret has no such key."""
    data = secret.get("data") or {}
    written = next((data[key] for key in CLIENT_ID_KEYS if key in data), None)
    return None if written is None else _decoded(written).rstrip(_WHITE_SPACE)


def mark(secret: Obj) -> str | None:
    """The mark of a Secret that was `kept`, None if it has no client secret."""
    found: str | None = secret.get(_MARK)
    return found


def client_secret(secret: Obj) -> str | None:
    """The text itself, of a Secret as the API gives it; None if it has no such key."""
    written = (secret.get("data") or {}).get(CLIENT_SECRET_KEY)
    if written is None:
        return None
    text = _decoded(written)
    while text and unicodedata.category(text[-1]) == "Cc":
        text = text[:-1]
    return text


def _decoded(written: str) -> str:
    return base64.b64decode(written).decode(errors="replace")


def _mark(uid: str, text: str) -> str:
    return hmac.new(uid.encode(), text.encode(), hashlib.sha256).hexdigest()[:32]
