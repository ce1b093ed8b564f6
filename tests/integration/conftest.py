# SPDX-License-Identifier: Apache-2.0
"""Folders of made-up nodes; nothing runs in them yet."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from tests.fakes.command import Command, Ended, Selat
from tests.fakes.identities import PASSPHRASE
from tests.fakes.nodes import Home, introduce, make_home


@pytest.fixture
def xa(tmp_path: Path) -> Home:
    return make_home(tmp_path, "xa")


@pytest.fixture
def xb(tmp_path: Path) -> Home:
    return make_home(tmp_path, "xb")


@pytest.fixture
def xc(tmp_path: Path) -> Home:
    return make_home(tmp_path, "xc")


@pytest.fixture
def pair(xa: Home, xb: Home) -> tuple[Home, Home]:
    """Give two nodes that accept each other."""
    asyncio.run(introduce(xa, xb))
    return xa, xb


@pytest.fixture
def selat(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> Selat:
    """Give the command, which takes the node first."""
    file = tmp_path / "passphrase"
    file.write_bytes(PASSPHRASE)
    file.chmod(0o600)

    def run(home: Home, *arguments: object) -> Ended:
        command = Command(home=home.path, capsys=capsys, monkeypatch=monkeypatch)
        return command("--passphrase-file", file, *arguments)

    return run
