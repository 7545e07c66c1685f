"""The annotations of Ingresses and of the Services behind them (``alb.ingress.kubernetes.io/…``), in one table.

It serves reading, validation and the reference documentation. Which of them a Service may override is said in
`ingress_target_groups`, how members of a group agree on them in `merge`.
"""

from __future__ import annotations

import ipaddress
from typing import Any, Literal, cast

from aws_lb_controller.api.names import INGRESS_ANNOTATION_PREFIX as PREFIX
from aws_lb_controller.intent import actions, identity_providers, json_fields, rules
from aws_lb_controller.intent.annotations import Annotation, Need
from aws_lb_controller.intent.readers import (
    Reader,
    Unreadable,
    integer_between,
    one_of,
    read_bool,
    read_int,
    read_int32,
    read_json,
    read_list,
    read_map,
    read_short_name,
    read_text,
)
from aws_lb_controller.model.listener import MutualAuthentication
from aws_lb_controller.model.load_balancer import Scheme

__all__ = ["PREFIX", "TABLE"]

_PORTS = range(1, 65536)

NO_WEB_ACL = "none"
"""Stands for the wish that there be no web ACL."""

_BOOLEAN = "`true` or `false`"
_LIST = "with commas between them"
_MAP = "`key=value` pairs, with commas between them"
_WINS = "wins over the Ingress's"
_EACH_ITS_OWN = "each member its own"
_ONE_VALUE = "one value for all members"
_ONE_FOR_EACH_PORT = "one value for each port"
_JOINED = "joined key by key"

# what annotations need in order to have an effect; `ingress_ignored` says how each is seen to be met
HTTPS_LISTENER = Need("an HTTPS listener of the same Ingress (`listen-ports`)")
FREE_PATH = Need("a path of type ImplementationSpecific")
INSTANCE_TARGETS = Need("instance targets")
AUTHENTICATION = Need("`auth-type: cognito` or `oidc`")
COGNITO = Need("`auth-type: cognito`")
OIDC = Need("`auth-type: oidc`")
WAFV2 = Need("the flag `--enable-wafv2` (true)")
WAF_CLASSIC = Need("the flag `--enable-waf` (true)")
SHIELD = Need("the flag `--enable-shield` (true)")
SHARED_GROUP = Need("a group: `group.name`, or that of the class")
HTTP_LISTENER = Need("an HTTP listener (`listen-ports`)")
MANAGED_GROUP = Need("the managed security group, which is there unless `security-groups` names others")
OWN_GROUPS = Need("security groups of your own (`security-groups`): with the managed one, targets are always opened")
FRONTEND_NLB = Need("`enable-frontend-nlb: true`")


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


def _web_acl_arn(text: str) -> str:
    """The ARN; "" for none."""
    if text in ("", NO_WEB_ACL):
        return ""
    if not text.startswith("arn:"):
        raise Unreadable(f"write the ARN of a regional web ACL, or {NO_WEB_ACL}")
    return text


_ROUTING_POLICY = "dns_record.client_routing_policy"
_ROUTING_POLICIES = ("any_availability_zone", "availability_zone_affinity", "partial_availability_zone_affinity")


def _network_load_balancer_attributes(text: str) -> dict[str, str]:
    attributes = read_map(text)
    if attributes.get(_ROUTING_POLICY, _ROUTING_POLICIES[0]) not in _ROUTING_POLICIES:
        raise Unreadable(f"write one of {', '.join(_ROUTING_POLICIES)} for {_ROUTING_POLICY}")
    return attributes


def _port_mapping(text: str) -> dict[int, int]:
    port = integer_between(1, 65535)
    try:
        return {port(of_nlb): port(of_alb) for of_nlb, of_alb in read_map(text).items()}
    except Unreadable:
        raise Unreadable("write pairs of ports such as 80=8080, 443=443") from None


def _health_check_port(text: str) -> str:
    return text if text == "traffic-port" else str(integer_between(1, 65535)(text))


def _capacity_units(text: str) -> int:
    pairs = read_map(text)
    if set(pairs) != {"CapacityUnits"}:
        raise Unreadable("write CapacityUnits=NUMBER")
    return read_int32(pairs["CapacityUnits"])


def _listen_ports(text: str) -> dict[int, str]:
    entries = json_fields.list_of(read_json(text), of="the ports")
    if not entries or not all(isinstance(e, dict | None) for e in entries):
        raise Unreadable('write an array such as [{"HTTP": 80}, {"HTTPS": 443}]')
    return {_port(entry, protocol): protocol for entry in entries if entry for protocol in entry}


def _port(entry: dict[str, Any], protocol: str) -> int:
    if protocol not in ("HTTP", "HTTPS"):
        raise Unreadable(f"write HTTP or HTTPS for {protocol}")
    port = json_fields.integer(entry, protocol)
    if port is None or port not in _PORTS:
        raise Unreadable(f"write a port from 1 to 65535 for {protocol}")
    return port


_MUTUAL: json_fields.Fields = {
    field: {} for field in ("port", "mode", "trustStore", "ignoreClientCertificateExpiry", "advertiseTrustStoreCaNames")
}
_NO_TRUST_STORE = ("trustStore", "")
"""May stand beside any mode."""


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
    if others := sorted(field for field in set(entry) - {"port", "mode"} if (field, entry[field]) != _NO_TRUST_STORE):
        raise Unreadable(f"leave {', '.join(others)} out for port {port}: the mode {mode} has no use for it")
    return port, MutualAuthentication(mode=mode)


