"""An NLB in front of a group's ALB: what one Ingress asks of it, and what the members of a group ask together.

Any member can ask for it; then all members' ports are reached through it, and what each says of it counts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Protocol, TypeVar

from aws_lb_controller.errors import Problem
from aws_lb_controller.intent import ingress_annotations as table
from aws_lb_controller.intent.annotations import AnnotationReader
from aws_lb_controller.intent.ingress_member import Asked, MemberFrontend, MemberHealthCheck, MemberIntent, asked_of
from aws_lb_controller.intent.values import (
    Blame,
    FixedAddresses,
    FrontendIntent,
    FrontendListenerIntent,
    HealthCheckIntent,
    LoadBalancerIntent,
    SecurityGroupChoice,
    SubnetChoice,
)
from aws_lb_controller.model.load_balancer import Scheme

T = TypeVar("T")

ADDRESS_TYPES = ("ipv4", "dualstack")
"""What AWS gives an NLB."""

_FIELDS = {
    "subnets": table.FRONTEND_NLB_SUBNETS,
    "security-groups": table.FRONTEND_NLB_SECURITY_GROUPS,
    "eip-allocations": table.FRONTEND_NLB_EIP_ALLOCATIONS,
}
"""What is only found wrong with facts → the annotation it is about."""


# -- one Ingress


def read_frontend(notes: AnnotationReader, ports: Iterable[int]) -> tuple[MemberFrontend, tuple[Problem, ...]]:
    """What an Ingress asks of a frontend NLB, and what is passed over. ports: those that it listens on itself.

    An Ingress that does not ask for the NLB itself is not wrong because of what it says of it.
    """
    enabled = asked_of(notes, table.ENABLE_FRONTEND_NLB)
    lenient = notes.apart()
    read = _read(notes if enabled and enabled.value else lenient, enabled)
    return read, (*lenient.problems, *(_leading_nowhere(notes, read, frozenset(ports)) if read.ports else ()))


def _read(notes: AnnotationReader, enabled: Asked[bool] | None) -> MemberFrontend:
    return MemberFrontend(
        enabled=enabled,
        scheme=asked_of(notes, table.FRONTEND_NLB_SCHEME),
        subnets=asked_of(notes, table.FRONTEND_NLB_SUBNETS),
        security_groups=asked_of(notes, table.FRONTEND_NLB_SECURITY_GROUPS),
        eip_allocations=asked_of(notes, table.FRONTEND_NLB_EIP_ALLOCATIONS),
        tags=asked_of(notes, table.FRONTEND_NLB_TAGS),
        attributes=asked_of(notes, table.FRONTEND_NLB_ATTRIBUTES),
        ports=asked_of(notes, table.FRONTEND_NLB_LISTENER_PORT_MAPPING),
        health_check=MemberHealthCheck(
            protocol=asked_of(notes, table.FRONTEND_NLB_HEALTHCHECK_PROTOCOL),
            port=asked_of(notes, table.FRONTEND_NLB_HEALTHCHECK_PORT),
            path=asked_of(notes, table.FRONTEND_NLB_HEALTHCHECK_PATH),
            interval_seconds=asked_of(notes, table.FRONTEND_NLB_HEALTHCHECK_INTERVAL_SECONDS),
            timeout_seconds=asked_of(notes, table.FRONTEND_NLB_HEALTHCHECK_TIMEOUT_SECONDS),
            healthy_threshold=asked_of(notes, table.FRONTEND_NLB_HEALTHCHECK_HEALTHY_THRESHOLD_COUNT),
            unhealthy_threshold=asked_of(notes, table.FRONTEND_NLB_HEALTHCHECK_UNHEALTHY_THRESHOLD_COUNT),
            success_codes=asked_of(notes, table.FRONTEND_NLB_HEALTHCHECK_SUCCESS_CODES),
        ),
    )


def _leading_nowhere(notes: AnnotationReader, read: MemberFrontend, ports: frozenset[int]) -> Iterator[Problem]:
    key = notes.key(table.FRONTEND_NLB_LISTENER_PORT_MAPPING)
    for of_nlb, of_alb in sorted(read.ports.value.items() if read.ports else ()):
        if of_alb not in ports:
            remedy = f"it has no effect: this Ingress does not listen on port {of_alb}"
            yield Problem(notes.object_ref, key, f"{of_nlb}={of_alb}", remedy)


# -- all members


class Agree(Protocol):
    """Brings members to one value."""

    def __call__(self, asked: Iterable[Asked[T] | None], like: Callable[[T], object] = ...) -> Asked[T] | None:
        """What all who speak say; whoever says otherwise than the first is told so. like: what must be equal."""


Tell = Callable[[Blame, object, str], None]
"""Tells whom a blame names what is wrong with a value, and what to write instead."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FrontendMerger:
    """Merges what members ask, who come in their order. outvote: their value does not hold; refuse: it cannot."""

    members: Sequence[MemberIntent]
    default_scheme: Scheme
    agree: Agree
    outvote: Tell
    refuse: Tell

    def merge(self, load_balancer: LoadBalancerIntent) -> FrontendIntent | None:
        """The NLB in front of `load_balancer`; None if nobody asks for one."""
        enabled = self.agree(x.enabled for x in self._asked)
        if enabled is None or not enabled.value:
            return None
        if load_balancer.ip_address_type not in (None, *ADDRESS_TYPES):
            remedy = f"a load balancer behind a frontend NLB has the address type {' or '.join(ADDRESS_TYPES)}"
            self.refuse(enabled.blame, enabled.value, remedy)
        return FrontendIntent(
            load_balancer=self._load_balancer(load_balancer, enabled.blame), listeners=tuple(self._listeners())
        )

    @property
    def _asked(self) -> list[MemberFrontend]:
        return [member.frontend for member in self.members]

    def _load_balancer(self, behind: LoadBalancerIntent, blame: Blame) -> LoadBalancerIntent:
        scheme = self.agree(x.scheme for x in self._asked)
        subnets = self.agree((x.subnets for x in self._asked), sorted)
        tags = self.agree(x.tags for x in self._asked)
        attributes = self.agree(x.attributes for x in self._asked)
        addresses = self.agree((x.eip_allocations for x in self._asked), sorted)
        groups = self.agree(x.security_groups for x in self._asked)
        said = {"subnets": subnets, "eip-allocations": addresses, "security-groups": groups}
        return LoadBalancerIntent(
            type="network",
            scheme=scheme.value if scheme else self.default_scheme,
            scheme_contested=len({x.scheme.value for x in self._asked if x.scheme}) > 1,
            default_scheme=self.default_scheme,
            ip_address_type=behind.ip_address_type,
            subnets=SubnetChoice(names_or_ids=subnets.value if subnets else None),
            addresses=FixedAddresses(eip_allocations=addresses.value if addresses else None),
            security_groups=SecurityGroupChoice(groups=groups.value if groups else None),
            tags=tags.value if tags else behind.tags,
            attributes=attributes.value if attributes else {},
            blame={
                **{field: asked.blame if (asked := said[field]) else blame for field in _FIELDS},
                "tags": tags.blame if tags else behind.blame.get("tags", blame),
                "scheme": scheme.blame if scheme else blame,
                "ip-address-type": behind.blame.get("ip-address-type", blame),
            },
        )

    def _listeners(self) -> Iterator[FrontendListenerIntent]:
        by_port: dict[int, list[tuple[MemberIntent, Asked[int]]]] = {}
        for member in self.members:
            for port, to in _ports(member).items():
                by_port.setdefault(port, []).append((member, to))
        for port, said in sorted(by_port.items()):
            self._check(port, [to for _, to in said])
            checks = [member.frontend.health_check for member, to in said if to.value == said[0][1].value]
            yield FrontendListenerIntent(
                port=port, target_port=said[0][1].value, health_check=self._health_check(checks)
            )

    def _check(self, port: int, said: Sequence[Asked[int]]) -> None:
        first = said[0]
        for other in said[1:]:
            if other.value != first.value:
                remedy = f"lead it where {first.blame.object} does, whose port holds: {port}={first.value}"
                self.outvote(other.blame, f"{port}={other.value}", remedy)

    def _health_check(self, said: Sequence[MemberHealthCheck]) -> HealthCheckIntent:
        agreed: dict[str, Any] = {}
        for field in fields(MemberHealthCheck):
            asked: Asked[Any] | None = self.agree(getattr(check, field.name) for check in said)
            agreed[field.name] = asked.value if asked else None
        return HealthCheckIntent(**agreed)


def _ports(member: MemberIntent) -> Mapping[int, Asked[int]]:
    """The NLB's ports that a member asks for: those that it maps, else each of its own."""
    own = {listener.port for listener in member.listeners}
    asked = member.frontend.ports
    if asked is None or not asked.value:
        return {port: Asked(port, member.listen_blame) for port in sorted(own)}
    return {port: Asked(to, asked.blame) for port, to in asked.value.items() if to in own}
