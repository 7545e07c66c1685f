"""What only some users need of the API server: Secrets that they grant, ConfigMaps beside shared target groups."""

from __future__ import annotations

import base64
import json

import pytest

from e2e_world import ALB, Controller, Obj, Place, ingress, service, until, until_nothing
from localworld.control_plane import KubectlError
from localworld.world import SERVICE_ACCOUNT

NAMESPACE, ACCOUNT = SERVICE_ACCOUNT
USER = f"system:serviceaccount:{NAMESPACE}:{ACCOUNT}"
RBAC = "rbac.authorization.k8s.io"


def a_grant(secret: str) -> list[Obj]:
    """A Role for one Secret, as docs/oidc-secrets.md has it."""
    rule = {"apiGroups": [""], "resources": ["secrets"], "resourceNames": [secret], "verbs": ["get", "list", "watch"]}
    role = {"apiVersion": f"{RBAC}/v1", "kind": "Role", "metadata": {"name": "sign-in"}, "rules": [rule]}
    subject = {"kind": "ServiceAccount", "namespace": NAMESPACE, "name": ACCOUNT}
    binding = {
        "apiVersion": f"{RBAC}/v1",
        "kind": "RoleBinding",
        "metadata": {"name": "sign-in"},
        "roleRef": {"apiGroup": RBAC, "kind": "Role", "name": "sign-in"},
        "subjects": [subject],
    }
    return [role, binding]


def a_secret(text: str) -> Obj:
    held = {"clientID": "shop", "clientSecret": text}
    data = {key: base64.b64encode(value.encode()).decode() for key, value in held.items()}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "oidc"}, "data": data}


def may_watch(place: Place, secret: str) -> bool:
    """Whether the API server has heard of the Role."""
    command = ("auth", "can-i", "watch", f"secret/{secret}", f"--as={USER}", "-n", place.namespace)
    try:
        return "yes" == place.cluster.kubectl(*command).strip()
    except KubectlError:  # kubectl's way to say no
        return False


@pytest.fixture
def certificate(place: Place) -> str:
    """The ARN of a certificate."""
    acm = place.world.aws.client("acm")
    return str(acm.request_certificate(DomainName="shop.example.com")["CertificateArn"])


@pytest.mark.usefixtures("controller")
def test_a_secret_that_a_role_of_the_user_grants_is_enough_to_sign_in_with(place: Place, certificate: str) -> None:
    place.apply(*a_grant("oidc"), a_secret("hush"), service())
    until("the Role to count", lambda: may_watch(place, "oidc"))
    provider = {
        "issuer": "https://id.example.com",
        "authorizationEndpoint": "https://id.example.com/auth",
        "tokenEndpoint": "https://id.example.com/token",
        "userInfoEndpoint": "https://id.example.com/me",
        "secretName": "oidc",
    }
    signing_in = {"auth-type": "oidc", "auth-idp-oidc": json.dumps(provider), "certificate-arn": certificate}
    place.apply(ingress(annotations={f"{ALB}/{key}": value for key, value in signing_in.items()}))
    place.there.wait()
    elbv2 = place.world.aws.elbv2
    hostname = place.hostname("ingress", "web")
    [arn] = [one["LoadBalancerArn"] for one in place.there.view.load_balancers() if one["DNSName"].lower() == hostname]
    [listener] = elbv2.describe_listeners(LoadBalancerArn=arn)["Listeners"]
    rules = elbv2.describe_rules(ListenerArn=listener["ListenerArn"])["Rules"]
    assert "authenticate-oidc" in {action["Type"] for rule in rules for action in rule["Actions"]}


def tracked(place: Place) -> list[str]:
    """The ConfigMaps with this cluster's targets of shared target groups."""
    names = [one["metadata"]["name"] for one in place.objects("configmaps")]
    return [name for name in names if name.startswith("aws-lbc-targets-")]


def test_this_clusters_targets_of_a_shared_target_group_stand_beside_it_as_long_as_it_does(
    controller: Controller, place: Place
) -> None:
    place.apply(service(), ingress(annotations={f"{ALB}/multi-cluster-target-group": "true"}))
    place.there.wait()
    [name] = until("the ConfigMap", lambda: tracked(place))
    before = place.get("configmap", name)["data"]
    place.cluster.kubectl("scale", "deployment/web", "--replicas=3", "-n", place.namespace)
    until("the third target", lambda: place.get("configmap", name)["data"] != before)
    place.delete()
    until_nothing("the end of the ConfigMap", lambda: tracked(place))
    assert controller.process.alive()