def _verify(entry: dict[str, Any], port: int) -> MutualAuthentication:
    trust_store = json_fields.text(entry, "trustStore") or ""
    if not trust_store:
        raise Unreadable(f"give port {port} a trustStore, by name or ARN")
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
    suffix="group.name",
    about=("Shares one load balancer with all Ingresses that name the same group, whatever their namespace."),
    takes="at most 63 of `a-z`, `0-9`, `-` and `.`, with a letter or digit at both ends",
    reader=read_text,
    example="shop",
    default="the Ingress alone has a load balancer",
    aws="the tag `ingress.k8s.aws/stack` of everything",
    in_group="makes the group",
    class_field="group.name",
    conflicts=(
        "Whoever may write an Ingress may join any group, unless `--disable-ingress-group-name-annotation` is "
        "set. In another group the Ingress gets another load balancer."
    ),
)
GROUP_ORDER = Annotation(
    suffix="group.order",
    about="Places the Ingress's rules among those of its group: the smaller, the earlier.",
    takes="a whole number from -1000 to 1000",
    reader=integer_between(-1000, 1000),
    example="10",
    default="0",
    aws="CreateRule Priority",
    in_group=f"{_EACH_ITS_OWN}; equal ones go by namespace/name",
    needs=(SHARED_GROUP,),
    asks_for_nothing=(0,),
)

# -- the load balancer

LOAD_BALANCER_NAME = Annotation(
    suffix="load-balancer-name",
    about="The load balancer's name.",
    takes="1 to 32 letters, digits and hyphens, unique in account and region",
    reader=read_short_name,
    example="shop",
    default="generated from namespace and name, or from the group's name",
    aws="CreateLoadBalancer Name",
    in_group=_ONE_VALUE,
    class_field="loadBalancerName",
    conflicts="Only read when the load balancer is made: AWS cannot rename one.",
)
SCHEME: Annotation[Scheme] = Annotation(
    suffix="scheme",
    about="Whether the load balancer has public addresses.",
    takes="`internal`, `internet-facing`",
    reader=cast("Reader[Scheme]", one_of("internal", "internet-facing")),
    example="internet-facing",
    default="the flag `--default-load-balancer-scheme` (internal)",
    aws="CreateLoadBalancer Scheme",
    in_group=_ONE_VALUE,
    class_field="scheme",
    conflicts="AWS cannot change it in place: the load balancer is replaced, with a new DNS name.",
)
IP_ADDRESS_TYPE: Annotation[str] = Annotation(
    suffix="ip-address-type",
    about="Whether clients may come by IPv6 too.",
    takes="`ipv4`, `dualstack`, `dualstack-without-public-ipv4`",
    reader=one_of("ipv4", "dualstack", "dualstack-without-public-ipv4"),
    example="dualstack",
    default="ipv4",
    aws="CreateLoadBalancer IpAddressType",
    in_group=_ONE_VALUE,
    class_field="ipAddressType",
    conflicts=(
        "A Service with IPv6 addresses needs one of the dual-stack types, and so do IPv6 networks in `inbound-cidrs`."
    ),
)
SUBNETS = Annotation(
    suffix="subnets",
    about="The subnets that the load balancer stands in, at most one for each zone and at least two.",
    takes=f"subnet ids or `Name` tags, {_LIST}",
    reader=_at_least_one,
    example="subnet-0a1b2c3d4e5f60718, shop-public-b",
    default="those it has; a new one: discovered by role tags, else by routes",
    aws="CreateLoadBalancer SubnetMappings",
    in_group=f"{_ONE_VALUE}, in any order",
    class_field="subnets",
    conflicts=("It may not be empty. A single subnet needs the feature gate ALBSingleSubnet (off), or an Outpost."),
)
SECURITY_GROUPS = Annotation(
    suffix="security-groups",
    about="Security groups of your own on the load balancer, instead of the managed one.",
    takes=f"ids or `Name` tags, {_LIST}",
    reader=read_list,
    example="sg-0a1b2c3d4e5f60718, shop-frontend",
    default="one that is managed",
    aws="CreateLoadBalancer SecurityGroups",
    in_group=f"{_ONE_VALUE}, in the same order",
    blank_is_absent=True,
)
MANAGE_BACKEND_RULES = Annotation(
    suffix="manage-backend-security-group-rules",
    about=("Whether the targets' security groups are opened for a load balancer that has security groups of your own."),
    takes=_BOOLEAN,
    reader=read_bool,
    example="true",
    default="the flag `--enable-manage-backend-security-group-rules` (false)",
    aws="AuthorizeSecurityGroupIngress",
    in_group=_ONE_VALUE,
    needs=(OWN_GROUPS,),
    asks_for_nothing=(True,),
    conflicts="`true` needs the flag `--enable-backend-security-group` (true).",
)
INBOUND_CIDRS = Annotation(
    suffix="inbound-cidrs",
    about="Networks that may reach the ports of this Ingress.",
    takes=f"IPv4 or IPv6 networks with their prefix lengths, {_LIST}",
    reader=networks,
    example="10.0.0.0/8, 2001:db8::/32",
    default="none if there are prefix lists, else 0.0.0.0/0, and ::/0 with a dual-stack type",
    aws="AuthorizeSecurityGroupIngress IpPermissions",
    in_group=_ONE_FOR_EACH_PORT,
    class_field="inboundCIDRs",
    needs=(MANAGED_GROUP,),
    conflicts=(
        "IPv6 networks are left out where the load balancer's address type is ipv4; with no other network, nobody "
        "is let in."
    ),
    blank_is_absent=True,
)
PREFIX_LISTS = Annotation(
    suffix="security-group-prefix-lists",
    about=(
        "Managed prefix lists whose networks may reach the ports of this Ingress, beside `inbound-cidrs` if there "
        "are any."
    ),
    takes=f"prefix list ids, {_LIST}",
    reader=read_list,
    example="pl-0a1b2c3d",
    default="none",
    aws="AuthorizeSecurityGroupIngress IpPermissions.PrefixListIds",
    in_group=_ONE_FOR_EACH_PORT,
    class_field="prefixListsIDs",
    needs=(MANAGED_GROUP,),
    blank_is_absent=True,
)
LOAD_BALANCER_ATTRIBUTES = Annotation(
    suffix="load-balancer-attributes",
    about="Attributes of the load balancer. Those that are not written stay as AWS has them.",
    takes=f"{_MAP}; AWS knows the keys and their values",
    reader=read_map,
    example="idle_timeout.timeout_seconds=120, deletion_protection.enabled=true",
    default="as AWS has them",
    aws="ModifyLoadBalancerAttributes",
    in_group=_JOINED,
    class_field="loadBalancerAttributes",
    conflicts=(
        "The class's wins key by key. Taking an attribute away leaves its value: write AWS's default instead. "
        "With `deletion_protection.enabled=true` the load balancer is neither deleted nor replaced."
    ),
)
CAPACITY = Annotation(
    suffix="minimum-load-balancer-capacity",
    about="Capacity that AWS holds ready for the load balancer, whatever the traffic.",
    takes="`CapacityUnits=NUMBER`; 0 gives it back",
    reader=_capacity_units,
    example="CapacityUnits=1000",
    default="as AWS has it",
    aws="ModifyCapacityReservation MinimumLoadBalancerCapacity",
    in_group=_ONE_VALUE,
    class_field="minimumLoadBalancerCapacity",
    gate="LBCapacityReservation",
    conflicts="Taking it away leaves what was reserved.",
)
CUSTOMER_OWNED_POOL = Annotation(
    suffix="customer-owned-ipv4-pool",
    about="Takes the load balancer's addresses from a customer-owned pool, on an Outpost.",
    takes="a pool's id; it may not be empty",
    reader=_not_empty,
    example="ipv4pool-coip-0a1b2c3d",
    default="none",
    aws="CreateLoadBalancer CustomerOwnedIpv4Pool",
    in_group=_ONE_VALUE,
    conflicts="Only read when the load balancer is made.",
)
IPAM_POOL = Annotation(
    suffix="ipam-ipv4-pool-id",
    about="Takes the load balancer's public IPv4 addresses from an IPAM pool, as long as it has any.",
    takes="a pool's id",
    reader=read_text,
    example="ipam-pool-0f995c17c00375b48",
    default="AWS's own addresses",
    aws="CreateLoadBalancer IpamPools.Ipv4IpamPoolId",
    in_group=_ONE_VALUE,
    class_field="ipamConfiguration.ipv4IPAMPoolId",
    conflicts="Taking it away gives AWS's own addresses back.",
    blank_is_absent=True,
)
TAGS = Annotation(
    suffix="tags",
    about="Tags on everything that is made for the Ingress.",
    takes=_MAP,
    reader=read_map,
    example="team=shop, stage=live",
    default="the flag `--default-tags` alone",
    aws="AddTags, CreateTags",
    on_service="joined with the Ingress's on the Service's target groups, and wins key by key",
    in_group=f"{_JOINED} (on the load balancer and its listeners; target groups and rules have their own member's)",
    class_field="tags",
    conflicts=(
        "The class's wins key by key; so do `--default-tags`, unless the feature gate "
        "EnableDefaultTagsLowPriority is on. Tags of `--external-managed-tags` may not be written."
    ),
)

