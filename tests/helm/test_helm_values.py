"""Every value does what its name says: none is ignored, a wrong one is named, and flags reach the program as meant."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from functools import cache
from typing import Any

import pytest
import yaml
from chart_world import (
    CHART,
    GIVEN_TLS,
    RELEASE,
    REQUIRED,
    Helm,
    HelmError,
    Obj,
    container_of,
    one,
    pod_of,
    webhooks_of,
)

from aws_lb_controller.settings import Settings
from contract_data import contract

EXPRESSION = {"key": "team", "operator": "In", "values": ["shop"]}

# for every value of the chart of v3.5.0, one that is not its default
CHANGED: dict[str, Any] = {
    "replicaCount": 3,
    "revisionHistoryLimit": 2,
    "image": {"repository": "registry.example.com/lbc", "tag": "9.9.9", "pullPolicy": "Always"},
    "runtimeClassName": "gvisor",
    "imagePullSecrets": [{"name": "registry"}],
    "nameOverride": "balancer",
    "fullnameOverride": "the-balancer",
    "autoscaling": {"enabled": True, "minReplicas": 2, "maxReplicas": 9, "targetCPUUtilizationPercentage": 60},
    "serviceAccount": {
        "create": False,
        "annotations": {"eks.amazonaws.com/role-arn": "arn:aws:iam::123456789012:role/{{ .Release.Name }}"},
        "name": "somebody",
        "automountServiceAccountToken": False,
        "imagePullSecrets": [{"name": "registry"}],
    },
    "rbac": {"create": False},
    "podSecurityContext": {"fsGroup": 1000},
    "securityContext": {"readOnlyRootFilesystem": False, "runAsNonRoot": False, "allowPrivilegeEscalation": True},
    "terminationGracePeriodSeconds": 60,
    "resources": {"requests": {"cpu": "100m"}},
    "priorityClassName": "high",
    "nodeSelector": {"kubernetes.io/os": "linux"},
    "tolerations": [{"key": "system", "operator": "Exists"}],
    "affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": []}}},
    "configureDefaultAffinity": False,
    "topologySpreadConstraints": [
        {"maxSkew": 1, "topologyKey": "topology.kubernetes.io/zone", "whenUnsatisfiable": "ScheduleAnyway"}
    ],
    "updateStrategy": {"type": "Recreate"},
    "serviceAnnotations": {"team": "shop"},
    "deploymentAnnotations": {"team": "shop"},
    "podAnnotations": {"team": "shop"},
    "podLabels": {"team": "shop"},
    "additionalLabels": {"team": "shop"},
    "enableCertManager": True,
    "certManager": {
        "duration": "24h0m0s",
        "renewBefore": "1h0m0s",
        "revisionHistoryLimit": 3,
        "rootCert": {"duration": "48h0m0s"},
    },
    "clusterName": "other",
    "cluster": {"dnsDomain": "cluster.example"},
    "ingressClass": "shop",
    "ingressClassParams": {"create": False, "name": "shop", "spec": {"scheme": "internal"}},
    "createIngressClassResource": False,
    "region": "eu-central-1",
    "vpcId": "vpc-1",
    "vpcTags": {"Name": "shop", "team": "a,b"},
    "awsApiEndpoints": "EC2=https://ec2.example.com",
    "awsApiThrottle": ["EC2:.*=1:2", "Elastic Load Balancing v2:^Describe=3:4"],
    "awsMaxRetries": 3,
    "defaultTargetType": "ip",
    "defaultLoadBalancerScheme": "internet-facing",
    "enablePodReadinessGateInject": False,
    "enableShield": False,
    "enableWaf": False,
    "enableWafv2": False,
    "ingressMaxConcurrentReconciles": 5,
    "logLevel": "debug",
    "metricsBindAddr": "127.0.0.1:9090",
    "webhookConfig": {
        "disableIngressValidation": True,
        "ingressValdationFailurePolicy": "Ignore",
        "ingressValidationObjectSelector": {"matchExpressions": [EXPRESSION], "matchLabels": {"team": "shop"}},
        "ingressValidationNamespaceSelector": {"matchExpressions": [EXPRESSION], "matchLabels": {"team": "shop"}},
    },
    "webhookBindPort": 8443,
    "webhookTLS": {part: text.replace(part, "other") for part, text in GIVEN_TLS.items()},
    "keepTLSSecret": True,
    "webhookNamespaceSelectors": [EXPRESSION],
    "serviceMaxConcurrentReconciles": 5,
    "targetgroupbindingMaxConcurrentReconciles": 5,
    "targetgroupbindingMaxExponentialBackoffDelay": "20s",
    "targetgroupbindingRequeueDuration": "30s",
    "albGatewayMaxConcurrentReconciles": 5,
    "nlbGatewayMaxConcurrentReconciles": 5,
    "globalAcceleratorMaxConcurrentReconciles": 5,
    "globalAcceleratorMaxExponentialBackoffDelay": "40s",
    "lbStabilizationMonitorInterval": "50s",
    "syncPeriod": "1h0m0s",
    "watchNamespace": "shop",
    "disableIngressClassAnnotation": True,
    "disableIngressGroupNameAnnotation": True,
    "tolerateNonExistentBackendService": False,
    "tolerateNonExistentBackendAction": False,
    "defaultSSLPolicy": "ELBSecurityPolicy-TLS13-1-2-2021-06",
    "livenessProbe": {
        "failureThreshold": 3,
        "httpGet": {"path": "/livez", "port": 61780, "scheme": "HTTPS"},
        "initialDelaySeconds": 31,
        "timeoutSeconds": 11,
    },
    "readinessProbe": {
        "failureThreshold": 3,
        "httpGet": {"path": "/livez", "port": 61780, "scheme": "HTTPS"},
        "successThreshold": 2,
        "initialDelaySeconds": 31,
        "timeoutSeconds": 11,
    },
    "env": {"LIMIT": 1000000, "FAST": True, "WORD": "a: b"},
    "hostNetwork": True,
    "dnsPolicy": "ClusterFirstWithHostNet",
    "extraVolumeMounts": [{"name": "token", "mountPath": "/var/run/token"}],
    "extraVolumes": [{"name": "token", "emptyDir": {}}],
    "defaultTags": {"team": "shop", "cost": 'centre, "main"'},
    "podDisruptionBudget": {"maxUnavailable": 1},
    "externalManagedTags": ["owner", "stage"],
    "enableEndpointSlices": False,
    "enableBackendSecurityGroup": False,
    "enableManageBackendSecurityGroupRules": True,
    "backendSecurityGroup": "sg-1",
    "disableRestrictedSecurityGroupRules": True,
    "maxTargetsPerTargetGroup": 7,
    "controllerConfig": {"featureGates": {"EnableTCPUDPListener": True, "NLBSecurityGroup": "false"}},
    "certManagement": {"defaultPCAARN": "arn:aws:acm-pca:us-west-2:123456789012:certificate-authority/1"},
    "certDiscovery": {"allowedCertificateAuthorityARNs": "arn:1,arn:2"},
    "objectSelector": {"matchExpressions": [EXPRESSION], "matchLabels": {"team": "shop"}},
    "serviceMonitor": {
        "enabled": True,
        "namespace": "monitoring",
        "additionalLabels": {"release": "prometheus"},
        "interval": "15s",
        "scrapeTimeout": "5s",
        "relabelings": [{"action": "labeldrop", "regex": "pod"}],
        "metricRelabelings": [{"action": "labeldrop", "regex": "pod"}],
    },
    "clusterSecretsPermissions": {"allowAllSecrets": True},
    "ingressClassConfig": {"default": True},
    "enableServiceMutatorWebhook": False,
    "serviceMutatorWebhookConfig": {
        "failurePolicy": "Ignore",
        "objectSelector": {"matchExpressions": [EXPRESSION], "matchLabels": {"team": "shop"}},
        "namespaceSelectors": [EXPRESSION],
        "operations": ["CREATE", "UPDATE"],
    },
    "podMutatorWebhookConfig": {"failurePolicy": "Fail"},
    "serviceTargetENISGTags": "team=shop,stage=one",
    "loadBalancerClass": "example.com/nlb",
}

# what must be on for a value to have anything to act on: start of its path → other values
NEEDS: dict[str, dict[str, Any]] = {
    "autoscaling.": {"autoscaling": {"enabled": True}},
    "serviceMonitor.": {"serviceMonitor": {"enabled": True}},
    "certManager.": {"enableCertManager": True},
    "cluster.dnsDomain": {"enableCertManager": True},
}

Path = tuple[str, ...]


def paths_in(values: Mapping[str, Any], start: Path = ()) -> dict[Path, Any]:
    """Path → value; an empty map is a value."""
    found: dict[Path, Any] = {}
    for key, value in values.items():
        found |= paths_in(value, (*start, key)) if isinstance(value, dict) and value else {(*start, key): value}
    return found


def at(path: Path, value: Any) -> dict[str, Any]:
    """Values with one value in them."""
    return {path[0]: at(path[1:], value) if path[1:] else value}


def merged(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    """Values laid over values."""
    both = {key: merged(one[key], other[key]) for key in one.keys() & other.keys() if isinstance(one[key], dict)}
    return {**one, **other, **both}


def look_up(values: Mapping[str, Any], path: Path) -> Any:
    for key in path:
        values = values[key]
    return values


VALUES = sorted(paths_in(contract("helm-values")))


@cache
def _rendered(helm: Helm, text: str) -> list[Obj]:
    return helm.template(yaml.safe_load(text))


def rendered(helm: Helm, values: Mapping[str, Any]) -> list[Obj]:
    """What the chart makes with a given certificate, which would differ otherwise from run to run."""
    return _rendered(helm, yaml.safe_dump(merged({"webhookTLS": GIVEN_TLS}, values)))


@pytest.mark.parametrize("path", VALUES, ids=".".join)
def test_no_value_is_ignored(helm: Helm, path: Path) -> None:
    needed = next((more for start, more in NEEDS.items() if ".".join(path).startswith(start)), {})
    before = {} if path[-1] == "enabled" else needed
    after = merged(before, at(path, look_up(CHANGED, path)))
    assert rendered(helm, before) != rendered(helm, after)


FLAGS = [  # value, flag's field, what the program understands of CHANGED
    ("clusterName", "cluster_name", "other"),
    ("ingressClass", "ingress_class", "shop"),
    ("region", "aws_region", "eu-central-1"),
    ("vpcId", "aws_vpc_id", "vpc-1"),
    ("vpcTags", "aws_vpc_tags", {"Name": "shop", "team": "a,b"}),
    ("awsApiEndpoints", "aws_api_endpoints", {"EC2": "https://ec2.example.com"}),
    ("awsMaxRetries", "aws_max_retries", 3),
    ("defaultTargetType", "default_target_type", "ip"),
    ("defaultLoadBalancerScheme", "default_load_balancer_scheme", "internet-facing"),
    ("enablePodReadinessGateInject", "enable_pod_readiness_gate_inject", False),
    ("enableShield", "enable_shield", False),
    ("enableWaf", "enable_waf", False),
    ("enableWafv2", "enable_wafv2", False),
    ("ingressMaxConcurrentReconciles", "ingress_max_concurrent_reconciles", 5),
    ("logLevel", "log_level", "debug"),
    ("webhookBindPort", "webhook_bind_port", 8443),
    ("serviceMaxConcurrentReconciles", "service_max_concurrent_reconciles", 5),
    ("targetgroupbindingMaxConcurrentReconciles", "targetgroupbinding_max_concurrent_reconciles", 5),
    (
        "targetgroupbindingMaxExponentialBackoffDelay",
        "targetgroupbinding_max_exponential_backoff_delay",
        timedelta(seconds=20),
    ),
    ("targetgroupbindingRequeueDuration", "targetgroupbinding_requeue_duration", timedelta(seconds=30)),
    ("albGatewayMaxConcurrentReconciles", "alb_gateway_max_concurrent_reconciles", 5),
    ("nlbGatewayMaxConcurrentReconciles", "nlb_gateway_max_concurrent_reconciles", 5),
    ("globalAcceleratorMaxConcurrentReconciles", "globalaccelerator_max_concurrent_reconciles", 5),
    (
        "globalAcceleratorMaxExponentialBackoffDelay",
        "globalaccelerator_max_exponential_backoff_delay",
        timedelta(seconds=40),
    ),
    ("lbStabilizationMonitorInterval", "lb_stabilization_monitor_interval", timedelta(seconds=50)),
    ("syncPeriod", "sync_period", timedelta(hours=1)),
    ("watchNamespace", "watch_namespace", "shop"),
    ("disableIngressClassAnnotation", "disable_ingress_class_annotation", True),
    ("disableIngressGroupNameAnnotation", "disable_ingress_group_name_annotation", True),
    ("tolerateNonExistentBackendService", "tolerate_non_existent_backend_service", False),
    ("tolerateNonExistentBackendAction", "tolerate_non_existent_backend_action", False),
    ("defaultSSLPolicy", "default_ssl_policy", "ELBSecurityPolicy-TLS13-1-2-2021-06"),
    ("defaultTags", "default_tags", {"team": "shop", "cost": 'centre, "main"'}),
    ("externalManagedTags", "external_managed_tags", ("owner", "stage")),
    ("enableEndpointSlices", "enable_endpoint_slices", False),
    ("enableBackendSecurityGroup", "enable_backend_security_group", False),
    ("enableManageBackendSecurityGroupRules", "enable_manage_backend_security_group_rules", True),
    ("backendSecurityGroup", "backend_security_group", "sg-1"),
    ("disableRestrictedSecurityGroupRules", "disable_restricted_sg_rules", True),
    ("maxTargetsPerTargetGroup", "max_targets_per_target_group", 7),
    ("certManagement", "default_pca_arn", "arn:aws:acm-pca:us-west-2:123456789012:certificate-authority/1"),
    ("certDiscovery", "allowed_certificate_authority_arns", ("arn:1", "arn:2")),
    ("serviceTargetENISGTags", "service_target_eni_security_group_tags", {"team": "shop", "stage": "one"}),
    ("loadBalancerClass", "load_balancer_class", "example.com/nlb"),
]


@pytest.mark.parametrize(("value", "field", "expected"), FLAGS, ids=[flag[0] for flag in FLAGS])
def test_a_flag_reaches_the_program_as_it_is_meant(helm: Helm, value: str, field: str, expected: Any) -> None:
    args = container_of(rendered(helm, {value: CHANGED[value]}))["args"]
    assert expected == getattr(Settings.from_args(args), field)


def test_flags_of_several_parts_reach_the_program_as_they_are_meant(helm: Helm) -> None:
    values = {name: CHANGED[name] for name in ("awsApiThrottle", "controllerConfig", "metricsBindAddr")}
    settings = Settings.from_args(container_of(rendered(helm, values))["args"])
    assert [(1, 2)] == [(rule.rate, rule.burst) for rule in settings.aws_api_throttle["EC2"]]
    gates = settings.feature_gates
    assert (True, False) == (gates.enable_tcp_udp_listener, gates.nlb_security_group)
    assert (("127.0.0.1", 9090)) == (settings.metrics_bind_addr.host, settings.metrics_bind_addr.port)


def test_flags_without_a_value_of_their_own_are_given_as_they_are(helm: Helm) -> None:
    args = container_of(rendered(helm, {"extraArgs": ["--required-secrets-label=team=shop"]}))["args"]
    assert ("team", "shop") == Settings.from_args(args).required_secrets_label


def test_a_single_tag_may_hold_a_comma(helm: Helm) -> None:
    args = container_of(rendered(helm, {"defaultTags": {"team": "a,b"}}))["args"]
    assert {"team": "a,b"} == Settings.from_args(args).default_tags


@pytest.mark.parametrize("value", ["awsMaxRetries", "maxTargetsPerTargetGroup"])
def test_zero_is_a_value(helm: Helm, value: str) -> None:
    assert container_of(rendered(helm, {})) != container_of(rendered(helm, {value: 0}))


def test_by_default_the_program_warns_of_nothing(helm: Helm) -> None:
    assert () == Settings.from_args(container_of(rendered(helm, {}))["args"]).warnings()


@pytest.mark.parametrize("value", ["clusterName", "region", "vpcId"])
def test_a_template_may_stand_in(helm: Helm, value: str) -> None:
    args = container_of(rendered(helm, {value: "vpc-{{ .Release.Namespace }}"}))["args"]
    assert any(arg.endswith("=vpc-kube-system") for arg in args)


@pytest.mark.parametrize(
    ("path", "wrong", "named"),
    [
        ("replicaCount", "two", "/replicaCount"),
        ("replicaCounts", 2, "replicaCounts"),
        ("serviceAccount.nmae", "me", "'nmae'"),
        ("defaultTargetType", "node", "/defaultTargetType"),
        ("image.pullPolicy", "Sometimes", "/image/pullPolicy"),
        ("enableShield", "yes", "/enableShield"),
        ("syncPeriod", "an hour", "/syncPeriod"),
        ("webhookBindPort", 70000, "/webhookBindPort"),
        ("backendSecurityGroup", "default", "/backendSecurityGroup"),
        ("controllerConfig.featureGates.NoSuchGate", True, "'NoSuchGate'"),
        ("controllerConfig.featureGates.NLBSecurityGroup", "on", "/controllerConfig/featureGates/NLBSecurityGroup"),
        ("podMutatorWebhookConfig.failurePolicy", "ignore", "/podMutatorWebhookConfig/failurePolicy"),
        ("serviceMutatorWebhookConfig.operations", ["DELETE"], "/serviceMutatorWebhookConfig/operations/0"),
        ("webhookTLS.caCert", "not PEM", "/webhookTLS/caCert"),
        ("topologySpreadConstraints", {"maxSkew": 1}, "/topologySpreadConstraints"),
        ("podAnnotations", {"count": 3}, "/podAnnotations/count"),
        ("metricsBindAddr", "8080", "/metricsBindAddr"),
        ("extraArgs", ["log-level=debug"], "/extraArgs/0"),
    ],
)
def test_a_wrong_value_is_named(helm: Helm, path: str, wrong: Any, named: str) -> None:
    with pytest.raises(HelmError, match=named):
        helm.template(at(tuple(path.split(".")), wrong))


def test_without_a_cluster_name_nothing_is_made(helm: Helm) -> None:
    with pytest.raises(HelmError, match="clusterName is required"):
        helm.template({"clusterName": None})


def test_half_a_certificate_is_refused_with_the_half_that_is_missing(helm: Helm) -> None:
    with pytest.raises(HelmError, match=r"webhookTLS\.key: is missing"):
        helm.template({"webhookTLS": {**GIVEN_TLS, "key": None}})


def test_an_empty_map_is_an_empty_list(helm: Helm) -> None:
    assert rendered(helm, {}) == rendered(helm, {"topologySpreadConstraints": {}, "tolerations": {}})


def test_a_subcharts_globals_are_let_through(helm: Helm) -> None:
    assert rendered(helm, {}) == rendered(helm, {"global": {"region": "somewhere"}})


def test_a_service_account_of_somebody_else_is_used_and_not_made(helm: Helm) -> None:
    made = rendered(helm, {"serviceAccount": {"create": False, "name": "somebody"}})
    assert [] == [obj for obj in made if obj["kind"] == "ServiceAccount"]
    bound = [obj["subjects"][0]["name"] for obj in made if obj["kind"].endswith("RoleBinding")]
    assert (["somebody"] * 2, "somebody") == (bound, pod_of(made)["serviceAccountName"])
    own = webhooks_of(made)["vingress.elbv2.k8s.aws"]["matchConditions"][0]["expression"]
    assert 'request.userInfo.username != "system:serviceaccount:kube-system:somebody"' == own


def test_names_follow_the_release_as_they_did(helm: Helm) -> None:
    made = helm.template({"webhookTLS": GIVEN_TLS}, release="mine", namespace="balancing")
    assert "mine-aws-load-balancer-controller" == one(made, "Deployment")["metadata"]["name"]
    service = webhooks_of(made)["mservice.elbv2.k8s.aws"]["clientConfig"]["service"]
    assert ("aws-load-balancer-webhook-service", "balancing") == (service["name"], service["namespace"])


def test_another_class_is_the_one_whose_ingresses_are_validated(helm: Helm) -> None:
    made = rendered(helm, {"ingressClass": "shop"})
    conditions = {
        one["name"]: one["expression"] for one in webhooks_of(made)["vingress.elbv2.k8s.aws"]["matchConditions"]
    }
    assert (2, 0) == (conditions["may-be-ours"].count('== "shop"'), conditions["may-be-ours"].count('== "alb"'))


def test_a_class_refers_to_its_params_when_they_say_anything(helm: Helm) -> None:
    silent = one(rendered(helm, {}), "IngressClass")["spec"]
    said = one(rendered(helm, {"ingressClassParams": {"spec": {"scheme": "internal"}}}), "IngressClass")["spec"]
    named = one(rendered(helm, {"ingressClassParams": {"create": False, "name": "shop"}}), "IngressClass")["spec"]
    names = [spec.get("parameters", {}).get("name") for spec in (silent, said, named)]
    assert [None, "alb", "shop"] == names


def test_without_metrics_nobody_is_told_to_scrape(helm: Helm) -> None:
    made = rendered(helm, {"metricsBindAddr": "0"})
    assert ["webhook-server"] == [port["name"] for port in container_of(made)["ports"]]
    assert "annotations" not in one(made, "Deployment")["spec"]["template"]["metadata"]
    with pytest.raises(HelmError, match=r"serviceMonitor\.enabled: there are no metrics"):
        rendered(helm, {"metricsBindAddr": "0", "serviceMonitor": {"enabled": True}})


def test_a_budget_never_holds_the_only_replica(helm: Helm) -> None:
    budget = {"podDisruptionBudget": {"minAvailable": 1}}
    for values, expected in (({}, 1), ({"replicaCount": 1}, 0), ({"autoscaling": {"enabled": True}}, 0)):
        made = rendered(helm, {**budget, **values})
        assert expected == len([obj for obj in made if obj["kind"] == "PodDisruptionBudget"])


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"image": {"repository": "public.ecr.aws/eks/aws-load-balancer-controller"}}, "is another controller"),
        ({"autoscaling": {"enabled": True}}, "no effect without resources.requests.cpu"),
        ({"podDisruptionBudget": {"minAvailable": 1}, "replicaCount": 1}, "podDisruptionBudget is left out"),
        ({"clusterSecretsPermissions": {"allowAllSecrets": True}}, "read every Secret"),
        ({"networkPolicy": {"enabled": True}, "hostNetwork": True}, "no effect on pods with hostNetwork"),
        ({}, "rollout status deployment/aws-load-balancer-controller"),
    ],
)
def test_the_notes_tell_what_to_look_out_for(helm_there: Helm, values: dict[str, Any], said: str) -> None:
    file = helm_there.values({**REQUIRED, **values})
    told = helm_there("install", RELEASE, str(CHART), "--dry-run=client", "--values", str(file))
    assert said in told.partition("NOTES:")[2]
