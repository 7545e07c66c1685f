"""Valid values of the model, to be bent by the test that needs one: name only what the test is about."""

from __future__ import annotations

from typing import Any

from aws_lb_controller.model.binding import Binding, NetworkingPeer, NetworkingPort, NetworkingRule
from aws_lb_controller.model.listener import Condition, FixedResponse, Forward, Listener, Rule, WeightedTargetGroup
from aws_lb_controller.model.load_balancer import LoadBalancer, SubnetMapping
from aws_lb_controller.model.refs import BACKEND_SECURITY_GROUP, Ref, Value
from aws_lb_controller.model.security_group import IngressRule, SecurityGroup, Source
from aws_lb_controller.model.stack import Stack, StackId
from aws_lb_controller.model.target_group import HealthCheck, LoadBalancerTarget, TargetGroup

STACK_ID = StackId("ingress", "shop/web")


def tags(resource: str, **more: str) -> dict[str, str]:
    """The tags of a resource of the stack `STACK_ID`."""
    return {
        "elbv2.k8s.aws/cluster": "demo",
        STACK_ID.stack_tag: STACK_ID.name,
        STACK_ID.resource_tag: resource,
        **more,
    }


def an_ingress_rule(port: int = 80, cidr: str = "0.0.0.0/0", **values: Any) -> IngressRule:
    """TCP from a network to one port."""
    given = {"protocol": "tcp", "from_port": port, "to_port": port, "source": Source("ipv4", cidr)}
    return IngressRule(**(given | values))


def a_security_group(id: str = "ManagedLBSecurityGroup", **values: Any) -> SecurityGroup:
    """The managed group of a load balancer, open on port 80."""
    given = {
        "id": id,
        "name": f"k8s-shop-web-{id.lower()}",
        "description": "[k8s] Managed SecurityGroup for LoadBalancer",
        "tags": tags(id),
        "ingress": frozenset({an_ingress_rule()}),
    }
    return SecurityGroup(**(given | values))


def a_health_check(**values: Any) -> HealthCheck:
    """HTTP on the traffic port."""
    given = {
        "protocol": "HTTP",
        "port": "traffic-port",
        "path": "/",
        "interval_seconds": 15,
        "timeout_seconds": 5,
        "healthy_threshold": 2,
        "unhealthy_threshold": 2,
        "http_codes": "200",
    }
    return HealthCheck(**(given | values))


def a_target_group(id: str = "shop/web-svc:80", **values: Any) -> TargetGroup:
    """HTTP to pods' addresses on port 8080; the name follows what AWS cannot change, as generated names do."""
    given = {
        "id": id,
        "target_type": "ip",
        "port": 8080,
        "protocol": "HTTP",
        "protocol_version": "HTTP1",
        "ip_address_type": "ipv4",
        "vpc_id": "vpc-1",
        "health_check": a_health_check(),
        "tags": tags(id),
        "attributes": {},
    } | values
    kind = "-".join(str(given[k]) for k in ("target_type", "protocol", "protocol_version"))
    return TargetGroup(**({"name": f"k8s-{id.replace('/', '-').replace(':', '-')}-{kind}".lower()} | given))


def a_load_balancer(id: str = "LoadBalancer", **values: Any) -> LoadBalancer:
    """An internet-facing ALB in two subnets, with the managed and the shared security group."""
    given = {
        "id": id,
        "type": "application",
        "scheme": "internet-facing",
        "ip_address_type": "ipv4",
        "subnets": (SubnetMapping(subnet_id="subnet-a"), SubnetMapping(subnet_id="subnet-b")),
        "security_groups": (Ref("SecurityGroup", "ManagedLBSecurityGroup"), BACKEND_SECURITY_GROUP),
        "tags": tags(id),
        "attributes": {},
    } | values
    return LoadBalancer(**({"name": f"k8s-shop-web-{given['scheme']}-{given['type']}"} | given))


def a_frontend_nlb(**values: Any) -> LoadBalancer:
    """An internal NLB in front of the stack's usual ALB."""
    given = {
        "type": "network",
        "scheme": "internal",
        "name": "k8s-shop-web-nlb",
        "other_name": f"k8s-shop-web-{values.get('scheme', 'internal')}-nlb",
    }
    return a_load_balancer("FrontendNlb", **(given | values))


