"""Services as people run them: together they use every annotation of the contract.

Each recipe is one Service, named as the recipe, in the namespace `NAMESPACE`; behind it stand two pods. What is in
``${…}`` differs from world to world: `certificate` is an ARN. Subnets and security groups go by their Name tags, as in
the local world, where `OWN_GROUP` must be made beforehand.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import yaml

from aws_lb_controller.cluster.quic import CONTAINERS_ANNOTATION

Obj = dict[str, Any]

NAMESPACE = "shop"
PREFIX = "service.beta.kubernetes.io/aws-load-balancer"
OWN_GROUP = "demo-edge"
CLASS = "service.k8s.aws/nlb"

_TEXT = """
# ingress-nginx that learns the clients' addresses by proxy protocol
nginx-proxy-protocol:
  annotations:
    aws-load-balancer-type: external
    aws-load-balancer-nlb-target-type: ip
    aws-load-balancer-scheme: internet-facing
    aws-load-balancer-proxy-protocol: "*"
    aws-load-balancer-target-group-attributes: deregistration_delay.timeout_seconds=30, preserve_client_ip.enabled=false
  spec:
    ports:
      - {name: http, port: 80, targetPort: 80, appProtocol: http}
      - {name: https, port: 443, targetPort: 443, appProtocol: https}

# ingress-nginx with TLS ended at the load balancer
nginx-tls:
  annotations:
    aws-load-balancer-nlb-target-type: ip
    aws-load-balancer-scheme: internet-facing
    aws-load-balancer-ssl-cert: ${certificate}
    aws-load-balancer-ssl-ports: https
    aws-load-balancer-ssl-negotiation-policy: ELBSecurityPolicy-TLS13-1-2-2021-06
    aws-load-balancer-backend-protocol: tcp
  spec:
    ports:
      - {name: http, port: 80, targetPort: 2443}
      - {name: https, port: 443, targetPort: 80}

# ingress-nginx on nodes, each of which serves its own pods only
nginx-local:
  annotations:
    aws-load-balancer-type: external
    aws-load-balancer-nlb-target-type: instance
    aws-load-balancer-scheme: internet-facing
    aws-load-balancer-cross-zone-load-balancing-enabled: "true"
  spec:
    externalTrafficPolicy: Local
    healthCheckNodePort: 31999
    ports:
      - {name: http, port: 80, targetPort: 80}
      - {name: https, port: 443, targetPort: 443}

# TLS to the pods too, with HTTP/2
tls-to-the-pods:
  annotations:
    aws-load-balancer-nlb-target-type: ip
    aws-load-balancer-ssl-cert: ${certificate}, ${other_certificate}
    aws-load-balancer-backend-protocol: ssl
    aws-load-balancer-alpn-policy: HTTP2Preferred
  spec:
    ports: [{port: 443, targetPort: 8443}]

elastic-addresses:
  annotations:
    aws-load-balancer-name: shop-edge
    aws-load-balancer-nlb-target-type: ip
    aws-load-balancer-scheme: internet-facing
    aws-load-balancer-subnets: public-a, public-b
    aws-load-balancer-eip-allocations: eipalloc-0a1, eipalloc-0b2

private-addresses:
  annotations:
    aws-load-balancer-internal: "true"
    aws-load-balancer-nlb-target-type: ip
    aws-load-balancer-subnets: private-a, private-b
    aws-load-balancer-private-ipv4-addresses: 192.168.112.99, 192.168.96.99

# IPv6 in front, for UDP with source NAT
dual-stack:
  annotations:
    aws-load-balancer-nlb-target-type: ip
    aws-load-balancer-scheme: internet-facing
    aws-load-balancer-ip-address-type: dualstack
    aws-load-balancer-subnets: public-a, public-b
    aws-load-balancer-ipv6-addresses: "2001:db8:0:1::9, 2001:db8::9"
    aws-load-balancer-enable-prefix-for-ipv6-source-nat: "on"
    aws-load-balancer-source-nat-ipv6-prefixes: auto_assigned, auto_assigned
  spec:
    ports: [{port: 53, targetPort: 8053, protocol: UDP}]

# an endpoint service: who comes through PrivateLink has been let in there already
private-link:
  annotations:
    aws-load-balancer-nlb-target-type: ip
    aws-load-balancer-scheme: internal
    aws-load-balancer-inbound-sg-rules-on-private-link-traffic: "off"
    aws-load-balancer-additional-resource-tags: team=shop, stage=live

own-groups:
  annotations:
    aws-load-balancer-nlb-target-type: ip
    aws-load-balancer-security-groups: demo-edge
    aws-load-balancer-manage-backend-security-group-rules: "true"

no-group:
  annotations:
    aws-load-balancer-nlb-target-type: instance
    aws-load-balancer-disable-nlb-sg: "true"

prefix-lists:
  annotations:
    aws-load-balancer-nlb-target-type: ip
    aws-load-balancer-security-group-prefix-lists: pl-0123456789abcdef0
    aws-load-balancer-enable-icmp-for-path-mtu-discovery: "on"
    load-balancer-source-ranges: 10.0.0.0/8, 172.16.0.0/12

source-ranges-in-the-spec:
  annotations:
    aws-load-balancer-nlb-target-type: ip
  spec:
    loadBalancerSourceRanges: [198.51.100.0/24]
    ports: [{port: 80, targetPort: 8080}]

reserved-capacity:
  annotations:
    aws-load-balancer-nlb-target-type: ip
    aws-load-balancer-minimum-load-balancer-capacity: CapacityUnits=3000

