"""Listeners and rules, their actions and certificates."""

from __future__ import annotations

from typing import Any

import pytest

from aws_lb_controller.build.certificates import find_certificates, is_for
from aws_lb_controller.build.config import BuildConfig
from aws_lb_controller.build.facts import Certificate
from aws_lb_controller.build.stack import build
from aws_lb_controller.errors import UnmetNeed
from aws_lb_controller.intent.values import Blame, ForwardIntent, ForwardTo, ListenerIntent
from aws_lb_controller.model.listener import (
    Authenticate,
    FixedResponse,
    Forward,
    Listener,
    MutualAuthentication,
    Rule,
    Transform,
    WeightedTargetGroup,
)
from aws_lb_controller.model.refs import Ref
from aws_lb_controller.model.stack import Stack
from builders_intent import (
    a_build_config,
    a_listener_intent,
    a_rule_intent,
    a_stack_intent,
    an_ingress_stack_intent,
    facts,
)

WEB = Ref("TargetGroup", "shop/web-web:80")


def alb(*listeners: ListenerIntent, config: BuildConfig | None = None, **known: Any) -> Stack:
    config = config or a_build_config()
    intent = an_ingress_stack_intent(listeners=listeners)
    return build(intent, facts(intent, config, **known), config)


def http(port: int = 80, **values: Any) -> ListenerIntent:
    return a_listener_intent(port, **({"protocol": "HTTP", "to": "shop/web-web:80"} | values))


def https(**values: Any) -> ListenerIntent:
    return http(443, **({"protocol": "HTTPS"} | values))


def only(stack: Stack) -> Listener:
    (listener,) = stack.listeners
    return listener


def test_a_listener_belongs_to_the_stacks_load_balancer_and_is_found_by_its_port() -> None:
    intent = a_stack_intent()
    listener = only(build(intent, facts(intent), a_build_config()))
    expected = Listener(
        id="80",
        load_balancer=Ref("LoadBalancer", "LoadBalancer"),
        port=80,
        protocol="TCP",
        default_actions=(Forward(target_groups=(WeightedTargetGroup(Ref("TargetGroup", "shop/web:80")),)),),
        tags={
            "elbv2.k8s.aws/cluster": "demo",
            "service.k8s.aws/stack": "shop/web",
            "service.k8s.aws/resource": "80",
        },
        attributes={},
    )
    assert expected == listener


@pytest.mark.parametrize(
    ("protocol", "policy"), [("HTTP", None), ("TCP", None), ("HTTPS", "the-default"), ("TLS", "the-default")]
)
def test_only_an_encrypted_listener_has_a_policy_by_default(protocol: str, policy: str | None) -> None:
    config = a_build_config(default_ssl_policy="the-default")
    assert policy == only(alb(http(protocol=protocol), config=config)).ssl_policy


def test_a_given_policy_is_taken() -> None:
    assert "strict" == only(alb(https(ssl_policy="strict"))).ssl_policy


def test_mutual_authentication_is_for_https_and_alpn_for_tls() -> None:
    verify = MutualAuthentication(mode="verify", trust_store_arn="arn:trust")
    given = {"mutual_authentication": verify, "alpn_policy": "HTTP2Only"}
    built = [only(alb(http(protocol=protocol, **given))) for protocol in ("HTTP", "HTTPS", "TLS")]
    assert [(None, None), (verify, None), (None, "HTTP2Only")] == [
        (listener.mutual_authentication, listener.alpn_policy) for listener in built
    ]


def test_rules_get_their_priority_from_their_place() -> None:
    stack = alb(http(rules=(a_rule_intent("/a"), a_rule_intent("/b"))), http(8080, rules=(a_rule_intent("/c"),)))
    assert [("80:1", 1, ("/a",)), ("80:2", 2, ("/b",)), ("8080:1", 1, ("/c",))] == [
        (rule.id, rule.priority, rule.conditions[0].values) for rule in stack.rules
    ]


def test_a_rule_keeps_its_conditions_transforms_and_own_tags() -> None:
    rewrite = Transform(type="url-rewrite", rewrites=(("^/a", "/b"),))
    wanted = a_rule_intent(transforms=(rewrite,), tags={"team": "web"})
    expected = Rule(
        id="80:1",
        listener=Ref("Listener", "80"),
        priority=1,
        conditions=wanted.conditions,
        actions=(Forward(target_groups=(WeightedTargetGroup(WEB),)),),
        transforms=(rewrite,),
        tags={
            "team": "web",
            "elbv2.k8s.aws/cluster": "demo",
            "ingress.k8s.aws/stack": "shop/web",
            "ingress.k8s.aws/resource": "80:1",
        },
    )
    assert (expected,) == alb(http(rules=(wanted,))).rules


def test_without_the_feature_gate_nothing_is_said_of_the_tags_of_listeners_and_rules() -> None:
    stack = alb(http(rules=(a_rule_intent(),)), config=a_build_config(listener_rules_tagging=False))
    assert (None, None) == (only(stack).tags, stack.rules[0].tags)


