"""What the reconcilers need of the world, as narrow protocols.

The composition root gives the real things, tests give small ones.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal, Protocol

from aws_lb_controller.build.facts import Facts, Question
from aws_lb_controller.cluster.kinds import Kind
from aws_lb_controller.model.firewall import Guard
from aws_lb_controller.model.observed import ObservedStack
from aws_lb_controller.model.stack import StackId
from aws_lb_controller.plan.effects import Given
from aws_lb_controller.plan.steps import AwaitTraffic, Step

Obj = Mapping[str, Any]


class EventSink(Protocol):
    """Tells users what happened to an object (core/v1 Events). Never blocks, never raises."""

    def emit(self, obj: Obj, reason: str, message: str, type: str = "Normal") -> None:
        """type: ``Normal`` or ``Warning``."""


class Observer(Protocol):
    """What a stack has in AWS: from memory where that is right."""

    def observe(self, stack_id: StackId, *, capacity: bool) -> ObservedStack:
        """Everything but the bindings. capacity: and what is reserved for its load balancers, which costs calls."""

    def look_at_guard(self, stack_id: StackId, guard: Guard) -> ObservedStack:
        """As `observe`, and how one guard stands before its load balancers, which costs calls."""

    def glance(self, stack_id: StackId) -> ObservedStack | None:
        """Without a close look: no attributes, listeners, rules. None where more is known, or nothing."""

    def remember(self, stack_id: StackId, observed: ObservedStack) -> None:
        """Our own writes made it so."""

    def forget(self, stack_id: StackId) -> None:
        """Memory may be wrong: look afresh next time."""


class Lookout(Protocol):
    """What a deployment waits for: `reconcile.lookout.Lookout`. Everything raises `NotYet` while it is not so."""

    def await_targets(self, namespace: str, name: str, *, stack: StackId) -> None:
        """The ready endpoints of a binding are registered."""

    def settled(self, stack: StackId) -> None:
        """The stack waits for no targets any more."""

    def await_traffic(self, step: AwaitTraffic) -> None:
        """A load balancer serves no worse than the one it replaces."""

    def await_drained(self, target_group: str) -> None:
        """AWS lists no target as draining."""


class Carrier(Protocol):
    """Carries out one step against AWS."""

    def carry_out(self, step: Step) -> Given | None:
        """The step holds no unknown references. Raises AwsError."""


class Answerer(Protocol):
    """Answers builders' questions."""

    def answer(self, questions: Iterable[Question[Any]], *, refresh: bool = False) -> Facts:
        """refresh: what is cached may be what a build failed on."""


class ConfigMaps(Protocol):
    """ConfigMaps beside the controller: `cluster.config_maps.ConfigMaps`. Raises KubernetesError."""

    def read(self, name: str) -> Mapping[str, str] | None:
        """``binaryData``; None where there is none."""

    def write(self, name: str, data: Mapping[str, str], *, labels: Mapping[str, str]) -> None:
        """It exists and holds just this."""

    def delete(self, name: str) -> None:
        """Gone already is fine."""


class Texts(Protocol):
    """ConfigMaps of plain texts in one namespace: `cluster.config_maps.ConfigMaps`. Raises KubernetesError."""

    def read(self, name: str, part: Literal["data"]) -> Mapping[str, str] | None:
        """``data``; None where there is none."""

    def write(self, name: str, data: Mapping[str, str], *, part: Literal["data"]) -> None:
        """It exists and holds just this."""

    def delete(self, name: str) -> None:
        """Gone already is fine."""


class Namespaces(Protocol):
    """ConfigMaps beside the objects that they are about: `cluster.config_maps.ConfigMaps`."""

    def within(self, namespace: str) -> Texts:
        """Those of a namespace."""


class AllConfigMaps(ConfigMaps, Namespaces, Protocol):
    """Those beside the controller, and those of other namespaces."""


class Secrets(Protocol):
    """The Secrets that Ingresses name for signing users in: `cluster.secrets.Secrets`. Raises KubernetesError."""

    def get(self, namespace: str, name: str) -> Obj | None:
        """As `intent.oidc_client.kept` leaves it, and watched from now on; None: none that may be read."""

    def text(self, namespace: str, name: str) -> tuple[str, str] | None:
        """The mark and the text of the client secret as it is now."""


class KubernetesWriter(Protocol):
    """Writes to the API server; each write also reaches the store. Raises KubernetesError."""

    def add_finalizer(self, kind: Kind, obj: Obj, finalizer: str) -> Obj:
        """No request where it is there already."""

    def remove_finalizer(self, kind: Kind, obj: Obj, finalizer: str) -> Obj | None:
        """No request where it is gone already."""

    def patch_status(self, kind: Kind, obj: Obj, status: Mapping[str, Any]) -> Obj:
        """Merge patch of the status subresource; no request where nothing would change."""

    def create(self, kind: Kind, body: Mapping[str, Any]) -> Obj:
        """Raises KubernetesConflict where it exists."""

    def patch(self, kind: Kind, namespace: str, name: str, body: Mapping[str, Any]) -> Obj:
        """Merge patch."""

    def delete(self, kind: Kind, namespace: str, name: str) -> None:
        """Gone already is fine."""
