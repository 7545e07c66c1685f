import ast
from datetime import timedelta
from functools import cache

import pytest

from aws_lb_controller.settings import FeatureGates, Settings
from aws_lb_controller.settings.flags import FLAGS_WITHOUT_EFFECT, GATES_ALWAYS_OFF, READERS, default_of, field_of
from aws_lb_controller.settings.gates import NAMES
from contract_data import REPOSITORY, contract

FLAGS = {flag["flag"]: flag for flag in contract("flags")}
GATES = {gate["features-gate supported key"]: gate["default value"] for gate in contract("feature-gates")}

TOLD_IN_WORDS = {
    "aws-api-throttle": "default value",
    "aws-region": "instance metadata",
    "aws-vpc-id": "instance metadata",
    "kubeconfig": "in-cluster config",
    "allowed-certificate-authority-arns": "[]",
}
UNDOCUMENTED = {"quic-environment-variable-name": "AWS_LBC_QUIC_SERVER_ID"}


def test_there_is_a_field_for_every_flag_and_no_other():
    assert FLAGS.keys() == READERS.keys()


@pytest.mark.parametrize("flag", sorted(FLAGS.keys() - TOLD_IN_WORDS - UNDOCUMENTED.keys() - {"cluster-name"}))
def test_a_flags_default_is_the_contracts(flag):
    assert READERS[flag].read(FLAGS[flag]["default"]) == Settings.model_fields[field_of(flag)].default


@pytest.mark.parametrize("flag", sorted(TOLD_IN_WORDS))
def test_a_default_that_the_contract_tells_in_words_is_still_told_so(flag):
    assert FLAGS[flag]["default"] == TOLD_IN_WORDS[flag]


def test_a_default_that_the_contract_lacks_is_the_one_in_use():
    assert UNDOCUMENTED == {flag: default_of(flag) for flag in UNDOCUMENTED}


def test_there_is_a_field_for_every_feature_gate_with_its_default():
    defaults = {gate: getattr(FeatureGates(), field) for gate, field in NAMES.items()}
    assert {gate: default == "true" for gate, default in GATES.items()} == defaults


@pytest.mark.parametrize("flag", sorted(READERS))
def test_every_flag_is_described(flag):
    assert Settings.model_fields[field_of(flag)].description


def test_what_is_said_to_have_no_effect_exists():
    assert FLAGS_WITHOUT_EFFECT.keys() <= FLAGS.keys()
    assert GATES_ALWAYS_OFF.keys() <= GATES.keys()


def test_elbv2_is_not_read_faster_than_aws_allows():
    rules = Settings(cluster_name="demo").aws_api_throttle["Elastic Load Balancing v2"]
    [describe] = [rule for rule in rules if rule.operation.search("DescribeTags")]
    assert (10, 40) == (describe.rate, describe.burst)


def test_durations_have_their_exact_values():
    settings = Settings(cluster_name="demo")
    assert timedelta(hours=10) == settings.sync_period
    assert timedelta(seconds=1000) == settings.targetgroupbinding_max_exponential_backoff_delay


SOURCES = REPOSITORY / "operator" / "aws_lb_controller"


@cache
def fields_in_use() -> frozenset[str]:
    """Every attribute that code outside of the settings reads, and every gate that an annotation names."""
    trees = [ast.parse(file.read_text()) for file in SOURCES.rglob("*.py") if file.parent.name != "settings"]
    nodes = [node for tree in trees for node in ast.walk(tree)]
    return frozenset(node.attr for node in nodes if isinstance(node, ast.Attribute))


@pytest.mark.parametrize("flag", sorted(READERS))
def test_a_flag_is_either_read_by_some_code_or_said_to_have_no_effect(flag):
    assert (flag in FLAGS_WITHOUT_EFFECT) != (field_of(flag) in fields_in_use())


@pytest.mark.parametrize("gate", sorted(NAMES))
def test_a_gate_is_either_read_by_some_code_or_said_to_be_always_off(gate):
    assert (gate in GATES_ALWAYS_OFF) != (NAMES[gate] in fields_in_use())


VALUES = {
    "throttle": "EC2:^Describe=1:2",
    "int": "7",
    "duration": "7s",
    "stringList": "a,b",
    "stringMap": "a=b",
    "key=value": "a=b",
    "string": "x",
}
"""What is no flag's default, by kind."""

OWN_VALUES = {
    "aws-api-endpoints": "EC2=https://ec2.example.com",
    "aws-vpc-id": "vpc-7",
    "backend-security-group": "sg-7",
    "default-load-balancer-scheme": "internet-facing",
    "default-target-type": "ip",
    "feature-gates": "ALBSingleSubnet=true",
    "health-probe-bind-addr": ":7",
    "log-level": "debug",
    "metrics-bind-addr": ":7",
}


def started_with(flag: str, value: str) -> Settings:
    return Settings.from_args(["--cluster-name=demo", f"--{flag}={value}"])


def another_value(flag: str) -> str:
    if READERS[flag].type == "boolean":
        return "false" if default_of(flag) == "true" else "true"
    return OWN_VALUES.get(flag) or VALUES[READERS[flag].type]


@pytest.mark.parametrize("flag", sorted(FLAGS))
def test_every_flag_of_the_contract_is_taken_with_one_warning_if_it_has_no_effect_and_else_with_none(flag):
    given = started_with(flag, another_value(flag))
    assert getattr(given, field_of(flag)) != Settings.model_fields[field_of(flag)].default
    assert (1 if flag in FLAGS_WITHOUT_EFFECT else 0) == len(given.warnings())


@pytest.mark.parametrize("gate", sorted(GATES))
@pytest.mark.parametrize("value", [True, False])
def test_every_gate_of_the_contract_is_taken_with_one_warning_where_it_cannot_be_turned_on(gate, value):
    given = started_with("feature-gates", f"{gate}={value}")
    assert value == getattr(given.feature_gates, NAMES[gate])
    assert (1 if value and gate in GATES_ALWAYS_OFF else 0) == len(given.warnings())
