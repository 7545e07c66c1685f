"""What is told as passed over of an Ingress, or of a Service behind it, makes no difference to what is built."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import assume, event, given
from hypothesis import strategies as st

from aws_lb_controller.build.config import BuildConfig
from aws_lb_controller.build.stack import build
from aws_lb_controller.errors import Problem, SpecError, UnmetNeed
from aws_lb_controller.intent.ingress_member import MemberInput
from aws_lb_controller.model.stack import Stack
from aws_lb_controller.settings import Settings
from builders_ingress import FIXED, a_backend, a_member, a_path, a_rule, an_action_path, an_ingress, read
from builders_intent import facts
from builders_kube import a_service

PREFIX = "alb.ingress.kubernetes.io"
ARN = "arn:aws:acm:us-west-2:111122223333:certificate/1"
COGNITO = json.dumps({"userPoolARN": "arn:pool", "userPoolClientID": "client", "userPoolDomain": "shop"})
REDIRECT = '{"type": "redirect", "redirectConfig": {"protocol": "HTTPS", "port": "443", "statusCode": "HTTP_301"}}'
METHOD = '[{"field": "http-request-method", "httpRequestMethodConfig": {"values": ["GET"]}}]'
REWRITE = '[{"type": "url-rewrite", "urlRewriteConfig": {"rewrites": [{"regex": "^/a", "replace": "/"}]}}]'
JWT = json.dumps({"jwksEndpoint": "https://example.com/jwks", "issuer": "https://example.com"})

ABOUT_TARGETS: dict[str, tuple[str, ...]] = {
    "target-type": ("ip", "instance"),
    "backend-protocol": ("HTTP", "HTTPS"),
    "backend-protocol-version": ("HTTP1", "GRPC"),
    "target-group-attributes": ("a=1", "a=2"),
    "target-node-labels": ("role=edge",),
    "target-control-port.web.80": ("3000",),
    "target-control-port.web.81": ("3000",),
    "multi-cluster-target-group": ("true", "false"),
    "healthcheck-path": ("/a", "/b"),
    "success-codes": ("204",),
    "tags": ("team=shop", "owner=me,team=shop", "elbv2.k8s.aws/cluster=x", "stage=test"),
    "auth-type": ("cognito", "none"),
    "auth-idp-cognito": (COGNITO,),
    "auth-scope": ("email",),
}
VALUES: dict[str, tuple[str, ...]] = ABOUT_TARGETS | {
    "group.order": ("5",),
    "load-balancer-name": ("shop",),
    "scheme": ("internal", "internet-facing"),
    "ip-address-type": ("ipv4", "dualstack"),
    "security-groups": ("sg-1",),
    "manage-backend-security-group-rules": ("true", "false"),
    "inbound-cidrs": ("10.0.0.0/8", "2001:db8::/32", "10.0.0.0/8,2001:db8::/32"),
    "security-group-prefix-lists": ("pl-1",),
    "load-balancer-attributes": ("k=1", "k=2"),
    "minimum-load-balancer-capacity": ("CapacityUnits=1000",),
    "ipam-ipv4-pool-id": ("pool-1",),
    "listen-ports": ('[{"HTTP": 80}]', '[{"HTTP": 80}, {"HTTPS": 443}]', '[{"HTTP": 443}, {"HTTPS": 443}]'),
    "ssl-redirect": ("443",),
    "certificate-arn": (ARN,),
    "ssl-policy": ("policy",),
    "mutual-authentication": ('[{"port": 443, "mode": "passthrough"}]',),
    "listener-attributes.HTTP-80": ("k=1",),
    "listener-attributes.HTTPS-443": ("k=1",),
    "listener-attributes": ("k=1",),
    "actions.hi": (FIXED, REDIRECT),
    "actions.web": (FIXED,),
    "conditions.web": (METHOD,),
    "conditions.hi": (METHOD,),
    "transforms.nobody": (REWRITE,),
    "use-regex-path-match": ("true", "false"),
    "jwt-validation": (JWT,),
    "wafv2-acl-arn": ("arn:aws:wafv2:x", "none"),
    "wafv2-acl-name": ("none",),
    "waf-acl-id": ("a", "none"),
    "web-acl-id": ("b",),
    "frontend-nlb-scheme": ("internal",),
    "frontend-nlb-healthcheck-path": ("/ready",),
    "schema": ("internal",),
}
CLASS_FIELDS: dict[str, Any] = {
    "scheme": "internal",
    "targetType": "ip",
    "inboundCIDRs": ["10.1.0.0/16"],
    "certificateArn": [f"{ARN}0"],
    "sslPolicy": "class-policy",
    "sslRedirectPort": "443",
    "ipAddressType": "dualstack",
    "loadBalancerName": "platform",
    "tags": [{"key": "owner", "value": "platform"}],
    "loadBalancerAttributes": [{"key": "k", "value": "3"}],
    "minimumLoadBalancerCapacity": {"capacityUnits": 500},
    "ipamConfiguration": {"ipv4IPAMPoolId": "pool-2"},
    "prefixListsIDs": ["pl-2"],
}
GATES = ("LBCapacityReservation=false", "EnableDefaultTagsLowPriority=true")
FLAGS = ("--enable-wafv2=false", "--enable-waf=false", "--default-tags=stage=live")
PATHS = (
    a_path("/"),
    a_path("/a", kind="ImplementationSpecific"),
    a_path("/b", service="other"),
    an_action_path("/c"),
    an_action_path("/*", kind="ImplementationSpecific"),
)
World = tuple[list[MemberInput], list[dict[str, Any]], Settings]


def some_annotations(draw: st.DrawFn, values: dict[str, tuple[str, ...]], most: int) -> dict[str, str]:
    suffixes = draw(st.sets(st.sampled_from(sorted(values)), max_size=most))
    return {suffix: draw(st.sampled_from(values[suffix])) for suffix in sorted(suffixes)}


@st.composite
def worlds(draw: st.DrawFn) -> World:
    """One or two Ingresses with their class, two Services, and settings."""
    spec = {field: CLASS_FIELDS[field] for field in draw(st.sets(st.sampled_from(sorted(CLASS_FIELDS)), max_size=2))}
    members = []
    together = {"group.name": "g"} if draw(st.booleans()) else {}
    for name in ("web", "next")[: 1 + bool(together)]:
        alb = {"actions.hi": FIXED, **together, **some_annotations(draw, VALUES, 6)}
        paths = draw(st.lists(st.sampled_from(PATHS), max_size=3, unique_by=str))
        default = {"defaultBackend": a_backend()} if name == "web" and draw(st.booleans()) else {}
        rules = [a_rule(*paths)] if paths else []
        members.append(a_member(an_ingress(name, alb=alb, rules=rules, **default), **spec))
    services = [
        a_service(name, annotations={f"{PREFIX}/{k}": v for k, v in some_annotations(draw, ABOUT_TARGETS, 2).items()})
        for name in ("web", "other")
    ]
    gates = ",".join(sorted(draw(st.sets(st.sampled_from(GATES)))))
    flags = sorted(draw(st.sets(st.sampled_from(FLAGS))))
    return members, services, Settings.from_args(["--cluster-name=demo", f"--feature-gates={gates}", *flags])


def outcome(world: World) -> tuple[Stack, tuple[Problem, ...]]:
    """What is built of a group that AWS knows nothing of yet, and what is told. What cannot be built is no matter."""
    members, services, settings = world
    try:
        intent, told = read(*members, services=services, settings=settings)
        config = BuildConfig.of(settings, "vpc-1")
        known = facts(intent, config, security_groups={"sg-1": ("sg-1",)})
        return build(intent, known, config), told
    except (SpecError, UnmetNeed):
        assume(False)
        raise


def without(world: World, problem: Problem) -> World:
    members, services, settings = world
    changed = [MemberInput(ingress=_without(m.ingress, "Ingress", problem), classified=m.classified) for m in members]
    return changed, [_without(s, "Service", problem) for s in services], settings


def _without(obj: Any, kind: str, problem: Problem) -> dict[str, Any]:
    meta = obj["metadata"]
    if problem.object != f"{kind} {meta['namespace']}/{meta['name']}":
        return dict(obj)
    kept = {k: v for k, v in meta["annotations"].items() if k != problem.field}
    return obj | {"metadata": meta | {"annotations": kept}}


def is_whole(world: World, problem: Problem) -> bool:
    """Whether the whole annotation is told, and not just a part of its value."""
    members, services, _ = world
    values = {
        f"{kind} {o['metadata']['namespace']}/{o['metadata']['name']}": o["metadata"]["annotations"]
        for kind, objs in (("Ingress", [m.ingress for m in members]), ("Service", services))
        for o in objs
    }
    written = values.get(problem.object, {}).get(problem.field)
    elsewhere = "has no effect on HTTP port" in problem.remedy
    keyed = not elsewhere and problem.field.startswith(
        (f"{PREFIX}/actions.", f"{PREFIX}/conditions.", f"{PREFIX}/transforms.")
    )
    idle = "has no effect" in problem.remedy or "no such annotation" in problem.remedy
    return idle and written is not None and (problem.value == written or (keyed and problem.value == ""))


@given(worlds())
def test_what_is_told_as_passed_over_makes_no_difference(world: World) -> None:
    stack, told = outcome(world)
    for problem in told:
        if is_whole(world, problem):
            event(problem.field)
            assert stack == outcome(without(world, problem))[0], problem
