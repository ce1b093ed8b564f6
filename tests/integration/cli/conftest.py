# SPDX-License-Identifier: Apache-2.0
"""The real command against a desk that answers as a test says."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import pytest
from tests.fakes.command import Command
from tests.fakes.desk import FakeDesk, add_to


@pytest.fixture
def home(tmp_path: Path) -> Path:
    folder = tmp_path / "node"
    folder.mkdir(mode=0o700)
    (folder / "node.toml").touch()
    return folder


@pytest.fixture
def desk(home: Path) -> Iterator[FakeDesk]:
    fake = FakeDesk()
    with ThreadPoolExecutor(max_workers=2) as workers:
        server = grpc.server(workers)
        add_to(server, fake)
        server.add_insecure_port(f"unix:{home}/desk.sock")
        server.start()
        yield fake
        server.stop(grace=None).wait()


@pytest.fixture
def selat(
    home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Command:
    for name in ("SELAT_HOME", "SELAT_DESK", "SELAT_PASSPHRASE_FILE"):
        monkeypatch.delenv(name, raising=False)
    return Command(home=home, capsys=capsys, monkeypatch=monkeypatch)
