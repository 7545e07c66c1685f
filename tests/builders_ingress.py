"""Ingresses, their classes and groups for tests: valid by default, as the API server gives them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pytest

from aws_lb_controller.api.ingress_class_params import IngressClassParams
from aws_lb_controller.errors import Problem, SpecError
from aws_lb_controller.intent import oidc_client
from aws_lb_controller.intent.group import group_of, read_members
from aws_lb_controller.intent.ingress import notes_of
from aws_lb_controller.intent.ingress_class import Classified, ingress_name
from aws_lb_controller.intent.ingress_ignored import passed_over_together
from aws_lb_controller.intent.ingress_member import MemberInput
from aws_lb_controller.intent.merge import merge
from aws_lb_controller.intent.values import ListenerIntent, RuleIntent, StackIntent
from aws_lb_controller.settings import Settings
from builders_kube import a_service

SETTINGS = Settings.from_args(["--cluster-name=demo", "--default-target-type=ip"])


def settings_with(*flags: str) -> Settings:
    return Settings.from_args(["--cluster-name=demo", *flags])


def a_path(
    path: str = "/", *, kind: str | None = "Prefix", service: str = "web", port: int | str = 80
) -> dict[str, Any]:
    return {"path": path, "pathType": kind, "backend": a_backend(service, port)}


def a_backend(service: str = "web", port: int | str = 80) -> dict[str, Any]:
    return {"service": {"name": service, "port": {"number": port} if isinstance(port, int) else {"name": port}}}


def an_action_path(path: str = "/", *, action: str = "hi", kind: str = "Prefix") -> dict[str, Any]:
    return a_path(path, kind=kind, service=action, port="use-annotation")


def a_rule(*paths: dict[str, Any], host: str | None = None) -> dict[str, Any]:
    return ({"host": host} if host else {}) | {"http": {"paths": list(paths or [a_path()])}}


def an_ingress(
    name: str = "web",
    *,
    namespace: str = "shop",
    alb: Mapping[str, str] | None = None,
    annotations: Mapping[str, str] | None = None,
    rules: list[dict[str, Any]] | None = None,
    **spec: Any,
) -> dict[str, Any]:
    """Class alb, one rule from ``/`` to port 80 of Service web. alb: annotations without their prefix."""
    ours = {f"alb.ingress.kubernetes.io/{k}": v for k, v in (alb or {}).items()}
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": {"namespace": namespace, "name": name, "annotations": {**ours, **(annotations or {})}},
        "spec": {"ingressClassName": "alb", "rules": [a_rule()] if rules is None else rules, **spec},
    }


def params(**spec: Any) -> IngressClassParams:
    """The IngressClassParams ``platform``; fields in the API's spelling."""
    return IngressClassParams.read({"metadata": {"name": "platform"}, "spec": spec})


def a_member(ingress: dict[str, Any] | None = None, **class_spec: Any) -> MemberInput:
    """A member whose class has these parameters."""
    classified = Classified(class_name="alb", params=params(**class_spec) if class_spec else None)
    return MemberInput(ingress=ingress or an_ingress(), classified=classified)


def read(
    *members: dict[str, Any] | MemberInput,
    services: Iterable[dict[str, Any]] | None = None,
    secrets: Iterable[dict[str, Any]] = (),
    settings: Settings = SETTINGS,
) -> tuple[StackIntent, tuple[Problem, ...]]:
    """The group of the first member, read; Service web exists unless told otherwise."""
    inputs = [m if isinstance(m, MemberInput) else a_member(m) for m in members]
    known = {
        (s["metadata"]["namespace"], s["metadata"]["name"]): s
        for s in ([a_service()] if services is None else services)
    }
    clients = {(s["metadata"]["namespace"], s["metadata"]["name"]): oidc_client.kept(s) for s in secrets}
    group = group_of(inputs[0].ingress, inputs[0].classified)
    readings = read_members(
        inputs,
        services=lambda ns, name: known.get((ns, name)),
        secrets=lambda ns, name: clients.get((ns, name)),
        settings=settings,
    )
    wrong = [problem for error in readings.unreadable.values() for problem in error.problems]
    if wrong:
        raise SpecError(list(dict.fromkeys(wrong)))
    merged = merge(group, tuple(readings.read.values()), settings=settings)
    if told := [p for those in (merged.impossible, merged.outvoted) for each in those.values() for p in each]:
        raise SpecError(told)
    by_member = tuple(warning for member in readings.read.values() for warning in member.warnings)
    notes = {ingress_name(m.ingress): notes_of(m.ingress) for m in inputs}
    together = passed_over_together(notes, readings.read.values(), merged.intent)
    return merged.intent, tuple(dict.fromkeys((*by_member, *together)))


def wish(*members: dict[str, Any] | MemberInput, **more: Any) -> StackIntent:
    return read(*members, **more)[0]


def problems(*members: dict[str, Any] | MemberInput, **more: Any) -> list[str]:
    """Everything that is wrong with a group, as a user reads it, prefixes of annotations left out."""
    with pytest.raises(SpecError) as caught:
        read(*members, **more)
    return [str(p).replace("alb.ingress.kubernetes.io/", "") for p in caught.value.problems]


def warnings(*members: dict[str, Any] | MemberInput, **more: Any) -> list[str]:
    return [str(p).replace("alb.ingress.kubernetes.io/", "") for p in read(*members, **more)[1]]


def only_listener(stack: StackIntent) -> ListenerIntent:
    (listener,) = stack.listeners
    return listener


def paths_of(rules: Iterable[RuleIntent]) -> list[tuple[str, ...]]:
    """The path patterns of each rule, in order."""
    return [next((c.values for c in rule.conditions if c.field == "path-pattern"), ()) for rule in rules]


FIXED = '{"type": "fixed-response", "fixedResponseConfig": {"contentType": "text/plain", "statusCode": "200"}}'
"""An action annotation."""
