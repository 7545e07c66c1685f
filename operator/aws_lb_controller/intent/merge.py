"""The members of an IngressGroup become one wish for one ALB.

What they must agree on is said once or alike; the first who speaks sets it, and whoever differs is told whom they
differ from. Rules follow the members' order; tags and attributes are joined key by key.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

from aws_lb_controller.errors import Problem, SpecError
from aws_lb_controller.intent import ingress_annotations as table
from aws_lb_controller.intent.actions import NOT_FOUND, redirect_to_https
from aws_lb_controller.intent.annotations import Annotation
from aws_lb_controller.intent.ingress_member import Asked, MemberIntent, MemberListener, Settled
from aws_lb_controller.intent.rules import without_idle_rules
from aws_lb_controller.intent.values import (
    ActionIntent,
    Blame,
    ForwardIntent,
    FrontendAccess,
    ListenerIntent,
    LoadBalancerIntent,
    SecurityGroupChoice,
    StackIntent,
    SubnetChoice,
    TargetGroupIntent,
)
from aws_lb_controller.model.stack import StackId
from aws_lb_controller.settings import Settings

T = TypeVar("T")
Said = Sequence[tuple[MemberIntent, MemberListener]]
"""What members say of one listener, in their order."""


def merge(group: str, members: Sequence[MemberIntent], *, settings: Settings) -> StackIntent:
    """The wish of a group (``namespace/name`` of an Ingress alone, else its name) of at least one member.

    Raises `SpecError` with everything in which members contradict each other.
    """
    merging = _Merging(group, members, settings)
    stack = merging.stack()
    if merging.problems:
        raise SpecError(merging.problems)
    return stack


class _Merging:
    """One pass over the members; contradictions gather in `problems`."""

    def __init__(self, group: str, members: Sequence[MemberIntent], settings: Settings) -> None:
        self.group, self.settings = group, settings
        self.members = sorted(members, key=lambda m: (m.order, m.name))
        self.problems: list[Problem] = []
        self.by_port: dict[int, list[tuple[MemberIntent, MemberListener]]] = {}
        for member in self.members:
            for listener in member.listeners:
                self.by_port.setdefault(listener.port, []).append((member, listener))

    def stack(self) -> StackIntent:
        redirect = self._redirect_port()
        listeners = tuple(self._listener(said, redirect) for _, said in sorted(self.by_port.items()))
        load_balancer = self._load_balancer(listeners)
        return StackIntent(
            stack=StackId("ingress", self.group),
            load_balancer=load_balancer,
            target_groups=tuple(self._target_groups(load_balancer, redirect)),
            listeners=listeners,
        )

    def _add(self, blame: Blame, value: object, remedy: str) -> None:
        problem = Problem(blame.object, blame.field, _shown(value), remedy)
        if problem not in self.problems:
            self.problems.append(problem)

    def _agreed(
        self, asked: Iterable[Asked[T] | None], like: Callable[[T], object] = lambda value: value
    ) -> Asked[T] | None:
        """What all who speak say; like: what of it must be equal."""
        said = [a for a in asked if a is not None]
        for other in said[1:]:
            if like(other.value) != like(said[0].value):
                self._contradiction(said[0], other)
        return said[0] if said else None

    def _contradiction(self, first: Asked[Any], other: Asked[Any]) -> None:
        where = f"{first.blame.field} of {first.blame.object}"
        self._add(other.blame, other.value, f"say the same as {where} in the same group: {_shown(first.value)}")

    # -- the load balancer

    def _load_balancer(self, listeners: Sequence[ListenerIntent]) -> LoadBalancerIntent:
        members, first = self.members, self.members[0]
        scheme = self._agreed(m.scheme for m in members)
        subnets = self._agreed((m.subnets for m in members), _as_set)
        access = {listener.access for listener in listeners}
        return LoadBalancerIntent(
            type="application",
            scheme=scheme.value if scheme else self.settings.default_load_balancer_scheme,
            default_scheme=self.settings.default_load_balancer_scheme,
            name=_value(self._agreed(m.load_balancer_name for m in members)),
            ip_address_type=_value(self._agreed(m.ip_address_type for m in members)) or "ipv4",
            subnets=subnets.value if subnets else SubnetChoice(),
            security_groups=self._security_groups(),
            access=(access.pop() if len(access) == 1 else None) or FrontendAccess(),
            tags=self._tags(),
            attributes=self._settled([m.attributes for m in members]),
            customer_owned_ipv4_pool=_value(self._agreed(m.customer_owned_pool for m in members)),
            ipv4_ipam_pool_id=first.class_ipam_pool or _value(self._agreed(m.ipam_pool for m in members)),
            minimum_capacity_units=first.class_capacity_units
            if first.class_capacity_units is not None
            else _value(self._agreed(m.capacity_units for m in members)),
            blame=self._blame(),
        )

    def _security_groups(self) -> SecurityGroupChoice:
        groups = self._agreed(m.security_groups for m in self.members)
        if groups is None:
            return SecurityGroupChoice()
        manage = self._agreed(m.manage_backend_rules for m in self.members)
        wanted = manage.value if manage else self.settings.enable_manage_backend_security_group_rules
        if wanted and not self.settings.enable_backend_security_group:
            self._add((manage or groups).blame, wanted, "it needs the flag --enable-backend-security-group=true")
        return SecurityGroupChoice(groups=groups.value, manage_backend_rules=wanted)

    def _tags(self) -> dict[str, str]:
        return self._joined((Asked(m.tags, m.tags_blame) for m in self.members), settled={})

    def _settled(self, said: Sequence[Settled]) -> dict[str, str]:
        """Members' maps joined; the first member's class has the last word, and settles what the members contradict."""
        by_class = said[0].by_class
        return {**self._joined((s.own for s in said if s.own), settled=by_class), **by_class}

    def _joined(self, maps: Iterable[Asked[Mapping[str, str]]], *, settled: Mapping[str, str]) -> dict[str, str]:
        by_key: dict[str, Asked[str]] = {}
        for asked in maps:
            for key, value in asked.value.items():
                one = Asked(value, asked.blame)
                if by_key.setdefault(key, one).value != value and key not in settled:
                    where = by_key[key].blame.object
                    self._add(asked.blame, f"{key}={value}", f"say the same as {where}: {key}={by_key[key].value}")
        return {key: asked.value for key, asked in by_key.items()}

    def _blame(self) -> dict[str, Blame]:
        """By the annotation's name: whoever asked for it first, or else the first member."""
        asked: dict[Annotation[Any], list[Asked[Any] | None]] = {
            table.SUBNETS: [m.subnets for m in self.members],
            table.SECURITY_GROUPS: [m.security_groups for m in self.members],
            table.SCHEME: [m.scheme for m in self.members],
            table.IP_ADDRESS_TYPE: [m.ip_address_type for m in self.members],
            table.LOAD_BALANCER_NAME: [m.load_balancer_name for m in self.members],
            table.MANAGE_BACKEND_RULES: [m.manage_backend_rules for m in self.members],
            table.INBOUND_CIDRS: [x.cidrs for m in self.members for x in m.listeners],
        }
        blame = {a.suffix: self._first_blame(a, said) for a, said in asked.items()}
        return blame | {"name": blame[table.LOAD_BALANCER_NAME.suffix], "tags": self.members[0].tags_blame}

    def _first_blame(self, annotation: Annotation[Any], said: Iterable[Asked[Any] | None]) -> Blame:
        first = next((a for a in said if a is not None), None)
        return first.blame if first else self._annotation_blame(self.members[0], annotation)

    @staticmethod
    def _annotation_blame(member: MemberIntent, annotation: Annotation[Any]) -> Blame:
        return Blame(object=f"Ingress {member.name}", field=f"{table.PREFIX}/{annotation.suffix}")

    # -- listeners

    def _redirect_port(self) -> int | None:
        """The HTTPS port that all HTTP listeners redirect to."""
        said = [m.ssl_redirect for m in self.members if m.ssl_redirect]
        if any(a.value is None for a in said):
            return None
        agreed = self._agreed(said)
        if agreed is None or agreed.value is None:
            return None
        if not any(x.protocol == "HTTPS" for _, x in self.by_port.get(agreed.value, ())):
            self._add(agreed.blame, agreed.value, "name the port of an HTTPS listener of the same load balancer")
        return agreed.value

    def _listener(self, said: Said, redirect: int | None) -> ListenerIntent:
        port, protocol = said[0][1].port, self._protocol(said)
        redirected = redirect is not None and protocol == "HTTP"
        rules = () if redirected else [rule for member, _ in said for rule in member.rules]
        return ListenerIntent(
            port=port,
            protocol=protocol,
            default_actions=(redirect_to_https(redirect),) if redirect and redirected else self._default_actions(said),
            rules=without_idle_rules(rules, port=port, protocol=protocol),
            certificates=_certificates([listener for _, listener in said]),
            certificate_hosts=frozenset().union(*(listener.certificate_hosts for _, listener in said)),
            ssl_policy=_value(self._agreed(listener.ssl_policy for _, listener in said)),
            mutual_authentication=_value(self._agreed(listener.mutual_authentication for _, listener in said)),
            access=self._access(said),
            attributes=self._settled([listener.attributes for _, listener in said]),
            tags={key: value for member, _ in reversed(said) for key, value in member.tags.items()},
            blame={
                "certificates": self._annotation_blame(said[0][0], table.CERTIFICATE_ARN),
                "actions": self._annotation_blame(_who_names_target_groups(said), table.ACTIONS),
                "tags": said[0][0].tags_blame,
            },
        )

    def _protocol(self, said: Said) -> str:
        asked = [Asked(listener.protocol, member.listen_blame) for member, listener in said]
        for other in asked[1:]:
            if other.value != asked[0].value:
                remedy = f"listen with the protocol that {asked[0].blame.object} has there: {asked[0].value}"
                self._add(other.blame, f"{other.value} {said[0][1].port}", remedy)
        return asked[0].value

    def _access(self, said: Said) -> FrontendAccess:
        cidrs = self._agreed((listener.cidrs for _, listener in said), frozenset)
        prefix_lists = self._agreed((listener.prefix_lists for _, listener in said), frozenset)
        return FrontendAccess(
            cidrs=tuple(sorted(set(cidrs.value))) if cidrs else (),
            prefix_lists=tuple(sorted(set(prefix_lists.value))) if prefix_lists else (),
        )

    def _default_actions(self, said: Said) -> tuple[ActionIntent, ...]:
        owners = [member for member, _ in said if member.default_actions is not None]
        for other in owners[1:]:
            blame = Blame(object=f"Ingress {other.name}", field="spec.defaultBackend")
            remedy = f"leave it out: Ingress {owners[0].name} has the default backend of port {said[0][1].port}"
            self._add(blame, "", remedy)
        return (owners[0].default_actions if owners else None) or (NOT_FOUND,)

    # -- target groups

    def _target_groups(self, load_balancer: LoadBalancerIntent, redirect: int | None) -> Iterable[TargetGroupIntent]:
        """Those of members with a listener of their own that is not one whole redirect."""
        for member in self.members:
            if redirect is not None and all(listener.protocol == "HTTP" for listener in member.listeners):
                continue
            for target_group in member.target_groups:
                self._check_ip_family(target_group, load_balancer)
                yield target_group

    def _check_ip_family(self, target_group: TargetGroupIntent, load_balancer: LoadBalancerIntent) -> None:
        service = target_group.service
        if "IPv6" in service.ip_families and load_balancer.ip_address_type == "ipv4":
            blame = Blame(object=f"Service {service.namespace}/{service.name}", field="spec.ipFamilies")
            remedy = f"an IPv6 Service needs {table.PREFIX}/{table.IP_ADDRESS_TYPE.suffix}: dualstack on its Ingress"
            self._add(blame, service.ip_families, remedy)


