"""What AWS's error codes mean: one table, asked by meaning. Nobody else compares codes, and nobody reads message text.

Every call made through `aws.clients` goes through `calling` already; a caller sees only `errors.AwsError`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import MappingProxyType
from typing import Any, TypeVar

from botocore.exceptions import (
    ClientError,
    ConnectionError,  # botocore's own, which is not a subclass of the built-in one
    CredentialRetrievalError,
    HTTPClientError,
    IncompleteReadError,
    NoCredentialsError,
    PartialCredentialsError,
)
from botocore.parsers import ResponseParserError

from aws_lb_controller.errors import (
    AwsAlreadyExists,
    AwsDenied,
    AwsError,
    AwsInUse,
    AwsNotFound,
    AwsRefused,
    AwsThrottled,
    AwsUnavailable,
)

V = TypeVar("V")

NO_ANSWER = "NoAnswer"
"""The code of a call that AWS did not answer."""

TOO_MANY_RULES = "RulesPerSecurityGroupLimitExceeded"
"""The code of an AuthorizeSecurityGroupIngress that would exceed the quota."""

INVALID_TARGET = "InvalidTarget"
"""The code of a call for several targets of which AWS does not take one: then it takes none."""

INVALID = "ValidationError"
"""The code of an ELBv2 call whose values do not fit together."""

TOO_MANY_CERTIFICATES = "TooManyCertificates"
"""The code of an AddListenerCertificates that would exceed the quota."""

CODES: Mapping[type[AwsError], frozenset[str]] = MappingProxyType(
    {
        AwsThrottled: frozenset(
            {
                "EC2ThrottledException",
                "RequestLimitExceeded",
                "RequestThrottled",
                "RequestThrottledException",
                "SlowDown",
                "ThrottledException",
                "Throttling",
                "ThrottlingException",
                "TooManyRequestsException",
            }
        ),
        AwsUnavailable: frozenset(
            {
                "InternalError",
                "InternalErrorException",
                "InternalFailure",
                "InternalServerError",
                "RequestTimeout",
                "RequestTimeoutException",
                "ServiceUnavailable",
                "ServiceUnavailableException",
                "Unavailable",
                "WAFInternalErrorException",
            }
        ),
        AwsNotFound: frozenset(
            {
                "InvalidGroup.NotFound",
                "InvalidPermission.NotFound",
                "ListenerNotFound",
                "LoadBalancerNotFound",
                "ResourceNotFoundException",
                "RuleNotFound",
                "TargetGroupNotFound",
                "TrustStoreNotFound",
                "WAFNonexistentItemException",
            }
        ),
        AwsAlreadyExists: frozenset(
            {
                "DuplicateListener",
                "DuplicateLoadBalancerName",
                "DuplicateTargetGroupName",
                "InvalidGroup.Duplicate",
                "InvalidPermission.Duplicate",
                "PriorityInUse",
                "ResourceAlreadyExistsException",
            }
        ),
        AwsInUse: frozenset(
            {
                "CapacityReservationPending",
                "DependencyViolation",
                "InvalidGroup.InUse",
                "OptimisticLockException",
                "PriorRequestNotComplete",
                "ResourceInUse",
                "ResourceInUseException",
                "WAFUnavailableEntityException",
            }
        ),
        AwsDenied: frozenset(
            {
                "AccessDenied",
                "AccessDeniedException",
                "AuthFailure",
                "ExpiredToken",
                "ExpiredTokenException",
                "InvalidClientTokenId",
                "OptInRequired",
                "SignatureDoesNotMatch",
                "UnauthorizedOperation",
                "UnrecognizedClientException",
            }
        ),
    }
)
_MEANING: Mapping[str, type[AwsError]] = MappingProxyType(
    {code: meaning for meaning, codes in CODES.items() for code in codes}
)
_NO_ANSWER = (HTTPClientError, ConnectionError, IncompleteReadError, ResponseParserError)
_NO_CREDENTIALS = (NoCredentialsError, PartialCredentialsError, CredentialRetrievalError)


def meaning_of(code: str, status: int = 0) -> type[AwsError]:
    """The class of an error code; status is the answer's HTTP status. What the table has not got is refused by AWS.

    Codes that end in ``NotFound`` count as not found: EC2 has one for each noun (``InvalidSubnetID.NotFound``).
    """
    if meaning := _MEANING.get(code):
        return meaning
    if status >= 500:
        return AwsUnavailable
    if status == 429:
        return AwsThrottled
    return AwsNotFound if code.endswith("NotFound") else AwsRefused


def translated(operation: str, error: ClientError) -> AwsError:
    """AWS's answer as an exception of ours."""
    answer: Mapping[str, Any] = error.response
    code = str(answer.get("Error", {}).get("Code", ""))
    status = int(answer.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    return meaning_of(code, status)(operation, code, str(answer.get("Error", {}).get("Message", "")))


@contextmanager
def calling(operation: str) -> Iterator[None]:
    """Turns what botocore raises into `AwsError`; operation: the API's name of the call. Bugs of ours pass through."""
    try:
        yield
    except ClientError as error:
        raise translated(operation, error) from error
    except _NO_CREDENTIALS as error:
        raise AwsDenied(operation, type(error).__name__, str(error)) from error
    except _NO_ANSWER as error:
        raise AwsUnavailable(operation, NO_ANSWER, str(error)) from error


@contextmanager
def tolerating(*meanings: type[AwsError]) -> Iterator[None]:
    """What the call would bring about is so already: errors of these meanings are no errors here."""
    try:
        yield
    except meanings:
        return


def each_that_is_there(ask: Callable[[Sequence[str]], Mapping[str, V]], names: Sequence[str]) -> Mapping[str, V]:
    """What AWS tells of each name, of a call that one name refuses for all: then it is made for each by itself."""
    if not names:
        return {}
    try:
        return ask(names)
    except AwsNotFound:
        if len(names) == 1:
            return {}
        return {name: found for each in names for name, found in each_that_is_there(ask, [each]).items()}
