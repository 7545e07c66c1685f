"""A start that fails says why, and a start under way can be ended, so that Ctrl-C leaves nothing running."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from localworld.control_plane import ControlPlane
from localworld.demo import State, command_line, stop_previous
from localworld.processes import WorldError, clean_environment, start, wait_for


def control_plane(tmp_path: Path, kwokctl: str) -> ControlPlane:
    """A control plane whose kwokctl is a shell script."""
    program = tmp_path / "tools" / "kwokctl"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\n{kwokctl}\n")
    program.chmod(0o755)
    return ControlPlane(tools=program.parent, root=tmp_path / "root")


def test_a_start_that_fails_is_tried_again_and_then_tells_what_kwokctl_said(tmp_path: Path) -> None:
    made = control_plane(tmp_path, f'[ "$1" = delete ] || echo try >> {tmp_path}/tries; echo port in use; exit 1')
    with pytest.raises(WorldError, match="does not start:\nport in use"):
        made.start()
    assert ["try"] * 3 == (tmp_path / "tries").read_text().split()


def test_stopping_ends_a_start_under_way(tmp_path: Path) -> None:
    made = control_plane(tmp_path, f'[ "$1" = delete ] && exit 0; touch {tmp_path}/started; exec sleep 600')
    with ThreadPoolExecutor(1) as pool:
        starting = pool.submit(made.start)
        wait_for("kwokctl", (tmp_path / "started").exists, seconds=20)
        made.stop()
        with pytest.raises(WorldError):
            starting.result(timeout=20)


def test_kwokctl_finds_the_worlds_own_kubectl_first(tmp_path: Path) -> None:
    made = control_plane(tmp_path, "")
    assert str(tmp_path / "tools") == made._environment["PATH"].split(":", maxsplit=1)[0]


def test_a_demo_that_was_killed_is_stopped_by_what_it_wrote_down(tmp_path: Path) -> None:
    control_plane(tmp_path, "")
    left = start(
        ["/bin/sh", "-c", "sleep 600; : localworld"], log=tmp_path / "log", environment=clean_environment(tmp_path)
    )
    threading.Thread(target=left.child.wait).start()  # init would reap it, were we gone
    State(root=tmp_path, tools=tmp_path / "tools", processes={"localworld": left.pid}).write()
    assert stop_previous(tmp_path)
    wait_for("its end", lambda: not left.alive(), seconds=20)
    assert (None, False) == (State.read(tmp_path), stop_previous(tmp_path))


def test_a_process_id_that_is_another_programs_by_now_is_left_alone(tmp_path: Path) -> None:
    control_plane(tmp_path, "")
    other = start(["/bin/sleep", "600"], log=tmp_path / "log", environment=clean_environment(tmp_path))
    State(root=tmp_path, tools=tmp_path / "tools", processes={"localworld": other.pid}).write()
    stop_previous(tmp_path)
    assert (True, True) == (other.alive(), "sleep" in command_line(other.pid))
    other.kill()
