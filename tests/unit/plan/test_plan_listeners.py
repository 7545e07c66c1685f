from __future__ import annotations

from dataclasses import replace

import pytest

from aws_lb_controller.model.listener import Listener, MutualAuthentication
from aws_lb_controller.model.observed import ObservedStack
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
    assert SetListenerCertificates(arn="arn-l", add=("cert-b",), remove=()) == steps[-1]


def test_a_security_policy_seen_on_a_listener_without_tls_is_no_difference() -> None:
    assert () == steps_for(a_listener(), seen_with(a_listener(), ssl_policy="ELBSecurityPolicy-2016-08"))


def test_a_policy_seen_before_tls_came_is_set_all_the_same() -> None:
    observed = seen_with(a_listener(80), ssl_policy="ELBSecurityPolicy-2016-08")

    assert [("protocol", "certificates", "ssl_policy")] == changed(a_tls_listener(80), observed)


def test_https_becomes_http_by_its_protocol_alone() -> None:
    assert [("protocol",)] == changed(a_listener(443), seen_with(a_tls_listener(443)))


def test_further_certificates_come_and_go_without_a_change_of_the_listener() -> None:
    observed = seen_with(a_tls_listener(certificates=("cert-a", "cert-b")))

    assert (SetListenerCertificates(arn="arn-l", add=("cert-c",), remove=("cert-b",)),) == steps_for(
        a_tls_listener(certificates=("cert-a", "cert-c")), observed
    )


def test_the_order_of_further_certificates_does_not_matter() -> None:
    observed = seen_with(a_tls_listener(certificates=("cert-a", "cert-b", "cert-c")))

    assert () == steps_for(a_tls_listener(certificates=("cert-a", "cert-c", "cert-b")), observed)


def test_a_default_certificate_that_is_among_the_further_ones_too_stays_there() -> None:
    observed = seen_with(a_tls_listener(), certificates=("cert-a", "cert-a"))

    assert () == steps_for(a_tls_listener(), observed)


def test_with_a_new_default_certificate_the_further_ones_are_named_again() -> None:
    observed = seen_with(a_tls_listener(certificates=("cert-a", "cert-b")))

    assert (
        SetListenerCertificates(arn="arn-l", add=("cert-b",), remove=())
        == steps_for(a_tls_listener(certificates=("cert-c", "cert-b")), observed)[-1]
    )


@pytest.mark.parametrize("seen", [None, "None"])
def test_an_alpn_policy_of_none_is_awss_none(seen: str | None) -> None:
    wanted = a_tls_listener(protocol="TLS", alpn_policy="None")

    assert [] == changed(wanted, seen_with(wanted, alpn_policy=seen))


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
