import re
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aws_lb_controller.model import naming
from contract_data import contract

RECORDED = contract("name-vectors")
CLUSTER = RECORDED["cluster"]


def stack_of(entry: dict[str, Any]) -> tuple[str, str]:
    """Owner and stack as the tags have it; an explicit group stands there by its name."""
    for owner in ("ingress", "service"):
        if f"{owner}.k8s.aws/stack" in entry["tags"]:
            return owner, entry["tags"][f"{owner}.k8s.aws/stack"]
    return "cluster", ""


def named(entry: dict[str, Any]) -> str:
    owner, stack = stack_of(entry)
    match entry["kind"], owner:
        case "loadBalancer", "ingress":
            return naming.application_load_balancer(cluster=CLUSTER, group=stack, scheme=entry["scheme"])
        case "loadBalancer", "service":
            return naming.network_load_balancer(cluster=CLUSTER, scheme=entry["scheme"], **service_of(entry, stack))
        case "securityGroup", "ingress":
            return naming.ingress_security_group(cluster=CLUSTER, group=stack)
        case "securityGroup", "service":
            return naming.service_security_group(cluster=CLUSTER, **service_of(entry, stack))
        case "securityGroup", "cluster":
            return naming.backend_security_group(cluster=CLUSTER)
        case "targetGroup", "ingress":
            return ingress_target_group(entry, stack)
        case _:
            return service_target_group(entry, stack)


def service_of(entry: dict[str, Any], text: str) -> dict[str, str]:
    namespace, name = text.split("/")
    return {"namespace": namespace, "name": name, "uid": entry["serviceUID"]}


def ingress_target_group(entry: dict[str, Any], stack: str) -> str:
    # the resource tag reads NAMESPACE/INGRESS-SERVICE:PORT; no recorded Ingress has a dash in its name
    ingress = re.match(r"([^/]+)/([^-]+)-", entry["tags"]["ingress.k8s.aws/resource"])
    assert ingress
    service = service_of(entry, entry["service"])
    return naming.ingress_target_group(
        cluster=CLUSTER,
        group=stack,
        ingress_namespace=ingress[1],
        ingress_name=ingress[2],
        service_namespace=service["namespace"],
        service_name=service["name"],
        service_uid=service["uid"],
        service_port=entry["tags"]["ingress.k8s.aws/resource"].rpartition(":")[2],
        port=entry["port"],
        target_type=entry["targetType"],
        protocol=entry["protocol"],
        protocol_version=entry["protocolVersion"],
    )


def service_target_group(entry: dict[str, Any], stack: str) -> str:
    return naming.service_target_group(
        cluster=CLUSTER,
        service_port=entry["servicePort"],
        port=entry["port"],
        target_type=entry["targetType"],
        protocol=entry["protocol"],
        health_check_protocol=entry["healthCheckProtocol"],
        health_check_interval_seconds=entry["healthCheckIntervalSeconds"],
        base_service_uid=uid_of_service(stack) if stack != entry["service"] else None,
        **service_of(entry, entry["service"]),
    )


BACKEND: dict[str, Any] = {
    "cluster": "demo",
    "group": "shop/web",
    "ingress_namespace": "shop",
    "ingress_name": "web",
    "service_namespace": "shop",
    "service_name": "cart",
    "service_uid": "fb60f0f0-fcf0-4620-859c-8e55561e179d",
    "service_port": 80,
    "port": 8080,
    "target_type": "ip",
    "protocol": "HTTP",
    "protocol_version": "HTTP1",
}
SERVICE_PORT: dict[str, Any] = {
    "cluster": "demo",
    "namespace": "shop",
    "name": "cart",
    "uid": "2b3ca2c0-59f1-4465-a1f5-4cee42d261ef",
    "service_port": 80,
    "port": 8080,
    "target_type": "ip",
    "protocol": "TCP",
    "health_check_protocol": "TCP",
    "health_check_interval_seconds": 10,
}
FRONTEND: dict[str, Any] = {
    "cluster": "demo",
    "group": "shop/web",
    "port": 80,
    "protocol": "TCP",
    "health_check_port": "traffic-port",
    "health_check_protocol": "HTTP",
}


def uid_of_service(service: str) -> str:
    return next(e["serviceUID"] for e in RECORDED["names"] if e.get("service") == service)


