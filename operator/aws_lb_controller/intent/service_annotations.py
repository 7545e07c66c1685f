"""The annotations of Services (``service.beta.kubernetes.io/…``): one table for reading, validation and reference."""

from __future__ import annotations

from typing import Any

from aws_lb_controller.intent.annotations import Annotation, Need
from aws_lb_controller.intent.readers import (
    Unreadable,
    one_of,
    read_bool,
    read_int,
    read_int32,
    read_list,
    read_map,
    read_short_name,
    read_text,
)
from aws_lb_controller.intent.service_actions import read_weighted_forward

PREFIX = "service.beta.kubernetes.io"
_LB = "aws-load-balancer"
_BOOLEAN = "`true` or `false`"
_LIST = "with commas between them"
_MAP = "`key=value` pairs, with commas between them"

# what annotations need in order to have an effect; `service_ignored` says how each is seen to be met
CERTIFICATE = Need("a certificate (`aws-load-balancer-ssl-cert`)")
TCP_PORT_FOR_TLS = Need("a TCP port that becomes a TLS listener: any, or one that `aws-load-balancer-ssl-ports` names")
TLS_LISTENER = Need("a TLS listener, so `aws-load-balancer-ssl-cert` and a TCP port")
HTTP_HEALTH_CHECK = Need(
    "a health check by HTTP or HTTPS: `aws-load-balancer-healthcheck-protocol`, or `externalTrafficPolicy: Local` with "
    "instance targets"
)
INSTANCE_TARGETS = Need("instance targets")
ACCESS_LOG = Need("`aws-load-balancer-access-log-enabled: true`")
MANAGED_GROUP = Need(
    "the managed security group, which is there unless `aws-load-balancer-security-groups` names others or "
    "`aws-load-balancer-disable-nlb-sg` leaves all out"
)
ICMP_SOURCES = Need("networks that the managed security group lets in: there are none with prefix lists alone")
SOURCES_IN_USE = Need(
    "the managed security group, or no security group at all and targets that see the clients' addresses"
)
SECURITY_GROUP = Need(
    "a security group on the load balancer, which has one unless `aws-load-balancer-disable-nlb-sg` leaves all out or "
    "the feature gate NLBSecurityGroup is off"
)
OTHER_THAN_MANAGED_GROUP = Need("security groups of your own, or none: with the managed one, targets are always opened")


def _health_check_protocol(text: str) -> str:
    if text.upper() not in ("TCP", "HTTP", "HTTPS"):
        raise Unreadable("write TCP, HTTP or HTTPS")
    return text.upper()


def _capacity_units(text: str) -> int | None:
    pairs = read_map(text)
    if set(pairs) - {"CapacityUnits"}:
        raise Unreadable("write CapacityUnits=NUMBER")
    return read_int32(pairs["CapacityUnits"]) if pairs else None


def _port_numbers(text: str) -> frozenset[str]:
    """As written: 080 is a number, but no port's."""
    numbers = frozenset(read_list(text))
    for number in numbers:
        read_int(number)
    return numbers


def _target_type(text: str) -> str:
    if text not in ("instance", "ip"):
        raise Unreadable("write instance or ip; anything else counts as instance")
    return text


