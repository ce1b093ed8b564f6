# SPDX-License-Identifier: Apache-2.0
"""Write the lock files, or check that they belong to pyproject.toml.

A lock file names packages, versions and hashes, and no place to get them
from: every installation uses the package index that it is set up with. Its
header holds a digest of what it was resolved from, so that a check needs no
network. Run it through ``scripts/lock``.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import subprocess
import sys
import tomllib
from pathlib import Path

OLDEST_PYTHON = "3.11"
LOCKS = (
    # (file, dependency group, options): the second keeps the first's versions.
    ("requirements.lock", "build", ()),
    ("requirements-dev.lock", "dev", ("--constraints", "requirements.lock")),
)


def header() -> str:
    """Return the first lines of a lock file that fits pyproject.toml."""
    with Path("pyproject.toml").open("rb") as file:
        pyproject = tomllib.load(file)
    inputs = [
        pyproject["build-system"]["requires"],
        pyproject["project"]["requires-python"],
        pyproject["project"]["dependencies"],
        pyproject["dependency-groups"],
    ]
    digest = hashlib.sha256(json.dumps(inputs, sort_keys=True).encode()).hexdigest()
    return (
        "# Written by scripts/lock for every platform and Python >= "
        f"{OLDEST_PYTHON}.\n# Requirements in pyproject.toml: sha256 {digest}\n"
    )


def write(*, upgrade: bool) -> None:
    """Resolve both lock files with uv and put the header on top."""
    for name, group, options in LOCKS:
        subprocess.run(
            [
                *(".venv/bin/uv", "pip", "compile", "pyproject.toml", "--quiet"),
                *("--group", group, "--output-file", name, *options),
                *("--universal", "--python-version", OLDEST_PYTHON),
                # A fresh machine has no compiler.
                *("--generate-hashes", "--only-binary", ":all:"),
                *("--no-header", "--no-emit-index-url", "--no-emit-find-links"),
                *(("--upgrade",) if upgrade else ()),
            ],
            check=True,
        )
        path = Path(name)
        path.write_text(header() + path.read_text())


def faults() -> list[str]:
    """Return what is wrong with the lock files, one line for each fault."""
    found = []
    for name, _, _ in LOCKS:
        text = Path(name).read_text()
        if not text.startswith(header()):
            found.append(f"{name} was not written from the present pyproject.toml.")
        found += [
            f"{name}:{number} names a place to get packages from: {line}"
            for number, line in enumerate(text.splitlines(), start=1)
            if "://" in line or line.startswith("-")
        ]
    return found


def main() -> int:
    """Write or check; return the exit code."""
    parser = argparse.ArgumentParser(prog="scripts/lock")
    mode = parser.add_mutually_exclusive_group()
    mode.add_argument("--upgrade", action="store_true", help="take newest versions")
    mode.add_argument("--check", action="store_true", help="write nothing")
    arguments = parser.parse_args()
    if not arguments.check:
        write(upgrade=arguments.upgrade)
    found = faults()
    print(*found, sep="\n", end="\n" if found else "")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
