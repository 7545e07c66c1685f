"""What moto does not know, held against botocore's model of the API: IPAM pools, trust stores by name, private CAs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from aws_builders import our_clients, settings
from botocore.stub import Stubber

from aws_lb_controller.aws.answer import Answers
from aws_lb_controller.aws.apply import Applier
from aws_lb_controller.aws.backend_group import BackendSecurityGroup
from aws_lb_controller.aws.clients import Clients
from aws_lb_controller.aws.observe import Inventory
from aws_lb_controller.aws.wire import action, listener, load_balancer
from aws_lb_controller.build.facts import Certificates, TrustStoreArns
from aws_lb_controller.model.listener import Forward, MutualAuthentication, WeightedTargetGroup
from aws_lb_controller.plan.steps import ModifyIpPools

ARN = "arn:aws:elasticloadbalancing:us-west-2:123456789012:loadbalancer/app/web/0123456789abcdef"


@pytest.fixture
def ours(aws: Any) -> Clients:
    return our_clients(aws.world.vpc_id)


@pytest.fixture
def elbv2(ours: Clients) -> Iterator[Stubber]:
    with Stubber(ours.elbv2) as stubber:
        yield stubber
        stubber.assert_no_pending_responses()


def answers(ours: Clients, **more: Any) -> Answers:
    backend = BackendSecurityGroup(ours, settings())
    return Answers(ours, Inventory(ours, settings(), backend), **more)


OK: dict[str, Any] = {"ResponseMetadata": {"HTTPStatusCode": 200}}


def a_trust_store(name: str) -> dict[str, str]:
    return {"Name": name, "TrustStoreArn": f"arn:{name}"}


# -- IPAM pools


@pytest.mark.parametrize(
    ("pool", "parameters"),
    [("pool-1", {"IpamPools": {"Ipv4IpamPoolId": "pool-1"}}), (None, {"RemoveIpamPools": ["ipv4"]})],
)
def test_an_address_pool_is_set_or_removed(
    pool: str | None, parameters: dict[str, Any], ours: Clients, elbv2: Stubber
) -> None:
    elbv2.add_response("modify_ip_pools", OK, {"LoadBalancerArn": ARN, **parameters})
    applier = Applier(ours, settings(), BackendSecurityGroup(ours, settings()))
    applier.carry_out(ModifyIpPools(arn=ARN, ipv4_ipam_pool_id=pool))


@pytest.mark.parametrize(
    ("told", "pool"), [({"IpamPools": {"Ipv4IpamPoolId": "pool-1"}}, "pool-1"), ({"IpamPools": {}}, None), ({}, None)]
)
def test_the_pool_of_a_load_balancer_is_seen(told: dict[str, Any], pool: str | None) -> None:
    described = {"LoadBalancerArn": ARN, "LoadBalancerName": "web", "Type": "application", **told}
    found = load_balancer.seen(described, resource_tag="ingress.k8s.aws/resource", tags={}, attributes={})
    assert pool == found.resource.ipv4_ipam_pool_id


# -- trust stores


def test_trust_stores_are_found_by_name_in_one_call(ours: Clients, elbv2: Stubber) -> None:
    found = {"TrustStores": [a_trust_store("a"), a_trust_store("b")], **OK}
    elbv2.add_response("describe_trust_stores", found, {"Names": ["a", "b"]})
    asked = TrustStoreArns(frozenset({"a", "b"}))
    assert {"a": "arn:a", "b": "arn:b"} == answers(ours).answer([asked])[asked]


def test_a_trust_store_that_is_missing_does_not_hide_the_others(ours: Clients, elbv2: Stubber) -> None:
    elbv2.add_client_error("describe_trust_stores", "TrustStoreNotFound", http_status_code=400)
    elbv2.add_response("describe_trust_stores", {"TrustStores": [a_trust_store("a")], **OK}, {"Names": ["a"]})
    elbv2.add_client_error("describe_trust_stores", "TrustStoreNotFound", http_status_code=400)
    asked = TrustStoreArns(frozenset({"a", "b"}))
    assert {"a": "arn:a"} == answers(ours).answer([asked])[asked]


@pytest.mark.parametrize("mode", ["off", "passthrough"])
def test_a_mode_without_a_trust_store_is_sent_with_an_empty_one(mode: str) -> None:
    sent = listener.mutual_authentication(MutualAuthentication(mode=mode))
    assert {"Mode": mode, "TrustStoreArn": ""} == sent


# -- forwards in the short form


def test_a_forward_without_its_config_is_a_target_groups_arn() -> None:
    forward = Forward(target_groups=(WeightedTargetGroup("arn:tg"),), without_config=True)
    assert [{"Type": "forward", "TargetGroupArn": "arn:tg", "Order": 1}] == action.to_aws([forward])
    assert (Forward(target_groups=(WeightedTargetGroup("arn:tg"),)),) == action.from_aws(action.to_aws([forward]))


# -- certificates of private authorities

AUTHORITY = "arn:aws:acm-pca:us-west-2:123456789012:certificate-authority/0a1b2c3d-0000-4000-8000-000000000001"
LISTED = (
    ("public", "AMAZON_ISSUED"),
    ("private", "PRIVATE"),
    ("brought", "IMPORTED"),
)


@pytest.fixture
def acm(ours: Clients) -> Iterator[Stubber]:
    """ACM, which lists a certificate of each type whenever it is asked."""
    with Stubber(ours.acm) as stubber:
        yield stubber
        stubber.assert_no_pending_responses()


def certificate_arn(name: str) -> str:
    return f"arn:aws:acm:us-west-2:123456789012:certificate/{name}"


def lists(acm: Stubber) -> None:
    summaries = [
        {
            "CertificateArn": certificate_arn(name),
            "Type": kind,
            "SubjectAlternativeNameSummaries": [f"{name}.example.com"],
        }
        for name, kind in LISTED
    ]
    acm.add_response("list_certificates", {"CertificateSummaryList": summaries, **OK})


def describes(acm: Stubber, authority: str) -> None:
    found = {"Certificate": {"CertificateAuthorityArn": authority}, **OK}
    acm.add_response("describe_certificate", found, {"CertificateArn": certificate_arn("private")})


def found(of: Answers) -> list[str]:
    return [each.arn.rpartition("/")[2] for each in of.answer([Certificates()], refresh=True)[Certificates()]]


@pytest.mark.parametrize(("authority", "names"), [(AUTHORITY, ["private"]), ("arn:aws:acm-pca:other:1:ca/2", [])])
def test_where_authorities_are_named_only_their_certificates_are_found(
    authority: str, names: list[str], ours: Clients, acm: Stubber
) -> None:
    lists(acm)
    describes(acm, authority)
    assert names == found(answers(ours, allowed_authorities=frozenset({AUTHORITY})))


def test_where_no_authority_is_named_all_certificates_are_found(ours: Clients, acm: Stubber) -> None:
    lists(acm)
    assert ["brought", "private", "public"] == found(answers(ours))


def test_who_issued_a_certificate_is_asked_once(ours: Clients, acm: Stubber) -> None:
    allowed = answers(ours, allowed_authorities=frozenset({AUTHORITY}))
    lists(acm)
    describes(acm, AUTHORITY)
    lists(acm)
    assert [["private"], ["private"]] == [found(allowed), found(allowed)]
