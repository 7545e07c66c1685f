"""ELBv2 listeners, their rules, and the actions and conditions that both are made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from aws_lb_controller.model.refs import Ref, Value

SECURE_PROTOCOLS = frozenset({"HTTPS", "TLS"})
"""Protocols of listeners that have certificates and a security policy (moto reports a policy for the others too)."""


@dataclass(frozen=True, slots=True)
class WeightedTargetGroup:
    """A target group of a forward action (``TargetGroupTuple``); a weight of None is AWS's default."""

    arn: Value
    weight: int | None = None


STICKY_WITHOUT_DURATION = 0
"""The `stickiness_seconds` of an NLB's sticky listener: AWS takes a duration for ALBs only, and there at least 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Forward:
    """``forward``: to one target group or to several by weight; stickiness_seconds None: not sticky.

    without_config: asked for as ``TargetGroupArn`` alone, where AWS knows no ``ForwardConfig``.
    """

    target_groups: tuple[WeightedTargetGroup, ...]
    stickiness_seconds: int | None = None
    without_config: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class FixedResponse:
    """``fixed-response``; status_code is text, as in the API (``"404"``)."""

    status_code: str
    content_type: str | None = None
    message_body: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Redirect:
    """``redirect``; each part may use the API's placeholders (``#{host}`` …). None: it stays as in the request."""

    status_code: str
    protocol: str | None = None
    host: str | None = None
    port: str | None = None
    path: str | None = None
    query: str | None = None

    def filled(self) -> Redirect:
        """The same with the placeholders that AWS puts for parts that are not given."""
        return Redirect(
            status_code=self.status_code,
            protocol=self.protocol or "#{protocol}",
            host=self.host or "#{host}",
            port=self.port or "#{port}",
            path=self.path or "/#{path}",
            query="#{query}" if self.query is None else self.query,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientSecret:
    """An OIDC client's secret: where it stands, never what it says. The text is read when a request needs it.

    owner: the Ingress (``namespace/name``) that asks for it; secret: the Kubernetes Secret, likewise; mark: changes
    with the text and tells nothing of it. news: AWS is known to have another one, or none of it yet. lacking: AWS has
    none at all in this place, so there is none to keep.
    """

    owner: str
    secret: str
    mark: str
    news: bool = field(default=False, compare=False)
    lacking: bool = field(default=False, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Authenticate:
    """``authenticate-cognito``, ``authenticate-oidc`` or ``jwt-validation`` with the fields of its API config.

    config holds the API's own field names (``UserPoolArn`` …) but no ``ClientSecret``: that is client_secret, which is
    None for the other types and for what AWS tells, because AWS never tells it.
    """

    type: str
    config: Mapping[str, Any] = field(repr=False)
    client_secret: ClientSecret | None = None


Action = Forward | FixedResponse | Redirect | Authenticate


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """One condition of a rule. field is the API's: ``host-header``, ``path-pattern``, ``http-header``,
    ``query-string`` …

    values are texts; for ``query-string`` they are ``key=value``, or ``=value`` for a value without a key. regex_values
    stand instead of values for host, path and header patterns. header_name goes with ``http-header`` only.
    """

    field: str
    values: tuple[str, ...] = ()
    regex_values: tuple[str, ...] = ()
    header_name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Transform:
    """A rewrite of a rule: type is ``url-rewrite`` or ``host-header-rewrite``; rewrites are (regex, replacement)
    pairs.
    """

    type: str
    rewrites: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class MutualAuthentication:
    """``MutualAuthentication`` of an HTTPS listener; mode is ``off``, ``passthrough`` or ``verify``."""

    mode: str
    trust_store_arn: str | None = None
    ignore_client_certificate_expiry: bool | None = None
    advertise_trust_store_ca_names: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Listener:
    """A listener of the stack; id is the value of its ``…k8s.aws/resource`` tag (the port as text).

    certificates: ARNs, the first is the default one. ssl_policy is None for a listener without TLS. alpn_policy,
    mutual_authentication and tags of None: leave them as AWS has them. attributes holds only what we set.
    """

    id: str
    load_balancer: Value
    port: int
    protocol: str
    default_actions: tuple[Action, ...]
    tags: Mapping[str, str] | None
    attributes: Mapping[str, str]
    certificates: tuple[str, ...] = ()
    ssl_policy: str | None = None
    alpn_policy: str | None = None
    mutual_authentication: MutualAuthentication | None = None

    @property
    def ref(self) -> Ref:
        """The reference to this listener's ARN."""
        return Ref("Listener", self.id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A rule of a listener; id is ``PORT:PRIORITY``, the value of its ``…k8s.aws/resource`` tag.

    tags None: leave them as AWS has them.
    """

    id: str
    listener: Value
    priority: int
    conditions: tuple[Condition, ...]
    actions: tuple[Action, ...]
    tags: Mapping[str, str] | None
    transforms: tuple[Transform, ...] = ()
