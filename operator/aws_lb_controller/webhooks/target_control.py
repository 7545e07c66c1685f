"""Pods that ask for it, or whose namespace does, get the ALB target control agent as one more container.

The agent stands before the application and tells the load balancer how many requests it may send. What it is made of
stands in an ALBTargetControlConfig, of the pod's namespace or else of kube-system; annotations of the pod go before it.
The configuration is read for each such pod, so a change holds for the next one.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

from aws_lb_controller.api.names import GROUP, VERSION
from aws_lb_controller.cluster.kinds import NAMESPACE, Kind
from aws_lb_controller.errors import KubernetesDenied, Problem, SpecError
from aws_lb_controller.intent.readers import Reader, Unreadable, integer_between, one_of
from aws_lb_controller.webhooks import answers
from aws_lb_controller.webhooks.reading import Live
from aws_lb_controller.webhooks.review import Review, Verdict

Obj = Mapping[str, Any]
Json = dict[str, Any]

CONFIG_KIND = Kind(GROUP, VERSION, "albtargetcontrolconfigs", "ALBTargetControlConfig")
CONFIG_NAME = "aws-load-balancer-controller-alb-target-control-agent-config"
SHARED_NAMESPACE = "kube-system"
CONTAINER = "alb-target-control-agent"
_PREFIX = "elbv2.k8s.aws/alb-target-control-agent"
POD_LABEL = f"{_PREFIX}-inject"
"""On a pod: ``true`` or ``false``; anything else leaves it to the namespace."""
NAMESPACE_LABEL = f"{_PREFIX}-injection"
"""On a namespace: ``enabled``."""
INJECTED_ANNOTATION = f"{_PREFIX}-injected"
GATE = "ALBTargetControlAgent"

_PORT = re.compile(r"[+-]?[0-9]+\Z")
_QUANTITY = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([KMGTPE]i|[numkMGTPE]|[eE][+-]?[0-9]+)?\Z")


def inject_target_control(review: Review, *, live: Live, enabled: bool) -> Verdict:
    """Adds the agent to a new pod. enabled: the feature gate. Raises `KubernetesError` where nothing can be read."""
    if review.operation != "CREATE" or not _is_asked_for(review, live) or _has_agent(review):
        return Verdict()
    if not enabled:
        return answers.allowed(warnings=[_not_injected(review, f"the feature gate {GATE} is off")])
    config = _config(review, live)
    if config is None:
        why = f"there is no ALBTargetControlConfig {CONFIG_NAME} in {review.namespace} or {SHARED_NAMESPACE}"
        return answers.allowed(warnings=[_not_injected(review, why)])
    try:
        agent = agent_container(config, answers.annotations_of(review.obj), object_ref=answers.reference("Pod", review))
    except SpecError as wrong:
        return answers.refused(wrong.problems, check="albTargetControlAgentInjector")
    held = answers.annotations_of(review.obj)
    note = answers.set_entry(held, INJECTED_ANNOTATION, "true", path=("metadata", "annotations"))
    return answers.allowed((answers.add(agent, "spec", "containers", "-"), note))


def _is_asked_for(review: Review, live: Live) -> bool:
    match answers.labels_of(review.obj).get(POD_LABEL):
        case "true":
            return True
        case "false":
            return False
    namespace = _readable(partial(live.get, NAMESPACE, "", review.namespace))
    return answers.labels_of(namespace).get(NAMESPACE_LABEL) == "enabled"


def _has_agent(review: Review) -> bool:
    return any(each.get("name") == CONTAINER for each in answers.spec_of(review.obj).get("containers") or ())


def _config(review: Review, live: Live) -> Obj | None:
    for namespace in dict.fromkeys((review.namespace, SHARED_NAMESPACE)):
        found = _readable(partial(live.get, CONFIG_KIND, namespace, CONFIG_NAME))
        if found is not None:
            return answers.spec_of(found)
    return None


def _readable(read: Callable[[], Obj | None]) -> Obj | None:
    """What we may not read is not there for us."""
    try:
        return read()
    except KubernetesDenied:
        return None


def _not_injected(review: Review, why: str) -> Problem:
    return Problem(answers.reference("Pod", review), "spec.containers", "", f"{CONTAINER} is not injected: {why}")


# -- the container


def address(text: str) -> str:
    """``IP:port``, an IPv6 address in brackets."""
    host, port = split_address(text)
    try:
        ipaddress.ip_address(host)
    except ValueError:
        port = ""
    if not _PORT.match(port) or "%" in host or not -(2**31) <= int(port) < 2**31:
        raise Unreadable("expected host:port format with an IP address, such as 0.0.0.0:80")
    return text


def split_address(text: str) -> tuple[str, str]:
    """Host, without brackets, and port; the port is "" where the text is not so made."""
    host, _, port = text.rpartition(":")
    if host.startswith("[") and host.endswith("]"):
        return host[1:-1], port
    return (host, "") if set(host) & set(":[]") else (host, port)


def _quantity(text: str) -> str:
    if not _QUANTITY.match(text):
        raise Unreadable("write a quantity such as 100m or 64Mi")
    return text


def _any(text: str) -> str:
    return text


_concurrency = integer_between(0, 1000)
_OVERRIDES: Mapping[str, tuple[str, Reader[Any]]] = {
    "image": ("image", _any),
    "max-concurrency": ("maxConcurrency", _concurrency),
    "data-address": ("dataAddress", address),
    "control-address": ("controlAddress", address),
    "destination-address": ("destinationAddress", address),
    "tls-cert-path": ("tlsCertPath", _any),
    "tls-key-path": ("tlsKeyPath", _any),
    "tls-security-policy": ("tlsSecurityPolicy", _any),
    "protocol-version": ("protocolVersion", one_of("HTTP1", "HTTP2", "GRPC")),
    "rust-log": ("rustLog", one_of("debug", "info", "error")),
}
"""Annotation of a pod, behind the prefix: the field of the configuration that it goes before."""

_RESOURCES = {
    "cpu-request": ("requests", "cpu"),
    "cpu-limit": ("limits", "cpu"),
    "memory-request": ("requests", "memory"),
    "memory-limit": ("limits", "memory"),
}

_ENVIRONMENT = {
    "dataAddress": "TARGET_CONTROL_DATA_ADDRESS",
    "controlAddress": "TARGET_CONTROL_CONTROL_ADDRESS",
    "destinationAddress": "TARGET_CONTROL_DESTINATION_ADDRESS",
    "maxConcurrency": "TARGET_CONTROL_MAX_CONCURRENCY",
    "tlsCertPath": "TARGET_CONTROL_TLS_CERT_PATH",
    "tlsKeyPath": "TARGET_CONTROL_TLS_KEY_PATH",
    "tlsSecurityPolicy": "TARGET_CONTROL_TLS_SECURITY_POLICY",
    "protocolVersion": "TARGET_CONTROL_PROTOCOL_VERSION",
    "rustLog": "RUST_LOG",
}
_PORTS = {"data": "dataAddress", "control": "controlAddress"}


def agent_container(config: Obj, annotations: Mapping[str, str], *, object_ref: str) -> Json:
    """The agent's container. Raises `SpecError` with every annotation of the pod that has no meaning."""
    problems: list[Problem] = []
    settled = {**config, **_overrides(annotations, object_ref, problems)}
    ports = [*_ports(settled, object_ref, problems)] if not problems else []
    if problems:
        raise SpecError(problems)
    container = {"name": CONTAINER, "image": settled["image"], "env": [*_environment(settled)], "ports": ports}
    resources = _resources(config.get("resources") or {}, annotations)
    return {**container, "resources": resources} if resources else container


