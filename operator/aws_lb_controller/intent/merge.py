"""The members of an IngressGroup become one wish for one ALB.

What they must agree on is said once or alike; the first who speaks sets it, and whoever differs is told whom they
differ from, and loses nothing else by it. What one member says that no load balancer can do makes that member one that
cannot be built. Rules follow the members' order; tags and attributes are joined key by key.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar

from aws_lb_controller.errors import Problem
from aws_lb_controller.intent import ingress_annotations as table
from aws_lb_controller.intent.actions import NOT_FOUND, redirect_to_https
from aws_lb_controller.intent.annotations import Annotation
from aws_lb_controller.intent.authentication import actions_as_served, as_served
from aws_lb_controller.intent.firewalls import firewall_blame, merge_firewalls
from aws_lb_controller.intent.frontend_nlb import FrontendMerger
from aws_lb_controller.intent.ingress_member import Asked, MemberIntent, MemberListener, Settled
from aws_lb_controller.intent.rules import without_idle_rules
from aws_lb_controller.intent.values import (
    ActionIntent,
    Blame,
    ForwardIntent,
    FrontendAccess,
    FrontendIntent,
    ListenerIntent,
    LoadBalancerIntent,
    Mentions,
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


Problems = Mapping[str, tuple[Problem, ...]]
"""Member (``namespace/name``) → what is wrong with it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Merged:
    """What members ask for together. outvoted: whose values do not hold, because an earlier member says otherwise.

    impossible: members whose wish no load balancer can fulfil; `intent` is of use only where there are none.
    """

    intent: StackIntent
    outvoted: Problems
    impossible: Problems


def merge(group: str, members: Sequence[MemberIntent], *, settings: Settings) -> Merged:
    """The wish of a group (``namespace/name`` of an Ingress alone, else its name) of at least one member."""
    merging = _Merging(group, members, settings)
    intent = merging.stack()
    return Merged(intent=intent, outvoted=_of_each(merging.outvoted), impossible=_of_each(merging.impossible))


def _of_each(problems: Mapping[str, Mapping[Problem, None]]) -> Problems:
    return {member: tuple(those) for member, those in problems.items()}


class _Default(NamedTuple):
    """What a listener does with requests that no rule takes, and whose wish that is."""

    name: str
    default_actions: tuple[ActionIntent, ...]


