"""What an Ingress, and the Services behind it, say without effect: passed over, as it always was, but told with a
Warning ``IgnoredValue``.

The annotation table says most of it: circumstances that are lacking, annotations, Services and classes that win. The
rest are rules of their own: `passed_over` has those that one Ingress shows by itself, `passed_over_together` those that
only its group does. Nothing here decides anything: the intents are read already, and only looked at.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aws_lb_controller.api.ingress_class_params import IngressClassParamsSpec
from aws_lb_controller.api.names import SERVICE_ANNOTATION_PREFIX, Tag
from aws_lb_controller.errors import Problem
from aws_lb_controller.intent import ingress_annotations as table
from aws_lb_controller.intent import json_fields, rules
from aws_lb_controller.intent.annotations import Annotation, AnnotationReader, Need
from aws_lb_controller.intent.ingress_class import Classified
from aws_lb_controller.intent.ingress_member import Asked, MemberIntent
from aws_lb_controller.intent.readers import Unreadable, doubled_keys, read_json
from aws_lb_controller.intent.values import ListenerIntent, RuleIntent, StackIntent, TargetGroupIntent
from aws_lb_controller.model.listener import Authenticate, Redirect
from aws_lb_controller.settings import Settings
from aws_lb_controller.settings.gates import NAMES

Obj = Mapping[str, Any]

_RESERVED_TAGS = frozenset({Tag.CLUSTER.value, Tag.INGRESS_STACK.value, Tag.INGRESS_RESOURCE.value})
_USE_ANNOTATION = "use-annotation"
_SIGNS_IN = frozenset({"cognito", "oidc"})


def passed_over(
    spec: Obj,
    *,
    notes: AnnotationReader,
    services: Sequence[AnnotationReader],
    classified: Classified,
    intent: MemberIntent,
    settings: Settings,
) -> tuple[Problem, ...]:
    """What has no effect whatever the other members of the group say, each with a remedy.

    spec, notes, classified, intent: the Ingress and what was read from it; services: readers of the Services that its
    target groups are of. For an Ingress that could be read: what is wrong with it is not told here. The object of each
    problem is the one that bears the value, be it a Service.
    """
    seen = _Seen(
        spec=spec, notes=notes, services=tuple(services), classified=classified, intent=intent, settings=settings
    )
    return tuple(dict.fromkeys(problem for rule in _RULES for problem in rule(seen)))


def passed_over_together(
    notes: Mapping[str, AnnotationReader], read: Iterable[MemberIntent], stack: StackIntent
) -> tuple[Problem, ...]:
    """What has no effect because of how the group turned out, each with a remedy.

    notes: the annotations of all members by ``namespace/name``; read: the intents of those to be told; stack: what all
    members came to together.
    """
    others = tuple(notes.values())
    told = [_Together(notes=notes[intent.name], intent=intent, others=others, stack=stack) for intent in read]
    return tuple(dict.fromkeys(problem for seen in told for rule in _RULES_TOGETHER for problem in rule(seen)))


def _value(notes: AnnotationReader, annotation: Annotation[Any], of: str = "") -> Any:
    """The value; None when there is none, or when it cannot be read, which somebody else tells."""
    text = notes.raw(annotation, of)
    try:
        value = None if text is None else annotation.reader(text)
    except Unreadable:
        return None
    return None if annotation.blank_is_absent and not value else value


def _asks_for_something(notes: AnnotationReader, annotation: Annotation[Any]) -> bool:
    """Whether it is written, and not just a blank or what holds anyway."""
    text = notes.raw(annotation)
    if not text or not text.strip():
        return False
    return annotation.carried_out and _value(notes, annotation) not in annotation.asks_for_nothing


@dataclass(frozen=True, slots=True, kw_only=True)
class _Seen:
    """One Ingress, and what was read from it."""

    spec: Obj
    notes: AnnotationReader
    services: tuple[AnnotationReader, ...]
    classified: Classified
    intent: MemberIntent
    settings: Settings

    def tell(
        self,
        annotation: Annotation[Any],
        remedy: str,
        *,
        on: AnnotationReader | None = None,
        of: str = "",
        value: str | None = None,
    ) -> Problem:
        """A problem with an annotation; on: the object that bears it; value: the part of it that has no effect."""
        notes = on or self.notes
        shown = notes.raw(annotation, of) or "" if value is None else value
        return self.tell_of(notes.key(annotation, of), shown, remedy, on=notes)

    def tell_of(self, field: str, value: str, remedy: str, *, on: AnnotationReader | None = None) -> Problem:
        """A problem with any field."""
        notes = on or self.notes
        return Problem(notes.object_ref, field, value, remedy, "" if notes is self.notes else self.intent.name)

    def holders(self, annotation: Annotation[Any]) -> tuple[AnnotationReader, ...]:
        """Whoever may bear it: the Ingress, and perhaps the Services."""
        return (self.notes, *(self.services if annotation.on_service else ()))

    def groups(self, notes: AnnotationReader, annotation: Annotation[Any]) -> tuple[TargetGroupIntent, ...]:
        """The target groups that the value on one object is for: a Service's own, or those of Services without one."""
        if notes is not self.notes:
            return tuple(group for group in self.intent.target_groups if _service_ref(group) == notes.object_ref)
        silent = {service.object_ref for service in self.services if service.raw(annotation) is None}
        return tuple(group for group in self.intent.target_groups if _service_ref(group) in silent)

    @property
    def listeners(self) -> Mapping[int, str]:
        """Protocols by port."""
        return {listener.port: listener.protocol for listener in self.intent.listeners}

    @property
    def rule_backends(self) -> list[Obj]:
        """``service`` of the backend of each path."""
        paths = [p for rule in self.spec.get("rules") or () for p in (rule.get("http") or {}).get("paths") or ()]
        return [service for path in paths if (service := (path.get("backend") or {}).get("service"))]

    @property
    def backends(self) -> list[Obj]:
        """The same, and that of the default backend."""
        default = (self.spec.get("defaultBackend") or {}).get("service")
        return [*self.rule_backends, *([default] if default else [])]


