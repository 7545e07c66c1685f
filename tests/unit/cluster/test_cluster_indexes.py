"""What objects name by reference is read from wherever they may say it."""

from __future__ import annotations

from typing import Any

import pytest

from aws_lb_controller.cluster import indexes
from builders_cluster import a_binding, an_ingress, an_ingress_class
from builders_kube import a_service

ACTION = "alb.ingress.kubernetes.io/actions.split"


def test_an_ingress_names_the_services_of_paths_default_backend_and_actions() -> None:
    targets = '[{"serviceName": "blue", "servicePort": 80}, {"ServiceName": "green"}]'
    forward = f'{{"type": "forward", "forwardConfig": {{"targetGroups": {targets}}}}}'
    ingress = an_ingress(services=("web", "split"), annotations={ACTION: forward})
    ingress["spec"]["defaultBackend"] = {"service": {"name": "fallback"}}
    expected = {f"shop/{name}" for name in ("web", "split", "fallback", "blue", "green")}
    assert expected == set(indexes.services_of_ingress(ingress))


def test_an_action_that_is_no_json_names_nothing() -> None:
    ingress = an_ingress(services=(), annotations={ACTION: "{"})
    assert [] == list(indexes.services_of_ingress(ingress))


def test_a_service_names_those_of_its_actions_whatever_the_port_and_the_case_of_the_keys() -> None:
    prefix = "service.beta.kubernetes.io/actions."
    service = a_service(
        annotations={
            f"{prefix}TCP-80": '{"forwardConfig": {"targetGroups": [{"serviceName": "blue"}, {"serviceName": ""}]}}',
            f"{prefix}TLS-443": '{"ForwardConfig": {"TargetGroups": [{"ServiceName": "green"}]}}',
            f"{prefix}TCP-81": "{",
            ACTION: '{"serviceName": "of-an-ingress"}',
        }
    )
    assert {"shop/blue", "shop/green"} == set(indexes.services_of_service(service))


def test_a_path_without_a_service_names_nothing() -> None:
    ingress = an_ingress(services=())
    ingress["spec"]["rules"] = [{"host": "x"}, {"http": {"paths": [{"backend": {"resource": {"kind": "Bucket"}}}]}}]
    assert [] == list(indexes.services_of_ingress(ingress))


def test_an_ingress_alone_is_a_group_of_its_own_name() -> None:
    assert {"shop/web"} == indexes.groups_of_ingress(an_ingress())


def test_an_ingress_speaks_of_the_group_it_asks_for_and_those_that_hold_it() -> None:
    ingress = an_ingress(
        annotations={"alb.ingress.kubernetes.io/group.name": "new"},
        finalizers=["group.ingress.k8s.aws/old", "ingress.k8s.aws/resources", "someone/else"],
    )
    assert {"new", "old", "shop/web"} == indexes.groups_of_ingress(ingress)


def test_finalizers_tell_the_groups_an_ingress_was_ever_in() -> None:
    ingress = an_ingress(finalizers=["ingress.k8s.aws/resources", "group.ingress.k8s.aws/shared", "other.io/x"])
    assert ["shop/web", "shared"] == list(indexes.finalizer_groups(ingress))


def test_a_binding_names_its_stack_by_labels() -> None:
    group = a_binding(labels={"ingress.k8s.aws/stack": "shop"})
    alone = a_binding(labels={"ingress.k8s.aws/stack-namespace": "shop", "ingress.k8s.aws/stack-name": "web"})
    service = a_binding(labels={"service.k8s.aws/stack-namespace": "shop", "service.k8s.aws/stack-name": "web"})
    found = [list(indexes.stack_of_binding(binding)) for binding in (group, alone, service, a_binding())]
    assert [["ingress:shop"], ["ingress:shop/web"], ["service:shop/web"], []] == found


def test_the_legacy_annotation_goes_before_the_class_name() -> None:
    legacy = an_ingress(annotations={"kubernetes.io/ingress.class": "alb"})
    silent = an_ingress()
    del silent["spec"]["ingressClassName"]
    assert [["alb"], [], [""]] == [list(indexes.class_of_ingress(each)) for each in (an_ingress(), legacy, silent)]


def test_a_class_names_its_parameters() -> None:
    found = [list(indexes.params_of_class(each)) for each in (an_ingress_class(params="p"), an_ingress_class())]
    assert [["p"], []] == found


def test_class_parameters_name_the_group_of_all_ingresses_of_their_classes() -> None:
    specs: list[dict[str, Any]] = [{"group": {"name": "shared"}}, {"scheme": "internal"}, {}]
    assert [["shared"], [], []] == [list(indexes.group_of_params({"spec": spec})) for spec in specs]


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ('{"secretName": "oidc"}', ["shop/oidc"]),
        ('{"SECRETNAME": "oidc"}', ["shop/oidc"]),
        ('{"secretName": ""}', []),
        ('{"secretName": 1}', []),
        ("{", []),
    ],
)
def test_ingresses_and_services_name_the_secret_of_their_provider(text: str, named: list[str]) -> None:
    annotations = {"alb.ingress.kubernetes.io/auth-idp-oidc": text}
    assert named == list(indexes.secrets_of(an_ingress(annotations=annotations)))
    assert named == list(indexes.secrets_of(a_service(annotations=annotations)))


def test_whoever_has_no_provider_names_no_secret() -> None:
    assert [] == list(indexes.secrets_of(an_ingress()))
