"""Certificates found by host: those issued for exactly that name, and wildcards of its own level."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from aws_lb_controller.build.facts import Certificate


def is_for(host: str, domain: str) -> bool:
    """Whether a certificate's domain covers a host; ``*.`` stands for one label."""
    if not domain.startswith("*."):
        return domain == host
    label, dot, rest = host.partition(".")
    return bool(label and dot) and rest == domain.removeprefix("*.")


def find_certificates(
    hosts: Iterable[str], certificates: Sequence[Certificate]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The ARNs of all certificates for any of the hosts, sorted, and the hosts that have none."""
    found: set[str] = set()
    missing = []
    for host in sorted(hosts):
        fitting = {c.arn for c in certificates if any(is_for(host.lower(), domain) for domain in c.domains)}
        found |= fitting
        if not fitting:
            missing.append(host)
    return tuple(sorted(found)), tuple(missing)