def _service_ref(group: TargetGroupIntent) -> str:
    return f"Service {group.service.namespace}/{group.service.name}"


# -- what the table says


def _gated(seen: _Seen) -> Iterator[Problem]:
    for annotation in table.TABLE.values():
        off = annotation.gate and not getattr(seen.settings.feature_gates, NAMES[annotation.gate])
        if off and _asks_for_something(seen.notes, annotation):
            yield seen.tell(annotation, f"has no effect while the feature gate {annotation.gate} is off")


def _in_need(seen: _Seen) -> Iterator[Problem]:
    for annotation in table.TABLE.values():
        for notes in seen.holders(annotation):
            lacking = [need for need in annotation.needs if need in MET and not MET[need](seen, notes, annotation)]
            if lacking and _asks_for_something(notes, annotation):
                yield seen.tell(annotation, _needs(lacking[0]), on=notes)


def _needs(need: Need) -> str:
    return f"has no effect; it needs {need.words.replace('`', '')}"


def _beaten(seen: _Seen) -> Iterator[Problem]:
    for annotation in table.TABLE.values():
        for winner in map(table.TABLE.__getitem__, annotation.loses_to):
            if _asks_for_something(seen.notes, annotation) and _asks_for_something(seen.notes, winner):
                yield seen.tell(annotation, f"has no effect; {seen.notes.key(winner)} wins over it")


def _without_key(seen: _Seen) -> Iterator[Problem]:
    for annotation in table.TABLE.values():
        for notes in seen.holders(annotation):
            if annotation.keyed and notes.raw(annotation) is not None:
                example = notes.key(annotation, annotation.example_key)
                remedy = f"has no effect; write what it is about behind the key, as in {example}"
                yield seen.tell(annotation, remedy, on=notes)


def _is_encrypted(seen: _Seen, _notes: AnnotationReader, _annotation: Annotation[Any]) -> bool:
    return "HTTPS" in seen.listeners.values()


def _has_free_path(seen: _Seen, _notes: AnnotationReader, _annotation: Annotation[Any]) -> bool:
    paths = (p for rule in seen.spec.get("rules") or () for p in (rule.get("http") or {}).get("paths") or ())
    return any(path.get("path") and (path.get("pathType") or rules.FREE) == rules.FREE for path in paths)


def _has_instance_targets(seen: _Seen, notes: AnnotationReader, annotation: Annotation[Any]) -> bool:
    """Or no targets at all, of which nothing can be said."""
    groups = seen.groups(notes, annotation)
    return not groups or any(group.target_type == "instance" for group in groups)


def _in_shared_group(seen: _Seen, _notes: AnnotationReader, _annotation: Annotation[Any]) -> bool:
    return seen.classified.spec.group is not None or seen.notes.raw(table.GROUP_NAME) is not None


