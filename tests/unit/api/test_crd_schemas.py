from typing import Any

import pytest
import yaml

from contract_data import REPOSITORY, contract

PLURALS = ["albtargetcontrolconfigs", "ingressclassparams", "targetgroupbindings"]


def manifest(plural: str) -> dict[str, Any]:
    return yaml.safe_load((REPOSITORY / "crds" / f"elbv2.k8s.aws_{plural}.yaml").read_text())


def without_descriptions(node: Any) -> Any:
    """Drops the texts named ``description``; a field of that name would be a mapping and stays."""
    if isinstance(node, list):
        return [without_descriptions(item) for item in node]
    if isinstance(node, dict):
        return {k: without_descriptions(v) for k, v in node.items() if k != "description" or isinstance(v, dict)}
    return node


def properties(schema: dict[str, Any], path: str = "") -> list[tuple[str, dict[str, Any]]]:
    """Every named field below a schema, with its path."""
    found = []
    for name, field in schema.get("properties", {}).items():
        found += [(f"{path}.{name}", field), *properties(field, f"{path}.{name}")]
    if "items" in schema:
        found += properties(schema["items"], f"{path}[]")
    return found


@pytest.mark.parametrize("plural", PLURALS)
def test_the_schema_is_the_contracts_when_descriptions_are_left_out(plural):
    assert contract("crds")[f"{plural}.elbv2.k8s.aws"] == without_descriptions(manifest(plural)["spec"])


@pytest.mark.parametrize("plural", PLURALS)
def test_the_manifest_is_named_as_its_kind(plural):
    crd = manifest(plural)
    assert ("apiextensions.k8s.io/v1", "CustomResourceDefinition") == (crd["apiVersion"], crd["kind"])
    assert f"{plural}.elbv2.k8s.aws" == crd["metadata"]["name"]


@pytest.mark.parametrize("plural", PLURALS)
def test_every_field_and_column_has_a_description_but_metadata_which_may_have_none(plural):
    for version in manifest(plural)["spec"]["versions"]:
        schema = version["schema"]["openAPIV3Schema"]
        fields = [("", schema), *properties(schema)]
        assert [".metadata"] == [path for path, field in fields if not field.get("description")]
        assert [] == [c["name"] for c in version["additionalPrinterColumns"] if not c.get("description")]
