"""Backends: actions, Services and the target groups they become."""

from __future__ import annotations

import json
from typing import Any

import pytest

from aws_lb_controller.intent.actions import read_action
from aws_lb_controller.intent.readers import Unreadable
from aws_lb_controller.intent.values import ActionIntent, ForwardIntent, ForwardTo, HealthCheckIntent, TargetGroupIntent
from aws_lb_controller.model.listener import FixedResponse, Redirect
from builders_ingress import (
    a_backend,
    a_member,
    a_path,
    a_rule,
    an_action_path,
    an_ingress,
    only_listener,
    problems,
    settings_with,
    warnings,
    wish,
)
from builders_kube import a_port, a_service


def action(written: object | None, **more: Any) -> ActionIntent:
    """What a rule does whose backend is the annotation."""
    alb = {} if written is None else {"actions.a": json.dumps(written)}
    stack = wish(an_ingress(alb=alb, rules=[a_rule(an_action_path(action="a"))]), **more)
    return only_listener(stack).rules[0].actions[0]


def target_group(
    *, service: dict[str, Any] | None = None, alb: dict[str, str] | None = None, **more: Any
) -> TargetGroupIntent:
    (group,) = wish(an_ingress(alb=alb), services=[service or a_service()], **more).target_groups
    return group


def on_service(**annotations: str) -> dict[str, Any]:
    ours = {f"alb.ingress.kubernetes.io/{k.replace('_', '-')}": v for k, v in annotations.items()}
    return a_service(annotations=ours)


# -- actions


def test_a_fixed_response_is_as_written() -> None:
    written = {"Type": "fixed-response", "FixedResponseConfig": {"statusCode": "503", "messageBody": "later"}}
    assert FixedResponse(status_code="503", message_body="later") == action(written)


def test_a_redirect_keeps_aws_placeholders_where_it_is_silent() -> None:
    written = {
        "type": "redirect",
        "redirectConfig": {"statusCode": "HTTP_302", "host": "new.example.com", "query": None},
    }
    assert Redirect(status_code="HTTP_302", host="new.example.com") == action(written)


def test_a_forward_names_a_target_group_by_arn_or_name() -> None:
    assert ForwardIntent(to=(ForwardTo(name="old"),)) == action({"type": "forward", "targetGroupName": "old"})
    assert ForwardIntent(to=(ForwardTo(arn="arn:1"),)) == action({"type": "forward", "targetGroupARN": "arn:1"})


def test_a_forward_splits_by_weight_and_keeps_clients_where_they_are() -> None:
    config = {
        "targetGroups": [
            {"serviceName": "blue", "servicePort": 80, "weight": 90},
            {"serviceName": "green", "servicePort": "80", "weight": 10},
        ],
        "targetGroupStickinessConfig": {"enabled": True, "durationSeconds": 200},
    }
    split = action({"type": "forward", "forwardConfig": config}, services=[a_service("blue"), a_service("green")])
    to = (
        ForwardTo(target_group="shop/web-blue:80", weight=90),
        ForwardTo(target_group="shop/web-green:80", weight=10),
    )
    assert ForwardIntent(to=to, stickiness_seconds=200) == split


@pytest.mark.parametrize(
    ("written", "remedy"),
    [
        ({"type": "teapot"}, "fixed-response, redirect or forward"),
        ({"type": "fixed-response"}, "add fixedResponseConfig"),
        ({"type": "fixed-response", "fixedResponseConfig": {"statusCode": 200}}, "statusCode as a text"),
        ({"type": "redirect", "redirectConfig": {}}, "add statusCode"),
        ({"type": "forward"}, "write one of forwardConfig"),
        ({"type": "forward", "targetGroupName": "x", "forwardConfig": {}}, "write one of forwardConfig"),
        ({"type": "forward", "forwardConfig": {"targetGroups": []}}, "at least one"),
        ({"type": "forward", "forwardConfig": {"targetGroups": [{"serviceName": "web"}]}}, "servicePort"),
        (
            {
                "type": "forward",
                "forwardConfig": {"targetGroups": [{"targetGroupName": "a"}, {"targetGroupName": "b"}]},
            },
            "a weight",
        ),
        ({"type": "forward", "forwardConfig": {"targetGroups": [{"weight": 1}]}}, "targetGroupARN"),
        ([], "the action as a JSON object"),
    ],
)
def test_an_action_that_makes_no_sense_says_what_to_write(written: object, remedy: str) -> None:
    with pytest.raises(Unreadable, match=remedy):
        read_action(json.dumps(written))


