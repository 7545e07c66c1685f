"""How objects say that they are ours, in the old ways and the new."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from e2e_world import NLB, Controller, Obj, Place, ingress, service, until, until_nothing

EXTERNAL = {f"{NLB}-type": "external", f"{NLB}-nlb-target-type": "ip"}
PARAMETERS = {"apiGroup": "elbv2.k8s.aws", "kind": "IngressClassParams", "name": "e2e-chosen"}


def test_an_ingress_of_the_legacy_class_annotation_gets_an_alb(controller: Controller, place: Place) -> None:
    place.apply(service(), ingress(class_name=None, annotations={"kubernetes.io/ingress.class": "alb"}))
    place.there.wait()
    assert [("application", place.hostname("ingress", "web"))] == load_balancers(place)


def test_a_service_of_the_legacy_type_annotation_gets_an_nlb(controller: Controller, place: Place) -> None:
    place.apply(service("echo", annotations=EXTERNAL, type="LoadBalancer"))
    place.there.wait()
    assert [("network", place.hostname("service", "echo"))] == load_balancers(place)


@pytest.fixture
def chosen_class(place: Place) -> Iterator[str]:
    """A class for namespaces with the label `chosen`."""
    selector = {"matchLabels": {"chosen": "yes"}}
    objects = [
        cluster_wide("elbv2.k8s.aws/v1beta1", "IngressClassParams", {"namespaceSelector": selector}),
        cluster_wide(
            "networking.k8s.io/v1", "IngressClass", {"controller": "ingress.k8s.aws/alb", "parameters": PARAMETERS}
        ),
    ]
    place.cluster.apply(objects)
    yield "e2e-chosen"
    place.delete()
    until_nothing("the end of the Ingress", place.there.remaining)
    place.cluster.kubectl("delete", "ingressclass/e2e-chosen", "ingressclassparams/e2e-chosen")


def test_a_class_serves_only_the_namespaces_its_parameters_choose(
    controller: Controller, place: Place, chosen_class: str
) -> None:
    place.apply(service(), ingress(class_name=chosen_class))
    until("a Warning", lambda: "FailedLoadGroupID" in {reason for _, reason, _ in place.events("Ingress", "web")})
    assert [] == load_balancers(place)
    place.cluster.kubectl("label", "namespace", place.namespace, "chosen=yes")
    place.annotate("ingress", "web", {"look": "again"})
    place.there.wait()
    assert [("application", place.hostname("ingress", "web"))] == load_balancers(place)


def cluster_wide(api_version: str, kind: str, spec: Obj) -> Obj:
    """An object without a namespace, named as the class."""
    return {"apiVersion": api_version, "kind": kind, "metadata": {"name": "e2e-chosen"}, "spec": spec}


def load_balancers(place: Place) -> list[tuple[str, str]]:
    """Type and hostname of all there are."""
    return [(one["Type"], one["DNSName"].lower()) for one in place.there.view.load_balancers()]
