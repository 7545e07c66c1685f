"""The listeners of a stack and their rules, with the actions of both."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from aws_lb_controller.build.certificates import find_certificates
from aws_lb_controller.build.config import BuildConfig
from aws_lb_controller.build.facts import Certificates, Facts, TargetGroupArns, TrustStoreArns, Unanswered
from aws_lb_controller.build.problems import blamed, untold
from aws_lb_controller.build.tags import resource_tags
from aws_lb_controller.errors import Problem, SpecError, UnmetNeed
from aws_lb_controller.intent.values import ActionIntent, Blame, ForwardIntent, ForwardTo, ListenerIntent, StackIntent
from aws_lb_controller.model.listener import (
    SECURE_PROTOCOLS,
    Action,
    Forward,
    Listener,
    MutualAuthentication,
    Rule,
    WeightedTargetGroup,
)
from aws_lb_controller.model.load_balancer import LOAD_BALANCER
from aws_lb_controller.model.refs import Ref, Value


def foreign_names(intent: StackIntent) -> frozenset[str]:
    """The names of target groups that are not of the stack and that only AWS can tell the ARN of."""
    destinations = (to for listener in intent.listeners for to in _destinations(listener))
    return intent.mentions.target_groups | {to.name for to in destinations if to.name is not None}


def trust_store_names(listeners: Iterable[ListenerIntent]) -> frozenset[str]:
    """The names of trust stores that only AWS can tell the ARN of."""
    asked = (listener.mutual_authentication for listener in listeners)
    return frozenset(name for mutual in asked if mutual and (name := trust_store_name(mutual)))


def trust_store_name(mutual: MutualAuthentication) -> str | None:
    """The name that stands for a trust store's ARN; None where there is the ARN, or no trust store."""
    store = mutual.trust_store_arn
    return None if not store or store.startswith("arn:") else store


def _destinations(listener: ListenerIntent) -> Iterator[ForwardTo]:
    for actions in (listener.default_actions, *(rule.actions for rule in listener.rules)):
        for action in actions:
            if isinstance(action, ForwardIntent):
                yield from action.to


