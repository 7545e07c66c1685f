"""What a Service says without effect: passed over, as it always was, but told with a Warning ``IgnoredValue``.

The annotation table says most of it: values that mean nothing, circumstances that are lacking, annotations that win.
The rest are rules of their own. Nothing here decides anything: the intent is read already, and only looked at.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from aws_lb_controller.api.names import Tag
from aws_lb_controller.errors import Problem
from aws_lb_controller.intent import service_annotations as table
from aws_lb_controller.intent.annotations import Annotation, AnnotationReader, Need
from aws_lb_controller.intent.readers import Unreadable, read_bool
from aws_lb_controller.intent.service_actions import WeightedForward
from aws_lb_controller.intent.values import ServiceFacts, StackIntent, TargetGroupIntent
from aws_lb_controller.settings import Settings
from aws_lb_controller.settings.gates import NAMES

Obj = Mapping[str, Any]

_ATTRIBUTE_PROXY = "proxy_protocol_v2.enabled"
_ATTRIBUTE_LOGS = "access_logs.s3.enabled"
_TRANSPORTS = {
    "TLS": ("TCP",),
    "QUIC": ("UDP",),
    "TCP_UDP": ("TCP", "UDP"),
    "TCP_QUIC": ("TCP", "UDP"),
}
"""What Service ports a listener serves, where its protocol is not just theirs."""
_RESERVED_TAGS = frozenset({Tag.CLUSTER.value, Tag.SERVICE_STACK.value, Tag.SERVICE_RESOURCE.value})
_OF_THE_IN_TREE_PROVIDER = "only the in-tree cloud provider knows this annotation"
_KNOWN_ELSEWHERE = {
    "aws-load-balancer-extra-security-groups": (
        f"{_OF_THE_IN_TREE_PROVIDER}; name security groups with {table.PREFIX}/{table.SECURITY_GROUPS.suffix}"
    ),
    "aws-load-balancer-connection-draining-enabled": (
        f"{_OF_THE_IN_TREE_PROVIDER}; a network load balancer always drains connections"
    ),
    "aws-load-balancer-connection-draining-timeout": (
        f"{_OF_THE_IN_TREE_PROVIDER}; write deregistration_delay.timeout_seconds in "
        f"{table.PREFIX}/{table.TARGET_GROUP_ATTRIBUTES.suffix}"
    ),
    "aws-load-balancer-connection-idle-timeout": (
        f"{_OF_THE_IN_TREE_PROVIDER}; write tcp.idle_timeout.seconds in "
        f"{table.PREFIX}/{table.LISTENER_ATTRIBUTES.suffix}.{table.LISTENER_ATTRIBUTES.example_key}"
    ),
    "aws-load-balancer-access-log-emit-interval": (
        f"{_OF_THE_IN_TREE_PROVIDER}; a network load balancer has no such interval"
    ),
    "aws-load-balancer-quic-enabled-containers": "this annotation is one of pods",
}
_OURS = ("aws-", "load-balancer-source", "action")
"""How suffixes begin that are meant for us, or for the in-tree provider of AWS; other clouds share the prefix."""


def passed_over(
    service: Obj, *, notes: AnnotationReader, facts: ServiceFacts, intent: StackIntent, settings: Settings
) -> tuple[Problem, ...]:
    """What has no effect, each with a remedy. notes, facts, intent: what was read from the Service.

    For a Service that could be read: what is wrong with it is not told here.
    """
    seen = _Seen(spec=service.get("spec", {}), notes=notes, facts=facts, intent=intent, settings=settings)
    return tuple(dict.fromkeys(problem for rule in _RULES for problem in rule(seen)))


def ignored_type(service: Obj, *, notes: AnnotationReader) -> tuple[Problem, ...]:
    """Why a Service that names this controller by its type annotation is still not served.

    Without a ``loadBalancerClass``, type ``external`` holds only together with a known target type.
    """
    if service.get("spec", {}).get("loadBalancerClass") is not None or notes.raw(table.TYPE) != "external":
        return ()
    written = notes.raw(table.TARGET_TYPE)
    if written in ("ip", "instance"):
        return ()
    remedy = "write ip or instance, or set spec.loadBalancerClass: as it is, no controller serves this Service"
    return (Problem(notes.object_ref, notes.key(table.TARGET_TYPE), written or "", remedy),)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Seen:
    """One Service, and what was read from it."""

    spec: Obj
    notes: AnnotationReader
    facts: ServiceFacts
    intent: StackIntent
    settings: Settings

    def tell(self, annotation: Annotation[Any], remedy: str, *, of: str = "", value: str | None = None) -> Problem:
        """A problem with an annotation; value: the part of it that has no effect."""
        shown = self.notes.raw(annotation, of) or "" if value is None else value
        return Problem(self.notes.object_ref, self.notes.key(annotation, of), shown, remedy)

    def tell_of(self, field: str, value: object, remedy: str) -> Problem:
        """A problem with a field of the spec."""
        return Problem(self.notes.object_ref, field, str(value), remedy)

    def value(self, annotation: Annotation[Any], of: str = "") -> Any:
        """The value; None when there is none, or when it cannot be read, which somebody else tells."""
        text = self.notes.raw(annotation, of)
        try:
            return None if text is None else annotation.reader(text)
        except Unreadable:
            return None

    def asks_for_something(self, annotation: Annotation[Any]) -> bool:
        """Whether it is written, and not just a blank or what holds anyway."""
        text = self.notes.raw(annotation)
        return bool(text and text.strip()) and self.value(annotation) not in annotation.asks_for_nothing

    @property
    def target_group_ports(self) -> frozenset[int]:
        """The ports that target groups are for; with weighted forwards, other Services' too."""
        return frozenset(group.service_port.port for group in self.intent.target_groups)

    @property
    def protocols(self) -> Mapping[int, str]:
        """Listener protocols by port."""
        return {listener.port: listener.protocol for listener in self.intent.listeners}


