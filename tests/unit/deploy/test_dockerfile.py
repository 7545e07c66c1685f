"""What holds for the image by its Dockerfile alone; tests/e2e/test_e2e_image.py builds and runs what it describes."""

from __future__ import annotations

import re
import tomllib

import yaml

from contract_data import REPOSITORY
from dockerfile_steps import stages

VERSION = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]["version"]
BUILD, SBOM, IMAGE = stages()


def test_the_image_has_nothing_below_it_and_takes_all_from_the_build_stage() -> None:
    assert "scratch" == IMAGE.base
    assert ["--from=build /rootfs /"] == IMAGE.all("COPY")


def test_nothing_is_run_or_added_in_the_image() -> None:
    assert {"LABEL", "COPY", "ENV", "USER", "ENTRYPOINT"} == {word for word, _ in IMAGE.steps}


def test_the_user_is_a_number_that_is_not_root() -> None:
    assert "65532:65532" == IMAGE.only("USER")


def test_the_program_is_the_first_process_so_that_signals_reach_it() -> None:
    assert ["/usr/local/bin/python3", "-P", "-m", "aws_lb_controller"] == IMAGE.words("ENTRYPOINT")


def test_python_writes_no_bytecode() -> None:
    assert "1" == IMAGE.variables()["PYTHONDONTWRITEBYTECODE"]


def test_the_base_of_the_build_is_pinned_to_a_full_version() -> None:
    assert re.fullmatch(r"python:3\.\d+\.\d+-slim-[a-z]+(@sha256:[0-9a-f]{64})?", BUILD.base)


def test_the_build_is_the_script_that_the_tests_run() -> None:
    assert "python deploy/image/rootfs.py /rootfs" == BUILD.only("RUN")


def test_the_bill_of_materials_is_that_of_the_image() -> None:
    assert ("scratch", ["--from=build /rootfs/usr/local/share/sbom /"]) == (SBOM.base, SBOM.all("COPY"))


def test_its_version_is_that_of_the_program_and_of_the_chart() -> None:
    chart = yaml.safe_load((REPOSITORY / "helm" / "aws-load-balancer-controller" / "Chart.yaml").read_text())
    assert VERSION == chart["appVersion"]
    assert f'org.opencontainers.image.version="{VERSION}"' in IMAGE.only("LABEL")


def test_the_chart_leaves_the_entry_point_alone() -> None:
    template = REPOSITORY / "helm" / "aws-load-balancer-controller" / "templates" / "deployment.yaml"
    assert "command:" not in template.read_text()