class _Merging:
    """One pass over the members; what is wrong gathers by member."""

    def __init__(self, group: str, members: Sequence[MemberIntent], settings: Settings) -> None:
        self.group, self.settings = group, settings
        self.members = sorted(members, key=lambda m: (m.order, m.name))
        self.outvoted: defaultdict[str, dict[Problem, None]] = defaultdict(dict)
        self.impossible: defaultdict[str, dict[Problem, None]] = defaultdict(dict)
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
            frontend=self._frontend(load_balancer),
            mentions=_mentions(self.members),
        )

    def _frontend(self, load_balancer: LoadBalancerIntent) -> FrontendIntent | None:
        merger = FrontendMerger(
            members=self.members,
            default_scheme=self.settings.default_load_balancer_scheme,
            agree=self._agreed,
            outvote=self._outvote,
            refuse=self._refuse,
        )
        return merger.merge(load_balancer)

    def _outvote(self, blame: Blame, value: object, remedy: str) -> None:
        self.outvoted[_member(blame)][_problem(blame, value, remedy)] = None

    def _refuse(self, blame: Blame, value: object, remedy: str) -> None:
        self.impossible[_member(blame)][_problem(blame, value, remedy)] = None

    def _agreed(
        self,
        asked: Iterable[Asked[T] | None],
        like: Callable[[T], object] = lambda value: value,
        *,
        lasting: bool = False,
    ) -> Asked[T] | None:
        """What all who speak say; like: what of it must be equal. lasting: what stands keeps what it has meanwhile."""
        said = [a for a in asked if a is not None]
        for other in said[1:]:
            if like(other.value) != like(said[0].value):
                self._contradiction(said[0], other, lasting=lasting)
        return said[0] if said else None

    def _contradiction(self, first: Asked[Any], other: Asked[Any], *, lasting: bool) -> None:
        holds = "which holds, but a load balancer that stands keeps its own" if lasting else "which holds"
        remedy = f"say the same as {first.blame.field} of {first.blame.object} in the same group, {holds}"
        self._outvote(other.blame, other.value, f"{remedy}: {_shown(first.value)}")

    # -- the load balancer

    def _load_balancer(self, listeners: Sequence[ListenerIntent]) -> LoadBalancerIntent:
        members, first = self.members, self.members[0]
        scheme = self._agreed((m.scheme for m in members), lasting=True)
        subnets = self._agreed((m.subnets for m in members), _as_set)
        access = {listener.access for listener in listeners}
        return LoadBalancerIntent(
            type="application",
            scheme=scheme.value if scheme else self.settings.default_load_balancer_scheme,
            scheme_contested=len({m.scheme.value for m in members if m.scheme}) > 1,
            default_scheme=self.settings.default_load_balancer_scheme,
            name=_value(self._agreed((m.load_balancer_name for m in members), lasting=True)),
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
            firewall=merge_firewalls([m.firewall for m in members], self._agreed),
            blame=self._blame(),
        )

    def _security_groups(self) -> SecurityGroupChoice:
        groups = self._agreed(m.security_groups for m in self.members)
        if groups is None:
            return SecurityGroupChoice()
        manage = self._agreed(m.manage_backend_rules for m in self.members)
        wanted = manage.value if manage else self.settings.enable_manage_backend_security_group_rules
        if wanted and not self.settings.enable_backend_security_group:
            self._refuse((manage or groups).blame, wanted, "it needs the flag --enable-backend-security-group=true")
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
                    remedy = f"say the same as {where}, which holds: {key}={by_key[key].value}"
                    self._outvote(asked.blame, f"{key}={value}", remedy)
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
            table.CUSTOMER_OWNED_POOL: [m.customer_owned_pool for m in self.members],
            table.CAPACITY: [m.capacity_units for m in self.members],
            table.INBOUND_CIDRS: [x.cidrs for m in self.members for x in m.listeners],
        }
        blame = {a.suffix: self._first_blame(a, said) for a, said in asked.items()}
        blame |= firewall_blame([m.firewall for m in self.members])
        return blame | {"name": blame[table.LOAD_BALANCER_NAME.suffix], "tags": self.members[0].tags_blame}

    def _first_blame(self, annotation: Annotation[Any], said: Iterable[Asked[Any] | None]) -> Blame:
        first = next((a for a in said if a is not None), None)
        if first:
            return first.blame
        if len(self.members) == 1:
            return self._annotation_blame(self.members[0], annotation)
        return Blame(object=f"IngressGroup {self.group}", field=f"{table.PREFIX}/{annotation.suffix}")

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
            self._refuse(agreed.blame, agreed.value, "name the port of an HTTPS listener of the same load balancer")
        return agreed.value

    def _listener(self, everything_said: Said, redirect: int | None) -> ListenerIntent:
        port, protocol = everything_said[0][1].port, self._protocol(everything_said)
        said = [(member, listener) for member, listener in everything_said if listener.protocol == protocol]
        redirected = redirect is not None and protocol == "HTTP"
        default = self._default(said, tell=not redirected)
        first = _first_to_be_found([listener for _, listener in said])
        own = [] if redirected else [rule for member, _ in said for rule in member.rules]
        rules = as_served(own, protocol=protocol)
        return ListenerIntent(
            port=port,
            protocol=protocol,
            default_actions=(redirect_to_https(redirect),)
            if redirect and redirected
            else actions_as_served(default.default_actions, protocol=protocol),
            default_owner=default.name,
            rules=without_idle_rules(rules, port=port, protocol=protocol),
            certificates=_certificates([listener for _, listener in said]),
            certificate_hosts=frozenset().union(*(listener.certificate_hosts for _, listener in said)),
            found_certificates=frozenset().union(*(listener.found_certificates for _, listener in said)),
            first_hosts=first.certificate_hosts if first else frozenset(),
            first_found=first.found_certificates if first else frozenset(),
            ssl_policy=_value(self._agreed(listener.ssl_policy for _, listener in said)),
            mutual_authentication=_value(self._agreed(listener.mutual_authentication for _, listener in said)),
            access=self._access(said),
            attributes=self._settled([listener.attributes for _, listener in said]),
            tags={key: value for member, _ in reversed(said) for key, value in member.tags.items()},
            blame={
                **self._blame_for_hosts(said),
                **_blame_for_trust_store(said),
                "actions": self._annotation_blame(said[0][0], table.ACTIONS),
                "tags": said[0][0].tags_blame,
            },
        )

    def _protocol(self, said: Said) -> str:
        asked = [Asked(listener.protocol, member.listen_blame) for member, listener in said]
        for other in asked[1:]:
            if other.value != asked[0].value:
                remedy = f"listen as {asked[0].blame.object} does there, whose protocol holds: {asked[0].value}"
                self._outvote(other.blame, f"{other.value} {said[0][1].port}", remedy)
        return asked[0].value

    def _access(self, said: Said) -> FrontendAccess:
        cidrs = self._agreed((listener.cidrs for _, listener in said), frozenset)
        prefix_lists = self._agreed((listener.prefix_lists for _, listener in said), frozenset)
        return FrontendAccess(
            cidrs=tuple(sorted(set(cidrs.value))) if cidrs else (),
            prefix_lists=tuple(sorted(set(prefix_lists.value))) if prefix_lists else (),
        )

    def _blame_for_hosts(self, said: Said) -> dict[str, Blame]:
        """By ``certificates HOST``: the first member that has the host."""
        return {
            f"certificates {host}": self._annotation_blame(member, table.CERTIFICATE_ARN)
            for member, listener in reversed(said)
            for host in listener.certificate_hosts
        }

    def _default(self, said: Said, *, tell: bool) -> _Default:
        """tell: whoever has a default backend that does not hold; where the whole port is a redirect nobody has one."""
        owners = [(m.name, m.default_actions) for m, _ in said if m.default_actions is not None]
        for other, _ in owners[1:] if tell else ():
            blame = Blame(object=f"Ingress {other}", field="spec.defaultBackend")
            remedy = f"leave it out: that of Ingress {owners[0][0]} holds for port {said[0][1].port}"
            self._outvote(blame, "", remedy)
        if not owners:
            return _Default(said[0][0].name, (NOT_FOUND,))
        name, actions = owners[0]
        return _Default(name, actions or (NOT_FOUND,))

    # -- target groups

    def _target_groups(self, load_balancer: LoadBalancerIntent, redirect: int | None) -> Iterable[TargetGroupIntent]:
        """Those of members with a listener of their own that is not one whole redirect."""
        for member in self.members:
            if not member.listeners or (redirect is not None and _only_http(member)):
                continue
            for target_group in member.target_groups:
                self._check_ip_family(target_group, load_balancer)
                yield target_group

    def _check_ip_family(self, target_group: TargetGroupIntent, load_balancer: LoadBalancerIntent) -> None:
        service = target_group.service
        if "IPv6" in service.ip_families and load_balancer.ip_address_type == "ipv4":
            name = f"Service {service.namespace}/{service.name}"
            blame = Blame(object=name, field="spec.ipFamilies", member=target_group.owner)
            remedy = f"an IPv6 Service needs {table.PREFIX}/{table.IP_ADDRESS_TYPE.suffix}: dualstack on its Ingress"
            self._refuse(blame, service.ip_families, remedy)