def _signs_in(*types: str) -> Callable[[_Seen, AnnotationReader, Annotation[Any]], bool]:
    """Whether some backend that the value is for has one of these kinds of sign-in."""

    def met(seen: _Seen, notes: AnnotationReader, annotation: Annotation[Any]) -> bool:
        on_ingress = seen.notes.raw(table.AUTH_TYPE)
        if notes is not seen.notes:
            own = notes.raw(table.AUTH_TYPE)
            return bool((on_ingress if own is None else own) in types)
        silent = (service for service in seen.services if service.raw(annotation) is None)
        return on_ingress in types or any(service.raw(table.AUTH_TYPE) in types for service in silent)

    return met


MET: Mapping[Need, Callable[[_Seen, AnnotationReader, Annotation[Any]], bool]] = {
    table.HTTPS_LISTENER: _is_encrypted,
    table.FREE_PATH: _has_free_path,
    table.INSTANCE_TARGETS: _has_instance_targets,
    table.SHARED_GROUP: _in_shared_group,
    table.AUTHENTICATION: _signs_in(*_SIGNS_IN),
    table.COGNITO: _signs_in("cognito"),
    table.OIDC: _signs_in("oidc"),
    table.WAFV2: lambda seen, _notes, _annotation: seen.settings.enable_wafv2,
    table.WAF_CLASSIC: lambda seen, _notes, _annotation: seen.settings.enable_waf,
    table.SHIELD: lambda seen, _notes, _annotation: seen.settings.enable_shield,
}
"""How each need that one Ingress can tell of is seen to be met, for a value on the Ingress or on a Service."""


# -- what the class's parameters say


def _subnet_ids(spec: IngressClassParamsSpec) -> tuple[str, ...] | None:
    return None if spec.subnets is None else spec.subnets.ids or ()


OF_CLASS: Mapping[str, Callable[[IngressClassParamsSpec], Any]] = {
    table.GROUP_NAME.suffix: lambda spec: spec.group.name if spec.group else None,
    table.SCHEME.suffix: lambda spec: spec.scheme,
    table.LOAD_BALANCER_NAME.suffix: lambda spec: spec.load_balancer_name or None,
    table.IP_ADDRESS_TYPE.suffix: lambda spec: spec.ip_address_type,
    table.SUBNETS.suffix: _subnet_ids,
    table.CERTIFICATE_ARN.suffix: lambda spec: spec.certificate_arn or None,
    table.SSL_POLICY.suffix: lambda spec: spec.ssl_policy or None,
    table.SSL_REDIRECT.suffix: lambda spec: spec.ssl_redirect_port,
    table.INBOUND_CIDRS.suffix: lambda spec: spec.inbound_cidrs or None,
    table.PREFIX_LISTS.suffix: lambda spec: spec.security_group_prefix_lists or None,
    table.TARGET_TYPE.suffix: lambda spec: spec.target_type,
    table.WAFV2_ACL_ARN.suffix: lambda spec: spec.wafv2_acl_arn or None,
    table.WAFV2_ACL_NAME.suffix: lambda spec: spec.wafv2_acl_name or None,
}
"""What the class of an Ingress says instead of an annotation; None: nothing."""


def _by_class(seen: _Seen) -> Iterator[Problem]:
    for suffix, of_class in OF_CLASS.items():
        annotation, wins = table.TABLE[suffix], of_class(seen.classified.spec)
        for notes in seen.holders(annotation):
            if wins is not None and _asks_for_something(notes, annotation) and _differs(notes, annotation, wins):
                yield seen.tell(annotation, f"has no effect; {_class_field(seen, annotation)} wins over it", on=notes)


def _differs(notes: AnnotationReader, annotation: Annotation[Any], wins: str | tuple[str, ...]) -> bool:
    written = _value(notes, annotation)
    return (tuple(written or ()) if isinstance(wins, tuple) else str(written)) != wins