def a_frontend_target_group(port: int = 80, *, to: int | None = None, **values: Any) -> TargetGroup:
    """That of one port of the NLB in front; its target is the ALB's listener on the same port, or on `to`."""
    given = {
        "target_type": "alb",
        "port": port,
        "protocol": "TCP",
        "protocol_version": None,
        "target": LoadBalancerTarget(
            load_balancer=Ref("LoadBalancer", "LoadBalancer"), port=port if to is None else to
        ),
    }
    return a_target_group(f"FrontendNlb-tg-TCP-{port}", **(given | values))


def a_frontend_listener(port: int = 80, **values: Any) -> Listener:
    """A TCP listener of the NLB in front."""
    given = {
        "id": f"FrontendNlb-ls-TCP-{port}",
        "protocol": "TCP",
        "default_actions": (forward(Ref("TargetGroup", f"FrontendNlb-tg-TCP-{port}")),),
        "tags": tags(f"FrontendNlb-ls-TCP-{port}"),
    }
    return a_listener(port, "FrontendNlb", **(given | values))


def forward(*targets: Value, **values: Any) -> Forward:
    """An action that forwards to target groups without weights."""
    return Forward(target_groups=tuple(WeightedTargetGroup(target) for target in targets), **values)


def not_found() -> FixedResponse:
    """The default action of an ALB listener."""
    return FixedResponse(status_code="404", content_type="text/plain")


def a_listener(port: int = 80, load_balancer: str = "LoadBalancer", **values: Any) -> Listener:
    """An HTTP listener that answers 404."""
    given = {
        "id": str(port),
        "load_balancer": Ref("LoadBalancer", load_balancer),
        "port": port,
        "protocol": "HTTP",
        "default_actions": (not_found(),),
        "tags": tags(str(port)),
        "attributes": {},
    }
    return Listener(**(given | values))


def a_tls_listener(port: int = 443, **values: Any) -> Listener:
    """An HTTPS listener with one certificate."""
    given = {"protocol": "HTTPS", "certificates": ("cert-a",), "ssl_policy": "ELBSecurityPolicy-2016-08"}
    return a_listener(port, **(given | values))


def path(*values: str) -> Condition:
    """A condition on the path."""
    return Condition(field="path-pattern", values=values)


def a_rule(priority: int = 1, port: int = 80, **values: Any) -> Rule:
    """A rule for one path, which forwards to the stack's usual target group."""
    given = {
        "id": f"{port}:{priority}",
        "listener": Ref("Listener", str(port)),
        "priority": priority,
        "conditions": (path("/"),),
        "actions": (forward(Ref("TargetGroup", "shop/web-svc:80")),),
        "tags": tags(f"{port}:{priority}"),
    }
    return Rule(**(given | values))


def a_binding(target_group: str = "shop/web-svc:80", **values: Any) -> Binding:
    """The binding of the stack's usual target group, open to the shared backend group."""
    given = {
        "namespace": "shop",
        "name": a_target_group(target_group).name,
        "labels": STACK_ID.labels,
        "target_group": Ref("TargetGroup", target_group),
        "target_group_protocol": "HTTP",
        "target_type": "ip",
        "ip_address_type": "ipv4",
        "vpc_id": "vpc-1",
        "service_name": "web-svc",
        "service_port": 80,
        "networking": (
            NetworkingRule(
                peers=(NetworkingPeer(security_group=BACKEND_SECURITY_GROUP),),
                ports=(NetworkingPort(protocol="TCP", port=8080),),
            ),
        ),
    }
    return Binding(**(given | values))


def a_stack(**values: Any) -> Stack:
    """One Ingress with one path: every noun once."""
    given = {
        "id": STACK_ID,
        "security_groups": (a_security_group(),),
        "target_groups": (a_target_group(),),
        "load_balancers": (a_load_balancer(),),
        "listeners": (a_listener(),),
        "rules": (a_rule(),),
        "bindings": (a_binding(),),
    }
    return Stack(**(given | values))
