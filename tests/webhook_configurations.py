"""The webhook configurations of deploy/, as they are and as a control plane without a cluster network can use them."""

from __future__ import annotations

import base64
from typing import Any

import yaml

from localworld.world import MANIFESTS

Obj = dict[str, Any]
FILE = MANIFESTS / "webhooks.yaml"
KINDS = ("MutatingWebhookConfiguration", "ValidatingWebhookConfiguration")


def configurations() -> list[Obj]:
    """As deploy/ has them: the mutating one, then the validating one."""
    return [one for one in yaml.safe_load_all(FILE.read_text()) if one["kind"] in KINDS]


def configurations_at(url: str, *, ca: bytes) -> list[Obj]:
    """The same, but the API server calls a URL (https://host:port) instead of a Service; ca: in PEM."""
    found = configurations()
    for webhook in (webhook for one in found for webhook in one["webhooks"]):
        path = webhook["clientConfig"]["service"]["path"]
        webhook["clientConfig"] = {"url": url + path, "caBundle": base64.b64encode(ca).decode()}
    return found
