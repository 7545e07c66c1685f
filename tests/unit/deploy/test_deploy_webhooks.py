"""The webhook configurations of deploy/ are the contract's, but ask about fewer objects."""

from typing import Any

import pytest

from aws_lb_controller.webhooks.server import ANSWER_SECONDS
from contract_data import contract
from webhook_configurations import KINDS, configurations

ALIKE = ("failurePolicy", "matchPolicy", "sideEffects", "admissionReviewVersions", "rules")


def webhooks(of: list[dict[str, Any]], kind: str) -> dict[str, dict[str, Any]]:
    """Each webhook of a kind by its name."""
    [found] = [one for one in of if one["kind"] == kind]
    return {webhook["name"]: webhook for webhook in found["webhooks"]}


OURS = {kind: webhooks(configurations(), kind) for kind in KINDS}
PEERS = {kind: webhooks(contract("helm-rendered"), kind) for kind in KINDS}
ALL = [(kind, name) for kind in KINDS for name in OURS[kind]]


def test_the_configurations_bear_the_contracts_names():
    rendered = [one["metadata"]["name"] for one in contract("helm-rendered") if one["kind"] in KINDS]
    assert rendered == [one["metadata"]["name"] for one in configurations()]


@pytest.mark.parametrize("kind", KINDS)
def test_there_are_the_contracts_webhooks_in_its_order(kind):
    assert [*PEERS[kind]] == [*OURS[kind]]


@pytest.mark.parametrize(("kind", "name"), ALL)
def test_a_webhook_has_the_contracts_policies_rules_and_selectors(kind, name):
    ours, peers = OURS[kind][name], PEERS[kind][name]
    assert {field: peers.get(field) for field in ALIKE} == {field: ours.get(field) for field in ALIKE}
    for selector in ("namespaceSelector", "objectSelector"):
        assert (peers.get(selector) or {}) == (ours.get(selector) or {})


@pytest.mark.parametrize(("kind", "name"), ALL)
def test_a_webhook_is_called_through_the_contracts_service_and_path(kind, name):
    called, peers = OURS[kind][name]["clientConfig"], PEERS[kind][name]["clientConfig"]
    assert peers["service"] == called["service"]


@pytest.mark.parametrize(("kind", "name"), ALL)
def test_the_api_server_waits_longer_than_we_take(kind, name):
    assert ANSWER_SECONDS < OURS[kind][name]["timeoutSeconds"]


@pytest.mark.parametrize("name", [name for _, name in ALL if "target-control" not in name and "mpod" not in name])
def test_what_is_asked_about_is_narrowed_by_conditions(name):
    [found] = [OURS[kind][name] for kind in KINDS if name in OURS[kind]]
    assert found["matchConditions"]
