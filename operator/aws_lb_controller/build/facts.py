"""What a builder must know of AWS before it can build: questions as values, and their answers.

A builder does no I/O. It says which questions it has; `aws/answer` answers them (from a cache where it can); then
it builds. Each question is about something whole (all subnets of the VPC), so that stacks share the answer.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar, cast

from aws_lb_controller.errors import AwsDenied, AwsError
from aws_lb_controller.model.observed import ObservedStack
from aws_lb_controller.model.stack import StackId

A = TypeVar("A")


class Question(Generic[A]):
    """Asks for an answer of type A. Equal questions have equal answers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unanswered:
    """AWS would not say. operation: the call; code: AWS's error code; denied: for want of permission."""

    operation: str
    code: str
    message: str
    denied: bool

    @classmethod
    def of(cls, error: AwsError) -> Unanswered:
        """What AWS said instead of an answer."""
        denied = isinstance(error, AwsDenied)
        return cls(operation=error.operation, code=error.code, message=error.message, denied=denied)

    def __str__(self) -> str:
        return f"{self.operation}: {self.code}: {self.message}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Subnet:
    """A subnet of the VPC (DescribeSubnets).

    zone_type: ``availability-zone``, ``local-zone`` or ``wavelength-zone``, or ``outpost`` for a subnet of an Outpost.
    """

    id: str
    zone: str
    zone_type: str
    cidr: str
    ipv6_cidrs: tuple[str, ...]
    available_addresses: int
    tags: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class VpcSubnets(Question[tuple[Subnet, ...]]):
    """All subnets of the cluster's VPC, sorted by id."""


@dataclass(frozen=True, slots=True)
class PublicSubnets(Question[frozenset[str] | Unanswered]):
    """The ids of the VPC's subnets whose route table (own or main) leads to an internet gateway
    (DescribeRouteTables).
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class VpcCidrs:
    """The networks associated with the VPC (DescribeVpcs)."""

    ipv4: tuple[str, ...]
    ipv6: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class VpcNetworks(Question[VpcCidrs]):
    """The networks of the cluster's VPC."""


@dataclass(frozen=True, slots=True)
class SecurityGroupIds(Question[Mapping[str, tuple[str, ...]]]):
    """The ids of security groups given by id, or of the VPC by ``Name`` tag: as given → ids, sorted.

    Several groups may bear one name. What is not found is not in it.
    """

    names_or_ids: frozenset[str]


@dataclass(frozen=True, slots=True)
class Existing(Question[ObservedStack]):
    """What the stack has in AWS now (without bindings): some choices, such as discovered subnets, are made only
    once.
    """

    stack: StackId


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """An ACM certificate that may be used. domains: its name and alternative names, lower case."""

    arn: str
    domains: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Certificates(Question[tuple[Certificate, ...] | Unanswered]):
    """The account's issued certificates (ACM ListCertificates, DescribeCertificate), sorted by ARN.

    Where ``--allowed-certificate-authority-arns`` names private authorities, only those that they issued.
    """


@dataclass(frozen=True, slots=True)
class TrustStoreArns(Question[Mapping[str, str] | Unanswered]):
    """Trust stores given by name (DescribeTrustStores): name → ARN; what is not found is not in it."""

    names: frozenset[str]


@dataclass(frozen=True, slots=True)
class TargetGroupArns(Question[Mapping[str, str]]):
    """Target groups given by name (DescribeTargetGroups): name → ARN; what is not found is not in it."""

    names: frozenset[str]


@dataclass(frozen=True, slots=True)
class WebAclArns(Question[Mapping[str, str] | Unanswered]):
    """The region's WAFv2 web ACLs (ListWebACLs): name → ARN."""


@dataclass(frozen=True, slots=True)
class ShieldSubscription(Question[bool | Unanswered]):
    """Whether the account is subscribed to Shield Advanced (GetSubscriptionState)."""


class Facts:
    """The answers to the questions that were asked."""

    def __init__(self, answers: Mapping[Question[object], object]) -> None:
        self._answers = dict(answers)

    def __getitem__(self, question: Question[A]) -> A:
        """The answer; a question that was not asked is a bug of the builder (KeyError)."""
        return cast(A, self._answers[cast("Question[object]", question)])