@dataclass(frozen=True, slots=True, kw_only=True)
class ListenerBuilder:
    """Builds the listeners of one stack.

    Raises UnmetNeed for a host without a certificate and for a target group or trust store that AWS does not have,
    SpecError for several target groups without the gate WeightedTargetGroups.
    """

    intent: StackIntent
    facts: Facts
    config: BuildConfig

    def listener(self, wanted: ListenerIntent) -> Listener:
        """One listener, without its rules."""
        encrypted = wanted.protocol in SECURE_PROTOCOLS
        return Listener(
            id=str(wanted.port),
            load_balancer=Ref("LoadBalancer", LOAD_BALANCER),
            port=wanted.port,
            protocol=wanted.protocol,
            default_actions=self._actions(wanted.default_actions, wanted, wanted.default_owner),
            tags=self._tags(wanted.tags, str(wanted.port)),
            attributes=dict(wanted.attributes),
            certificates=self._certificates(wanted) if encrypted else (),
            ssl_policy=(wanted.ssl_policy or self.config.default_ssl_policy) if encrypted else None,
            alpn_policy=self._alpn_policy(wanted) if wanted.protocol == "TLS" else None,
            mutual_authentication=self._mutual_authentication(wanted) if wanted.protocol == "HTTPS" else None,
        )

    def _alpn_policy(self, wanted: ListenerIntent) -> str | None:
        """Of a silent user what AWS has, or with the gate EnhancedDefaultBehavior none."""
        return wanted.alpn_policy or ("None" if self.config.enhanced_default_behavior else None)

    def _mutual_authentication(self, wanted: ListenerIntent) -> MutualAuthentication | None:
        """Of a silent user what AWS has, or with the gate EnhancedDefaultBehavior none."""
        mutual = wanted.mutual_authentication
        if mutual is None:
            return MutualAuthentication(mode="off") if self.config.enhanced_default_behavior else None
        name = trust_store_name(mutual)
        return mutual if name is None else replace(mutual, trust_store_arn=self._trust_store(name, wanted))

    def _trust_store(self, name: str, wanted: ListenerIntent) -> str:
        arns = self.facts[TrustStoreArns(trust_store_names(self.intent.listeners))]
        if isinstance(arns, Unanswered) or name not in arns:
            lacking = f"AWS has no trust store of the name {name}"
            remedy = f"{untold(arns)}, or give the ARN" if isinstance(arns, Unanswered) else lacking
            raise UnmetNeed([blamed(wanted.blame, "mutual-authentication", remedy=remedy, stack=self.intent.stack)])
        return arns[name]

    def rules(self, wanted: ListenerIntent) -> tuple[Rule, ...]:
        """The listener's rules; the first in order has priority 1."""
        return tuple(
            Rule(
                id=(rule_id := f"{wanted.port}:{priority}"),
                listener=Ref("Listener", str(wanted.port)),
                priority=priority,
                conditions=rule.conditions,
                actions=self._actions(rule.actions, wanted, rule.owner),
                transforms=rule.transforms,
                tags=self._tags(rule.tags, rule_id),
            )
            for priority, rule in enumerate(wanted.rules, start=1)
        )

    def _tags(self, own: Mapping[str, str], resource: str) -> dict[str, str] | None:
        """Without the gate ListenerRulesTagging (for partitions where AWS cannot tag them) nobody cares for them."""
        if not self.config.listener_rules_tagging:
            return None
        return resource_tags(own, stack=self.intent.stack, resource=resource, config=self.config)

    def _actions(self, actions: Iterable[ActionIntent], listener: ListenerIntent, owner: str) -> tuple[Action, ...]:
        """owner: the Ingress (``namespace/name``) whose actions these are, "" for a Service's own."""
        blame = dict(listener.blame)
        if owner and "actions" in blame:
            blame["actions"] = replace(blame["actions"], object=f"Ingress {owner}", member=owner)
        return tuple(self._forward(a, blame) if isinstance(a, ForwardIntent) else a for a in actions)

    def _forward(self, forward: ForwardIntent, blame: Mapping[str, Blame]) -> Forward:
        if len(forward.to) > 1 and not self.config.weighted_target_groups:
            remedy = "several target groups need the feature gate WeightedTargetGroups"
            raise SpecError([blamed(blame, "actions", remedy=remedy, stack=self.intent.stack)])
        if not self.config.weighted_target_groups:
            return Forward(target_groups=(WeightedTargetGroup(self._arn(forward.to[0], blame)),), without_config=True)
        return Forward(
            target_groups=tuple(WeightedTargetGroup(self._arn(to, blame), to.weight) for to in forward.to),
            stickiness_seconds=forward.stickiness_seconds,
        )

    def _arn(self, to: ForwardTo, blame: Mapping[str, Blame]) -> Value:
        if to.target_group is not None:
            return Ref("TargetGroup", to.target_group)
        if to.arn is not None:
            return to.arn
        arns = self.facts[TargetGroupArns(foreign_names(self.intent))]
        if to.name is None or to.name not in arns:
            remedy = f"AWS has no target group of the name {to.name}"
            raise UnmetNeed([blamed(blame, "actions", remedy=remedy, stack=self.intent.stack)])
        return arns[to.name]

    def _certificates(self, wanted: ListenerIntent) -> tuple[str, ...]:
        """Those of the first member that has any begin: its first is the default one."""
        first = sorted(self._found(wanted.first_hosts, wanted) | wanted.first_found)[:1]
        given = (*first, *wanted.certificates)
        found = self._found(wanted.certificate_hosts, wanted) | wanted.found_certificates
        return (*given, *(arn for arn in sorted(found) if arn not in given))

    def _found(self, hosts: frozenset[str], wanted: ListenerIntent) -> frozenset[str]:
        if not hosts:
            return frozenset()
        issued = self.facts[Certificates()]
        if isinstance(issued, Unanswered):
            remedy = f"{untold(issued)}, or name certificates here"
            raise UnmetNeed([self._without_certificate(host, wanted, remedy) for host in sorted(hosts)])
        arns, missing = find_certificates(hosts, issued)
        if missing:
            none = "ACM has no issued certificate for {}; request one, or name certificates here"
            raise UnmetNeed([self._without_certificate(host, wanted, none.format(host)) for host in missing])
        return frozenset(arns)

    def _without_certificate(self, host: str, wanted: ListenerIntent, remedy: str) -> Problem:
        asked = f"certificates {host}"
        field = asked if asked in wanted.blame else "certificates"
        return blamed(wanted.blame, field, remedy=remedy, stack=self.intent.stack)
