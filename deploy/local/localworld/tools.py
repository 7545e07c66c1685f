"""Gets the binaries of the control plane (etcd, Kubernetes's servers and kubectl, kwok and kwokctl), and helm.

It stands before everything else, so it needs only the standard library and any Python from 3.11 on. Where binaries
come from, first come first taken: the folder that AWS_LBC_TOOLS names; PATH, when all of a set are there in fitting
versions; the project's cache; an official download, checked against the publisher's SHA-256; a build from the Go
modules pinned in deploy/local/gomods. Versions live in one place, those go.mod files. A set has a cache folder of its
own, so that another helm does not cost another build of Kubernetes. A binary is put into the cache by one rename under
a lock, so parallel runs and interrupts leave nothing half placed.
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import functools
import hashlib
import io
import json
import os
import platform
import re
import shutil
import signal
import socket
import subprocess
import sys
import tarfile
import tempfile
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

GOMODS = Path(__file__).resolve().parent.parent / "gomods"
ASSETS_VARIABLE = "AWS_LBC_TOOLS"
CONNECT_SECONDS = 3
READ_SECONDS = 30
HEARTBEAT_SECONDS = 15


class ToolsError(Exception):
    """The binaries cannot be had; the message says what to install or set."""


class DownloadError(Exception):
    """A download is not to be had or not to be trusted; a build may still do."""


@dataclass(frozen=True)
class Tool:
    """One binary: `module` is the folder under gomods, `origin` the Go module that gives its version."""

    name: str
    module: str
    origin: str
    package: str
    version_arguments: tuple[str, ...] = ("--version",)
    oldest: tuple[int, int] | None = None  # major and minor from which on another one on PATH will do; None: as pinned


@dataclass(frozen=True)
class ToolSet:
    """Binaries that are needed together and stand in one folder; `hosts` is where they are published."""

    name: str
    tools: tuple[Tool, ...]
    hosts: tuple[str, ...]


def _kubernetes(name: str, *version_arguments: str) -> Tool:
    return Tool(
        name, "kubernetes", "k8s.io/kubernetes", f"k8s.io/kubernetes/cmd/{name}", version_arguments or ("--version",)
    )


def _kwok(name: str) -> Tool:
    return Tool(name, "kwok", "sigs.k8s.io/kwok", f"sigs.k8s.io/kwok/cmd/{name}")


TOOLS = (
    _kubernetes("kube-apiserver"),
    _kubernetes("kube-controller-manager"),
    _kubernetes("kube-scheduler"),
    _kubernetes("kubectl", "version", "--client"),
    Tool("etcd", "etcd", "go.etcd.io/etcd/server/v3", "go.etcd.io/etcd/server/v3"),
    _kwok("kwok"),
    _kwok("kwokctl"),
)
HELM = Tool(
    "helm",
    "helm",
    "helm.sh/helm/v4",
    "helm.sh/helm/v4/cmd/helm",
    ("version", "--template", "{{.Version}}"),
    oldest=(3, 18),
)
CONTROL_PLANE = ToolSet("the control plane's binaries", TOOLS, ("https://dl.k8s.io", "https://github.com"))
CHART = ToolSet("helm", (HELM,), ("https://get.helm.sh",))


def version_of(tool: Tool) -> str:
    """The version its go.mod requires, such as `v1.36.3`."""
    text = (GOMODS / tool.module / "go.mod").read_text()
    found = re.search(rf"^\s*(?:require\s+)?{re.escape(tool.origin)} (v\S+)", text, re.MULTILINE)
    if not found:
        raise ToolsError(f"deploy/local/gomods/{tool.module}/go.mod requires no {tool.origin}")
    return found[1]


def system() -> tuple[str, str]:
    """This machine in Go's words: (`linux` or `darwin`, `amd64` or `arm64`)."""
    machine = platform.machine().lower()
    return platform.system().lower(), {"x86_64": "amd64", "aarch64": "arm64"}.get(machine, machine)


def cache_root() -> Path:
    """The folder of all versions ever fetched: below XDG_CACHE_HOME or ~/.cache."""
    base = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return Path(base) / "aws-lb-controller" / "tools"