def _value(asked: Asked[T] | None) -> T | None:
    return asked.value if asked else None


def _as_set(choice: SubnetChoice) -> Hashable:
    """A choice of subnets without the order of its names, which does not matter."""
    tags = None if choice.tags is None else tuple(sorted((key, tuple(values)) for key, values in choice.tags.items()))
    return None if choice.names_or_ids is None else tuple(sorted(choice.names_or_ids)), tags


def _shown(value: object) -> str:
    if isinstance(value, SubnetChoice):
        return _shown(value.names_or_ids if value.names_or_ids is not None else dict(value.tags or {}))
    return ",".join(map(str, value)) if isinstance(value, tuple) else str(value)


def _who_names_target_groups(said: Said) -> MemberIntent:
    """The first member that forwards to a target group by its name, which AWS may not have; else the first of all."""
    return next((m for m, _ in said if any(_is_foreign(a) for a in _all_actions(m))), said[0][0])


def _all_actions(member: MemberIntent) -> Iterable[ActionIntent]:
    yield from member.default_actions or ()
    for rule in member.rules:
        yield from rule.actions


def _is_foreign(action: ActionIntent) -> bool:
    return isinstance(action, ForwardIntent) and any(to.name is not None for to in action.to)


def _certificates(said: Sequence[MemberListener]) -> tuple[str, ...]:
    """The first certificate of all is the default one. Named again, it stands again: AWS keeps the two apart."""
    named = [arn for listener in said for arn in listener.certificates]
    return (named[0], *dict.fromkeys(named[1:])) if named else ()
