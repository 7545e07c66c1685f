"""What an Ingress of ours may say: its class must be there, and what the flags have ruled out may not be used anew.

The conditions of its rules are checked too, because a rule without them would match more than was meant. Every other
mistake in its annotations is told as a warning only: such an Ingress is stored, and its Events say what is wrong.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from aws_lb_controller.api.names import INGRESS_CLASS_ANNOTATION
from aws_lb_controller.cluster.indexes import GROUP_NAME, Obj, backends_of
from aws_lb_controller.cluster.kinds import INGRESS_CLASS
from aws_lb_controller.errors import Problem, SpecError
from aws_lb_controller.intent import ingress_annotations as table
from aws_lb_controller.intent.annotations import AnnotationReader
from aws_lb_controller.intent.ingress import notes_of
from aws_lb_controller.intent.ingress_class import classify
from aws_lb_controller.settings import Settings
from aws_lb_controller.webhooks import answers
from aws_lb_controller.webhooks.reading import Cluster
from aws_lb_controller.webhooks.review import Review, Verdict

_CLASS_NAME = "ingressClassName"
_BAD_CLASS = "invalid ingress class: "


@dataclass(frozen=True, slots=True, kw_only=True)
class IngressRules:
    """The validating webhook."""

    cluster: Cluster
    settings: Settings

    def __call__(self, review: Review) -> Verdict:
        """Raises `KubernetesError` where nobody can say which class the Ingress has."""
        if not answers.is_written(review) or (answers.keeps_spec(review) and answers.keeps_annotations(review)):
            return Verdict()
        ingress = _placed(review)
        try:
            if not self._is_ours(ingress):
                return Verdict()
        except SpecError as wrong:
            return answers.refused(wrong.problems, check="checkIngressClass", start=_BAD_CLASS)
        notes, old = notes_of(ingress), review.old
        checks = {
            "checkIngressClassAnnotationUsage": self._class_annotation(ingress, old, notes),
            "checkGroupNameAnnotationUsage": self._group_name(ingress, old, notes),
            "checkIngressClassUsage": self._class_beside_annotation(ingress, old, notes),
            "checkIngressAnnotationConditions": wrong_conditions(ingress, notes),
        }
        return answers.decided(checks, warnings=doubts(notes))

    def _is_ours(self, ingress: Obj) -> bool:
        """Raises `SpecError` where the class is not there. Its parameters are not looked at: they may come later."""
        found = classify(
            ingress,
            classes=self._class_alone,
            params=lambda _name: None,
            namespaces=lambda _name: None,
            settings=self.settings,
            all_classes=lambda: self.cluster.known(INGRESS_CLASS),
        )
        return found is not None

    def _class_alone(self, name: str) -> Obj | None:
        found = self.cluster.find(INGRESS_CLASS, "", name)
        if found is None:
            return None
        return {**found, "spec": {k: v for k, v in answers.spec_of(found).items() if k != "parameters"}}

    def _class_annotation(self, ingress: Obj, old: Obj | None, notes: AnnotationReader) -> Iterator[Problem]:
        if self.settings.disable_ingress_class_annotation and self._matches(ingress) and not self._matches(old):
            yield _new_usage(ingress, notes, INGRESS_CLASS_ANNOTATION, instead="spec.ingressClassName")

    def _group_name(self, ingress: Obj, old: Obj | None, notes: AnnotationReader) -> Iterator[Problem]:
        group = answers.annotations_of(ingress).get(GROUP_NAME)
        new = group is not None and group != answers.annotations_of(old).get(GROUP_NAME)
        if new and self.settings.disable_ingress_group_name_annotation:
            yield _new_usage(ingress, notes, GROUP_NAME, instead="spec.group of the class's IngressClassParams")

    def _class_beside_annotation(self, ingress: Obj, old: Obj | None, notes: AnnotationReader) -> Iterator[Problem]:
        """The annotation decides alone; still a class that is named anew must be there."""
        name = answers.spec_of(ingress).get(_CLASS_NAME)
        if name is None or name == answers.spec_of(old).get(_CLASS_NAME):
            return
        if self.cluster.find(INGRESS_CLASS, "", name) is None:
            remedy = f"{_BAD_CLASS}name an IngressClass that exists"
            yield Problem(notes.object_ref, f"spec.{_CLASS_NAME}", name, remedy)

    def _matches(self, ingress: Obj | None) -> bool:
        """Whether the class annotation makes it ours."""
        written = answers.annotations_of(ingress).get(INGRESS_CLASS_ANNOTATION)
        return written is not None and written in {self.settings.ingress_class, self.settings.ingress_class or "alb"}


def wrong_conditions(ingress: Obj, notes: AnnotationReader) -> Iterator[Problem]:
    """The annotations ``conditions.NAME`` of the rules' backends that cannot be read."""
    of_rules = backends_of({**ingress, "spec": {"rules": answers.spec_of(ingress).get("rules")}})
    names = dict.fromkeys((backend.get("service") or {}).get("name") for backend in of_rules)
    conditions = notes.apart()
    for name in filter(None, names):
        conditions.get(table.CONDITIONS, name)
    for each in conditions.problems:
        yield Problem(each.object, each.field, each.value, f"invalid {each.field} annotation: {each.remedy}")


def doubts(notes: AnnotationReader) -> list[Problem]:
    """What is wrong with any annotation by itself, and which of them have no effect."""
    seen = notes.apart()
    for annotation in table.TABLE.values():
        for of in ("", *seen.keys_of(annotation)) if annotation.keyed else ("",):
            seen.get(annotation, of)
    return [*seen.problems, *_unknown_conditions(notes), *seen.not_carried_out(table.TABLE)]


def _unknown_conditions(notes: AnnotationReader) -> Iterator[Problem]:
    silent = notes.apart()
    for of in notes.keys_of(table.CONDITIONS):
        written = silent.get(table.CONDITIONS, of)
        for unknown in written.unknown_fields if written else ():
            remedy = f"no load balancer has the condition {unknown!r}: it is passed over, so the rule matches more"
            yield Problem(notes.object_ref, notes.key(table.CONDITIONS, of), unknown, remedy)


def _new_usage(ingress: Obj, notes: AnnotationReader, key: str, *, instead: str) -> Problem:
    remedy = f"new usage of `{key}` annotation is forbidden: use {instead}"
    return Problem(notes.object_ref, key, answers.annotations_of(ingress)[key], remedy)


def _placed(review: Review) -> dict[str, Any]:
    """The Ingress with name and namespace, which the object may lack while it is being made."""
    obj = review.obj or {}
    metadata = {**(obj.get("metadata") or {}), "namespace": review.namespace, "name": answers.name_of(review)}
    return {**obj, "metadata": metadata}
