"""What listeners and rules keep or may do on AWS, and moto drops or refuses: transforms, mutual TLS, protocols …"""

from __future__ import annotations

from typing import Any

from moto.elbv2 import models
from moto.elbv2.models import ELBv2Backend
from moto.elbv2.responses import ELBV2Response

from localworld.moto_extensions.patching import around, instead

QUIC = {"QUIC": "UDP", "TCP_QUIC": "TCP_UDP"}  # and the protocol of moto's that takes the same checks
TLS = ("HTTPS", "TLS")
VALIDATE_TOKEN = "jwt-validation"

instead(models, "ALLOWED_ACTIONS")([*models.ALLOWED_ACTIONS, VALIDATE_TOKEN])


@around(ELBv2Backend, "set_rule_priorities")
def set_rule_priorities(original: Any, backend: Any, rule_priorities: list[dict[str, Any]]) -> Any:
    """Rules may exchange their priorities within one call."""
    rules = [backend.describe_rules(listener_arn=None, rule_arns=[one["RuleArn"]])[0] for one in rule_priorities]
    before = [rule.priority for rule in rules]
    for number, rule in enumerate(rules):
        rule.priority = -1 - number  # out of each other's way
    try:
        return original(backend, rule_priorities)
    except Exception:
        for rule, priority in zip(rules, before, strict=True):
            rule.priority = priority
        raise


@around(ELBv2Backend, "_validate_conditions")
def validate_conditions(original: Any, backend: Any, conditions: list[dict[str, Any]]) -> None:
    """Conditions may be regular expressions."""
    original(backend, [condition for condition in conditions if not _is_regular_expression(condition)])


def _is_regular_expression(condition: dict[str, Any]) -> bool:
    parts = (condition, *(value for value in condition.values() if isinstance(value, dict)))
    return any(part.get("RegexValues") for part in parts)


@around(ELBv2Backend, "_validate_actions")
def validate_actions(original: Any, backend: Any, actions: list[Any]) -> None:
    """Actions may validate tokens."""
    original(backend, [action for action in actions if action.type != VALIDATE_TOKEN])


@around(ELBV2Response, "create_rule")
def create_rule(original: Any, response: Any) -> Any:
    """Keep the rule's transforms."""
    result = original(response)
    if transforms := response._get_params().get("Transforms"):
        result._result["Rules"][0].transforms = transforms
    return result


@around(ELBV2Response, "modify_rule")
def modify_rule(original: Any, response: Any) -> Any:
    """Keep or reset the rule's transforms."""
    result, parameters = original(response), response._get_params()
    if "Transforms" in parameters:
        result._result["Rules"][0].transforms = parameters["Transforms"]
    elif str(parameters.get("ResetTransforms", "")).lower() == "true":
        result._result["Rules"][0].transforms = None
    return result


@around(ELBV2Response, "create_listener")
def create_listener(original: Any, response: Any) -> Any:
    """Keep the listener's mutual authentication."""
    result = original(response)
    _keep_mutual_authentication(result._result["Listeners"][0], response)
    return result


@around(ELBV2Response, "modify_listener")
def modify_listener(original: Any, response: Any) -> Any:
    """Keep the mutual authentication and the ALPN policy."""
    result = original(response)
    listener = result._result["Listeners"][0]
    _keep_mutual_authentication(listener, response)
    if policy := response._get_params().get("AlpnPolicy"):
        listener.alpn_policy = policy
    return result


def _keep_mutual_authentication(listener: Any, response: Any) -> None:
    if given := response._get_params().get("MutualAuthentication"):
        listener.mutual_authentication = given


@around(ELBv2Backend, "modify_listener")
def modify_protocol(
    original: Any, backend: Any, arn: str, port: Any = None, protocol: Any = None, *args: Any, **kwargs: Any
) -> Any:
    """A listener may become TLS, UDP or TCP_UDP."""
    if protocol not in ("TLS", "UDP", "TCP_UDP", *QUIC):
        return original(backend, arn, port, protocol, *args, **kwargs)
    listener = original(backend, arn, port, None, *args, **kwargs)
    listener.protocol = protocol
    return listener


@around(ELBv2Backend, "_validate_port_and_protocol")
def validate_port_and_protocol(original: Any, backend: Any, balancer_type: str, port: Any, protocol: Any) -> None:
    """Listeners may speak QUIC."""
    original(backend, balancer_type, port, QUIC.get(protocol, protocol))
