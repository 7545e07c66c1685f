"""What is filled into TargetGroupBindings, and which are refused."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aws_lb_controller.errors import AwsNotFound, AwsUnavailable, KubernetesError
from aws_lb_controller.intent.binding import AssumedRole
from aws_lb_controller.webhooks.binding_defaults import default_binding
from aws_lb_controller.webhooks.binding_rules import BindingRules
from aws_lb_controller.webhooks.reading import Cluster
from aws_lb_controller.webhooks.review import Handler, Verdict
from aws_lb_controller.webhooks.target_groups import Query, TargetGroups
from builders_cluster import metadata
from builders_webhooks import a_cluster, a_review, assert_needs_no_second_patch, mutated, patched, refusal

ARN = "arn:aws:elasticloadbalancing:us-west-2:111122223333:targetgroup/web/0123456789abcdef"
OTHER_ARN = "arn:aws:elasticloadbalancing:us-west-2:111122223333:targetgroup/api/0123456789abcdef"
VPC = "vpc-0123456789abcdef0"
OTHER_VPC = "vpc-11111111"
ROLE = "arn:aws:iam::444455556666:role/targets"
FULL = {
    "targetGroupARN": ARN,
    "targetType": "ip",
    "ipAddressType": "ipv4",
    "vpcID": VPC,
    "targetGroupProtocol": "HTTP",
}


def a_binding(name: str = "tgb", **spec: Any) -> dict[str, Any]:
    """A binding with just these fields beside its Service."""
    written = {key: value for key, value in spec.items() if value is not None}
    return {
        "kind": "TargetGroupBinding",
        "metadata": metadata(name),
        "spec": {"serviceRef": {"name": "web", "port": 80}, **written},
    }


def complete(name: str = "tgb", **spec: Any) -> dict[str, Any]:
    """A valid binding with every field that is filled in; None takes one away."""
    return a_binding(name, **{**FULL, **spec})


class Aws:
    """One target group named web; queries: what was asked."""

    def __init__(self, *, found: int = 1, wrong: Exception | None = None, **fields: str) -> None:
        self.found, self.wrong, self.queries = found, wrong, list[Query]()
        self.group = {
            "TargetGroupArn": ARN,
            "TargetType": "ip",
            "IpAddressType": "ipv4",
            "VpcId": VPC,
            "Protocol": "HTTP",
            **fields,
        }

    def __call__(self, query: Query) -> Sequence[Mapping[str, Any]]:
        self.queries.append(query)
        if self.wrong is not None:
            raise self.wrong
        return [self.group] * self.found


def defaulting(aws: Aws | None = None) -> Handler:
    return partial(default_binding, groups=TargetGroups(aws or Aws()))


def validating(aws: Aws | None = None, *, cluster: Cluster | None = None) -> Handler:
    return BindingRules(cluster=cluster or a_cluster(), groups=TargetGroups(aws or Aws()), vpc_id=VPC)


def new(*, aws: Aws | None = None, beside: Sequence[Mapping[str, Any]] = (), **spec: Any) -> Verdict:
    return validating(aws, cluster=a_cluster(*beside))(a_review(complete(**spec)))


def changed(old: dict[str, Any], new: dict[str, Any], *, aws: Aws | None = None) -> Verdict:
    return validating(aws)(a_review({**new, "metadata": old["metadata"]}, old=old))


# -- filling in


def test_everything_but_the_target_group_is_filled_in_from_aws() -> None:
    assert complete() == mutated(defaulting(), a_binding(targetGroupARN=ARN))


def test_a_name_becomes_an_arn() -> None:
    aws = Aws()

    assert complete(targetGroupName="web") == mutated(defaulting(aws), a_binding(targetGroupName="web"))
    assert [Query(arn=None, name="web")] == aws.queries


def test_what_is_written_stays() -> None:
    written = {"targetGroupARN": ARN, "targetType": "instance", "vpcID": OTHER_VPC}

    assert complete(**written) == mutated(defaulting(), a_binding(**written))


def test_a_complete_binding_costs_no_call() -> None:
    aws = Aws()
    defaulting(aws)(a_review(complete()))

    assert [] == aws.queries


def test_the_role_is_assumed_to_look() -> None:
    aws = Aws()
    spec = {"targetGroupARN": ARN, "iamRoleArnToAssume": ROLE, "assumeRoleExternalId": "x"}
    defaulting(aws)(a_review(a_binding(**spec)))

    assert [Query(arn=ARN, name=None, role=AssumedRole(arn=ROLE, external_id="x"))] == aws.queries


def test_a_target_group_without_address_type_is_of_ipv4() -> None:
    aws = Aws(IpAddressType="")

    assert "ipv4" == mutated(defaulting(aws), a_binding(targetGroupARN=ARN))["spec"]["ipAddressType"]


def test_a_target_group_of_ipv6_makes_the_binding_one() -> None:
    aws = Aws(IpAddressType="ipv6")

    assert "ipv6" == mutated(defaulting(aws), a_binding(targetGroupARN=ARN))["spec"]["ipAddressType"]


@pytest.mark.parametrize("target_type", ["lambda", "alb"])
def test_a_target_group_whose_targets_are_no_pods_or_nodes_is_refused(target_type: str) -> None:
    verdict = defaulting(Aws(TargetType=target_type))(a_review(a_binding(targetGroupARN=ARN)))

    expected = f"TargetGroupBinding shop/tgb: spec.targetType = '{target_type}': unsupported"
    assert refusal(verdict).startswith(expected)
    assert "defaultingTargetType" == verdict.check


def test_a_binding_without_target_group_is_refused() -> None:
    verdict = defaulting()(a_review(a_binding()))

    expected = "TargetGroupBinding shop/tgb: spec.targetGroupARN: must provide either targetGroupARN or targetGroupName"
    assert expected == refusal(verdict)
    assert "checkTargetGroupArnOrName" == verdict.check


@pytest.mark.parametrize("found", [0, 2])
def test_a_name_that_is_not_just_one_target_groups_is_refused(found: int) -> None:
    verdict = defaulting(Aws(found=found))(a_review(a_binding(targetGroupName="web")))

    expected = f"spec.targetGroupName = 'web': expecting a single target group, but AWS has {found}"
    assert expected in refusal(verdict)


@pytest.mark.parametrize("error", [AwsNotFound, AwsUnavailable])
def test_what_aws_does_not_tell_refuses_the_binding_with_its_words(error: type[AwsNotFound]) -> None:
    aws = Aws(wrong=error("DescribeTargetGroups", "TargetGroupNotFound", "One or more target groups not found"))
    verdict = defaulting(aws)(a_review(a_binding(targetGroupARN=ARN)))

    assert f"spec.targetGroupARN = '{ARN}': AWS does not tell the target group: Describe" in refusal(verdict)


def test_an_update_is_not_filled_in() -> None:
    old = complete()

    assert Verdict() == defaulting()(a_review(complete(vpcID=None), old=old))


def test_an_update_that_names_the_target_group_keeps_its_arn() -> None:
    new = complete(targetGroupName="web", targetGroupARN=None)

    assert complete(targetGroupName="web") == mutated(defaulting(), new, old=complete())


def test_a_binding_that_never_had_an_arn_is_given_none_by_an_update() -> None:
    nameless = complete(targetGroupName="web", targetGroupARN=None)

    assert Verdict() == defaulting()(a_review(nameless, old=nameless))


@given(st.sets(st.sampled_from([*FULL])).filter(lambda fields: "targetGroupARN" in fields), st.booleans())
def test_a_patched_binding_needs_no_patch_and_is_valid(fields: set[str], named: bool) -> None:
    written: dict[str, Any] = {field: FULL[field] for field in fields}
    if named:
        written = {**written, "targetGroupARN": None, "targetGroupName": "web"}
    binding = a_binding(**written)

    assert_needs_no_second_patch(defaulting(), binding)
    assert Verdict() == validating()(a_review(mutated(defaulting(), binding)))


def test_filling_in_and_validating_ask_aws_once() -> None:
    aws = Aws()
    groups = TargetGroups(aws)
    binding = a_binding(targetGroupName="web")
    filled = patched(binding, default_binding(a_review(binding), groups=groups).patch)
    BindingRules(cluster=a_cluster(), groups=groups, vpc_id=VPC)(a_review(filled))

    assert 1 == len(aws.queries)


# -- new bindings


def test_a_complete_binding_is_allowed() -> None:
    assert Verdict() == new()


def test_a_binding_without_target_type_is_refused() -> None:
    verdict = new(targetType=None)

    expected = "TargetGroupBinding shop/tgb: spec.targetType: must specify this field: write instance or ip"
    assert expected == refusal(verdict)
    assert "checkRequiredFields" == verdict.check


def test_all_that_is_wrong_with_the_object_is_told_at_once() -> None:
    verdict = new(targetGroupARN=None, targetType=None)

    assert "spec.targetGroupARN" in refusal(verdict)
    assert "spec.targetType" in refusal(verdict)


@pytest.mark.parametrize(
    ("spec", "check", "words"),
    [
        ({"nodeSelector": {}}, "checkNodeSelector", "cannot set nodeSelector when targetType is ip"),
        (
            {"targetType": "instance", "iamRoleArnToAssume": ROLE},
            "checkAssumeRoleConfig",
            "unable to use instance target type while using assume role",
        ),
        ({"ipAddressType": "ipv6"}, "checkTargetGroupIPAddressType", f"invalid IP address type: {ARN} has ipv4"),
        ({"vpcID": "vpc-1"}, "checkTargetGroupVpcID", "failed to satisfy constraint"),
        ({"vpcID": OTHER_VPC}, "checkTargetGroupVpcID", f"doesn't match the VpcID of {ARN}: write {VPC}"),
        ({"targetGroupProtocol": "TCP"}, "checkTargetGroupProtocol", f"protocol differs: {ARN} has HTTP"),
    ],
)
def test_a_new_binding_is_refused_where(spec: dict[str, Any], check: str, words: str) -> None:
    verdict = new(**spec)

    assert words in refusal(verdict)
    assert check == verdict.check


@pytest.mark.parametrize(
    "spec",
    [
        pytest.param({"targetType": "instance", "nodeSelector": {}}, id="nodes are chosen among nodes"),
        pytest.param({"iamRoleArnToAssume": ROLE}, id="pods are targets in another account"),
        pytest.param({"vpcID": None}, id="it names no VPC"),
        pytest.param({"ipAddressType": None}, id="it names no address type, which means ipv4"),
        pytest.param({"targetGroupProtocol": None}, id="it names no protocol"),
        pytest.param({"targetType": "instance"}, id="its target type is not the group's"),
    ],
)
def test_a_new_binding_is_allowed_where(spec: dict[str, Any]) -> None:
    assert Verdict() == new(**spec)


def test_silence_about_addresses_means_ipv4() -> None:
    assert "invalid IP address type" in refusal(new(aws=Aws(IpAddressType="ipv6"), ipAddressType=None))


@pytest.mark.parametrize("protocol", ["QUIC", "TCP_QUIC"])
def test_quic_needs_pods_as_targets(protocol: str) -> None:
    verdict = new(aws=Aws(Protocol=protocol), targetGroupProtocol=protocol, targetType="instance")

    assert "QUIC protocol is not supported for instance target types" in refusal(verdict)


def test_a_target_group_that_aws_does_not_have_is_refused() -> None:
    verdict = new(aws=Aws(wrong=AwsNotFound("DescribeTargetGroups", "TargetGroupNotFound", "not found")))

    assert "AWS does not tell the target group" in refusal(verdict)
    assert "checkTargetGroupIPAddressType" == verdict.check


def test_a_binding_whose_name_was_not_resolved_is_judged_by_what_the_name_means() -> None:
    assert Verdict() == new(targetGroupARN=None, targetGroupName="web")


# -- other bindings of the target group


def test_a_target_group_has_one_binding() -> None:
    verdict = new(beside=[complete("first")])

    assert "already bound to TargetGroupBindings shop/first: set multiClusterTargetGroup on all" in refusal(verdict)
    assert "checkExistingTargetGroups" == verdict.check


@pytest.mark.parametrize(
    ("ours", "others", "allowed"),
    [
        (True, [True], True),
        (True, [True, True], True),
        (True, [True, False], False),
        (True, [False], False),
        (False, [True], False),
    ],
)
def test_bindings_share_a_target_group_where_all_are_multi_cluster(
    ours: bool, others: list[bool], allowed: bool
) -> None:
    beside = [complete(f"b{n}", multiClusterTargetGroup=other) for n, other in enumerate(others)]

    assert allowed == (new(beside=beside, multiClusterTargetGroup=ours).refusal is None)


def test_bindings_of_other_target_groups_and_the_binding_itself_do_not_count() -> None:
    assert Verdict() == new(beside=[complete("other", targetGroupARN=OTHER_ARN), complete()])


def test_a_binding_made_a_moment_before_counts() -> None:
    cluster = a_cluster(live=[complete("first")])

    assert "already bound" in refusal(validating(cluster=cluster)(a_review(complete())))


def test_a_binding_deleted_a_moment_before_does_not_count() -> None:
    cluster = a_cluster(complete("first"), live=[])

    assert Verdict() == validating(cluster=cluster)(a_review(complete()))


def test_while_the_api_server_does_not_answer_what_is_known_counts() -> None:
    cluster = a_cluster(complete("first"), broken=0)

    assert "already bound" in refusal(validating(cluster=cluster)(a_review(complete())))


def test_while_nothing_is_known_nothing_is_decided() -> None:
    with pytest.raises(KubernetesError):
        validating(cluster=a_cluster(ready=False, broken=0))(a_review(complete()))


# -- changes


@pytest.mark.parametrize(
    ("field", "before", "after"),
    [
        ("targetGroupARN", ARN, OTHER_ARN),
        ("targetType", "ip", "instance"),
        ("ipAddressType", "ipv4", "ipv6"),
        ("ipAddressType", "ipv4", None),
        ("ipAddressType", None, "ipv6"),
        ("vpcID", VPC, OTHER_VPC),
        ("vpcID", VPC, None),
        ("vpcID", None, OTHER_VPC),
    ],
)
def test_a_field_that_would_need_another_target_group_may_not_change(
    field: str, before: str | None, after: str | None
) -> None:
    verdict = changed(complete(**{field: before}), complete(**{field: after}))

    expected = f"update may not change this immutable field, which is {before or 'not set'}"
    assert expected in refusal(verdict)
    assert f"spec.{field}" in refusal(verdict)
    assert "checkImmutableFields" == verdict.check


@pytest.mark.parametrize(
    ("field", "before", "after"),
    [
        ("ipAddressType", None, "ipv4"),
        ("vpcID", None, VPC),
        ("multiClusterTargetGroup", None, True),
        ("targetGroupProtocol", "HTTP", "TCP"),
    ],
)
def test_a_field_may_change_where_the_target_group_stays(field: str, before: Any, after: Any) -> None:
    assert Verdict() == changed(complete(**{field: before}), complete(**{field: after}))


def test_a_name_that_now_means_another_target_group_is_a_change() -> None:
    old, new = complete(), complete(targetGroupARN=None, targetGroupName="web")

    assert "spec.targetGroupARN" in refusal(changed(old, new, aws=Aws(TargetGroupArn=OTHER_ARN)))


def test_a_change_asks_aws_nothing() -> None:
    aws = Aws()
    changed(complete(), complete(multiClusterTargetGroup=True), aws=aws)

    assert [] == aws.queries


def test_a_binding_whose_spec_stays_is_let_through_whatever_it_says() -> None:
    wrong = complete(targetType=None, targetGroupARN=None)

    assert Verdict() == changed(wrong, wrong)


def test_a_deletion_is_allowed() -> None:
    assert Verdict() == validating()(a_review(None, old=complete(targetType=None), operation="DELETE"))
