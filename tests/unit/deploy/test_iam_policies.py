"""deploy/iam-policy.json grants what the controller's code can call, and nothing besides, to its own things.

That each call is allowed with the tags that things bear at that moment is seen in every test of the simulated world
(`simulation.Simulation.permissions`).
"""

from __future__ import annotations

import ast
import json
import re
import subprocess
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from botocore import xform_name

from aws_lb_controller.aws.clients import is_read
from contract_data import REPOSITORY, contract
from iam_calls import ON_OUR_BEHALF, PREFIXES, Tags, asks
from iam_policy import Ask, Policy, listed, text_of

MAIN, UNTAGGED = "iam-policy", "iam-policy-untagged"
CLUSTER = "elbv2.k8s.aws/cluster"
LARGEST = 6144
"""Characters of a managed policy, white space not counted (IAM quotas)."""

OURS: Tags = {CLUSTER: "demo", "team": "shop"}
ELB = "arn:aws:elasticloadbalancing:us-west-2:123456789012"
LB, LISTENER = f"{ELB}:loadbalancer/app/web/1", f"{ELB}:listener/app/web/1/2"
RULE, TARGET_GROUP = f"{ELB}:listener-rule/app/web/1/2/3", f"{ELB}:targetgroup/web/1"
TAGS = [{"Key": CLUSTER, "Value": "demo"}]
ROLE = "sts:AssumeRole"

WITH_A_CALL = {
    "elasticloadbalancing:AddTags": "what is made is tagged",
    "ec2:CreateTags": "what is made is tagged",
    "elasticloadbalancing:CreateWebACLAssociation": "AssociateWebACL",
    "elasticloadbalancing:DeleteWebACLAssociation": "DisassociateWebACL",
    "elasticloadbalancing:GetLoadBalancerWebACL": "GetWebACLForResource",
    "elasticloadbalancing:SetWebAcl": "AssociateWebACL and DisassociateWebACL",
    "iam:CreateServiceLinkedRole": "the first CreateLoadBalancer of an account makes ELB's own role",
}
"""Asked for together with another action, beside what `ON_OUR_BEHALF` has."""


# ---- what the code can call


def sources() -> Iterator[Path]:
    yield from (REPOSITORY / "operator" / "aws_lb_controller").rglob("*.py")


@cache
def methods() -> Mapping[str, Mapping[str, str]]:
    """Service → boto3's name of a method → the operation."""
    session = botocore.session.Session()
    models = {service: session.get_service_model(service) for service in PREFIXES}
    return {
        service: {xform_name(name): name for name in model.operation_names if not name.startswith("GetPaginator")}
        for service, model in models.items()
    }