# -- what the table says


def _without_meaning(seen: _Seen) -> Iterator[Problem]:
    for annotation in table.TABLE.values():
        text = seen.notes.raw(annotation)
        if annotation.heeds is None or not text:
            continue
        try:
            annotation.heeds(text)
        except Unreadable as e:
            yield seen.tell(annotation, f"this value has no effect; {e}")


def _gated(seen: _Seen) -> Iterator[Problem]:
    for annotation in table.TABLE.values():
        off = annotation.gate and not getattr(seen.settings.feature_gates, NAMES[annotation.gate])
        if off and seen.asks_for_something(annotation):
            yield seen.tell(annotation, f"has no effect while the feature gate {annotation.gate} is off")


def _in_need(seen: _Seen) -> Iterator[Problem]:
    for annotation in table.TABLE.values():
        if annotation.needs and seen.asks_for_something(annotation):
            for need in annotation.needs:
                if not MET[need](seen):
                    yield seen.tell(annotation, f"has no effect; it needs {need.words.replace('`', '')}")
                    break


def _beaten(seen: _Seen) -> Iterator[Problem]:
    for annotation in table.TABLE.values():
        for winner in map(table.TABLE.__getitem__, annotation.loses_to):
            if seen.asks_for_something(annotation) and seen.asks_for_something(winner):
                yield seen.tell(annotation, f"has no effect; {seen.notes.key(winner)} wins over it")


def _without_key(seen: _Seen) -> Iterator[Problem]:
    for annotation in table.TABLE.values():
        if annotation.keyed and not annotation.key_may_be_left_out and seen.notes.raw(annotation) is not None:
            example = seen.notes.key(annotation, annotation.example_key or "KEY")
            yield seen.tell(annotation, f"has no effect; write what it is about behind the key, as in {example}")


def _has_certificate(seen: _Seen) -> bool:
    return bool(seen.value(table.SSL_CERT))


def _has_tls_listener(seen: _Seen) -> bool:
    return "TLS" in seen.protocols.values()


def _checks_health_by_http(seen: _Seen) -> bool:
    return any((group.health_check.protocol or _usual_protocol(group)) != "TCP" for group in seen.intent.target_groups)


def _usual_protocol(group: TargetGroupIntent) -> str:
    service = group.service
    local = service.external_traffic_policy == "Local" and service.type == "LoadBalancer"
    return "HTTP" if local and group.target_type == "instance" else "TCP"


def _has_instance_targets(seen: _Seen) -> bool:
    return any(group.target_type == "instance" for group in seen.intent.target_groups)


def _logs_access(seen: _Seen) -> bool:
    return seen.value(table.ACCESS_LOG_ENABLED) is True


