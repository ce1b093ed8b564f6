# SPDX-License-Identifier: Apache-2.0
"""`selat init` is killed at any moment: nothing is left that looks like a node."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import pytest
from tests.fakes.killed import killed_itself
from tests.fakes.nodes import make_home

from selat.errors import ConfigurationError
from selat.node.folder import NodeFolder

#: Audit events of what leaves a trace on the disk.
EVENTS = ("open", "os.mkdir", "os.rename", "shutil.copytree", "sqlite3.connect")


def _initialise(folder: Path, event: str, occurrence: int) -> None:
    """Initialise a node; kill this process before the n-th of an audit event."""
    left = occurrence

    def watch(name: str, arguments: tuple[object, ...]) -> None:
        nonlocal left
        if name == event and any(str(folder) in str(each) for each in arguments):
            left -= 1
            if not left:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(watch)
    make_home(folder, "xa")


def was_killed(folder: Path, event: str, occurrence: int) -> bool:
    """Initialise a node; tell whether it came to that event."""
    return killed_itself(_initialise, folder, event, occurrence)


@pytest.mark.timeout(240)  # it begins a process for each of some forty moments
@pytest.mark.parametrize("event", EVENTS)
def test_killed_init_leaves_nothing_that_looks_like_a_node(
    event: str, tmp_path: Path
) -> None:
    occurrence = 1
    while was_killed(tmp_path, event, occurrence):
        with pytest.raises(ConfigurationError):
            NodeFolder(home=tmp_path / "xa").check()
        occurrence += 1  # what was left behind is not in the way
    assert occurrence > 1, "the event never came"
    NodeFolder(home=tmp_path / "xa").check()