def silent_about_tls(config: BuildConfig) -> tuple[str | None, MutualAuthentication | None]:
    """The ALPN policy of a TLS listener and the mutual authentication of an HTTPS one, of users who ask for none."""
    tls = only(alb(https(protocol="TLS", certificates=("arn:cert",)), config=config))
    return tls.alpn_policy, only(alb(https(certificates=("arn:cert",)), config=config)).mutual_authentication


def test_of_a_silent_user_tls_settings_stay_as_they_are() -> None:
    assert (None, None) == silent_about_tls(a_build_config())


def test_with_the_gate_for_enhanced_defaults_the_tls_settings_of_a_silent_user_are_awss_defaults() -> None:
    assert ("None", MutualAuthentication(mode="off")) == silent_about_tls(
        a_build_config(enhanced_default_behavior=True)
    )


def test_with_the_gate_for_enhanced_defaults_what_a_user_asks_for_stands() -> None:
    config, mutual = a_build_config(enhanced_default_behavior=True), MutualAuthentication(mode="passthrough")
    tls = https(protocol="TLS", certificates=("arn:cert",), alpn_policy="HTTP2Only")
    assert "HTTP2Only" == only(alb(tls, config=config)).alpn_policy
    secure = https(certificates=("arn:cert",), mutual_authentication=mutual)
    assert mutual == only(alb(secure, config=config)).mutual_authentication


def test_the_gate_for_enhanced_defaults_says_nothing_of_a_listener_without_tls() -> None:
    plain = only(alb(http(), config=a_build_config(enhanced_default_behavior=True)))
    assert (None, None) == (plain.alpn_policy, plain.mutual_authentication)


# -- actions


def test_a_forward_may_go_to_groups_of_the_stack_by_arn_and_by_name_with_weights() -> None:
    forward = ForwardIntent(
        to=(
            ForwardTo(target_group="shop/web-web:80", weight=1),
            ForwardTo(arn="arn:tg/a", weight=2),
            ForwardTo(name="old", weight=3),
        ),
        stickiness_seconds=60,
    )
    expected = Forward(
        target_groups=(
            WeightedTargetGroup(WEB, 1),
            WeightedTargetGroup("arn:tg/a", 2),
            WeightedTargetGroup("arn:tg/old", 3),
        ),
        stickiness_seconds=60,
    )
    stack = alb(http(default_actions=(forward,)), target_groups={"old": "arn:tg/old"})
    assert (expected,) == only(stack).default_actions


def test_a_target_group_that_aws_does_not_have_is_named() -> None:
    unknown = a_rule_intent(actions=(ForwardIntent(to=(ForwardTo(name="gone"),)),))
    with pytest.raises(UnmetNeed, match="AWS has no target group of the name gone"):
        alb(http(rules=(unknown,)))


def test_other_actions_are_passed_through_in_order() -> None:
    sign_in = Authenticate(type="authenticate-oidc", config={"Issuer": "https://example.com"})
    teapot = FixedResponse(status_code="418")
    assert (sign_in, teapot) == only(alb(https(default_actions=(sign_in, teapot)))).default_actions


# -- certificates

FOUND = (
    Certificate(arn="arn:1", domains=("shop.example.com",)),
    Certificate(arn="arn:2", domains=("other.example.com", "*.example.com")),
    Certificate(arn="arn:3", domains=("*.example.org",)),
)


@pytest.mark.parametrize(
    ("host", "domain", "expected"),
    [
        ("a.example.com", "a.example.com", True),
        ("a.example.com", "*.example.com", True),
        ("a.b.example.com", "*.example.com", False),
        ("example.com", "*.example.com", False),
        ("*.example.com", "*.example.com", True),
        ("a.example.com", "b.example.com", False),
        ("com", "*.com", False),
    ],
)
def test_a_wildcard_stands_for_just_one_label(host: str, domain: str, *, expected: bool) -> None:
    assert expected == is_for(host, domain)


def test_every_certificate_for_any_of_the_hosts_is_found_once_in_order_of_arn() -> None:
    assert (("arn:1", "arn:2"), ()) == find_certificates({"shop.example.com", "www.example.com"}, FOUND)


def test_hosts_without_a_certificate_are_found_missing() -> None:
    assert ((), ("a.example.net", "b.example.net")) == find_certificates({"b.example.net", "a.example.net"}, FOUND)


def test_hosts_find_their_certificates_behind_those_that_are_given() -> None:
    wanted = https(certificates=("arn:2", "arn:9"), certificate_hosts=frozenset({"shop.example.com"}))
    assert ("arn:2", "arn:9", "arn:1") == only(alb(wanted, certificates=FOUND)).certificates


def test_a_host_without_certificate_is_named() -> None:
    wanted = https(
        certificate_hosts=frozenset({"a.example.net", "shop.example.com"}),
        blame={"certificates": Blame(object="Ingress shop/web", field="spec.tls")},
    )
    with pytest.raises(UnmetNeed) as error:
        alb(wanted, certificates=FOUND)
    (problem,) = error.value.problems
    assert ("Ingress shop/web", "spec.tls") == (problem.object, problem.field)
    assert problem.remedy.startswith("ACM has no issued certificate for a.example.net;")


def test_a_listener_without_encryption_has_no_certificates() -> None:
    assert () == only(alb(http(certificates=("arn:1",)))).certificates