def _has_managed_group(seen: _Seen) -> bool:
    groups = seen.intent.load_balancer.security_groups
    return not groups.groups and not groups.none_at_all


def _lets_networks_in(seen: _Seen) -> bool:
    access = seen.intent.load_balancer.access
    return bool(access.cidrs) or seen.notes.raw(table.PREFIX_LISTS) is None


def _uses_source_ranges(seen: _Seen) -> bool:
    groups = seen.intent.load_balancer.security_groups
    if not groups.none_at_all:
        return not groups.groups
    return not groups.backend_rules_refused and any(map(_sees_clients, seen.intent.target_groups))


def _sees_clients(group: TargetGroupIntent) -> bool:
    """Whether packets reach the targets with the clients' addresses: always by UDP, else of choice."""
    if "UDP" in _transports(group.protocol):
        return True
    given = group.attributes.get("preserve_client_ip.enabled")
    return group.target_type == "instance" if given is None else read_bool(given)


MET: Mapping[Need, Callable[[_Seen], bool]] = {
    table.CERTIFICATE: _has_certificate,
    table.TCP_PORT_FOR_TLS: _has_tls_listener,
    table.TLS_LISTENER: _has_tls_listener,
    table.HTTP_HEALTH_CHECK: _checks_health_by_http,
    table.INSTANCE_TARGETS: _has_instance_targets,
    table.ACCESS_LOG: _logs_access,
    table.MANAGED_GROUP: _has_managed_group,
    table.ICMP_SOURCES: _lets_networks_in,
    table.SOURCES_IN_USE: _uses_source_ranges,
    table.SECURITY_GROUP: lambda seen: not seen.intent.load_balancer.security_groups.none_at_all,
    table.OTHER_THAN_MANAGED_GROUP: lambda seen: not _has_managed_group(seen),
}
"""How each need of the table is seen to be met."""


# -- ports and listeners


def _transports(protocol: str) -> tuple[str, ...]:
    return _TRANSPORTS.get(protocol, (protocol,))


def _lost_ports(seen: _Seen) -> Iterator[Problem]:
    """Ports whose number has a listener that does not speak their protocol."""
    for port in seen.facts.ports:
        listener = seen.protocols.get(port.port)
        if listener is not None and port.protocol not in _transports(listener):
            remedy = (
                f"port {port.port} has a {listener} listener, so this has none; set {seen.notes.key(table.TCP_UDP)} to "
                "true, or take another number"
            )
            yield seen.tell_of(f"spec.ports[{port.port}].protocol", port.protocol, remedy)


def _joined_ports(seen: _Seen) -> Iterator[Problem]:
    """Where TCP and UDP of one number share a target group, it is that of the first port."""
    groups = {group.service_port.port: group for group in seen.intent.target_groups if _is_own(seen, group)}
    for port in seen.facts.ports:
        group = groups.get(port.port)
        if group is None or seen.protocols.get(port.port) not in ("TCP_UDP", "TCP_QUIC"):
            continue
        by_node = group.target_type == "instance"
        field = "nodePort" if by_node else "targetPort"
        own = port.node_port if by_node else port.target_port
        first = group.service_port.node_port if by_node else group.service_port.target_port
        if own != first:
            remedy = f"has no effect; {group.service_port.protocol} and {port.protocol} of one number go to {first}"
            yield seen.tell_of(f"spec.ports[{port.port}].{field}", own, remedy)


def _is_own(seen: _Seen, group: TargetGroupIntent) -> bool:
    return f"{group.service.namespace}/{group.service.name}" == seen.intent.stack.name


def _ssl_ports(seen: _Seen) -> Iterator[Problem]:
    if not _has_certificate(seen):
        return
    for chosen in seen.value(table.SSL_PORTS) or ():
        numbers = _numbers(seen, chosen)
        if numbers and "TLS" not in {seen.protocols.get(number) for number in numbers}:
            yield seen.tell(table.SSL_PORTS, "this port gets no TLS listener; only a TCP one can", value=chosen)


