"""What an Ingress, or a Service behind it, says without effect is told, each with a remedy; what has one never is."""

from __future__ import annotations

import json
from typing import Any

import pytest

from aws_lb_controller.errors import Problem
from aws_lb_controller.intent.ingress_ignored import known
from builders_ingress import (
    FIXED,
    SETTINGS,
    a_backend,
    a_member,
    a_path,
    a_rule,
    an_action_path,
    an_ingress,
    read,
    settings_with,
)
from builders_kube import a_service

CERT = "arn:aws:acm:us-west-2:111122223333:certificate/1"
COGNITO = json.dumps({"userPoolARN": "arn:pool", "userPoolClientID": "client", "userPoolDomain": "shop"})
BOTH = '[{"HTTP": 80}, {"HTTPS": 443}]'
TLS = {"certificate-arn": CERT}
METHOD = '[{"field": "http-request-method", "httpRequestMethodConfig": {"values": ["GET"]}}]'
REDIRECT = '{"type": "redirect", "redirectConfig": {"host": "new.example.com", "statusCode": "HTTP_301"}}'
REWRITE = '[{"type": "url-rewrite", "urlRewriteConfig": {"rewrites": [{"regex": "^/a", "replace": "/"}]}}]'
PREFIX = "alb.ingress.kubernetes.io"


def told(*members: Any, services: list[dict[str, Any]] | None = None, **more: Any) -> tuple[Problem, ...]:
    return read(*members, services=services, **more)[1]


def told_of(alb: dict[str, str], *, settings: Any = SETTINGS, **spec: Any) -> tuple[Problem, ...]:
    """The warnings of an Ingress with these annotations, in front of Service web."""
    return told(an_ingress(alb=alb, **spec), settings=settings)


def only(problems: tuple[Problem, ...]) -> Problem:
    assert 1 == len(problems), problems
    return problems[0]


def web(**annotations: str) -> dict[str, Any]:
    return a_service(annotations={f"{PREFIX}/{k.replace('_', '-')}": v for k, v in annotations.items()})


# -- plain and right


@pytest.mark.parametrize(
    "alb",
    [
        {},
        {"scheme": "internet-facing", "target-type": "ip", "load-balancer-name": "shop", "subnets": "a,b"},
        {"target-type": "instance", "target-node-labels": "role=edge"},
        {"group.name": "shop", "group.order": "10"},
        {
            "group.order": "0",
            "certificate-arn": "",
            "inbound-cidrs": "",
            "security-groups": "",
            "use-regex-path-match": "0",
        },
        {**TLS, "ssl-policy": "p", "mutual-authentication": '[{"port": 443, "mode": "passthrough"}]'},
        {**TLS, "listen-ports": BOTH, "ssl-redirect": "443", "auth-type": "cognito", "auth-idp-cognito": COGNITO},
        {
            **TLS,
            "auth-type": "cognito",
            "auth-idp-cognito": COGNITO,
            "auth-scope": "openid",
            "auth-session-timeout": "9",
        },
        {"auth-type": "none"},
        {"listener-attributes.HTTP-80": "routing.http.response.server.enabled=false"},
        {"conditions.web": METHOD, "transforms.web": REWRITE, "target-control-port.web.80": "3000"},
        {"inbound-cidrs": "10.0.0.0/8", "security-group-prefix-lists": "pl-1"},
        {"inbound-cidrs": "2001:db8::/32", "ip-address-type": "dualstack"},
        {"security-groups": "sg-1", "manage-backend-security-group-rules": "true"},
        {"security-groups": "sg-1", "manage-backend-security-group-rules": "false"},
        {"manage-backend-security-group-rules": "true", "multi-cluster-target-group": "false"},
        {"minimum-load-balancer-capacity": "CapacityUnits=1000", "tags": "team=shop"},
        {"waf-acl-id": "none", "wafv2-acl-name": "shop", "shield-advanced-protection": "false"},
        {"healthcheck-path": "/ready", "success-codes": "204", "backend-protocol": "HTTPS"},
    ],
    ids=lambda alb: " ".join(alb) or "none",
)
def test_what_has_an_effect_or_asks_for_nothing_is_not_told(alb: dict[str, str]) -> None:
    services = [a_service()]
    assert () == told(an_ingress(alb=alb), services=services)


