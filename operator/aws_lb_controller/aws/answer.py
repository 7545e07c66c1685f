"""Answers what builders ask about AWS, from a cache where it can: stacks ask often, and users change seldom."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from aws_lb_controller.aws.cache import Cache
from aws_lb_controller.aws.clients import Clients
from aws_lb_controller.aws.errors import each_that_is_there, tolerating
from aws_lb_controller.aws.firewalls import Firewalls
from aws_lb_controller.aws.observe import Inventory
from aws_lb_controller.aws.security_group_rules import FILTER_VALUES
from aws_lb_controller.aws.wire import tags as wire_tags
from aws_lb_controller.aws.wire.tags import Json
from aws_lb_controller.aws.wire.vpc import ipv6_networks, networks
from aws_lb_controller.build.facts import (
    Certificate,
    Certificates,
    Existing,
    Facts,
    PublicSubnets,
    Question,
    SecurityGroupIds,
    ShieldSubscription,
    Subnet,
    TargetGroupArns,
    TrustStoreArns,
    Unanswered,
    VpcCidrs,
    VpcNetworks,
    VpcSubnets,
    WebAclArns,
)
from aws_lb_controller.errors import AwsDenied, AwsError
from aws_lb_controller.plan.targets import batches

if TYPE_CHECKING:
    from mypy_boto3_acm.literals import KeyAlgorithmType

TTL_SECONDS = 60
"""How long an answer counts: so soon a user's change in AWS is seen without an edit in Kubernetes."""

_OF_ONE_FEATURE = (Certificates, PublicSubnets, TrustStoreArns)
"""Questions of which a missing permission costs only who needs the answer."""

_ORDINARY = "availability-zone"

_KEY_TYPES: Sequence[KeyAlgorithmType] = (
    "RSA_1024",
    "RSA_2048",
    "RSA_3072",
    "RSA_4096",
    "EC_prime256v1",
    "EC_secp384r1",
    "EC_secp521r1",
)
"""All that a listener takes: without a filter ACM lists RSA of 1024 and 2048 bits only."""


