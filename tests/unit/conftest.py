# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.fakes.identities import Identity, make_identity
from tests.fakes.local_nodes import FakeClock, local_node, open_store

from selat.exchange.local import LocalNode


@pytest.fixture(scope="session")
def xa(tmp_path_factory: pytest.TempPathFactory) -> Identity:
    """Give the identity of police.xa.example, a peer."""
    return make_identity(tmp_path_factory.mktemp("xa") / "keys")


@pytest.fixture(scope="session")
def xb(tmp_path_factory: pytest.TempPathFactory) -> Identity:
    """Give the identity of police.xb.example, a peer."""
    return make_identity(
        tmp_path_factory.mktemp("xb") / "keys", "police.xb.example", state="XB"
    )


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def local(tmp_path: Path, clock: FakeClock) -> AsyncIterator[LocalNode]:
    """Give our own node, police.xc.example, which knows no peer yet."""
    async with open_store(tmp_path / "store.db") as store:
        yield local_node(store, clock=clock)