def test_annotations_of_others_are_not_told() -> None:
    others = {"kubernetes.io/ingress.class": "alb", "external-dns.alpha.kubernetes.io/hostname": "x"}
    assert () == told(an_ingress(annotations=others))


def test_what_only_some_services_say_otherwise_is_not_told() -> None:
    ingress = an_ingress(alb={"success-codes": "200"}, rules=[a_rule(a_path("/a"), a_path("/b", service="b"))])
    assert () == told(ingress, services=[web(success_codes="204"), a_service("b")])


# -- what is lacking


@pytest.mark.parametrize(
    ("alb", "suffix", "words"),
    [
        ({**TLS, "listen-ports": '[{"HTTP": 80}]'}, "certificate-arn", "HTTPS listener"),
        ({"ssl-policy": "p"}, "ssl-policy", "HTTPS listener"),
        ({"mutual-authentication": '[{"port": 443, "mode": "off"}]'}, "mutual-authentication", "HTTPS listener"),
        ({"auth-type": "cognito", "auth-idp-cognito": COGNITO}, "auth-type", "HTTPS listener"),
        ({"auth-idp-cognito": COGNITO}, "auth-idp-cognito", "auth-type: cognito"),
        ({"auth-scope": "email"}, "auth-scope", "auth-type: cognito or oidc"),
        ({"use-regex-path-match": "true"}, "use-regex-path-match", "ImplementationSpecific"),
        ({"target-node-labels": "role=edge"}, "target-node-labels", "instance targets"),
        ({"group.order": "10"}, "group.order", "group.name"),
        ({**TLS, "ssl-redirect": "443"}, "ssl-redirect", "HTTP listener"),
        ({"security-groups": "sg-1", "inbound-cidrs": "10.0.0.0/8"}, "inbound-cidrs", "managed security group"),
        ({"security-groups": "sg-1", "security-group-prefix-lists": "pl-1"}, "security-group-prefix-lists", "managed"),
        ({"manage-backend-security-group-rules": "false"}, "manage-backend-security-group-rules", "of your own"),
    ],
)
def test_an_annotation_is_told_what_it_lacks(alb: dict[str, str], suffix: str, words: str) -> None:
    problem = only(told_of(alb))
    assert ("Ingress shop/web", f"{PREFIX}/{suffix}", alb[suffix]) == (problem.object, problem.field, problem.value)
    assert words in problem.remedy


@pytest.mark.parametrize(
    ("suffix", "value", "flag"),
    [
        ("minimum-load-balancer-capacity", "CapacityUnits=9", "--feature-gates=LBCapacityReservation=false"),
        ("wafv2-acl-arn", "arn:aws:wafv2:x", "--enable-wafv2=false"),
        ("waf-acl-id", "x", "--enable-waf=false"),
        ("shield-advanced-protection", "true", "--enable-shield=false"),
    ],
)
def test_what_the_operator_switched_off_is_told(suffix: str, value: str, flag: str) -> None:
    settings = settings_with("--default-target-type=ip", flag)
    assert f"{PREFIX}/{suffix}" == only(told_of({suffix: value}, settings=settings)).field


def test_a_security_group_of_another_member_takes_the_effect_from_networks() -> None:
    first = an_ingress("a", alb={"group.name": "g", "security-groups": "sg-1"})
    second = an_ingress("b", alb={"group.name": "g", "inbound-cidrs": "10.0.0.0/8", "listen-ports": '[{"HTTP": 81}]'})
    assert ("Ingress shop/b", f"{PREFIX}/inbound-cidrs") == (
        (problem := only(told(first, second))).object,
        problem.field,
    )


def test_ipv6_networks_of_an_ipv4_load_balancer_are_told_one_by_one() -> None:
    problem = only(told_of({"inbound-cidrs": "10.0.0.0/8,2001:db8::/32"}))
    assert ("2001:db8::/32", True) == (problem.value, "dualstack" in problem.remedy)


def test_ipv6_networks_of_the_class_are_told_for_the_ingress() -> None:
    problem = only(told(a_member(inboundCIDRs=["2001:db8::/32"])))
    assert ("IngressClassParams platform", "spec.inboundCIDRs", "shop/web") == (
        problem.object,
        problem.field,
        problem.member,
    )


