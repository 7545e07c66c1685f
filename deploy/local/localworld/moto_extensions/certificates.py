"""A listener's certificates as on AWS: a default one, and beside it a list that may have the default one too.

moto keeps both in one list whose first is the default one: a new default one empties it, one that is added twice is in
it twice, and what is taken off the list may be the default one. Registered after `listeners`, so that it sees the
protocol that a listener is about to have.
"""

from __future__ import annotations

from typing import Any

from moto.elbv2.exceptions import ELBClientError, TooManyCertificatesError, ValidationError
from moto.elbv2.models import ELBv2Backend
from moto.elbv2.responses import ELBV2Response

from localworld.moto_extensions.listeners import TLS
from localworld.moto_extensions.patching import around, instead

ON_THE_LISTS = 25  # of a load balancer; AWS's default quota does not count default certificates


def _default_only(arns: list[str]) -> list[dict[str, str]] | None:
    return [{"CertificateArn": arn} for arn in arns[:1]] or None


instead(ELBV2Response, "RESPONSE_KEY_PATH_TO_TRANSFORMER")(
    {
        key: _default_only if key.endswith(".Listener.Certificates") else transformer
        for key, transformer in ELBV2Response.RESPONSE_KEY_PATH_TO_TRANSFORMER.items()
    }
)


@around(ELBv2Backend, "modify_listener")
def modify_listener(original: Any, backend: Any, arn: str, *settings: Any) -> Any:
    """The list outlives a new default certificate, and nothing outlives TLS."""
    _port, protocol, _policy, certificates, _actions = settings
    listener = _listener(backend, arn)
    had, default = listener.certificates, [one["CertificateArn"] for one in certificates]
    if (protocol or listener.protocol) in TLS:
        _check_default(backend, default, had=had)
    original(backend, arn, *settings)
    tls = listener.protocol in TLS
    listener.certificates = [*(default or had[:1]), *had[1:]] if tls else []
    listener.certificate = next(iter(listener.certificates), None)
    return listener


def _check_default(backend: Any, default: list[str], *, had: list[str]) -> None:
    if len(default) > 1 or not (default or had):
        raise ELBClientError("InvalidConfigurationRequest", "Exactly one default certificate is needed")
    _check_known(backend, default)


@around(ELBv2Backend, "add_listener_certificates")
def add_listener_certificates(_original: Any, backend: Any, arn: str, certificates: list[dict[str, Any]]) -> list[str]:
    """What is on the list already is not added again; a listener without TLS has no list."""
    listener, wanted = _listener(backend, arn), [one["CertificateArn"] for one in certificates]
    if listener.protocol not in TLS:
        raise ValidationError(f"A {listener.protocol} listener has no certificates")
    _check_known(backend, wanted)
    siblings = backend.load_balancers[listener.load_balancer_arn].listeners.values()
    new = [one for one in wanted if one not in listener.certificates[1:]]
    if len(new) + sum(len(one.certificates[1:]) for one in siblings) > ON_THE_LISTS:
        raise TooManyCertificatesError
    listener.certificates.extend(new)
    return wanted


@around(ELBv2Backend, "remove_listener_certificates")
def remove_listener_certificates(_original: Any, backend: Any, arn: str, certificates: list[dict[str, Any]]) -> None:
    """A certificate goes from the list alone, never as the default one."""
    listener, unwanted = _listener(backend, arn), {one["CertificateArn"] for one in certificates}
    if listener.protocol not in TLS or (unwanted - {*listener.certificates[1:]}) & {listener.certificate}:
        raise ELBClientError("OperationNotPermitted", "The default certificate cannot be removed")
    listener.certificates[1:] = [one for one in listener.certificates[1:] if one not in unwanted]


def _listener(backend: Any, arn: str) -> Any:
    return backend.describe_listeners(load_balancer_arn=None, listener_arns=[arn])[0]


def _check_known(backend: Any, arns: list[str]) -> None:
    for arn in arns:
        if not backend._certificate_exists(certificate_arn=arn):
            raise ELBClientError("CertificateNotFound", f"Certificate {arn} not found")
