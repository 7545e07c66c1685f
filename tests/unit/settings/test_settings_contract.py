from datetime import timedelta

import pytest

from aws_lb_controller.settings import FeatureGates, Settings
from aws_lb_controller.settings.flags import FLAGS_WITHOUT_EFFECT, GATES_ALWAYS_OFF, READERS, default_of, field_of
from aws_lb_controller.settings.gates import NAMES
from contract_data import contract

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
