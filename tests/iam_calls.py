"""What IAM is asked at each AWS call of the controller: actions, resources, and the condition keys AWS knows for them.

By the pages "Actions, resources, and condition keys" of the Service Authorization Reference (Elastic Load Balancing V2,
EC2, WAF V2, WAF Regional, Shield, ACM) of June 2026. `ON_OUR_BEHALF` is what AWS does with the caller's permissions,
by the user guide of Elastic Load Balancing ("API permissions") and the managed policy ElasticLoadBalancingFullAccess.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from aws_lb_controller.aws.clients import Clients, is_read
from iam_policy import Ask, Policy, Values

Parameters = Mapping[str, Any]
Tags = Mapping[str, str]
TagsOf = Callable[[str], Tags]
"""The tags that a resource bears now, by ARN, or by id for security groups."""

PREFIXES: Mapping[str, str] = {
    "elbv2": "elasticloadbalancing",
    **{service: service for service in ("acm", "ec2", "shield", "sts", "waf-regional", "wafv2")},
}
"""boto3's name of a service, and what stands before its actions."""

PLACE = "us-west-2:123456789012"
_ELB = f"arn:aws:elasticloadbalancing:{PLACE}"
_EC2 = f"arn:aws:ec2:{PLACE}"
_CREATIONS = ("CreateListener", "CreateLoadBalancer", "CreateRule", "CreateTargetGroup")
_NAMED_BY = {
    **dict.fromkeys(("AddTags", "RemoveTags"), "ResourceArns"),
    **dict.fromkeys(("CreateRule", "DeleteListener", "ModifyListener", "ModifyListenerAttributes"), "ListenerArn"),
    **dict.fromkeys(("AddListenerCertificates", "RemoveListenerCertificates"), "ListenerArn"),
    **dict.fromkeys(("DeleteRule", "ModifyRule"), "RuleArn"),
    **dict.fromkeys(("DeleteTargetGroup", "ModifyTargetGroup", "ModifyTargetGroupAttributes"), "TargetGroupArn"),
    **dict.fromkeys(("RegisterTargets", "DeregisterTargets"), "TargetGroupArn"),
    **dict.fromkeys(("CreateListener", "DeleteLoadBalancer", "ModifyCapacityReservation"), "LoadBalancerArn"),
    **dict.fromkeys(("ModifyIpPools", "ModifyLoadBalancerAttributes", "SetIpAddressType"), "LoadBalancerArn"),
    **dict.fromkeys(("SetSecurityGroups", "SetSubnets"), "LoadBalancerArn"),
}
"""The parameter of a call to ELBv2 with the ARN of what is changed."""

ON_OUR_BEHALF: Mapping[str, tuple[str, ...]] = {
    "elasticloadbalancing:CreateLoadBalancer": (
        "ec2:DescribeAccountAttributes",
        "ec2:DescribeAddresses",
        "ec2:DescribeCoipPools",
        "ec2:DescribeInternetGateways",
        "ec2:DescribeIpamPools",
        "ec2:DescribeSecurityGroups",
        "ec2:DescribeSubnets",
        "ec2:DescribeVpcs",
        "ec2:GetCoipPoolUsage",
        "ec2:GetSecurityGroupsForVpc",
    ),
    "elasticloadbalancing:CreateListener": ("cognito-idp:DescribeUserPoolClient",),
    "elasticloadbalancing:CreateRule": ("cognito-idp:DescribeUserPoolClient",),
    "elasticloadbalancing:CreateTargetGroup": ("ec2:DescribeInternetGateways", "ec2:DescribeVpcs"),
    "elasticloadbalancing:ModifyIpPools": ("ec2:DescribeIpamPools",),
    "elasticloadbalancing:ModifyListener": ("cognito-idp:DescribeUserPoolClient",),
    "elasticloadbalancing:ModifyRule": ("cognito-idp:DescribeUserPoolClient",),
    "elasticloadbalancing:RegisterTargets": (
        "ec2:DescribeInstances",
        "ec2:DescribeInternetGateways",
        "ec2:DescribeSubnets",
        "ec2:DescribeVpcPeeringConnections",
        "ec2:DescribeVpcs",
    ),
    "elasticloadbalancing:SetIpAddressType": ("ec2:DescribeSubnets",),
    "elasticloadbalancing:SetSecurityGroups": ("ec2:DescribeSecurityGroups", "ec2:GetSecurityGroupsForVpc"),
    "elasticloadbalancing:SetSubnets": ("ec2:DescribeSubnets",),
    "wafv2:GetWebACLForResource": ("wafv2:GetWebACL",),
}
"""An action, and those that AWS checks with it. What they look at has no bearing: all are granted for all resources."""