# -- listeners

LISTEN_PORTS = Annotation(
    suffix="listen-ports",
    about="The ports that the load balancer listens on for this Ingress, each with its protocol.",
    takes="a JSON array of objects, `HTTP` or `HTTPS` to a port",
    reader=_listen_ports,
    idle_keys=lambda _written: (),  # any other key is an error
    example='[{"HTTP": 80}, {"HTTPS": 443}]',
    default="HTTPS 443 with `certificate-arn`, else HTTP 80",
    aws="CreateListener Port, Protocol",
    in_group="joined: a port that several members name has the rules of all of them, and one protocol",
    conflicts=(
        "Of two protocols for one port the last holds. An HTTPS port needs a certificate: named here, or found by "
        "the hosts of the Ingress."
    ),
)
CERTIFICATE_ARN = Annotation(
    suffix="certificate-arn",
    about=("Certificates of HTTPS listeners. The first is the default, the others go by the name the client asks for."),
    takes=f"ARNs, {_LIST}",
    reader=read_list,
    example="arn:aws:acm:eu-west-1:111122223333:certificate/12345678-1234-1234-1234-123456789012",
    default="found in ACM by the hosts of `spec.rules` and `spec.tls`",
    aws="CreateListener Certificates",
    in_group="joined for a port that members share; the first member's first is the default",
    class_field="certificateArn",
    needs=(HTTPS_LISTENER,),
    blank_is_absent=True,
)
SSL_POLICY = Annotation(
    suffix="ssl-policy",
    about="Protocols and ciphers of HTTPS listeners.",
    takes="a security policy's name",
    reader=read_text,
    example="ELBSecurityPolicy-TLS13-1-2-2021-06",
    default="the flag `--default-ssl-policy` (ELBSecurityPolicy-2016-08)",
    aws="CreateListener SslPolicy",
    in_group=_ONE_FOR_EACH_PORT,
    class_field="sslPolicy",
    needs=(HTTPS_LISTENER,),
)
SSL_REDIRECT = Annotation(
    suffix="ssl-redirect",
    about="Lets every HTTP listener do nothing but redirect to an HTTPS port.",
    takes="the port of an HTTPS listener of the same load balancer",
    reader=read_int32,
    example="443",
    default="no redirect",
    aws="CreateListener DefaultActions.RedirectConfig",
    in_group=f"{_ONE_VALUE}; it holds for the HTTP listeners of all members",
    class_field="sslRedirectPort",
    needs=(HTTP_LISTENER,),
    conflicts=("HTTP listeners then have no rules, so an Ingress that has only such listeners serves nothing."),
)
MUTUAL_AUTHENTICATION = Annotation(
    suffix="mutual-authentication",
    about="What HTTPS listeners do with clients' certificates.",
    takes=(
        "a JSON array with an object for each port: `port`, `mode` (`off`, `passthrough`, `verify`); for `verify` "
        "also `trustStore` (its name or ARN), and if wanted `ignoreClientCertificateExpiry` (`true`, `false`) and "
        "`advertiseTrustStoreCaNames` (`on`, `off`)"
    ),
    reader=_mutual_authentication,
    idle_keys=lambda written: json_fields.unknown(written, _MUTUAL),
    example='[{"port": 443, "mode": "passthrough"}]',
    default="as AWS has it (off)",
    aws="CreateListener MutualAuthentication",
    in_group=_ONE_FOR_EACH_PORT,
    needs=(HTTPS_LISTENER,),
    conflicts="Taking it away leaves what was set: write the mode `off`.",
)
LISTENER_ATTRIBUTES = Annotation(
    suffix="listener-attributes",
    about="Attributes of one listener. Those that are not written stay as AWS has them.",
    takes=f"{_MAP}; AWS knows the keys and their values",
    reader=read_map,
    keyed=True,
    key="the listener's protocol and port: PROTOCOL-PORT",
    example_key="HTTPS-443",
    example="routing.http.response.server.enabled=false",
    default="as AWS has them",
    aws="ModifyListenerAttributes",
    in_group=_JOINED,
    class_field="listeners",
    conflicts="The class's wins key by key. Taking an attribute away leaves its value.",
)

