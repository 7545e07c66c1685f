"""Listeners: CreateListener and ModifyListener one way, DescribeListeners the other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from aws_lb_controller.aws.wire import action
from aws_lb_controller.aws.wire.tags import Json, to_aws, without_none
from aws_lb_controller.model.listener import (
    SECURE_PROTOCOLS,
    STICKY_WITHOUT_DURATION,
    Action,
    Forward,
    Listener,
    MutualAuthentication,
)
from aws_lb_controller.model.observed import Seen
from aws_lb_controller.plan import canon

WITHOUT_ATTRIBUTES = frozenset({"TLS"})
"""Protocols whose listeners have no attributes: AWS refuses to describe them."""

WITH_RULES = frozenset({"HTTP", "HTTPS"})
"""Protocols whose listeners have rules."""


def create(listener: Listener) -> dict[str, Any]:
    """The parameters of CreateListener."""
    return {
        "LoadBalancerArn": listener.load_balancer,
        **_settings(listener),
        **without_none({"Tags": to_aws(listener.tags or {})}),
    }


def modify(arn: str, listener: Listener) -> dict[str, Any]:
    """The parameters of ModifyListener: all settings, for AWS checks them against each other."""
    return {"ListenerArn": arn, **_settings(listener)}


def _settings(listener: Listener) -> dict[str, Any]:
    return without_none(
        {
            "Port": listener.port,
            "Protocol": listener.protocol,
            "DefaultActions": action.to_aws(listener.default_actions),
            "Certificates": certificates(listener.certificates[:1]),
            "SslPolicy": listener.ssl_policy,
            "AlpnPolicy": [listener.alpn_policy] if listener.alpn_policy else None,
            "MutualAuthentication": mutual_authentication(listener.mutual_authentication),
        }
    )


def certificates(arns: Iterable[str]) -> list[dict[str, str]]:
    """``Certificates`` of a request."""
    return [{"CertificateArn": arn} for arn in arns]


def mutual_authentication(mutual: MutualAuthentication | None) -> dict[str, Any] | None:
    """``MutualAuthentication`` of a request."""
    if mutual is None:
        return None
    return without_none(
        {
            "Mode": mutual.mode,
            # sent empty where the mode has no use for one, as the controller that we replace does
            "TrustStoreArn": mutual.trust_store_arn or "",
            "IgnoreClientCertificateExpiry": mutual.ignore_client_certificate_expiry,
            "AdvertiseTrustStoreCaNames": mutual.advertise_trust_store_ca_names,
        }
    )


def seen(
    described: Json,
    *,
    resource_tag: str,
    tags: Mapping[str, str] | None,
    attributes: Mapping[str, str],
    certificates: Iterable[Json],
) -> Seen[Listener]:
    """A listener of DescribeListeners.

    certificates: as in DescribeListenerCertificates, with the default one; tags None: not asked for.
    """
    tls = described.get("Protocol") in SECURE_PROTOCOLS
    return Seen(
        arn=described["ListenerArn"],
        resource=Listener(
            id=(tags or {}).get(resource_tag, ""),
            load_balancer=described["LoadBalancerArn"],
            port=described.get("Port", 0),
            protocol=described.get("Protocol", ""),
            default_actions=tuple(_seen_actions(described)),
            tags=tags,
            attributes=attributes,
            certificates=_seen_certificates(described, certificates) if tls else (),
            ssl_policy=described.get("SslPolicy") if tls else None,
            alpn_policy=next(iter(described.get("AlpnPolicy") or ()), None) if tls else None,
            mutual_authentication=_seen_mutual_authentication(described.get("MutualAuthentication")),
        ),
    )


def _seen_actions(described: Json) -> Iterator[Action]:
    """A duration that AWS should tell of an NLB's stickiness would be its own: nobody can give one."""
    timed = described.get("Protocol") in WITH_RULES
    for each in action.from_aws(described.get("DefaultActions", ())):
        if isinstance(each, Forward) and each.stickiness_seconds is not None and not timed:
            yield replace(each, stickiness_seconds=STICKY_WITHOUT_DURATION)
        else:
            yield each


def _seen_certificates(described: Json, listed: Iterable[Json]) -> tuple[str, ...]:
    """DescribeListenerCertificates tells the default one, and once more where it is on the certificate list too."""
    default = tuple(c["CertificateArn"] for c in described.get("Certificates", ()))[:1]
    return canon.seen_certificates(default, {c["CertificateArn"] for c in listed if not c.get("IsDefault")})


def _seen_mutual_authentication(described: Json | None) -> MutualAuthentication | None:
    if not described:
        return None
    return MutualAuthentication(
        mode=described.get("Mode", "off"),
        trust_store_arn=described.get("TrustStoreArn"),
        ignore_client_certificate_expiry=described.get("IgnoreClientCertificateExpiry"),
        advertise_trust_store_ca_names=described.get("AdvertiseTrustStoreCaNames"),
    )