def _overrides(annotations: Mapping[str, str], object_ref: str, problems: list[Problem]) -> Json:
    values: Json = {}
    for suffix, (field, reader) in _OVERRIDES.items():
        key = f"{_PREFIX}-{suffix}"
        if (text := annotations.get(key)) is None:
            continue
        try:
            values[field] = reader(text)
        except Unreadable as wrong:
            problems.append(Problem(object_ref, key, text, f"invalid value: {wrong}"))
    return values


def _environment(settled: Obj) -> Iterator[Json]:
    """An empty value is none; the number of requests is always told, and one where nothing says otherwise."""
    for field, name in _ENVIRONMENT.items():
        value = settled.get(field, 1 if field == "maxConcurrency" else "")
        if value != "":
            yield {"name": name, "value": str(value)}


def _ports(settled: Obj, object_ref: str, problems: list[Problem]) -> Iterator[Json]:
    for name, field in _PORTS.items():
        written = settled.get(field) or ""
        _host, port = split_address(written)
        if _PORT.match(port) and 0 < int(port) < 2**16:
            yield {"name": name, "containerPort": int(port), "protocol": "TCP"}
        else:
            remedy = "write host:port with a port from 1 to 65535 in the ALBTargetControlConfig or the pod's annotation"
            problems.append(Problem(object_ref, field, written, remedy))


def _resources(configured: Obj, annotations: Mapping[str, str]) -> Json:
    """The configured resources with the pod's; a quantity that is none counts as not written."""
    resources = {field: dict(value) if isinstance(value, Mapping) else value for field, value in configured.items()}
    for suffix, (field, resource) in _RESOURCES.items():
        text = annotations.get(f"{_PREFIX}-{suffix}")
        if text is not None and _QUANTITY.match(text):
            resources.setdefault(field, {})[resource] = text
    return resources
