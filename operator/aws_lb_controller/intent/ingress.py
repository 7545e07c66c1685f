"""One Ingress becomes what it asks for: its annotations, rules and backends, and its class's parameters, which win.

Nothing here knows of other members of its group; `merge` brings them together.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, TypeVar

from aws_lb_controller.errors import Problem, SpecError
from aws_lb_controller.intent import actions, rules
from aws_lb_controller.intent import ingress_annotations as table
from aws_lb_controller.intent.actions import Destination, WrittenAction, WrittenForward
from aws_lb_controller.intent.annotations import Annotation, AnnotationReader
from aws_lb_controller.intent.authentication import Authentication
from aws_lb_controller.intent.firewalls import read_firewall
from aws_lb_controller.intent.frontend_nlb import read_frontend
from aws_lb_controller.intent.ingress_class import ingress_name
from aws_lb_controller.intent.ingress_ignored import passed_over
from aws_lb_controller.intent.ingress_member import (
    Asked,
    MemberFirewall,
    MemberFrontend,
    MemberInput,
    MemberIntent,
    MemberListener,
    Settled,
    asked_of,
)
from aws_lb_controller.intent.ingress_target_groups import TargetGroups, check_tags, class_tags
from aws_lb_controller.intent.oidc_client import Secrets
from aws_lb_controller.intent.readers import Unreadable, read_int32
from aws_lb_controller.intent.service import Services
from aws_lb_controller.intent.values import ActionIntent, Blame, ForwardIntent, ForwardTo, RuleIntent, SubnetChoice
from aws_lb_controller.model.listener import Authenticate, Condition, Transform
from aws_lb_controller.settings import Settings

T = TypeVar("T")
Obj = Mapping[str, Any]

USE_ANNOTATION = "use-annotation"
"""The Service port's name that stands for: the backend is the annotation ``actions.NAME``."""

_ASKS_NOTHING = ("", "none", "false")
"""Values by which a feature is turned off: that it is not served makes no difference."""


def notes_of(ingress: Obj) -> AnnotationReader:
    """A reader of an Ingress's annotations."""
    return AnnotationReader(
        object_ref=f"Ingress {ingress_name(ingress)}",
        annotations=ingress["metadata"].get("annotations") or {},
        prefix=table.PREFIX,
    )


def read_member(member: MemberInput, *, services: Services, secrets: Secrets, settings: Settings) -> MemberIntent:
    """What an Ingress asks for. Raises `SpecError` with everything that is wrong with it and the Services it names."""
    return _Reading(member, services, secrets, settings).member()


