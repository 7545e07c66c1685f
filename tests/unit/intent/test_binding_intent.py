"""What a TargetGroupBinding asks for, and what is said of one that asks for nonsense."""

from typing import Any

import pytest

from aws_lb_controller.errors import SpecError
from aws_lb_controller.intent.binding import AssumedRole, networking_of, read_binding, role_of, target_group_of
from aws_lb_controller.model.binding import NetworkingPeer, NetworkingPort, NetworkingRule

ARN = "arn:aws:elasticloadbalancing:us-west-2:123456789012:targetgroup/web/0123456789abcdef"
ROLE = "arn:aws:iam::210987654321:role/lb"


def a_binding(**spec: Any) -> dict[str, Any]:
    given = {"targetGroupARN": ARN, "targetType": "ip", "serviceRef": {"name": "web", "port": 80}, **spec}
    return {
        "metadata": {"namespace": "shop", "name": "web"},
        "spec": {key: value for key, value in given.items() if value is not None},
    }


def ingress(**rule: Any) -> dict[str, Any]:
    return {"ingress": [{"from": [], "ports": [], **rule}]}


def test_what_is_not_given_has_its_default() -> None:
    binding = read_binding(a_binding())
    assert ("shop/web", ARN, "ipv4", None, None, None, False, None) == (
        binding.key,
        binding.target_group,
        binding.ip_address_type,
        binding.vpc_id,
        binding.networking,
        binding.node_selector,
        binding.multi_cluster,
        binding.assumed_role,
    )


def test_networking_is_read_with_protocols_in_lower_case_and_networks_without_host_bits() -> None:
    spec = ingress(
        **{
            "from": [{"ipBlock": {"cidr": "10.42.7.9/16"}}, {"securityGroup": {"groupID": "sg-1"}}],
            "ports": [{"port": 80}, {"protocol": "UDP"}],
        }
    )
    expected = NetworkingRule(
        peers=(NetworkingPeer(cidr="10.42.0.0/16"), NetworkingPeer(security_group="sg-1")),
        ports=(NetworkingPort(protocol="tcp", port=80), NetworkingPort(protocol="udp", port=None)),
    )
    assert (expected,) == read_binding(a_binding(networking=spec)).networking


@pytest.mark.parametrize(
    ("spec", "field"),
    [
        ({"targetType": None}, "spec.targetType"),
        ({"targetGroupARN": None}, "spec.targetGroupARN"),
        (
            {"targetType": "instance", "networking": ingress(**{"from": [{"ipBlock": {"cidr": "10.0.0.0"}}]})},
            "ingress[0].from[0].ipBlock.cidr",
        ),
        ({"targetType": "instance", "networking": ingress(**{"from": [{}]})}, "ingress[0].from[0]"),
        ({"targetType": "instance", "networking": ingress(ports=[{"port": "http"}])}, "ingress[0].ports[0].port"),
        ({"targetGroupARN": ARN.replace("targetgroup/web", "loadbalancer/app/web")}, "spec.targetGroupARN"),
        ({"vpcID": "web"}, "spec.vpcID"),
        ({"iamRoleArnToAssume": "arn:aws:iam::210987654321:user/lb"}, "spec.iamRoleArnToAssume"),
        ({"targetType": "instance", "iamRoleArnToAssume": ROLE}, "spec.iamRoleArnToAssume"),
        ({"targetType": "instance", "targetGroupProtocol": "QUIC"}, "spec.targetGroupProtocol"),
        (
            {"targetType": "instance", "nodeSelector": {"matchExpressions": [{"key": "a", "operator": "In"}]}},
            "nodeSelector.matchExpressions[0].values",
        ),
        (
            {
                "targetType": "instance",
                "nodeSelector": {"matchExpressions": [{"key": "a", "operator": "Exists", "values": ["b"]}]},
            },
            "nodeSelector.matchExpressions[0].values",
        ),
    ],
)
def test_a_bad_value_is_reported_with_its_field(spec: dict[str, Any], field: str) -> None:
    with pytest.raises(SpecError) as error:
        read_binding(a_binding(**spec))
    assert [True] == [problem.field.endswith(field) for problem in error.value.problems]