# -- rules

ACTIONS = Annotation(
    suffix="actions",
    about=("What a rule does instead of forwarding to a Service: answer, redirect, or forward with weights."),
    takes=(
        "a JSON object: `type` (`fixed-response`, `redirect`, `forward`) with `fixedResponseConfig`, "
        "`redirectConfig`, or `forwardConfig`, `targetGroupARN` or `targetGroupName`"
    ),
    reader=actions.read_action,
    idle_keys=actions.without_effect,
    keyed=True,
    key="the name that a backend gives as its Service, with the port's name `use-annotation`",
    example_key="maintenance",
    example=('{"type": "fixed-response", "fixedResponseConfig": {"contentType": "text/plain", "statusCode": "503"}}'),
    default="without it, such a backend answers 503",
    aws="CreateRule Actions",
    in_group=_EACH_ITS_OWN,
    conflicts=(
        "Several `targetGroups` need a `weight` each. A status code is text, in quotes. `targetGroupARN` wins "
        "over `targetGroupName`."
    ),
)
CONDITIONS = Annotation(
    suffix="conditions",
    about="Conditions of a rule beside its host and path.",
    takes=(
        "a JSON array of objects: `field` (`host-header`, `http-header`, `http-request-method`, `path-pattern`, "
        "`query-string`, `source-ip`) with its configuration, such as `hostHeaderConfig`"
    ),
    reader=rules.read_conditions,
    idle_keys=rules.conditions_without_effect,
    keyed=True,
    key="the name that a rule's backend gives as its Service",
    example_key="web",
    example='[{"field": "http-request-method", "httpRequestMethodConfig": {"values": ["GET"]}}]',
    default="none beside host and path",
    aws="CreateRule Conditions",
    in_group=_EACH_ITS_OWN,
    conflicts=(
        "One field takes patterns (`values`) or regular expressions (`regexValues`), not both, those of host and "
        "path of the rule included. A field that no load balancer has is left out, so the rule matches more."
    ),
)
TRANSFORMS = Annotation(
    suffix="transforms",
    about="Rewrites the host or the URL of requests on their way to the targets.",
    takes=(
        "a JSON array of objects: `type` (`url-rewrite`, `host-header-rewrite`) with `urlRewriteConfig` or "
        "`hostHeaderRewriteConfig`"
    ),
    reader=rules.read_transforms,
    idle_keys=rules.transforms_without_effect,
    keyed=True,
    key="the name that a rule's backend gives as its Service",
    example_key="web",
    example=(
        '[{"type": "url-rewrite", "urlRewriteConfig": {"rewrites": [{"regex": "^/api/(.+)$", "replace": "/$1"}]}}]'
    ),
    default="none",
    aws="CreateRule Transforms",
    in_group=_EACH_ITS_OWN,
)
USE_REGEX_PATH_MATCH = Annotation(
    suffix="use-regex-path-match",
    about=(
        "Takes the paths of type ImplementationSpecific, without their first character `/`, as regular expressions."
    ),
    takes=_BOOLEAN,
    reader=read_bool,
    example="true",
    default="false",
    aws="CreateRule Conditions.PathPatternConfig.RegexValues",
    in_group=_EACH_ITS_OWN,
    needs=(FREE_PATH,),
    asks_for_nothing=(False,),
)

# -- target groups

