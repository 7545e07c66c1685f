"""How the program ends when it is started wrongly: one line that says what to do, and exit code 2."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from localworld.controller_process import SOURCES
from localworld.processes import clean_environment

CLUSTER = "--cluster-name=demo"


def started(tmp_path: Path, *flags: str) -> subprocess.CompletedProcess[str]:
    """`python -m aws_lb_controller FLAGS`, to its end."""
    return subprocess.run(
        [sys.executable, "-m", "aws_lb_controller", *flags],
        env=clean_environment(tmp_path, PYTHONPATH=str(SOURCES)),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        ([CLUSTER, "--no-such-flag"], "--no-such-flag"),
        ([CLUSTER, "--sync-period=soon"], "--sync-period"),
        ([CLUSTER, "--feature-gates=NoSuchGate=true"], "NoSuchGate"),
        ([], "--cluster-name"),
        ([CLUSTER, "--kubeconfig=/nowhere/config"], "--kubeconfig=/nowhere/config"),
    ],
)
def test_a_wrong_flag_ends_the_program_with_one_line_that_names_it(tmp_path: Path, flags: list[str], said: str) -> None:
    ended = started(tmp_path, *flags)
    [line] = ended.stderr.splitlines()
    assert (2, "", True) == (ended.returncode, ended.stdout, line.startswith("error: "))
    assert said in line


def test_help_is_printed_and_is_no_error(tmp_path: Path) -> None:
    ended = started(tmp_path, "--help")
    assert (0, "") == (ended.returncode, ended.stderr)
    assert "--cluster-name" in ended.stdout


def test_a_help_that_nobody_reads_to_its_end_is_no_error(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with open(writing, "w") as nobody:
        ended = subprocess.run(
            [sys.executable, "-m", "aws_lb_controller", "--help"],
            env=clean_environment(tmp_path, PYTHONPATH=str(SOURCES)),
            stdout=nobody,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
            check=False,
        )
    assert (0, "") == (ended.returncode, ended.stderr)
