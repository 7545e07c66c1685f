"""boto3 clients as the rest of `aws` uses them: each call is fenced, paced, recorded, and fails with an `AwsError`.

All of that hangs in two places that botocore offers for it: a base class of the client (around a whole call, retries
included) and the ``request-created`` event (before each attempt). So paginators and every method have it, and nothing
has to be remembered at a call.

Clients are thread-safe once made; `make_clients` must be called in one thread.
"""

from __future__ import annotations

import os
import re
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

import boto3
import botocore.session
from botocore.config import Config
from botocore.credentials import RefreshableCredentials

from aws_lb_controller.aws.errors import NO_ANSWER, calling
from aws_lb_controller.aws.instance_metadata import InstanceMetadata
from aws_lb_controller.aws.throttle import Throttle
from aws_lb_controller.errors import AwsError, AwsUnavailable, UsageError
from aws_lb_controller.settings import Settings

if TYPE_CHECKING:
    from mypy_boto3_acm import ACMClient
    from mypy_boto3_ec2 import EC2Client
    from mypy_boto3_elbv2 import ElasticLoadBalancingv2Client

CONNECT_SECONDS = 3
READ_SECONDS = 15
CONNECTIONS = 64
MOST_ATTEMPTS = 4
"""A call that failed this often is left to the worker, which has other work to do meanwhile."""

_READS = ("Describe", "Get", "List", "Search", "AssumeRole")


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call that was made. service: ``Elastic Load Balancing v2``; code: AWS's error code, "" for success.

    status: the HTTP status, 0 without an answer; seconds: with all retries and the time spent waiting for a token.
    """

    service: str
    operation: str
    code: str
    status: int
    seconds: float
    retries: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One HTTP request to AWS, of which a call has one or, when it is tried again, several.

    status: 0 without an answer; code: AWS's error code, "" for success; seconds: without the wait for a token.
    """

    service: str
    operation: str
    code: str
    status: int
    seconds: float


RareService = Literal["wafv2", "waf-regional", "shield", "sts"]
_SERVICE_IDS: Mapping[RareService, str] = {
    "wafv2": "WAFV2",
    "waf-regional": "WAF Regional",
    "shield": "Shield",
    "sts": "STS",
}

_ELBV2 = "Elastic Load Balancing v2"
_NOT_IN_SESSION_NAMES = re.compile(r"[^a-zA-Z0-9=,.@_-]")
_SESSION_NAME_LENGTH = 64


class OnDemand:
    """Clients of services that few stacks ask for: each is made when it is first asked for, and then kept.

    A client costs some MiB and hundredths of a second. Called with the service, as boto3 calls it; thread-safe.
    """

    def __init__(self, make: Callable[[str, str], Any]) -> None:
        self._make = make
        self._made: dict[str, Any] = {}
        self._lock = threading.Lock()

    def __call__(self, service: RareService) -> Any:
        """The client, untyped."""
        with self._lock:  # a session makes one client at a time
            if service not in self._made:
                self._made[service] = self._make(service, _SERVICE_IDS[service])
            return self._made[service]


@dataclass(frozen=True, slots=True, kw_only=True)
class Clients:
    """The clients, and where they are: region and VPC of the cluster.

    elbv2_as makes another ELBv2 client, which signs with other credentials; session_name is what we call ourselves
    in the accounts of others.
    """

    elbv2: ElasticLoadBalancingv2Client
    ec2: EC2Client
    acm: ACMClient
    on_demand: OnDemand
    elbv2_as: Callable[[RefreshableCredentials], ElasticLoadBalancingv2Client]
    session_name: str
    region: str
    vpc_id: str


def is_read(operation: str) -> bool:
    """Whether an operation (``DescribeRules``) changes nothing."""
    return operation.startswith(_READS)