def _problem(blame: Blame, value: object, remedy: str) -> Problem:
    return Problem(blame.object, blame.field, _shown(value), remedy, blame.member)


def _only_http(member: MemberIntent) -> bool:
    return all(listener.protocol == "HTTP" for listener in member.listeners)


def _member(blame: Blame) -> str:
    return blame.member or blame.object.removeprefix("Ingress ")


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


def _blame_for_trust_store(said: Said) -> dict[str, Blame]:
    asked = [listener.mutual_authentication for _, listener in said if listener.mutual_authentication]
    return {table.MUTUAL_AUTHENTICATION.suffix: asked[0].blame} if asked else {}


def _mentions(members: Sequence[MemberIntent]) -> Mentions:
    actions = [a for m in members for each in (m.default_actions or (), *(r.actions for r in m.rules)) for a in each]
    named = (m.firewall.web_acl_name for m in members)
    return Mentions(
        target_groups=frozenset(to.name for a in actions if isinstance(a, ForwardIntent) for to in a.to if to.name),
        certificates=any(listener.certificate_hosts for m in members for listener in m.listeners),
        web_acls=any(name and name.value for name in named),
    )


def _first_to_be_found(said: Sequence[MemberListener]) -> MemberListener | None:
    """That of the first member with certificates, which has the default one, if they go by its hosts."""
    having = (each for each in said if each.certificates or each.certificate_hosts or each.found_certificates)
    first = next(having, None)
    return None if first is None or first.certificates else first


def _certificates(said: Sequence[MemberListener]) -> tuple[str, ...]:
    """The first certificate of all is the default one. Named again, it stands again: AWS keeps the two apart."""
    named = [arn for listener in said for arn in listener.certificates]
    return (named[0], *dict.fromkeys(named[1:])) if named else ()
