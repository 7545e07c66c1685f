"""Our own clients against moto, with every call written down, and valid resources of one stack to make with them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

from botocore.awsrequest import AWSResponse
from moto.core.models import botocore_stubber

from aws_lb_controller.aws.clients import MOST_ATTEMPTS, Call, Clients, is_read, make_clients
from aws_lb_controller.model.listener import Condition, FixedResponse, Forward, Listener, Rule, WeightedTargetGroup
from aws_lb_controller.model.load_balancer import LoadBalancer, SubnetMapping
from aws_lb_controller.model.security_group import IngressRule, SecurityGroup, Source
from aws_lb_controller.model.stack import StackId
from aws_lb_controller.model.target_group import HealthCheck, TargetGroup
from aws_lb_controller.settings import Settings

CLUSTER = "demo"
STACK = StackId("ingress", "shop/web")


@dataclass
class Log:
    """What was called since the last `clear`; may_write is asked before each attempt at a write."""

    calls: list[Call] = field(default_factory=list)
    may_write: Callable[[], None] = lambda: None

    def operations(self) -> list[str]:
        return [call.operation for call in self.calls]

    def writes(self) -> list[str]:
        return [operation for operation in self.operations() if not is_read(operation)]

    def clear(self) -> None:
        self.calls.clear()
        self.may_write = lambda: None


LOG = Log()


def settings(**more: Any) -> Settings:
    # unthrottled: moto has no limits, and tests no time
    wanted = {
        "cluster_name": CLUSTER,
        "aws_region": "us-west-2",
        "aws_vpc_id": "vpc-1",
        "aws_api_throttle": {"Elastic Load Balancing v2": (), "WAFV2": (), "WAF Regional": ()},
    }
    return Settings(**{**wanted, **more})


def _may_write() -> None:
    LOG.may_write()


@cache
def _made() -> Clients:
    """One for all tests: making boto3's clients takes longer than most tests."""
    return make_clients(settings(), may_write=_may_write, record=LOG.calls.append)


def our_clients(vpc_id: str) -> Clients:
    LOG.clear()
    return replace(_made(), vpc_id=vpc_id)


@contextmanager
def answering(
    client: Any, operation: str, *, status: int, code: str, times: int = 1, after_effect: bool = False
) -> Iterator[None]:
    """AWS answers the next `times` attempts at the operation with an error, before or after they take effect."""
    left, events = [times], client.meta.events

    def instead(*, event_name: str, request: Any, **_: Any) -> AWSResponse | None:
        if not left[0] or event_name.rpartition(".")[2] != operation:
            return botocore_stubber(event_name, request)
        left[0] -= 1
        if after_effect:
            botocore_stubber(event_name, request)
        body = f"<ErrorResponse><Error><Code>{code}</Code><Message>-</Message></Error></ErrorResponse>".encode()
        return AWSResponse("http://aws", status, {}, RawAnswer(body))

    # in moto's place, not beside it: botocore asks all who listen, so both would carry out the request
    events.unregister("before-send", botocore_stubber)
    events.register("before-send", instead)
    try:
        yield
        assert left == [0] or times > MOST_ATTEMPTS
    finally:
        events.unregister("before-send", instead)
        events.register("before-send", botocore_stubber)


class RawAnswer:
    """The body of an answer, as botocore reads it."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    def stream(self, **_: Any) -> Iterator[bytes]:
        yield self._body


def tags(resource: str, stack: StackId = STACK, **more: str) -> dict[str, str]:
    return {"elbv2.k8s.aws/cluster": CLUSTER, stack.stack_tag: stack.name, stack.resource_tag: resource, **more}


def health_check(**more: Any) -> HealthCheck:
    wanted: dict[str, Any] = {
        "protocol": "HTTP",
        "port": "traffic-port",
        "path": "/",
        "interval_seconds": 15,
        "timeout_seconds": 5,
        "healthy_threshold": 2,
        "unhealthy_threshold": 2,
        "http_codes": "200",
    }
    return HealthCheck(**{**wanted, **more})


def target_group(vpc_id: str, *, stack: StackId = STACK, **more: Any) -> TargetGroup:
    wanted: dict[str, Any] = {
        "id": "shop/web-web:80",
        "name": "k8s-shop-web-0123456789",
        "target_type": "ip",
        "port": 8080,
        "protocol": "HTTP",
        "protocol_version": "HTTP1",
        "ip_address_type": "ipv4",
        "vpc_id": vpc_id,
        "health_check": health_check(),
        "attributes": {"deregistration_delay.timeout_seconds": "30"},
        **more,
    }
    return TargetGroup(**{"tags": tags(wanted["id"], stack), **wanted})


def load_balancer(subnets: list[str], *, stack: StackId = STACK, **more: Any) -> LoadBalancer:
    wanted: dict[str, Any] = {
        "id": "LoadBalancer",
        "name": "k8s-shop-web-9876543210",
        "type": "application",
        "scheme": "internal",
        "ip_address_type": "ipv4",
        "subnets": tuple(SubnetMapping(subnet_id=subnet) for subnet in sorted(subnets)),
        "security_groups": (),
        "attributes": {"idle_timeout.timeout_seconds": "90"},
        **more,
    }
    return LoadBalancer(**{"tags": tags(wanted["id"], stack), **wanted})


def forward(*arns: str) -> Forward:
    return Forward(target_groups=tuple(WeightedTargetGroup(arn, 1) for arn in arns))


NOT_FOUND = FixedResponse(status_code="404", content_type="text/plain")


def listener(load_balancer: str, *, stack: StackId = STACK, **more: Any) -> Listener:
    wanted: dict[str, Any] = {
        "id": "80",
        "load_balancer": load_balancer,
        "port": 80,
        "protocol": "HTTP",
        "default_actions": (NOT_FOUND,),
        "attributes": {},
        **more,
    }
    return Listener(**{"tags": tags(wanted["id"], stack), **wanted})


def rule(listener: str, *actions: Any, stack: StackId = STACK, **more: Any) -> Rule:
    wanted: dict[str, Any] = {
        "id": "80:1",
        "listener": listener,
        "priority": 1,
        "conditions": (Condition(field="path-pattern", values=("/shop", "/shop/*")),),
        "actions": actions or (NOT_FOUND,),
        **more,
    }
    return Rule(**{"tags": tags(wanted["id"], stack), **wanted})


def ingress(cidr: str = "0.0.0.0/0", port: int = 80, **more: Any) -> IngressRule:
    wanted: dict[str, Any] = {"protocol": "tcp", "from_port": port, "to_port": port, "source": Source("ipv4", cidr)}
    return IngressRule(**{**wanted, **more})


def security_group(*rules: IngressRule, stack: StackId = STACK, **more: Any) -> SecurityGroup:
    wanted: dict[str, Any] = {
        "id": "ManagedLBSecurityGroup",
        "name": "k8s-shop-web-1122334455",
        "description": "[k8s] Managed SecurityGroup for LoadBalancer",
        "ingress": frozenset(rules),
        **more,
    }
    return SecurityGroup(**{"tags": tags(wanted["id"], stack), **wanted})
