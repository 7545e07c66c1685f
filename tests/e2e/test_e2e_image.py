"""The image without Docker: the steps of deploy/Dockerfile are carried out in a folder, and the program runs in there.

As root, it runs as in a container: with that folder as its whole file system, as another user, as process 1. Anybody
else runs the same files in place, as themselves.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import distributions
from pathlib import Path

import pytest

from contract_data import REPOSITORY
from dockerfile_steps import stages
from e2e_world import Controllers, until
from localworld.controller_process import ControllerProcess, write_certificate
from localworld.processes import Process, answers, clean_environment, start, tail

BUILD, _, IMAGE = stages()
ROOT = os.geteuid() == 0
USER = int(IMAGE.only("USER").partition(":")[0])
OF_THE_CHART = 65534  # podSecurityContext.runAsUser
BUILD_SECONDS = 1200  # on a busy machine; 30 s on an idle one
IMPORT_ALL = """
import importlib, pkgutil, aws_lb_controller
for module in pkgutil.walk_packages(aws_lb_controller.__path__, "aws_lb_controller."):
    if not module.name.endswith("__main__"):
        print(importlib.import_module(module.name).__name__)
"""
STATES = Path("tmp/states")  # what a pod has as a volume

pytestmark = pytest.mark.timeout(BUILD_SECONDS)


@dataclass(frozen=True)
class Image:
    """The root filesystem."""

    root: Path

    def command(self, *arguments: str, user: int = USER, code: str = "") -> list[str]:
        """The entry point with arguments, as a container's runtime would start it; or Python with other code."""
        entry, *rest = IMAGE.words("ENTRYPOINT")
        if code:
            rest = ["-P", "-c", code]
        if not ROOT:
            return [f"{self.root}{entry}", *rest, *arguments]
        into = ["chroot", f"--userspec={user}:{user}", str(self.root)]
        return ["unshare", "--pid", "--fork", "--kill-child", *into, entry, *rest, *arguments]

    def environment(self, **more: str) -> dict[str, str]:
        """What the image sets, and AWS's stand-in."""
        return {**clean_environment(Path("/tmp")), **IMAGE.variables(), **more}

    def run(self, *arguments: str, user: int = USER, code: str = "") -> subprocess.CompletedProcess[str]:
        """To its end."""
        command = self.command(*arguments, user=user, code=code)
        return subprocess.run(
            command, env=self.environment(), capture_output=True, text=True, timeout=120, check=False, cwd="/"
        )

    def inside(self, path: Path) -> Path:
        """How the program sees a path of the tree."""
        return Path("/") / path if ROOT else self.root / path

    def files(self) -> dict[str, tuple[int, int]]:
        """Mode and time of every file but those in /tmp, by path."""
        found = {path.relative_to(self.root): path.lstat() for path in self.root.rglob("*")}
        return {str(path): (s.st_mode, s.st_mtime_ns) for path, s in found.items() if path.parts[0] != "tmp"}


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Image]:
    """Made as the Dockerfile says, from what it copies and nothing else."""
    source, root = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("image") / "rootfs"
    BUILD.copy_sources(REPOSITORY, source)
    python, script, target = BUILD.only("RUN").split()
    assert ("python", "/rootfs") == (python, target)
    command = [sys.executable, script, str(root)]
    made = subprocess.run(command, cwd=source, capture_output=True, text=True, timeout=BUILD_SECONDS, check=False)
    assert (0, "") == (made.returncode, made.stderr)
    yield Image(root)
    shutil.rmtree(root)


@pytest.mark.parametrize("user", [USER, OF_THE_CHART])
def test_the_program_starts_for_any_user(image: Image, user: int) -> None:
    ended = image.run("--help", user=user)
    assert (0, "") == (ended.returncode, ended.stderr)
    assert "--cluster-name" in ended.stdout


def test_a_wrong_flag_is_told_with_exit_code_2(image: Image) -> None:
    ended = image.run("--no-such-flag")
    assert (2, True) == (ended.returncode, ended.stderr.startswith("error: "))


def test_every_module_of_the_program_can_be_imported_in_it(image: Image) -> None:
    """The help needs few of them, and a library could be missing."""
    done = image.run(code=IMPORT_ALL)
    assert "" == done.stderr
    assert "aws_lb_controller.app" in done.stdout.split()


