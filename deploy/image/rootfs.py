"""Makes the root filesystem of the controller's image in a folder: Python, the locked wheels, the program, and no more.

The Dockerfile's build stage runs it, and so do the tests, without Docker: what is tested is what is built. The tree
holds no shell, no package manager, no pip and no compiler; everything is root's and read-only for whoever runs it, and
all bytecode is there already. It needs a Linux with glibc and the standard library of any Python from 3.11 on, which
also is the Python that the tree gets.

    python deploy/image/rootfs.py FOLDER
"""

from __future__ import annotations

import argparse
import compileall
import os
import py_compile
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import venv
from collections.abc import Iterator
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
LOCK = REPOSITORY / "requirements.lock"
BUILD_LOCK = Path(__file__).resolve().with_name("requirements-build.lock")
PACKAGE = REPOSITORY / "operator" / "aws_lb_controller"

# places in the tree
PYTHON = Path("usr/local/bin/python3")
STANDARD_LIBRARY = Path(f"usr/local/lib/python{sys.version_info.major}.{sys.version_info.minor}")
SITE_PACKAGES = STANDARD_LIBRARY / "site-packages"
SBOM = Path("usr/local/share/sbom/aws-lb-controller.cdx.json")

USER = 65532
ACCOUNTS = {
    "etc/passwd": f"root:x:0:0:root:/root:/sbin/nologin\nnonroot:x:{USER}:{USER}:nonroot:/tmp:/sbin/nologin\n",
    "etc/group": f"root:x:0:\nnonroot:x:{USER}:\n",
    "etc/nsswitch.conf": "hosts: files dns\n",
}

# of the standard library: installers, tests, windows, terminals, and modules that bring system libraries of their own
LEFT_OUT = shutil.ignore_patterns(
    *("site-packages", "__pycache__", "ensurepip", "venv", "test", "tests", "config-*", "lib2to3", "pydoc_data"),
    *("idlelib", "tkinter", "turtledemo", "turtle.py", "sqlite3"),
    *("_tkinter*", "_test*", "_xxtest*", "_ctypes_test*", "xxlimited*"),
    *("_sqlite3*", "_curses*", "readline*", "_dbm*", "_gdbm*", "nis.*"),
)
INSTALLERS = ("pip", "setuptools", "wheel", "_distutils_hack", "pkg_resources")
LOADED_BY_NAME = ("libgcc_s.so.1",)  # glibc opens it when a thread ends


class RootfsError(Exception):
    """The tree cannot be made; the text says what is missing."""


def make(root: Path) -> None:
    """Make the whole tree in a folder that is empty or does not exist. RootfsError, or the error of a command."""
    if root.exists() and any(root.iterdir()):
        raise RootfsError(f"{root} is not empty")
    _copy_python(root)
    _install_wheels(root / SITE_PACKAGES)
    shutil.copytree(PACKAGE, root / SITE_PACKAGES / PACKAGE.name, ignore=shutil.ignore_patterns("__pycache__"))
    _copy_libraries(root)
    _write_etc(root)
    _write_sbom(root)
    _compile(root)
    _settle(root)


# ---- what goes in


def _copy_python(root: Path) -> None:
    """The interpreter that runs this, under one prefix wherever it stands here."""
    shutil.copytree(sysconfig.get_path("stdlib"), root / STANDARD_LIBRARY, ignore=LEFT_OUT)
    python = root / PYTHON
    python.parent.mkdir(parents=True)
    shutil.copy(Path(sys.executable).resolve(), python)
    python.chmod(0o755)


