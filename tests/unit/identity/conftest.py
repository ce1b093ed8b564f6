# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest
from tests.fakes.identities import Identity, make_identity

from selat.identity.card_contents import Card


@pytest.fixture(scope="session")
def identity(tmp_path_factory: pytest.TempPathFactory) -> Identity:
    """Give the identity of police.xa.example."""
    return make_identity(
        tmp_path_factory.mktemp("xa") / "keys", endpoints=("node.xa.example:7443",)
    )


@pytest.fixture(scope="session")
def other(tmp_path_factory: pytest.TempPathFactory) -> Identity:
    """Give the identity of police.xb.example."""
    return make_identity(
        tmp_path_factory.mktemp("xb") / "keys", "police.xb.example", state="XB"
    )


@pytest.fixture(scope="session")
def card(identity: Identity) -> Card:
    """Give the card of police.xa.example."""
    return identity.card.card
