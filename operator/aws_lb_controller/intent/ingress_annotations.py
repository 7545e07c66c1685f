"""The annotations of Ingresses and of the Services behind them (``alb.ingress.kubernetes.io/…``), in one table.

It serves reading, validation and the reference documentation. Which of them a Service may override is said in
`ingress_target_groups`, how members of a group agree on them in `merge`.
"""

from __future__ import annotations

import ipaddress
from typing import Any, Literal, cast

from aws_lb_controller.api.names import INGRESS_ANNOTATION_PREFIX as PREFIX
from aws_lb_controller.intent import actions, json_fields, rules
from aws_lb_controller.intent.annotations import Annotation
from aws_lb_controller.intent.readers import (
    Reader,
    Unreadable,
    integer_between,
    one_of,
    read_bool,
    read_int,
    read_json,
    read_list,
    read_load_balancer_name,
    read_map,
    read_text,
)
from aws_lb_controller.model.listener import MutualAuthentication
from aws_lb_controller.model.load_balancer import Scheme

__all__ = ["PREFIX", "TABLE"]

_PORTS = range(1, 65536)


def networks(text: str) -> tuple[str, ...]:
    """Networks with their prefix lengths, IPv4 and IPv6."""
    return tuple(network(item) for item in read_list(text))


def network(text: str) -> str:
    """One network, whose host bits may be set."""
    address, _, length = text.partition("/")
    try:
        ipaddress.ip_network(text, strict=False)
    except ValueError:
        length = ""
    if not length.isdecimal() or "%" in address:
        raise Unreadable("write networks such as 10.0.0.0/8 or 2001:db8::/32")
    return text


def _at_least_one(text: str) -> tuple[str, ...]:
    items = read_list(text)
    if not items:
        raise Unreadable("write at least one, or leave the annotation out")
    return items


def _not_empty(text: str) -> str:
    if not text:
        raise Unreadable("write an id, or leave the annotation out")
    return text


def _capacity_units(text: str) -> int:
    pairs = read_map(text)
    if set(pairs) != {"CapacityUnits"}:
        raise Unreadable("write CapacityUnits=NUMBER")
    return read_int(pairs["CapacityUnits"])


def _listen_ports(text: str) -> dict[int, str]:
    entries = json_fields.list_of(read_json(text), of="the ports")
    if not entries or not all(isinstance(e, dict) for e in entries):
        raise Unreadable('write an array such as [{"HTTP": 80}, {"HTTPS": 443}]')
    return {_port(entry, protocol): protocol for entry in entries for protocol in entry}


def _port(entry: dict[str, Any], protocol: str) -> int:
    if protocol not in ("HTTP", "HTTPS"):
        raise Unreadable(f"write HTTP or HTTPS for {protocol}")
    port = json_fields.integer(entry, protocol)
    if port is None or port not in _PORTS:
        raise Unreadable(f"write a port from 1 to 65535 for {protocol}")
    return port


_MUTUAL = ("port", "mode", "trustStore", "ignoreClientCertificateExpiry", "advertiseTrustStoreCaNames")


def _mutual_authentication(text: str) -> dict[int, MutualAuthentication]:
    entries = json_fields.list_of(read_json(text), of="the ports' settings")
    if not entries:
        raise Unreadable('write an array such as [{"port": 443, "mode": "passthrough"}]')
    return dict(_mutual_authentication_of(json_fields.object_of(e, _MUTUAL, of="a port's settings")) for e in entries)


def _mutual_authentication_of(entry: dict[str, Any]) -> tuple[int, MutualAuthentication]:
    port, mode = json_fields.integer(entry, "port"), json_fields.text(entry, "mode") or ""
    if port is None or port not in _PORTS:
        raise Unreadable("give each item a port from 1 to 65535")
    if mode not in ("off", "passthrough", "verify"):
        raise Unreadable(f"write the mode of port {port} as off, passthrough or verify")
    if mode == "verify":
        return port, _verify(entry, port)
    if others := sorted(set(entry) - {"port", "mode"}):
        raise Unreadable(f"leave {', '.join(others)} out for port {port}: the mode {mode} has no use for it")
    return port, MutualAuthentication(mode=mode)


