"""The log tells of each call of AWS for which reconcile it was made, and never a secret."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from aws_builders import settings
from group_world import GROUP, GroupWorld, a_backend_service, an_issued_certificate

from aws_lb_controller.aws.clients import make_clients
from aws_lb_controller.cluster.kinds import SECRET
from aws_lb_controller.errors import AwsError
from aws_lb_controller.runtime import logs
from builders_ingress import a_path, a_rule, an_ingress
from builders_kube import a_secret
from log_capture import logging_at
from simulated_cluster import samples

ENDPOINTS = ("AuthorizationEndpoint", "TokenEndpoint", "UserInfoEndpoint")
HUSH, OTHER = "hush-hush-hush", "another-secret-of-theirs"
PROVIDER = {
    "issuer": "https://id.example.com",
    "authorizationEndpoint": "https://id.example.com/auth",
    "tokenEndpoint": "https://id.example.com/token",
    "userInfoEndpoint": "https://id.example.com/me",
    "secretName": "oidc",
}


def test_a_call_is_logged_at_debug_with_the_reconcile_it_is_made_for(aws: Any) -> None:
    clients = make_clients(settings(aws_vpc_id=aws.world.vpc_id), may_write=lambda: None, record=logs.aws_call)
    with logging_at("debug") as lines, logs.about(controller="service", kind="Service", name="shop/web") as reconcile:
        clients.ec2.describe_vpcs()
    (line,) = lines()
    assert ("debug", "DescribeVpcs", "shop/web", reconcile) == tuple(
        line[key] for key in ("level", "msg", "name", "reconcileID")
    )
    assert ("EC2", "DescribeVpcs", "", 200, 0) == tuple(
        line["aws"][key] for key in ("service", "operation", "code", "status", "retries")
    )


def test_a_refused_call_is_logged_with_its_code_and_not_with_what_was_sent(aws: Any) -> None:
    clients = make_clients(settings(aws_vpc_id=aws.world.vpc_id), may_write=lambda: None, record=logs.aws_call)
    config = dict.fromkeys(("Issuer", *ENDPOINTS), "https://id.example.com")
    signed: Any = {"AuthenticateOidcConfig": {**config, "ClientId": "shop", "ClientSecret": HUSH}}
    with logging_at("debug") as lines, pytest.raises(AwsError) as refused:
        clients.elbv2.modify_rule(RuleArn="arn:none", Actions=[{"Type": "authenticate-oidc", **signed}])
    (line,) = lines()
    assert ("ModifyRule", refused.value.code) == (line["msg"], line["aws"]["code"])
    assert HUSH not in f"{line} {refused.value}"


def test_calls_are_not_logged_at_info(aws: Any) -> None:
    clients = make_clients(settings(aws_vpc_id=aws.world.vpc_id), may_write=lambda: None, record=logs.aws_call)
    with logging_at("info") as lines:
        clients.ec2.describe_vpcs()
    assert [] == lines()


def test_a_client_secret_is_in_no_line_of_the_log_even_at_debug(aws: Any) -> None:
    world = GroupWorld(aws)
    certificate = an_issued_certificate(aws, "*.example.com")
    sign_in = {"auth-type": "oidc", "auth-idp-oidc": json.dumps(PROVIDER), "certificate-arn": certificate}
    ingress = an_ingress("web", alb={**sign_in, "group.name": GROUP}, rules=[a_rule(a_path("/web", service="web"))])
    secrets = [a_secret("oidc", clientID="shop", clientSecret=text) for text in (HUSH, OTHER)]
    with logging_at("debug") as lines:
        world.cluster.apply(*samples("ingress-class"), a_backend_service("web"), secrets[0], ingress)
        world.run()
        world.cluster.edit(SECRET, "shop", "oidc", {"data": secrets[1]["data"]})
        world.run()
        world.cluster.delete(SECRET, "shop", "oidc")
        world.run()
    log = json.dumps(lines())
    assert "ModifyRule" in log
    encoded = [base64.b64encode(text.encode()).decode() for text in (HUSH, OTHER)]
    assert [] == [text for text in (HUSH, OTHER, *encoded) if text in log]