def _install_wheels(target: Path) -> None:
    """The locked wheels and nothing else; a source distribution, which could need a compiler, is an error."""
    _run(
        *(sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-compile"),
        *("--root-user-action=ignore", "--require-hashes", "--only-binary=:all:", "--target", str(target)),
        *("-r", str(LOCK)),
    )
    shutil.rmtree(target / "bin", ignore_errors=True)  # command lines of libraries
    for installer in INSTALLERS:
        for found in [target / installer, *target.glob(f"{installer}-*.dist-info")]:
            shutil.rmtree(found, ignore_errors=True)


def _copy_libraries(root: Path) -> None:
    """Every shared library that a binary in the tree needs, and an index by which the loader finds them."""
    folders = set()
    for library in sorted(_needed(root)):
        place = root / _place_of(library)
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(library.resolve(), place)
        folders.add(f"/{place.relative_to(root).parent}")
    conf = root / "etc" / "ld.so.conf"
    conf.parent.mkdir(parents=True, exist_ok=True)
    conf.write_text("".join(f"{folder}\n" for folder in sorted(folders)))
    _run(_tool("ldconfig"), "-X", "-r", str(root))


def _needed(root: Path) -> set[Path]:
    """The libraries outside the tree that the dynamic loader takes for what is in it."""
    binaries = [root / PYTHON, *root.rglob("*.so"), *root.rglob("*.so.*")]
    found: set[Path] = set()
    for binary in binaries:
        said = subprocess.run([_tool("ldd"), str(binary)], capture_output=True, text=True, check=False).stdout
        if missing := re.search(r"(\S+) => not found", said):
            raise RootfsError(f"{binary} needs {missing[1]}, which is not on this machine")
        found |= {Path(path) for path in re.findall(r"(/\S+) \(0x", said)}
    return {path for path in found | _opened_by_name(found) if root not in path.parents}


def _opened_by_name(found: set[Path]) -> set[Path]:
    """Libraries that are needed though no binary says so; they stand beside the C library."""
    folders = {path.parent for path in found if path.name == "libc.so.6"}
    return {folder / name for folder in folders for name in LOADED_BY_NAME if (folder / name).exists()}


def _place_of(library: Path) -> Path:
    """Where it stands in the tree: as here, but Python's own beside Python."""
    prefix = Path(sys.base_prefix)
    if prefix != Path("/usr") and prefix in library.parents:
        return "usr/local" / library.relative_to(prefix)
    return library.relative_to("/")


def _write_etc(root: Path) -> None:
    for file, text in ACCOUNTS.items():
        (root / file).write_text(text)
    (root / "tmp").mkdir()


def _write_sbom(root: Path) -> None:
    """What the tree's own Python finds installed, as CycloneDX; the tool for it stays outside the tree."""
    (root / SBOM).parent.mkdir(parents=True)
    with tempfile.TemporaryDirectory() as scratch:
        venv.create(scratch, with_pip=True)
        python = Path(scratch) / "bin" / "python"
        install = ("-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--only-binary=:all:")
        _run(str(python), *install, "--require-hashes", "-r", str(BUILD_LOCK))
        _run(
            *(str(python), "-m", "cyclonedx_py", "environment", "--pyproject", str(REPOSITORY / "pyproject.toml")),
            *("--mc-type", "application", "--output-reproducible", "--of", "JSON", "-o", str(root / SBOM)),
            str(root / PYTHON),
        )


# ---- what is done to it


def _compile(root: Path) -> None:
    """Bytecode for everything, which is not checked against its source: nobody can change either."""
    done = compileall.compile_dir(
        root / STANDARD_LIBRARY,
        quiet=2,
        force=True,
        stripdir=root,
        prependdir="/",
        invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH,
    )
    if not done:
        raise RootfsError(f"not everything below {root / STANDARD_LIBRARY} can be compiled")


def _settle(root: Path) -> None:
    """Readable for all, writable for nobody but root, and with one date, so that equal trees are equal layers."""
    date = int(os.environ.get("SOURCE_DATE_EPOCH", "0"))
    for path in _everything(root):
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or os.access(path, os.X_OK) else 0o644)
        os.utime(path, (date, date), follow_symlinks=False)
    (root / "tmp").chmod(0o1777)


def _everything(root: Path) -> Iterator[Path]:
    for folder, _, files in os.walk(root, topdown=False):
        yield from (Path(folder) / file for file in files)
        yield Path(folder)


def _tool(name: str) -> str:
    found = shutil.which(name, path=f"{os.environ.get('PATH', os.defpath)}:/sbin:/usr/sbin")
    if not found:
        raise RootfsError(f"{name} is needed and not there; it comes with glibc")
    return found


def _run(*command: str) -> None:
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description="Make the root filesystem of the controller's image in a folder.")
    parser.add_argument("folder", type=Path)
    try:
        make(parser.parse_args().folder.resolve())
    except (RootfsError, subprocess.CalledProcessError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