def _verify(entry: dict[str, Any], port: int) -> MutualAuthentication:
    trust_store = json_fields.text(entry, "trustStore") or ""
    if not trust_store.startswith("arn:"):
        raise Unreadable(f"give port {port} a trustStore by its ARN: names are not looked up in this version")
    advertise = json_fields.text(entry, "advertiseTrustStoreCaNames")
    if advertise not in (None, "on", "off"):
        raise Unreadable(f"write advertiseTrustStoreCaNames of port {port} as on or off")
    return MutualAuthentication(
        mode="verify",
        trust_store_arn=trust_store,
        ignore_client_certificate_expiry=bool(json_fields.boolean(entry, "ignoreClientCertificateExpiry")),
        advertise_trust_store_ca_names=advertise,
    )


# -- the group

GROUP_NAME = Annotation(
    suffix="group.name", reader=read_text, example="shop", default="the Ingress alone has a load balancer"
)
GROUP_ORDER = Annotation(suffix="group.order", reader=integer_between(-1000, 1000), example="10", default="0")

# -- the load balancer

LOAD_BALANCER_NAME = Annotation(
    suffix="load-balancer-name", reader=read_load_balancer_name, example="shop", default="a generated name", aws="Name"
)
SCHEME: Annotation[Scheme] = Annotation(
    suffix="scheme",
    reader=cast("Reader[Scheme]", one_of("internal", "internet-facing")),
    example="internet-facing",
    default="the flag --default-load-balancer-scheme",
    aws="Scheme",
)
IP_ADDRESS_TYPE: Annotation[str] = Annotation(
    suffix="ip-address-type",
    reader=one_of("ipv4", "dualstack", "dualstack-without-public-ipv4"),
    example="dualstack",
    default="ipv4",
    aws="IpAddressType",
)
SUBNETS = Annotation(
    suffix="subnets",
    reader=_at_least_one,
    example="subnet-0a1b2c3d,public-b",
    default="found by tags",
    aws="SubnetMappings",
)
SECURITY_GROUPS = Annotation(
    suffix="security-groups",
    reader=read_list,
    example="sg-0a1b2c3d,frontend",
    default="one is made",
    aws="SecurityGroups",
    blank_is_absent=True,
)
MANAGE_BACKEND_RULES = Annotation(
    suffix="manage-backend-security-group-rules",
    reader=read_bool,
    example="true",
    default="the flag --enable-manage-backend-security-group-rules",
)
INBOUND_CIDRS = Annotation(
    suffix="inbound-cidrs",
    reader=networks,
    example="10.0.0.0/8,2001:db8::/32",
    default="0.0.0.0/0,::/0",
    aws="IpPermissions",
    blank_is_absent=True,
)
PREFIX_LISTS = Annotation(
    suffix="security-group-prefix-lists",
    reader=read_list,
    example="pl-0a1b2c3d",
    default="none",
    aws="PrefixListIds",
    blank_is_absent=True,
)
LOAD_BALANCER_ATTRIBUTES = Annotation(
    suffix="load-balancer-attributes",
    reader=read_map,
    example="idle_timeout.timeout_seconds=120",
    default="what AWS has",
    aws="ModifyLoadBalancerAttributes",
)
CAPACITY = Annotation(
    suffix="minimum-load-balancer-capacity",
    reader=_capacity_units,
    example="CapacityUnits=1000",
    default="none reserved",
    aws="MinimumLoadBalancerCapacity",
)
CUSTOMER_OWNED_POOL = Annotation(
    suffix="customer-owned-ipv4-pool",
    reader=_not_empty,
    example="ipv4pool-coip-0a1b2c3d",
    default="none",
    aws="CustomerOwnedIpv4Pool",
)
IPAM_POOL = Annotation(
    suffix="ipam-ipv4-pool-id",
    reader=read_text,
    example="ipam-pool-0a1b2c3d",
    default="none",
    aws="IpamPools",
    blank_is_absent=True,
)
TAGS = Annotation(
    suffix="tags", reader=read_map, example="team=shop,stage=test", default="the flag --default-tags", aws="Tags"
)

