"""Which subnets a load balancer stands in: those the user names, those it stands in already, or those discovered.

A choice is made once: a load balancer whose user is silent keeps its subnets, whatever is tagged later. Discovery goes
by role tags, else by routes; one subnet for each zone, the cluster's own first, then the smallest id.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from aws_lb_controller.api.names import Tag, cluster_tag
from aws_lb_controller.build.config import BuildConfig
from aws_lb_controller.build.facts import Facts, PublicSubnets, Subnet, Unanswered, VpcSubnets
from aws_lb_controller.build.problems import blamed, suffered_by, untold
from aws_lb_controller.errors import SpecError, UnmetNeed
from aws_lb_controller.intent.values import LoadBalancerIntent, SubnetChoice
from aws_lb_controller.model.load_balancer import LoadBalancer, Scheme
from aws_lb_controller.model.stack import StackId

ENOUGH_ADDRESSES = 8
"""Free addresses that AWS wants in each subnet of a load balancer."""

_ROLE_TAGS: Mapping[Scheme, str] = {
    "internet-facing": Tag.PUBLIC_SUBNET.value,
    "internal": Tag.PRIVATE_SUBNET.value,
}
_ROLE_VALUES = ("", "1")


def may_go_by_routes(choice: SubnetChoice, config: BuildConfig) -> bool:
    """Whether the choice may come down to which subnets lead to an internet gateway (`PublicSubnets`)."""
    return choice.names_or_ids is None and choice.tags is None and config.subnet_discovery_by_reachability


_ANYTHING = {"*": ".*", "?": "."}


@dataclass(frozen=True, slots=True, kw_only=True)
class SubnetChooser:
    """Chooses for one load balancer. scheme and ip_address_type are those that it will have.

    Every method raises UnmetNeed, blaming the ``subnets`` field, where no choice fits.
    """

    intent: LoadBalancerIntent
    stack: StackId
    scheme: Scheme
    ip_address_type: str
    facts: Facts
    config: BuildConfig

    def choose(self, existing: LoadBalancer | None) -> tuple[Subnet, ...]:
        """The subnets, in the order of the load balancer's mappings."""
        wanted = self.intent.subnets
        if wanted.names_or_ids is not None:
            return self._checked(self._named(wanted.names_or_ids))
        if wanted.tags is not None:
            return self._one_per_zone(self._tagged(wanted.tags), looked_for=f"the tags {_shown(wanted.tags)}")
        if existing is not None and existing.scheme == self.scheme:
            return self._kept(existing)
        return self._discovered()

    # -- where candidates come from

    def _named(self, names_or_ids: Sequence[str]) -> tuple[Subnet, ...]:
        """In the order written; a Name tag that several subnets bear gives one more of them each time it is written."""
        if not names_or_ids:
            raise SpecError([blamed(self.intent.blame, "subnets", remedy="name at least one subnet", stack=self.stack)])
        found, missing = [], []
        nth: Counter[str] = Counter()
        for name in names_or_ids:
            by_id = name.startswith("subnet-")
            bearers = [s for s in self._all if name == (s.id if by_id else s.tags.get("Name"))]
            if nth[name] < len(bearers):
                found.append(bearers[nth[name]])
            else:
                missing.append(name)
            nth[name] += 0 if by_id else 1
        if missing:
            raise self._unmet(
                f"{self.config.vpc_id} has no subnet {', '.join(missing)}; name subnets of it by id or Name tag",
                value=", ".join(names_or_ids),
            )
        return tuple(found)

    def _tagged(self, tags: Mapping[str, Sequence[str]]) -> list[Subnet]:
        """As EC2's filters do: of each key one of the values, in which ``*`` and ``?`` stand for anything."""
        wanted = {key: [_pattern(value) for value in values] for key, values in tags.items()}
        return [s for s in self._all if all(_fits(s.tags.get(key), patterns) for key, patterns in wanted.items())]

    def _kept(self, existing: LoadBalancer) -> tuple[Subnet, ...]:
        """An ALB's are taken as they are unless IPv6 is new to it; an NLB's must still fit in any case."""
        subnets = self._named(sorted(m.subnet_id for m in existing.subnets))
        if self.intent.type != "application":
            return self._checked(subnets)
        if existing.ip_address_type == "ipv4":
            self._check_addresses(subnets)
        return subnets

    def _discovered(self) -> tuple[Subnet, ...]:
        role = _ROLE_TAGS[self.scheme]
        candidates = self._tagged({role: _ROLE_VALUES})
        looked_for = f"the tag {role} (empty or 1)"
        if not candidates and self.config.subnet_discovery_by_reachability:
            public = self.facts[PublicSubnets()]
            if isinstance(public, Unanswered):
                raise self._unmet(f"{untold(public)}, tag subnets with {role}, or name them here")
            candidates = [s for s in self._all if (s.id in public) == (self.scheme == "internet-facing")]
            looked_for += f", then {'a' if self.scheme == 'internet-facing' else 'no'} route to an internet gateway"
        return self._one_per_zone(candidates, looked_for=looked_for)

    @property
    def _all(self) -> tuple[Subnet, ...]:
        return self.facts[VpcSubnets()]

    # -- what fits

    def _one_per_zone(self, candidates: Sequence[Subnet], *, looked_for: str) -> tuple[Subnet, ...]:
        fitting, refusals = self._sieve(candidates)
        best: dict[str, Subnet] = {}
        for subnet in sorted(fitting, key=lambda s: (cluster_tag(self.config.cluster_name) not in s.tags, s.id)):
            best.setdefault(subnet.zone, subnet)
        chosen = tuple(sorted(best.values(), key=lambda s: s.id))
        found = (
            f"looked among {len(self._all)} subnets of {self.config.vpc_id} for {looked_for}: found {len(candidates)}"
        )
        because = "scheme" if all(map(self._has_needed_addresses, candidates)) else "ip-address-type"
        if not chosen:
            remedy = "; ".join([found, *refusals, "tag subnets that fit, or name them here"])
            raise self._unmet(remedy, because=because)
        self._check_locale(chosen)
        self._check_count(chosen, found="; ".join([found, *refusals]), because=because)
        return chosen

    def _sieve(self, candidates: Sequence[Subnet]) -> tuple[list[Subnet], list[str]]:
        """Those that fit, and what became of the others, in words."""
        sieves: list[tuple[str, Callable[[Subnet], bool]]] = [
            ("tagged for other clusters only", self._is_for_this_cluster),
            (f"with fewer than {ENOUGH_ADDRESSES} free addresses", _has_enough_addresses),
            ("without an IPv6 network", self._has_needed_addresses),
        ]
        left, refusals = list(candidates), []
        for what, fits in sieves:
            refused = [s.id for s in left if not fits(s)]
            left = [s for s in left if s.id not in refused]
            if refused:
                refusals.append(f"{len(refused)} {what} ({', '.join(refused)})")
        return left, refusals

    def _is_for_this_cluster(self, subnet: Subnet) -> bool:
        clusters = [key for key in subnet.tags if key.startswith("kubernetes.io/cluster")]
        return (
            not self.config.subnets_cluster_tag_check
            or not clusters
            or cluster_tag(self.config.cluster_name) in clusters
        )

    def _has_needed_addresses(self, subnet: Subnet) -> bool:
        return self.ip_address_type == "ipv4" or bool(subnet.ipv6_cidrs)

    def _checked(self, subnets: tuple[Subnet, ...]) -> tuple[Subnet, ...]:
        """Subnets that somebody named: one a zone, all zones of one kind, enough of them, IPv6 where needed."""
        self._check_zones(subnets)
        self._check_locale(subnets)
        self._check_count(subnets, found=f"found {_ids(subnets)}")
        self._check_addresses(subnets)
        return subnets

    def _check_addresses(self, subnets: Sequence[Subnet]) -> None:
        if lacking := [s for s in subnets if not self._has_needed_addresses(s)]:
            raise self._unmet(
                f"{_ids(lacking)} has no IPv6 network, which {self.ip_address_type} needs in every subnet",
                because="ip-address-type",
            )

    def _check_zones(self, subnets: Sequence[Subnet]) -> None:
        for zone, number in Counter(s.zone for s in subnets).items():
            if number > 1:
                doubled = _ids(s for s in subnets if s.zone == zone)
                raise self._unmet(f"{doubled} stand in one zone ({zone}); name one subnet for each zone", value=doubled)

    def _check_locale(self, subnets: Sequence[Subnet]) -> None:
        if len(kinds := {s.zone_type for s in subnets}) > 1:
            raise self._unmet(
                f"{_ids(subnets)} stand in zones of several kinds ({', '.join(sorted(kinds))}); take one kind"
            )

    def _check_count(self, subnets: Sequence[Subnet], *, found: str, because: str = "") -> None:
        alb = self.intent.type == "application" and not self.config.alb_single_subnet
        needed = 2 if alb and subnets[0].zone_type == "availability-zone" else 1
        if len(subnets) < needed:
            remedy = f"{found}; an application load balancer needs subnets in {needed} zones"
            raise self._unmet(remedy, because=because)

    def _unmet(self, remedy: str, *, value: str = "", because: str = "") -> UnmetNeed:
        """because: the annotation of the load balancer for whose sake the subnets do not fit."""
        problem = blamed(self.intent.blame, "subnets", remedy=remedy, stack=self.stack, value=value)
        asker = self.intent.blame.get(because)
        return UnmetNeed([suffered_by(problem, asker) if asker else problem])


def _pattern(value: str) -> re.Pattern[str]:
    """A value of an EC2 filter: ``*`` any text, ``?`` any character, a backslash before either takes it as it is."""
    parts = re.findall(r"\\.|.", value, re.DOTALL)
    return re.compile("".join(_ANYTHING.get(part) or re.escape(part[-1]) for part in parts), re.DOTALL)


def _fits(value: str | None, patterns: Iterable[re.Pattern[str]]) -> bool:
    return value is not None and any(pattern.fullmatch(value) for pattern in patterns)


def _has_enough_addresses(subnet: Subnet) -> bool:
    return subnet.available_addresses >= ENOUGH_ADDRESSES


def _ids(subnets: Iterable[Subnet]) -> str:
    return ", ".join(s.id for s in subnets)


def _shown(tags: Mapping[str, Sequence[str]]) -> str:
    return ", ".join(f"{key}={'|'.join(values)}" for key, values in sorted(tags.items()))
