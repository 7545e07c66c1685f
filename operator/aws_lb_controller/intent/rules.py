"""Rules of a listener: in which order they come, what they match, and which are left out because they could never act.

Within one host rule Exact paths come first as written, then Prefix paths from the longest to the shortest as written (a
trailing slash counts), then the others as written.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aws_lb_controller.intent import json_fields
from aws_lb_controller.intent.json_fields import Fields
from aws_lb_controller.intent.readers import Unreadable, read_json
from aws_lb_controller.intent.values import RuleIntent
from aws_lb_controller.model.listener import Condition, Redirect, Transform

EXACT, PREFIX, FREE = "Exact", "Prefix", "ImplementationSpecific"
_RANK = {EXACT: 0, PREFIX: 1, FREE: 2}

HOST, PATH = "host-header", "path-pattern"
EVERYTHING = "/*"


# -- order


def ordered(paths: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """``http.paths[]`` of one host rule in the order their rules have."""
    return sorted(paths, key=_place)


def _place(path: Mapping[str, Any]) -> tuple[int, int]:
    kind = path.get("pathType") or FREE
    return _RANK[kind], -len(path.get("path", "").encode()) if kind == PREFIX else 0


# -- what a rule matches


@dataclass(frozen=True, slots=True, kw_only=True)
class PathPatterns:
    """What a path of an Ingress becomes: patterns with wildcards, or regular expressions."""

    values: tuple[str, ...] = ()
    regex_values: tuple[str, ...] = ()


def path_patterns(path: str, path_type: str, *, as_regex: bool) -> PathPatterns:
    """The patterns of a path. as_regex: ``use-regex-path-match``, for paths of type ImplementationSpecific only.

    Raises `Unreadable` for wildcards where the type has none.
    """
    if not path:
        return PathPatterns()
    if path_type == FREE:
        return PathPatterns(regex_values=(path[1:],)) if as_regex else PathPatterns(values=(path,))
    if path_type == PREFIX and path == "/":
        return PathPatterns(values=(EVERYTHING,))
    if "*" in path or "?" in path:
        raise Unreadable(f"write a path of type {path_type} without * and ?, or take the type {FREE}")
    if path_type == EXACT:
        return PathPatterns(values=(path,))
    stem = path.removesuffix("/")
    return PathPatterns(values=(stem, f"{stem}/*"))


def rule_conditions(host: str, patterns: PathPatterns, *, extra: Sequence[Condition] = ()) -> tuple[Condition, ...]:
    """A rule's conditions: those of other fields as written, then all hosts in one, then all paths in one.

    extra: conditions of the backend's annotation. Without any, everything matches. Raises `Unreadable` where patterns
    and regular expressions would stand in one condition, which AWS has no room for.
    """
    hosts = _joined(HOST, [Condition(field=HOST, values=(host,) if host else ()), *extra])
    paths = _joined(PATH, [Condition(field=PATH, values=patterns.values, regex_values=patterns.regex_values), *extra])
    others = [c for c in extra if c.field not in (HOST, PATH)]
    conditions = (*others, *(c for c in (hosts, paths) if c is not None))
    return conditions or (Condition(field=PATH, values=(EVERYTHING,)),)


def _joined(field: str, conditions: Iterable[Condition]) -> Condition | None:
    same = [c for c in conditions if c.field == field]
    values = tuple(v for c in same for v in c.values)
    regex_values = tuple(v for c in same for v in c.regex_values)
    if values and regex_values:
        raise Unreadable(f"give {field} as patterns or as regular expressions, not both: {values} and {regex_values}")
    return Condition(field=field, values=values, regex_values=regex_values) if values or regex_values else None


# -- the annotations ``conditions.NAME`` and ``transforms.NAME``

_CONFIG = {
    "host-header": "hostHeaderConfig",
    "http-header": "httpHeaderConfig",
    "http-request-method": "httpRequestMethodConfig",
    "path-pattern": "pathPatternConfig",
    "query-string": "queryStringConfig",
    "source-ip": "sourceIPConfig",
}
_PATTERNS: Fields = {"values": {}, "regexValues": {}}
_QUERY: Fields = {"key": {}, "value": {}}
_OF_CONFIG: Mapping[str, Fields] = {
    "host-header": _PATTERNS,
    "http-header": {"httpHeaderName": {}, **_PATTERNS},
    "http-request-method": {"values": {}},
    "path-pattern": _PATTERNS,
    "query-string": {"values": _QUERY},
    "source-ip": {"values": {}},
}
_REWRITE: Fields = {"regex": {}, "replace": {}}
_REWRITES: Fields = {"rewrites": _REWRITE}
_REWRITE_CONFIG = {"url-rewrite": "urlRewriteConfig", "host-header-rewrite": "hostHeaderRewriteConfig"}


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenConditions:
    """The annotation's conditions, and the fields in it that no load balancer has, which are passed over."""

    conditions: tuple[Condition, ...] = ()
    unknown_fields: tuple[str, ...] = ()


def read_conditions(text: str) -> WrittenConditions:
    """Reads an array of conditions. Raises `Unreadable`."""
    written = [
        json_fields.object_of(c, ("field", *_CONFIG.values()), of="a condition")
        for c in json_fields.list_of(read_json(text), of="the conditions")
    ]
    fields = [json_fields.text(c, "field") or "" for c in written]
    return WrittenConditions(
        conditions=tuple(_condition(f, c) for f, c in zip(fields, written, strict=True) if f in _CONFIG),
        unknown_fields=tuple(f for f in fields if f not in _CONFIG),
    )