# -- listeners

LISTEN_PORTS = Annotation(
    suffix="listen-ports",
    reader=_listen_ports,
    example='[{"HTTP": 80}, {"HTTPS": 443}]',
    default="HTTPS 443 with certificate-arn, else HTTP 80",
    aws="Port, Protocol",
)
CERTIFICATE_ARN = Annotation(
    suffix="certificate-arn",
    reader=read_list,
    example="arn:aws:acm:eu-west-1:111122223333:certificate/0a1b2c3d",
    default="certificates found by host",
    aws="Certificates",
    blank_is_absent=True,
)
SSL_POLICY = Annotation(
    suffix="ssl-policy",
    reader=read_text,
    example="ELBSecurityPolicy-TLS13-1-2-2021-06",
    default="the flag --default-ssl-policy",
    aws="SslPolicy",
)
SSL_REDIRECT = Annotation(suffix="ssl-redirect", reader=read_int, example="443", default="none", aws="DefaultActions")
MUTUAL_AUTHENTICATION = Annotation(
    suffix="mutual-authentication",
    reader=_mutual_authentication,
    example='[{"port": 443, "mode": "passthrough"}]',
    default="what AWS has",
    aws="MutualAuthentication",
)
LISTENER_ATTRIBUTES = Annotation(
    suffix="listener-attributes",
    reader=read_map,
    keyed=True,
    example="routing.http.response.server.enabled=false",
    default="what AWS has",
    aws="ModifyListenerAttributes",
)

# -- rules

ACTIONS = Annotation(
    suffix="actions",
    reader=actions.read_action,
    keyed=True,
    example='{"type": "fixed-response", "fixedResponseConfig": {"statusCode": "503"}}',
    default="503",
    aws="Actions",
)
CONDITIONS = Annotation(
    suffix="conditions",
    reader=rules.read_conditions,
    keyed=True,
    example='[{"field": "http-request-method", "httpRequestMethodConfig": {"values": ["GET"]}}]',
    default="none besides host and path",
    aws="Conditions",
)
TRANSFORMS = Annotation(
    suffix="transforms",
    reader=rules.read_transforms,
    keyed=True,
    example='[{"type": "url-rewrite", "urlRewriteConfig": {"rewrites": [{"regex": "^/api/", "replace": "/"}]}}]',
    default="none",
    aws="Transforms",
)
USE_REGEX_PATH_MATCH = Annotation(
    suffix="use-regex-path-match", reader=read_bool, example="true", default="false", aws="RegexValues"
)

# -- target groups

