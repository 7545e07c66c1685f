from typing import Any

import pytest
from pydantic import BaseModel

from aws_lb_controller.api import names
from aws_lb_controller.api.ingress_class_params import IngressClassParams, IngressClassParamsSpec
from aws_lb_controller.api.target_group_binding import TargetGroupBinding, TargetGroupBindingSpec
from aws_lb_controller.errors import SpecError
from contract_data import contract

ARN = "arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/web/0123456789abcdef"


def binding(**spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": names.API_VERSION,
        "kind": "TargetGroupBinding",
        "metadata": {"name": "web", "namespace": "shop", "generation": 3},
        "spec": {"targetGroupARN": ARN, "serviceRef": {"name": "web", "port": 80}, **spec},
    }


def params(**spec: Any) -> dict[str, Any]:
    return {"kind": "IngressClassParams", "metadata": {"name": "alb"}, "spec": spec}


def fields_of_model(model: type[BaseModel]) -> set[str]:
    return {field.alias or name for name, field in model.model_fields.items()}


def fields_of_contract(plural: str, part: str) -> set[str]:
    version = contract("crds")[f"{plural}.elbv2.k8s.aws"]["versions"][-1]
    assert names.VERSION == version["name"]
    return set(version["schema"]["openAPIV3Schema"]["properties"][part]["properties"])


def test_a_binding_spec_has_every_field_of_the_contract():
    assert fields_of_contract(names.TARGET_GROUP_BINDINGS, "spec") == fields_of_model(TargetGroupBindingSpec)


def test_ingress_class_params_have_every_field_of_the_contract():
    assert fields_of_contract(names.INGRESS_CLASS_PARAMS, "spec") == fields_of_model(IngressClassParamsSpec)


def test_a_binding_is_read_with_all_of_its_parts():
    rule = {
        "from": [{"securityGroup": {"groupID": "sg-1"}}, {"ipBlock": {"cidr": "10.0.0.0/16"}}],
        "ports": [{"protocol": "TCP", "port": 8080}, {"port": "http"}],
    }
    read = TargetGroupBinding.read(binding(targetType="ip", vpcID="vpc-1", networking={"ingress": [rule]}))
    assert ("shop", "web", 3) == (read.metadata.namespace, read.metadata.name, read.metadata.generation)
    assert (ARN, "ip", "vpc-1") == (read.spec.target_group_arn, read.spec.target_type, read.spec.vpc_id)
    assert read.spec.networking is not None
    [ingress] = read.spec.networking.ingress
    assert ingress.from_[0].security_group is not None
    assert "sg-1" == ingress.from_[0].security_group.group_id
    assert [("TCP", 8080), (None, "http")] == [(port.protocol, port.port) for port in ingress.ports]


@pytest.mark.parametrize("port", [80, "http", "80"])
def test_a_port_keeps_whether_it_was_a_number_or_a_name(port):
    assert port == TargetGroupBinding.read(binding(serviceRef={"name": "web", "port": port})).spec.service_ref.port


def test_a_spec_goes_back_as_it_came():
    spec = binding(targetType="ip", nodeSelector={"matchLabels": {"disk": "ssd"}}, multiClusterTargetGroup=True)["spec"]
    assert spec == TargetGroupBinding.read({**binding(), "spec": spec}).spec.manifest()


def test_what_is_left_out_stays_out():
    assert {"serviceRef", "targetGroupARN"} == TargetGroupBinding.read(binding()).spec.manifest().keys()


def test_a_field_of_a_later_version_is_passed_over():
    assert TargetGroupBinding.read(binding()) == TargetGroupBinding.read(binding(novelty=1))


def test_empty_text_means_left_out():
    assert None is TargetGroupBinding.read(binding(vpcID="", targetGroupName="")).spec.vpc_id
    assert IngressClassParams.read(params()) == IngressClassParams.read(params(wafv2AclArn="", sslPolicy=""))


def test_every_wrong_field_of_an_object_is_named_at_once():
    with pytest.raises(SpecError) as refused:
        TargetGroupBinding.read(binding(targetType="pod", ipAddressType="ipx"))
    found = [(p.object, p.field, p.value) for p in refused.value.problems]
    assert [
        ("TargetGroupBinding shop/web", "spec.targetType", "pod"),
        ("TargetGroupBinding shop/web", "spec.ipAddressType", "ipx"),
    ] == found


def test_a_missing_field_is_named_with_its_path():
    raw = binding(networking={"ingress": [{"from": [{"ipBlock": {}}], "ports": []}]})
    with pytest.raises(SpecError) as refused:
        TargetGroupBinding.read(raw)
    assert ["spec.networking.ingress[0].from[0].ipBlock.cidr"] == [p.field for p in refused.value.problems]


def test_params_without_a_spec_leave_everything_to_the_ingresses():
    assert IngressClassParamsSpec() == IngressClassParams.read({"metadata": {"name": "alb"}}).spec


def test_params_are_read_with_their_unusual_spellings():
    spec = IngressClassParams.read(
        params(
            inboundCIDRs=["10.0.0.0/8"],
            ipamConfiguration={"ipv4IPAMPoolId": "ipam-pool-1"},
            subnets={"tags": {"tier": ["web", "edge"]}},
            minimumLoadBalancerCapacity={"capacityUnits": 500},
        )
    ).spec
    assert ("10.0.0.0/8",) == spec.inbound_cidrs
    assert spec.ipam_configuration is not None
    assert "ipam-pool-1" == spec.ipam_configuration.ipv4_ipam_pool_id
    assert spec.subnets is not None
    assert {"tier": ("web", "edge")} == spec.subnets.tags
    assert spec.minimum_load_balancer_capacity is not None
    assert 500 == spec.minimum_load_balancer_capacity.capacity_units


@pytest.mark.parametrize("spelling", ["prefixListsIDs", "PrefixListsIDs"])
def test_prefix_lists_are_found_under_both_spellings(spelling):
    assert ("pl-1",) == IngressClassParams.read(params(**{spelling: ["pl-1"]})).spec.security_group_prefix_lists


def test_both_spellings_of_prefix_lists_together_are_refused():
    with pytest.raises(SpecError, match="prefixListsIDs or PrefixListsIDs, not both"):
        IngressClassParams.read(params(prefixListsIDs=["pl-1"], PrefixListsIDs=["pl-2"]))


@pytest.mark.parametrize("subnets", [{"ids": []}, {"ids": ["net-1"]}])
def test_subnet_ids_must_be_some_and_look_like_ids(subnets):
    with pytest.raises(SpecError, match=r"spec\.subnets\.ids"):
        IngressClassParams.read(params(subnets=subnets))