def _condition(field: str, written: Mapping[str, Any]) -> Condition:
    name = _CONFIG[field]
    if name not in written:
        raise Unreadable(f"add {name} to the condition {field}")
    config = json_fields.object_of(written[name], _OF_CONFIG[field], of=name)
    values = _query_values(config) if field == "query-string" else json_fields.texts(config, "values")
    regex_values = json_fields.texts(config, "regexValues")
    if bool(values) == bool(regex_values):
        either = "either values or regexValues" if "regexValues" in _OF_CONFIG[field] else "values"
        raise Unreadable(f"give {name} {either}")
    return Condition(field=field, values=values, regex_values=regex_values, header_name=_header_name(field, config))


def _header_name(field: str, config: Mapping[str, Any]) -> str | None:
    return json_fields.text(config, "httpHeaderName") or "" if field == "http-header" else None


def _query_values(config: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(_query_value(v) for v in json_fields.list_of(config.get("values"), of="values"))


def _query_value(written: Any) -> str:
    pair = json_fields.object_of(written, _QUERY, of="an item of values")
    value = json_fields.text(pair, "value")
    if not value:
        raise Unreadable("give each item of queryStringConfig.values a value")
    return f"{json_fields.text(pair, 'key') or ''}={value}"


def conditions_without_effect(conditions: Any) -> Iterator[str]:
    """The keys of conditions as written that count for nothing: unknown ones, and those of other fields.

    Conditions of unknown fields are told for themselves.
    """
    yield from _without_effect(conditions, "field", _CONFIG, _OF_CONFIG)


def read_transforms(text: str) -> tuple[Transform, ...]:
    """Reads an array of transforms. Raises `Unreadable`."""
    return tuple(_transform(t) for t in json_fields.list_of(read_json(text), of="the transforms"))


def transforms_without_effect(transforms: Any) -> Iterator[str]:
    """The keys of transforms as written that count for nothing: unknown ones, and those of other types."""
    yield from _without_effect(transforms, "type", _REWRITE_CONFIG, dict.fromkeys(_REWRITE_CONFIG, _REWRITES))


def _without_effect(
    items: Any, selector: str, configs: Mapping[str, str], fields: Mapping[str, Fields]
) -> Iterator[str]:
    """selector: the key that says which of the configurations counts."""
    for item in json_fields.list_of(items, of="the items"):
        kind = json_fields.text(json_fields.object_of(item, (selector,), of="an item"), selector)
        if kind is not None and kind in configs:
            yield from json_fields.unknown(item, {selector: {}, configs[kind]: fields[kind]})


def _transform(value: Any) -> Transform:
    written = json_fields.object_of(value, ("type", *_REWRITE_CONFIG.values()), of="a transform")
    kind = json_fields.text(written, "type") or ""
    if kind not in _REWRITE_CONFIG:
        raise Unreadable(f"write the type as one of {', '.join(_REWRITE_CONFIG)}")
    name = _REWRITE_CONFIG[kind]
    config = json_fields.object_of(written.get(name), _REWRITES, of=name)
    rewrites = tuple(_rewrite(r) for r in json_fields.list_of(config.get("rewrites"), of="rewrites"))
    if not rewrites:
        raise Unreadable(f"add {name} with rewrites")
    return Transform(type=kind, rewrites=rewrites)


def _rewrite(value: Any) -> tuple[str, str]:
    written = json_fields.object_of(value, _REWRITE, of="an item of rewrites")
    return json_fields.text(written, "regex") or "", json_fields.text(written, "replace") or ""


# -- rules that could never act


def without_idle_rules(rules: Iterable[RuleIntent], *, port: int, protocol: str) -> tuple[RuleIntent, ...]:
    """The rules without redirects to what they came from, and without those behind a redirect that takes all of theirs.

    This is what lets one Ingress with a redirect to HTTPS stand on both listeners.
    """
    kept: list[RuleIntent] = []
    for rule in rules:
        if _loops(rule, port=port, protocol=protocol) or any(_covers(earlier, rule) for earlier in kept):
            continue
        kept.append(rule)
    return tuple(kept)


def _redirect_of(rule: RuleIntent) -> Redirect | None:
    return next((a for a in rule.actions if isinstance(a, Redirect)), None)


def _patterns(rule: RuleIntent, field: str) -> frozenset[tuple[str, str]]:
    """Every (kind, pattern) by which a rule limits a field; empty: not at all."""
    return frozenset(
        pair
        for c in rule.conditions
        if c.field == field
        for pair in (*(("glob", v) for v in c.values), *(("regex", v) for v in c.regex_values))
    )


def _loops(rule: RuleIntent, *, port: int, protocol: str) -> bool:
    redirect = _redirect_of(rule)
    if redirect is None:
        return False
    hosts, paths = _patterns(rule, HOST), _patterns(rule, PATH)
    if any(kind == "regex" for kind, _ in paths):
        return False
    return (
        (redirect.host in (None, "#{host}") or ("glob", redirect.host) in hosts)
        and (redirect.path in (None, "/#{path}") or ("glob", redirect.path) in paths)
        and redirect.port in (None, "#{port}", str(port))
        and redirect.protocol in (None, "#{protocol}", protocol)
        and redirect.query in (None, "#{query}")
    )


def _covers(earlier: RuleIntent, later: RuleIntent) -> bool:
    """Whether `earlier` is a redirect that takes every request that `later` could."""
    if _redirect_of(earlier) is None or any(c.field not in (HOST, PATH) for c in earlier.conditions):
        return False
    return all(_is_wider(_patterns(earlier, field), _patterns(later, field)) for field in (HOST, PATH))


def _is_wider(earlier: frozenset[tuple[str, str]], later: frozenset[tuple[str, str]]) -> bool:
    return not earlier or ("glob", EVERYTHING) in earlier or (bool(later) and earlier >= later)
