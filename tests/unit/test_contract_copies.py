import json

import pytest

from contract_data import COPIES, ORIGIN

FILES = [
    "annotations.json",
    "crds.json",
    "feature-gates.json",
    "flags.json",
    "helm-rendered.json",
    "helm-values.json",
    "iam-policy.json",
    "name-vectors.json",
    "names.json",
    "rbac.json",
    "webhooks.json",
]


def test_every_copy_is_compared():
    assert sorted(path.name for path in COPIES.glob("*.json")) == FILES


@pytest.mark.parametrize("name", FILES)
def test_a_copy_is_its_origin_byte_for_byte_where_that_is_at_hand(name):
    copy = COPIES / name
    origin = ORIGIN / name if ORIGIN.is_dir() else copy
    assert origin.read_bytes() == copy.read_bytes()
    assert json.loads(copy.read_text())