def test_a_missing_action_answers_503_unless_the_flag_makes_it_an_error() -> None:
    body = "Backend action does not exist"
    assert FixedResponse(status_code="503", content_type="text/plain", message_body=body) == action(None)
    ingress = an_ingress(rules=[a_rule(an_action_path(action="a"))])
    (problem,) = problems(ingress, settings=settings_with("--tolerate-non-existent-backend-action=false"))
    assert problem.startswith("Ingress shop/web: actions.a: add it")


def test_a_missing_action_is_told() -> None:
    (warning,) = warnings(an_ingress(rules=[a_rule(an_action_path(action="a"))]))
    assert warning.startswith("Ingress shop/web: actions.a: there is no such annotation")


# -- Services


def test_a_missing_service_is_told() -> None:
    (warning,) = warnings(an_ingress(), services=[])
    assert "spec.rules[0].http.paths[0].backend.service = 'web': there is no such Service" in warning
    assert "503" in warning


def test_a_missing_service_answers_503_and_has_no_target_group() -> None:
    stack = wish(an_ingress(), services=[])
    body = "Backend service does not exist"
    answer = FixedResponse(status_code="503", content_type="text/plain", message_body=body)
    assert (answer,) == only_listener(stack).rules[0].actions
    assert () == stack.target_groups


def test_a_missing_service_is_an_error_where_the_flag_says_so() -> None:
    (problem,) = problems(
        an_ingress(), services=[], settings=settings_with("--tolerate-non-existent-backend-service=false")
    )
    assert "spec.rules[0].http.paths[0].backend.service = 'web': name a Service that exists" in problem


def test_a_missing_service_in_a_split_is_an_error_naming_it() -> None:
    groups = [{"serviceName": s, "servicePort": 80, "weight": 1} for s in ("web", "gone")]
    alb = {"actions.a": json.dumps({"type": "forward", "forwardConfig": {"targetGroups": groups}})}
    (problem,) = problems(an_ingress(alb=alb, rules=[a_rule(an_action_path(action="a"))]))
    assert problem.endswith("actions.a = 'gone': name a Service that exists in this namespace")


def test_a_missing_service_port_is_an_error_naming_the_port_and_those_there_are() -> None:
    service = a_service(ports=[a_port(80, name="http"), a_port(443)])
    field = "spec.rules[0].http.paths[0].backend.service"
    assert [f"Ingress shop/web: {field} = '81': Service web has only the ports 80 (http), 443"] == problems(
        an_ingress(rules=[a_rule(a_path(port=81))]), services=[service]
    )


def test_a_backend_that_is_no_service_is_an_error() -> None:
    path = {"path": "/", "pathType": "Prefix", "backend": {"resource": {"kind": "StorageBucket", "name": "b"}}}
    (problem,) = problems(an_ingress(rules=[a_rule(path)]))
    assert problem.startswith("Ingress shop/web: spec.rules[0].http.paths[0].backend.service: name a Service")


def test_ports_are_found_by_number_or_name_and_are_two_target_groups() -> None:
    service = a_service(ports=[a_port(80, name="http")])
    stack = wish(an_ingress(rules=[a_rule(a_path("/a"), a_path("/b", port="http"), a_path("/c"))]), services=[service])
    assert [("shop/web-web:80", 80), ("shop/web-web:http", "http")] == [
        (g.id, g.port_as_written) for g in stack.target_groups
    ]


def test_the_default_backend_is_what_a_listener_answers_else() -> None:
    listener = only_listener(wish(an_ingress(defaultBackend=a_backend(), rules=[])))
    assert (ForwardIntent(to=(ForwardTo(target_group="shop/web-web:80"),)),) == listener.default_actions


def test_without_a_default_backend_a_listener_answers_404() -> None:
    answer = FixedResponse(status_code="404", content_type="text/plain")
    assert (answer,) == only_listener(wish(an_ingress())).default_actions


# -- target groups


def test_a_target_group_has_the_defaults_of_an_alb() -> None:
    group = target_group()
    assert ("ip", "HTTP", "HTTP1", "shop/web", HealthCheckIntent()) == (
        group.target_type,
        group.protocol,
        group.protocol_version,
        group.owner,
        group.health_check,
    )