def calls(tree: ast.AST) -> Iterator[tuple[str, str]]:
    """What is before the dot, as it is written, and the method; a paginator's method stands in its argument."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            receiver, name = ast.unparse(node.func.value), node.func.attr
            if name == "get_paginator":
                name = ast.literal_eval(node.args[0])
            yield receiver, name


def services_of(receiver: str, method: str) -> list[str]:
    """The services whose method it may be, by how the client is called."""
    able = [service for service, known in methods().items() if method in known]
    named = [service for service in able if re.search(rf"\b_?{service}\b", receiver)]
    return named or (able if "_client(step.service)" in receiver else [])


def called() -> set[tuple[str, str]]:
    """(service, operation) of every call that is written anywhere."""
    return {
        (service, methods()[service][method])
        for path in sources()
        for receiver, method in calls(ast.parse(path.read_text()))
        for service in services_of(receiver, method)
    }


def action(service: str, operation: str) -> str:
    return f"{PREFIXES[service]}:{operation}"


def test_the_calls_are_found_in_the_code() -> None:
    found = called()
    assert {("elbv2", "CreateRule"), ("ec2", "DescribeRouteTables"), ("wafv2", "ListWebACLs")} <= found
    assert {("waf-regional", "AssociateWebACL"), ("shield", "CreateProtection"), ("sts", "AssumeRole")} <= found


def test_what_the_code_can_call_is_granted_and_nothing_is_that_neither_it_nor_aws_for_it_asks() -> None:
    direct = {action(*call) for call in called()}
    behalf = {one for asked in direct for one in ON_OUR_BEHALF.get(asked, ())}
    granted = Policy.of(MAIN).actions()
    assert direct - {ROLE} == direct & granted  # each role to assume is granted by itself: see docs/permissions.md
    assert granted == (direct - {ROLE}) | behalf | WITH_A_CALL.keys()


def test_nothing_is_granted_wholesale() -> None:
    assert [] == [one for name in (MAIN, UNTAGGED) for one in Policy.of(name).actions() if "*" in one]


def test_all_calls_of_the_conformance_cases_are_granted() -> None:
    recorded = (REPOSITORY / "tests" / "conformance" / "aws-calls.txt").read_text().splitlines()
    assert 40 < len(recorded)
    assert set() == set(recorded) - Policy.of(MAIN).actions()


# ---- whose things may be changed

CALLS: Mapping[str, Mapping[str, Any]] = {
    "elbv2:AddListenerCertificates": {"ListenerArn": LISTENER},
    "elbv2:AddTags": {"ResourceArns": [LB, RULE], "Tags": [{"Key": "team", "Value": "shop"}]},
    "elbv2:CreateListener": {"LoadBalancerArn": LB, "Tags": TAGS},
    "elbv2:CreateLoadBalancer": {"Name": "web", "Tags": TAGS},
    "elbv2:CreateRule": {"ListenerArn": LISTENER, "Tags": TAGS},
    "elbv2:CreateTargetGroup": {"Name": "web", "Tags": TAGS},
    "elbv2:DeleteListener": {"ListenerArn": LISTENER},
    "elbv2:DeleteLoadBalancer": {"LoadBalancerArn": LB},
    "elbv2:DeleteRule": {"RuleArn": RULE},
    "elbv2:DeleteTargetGroup": {"TargetGroupArn": TARGET_GROUP},
    "elbv2:DeregisterTargets": {"TargetGroupArn": TARGET_GROUP},
    "elbv2:ModifyCapacityReservation": {"LoadBalancerArn": LB},
    "elbv2:ModifyIpPools": {"LoadBalancerArn": LB},
    "elbv2:ModifyListener": {"ListenerArn": LISTENER},
    "elbv2:ModifyListenerAttributes": {"ListenerArn": LISTENER},
    "elbv2:ModifyLoadBalancerAttributes": {"LoadBalancerArn": LB},
    "elbv2:ModifyRule": {"RuleArn": RULE},
    "elbv2:ModifyTargetGroup": {"TargetGroupArn": TARGET_GROUP},
    "elbv2:ModifyTargetGroupAttributes": {"TargetGroupArn": TARGET_GROUP},
    "elbv2:RegisterTargets": {"TargetGroupArn": TARGET_GROUP},
    "elbv2:RemoveListenerCertificates": {"ListenerArn": LISTENER},
    "elbv2:RemoveTags": {"ResourceArns": [LISTENER], "TagKeys": ["team"]},
    "elbv2:SetIpAddressType": {"LoadBalancerArn": LB},
    "elbv2:SetRulePriorities": {"RulePriorities": [{"RuleArn": RULE}]},
    "elbv2:SetSecurityGroups": {"LoadBalancerArn": LB},
    "elbv2:SetSubnets": {"LoadBalancerArn": LB},
    "ec2:AuthorizeSecurityGroupIngress": {"GroupId": "sg-1"},
    "ec2:CreateSecurityGroup": {"VpcId": "vpc-1", "TagSpecifications": [{"Tags": TAGS}]},
    "ec2:CreateTags": {"Resources": ["sg-1"], "Tags": [{"Key": "team", "Value": "shop"}]},
    "ec2:DeleteSecurityGroup": {"GroupId": "sg-1"},
    "ec2:DeleteTags": {"Resources": ["sg-1"], "Tags": [{"Key": "team"}]},
    "ec2:RevokeSecurityGroupIngress": {"GroupId": "sg-1"},
    "shield:CreateProtection": {"ResourceArn": LB},
    "shield:DeleteProtection": {"ProtectionId": "1"},
    "waf-regional:AssociateWebACL": {"ResourceArn": LB, "WebACLId": "1"},
    "waf-regional:DisassociateWebACL": {"ResourceArn": LB},
    "wafv2:AssociateWebACL": {
        "ResourceArn": LB,
        "WebACLArn": "arn:aws:wafv2:us-west-2:123456789012:regional/webacl/w/1",
    },
    "wafv2:DisassociateWebACL": {"ResourceArn": LB},
}
"""A call of each that changes something, as the controller makes it."""

MAKING = {"elbv2:CreateLoadBalancer", "elbv2:CreateTargetGroup", "ec2:CreateSecurityGroup"}

WITHOUT_OUR_TAG: Mapping[str, str] = {
    "elbv2:RegisterTargets": "a TargetGroupBinding may name a target group that others made",
    "elbv2:DeregisterTargets": "as RegisterTargets",
    "elbv2:SetRulePriorities": "AWS knows no condition key for it",
    "ec2:AuthorizeSecurityGroupIngress": "the groups of nodes and pods are the users'; those of other clusters are not",
    "ec2:RevokeSecurityGroupIngress": "as AuthorizeSecurityGroupIngress",
    "shield:CreateProtection": "AWS knows no key for the resource, and a protection of ours bears no tags",
    "shield:DeleteProtection": "as CreateProtection",
    "waf-regional:AssociateWebACL": "AWS knows no condition key for it",
    "waf-regional:DisassociateWebACL": "as AssociateWebACL",
}
"""What is allowed whatever the tags are, and why it must be."""


def denied(call: str, *, tags: Tags, policy: Policy | None = None, **parameters: Any) -> list[Ask]:
    """What of a call is not allowed, if everything that it is about bears these tags."""
    service, _, operation = call.partition(":")
    asked = asks(service, operation, {**CALLS[call], **parameters}, tags_of=lambda _resource: tags)
    policy = policy or Policy.of(MAIN)
    return [ask for ask in asked if not policy.allows(ask)]


def test_every_call_that_changes_something_is_among_those_tried() -> None:
    assert CALLS.keys() == {f"{service}:{name}" for service, name in called() if not is_read(name)}


@pytest.mark.parametrize("call", CALLS)
def test_what_is_ours_may_be_changed(call: str) -> None:
    assert [] == denied(call, tags=OURS)


@pytest.mark.parametrize("call", sorted(CALLS.keys() - WITHOUT_OUR_TAG.keys() - MAKING))
def test_what_bears_no_tag_of_ours_may_not_be_changed(call: str) -> None:
    assert [] != denied(call, tags={"team": "shop"})


@pytest.mark.parametrize("call", WITHOUT_OUR_TAG)
def test_what_cannot_be_bound_to_our_tag_is_allowed_without(call: str) -> None:
    assert [] == denied(call, tags={"team": "shop"})


@pytest.mark.parametrize("call", sorted(MAKING | {"elbv2:CreateListener", "elbv2:CreateRule"}))
def test_nothing_may_be_made_without_our_tag(call: str) -> None:
    tags = [{"Key": "team", "Value": "shop"}]
    assert [] != denied(call, tags=OURS, Tags=tags, TagSpecifications=[{"Tags": tags}])


@pytest.mark.parametrize("call", ["elbv2:AddTags", "ec2:CreateTags"])
@pytest.mark.parametrize("tags", [OURS, {"team": "shop"}, {}], ids=["ours", "another's", "nobody's"])
def test_nobodys_things_become_ours_and_ours_stay_in_their_cluster(call: str, tags: Tags) -> None:
    assert [] != denied(call, tags=tags, Tags=[{"Key": CLUSTER, "Value": "other"}])


def test_our_tag_may_not_be_taken_away() -> None:
    assert [] != denied("elbv2:RemoveTags", tags=OURS, TagKeys=["team", CLUSTER])
    assert [] != denied("ec2:DeleteTags", tags=OURS, Tags=[{"Key": CLUSTER}])


# ---- narrowed to one cluster

NARROW = r's|/elbv2.k8s.aws/cluster": "\*"|/elbv2.k8s.aws/cluster": "{}"|'
"""The command of docs/permissions.md."""


@cache
def narrowed(cluster: str) -> Policy:
    command = ["sed", NARROW.format(cluster)]
    ran = subprocess.run(command, input=text_of(MAIN), capture_output=True, text=True, check=True)
    return Policy(json.loads(ran.stdout))


def test_the_page_has_the_command_that_narrows() -> None:
    assert f"sed '{NARROW.format('my-cluster')}'" in (REPOSITORY / "docs" / "permissions.md").read_text()


@pytest.mark.parametrize("call", CALLS)
def test_narrowed_to_a_cluster_what_is_its_own_may_be_changed(call: str) -> None:
    assert [] == denied(call, tags=OURS, policy=narrowed("demo"))


def test_narrowed_to_a_cluster_what_is_another_clusters_may_not_be_changed() -> None:
    open_to_all = {call for call in CALLS if not denied(call, tags={CLUSTER: "other"}, policy=narrowed("demo"))}
    groups = {"ec2:AuthorizeSecurityGroupIngress", "ec2:RevokeSecurityGroupIngress"}
    assert (WITHOUT_OUR_TAG.keys() | MAKING) - groups == open_to_all


# ---- the documents


@pytest.mark.parametrize("name", [MAIN, UNTAGGED])
def test_a_document_fits_into_a_managed_policy(name: str) -> None:
    assert LARGEST >= len("".join(text_of(name).split()))
    assert "2012-10-17" == json.loads(text_of(name))["Version"]


def test_no_partition_of_aws_is_left_out() -> None:
    arns = [arn for one in Policy.of(MAIN, UNTAGGED).statements for arn in listed(one["Resource"]) if arn != "*"]
    assert [] == [arn for arn in arns if not arn.startswith("arn:*:")]


def test_statements_have_names_that_differ() -> None:
    names = [one["Sid"] for one in Policy.of(MAIN, UNTAGGED).statements]
    assert len(set(names)) == len(names)
    assert [] == [name for name in names if not re.fullmatch("[A-Za-z0-9]+", name)]


NEW = {
    "elasticloadbalancing:CreateWebACLAssociation",
    "elasticloadbalancing:DeleteWebACLAssociation",
    "elasticloadbalancing:GetLoadBalancerWebACL",
    "wafv2:ListWebACLs",
}
"""Not in the policy of the controller before us: newer names of what WAF asks for, and web ACLs by name."""


def test_hardly_more_actions_are_granted_than_the_controller_before_us_asks_for() -> None:
    peers = Policy(contract("iam-policy")).actions()
    assert Policy.of(MAIN).actions() - peers == NEW


def test_the_page_explains_every_action() -> None:
    page = (REPOSITORY / "docs" / "permissions.md").read_text()
    named = set(re.findall(r"`([a-z0-9-]+:[A-Z][A-Za-z0-9]+)`", page))
    granted = Policy.of(MAIN).actions()
    others = {ROLE, "sts:TagSession", "ec2:Vpc"}  # what a role to assume, its trust and a further condition need
    assert set() == granted - named
    assert others == {one for one in named - granted if one.partition(":")[0] in PREFIXES.values()}


# ---- things without our tag: the further document


@pytest.mark.parametrize(
    "call", ["elbv2:CreateRule", "elbv2:DeleteListener", "elbv2:DeleteRule", "elbv2:ModifyListener", "elbv2:ModifyRule"]
)
def test_with_the_further_document_untagged_listeners_and_rules_may_be_changed(call: str) -> None:
    both = Policy.of(MAIN, UNTAGGED)
    assert [] == denied(call, tags={}, policy=both, Tags=[])
    assert [] == denied("elbv2:AddTags", tags={}, policy=both, ResourceArns=[LISTENER, RULE], Tags=TAGS)
    assert [] != denied("elbv2:DeleteLoadBalancer", tags={}, policy=both)


def test_with_the_further_document_listeners_may_be_made_without_tags() -> None:
    assert [] == denied("elbv2:CreateListener", tags=OURS, policy=Policy.of(MAIN, UNTAGGED), Tags=[])
    assert [] != denied("elbv2:CreateListener", tags={}, policy=Policy.of(MAIN, UNTAGGED), Tags=[])


def test_what_version_1_left_is_taken_over_with_the_further_document_only() -> None:
    left = {"ingress.k8s.aws/cluster": "demo"}
    taken_over: Any = {"ResourceArns": [LB, TARGET_GROUP], "Tags": TAGS}
    assert [] != denied("elbv2:AddTags", tags=left, **taken_over)
    assert [] == denied("elbv2:AddTags", tags=left, policy=Policy.of(MAIN, UNTAGGED), **taken_over)
    assert [] == denied("ec2:CreateTags", tags=left, policy=Policy.of(MAIN, UNTAGGED), Tags=TAGS)