def test_it_serves_leaves_its_files_alone_and_ends_on_sigterm(image: Image, controllers: Controllers) -> None:
    before = image.files()
    flags, health = serving(image, controllers)
    log = image.root.parent / "controller.log"
    environment = image.environment(AWS_ENDPOINT_URL=controllers.world.aws.url)
    process = start(image.command(*flags), log=log, environment=environment, folder=Path("/"))
    try:
        until("the controller's /readyz", lambda: answers(health) or ended(process, log))
        program = first_process(process)
        assert (str(USER if ROOT else os.geteuid()), "1" if ROOT else str(program)) == seen(program)
        os.kill(program, signal.SIGTERM)
        assert process.child is not None
        assert 0 == process.child.wait(30), tail(log)
    finally:
        process.stop()
    assert before == image.files()


def serving(image: Image, controllers: Controllers) -> tuple[list[str], str]:
    """Flags for the local world, with the files they name in place, and the address of /readyz."""
    states = image.root / STATES
    inside = image.inside(STATES)
    write_certificate(states / "certs")
    flatten = ("config", "view", "--raw", "--flatten")  # with certificates in it, not beside it
    kubeconfig = controllers.world.control_plane.kubectl(*flatten, kubeconfig=controllers.kubeconfig)
    (states / "kubeconfig").write_text(kubeconfig)
    if ROOT:
        for path in (states, *states.rglob("*")):
            os.chown(path, USER, USER)
    aws = controllers.world.aws
    process = ControllerProcess(root=inside, kubeconfig=inside / "kubeconfig", aws_url=aws.url, aws=aws.world)
    return process.flags(), f"http://127.0.0.1:{process.health_port}/readyz"


def ended(process: Process, log: Path) -> bool:
    assert process.alive(), tail(log)
    return False


def first_process(process: Process) -> int:
    """The program itself: of the process that was started, or what stands between, the last child."""
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split() if ROOT else []
    return int(children[0]) if children else process.pid


def seen(pid: int) -> tuple[str, str]:
    """User id, and process id as the process itself knows it."""
    status = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    return status["Uid"].split()[0], status["NSpid"].split()[-1]


def test_there_is_no_shell_no_installer_and_no_compiler(image: Image) -> None:
    programs = [path for path in image.root.rglob("*") if path.is_file() and os.access(path, os.X_OK)]
    alone = {str(path.relative_to(image.root)) for path in programs if ".so" not in path.name}
    assert "usr/local/bin/python3" in alone
    assert set() == {one for one in alone if one.startswith(("bin/", "usr/bin/", "usr/local/bin/", "sbin/"))} - {
        "usr/local/bin/python3"
    }
    assert set() == {one.name for one in installed(image)} & {"pip", "setuptools", "wheel"}
    assert [] == list(image.root.rglob("ensurepip"))


def installed(image: Image) -> list[Path]:
    """What stands where packages are installed."""
    [site_packages] = image.root.glob("usr/local/lib/python3.*/site-packages")
    return list(site_packages.iterdir())


def test_nobody_but_root_can_write_in_it(image: Image) -> None:
    writable = [path for path in image.root.rglob("*") if not path.is_symlink() and path.lstat().st_mode & 0o022]
    assert [image.root / "tmp"] == [path for path in writable if path.parent.parts[-1] != STATES.name]


def test_all_bytecode_is_there_and_is_not_checked_against_files(image: Image) -> None:
    sources = [path for path in image.root.rglob("*.py") if path.parts[-2] != "__pycache__"]
    lacking = [path for path in sources if not list((path.parent / "__pycache__").glob(f"{path.stem}.cpython-*.pyc"))]
    assert [] == lacking
    [code] = (installed_package(image) / "__pycache__").glob("app.*.pyc")
    assert 0b01 == int.from_bytes(code.read_bytes()[4:8], "little")  # PEP 552: by hash, unchecked


def installed_package(image: Image) -> Path:
    [found] = [path for path in installed(image) if path.name == "aws_lb_controller"]
    return found


def test_the_bill_of_materials_names_everything_that_is_installed(image: Image) -> None:
    [file] = (image.root / "usr/local/share/sbom").iterdir()
    bill = json.loads(file.read_text())
    assert ("CycloneDX", "aws-lb-controller") == (bill["bomFormat"], bill["metadata"]["component"]["name"])
    [site_packages] = image.root.glob("usr/local/lib/python3.*/site-packages")
    there = {(one.name.lower(), one.version) for one in distributions(path=[str(site_packages)])}
    assert there == {(one["name"].lower(), one["version"]) for one in bill["components"]}
    assert [] == [one["name"] for one in bill["components"] if not one.get("purl", "").startswith("pkg:pypi/")]
