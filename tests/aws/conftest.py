"""Fixtures of moto's AWS in this process, with the local world's extensions: fresh for every test."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import boto3
import pytest
from binding_world import BindingWorld
from botocore.exceptions import ClientError
from group_world import an_issued_certificate
from moto import mock_aws

from ingress_catalogue import OWN_GROUP, WEB_ACL
from localworld.aws_world import AwsWorld, build_aws_world, local_session
from localworld.behaviour import Behaviour
from localworld.moto_extensions import behaviour, install


@dataclass(frozen=True)
class Aws:
    """An account with the local world's VPC and subnets, without nodes; it makes things with short calls."""

    session: boto3.Session
    ec2: Any
    elbv2: Any
    world: AwsWorld

    def load_balancer(self, name: str = "web", **more: Any) -> str:
        """Make an internal application load balancer in two zones, unless `more` says otherwise; its ARN."""
        subnets = [self.world.subnets["private-a"], self.world.subnets["private-b"]]
        wanted = {"Name": name, "Scheme": "internal", "Subnets": subnets, **more}
        return self.elbv2.create_load_balancer(**wanted)["LoadBalancers"][0]["LoadBalancerArn"]

    def target_group(self, name: str = "web", **more: Any) -> str:
        """Make an HTTP target group of addresses on port 80, unless `more` says otherwise; its ARN."""
        wanted = {"Name": name, "Protocol": "HTTP", "Port": 80, "TargetType": "ip", "VpcId": self.world.vpc_id, **more}
        return self.elbv2.create_target_group(**wanted)["TargetGroups"][0]["TargetGroupArn"]

    def listener(self, balancer: str, target_group: str | None = None, *, port: int = 80, **more: Any) -> str:
        """Make an HTTP listener that forwards to the group, or answers 404 without one; its ARN."""
        action = forward(target_group) if target_group else NOT_FOUND
        wanted = {"Protocol": "HTTP", "Port": port, "DefaultActions": [action], **more}
        made = self.elbv2.create_listener(LoadBalancerArn=balancer, **wanted)
        return made["Listeners"][0]["ListenerArn"]

    def rule(self, listener: str, priority: int, action: dict[str, Any] | None = None) -> str:
        """Make a rule for the path /PRIORITY; its ARN."""
        condition = {"Field": "path-pattern", "PathPatternConfig": {"Values": [f"/{priority}"]}}
        made = self.elbv2.create_rule(
            ListenerArn=listener, Priority=priority, Conditions=[condition], Actions=[action or NOT_FOUND]
        )
        return made["Rules"][0]["RuleArn"]

    def security_group(self, name: str = "web") -> str:
        """Make a security group of the VPC; its id."""
        made = self.ec2.create_security_group(GroupName=name, Description=name, VpcId=self.world.vpc_id)
        return made["GroupId"]

    def target_states(self, target_group: str) -> dict[tuple[str, int], str]:
        """The state of each target that is listed, by address and port."""
        described = self.elbv2.describe_target_health(TargetGroupArn=target_group)["TargetHealthDescriptions"]
        return {(one["Target"]["Id"], one["Target"]["Port"]): one["TargetHealth"]["State"] for one in described}


NOT_FOUND = {"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "404"}}


def forward(*target_groups: str) -> dict[str, Any]:
    """An action that forwards to the groups in equal parts."""
    return {"Type": "forward", "ForwardConfig": {"TargetGroups": [{"TargetGroupArn": arn} for arn in target_groups]}}


@pytest.fixture
def moto_behaviour() -> Iterator[Behaviour]:
    """The delays and quotas in force, to be turned by a test; put back afterwards."""
    install(Behaviour())
    yield behaviour
    install(Behaviour())


@pytest.fixture(scope="session")
def session() -> boto3.Session:
    """One for all tests: making boto3's clients takes longer than most tests."""
    return local_session()


@pytest.fixture(scope="session")
def clients(session: boto3.Session) -> dict[str, Any]:
    """boto3 clients that moto answers whenever it is on."""
    return {name: session.client(name) for name in ("ec2", "elbv2")}


@pytest.fixture
def aws(moto_behaviour: Behaviour, session: boto3.Session, clients: dict[str, Any]) -> Iterator[Aws]:
    """A fresh account, in this process."""
    with mock_aws():
        world = build_aws_world(clients["ec2"], nodes=0)
        yield Aws(session=session, world=world, **clients)


@pytest.fixture
def world(aws: Aws) -> BindingWorld:
    """That of TargetGroupBindings; modules about other things have a world of their own in its place."""
    return BindingWorld(aws)


@pytest.fixture
def arn(aws: Aws) -> str:
    """A target group for pods."""
    return aws.target_group()


@pytest.fixture
def values(aws: Aws) -> Mapping[str, str]:
    """What the recipes of both catalogues name and AWS must have: certificates and a web ACL, as they name them; and a
    security group of the users' own.
    """
    group = aws.security_group(OWN_GROUP)
    aws.ec2.create_tags(Resources=[group], Tags=[{"Key": "Name", "Value": OWN_GROUP}])
    aws.session.client("shield").create_subscription()
    names = {"certificate": "shop.example.com", "other_certificate": "shop.example.org"}
    arns = {key: an_issued_certificate(aws, name) for key, name in names.items()}
    return {**arns, "web_acl": _a_web_acl(aws, WEB_ACL)}


def _a_web_acl(aws: Aws, name: str) -> str:
    seen = {"SampledRequestsEnabled": False, "CloudWatchMetricsEnabled": False, "MetricName": "m"}
    wanted = {"Name": name, "Scope": "REGIONAL", "DefaultAction": {"Allow": {}}, "VisibilityConfig": seen}
    return str(aws.session.client("wafv2").create_web_acl(**wanted)["Summary"]["ARN"])


@pytest.fixture
def refused() -> Callable[..., str]:
    """Call and return the code of the error that AWS answers with; "" if it answers none."""

    def code_of(call: Callable[..., Any], *args: Any, **kwargs: Any) -> str:
        try:
            call(*args, **kwargs)
        except ClientError as error:
            return error.response["Error"]["Code"]
        return ""

    return code_of
