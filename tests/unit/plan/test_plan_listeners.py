from __future__ import annotations

from dataclasses import replace

import pytest

from aws_lb_controller.model.listener import Listener, MutualAuthentication
from aws_lb_controller.model.observed import ObservedStack
from aws_lb_controller.plan import canon
from aws_lb_controller.plan.plan import plan
from aws_lb_controller.plan.steps import (
    CreateListener,
    DeleteListener,
    ModifyListener,
    ModifyListenerAttributes,
    Plan,
    SetListenerCertificates,
)
from builders_model import a_listener, a_stack, a_tls_listener, forward
from carrying_out import built


def seen_with(listener: Listener, **values: object) -> ObservedStack:
    """What is observed of a stack with this listener, after AWS (or somebody) changed fields of it."""
    observed = built(a_stack(listeners=(listener,), rules=()))
    seen = observed.listeners[0]
    return replace(observed, listeners=(replace(seen, arn="arn-l", resource=replace(seen.resource, **values)),))


def steps_for(listener: Listener, observed: ObservedStack) -> Plan:
    return plan(a_stack(listeners=(listener,), rules=()), observed)


def changed(listener: Listener, observed: ObservedStack) -> list[tuple[str, ...]]:
    return [step.changed for step in steps_for(listener, observed) if isinstance(step, ModifyListener)]


def certificate_steps(steps: Plan) -> list[SetListenerCertificates]:
    return [step for step in steps if isinstance(step, SetListenerCertificates)]


def test_another_port_is_another_listener_and_the_old_one_goes_first() -> None:
    steps = steps_for(a_listener(8080), seen_with(a_listener(80)))

    assert DeleteListener(arn="arn-l") == steps[0]
    assert isinstance(steps[1], CreateListener)


def test_a_changed_default_action_modifies_the_listener_in_place() -> None:
    other = a_listener(default_actions=(forward("arn-of-another"),))

    assert [("default_actions",)] == changed(other, seen_with(a_listener()))


def test_http_becomes_https_in_place_with_all_that_tls_needs() -> None:
    wanted = a_tls_listener(80, certificates=("cert-a", "cert-b"))

    steps = steps_for(wanted, seen_with(a_listener(80)))

    assert [("protocol", "certificates", "ssl_policy")] == [s.changed for s in steps if isinstance(s, ModifyListener)]
    assert [SetListenerCertificates(arn="arn-l", add=("cert-a", "cert-b"), remove=())] == certificate_steps(steps)


def test_a_security_policy_seen_on_a_listener_without_tls_is_no_difference() -> None:
    assert () == steps_for(a_listener(), seen_with(a_listener(), ssl_policy="ELBSecurityPolicy-2016-08"))


def test_a_policy_seen_before_tls_came_is_set_all_the_same() -> None:
    observed = seen_with(a_listener(80), ssl_policy="ELBSecurityPolicy-2016-08")

    assert [("protocol", "certificates", "ssl_policy")] == changed(a_tls_listener(80), observed)


def test_https_becomes_http_by_its_protocol_and_then_its_certificates_go() -> None:
    modify, certificates = steps_for(a_listener(443), seen_with(a_tls_listener(443)))

    assert isinstance(modify, ModifyListener)
    assert ("protocol",) == modify.changed
    assert SetListenerCertificates(arn="arn-l", add=(), remove=("cert-a",), may_be_gone=True) == certificates


def test_further_certificates_come_and_go_without_a_change_of_the_listener() -> None:
    observed = seen_with(a_tls_listener(certificates=("cert-a", "cert-b")))

    assert (SetListenerCertificates(arn="arn-l", add=("cert-c",), remove=("cert-b",)),) == steps_for(
        a_tls_listener(certificates=("cert-a", "cert-c")), observed
    )


def test_the_order_of_further_certificates_does_not_matter() -> None:
    observed = seen_with(a_tls_listener(certificates=("cert-a", "cert-b", "cert-c")))

    assert () == steps_for(a_tls_listener(certificates=("cert-a", "cert-c", "cert-b")), observed)


def test_a_default_certificate_that_is_not_on_the_list_is_put_there() -> None:
    observed = seen_with(a_tls_listener(), certificates=("cert-a", canon.DEFAULT_NOT_LISTED, "cert-b"))

    assert (SetListenerCertificates(arn="arn-l", add=("cert-a",), remove=()),) == steps_for(
        a_tls_listener(certificates=("cert-a", "cert-b")), observed
    )


