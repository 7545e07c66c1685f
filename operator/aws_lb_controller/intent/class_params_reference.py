"""The page ``docs/ingress-class-params.md``: the fields of IngressClassParams, made from the model that reads them.

What a field is for is what the annotation is for that it wins over; only a few have words of their own.
``python -m aws_lb_controller.intent.class_params_reference`` prints it; ``make docs`` puts it in its place.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from typing import Any

from aws_lb_controller.api.ingress_class_params import IngressClassParamsSpec
from aws_lb_controller.api.names import API_VERSION
from aws_lb_controller.intent.annotations import Annotation
from aws_lb_controller.intent.ingress_annotations import PREFIX, TABLE

_INTRODUCTION = f"""# IngressClassParams

<!-- Made by `make docs` from operator/aws_lb_controller/api/ingress_class_params.py: edit that. -->

What the administrator of an IngressClass settles for all of its Ingresses. An IngressClass names its parameters:

```yaml
apiVersion: {API_VERSION}
kind: IngressClassParams
metadata:
  name: public
spec:
  scheme: internet-facing
  namespaceSelector: {{matchLabels: {{team: shop}}}}
  tags: [{{key: owner, value: platform}}]
---
apiVersion: networking.k8s.io/v1
kind: IngressClass
metadata:
  name: public
spec:
  controller: ingress.k8s.aws/alb
  parameters: {{apiGroup: elbv2.k8s.aws, kind: IngressClassParams, name: public}}
```

What is set here wins over the annotations `{PREFIX}/…` of Ingresses and of the Services behind them. Where those say
otherwise, a Warning `IgnoredValue` tells it. Tags and attributes win key by key. What is not set is left to them. A
change is followed at once by all Ingresses of the class.
"""

OF_THEIR_OWN: Mapping[str, str] = {
    "namespaceSelector": "Which namespaces' Ingresses may have the class; the others get a Warning, no load balancer.",
    "group": "One load balancer for all Ingresses of the class.",
    "prefixListsIDs": "Managed prefix lists whose networks may reach the ports, beside `inboundCIDRs` if any.",
    "PrefixListsIDs": "The older spelling of `prefixListsIDs`; only one of the two may be set.",
}
"""Field → what it is for, where no annotation says it, or says it in an Ingress's terms."""


def class_params_reference() -> str:
    """The page, as Markdown."""
    schema = IngressClassParamsSpec.model_json_schema(by_alias=True)
    lines = [_INTRODUCTION, "| field of `spec` | what for | takes | wins over |", "|---|---|---|---|"]
    for field, written in schema["properties"].items():
        shape = _shape(written, schema["$defs"]).replace("|", "\\|")
        lines.append(f"| `{field}` | {_purpose(field)} | {shape} | {_loser(field)} |")
    return "\n".join(lines) + "\n"


def annotation_of(field: str) -> Annotation[Any] | None:
    """The annotation that a field of ``spec`` wins over."""
    return next((a for a in TABLE.values() if a.class_field.partition(".")[0] == field), None)


def _purpose(field: str) -> str:
    annotation = annotation_of(field)
    return annotation.about if annotation and field not in OF_THEIR_OWN else OF_THEIR_OWN[field]


def _loser(field: str) -> str:
    annotation = annotation_of(field)
    if annotation is None:
        return ""
    name = f"{annotation.suffix}.KEY" if annotation.keyed else annotation.suffix
    anchor = "".join(c for c in name.lower() if c.isalnum() or c in "-_")
    return f"[`{name}`](ingress-annotations.md#{anchor})"


def _shape(schema: Mapping[str, Any], shared: Mapping[str, Any]) -> str:
    """A field's JSON schema in words."""
    if "$ref" in schema:
        return _shape(shared[schema["$ref"].rpartition("/")[2]], shared)
    if "anyOf" in schema:
        return " or ".join(_shape(s, shared) for s in schema["anyOf"] if s.get("type") != "null")
    if "enum" in schema:
        return ", ".join(f"`{value}`" for value in schema["enum"])
    if schema["type"] == "array":
        return f"a list: {_shape(schema['items'], shared)}"
    if schema["type"] == "object":
        return _object_shape(schema, shared)
    return {"string": "text", "integer": "a whole number"}[schema["type"]]


def _object_shape(schema: Mapping[str, Any], shared: Mapping[str, Any]) -> str:
    if "properties" not in schema:
        return f"a map: text to {_shape(schema['additionalProperties'], shared)}"
    return "; ".join(_fields(schema["properties"], shared))


def _fields(properties: Mapping[str, Any], shared: Mapping[str, Any]) -> Iterator[str]:
    for name, written in properties.items():
        yield f"`{name}` ({_shape(written, shared)})"


if __name__ == "__main__":
    sys.stdout.write(class_params_reference())