def _within_the_class(seen: _Seen) -> Iterator[Problem]:
    """What has no effect wherever the Ingress stands: the class itself, or the operator, says otherwise."""
    spec, gates = seen.classified.spec, seen.settings.feature_gates
    if spec.subnets and spec.subnets.ids and spec.subnets.tags:
        yield _of_class(seen, "subnets.tags", ", ".join(spec.subnets.tags), "has no effect; spec.subnets.ids wins")
    if spec.minimum_load_balancer_capacity and not gates.lb_capacity_reservation:
        units = str(spec.minimum_load_balancer_capacity.capacity_units)
        remedy = f"has no effect while the feature gate {table.CAPACITY.gate} is off"
        yield _of_class(seen, "minimumLoadBalancerCapacity", units, remedy)
    if spec.wafv2_acl_arn and spec.wafv2_acl_name and seen.settings.enable_wafv2:
        yield _of_class(seen, "wafv2AclArn", spec.wafv2_acl_arn, "has no effect; spec.wafv2AclName wins over it")
    for tag in spec.tags or ():
        if why := _why_not_tagged(seen, tag.key, tag.value):
            yield _of_class(seen, "tags", f"{tag.key}={tag.value}", why)


def _twice_in_the_class(seen: _Seen) -> Iterator[Problem]:
    spec = seen.classified.spec
    listeners = [(f"{x.protocol}-{x.port}", x) for x in spec.listeners or ()]
    keys = {
        "tags": [tag.key for tag in spec.tags or ()],
        "loadBalancerAttributes": [attribute.key for attribute in spec.load_balancer_attributes or ()],
        **{f"listeners {name}": [attribute.key for attribute in x.listener_attributes] for name, x in listeners},
    }
    for field, of_field in keys.items():
        for key in dict.fromkeys(of_field):
            if of_field.count(key) > 1:
                yield _of_class(seen, field, key, f"{_LAST_HOLDS}; write it once")
    names = [name for name, _ in listeners]
    for name in dict.fromkeys(names):
        if names.count(name) > 1:
            remedy = "stands more than once, and only the first has an effect; write it once"
            yield _of_class(seen, "listeners", name, remedy)


def _of_class(seen: _Seen, field: str, value: str, remedy: str) -> Problem:
    """A problem with a field of the class's parameters, told to the Ingress."""
    name = seen.classified.params.metadata.name if seen.classified.params else ""
    return Problem(f"IngressClassParams {name}", f"spec.{field}", value, remedy, seen.intent.name)


def _class_field(seen: _Seen, annotation: Annotation[Any]) -> str:
    params = seen.classified.params
    return f"spec.{annotation.class_field} of IngressClassParams {params.metadata.name if params else ''}"


# -- what Services say


def _by_services(seen: _Seen) -> Iterator[Problem]:
    """Annotations about targets that every Service behind the Ingress says otherwise."""
    for annotation in table.TABLE.values():
        written = seen.notes.raw(annotation)
        if written is None or not _is_about_targets(annotation) or not _asks_for_something(seen.notes, annotation):
            continue
        others = [service.raw(annotation) for service in seen.services]
        if others and all(other not in (None, written) for other in others):
            names = ", ".join(service.object_ref for service in seen.services)
            yield seen.tell(annotation, f"has no effect; {names} says otherwise, and wins over it")


def _is_about_targets(annotation: Annotation[Any]) -> bool:
    """Sign-in is about backends without targets too; tags and ``multi-cluster-target-group`` are joined."""
    joined = (table.TAGS, table.MULTI_CLUSTER)
    return bool(annotation.on_service) and annotation not in joined and not annotation.suffix.startswith("auth-")


def _control_ports_of_services(seen: _Seen) -> Iterator[Problem]:
    for key in seen.notes.keys_of(table.TARGET_CONTROL_PORT):
        for service in seen.services:
            other = service.raw(table.TARGET_CONTROL_PORT, key)
            if _is_key_of(key, service) and other not in (None, seen.notes.raw(table.TARGET_CONTROL_PORT, key)):
                remedy = f"has no effect; {service.object_ref} says otherwise, and wins over it"
                yield seen.tell(table.TARGET_CONTROL_PORT, remedy, of=key)


def _is_key_of(key: str, service: AnnotationReader) -> bool:
    return key.rpartition(".")[0] == service.object_ref.rpartition("/")[2]


# -- keys of JSON that count for nothing


def _idle_keys(seen: _Seen) -> Iterator[Problem]:
    for annotation in (a for a in table.TABLE.values() if a.idle_keys is not None):
        for notes in seen.holders(annotation):
            for of in notes.keys_of(annotation) if annotation.keyed else ("",):
                for key, remedy in _idle_keys_in(notes, annotation, of):
                    yield seen.tell(annotation, remedy, on=notes, of=of, value=key)


