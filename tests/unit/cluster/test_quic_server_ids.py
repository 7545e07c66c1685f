"""Pods behind QUIC listeners are registered with the server id that stands in their containers' environment."""

from __future__ import annotations

from typing import Any

import pytest

from aws_lb_controller.cluster.kinds import POD
from aws_lb_controller.cluster.lean import lean
from aws_lb_controller.cluster.quic import CONTAINERS_ANNOTATION, VARIABLE, server_id_of
from aws_lb_controller.cluster.views import pod
from builders_cluster import a_pod

ONE, TWO = "AAECAwQFBgc=", "//////////8="
ONE_HEX, TWO_HEX = "0x0001020304050607", "0xffffffffffffffff"


def a_container(*ports: int, value: str = ONE, name: str = VARIABLE) -> dict[str, Any]:
    numbers = [{"containerPort": port} for port in ports]
    return {"name": "app", "ports": numbers, "env": [{"name": name, "value": value}]}


def ids(*containers: dict[str, Any], variable: str = VARIABLE, port: int = 443, annotated: bool = True) -> Any:
    obj = a_pod(annotations={CONTAINERS_ANNOTATION: "app"} if annotated else {})
    obj["spec"]["containers"] = [*containers]
    return server_id_of(pod(lean(POD, obj)).server_ids, variable, port)


def test_a_port_has_the_id_of_its_container_in_hexadecimal() -> None:
    containers = (a_container(443), a_container(8443, value=TWO))
    assert (ONE_HEX, TWO_HEX) == (ids(*containers, port=443), ids(*containers, port=8443))


def test_a_port_that_no_container_names_has_the_first_id() -> None:
    assert ONE_HEX == ids({"name": "other"}, a_container(), a_container(8443, value=TWO), port=9443)


def test_a_flag_names_the_variable() -> None:
    assert (ONE_HEX, None) == (ids(a_container(443, name="ID"), variable="ID"), ids(a_container(443, name="ID")))


def test_without_the_annotation_there_is_no_id() -> None:
    assert None is ids(a_container(443), annotated=False)


@pytest.mark.parametrize("value", ["", "no base64", "c2hvcnQ=", ONE * 2])
def test_what_is_no_id_is_passed_over(value: str) -> None:
    assert None is ids(a_container(443, value=value))


def test_nothing_else_of_the_environment_is_kept() -> None:
    obj = a_pod(annotations={CONTAINERS_ANNOTATION: "app"})
    env = [{"name": "PASSWORD", "value": "secret"}, {"name": "FROM", "valueFrom": {}}]
    obj["spec"]["containers"] = [{**a_container(443), "env": [*env, *a_container()["env"]]}]
    kept = lean(POD, obj)
    assert [{"ports": [{"containerPort": 443}], "env": a_container()["env"]}] == kept["spec"]["containers"]
    assert kept == lean(POD, kept)


def test_of_other_pods_no_environment_is_kept() -> None:
    obj = a_pod()
    obj["spec"]["containers"] = [a_container(443)]
    assert "containers" not in lean(POD, obj)["spec"]
