"""Which targets of a target group that several clusters share are ours: a ConfigMap of the binding remembers them.

Its name and form are those of the controller before us, which reads what we write and the other way round:
``aws-lbc-targets-BINDING`` beside the binding, and in it ``targets``, a list parted by commas of ``ADDRESS:PORT`` (with
``:SERVERID`` behind QUIC listeners).

What is registered is written here first, and what was deregistered goes from here last. So whatever may be ours is
known at every moment, and what is not known to be ours is never deregistered.
"""

from __future__ import annotations

import threading
from collections.abc import Collection

from aws_lb_controller.api.names import MULTI_CLUSTER_CONFIG_MAP_PREFIX
from aws_lb_controller.errors import KubernetesError
from aws_lb_controller.plan.targets import Identity
from aws_lb_controller.reconcile.ports import Namespaces, Texts

_KEY = "targets"


class TrackedTargets:
    """The targets that are ours, by binding (``namespace/name``), for any thread. Everything raises KubernetesError.

    What was read or written is remembered: while we lead, nobody else writes it.
    """

    def __init__(self, config_maps: Namespaces) -> None:
        self._config_maps = config_maps
        self._known: dict[str, frozenset[Identity]] = {}
        self._lock = threading.Lock()

    def of(self, binding: str) -> frozenset[Identity] | None:
        """Those that may be registered by us; None where there is no ConfigMap that says it."""
        with self._lock:
            known = self._known.get(binding)
        if known is None and (known := self._read(binding)) is not None:
            self._remember(binding, known)
        return known

    def keep(self, binding: str, targets: Collection[Identity]) -> None:
        """Just these may be registered by us. No request where that is what is written."""
        wanted = frozenset(targets)
        with self._lock:
            if self._known.get(binding) == wanted:
                return
        try:
            self._texts(binding).write(name_of(binding), {_KEY: written(wanted)}, part="data")
        except KubernetesError:
            self.forget(binding)  # it may have taken effect or not
            raise
        self._remember(binding, wanted)

    def drop(self, binding: str) -> None:
        """None is ours any more, and the binding tracks none."""
        self.forget(binding)
        self._texts(binding).delete(name_of(binding))

    def forget(self, binding: str) -> None:
        """Read anew next time."""
        with self._lock:
            self._known.pop(binding, None)

    def _read(self, binding: str) -> frozenset[Identity] | None:
        found = self._texts(binding).read(name_of(binding), "data")
        return None if found is None else read(found.get(_KEY, ""))

    def _remember(self, binding: str, targets: frozenset[Identity]) -> None:
        with self._lock:
            self._known[binding] = targets

    def _texts(self, binding: str) -> Texts:
        return self._config_maps.within(binding.split("/", maxsplit=1)[0])


def name_of(binding: str) -> str:
    """The name of a binding's ConfigMap."""
    return MULTI_CLUSTER_CONFIG_MAP_PREFIX + binding.split("/")[1]


def written(targets: Collection[Identity]) -> str:
    """Targets as a ConfigMap has them, in a fixed order."""
    return ",".join(sorted(map(_text, targets)))


def read(text: str) -> frozenset[Identity]:
    """What `written` wrote; what cannot be read is passed over: it is nobody's target."""
    return frozenset(identity for each in text.split(",") if (identity := _identity(each)) is not None)


def _text(target: Identity) -> str:
    address, port, server_id = target
    return f"{address}:{port}" if server_id is None else f"{address}:{port}:{server_id}"


def _identity(text: str) -> Identity | None:
    """Addresses of IPv6 have colons of their own; server ids begin with ``0x``."""
    address, _, last = text.rpartition(":")
    server_id = last if last.startswith("0x") else None
    if server_id is not None:
        address, _, last = address.rpartition(":")
    return (address, int(last), server_id) if address and last.isdecimal() else None