def _idle_keys_in(notes: AnnotationReader, annotation: Annotation[Any], of: str) -> Iterator[tuple[str, str]]:
    """With a remedy each."""
    if annotation.idle_keys is None or _value(notes, annotation, of) is None:
        return
    text = notes.raw(annotation, of) or ""
    for key in annotation.idle_keys(read_json(text)):
        yield key, "has no effect; mistyped, or not for this type: write what belongs to the type, or leave it out"
    for key in json_fields.doubled(text):
        yield key, f"{_LAST_HOLDS}; write it once in each object"


def _keys_twice(seen: _Seen) -> Iterator[Problem]:
    """Of maps, of which the last holds."""
    for annotation in (a for a in table.TABLE.values() if a.idle_keys is None):
        for notes in seen.holders(annotation):
            for of in notes.keys_of(annotation) if annotation.keyed else ("",):
                if isinstance(_value(notes, annotation, of), Mapping):
                    for key in doubled_keys(notes.raw(annotation, of) or ""):
                        yield seen.tell(annotation, f"{_LAST_HOLDS}; write it once", on=notes, of=of, value=key)


_LAST_HOLDS = "stands more than once, and only the last has an effect"


def _mutual_authentication_twice(seen: _Seen) -> Iterator[Problem]:
    if _value(seen.notes, table.MUTUAL_AUTHENTICATION) is None:
        return
    entries = json_fields.list_of(read_json(seen.notes.raw(table.MUTUAL_AUTHENTICATION) or ""), of="the ports")
    ports = [json_fields.integer(json_fields.object_of(entry, ("port",), of="a port"), "port") for entry in entries]
    for port in dict.fromkeys(ports):
        if ports.count(port) > 1:
            yield seen.tell(table.MUTUAL_AUTHENTICATION, f"{_LAST_HOLDS}; write it once", value=str(port))


# -- keys of what is not there


def _actions_of_no_backend(seen: _Seen) -> Iterator[Problem]:
    names = {b.get("name") for b in seen.backends}
    used = {b.get("name") for b in seen.backends if (b.get("port") or {}).get("name") == _USE_ANNOTATION}
    for key in seen.notes.keys_of(table.ACTIONS):
        if key in names - used:
            remedy = f"has no effect; a backend uses it whose port has the name {_USE_ANNOTATION}"
            yield seen.tell(table.ACTIONS, remedy, of=key, value="")
        elif key not in used:
            yield seen.tell(table.ACTIONS, f"has no effect; no backend has the name {key}", of=key, value="")


def _extras_of_no_rule(seen: _Seen) -> Iterator[Problem]:
    by_rules = {b.get("name") for b in seen.rule_backends}
    for annotation in (table.CONDITIONS, table.TRANSFORMS):
        for key in seen.notes.keys_of(annotation):
            if key not in by_rules:
                remedy = f"has no effect; no rule has a backend of the name {key}, a default backend does not count"
                yield seen.tell(annotation, remedy, of=key, value="")


def _attributes_of_no_listener(seen: _Seen) -> Iterator[Problem]:
    known = [f"{protocol}-{port}" for port, protocol in seen.listeners.items()]
    for key in seen.notes.keys_of(table.LISTENER_ATTRIBUTES):
        if key not in known:
            where = f"behind the key stands a listener's protocol and port, one of {', '.join(known)}"
            yield seen.tell(table.LISTENER_ATTRIBUTES, f"has no effect; {where}", of=key)


def _control_ports_of_no_target_group(seen: _Seen) -> Iterator[Problem]:
    known = {f"{group.service.name}.{group.port_as_written}" for group in seen.intent.target_groups}
    for notes in (seen.notes, *seen.services):
        own = {key for key in known if notes is seen.notes or _is_key_of(key, notes)}
        for key in notes.keys_of(table.TARGET_CONTROL_PORT):
            if key not in own:
                listed = ", ".join(sorted(own)) or "none"
                remedy = f"has no effect; behind the key stand a Service and its port as rules name it ({listed})"
                yield seen.tell(table.TARGET_CONTROL_PORT, remedy, on=notes, of=key)


def _mutual_authentication_of_no_listener(seen: _Seen) -> Iterator[Problem]:
    secured = [port for port, protocol in seen.listeners.items() if protocol == "HTTPS"]
    for port in _value(seen.notes, table.MUTUAL_AUTHENTICATION) or ():
        if secured and port not in secured:
            remedy = f"has no effect; no HTTPS listener of this Ingress has the port (they have: {_listed(secured)})"
            yield seen.tell(table.MUTUAL_AUTHENTICATION, remedy, value=str(port))


