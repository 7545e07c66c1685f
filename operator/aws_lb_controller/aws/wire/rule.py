"""Listener rules: CreateRule and ModifyRule one way, DescribeRules the other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aws_lb_controller.aws.wire import action
from aws_lb_controller.aws.wire.tags import Json, to_aws, without_none
from aws_lb_controller.model.listener import Condition, Rule, Transform
from aws_lb_controller.model.observed import Seen

_CONFIG_OF = {
    "host-header": "HostHeaderConfig",
    "http-header": "HttpHeaderConfig",
    "http-request-method": "HttpRequestMethodConfig",
    "path-pattern": "PathPatternConfig",
    "query-string": "QueryStringConfig",
    "source-ip": "SourceIpConfig",
}
_REWRITE_OF = {"host-header-rewrite": "HostHeaderRewriteConfig", "url-rewrite": "UrlRewriteConfig"}


def create(rule: Rule) -> dict[str, Any]:
    """The parameters of CreateRule."""
    return without_none(
        {
            "ListenerArn": rule.listener,
            "Priority": rule.priority,
            "Conditions": [_condition(condition) for condition in rule.conditions],
            "Actions": action.to_aws(rule.actions),
            "Transforms": [_transform(transform) for transform in rule.transforms],
            "Tags": to_aws(rule.tags or {}),
        }
    )


def modify(arn: str, rule: Rule) -> dict[str, Any]:
    """The parameters of ModifyRule: all of the rule, for AWS refuses transforms alone."""
    return {
        "RuleArn": arn,
        "Conditions": [_condition(condition) for condition in rule.conditions],
        "Actions": action.to_aws(rule.actions),
        **_transforms(rule.transforms),
    }


def _transforms(transforms: tuple[Transform, ...]) -> dict[str, Any]:
    if not transforms:  # an empty list would leave those that are there
        return {"ResetTransforms": True}
    return {"Transforms": [_transform(transform) for transform in transforms]}


def _condition(condition: Condition) -> dict[str, Any]:
    values = [_query(value) for value in condition.values] if condition.field == "query-string" else [*condition.values]
    config = {"Values": values, "RegexValues": [*condition.regex_values], "HttpHeaderName": condition.header_name}
    return {"Field": condition.field, _CONFIG_OF[condition.field]: without_none(config)}


def _query(text: str) -> dict[str, str]:
    key, _, value = text.partition("=")
    return {"Key": key, "Value": value} if key else {"Value": value}


def _transform(transform: Transform) -> dict[str, Any]:
    rewrites = [{"Regex": regex, "Replace": replacement} for regex, replacement in transform.rewrites]
    return {"Type": transform.type, _REWRITE_OF[transform.type]: {"Rewrites": rewrites}}


def seen(described: Json, *, listener: str, resource_tag: str, tags: Mapping[str, str] | None) -> Seen[Rule]:
    """A rule of DescribeRules, not the default one; listener: its ARN; tags None: not asked for."""
    return Seen(
        arn=described["RuleArn"],
        resource=Rule(
            id=(tags or {}).get(resource_tag, ""),
            listener=listener,
            priority=int(described["Priority"]),
            conditions=tuple(_seen_condition(condition) for condition in described.get("Conditions", ())),
            actions=action.from_aws(described.get("Actions", ())),
            transforms=tuple(_seen_transform(transform) for transform in described.get("Transforms") or ()),
            tags=tags,
        ),
    )


def _seen_condition(described: Json) -> Condition:
    field = described["Field"]
    # host and path values may stand outside the config, as they did before there was one
    config: Json = described.get(_CONFIG_OF.get(field, "")) or {"Values": described.get("Values", ())}
    values = config.get("Values") or ()
    return Condition(
        field=field,
        values=tuple(_seen_query(value) for value in values) if field == "query-string" else tuple(values),
        regex_values=tuple(config.get("RegexValues") or described.get("RegexValues") or ()),
        header_name=config.get("HttpHeaderName"),
    )


def _seen_query(described: Json) -> str:
    return f"{described.get('Key', '')}={described.get('Value', '')}"


def _seen_transform(described: Json) -> Transform:
    config: Json = described.get(_REWRITE_OF.get(described["Type"], ""), {})
    rewrites = tuple((r.get("Regex", ""), r.get("Replace", "")) for r in config.get("Rewrites", ()))
    return Transform(type=described["Type"], rewrites=rewrites)