def test_annotations_of_a_service_win_over_the_ingress_one_by_one() -> None:
    group = target_group(
        service=on_service(healthcheck_path="/live", target_group_attributes="a=1"),
        alb={"healthcheck-path": "/", "healthcheck-interval-seconds": "30", "target-group-attributes": "a=0,b=2"},
    )
    assert HealthCheckIntent(path="/live", interval_seconds=30) == group.health_check
    assert {"a": "1"} == group.attributes


def test_a_wrong_annotation_of_a_service_is_told_to_the_service() -> None:
    ingress = an_ingress(alb={"backend-protocol": "HTTPS"})
    assert ["Service shop/web: backend-protocol = 'h2c': write one of HTTP, HTTPS"] == problems(
        ingress, services=[on_service(backend_protocol="h2c")]
    )


def test_tags_are_joined_class_before_service_before_ingress() -> None:
    member = a_member(an_ingress(alb={"tags": "a=i,b=i,c=i"}), tags=[{"key": "a", "value": "c"}])
    (group,) = wish(member, services=[on_service(tags="a=s,b=s")]).target_groups
    assert {"a": "c", "b": "s", "c": "i"} == group.tags


def test_the_class_settles_the_target_type() -> None:
    (group,) = wish(a_member(an_ingress(alb={"target-type": "ip"}), targetType="instance")).target_groups
    assert "instance" == group.target_type


def test_instance_targets_need_a_node_port() -> None:
    service = a_service(type="ClusterIP", ports=[{"port": 80, "targetPort": 80}])
    (problem,) = problems(an_ingress(alb={"target-type": "instance"}), services=[service])
    assert problem.startswith("Service shop/web: spec.type = 'ClusterIP': instance targets need a node port")


def test_ip_targets_need_their_feature_gate() -> None:
    (problem,) = problems(
        an_ingress(alb={"target-type": "ip"}), settings=settings_with("--feature-gates=EnableIPTargetType=false")
    )
    assert problem.endswith("ip targets need the feature gate EnableIPTargetType")


@pytest.mark.parametrize(
    ("target_type", "written", "port"),
    [
        ("ip", "traffic-port", "traffic-port"),
        ("ip", "8080", "8080"),
        ("ip", "admin", "9000"),
        ("instance", "admin", "30090"),
    ],
)
def test_a_health_check_port_may_be_a_port_of_the_service(target_type: str, written: str, port: str) -> None:
    service = a_service(ports=[a_port(80), a_port(90, target_port=9000, name="admin")])
    group = target_group(service=service, alb={"target-type": target_type, "healthcheck-port": written})
    assert port == group.health_check.port


@pytest.mark.parametrize("target_port", [9000, "web"])
def test_a_health_check_port_that_no_number_follows_from_is_an_error(target_port: int | str) -> None:
    name = "admin" if target_port == "web" else "other"
    service = a_service(ports=[a_port(80), a_port(90, target_port=target_port, name="admin")])
    (problem,) = problems(an_ingress(alb={"healthcheck-port": name}), services=[service])
    assert problem.startswith(f"Ingress shop/web: healthcheck-port = '{name}': write")


def test_node_labels_choose_nodes_of_instance_targets_only() -> None:
    labels = {"target-node-labels": "role=edge"}
    assert target_group(alb=labels | {"target-type": "ip"}).node_selector is None
    chosen = target_group(alb=labels | {"target-type": "instance"}).node_selector
    assert {"matchLabels": {"role": "edge"}} == chosen


def test_a_target_control_port_is_keyed_by_service_and_port() -> None:
    assert 3000 == target_group(alb={"target-control-port.web.80": "3000"}).target_control_port
    (problem,) = problems(an_ingress(alb={"target-control-port.web.80": "3000", "target-type": "instance"}))
    assert problem.startswith("Ingress shop/web: target-control-port.web.80 = '3000': leave it out")


def test_tags_that_others_manage_are_an_error() -> None:
    (problem,) = problems(
        an_ingress(alb={"tags": "cost=1"}),
        settings=settings_with("--external-managed-tags=cost", "--default-target-type=ip"),
    )
    assert problem == "Ingress shop/web: tags = 'cost=1': leave out cost: --external-managed-tags has it"
