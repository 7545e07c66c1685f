"""What we know of the cluster: the latest of each object, found by name or by an index, read from any thread.

Several sources write here, in any order: watches, periodic lists, and the answers to our own writes. The order is put
right by ``metadata.resourceVersion``, a number that grows with each write to the cluster: an older version never
replaces a newer one, and one that is older than a deletion never brings an object back. Kubernetes promises since 1.35
that these versions compare as numbers, and etcd's always did; should a server give others, the last to arrive wins and
the next list puts it right.
"""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping

from aws_lb_controller.cluster.indexes import INDEXES, IndexFunction, Obj, namespace_of
from aws_lb_controller.cluster.kinds import Kind

log = logging.getLogger(__name__)

Subscriber = Callable[[Kind, Obj | None, Obj | None], None]
"""Told of every change, as kind, old and new; None for an object that was not there, or is no longer."""

Objs = list[Obj]

Changes = list[tuple[Obj | None, Obj | None]]
"""Old and new of each object that changed."""

Name = tuple[str, str]
"""Namespace ("" for kinds without) and name."""

TOMBSTONES = 4096
"""How many deletions per kind are remembered: our own writes' answers come at most seconds late."""


def version_of(obj: Obj) -> int | None:
    """``metadata.resourceVersion`` as the number it is; None if it is missing or no number."""
    return as_version(obj["metadata"].get("resourceVersion"))


def as_version(text: str | None) -> int | None:
    """A resourceVersion as a number; None for what cannot be compared."""
    return int(text) if text and text.isdecimal() else None


def is_newer(one: int | None, other: int | None) -> bool:
    """Whether version `one` is surely after `other`; False if they do not compare."""
    return one is not None and other is not None and one > other


class _Index:
    """Objects of one kind by what a function says of each."""

    def __init__(self, function: IndexFunction) -> None:
        self._function = function
        self._values: dict[Name, tuple[str, ...]] = {}
        self._names: dict[str, dict[Name, None]] = {}

    def put(self, name: Name, obj: Obj | None) -> None:
        values = tuple(dict.fromkeys(self._function(obj))) if obj is not None else ()
        before = self._values.pop(name, ())
        if values:
            self._values[name] = values
        if values != before:
            self._move(name, before, values)

    def _move(self, name: Name, before: tuple[str, ...], after: tuple[str, ...]) -> None:
        for value in before:
            names = self._names[value]
            del names[name]
            if not names:
                del self._names[value]
        for value in after:
            self._names.setdefault(value, {})[name] = None

    def names(self, value: str) -> Iterable[Name]:
        return self._names.get(value, ())


class _Shelf:
    """The objects of one kind, their indexes, and which were deleted lately at which version."""

    def __init__(self) -> None:
        self.objects: dict[Name, Obj] = {}
        self.indexes: dict[str, _Index] = {}
        self.tombstones: OrderedDict[Name, int] = OrderedDict()

    def put(self, name: Name, obj: Obj) -> bool:
        """Whether the object was taken: one that is no newer than what is known is not."""
        held, version = self.objects.get(name), version_of(obj)
        known = self.tombstones.get(name) if held is None else version_of(held)
        if version is not None and known is not None and version <= known:
            return False
        self.tombstones.pop(name, None)
        self.objects[name] = obj
        self._reindex(name, obj)
        return True

    def take(self, name: Name, version: int | None) -> Obj | None:
        """Remove and return an object, unless what is held is newer than the deletion."""
        held = self.objects.get(name)
        if held is not None and is_newer(version_of(held), version):
            return None
        self._bury(name, version or (version_of(held) if held else None))
        if held is not None:
            del self.objects[name]
            self._reindex(name, None)
        return held

    def forget(self, name: Name) -> None:
        """Know nothing of an object, not even that it was deleted."""
        self.tombstones.pop(name, None)
        if self.objects.pop(name, None) is not None:
            self._reindex(name, None)

    def _bury(self, name: Name, version: int | None) -> None:
        if version is None:
            return
        self.tombstones[name] = max(version, self.tombstones.get(name, 0))
        self.tombstones.move_to_end(name)
        while len(self.tombstones) > TOMBSTONES:
            self.tombstones.popitem(last=False)

    def _reindex(self, name: Name, obj: Obj | None) -> None:
        for index in self.indexes.values():
            index.put(name, obj)


