# SPDX-License-Identifier: Apache-2.0
"""What a node needs of its host: software, disk, permissions, ports."""

from __future__ import annotations

import platform
import re
import shutil
import socket
import sqlite3
import stat
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, requires, version
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey

from selat.errors import NodeInUseError
from selat.node.configuration import NodeConfiguration
from selat.node.findings import Finding, fail, ok, warn
from selat.node.folder import NodeFolder
from selat.store.sqlite.connection import OLDEST_SQLITE

#: Oldest Python that is tested.
OLDEST_PYTHON: Final = (3, 11)
#: Free bytes below which an operator should make room.
FREE_WARN_BYTES: Final = 2 * 1024**3
#: Free bytes below which the database may refuse to write soon.
FREE_FAIL_BYTES: Final = 200 * 1024**2

_GIB: Final = 1024**3
_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO
_NAME: Final = re.compile(r"[A-Za-z0-9._-]+")


def check_software() -> Iterator[Finding]:
    """Examine Python, SQLite, the packages and their algorithms."""
    if sys.version_info < OLDEST_PYTHON:
        yield fail(
            "python",
            f"Python {platform.python_version()} is too old.",
            "Install Selat under Python 3.11 or newer.",
        )
    else:
        yield ok("python", f"Python {platform.python_version()}.")
    oldest = ".".join(map(str, OLDEST_SQLITE))
    if sqlite3.sqlite_version_info < OLDEST_SQLITE:
        yield fail(
            "sqlite",
            f"SQLite {sqlite3.sqlite_version} is too old.",
            f"Use a Python that is linked with SQLite {oldest} or newer.",
        )
    else:
        yield ok("sqlite", f"SQLite {sqlite3.sqlite_version}.")
    yield _packages()
    yield _algorithms()


def check_folder(folder: NodeFolder) -> Iterator[Finding]:
    """Examine who may read the folder, and the room on its disk."""
    mode = folder.home.stat().st_mode
    if mode & _OTHERS:
        yield fail(
            "folder",
            f"Others than its owner may use the folder {folder.home}.",
            f"Find out who may have read it, then run: chmod 700 {folder.home}",
        )
    else:
        yield ok("folder", f"{folder.home} is its owner's alone.")
    for path in (folder.store, folder.high_water, *sorted(folder.keys.glob("*"))):
        if path.exists() and path.stat().st_mode & _OTHERS:
            yield fail(
                "permissions",
                f"Others than its owner may use {path}.",
                f"Find out who may have read it, then run: chmod 600 {path}",
            )
    yield _room(shutil.disk_usage(folder.home).free)


def check_running(
    folder: NodeFolder, configuration: NodeConfiguration
) -> Iterator[Finding]:
    """Examine whether the node runs or, if it does not, whether it could listen."""
    try:
        with folder.locked():
            yield warn("node", "The node does not run.", "Start it: selat serve")
            for key in ("listen", "desk_listen", "publish_listen"):
                address = getattr(configuration, key)
                if address:
                    yield _port(key, address)
    except NodeInUseError:
        if _answers(folder):
            yield ok("node", "The node runs; its desk takes connections.")
        else:
            yield warn(
                "node",
                "Another process works on the folder, and no desk answers.",
                "Wait for it to finish; if it hangs, end it and run this again.",
            )


def _packages() -> Finding:
    missing = []
    for requirement in requires("selat") or ():
        named = _NAME.match(requirement)
        if named is None or ";" in requirement:
            continue
        try:
            version(named[0])
        except PackageNotFoundError:
            missing.append(named[0])
    if missing:
        return fail(
            "packages",
            f"Packages are missing: {', '.join(missing)}.",
            "Install Selat again, from its requirements.lock.",
        )
    return ok("packages", f"Selat {version('selat')} has the packages that it needs.")


def _algorithms() -> Finding:
    try:
        MLDSA44PrivateKey.generate()
    except UnsupportedAlgorithm:
        return fail(
            "algorithms",
            "The cryptography package was built without ML-DSA-44.",
            "Install it from its published wheel, as requirements.lock names it.",
        )
    return ok("algorithms", "Post-quantum signatures are available.")


def _room(free_bytes: int) -> Finding:
    shown = f"{free_bytes / _GIB:.1f} GiB are free on the disk."
    remedy = "Make room: without it nothing is accepted or published."
    if free_bytes < FREE_FAIL_BYTES:
        return fail("disk", shown, remedy)
    return (
        warn("disk", shown, remedy)
        if free_bytes < FREE_WARN_BYTES
        else ok("disk", shown)
    )


def _port(key: str, address: str) -> Finding:
    host, _, port = address.rpartition(":")
    try:
        found = socket.getaddrinfo(
            host.strip("[]"),
            int(port),
            type=socket.SOCK_STREAM,
            flags=socket.AI_PASSIVE,
        )
        family, kind, protocol, _, where = found[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(where)
    except OSError as failure:
        return fail(
            "ports",
            f"The node cannot listen on {address}: {failure.strerror}.",
            f"End the program that listens there, or change '{key}' in node.toml.",
        )
    return ok("ports", f"{address} is free to listen on.")


def _answers(folder: NodeFolder) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1.0)
        try:
            probe.connect(str(folder.socket))
        except OSError:
            return False
    return True
