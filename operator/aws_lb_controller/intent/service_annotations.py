"""The annotations of Services (``service.beta.kubernetes.io/…``): one table for reading, validation and reference."""

from __future__ import annotations

from typing import Any

from aws_lb_controller.intent.annotations import Annotation
from aws_lb_controller.intent.readers import (
    Unreadable,
    integer_between,
    one_of,
    read_bool,
    read_int,
    read_list,
    read_map,
    read_text,
)

PREFIX = "service.beta.kubernetes.io"
_LB = "aws-load-balancer"


def _health_check_protocol(text: str) -> str:
    if text.upper() not in ("TCP", "HTTP", "HTTPS"):
        raise Unreadable("write TCP, HTTP or HTTPS")
    return text.upper()


def _load_balancer_name(text: str) -> str:
    if not 0 < len(text) <= 32:
        raise Unreadable("write a name of 1 to 32 characters")
    return text


def _capacity_units(text: str) -> int | None:
    pairs = read_map(text)
    if set(pairs) - {"CapacityUnits"}:
        raise Unreadable("write CapacityUnits=NUMBER")
    return read_int(pairs["CapacityUnits"]) if pairs else None


def _port_numbers(text: str) -> frozenset[int]:
    return frozenset(read_int(item) for item in read_list(text))


