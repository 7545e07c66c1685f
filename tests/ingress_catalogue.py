"""Ingresses as people run them: together they use every annotation of the contract, but for `BEYOND_MOTO`.

Each recipe is one Ingress, named as the recipe, in the namespace `NAMESPACE`; behind it stand the Services ``web``
(ports http and admin) and ``next`` with two pods each. What is in ``${…}`` differs from world to world: `certificate`
and `web_acl` are ARNs. Subnets and security groups go by their Name tags, as in the local world, where `OWN_GROUP` and
the web ACL `WEB_ACL` must be made beforehand.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import yaml

Obj = dict[str, Any]

NAMESPACE = "shop"
PREFIX = "alb.ingress.kubernetes.io"
OWN_GROUP = "demo-edge"
WEB_ACL = "demo-acl"

_TEXT = """
without-annotations: {}

# one load balancer for two teams
shared:
  annotations:
    group.name: shop
    group.order: "10"
    scheme: internet-facing
    target-type: ip

named-and-placed:
  annotations:
    load-balancer-name: shop-edge
    scheme: internet-facing
    ip-address-type: dualstack
    subnets: public-a, public-b
    load-balancer-attributes: idle_timeout.timeout_seconds=120, routing.http2.enabled=false
    tags: team=shop, stage=live

reserved-capacity:
  annotations:
    minimum-load-balancer-capacity: CapacityUnits=3000

https:
  annotations:
    listen-ports: '[{"HTTP": 80}, {"HTTPS": 443}]'
    certificate-arn: ${certificate}, ${other_certificate}
    ssl-policy: ELBSecurityPolicy-TLS13-1-2-2021-06
    ssl-redirect: "443"
    listener-attributes.HTTPS-443: routing.http.response.server.enabled=false

# the certificate is found by the host
found-certificate:
  annotations:
    listen-ports: '[{"HTTPS": 443}]'
  spec:
    tls: [{hosts: [shop.example.com]}]

clients-with-certificates:
  annotations:
    certificate-arn: ${certificate}
    mutual-authentication: '[{"port": 443, "mode": "passthrough"}]'

# a tenth of the clients stay with the next version
weighted:
  annotations:
    target-type: ip
    actions.split: |
      {"type": "forward", "forwardConfig": {"targetGroups": [
        {"serviceName": "web", "servicePort": "http", "weight": 90},
        {"serviceName": "next", "servicePort": 80, "weight": 10}],
       "targetGroupStickinessConfig": {"enabled": true, "durationSeconds": 60}}}
    conditions.split: |
      [{"field": "http-header", "httpHeaderConfig": {"httpHeaderName": "X-Beta", "values": ["yes", "please"]}},
       {"field": "source-ip", "sourceIpConfig": {"values": ["10.0.0.0/8"]}}]
  paths:
    - {path: /, backend: split}

answers-and-redirects:
  annotations:
    actions.gone: |
      {"type": "fixed-response",
       "fixedResponseConfig": {"contentType": "text/plain", "statusCode": "410", "messageBody": "gone"}}
    actions.away: '{"type": "redirect", "redirectConfig": {"host": "example.com", "statusCode": "HTTP_301"}}'
  paths:
    - {path: /old, backend: gone}
    - {path: /away, backend: away}

rewritten:
  annotations:
    use-regex-path-match: "true"
    transforms.web: |
      [{"type": "url-rewrite", "urlRewriteConfig": {"rewrites": [{"regex": "^/api/(.*)$", "replace": "/$1"}]}}]
  paths:
    - {path: "/^/api/.*$", pathType: ImplementationSpecific, backend: web}

encrypted-to-the-pods:
  annotations:
    target-type: ip
    backend-protocol: HTTPS
    backend-protocol-version: GRPC
    listen-ports: '[{"HTTPS": 443}]'
    certificate-arn: ${certificate}
    target-group-attributes: deregistration_delay.timeout_seconds=30, slow_start.duration_seconds=60

health-checks:
  annotations:
    healthcheck-protocol: HTTPS
    healthcheck-port: "8443"
    healthcheck-path: /ready
    success-codes: 200-299
    healthcheck-interval-seconds: "20"
    healthcheck-timeout-seconds: "4"
    healthy-threshold-count: "3"
    unhealthy-threshold-count: "4"

some-nodes-only:
  annotations:
    target-type: instance
    target-node-labels: topology.kubernetes.io/zone=us-west-2a

shared-by-clusters:
  annotations:
    target-type: ip
    multi-cluster-target-group: "true"

some-clients-only:
  annotations:
    inbound-cidrs: 10.0.0.0/8, 172.16.0.0/12
    security-group-prefix-lists: pl-0123456789abcdef0

own-groups:
  annotations:
    security-groups: demo-edge
    manage-backend-security-group-rules: "true"
    target-type: ip

cognito:
  annotations:
    listen-ports: '[{"HTTPS": 443}]'
    certificate-arn: ${certificate}
    auth-type: cognito
    auth-idp-cognito: '{"userPoolARN": "arn:pool", "userPoolClientID": "shop", "userPoolDomain": "shop"}'
    auth-on-unauthenticated-request: allow
    auth-scope: openid email
    auth-session-cookie: shop
    auth-session-timeout: "3600"