def make_clients(
    settings: Settings,
    *,
    may_write: Callable[[], None],
    record: Callable[[Call], None],
    record_attempt: Callable[[Attempt], None] = lambda _: None,
    metadata: InstanceMetadata | None = None,
) -> Clients:
    """Makes the clients and finds region and VPC: by flag, then environment or tags, then instance metadata.

    may_write is called before every attempt at a call that may change something, and raises `NotLeading` to stop it;
    record is called after every call, record_attempt after each attempt at one. Raises `UsageError` naming the flag
    where region or VPC cannot be found, and `AwsError` where AWS refuses to tell.
    """
    metadata = metadata or InstanceMetadata()
    session = botocore.session.Session()
    region = _region(settings, session, metadata=metadata)
    throttle = Throttle(settings.aws_api_throttle)
    gate = _Gate(throttle, may_write=may_write, record=record, record_attempt=record_attempt)
    makes = _Maker(settings, session, region=region, gate=gate)
    ec2 = makes("ec2", "EC2")
    return Clients(
        elbv2=makes("elbv2", _ELBV2),
        ec2=ec2,
        acm=makes("acm", "ACM"),
        on_demand=OnDemand(makes),
        elbv2_as=makes.elbv2_as,
        session_name=session_name(settings.cluster_name),
        region=region,
        vpc_id=_vpc_id(settings, ec2, metadata=metadata),
    )


def session_name(cluster: str) -> str:
    """``RoleSessionName``: how the trail of another account shows who we are. STS takes 64 of some characters."""
    return f"AWS-LBC-{_NOT_IN_SESSION_NAMES.sub('', cluster)}"[:_SESSION_NAME_LENGTH]


class _Maker:
    """Makes clients that pass the gate. A session makes one client at a time: callers see to that."""

    def __init__(self, settings: Settings, session: botocore.session.Session, *, region: str, gate: _Gate) -> None:
        self._settings, self._session, self._region, self._gate = settings, session, region, gate
        self._boto = self._gated(session)

    def __call__(self, name: str, service_id: str) -> Any:
        """A client with our own credentials."""
        return self._make(self._boto, name, service_id)

    def elbv2_as(self, credentials: RefreshableCredentials) -> ElasticLoadBalancingv2Client:
        """A client with these credentials; may be called in any thread, for it has a session of its own."""
        session = botocore.session.Session()
        session.register_component("credential_provider", _Given(credentials))
        # the descriptions of the services take some MiB
        session.register_component("data_loader", self._session.get_component("data_loader"))
        client: ElasticLoadBalancingv2Client = self._make(self._gated(session), "elbv2", _ELBV2)
        return client

    def _gated(self, session: botocore.session.Session) -> boto3.session.Session:
        session.register("creating-client-class", self._gate.add_base_class)
        return boto3.session.Session(botocore_session=session, region_name=self._region)

    def _make(self, boto: boto3.session.Session, name: Any, service_id: str) -> Any:
        endpoint = self._settings.aws_api_endpoints.get(service_id)
        client = boto.client(name, endpoint_url=endpoint, config=_config(self._settings))
        client.meta.events.register_first("request-created", partial(self._gate.before_attempt, service_id))
        client.meta.events.register_first("needs-retry", partial(self._gate.after_attempt, service_id))
        return client


class _Given:
    """Credentials as a botocore session looks for them."""

    def __init__(self, credentials: RefreshableCredentials) -> None:
        self._credentials = credentials

    def load_credentials(self) -> RefreshableCredentials:
        """They are the only ones."""
        return self._credentials


def _config(settings: Settings) -> Config:
    attempts = min(settings.aws_max_retries or MOST_ATTEMPTS, MOST_ATTEMPTS)
    return Config(
        connect_timeout=CONNECT_SECONDS,
        read_timeout=READ_SECONDS,
        max_pool_connections=CONNECTIONS,
        tcp_keepalive=True,
        parameter_validation=False,  # AWS judges what users ask for, and its refusals are told; botocore's no answer
        retries={"mode": "standard", "total_max_attempts": attempts},
        user_agent_extra="aws-load-balancer-controller-python",
    )


