"""The listeners of a stack and their rules, with the actions of both."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from aws_lb_controller.build.certificates import find_certificates
from aws_lb_controller.build.config import BuildConfig
from aws_lb_controller.build.facts import Certificates, Facts, TargetGroupArns
from aws_lb_controller.build.load_balancers import LOAD_BALANCER
from aws_lb_controller.build.problems import blamed
from aws_lb_controller.build.tags import resource_tags
from aws_lb_controller.errors import SpecError, UnmetNeed
from aws_lb_controller.intent.values import ActionIntent, ForwardIntent, ForwardTo, ListenerIntent, StackIntent
from aws_lb_controller.model.listener import (
    Action,
    Forward,
    Listener,
    MutualAuthentication,
    Rule,
    WeightedTargetGroup,
)
from aws_lb_controller.model.refs import Ref, Value

_ENCRYPTED = frozenset({"HTTPS", "TLS"})


def foreign_names(listeners: Iterable[ListenerIntent]) -> frozenset[str]:
    """The names of target groups that are not of the stack and that only AWS can tell the ARN of."""
    return frozenset(to.name for listener in listeners for to in _destinations(listener) if to.name is not None)


def _destinations(listener: ListenerIntent) -> Iterator[ForwardTo]:
    for actions in (listener.default_actions, *(rule.actions for rule in listener.rules)):
        for action in actions:
            if isinstance(action, ForwardIntent):
                yield from action.to


@dataclass(frozen=True, slots=True, kw_only=True)
class ListenerBuilder:
    """Builds the listeners of one stack.

    Raises UnmetNeed for a host without a certificate and for a target group that AWS does not have, SpecError for
    several target groups without the gate WeightedTargetGroups.
    """

    intent: StackIntent
    facts: Facts
    config: BuildConfig

    def listener(self, wanted: ListenerIntent) -> Listener:
        """One listener, without its rules."""
        encrypted = wanted.protocol in _ENCRYPTED
        return Listener(
            id=str(wanted.port),
            load_balancer=Ref("LoadBalancer", LOAD_BALANCER),
            port=wanted.port,
            protocol=wanted.protocol,
            default_actions=self._actions(wanted.default_actions, wanted),
            tags=self._tags(wanted.tags, str(wanted.port)),
            attributes=dict(wanted.attributes),
            certificates=self._certificates(wanted) if encrypted else (),
            ssl_policy=(wanted.ssl_policy or self.config.default_ssl_policy) if encrypted else None,
            alpn_policy=self._alpn_policy(wanted) if wanted.protocol == "TLS" else None,
            mutual_authentication=self._mutual_authentication(wanted) if wanted.protocol == "HTTPS" else None,
        )

    def rules(self, wanted: ListenerIntent) -> tuple[Rule, ...]:
        """The listener's rules; the first in order has priority 1."""
        return tuple(
            Rule(
                id=(rule_id := f"{wanted.port}:{priority}"),
                listener=Ref("Listener", str(wanted.port)),
                priority=priority,
                conditions=rule.conditions,
                actions=self._actions(rule.actions, wanted),
                transforms=rule.transforms,
                tags=self._tags(rule.tags, rule_id),
            )
            for priority, rule in enumerate(wanted.rules, start=1)
        )

    def _alpn_policy(self, wanted: ListenerIntent) -> str | None:
        """Of a silent user: what stands, or, with the gate EnhancedDefaultBehavior, AWS's default."""
        return wanted.alpn_policy or ("None" if self.config.enhanced_default_behavior else None)

    def _mutual_authentication(self, wanted: ListenerIntent) -> MutualAuthentication | None:
        off = MutualAuthentication(mode="off") if self.config.enhanced_default_behavior else None
        return wanted.mutual_authentication or off

    def _tags(self, own: Mapping[str, str], resource: str) -> dict[str, str] | None:
        """Without the gate ListenerRulesTagging (for partitions where AWS cannot tag them) nobody cares for them."""
        if not self.config.listener_rules_tagging:
            return None
        return resource_tags(own, stack=self.intent.stack, resource=resource, config=self.config)

    def _actions(self, actions: Iterable[ActionIntent], listener: ListenerIntent) -> tuple[Action, ...]:
        return tuple(self._forward(a, listener) if isinstance(a, ForwardIntent) else a for a in actions)

    def _forward(self, forward: ForwardIntent, listener: ListenerIntent) -> Forward:
        if len(forward.to) > 1 and not self.config.weighted_target_groups:
            remedy = "several target groups need the feature gate WeightedTargetGroups"
            raise SpecError([blamed(listener.blame, "actions", remedy=remedy, stack=self.intent.stack)])
        return Forward(
            target_groups=tuple(WeightedTargetGroup(self._arn(to, listener), to.weight) for to in forward.to),
            stickiness_seconds=forward.stickiness_seconds,
        )

    def _arn(self, to: ForwardTo, listener: ListenerIntent) -> Value:
        if to.target_group is not None:
            return Ref("TargetGroup", to.target_group)
        if to.arn is not None:
            return to.arn
        arns = self.facts[TargetGroupArns(foreign_names(self.intent.listeners))]
        if to.name is None or to.name not in arns:
            remedy = f"AWS has no target group of the name {to.name}"
            raise self._unmet("actions", listener, remedy)
        return arns[to.name]

    def _certificates(self, wanted: ListenerIntent) -> tuple[str, ...]:
        if not wanted.certificate_hosts:
            return wanted.certificates
        issued = self.facts[Certificates()]
        found, missing = find_certificates(wanted.certificate_hosts, issued)
        if missing:
            remedy = f"ACM has no issued certificate for {', '.join(missing)}; request one, or name certificates here"
            raise self._unmet("certificates", wanted, remedy)
        return (*wanted.certificates, *(arn for arn in found if arn not in wanted.certificates))

    def _unmet(self, field: str, listener: ListenerIntent, remedy: str) -> UnmetNeed:
        return UnmetNeed([blamed(listener.blame, field, remedy=remedy, stack=self.intent.stack)])
