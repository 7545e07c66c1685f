"""The fixed addresses of an NLB in its subnets: elastic IPs go by order, other addresses by the network they lie in."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass

from aws_lb_controller.build.facts import Subnet
from aws_lb_controller.build.problems import Findings, blamed
from aws_lb_controller.errors import SpecError, UnmetNeed
from aws_lb_controller.intent.values import LoadBalancerIntent
from aws_lb_controller.model.load_balancer import Scheme, SubnetMapping
from aws_lb_controller.model.stack import StackId

_AUTOMATIC = "auto_assigned"
_PREFIX_LENGTH = 80


@dataclass(frozen=True, slots=True, kw_only=True)
class AddressPlan:
    """Gives each subnet of one load balancer its mapping. scheme and ip_address_type are those that it will have."""

    intent: LoadBalancerIntent
    stack: StackId
    scheme: Scheme
    ip_address_type: str
    subnets: tuple[Subnet, ...]

    def mappings(self) -> tuple[SubnetMapping, ...]:
        """One for each subnet, in order. Raises SpecError or UnmetNeed with everything that does not fit."""
        wanted, findings = self.intent.addresses, Findings()
        nothing: tuple[None, ...] = (None,) * len(self.subnets)
        with findings:
            eips = nothing if wanted.eip_allocations is None else self._eips(wanted.eip_allocations)
        with findings:
            ipv4 = nothing if wanted.private_ipv4 is None else self._private_ipv4(wanted.private_ipv4)
        with findings:
            ipv6 = nothing if wanted.ipv6 is None else self._ipv6(wanted.ipv6)
        with findings:
            given = wanted.source_nat_ipv6_prefixes
            prefixes = nothing if given is None else self._source_nat_prefixes(given)
        with findings:
            self._check_source_nat()
        findings.finish()
        return tuple(
            SubnetMapping(
                subnet_id=subnet.id,
                allocation_id=eip,
                private_ipv4_address=address,
                ipv6_address=ipv6_address,
                source_nat_ipv6_prefix=prefix,
            )
            for subnet, eip, address, ipv6_address, prefix in zip(self.subnets, eips, ipv4, ipv6, prefixes, strict=True)
        )

    def _eips(self, allocations: Sequence[str]) -> Sequence[str]:
        if self.scheme != "internet-facing":
            raise self._wrong("eip-allocations", "only an internet-facing load balancer has elastic addresses")
        self._check_count("eip-allocations", allocations)
        return allocations

    def _private_ipv4(self, addresses: Sequence[str]) -> Sequence[str]:
        if self.scheme != "internal":
            raise self._wrong(
                "private-ipv4-addresses", "only an internal load balancer has private addresses of choice"
            )
        return self._by_network("private-ipv4-addresses", addresses, version=4)

    def _ipv6(self, addresses: Sequence[str]) -> Sequence[str]:
        if self.ip_address_type == "ipv4":
            raise self._wrong("ipv6-addresses", "needs the address type dualstack")
        return self._by_network("ipv6-addresses", addresses, version=6)

    def _by_network(self, field: str, addresses: Sequence[str], *, version: int) -> Sequence[str]:
        """For each subnet the one address that lies in it."""
        parsed = [self._parsed(field, text, version=version) for text in addresses]
        self._check_count(field, addresses)
        chosen = []
        for subnet in self.subnets:
            networks = [ipaddress.ip_network(n) for n in ((subnet.cidr,) if version == 4 else subnet.ipv6_cidrs)]
            inside = [str(a) for a in parsed if any(a in network for network in networks)]
            if len(inside) != 1:
                shown = ", ".join(map(str, networks)) or "no network of that kind"
                remedy = f"name exactly one address in {subnet.id} ({shown}); {len(inside)} lie there"
                raise self._unmet(field, remedy, value=", ".join(addresses))
            chosen.append(inside[0])
        return chosen

    def _parsed(self, field: str, text: str, *, version: int) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
        try:
            address = ipaddress.ip_address(text)
        except ValueError:
            address = None
        if address is None or address.version != version:
            raise self._wrong(field, f"write IPv{version} addresses", value=text)
        return address

    def _source_nat_prefixes(self, prefixes: Sequence[str]) -> Sequence[str]:
        field = "source-nat-ipv6-prefixes"
        if self.ip_address_type == "ipv4" or self.intent.prefix_for_ipv6_source_nat != "on":
            raise self._wrong(field, "needs the address type dualstack and enable-prefix-for-ipv6-source-nat: on")
        self._check_count(field, prefixes)
        for prefix, subnet in zip(prefixes, self.subnets, strict=True):
            if prefix != _AUTOMATIC:
                self._check_prefix(prefix, subnet)
        return prefixes

    def _check_prefix(self, prefix: str, subnet: Subnet) -> None:
        field = "source-nat-ipv6-prefixes"
        try:
            network = ipaddress.IPv6Network(prefix, strict=False)
        except ValueError:
            network = None
        if network is None or network.prefixlen != _PREFIX_LENGTH:
            raise self._wrong(field, f"write IPv6 networks of /{_PREFIX_LENGTH}, or {_AUTOMATIC}", value=prefix)
        if not any(network.network_address in ipaddress.ip_network(n) for n in subnet.ipv6_cidrs):
            raise self._unmet(
                field, f"it must lie in {subnet.id} ({', '.join(subnet.ipv6_cidrs) or 'no IPv6'})", value=prefix
            )

    def _check_source_nat(self) -> None:
        field = "enable-prefix-for-ipv6-source-nat"
        if self.intent.prefix_for_ipv6_source_nat != "on":
            return
        if self.ip_address_type == "ipv4":
            raise self._wrong(field, "needs the address type dualstack", value="on")
        if lacking := [s.id for s in self.subnets if not s.ipv6_cidrs]:
            raise self._unmet(field, f"every subnet needs an IPv6 network; {', '.join(lacking)} has none", value="on")

    def _check_count(self, field: str, values: Sequence[str]) -> None:
        if len(values) != len(self.subnets):
            ids = ", ".join(s.id for s in self.subnets)
            remedy = f"give one for each of the {len(self.subnets)} subnets ({ids}), not {len(values)}"
            raise self._unmet(field, remedy, value=", ".join(values))

    def _wrong(self, field: str, remedy: str, *, value: str = "") -> SpecError:
        return SpecError([blamed(self.intent.blame, field, remedy=remedy, stack=self.stack, value=value)])

    def _unmet(self, field: str, remedy: str, *, value: str = "") -> UnmetNeed:
        return UnmetNeed([blamed(self.intent.blame, field, remedy=remedy, stack=self.stack, value=value)])
