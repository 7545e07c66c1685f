"""Pods come and go by the hundred: targets and rules follow, and traffic is never cut on the way."""

from __future__ import annotations

import os
import time
from types import SimpleNamespace
from typing import Any

import botocore.endpoint
import pytest
from moto.moto_api._internal import mock_random
from moves_world import MovesWorld

MOVES = 1000
SEEDS = [int(seed) for seed in os.environ.get("POD_MOVES_SEEDS", "1").split(",")]
"""More of them for a longer look: ``POD_MOVES_SEEDS=2,3,4``."""

STEPS_TO_REST = 5000


@pytest.fixture(autouse=True)
def same_ids(request: pytest.FixtureRequest) -> None:
    """moto draws the same ids for the same seed: before `aws` is made."""
    mock_random.seed(request.node.callspec.params["seed"])


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """botocore does not wait before it tries again."""
    monkeypatch.setattr(botocore.endpoint, "time", SimpleNamespace(sleep=lambda _: None, time=time.time))


@pytest.mark.parametrize("seed", SEEDS)
def test_many_interleaved_moves_never_cut_traffic_and_end_exact(aws: Any, seed: int) -> None:
    moves = MovesWorld(aws, seed)
    left = MOVES
    with moves.watched():
        while left:
            if moves.random.random() < 0.15:
                moves.move()
                left -= 1
            elif moves.random.random() < 0.002:
                moves.restart()
            moves.step()
        moves.faults = False
        for _ in range(STEPS_TO_REST):
            if moves.quiet():
                break
            moves.step()
        assert moves.quiet(), (moves.ready, moves.later, moves.actors)
    assert {name: moves.wanted_targets(name) for name in moves.arns} == {
        name: moves.registered(arn) for name, arn in moves.arns.items()
    }
    assert {group: moves.wanted_rules(group) for group in moves.groups} == {
        group: moves.our_rules(group) for group in moves.groups
    }
