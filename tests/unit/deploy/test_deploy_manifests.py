from typing import Any

import pytest
import yaml

from aws_lb_controller.settings import Settings
from contract_data import REPOSITORY, contract

DEFAULTS = Settings(cluster_name="demo")

DEPLOY = REPOSITORY / "deploy" / "base"
ACCOUNT = {"kind": "ServiceAccount", "name": "aws-load-balancer-controller", "namespace": "kube-system"}


def manifests(file: str) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all((DEPLOY / file).read_text()))


def one(kind: str, file: str) -> dict[str, Any]:
    [found] = [manifest for manifest in manifests(file) if manifest["kind"] == kind]
    return found


def container() -> dict[str, Any]:
    [only] = one("Deployment", "deployment.yaml")["spec"]["template"]["spec"]["containers"]
    return only


def grants(rules: list[dict[str, Any]]) -> set[tuple[str, str, str, str]]:
    """Every (group, resource, verb, resource name or "") that rules allow."""
    return {
        (group, resource, verb, name)
        for rule in rules
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
        for name in rule.get("resourceNames", [""])
    }


@pytest.mark.parametrize("kind", ["ClusterRole", "Role"])
def test_no_more_is_asked_for_than_the_controller_we_replace_asks_for(kind):
    peers = {role["kind"]: grants(role["rules"]) for role in contract("rbac")}
    everywhere = peers["ClusterRole"] if kind == "Role" else set()  # what it asks for in all namespaces we may in one
    assert set() == grants(one(kind, "rbac.yaml")["rules"]) - peers[kind] - everywhere


def test_nothing_is_granted_wholesale():
    granted = grants(one("ClusterRole", "rbac.yaml")["rules"]) | grants(one("Role", "rbac.yaml")["rules"])
    assert [] == [grant for grant in granted if "*" in grant]


def test_secrets_stay_closed_and_nobody_lists_config_maps():
    granted = {grant[1:3] for grant in grants(one("ClusterRole", "rbac.yaml")["rules"])}
    assert set() == {verb for resource, verb in granted if resource == "secrets"}
    assert {"get", "create", "update", "delete"} == {verb for resource, verb in granted if resource == "configmaps"}


def test_whatever_is_watched_may_be_listed_and_the_reverse():
    granted = grants(one("ClusterRole", "rbac.yaml")["rules"])
    listed, watched = ({grant[:2] for grant in granted if grant[2] == verb} for verb in ("list", "watch"))
    assert listed == watched


def test_only_the_controllers_own_lease_may_be_changed():
    granted = grants(one("Role", "rbac.yaml")["rules"])
    assert {DEFAULTS.leader_election_id} == {
        name for _, kind, verb, name in granted if verb != "create" and kind == "leases"
    }


@pytest.mark.parametrize(
    ("binding", "role"), [("ClusterRoleBinding", "ClusterRole"), ("RoleBinding", "Role")], ids=["cluster", "namespace"]
)
def test_a_role_is_bound_to_the_service_account(binding, role):
    bound = one(binding, "rbac.yaml")
    assert one(role, "rbac.yaml")["metadata"]["name"] == bound["roleRef"]["name"]
    assert [ACCOUNT] == bound["subjects"]


def test_the_pods_run_as_the_service_account():
    account = one("ServiceAccount", "serviceaccount.yaml")["metadata"]
    deployment = one("Deployment", "deployment.yaml")
    assert (ACCOUNT["name"], ACCOUNT["namespace"]) == (account["name"], account["namespace"])
    assert ACCOUNT["name"] == deployment["spec"]["template"]["spec"]["serviceAccountName"]
    assert ACCOUNT["namespace"] == deployment["metadata"]["namespace"]


def test_the_arguments_are_understood_and_all_have_an_effect():
    assert () == Settings.from_args(container()["args"]).warnings()


def test_the_ports_are_those_that_the_program_listens_on():
    ports = {port["name"]: port["containerPort"] for port in container()["ports"]}
    assert DEFAULTS.metrics_bind_addr is not None
    expected = {"webhook-server": DEFAULTS.webhook_bind_port, "metrics-server": DEFAULTS.metrics_bind_addr.port}
    assert expected == ports


def test_the_probes_ask_the_health_port():
    assert DEFAULTS.health_probe_bind_addr is not None
    port = DEFAULTS.health_probe_bind_addr.port
    probes = [container()[probe]["httpGet"] for probe in ("livenessProbe", "readinessProbe")]
    assert [("/healthz", port), ("/readyz", port)] == [(p["path"], p["port"]) for p in probes]


def test_the_pod_meets_the_restricted_pod_security_standard():
    pod = one("Deployment", "deployment.yaml")["spec"]["template"]["spec"]["securityContext"]
    own = container()["securityContext"]
    assert (True, "RuntimeDefault") == (pod["runAsNonRoot"], pod["seccompProfile"]["type"])
    assert (False, ["ALL"]) == (own["allowPrivilegeEscalation"], own["capabilities"]["drop"])


def test_the_kustomization_lists_every_manifest_beside_it():
    listed = one("Kustomization", "kustomization.yaml")["resources"]
    beside = [path.name for path in DEPLOY.glob("*.yaml") if path.name != "kustomization.yaml"]
    assert sorted(beside) == sorted(listed)