def cache_folder(wanted: ToolSet = CONTROL_PLANE) -> Path:
    """The folder of exactly these versions on this kind of machine."""
    digest = hashlib.sha256(" ".join(system()).encode())
    modules = {tool.module for tool in wanted.tools}
    for path in sorted(path for path in GOMODS.glob("*/go.*") if path.parent.name in modules):
        digest.update(f"{path.parent.name}/{path.name}".encode() + path.read_bytes())
    return cache_root() / digest.hexdigest()[:16]


def missing_in(folder: Path, wanted: ToolSet = CONTROL_PLANE) -> list[Tool]:
    """The tools that are not executable files of that folder."""
    return [tool for tool in wanted.tools if not os.access(folder / tool.name, os.X_OK)]


# ---- what is there already


def from_assets_variable(wanted: ToolSet = CONTROL_PLANE) -> Path | None:
    """The folder that AWS_LBC_TOOLS names; named and incomplete is an error, not a reason to look elsewhere.

    Only helm may stand elsewhere: whoever has a folder of the control plane need not have one with helm in it.
    """
    named = os.environ.get(ASSETS_VARIABLE)
    if not named:
        return None
    folder = Path(named).expanduser().resolve()
    if lacking := missing_in(folder, wanted):
        if wanted is CHART:
            return None
        raise ToolsError(f"{ASSETS_VARIABLE}={named} has no {', '.join(tool.name for tool in lacking)}")
    return folder


def from_path(wanted: ToolSet = CONTROL_PLANE) -> Path | None:
    """A folder with all of them from PATH, when they are all there and their versions fit."""
    found = {tool: shutil.which(tool.name) for tool in wanted.tools}
    paths = {tool: Path(path) for tool, path in found.items() if path}
    if len(paths) < len(wanted.tools):
        return None
    folders = {path.parent.resolve() for path in paths.values()}
    if folders == {cache_folder(wanted).resolve()}:
        return cache_folder(wanted)
    if not all(_fits(tool, path) for tool, path in paths.items()):
        return None
    return folders.pop() if len(folders) == 1 else _linked(paths)


def _fits(tool: Tool, path: Path) -> bool:
    """Whether the binary is of the major and minor version that the project pins, or one that will do as well."""
    try:
        answer = subprocess.run([path, *tool.version_arguments], capture_output=True, text=True, timeout=20, check=True)
    except (OSError, subprocess.SubprocessError):
        return False
    found = re.search(r"(\d+)\.(\d+)\.", answer.stdout)
    if found is None:
        return False
    if tool.oldest is not None:
        return (int(found[1]), int(found[2])) >= tool.oldest
    return version_of(tool).startswith(f"v{found[0]}")


def _linked(paths: dict[Tool, Path]) -> Path:
    """One folder of links, for binaries that PATH finds in several."""
    key = hashlib.sha256("\n".join(sorted(map(str, paths.values()))).encode()).hexdigest()[:16]
    folder = cache_root() / f"links-{key}"
    folder.mkdir(parents=True, exist_ok=True)
    for tool, path in paths.items():
        temporary = folder / f".{tool.name}.{os.getpid()}"
        temporary.symlink_to(path.resolve())
        temporary.replace(folder / tool.name)
    return folder


# ---- official downloads


@dataclass(frozen=True)
class Release:
    """Where a binary is published: the file, and a function that gives its published SHA-256 in hex."""

    url: str
    published_sha256: Callable[[], str]
    member: str | None = None  # the path inside an archive


def release_of(tool: Tool) -> Release:
    """The official release of that tool for this machine."""
    system_name, machine = system()
    version = version_of(tool)
    if tool.module == "kubernetes":
        url = f"https://dl.k8s.io/release/{version}/bin/{system_name}/{machine}/{tool.name}"
        return Release(url, lambda: _fetch(f"{url}.sha256").decode().split()[0])
    if tool.module == "etcd":
        folder = f"https://github.com/etcd-io/etcd/releases/download/{version}"
        stem = f"etcd-{version}-{system_name}-{machine}"
        file = f"{stem}.tar.gz" if system_name == "linux" else f"{stem}.zip"
        return Release(f"{folder}/{file}", lambda: _from_sums(f"{folder}/SHA256SUMS", file), member=f"{stem}/etcd")
    if tool is HELM:
        file = f"helm-{version}-{system_name}-{machine}.tar.gz"
        url = f"https://get.helm.sh/{file}"
        return Release(url, lambda: _from_sums(f"{url}.sha256sum", file), member=f"{system_name}-{machine}/helm")
    file = f"{tool.name}-{system_name}-{machine}"
    base = "https://github.com/kubernetes-sigs/kwok/releases/download"
    return Release(f"{base}/{version}/{file}", lambda: _from_asset_digest("kubernetes-sigs/kwok", version, file))