def _quic_ports(seen: _Seen) -> Iterator[Problem]:
    for chosen in seen.value(table.QUIC_PORTS) or ():
        numbers = _numbers(seen, chosen)
        if not numbers:
            remedy = f"has no effect; the Service has no such port (it has: {seen.facts.ports_in_words()})"
        elif not any(seen.protocols.get(number) in ("QUIC", "TCP_QUIC") for number in numbers):
            remedy = "has no effect; write the number of a port that has a UDP or TCP_UDP listener"
        else:
            continue
        yield seen.tell(table.QUIC_PORTS, remedy, value=chosen)


def _numbers(seen: _Seen, chosen: str) -> set[int]:
    return {port.port for port in seen.facts.ports if chosen in (str(port.port), port.name)}


def _proxy_protocol_ports(seen: _Seen) -> Iterator[Problem]:
    known = seen.target_group_ports
    if seen.asks_for_something(table.PROXY_PROTOCOL):
        return
    for port in sorted((seen.value(table.PROXY_PROTOCOL_PORTS) or frozenset()) - set(map(str, known))):
        remedy = f"no target group is for this port (there are: {_listed(known)})"
        yield seen.tell(table.PROXY_PROTOCOL_PORTS, remedy, value=port)


def _target_group_attributes_of_no_port(seen: _Seen) -> Iterator[Problem]:
    known = {str(port) for port in seen.target_group_ports}
    for key in seen.notes.keys_of(table.TARGET_GROUP_ATTRIBUTES):
        if key not in known:
            remedy = f"has no effect; behind the key stands a port's number, one of {_listed(seen.target_group_ports)}"
            yield seen.tell(table.TARGET_GROUP_ATTRIBUTES, remedy, of=key)


def _keys_of_no_listener(seen: _Seen) -> Iterator[Problem]:
    known = [f"{protocol}-{port}" for port, protocol in seen.protocols.items()]
    for annotation in (table.LISTENER_ATTRIBUTES, table.ACTIONS):
        for key in seen.notes.keys_of(annotation):
            if key not in known:
                where = f"behind the key stands a listener's protocol and port, one of {', '.join(known)}"
                yield seen.tell(annotation, f"has no effect; {where}", of=key)


def _parts_of_actions(seen: _Seen) -> Iterator[Problem]:
    for port, protocol in seen.protocols.items():
        key = f"{protocol}-{port}"
        action: WeightedForward | None = seen.value(table.ACTIONS, key)
        if action is None:
            continue
        for field in action.passed_over:
            remedy = "has no effect; the action of a Service's listener has no such field"
            yield seen.tell(table.ACTIONS, remedy, of=key, value=field)
        if protocol != "TLS" and any(backend.decrypt for backend in action.to):
            remedy = "has no effect; without a TLS listener there is nothing to decrypt"
            yield seen.tell(table.ACTIONS, remedy, of=key, value="decrypt")


def _listed(ports: Iterable[int]) -> str:
    return ", ".join(map(str, sorted(ports))) or "none"


# -- values that lose to others


def _target_type(seen: _Seen) -> Iterator[Problem]:
    if seen.value(table.TYPE) == "nlb-ip" and seen.value(table.TARGET_TYPE) == "instance":
        yield seen.tell(table.TARGET_TYPE, f"has no effect; {seen.notes.key(table.TYPE)}: nlb-ip means ip targets")


def _internal(seen: _Seen) -> Iterator[Problem]:
    internal, scheme = seen.value(table.INTERNAL), seen.value(table.SCHEME)
    if scheme is not None and internal is not None and internal != (scheme == "internal"):
        yield seen.tell(table.INTERNAL, f"has no effect; {seen.notes.key(table.SCHEME)} wins over it")


def _source_ranges(seen: _Seen) -> Iterator[Problem]:
    ranges = tuple(seen.spec.get("loadBalancerSourceRanges") or ())
    in_use = _uses_source_ranges(seen)
    if ranges and not in_use:
        remedy = f"has no effect; it needs {table.SOURCES_IN_USE.words}"
        yield seen.tell_of("spec.loadBalancerSourceRanges", ", ".join(ranges), remedy)
    written = seen.value(table.SOURCE_RANGES)
    if ranges and in_use and written and set(written) != set(ranges):
        yield seen.tell(table.SOURCE_RANGES, "has no effect; spec.loadBalancerSourceRanges wins over it")