TYPE = Annotation(
    suffix=f"{_LB}-type",
    reader=read_text,
    example="external",
    default="without a loadBalancerClass: not ours",
)
TARGET_TYPE = Annotation(
    suffix=f"{_LB}-nlb-target-type",
    reader=read_text,
    example="ip",
    default="the flag --default-target-type",
    aws="TargetType",
)
NAME = Annotation(
    suffix=f"{_LB}-name",
    reader=_load_balancer_name,
    example="shop",
    default="generated",
    aws="CreateLoadBalancer Name",
)
SCHEME = Annotation(
    suffix=f"{_LB}-scheme",
    reader=one_of("internal", "internet-facing"),
    example="internet-facing",
    default="that of the existing load balancer, else the flag --default-load-balancer-scheme",
    aws="CreateLoadBalancer Scheme",
)
INTERNAL = Annotation(
    suffix=f"{_LB}-internal",
    reader=read_bool,
    example="true",
    default="see scheme, which wins",
    aws="CreateLoadBalancer Scheme",
)
SUBNETS = Annotation(
    suffix=f"{_LB}-subnets",
    reader=read_list,
    example="subnet-1, shop-private-b",
    default="discovered by tags",
    aws="SubnetMappings",
)
IP_ADDRESS_TYPE = Annotation(
    suffix=f"{_LB}-ip-address-type",
    reader=one_of("ipv4", "dualstack"),
    example="dualstack",
    default="ipv4",
    aws="IpAddressType",
)
EIP_ALLOCATIONS = Annotation(
    suffix=f"{_LB}-eip-allocations",
    reader=read_list,
    example="eipalloc-1, eipalloc-2",
    aws="SubnetMappings AllocationId",
)
PRIVATE_IPV4_ADDRESSES = Annotation(
    suffix=f"{_LB}-private-ipv4-addresses",
    reader=read_list,
    example="192.168.10.15, 192.168.32.16",
    aws="SubnetMappings PrivateIPv4Address",
)
IPV6_ADDRESSES = Annotation(
    suffix=f"{_LB}-ipv6-addresses",
    reader=read_list,
    example="2600:1f13::1",
    aws="SubnetMappings IPv6Address",
)
SOURCE_NAT_PREFIXES = Annotation(
    suffix=f"{_LB}-source-nat-ipv6-prefixes",
    reader=read_list,
    example="2600:1f13::/80",
    aws="SubnetMappings SourceNatIpv6Prefix",
)
PREFIX_FOR_SOURCE_NAT = Annotation(
    suffix=f"{_LB}-enable-prefix-for-ipv6-source-nat",
    reader=one_of("on", "off"),
    example="on",
    default="off",
    aws="EnablePrefixForIpv6SourceNat",
)
PROXY_PROTOCOL = Annotation(
    suffix=f"{_LB}-proxy-protocol",
    reader=one_of("*"),
    example="*",
    default="off",
    aws="target group attribute proxy_protocol_v2.enabled",
)
PROXY_PROTOCOL_PORTS = Annotation(
    suffix=f"{_LB}-proxy-protocol-per-target-group",
    reader=_port_numbers,
    example="80, 443",
    default="off",
    aws="target group attribute proxy_protocol_v2.enabled",
)
ACCESS_LOG_ENABLED = Annotation(
    suffix=f"{_LB}-access-log-enabled",
    reader=read_bool,
    example="true",
    aws="attribute access_logs.s3.enabled",
)
ACCESS_LOG_BUCKET = Annotation(
    suffix=f"{_LB}-access-log-s3-bucket-name",
    reader=read_text,
    example="logs",
    aws="attribute access_logs.s3.bucket",
)
ACCESS_LOG_PREFIX = Annotation(
    suffix=f"{_LB}-access-log-s3-bucket-prefix",
    reader=read_text,
    example="shop",
    aws="attribute access_logs.s3.prefix",
)
CROSS_ZONE = Annotation(
    suffix=f"{_LB}-cross-zone-load-balancing-enabled",
    reader=read_bool,
    example="true",
    aws="attribute load_balancing.cross_zone.enabled",
)
ATTRIBUTES = Annotation(
    suffix=f"{_LB}-attributes",
    reader=read_map,
    example="deletion_protection.enabled=true",
    aws="ModifyLoadBalancerAttributes",
)
TARGET_GROUP_ATTRIBUTES = Annotation(
    suffix=f"{_LB}-target-group-attributes",
    reader=read_map,
    example="preserve_client_ip.enabled=true",
    aws="ModifyTargetGroupAttributes",
)
LISTENER_ATTRIBUTES = Annotation(
    suffix=f"{_LB}-listener-attributes",
    reader=read_map,
    example="tcp.idle_timeout.seconds=400",
    aws="ModifyListenerAttributes",
    keyed=True,
)
TAGS = Annotation(
    suffix=f"{_LB}-additional-resource-tags",
    reader=read_map,
    example="team=shop",
    aws="Tags of everything made",
)
SSL_CERT = Annotation(
    suffix=f"{_LB}-ssl-cert",
    reader=read_list,
    example="arn:aws:acm:us-west-2:1:certificate/x",
    aws="Listener Certificates",
)
SSL_PORTS = Annotation(
    suffix=f"{_LB}-ssl-ports",
    reader=read_list,
    example="443, https",
    default="every TCP port",
    aws="Listener Protocol TLS",
)
SSL_POLICY = Annotation(
    suffix=f"{_LB}-ssl-negotiation-policy",
    reader=read_text,
    example="ELBSecurityPolicy-TLS13-1-2-2021-06",
    default="the flag --default-ssl-policy",
    aws="Listener SslPolicy",
)
BACKEND_PROTOCOL = Annotation(
    suffix=f"{_LB}-backend-protocol",
    reader=read_text,
    example="ssl",
    default="tcp",
    aws="TargetGroup Protocol TLS behind TLS listeners",
)
ALPN_POLICY = Annotation(
    suffix=f"{_LB}-alpn-policy",
    reader=one_of("None", "HTTP1Only", "HTTP2Only", "HTTP2Preferred", "HTTP2Optional"),
    example="HTTP2Preferred",
    aws="Listener AlpnPolicy",
)
TCP_UDP = Annotation(
    suffix=f"{_LB}-enable-tcp-udp-listener",
    reader=read_text,
    example="true",
    default="the feature gate EnableTCPUDPListener",
    aws="Listener Protocol TCP_UDP",
)
QUIC_PORTS = Annotation(
    suffix=f"{_LB}-quic-enabled-ports",
    reader=read_list,
    example="443",
    aws="Listener Protocol QUIC",
)
HEALTH_CHECK_PROTOCOL = Annotation(
    suffix=f"{_LB}-healthcheck-protocol",
    reader=_health_check_protocol,
    example="HTTP",
    default="TCP",
    aws="HealthCheckProtocol",
)
HEALTH_CHECK_PORT = Annotation(
    suffix=f"{_LB}-healthcheck-port",
    reader=read_text,
    example="8080",
    default="traffic-port",
    aws="HealthCheckPort",
)
HEALTH_CHECK_PATH = Annotation(
    suffix=f"{_LB}-healthcheck-path",
    reader=read_text,
    example="/ready",
    default="/",
    aws="HealthCheckPath",
)
HEALTH_CHECK_INTERVAL = Annotation(
    suffix=f"{_LB}-healthcheck-interval",
    reader=integer_between(-(2**31), 2**31 - 1),
    example="10",
    default="10",
    aws="HealthCheckIntervalSeconds",
)
HEALTH_CHECK_TIMEOUT = Annotation(
    suffix=f"{_LB}-healthcheck-timeout",
    reader=integer_between(-(2**31), 2**31 - 1),
    example="6",
    default="10",
    aws="HealthCheckTimeoutSeconds",
)
HEALTHY_THRESHOLD = Annotation(
    suffix=f"{_LB}-healthcheck-healthy-threshold",
    reader=integer_between(-(2**31), 2**31 - 1),
    example="3",
    default="3",
    aws="HealthyThresholdCount",
)
UNHEALTHY_THRESHOLD = Annotation(
    suffix=f"{_LB}-healthcheck-unhealthy-threshold",
    reader=integer_between(-(2**31), 2**31 - 1),
    example="3",
    default="3",
    aws="UnhealthyThresholdCount",
)
SUCCESS_CODES = Annotation(
    suffix=f"{_LB}-healthcheck-success-codes",
    reader=read_text,
    example="200-399",
    default="200-399",
    aws="Matcher HttpCode",
)
SOURCE_RANGES = Annotation(
    suffix="load-balancer-source-ranges",
    reader=read_list,
    example="10.0.0.0/8",
    default="0.0.0.0/0, and ::/0 with dualstack; spec.loadBalancerSourceRanges wins",
    aws="managed security group",
)
PREFIX_LISTS = Annotation(
    suffix=f"{_LB}-security-group-prefix-lists",
    reader=read_list,
    example="pl-1",
    aws="managed security group",
)
SECURITY_GROUPS = Annotation(
    suffix=f"{_LB}-security-groups",
    reader=read_list,
    example="sg-1, shop-edge",
    default="one that is managed",
    aws="SecurityGroups",
    blank_is_absent=True,
)
MANAGE_BACKEND_RULES = Annotation(
    suffix=f"{_LB}-manage-backend-security-group-rules",
    reader=read_bool,
    example="true",
    default="the flag --enable-manage-backend-security-group-rules",
)
DISABLE_SECURITY_GROUP = Annotation(
    suffix=f"{_LB}-disable-nlb-sg", reader=read_bool, example="true", default="false", aws="SecurityGroups"
)
PRIVATE_LINK_RULES = Annotation(
    suffix=f"{_LB}-inbound-sg-rules-on-private-link-traffic",
    reader=one_of("on", "off"),
    example="off",
    aws="EnforceSecurityGroupInboundRulesOnPrivateLinkTraffic",
)
ICMP = Annotation(
    suffix=f"{_LB}-enable-icmp-for-path-mtu-discovery",
    reader=read_text,
    example="on",
    default="off",
    aws="managed security group",
)
TARGET_NODE_LABELS = Annotation(
    suffix=f"{_LB}-target-node-labels",
    reader=read_map,
    example="role=edge",
    default="all nodes",
    aws="instance targets",
)
MULTI_CLUSTER = Annotation(
    suffix=f"{_LB}-multi-cluster-target-group", reader=read_bool, example="true", default="false"
)
CAPACITY = Annotation(
    suffix=f"{_LB}-minimum-load-balancer-capacity",
    reader=_capacity_units,
    example="CapacityUnits=2000",
    aws="ModifyCapacityReservation",
)
ACTIONS = Annotation(
    suffix="actions",
    reader=read_text,
    example='{"type": "forward", "forwardConfig": {"targetGroups": []}}',
    default="forward to the Service",
    aws="Listener DefaultActions",
    keyed=True,
    carried_out=False,
)

TABLE: dict[str, Annotation[Any]] = {a.suffix: a for a in tuple(globals().values()) if isinstance(a, Annotation)}
"""Every annotation of Services, by its suffix."""
