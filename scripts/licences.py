# SPDX-License-Identifier: Apache-2.0
"""Check licences: of every package a node runs with, and of our own files.

It reads the metadata of the environment that it runs in and the files that
git tracks. It judges names, not texts: a package that calls its licence
something new stops the check until a person has read it. Run it through
``scripts/check``.
"""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import Distribution, distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

# What a package may say in License-Expression, License or a classifier. All
# of these let a state use, change and pass on the node without conditions on
# its own code.
PERMISSIVE = frozenset(
    {
        "3-Clause BSD License",
        "Apache 2.0",
        "Apache License, Version 2.0",
        "Apache Software License",
        "Apache-2.0",
        "Apache-2.0 AND MIT",
        "Apache-2.0 OR BSD-3-Clause",
        "BSD-2-Clause",
        "BSD-3-Clause",
        "ISC License",
        "MIT",
        "MIT License",
        "MIT-0",
        "PSF-2.0",
        "PSFL",
        "Public Domain",
    }
)

# Libraries under the LGPL, used unchanged through their public interface and
# replaceable in any installation, which is what the LGPL asks.
LESSER = {
    "pycountry": "LGPL-2.1-only",
    "python-stdnum": "LGPL",
}

# Packages that name no licence in their metadata. A person has read the text
# that each ships.
READ = {
    "cedarpy": "Apache-2.0",
}

HEADER = "SPDX-License-Identifier: Apache-2.0"
OURS = (
    ":(glob)**/*.py",
    ":(glob)**/*.proto",
    ":(glob)**/*.cedar",
    ":(glob)**/*.go",
    ":(glob)scripts/*",
    ".ci",
)
GENERATED = Path("node/selat/v1")
HEADER_WITHIN_LINES = 3  # a script has its interpreter first


def licence(package: Distribution) -> str:
    """Return a package's licence in its own words."""
    metadata = package.metadata
    for field in ("License-Expression", "License"):
        if field in metadata:
            return metadata[field]
    return ", ".join(
        classifier.rpartition(" :: ")[2]
        for classifier in metadata.get_all("Classifier", [])
        if classifier.startswith("License ::")
    )


def runtime_packages(root: str) -> dict[str, Distribution]:
    """Return the packages that ``root`` needs here, itself included, by name."""
    found: dict[str, Distribution] = {}
    waiting = [root]
    while waiting:
        name = canonicalize_name(waiting.pop())
        if name in found:
            continue
        found[name] = distribution(name)
        for line in found[name].requires or []:
            requirement = Requirement(line)
            marker = requirement.marker
            if marker is None or marker.evaluate({"extra": ""}):
                waiting.append(requirement.name)
    return found


def faults_of_packages() -> list[str]:
    """Return one line for each package whose licence nobody has accepted."""
    return [
        f"{name}: licence '{licence(package)}' is not on the list."
        for name, package in sorted(runtime_packages("selat").items())
        if (licence(package) or READ.get(name)) not in PERMISSIVE
        and licence(package) != LESSER.get(name)
    ]


def faults_of_files() -> list[str]:
    """Return one line for each tracked source file without its header."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--", *OURS],
        check=True,
        capture_output=True,
        text=True,
    )
    paths = [Path(name) for name in listed.stdout.split("\0") if name]
    return [
        f"{path}: its first lines lack '{HEADER}'."
        for path in paths
        if path.is_file()
        and GENERATED not in path.parents
        and not any(
            HEADER in line
            for line in path.read_text().splitlines()[:HEADER_WITHIN_LINES]
        )
    ]


if __name__ == "__main__":
    faults = faults_of_packages() + faults_of_files()
    print(*faults, sep="\n", end="\n" if faults else "")
    sys.exit(1 if faults else 0)
