"""A Service becomes the wish for an NLB: which Services are ours, and what their spec and annotations ask for."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Mapping
from typing import Any

from aws_lb_controller.errors import Problem, SpecError
from aws_lb_controller.intent import service_annotations as table
from aws_lb_controller.intent.annotations import Annotation, AnnotationReader
from aws_lb_controller.intent.deletion_protection import protects
from aws_lb_controller.intent.readers import Unreadable, read_bool
from aws_lb_controller.intent.service_actions import Backend
from aws_lb_controller.intent.service_ignored import ignored_type, passed_over
from aws_lb_controller.intent.values import (
    Blame,
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
from aws_lb_controller.model.listener import STICKY_WITHOUT_DURATION
from aws_lb_controller.model.stack import StackId
from aws_lb_controller.model.target_group import TargetType
from aws_lb_controller.settings import Settings

Obj = Mapping[str, Any]
Services = Callable[[str, str], Obj | None]
"""Namespace and name → the Service."""

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


def read_ignored_type(service: Obj) -> tuple[Problem, ...]:
    """Why a Service that is not ours by its annotations might well be meant for us; empty where it is not."""
    return () if service["metadata"].get("deletionTimestamp") else ignored_type(service, notes=_reader(service))


def deletion_protection(service: Obj) -> bool | None:
    """Whether the Service's own annotation protects its load balancer from deletion; None: it is silent.

    What cannot be read counts as protection.
    """
    return protects(_reader(service).get(table.ATTRIBUTES))


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


def read_service(
    service: Obj, settings: Settings, *, services: Services = lambda _namespace, _name: None
) -> tuple[StackIntent, tuple[Problem, ...]]:
    """The wish, and warnings about what is passed over. Raises SpecError with every problem of the Service.

    services: finds the other Services that weighted forwards name.
    """
    reading = _Reading(service, settings, services)
    intent = reading.stack()
    if reading.notes.problems:
        raise SpecError(reading.notes.problems)
    idle = passed_over(service, notes=reading.notes, facts=reading.facts, intent=intent, settings=settings)
    return intent, (*reading.notes.not_carried_out(table.TABLE), *idle)


class _Reading:
    """One pass over one Service; problems gather in `notes`."""

    def __init__(self, service: Obj, settings: Settings, services: Services) -> None:
        self.service, self.settings = service, settings
        self._services = services
        self._target_groups: dict[str, TargetGroupIntent] = {}
        self.facts = service_facts(service)
        self.notes = _reader(service)
        self.tags = self._tags()

    def stack(self) -> StackIntent:
        listeners = tuple(self._listener(port, protocol) for port, protocol in self._ports())
        self._check_ssl_ports()
        return StackIntent(
            stack=stack_id(self.service),
            load_balancer=self._load_balancer(),
            target_groups=tuple(self._target_groups.values()),
            listeners=listeners,
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
                "name": self.notes.blame(table.NAME),
                "minimum-load-balancer-capacity": self.notes.blame(table.CAPACITY),
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
                "inbound-sg-rules-on-private-link-traffic": self.notes.blame(table.PRIVATE_LINK_RULES),
                "source-ranges": Blame(object=self.notes.object_ref, field=self._source_ranges_field()),
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
        groups = self.notes.get(table.SECURITY_GROUPS)
        none_at_all = bool(self.notes.get(table.DISABLE_SECURITY_GROUP)) or not self._gates.nlb_security_group
        # the switch says nothing where the group is managed: so neither does one that cannot be read
        matters = groups is not None or none_at_all
        manage = self.notes.get(table.MANAGE_BACKEND_RULES) if matters else self._switch(table.MANAGE_BACKEND_RULES)
        return SecurityGroupChoice(
            backend_rules_refused=manage is False,
            groups=groups,
            none_at_all=none_at_all,
            manage_backend_rules=self.settings.enable_manage_backend_security_group_rules if manage is None else manage,
        )

    def _access(self) -> FrontendAccess:
        cidrs = self._spec_source_ranges() or self.notes.get(table.SOURCE_RANGES) or ()
        for cidr in cidrs:
            self._check_cidr(cidr)
        prefix_lists = self.notes.get(table.PREFIX_LISTS)
        return FrontendAccess(
            cidrs=cidrs,
            prefix_lists=prefix_lists or (),
            prefix_lists_only=prefix_lists is not None,
            icmp=self.notes.get(table.ICMP) == "on",
            ports=tuple((p.protocol.lower(), p.port) for p in self.facts.ports),
        )

    def _spec_source_ranges(self) -> tuple[str, ...]:
        return tuple(self.service.get("spec", {}).get("loadBalancerSourceRanges") or ())

    def _source_ranges_field(self) -> str:
        if self._spec_source_ranges():
            return "spec.loadBalancerSourceRanges"
        return self.notes.key(table.SOURCE_RANGES)

    def _check_cidr(self, cidr: str) -> None:
        try:
            ipaddress.ip_network(cidr, strict=False)
        except ValueError:
            self._complain_of(self._source_ranges_field(), cidr, "write networks such as 10.0.0.0/8")

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
            for lost in (port for ports in by_number.values() for port in ports[1:]):
                self._listener_protocol(lost, lost.protocol)  # without a listener, but not without a word
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
        chosen = self._switch(table.TCP_UDP)
        return bool(self._gates.enable_tcp_udp_listener) if chosen is None else chosen

    def _switch(self, annotation: Annotation[Any]) -> bool | None:
        """A switch as written; None where it is silent or cannot be read, which is nobody's problem here."""
        text = self.notes.raw(annotation)
        try:
            return None if text is None else read_bool(text)
        except Unreadable:
            return None

    def _listener(self, port: ServicePort, protocol: str) -> ListenerIntent:
        get = self.notes.get
        listener_protocol = self._listener_protocol(port, protocol)
        tls = listener_protocol == "TLS"
        behind_tls = "TLS" if get(table.BACKEND_PROTOCOL) == "ssl" else "TCP"
        own = self._target_group(self.facts, port, behind_tls if tls else listener_protocol)
        alpn = get(table.ALPN_POLICY) if tls else None
        key = f"{listener_protocol}-{port.port}"
        return ListenerIntent(
            port=port.port,
            protocol=listener_protocol,
            default_actions=(self._forward(own, listener_protocol, key),),
            certificates=(get(table.SSL_CERT) or ()) if tls else (),
            ssl_policy=(get(table.SSL_POLICY) or self.settings.default_ssl_policy) if tls else None,
            alpn_policy=alpn,
            attributes=get(table.LISTENER_ATTRIBUTES, key) or {},
            tags=self.tags,
            blame={"actions": self.notes.blame(table.ACTIONS, key)},
        )

    def _forward(self, own: str, protocol: str, key: str) -> ForwardIntent:
        """To the Service's own target group, and by its annotation to others. protocol: the listener's."""
        action = self.notes.get(table.ACTIONS, key)
        if action is None:
            return ForwardIntent(to=(ForwardTo(target_group=own),))
        others = (self._forward_to(backend, protocol, key) for backend in action.to)
        return ForwardIntent(
            to=(ForwardTo(target_group=own, weight=action.base_weight), *(to for to in others if to is not None)),
            stickiness_seconds=STICKY_WITHOUT_DURATION if action.sticky else None,
        )

    def _forward_to(self, backend: Backend, protocol: str, key: str) -> ForwardTo | None:
        """One destination beside the own; None where its Service or port is missing, which is then a problem."""
        if backend.service is None or backend.port is None:
            return ForwardTo(arn=backend.arn, weight=backend.weight)
        service = self._services(self.facts.namespace, backend.service)
        if service is None:
            there = f"no Service of that name is in the namespace {self.facts.namespace}: make it, or name another"
            self._complain_of(self.notes.key(table.ACTIONS, key), backend.service, there)
            return None
        facts = service_facts(service)
        port = facts.find_port(backend.port)
        if port is None:
            known = f"Service {facts.name} has only the ports {facts.ports_in_words()}"
            remedy = f"{known}; write one's number, or its name in quotes"
            self._complain_of(self.notes.key(table.ACTIONS, key), str(backend.port), remedy)
            return None
        behind = "TCP" if protocol == "TLS" and backend.decrypt else protocol
        return ForwardTo(target_group=self._target_group(facts, port, behind), weight=backend.weight)

    def _listener_protocol(self, port: ServicePort, protocol: str) -> str:
        tls = protocol == "TCP" and self._has_tls(port)
        return self._with_quic(port, "TLS" if tls else protocol)

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

    def _target_group(self, service: ServiceFacts, port: ServicePort, protocol: str) -> str:
        """The id of the target group of a Service's port: there is one, as it was first asked for."""
        group_id = f"{service.namespace}/{service.name}:{port.port}"
        if group_id not in self._target_groups:
            self._target_groups[group_id] = self._new_target_group(group_id, service, port=port, protocol=protocol)
        return group_id

    def _new_target_group(
        self, group_id: str, service: ServiceFacts, *, port: ServicePort, protocol: str
    ) -> TargetGroupIntent:
        """Settings are those of the Service whose NLB it is, also for another's pods: its annotations count alone."""
        get, target_type = self.notes.get, self._target_type(service, port)
        return TargetGroupIntent(
            id=group_id,
            owner="",
            service=service,
            service_port=port,
            port_as_written=port.port,
            target_type=target_type,
            protocol=protocol,
            health_check=self._health_check(),
            attributes=self._target_group_attributes(port),
            tags=self.tags,
            node_selector=self._node_selector(target_type),
            multi_cluster=bool(get(table.MULTI_CLUSTER)),
            blame={
                "healthcheck-port": self.notes.blame(table.HEALTH_CHECK_PORT),
                "target-type": self.notes.blame(table.TARGET_TYPE),
            },
        )

    def _target_type(self, service: ServiceFacts, port: ServicePort) -> TargetType:
        written = self.notes.get(table.TARGET_TYPE)
        wanted = self.settings.default_target_type if written is None else written
        if wanted == "ip" and not self._gates.enable_ip_target_type:
            self.notes.complain(table.TARGET_TYPE, "ip targets need the feature gate EnableIPTargetType")
        if wanted == "ip" or self.notes.get(table.TYPE) == "nlb-ip":
            return "ip"
        ref = f"Service {service.namespace}/{service.name}"
        if service.type == "ClusterIP":
            remedy = "instance targets need NodePort or LoadBalancer"
            self.notes.add(Problem(ref, "spec.type", "ClusterIP", remedy))
        elif not port.node_port:
            remedy = "instance targets need a node port: leave allocateLoadBalancerNodePorts on, or take ip targets"
            self.notes.add(Problem(ref, f"spec.ports[{port.port}].nodePort", "", remedy))
        return "instance"

    def _node_selector(self, target_type: TargetType) -> Mapping[str, Any] | None:
        labels = self.notes.get(table.TARGET_NODE_LABELS) if target_type == "instance" else None
        return {"matchLabels": labels} if labels else None

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
        own = get(table.TARGET_GROUP_ATTRIBUTES, of) or {}
        self._check_preserve_client_ip(general)
        self._check_preserve_client_ip(own, of=of)
        attributes = {"proxy_protocol_v2.enabled": "false"} | general | {k: v for k, v in own.items() if v}
        if (ports := get(table.PROXY_PROTOCOL_PORTS)) is not None:
            attributes["proxy_protocol_v2.enabled"] = str(of in ports).lower()
        if get(table.PROXY_PROTOCOL):
            attributes["proxy_protocol_v2.enabled"] = "true"
        return {k: v for k, v in attributes.items() if v or k != "proxy_protocol_v2.enabled"}

    def _check_preserve_client_ip(self, attributes: Mapping[str, str], *, of: str = "") -> None:
        try:
            read_bool(attributes.get("preserve_client_ip.enabled", "false"))
        except Unreadable as e:
            self.notes.complain(table.TARGET_GROUP_ATTRIBUTES, f"preserve_client_ip.enabled: {e}", of=of)


def _named(port: ServicePort, chosen: tuple[str, ...]) -> bool:
    return str(port.port) in chosen or (port.name != "" and port.name in chosen)
