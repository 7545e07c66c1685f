"""Valid intents and facts, to be bent by the test that needs one: name only what the test is about.

The VPC of the facts has a public and a private subnet in each of three zones, as a cluster's usually has.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aws_lb_controller.build.config import BuildConfig
from aws_lb_controller.build.facts import (
    Certificate,
    Certificates,
    Existing,
    Facts,
    PublicSubnets,
    Question,
    SecurityGroupIds,
    ShieldSubscription,
    Subnet,
    TargetGroupArns,
    TrustStoreArns,
    Unanswered,
    VpcCidrs,
    VpcNetworks,
    VpcSubnets,
    WebAclArns,
)
from aws_lb_controller.build.stack import questions
from aws_lb_controller.intent.values import (
    Blame,
    ForwardIntent,
    ForwardTo,
    ListenerIntent,
    LoadBalancerIntent,
    RuleIntent,
    ServiceFacts,
    ServicePort,
    StackIntent,
    TargetGroupIntent,
)
from aws_lb_controller.model.listener import Condition, FixedResponse
from aws_lb_controller.model.load_balancer import LoadBalancer, SubnetMapping
from aws_lb_controller.model.observed import ObservedStack, SeenLoadBalancer
from aws_lb_controller.model.stack import StackId

NLB_STACK = StackId("service", "shop/web")
ALB_STACK = StackId("ingress", "shop/web")
UID = "7a5f9a34-0000-4000-8000-000000000001"


def a_build_config(**values: Any) -> BuildConfig:
    """The settings of the cluster ``demo``, everything else as by default."""
    return BuildConfig(**({"cluster_name": "demo", "vpc_id": "vpc-1"} | values))


# -- intents


def a_service_port(port: int = 80, **values: Any) -> ServicePort:
    """TCP to the pods' port 8080 by node port 30080."""
    given: dict[str, Any] = {"name": "", "port": port, "target_port": 8080, "node_port": 30080, "protocol": "TCP"}
    return ServicePort(**(given | values))


def some_service_facts(**values: Any) -> ServiceFacts:
    """Service shop/web of type LoadBalancer."""
    given: dict[str, Any] = {
        "namespace": "shop",
        "name": "web",
        "uid": UID,
        "type": "LoadBalancer",
        "ports": (a_service_port(),),
        "ip_families": ("IPv4",),
        "external_traffic_policy": "Cluster",
        "health_check_node_port": None,
        "annotations": {},
    }
    return ServiceFacts(**(given | values))


def a_target_group_intent(port: ServicePort | None = None, **values: Any) -> TargetGroupIntent:
    """TCP to the pods of Service shop/web."""
    port = port or a_service_port()
    given: dict[str, Any] = {
        "id": f"shop/web:{port.port}",
        "owner": "",
        "service": some_service_facts(ports=(port,)),
        "service_port": port,
        "port_as_written": port.port,
        "target_type": "ip",
        "protocol": "TCP",
    }
    return TargetGroupIntent(**(given | values))


def an_http_target_group_intent(port: ServicePort | None = None, **values: Any) -> TargetGroupIntent:
    """HTTP to the pods of Service shop/web, for Ingress shop/web."""
    port = port or a_service_port()
    given = {
        "id": f"shop/web-web:{port.port}",
        "owner": "shop/web",
        "protocol": "HTTP",
        "protocol_version": "HTTP1",
    }
    return a_target_group_intent(port, **(given | values))


def a_load_balancer_intent(**values: Any) -> LoadBalancerIntent:
    """An internal NLB with everything left to the controller; subnets and groups are blamed on annotations."""
    given: dict[str, Any] = {
        "type": "network",
        "scheme": "internal",
        "blame": {
            name: Blame(object="Service shop/web", field=f"example.com/{name}")
            for name in ("subnets", "security-groups", "ip-address-type", "eip-allocations", "tags")
        },
    }
    return LoadBalancerIntent(**(given | values))


def a_forward(*target_groups: str) -> ForwardIntent:
    """A forward to target groups of the stack, by their ids."""
    return ForwardIntent(to=tuple(ForwardTo(target_group=tg) for tg in target_groups))


def a_listener_intent(port: int = 80, *, to: str = "shop/web:80", **values: Any) -> ListenerIntent:
    """A TCP listener that forwards to a target group of the stack."""
    given: dict[str, Any] = {"port": port, "protocol": "TCP", "default_actions": (a_forward(to),)}
    return ListenerIntent(**(given | values))


def a_rule_intent(path: str = "/*", *, to: str = "shop/web-web:80", **values: Any) -> RuleIntent:
    """A rule of Ingress shop/web for one path."""
    given: dict[str, Any] = {
        "owner": "shop/web",
        "conditions": (Condition(field="path-pattern", values=(path,)),),
        "actions": (a_forward(to),),
    }
    return RuleIntent(**(given | values))