class _Reading:
    """One pass over one Ingress; problems gather in `notes` and in the readers of its Services."""

    def __init__(self, member: MemberInput, services: Services, secrets: Secrets, settings: Settings) -> None:
        self.settings, self.classified = settings, member.classified
        self.ingress, self.spec = member.ingress, member.ingress.get("spec") or {}
        self.name = ingress_name(member.ingress)
        self.notes = notes_of(member.ingress)
        self.params = member.classified.spec
        self.target_groups = TargetGroups(
            self.name, self.notes, classified=member.classified, services=services, settings=settings
        )
        self.tags = self._tags()
        self.warnings: list[Problem] = []
        self.listeners = self._listeners()
        secure = any(listener.protocol == "HTTPS" for listener in self.listeners)
        self.authentication = Authentication(self.notes, secrets=secrets, settings=settings, secure=secure)

    def member(self) -> MemberIntent:
        intent = MemberIntent(
            name=self.name,
            order=self.notes.get(table.GROUP_ORDER) or 0,
            listen_blame=self.notes.blame(table.LISTEN_PORTS),
            listeners=self.listeners,
            rules=tuple(self._rules()),
            default_actions=self._default_actions(),
            target_groups=self.target_groups.made,
            scheme=self._asked(self.params.scheme, "scheme", table.SCHEME),
            load_balancer_name=self._name(),
            ip_address_type=self._asked(self.params.ip_address_type, "ipAddressType", table.IP_ADDRESS_TYPE),
            subnets=self._subnets(),
            security_groups=self._asked(None, "", table.SECURITY_GROUPS),
            manage_backend_rules=self._manage_backend_rules(),
            attributes=Settled(
                own=self._asked(None, "", table.LOAD_BALANCER_ATTRIBUTES),
                by_class={a.key: a.value for a in self.params.load_balancer_attributes or ()},
            ),
            tags=self.tags,
            tags_blame=self.notes.blame(table.TAGS),
            capacity_units=self._capacity(),
            class_capacity_units=self._class_capacity(),
            customer_owned_pool=self._asked(None, "", table.CUSTOMER_OWNED_POOL),
            ipam_pool=self._asked(None, "", table.IPAM_POOL),
            class_ipam_pool=self.params.ipam_configuration.ipv4_ipam_pool_id
            if self.params.ipam_configuration
            else None,
            ssl_redirect=self._ssl_redirect(),
            firewall=self._firewall(),
            frontend=self._frontend(),
            warnings=self._all_warnings(),
        )
        if problems := self._problems():
            raise SpecError(problems)
        return replace(intent, warnings=(*intent.warnings, *self._passed_over(intent)))

    def _passed_over(self, intent: MemberIntent) -> tuple[Problem, ...]:
        return passed_over(
            self.spec,
            notes=self.notes,
            services=self.target_groups.readers,
            classified=self.classified,
            intent=intent,
            settings=self.settings,
        )

    def _problems(self) -> list[Problem]:
        readers = (self.notes, *self.target_groups.readers)
        return list(dict.fromkeys(p for reader in readers for p in reader.problems))

    def _all_warnings(self) -> tuple[Problem, ...]:
        readers = (self.notes, *self.target_groups.readers)
        written = [p for reader in readers for p in reader.not_carried_out(table.TABLE)]
        unused = [p for p in written if p.value not in _ASKS_NOTHING]
        return tuple(dict.fromkeys((*self.warnings, *unused)))

    # -- a value of the class's parameters, or else of an annotation

    def _asked(self, by_class: T | None, field: str, annotation: Annotation[T]) -> Asked[T] | None:
        """field: the class's field below ``spec``, "" for what only Ingresses say."""
        if by_class:
            return Asked(by_class, self._class_blame(field))
        value = self.notes.get(annotation)
        return None if value is None else Asked(value, self.notes.blame(annotation))

    def _heard(self, annotation: Annotation[T], *, by_anybody: bool) -> Asked[T] | None:
        """A value of an annotation; where nobody hears it, it is no error whatever it says."""
        return asked_of(self.notes if by_anybody else self.notes.apart(), annotation)

    def _class_blame(self, field: str) -> Blame:
        params = self.classified.params
        name = params.metadata.name if params else ""
        return Blame(object=f"IngressClassParams {name}", field=f"spec.{field}", member=self.name)

    def _complain_of_class(self, field: str, value: str, remedy: str) -> None:
        blame = self._class_blame(field)
        self.notes.add(Problem(blame.object, blame.field, value, remedy))

    # -- the load balancer

    def _name(self) -> Asked[str] | None:
        asked = self._asked(self.params.load_balancer_name, "loadBalancerName", table.LOAD_BALANCER_NAME)
        if asked and self.params.load_balancer_name:
            try:
                table.LOAD_BALANCER_NAME.reader(asked.value)
            except Unreadable as e:
                self._complain_of_class("loadBalancerName", asked.value, str(e))
        return asked

    def _subnets(self) -> Asked[SubnetChoice] | None:
        if (chosen := self.params.subnets) is not None:
            tags = None if chosen.ids else chosen.tags or {}  # without either, all subnets are candidates
            return Asked(SubnetChoice(names_or_ids=chosen.ids, tags=tags), self._class_blame("subnets"))
        names = self._asked(None, "", table.SUBNETS)
        return Asked(SubnetChoice(names_or_ids=names.value), names.blame) if names else None

    def _manage_backend_rules(self) -> Asked[bool] | None:
        own_groups = self.notes.get(table.SECURITY_GROUPS) is not None
        return self._heard(table.MANAGE_BACKEND_RULES, by_anybody=own_groups)

    def _tags(self) -> dict[str, str]:
        own, by_class = self.notes.get(table.TAGS) or {}, class_tags(self.classified)
        check_tags(self.notes, own, self.settings)
        for key in sorted(set(by_class) & set(self.settings.external_managed_tags)):
            self._complain_of_class("tags", key, "leave it out: --external-managed-tags has it")
        return own | by_class

    def _capacity(self) -> Asked[int] | None:
        if not self.notes.raw(table.CAPACITY) or not self.settings.feature_gates.lb_capacity_reservation:
            return None
        by_class = self._class_capacity() is not None
        asked = self._heard(table.CAPACITY, by_anybody=not by_class)
        if asked is None and by_class:
            winner, text = self._class_blame("minimumLoadBalancerCapacity"), self.notes.raw(table.CAPACITY) or ""
            remedy = f"has no effect; {winner.field} of {winner.object} wins over it"
            self.warnings.append(Problem(self.notes.object_ref, self.notes.key(table.CAPACITY), text, remedy))
        return asked

    def _class_capacity(self) -> int | None:
        reserved = self.params.minimum_load_balancer_capacity
        gate = self.settings.feature_gates.lb_capacity_reservation
        return reserved.capacity_units if reserved and gate else None

    def _ssl_redirect(self) -> Asked[int | None] | None:
        text = self.params.ssl_redirect_port
        if text is None:
            return self._asked(None, "", table.SSL_REDIRECT)
        blame = self._class_blame("sslRedirectPort")
        try:
            return Asked(read_int32(text), blame)
        except Unreadable as e:
            self.warnings.append(Problem(blame.object, blame.field, text, str(e), blame.member))
            return Asked(None, blame)

    def _firewall(self) -> MemberFirewall:
        arn, name = self.params.wafv2_acl_arn, self.params.wafv2_acl_name
        by_class = {"wafv2AclArn": arn, "wafv2AclName": name}
        for field, value in by_class.items():
            if value and value != table.NO_WEB_ACL and not self.settings.enable_wafv2:
                remedy = f"it has no effect: it needs {table.WAFV2.words}"
                blame = self._class_blame(field)
                self.warnings.append(Problem(blame.object, blame.field, value, remedy, blame.member))
        return read_firewall(
            self.notes,
            web_acl=self._asked(arn, "wafv2AclArn", table.WAFV2_ACL_ARN),
            web_acl_name=self._asked(name, "wafv2AclName", table.WAFV2_ACL_NAME),
            settings=self.settings,
        )

    def _frontend(self) -> MemberFrontend:
        read, passed_over = read_frontend(self.notes, (listener.port for listener in self.listeners))
        self.warnings += passed_over
        return read

    # -- listeners

    def _listeners(self) -> tuple[MemberListener, ...]:
        certificates = self._asked(self.params.certificate_arn, "certificateArn", table.CERTIFICATE_ARN)
        ports = self.notes.get(table.LISTEN_PORTS)
        if ports is None:
            ports = {443: "HTTPS"} if certificates else {80: "HTTP"}
        cidrs = self._cidrs()
        prefix_lists = self._asked(self.params.security_group_prefix_lists, "prefixListsIDs", table.PREFIX_LISTS)
        ssl_policy = self._asked(self.params.ssl_policy, "sslPolicy", table.SSL_POLICY)
        mutual = self.notes.get(table.MUTUAL_AUTHENTICATION) or {}
        hosts = frozenset() if certificates else self._hosts()
        return tuple(
            MemberListener(
                port=port,
                protocol=protocol,
                cidrs=cidrs,
                prefix_lists=prefix_lists,
                certificates=certificates.value if certificates and protocol == "HTTPS" else (),
                certificate_hosts=hosts if protocol == "HTTPS" else frozenset(),
                ssl_policy=ssl_policy if protocol == "HTTPS" else None,
                mutual_authentication=Asked(mutual[port], self.notes.blame(table.MUTUAL_AUTHENTICATION))
                if protocol == "HTTPS" and port in mutual
                else None,
                attributes=self._listener_attributes(port, protocol),
            )
            for port, protocol in sorted(ports.items())
        )

    def _cidrs(self) -> Asked[tuple[str, ...]] | None:
        for cidr in self.params.inbound_cidrs or ():
            try:
                table.network(cidr)
            except Unreadable as e:
                self._complain_of_class("inboundCIDRs", cidr, str(e))
        return self._asked(self.params.inbound_cidrs, "inboundCIDRs", table.INBOUND_CIDRS)

    def _hosts(self) -> frozenset[str]:
        written = [rule.get("host") for rule in self.spec.get("rules") or ()]
        secured = [host for tls in self.spec.get("tls") or () for host in tls.get("hosts") or ()]
        return frozenset(host for host in (*written, *secured) if host)

    def _listener_attributes(self, port: int, protocol: str) -> Settled:
        key = f"{protocol}-{port}"
        own = self.notes.get(table.LISTENER_ATTRIBUTES, key)
        same = (x for x in self.params.listeners or () if (x.protocol, x.port) == (protocol, port))
        by_class = next(same, None)
        return Settled(
            own=None if own is None else Asked(own, self.notes.blame(table.LISTENER_ATTRIBUTES, key)),
            by_class={a.key: a.value for a in by_class.listener_attributes} if by_class else {},
        )

    # -- rules

    def _rules(self) -> Iterable[RuleIntent]:
        as_regex = self._has_free_paths() and bool(self.notes.get(table.USE_REGEX_PATH_MATCH))
        for i, rule in enumerate(self.spec.get("rules") or ()):
            written = (rule.get("http") or {}).get("paths") or ()
            for path in rules.ordered(written):
                field = f"spec.rules[{i}].http.paths[{written.index(path)}]"
                yield self._rule(rule.get("host") or "", path, field=field, as_regex=as_regex)

    def _has_free_paths(self) -> bool:
        paths = [path for rule in self.spec.get("rules") or () for path in (rule.get("http") or {}).get("paths") or ()]
        return any(path.get("path") and (path.get("pathType") or rules.FREE) == rules.FREE for path in paths)

    def _rule(self, host: str, path: Obj, *, field: str, as_regex: bool) -> RuleIntent:
        backend = path.get("backend") or {}
        conditions, transforms = self._beside_action(backend)
        return RuleIntent(
            owner=self.name,
            conditions=self._conditions(host, path, field=field, as_regex=as_regex, extra=conditions),
            actions=self._actions(backend, f"{field}.backend"),
            transforms=transforms,
            tags=self.tags,
        )

    def _beside_action(self, backend: Obj) -> tuple[tuple[Condition, ...], tuple[Transform, ...]]:
        """Conditions and transforms, which are annotated by the backend's name."""
        name = (backend.get("service") or {}).get("name", "")
        written = self.notes.get(table.CONDITIONS, name)
        for unknown in written.unknown_fields if written else ():
            remedy = f"no load balancer has the condition {unknown!r}: it is passed over, so the rule matches more"
            key = self.notes.key(table.CONDITIONS, name)
            self.warnings.append(Problem(self.notes.object_ref, key, unknown, remedy))
        return written.conditions if written else (), self.notes.get(table.TRANSFORMS, name) or ()

    def _conditions(
        self, host: str, path: Obj, *, field: str, as_regex: bool, extra: tuple[Condition, ...]
    ) -> tuple[Condition, ...]:
        text, kind = path.get("path") or "", path.get("pathType") or rules.FREE
        try:
            return rules.rule_conditions(host, rules.path_patterns(text, kind, as_regex=as_regex), extra=extra)
        except Unreadable as e:
            self.notes.add(Problem(self.notes.object_ref, f"{field}.path", text, str(e)))
            return ()

    def _default_actions(self) -> tuple[ActionIntent, ...] | None:
        backend = self.spec.get("defaultBackend")
        if backend is None:
            return None
        self._beside_action(backend)  # it has no use for them, but what is wrong in them is told
        return self._actions(backend, "spec.defaultBackend")

    # -- backends

    def _actions(self, backend: Obj, field: str) -> tuple[ActionIntent, ...]:
        service = backend.get("service")
        if service is None:
            self.notes.add(
                Problem(self.notes.object_ref, f"{field}.service", "", "name a Service: no other backend is served")
            )
            return ()
        name, port = service["name"], service.get("port") or {}
        if port.get("name") == USE_ANNOTATION:
            blame, written = self.notes.blame(table.ACTIONS, name), self._written_action(name)
        else:
            blame = Blame(object=self.notes.object_ref, field=f"{field}.service")
            to = Destination(service=name, port=port.get("name") or port.get("number", 0))
            written = WrittenForward(to=(to,))
        return (*self._before(written), self._carried(written, blame)) if written else ()

    def _before(self, written: WrittenAction) -> tuple[Authenticate, ...]:
        """What users must pass first, by the annotations of the one Service there may be, over the Ingress's."""
        names = [d.service for d in written.to] if isinstance(written, WrittenForward) else []
        alone = names[0] if len(names) == 1 and names[0] is not None and self.target_groups.has(names[0]) else None
        return self.authentication.before(None if alone is None else self.target_groups.annotations_over(alone))

    def _written_action(self, name: str) -> WrittenAction | None:
        if self.notes.raw(table.ACTIONS, name) is not None:
            return self.notes.get(table.ACTIONS, name)
        if self.settings.tolerate_non_existent_backend_action:
            self._warn_of_503(self.notes.blame(table.ACTIONS, name), "", "there is no such annotation")
            return actions.MISSING_ACTION
        self.notes.complain(table.ACTIONS, f"add it: a backend with port {USE_ANNOTATION} names it", of=name)
        return None

    def _carried(self, written: WrittenAction, blame: Blame) -> ActionIntent:
        """The action with its Services found; a single one that is missing is answered for."""
        if not isinstance(written, WrittenForward):
            return written
        missing = [d.service for d in written.to if d.service is not None and not self.target_groups.has(d.service)]
        if missing and len(written.to) == 1 and self.settings.tolerate_non_existent_backend_service:
            self._warn_of_503(blame, missing[0], "there is no such Service in this namespace")
            return actions.MISSING_SERVICE
        for service in missing:
            self.notes.add(Problem(blame.object, blame.field, service, "name a Service that exists in this namespace"))
        return ForwardIntent(
            to=tuple(self._destination(d, blame) for d in written.to if d.service not in missing),
            stickiness_seconds=written.stickiness_seconds,
        )

    def _warn_of_503(self, blame: Blame, value: str, why: str) -> None:
        remedy = f"{why}: as long as it is missing, requests are answered with 503"
        self.warnings.append(Problem(blame.object, blame.field, value, remedy))

    def _destination(self, written: Destination, blame: Blame) -> ForwardTo:
        if written.service is None or written.port is None:
            return ForwardTo(arn=written.arn, name=written.name, weight=written.weight)
        group = self.target_groups.for_port(written.service, written.port, blame)
        return ForwardTo(target_group=group, weight=written.weight)