@pytest.mark.parametrize("entry", RECORDED["names"], ids=lambda entry: entry["name"])
def test_every_recorded_name_is_reproduced(entry):
    assert entry["name"] == named(entry)


@pytest.mark.parametrize(
    ("field", "other"),
    [
        (field, 443 if isinstance(value, int) else f"{value}2")
        for field, value in BACKEND.items()
        if field[:9] != "service_n"
    ],
)
def test_each_field_of_an_ingress_backend_makes_it_another_target_group(field, other):
    assert naming.ingress_target_group(**BACKEND) != naming.ingress_target_group(**{**BACKEND, field: other})


def test_a_target_control_port_makes_another_target_group_and_none_changes_nothing():
    without = naming.ingress_target_group(**BACKEND)
    assert without == naming.ingress_target_group(**BACKEND, target_control_port=None)
    assert without != naming.ingress_target_group(**BACKEND, target_control_port=3000)


def test_a_port_is_hashed_as_the_ingress_writes_it():
    by_text, by_number = (naming.ingress_target_group(**{**BACKEND, "service_port": port}) for port in ("80", 80))
    assert by_text == by_number


@pytest.mark.parametrize(
    ("field", "other"),
    [
        (field, 443 if isinstance(value, int) else f"{value}2")
        for field, value in SERVICE_PORT.items()
        if field not in ("namespace", "name")
    ],
)
def test_each_field_of_a_service_port_makes_it_another_target_group(field, other):
    assert naming.service_target_group(**SERVICE_PORT) != naming.service_target_group(**{**SERVICE_PORT, field: other})


def test_a_frontend_nlb_is_named_after_its_alb():
    assert "k8s-ingfnlbm-web-e05e1b5bc5-nlb" == naming.frontend_network_load_balancer(alb="k8s-ingfnlbm-web-e05e1b5bc5")
    assert "a" * 28 + "-nlb" == naming.frontend_network_load_balancer(alb="a" * 32)


@pytest.mark.parametrize(("group", "front"), [("shop/web", "k8s-shop-web-"), ("front-door", "k8s-frontdoor-")])
def test_a_frontend_target_group_hashes_the_listener_and_the_health_check(group, front):
    fields = f"demo{group}80albTCPtraffic-portHTTP"
    expected = front + sha256(fields.encode()).hexdigest()[:10]
    assert expected == naming.frontend_target_group(**{**FRONTEND, "group": group})


names = st.from_regex(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?", fullmatch=True)
groups = st.one_of(names, st.builds("{}/{}".format, names, names))


@given(cluster=names, group=groups, alb=names)
def test_names_of_groups_fit_and_hold_only_what_aws_allows(cluster, group, alb):
    made = [
        naming.application_load_balancer(cluster=cluster, group=group, scheme="internal"),
        naming.ingress_security_group(cluster=cluster, group=group),
        naming.frontend_target_group(**{**FRONTEND, "cluster": cluster, "group": group}),
        naming.frontend_network_load_balancer(alb=alb),
    ]
    assert [] == [name for name in made if not fits(name)]


@given(cluster=names, namespace=names, name=names)
def test_names_of_services_fit_and_hold_only_what_aws_allows(cluster, namespace, name):
    service = {"namespace": namespace, "name": name}
    backend = {"cluster": cluster, "service_namespace": namespace, "service_name": name}
    made = [
        naming.network_load_balancer(cluster=cluster, uid="1", scheme="internal", **service),
        naming.service_security_group(cluster=cluster, uid="1", **service),
        naming.service_target_group(**{**SERVICE_PORT, **service, "cluster": cluster}),
        naming.ingress_target_group(**{**BACKEND, **backend}),
    ]
    assert [] == [name for name in made if not fits(name)]


@given(cluster=st.text(min_size=1, max_size=300))
def test_the_backend_groups_name_fits_whatever_the_cluster_is_called(cluster):
    assert re.fullmatch(r"k8s-traffic-[0-9A-Za-z]{0,232}-[0-9a-f]{10}", naming.backend_security_group(cluster=cluster))


def fits(name: str) -> bool:
    return re.fullmatch(r"[0-9A-Za-z][-0-9A-Za-z]{0,30}[0-9A-Za-z]", name) is not None
