"""A Service becomes the wish for an NLB: which Services are ours, and what their spec and annotations ask for."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from typing import Any

from aws_lb_controller.errors import Problem, SpecError
from aws_lb_controller.intent import service_annotations as table
from aws_lb_controller.intent.annotations import AnnotationReader
from aws_lb_controller.intent.readers import Unreadable, read_bool
from aws_lb_controller.intent.values import (
    FixedAddresses,
    ForwardIntent,
    ForwardTo,
    FrontendAccess,
    HealthCheckIntent,
    ListenerIntent,
    LoadBalancerIntent,
    SecurityGroupChoice,
    ServiceFacts,
    ServicePort,
    StackIntent,
    SubnetChoice,
    TargetGroupIntent,
)
from aws_lb_controller.model.stack import StackId
from aws_lb_controller.model.target_group import TargetType
from aws_lb_controller.settings import Settings

Obj = Mapping[str, Any]

_QUIC = {"UDP": "QUIC", "TCP_UDP": "TCP_QUIC"}
_CLIENT_ROUTING = ("any_availability_zone", "partial_availability_zone_affinity", "availability_zone_affinity")


def is_ours(service: Obj, settings: Settings) -> bool:
    """Whether an NLB is wanted for this Service: by loadBalancerClass, else by the legacy type annotation."""
    if service["metadata"].get("deletionTimestamp"):
        return False
    spec = service.get("spec", {})
    if settings.feature_gates.service_type_load_balancer_only and spec.get("type") != "LoadBalancer":
        return False
    if (wanted := spec.get("loadBalancerClass")) is not None:
        return bool(wanted == settings.load_balancer_class)
    reader = _reader(service)
    kind = reader.get(table.TYPE)
    return kind == "nlb-ip" or (kind == "external" and (reader.get(table.TARGET_TYPE) or "") in ("ip", "instance"))


def deletion_protection(service: Obj) -> bool | None:
    """Whether the Service's own annotation protects its load balancer from deletion; None: it is silent.

    What cannot be read counts as protection.
    """
    text = (_reader(service).get(table.ATTRIBUTES) or {}).get("deletion_protection.enabled")
    try:
        return None if text is None else read_bool(text)
    except Unreadable:
        return True


def object_ref(service: Obj) -> str:
    """How problems name the Service."""
    return f"Service {service['metadata']['namespace']}/{service['metadata']['name']}"


def stack_id(service: Obj) -> StackId:
    """The stack of a Service."""
    return StackId("service", f"{service['metadata']['namespace']}/{service['metadata']['name']}")


def service_facts(service: Obj) -> ServiceFacts:
    """What target groups need to know of a Service (``v1`` Service as the API gives it)."""
    meta, spec = service["metadata"], service.get("spec", {})
    return ServiceFacts(
        namespace=meta["namespace"],
        name=meta["name"],
        uid=meta.get("uid", ""),
        type=spec.get("type", "ClusterIP"),
        ports=tuple(_port(p) for p in spec.get("ports") or ()),
        ip_families=tuple(spec.get("ipFamilies") or ()),
        external_traffic_policy=spec.get("externalTrafficPolicy", ""),
        health_check_node_port=spec.get("healthCheckNodePort"),
        annotations=meta.get("annotations") or {},
    )


def _port(port: Obj) -> ServicePort:
    return ServicePort(
        name=port.get("name") or "",
        port=port["port"],
        target_port=port.get("targetPort", port["port"]),
        node_port=port.get("nodePort"),
        protocol=port.get("protocol", "TCP"),
    )


def _reader(service: Obj) -> AnnotationReader:
    return AnnotationReader(
        object_ref=object_ref(service),
        annotations=service["metadata"].get("annotations") or {},
        prefix=table.PREFIX,
    )


def read_service(service: Obj, settings: Settings) -> tuple[StackIntent, tuple[Problem, ...]]:
    """The wish, and warnings about what is passed over. Raises SpecError with every problem of the Service."""
    reading = _Reading(service, settings)
    intent = reading.stack()
    if reading.notes.problems:
        raise SpecError(reading.notes.problems)
    return intent, tuple(reading.notes.not_carried_out(table.TABLE))


class _Reading:
    """One pass over one Service; problems gather in `notes`."""

    def __init__(self, service: Obj, settings: Settings) -> None:
        self.service, self.settings = service, settings
        self.facts = service_facts(service)
        self.notes = _reader(service)
        self.tags = self._tags()

    def stack(self) -> StackIntent:
        listeners, target_groups = [], []
        for port, protocol in self._ports():
            listener, target_group = self._listener(port, protocol)
            listeners.append(listener)
            target_groups.append(target_group)
        self._check_ssl_ports()
        return StackIntent(
            stack=stack_id(self.service),
            load_balancer=self._load_balancer(),
            target_groups=tuple(target_groups),
            listeners=tuple(listeners),
        )

    # -- the load balancer

    def _load_balancer(self) -> LoadBalancerIntent:
        get = self.notes.get
        subnets = get(table.SUBNETS)
        return LoadBalancerIntent(
            type="network",
            scheme=self._scheme(),
            default_scheme=self.settings.default_load_balancer_scheme,
            name=get(table.NAME),
            ip_address_type=get(table.IP_ADDRESS_TYPE),
            subnets=SubnetChoice(names_or_ids=subnets),
            addresses=FixedAddresses(
                eip_allocations=get(table.EIP_ALLOCATIONS),
                private_ipv4=get(table.PRIVATE_IPV4_ADDRESSES),
                ipv6=get(table.IPV6_ADDRESSES),
                source_nat_ipv6_prefixes=get(table.SOURCE_NAT_PREFIXES),
            ),
            security_groups=self._security_groups(),
            access=self._access(),
            tags=self.tags,
            attributes=self._attributes(),
            minimum_capacity_units=get(table.CAPACITY) if self._gates.lb_capacity_reservation else None,
            inbound_rules_on_private_link=get(table.PRIVATE_LINK_RULES),
            prefix_for_ipv6_source_nat=get(table.PREFIX_FOR_SOURCE_NAT),
            blame={
                "subnets": self.notes.blame(table.SUBNETS),
                "security-groups": self.notes.blame(table.SECURITY_GROUPS),
                "eip-allocations": self.notes.blame(table.EIP_ALLOCATIONS),
                "private-ipv4-addresses": self.notes.blame(table.PRIVATE_IPV4_ADDRESSES),
                "ipv6-addresses": self.notes.blame(table.IPV6_ADDRESSES),
                "source-nat-ipv6-prefixes": self.notes.blame(table.SOURCE_NAT_PREFIXES),
                "enable-prefix-for-ipv6-source-nat": self.notes.blame(table.PREFIX_FOR_SOURCE_NAT),
                "ip-address-type": self.notes.blame(table.IP_ADDRESS_TYPE),
                "scheme": self.notes.blame(table.SCHEME),
                "disable-nlb-sg": self.notes.blame(table.DISABLE_SECURITY_GROUP),
                "manage-backend-security-group-rules": self.notes.blame(table.MANAGE_BACKEND_RULES),
            },
        )

    @property
    def _gates(self) -> Any:
        return self.settings.feature_gates

    def _scheme(self) -> Any:
        if self.notes.raw(table.SCHEME) is not None:
            return self.notes.get(table.SCHEME)
        internal = self.notes.get(table.INTERNAL)
        return None if internal is None else "internal" if internal else "internet-facing"

    def _security_groups(self) -> SecurityGroupChoice:
        manage = self.notes.get(table.MANAGE_BACKEND_RULES)
        return SecurityGroupChoice(
            backend_rules_refused=manage is False,
            groups=self.notes.get(table.SECURITY_GROUPS),
            none_at_all=bool(self.notes.get(table.DISABLE_SECURITY_GROUP)) or not self._gates.nlb_security_group,
            manage_backend_rules=self.settings.enable_manage_backend_security_group_rules if manage is None else manage,
        )

    def _access(self) -> FrontendAccess:
        ranges = tuple(self.service.get("spec", {}).get("loadBalancerSourceRanges") or ())
        cidrs = ranges or self.notes.get(table.SOURCE_RANGES) or ()
        for cidr in cidrs:
            self._check_cidr(cidr, written_in_spec=bool(ranges))
        return FrontendAccess(
            cidrs=tuple(cidrs),
            prefix_lists=self.notes.get(table.PREFIX_LISTS) or (),
            icmp=self.notes.get(table.ICMP) == "on",
            ports=tuple((p.protocol.lower(), p.port) for p in self.facts.ports),
        )

    def _check_cidr(self, cidr: str, *, written_in_spec: bool) -> None:
        field = "spec.loadBalancerSourceRanges" if written_in_spec else self.notes.key(table.SOURCE_RANGES)
        try:
            version = ipaddress.ip_network(cidr, strict=False).version
        except ValueError:
            self._complain_of(field, cidr, "write networks such as 10.0.0.0/8")
            return
        if version == 6 and self.notes.raw(table.IP_ADDRESS_TYPE) != "dualstack":
            self._complain_of(field, cidr, f"an IPv6 network needs {self.notes.key(table.IP_ADDRESS_TYPE)}: dualstack")

    def _complain_of(self, field: str, value: str, remedy: str) -> None:
        self.notes.add(Problem(self.notes.object_ref, field, value, remedy))

    def _attributes(self) -> dict[str, str]:
        get = self.notes.get
        attributes: dict[str, str] = {}
        if get(table.ACCESS_LOG_ENABLED):
            attributes["access_logs.s3.enabled"] = "true"
            for key, text in (("bucket", get(table.ACCESS_LOG_BUCKET)), ("prefix", get(table.ACCESS_LOG_PREFIX))):
                if text is not None:
                    attributes[f"access_logs.s3.{key}"] = text
        if (cross_zone := get(table.CROSS_ZONE)) is not None:
            attributes["load_balancing.cross_zone.enabled"] = str(cross_zone).lower()
        written = get(table.ATTRIBUTES) or {}
        if written.get("dns_record.client_routing_policy", _CLIENT_ROUTING[0]) not in _CLIENT_ROUTING:
            self.notes.complain(
                table.ATTRIBUTES, f"write dns_record.client_routing_policy as one of {', '.join(_CLIENT_ROUTING)}"
            )
        return written | attributes  # the dedicated annotations win

    def _tags(self) -> dict[str, str]:
        tags = self.notes.get(table.TAGS) or {}
        if foreign := sorted(set(tags) & set(self.settings.external_managed_tags)):
            self.notes.complain(table.TAGS, f"leave out {', '.join(foreign)}: --external-managed-tags has it")
        return tags

    # -- listeners and target groups

    def _ports(self) -> list[tuple[ServicePort, str]]:
        """The Service's ports, each with its listener's protocol before TLS and QUIC; one a port number."""
        by_number: dict[int, list[ServicePort]] = {}
        for port in self.facts.ports:
            by_number.setdefault(port.port, []).append(port)
        if not self._merges_tcp_and_udp():
            return [(ports[0], ports[0].protocol) for ports in by_number.values()]
        return [(ports[0], self._merged_protocol(ports)) for ports in by_number.values()]

    def _merged_protocol(self, ports: list[ServicePort]) -> str:
        protocols = sorted(port.protocol for port in ports)
        if len(ports) > 1 and protocols != ["TCP", "UDP"]:
            field = f"spec.ports[{ports[0].port}].protocol"
            self._complain_of(field, ", ".join(protocols), "one listener takes one TCP and one UDP port of a number")
        return "TCP_UDP" if len(ports) > 1 else ports[0].protocol

    def _merges_tcp_and_udp(self) -> bool:
        """Unlike every other switch, an unreadable one is passed over here: so does the peer."""
        text = self.notes.raw(table.TCP_UDP)
        try:
            return self._gates.enable_tcp_udp_listener if text is None else read_bool(text)
        except Unreadable:
            return bool(self._gates.enable_tcp_udp_listener)

    def _listener(self, port: ServicePort, protocol: str) -> tuple[ListenerIntent, TargetGroupIntent]:
        get = self.notes.get
        tls = protocol == "TCP" and self._has_tls(port)
        listener_protocol = "TLS" if tls else self._with_quic(port, protocol)
        behind_tls = "TLS" if get(table.BACKEND_PROTOCOL) == "ssl" else "TCP"
        target_group = self._target_group(port, behind_tls if tls else listener_protocol)
        alpn = get(table.ALPN_POLICY) if tls else None
        key = f"{listener_protocol}-{port.port}"
        self._refuse_to_lose_weights(key)
        return (
            ListenerIntent(
                port=port.port,
                protocol=listener_protocol,
                default_actions=(ForwardIntent(to=(ForwardTo(target_group=target_group.id),)),),
                certificates=(get(table.SSL_CERT) or ()) if tls else (),
                ssl_policy=(get(table.SSL_POLICY) or self.settings.default_ssl_policy) if tls else None,
                alpn_policy=alpn,
                attributes=get(table.LISTENER_ATTRIBUTES, key) or {},
                tags=self.tags,
            ),
            target_group,
        )

    def _refuse_to_lose_weights(self, key: str) -> None:
        """Passing the annotation over would send everything to one Service, so it is an error until it is carried
        out.
        """
        if self.notes.raw(table.ACTIONS, key) is not None:
            self.notes.complain(table.ACTIONS, "weighted forwards are not served in this version: leave it out", of=key)

    def _has_tls(self, port: ServicePort) -> bool:
        chosen = self.notes.get(table.SSL_PORTS) or ()
        return bool(self.notes.get(table.SSL_CERT)) and (not chosen or _named(port, chosen))

    def _with_quic(self, port: ServicePort, protocol: str) -> str:
        if not _named(port, self.notes.get(table.QUIC_PORTS) or ()):
            return protocol
        if protocol not in _QUIC:
            self.notes.complain(table.QUIC_PORTS, f"port {port.port} is {protocol}: QUIC needs a UDP port")
        return _QUIC.get(protocol, protocol)

    def _check_ssl_ports(self) -> None:
        for chosen in self.notes.get(table.SSL_PORTS) or ():
            if not any(_named(port, (chosen,)) for port in self.facts.ports):
                self.notes.complain(table.SSL_PORTS, f"{chosen} is neither number nor name of a port of the Service")

    def _target_group(self, port: ServicePort, protocol: str) -> TargetGroupIntent:
        get = self.notes.get
        return TargetGroupIntent(
            id=f"{self.facts.namespace}/{self.facts.name}:{port.port}",
            owner="",
            service=self.facts,
            service_port=port,
            port_as_written=port.port,
            target_type=self._target_type(port),
            protocol=protocol,
            health_check=self._health_check(),
            attributes=self._target_group_attributes(port),
            tags=self.tags,
            node_selector={"matchLabels": labels} if (labels := get(table.TARGET_NODE_LABELS)) else None,
            multi_cluster=bool(get(table.MULTI_CLUSTER)),
            blame={
                "healthcheck-port": self.notes.blame(table.HEALTH_CHECK_PORT),
                "target-type": self.notes.blame(table.TARGET_TYPE),
            },
        )

    def _target_type(self, port: ServicePort) -> TargetType:
        wanted = self.notes.get(table.TARGET_TYPE) or self.settings.default_target_type
        if self.notes.get(table.TYPE) == "nlb-ip" or wanted == "ip":
            if not self._gates.enable_ip_target_type:
                self.notes.complain(table.TARGET_TYPE, "ip targets need the feature gate EnableIPTargetType")
            return "ip"
        if self.facts.type == "ClusterIP":
            self._complain_of("spec.type", "ClusterIP", "instance targets need NodePort or LoadBalancer")
        elif not port.node_port:
            self._complain_of(
                f"spec.ports[{port.port}].nodePort",
                "",
                "instance targets need a node port: leave allocateLoadBalancerNodePorts on, or take ip targets",
            )
        return "instance"

    def _health_check(self) -> HealthCheckIntent:
        get, advanced = self.notes.get, self._gates.nlb_health_check_advanced_config
        return HealthCheckIntent(
            protocol=get(table.HEALTH_CHECK_PROTOCOL),
            port=get(table.HEALTH_CHECK_PORT),
            path=get(table.HEALTH_CHECK_PATH),
            interval_seconds=get(table.HEALTH_CHECK_INTERVAL),
            timeout_seconds=get(table.HEALTH_CHECK_TIMEOUT) if advanced else None,
            healthy_threshold=get(table.HEALTHY_THRESHOLD),
            unhealthy_threshold=get(table.UNHEALTHY_THRESHOLD),
            success_codes=get(table.SUCCESS_CODES) if advanced else None,
        )

    def _target_group_attributes(self, port: ServicePort) -> dict[str, str]:
        """The general attributes, then the port's own (an empty one keeps the general), then proxy protocol."""
        get, of = self.notes.get, str(port.port)
        general = get(table.TARGET_GROUP_ATTRIBUTES) or {}
        own = {k: v for k, v in (get(table.TARGET_GROUP_ATTRIBUTES, of) or {}).items() if v}
        attributes = {"proxy_protocol_v2.enabled": "false"} | general | own
        if (ports := get(table.PROXY_PROTOCOL_PORTS)) is not None:
            attributes["proxy_protocol_v2.enabled"] = str(port.port in ports).lower()
        if get(table.PROXY_PROTOCOL):
            attributes["proxy_protocol_v2.enabled"] = "true"
        self._check_preserve_client_ip(attributes)
        return {k: v for k, v in attributes.items() if v or k != "proxy_protocol_v2.enabled"}

    def _check_preserve_client_ip(self, attributes: Mapping[str, str]) -> None:
        try:
            read_bool(attributes.get("preserve_client_ip.enabled", "false"))
        except Unreadable as e:
            self.notes.complain(table.TARGET_GROUP_ATTRIBUTES, f"preserve_client_ip.enabled: {e}")


def _named(port: ServicePort, chosen: tuple[str, ...]) -> bool:
    return str(port.port) in chosen or (port.name != "" and port.name in chosen)