class Store:
    """Every object that we watch, by kind. Treat what it gives as frozen: it is shared by all threads.

    Subscribers are called in the writer's thread, after the change is visible and outside the lock, so they may read
    the store; two changes at once may be told in either order.
    """

    def __init__(self, indexes: Mapping[tuple[Kind, str], IndexFunction] = INDEXES) -> None:
        self._lock = threading.RLock()
        self._shelves: dict[Kind, _Shelf] = {}
        self._subscribers: list[Subscriber] = []
        for (kind, index), function in indexes.items():
            self.add_index(kind, index, function)

    # ---- reading

    def get(self, kind: Kind, namespace: str, name: str) -> Obj | None:
        """One object; namespace is "" for kinds without."""
        with self._lock:
            return self._shelf(kind).objects.get((namespace, name))

    def list(self, kind: Kind) -> Objs:
        """Every object of the kind, in no particular order."""
        with self._lock:
            return [*self._shelf(kind).objects.values()]

    def by_index(self, kind: Kind, index: str, value: str) -> Objs:
        """The objects of the kind that an index has under the value."""
        with self._lock:
            shelf = self._shelf(kind)
            return [shelf.objects[name] for name in shelf.indexes[index].names(value)]

    def count(self, kind: Kind) -> int:
        """How many objects of the kind are held."""
        with self._lock:
            return len(self._shelf(kind).objects)

    # ---- writing

    def upsert(self, kind: Kind, obj: Obj) -> None:
        """Take a made or changed object, unless it is no newer than what is known."""
        self._tell(kind, self._upsert(kind, [obj]))

    def remove(self, kind: Kind, namespace: str, name: str, *, version: str | None = None) -> None:
        """Drop a deleted object. version: the resourceVersion of the deletion, if known; a newer object then stays."""
        with self._lock:
            old = self._shelf(kind).take((namespace, name), as_version(version))
        self._tell(kind, [(old, None)] if old is not None else [])

    def forget(self, kind: Kind, namespace: str, name: str) -> None:
        """Drop an object that is no longer watched. It is not deleted: nobody is told, and it may come back as is."""
        with self._lock:
            self._shelf(kind).forget((namespace, name))

    def replace(self, kind: Kind, objs: Iterable[Obj], resource_version: str | None) -> None:
        """Bring the kind to a complete list of the cluster at a resourceVersion; what is newer than the list stays."""
        listed = [*objs]
        with self._lock:
            changes = self._upsert(kind, listed)
            changes += self._drop_others(kind, {_name_of(obj) for obj in listed}, as_version(resource_version))
        self._tell(kind, changes)

    def _upsert(self, kind: Kind, objs: Iterable[Obj]) -> Changes:
        changes: Changes = []
        with self._lock:
            shelf = self._shelf(kind)
            for obj in objs:
                name = _name_of(obj)
                old = shelf.objects.get(name)
                if shelf.put(name, obj):
                    changes.append((old, obj))
        return changes

    def _drop_others(self, kind: Kind, keep: set[Name], version: int | None) -> Changes:
        shelf = self._shelf(kind)
        gone = (shelf.take(name, version) for name in [*shelf.objects] if name not in keep)
        return [(old, None) for old in gone if old is not None]

    # ---- being told

    def subscribe(self, callback: Subscriber) -> None:
        """Call back at every change from now on."""
        self._subscribers.append(callback)

    def add_index(self, kind: Kind, name: str, function: IndexFunction) -> None:
        """Find objects of the kind by the values that the function, which must not raise, gives for each."""
        with self._lock:
            shelf = self._shelf(kind)
            index = shelf.indexes[name] = _Index(function)
            for key, obj in shelf.objects.items():
                index.put(key, obj)

    def _tell(self, kind: Kind, changes: Iterable[tuple[Obj | None, Obj | None]]) -> None:
        for old, new in changes:
            for subscriber in self._subscribers:
                try:
                    subscriber(kind, old, new)
                except Exception:
                    # whoever writes here (a watch, a reconcile) has no part in it, and the other changes must be told
                    log.exception("a bug: a subscriber cannot take a change of %s", kind)

    def _shelf(self, kind: Kind) -> _Shelf:
        return self._shelves.setdefault(kind, _Shelf())


def _name_of(obj: Obj) -> Name:
    return namespace_of(obj), obj["metadata"]["name"]
