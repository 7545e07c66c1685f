"""Where the control plane's binaries and helm come from, and that nothing untrusted or half written is ever taken."""

from __future__ import annotations

import hashlib
import io
import os
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from localworld import tools

SCRIPT = Path(tools.__file__)
NAMES = [tool.name for tool in tools.TOOLS]
KUBECTL = next(tool for tool in tools.TOOLS if tool.name == "kubectl")
ETCD = next(tool for tool in tools.TOOLS if tool.name == "etcd")
KWOK = next(tool for tool in tools.TOOLS if tool.name == "kwok")


def executable(path: Path, text: str = "#!/bin/sh\n") -> Path:
    """An executable file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return path


def all_seven(folder: Path, version: Callable[[tools.Tool], str] = tools.version_of) -> Path:
    """A folder of stand-ins that tell a version."""
    for tool in tools.TOOLS:
        executable(folder / tool.name, f"#!/bin/sh\necho {tool.name} {version(tool)}\n")
    return folder


def archive(member: str) -> bytes:
    """A .tar.gz with one file in it."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as opened:
        file = tarfile.TarInfo(member)
        file.size = len(b"binary")
        opened.addfile(file, io.BytesIO(b"binary"))
    return packed.getvalue()


@pytest.fixture(autouse=True)
def own_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """An empty cache, no assets variable and nothing of ours on PATH."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    monkeypatch.delenv(tools.ASSETS_VARIABLE, raising=False)
    return tmp_path / "cache"


@pytest.fixture
def published(monkeypatch: pytest.MonkeyPatch) -> dict[str, bytes]:
    """Files that are published: URL → content. Anything else is not found."""
    files: dict[str, bytes] = {}

    def fetch(url: str) -> bytes:
        if url not in files:
            raise tools.DownloadError(f"{url}: 404")
        return files[url]

    monkeypatch.setattr(tools, "_fetch", fetch)
    monkeypatch.setattr(tools, "reachable", lambda host: True)
    monkeypatch.setattr(tools, "system", lambda: ("linux", "amd64"))
    return files


# ---- versions


def test_versions_are_those_of_the_pinned_modules() -> None:
    assert {"v1.36.3", "v3.6.8", "v0.8.0"} == {tools.version_of(tool) for tool in tools.TOOLS}


@pytest.mark.parametrize("module", ["kubernetes", "etcd", "kwok", "helm"])
def test_a_cache_folder_changes_with_the_pinned_modules_of_its_own_set(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, module: str
) -> None:
    folders = []
    for content in ("module a\n", "module b\n"):
        (tmp_path / module).mkdir(exist_ok=True)
        (tmp_path / module / "go.mod").write_text(content)
        monkeypatch.setattr(tools, "GOMODS", tmp_path)
        folders.append((tools.cache_folder(), tools.cache_folder(tools.CHART)))
    (control_plane, chart), (other_control_plane, other_chart) = folders
    helm = module == "helm"
    assert (helm, not helm) == (control_plane == other_control_plane, chart == other_chart)


# ---- what is there already


def test_the_assets_variable_comes_before_path(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(all_seven(tmp_path / "path")))
    monkeypatch.setenv(tools.ASSETS_VARIABLE, str(all_seven(tmp_path / "assets")))
    assert tmp_path / "assets" == tools.ensure()


def test_an_incomplete_assets_folder_is_an_error_naming_what_it_lacks(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (all_seven(tmp_path) / "kwok").unlink()
    monkeypatch.setenv(tools.ASSETS_VARIABLE, str(tmp_path))
    with pytest.raises(tools.ToolsError, match=r"has no kwok$"):
        tools.ensure()


def test_path_is_taken_when_all_seven_fit(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", f"{all_seven(tmp_path)}:/usr/bin:/bin")
    assert tmp_path == tools.from_path()


def test_a_lone_kubectl_on_path_is_not_taken(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    executable(tmp_path / "kubectl", "#!/bin/sh\necho v1.36.3\n")
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    assert tools.from_path() is None


def test_path_is_not_taken_when_a_version_does_not_fit(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    all_seven(tmp_path, lambda tool: "v1.30.0" if tool is KUBECTL else tools.version_of(tool))
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    assert tools.from_path() is None


@pytest.mark.parametrize(("version", "taken"), [("v3.17.9", False), ("v3.18.0", True), ("v5.0.0", True)])
def test_a_helm_on_path_is_taken_when_it_is_new_enough(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, version: str, taken: bool
) -> None:
    executable(tmp_path / "helm", f"#!/bin/sh\necho {version}\n")
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    assert (tmp_path if taken else None) == tools.from_path(tools.CHART)


def test_helm_may_stand_elsewhere_than_the_folder_of_the_assets_variable(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv(tools.ASSETS_VARIABLE, str(all_seven(tmp_path / "assets")))
    cached = executable(tools.cache_folder(tools.CHART) / "helm").parent
    assert (tmp_path / "assets", cached) == (tools.ensure(), tools.ensure(tools.CHART))
    executable(tmp_path / "assets" / "helm")
    assert tmp_path / "assets" == tools.ensure(tools.CHART)


def test_binaries_in_several_folders_of_path_are_linked_into_one(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    all_seven(tmp_path / "one")
    (tmp_path / "two").mkdir()
    (tmp_path / "one" / "etcd").rename(tmp_path / "two" / "etcd")
    monkeypatch.setenv("PATH", f"{tmp_path / 'one'}:{tmp_path / 'two'}:/usr/bin:/bin")
    folder = tools.from_path()
    assert folder is not None
    assert sorted(NAMES) == sorted(path.name for path in folder.iterdir())
    assert (tmp_path / "two" / "etcd").resolve() == (folder / "etcd").resolve()


def test_a_full_cache_is_taken_without_getting_anything(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tools, "fill", lambda folder: pytest.fail("nothing should be got"))
    assert all_seven(tools.cache_folder()) == tools.ensure()


# ---- downloads


def test_kubernetes_is_downloaded_with_its_published_checksum(published: dict[str, bytes], tmp_path: Path) -> None:
    url = "https://dl.k8s.io/release/v1.36.3/bin/linux/amd64/kubectl"
    published.update({url: b"binary", f"{url}.sha256": hashlib.sha256(b"binary").hexdigest().encode()})
    tools.download(KUBECTL, tmp_path / "kubectl")
    assert b"binary" == (tmp_path / "kubectl").read_bytes()


def test_a_download_with_another_checksum_is_refused(published: dict[str, bytes], tmp_path: Path) -> None:
    url = "https://dl.k8s.io/release/v1.36.3/bin/linux/amd64/kubectl"
    published.update({url: b"tampered", f"{url}.sha256": hashlib.sha256(b"binary").hexdigest().encode()})
    with pytest.raises(tools.DownloadError, match="has not the published SHA-256"):
        tools.download(KUBECTL, tmp_path / "kubectl")
    assert not (tmp_path / "kubectl").exists()


def test_etcd_is_taken_out_of_its_archive(published: dict[str, bytes], tmp_path: Path) -> None:
    base = "https://github.com/etcd-io/etcd/releases/download/v3.6.8"
    content, file = archive("etcd-v3.6.8-linux-amd64/etcd"), "etcd-v3.6.8-linux-amd64.tar.gz"
    sums = f"{'0' * 64}  other.tar.gz\n{hashlib.sha256(content).hexdigest()}  {file}\n"
    published.update({f"{base}/{file}": content, f"{base}/SHA256SUMS": sums.encode()})
    tools.download(ETCD, tmp_path / "etcd")
    assert b"binary" == (tmp_path / "etcd").read_bytes()


def test_an_archive_may_be_a_zip() -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as opened:
        opened.writestr("etcd/etcd", b"binary")
    assert b"binary" == tools._member(packed.getvalue(), "etcd/etcd")


def test_kwok_is_checked_against_the_digest_that_github_publishes(published: dict[str, bytes], tmp_path: Path) -> None:
    repository = "kubernetes-sigs/kwok/releases"
    digest = hashlib.sha256(b"binary").hexdigest()
    assets = f'{{"assets": [{{"name": "kwok-linux-amd64", "digest": "sha256:{digest}"}}]}}'
    published[f"https://api.github.com/repos/{repository}/tags/v0.8.0"] = assets.encode()
    published[f"https://github.com/{repository}/download/v0.8.0/kwok-linux-amd64"] = b"binary"
    tools.download(KWOK, tmp_path / "kwok")
    assert b"binary" == (tmp_path / "kwok").read_bytes()


def test_helm_is_taken_out_of_its_archive(published: dict[str, bytes], tmp_path: Path) -> None:
    file = f"helm-{tools.version_of(tools.HELM)}-linux-amd64.tar.gz"
    content = archive("linux-amd64/helm")
    published[f"https://get.helm.sh/{file}"] = content
    published[f"https://get.helm.sh/{file}.sha256sum"] = f"{hashlib.sha256(content).hexdigest()}  {file}\n".encode()
    tools.download(tools.HELM, tmp_path / "helm")
    assert b"binary" == (tmp_path / "helm").read_bytes()


def test_without_a_published_checksum_nothing_is_downloaded(published: dict[str, bytes], tmp_path: Path) -> None:
    published["https://dl.k8s.io/release/v1.36.3/bin/linux/amd64/kubectl"] = b"binary"
    with pytest.raises(tools.DownloadError, match=r"\.sha256: 404"):
        tools.download(KUBECTL, tmp_path / "kubectl")


# ---- putting into the cache


def test_what_cannot_be_downloaded_is_built(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_download(tool: tools.Tool, destination: Path) -> None:
        raise tools.DownloadError("no way out")

    monkeypatch.setattr(tools, "download", no_download)
    monkeypatch.setattr(tools, "build", lambda tool, destination, heartbeat: destination.write_text("built"))
    assert ["built"] * 7 == [(tools.ensure() / name).read_text() for name in NAMES]


def test_an_interrupt_leaves_nothing_half_placed_and_keeps_what_was_finished(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(tool: tools.Tool, destination: Path) -> None:
        destination.write_text("half" if tool is ETCD else "whole")
        if tool is ETCD:
            raise KeyboardInterrupt

    monkeypatch.setattr(tools, "download", interrupted)
    with pytest.raises(KeyboardInterrupt):
        tools.ensure()
    left = {path.name: path.read_text() for path in tools.cache_folder().iterdir()}
    assert dict.fromkeys(NAMES[: NAMES.index("etcd")], "whole") == left


def test_what_a_killed_run_left_is_swept_away(monkeypatch: pytest.MonkeyPatch) -> None:
    (tools.cache_folder() / ".placing-killed").mkdir(parents=True)
    monkeypatch.setattr(tools, "download", lambda tool, destination: destination.write_text("whole"))
    assert sorted(NAMES) == sorted(path.name for path in tools.ensure().iterdir())


def test_without_go_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(tools.shutil, "which", lambda name: None)
    with pytest.raises(tools.ToolsError, match=r"install Go[\s\S]*dl\.k8s\.io[\s\S]*AWS_LBC_TOOLS=FOLDER"):
        tools.build(KUBECTL, tmp_path / "kubectl", lambda: None)


def test_a_failed_build_shows_what_go_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    executable(tmp_path / "bin" / "go", "#!/bin/sh\necho no such module\nexit 3\n")
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    with pytest.raises(tools.ToolsError, match=r"exit code 3\):\nno such module"):
        tools.build(KUBECTL, tmp_path / "kubectl", lambda: None)


def test_a_long_build_gives_signs_of_life(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    executable(tmp_path / "bin" / "go", f"#!/bin/sh\nwhile [ ! -e {tmp_path}/seen ]; do :; done\n")
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    monkeypatch.setattr(tools, "HEARTBEAT_SECONDS", 0.01)
    tools.build(KUBECTL, tmp_path / "kubectl", (tmp_path / "seen").touch)
    assert (tmp_path / "seen").exists()


def test_helm_knows_its_version_when_it_was_built(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    executable(tmp_path / "bin" / "go", f'#!/bin/sh\necho "$@" >{tmp_path}/said\n')
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    tools.build(tools.HELM, tmp_path / "helm", lambda: None)
    variable = f"{tools.HELM.origin}/internal/version.version={tools.version_of(tools.HELM)}"
    assert variable in (tmp_path / "said").read_text()


def test_without_go_the_error_tells_how_to_get_helm(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(tools.shutil, "which", lambda name: None)
    with pytest.raises(
        tools.ToolsError, match=r"Helm is needed[\s\S]*https://get\.helm\.sh: it is downloaded[\s\S]*put helm"
    ):
        tools.build(tools.HELM, tmp_path / "helm", lambda: None)


def printed() -> str:
    """What the command prints on standard output."""
    command = [sys.executable, "-S", SCRIPT]
    return subprocess.run(command, capture_output=True, text=True, check=True, env=os.environ).stdout


def test_the_command_prints_the_folders_as_path_has_them_and_nothing_else(own_cache: Path) -> None:
    all_seven(tools.cache_folder())
    executable(tools.cache_folder(tools.CHART) / "helm")
    assert f"{tools.cache_folder()}:{tools.cache_folder(tools.CHART)}\n" == printed()


def test_the_command_prints_a_folder_that_has_everything_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    executable(all_seven(tmp_path) / "helm")
    monkeypatch.setenv(tools.ASSETS_VARIABLE, str(tmp_path))
    assert f"{tmp_path}\n" == printed()


def test_the_command_ends_with_one_error_and_exit_code_1(tmp_path: Path) -> None:
    environment = {**os.environ, tools.ASSETS_VARIABLE: str(tmp_path)}
    done = subprocess.run([sys.executable, "-S", SCRIPT], capture_output=True, text=True, check=False, env=environment)
    assert (1, "", 1) == (done.returncode, done.stdout, done.stderr.count("error:"))
