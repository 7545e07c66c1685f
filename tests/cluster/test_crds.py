import json
from collections.abc import Iterator
from typing import Any

import pytest

from contract_data import REPOSITORY
from localworld.control_plane import ControlPlane, KubectlError

CRDS = sorted(str(path) for path in (REPOSITORY / "crds").glob("*.yaml"))
ARN = "arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/web/0123456789abcdef"


def binding(name: str = "web", **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "elbv2.k8s.aws/v1beta1",
        "kind": "TargetGroupBinding",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {"targetGroupARN": ARN, "serviceRef": {"name": "web", "port": 80}, **spec},
    }


def params(name: str = "crd-test", **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "elbv2.k8s.aws/v1beta1",
        "kind": "IngressClassParams",
        "metadata": {"name": name},
        "spec": spec,
    }


def agent_config(name: str = "agent", **spec: Any) -> dict[str, Any]:
    addresses = {"dataAddress": "0.0.0.0:80", "controlAddress": "0.0.0.0:3000", "destinationAddress": "127.0.0.1:8080"}
    return {
        "apiVersion": "elbv2.k8s.aws/v1beta1",
        "kind": "ALBTargetControlConfig",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {"image": "agent:1", **addresses, **spec},
    }


@pytest.fixture
def with_crds(control_plane: ControlPlane) -> Iterator[ControlPlane]:
    for path in CRDS:
        control_plane.kubectl("apply", "-f", path)
    for plural in ("targetgroupbindings", "ingressclassparams", "albtargetcontrolconfigs"):
        crd = f"crd/{plural}.elbv2.k8s.aws"
        control_plane.kubectl("wait", "--for=condition=Established", crd, "--timeout=60s")
    yield control_plane
    control_plane.kubectl("delete", "targetgroupbinding", "web", "-n", "default", "--ignore-not-found")
    control_plane.kubectl("delete", "ingressclassparams", "crd-test", "--ignore-not-found")
    control_plane.kubectl("delete", "albtargetcontrolconfig", "agent", "-n", "default", "--ignore-not-found")


def apply(control_plane: ControlPlane, manifest: dict[str, Any]) -> dict[str, Any]:
    text = control_plane.kubectl("apply", "-f", "-", "-o", "json", stdin=json.dumps(manifest))
    return json.loads(text)


def refused(control_plane: ControlPlane, manifest: dict[str, Any]) -> str:
    """Why the API server does not take a manifest."""
    with pytest.raises(KubectlError) as error:
        apply(control_plane, manifest)
    return str(error.value)


def test_a_binding_goes_in_and_comes_out_with_all_of_its_fields(with_crds):
    rule = {
        "from": [{"securityGroup": {"groupID": "sg-1"}}, {"ipBlock": {"cidr": "10.0.0.0/16"}}],
        "ports": [{"protocol": "TCP", "port": 8080}, {"protocol": "UDP", "port": "dns"}],
    }
    manifest = binding(
        targetType="ip",
        targetGroupProtocol="TCP_UDP",
        ipAddressType="ipv4",
        vpcID="vpc-1",
        networking={"ingress": [rule]},
        nodeSelector={"matchExpressions": [{"key": "disk", "operator": "In", "values": ["ssd"]}]},
        multiClusterTargetGroup=True,
    )
    assert manifest["spec"] == apply(with_crds, manifest)["spec"]


def test_a_bindings_printed_columns_name_service_port_and_target_type(with_crds):
    apply(with_crds, binding(targetType="ip"))
    header, row = with_crds.kubectl("get", "targetgroupbinding", "web", "-n", "default").splitlines()
    assert ["NAME", "SERVICE-NAME", "SERVICE-PORT", "TARGET-TYPE", "AGE"] == header.split()
    assert ["web", "web", "80", "ip"] == row.split()[:4]


def test_class_parameters_go_in_and_come_out_with_all_of_their_fields(with_crds):
    manifest = params(
        group={"name": "shop"},
        scheme="internet-facing",
        ipAddressType="dualstack",
        inboundCIDRs=["10.0.0.0/8"],
        subnets={"ids": ["subnet-0a", "subnet-0b"]},
        tags=[{"key": "team", "value": "shop"}],
        listeners=[{"protocol": "HTTP", "port": 80, "listenerAttributes": [{"key": "k", "value": "v"}]}],
        minimumLoadBalancerCapacity={"capacityUnits": 100},
        prefixListsIDs=["pl-1"],
    )
    assert manifest["spec"] == apply(with_crds, manifest)["spec"]


def test_the_set_up_of_the_target_control_agent_goes_in_and_comes_out_with_all_of_its_fields(with_crds):
    manifest = agent_config(
        maxConcurrency=8,
        protocolVersion="HTTP2",
        rustLog="debug",
        tlsCertPath="/tls/tls.crt",
        tlsKeyPath="/tls/tls.key",
        tlsSecurityPolicy="strict",
        resources={"requests": {"cpu": "100m", "memory": 64}, "limits": {"memory": "1Gi"}, "claims": [{"name": "gpu"}]},
    )
    assert manifest["spec"] == apply(with_crds, manifest)["spec"]


def test_the_agent_hands_on_one_request_at_a_time_where_nothing_else_is_written(with_crds):
    assert 1 == apply(with_crds, agent_config())["spec"]["maxConcurrency"]


@pytest.mark.parametrize(
    ("manifest", "why"),
    [
        (binding(targetType="pod"), "spec.targetType"),
        (binding(targetGroupProtocol="GRPC"), "spec.targetGroupProtocol"),
        (binding(networking={"ingress": [{"from": [{"ipBlock": {}}], "ports": []}]}), "cidr"),
        (params(scheme="public"), "spec.scheme"),
        (params(subnets={"ids": ["net-1"]}), "spec.subnets.ids"),
        (params(prefixListsIDs=["pl-1"], PrefixListsIDs=["pl-2"]), "cannot specify both"),
        (agent_config(dataAddress="0.0.0.0"), "spec.dataAddress"),
        (agent_config(maxConcurrency=1001), "spec.maxConcurrency"),
        (agent_config(resources={"limits": {"cpu": "much"}}), "spec.resources.limits.cpu"),
    ],
    ids=[
        *("target type", "protocol", "network without cidr", "scheme", "subnet id", "both spellings"),
        *("address without port", "concurrency", "quantity"),
    ],
)
def test_what_the_schema_does_not_allow_is_refused_naming_the_field(with_crds, manifest, why):
    assert why in refused(with_crds, manifest)
