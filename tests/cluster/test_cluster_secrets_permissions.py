"""A Role that names one Secret is enough to follow it, and an API server that grants none lets nothing else fail."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from aws_lb_controller.cluster.client import KubeClient
from aws_lb_controller.cluster.kinds import SECRET
from aws_lb_controller.cluster.secrets import Secrets
from aws_lb_controller.cluster.store import Store
from aws_lb_controller.intent.oidc_client import mark
from builders_kube import a_secret
from fake_api import until
from localworld.control_plane import ControlPlane

ACCOUNT = "signs-in"


def may_read(namespace: str, name: str) -> list[dict[str, object]]:
    """A Role for one Secret, bound to the account."""
    meta = {"namespace": namespace, "name": ACCOUNT}
    api = "rbac.authorization.k8s.io"
    rule = {"apiGroups": [""], "resources": ["secrets"], "resourceNames": [name], "verbs": ["get", "list", "watch"]}
    return [
        {"apiVersion": f"{api}/v1", "kind": "Role", "metadata": meta, "rules": [rule]},
        {
            "apiVersion": f"{api}/v1",
            "kind": "RoleBinding",
            "metadata": meta,
            "roleRef": {"apiGroup": api, "kind": "Role", "name": ACCOUNT},
            "subjects": [{"kind": "ServiceAccount", "namespace": namespace, "name": ACCOUNT}],
        },
    ]


def a_client(namespace: str, name: str = "oidc", *, text: str = "hush") -> dict[str, object]:
    secret = a_secret(name, namespace, clientID="shop", clientSecret=text)
    return {**secret, "metadata": {"namespace": namespace, "name": name}}


@pytest.fixture
def store() -> Store:
    return Store()


@pytest.fixture
def secrets(control_plane: ControlPlane, namespace: str, store: Store) -> Iterator[Secrets]:
    """As an account that may do nothing yet."""
    control_plane.kubectl("create", "serviceaccount", ACCOUNT, "--namespace", namespace)
    config = control_plane.service_account_kubeconfig(namespace, ACCOUNT)
    made = Secrets(KubeClient.configured(str(config)), store)
    yield made
    made.stop()


def test_one_secret_is_followed_by_whom_it_alone_is_granted(
    control_plane: ControlPlane, namespace: str, secrets: Secrets, store: Store
) -> None:
    control_plane.apply([*may_read(namespace, "oidc"), a_client(namespace), a_client(namespace, "other")])
    until(lambda: secrets.get(namespace, "oidc") is not None, "the Secret")
    assert secrets.get(namespace, "other") is None
    before = mark(secrets.get(namespace, "oidc") or {})
    assert (before, "hush") == secrets.text(namespace, "oidc")
    control_plane.apply([a_client(namespace, text="new")])
    until(lambda: mark(store.get(SECRET, namespace, "oidc") or {}) != before, "the new mark")
    control_plane.kubectl("delete", "secret", "oidc", "--namespace", namespace)
    until(lambda: store.get(SECRET, namespace, "oidc") is None, "the deletion")


def test_a_role_that_comes_later_is_noticed(
    control_plane: ControlPlane, namespace: str, secrets: Secrets, store: Store
) -> None:
    control_plane.apply([a_client(namespace)])
    assert secrets.get(namespace, "oidc") is None
    control_plane.apply(may_read(namespace, "oidc"))
    until(lambda: store.get(SECRET, namespace, "oidc") is not None, "the Secret")