def test_listeners_that_let_requests_pass_without_signing_in_are_told() -> None:
    alb = {**TLS, "listen-ports": BOTH, "auth-type": "cognito", "auth-idp-cognito": COGNITO}
    problem = only(told_of(alb))
    assert (f"{PREFIX}/auth-type", True) == (problem.field, "HTTP port 80" in problem.remedy)


# -- what wins


@pytest.mark.parametrize(
    ("alb", "spec"),
    [
        ({"scheme": "internal"}, {"scheme": "internet-facing"}),
        ({"group.name": "a"}, {"group": {"name": "b"}}),
        ({"ip-address-type": "ipv4"}, {"ipAddressType": "dualstack"}),
        ({"load-balancer-name": "a"}, {"loadBalancerName": "b"}),
        ({"inbound-cidrs": "10.0.0.0/8"}, {"inboundCIDRs": ["10.1.0.0/16"]}),
        ({"security-group-prefix-lists": "pl-1"}, {"prefixListsIDs": ["pl-2"]}),
        ({"subnets": "a,b"}, {"subnets": {"tags": {"x": ["y"]}}}),
        ({"certificate-arn": CERT}, {"certificateArn": ["arn:other"]}),
        ({**TLS, "ssl-policy": "a"}, {"sslPolicy": "b"}),
        ({"target-type": "instance"}, {"targetType": "ip"}),
        ({"wafv2-acl-name": "a"}, {"wafv2AclName": "b"}),
        ({"load-balancer-attributes": "k=1"}, {"loadBalancerAttributes": [{"key": "k", "value": "2"}]}),
        ({"tags": "k=1"}, {"tags": [{"key": "k", "value": "2"}]}),
        ({"minimum-load-balancer-capacity": "CapacityUnits=1"}, {"minimumLoadBalancerCapacity": {"capacityUnits": 2}}),
        ({"ipam-ipv4-pool-id": "a"}, {"ipamConfiguration": {"ipv4IPAMPoolId": "b"}}),
    ],
    ids=" ".join,
)
def test_an_annotation_that_the_class_says_otherwise_is_told(alb: dict[str, str], spec: dict[str, Any]) -> None:
    assert f"{PREFIX}/{list(alb)[-1]}" == only(told(a_member(an_ingress(alb=alb), **spec))).field


def test_an_annotation_that_says_what_the_class_says_is_not_told() -> None:
    alb = {"scheme": "internal", "inbound-cidrs": "10.0.0.0/8", "tags": "k=1", "load-balancer-attributes": "k=1"}
    same = [{"key": "k", "value": "1"}]
    spec = {"scheme": "internal", "inboundCIDRs": ["10.0.0.0/8"], "tags": same, "loadBalancerAttributes": same}
    assert () == told(a_member(an_ingress(alb=alb), **spec))


@pytest.mark.parametrize("ports", ["[{}]", "[null]"])
def test_rules_of_an_ingress_that_listens_nowhere_are_told(ports: str) -> None:
    problem = only(told_of({"listen-ports": ports}))
    assert ("spec.rules", "has no effect; this Ingress listens on no port") == (problem.field, problem.remedy)


def test_what_every_service_behind_says_otherwise_is_told() -> None:
    problem = only(told(an_ingress(alb={"healthcheck-path": "/a"}), services=[web(healthcheck_path="/b")]))
    assert ("Ingress shop/web", True) == (problem.object, "Service shop/web" in problem.remedy)


def test_a_target_type_that_the_class_wins_over_is_told_of_the_service_too() -> None:
    problem = only(told(a_member(targetType="ip"), services=[web(target_type="instance")]))
    assert ("Service shop/web", "shop/web") == (problem.object, problem.member)


@pytest.mark.parametrize(("loser", "winner"), [("wafv2-acl-arn", "wafv2-acl-name"), ("web-acl-id", "waf-acl-id")])
def test_the_older_or_lesser_of_two_annotations_is_told(loser: str, winner: str) -> None:
    problem = only(told_of({loser: f"arn:aws:wafv2:{loser}", winner: "b"}))
    assert (f"{PREFIX}/{loser}", True) == (problem.field, f"{PREFIX}/{winner} wins" in problem.remedy)


