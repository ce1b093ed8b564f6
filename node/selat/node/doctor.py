# SPDX-License-Identifier: Apache-2.0
"""Examine an installation, from the host up to the exchange.

Nothing is changed, and a running node is not disturbed. Each check stands
alone: what one cannot read, the next may still.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from selat.errors import SelatError
from selat.node.configuration import read_configuration
from selat.node.findings import Finding, fail, failed, ok
from selat.node.folder import NodeFolder
from selat.node.host_checks import check_folder, check_running, check_software
from selat.node.key_checks import check_keys
from selat.node.node_checks import check_card, check_database, check_policy
from selat.node.witness_checks import check_witnessing


def examine(
    home: Path, *, passphrase: bytes | None, now: datetime
) -> Iterator[Finding]:
    """Yield what is found, as it is found.

    Args:
        home: The node's folder.
        passphrase: Opens the key store; without it the keys are left out.
        now: The present moment, aware.
    """
    yield from check_software()
    folder = NodeFolder(home=home)
    if not home.is_dir():
        yield fail(
            "folder",
            f"There is no folder {home}.",
            "Make a node with: selat init; or name its folder with --home.",
        )
        return
    yield from check_folder(folder)
    try:
        folder.check()
        configuration = read_configuration(folder.configuration)
    except SelatError as error:
        yield failed("configuration", error)
        return
    yield ok("configuration", f"node.toml describes {configuration.name}.")
    yield from check_keys(folder, passphrase, now=now)
    yield from check_card(folder, configuration, now=now)
    yield from check_policy(folder, now=now)
    yield from check_database(folder, now=now)
    yield from check_witnessing(folder, configuration, now=now)
    yield from check_running(folder, configuration)
