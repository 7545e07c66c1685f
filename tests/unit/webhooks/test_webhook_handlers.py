"""All webhooks together: their paths, what they keep from doing, and what the flags change."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import pytest

from aws_lb_controller.cluster.kinds import INGRESS_CLASS, SERVICE, TARGET_GROUP_BINDING
from aws_lb_controller.errors import KubernetesError
from aws_lb_controller.webhooks import answers
from aws_lb_controller.webhooks.handlers import handlers
from aws_lb_controller.webhooks.reading import ApiServer
from aws_lb_controller.webhooks.review import Handler, Review, Verdict
from builders_cluster import a_binding, a_pod, an_ingress_class
from builders_ingress import an_ingress, settings_with
from builders_kube import a_service
from builders_webhooks import a_cluster, a_review, mutated, patched
from contract_data import contract
from fake_api import FakeApi, no_answer


class OneWorker:
    def draw(self) -> int:
        return 1


def all_handlers(*flags: str) -> Mapping[str, Handler]:
    cluster = a_cluster(an_ingress_class(), a_binding(), a_service(selector={"app": "web"}))
    return handlers(
        settings_with(*flags), cluster=cluster, describe=lambda _query: (), workers=OneWorker(), vpc_id="vpc-11111111"
    )


OBJECTS: Mapping[str, dict[str, Any]] = {
    "/mutate-v1-pod": a_pod(),
    "/mutate-v1-pod-server-id": a_pod(
        annotations={"service.beta.kubernetes.io/aws-load-balancer-quic-enabled-containers": "app"}
    ),
    "/mutate-alb-target-control-namespace-v1-pod": a_pod(),
    "/mutate-alb-target-control-object-v1-pod": a_pod(),
    "/mutate-v1-service": a_service(loadBalancerClass=None),
    "/mutate-elbv2-k8s-aws-v1beta1-targetgroupbinding": a_binding("new"),
    "/validate-elbv2-k8s-aws-v1beta1-targetgroupbinding": a_binding("new"),
    "/validate-elbv2-k8s-aws-v1beta1-ingressclassparams": {"metadata": {"name": "platform"}, "spec": {}},
    "/validate-networking-v1-ingress": an_ingress(),
    "/validate-aga-k8s-aws-v1beta1-globalaccelerator": {"metadata": {"namespace": "shop", "name": "fast"}, "spec": {}},
}


def test_every_path_of_the_contract_is_handled_and_no_other() -> None:
    webhooks = [webhook for configuration in contract("webhooks") for webhook in configuration["webhooks"]]
    paths = {webhook["clientConfig"]["service"]["path"] for webhook in webhooks}

    assert paths == all_handlers().keys()


@pytest.mark.parametrize("path", OBJECTS)
def test_no_handler_touches_what_it_is_given(path: str) -> None:
    review = a_review(OBJECTS[path])
    before = copy.deepcopy(review)
    all_handlers()[path](review)

    assert before == review


@pytest.mark.parametrize("path", OBJECTS)
def test_a_dry_run_is_answered_like_any_other(path: str) -> None:
    real, dry = (all_handlers()[path](a_review(OBJECTS[path], dry_run=dry)) for dry in (False, True))

    assert [each["path"] for each in real.patch] == [each["path"] for each in dry.patch]
    assert real.refusal == dry.refusal


@pytest.mark.parametrize("path", OBJECTS)
def test_deletions_are_allowed(path: str) -> None:
    assert Verdict() == all_handlers()[path](a_review(None, old=OBJECTS[path], operation="DELETE"))


@pytest.mark.parametrize("path", [path for path in OBJECTS if path.startswith("/validate")])
def test_what_validates_patches_nothing(path: str) -> None:
    assert () == all_handlers()[path](a_review(OBJECTS[path])).patch


@pytest.mark.parametrize("path", [path for path in OBJECTS if path.endswith(("pod", "server-id"))])
def test_a_pod_that_kubernetes_will_refuse_is_left_to_it(path: str) -> None:
    pod = {**a_pod(), "spec": {"containers": [{"env": [{}]}], "readinessGates": [{}]}}
    pod["metadata"]["annotations"] = {"service.beta.kubernetes.io/aws-load-balancer-quic-enabled-containers": "app"}
    pod["metadata"]["labels"]["elbv2.k8s.aws/alb-target-control-agent-inject"] = "true"

    assert all_handlers("--feature-gates=ALBTargetControlAgent=true")[path](a_review(pod)).refusal is None


def test_the_flag_says_which_class_services_get() -> None:
    given = all_handlers("--load-balancer-class=example.com/ours")["/mutate-v1-service"]

    assert "example.com/ours" == mutated(given, OBJECTS["/mutate-v1-service"])["spec"]["loadBalancerClass"]


def test_the_flag_says_whether_readiness_gates_are_injected() -> None:
    given = all_handlers("--enable-pod-readiness-gate-inject=false")["/mutate-v1-pod"]

    assert Verdict() == given(a_review(a_pod()))
    assert all_handlers()["/mutate-v1-pod"](a_review(a_pod())).patch


def test_the_flag_says_which_variable_has_the_server_id() -> None:
    path = "/mutate-v1-pod-server-id"
    pod = mutated(all_handlers("--quic-environment-variable-name=QUIC_ID")[path], OBJECTS[path])

    assert "QUIC_ID" == pod["spec"]["containers"][0]["env"][0]["name"]


def test_the_feature_gate_says_whether_the_agent_is_injected() -> None:
    pod = a_pod()
    pod["metadata"]["labels"] = {"elbv2.k8s.aws/alb-target-control-agent-inject": "true"}
    path = "/mutate-alb-target-control-object-v1-pod"

    assert "the feature gate" in all_handlers()[path](a_review(pod)).warnings[0]
    on = all_handlers("--feature-gates=ALBTargetControlAgent=true")[path]
    assert "there is no ALBTargetControlConfig" in on(a_review(pod)).warnings[0]


# -- the parts of patches


def test_keys_with_slashes_and_tildes_are_escaped_in_paths() -> None:
    patch = [answers.set_entry({"a": "1"}, "x.io/~y", "2", path=("metadata", "annotations"))]

    assert "/metadata/annotations/x.io~1~0y" == patch[0]["path"]
    assert {"a": "1", "x.io/~y": "2"} == patched({"metadata": {"annotations": {"a": "1"}}}, patch)["metadata"][
        "annotations"
    ]


def test_a_map_and_a_list_that_are_not_there_are_made() -> None:
    patch = [answers.set_entry(None, "a", "1", path=("map",)), *answers.append([1, 2], to=None, path=("list",))]

    assert {"map": {"a": "1"}, "list": [1, 2]} == patched({}, patch)


def test_an_object_of_no_namespace_is_told_by_its_name() -> None:
    review = Review(operation="CREATE", namespace="", name="platform", obj={}, old=None, dry_run=False)

    assert "IngressClassParams platform" == answers.reference("IngressClassParams", review)


# -- the API server


def test_what_the_api_server_does_not_have_is_none() -> None:
    assert ApiServer(FakeApi()).get(SERVICE, "shop", "web") is None  # type: ignore[arg-type]  # stands for KubeClient


def test_objects_of_a_list_are_as_the_store_would_have_them() -> None:
    api = FakeApi()
    api.objects["/apis/networking.k8s.io/v1/ingressclasses"] = {"items": [{"metadata": {"name": "alb"}, "spec": {}}]}

    found = ApiServer(api).list(INGRESS_CLASS, "")  # type: ignore[arg-type]  # stands for KubeClient
    assert [("alb", "IngressClass")] == [(each["metadata"]["name"], each["kind"]) for each in found]


def test_a_list_of_one_namespace_asks_for_no_more() -> None:
    api = FakeApi()
    ApiServer(api).list(TARGET_GROUP_BINDING, "shop")  # type: ignore[arg-type]  # stands for KubeClient

    assert [("GET", "/apis/elbv2.k8s.aws/v1beta1/namespaces/shop/targetgroupbindings")] == api.requests


def test_no_answer_is_an_error_and_not_an_empty_cluster() -> None:
    api = FakeApi()

    def silent(method: str, path: str) -> None:
        raise no_answer(f"{method} {path}")

    api.before = silent
    with pytest.raises(KubernetesError):
        ApiServer(api).get(SERVICE, "shop", "web")  # type: ignore[arg-type]  # stands for KubeClient
    with pytest.raises(KubernetesError):
        ApiServer(api).list(SERVICE, "shop")  # type: ignore[arg-type]  # stands for KubeClient
