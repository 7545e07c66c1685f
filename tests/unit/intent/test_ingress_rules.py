"""What rules match, their order, and which are left out."""

from __future__ import annotations

import json
from typing import Any

import pytest

from aws_lb_controller.intent.readers import Unreadable
from aws_lb_controller.intent.rules import read_conditions, read_transforms
from aws_lb_controller.intent.values import RuleIntent
from aws_lb_controller.model.listener import Condition, Transform
from builders_ingress import (
    FIXED,
    a_path,
    a_rule,
    an_action_path,
    an_ingress,
    only_listener,
    paths_of,
    problems,
    warnings,
    wish,
)


def rules(*written: dict[str, Any], **alb: str) -> tuple[RuleIntent, ...]:
    annotations = {k.replace("__", ".").replace("_", "-"): v for k, v in alb.items()}
    return only_listener(wish(an_ingress(alb=annotations, rules=list(written)))).rules


@pytest.mark.parametrize(
    ("path", "kind", "patterns"),
    [
        ("/", "Prefix", ("/*",)),
        ("/api", "Prefix", ("/api", "/api/*")),
        ("/api/", "Prefix", ("/api", "/api/*")),
        ("/api", "Exact", ("/api",)),
        ("/", "Exact", ("/",)),
        ("/api*", "ImplementationSpecific", ("/api*",)),
        ("/api", None, ("/api",)),
        ("", "ImplementationSpecific", ("/*",)),
    ],
)
def test_a_path_becomes_patterns_by_its_type(path: str, kind: str | None, patterns: tuple[str, ...]) -> None:
    assert [patterns] == paths_of(rules(a_rule(a_path(path, kind=kind))))


@pytest.mark.parametrize("kind", ["Exact", "Prefix"])
def test_wildcards_in_a_path_that_has_none_are_an_error_naming_the_path(kind: str) -> None:
    (problem,) = problems(an_ingress(rules=[a_rule(a_path("/a"), a_path("/b*", kind=kind))]))
    assert problem.startswith("Ingress shop/web: spec.rules[0].http.paths[1].path = '/b*': write a path of type")


def test_exact_paths_come_first_then_long_prefixes_then_the_rest_as_written() -> None:
    written = [
        a_path("/z", kind="ImplementationSpecific"),
        a_path("/a", kind="Prefix"),
        a_path("/long/er", kind="Prefix"),
        a_path("/x", kind="Exact"),
        a_path("/y", kind=None),
        a_path("/a/", kind="Prefix"),
        a_path("/w", kind="Exact"),
    ]
    order = [patterns[0] for patterns in paths_of(rules(a_rule(*written)))]
    assert ["/x", "/w", "/long/er", "/a", "/a", "/z", "/y"] == order


def test_hosts_stay_in_written_order_whatever_their_paths() -> None:
    found = rules(a_rule(a_path("/"), host="b.example.com"), a_rule(a_path("/x", kind="Exact"), host="a.example.com"))
    assert [("b.example.com",), ("a.example.com",)] == [rule.conditions[0].values for rule in found]


def test_a_host_and_a_path_are_two_conditions() -> None:
    (rule,) = rules(a_rule(a_path("/api", kind="Exact"), host="*.example.com"))
    assert (
        Condition(field="host-header", values=("*.example.com",)),
        Condition(field="path-pattern", values=("/api",)),
    ) == rule.conditions


def test_a_rule_without_paths_gives_none() -> None:
    assert () == rules({"host": "app.example.com"})


def test_paths_may_be_regular_expressions_without_their_slash() -> None:
    written = a_rule(a_path("/^/v[0-9]+", kind="ImplementationSpecific"), a_path("/api", kind="Exact"))
    exact, regex = rules(written, use_regex_path_match="true")
    assert (Condition(field="path-pattern", regex_values=("^/v[0-9]+",)),) == regex.conditions
    assert (Condition(field="path-pattern", values=("/api",)),) == exact.conditions


def test_patterns_and_regular_expressions_in_one_condition_are_an_error() -> None:
    conditions = '[{"field": "path-pattern", "pathPatternConfig": {"regexValues": ["^/v"]}}]'
    (problem,) = problems(an_ingress(alb={"conditions.web": conditions}))
    assert "not both: ('/*',) and ('^/v',)" in problem


