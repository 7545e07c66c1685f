"""deploy/base/rbac.yaml grants what the controller needs, and nothing besides: judged by the API server's audit log.

Comes last of the end-to-end tests (see conftest.py), because it judges what all of them made the controller do.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from e2e_world import Controllers
from iam_policy import Policy
from localworld.control_plane import ControlPlane
from localworld.world import MANIFESTS, SERVICE_ACCOUNT

USER = "system:serviceaccount:{}:{}".format(*SERVICE_ACCOUNT)
DECISION = "authorization.k8s.io/decision"

Grant = tuple[str, str, str, str]  # namespace ("" for all), API group, resource with subresource, verb

AFTER_A_CONFLICT = "an object is read afresh when somebody else wrote it at the same moment as we its finalizers"

# granted and not seen in every run, each with why it is granted all the same
RARE: dict[Grant, str] = {
    ("", "", "services", "get"): AFTER_A_CONFLICT,
    ("", "networking.k8s.io", "ingresses", "get"): AFTER_A_CONFLICT,
    ("", "elbv2.k8s.aws", "targetgroupbindings", "get"): AFTER_A_CONFLICT,
    ("", "", "events", "patch"): "an Event that is told again is counted up, and nothing here need fail twice",
}


def requests(control_plane: ControlPlane) -> Iterator[dict[str, Any]]:
    """What the controllers asked of the API server, up to now."""
    for line in control_plane.audit_log.read_text().splitlines():
        request = json.loads(line)
        if request["user"]["username"] == USER:
            yield request


def granted() -> set[Grant]:
    """Every verb that the ClusterRole and the Role allow."""
    roles = yaml.safe_load_all((MANIFESTS / "rbac.yaml").read_text())
    return {
        (role["metadata"].get("namespace", ""), group, resource, verb)
        for role in roles
        for rule in role.get("rules", ())
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }


def grant_used(request: dict[str, Any], among: set[Grant]) -> Grant:
    """The verb of a request, as RBAC sees it: of its namespace's Role if that has it, else of the ClusterRole."""
    asked = request["objectRef"]
    resource = "/".join(filter(None, [asked["resource"], asked.get("subresource")]))
    wanted = asked.get("apiGroup", ""), resource, request["verb"]
    here = (asked.get("namespace", ""), *wanted)
    return here if here in among else ("", *wanted)


def test_the_controller_is_never_forbidden_anything(control_plane: ControlPlane) -> None:
    seen = list(requests(control_plane))
    if not seen:
        pytest.skip("no controller has run in this process")
    decided = {(one["annotations"][DECISION], one["verb"], one["requestURI"]) for one in seen}
    assert [] == sorted(one for one in decided if one[0] == "forbid")


def test_every_permission_is_used(control_plane: ControlPlane, request: pytest.FixtureRequest) -> None:
    if missing := not_run(request.session):
        pytest.skip(f"judges the whole folder, and these have not run: {', '.join(sorted(missing))}")
    given = granted()
    used = {grant_used(one, given) for one in requests(control_plane) if "objectRef" in one}
    assert [] == sorted(given - used - RARE.keys())
    assert set() == RARE.keys() - given


def test_every_aws_call_is_in_the_policy(controllers: Controllers) -> None:
    seen = controllers.aws_calls()
    if not seen:
        pytest.skip("no controller has run in this process")
    granted_in_aws = {action.partition(":")[2] for action in Policy.of("iam-policy").actions()}
    assert set() == seen - granted_in_aws


def not_run(session: pytest.Session) -> set[str]:
    """Files of this folder of which no test was selected; of a selection by words nothing can be said."""
    if session.config.getoption("keyword"):
        return {"those not selected by -k"}
    folder = Path(__file__).parent
    return {file.name for file in folder.glob("test_*.py")} - {item.path.name for item in session.items}
