"""deploy/rbac.yaml grants what the controller needs, and nothing besides: judged by the API server's audit log.

Comes last of the end-to-end tests (see conftest.py), because it judges what all of them made the controller do.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from localworld.control_plane import ControlPlane
from localworld.world import DEPLOY, SERVICE_ACCOUNT

USER = "system:serviceaccount:{}:{}".format(*SERVICE_ACCOUNT)
DECISION = "authorization.k8s.io/decision"

Grant = tuple[str, str, str]  # API group, resource with subresource, verb

# granted and not seen in this run, each with why it is granted all the same
UNSEEN: dict[Grant, str] = {}


def requests(control_plane: ControlPlane) -> Iterator[dict[str, Any]]:
    """What the controllers asked of the API server, up to now."""
    for line in control_plane.audit_log.read_text().splitlines():
        request = json.loads(line)
        if request["user"]["username"] == USER:
            yield request


def granted() -> set[Grant]:
    """Every verb that the ClusterRole and the Role allow."""
    roles = yaml.safe_load_all((DEPLOY / "rbac.yaml").read_text())
    return {
        (group, resource, verb)
        for role in roles
        for rule in role.get("rules", ())
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }


def grant_used(request: dict[str, Any]) -> Grant:
    """The verb of a request, as RBAC sees it."""
    asked = request["objectRef"]
    resource = "/".join(filter(None, [asked["resource"], asked.get("subresource")]))
    return asked.get("apiGroup", ""), resource, request["verb"]


def test_the_controller_is_never_forbidden_anything(control_plane: ControlPlane) -> None:
    seen = list(requests(control_plane))
    assert [] == [
        (one["verb"], one["requestURI"]) for one in seen if one.get("annotations", {}).get(DECISION) == "forbid"
    ]
    if not seen:
        pytest.skip("no controller has run in this process")


def test_every_permission_is_used(control_plane: ControlPlane, request: pytest.FixtureRequest) -> None:
    if missing := not_run(request.session):
        pytest.skip(f"judges the whole folder, and these have not run: {', '.join(sorted(missing))}")
    used = {grant_used(one) for one in requests(control_plane) if "objectRef" in one}
    assert sorted(UNSEEN) == sorted(granted() - used)


def not_run(session: pytest.Session) -> set[str]:
    """Files of this folder of which no test was selected; of a selection by words nothing can be said."""
    if session.config.getoption("keyword"):
        return {"those not selected by -k"}
    folder = Path(__file__).parent
    return {file.name for file in folder.glob("test_*.py")} - {item.path.name for item in session.items}