def test_conditions_of_the_annotation_join_those_of_the_rule() -> None:
    conditions = [
        {"field": "host-header", "hostHeaderConfig": {"values": ["b.example.com"]}},
        {"field": "path-pattern", "pathPatternConfig": {"values": ["/more"]}},
        {"field": "source-ip", "sourceIpConfig": {"values": ["10.0.0.0/8"]}},
    ]
    (rule,) = rules(a_rule(a_path("/a"), host="a.example.com"), conditions__web=json.dumps(conditions))
    assert (
        Condition(field="source-ip", values=("10.0.0.0/8",)),
        Condition(field="host-header", values=("a.example.com", "b.example.com")),
        Condition(field="path-pattern", values=("/a", "/a/*", "/more")),
    ) == rule.conditions


@pytest.mark.parametrize(
    ("written", "condition"),
    [
        (
            {"field": "http-header", "httpHeaderConfig": {"httpHeaderName": "X-Team", "values": ["red"]}},
            Condition(field="http-header", header_name="X-Team", values=("red",)),
        ),
        (
            {"FIELD": "http-request-method", "httprequestmethodconfig": {"Values": ["GET"], "other": 1}},
            Condition(field="http-request-method", values=("GET",)),
        ),
        (
            {"field": "query-string", "queryStringConfig": {"values": [{"key": "v", "value": "2"}, {"value": "beta"}]}},
            Condition(field="query-string", values=("v=2", "=beta")),
        ),
    ],
)
def test_conditions_are_read_with_keys_in_any_case(written: dict[str, Any], condition: Condition) -> None:
    assert (condition,) == read_conditions(json.dumps([written])).conditions


@pytest.mark.parametrize(
    ("text", "remedy"),
    [
        ('{"field": "source-ip"}', "the conditions as a JSON array"),
        ('[{"field": "source-ip"}]', "add sourceIPConfig"),
        ('[{"field": "source-ip", "sourceIPConfig": {"values": []}}]', "give sourceIPConfig values"),
        ('[{"field": "source-ip", "sourceIPConfig": {"values": [1]}}]', "array of texts"),
        ('[{"field": "host-header", "hostHeaderConfig": {}}]', "either values or regexValues"),
        ('[{"field": "query-string", "queryStringConfig": {"values": [{"key": "a"}]}}]', "a value"),
        ("[", "valid JSON"),
    ],
)
def test_conditions_that_make_no_sense_say_what_to_write(text: str, remedy: str) -> None:
    with pytest.raises(Unreadable, match=remedy):
        read_conditions(text)


def test_a_condition_that_no_load_balancer_has_is_passed_over_with_a_warning() -> None:
    ingress = an_ingress(alb={"conditions.web": '[{"field": "cookie", "cookieConfig": {"values": ["a"]}}]'})
    assert [("/*",)] == paths_of(only_listener(wish(ingress)).rules)
    assert "no load balancer has the condition 'cookie'" in warnings(ingress)[0]


def test_transforms_rewrite_in_written_order() -> None:
    text = json.dumps(
        [
            {"type": "url-rewrite", "urlRewriteConfig": {"rewrites": [{"regex": "^/a", "replace": "/"}]}},
            {"type": "host-header-rewrite", "hostHeaderRewriteConfig": {"rewrites": [{"regex": "x", "replace": "y"}]}},
        ]
    )
    (rule,) = rules(a_rule(), transforms__web=text)
    assert (
        Transform(type="url-rewrite", rewrites=(("^/a", "/"),)),
        Transform(type="host-header-rewrite", rewrites=(("x", "y"),)),
    ) == rule.transforms


@pytest.mark.parametrize("text", ['[{"type": "strip"}]', '[{"type": "url-rewrite"}]'])
def test_transforms_that_make_no_sense_are_unreadable(text: str) -> None:
    with pytest.raises(Unreadable):
        read_transforms(text)


