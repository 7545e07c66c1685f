"""The chart makes what the chart of v3.5.0 makes, object by object; where it does not, the reason stands here."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from chart_world import CHART, Helm, Key, Obj, by_key, leaves, objects, one, pod_of, webhooks_of

from contract_data import REPOSITORY, contract

OURS = "this is another program, of another version"
RESTRICTED = "the Pod Security Standard `restricted` asks for it"
NARROW = "the API server asks only about what may be ours: anything else is made also while nobody answers"
SPELT_OUT = "the API server's own default, spelt out"

# (kind, path) as regular expressions → why ours differs
DIFFERENCES: dict[tuple[str, str], str] = {
    (".*", r"metadata\.labels\.(app\.kubernetes\.io/version|helm\.sh/chart)"): OURS,
    ("Deployment", r".*\.containers\[.*\]\.image"): OURS,
    ("Secret", r"data\..*"): "the contract leaves certificates out",
    (".*WebhookConfiguration", r".*\.clientConfig\.caBundle"): "the contract leaves certificates out",
    (
        "Deployment",
        r".*\.(env\[HOME\]|volumeMounts\[tmp\]|volumes\[tmp\])\..*",
    ): "Python wants a place for scratch files",
    ("Deployment", r".*\.securityContext\.(capabilities|seccompProfile|runAs).*"): RESTRICTED,
    (".*WebhookConfiguration", r".*\.matchConditions\[.*"): NARROW,
    (".*WebhookConfiguration", r".*\.timeoutSeconds"): SPELT_OUT,
    ("ValidatingWebhookConfiguration", r".*\.(object|namespace)Selector"): "null there, absent here: the same",
    ("(Cluster)?Role", r"rules.*"): "least privilege; tests/unit/deploy holds that no more is asked for",
}

VALUES_THAT_DIFFER: dict[str, str] = {
    "image.repository": OURS,
    "image.tag": OURS,
}


@pytest.fixture(scope="module")
def ours(helm: Helm) -> dict[Key, Obj]:
    """What the chart makes when nothing is said but the cluster's name."""
    return by_key(helm.template())


@pytest.fixture(scope="module")
def theirs() -> dict[Key, Obj]:
    """The recorded objects."""
    return by_key(objects(yaml.safe_dump_all(contract("helm-rendered"))))


def differing(ours: Obj, theirs: Obj) -> set[str]:
    """The paths at which two objects differ."""
    here, there = leaves(ours), leaves(theirs)
    return {path for path in here.keys() | there.keys() if here.get(path) != there.get(path) or path not in here}


def reason_for(kind: str, path: str) -> tuple[str, str] | None:
    """The row of the table that explains a difference."""
    for row in DIFFERENCES:
        if re.fullmatch(row[0], kind) and re.fullmatch(row[1], path):
            return row
    return None


def all_differences(ours: dict[Key, Obj], theirs: dict[Key, Obj]) -> list[tuple[str, str]]:
    return [(key[0], path) for key in theirs for path in differing(ours[key], theirs[key])]


def test_helm_has_nothing_against_it(helm: Helm) -> None:
    assert "1 chart(s) linted, 0 chart(s) failed" in helm("lint", str(CHART), "--strict", "--set", "clusterName=demo")


def test_the_same_objects_are_made(ours: dict[Key, Obj], theirs: dict[Key, Obj]) -> None:
    assert theirs.keys() == ours.keys()


def test_every_difference_has_its_reason(ours: dict[Key, Obj], theirs: dict[Key, Obj]) -> None:
    unexplained = [one for one in all_differences(ours, theirs) if reason_for(*one) is None]
    assert [] == sorted(unexplained)


def test_every_reason_is_for_a_difference_that_is_there(ours: dict[Key, Obj], theirs: dict[Key, Obj]) -> None:
    used = {reason_for(*one) for one in all_differences(ours, theirs)}
    assert set() == DIFFERENCES.keys() - used


def test_values_have_the_defaults_of_the_chart_that_is_replaced() -> None:
    here, there = leaves(yaml.safe_load((CHART / "values.yaml").read_text())), leaves(contract("helm-values"))
    nothing: tuple[Any, ...] = (None, "", {}, [])
    changed = {
        path
        for path, value in there.items()
        if here.get(path) != value and not (value in nothing and _absent_or_empty(here, path, nothing))
    }
    assert VALUES_THAT_DIFFER.keys() == changed


def _absent_or_empty(here: dict[str, Any], path: str, nothing: tuple[Any, ...]) -> bool:
    below = [value for other, value in here.items() if other == path or other.startswith(f"{path}.")]
    return all(value in nothing for value in below)


def test_the_values_file_of_the_chart_that_is_replaced_changes_the_image_only(
    helm: Helm, ours: dict[Key, Obj], tmp_path: Path
) -> None:
    file = tmp_path / "values.yaml"
    file.write_text(yaml.safe_dump(contract("helm-values")))
    made = by_key(helm.template(files=[file]))
    assert ours.keys() == made.keys()
    secret = {"Secret", "MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"}  # another certificate
    changed = {path for key in ours if key[0] not in secret for path in differing(made[key], ours[key])}
    image = "spec.template.spec.containers[aws-load-balancer-controller].image"
    assert {image} == changed


def test_the_classes_are_made_before_webhooks_answer(ours: dict[Key, Obj]) -> None:
    [own] = webhooks_of(ours.values())["vingressclassparams.elbv2.k8s.aws"]["objectSelector"]["matchExpressions"]
    labels = one(ours.values(), "IngressClassParams")["metadata"]["labels"]
    assert "NotIn" == own["operator"]
    assert labels[own["key"]] in own["values"]


def test_webhooks_are_those_of_the_plain_manifests(helm: Helm) -> None:
    plain = webhooks_of(objects((REPOSITORY / "deploy" / "base" / "webhooks.yaml").read_text()))
    assert plain == webhooks_of(helm.template({"enableCertManager": True}))


@pytest.mark.parametrize("folder", [CHART / "crds", CHART / "files"], ids=lambda folder: folder.name)
def test_copies_in_the_chart_are_up_to_date(folder: Path) -> None:
    """`make chart` makes them so."""
    origin = REPOSITORY / ("crds" if folder.name == "crds" else "deploy/base")
    copies = {path.name: path.read_text().removeprefix("---\n") for path in folder.iterdir()}
    wanted = [path for path in origin.glob("*.yaml") if folder.name == "crds" or path.name in copies]
    assert {path.name: path.read_text() for path in wanted} == copies


def test_the_version_is_that_of_the_program(ours: dict[Key, Obj]) -> None:
    version = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]["version"]
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    assert (version, version) == (chart["version"], chart["appVersion"])
    assert pod_of(ours.values())["containers"][0]["image"].endswith(f":{version}")


def test_the_schema_knows_the_values_and_no_others() -> None:
    known = json.loads((CHART / "values.schema.json").read_text())["properties"].keys()
    assert known - {"global"} == yaml.safe_load((CHART / "values.yaml").read_text()).keys()