TARGET_TYPE: Annotation[Literal["instance", "ip"]] = Annotation(
    suffix="target-type",
    about="Where traffic goes: to the node port of every node, or straight to the pods.",
    takes="`instance`, `ip`",
    reader=cast('Reader[Literal["instance", "ip"]]', one_of("instance", "ip")),
    example="ip",
    default="the flag `--default-target-type` (instance)",
    aws="CreateTargetGroup TargetType",
    on_service=_WINS,
    in_group=_EACH_ITS_OWN,
    class_field="targetType",
    conflicts=(
        "`instance` needs node ports, so a Service of type NodePort or LoadBalancer; `ip` needs the feature gate "
        "EnableIPTargetType (on)."
    ),
)
BACKEND_PROTOCOL = Annotation(
    suffix="backend-protocol",
    about="The protocol between load balancer and targets.",
    takes="`HTTP`, `HTTPS`",
    reader=one_of("HTTP", "HTTPS"),
    example="HTTPS",
    default="HTTP",
    aws="CreateTargetGroup Protocol",
    on_service=_WINS,
    in_group=_EACH_ITS_OWN,
)
BACKEND_PROTOCOL_VERSION = Annotation(
    suffix="backend-protocol-version",
    about="The version of that protocol.",
    takes="`HTTP1`, `HTTP2`, `GRPC`",
    reader=one_of("HTTP1", "HTTP2", "GRPC"),
    example="GRPC",
    default="HTTP1",
    aws="CreateTargetGroup ProtocolVersion",
    on_service=_WINS,
    in_group=_EACH_ITS_OWN,
    conflicts="AWS takes HTTP2 and GRPC on HTTPS listeners only.",
)
TARGET_GROUP_ATTRIBUTES = Annotation(
    suffix="target-group-attributes",
    about="Attributes of the target groups. Those that are not written stay as AWS has them.",
    takes=f"{_MAP}; AWS knows the keys and their values",
    reader=read_map,
    example=("deregistration_delay.timeout_seconds=30, load_balancing.algorithm.type=least_outstanding_requests"),
    default="as AWS has them",
    aws="ModifyTargetGroupAttributes",
    on_service="takes the place of the whole of the Ingress's",
    in_group=_EACH_ITS_OWN,
    conflicts="Taking an attribute away leaves its value.",
)
TARGET_NODE_LABELS = Annotation(
    suffix="target-node-labels",
    about="Labels that a node must have to become a target.",
    takes=_MAP,
    reader=read_map,
    example="role=edge",
    default="all nodes that are fit for it",
    aws="RegisterTargets Targets",
    on_service=_WINS,
    in_group=_EACH_ITS_OWN,
    needs=(INSTANCE_TARGETS,),
)
TARGET_CONTROL_PORT = Annotation(
    suffix="target-control-port",
    about=("The port on which targets tell the load balancer how many requests they can take (target optimizer)."),
    takes="a port",
    reader=integer_between(1, 65535),
    keyed=True,
    key="the Service's name and the port as the rule names it: SERVICE.PORT",
    example_key="web.80",
    example="3000",
    default="none",
    aws="CreateTargetGroup TargetControlPort",
    on_service=_WINS,
    in_group=_EACH_ITS_OWN,
    conflicts="Needs ip targets. A change makes a new target group.",
)
MULTI_CLUSTER = Annotation(
    suffix="multi-cluster-target-group",
    about=("Lets other clusters register targets in the target groups: only this cluster's are touched."),
    takes=_BOOLEAN,
    reader=read_bool,
    example="true",
    default="false",
    aws="RegisterTargets, DeregisterTargets",
    on_service="`true` in either place counts",
    in_group=_EACH_ITS_OWN,
    asks_for_nothing=(False,),
)
HEALTH_CHECK_PROTOCOL = Annotation(
    suffix="healthcheck-protocol",
    about="How targets are asked whether they are healthy.",
    takes="`HTTP`, `HTTPS`",
    reader=one_of("HTTP", "HTTPS"),
    example="HTTPS",
    default="that of `backend-protocol`",
    aws="CreateTargetGroup HealthCheckProtocol",
    on_service=_WINS,
    in_group=_EACH_ITS_OWN,
)
HEALTH_CHECK_PORT = Annotation(
    suffix="healthcheck-port",
    about="The port that targets are asked on.",
    takes="`traffic-port`, a number, or the name of a port of the Service",
    reader=read_text,
    example="8081",
    default="traffic-port",
    aws="CreateTargetGroup HealthCheckPort",
    on_service=_WINS,
    in_group=_EACH_ITS_OWN,
    conflicts=(
        "The name means the node port with instance targets, and the target port, which must be a number, with ip "
        "targets."
    ),
)
HEALTH_CHECK_PATH = Annotation(
    suffix="healthcheck-path",
    about="The path that is asked for; with GRPC the method.",
    takes="a path",
    reader=read_text,
    example="/ready",
    default="/; /AWS.ALB/healthcheck with GRPC",
    aws="CreateTargetGroup HealthCheckPath",
    on_service=_WINS,
    in_group=_EACH_ITS_OWN,
)
HEALTH_CHECK_INTERVAL = Annotation(
    suffix="healthcheck-interval-seconds",
    about="Seconds between two health checks.",
    takes="a whole number, AWS takes 5 to 300",
    reader=read_int32,
    example="30",
    default="15",
    aws="CreateTargetGroup HealthCheckIntervalSeconds",
    on_service=_WINS,
    in_group=_EACH_ITS_OWN,
)
HEALTH_CHECK_TIMEOUT = Annotation(
    suffix="healthcheck-timeout-seconds",
    about="Seconds without an answer after which a health check has failed.",
    takes="a whole number, AWS takes 2 to 120",
    reader=read_int32,
    example="10",
    default="5",
    aws="CreateTargetGroup HealthCheckTimeoutSeconds",
    on_service=_WINS,
    in_group=_EACH_ITS_OWN,
    conflicts="AWS wants it below the interval.",
)
HEALTHY_THRESHOLD = Annotation(
    suffix="healthy-threshold-count",
    about="Successes in a row after which a target is healthy.",
    takes="a whole number, AWS takes 2 to 10",
    reader=read_int32,
    example="3",
    default="2",
    aws="CreateTargetGroup HealthyThresholdCount",
    on_service=_WINS,
    in_group=_EACH_ITS_OWN,
)
UNHEALTHY_THRESHOLD = Annotation(
    suffix="unhealthy-threshold-count",
    about="Failures in a row after which a target is unhealthy.",
    takes="a whole number, AWS takes 2 to 10",
    reader=read_int32,
    example="3",
    default="2",
    aws="CreateTargetGroup UnhealthyThresholdCount",
    on_service=_WINS,
    in_group=_EACH_ITS_OWN,
)
SUCCESS_CODES = Annotation(
    suffix="success-codes",
    about="Answers that count as healthy.",
    takes="codes of HTTP, with GRPC of gRPC: single ones with commas between them, or a range",
    reader=read_text,
    example="200-299",
    default="200; 12 with GRPC",
    aws="CreateTargetGroup Matcher",
    on_service=_WINS,
    in_group=_EACH_ITS_OWN,
)

# -- authentication