def _listed(ports: Iterable[int]) -> str:
    return ", ".join(map(str, sorted(ports))) or "none"


def _protocols_that_are_not_the_last(seen: _Seen) -> Iterator[Problem]:
    """Of several protocols that are written for one port."""
    if not seen.notes.get(table.LISTEN_PORTS):
        return
    for entry in json_fields.list_of(read_json(seen.notes.raw(table.LISTEN_PORTS) or ""), of="the ports"):
        for protocol, port in entry.items():
            if (holds := seen.listeners.get(port, protocol)) != protocol:
                remedy = f"has no effect; {holds} comes later for the same port, and a port has one protocol"
                yield seen.tell(table.LISTEN_PORTS, remedy, value=f"{protocol} {port}")


# -- tags, certificates, annotations that nobody knows


def _tags(seen: _Seen) -> Iterator[Problem]:
    by_class = {tag.key: tag.value for tag in seen.classified.spec.tags or ()}
    for notes in (seen.notes, *seen.services):
        for key, value in (_value(notes, table.TAGS) or {}).items():
            why = _why_not_tagged(seen, key, value)
            if not why and by_class.get(key, value) != value:
                why = f"has no effect; {_class_field(seen, table.TAGS)} says {key}={by_class[key]}"
            if why:
                yield seen.tell(table.TAGS, why, on=notes, value=f"{key}={value}")


def _why_not_tagged(seen: _Seen, key: str, value: str) -> str:
    """Why nothing bears a tag, whoever asks for it; "" if something does."""
    settings = seen.settings
    defaults = {} if settings.feature_gates.enable_default_tags_low_priority else settings.default_tags
    if key in _RESERVED_TAGS:
        return "has no effect; the controller finds its own resources by this tag"
    if defaults.get(key, value) != value:
        return f"has no effect; --default-tags says {key}={defaults[key]}"
    return ""


def _secrets(seen: _Seen) -> Iterator[Problem]:
    for i, tls in enumerate(seen.spec.get("tls") or ()):
        if secret := tls.get("secretName"):
            remedy = (
                "has no effect; certificates are those of ACM: of the hosts, or of "
                f"{seen.notes.key(table.CERTIFICATE_ARN)}"
            )
            yield seen.tell_of(f"spec.tls[{i}].secretName", secret, remedy)


def _unknown(seen: _Seen) -> Iterator[Problem]:
    for notes in (seen.notes, *seen.services):
        for suffix, value in notes.written():
            if (annotation := known(suffix)) is None:
                yield seen.tell_of(f"{table.PREFIX}/{suffix}", value, _why_unknown(suffix), on=notes)
            elif notes is not seen.notes and not annotation.on_service:
                remedy = f"has no effect on a Service; write it on {seen.notes.object_ref}"
                yield seen.tell_of(f"{table.PREFIX}/{suffix}", value, remedy, on=notes)


def known(suffix: str) -> Annotation[Any] | None:
    """The annotation of a key behind the prefix; None: there is none, or it takes nothing behind its name."""
    head = table.TABLE.get(suffix.partition(".")[0])
    return table.TABLE.get(suffix) or (head if head and head.keyed else None)


def _why_unknown(suffix: str) -> str:
    head = suffix.partition(".")[0]
    if head in table.TABLE:
        return f"has no effect; write {table.PREFIX}/{head}, which takes nothing behind it"
    near = difflib.get_close_matches(suffix, table.TABLE, n=1) or difflib.get_close_matches(head, table.TABLE, n=1)
    return "there is no such annotation" + (f"; did you mean {table.PREFIX}/{near[0]}?" if near else "")


def _of_services(seen: _Seen) -> Iterator[Problem]:
    for key, value in seen.notes.under(f"{SERVICE_ANNOTATION_PREFIX}/aws-load-balancer-"):
        near = difflib.get_close_matches(key.rpartition("aws-load-balancer-")[2], table.TABLE, n=1, cutoff=0.8)
        meant = f"; did you mean {table.PREFIX}/{near[0]}?" if near else ""
        yield seen.tell_of(key, value, f"has no effect on an Ingress, only on Services{meant}")


