"""The Secrets that Ingresses name for signing users in, and no others: each is listed and watched alone, by its name.

One list-and-watch a Secret (``fieldSelector=metadata.name=…``), as the peer has it, rather than one of all: Secrets
hold everybody's passwords, so the controller need neither see nor be allowed to see more than the few that are meant
for it. A Role that names a Secret (``resourceNames``) is enough for such a request: verbs get, list and watch. Nothing
is granted by default; who would rather allow all Secrets can, and it makes no difference here.

A Secret is looked at from when a reconcile first asks for it, so a standby replica looks at none, until no Ingress or
Service names it any more. It costs a thread and a connection, which is fine for the tens of providers that a cluster
has. What is kept is the client's name and a mark of its secret (`intent.oidc_client`): the secret itself is read again,
by `text`, when a request to AWS needs it.

While a Secret may not be read, it is as if it were not there; its watch goes on asking, so a Role made later is noticed
within half a minute.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from functools import partial

from aws_lb_controller.cluster.client import KubeClient
from aws_lb_controller.cluster.indexes import Obj, secrets_of
from aws_lb_controller.cluster.kinds import INGRESS, SECRET, SERVICE, Kind
from aws_lb_controller.cluster.lean import lean
from aws_lb_controller.cluster.list_watch import STALL_SECONDS, Expired, ListWatch
from aws_lb_controller.cluster.store import Store
from aws_lb_controller.errors import KubernetesDenied, KubernetesNotFound
from aws_lb_controller.intent import oidc_client

log = logging.getLogger(__name__)

_NAMERS = (INGRESS, SERVICE)
Name = tuple[str, str]


class Secrets:
    """Watches what it is asked for, into a store. label: the one (key, value) that a Secret must bear to be seen."""

    def __init__(
        self,
        client: KubeClient,
        store: Store,
        *,
        label: tuple[str, str] | None = None,
        stall_seconds: float = STALL_SECONDS,
    ) -> None:
        self._client, self._store, self._label, self._stall_seconds = client, store, label, stall_seconds
        self._watched: dict[Name, _Watched] = {}
        self._lock = threading.Lock()

    def get(self, namespace: str, name: str) -> Obj | None:
        """A Secret as `lean` keeps it; None if there is none that may be read. Raises `KubernetesError`."""
        with self._lock:
            watched = self._watched.get((namespace, name)) or self._begin(namespace, name)
        watched.ensure_listed()
        return self._store.get(SECRET, namespace, name)

    def text(self, namespace: str, name: str) -> tuple[str, str] | None:
        """The client secret as it is now, with its mark; None if there is none. Raises `KubernetesError`.

        It is read afresh and not kept: the caller needs it for one request.
        """
        try:
            secret = self._client.get(SECRET.path_of(namespace, name))
        except KubernetesNotFound:
            return None
        text, mark = oidc_client.client_secret(secret), oidc_client.mark(lean(SECRET, secret))
        return (mark, text) if mark is not None and text is not None and self._is_labelled(secret) else None

    def named(self, kind: Kind, old: Obj | None, _new: Obj | None) -> None:
        """A subscriber of the store: Secrets that nobody names any more are no longer looked at."""
        if kind in _NAMERS and old is not None and any(secrets_of(old)):
            with self._lock:
                unnamed = [name for name in self._watched if not self._is_named(name)]
                ended = [self._watched.pop(name) for name in unnamed]
            for watched in ended:
                watched.stop()

    def stop(self) -> None:
        """End all watches."""
        with self._lock:
            watched, self._watched = [*self._watched.values()], {}
        for one in watched:
            one.stop()

    def _is_labelled(self, secret: Obj) -> bool:
        labels = secret["metadata"].get("labels") or {}
        return self._label is None or labels.get(self._label[0]) == self._label[1]

    def _begin(self, namespace: str, name: str) -> _Watched:
        selectors = {"fieldSelector": f"metadata.name={name}"}
        if self._label is not None:
            selectors["labelSelector"] = f"{self._label[0]}={self._label[1]}"
        make = partial(
            ListWatch,
            self._client,
            keep=partial(lean, SECRET),
            path=SECRET.path_in(namespace),
            name=f"Secret {namespace}/{name}",
            query=selectors,
            stall_seconds=self._stall_seconds,
        )
        watched = self._watched[namespace, name] = _Watched(self._store, namespace, name, make)
        return watched

    def _is_named(self, secret: Name) -> bool:
        return any(self._store.by_index(namer, "secret", "/".join(secret)) for namer in _NAMERS)


class _Watched:
    """One Secret that is looked at; a `list_watch.Listener`. Once stopped it puts nothing into the store."""

    def __init__(self, store: Store, namespace: str, name: str, make: Callable[..., ListWatch]) -> None:
        self._store, self._namespace, self._name = store, namespace, name
        self._list_watch = make(self)
        self._listing, self._storing = threading.Lock(), threading.Lock()
        self._thread: threading.Thread | None = None
        self._stopped = False

    def ensure_listed(self) -> None:
        """What the store has of the Secret is so; from then on it is watched. Raises `KubernetesError`."""
        with self._listing:
            if self._thread is None:
                self._watch_from(self._list())

    def _list(self) -> str:
        """The list's resourceVersion, "" where it may not be read yet."""
        try:
            return self._list_watch.list_once()
        except Expired:
            return ""
        except KubernetesDenied as wrong:
            log.warning("Secret %s/%s may not be read: %s", self._namespace, self._name, wrong)
            return ""

    def _watch_from(self, version: str) -> None:
        name = f"watch-secret-{self._namespace}/{self._name}"
        run = partial(self._list_watch.keep_watching, version)
        self._thread = threading.Thread(target=run, name=name, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Look no longer, and keep nothing."""
        with self._storing:
            self._stopped = True
            self._store.forget(SECRET, self._namespace, self._name)
        self._list_watch.stop()

    # ---- what is heard

    def listed(self, objs: Sequence[Obj], version: str) -> None:
        if objs:
            self.changed(objs[0])
        else:
            self._gone(version)

    def changed(self, obj: Obj) -> None:
        with self._storing:
            if not self._stopped:
                self._store.upsert(SECRET, obj)

    def deleted(self, obj: Obj) -> None:
        self._gone(obj["metadata"]["resourceVersion"])

    def _gone(self, version: str) -> None:
        with self._storing:
            if not self._stopped:
                self._store.remove(SECRET, self._namespace, self._name, version=version)

    def heard(self) -> None:
        """Nobody counts the seconds."""