def a_stack_intent(**values: Any) -> StackIntent:
    """Service shop/web as an internal NLB with one port."""
    given: dict[str, Any] = {
        "stack": NLB_STACK,
        "load_balancer": a_load_balancer_intent(),
        "target_groups": (a_target_group_intent(),),
        "listeners": (a_listener_intent(),),
    }
    return StackIntent(**(given | values))


def an_ingress_stack_intent(**values: Any) -> StackIntent:
    """Ingress shop/web as an internet-facing ALB with one HTTP listener, one rule and the default answer 404."""
    not_found = FixedResponse(status_code="404", content_type="text/plain")
    given: dict[str, Any] = {
        "stack": ALB_STACK,
        "load_balancer": an_alb_intent(),
        "target_groups": (an_http_target_group_intent(),),
        "listeners": (a_listener_intent(protocol="HTTP", default_actions=(not_found,), rules=(a_rule_intent(),)),),
    }
    return StackIntent(**(given | values))


def an_alb_intent(**values: Any) -> LoadBalancerIntent:
    """An internet-facing ALB with everything left to the controller."""
    return a_load_balancer_intent(**({"type": "application", "scheme": "internet-facing"} | values))


# -- facts


def a_subnet(name: str = "private-a", **values: Any) -> Subnet:
    """``public-a`` and the like have the role tag of their kind; the public ones have IPv6."""
    kind, _, letter = name.partition("-")
    number = "abc".index(letter) if letter in ("a", "b", "c") else 9
    role = "elb" if kind == "public" else "internal-elb"
    given: dict[str, Any] = {
        "id": f"subnet-{name}",
        "zone": f"us-west-2{letter}",
        "zone_type": "availability-zone",
        "cidr": f"192.168.{number * 16 + (0 if kind == 'public' else 96)}.0/20",
        "ipv6_cidrs": (f"2001:db8:0:{number}::/64",) if kind == "public" else (),
        "available_addresses": 4000,
        "tags": {"Name": name, f"kubernetes.io/role/{role}": "1", "kubernetes.io/cluster/demo": "shared"},
    }
    return Subnet(**(given | values))


PUBLIC = ("subnet-public-a", "subnet-public-b", "subnet-public-c")
PRIVATE = ("subnet-private-a", "subnet-private-b", "subnet-private-c")


def all_subnets() -> tuple[Subnet, ...]:
    """A public and a private one in each of three zones."""
    return tuple(a_subnet(f"{kind}-{zone}") for kind in ("private", "public") for zone in "abc")


def an_existing(**values: Any) -> ObservedStack:
    """AWS has a load balancer of the stack: an internal NLB in the private subnets, with security groups."""
    given: dict[str, Any] = {
        "id": "LoadBalancer",
        "name": "k8s-shop-web-0123456789",
        "type": "network",
        "scheme": "internal",
        "ip_address_type": "ipv4",
        "subnets": tuple(SubnetMapping(subnet_id=s) for s in PRIVATE),
        "security_groups": ("sg-managed", "sg-backend"),
        "tags": {},
        "attributes": {},
    }
    seen = SeenLoadBalancer(arn="arn:lb/1", resource=LoadBalancer(**(given | values)), dns_name="lb.example.com")
    return ObservedStack(load_balancers=(seen,))


def facts(
    intent: StackIntent,
    config: BuildConfig | None = None,
    *,
    subnets: tuple[Subnet, ...] | None = None,
    public: frozenset[str] = frozenset(PUBLIC),
    existing: ObservedStack | None = None,
    vpc: VpcCidrs | None = None,
    security_groups: Mapping[str, tuple[str, ...]] | None = None,
    certificates: tuple[Certificate, ...] = (),
    target_groups: Mapping[str, str] | None = None,
    trust_stores: Mapping[str, str] | None = None,
    web_acls: Mapping[str, str] | Unanswered | None = None,
    shield_subscription: bool | Unanswered = True,
) -> Facts:
    """The answers to just the questions that the builder asks for this intent."""
    answers: dict[type[Question[Any]], object] = {
        VpcSubnets: all_subnets() if subnets is None else subnets,
        PublicSubnets: public,
        Existing: existing or ObservedStack(),
        VpcNetworks: vpc or VpcCidrs(ipv4=("192.168.0.0/16",), ipv6=("2001:db8::/56",)),
        SecurityGroupIds: security_groups or {},
        Certificates: certificates,
        TargetGroupArns: target_groups or {},
        TrustStoreArns: trust_stores or {},
        WebAclArns: web_acls or {},
        ShieldSubscription: shield_subscription,
    }
    return Facts({question: answers[type(question)] for question in questions(intent, config or a_build_config())})
