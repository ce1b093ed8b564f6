# SPDX-License-Identifier: Apache-2.0
"""The machine and the libraries that figures were measured with."""

from __future__ import annotations

import os
import platform
import sqlite3
import subprocess
from importlib.metadata import version
from pathlib import Path
from typing import Final

_PACKAGES: Final = ("selat", "cryptography", "grpcio", "protobuf")


def describe() -> dict[str, str | int | float]:
    """Return what a reader needs to compare figures with their own."""
    return {
        "cpu": _field("/proc/cpuinfo", "model name") or platform.machine(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_mib": int(_field("/proc/meminfo", "MemTotal").split()[0]) // 1024,
        "load_1min": os.getloadavg()[0],
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        **{name: version(name) for name in _PACKAGES},
        "commit": _commit(),
    }


def _field(path: str, name: str) -> str:
    """Return the first value of that name in a file of ``name: value`` lines."""
    for line in Path(path).read_text("utf-8").splitlines():
        key, _, value = line.partition(":")
        if key.strip() == name:
            return value.strip()
    return ""


def _commit() -> str:
    """Return the commit, with a plus sign when the checkout differs from it."""
    described = subprocess.run(
        ["git", "describe", "--always", "--dirty=+", "--exclude=*"],
        capture_output=True,
        check=False,
        text=True,
    )
    return described.stdout.strip() or "unknown"