AUTH_TYPE = Annotation(
    suffix="auth-type",
    about="Who users must have signed in with before their requests reach the targets.",
    takes="`none`, `cognito`, `oidc`",
    reader=one_of("none", "cognito", "oidc"),
    example="cognito",
    default="none",
    aws="CreateRule Actions.Type",
    on_service=_WINS,
    in_group=_EACH_ITS_OWN,
    needs=(HTTPS_LISTENER,),
    asks_for_nothing=("none",),
    conflicts=("On HTTP listeners there is no sign-in: requests pass. It cannot stand beside `jwt-validation`."),
)
JWT_VALIDATION = Annotation(
    suffix="jwt-validation",
    about="Lets only requests through that bear a valid JSON Web Token.",
    takes=(
        "a JSON object: `jwksEndpoint`, `issuer`, and if wanted `additionalClaims`, each with `name`, `format` "
        "(`single-string`, `string-array`, `space-separated-values`) and `values`"
    ),
    reader=identity_providers.read_jwt_validation,
    idle_keys=identity_providers.jwt_without_effect,
    example='{"jwksEndpoint": "https://example.com/jwks", "issuer": "https://example.com"}',
    default="none",
    aws="CreateRule Actions.JwtValidationConfig",
    in_group=_EACH_ITS_OWN,
    needs=(HTTPS_LISTENER,),
    conflicts="On HTTP listeners nothing is checked: requests pass. It cannot stand beside `auth-type`.",
)