def asks(service: str, operation: str, parameters: Parameters, *, tags_of: TagsOf) -> Iterator[Ask]:
    """All that must be allowed for a call. service: as boto3 calls it. Raises `KeyError` for a call not known here."""
    action = f"{PREFIXES[service]}:{operation}"
    yield from (Ask(other) for other in ON_OUR_BEHALF.get(action, ()))
    if operation == "GetWebACLForResource":
        yield _on_load_balancer("GetLoadBalancerWebACL", parameters, tags_of)
    if is_read(operation):
        yield Ask(action)
    else:
        yield from _WRITES[service](action, parameters, tags_of)


def _tagged(tags: Tags) -> dict[str, Values]:
    return {f"aws:ResourceTag/{key}": value for key, value in tags.items()}


def _tagging(tags: Sequence[Mapping[str, str]]) -> dict[str, Values]:
    """Of tags that a request sets, or (without values) takes away."""
    if not tags:
        return {}
    valued = {f"aws:RequestTag/{tag['Key']}": tag["Value"] for tag in tags if "Value" in tag}
    return {**valued, "aws:TagKeys": tuple(tag["Key"] for tag in tags)}


def _of_elbv2(action: str, parameters: Parameters, tags_of: TagsOf) -> Iterator[Ask]:
    operation = action.partition(":")[2]
    tags = parameters.get("Tags") or [{"Key": key} for key in parameters.get("TagKeys", ())]
    if operation in _CREATIONS and tags:
        context = {"elasticloadbalancing:CreateAction": operation, **_tagging(tags)}
        yield Ask("elasticloadbalancing:AddTags", _made(operation, parameters), context)
    if operation == "SetRulePriorities":  # AWS knows no condition key for it
        yield from (Ask(action, one["RuleArn"]) for one in parameters["RulePriorities"])
    elif operation in ("CreateLoadBalancer", "CreateTargetGroup"):
        yield Ask(action, _made(operation, parameters), _tagging(tags))
    else:
        named = parameters[_NAMED_BY[operation]]
        for arn in [named] if isinstance(named, str) else named:
            yield Ask(action, arn, {**_tagged(tags_of(arn)), **_tagging(tags)})


def _made(operation: str, parameters: Parameters) -> str:
    """The ARN of what is made; AWS chooses its end."""
    match operation:
        case "CreateLoadBalancer":
            kind = "net" if parameters.get("Type") == "network" else "app"
            return f"{_ELB}:loadbalancer/{kind}/{parameters['Name']}/0"
        case "CreateTargetGroup":
            return f"{_ELB}:targetgroup/{parameters['Name']}/0"
        case "CreateListener":
            return str(parameters["LoadBalancerArn"]).replace(":loadbalancer/", ":listener/") + "/0"
    return str(parameters["ListenerArn"]).replace(":listener/", ":listener-rule/") + "/0"


def _of_ec2(action: str, parameters: Parameters, tags_of: TagsOf) -> Iterator[Ask]:
    match action:
        case "ec2:CreateSecurityGroup":
            tags = [tag for one in parameters.get("TagSpecifications", ()) for tag in one["Tags"]]
            made, context = f"{_EC2}:security-group/sg-0", _tagging(tags)
            yield Ask(action, f"{_EC2}:vpc/{parameters['VpcId']}")
            yield Ask(action, made, context)
            if tags:
                yield Ask("ec2:CreateTags", made, {"ec2:CreateAction": "CreateSecurityGroup", **context})
        case "ec2:CreateTags" | "ec2:DeleteTags":
            for group in parameters["Resources"]:
                yield _on_group(action, group, tags_of, _tagging(parameters["Tags"]))
        case "ec2:AuthorizeSecurityGroupIngress":
            yield Ask(action, f"{_EC2}:security-group-rule/*")
            yield _on_group(action, parameters["GroupId"], tags_of)
        case "ec2:DeleteSecurityGroup" | "ec2:RevokeSecurityGroupIngress":
            yield _on_group(action, parameters["GroupId"], tags_of)
        case _:
            raise KeyError(action)