TYPE = Annotation(
    suffix=f"{_LB}-type",
    about="Says, where `spec.loadBalancerClass` is not set, that this controller serves the Service.",
    takes="`external` (with `aws-load-balancer-nlb-target-type`), `nlb-ip` (with ip targets; the older form)",
    reader=read_text,
    heeds=one_of("external", "nlb-ip"),
    example="external",
    default="without `spec.loadBalancerClass`, the Service is not ours",
    conflicts=(
        "`spec.loadBalancerClass` decides alone where it is set; `nlb-ip` still means ip targets there. Only a Service "
        "of type LoadBalancer can show the load balancer's address in its status."
    ),
)
TARGET_TYPE = Annotation(
    suffix=f"{_LB}-nlb-target-type",
    about="Where traffic goes: to the node port of every node, or straight to the pods.",
    takes="`instance`, `ip`",
    reader=read_text,
    heeds=_target_type,
    example="ip",
    default="the flag `--default-target-type` (instance)",
    aws="CreateTargetGroup TargetType",
    conflicts=(
        "`instance` needs node ports, so a Service of type LoadBalancer or NodePort; `ip` needs the feature gate "
        "EnableIPTargetType (on). `aws-load-balancer-type: nlb-ip` wins over it. Required beside "
        "`aws-load-balancer-type: external` without a class."
    ),
)
NAME = Annotation(
    suffix=f"{_LB}-name",
    about="The load balancer's name.",
    takes="1 to 32 letters, digits and hyphens, unique in account and region",
    reader=read_short_name,
    example="shop",
    default="generated from namespace, name and UID",
    aws="CreateLoadBalancer Name",
    conflicts="Only read when the load balancer is made: AWS cannot rename one.",
)
SCHEME = Annotation(
    suffix=f"{_LB}-scheme",
    about="Whether the load balancer has public addresses.",
    takes="`internal`, `internet-facing`",
    reader=one_of("internal", "internet-facing"),
    example="internet-facing",
    default="that of the existing load balancer, else the flag `--default-load-balancer-scheme` (internal)",
    aws="CreateLoadBalancer Scheme",
    conflicts="AWS cannot change it in place: the load balancer is replaced, with a new DNS name.",
)
INTERNAL = Annotation(
    suffix=f"{_LB}-internal",
    about="The older way to write the scheme: `true` is internal, `false` internet-facing.",
    takes=_BOOLEAN,
    reader=read_bool,
    example="true",
    default="see `aws-load-balancer-scheme`",
    aws="CreateLoadBalancer Scheme",
    conflicts="`aws-load-balancer-scheme` wins.",
)
SUBNETS = Annotation(
    suffix=f"{_LB}-subnets",
    about="The subnets that the load balancer stands in, at most one for each zone.",
    takes=f"subnet ids or `Name` tags, {_LIST}; it may not be empty",
    reader=read_list,
    example="subnet-0a1b2c3d4e5f60718, shop-private-b",
    default="those it has; a new one: discovered by role tags, else by routes",
    aws="CreateLoadBalancer SubnetMappings",
)
IP_ADDRESS_TYPE = Annotation(
    suffix=f"{_LB}-ip-address-type",
    about="Whether clients may come by IPv6 too.",
    takes="`ipv4`, `dualstack`",
    reader=one_of("ipv4", "dualstack"),
    example="dualstack",
    default="ipv4",
    aws="CreateLoadBalancer IpAddressType",
    conflicts="A Service with IPv6 addresses needs `dualstack`; `dualstack` needs subnets with IPv6 networks.",
)
EIP_ALLOCATIONS = Annotation(
    suffix=f"{_LB}-eip-allocations",
    about="Elastic addresses, so that the load balancer's public addresses are known beforehand.",
    takes=f"allocation ids, {_LIST}, one for each subnet, in the order of `aws-load-balancer-subnets`",
    reader=read_list,
    example="eipalloc-0a1b2c3d4e5f60718, eipalloc-0b2c3d4e5f6071829",
    default="AWS chooses",
    aws="CreateLoadBalancer SubnetMappings.AllocationId",
    conflicts=(
        "Needs the scheme internet-facing and as many as there are subnets. AWS gives them when a subnet is added: on "
        "a load balancer whose subnets stay they have no effect."
    ),
)
PRIVATE_IPV4_ADDRESSES = Annotation(
    suffix=f"{_LB}-private-ipv4-addresses",
    about="Private addresses of an internal load balancer.",
    takes=f"IPv4 addresses, {_LIST}, one in each subnet, in any order",
    reader=read_list,
    example="192.168.10.15, 192.168.32.16",
    default="AWS chooses",
    aws="CreateLoadBalancer SubnetMappings.PrivateIPv4Address",
    conflicts=(
        "Needs the scheme internal and as many as there are subnets. On a load balancer whose subnets stay they have "
        "no effect."
    ),
)
IPV6_ADDRESSES = Annotation(
    suffix=f"{_LB}-ipv6-addresses",
    about="IPv6 addresses of a dual-stack load balancer.",
    takes=f"IPv6 addresses, {_LIST}, one in each subnet, in any order",
    reader=read_list,
    example="2600:1f13:837:8501::1, 2600:1f13:837:8504::1",
    default="AWS chooses",
    aws="CreateLoadBalancer SubnetMappings.IPv6Address",
    conflicts=(
        "Needs `aws-load-balancer-ip-address-type: dualstack` and as many as there are subnets. On a load balancer "
        "that is dual-stack already and whose subnets stay they have no effect."
    ),
)
SOURCE_NAT_PREFIXES = Annotation(
    suffix=f"{_LB}-source-nat-ipv6-prefixes",
    about="The IPv6 networks that UDP traffic to IPv6 targets comes from.",
    takes=f"one for each subnet in its order, {_LIST}: a /80 network in it, or `auto_assigned`",
    reader=read_list,
    example="2600:1f13:837:8501::/80, auto_assigned",
    default="AWS chooses",
    aws="CreateLoadBalancer SubnetMappings.SourceNatIpv6Prefix",
    conflicts=(
        "Needs `aws-load-balancer-ip-address-type: dualstack`, "
        "`aws-load-balancer-enable-prefix-for-ipv6-source-nat: on` and as many as there are subnets. AWS does not "
        "change them while there is a UDP listener."
    ),
)
PREFIX_FOR_SOURCE_NAT = Annotation(
    suffix=f"{_LB}-enable-prefix-for-ipv6-source-nat",
    about="Source NAT by IPv6 prefixes, which UDP listeners of a dual-stack load balancer need.",
    takes="`on`, `off`",
    reader=one_of("on", "off"),
    example="on",
    default="off",
    aws="CreateLoadBalancer EnablePrefixForIpv6SourceNat",
    conflicts=(
        "`on` needs `aws-load-balancer-ip-address-type: dualstack` and an IPv6 network in every subnet. AWS does not "
        "switch it off while there is a UDP listener."
    ),
)
ATTRIBUTES = Annotation(
    suffix=f"{_LB}-attributes",
    about="Attributes of the load balancer. Those that are not written stay as AWS has them.",
    takes=f"{_MAP}; AWS knows the keys and their values",
    reader=read_map,
    example="deletion_protection.enabled=true, load_balancing.cross_zone.enabled=true",
    default="as AWS has them",
    aws="ModifyLoadBalancerAttributes",
    conflicts=(
        "The `aws-load-balancer-access-log-…` and `aws-load-balancer-cross-zone-load-balancing-enabled` annotations "
        "win. Taking an attribute away leaves its value: write AWS's default instead. With "
        "`deletion_protection.enabled=true` the load balancer is neither deleted nor replaced."
    ),
)
ACCESS_LOG_ENABLED = Annotation(
    suffix=f"{_LB}-access-log-enabled",
    about="The older way to write the attribute `access_logs.s3.enabled`, only to switch it on.",
    takes=_BOOLEAN,
    reader=read_bool,
    example="true",
    default="as AWS has it",
    aws="ModifyLoadBalancerAttributes access_logs.s3.enabled",
    conflicts=(
        "`true` wins over `aws-load-balancer-attributes`. `false` says nothing: to switch logs off, write "
        "`access_logs.s3.enabled=false` there."
    ),
)
ACCESS_LOG_BUCKET = Annotation(
    suffix=f"{_LB}-access-log-s3-bucket-name",
    about="The older way to write the attribute `access_logs.s3.bucket`.",
    takes="a bucket's name",
    reader=read_text,
    example="shop-logs",
    default="as AWS has it",
    aws="ModifyLoadBalancerAttributes access_logs.s3.bucket",
    needs=(ACCESS_LOG,),
    conflicts="It wins over `aws-load-balancer-attributes`.",
)
ACCESS_LOG_PREFIX = Annotation(
    suffix=f"{_LB}-access-log-s3-bucket-prefix",
    about="The older way to write the attribute `access_logs.s3.prefix`.",
    takes="the start of the objects' keys",
    reader=read_text,
    example="shop",
    default="as AWS has it",
    aws="ModifyLoadBalancerAttributes access_logs.s3.prefix",
    needs=(ACCESS_LOG,),
    conflicts="It wins over `aws-load-balancer-attributes`.",
)
CROSS_ZONE = Annotation(
    suffix=f"{_LB}-cross-zone-load-balancing-enabled",
    about="The older way to write the attribute `load_balancing.cross_zone.enabled`.",
    takes=_BOOLEAN,
    reader=read_bool,
    example="true",
    default="as AWS has it (off)",
    aws="ModifyLoadBalancerAttributes load_balancing.cross_zone.enabled",
    conflicts="It wins over `aws-load-balancer-attributes`.",
)
CAPACITY = Annotation(
    suffix=f"{_LB}-minimum-load-balancer-capacity",
    about="Capacity that AWS holds ready for the load balancer, whatever the traffic.",
    takes="`CapacityUnits=NUMBER`; 0 gives it back",
    reader=_capacity_units,
    example="CapacityUnits=2750",
    default="as AWS has it",
    aws="ModifyCapacityReservation MinimumLoadBalancerCapacity.CapacityUnits",
    gate="LBCapacityReservation",
    conflicts="Taking it away leaves the reservation: write `CapacityUnits=0`.",
)
TAGS = Annotation(
    suffix=f"{_LB}-additional-resource-tags",
    about="Tags on everything that is made for the Service.",
    takes=_MAP,
    reader=read_map,
    example="team=shop, stage=live",
    default="the flag `--default-tags` alone",
    aws="Tags of load balancer, listeners, target groups and security group",
    conflicts=(
        "Keys of `--external-managed-tags` are refused. Keys of `--default-tags` win, unless the feature gate "
        "EnableDefaultTagsLowPriority is on; `elbv2.k8s.aws/cluster`, `service.k8s.aws/stack` and "
        "`service.k8s.aws/resource` always do."
    ),
)
SSL_CERT = Annotation(
    suffix=f"{_LB}-ssl-cert",
    about="Certificates of TLS listeners. The first is the default, the others go by the name the client asks for.",
    takes=f"ARNs (ACM or IAM), {_LIST}",
    reader=read_list,
    example="arn:aws:acm:us-west-2:111122223333:certificate/5f3a2b1c-0000-4000-8000-000000000001",
    default="no TLS listener",
    aws="CreateListener Certificates",
    needs=(TCP_PORT_FOR_TLS,),
)
SSL_PORTS = Annotation(
    suffix=f"{_LB}-ssl-ports",
    about="Which TCP ports become TLS listeners.",
    takes=f"ports of the Service, by number or name, {_LIST}; `*` is neither",
    reader=read_list,
    example="443, https-admin",
    default="every TCP port, where there is a certificate",
    aws="CreateListener Protocol TLS",
    needs=(CERTIFICATE,),
    conflicts="A port that the Service does not have is refused. UDP and TCP_UDP ports never become TLS.",
)
SSL_POLICY = Annotation(
    suffix=f"{_LB}-ssl-negotiation-policy",
    about="Protocols and ciphers of TLS listeners.",
    takes="a security policy's name",
    reader=read_text,
    example="ELBSecurityPolicy-TLS13-1-2-2021-06",
    default="the flag `--default-ssl-policy` (ELBSecurityPolicy-2016-08)",
    aws="CreateListener SslPolicy",
    needs=(TLS_LISTENER,),
)
ALPN_POLICY = Annotation(
    suffix=f"{_LB}-alpn-policy",
    about="Which application protocol TLS listeners agree on with the client.",
    takes="`None`, `HTTP1Only`, `HTTP2Only`, `HTTP2Preferred`, `HTTP2Optional`",
    reader=one_of("None", "HTTP1Only", "HTTP2Only", "HTTP2Preferred", "HTTP2Optional"),
    example="HTTP2Preferred",
    default="None",
    aws="CreateListener AlpnPolicy",
    needs=(TLS_LISTENER,),
    asks_for_nothing=("None",),
)
BACKEND_PROTOCOL = Annotation(
    suffix=f"{_LB}-backend-protocol",
    about="Whether TLS listeners encrypt traffic to the targets again.",
    takes="`ssl`, `tcp`",
    reader=read_text,
    heeds=one_of("ssl", "tcp"),
    example="ssl",
    default="tcp",
    aws="CreateTargetGroup Protocol",
    needs=(TLS_LISTENER,),
    asks_for_nothing=("tcp",),
)
LISTENER_ATTRIBUTES = Annotation(
    suffix=f"{_LB}-listener-attributes",
    about="Attributes of one listener. Those that are not written stay as AWS has them.",
    takes=f"{_MAP}; AWS knows the keys and their values",
    reader=read_map,
    example="tcp.idle_timeout.seconds=400",
    default="as AWS has them",
    aws="ModifyListenerAttributes",
    keyed=True,
    key="the listener's protocol (TCP, UDP, TLS, TCP_UDP, QUIC, TCP_QUIC) and port",
    example_key="TCP-80",
    conflicts=(
        "A key that no listener has is passed over: a TCP port with a certificate is TLS. AWS knows "
        "`tcp.idle_timeout.seconds` for TCP listeners only."
    ),
)
TCP_UDP = Annotation(
    suffix=f"{_LB}-enable-tcp-udp-listener",
    about="Joins a TCP and a UDP port of one number in one TCP_UDP listener.",
    takes=_BOOLEAN,
    reader=read_text,
    heeds=read_bool,
    example="true",
    default="the feature gate EnableTCPUDPListener (off)",
    aws="CreateListener Protocol TCP_UDP",
    conflicts=(
        "Without it, only the first port of a number gets a listener. With it, one target group serves both: the "
        "first port's node port and target port hold for the second."
    ),
)
QUIC_PORTS = Annotation(
    suffix=f"{_LB}-quic-enabled-ports",
    about="UDP ports that become QUIC listeners (TCP_UDP ones become TCP_QUIC).",
    takes=f"ports of the Service, by number or name, {_LIST}",
    reader=read_list,
    example="443",
    default="none",
    aws="CreateListener Protocol QUIC",
    conflicts="A TCP port is refused. A port that the Service does not have is passed over.",
)
PROXY_PROTOCOL = Annotation(
    suffix=f"{_LB}-proxy-protocol",
    about="Tells every target the client's address by proxy protocol 2. The targets must expect it.",
    takes="`*`",
    reader=one_of("*"),
    example="*",
    default="off",
    aws="ModifyTargetGroupAttributes proxy_protocol_v2.enabled",
    conflicts=(
        "It wins over `aws-load-balancer-proxy-protocol-per-target-group` and "
        "`aws-load-balancer-target-group-attributes`."
    ),
)
PROXY_PROTOCOL_PORTS = Annotation(
    suffix=f"{_LB}-proxy-protocol-per-target-group",
    about="Proxy protocol 2 for the target groups of some ports, and not for those of the others.",
    takes=f"port numbers of the Service, {_LIST}",
    reader=_port_numbers,
    example="80, 443",
    default="off",
    aws="ModifyTargetGroupAttributes proxy_protocol_v2.enabled",
    loses_to=(PROXY_PROTOCOL.suffix,),
    conflicts="It wins over `aws-load-balancer-target-group-attributes`.",
)
TARGET_GROUP_ATTRIBUTES = Annotation(
    suffix=f"{_LB}-target-group-attributes",
    about=(
        "Attributes of the target groups: of all, or with a port behind the key of that port's alone, which wins. "
        "Those that are not written stay as AWS has them."
    ),
    takes=f"{_MAP}; AWS knows the keys and their values. For a port, an empty value leaves what holds for all",
    reader=read_map,
    example="preserve_client_ip.enabled=true, deregistration_delay.timeout_seconds=120",
    default="`proxy_protocol_v2.enabled=false`, else as AWS has them",
    aws="ModifyTargetGroupAttributes",
    keyed=True,
    key="a port's number",
    key_may_be_left_out=True,
    example_key="443",
    conflicts=(
        "The `aws-load-balancer-proxy-protocol…` annotations win for `proxy_protocol_v2.enabled`. Taking an attribute "
        "away leaves its value."
    ),
)
TARGET_NODE_LABELS = Annotation(
    suffix=f"{_LB}-target-node-labels",
    about="Labels that a node must have to become a target.",
    takes=_MAP,
    reader=read_map,
    example="role=edge",
    default="all nodes that are fit for it",
    aws="RegisterTargets",
    needs=(INSTANCE_TARGETS,),
)
MULTI_CLUSTER = Annotation(
    suffix=f"{_LB}-multi-cluster-target-group",
    about="Lets other clusters register targets in the target groups: only this cluster's are touched.",
    takes=_BOOLEAN,
    reader=read_bool,
    example="true",
    default="false",
    aws="DeregisterTargets",
    conflicts="It does not keep the target groups from being deleted with the Service.",
)
HEALTH_CHECK_PROTOCOL = Annotation(
    suffix=f"{_LB}-healthcheck-protocol",
    about="How targets are asked whether they are healthy.",
    takes="`TCP`, `HTTP`, `HTTPS`, in any case",
    reader=_health_check_protocol,
    example="HTTP",
    default="TCP; HTTP with `externalTrafficPolicy: Local` and instance targets",
    aws="CreateTargetGroup HealthCheckProtocol",
    conflicts="With `externalTrafficPolicy: Local` and instance targets, TCP cannot tell which nodes have pods.",
)
HEALTH_CHECK_PORT = Annotation(
    suffix=f"{_LB}-healthcheck-port",
    about="The port that targets are asked on.",
    takes="`traffic-port`, a number, or the name of a port of the Service",
    reader=read_text,
    example="8080",
    default=(
        "traffic-port; `spec.healthCheckNodePort` with `externalTrafficPolicy: Local` and instance targets, and then "
        "it is asked of every node"
    ),
    aws="CreateTargetGroup HealthCheckPort",
    conflicts="With ip targets, the port that a name leads to must have a number as its `targetPort`.",
)
HEALTH_CHECK_PATH = Annotation(
    suffix=f"{_LB}-healthcheck-path",
    about="The path that is asked for.",
    takes="a path",
    reader=read_text,
    example="/ready",
    default="/; /healthz with `externalTrafficPolicy: Local` and instance targets",
    aws="CreateTargetGroup HealthCheckPath",
    needs=(HTTP_HEALTH_CHECK,),
)
HEALTH_CHECK_INTERVAL = Annotation(
    suffix=f"{_LB}-healthcheck-interval",
    about="Seconds between two health checks.",
    takes="a whole number (AWS takes 5 to 300)",
    reader=read_int32,
    example="10",
    default="10",
    aws="CreateTargetGroup HealthCheckIntervalSeconds",
)
HEALTH_CHECK_TIMEOUT = Annotation(
    suffix=f"{_LB}-healthcheck-timeout",
    about="Seconds without an answer after which a health check has failed.",
    takes="a whole number (AWS takes 2 to 120, and no more than the interval)",
    reader=read_int32,
    example="6",
    default="10; 6 with `externalTrafficPolicy: Local` and instance targets",
    aws="CreateTargetGroup HealthCheckTimeoutSeconds",
    gate="NLBHealthCheckAdvancedConfig",
)
HEALTHY_THRESHOLD = Annotation(
    suffix=f"{_LB}-healthcheck-healthy-threshold",
    about="Successes in a row after which a target is healthy.",
    takes="a whole number (AWS takes 2 to 10)",
    reader=read_int32,
    example="3",
    default="3; 2 with `externalTrafficPolicy: Local` and instance targets",
    aws="CreateTargetGroup HealthyThresholdCount",
)
UNHEALTHY_THRESHOLD = Annotation(
    suffix=f"{_LB}-healthcheck-unhealthy-threshold",
    about="Failures in a row after which a target is unhealthy.",
    takes="a whole number (AWS takes 2 to 10)",
    reader=read_int32,
    example="3",
    default="3; 2 with `externalTrafficPolicy: Local` and instance targets",
    aws="CreateTargetGroup UnhealthyThresholdCount",
)
SUCCESS_CODES = Annotation(
    suffix=f"{_LB}-healthcheck-success-codes",
    about="Answers that count as healthy.",
    takes="HTTP status codes, as `200`, `200,202` or `200-399`",
    reader=read_text,
    example="200-399",
    default="200-399",
    aws="CreateTargetGroup Matcher.HttpCode",
    needs=(HTTP_HEALTH_CHECK,),
    gate="NLBHealthCheckAdvancedConfig",
)
SOURCE_RANGES = Annotation(
    suffix="load-balancer-source-ranges",
    about="Networks that may reach the load balancer.",
    takes=f"networks, {_LIST}",
    reader=read_list,
    example="10.0.0.0/8, 192.168.0.0/16",
    default="none if there are prefix lists, else 0.0.0.0/0, and ::/0 with dualstack",
    aws="AuthorizeSecurityGroupIngress (managed group)",
    needs=(SOURCES_IN_USE,),
    conflicts=(
        "`spec.loadBalancerSourceRanges` wins. IPv6 networks need `aws-load-balancer-ip-address-type: dualstack`."
    ),
)
PREFIX_LISTS = Annotation(
    suffix=f"{_LB}-security-group-prefix-lists",
    about="Managed prefix lists whose networks may reach the load balancer, beside the source ranges if there are any.",
    takes=f"prefix list ids, {_LIST}",
    reader=read_list,
    example="pl-0a1b2c3d4e5f60718",
    default="none",
    aws="AuthorizeSecurityGroupIngress (managed group)",
    needs=(MANAGED_GROUP,),
)
ICMP = Annotation(
    suffix=f"{_LB}-enable-icmp-for-path-mtu-discovery",
    about="Lets in the ICMP messages by which path MTU discovery works, from the networks that may reach the ports.",
    takes="`on`, `off`",
    reader=read_text,
    heeds=one_of("on", "off"),
    example="on",
    default="off",
    aws="AuthorizeSecurityGroupIngress (managed group)",
    needs=(MANAGED_GROUP, ICMP_SOURCES),
    asks_for_nothing=("off",),
)
DISABLE_SECURITY_GROUP = Annotation(
    suffix=f"{_LB}-disable-nlb-sg",
    about="Makes the load balancer without any security group; targets are opened by addresses instead.",
    takes=_BOOLEAN,
    reader=read_bool,
    example="true",
    default="false; true where the feature gate NLBSecurityGroup is off",
    aws="CreateLoadBalancer SecurityGroups",
    conflicts=(
        "Decided when the load balancer is made: AWS neither takes the last group away later nor gives a first one."
    ),
    asks_for_nothing=(False,),
)
SECURITY_GROUPS = Annotation(
    suffix=f"{_LB}-security-groups",
    about="Security groups of your own on the load balancer, instead of the managed one.",
    takes=f"ids or `Name` tags, {_LIST}; an empty one counts as not written",
    reader=read_list,
    example="sg-0a1b2c3d4e5f60718, shop-edge",
    default="one that is managed",
    aws="CreateLoadBalancer SecurityGroups",
    blank_is_absent=True,
    gate="NLBSecurityGroup",
    loses_to=(DISABLE_SECURITY_GROUP.suffix,),
    conflicts=(
        "Source ranges, prefix lists and ICMP then have no effect, and the targets are only opened with "
        "`aws-load-balancer-manage-backend-security-group-rules: true`."
    ),
)
MANAGE_BACKEND_RULES = Annotation(
    suffix=f"{_LB}-manage-backend-security-group-rules",
    about="Whether the targets' security groups are opened for the load balancer.",
    takes=_BOOLEAN,
    reader=read_bool,
    example="true",
    default=("true; with security groups of your own, the flag `--enable-manage-backend-security-group-rules` (false)"),
    aws="AuthorizeSecurityGroupIngress (targets' groups)",
    needs=(OTHER_THAN_MANAGED_GROUP,),
    conflicts="`true` with security groups of your own needs the flag `--enable-backend-security-group` (true).",
    asks_for_nothing=(True,),
)
PRIVATE_LINK_RULES = Annotation(
    suffix=f"{_LB}-inbound-sg-rules-on-private-link-traffic",
    about="Whether the load balancer's security groups hold for traffic that comes by PrivateLink.",
    takes="`on`, `off`",
    reader=one_of("on", "off"),
    example="off",
    default="as AWS has it (on)",
    aws="SetSecurityGroups EnforceSecurityGroupInboundRulesOnPrivateLinkTraffic",
    needs=(SECURITY_GROUP,),
    conflicts="On a load balancer that was made without security groups it has no effect: it never gets any.",
    asks_for_nothing=("on",),
)
ACTIONS = Annotation(
    suffix="actions",
    about="Splits a listener's connections by weight between the Service and others of its namespace.",
    reader=read_weighted_forward,
    takes="JSON: `type` is `forward`; in `forwardConfig` are `baseServiceWeight` (the Service's own), `targetGroups`, "
    "each with `weight` (0 to 999) and either `serviceName` and `servicePort` or `targetGroupARN`, and "
    "`targetGroupStickinessConfig` with `enabled`. Behind a TLS listener the other Services are spoken to by TLS, or "
    "plainly with `decrypt: true`. All else (health check, attributes, target type) is as for the Service itself.",
    example='{"type": "forward", "forwardConfig": {"baseServiceWeight": 90, "targetGroups": '
    '[{"serviceName": "canary", "servicePort": 80, "weight": 10}]}}',
    default="forward to the Service",
    aws="Listener DefaultActions",
    keyed=True,
    key="the listener's protocol and port",
    example_key="TCP-80",
    conflicts="AWS refuses target groups of different protocols or address types in one action, and stickiness on TLS "
    "listeners. Without the feature gate `WeightedTargetGroups` no other target group can be named.",
)

TABLE: dict[str, Annotation[Any]] = {a.suffix: a for a in tuple(globals().values()) if isinstance(a, Annotation)}
"""Every annotation of Services, by its suffix."""
