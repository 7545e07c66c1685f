"""Child processes see nothing of the user's settings, and are started, waited for and stopped in order."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from localworld.processes import WorldError, clean_environment, forget_user_settings, start, tail, wait_for

HERS = ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL", "KUBERNETES_SERVICE_HOST", "HTTPS_PROXY", "PYTHONPATH")


def test_the_environment_has_nothing_of_the_users_aws_and_kubernetes_settings(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in HERS:
        monkeypatch.setenv(name, "hers")
    monkeypatch.setenv("KUBECONFIG", "/her/kubeconfig")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "her-key")
    environment = clean_environment(tmp_path)
    assert set() == set(HERS) & set(environment)
    assert not [value for value in environment.values() if "her-key" in value or "/her/" in value]
    assert ("testing", "/dev/null", str(tmp_path)) == (
        environment["AWS_ACCESS_KEY_ID"],
        environment["AWS_CONFIG_FILE"],
        environment["HOME"],
    )


def test_a_process_can_forget_the_users_settings_but_not_its_own_and_not_the_proxy() -> None:
    environment = {"AWS_PROFILE": "hers", "KUBECONFIG": "hers", "AWS_LBC_TOOLS": "ours", "NO_PROXY": "corp"}
    forget_user_settings(environment)
    assert ("ours", "corp,127.0.0.1,localhost", "testing") == (
        environment["AWS_LBC_TOOLS"],
        environment["NO_PROXY"],
        environment["AWS_ACCESS_KEY_ID"],
    )
    assert set() == {"AWS_PROFILE", "KUBECONFIG"} & set(environment)


def test_waiting_gives_what_the_condition_gave() -> None:
    answers = iter([None, None, "there"])
    assert "there" == wait_for("it", lambda: next(answers), seconds=5, interval=0)


def test_waiting_ends_with_an_error_that_names_what_did_not_come() -> None:
    with pytest.raises(WorldError, match="the moon: not within 0 s"):
        wait_for("the moon", lambda: None, seconds=0, interval=0)


def test_a_process_that_ignores_sigterm_is_killed(tmp_path: Path) -> None:
    stubborn = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(60)"
    )
    log = tmp_path / "log"
    process = start([sys.executable, "-c", stubborn], log=log, environment=clean_environment(tmp_path))
    wait_for("its first word", lambda: log.exists() and "up" in log.read_text(), seconds=20)
    process.stop(seconds=0)
    assert not process.alive()


def test_the_tail_of_a_log_is_its_last_lines(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("one\ntwo\nthree\n")
    assert ("two\nthree", True) == (tail(log, 2), "does not exist" in tail(tmp_path / "none"))