@pytest.mark.parametrize(
    ("peer", "field"),
    [({"ipBlock": {"cidr": "10.0.0.0"}}, "ingress[0].from[0].ipBlock.cidr"), ({}, "ingress[0].from[0]")],
)
def test_bad_networking_of_pods_is_no_error_of_the_whole_binding(peer: dict[str, Any], field: str) -> None:
    fine = {"from": [{"ipBlock": {"cidr": "10.0.0.0/8"}}], "ports": [{"port": 80}]}
    binding = read_binding(a_binding(networking={"ingress": [{"from": [peer], "ports": []}, fine]}))
    assert ((), [True]) == (binding.networking, [problem.field.endswith(field) for problem in binding.bad_networking])


def test_of_a_network_and_a_security_group_the_security_group_counts() -> None:
    both = {"ipBlock": {"cidr": "nonsense"}, "securityGroup": {"groupID": "sg-1"}}
    binding = read_binding(a_binding(networking=ingress(**{"from": [both], "ports": [{"port": 80}]})))
    expected = NetworkingRule(
        peers=(NetworkingPeer(security_group="sg-1"),), ports=(NetworkingPort(protocol="tcp", port=80),)
    )
    assert ((expected,), ()) == (binding.networking, binding.bad_networking)


def test_nodes_are_registered_whatever_the_vpc_is_called() -> None:
    assert "web" == read_binding(a_binding(targetType="instance", vpcID="web")).vpc_id


@pytest.mark.parametrize("external_id", ["", "secret"])
def test_a_role_is_assumed_with_an_external_id_if_there_is_one(external_id: str) -> None:
    raw = a_binding(iamRoleArnToAssume=ROLE, assumeRoleExternalId=external_id)
    expected = AssumedRole(arn=ROLE, external_id=external_id or None)
    assert (expected, expected) == (read_binding(raw).assumed_role, role_of(raw))


def test_a_binding_without_a_role_stays_in_our_account() -> None:
    raw = a_binding(iamRoleArnToAssume="", assumeRoleExternalId="secret")
    assert (None, None) == (read_binding(raw).assumed_role, role_of(raw))


@pytest.mark.parametrize(
    ("key", "value"),
    [("role", ""), ("example.com/role", "edge_1"), ("a", "b" * 63), ("node.kubernetes.io/x.y_z", "1.2")],
)
def test_nodes_are_selected_by_what_can_be_a_label(key: str, value: str) -> None:
    selector = read_binding(a_binding(targetType="instance", nodeSelector={"matchLabels": {key: value}})).node_selector
    assert selector is not None
    assert selector.matches({key: value})


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("a b", "c"),
        ("", "c"),
        ("/a", "c"),
        ("Example.com/a", "c"),
        ("a/b/c", "c"),
        ("a", "b c"),
        ("a", "-b"),
        ("a", "b" * 64),
    ],
)
def test_what_can_be_no_label_selects_no_nodes_in_silence(key: str, value: str) -> None:
    for selector in (
        {"matchLabels": {key: value}},
        {"matchExpressions": [{"key": key, "operator": "In", "values": [value]}]},
    ):
        with pytest.raises(SpecError, match=r"spec\.nodeSelector"):
            read_binding(a_binding(targetType="instance", nodeSelector=selector))


def test_with_address_targets_the_selector_of_nodes_does_not_matter() -> None:
    nonsense = {"matchExpressions": [{"key": "a", "operator": "In"}]}
    assert "ip" == read_binding(a_binding(nodeSelector=nonsense)).target_type


def test_every_bad_value_is_reported_at_once() -> None:
    with pytest.raises(SpecError) as error:
        read_binding(a_binding(targetType=None, targetGroupARN=None))
    assert 2 == len(error.value.problems)


def test_the_target_group_of_an_invalid_binding_can_be_told() -> None:
    assert ARN == target_group_of(a_binding(targetType="nonsense"))
    assert None is target_group_of({"spec": {}})


def test_the_networking_of_a_binding_is_read_also_where_the_rest_is_wrong() -> None:
    networking = ingress(**{"from": [{"securityGroup": {"groupID": "sg-1"}}], "ports": [{"port": 80}]})
    expected = NetworkingRule(
        peers=(NetworkingPeer(security_group="sg-1"),), ports=(NetworkingPort(protocol="tcp", port=80),)
    )
    assert (expected,) == networking_of(a_binding(targetGroupARN=None, networking=networking))


def test_a_binding_without_networking_names_nobody() -> None:
    assert () == networking_of(a_binding(targetGroupARN=None))


def test_networking_that_is_wrong_itself_is_not_known() -> None:
    assert networking_of(a_binding(networking=ingress(**{"from": [{}]}))) is None
    assert networking_of(a_binding(networking={"ingress": "all"})) is None