def test_certificates_come_before_the_default_one_changes_and_go_after_it() -> None:
    observed = seen_with(a_tls_listener(certificates=("cert-a", "cert-b")))

    before, modify, after = steps_for(a_tls_listener(certificates=("cert-b", "cert-c")), observed)

    assert SetListenerCertificates(arn="arn-l", add=("cert-c",), remove=(), spare=("cert-a",)) == before
    assert isinstance(modify, ModifyListener)
    assert SetListenerCertificates(arn="arn-l", add=("cert-b", "cert-c"), remove=("cert-a",)) == after


def test_a_new_default_certificate_that_is_on_the_list_already_needs_nothing_before() -> None:
    observed = seen_with(a_tls_listener(certificates=("cert-a", "cert-b")))

    modify, after = steps_for(a_tls_listener(certificates=("cert-b", "cert-a")), observed)

    assert isinstance(modify, ModifyListener)
    assert SetListenerCertificates(arn="arn-l", add=("cert-a", "cert-b"), remove=()) == after


@pytest.mark.parametrize("seen", [None, "None"])
def test_an_alpn_policy_of_none_is_awss_none(seen: str | None) -> None:
    wanted = a_tls_listener(protocol="TLS", alpn_policy="None")

    assert [] == changed(wanted, seen_with(wanted, alpn_policy=seen))


def test_an_alpn_policy_is_left_alone_where_the_user_is_silent() -> None:
    wanted = a_tls_listener(protocol="TLS")

    assert () == steps_for(wanted, seen_with(wanted, alpn_policy="HTTP2Only"))


def test_an_alpn_policy_and_mutual_authentication_go_where_the_defaults_are_asked_for() -> None:
    tls = a_tls_listener(protocol="TLS", alpn_policy="None")
    https = a_tls_listener(mutual_authentication=MutualAuthentication(mode="off"))
    passed = MutualAuthentication(mode="passthrough")

    assert [("alpn_policy",)] == changed(tls, seen_with(tls, alpn_policy="HTTP2Only"))
    assert [("mutual_authentication",)] == changed(https, seen_with(https, mutual_authentication=passed))


def test_tags_are_left_alone_where_nobody_cares_for_them() -> None:
    assert () == steps_for(a_listener(tags=None), seen_with(a_listener(), tags={"somebody": "else"}))
    assert () == steps_for(a_listener(tags=None), seen_with(a_listener(), tags=None))


def test_mutual_authentication_is_left_alone_where_the_user_is_silent() -> None:
    observed = seen_with(a_tls_listener(), mutual_authentication=MutualAuthentication(mode="passthrough"))

    assert () == steps_for(a_tls_listener(), observed)


def test_mutual_authentication_that_is_off_equals_none() -> None:
    assert () == steps_for(
        a_tls_listener(mutual_authentication=MutualAuthentication(mode="off")), seen_with(a_tls_listener())
    )


def test_another_trust_store_modifies_the_listener() -> None:
    def verify(store: str) -> MutualAuthentication:
        return MutualAuthentication(mode="verify", trust_store_arn=store)

    observed = seen_with(a_tls_listener(mutual_authentication=verify("a")))

    assert [("mutual_authentication",)] == changed(a_tls_listener(mutual_authentication=verify("b")), observed)


def test_only_attributes_that_we_set_are_compared() -> None:
    observed = seen_with(a_listener(), attributes={"a": "1", "b": "2"})

    assert (ModifyListenerAttributes(arn="arn-l", attributes={"a": "3"}),) == steps_for(
        a_listener(attributes={"a": "3", "b": "2"}), observed
    )


def test_attributes_for_a_tls_listener_are_passed_over_as_aws_would_refuse_them() -> None:
    wanted = a_tls_listener(protocol="TLS", attributes={"tcp.idle_timeout.seconds": "60"})
    create = next(s for s in plan(a_stack(listeners=(wanted,), rules=()), ObservedStack()) if type(s) is CreateListener)

    assert {} == create.listener.attributes
    assert () == steps_for(wanted, seen_with(a_tls_listener(protocol="TLS")))