def _from_sums(url: str, file: str) -> str:
    for line in _fetch(url).decode().splitlines():
        digest, _, name = line.partition(" ")
        if name.strip(" *") == file:
            return digest
    raise DownloadError(f"{url} names no {file}")


def _from_asset_digest(repository: str, tag: str, file: str) -> str:
    """KWOK publishes no file of checksums; GitHub publishes the digest of every asset."""
    url = f"https://api.github.com/repos/{repository}/releases/tags/{tag}"
    for asset in json.loads(_fetch(url))["assets"]:
        if asset["name"] == file and str(asset.get("digest")).startswith("sha256:"):
            return str(asset["digest"]).removeprefix("sha256:")
    raise DownloadError(f"{url} gives no SHA-256 of {file}")


@functools.cache
def reachable(host: str) -> bool:
    """Whether a connection to that host (or to the proxy before it) opens in time, name look-up included."""
    proxy = urllib.request.getproxies().get("https")
    target = urllib.parse.urlsplit(proxy) if proxy and not urllib.request.proxy_bypass(host) else None
    address = (target.hostname, target.port or 3128) if target and target.hostname else (host, 443)
    opened = threading.Event()

    def probe() -> None:
        with contextlib.suppress(OSError), socket.create_connection(address, CONNECT_SECONDS):
            opened.set()

    thread = threading.Thread(target=probe, daemon=True)
    thread.start()
    thread.join(CONNECT_SECONDS)
    return opened.is_set()


def _fetch(url: str) -> bytes:
    try:
        with urllib.request.urlopen(url, timeout=READ_SECONDS) as answer:
            content: bytes = answer.read()
            return content
    except (OSError, urllib.error.URLError) as error:
        raise DownloadError(f"{url}: {error}") from error


def download(tool: Tool, destination: Path) -> None:
    """Write the published binary to `destination`; DownloadError if there is none or its checksum is another."""
    release = release_of(tool)
    host = urllib.parse.urlsplit(release.url).hostname or ""
    if not reachable(host):
        raise DownloadError(f"{host} is not reachable")
    try:
        wanted = release.published_sha256().lower()
        content = _fetch(release.url)
        if hashlib.sha256(content).hexdigest() != wanted:
            raise DownloadError(f"{release.url} has not the published SHA-256 {wanted}")
        destination.write_bytes(_member(content, release.member) if release.member else content)
    except (ValueError, KeyError, IndexError, tarfile.TarError, zipfile.BadZipFile) as error:
        raise DownloadError(f"{release.url}: {error!r}") from error


def _member(archive: bytes, name: str) -> bytes:
    if archive[:2] == b"PK":
        with zipfile.ZipFile(io.BytesIO(archive)) as opened:
            return opened.read(name)
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        file = tar.extractfile(name)
        if file is None:
            raise DownloadError(f"the archive has no file {name}")
        return file.read()


# ---- a build from Go modules


def build(tool: Tool, destination: Path, heartbeat: Callable[[], None]) -> None:
    """Compile one tool from its pinned modules; ToolsError with what Go said if that fails."""
    go = shutil.which("go")
    if not go:
        raise ToolsError(_no_way(tool))
    command = [go, "build", "-trimpath", "-ldflags", _linker_flags(tool), "-o", str(destination), tool.package]
    with tempfile.TemporaryFile("w+") as output:
        code = _run(command, GOMODS / tool.module, output, heartbeat)
        if code:
            output.seek(0)
            tail = "\n".join(output.read().splitlines()[-20:])
            raise ToolsError(f"building {tool.name} failed (go build, exit code {code}):\n{tail}\n\n{_no_way(tool)}")


def _linker_flags(tool: Tool) -> str:
    """Those that make a binary small, and let it know its version."""
    variables = {
        "kubernetes": "k8s.io/component-base/version.gitVersion",
        HELM.module: f"{HELM.origin}/internal/version.version",
    }
    variable = variables.get(tool.module)
    return f"-s -w -X {variable}={version_of(tool)}" if variable else "-s -w"