_RULES: tuple[Callable[[_Seen], Iterator[Problem]], ...] = (
    _gated,
    _in_need,
    _beaten,
    _without_key,
    _idle_keys,
    _keys_twice,
    _mutual_authentication_twice,
    _by_class,
    _within_the_class,
    _twice_in_the_class,
    _by_services,
    _control_ports_of_services,
    _actions_of_no_backend,
    _extras_of_no_rule,
    _attributes_of_no_listener,
    _control_ports_of_no_target_group,
    _mutual_authentication_of_no_listener,
    _protocols_that_are_not_the_last,
    _tags,
    _secrets,
    _unknown,
    _of_services,
)


# -- what the group shows


@dataclass(frozen=True, slots=True, kw_only=True)
class _Together:
    """One member of a group: notes: its annotations; others: those of all members."""

    notes: AnnotationReader
    intent: MemberIntent
    others: tuple[AnnotationReader, ...]
    stack: StackIntent

    def tell_asked(self, asked: Asked[Any], value: str, remedy: str) -> Problem:
        """A problem with a value of the Ingress, or of its class."""
        return Problem(asked.blame.object, asked.blame.field, value, remedy, asked.blame.member)

    @property
    def protocols(self) -> set[str]:
        """Of all the group's listeners."""
        return {listener.protocol for listener in self.stack.listeners}

    @property
    def listeners(self) -> list[ListenerIntent]:
        """Those that this member asks for, as the group has them."""
        ports = {listener.port for listener in self.intent.listeners}
        return [listener for listener in self.stack.listeners if listener.port in ports]

    @property
    def is_outvoted(self) -> bool:
        """Whether it wants another protocol than an earlier member, which it is told of."""
        wanted = {(listener.port, listener.protocol) for listener in self.intent.listeners}
        return wanted != {(listener.port, listener.protocol) for listener in self.listeners}

    @property
    def redirects(self) -> list[ListenerIntent]:
        """Those of its listeners that do nothing but redirect to HTTPS."""
        asked = any(_value(other, table.SSL_REDIRECT) is not None for other in self.others)
        return [x for x in self.listeners if x.protocol == "HTTP" and not x.rules and _only_redirects(x) and asked]


def _has_managed_group(seen: _Together) -> bool:
    return not seen.stack.load_balancer.security_groups.groups


MET_TOGETHER: Mapping[Need, Callable[[_Together], bool]] = {
    table.HTTP_LISTENER: lambda seen: "HTTP" in seen.protocols,
    table.MANAGED_GROUP: _has_managed_group,
    table.OWN_GROUPS: lambda seen: not _has_managed_group(seen),
    table.FRONTEND_NLB: lambda seen: any(_value(other, table.ENABLE_FRONTEND_NLB) for other in seen.others),
}
"""How each need that only the group can tell of is seen to be met."""


def _in_need_together(seen: _Together) -> Iterator[Problem]:
    for annotation in table.TABLE.values():
        if annotation.needs and _asks_for_something(seen.notes, annotation):
            for need in annotation.needs:
                if need in MET_TOGETHER and not MET_TOGETHER[need](seen):
                    shown = seen.notes.raw(annotation) or ""
                    yield Problem(seen.notes.object_ref, seen.notes.key(annotation), shown, _needs(need))
                    break


def _ipv6_networks(seen: _Together) -> Iterator[Problem]:
    """On a load balancer without IPv6."""
    lb = seen.stack.load_balancer
    if (lb.ip_address_type or "ipv4") != "ipv4" or not _has_managed_group(seen):
        return
    for listener in seen.intent.listeners:
        cidrs = listener.cidrs.value if listener.cidrs else ()
        shut = all(":" in cidr for cidr in cidrs) and not listener.prefix_lists
        lacking = f"it needs {table.PREFIX}/{table.IP_ADDRESS_TYPE.suffix}: dualstack"
        remedy = f"{lacking}; as it is, nobody is let in" if shut else f"has no effect; {lacking}"
        for cidr in cidrs:
            if listener.cidrs and ":" in cidr:
                yield seen.tell_asked(listener.cidrs, cidr, remedy)


def _rules_left_out(seen: _Together) -> Iterator[Problem]:
    """Rules that stand on none of the member's listeners. What they do there may depend on the listener."""
    stand = {_what_it_takes(rule) for listener in seen.listeners for rule in listener.rules}
    lost = [rule for rule in seen.intent.rules if _what_it_takes(rule) not in stand]
    if seen.is_outvoted:
        return
    if lost and not seen.listeners:
        yield Problem(seen.notes.object_ref, "spec.rules", "", "has no effect; this Ingress listens on no port")
        return
    if lost and len(seen.redirects) == len(seen.listeners):
        remedy = (
            f"has no effect; {table.PREFIX}/{table.SSL_REDIRECT.suffix} redirects from all listeners of this Ingress"
        )
        yield Problem(seen.notes.object_ref, "spec.rules", "", remedy)
        return
    for rule in lost:
        remedy = "has no effect; it would redirect to itself, or a redirect before it takes all of its requests"
        yield Problem(seen.notes.object_ref, "spec.rules", _shown(rule), remedy)


