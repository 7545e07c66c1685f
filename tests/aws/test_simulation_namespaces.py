"""Classes that serve some namespaces only: while Namespaces cannot be read, no edit is lost and nothing taken away."""

from __future__ import annotations

from typing import Any

import pytest
from group_world import GROUP, GroupWorld, a_backend_service

from aws_lb_controller.cluster.kinds import NAMESPACE
from aws_lb_controller.errors import KubernetesError
from builders_ingress import a_path, a_rule, an_ingress
from simulated_cluster import Obj, samples

PATH = NAMESPACE.path_of("", "shop")
REFERENCE = {"apiGroup": "elbv2.k8s.aws", "kind": "IngressClassParams", "name": "chosen"}
CLASS: tuple[Obj, ...] = (
    {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "IngressClass",
        "metadata": {"name": "chosen"},
        "spec": {"controller": "ingress.k8s.aws/alb", "parameters": REFERENCE},
    },
    {
        "apiVersion": "elbv2.k8s.aws/v1beta1",
        "kind": "IngressClassParams",
        "metadata": {"name": "chosen"},
        "spec": {"namespaceSelector": {"matchLabels": {"team": "shop"}}},
    },
)


def a_namespace(**labels: str) -> Obj:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop", "labels": labels}}


def a_member(name: str, **alb: str) -> Obj:
    rules = [a_rule(a_path(f"/{name}", service=name))]
    return an_ingress(name, alb={"group.name": GROUP, **alb}, rules=rules, ingressClassName="chosen")


@pytest.fixture
def group(aws: Any) -> GroupWorld:
    """A group of two whose class serves the namespace, by its label."""
    world = GroupWorld(aws)
    world.cluster.apply(*samples("ingress-class"), *CLASS, a_namespace(team="shop"))
    world.cluster.apply(*(a_backend_service(name) for name in "abc"), a_member("a"), a_member("b"))
    world.run()
    assert [] == world.world.unexpected()
    return world


def not_answering(group: GroupWorld, times: int) -> None:
    """The API server gives no answer for the Namespace so many times."""
    left = [times]

    def before(method: str, path: str) -> None:
        if (method, path) == ("GET", PATH) and left[0]:
            left[0] -= 1
            raise KubernetesError(f"{method} {path}", 0, "no answer")

    group.cluster.api.before = before


def paths(group: GroupWorld) -> set[str]:
    """The paths of the rules in AWS, without those of what lies below."""
    return {path for name in "abc" for path in group.paths(name) if not path.endswith("*")}


def test_an_edit_is_carried_out_though_the_namespace_could_not_be_read_at_first(group: GroupWorld) -> None:
    not_answering(group, 2)
    group.edit_path("a", "/a", "/a/new")
    group.run()
    assert {"/a/new", "/b"} == paths(group)


def test_while_the_namespace_cannot_be_read_nothing_is_taken_from_its_ingresses(group: GroupWorld) -> None:
    before = group.world.aws_state()
    not_answering(group, 1000)
    group.edit_path("a", "/a", "/a/new")
    group.run()
    group.restart()
    assert ([], before, {"KubernetesError"}) == (
        group.operations(),
        group.world.aws_state(),
        {type(wrong).__name__ for _, wrong in group.world.wrong},
    )
    not_answering(group, 0)
    group.restart()
    assert {"/a/new", "/b"} == paths(group)


def test_a_label_set_just_before_an_edit_counts_for_it(group: GroupWorld) -> None:
    group.cluster.edit(NAMESPACE, "", "shop", {"metadata": {"labels": {"team": "other"}}})
    group.cluster.apply(a_member("c"))
    group.run()
    assert "namespaceSelector" in group.warned_of("c")
    assert {"/a", "/b"} == paths(group)
    group.cluster.edit(NAMESPACE, "", "shop", {"metadata": {"labels": {"team": "shop"}}})
    group.annotate("c", group__order="7")
    group.run()
    assert {"/a", "/b", "/c"} == paths(group)
