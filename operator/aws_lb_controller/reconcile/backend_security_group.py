"""The cluster's shared backend security group goes when no Service and no Ingress is ours any more.

It is made where it is needed first, by the deployment of a stack; here is only its end.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from aws_lb_controller.api.names import GROUP_FINALIZER_PREFIX, Finalizer
from aws_lb_controller.cluster.indexes import finalizers_of, stack_of_binding
from aws_lb_controller.cluster.kinds import INGRESS, SERVICE, TARGET_GROUP_BINDING
from aws_lb_controller.cluster.store import Store
from aws_lb_controller.errors import AwsInUse, NotYet
from aws_lb_controller.reconcile.node_security_groups import NodeSecurityGroupsReconciler
from aws_lb_controller.reconcile.ports import Obj

_IN_USE_SECONDS = 10.0
"""Until AWS is asked again to delete the group: a load balancer's network interfaces go minutes after it."""


class SharedGroup(Protocol):
    """`aws.backend_group.BackendSecurityGroup`."""

    @property
    def known(self) -> str | None:
        """Its id, as far as it is known."""

    def delete(self, *, needed: Callable[[], bool]) -> None:
        """Deletes it, if there is one and nobody needs it at the last moment. Raises `AwsInUse`."""


class BackendSecurityGroupReconciler:
    """Deletes the shared group once nobody needs it; until then, and after, it makes no call."""

    def __init__(self, *, store: Store, group: SharedGroup, node_groups: NodeSecurityGroupsReconciler) -> None:
        self._store, self._group, self._node_groups = store, group, node_groups
        self._looked = False

    def reconcile(self, _name: str = "") -> None:
        """There is only one. Raises `NotYet` while AWS says that something still carries the group."""
        if self._is_needed() or (self._looked and self._group.known is None):
            return
        # the targets' groups let it in, and a group that is named in a rule cannot be deleted
        self._node_groups.reconcile()
        try:
            self._group.delete(needed=self._is_needed)
        except AwsInUse as in_use:
            raise NotYet(str(in_use), after=_IN_USE_SECONDS) from in_use
        self._looked = True

    def _is_needed(self) -> bool:
        return (
            any(Finalizer.SERVICE in finalizers_of(service) for service in self._store.list(SERVICE))
            or any(map(_is_ours, self._store.list(INGRESS)))
            or any(any(stack_of_binding(binding)) for binding in self._store.list(TARGET_GROUP_BINDING))
        )


def _is_ours(ingress: Obj) -> bool:
    return any(
        finalizer == Finalizer.INGRESS or finalizer.startswith(GROUP_FINALIZER_PREFIX)
        for finalizer in finalizers_of(ingress)
    )