def redirecting(*paths: dict[str, Any], of: str | None = None, **to: str) -> dict[str, Any]:
    action = json.dumps({"type": "redirect", "redirectConfig": {"statusCode": "HTTP_301", **to}})
    return an_ingress(
        alb={"actions.moved": action, "actions.hi": FIXED, "listen-ports": '[{"HTTP": 80}, {"HTTPS": 443}]'},
        rules=[a_rule(*paths, host=of)],
    )


def by_port(ingress: dict[str, Any]) -> dict[int, list[tuple[str, ...]]]:
    return {listener.port: paths_of(listener.rules) for listener in wish(ingress).listeners}


@pytest.mark.parametrize(
    ("forward", "remedy"),
    [
        ({}, "name at least one of targetGroups"),
        ({"targetGroups": []}, "name at least one of targetGroups"),
        (
            {"targetGroups": [{"targetGroupName": "a"}], "targetGroupStickinessConfig": {"enabled": True}},
            "add durationSeconds to targetGroupStickinessConfig",
        ),
    ],
)
def test_a_forward_that_aws_would_refuse_is_told_before_anything_is_made(forward: dict[str, Any], remedy: str) -> None:
    action = json.dumps({"type": "forward", "forwardConfig": forward})
    (problem,) = problems(an_ingress(alb={"actions.hi": action}, rules=[a_rule(an_action_path())]))
    assert problem.endswith(remedy)


def test_a_redirect_to_https_stands_on_http_only_and_takes_the_place_of_what_is_behind_it() -> None:
    ingress = redirecting(
        an_action_path("/*", action="moved", kind="ImplementationSpecific"),
        an_action_path("/shop", kind="ImplementationSpecific"),
        protocol="HTTPS",
        port="443",
    )
    assert {80: [("/*",)], 443: [("/shop",)]} == by_port(ingress)


@pytest.mark.parametrize("to", [{}, {"host": "a.example.com"}, {"path": "/old"}, {"query": "#{query}"}])
def test_a_redirect_to_where_it_came_from_is_left_out(to: dict[str, str]) -> None:
    ingress = redirecting(an_action_path("/old", action="moved", kind="Exact"), of="a.example.com", **to)
    assert {80: [], 443: []} == by_port(ingress)


@pytest.mark.parametrize(
    "to", [{"host": "b.example.com"}, {"path": "/new"}, {"query": "x=1"}, {"query": ""}, {"port": "8443"}, {"host": ""}]
)
def test_a_redirect_that_leads_away_stays(to: dict[str, str]) -> None:
    ingress = redirecting(an_action_path("/old", action="moved", kind="Exact"), of="a.example.com", **to)
    assert {80: [("/old",)], 443: [("/old",)]} == by_port(ingress)


def test_a_redirect_of_some_paths_leaves_the_others() -> None:
    ingress = redirecting(an_action_path("/a", action="moved"), an_action_path("/b"), host="x.io", path="/elsewhere")
    assert [("/a", "/a/*"), ("/b", "/b/*")] == by_port(ingress)[80]


def test_a_redirect_with_a_condition_of_its_own_hides_nothing() -> None:
    ingress = redirecting(an_action_path("/", action="moved"), an_action_path("/b"), path="/elsewhere")
    conditions = '[{"field": "http-request-method", "httpRequestMethodConfig": {"values": ["GET"]}}]'
    ingress["metadata"]["annotations"]["alb.ingress.kubernetes.io/conditions.moved"] = conditions
    assert [("/b", "/b/*"), ("/*",)] == by_port(ingress)[80]


def test_a_redirect_of_hosts_by_regular_expression_does_not_hide_other_hosts() -> None:
    ingress = redirecting(an_action_path("/*", action="moved", kind="ImplementationSpecific"), path="/elsewhere")
    conditions = '[{"field": "host-header", "hostHeaderConfig": {"regexValues": ["^old"]}}]'
    ingress["metadata"]["annotations"]["alb.ingress.kubernetes.io/conditions.moved"] = conditions
    ingress["spec"]["rules"].append(a_rule(an_action_path("/new"), host="new.example.com"))
    assert [("/*",), ("/new", "/new/*")] == by_port(ingress)[80]