oidc:
  annotations:
    listen-ports: '[{"HTTPS": 443}]'
    certificate-arn: ${certificate}
    auth-type: oidc
    auth-idp-oidc: |
      {"issuer": "https://id.example.com", "authorizationEndpoint": "https://id.example.com/auth",
       "tokenEndpoint": "https://id.example.com/token", "userInfoEndpoint": "https://id.example.com/me",
       "secretName": "oidc"}

tokens:
  annotations:
    listen-ports: '[{"HTTPS": 443}]'
    certificate-arn: ${certificate}
    jwt-validation: '{"jwksEndpoint": "https://id.example.com/jwks", "issuer": "https://id.example.com"}'

firewall:
  annotations:
    wafv2-acl-arn: ${web_acl}
    shield-advanced-protection: "true"

firewall-by-name:
  annotations:
    wafv2-acl-name: demo-acl

# static addresses in front
frontend:
  annotations:
    enable-frontend-nlb: "true"
    frontend-nlb-scheme: internet-facing
    frontend-nlb-subnets: public-a, public-b
    frontend-nlb-eip-allocations: eipalloc-0a1, eipalloc-0b2
    frontend-nlb-security-groups: demo-edge
    frontend-nlb-tags: team=front
    frontend-nlb-attributes: load_balancing.cross_zone.enabled=true
    frontend-nlb-listener-port-mapping: 8080=80
    frontend-nlb-healthcheck-protocol: HTTP
    frontend-nlb-healthcheck-port: "80"
    frontend-nlb-healthcheck-path: /ready
    frontend-nlb-healthcheck-success-codes: 200-499
    frontend-nlb-healthcheck-interval-seconds: "20"
    frontend-nlb-healthcheck-timeout-seconds: "5"
    frontend-nlb-healthcheck-healthy-threshold-count: "3"
    frontend-nlb-healthcheck-unhealthy-threshold-count: "3"

# what this controller does not do yet, and says so
later:
  annotations:
    create-acm-cert: "true"
    acm-pca-arn: arn:aws:acm-pca:us-west-2:123456789012:certificate-authority/1
    dry-run-plan: "true"
  ignored: [create-acm-cert, acm-pca-arn, dry-run-plan]
"""

BEYOND_MOTO: Mapping[str, str] = {
    "customer-owned-ipv4-pool": "coip-1",
    "ipam-ipv4-pool-id": "ipam-pool-1",
    "target-control-port.web.80": "3000",
    "waf-acl-id": "acl-1",
    "web-acl-id": "acl-1",
}
"""Annotations that no recipe has, as moto lacks what they name or forgets it, each with a value."""

_RECIPES: dict[str, Obj] = yaml.safe_load(_TEXT)
RECIPES = tuple(_RECIPES)
"""Their names."""


def manifests(recipe: str, values: Mapping[str, str]) -> list[Obj]:
    """What stands behind the recipe's Ingress, and that itself at the end. values: for what is in ``${…}``."""
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"namespace": NAMESPACE, "name": "oidc"},
        "data": {"clientID": "c2hvcA==", "clientSecret": "aHVzaA=="},
    }
    behind = [made for name in ("web", "next") for made in (_a_service(name), _pods(name))]
    return [secret, *behind, ingress(recipe, values)]


def ingress(recipe: str, values: Mapping[str, str]) -> Obj:
    """The recipe's Ingress alone."""
    told = _RECIPES[recipe]
    annotations = {f"{PREFIX}/{key}": _filled(text, values) for key, text in told.get("annotations", {}).items()}
    paths = [_a_path(**path) for path in told.get("paths", [{"path": "/", "backend": "web"}])]
    spec = {"ingressClassName": "alb", "rules": [{"host": "shop.example.com", "http": {"paths": paths}}]}
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": {"namespace": NAMESPACE, "name": recipe, "annotations": annotations},
        "spec": {**spec, **copy.deepcopy(told.get("spec", {}))},
    }


def ignored(recipe: str) -> set[str]:
    """The recipe's annotations that are passed over with a Warning."""
    return set(_RECIPES[recipe].get("ignored", ()))


def annotations_in_use() -> set[str]:
    """Every annotation that a recipe has, without the prefix and without the key that some have at the end."""
    written = {key for told in _RECIPES.values() for key in told.get("annotations", {})}
    return written | {key.partition(".")[0] for key in written if not key.startswith("group.")}


def _a_path(path: str, backend: str, pathType: str = "Prefix") -> Obj:  # noqa: N803 - the API's own spelling
    """backend: the Service web (port http), or else an action."""
    port = "http" if backend == "web" else "use-annotation"
    return {"path": path, "pathType": pathType, "backend": {"service": {"name": backend, "port": {"name": port}}}}


def _filled(text: str, values: Mapping[str, str]) -> str:
    for name, value in values.items():
        text = text.replace(f"${{{name}}}", value)
    return text


def _a_service(name: str) -> Obj:
    ports = [{"name": "http", "port": 80, "targetPort": 8080}, {"name": "admin", "port": 81, "targetPort": 8081}]
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"namespace": NAMESPACE, "name": name},
        "spec": {"type": "NodePort", "selector": {"app": name}, "ports": ports},
    }


def _pods(name: str) -> Obj:
    template = {
        "metadata": {"labels": {"app": name}},
        "spec": {"containers": [{"name": "app", "image": "example.com/app", "ports": [{"containerPort": 8080}]}]},
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"namespace": NAMESPACE, "name": name},
        "spec": {"replicas": 2, "selector": {"matchLabels": {"app": name}}, "template": template},
    }