# a tenth of the clients go to the next version
weighted:
  annotations:
    aws-load-balancer-nlb-target-type: ip
    actions.TCP-80: |
      {"type": "forward", "forwardConfig": {"baseServiceWeight": 90,
       "targetGroups": [{"serviceName": "next", "servicePort": 80, "weight": 10}]}}

quic:
  annotations:
    aws-load-balancer-nlb-target-type: ip
    aws-load-balancer-quic-enabled-ports: "443"
    aws-load-balancer-disable-nlb-sg: "true"
  spec:
    ports: [{name: h3, port: 443, targetPort: 8443, protocol: UDP}]

dns:
  annotations:
    aws-load-balancer-nlb-target-type: ip
    aws-load-balancer-enable-tcp-udp-listener: "true"
  spec:
    ports:
      - {name: dns, port: 53, targetPort: 8053, protocol: UDP}
      - {name: dns-tcp, port: 53, targetPort: 8053, protocol: TCP}

shared-by-clusters:
  annotations:
    aws-load-balancer-nlb-target-type: ip
    aws-load-balancer-multi-cluster-target-group: "true"

some-nodes-only:
  annotations:
    aws-load-balancer-nlb-target-type: instance
    aws-load-balancer-target-node-labels: topology.kubernetes.io/zone=us-west-2a

# the annotations of the controller before this one
access-logs:
  annotations:
    aws-load-balancer-nlb-target-type: ip
    aws-load-balancer-access-log-enabled: "true"
    aws-load-balancer-access-log-s3-bucket-name: shop-logs
    aws-load-balancer-access-log-s3-bucket-prefix: edge

attributes:
  annotations:
    aws-load-balancer-nlb-target-type: ip
    aws-load-balancer-attributes: load_balancing.cross_zone.enabled=true
    aws-load-balancer-listener-attributes.TCP-80: tcp.idle_timeout.seconds=400
    aws-load-balancer-target-group-attributes: stickiness.enabled=true, stickiness.type=source_ip

health-checks:
  annotations:
    aws-load-balancer-nlb-target-type: ip
    aws-load-balancer-healthcheck-protocol: HTTP
    aws-load-balancer-healthcheck-port: "8081"
    aws-load-balancer-healthcheck-path: /ready
    aws-load-balancer-healthcheck-interval: "20"
    aws-load-balancer-healthcheck-timeout: "5"
    aws-load-balancer-healthcheck-healthy-threshold: "2"
    aws-load-balancer-healthcheck-unhealthy-threshold: "4"
    aws-load-balancer-healthcheck-success-codes: 200-299

# proxy protocol for the one port whose server speaks it
mail:
  annotations:
    aws-load-balancer-nlb-target-type: ip
    aws-load-balancer-proxy-protocol-per-target-group: "25"
  spec:
    ports:
      - {name: smtp, port: 25, targetPort: 2525}
      - {name: imap, port: 143, targetPort: 1143}

old-pod-targets:
  annotations:
    aws-load-balancer-type: nlb-ip
  spec:
    loadBalancerClass: null
    ports: [{port: 80, targetPort: 8080}]

old-node-targets:
  annotations:
    aws-load-balancer-type: external
    aws-load-balancer-nlb-target-type: instance
  spec:
    loadBalancerClass: null
    ports: [{port: 80, targetPort: 8080}]

without-annotations: {}
"""

_RECIPES: dict[str, Obj] = yaml.safe_load(_TEXT)
RECIPES = tuple(_RECIPES)
"""Their names."""


def manifests(recipe: str, values: Mapping[str, str]) -> list[Obj]:
    """The recipe's Service, the Deployment behind it, and what else it names. values: for what is in ``${…}``."""
    others = [_a_service("next", {}, {"type": "ClusterIP"}), _pods("next")] if recipe == "weighted" else []
    return [*others, _pods(recipe), service(recipe, values)]


def service(recipe: str, values: Mapping[str, str]) -> Obj:
    """The recipe's Service alone."""
    told = _RECIPES[recipe]
    annotations = {
        f"service.beta.kubernetes.io/{key}": _filled(text, values) for key, text in told.get("annotations", {}).items()
    }
    spec = {"type": "LoadBalancer", "loadBalancerClass": CLASS, **copy.deepcopy(told.get("spec", {}))}
    return _a_service(recipe, annotations, {key: value for key, value in spec.items() if value is not None})


def annotations_in_use() -> set[str]:
    """Every annotation that a recipe has, without the prefix and without the key that some have at the end."""
    written = {key for told in _RECIPES.values() for key in told.get("annotations", {})}
    return {key.partition(".")[0] for key in written}


def _filled(text: str, values: Mapping[str, str]) -> str:
    for name, value in values.items():
        text = text.replace(f"${{{name}}}", value)
    return text


def _a_service(name: str, annotations: Mapping[str, str], spec: Obj) -> Obj:
    wanted = {"selector": {"app": name}, "ports": [{"port": 80, "targetPort": 8080}], **spec}
    metadata = {"namespace": NAMESPACE, "name": name, "annotations": dict(annotations)}
    return {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": wanted}


def _pods(name: str) -> Obj:
    template = {
        # what asks for server ids of pods behind a QUIC listener; others do without
        "metadata": {"labels": {"app": name}, "annotations": {CONTAINERS_ANNOTATION: "app"} if name == "quic" else {}},
        "spec": {"containers": [{"name": "app", "image": "example.com/app", "ports": [{"containerPort": 8080}]}]},
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"namespace": NAMESPACE, "name": name},
        "spec": {"replicas": 2, "selector": {"matchLabels": {"app": name}}, "template": template},
    }