CREATE_ACM_CERT = Annotation(
    suffix="create-acm-cert",
    about="Requests a certificate from ACM for the hosts of the Ingress.",
    takes=_BOOLEAN,
    reader=read_text,
    example="true",
    default="false",
    aws="RequestCertificate",
    in_group=_EACH_ITS_OWN,
    carried_out=False,
)
ACM_PCA_ARN = Annotation(
    suffix="acm-pca-arn",
    about=("The private certificate authority that issues the certificate that `create-acm-cert` requests."),
    takes="an ARN",
    reader=read_text,
    example=("arn:aws:acm-pca:eu-west-1:111122223333:certificate-authority/12345678-1234-1234-1234-123456789012"),
    default="Amazon issues it",
    aws="RequestCertificate CertificateAuthorityArn",
    in_group=_EACH_ITS_OWN,
    carried_out=False,
)
AUTH_IDP_COGNITO = Annotation(
    suffix="auth-idp-cognito",
    about="The Cognito user pool that users sign in with.",
    takes=(
        "a JSON object: `userPoolARN`, `userPoolClientID`, `userPoolDomain` (of an Amazon Cognito domain the "
        "prefix alone), and if wanted `authenticationRequestExtraParams`"
    ),
    reader=identity_providers.read_cognito,
    idle_keys=identity_providers.cognito_without_effect,
    example=(
        '{"userPoolARN": "arn:aws:cognito-idp:eu-west-1:111122223333:userpool/eu-west-1_AbCdEfGhI", '
        '"userPoolClientID": "client", "userPoolDomain": "shop"}'
    ),
    default="none",
    aws="CreateRule Actions.AuthenticateCognitoConfig",
    on_service=_WINS,
    in_group=_EACH_ITS_OWN,
    needs=(COGNITO,),
)
AUTH_IDP_OIDC = Annotation(
    suffix="auth-idp-oidc",
    about="The OpenID Connect provider that users sign in with.",
    takes=(
        "a JSON object: `issuer`, `authorizationEndpoint`, `tokenEndpoint`, `userInfoEndpoint`, `secretName` (a "
        "Secret of the Ingress's namespace with `clientID` and `clientSecret`), and if wanted "
        "`authenticationRequestExtraParams`"
    ),
    reader=identity_providers.read_oidc,
    idle_keys=identity_providers.oidc_without_effect,
    example=(
        '{"issuer": "https://example.com", "authorizationEndpoint": "https://example.com/authorize", '
        '"tokenEndpoint": "https://example.com/token", "userInfoEndpoint": "https://example.com/userinfo", '
        '"secretName": "shop-oidc"}'
    ),
    default="none",
    aws="CreateRule Actions.AuthenticateOidcConfig",
    on_service=_WINS,
    in_group=_EACH_ITS_OWN,
    needs=(OIDC,),
)
AUTH_ON_UNAUTHENTICATED_REQUEST = Annotation(
    suffix="auth-on-unauthenticated-request",
    about="What becomes of requests of users who have not signed in.",
    takes="`authenticate` (they are sent to sign in), `allow` (they pass), `deny` (401)",
    reader=read_text,
    example="deny",
    default="authenticate",
    aws="CreateRule Actions OnUnauthenticatedRequest",
    on_service=_WINS,
    in_group=_EACH_ITS_OWN,
    needs=(AUTHENTICATION,),
)
AUTH_SCOPE = Annotation(
    suffix="auth-scope",
    about="What is asked of the provider about a user.",
    takes="scopes, with blanks between them",
    reader=read_text,
    example="openid email",
    default="openid",
    aws="CreateRule Actions Scope",
    on_service=_WINS,
    in_group=_EACH_ITS_OWN,
    needs=(AUTHENTICATION,),
)
AUTH_SESSION_COOKIE = Annotation(
    suffix="auth-session-cookie",
    about="The cookie that holds the session.",
    takes="a cookie's name",
    reader=read_text,
    example="shop-session",
    default="AWSELBAuthSessionCookie",
    aws="CreateRule Actions SessionCookieName",
    on_service=_WINS,
    in_group=_EACH_ITS_OWN,
    needs=(AUTHENTICATION,),
)
AUTH_SESSION_TIMEOUT = Annotation(
    suffix="auth-session-timeout",
    about="Seconds after which users must sign in again.",
    takes="a whole number from 1 to 604800",
    reader=read_int,
    example="86400",
    default="604800 (7 days)",
    aws="CreateRule Actions SessionTimeout",
    on_service=_WINS,
    in_group=_EACH_ITS_OWN,
    needs=(AUTHENTICATION,),
)
WAFV2_ACL_ARN = Annotation(
    suffix="wafv2-acl-arn",
    about="The WAF (v2) web ACL that requests must pass.",
    takes="the ARN of a regional web ACL; `none` takes away the one that is there",
    reader=_web_acl_arn,
    example=("arn:aws:wafv2:eu-west-1:111122223333:regional/webacl/shop/12345678-1234-1234-1234-123456789012"),
    default="as AWS has it",
    aws="wafv2 AssociateWebACL WebACLArn",
    in_group=_ONE_VALUE,
    class_field="wafv2AclArn",
    needs=(WAFV2,),
    asks_for_nothing=("",),
    loses_to=("wafv2-acl-name",),
)
WAFV2_ACL_NAME = Annotation(
    suffix="wafv2-acl-name",
    about="The WAF (v2) web ACL that requests must pass, by its name.",
    takes="the name of a regional web ACL; `none` takes away the one that is there",
    reader=read_text,
    example="shop",
    default="see `wafv2-acl-arn`",
    aws="wafv2 AssociateWebACL WebACLArn",
    in_group=_ONE_VALUE,
    class_field="wafv2AclName",
    needs=(WAFV2,),
    asks_for_nothing=(NO_WEB_ACL,),
    blank_is_absent=True,
    conflicts="Where one member of a group gives a name, no member's ARN counts.",
)
WAF_ACL_ID = Annotation(
    suffix="waf-acl-id",
    about="The WAF Classic web ACL that requests must pass.",
    takes="the id of a regional web ACL; `none` takes away the one that is there",
    reader=read_text,
    example="12345678-1234-1234-1234-123456789012",
    default="as AWS has it",
    aws="waf-regional AssociateWebACL WebACLId",
    in_group=_ONE_VALUE,
    needs=(WAF_CLASSIC,),
    asks_for_nothing=(NO_WEB_ACL,),
    blank_is_absent=True,
)
WEB_ACL_ID = Annotation(
    suffix="web-acl-id",
    about="The older name of `waf-acl-id`.",
    takes="as `waf-acl-id`",
    reader=read_text,
    example="12345678-1234-1234-1234-123456789012",
    default="see `waf-acl-id`",
    aws="waf-regional AssociateWebACL WebACLId",
    in_group=_ONE_VALUE,
    needs=(WAF_CLASSIC,),
    asks_for_nothing=(NO_WEB_ACL,),
    blank_is_absent=True,
    loses_to=("waf-acl-id",),
)
SHIELD_ADVANCED_PROTECTION = Annotation(
    suffix="shield-advanced-protection",
    about="Whether Shield Advanced protects the load balancer.",
    takes=_BOOLEAN,
    reader=read_bool,
    example="true",
    default="as AWS has it",
    aws="shield CreateProtection, DeleteProtection",
    in_group=_ONE_VALUE,
    needs=(SHIELD,),
    asks_for_nothing=(False,),
    conflicts="The account needs a subscription of Shield Advanced.",
)
ENABLE_FRONTEND_NLB = Annotation(
    suffix="enable-frontend-nlb",
    about="Puts a network load balancer in front of the load balancer, whose only target it is.",
    takes=_BOOLEAN,
    reader=read_bool,
    example="true",
    default="false",
    aws="CreateLoadBalancer Type network",
    in_group=_ONE_VALUE,
    asks_for_nothing=(False,),
    conflicts=(
        "The Ingress then has two host names. A managed security group lets in the ports of `listen-ports`, not those "
        "of the frontend NLB."
    ),
)
FRONTEND_NLB_SCHEME: Annotation[Scheme] = Annotation(
    suffix="frontend-nlb-scheme",
    about="Whether the frontend NLB has public addresses.",
    takes="`internal`, `internet-facing`",
    reader=cast("Reader[Scheme]", one_of("internal", "internet-facing")),
    example="internet-facing",
    default="the flag `--default-load-balancer-scheme` (internal)",
    aws="CreateLoadBalancer Scheme",
    in_group=_ONE_VALUE,
    needs=(FRONTEND_NLB,),
)
FRONTEND_NLB_SUBNETS = Annotation(
    suffix="frontend-nlb-subnets",
    about="The subnets that the frontend NLB stands in.",
    takes=f"subnet ids or `Name` tags, {_LIST}",
    reader=_at_least_one,
    example="subnet-0a1b2c3d4e5f60718, shop-public-b",
    default="discovered by role tags, else by routes",
    aws="CreateLoadBalancer SubnetMappings",
    in_group=_ONE_VALUE,
    needs=(FRONTEND_NLB,),
)
FRONTEND_NLB_SECURITY_GROUPS = Annotation(
    suffix="frontend-nlb-security-groups",
    about="Security groups of the frontend NLB.",
    takes=f"ids or `Name` tags, {_LIST}",
    reader=read_list,
    example="sg-0a1b2c3d4e5f60718, shop-frontend",
    default="those of the load balancer behind it",
    aws="CreateLoadBalancer SecurityGroups",
    in_group=_ONE_VALUE,
    needs=(FRONTEND_NLB,),
    blank_is_absent=True,
)
FRONTEND_NLB_EIP_ALLOCATIONS = Annotation(
    suffix="frontend-nlb-eip-allocations",
    about="Elastic addresses of the frontend NLB.",
    takes=f"allocation ids, one for each subnet, {_LIST}",
    reader=read_list,
    example="eipalloc-0a1b2c3d4e5f60718, eipalloc-0b2c3d4e5f6071829",
    default="AWS chooses",
    aws="CreateLoadBalancer SubnetMappings.AllocationId",
    in_group=_ONE_VALUE,
    needs=(FRONTEND_NLB,),
    conflicts="Needs `frontend-nlb-scheme: internet-facing` and as many as there are subnets.",
    blank_is_absent=True,
)
FRONTEND_NLB_TAGS = Annotation(
    suffix="frontend-nlb-tags",
    about="Tags of the frontend NLB, instead of those of the load balancer behind it.",
    takes=_MAP,
    reader=read_map,
    example="team=shop, stage=live",
    default="those of the load balancer behind it",
    aws="AddTags",
    in_group=_ONE_VALUE,
    needs=(FRONTEND_NLB,),
)
FRONTEND_NLB_ATTRIBUTES = Annotation(
    suffix="frontend-nlb-attributes",
    about="Attributes of the frontend NLB. Those that are not written stay as AWS has them.",
    takes=f"{_MAP}; AWS knows the keys and their values",
    reader=_network_load_balancer_attributes,
    example="load_balancing.cross_zone.enabled=true",
    default="as AWS has them",
    aws="ModifyLoadBalancerAttributes",
    in_group=_ONE_VALUE,
    needs=(FRONTEND_NLB,),
)
FRONTEND_NLB_LISTENER_PORT_MAPPING = Annotation(
    suffix="frontend-nlb-listener-port-mapping",
    about="Which ports of the frontend NLB lead to which listeners.",
    takes=f"NLB port to listener port: {_MAP}",
    reader=_port_mapping,
    example="80=8080, 443=443",
    default="every port of `listen-ports` to itself",
    aws="CreateListener Port",
    in_group="joined; a port leads to one listener",
    needs=(FRONTEND_NLB,),
    conflicts="Only ports of the Ingress's own `listen-ports` are led to; others are left out.",
)
FRONTEND_NLB_HEALTHCHECK_PROTOCOL = Annotation(
    suffix="frontend-nlb-healthcheck-protocol",
    about="How the frontend NLB asks the load balancer behind it whether it is healthy.",
    takes="`HTTP`, `HTTPS`",
    reader=one_of("HTTP", "HTTPS"),
    example="HTTPS",
    default="HTTP",
    aws="CreateTargetGroup HealthCheckProtocol",
    in_group=_ONE_FOR_EACH_PORT,
    needs=(FRONTEND_NLB,),
)
FRONTEND_NLB_HEALTHCHECK_PORT = Annotation(
    suffix="frontend-nlb-healthcheck-port",
    about="The port that is asked.",
    takes="`traffic-port`, or a number",
    reader=_health_check_port,
    example="80",
    default="traffic-port",
    aws="CreateTargetGroup HealthCheckPort",
    in_group=_ONE_FOR_EACH_PORT,
    needs=(FRONTEND_NLB,),
)
FRONTEND_NLB_HEALTHCHECK_PATH = Annotation(
    suffix="frontend-nlb-healthcheck-path",
    about="The path that is asked for.",
    takes="a path",
    reader=read_text,
    example="/ready",
    default="/",
    aws="CreateTargetGroup HealthCheckPath",
    in_group=_ONE_FOR_EACH_PORT,
    needs=(FRONTEND_NLB,),
)
FRONTEND_NLB_HEALTHCHECK_SUCCESS_CODES = Annotation(
    suffix="frontend-nlb-healthcheck-success-codes",
    about="Answers that count as healthy.",
    takes="codes of HTTP: single ones with commas between them, or a range",
    reader=read_text,
    example="200-399",
    default="200",
    aws="CreateTargetGroup Matcher.HttpCode",
    in_group=_ONE_FOR_EACH_PORT,
    needs=(FRONTEND_NLB,),
)
FRONTEND_NLB_HEALTHCHECK_INTERVAL_SECONDS = Annotation(
    suffix="frontend-nlb-healthcheck-interval-seconds",
    about="Seconds between two health checks.",
    takes="a whole number, AWS takes 5 to 300",
    reader=read_int32,
    example="30",
    default="15",
    aws="CreateTargetGroup HealthCheckIntervalSeconds",
    in_group=_ONE_FOR_EACH_PORT,
    needs=(FRONTEND_NLB,),
)
FRONTEND_NLB_HEALTHCHECK_TIMEOUT_SECONDS = Annotation(
    suffix="frontend-nlb-healthcheck-timeout-seconds",
    about="Seconds without an answer after which a health check has failed.",
    takes="a whole number, AWS takes 2 to 120",
    reader=read_int32,
    example="10",
    default="5",
    aws="CreateTargetGroup HealthCheckTimeoutSeconds",
    in_group=_ONE_FOR_EACH_PORT,
    needs=(FRONTEND_NLB,),
)
FRONTEND_NLB_HEALTHCHECK_HEALTHY_THRESHOLD_COUNT = Annotation(
    suffix="frontend-nlb-healthcheck-healthy-threshold-count",
    about="Successes in a row after which the load balancer behind it is healthy.",
    takes="a whole number, AWS takes 2 to 10",
    reader=read_int32,
    example="3",
    default="2",
    aws="CreateTargetGroup HealthyThresholdCount",
    in_group=_ONE_FOR_EACH_PORT,
    needs=(FRONTEND_NLB,),
)
FRONTEND_NLB_HEALTHCHECK_UNHEALTHY_THRESHOLD_COUNT = Annotation(
    suffix="frontend-nlb-healthcheck-unhealthy-threshold-count",
    about="Failures in a row after which it is unhealthy.",
    takes="a whole number, AWS takes 2 to 10",
    reader=read_int32,
    example="3",
    default="2",
    aws="CreateTargetGroup UnhealthyThresholdCount",
    in_group=_ONE_FOR_EACH_PORT,
    needs=(FRONTEND_NLB,),
)
DRY_RUN_PLAN = Annotation(
    suffix="dry-run-plan",
    about="Where the controller writes the plan of a dry run.",
    takes="nothing: the controller writes it",
    reader=read_text,
    example="{}",
    default="none",
    aws="nothing",
    in_group=_EACH_ITS_OWN,
    carried_out=False,
)

TABLE: dict[str, Annotation[Any]] = {a.suffix: a for a in tuple(globals().values()) if isinstance(a, Annotation)}
"""Suffix → annotation, all that the peer knows."""