def _on_group(action: str, group: str, tags_of: TagsOf, request: Mapping[str, Values] | None = None) -> Ask:
    assert group.startswith("sg-")
    return Ask(action, f"{_EC2}:security-group/{group}", {**_tagged(tags_of(group)), **(request or {})})


def _of_waf(action: str, parameters: Parameters, tags_of: TagsOf) -> Iterator[Ask]:
    """WAF knows tags for neither call; what it does to the load balancer by it is asked with the load balancer's."""
    service, _, operation = action.partition(":")
    verb = {"AssociateWebACL": "Create", "DisassociateWebACL": "Delete"}[operation]
    yield Ask(action, parameters["ResourceArn"])
    yield Ask("elasticloadbalancing:SetWebAcl")
    if service == "wafv2":
        yield _on_load_balancer(f"{verb}WebACLAssociation", parameters, tags_of)
    if verb == "Create":
        yield Ask(action, parameters.get("WebACLArn") or f"arn:aws:{service}:{PLACE}:webacl/{parameters['WebACLId']}")


def _on_load_balancer(operation: str, parameters: Parameters, tags_of: TagsOf) -> Ask:
    arn = parameters["ResourceArn"]
    return Ask(f"elasticloadbalancing:{operation}", arn, _tagged(tags_of(arn)))


def _of_shield(action: str, parameters: Parameters, _: TagsOf) -> Iterator[Ask]:
    if action == "shield:CreateProtection":
        yield Ask(action, "*", _tagging(parameters.get("Tags", ())))
    elif action == "shield:DeleteProtection":
        yield Ask(action, f"arn:aws:shield::123456789012:protection/{parameters['ProtectionId']}")
    else:
        raise KeyError(action)


_WRITES: Mapping[str, Callable[[str, Parameters, TagsOf], Iterator[Ask]]] = {
    "elbv2": _of_elbv2,
    "ec2": _of_ec2,
    "wafv2": _of_waf,
    "waf-regional": _of_waf,
    "shield": _of_shield,
}


class NotPermitted(AssertionError):
    """A call that the policy would not let through: an error of the policy, or of who makes the call."""


@dataclass(frozen=True)
class Permissions:
    """What the controller's role may do, and what everything bears for tags at that moment."""

    policy: Policy
    tags_of: TagsOf

    @classmethod
    def shipped(cls, elbv2: Any, ec2: Any) -> Permissions:
        """deploy/iam-policy.json. The clients are somebody else's, who may look at everything."""
        return cls(Policy.of("iam-policy"), partial(tags_now, elbv2, ec2))

    def also(self, *names: str) -> Permissions:
        """With further documents of deploy/."""
        return replace(self, policy=Policy.of("iam-policy", *names))

    def judge(self, service: str, operation: str, parameters: Parameters) -> None:
        """Raises `NotPermitted` where a call needs what is not granted."""
        for ask in asks(service, operation, parameters, tags_of=self.tags_of):
            if not self.policy.allows(ask):
                raise NotPermitted(f"{operation} is not allowed: {ask}")

    @contextmanager
    def judging(self, clients: Clients, *rare: str) -> Iterator[None]:
        """Meanwhile every call of these clients is judged before it is sent. rare: services that are made on demand."""
        with ExitStack() as ending:
            for client in (clients.elbv2, clients.ec2, clients.acm, *map(clients.on_demand, rare)):  # type: ignore[arg-type]
                events: Any = client.meta.events
                heard = partial(self._heard, client.meta.service_model.service_name)
                events.register("before-parameter-build", heard)
                ending.callback(events.unregister, "before-parameter-build", heard)
            yield

    def _heard(self, service: str, *, params: Parameters, model: Any, **_: Any) -> None:
        self.judge(service, model.name, params)


def tags_now(elbv2: Any, ec2: Any, resource: str) -> Tags:
    """What AWS shows; nothing for what is not there (any more)."""
    if resource.startswith("sg-"):
        found = ec2.describe_tags(Filters=[{"Name": "resource-id", "Values": [resource]}])["Tags"]
        return {tag["Key"]: tag["Value"] for tag in found}
    try:
        [described] = elbv2.describe_tags(ResourceArns=[resource])["TagDescriptions"]
    except elbv2.exceptions.ClientError:
        return {}
    return {tag["Key"]: tag["Value"] for tag in described["Tags"]}
