"""Which pods get the ALB target control agent, and how it is set up."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aws_lb_controller.errors import KubernetesError
from aws_lb_controller.webhooks.review import Handler, Verdict
from aws_lb_controller.webhooks.target_control import CONFIG_NAME, inject_target_control
from builders_webhooks import LiveObjects, a_review, assert_needs_no_second_patch, mutated, refusal

KEY = "elbv2.k8s.aws/alb-target-control-agent"
INJECTED = f"{KEY}-injected"
ENVIRONMENT = {
    "TARGET_CONTROL_DATA_ADDRESS": "0.0.0.0:80",
    "TARGET_CONTROL_CONTROL_ADDRESS": "0.0.0.0:3000",
    "TARGET_CONTROL_DESTINATION_ADDRESS": "127.0.0.1:8080",
    "TARGET_CONTROL_MAX_CONCURRENCY": "1",
}


def a_config(namespace: str = "kube-system", **spec: Any) -> dict[str, Any]:
    written = {
        "image": "agent:1",
        "dataAddress": "0.0.0.0:80",
        "controlAddress": "0.0.0.0:3000",
        "destinationAddress": "127.0.0.1:8080",
        "maxConcurrency": 1,
        **spec,
    }
    return {
        "kind": "ALBTargetControlConfig",
        "metadata": {"namespace": namespace, "name": CONFIG_NAME},
        "spec": {key: value for key, value in written.items() if value is not None},
    }


def a_namespace(value: str | None = "enabled") -> dict[str, Any]:
    labels = {f"{KEY}-injection": value} if value is not None else {}
    return {"kind": "Namespace", "metadata": {"name": "shop", "labels": labels}}


def a_new_pod(label: str | None = "true", **annotations: str) -> dict[str, Any]:
    """annotations: without their prefix, with underscores."""
    written = {f"{KEY}-{key.replace('_', '-')}": value for key, value in annotations.items()}
    return {
        "metadata": {
            "namespace": "shop",
            "name": "web-1",
            "labels": {f"{KEY}-inject": label} if label is not None else {},
            **({"annotations": written} if written else {}),
        },
        "spec": {"containers": [{"name": "app"}]},
    }


def injecting(*objects: dict[str, Any], enabled: bool = True, broken: int | None = None) -> Handler:
    live = LiveObjects([*(objects or (a_config(), a_namespace()))], broken=broken)
    return partial(inject_target_control, live=live, enabled=enabled)


def agent(handler: Handler | None = None, pod: dict[str, Any] | None = None) -> dict[str, Any]:
    """The container that is added; it is the last one."""
    added = mutated(handler or injecting(), pod or a_new_pod())["spec"]["containers"]
    assert ["app", "alb-target-control-agent"] == [each["name"] for each in added]
    return dict(added[-1])


def environment(container: dict[str, Any]) -> dict[str, str]:
    return {each["name"]: each["value"] for each in container["env"]}


# -- who gets one


def test_the_agent_is_made_as_configured() -> None:
    container = agent()

    assert ("agent:1", ENVIRONMENT) == (container["image"], environment(container))
    expected = [
        {"name": "data", "containerPort": 80, "protocol": "TCP"},
        {"name": "control", "containerPort": 3000, "protocol": "TCP"},
    ]
    assert expected == container["ports"]
    assert "resources" not in container


def test_a_pod_with_the_agent_says_so() -> None:
    assert {INJECTED: "true"} == mutated(injecting(), a_new_pod())["metadata"]["annotations"]


def test_annotations_that_are_there_stay() -> None:
    annotations = mutated(injecting(), a_new_pod(image="agent:2"))["metadata"]["annotations"]

    assert {f"{KEY}-image": "agent:2", INJECTED: "true"} == annotations


@pytest.mark.parametrize(
    ("label", "namespace", "injected"),
    [
        ("true", None, True),
        ("true", "disabled", True),
        ("false", "enabled", False),
        (None, "enabled", True),
        ("maybe", "enabled", True),
        (None, "disabled", False),
        (None, None, False),
    ],
)
def test_the_pods_label_goes_before_its_namespaces(label: str | None, namespace: str | None, injected: bool) -> None:
    handler = injecting(a_config(), a_namespace(namespace))

    assert injected == bool(handler(a_review(a_new_pod(label))).patch)


def test_a_pod_that_has_the_agent_is_left_alone() -> None:
    pod = a_new_pod()
    pod["spec"]["containers"].append({"name": "alb-target-control-agent"})

    assert Verdict() == injecting()(a_review(pod))


def test_only_new_pods_get_the_agent() -> None:
    assert Verdict() == injecting()(a_review(a_new_pod(), old=a_new_pod()))


def test_with_the_gate_off_the_pod_is_made_without_agent_and_its_user_told() -> None:
    verdict = injecting(enabled=False)(a_review(a_new_pod()))

    expected = (
        "Pod shop/web-1: spec.containers: alb-target-control-agent is not injected: "
        "the feature gate ALBTargetControlAgent is off"
    )
    assert Verdict(warnings=(expected,)) == verdict


# -- the configuration


def test_a_configuration_of_the_namespace_goes_before_the_shared_one() -> None:
    assert "own:1" == agent(injecting(a_config(), a_config("shop", image="own:1")))["image"]


def test_without_a_configuration_the_pod_is_made_without_agent_and_its_user_told() -> None:
    verdict = injecting(a_namespace())(a_review(a_new_pod()))

    assert (None, ()) == (verdict.refusal, verdict.patch)
    assert f"there is no ALBTargetControlConfig {CONFIG_NAME} in shop or kube-system" in verdict.warnings[0]


def test_a_configuration_that_we_may_not_read_is_none() -> None:
    verdict = injecting(broken=403)(a_review(a_new_pod()))

    assert (None, ()) == (verdict.refusal, verdict.patch)


def test_while_the_api_server_does_not_answer_nothing_is_decided() -> None:
    with pytest.raises(KubernetesError):
        injecting(broken=0)(a_review(a_new_pod()))


def test_everything_that_may_be_configured_is_carried_over() -> None:
    config = a_config(
        maxConcurrency=0,
        tlsCertPath="/tls/crt",
        tlsKeyPath="/tls/key",
        tlsSecurityPolicy="strict",
        protocolVersion="HTTP2",
        rustLog="debug",
        resources={"requests": {"cpu": "100m"}},
    )
    container = agent(injecting(config))

    expected = {
        **ENVIRONMENT,
        "TARGET_CONTROL_MAX_CONCURRENCY": "0",
        "TARGET_CONTROL_TLS_CERT_PATH": "/tls/crt",
        "TARGET_CONTROL_TLS_KEY_PATH": "/tls/key",
        "TARGET_CONTROL_TLS_SECURITY_POLICY": "strict",
        "TARGET_CONTROL_PROTOCOL_VERSION": "HTTP2",
        "RUST_LOG": "debug",
    }
    assert expected == environment(container)
    assert {"requests": {"cpu": "100m"}} == container["resources"]


# -- annotations of the pod


def test_annotations_of_the_pod_go_before_the_configuration() -> None:
    pod = a_new_pod(
        image="agent:2",
        data_address="0.0.0.0:81",
        control_address="[::1]:3001",
        destination_address="127.0.0.1:9090",
        max_concurrency="1000",
        tls_cert_path="/other",
        protocol_version="GRPC",
        rust_log="error",
    )
    container = agent(pod=pod)

    expected = {
        "TARGET_CONTROL_DATA_ADDRESS": "0.0.0.0:81",
        "TARGET_CONTROL_CONTROL_ADDRESS": "[::1]:3001",
        "TARGET_CONTROL_DESTINATION_ADDRESS": "127.0.0.1:9090",
        "TARGET_CONTROL_MAX_CONCURRENCY": "1000",
        "TARGET_CONTROL_TLS_CERT_PATH": "/other",
        "TARGET_CONTROL_PROTOCOL_VERSION": "GRPC",
        "RUST_LOG": "error",
    }
    assert ("agent:2", expected) == (container["image"], environment(container))
    assert [81, 3001] == [port["containerPort"] for port in container["ports"]]


def test_resources_of_the_pod_go_into_those_configured() -> None:
    config = a_config(resources={"requests": {"cpu": "100m", "memory": "1Gi"}})
    pod = a_new_pod(cpu_request="200m", memory_limit="2Gi", cpu_limit="plenty")

    expected = {"requests": {"cpu": "200m", "memory": "1Gi"}, "limits": {"memory": "2Gi"}}
    assert expected == agent(injecting(config), pod)["resources"]


def test_resources_of_one_pod_are_not_those_of_the_next() -> None:
    handler = injecting(a_config(resources={"requests": {"cpu": "100m"}}))
    agent(handler, a_new_pod(cpu_request="8"))

    assert {"requests": {"cpu": "100m"}} == agent(handler, a_new_pod())["resources"]


@pytest.mark.parametrize(
    ("annotation", "value"),
    [
        ("max-concurrency", "1001"),
        ("max-concurrency", "-1"),
        ("max-concurrency", "many"),
        ("data-address", "localhost:80"),
        ("data-address", "0.0.0.0"),
        ("control-address", "::1:3000"),
        ("control-address", ""),
        ("destination-address", "127.0.0.1:http"),
        ("destination-address", "fe80::1%eth0:80"),
        ("destination-address", "[fe80::1%eth0]:80"),
        ("protocol-version", "HTTP3"),
        ("rust-log", "trace"),
    ],
)
def test_an_annotation_without_meaning_refuses_the_pod(annotation: str, value: str) -> None:
    pod = a_new_pod()
    pod["metadata"]["annotations"] = {f"{KEY}-{annotation}": value}
    verdict = injecting()(a_review(pod))

    shown = f" = {value!r}" if value else ""
    assert f"Pod shop/web-1: {KEY}-{annotation}{shown}: invalid value: " in refusal(verdict)
    assert "albTargetControlAgentInjector" == verdict.check


def test_every_annotation_without_meaning_is_told_at_once() -> None:
    words = refusal(injecting()(a_review(a_new_pod(rust_log="x", protocol_version="y"))))

    assert f"{KEY}-rust-log" in words
    assert f"{KEY}-protocol-version" in words


@pytest.mark.parametrize("address", ["0.0.0.0:99999", "::1:80"])
def test_a_configured_address_without_a_usable_port_refuses_the_pod(address: str) -> None:
    words = refusal(injecting(a_config(dataAddress=address))(a_review(a_new_pod())))

    assert f"dataAddress = '{address}': write host:port with a port from 1 to 65535" in words


@given(
    st.sampled_from([None, "true", "false"]),
    st.dictionaries(st.sampled_from(["image", "cpu_request", "rust_log"]), st.sampled_from(["debug", "100m"])),
)
def test_a_patched_pod_needs_no_patch(label: str | None, annotations: dict[str, str]) -> None:
    written = {k: v for k, v in annotations.items() if (k, v) != ("rust_log", "100m")}

    assert_needs_no_second_patch(injecting(), a_new_pod(label, **written))