TARGET_TYPE: Annotation[Literal["instance", "ip"]] = Annotation(
    suffix="target-type",
    reader=cast('Reader[Literal["instance", "ip"]]', one_of("instance", "ip")),
    example="ip",
    default="the flag --default-target-type",
    aws="TargetType",
)
BACKEND_PROTOCOL = Annotation(
    suffix="backend-protocol", reader=one_of("HTTP", "HTTPS"), example="HTTPS", default="HTTP", aws="Protocol"
)
BACKEND_PROTOCOL_VERSION = Annotation(
    suffix="backend-protocol-version",
    reader=one_of("HTTP1", "HTTP2", "GRPC"),
    example="GRPC",
    default="HTTP1",
    aws="ProtocolVersion",
)
TARGET_GROUP_ATTRIBUTES = Annotation(
    suffix="target-group-attributes",
    reader=read_map,
    example="deregistration_delay.timeout_seconds=30",
    default="what AWS has",
    aws="ModifyTargetGroupAttributes",
)
TARGET_NODE_LABELS = Annotation(
    suffix="target-node-labels", reader=read_map, example="role=edge", default="all nodes", aws="Targets"
)
TARGET_CONTROL_PORT = Annotation(
    suffix="target-control-port",
    reader=integer_between(1, 65535),
    keyed=True,
    example="3000",
    default="none",
    aws="TargetControlPort",
)
MULTI_CLUSTER = Annotation(
    suffix="multi-cluster-target-group", reader=read_bool, example="true", default="false", aws="Targets"
)
HEALTH_CHECK_PROTOCOL = Annotation(
    suffix="healthcheck-protocol",
    reader=one_of("HTTP", "HTTPS"),
    example="HTTPS",
    default="the target group's protocol",
    aws="HealthCheckProtocol",
)
HEALTH_CHECK_PORT = Annotation(
    suffix="healthcheck-port", reader=read_text, example="8080", default="traffic-port", aws="HealthCheckPort"
)
HEALTH_CHECK_PATH = Annotation(
    suffix="healthcheck-path",
    reader=read_text,
    example="/healthz",
    default="/, with GRPC /AWS.ALB/healthcheck",
    aws="HealthCheckPath",
)
HEALTH_CHECK_INTERVAL = Annotation(
    suffix="healthcheck-interval-seconds",
    reader=read_int,
    example="30",
    default="15",
    aws="HealthCheckIntervalSeconds",
)
HEALTH_CHECK_TIMEOUT = Annotation(
    suffix="healthcheck-timeout-seconds", reader=read_int, example="10", default="5", aws="HealthCheckTimeoutSeconds"
)
HEALTHY_THRESHOLD = Annotation(
    suffix="healthy-threshold-count", reader=read_int, example="3", default="2", aws="HealthyThresholdCount"
)
UNHEALTHY_THRESHOLD = Annotation(
    suffix="unhealthy-threshold-count", reader=read_int, example="3", default="2", aws="UnhealthyThresholdCount"
)
SUCCESS_CODES = Annotation(
    suffix="success-codes", reader=read_text, example="200-299", default="200, with GRPC 12", aws="Matcher"
)

# -- authentication

AUTH_TYPE = Annotation(
    suffix="auth-type", reader=read_text, example="none", default="none", aws="Actions", carried_out=False
)
JWT_VALIDATION = Annotation(suffix="jwt-validation", reader=read_text, default="none", aws="Actions", carried_out=False)

_NOT_YET = (
    "acm-pca-arn",
    "auth-idp-cognito",
    "auth-idp-oidc",
    "auth-on-unauthenticated-request",
    "auth-scope",
    "auth-session-cookie",
    "auth-session-timeout",
    "create-acm-cert",
    "dry-run-plan",
    "enable-frontend-nlb",
    "frontend-nlb-attributes",
    "frontend-nlb-eip-allocations",
    "frontend-nlb-healthcheck-healthy-threshold-count",
    "frontend-nlb-healthcheck-interval-seconds",
    "frontend-nlb-healthcheck-path",
    "frontend-nlb-healthcheck-port",
    "frontend-nlb-healthcheck-protocol",
    "frontend-nlb-healthcheck-success-codes",
    "frontend-nlb-healthcheck-timeout-seconds",
    "frontend-nlb-healthcheck-unhealthy-threshold-count",
    "frontend-nlb-listener-port-mapping",
    "frontend-nlb-scheme",
    "frontend-nlb-security-groups",
    "frontend-nlb-subnets",
    "frontend-nlb-tags",
    "shield-advanced-protection",
    "waf-acl-id",
    "wafv2-acl-arn",
    "wafv2-acl-name",
    "web-acl-id",
)

TABLE: dict[str, Annotation[Any]] = {a.suffix: a for a in tuple(globals().values()) if isinstance(a, Annotation)} | {
    suffix: Annotation(suffix=suffix, reader=read_text, carried_out=False) for suffix in _NOT_YET
}
"""Suffix → annotation, all that the peer knows."""