class _Gate:
    """What every call passes. The attempts of a call are counted in the thread that makes it."""

    def __init__(
        self,
        throttle: Throttle,
        *,
        may_write: Callable[[], None],
        record: Callable[[Call], None],
        record_attempt: Callable[[Attempt], None],
    ) -> None:
        self._throttle, self._may_write = throttle, may_write
        self._record, self._record_attempt = record, record_attempt
        self._here = threading.local()

    def before_attempt(self, service: str, *, operation_name: str, **_: Any) -> None:
        """A handler of ``request-created``: waits for a token, then asks whether writing is still allowed."""
        self._throttle.wait(service, operation_name)
        if not is_read(operation_name):
            self._may_write()
        self._here.attempts = getattr(self._here, "attempts", 0) + 1
        self._here.sent = time.monotonic()

    def after_attempt(self, service: str, *, operation: Any, response: Any, **_: Any) -> None:
        """A handler of ``needs-retry``, asked after each attempt; has nothing to say about that."""
        code, status = NO_ANSWER, 0
        if response is not None:
            http, parsed = response
            code, status = str(parsed.get("Error", {}).get("Code", "")), http.status_code
        seconds = time.monotonic() - self._here.sent
        self._record_attempt(
            Attempt(service=service, operation=operation.name, code=code, status=status, seconds=seconds)
        )

    def add_base_class(self, **event: Any) -> None:
        """A handler of ``creating-client-class``: puts the gate around the method that all calls go through."""
        gate, base_classes = self, event["base_classes"]

        class Gated:
            def _make_api_call(self, operation_name: str, api_params: Mapping[str, Any]) -> Any:
                call = super()._make_api_call  # type: ignore[misc]  # botocore.client.BaseClient's
                service = self.meta.service_model.service_id  # type: ignore[attr-defined]  # as above
                return gate.call(service, operation_name, partial(call, operation_name, api_params))

        base_classes.insert(0, Gated)

    def call(self, service: str, operation: str, call: Callable[[], Any]) -> Any:
        """Makes a call and records it, unless it was stopped before anything was sent.

        A call may be made within another: botocore fetches new credentials when a request is to be signed.
        """
        around = dict(vars(self._here))
        self._here.attempts = 0
        start, code, status = time.monotonic(), "", 0
        try:
            with calling(operation):
                answer = call()
            status = answer["ResponseMetadata"].get("HTTPStatusCode", 0)
            return answer
        except AwsError as error:
            code, status = error.code, _status(error)
            raise
        finally:
            if attempts := self._here.attempts:
                seconds = time.monotonic() - start
                self._record(
                    Call(
                        service=service,
                        operation=operation,
                        code=code,
                        status=status,
                        seconds=seconds,
                        retries=attempts - 1,
                    )
                )
            vars(self._here).update(around)


def _status(error: AwsError) -> int:
    answer = getattr(error.__cause__, "response", {})
    return int(answer.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


def _region(settings: Settings, session: botocore.session.Session, *, metadata: InstanceMetadata) -> str:
    environment = os.environ.get("AWS_DEFAULT_REGION") or os.environ.get("AWS_REGION")
    known = settings.aws_region or environment or session.get_config_variable("region")
    if known:
        return str(known)
    try:
        return metadata.region()
    except AwsUnavailable as error:
        raise UsageError(
            f"--aws-region: must be given, or AWS_REGION set, as the instance metadata cannot be asked: {error.message}"
        ) from error


def _vpc_id(settings: Settings, ec2: EC2Client, *, metadata: InstanceMetadata) -> str:
    if settings.aws_vpc_id:
        return settings.aws_vpc_id
    if settings.aws_vpc_tags:
        return _vpc_by_tags(settings.aws_vpc_tags, ec2)
    try:
        return metadata.vpc_id()
    except AwsUnavailable as error:
        if vpc := _vpc_of_node(ec2):
            return vpc
        raise UsageError(
            f"--aws-vpc-id: must be given, or --aws-vpc-tags, as the instance metadata cannot be asked: {error.message}"
        ) from error


def _vpc_by_tags(tags: Mapping[str, str], ec2: EC2Client) -> str:
    pages = ec2.get_paginator("describe_vpcs").paginate(
        Filters=[{"Name": f"tag:{key}", "Values": [value]} for key, value in tags.items()]
    )
    found = sorted(vpc["VpcId"] for page in pages for vpc in page["Vpcs"])
    if len(found) != 1:
        shown = ",".join(f"{key}={value}" for key, value in tags.items())
        many = (
            f"{', '.join(found)} all have these tags; add one that tells them apart"
            if found
            else "no VPC has these tags"
        )
        raise UsageError(f"--aws-vpc-tags={shown}: {many}")
    return found[0]


def _vpc_of_node(ec2: EC2Client) -> str | None:
    """The VPC of the node that we run on, if its name (``NODENAME``, which a manifest can pass) is an instance id."""
    node = os.environ.get("NODENAME", "")
    if not node.startswith("i-"):
        return None
    instances = [i for r in ec2.describe_instances(InstanceIds=[node])["Reservations"] for i in r["Instances"]]
    return next((instance.get("VpcId") for instance in instances), None)
