# SPDX-License-Identifier: Apache-2.0
"""Tools that nobody here wrote, and what the run says about them.

Where a tool cannot be had the tests that need it are skipped, with the reason.
The end of the run names what was looked at, so that a run without them cannot
be taken for one with them.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from tests.fakes.foreign import Program

HERE = Path(__file__).parent
#: A first build compiles a database, in s.
BUILD_S = 900
#: The modules have some 500 MB; a network that is silent ends here, in s.
FETCH_S = 240
#: Where Debian keeps golang.org/x/mod for a compiler that fetches nothing.
PACKAGED = Path("/usr/share/gocode")
LITEWITNESS = "filippo.io/torchwood/cmd/litewitness"

_looked_at: dict[str, str] = {}


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say which foreign tools looked at our log."""
    if _looked_at:
        terminalreporter.section("foreign tools")
        for name, what in sorted(_looked_at.items()):
            terminalreporter.write_line(f"{name}: {what}")


@pytest.fixture(scope="session")
def openssl() -> Program:
    """Give OpenSSL's command, or skip the test."""
    path = shutil.which("openssl")
    if path is None:
        raise _absent("OpenSSL", "there is no openssl on the path")
    program = Program(path)
    _looked_at["OpenSSL"] = program.run("version").decode().strip()
    return program


@pytest.fixture(scope="session")
def logs(tmp_path_factory: pytest.TempPathFactory) -> Program:
    """Give our reader of logs on golang.org/x/mod, or skip the test."""
    folder, target = HERE / "logs", tmp_path_factory.mktemp("go") / "logs"
    name = "golang.org/x/mod"
    if (reason := _fetched(folder, ["."])) is None:
        _build(["-o", str(target), "."], folder)
        _looked_at[name] = f"{_version(folder, name)}, {_go('version', folder)}"
    elif (PACKAGED / "src/golang.org/x/mod").is_dir():
        packaged = {"GO111MODULE": "off", "GOPATH": str(PACKAGED)}
        _build(["-o", str(target), "main.go"], folder, packaged)
        _looked_at[name] = f"as packaged, {_go('version', folder)}"
    else:
        raise _absent(name, reason)
    return Program(str(target))


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the folder of `cosigners` and `litewitness`, or skip the test."""
    folder, target = HERE / "cosigners", tmp_path_factory.mktemp("go")
    packages = [".", LITEWITNESS]
    if (reason := _fetched(folder, packages)) is not None:
        raise _absent("cosigners and witnesses in Go", reason)
    _build(["-o", f"{target}/", *packages], folder)
    for module in ("github.com/transparency-dev/formats", "filippo.io/torchwood"):
        _looked_at[module] = f"{_version(folder, module)}, {_go('version', folder)}"
    return target


@pytest.fixture(scope="session")
def cosigners(built: Path) -> Program:
    """Give our reader of cosignatures on transparency-dev's libraries."""
    return Program(str(built / "cosigners"))


def _fetched(folder: Path, packages: Sequence[str]) -> str | None:
    """Fetch what packages are built from; return why that cannot be had."""
    if shutil.which("go") is None:
        return "there is no Go toolchain on the path"
    try:
        _go("list", folder, "-deps", *packages, timeout_s=FETCH_S)
    except subprocess.TimeoutExpired:
        return f"its modules did not come within {FETCH_S} s"
    except subprocess.CalledProcessError as error:
        said: str = error.stderr
        return f"go has not what it needs: {said.strip().splitlines()[-1]}"
    return None


def _build(
    arguments: Sequence[str],
    folder: Path,
    environment: Mapping[str, str] | None = None,
) -> None:
    # A build that fails is a failure of the test, not of this machine.
    _go("build", folder, *arguments, environment=environment)


def _version(folder: Path, module: str) -> str:
    return _go("list", folder, "-m", "-f", "{{.Version}}", module)


def _go(
    command: str,
    folder: Path,
    *arguments: str,
    timeout_s: int = BUILD_S,
    environment: Mapping[str, str] | None = None,
) -> str:
    done = subprocess.run(  # noqa: S603 - and only from our own modules
        ["go", command, *arguments],  # noqa: S607 - the one on the path
        check=True,
        cwd=folder,
        env={**os.environ, **(environment or {})},
        capture_output=True,
        text=True,
        timeout=timeout_s,
    )
    return done.stdout.strip()


def _absent(name: str, reason: str) -> BaseException:
    """Return the exception that skips a test, and say so at the end."""
    _looked_at[name] = f"NOT LOOKED AT: {reason}"
    return pytest.skip.Exception(reason)