def _run(command: list[str], folder: Path, output: IO[str], heartbeat: Callable[[], None]) -> int:
    environment = {**os.environ, "CGO_ENABLED": "0"}
    process = subprocess.Popen(
        command, cwd=folder, env=environment, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
    )
    try:
        while True:
            try:
                return process.wait(HEARTBEAT_SECONDS)
            except subprocess.TimeoutExpired:
                heartbeat()
    finally:
        if process.poll() is None:  # interrupted: the compilers go too
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _no_way(tool: Tool) -> str:
    wanted = CHART if tool is HELM else CONTROL_PLANE
    versions = ", ".join(sorted({f"{each.origin} {version_of(each)}" for each in wanted.tools}))
    names = ", ".join(each.name for each in wanted.tools)
    one, them = ("is", "it is") if len(wanted.tools) == 1 else ("are", "they are")
    return (
        f"{wanted.name[0].upper()}{wanted.name[1:]} {one} needed and neither a download nor a build is possible here.\n"
        "Do one of these, then run the command again:\n"
        f"  - install Go 1.26 or newer (https://go.dev/dl) and a module proxy in reach: {them} built once\n"
        f"  - give access to {' and '.join(wanted.hosts)}: {them} downloaded\n"
        f"  - put {names} into one folder and set {ASSETS_VARIABLE}=FOLDER\n"
        f"Versions: {versions}."
    )


# ---- putting it together


def say(text: str) -> None:
    """A line of progress; on standard error, since standard output is for the path."""
    print(text, file=sys.stderr, flush=True)


@contextlib.contextmanager
def locked(path: Path, wanted: ToolSet = CONTROL_PLANE) -> Iterator[None]:
    """Hold a file's lock: parallel runs wait for each other and then find the work done."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"Another run is getting {wanted.name}; waiting for it …")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def fill(folder: Path, wanted: ToolSet = CONTROL_PLANE) -> None:
    """Get what the folder lacks, one binary after the other, each placed by a rename."""
    lacking = missing_in(folder, wanted)
    say(f"Getting {wanted.name} into {folder}: {len(lacking)} to go (once, then cached).")
    for tool in lacking:
        _place(tool, folder, wanted)


def _place(tool: Tool, folder: Path, wanted: ToolSet) -> None:
    count = len(wanted.tools)
    label = f"[{count - len(missing_in(folder, wanted)) + 1} of {count}] {tool.name} {version_of(tool)}"
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix=".placing-", dir=folder) as scratch:
        made = Path(scratch) / tool.name
        how = _make(tool, made, label, started)
        made.chmod(0o755)
        made.replace(folder / tool.name)
    say(f"{label}: {how} in {time.monotonic() - started:.0f} s")


def _make(tool: Tool, destination: Path, label: str, started: float) -> str:
    try:
        say(f"{label}: downloading …")
        download(tool, destination)
        return "downloaded, checksum verified,"
    except DownloadError as error:
        say(f"{label}: no download ({error}); building from Go modules …")
    build(tool, destination, lambda: say(f"{label}: still building, {time.monotonic() - started:.0f} s"))
    return "built"


def ensure(wanted: ToolSet = CONTROL_PLANE) -> Path:
    """The folder that holds all binaries of a set, got first if need be. ToolsError if there is no way."""
    if there := from_assets_variable(wanted) or from_path(wanted):
        return there
    folder = cache_folder(wanted)
    if missing_in(folder, wanted):
        with locked(folder.with_suffix(".lock"), wanted):
            folder.mkdir(parents=True, exist_ok=True)
            _sweep(folder)
            if missing_in(folder, wanted):
                fill(folder, wanted)
    return folder


def _sweep(folder: Path) -> None:
    """Throw away what a killed run left; the lock is held, so no living run is at it."""
    for scratch in folder.glob(".placing-*"):
        shutil.rmtree(scratch, ignore_errors=True)


def _terminated(*_: object) -> None:
    raise KeyboardInterrupt


def main() -> int:
    """Get the binaries; say where they are, as PATH would have it."""
    parser = argparse.ArgumentParser(description="Get the control plane's binaries and helm, and print their folders.")
    parser.parse_args()
    signal.signal(signal.SIGTERM, _terminated)
    try:
        folders = dict.fromkeys(str(ensure(wanted)) for wanted in (CONTROL_PLANE, CHART))
        print(os.pathsep.join(folders))
    except ToolsError as error:
        say(f"error: {error}")
        return 1
    except KeyboardInterrupt:
        say("interrupted; what was finished stays in the cache")
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