def test_a_web_acl_by_arn_beside_another_members_name_is_told() -> None:
    first = an_ingress("a", alb={"group.name": "g", "wafv2-acl-name": "shop"})
    second = an_ingress("b", alb={"group.name": "g", "wafv2-acl-arn": "arn:aws:wafv2:x"})
    assert ("Ingress shop/b", f"{PREFIX}/wafv2-acl-arn") == ((p := only(told(first, second))).object, p.field)


def test_what_is_said_of_a_frontend_nlb_that_nobody_asks_for_is_told() -> None:
    first = an_ingress("a", alb={"group.name": "g", "frontend-nlb-scheme": "internal"})
    second = an_ingress("b", alb={"group.name": "g", "enable-frontend-nlb": "true"})
    assert f"{PREFIX}/frontend-nlb-scheme" == only(told(first)).field
    assert () == told(first, second)


def test_tags_that_are_ours_or_the_operators_are_told() -> None:
    settings = settings_with("--default-target-type=ip", "--default-tags=stage=live")
    problems = told_of({"tags": "stage=test,ingress.k8s.aws/stack=x,team=shop"}, settings=settings)
    assert ["stage=test", "ingress.k8s.aws/stack=x"] == [p.value for p in problems]


def test_the_earlier_of_two_protocols_of_a_port_is_told() -> None:
    problem = only(told_of({"listen-ports": '[{"HTTP": 443}, {"HTTPS": 443}]'}))
    assert "HTTP 443" == problem.value


# -- rules


def test_a_rule_behind_a_redirect_that_takes_its_requests_is_told() -> None:
    paths = (an_action_path("/", action="go"), a_path("/shop", kind="ImplementationSpecific"))
    problem = only(told_of({"actions.go": REDIRECT}, rules=[a_rule(*paths, host="old.example.com")]))
    assert ("spec.rules", "old.example.com /shop") == (problem.field, problem.value)


def test_rules_of_an_ingress_whose_listeners_all_redirect_are_told_once() -> None:
    first = an_ingress("a", alb={"group.name": "g"}, rules=[a_rule(a_path("/a"), a_path("/b"))])
    second = an_ingress("b", alb={"group.name": "g", **TLS, "ssl-redirect": "443"})
    problem = only(told(first, second))
    assert ("Ingress shop/a", "spec.rules") == (problem.object, problem.field)


def test_a_redirect_to_https_on_both_listeners_is_not_told() -> None:
    go = '{"type": "redirect", "redirectConfig": {"protocol": "HTTPS", "port": "443", "statusCode": "HTTP_301"}}'
    rules = [a_rule(an_action_path("/*", action="go", kind="ImplementationSpecific"), a_path("/"))]
    assert () == told_of({**TLS, "listen-ports": BOTH, "actions.go": go}, rules=rules)


# -- keys of what is not there


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("actions.nobody", FIXED),
        ("actions.web", FIXED),
        ("conditions.nobody", METHOD),
        ("transforms.nobody", REWRITE),
        ("listener-attributes.HTTPS-443", "a=b"),
        ("target-control-port.web.81", "3000"),
        ("conditions", METHOD),
        ("listener-attributes", "a=b"),
    ],
)
def test_a_key_of_nothing_is_told(key: str, value: str) -> None:
    assert f"{PREFIX}/{key}" == only(told_of({key: value})).field


def test_conditions_of_a_default_backend_are_told() -> None:
    assert "default backend" in only(told_of({"conditions.web": METHOD}, rules=[], defaultBackend=a_backend())).remedy


def test_mutual_authentication_of_a_port_without_https_listener_is_told() -> None:
    mutual = '[{"port": 443, "mode": "off"}, {"port": 8443, "mode": "off"}]'
    assert "8443" == only(told_of({**TLS, "mutual-authentication": mutual})).value


# -- what nobody knows


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("schema", "scheme"),
        ("healthcheck-interval", "healthcheck-interval-seconds"),
        ("listen-port", "listen-ports"),
        ("group-name", "group.name"),
        ("action.web", "actions"),
    ],
)
def test_a_mistyped_annotation_is_told_with_the_one_that_was_meant(written: str, meant: str) -> None:
    assert only(told_of({written: "x"})).remedy.endswith(f"did you mean {PREFIX}/{meant}?")


def test_a_key_behind_an_annotation_that_takes_none_is_told() -> None:
    assert f"write {PREFIX}/scheme," in only(told_of({"scheme.80": "internal"})).remedy