def _load_balancer_attributes(seen: _Seen) -> Iterator[Problem]:
    """Attributes that the older annotations for them say otherwise."""
    holds = seen.intent.load_balancer.attributes
    for key, value in (seen.value(table.ATTRIBUTES) or {}).items():
        if holds.get(key, value) != value:
            remedy = f"has no effect; an annotation for {key} alone says {holds[key]}"
            yield seen.tell(table.ATTRIBUTES, remedy, value=f"{key}={value}")
    if seen.value(table.ACCESS_LOG_ENABLED) is False and holds.get(_ATTRIBUTE_LOGS) == "true":
        remedy = f"has no effect; write {_ATTRIBUTE_LOGS}=false in {seen.notes.key(table.ATTRIBUTES)} instead"
        yield seen.tell(table.ACCESS_LOG_ENABLED, remedy)


def _proxy_protocol_attribute(seen: _Seen) -> Iterator[Problem]:
    winner = next(
        (a for a in (table.PROXY_PROTOCOL, table.PROXY_PROTOCOL_PORTS) if seen.notes.raw(a) is not None), None
    )
    if winner is None:
        return
    for of in ("", *seen.notes.keys_of(table.TARGET_GROUP_ATTRIBUTES)):
        value = (seen.value(table.TARGET_GROUP_ATTRIBUTES, of) or {}).get(_ATTRIBUTE_PROXY)
        groups = [g for g in seen.intent.target_groups if of in ("", str(g.service_port.port))]
        if value and any(group.attributes.get(_ATTRIBUTE_PROXY) != value for group in groups):
            remedy = f"has no effect; {seen.notes.key(winner)} wins over it"
            yield seen.tell(table.TARGET_GROUP_ATTRIBUTES, remedy, of=of, value=f"{_ATTRIBUTE_PROXY}={value}")


def _tags(seen: _Seen) -> Iterator[Problem]:
    settings = seen.settings
    defaults = {} if settings.feature_gates.enable_default_tags_low_priority else settings.default_tags
    for key, value in (seen.value(table.TAGS) or {}).items():
        if key in _RESERVED_TAGS:
            remedy = "has no effect; the controller finds its own resources by this tag"
        elif defaults.get(key, value) != value:
            remedy = f"has no effect; --default-tags says {key}={defaults[key]}"
        else:
            continue
        yield seen.tell(table.TAGS, remedy, value=f"{key}={value}")


def _load_balancer_ip(seen: _Seen) -> Iterator[Problem]:
    if address := seen.spec.get("loadBalancerIP"):
        eips, private = seen.notes.key(table.EIP_ALLOCATIONS), seen.notes.key(table.PRIVATE_IPV4_ADDRESSES)
        yield seen.tell_of("spec.loadBalancerIP", address, f"has no effect; write {eips} or {private} instead")


# -- annotations that nobody knows


def _unknown(seen: _Seen) -> Iterator[Problem]:
    for suffix, value in seen.notes.written():
        if suffix.startswith(_OURS) and not _is_known(suffix):
            yield seen.tell_of(f"{table.PREFIX}/{suffix}", value, _why_unknown(suffix))


def _is_known(suffix: str) -> bool:
    annotation = table.TABLE.get(suffix.partition(".")[0])
    return annotation is not None and (annotation.keyed or annotation.suffix == suffix)


def _why_unknown(suffix: str) -> str:
    if suffix in _KNOWN_ELSEWHERE:
        return f"has no effect; {_KNOWN_ELSEWHERE[suffix]}"
    head = suffix.partition(".")[0]
    if head in table.TABLE:
        return f"has no effect; write {table.PREFIX}/{head}, which takes nothing behind it"
    near = difflib.get_close_matches(head, table.TABLE, n=1)
    return "there is no such annotation" + (f"; did you mean {table.PREFIX}/{near[0]}?" if near else "")


_RULES: tuple[Callable[[_Seen], Iterator[Problem]], ...] = (
    _without_meaning,
    _gated,
    _in_need,
    _beaten,
    _without_key,
    _lost_ports,
    _joined_ports,
    _ssl_ports,
    _quic_ports,
    _proxy_protocol_ports,
    _target_group_attributes_of_no_port,
    _keys_of_no_listener,
    _parts_of_actions,
    _target_type,
    _internal,
    _source_ranges,
    _load_balancer_attributes,
    _proxy_protocol_attribute,
    _tags,
    _load_balancer_ip,
    _unknown,
)
