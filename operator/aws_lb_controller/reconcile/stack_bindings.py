"""The TargetGroupBindings that stacks made: what is to outlast this process is noted in their annotations."""

from __future__ import annotations

from collections.abc import Sequence

from aws_lb_controller.cluster.indexes import annotations_of, full_name, is_deleting
from aws_lb_controller.cluster.kinds import TARGET_GROUP_BINDING
from aws_lb_controller.cluster.store import Store
from aws_lb_controller.errors import KubernetesNotFound
from aws_lb_controller.model.stack import StackId
from aws_lb_controller.reconcile.ports import KubernetesWriter, Obj


class StackBindings:
    """Reads them from the store, and annotates them."""

    def __init__(self, store: Store, writer: KubernetesWriter) -> None:
        self._store, self._writer = store, writer

    def all(self, stack_id: StackId) -> Sequence[Obj]:
        """Those of a stack, also those that are being deleted."""
        return self._store.by_index(TARGET_GROUP_BINDING, "stack", f"{stack_id.owner}:{stack_id.name}")

    def staying(self, stack_id: StackId) -> list[Obj]:
        """Those of a stack that are not being deleted, by name."""
        return sorted((binding for binding in self.all(stack_id) if not is_deleting(binding)), key=full_name)

    def notes(self, stack_id: StackId, annotation: str) -> list[str]:
        """What those that stay have in an annotation."""
        notes = (annotations_of(binding).get(annotation) for binding in self.staying(stack_id))
        return [note for note in notes if note is not None]

    def annotate(self, binding: Obj, annotation: str, note: str | None) -> None:
        """Writes a note, or takes it away (None). Raises `KubernetesError`."""
        meta = binding["metadata"]
        body = {"metadata": {"annotations": {annotation: note}}}
        try:
            self._writer.patch(TARGET_GROUP_BINDING, meta["namespace"], meta["name"], body)
        except KubernetesNotFound:
            return  # it went meanwhile, and the note with it