class Answers:
    """Thread-safe; of callers with the same question only one asks AWS."""

    def __init__(
        self, clients: Clients, inventory: Inventory, *, allowed_authorities: frozenset[str] = frozenset()
    ) -> None:
        """allowed_authorities: ARNs of private CAs; where there are any, other certificates are not found by host."""
        self._elbv2, self._ec2, self._acm = clients.elbv2, clients.ec2, clients.acm
        self._vpc_id = clients.vpc_id
        self._inventory, self._firewalls = inventory, Firewalls(clients)
        self._cache: Cache[Any, Any] = Cache(ttl=TTL_SECONDS)
        self._zone_types: Cache[str, str] = Cache()
        self._allowed_authorities = allowed_authorities
        self._authorities: Cache[str, str] = Cache()

    def answer(self, questions: Iterable[Question[Any]], *, refresh: bool = False) -> Facts:
        """All answers; refresh: what is cached does not count, as it made a build fail. Raises `AwsError`."""
        return Facts({question: self._answer(question, refresh=refresh) for question in questions})

    def _answer(self, question: Question[Any], *, refresh: bool) -> object:
        if isinstance(question, WebAclArns | ShieldSubscription):
            return self._answer_of_firewalls(question, refresh=refresh)
        if isinstance(question, Existing):
            return self._inventory.glance(question.stack) or self._inventory.observe(question.stack, capacity=False)
        try:
            return self._cache.get(question, lambda: self._ask(question), refresh=refresh)
        except AwsDenied as denied:
            if not isinstance(question, _OF_ONE_FEATURE):
                raise
            return Unanswered.of(denied)

    def _answer_of_firewalls(self, question: Question[Any], *, refresh: bool) -> object:
        """AWS may refuse: a firewall that cannot be asked for holds up nothing else."""
        try:
            if isinstance(question, ShieldSubscription):
                return self._firewalls.is_subscribed()
            return self._cache.get(question, self._firewalls.web_acl_arns, refresh=refresh)
        except AwsError as e:
            return Unanswered.of(e)

    def _ask(self, question: Question[Any]) -> object:
        match question:
            case VpcSubnets():
                return self._subnets()
            case PublicSubnets():
                return self._public_subnets()
            case VpcNetworks():
                return self._networks()
            case SecurityGroupIds(names_or_ids=names_or_ids):
                return self._security_group_ids(names_or_ids)
            case Certificates():
                return self._certificates()
            case _:
                return self._ask_by_name(question)

    def _ask_by_name(self, question: Question[Any]) -> Mapping[str, str]:
        match question:
            case TrustStoreArns(names=names):
                return each_that_is_there(self._trust_store_arns, sorted(names))
            case TargetGroupArns(names=names):
                return each_that_is_there(self._target_group_arns, sorted(names))
            case _:
                raise TypeError(f"nobody answers {question!r}")

    # --- the VPC ---

    def _subnets(self) -> tuple[Subnet, ...]:
        described = sorted(self._described_subnets(), key=lambda subnet: str(subnet["SubnetId"]))
        return tuple(
            Subnet(
                id=subnet["SubnetId"],
                zone=subnet["AvailabilityZone"],
                zone_type="outpost" if subnet.get("OutpostArn") else self._zone_type(subnet["AvailabilityZone"]),
                cidr=subnet.get("CidrBlock", ""),
                ipv6_cidrs=ipv6_networks(subnet),
                available_addresses=subnet.get("AvailableIpAddressCount", 0),
                tags=wire_tags.from_aws(subnet.get("Tags", ())),
            )
            for subnet in described
        )

    def _described_subnets(self) -> Iterator[Json]:
        pages = self._ec2.get_paginator("describe_subnets").paginate(Filters=[self._in_vpc()])
        for page in pages:
            yield from page["Subnets"]

    def _zone_type(self, zone: str) -> str:
        """Zones do not change, so one is asked about once; those of a region come together.

        Where we may not ask, all count as what most are.
        """
        known = self._zone_types.peek(zone)
        if known is None:
            with tolerating(AwsDenied):
                for described in self._ec2.describe_availability_zones()["AvailabilityZones"]:
                    self._zone_types.put(described["ZoneName"], described.get("ZoneType", _ORDINARY))
            known = self._zone_types.get(zone, lambda: _ORDINARY)
        return known

    def _public_subnets(self) -> frozenset[str]:
        pages = self._ec2.get_paginator("describe_route_tables").paginate(Filters=[self._in_vpc()])
        tables: list[Json] = [table for page in pages for table in page["RouteTables"]]
        own = {subnet: table for table in tables for subnet in _associated_subnets(table)}
        main = next((table for table in tables if _is_main(table)), {})
        subnets = [str(subnet["SubnetId"]) for subnet in self._described_subnets()]
        return frozenset(subnet for subnet in subnets if _leads_out(own.get(subnet, main)))

    def _networks(self) -> VpcCidrs:
        return networks(self._ec2.describe_vpcs(VpcIds=[self._vpc_id])["Vpcs"][0])

    def _in_vpc(self) -> Any:
        return {"Name": "vpc-id", "Values": [self._vpc_id]}

    # --- security groups ---

    def _security_group_ids(self, names_or_ids: Iterable[str]) -> Mapping[str, tuple[str, ...]]:
        ids = sorted(given for given in names_or_ids if given.startswith("sg-"))
        names = sorted(given for given in names_or_ids if not given.startswith("sg-"))
        found: defaultdict[str, list[str]] = defaultdict(list)
        for group in self._groups("group-id", ids):
            found[group["GroupId"]].append(group["GroupId"])
        for group in self._groups("tag:Name", [*map(_literally, names)], self._in_vpc()):
            found[wire_tags.from_aws(group["Tags"])["Name"]].append(group["GroupId"])
        return {given: tuple(sorted(groups)) for given, groups in found.items()}

    def _groups(self, filtered_by: str, values: Sequence[str], *also: Any) -> Iterator[Json]:
        for batch in batches(values, FILTER_VALUES):
            filters = [{"Name": filtered_by, "Values": list(batch)}, *also]
            for page in self._ec2.get_paginator("describe_security_groups").paginate(Filters=filters):
                yield from page["SecurityGroups"]

    # --- certificates and target groups ---

    def _certificates(self) -> tuple[Certificate, ...]:
        pages = self._acm.get_paginator("list_certificates").paginate(
            CertificateStatuses=["ISSUED"], Includes={"keyTypes": _KEY_TYPES}
        )
        summaries: list[Json] = [summary for page in pages for summary in page["CertificateSummaryList"]]
        listed = [summary for summary in summaries if self._is_allowed(summary)]
        found = (Certificate(arn=summary["CertificateArn"], domains=self._domains(summary)) for summary in listed)
        return tuple(sorted(found, key=lambda certificate: certificate.arn))

    def _is_allowed(self, summary: Json) -> bool:
        return not self._allowed_authorities or self._authority(summary) in self._allowed_authorities

    def _authority(self, summary: Json) -> str:
        """The private CA that issued a certificate, which never becomes another one; "" for one of no private CA."""
        arn: str = summary["CertificateArn"]
        if summary.get("Type") in ("AMAZON_ISSUED", "IMPORTED"):
            return ""
        return self._authorities.get(arn, lambda: self._describe(arn).get("CertificateAuthorityArn", ""))

    def _describe(self, arn: str) -> Json:
        return self._acm.describe_certificate(CertificateArn=arn)["Certificate"]

    def _domains(self, summary: Json) -> tuple[str, ...]:
        names = summary.get("SubjectAlternativeNameSummaries")
        if names is None or summary.get("HasAdditionalSubjectAlternativeNames"):
            names = self._describe(summary["CertificateArn"]).get("SubjectAlternativeNames", ())
        return tuple(dict.fromkeys(name.lower() for name in (summary.get("DomainName", ""), *names) if name))

    def _target_group_arns(self, names: Sequence[str]) -> Mapping[str, str]:
        groups = self._elbv2.describe_target_groups(Names=names)["TargetGroups"]
        return {group["TargetGroupName"]: group["TargetGroupArn"] for group in groups}

    def _trust_store_arns(self, names: Sequence[str]) -> Mapping[str, str]:
        stores = self._elbv2.describe_trust_stores(Names=names)["TrustStores"]
        return {store["Name"]: store["TrustStoreArn"] for store in stores}


def _literally(text: str) -> str:
    """Text as a value of an EC2 filter, where ``*`` and ``?`` would stand for anything."""
    return re.sub(r"([*?\\])", r"\\\1", text)


def _associated_subnets(table: Json) -> list[str]:
    return [a["SubnetId"] for a in table.get("Associations", ()) if a.get("SubnetId")]


def _is_main(table: Json) -> bool:
    return any(association.get("Main") for association in table.get("Associations", ()))


def _leads_out(table: Json) -> bool:
    return any(str(route.get("GatewayId", "")).startswith("igw-") for route in table.get("Routes", ()))