def test_annotations_of_services_are_told_on_an_ingress() -> None:
    others = {"service.beta.kubernetes.io/aws-load-balancer-scheme": "internal"}
    assert only(told(an_ingress(annotations=others))).remedy.endswith(f"did you mean {PREFIX}/scheme?")


def test_annotations_that_only_ingresses_have_are_told_on_the_service_behind() -> None:
    problem = only(told(an_ingress(), services=[web(scheme="internal")]))
    assert ("Service shop/web", "write it on Ingress shop/web") == (problem.object, problem.remedy.partition("; ")[2])


def test_secrets_of_tls_are_told() -> None:
    tls = [{"hosts": ["a.example.com"], "secretName": "cert"}]
    assert ("spec.tls[0].secretName", "cert") == ((p := only(told_of({}, tls=tls))).field, p.value)


@pytest.mark.parametrize(
    ("suffix", "is_known"), [("group.name", True), ("actions.a.b", True), ("scheme.x", False), ("group", False)]
)
def test_a_key_is_known_whole_or_by_what_stands_before_the_point(suffix: str, is_known: bool) -> None:
    assert is_known == (known(suffix) is not None)


# -- keys of JSON


def a_forward(**group: Any) -> str:
    return json.dumps({"type": "forward", "forwardConfig": {"targetGroups": [group]}})


IDLE_KEYS: dict[str, tuple[dict[str, str], str]] = {
    "actions: mistyped": ({"actions.hi": FIXED[:-1] + ', "fixedResponseconfg": {}}'}, "fixedResponseconfg"),
    "actions: of another type": ({"actions.hi": FIXED[:-1] + ', "redirectConfig": {}}'}, "redirectConfig"),
    "actions: deep": (
        {"actions.hi": a_forward(serviceName="web", servicePort=80, wieght=1)},
        "forwardConfig.targetGroups.wieght",
    ),
    "actions: name beside ARN": (
        {"actions.hi": '{"type": "forward", "targetGroupARN": "arn:1", "targetGroupName": "a"}'},
        "targetGroupName",
    ),
    "actions: name beside ARN, deep": (
        {"actions.hi": a_forward(targetGroupARN="arn:1", targetGroupName="a")},
        "forwardConfig.targetGroups.targetGroupName",
    ),
    "actions: port of no Service": (
        {"actions.hi": a_forward(targetGroupARN="arn:1", servicePort=80)},
        "forwardConfig.targetGroups.servicePort",
    ),
    "conditions: of another field": (
        {"conditions.hi": METHOD[:-2] + ', "pathPatternConfig": {"values": ["/x"]}}]'},
        "pathPatternConfig",
    ),
    "conditions: deep": (
        {"conditions.hi": '[{"field": "source-ip", "sourceIPConfig": {"values": ["10.0.0.0/8"], "regexValues": []}}]'},
        "sourceIPConfig.regexValues",
    ),
    "transforms": (
        {"transforms.hi": REWRITE.replace('"replace"', '"options": "i", "replace"')},
        "urlRewriteConfig.rewrites.options",
    ),
    "mutual-authentication": (
        {**TLS, "mutual-authentication": '[{"port": 443, "mode": "passthrough", "trust": "a"}]'},
        "trust",
    ),
    "auth-idp-cognito": (
        {**TLS, "auth-type": "cognito", "auth-idp-cognito": COGNITO[:-1] + ', "scope": "openid"}'},
        "scope",
    ),
    "jwt-validation": (
        {**TLS, "jwt-validation": '{"jwksEndpoint": "https://a/keys", "issuer": "https://a", "audience": "me"}'},
        "audience",
    ),
}


@pytest.mark.parametrize(("alb", "key"), IDLE_KEYS.values(), ids=IDLE_KEYS)
def test_a_key_of_json_that_counts_for_nothing_is_told(alb: dict[str, str], key: str) -> None:
    problem = only(told_of({"actions.hi": FIXED, **alb}, rules=[a_rule(an_action_path("/hi", action="hi"))]))
    assert key == problem.value
    assert f"{PREFIX}/{[*alb][-1]}" == problem.field
    assert "has no effect" in problem.remedy