def _what_it_takes(rule: RuleIntent) -> tuple[object, ...]:
    return rule.owner, rule.conditions, rule.transforms


def _only_redirects(listener: ListenerIntent) -> bool:
    return all(isinstance(action, Redirect) for action in listener.default_actions)


def _shown(rule: RuleIntent) -> str:
    return " ".join(v for c in rule.conditions for v in (*c.values, *c.regex_values))


def _attributes_of_the_class(seen: _Together) -> Iterator[Problem]:
    by_port = {listener.port: listener.attributes for listener in seen.stack.listeners}
    said = [(seen.intent.attributes, seen.stack.load_balancer.attributes)]
    said += [(listener.attributes, by_port.get(listener.port, {})) for listener in seen.intent.listeners]
    for settled, holds in said:
        own = settled.own
        for key, value in own.value.items() if own else ():
            if own and value != holds.get(key) == settled.by_class.get(key, value):
                yield seen.tell_asked(own, f"{key}={value}", f"has no effect; the class's parameters say {holds[key]}")


def _numbers_of_the_class(seen: _Together) -> Iterator[Problem]:
    lb, intent = seen.stack.load_balancer, seen.intent
    for own, by_class, holds in (
        (intent.capacity_units, intent.class_capacity_units, lb.minimum_capacity_units),
        (intent.ipam_pool, intent.class_ipam_pool, lb.ipv4_ipam_pool_id),
    ):
        if own is not None and by_class is not None and own.value != holds == by_class:
            yield seen.tell_asked(own, str(own.value), f"has no effect; the class's parameters say {by_class}")


def _passes_without_signing_in(seen: _Together) -> Iterator[Problem]:
    """On HTTP listeners beside HTTPS ones; with HTTP ones alone, the annotation's need is lacking."""
    if seen.is_outvoted or "HTTPS" not in {listener.protocol for listener in seen.listeners}:
        return
    kept = {Authenticate, Redirect}
    guarded = [seen.intent.default_actions or (), *(rule.actions for rule in seen.intent.rules)]
    kinds = [{type(action) for action in actions} for actions in guarded]
    open_ports = [x.port for x in seen.listeners if x.protocol == "HTTP" and x not in seen.redirects]
    if open_ports and any(Authenticate in kind and kind != kept for kind in kinds):
        jwt = seen.notes.raw(table.JWT_VALIDATION) is not None
        annotation = table.JWT_VALIDATION if jwt else table.AUTH_TYPE
        remedy = (
            f"has no effect on HTTP port {_listed(open_ports)}, where requests pass without it; listen with HTTPS "
            f"alone, or write {table.PREFIX}/{table.SSL_REDIRECT.suffix}"
        )
        yield Problem(seen.notes.object_ref, seen.notes.key(annotation), "", remedy)


def _web_acl_by_name(seen: _Together) -> Iterator[Problem]:
    """An ARN beside another member's name, or beside its class's; what the Ingress, or the class, says itself is told
    elsewhere.
    """
    own = seen.intent.firewall
    if own.web_acl is None:
        return
    if own.web_acl_name is not None:
        if own.web_acl.blame.object != own.web_acl_name.blame.object:
            winner = f"{own.web_acl_name.blame.field} of {own.web_acl_name.blame.object}"
            yield seen.tell_asked(own.web_acl, own.web_acl.value, f"has no effect; {winner} wins over it")
        return
    for other in seen.others:
        if _value(other, table.WAFV2_ACL_NAME):
            remedy = f"has no effect; {other.key(table.WAFV2_ACL_NAME)} of {other.object_ref} wins over it"
            yield seen.tell_asked(own.web_acl, own.web_acl.value, remedy)
            return


_RULES_TOGETHER: tuple[Callable[[_Together], Iterator[Problem]], ...] = (
    _in_need_together,
    _ipv6_networks,
    _rules_left_out,
    _attributes_of_the_class,
    _numbers_of_the_class,
    _passes_without_signing_in,
    _web_acl_by_name,
)