def test_keys_in_any_case_null_and_what_is_the_users_own_are_not_told() -> None:
    extra = '{"SCOPE": "x", "prompt": "login"}'
    cognito = (
        COGNITO[:-1].replace("userPoolARN", "USERPOOLARN")
        + f', "authenticationRequestExtraParams": {extra}, "x": null}}'
    )
    assert () == told_of({**TLS, "auth-type": "cognito", "auth-idp-cognito": cognito})


def test_a_mistyped_key_of_a_provider_on_the_service_is_told_of_the_service() -> None:
    service = web(auth_type="cognito", auth_idp_cognito=COGNITO[:-1] + ', "scope": "openid"}')
    problem = only(told(an_ingress(alb=TLS), services=[service]))
    assert ("Service shop/web", "shop/web", "scope") == (problem.object, problem.member, problem.value)


def test_a_key_that_stands_twice_is_told() -> None:
    problem = only(told_of({"listen-ports": '[{"HTTP": 80, "HTTP": 8080}]'}))
    assert ("HTTP", "stands more than once") == (problem.value, problem.remedy[:21])


# -- what stands more than once


@pytest.mark.parametrize(
    ("alb", "key"),
    [
        ({"tags": "team=a, team=b"}, "team"),
        (
            {"load-balancer-attributes": "idle_timeout.timeout_seconds=1,idle_timeout.timeout_seconds=2"},
            "idle_timeout.timeout_seconds",
        ),
        ({"listener-attributes.HTTP-80": "k=1,k=2"}, "k"),
        (
            {**TLS, "mutual-authentication": '[{"port": 443, "mode": "off"}, {"port": 443, "mode": "passthrough"}]'},
            "443",
        ),
    ],
)
def test_what_stands_more_than_once_is_told(alb: dict[str, str], key: str) -> None:
    problem = only(told_of(alb))
    assert (key, True) == (problem.value, "only the last has an effect" in problem.remedy)


# -- what the class says without effect


@pytest.mark.parametrize(
    ("spec", "flags", "field", "value"),
    [
        ({"subnets": {"ids": ["subnet-1"], "tags": {"tier": ["web"]}}}, (), "subnets.tags", "tier"),
        (
            {"minimumLoadBalancerCapacity": {"capacityUnits": 500}},
            ("--feature-gates=LBCapacityReservation=false",),
            "minimumLoadBalancerCapacity",
            "500",
        ),
        ({"wafv2AclArn": "arn:aws:wafv2:a", "wafv2AclName": "b"}, (), "wafv2AclArn", "arn:aws:wafv2:a"),
        (
            {"tags": [{"key": "elbv2.k8s.aws/cluster", "value": "x"}]},
            (),
            "tags",
            "elbv2.k8s.aws/cluster=x",
        ),
        ({"tags": [{"key": "team", "value": "x"}]}, ("--default-tags=team=y",), "tags", "team=x"),
        ({"tags": [{"key": "team", "value": "x"}, {"key": "team", "value": "y"}]}, (), "tags", "team"),
        (
            {"loadBalancerAttributes": [{"key": "k", "value": "1"}, {"key": "k", "value": "2"}]},
            (),
            "loadBalancerAttributes",
            "k",
        ),
        (
            {"listeners": [{"protocol": "HTTP", "port": 80}, {"protocol": "HTTP", "port": 80}]},
            (),
            "listeners",
            "HTTP-80",
        ),
        ({"sslRedirectPort": "https"}, (), "sslRedirectPort", "https"),
    ],
)
def test_what_a_class_says_without_effect_is_told_to_its_ingress(
    spec: dict[str, Any], flags: tuple[str, ...], field: str, value: str
) -> None:
    problem = only(told(a_member(**spec), settings=settings_with("--default-target-type=ip", *flags)))
    assert ("IngressClassParams platform", f"spec.{field}", value, "shop/web") == (
        problem.object,
        problem.field,
        problem.value,
        problem.member,
    )


def test_a_web_acl_by_arn_beside_the_classs_name_is_told() -> None:
    ingress = an_ingress(alb={"wafv2-acl-arn": "arn:aws:wafv2:a"})
    problem = only(told(a_member(ingress, wafv2AclName="b")))
    assert ("Ingress shop/web", "arn:aws:wafv2:a") == (problem.object, problem.value)
    assert "spec.wafv2AclName of IngressClassParams platform wins over it" in problem.remedy
