# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path

import pytest
from tests.fakes.bundles import (
    BEGIN_MS,
    MINUTE_MS,
    FakeNode,
    Files,
    add_cards,
    begin,
    exchange,
    export,
    listed,
    trust_file,
    write_folder,
)
from tests.fakes.identities import EXPIRES, Identity, card_of, later

from selat.audit.auditing import Audit, audit
from selat.audit.database import open_database
from selat.audit.findings import Code
from selat.audit.trust import parse_trust
from selat.core.leaves import OfferLeaf
from selat.identity.card import SignedCard
from selat.identity.own_card import NodeProfile

LOG = "logs/2030h1"


@dataclass(frozen=True, slots=True)
class Pair:
    """Two nodes that have exchanged more than one tile of messages."""

    xa: FakeNode
    xb: FakeNode
    crossed: list[OfferLeaf]

    def bundles(self) -> tuple[Files, Files]:
        """Return the bundle of each, without the list of digests."""
        return (
            add_cards(export(self.xa), self.xa, self.xb),
            add_cards(export(self.xb), self.xa, self.xb),
        )


def make_pair(xa: Identity, xb: Identity) -> Pair:
    """Make two nodes with an honest history."""
    nodes = FakeNode(xa), FakeNode(xb)
    for node in nodes:
        begin(node)
    at_ms = BEGIN_MS + MINUTE_MS
    crossed = exchange(nodes[0], nodes[1], 200, at_ms)
    exchange(nodes[1], nodes[0], 100, at_ms + MINUTE_MS, outcome="refused")
    crossed += exchange(nodes[0], nodes[1], 3, at_ms + 2 * MINUTE_MS)
    nodes[0].log.sign(nodes[1])
    nodes[1].log.sign(nodes[0])
    return Pair(*nodes, crossed)


@pytest.fixture(scope="session")
def honest(xa: Identity, xb: Identity) -> Pair:
    """Give two nodes with an honest history; copy them to change them."""
    return make_pair(xa, xb)


@pytest.fixture
def bundles(honest: Pair) -> tuple[Files, Files]:
    """Give the bundles of two honest nodes, to be changed."""
    return honest.bundles()


Verify = Callable[..., Audit]


@pytest.fixture
def verify(tmp_path: Path, honest: Pair) -> Verify:
    """Give a function that writes bundles and audits them."""

    runs = count()

    def run(*bundles: Files, trust: bytes = b"", quorum: int = 1) -> Audit:
        trust = trust or trust_file(honest.xa, honest.xb, quorum=quorum)
        folder = tmp_path / f"audit-{next(runs)}"
        folders = [
            write_folder(listed(files), folder / f"bundle-{number}")
            for number, files in enumerate(bundles)
        ]
        with open_database(None) as database:
            return audit(
                folders, parse_trust(trust), database, progress=lambda _count: None
            )

    return run


def failures(result: Audit) -> set[Code]:
    """Return what failed."""
    return {each.code for each in result.findings if each.code.is_failure}


def message(result: Audit, code: Code) -> str:
    """Return the message of the first finding of a code."""
    return next(each.message for each in result.findings if each.code is code)


def resign(pair: Pair) -> None:
    """Let both sign their newest state, and cosign each other's."""
    pair.xa.log.sign(pair.xb)
    pair.xb.log.sign(pair.xa)


PROFILE = NodeProfile(name="police.xa.example", state="XA", agency="Police of XA")


def next_card(identity: Identity, day: int, **changes: object) -> SignedCard:
    """Issue another card of a node with the keys that it has now."""
    return card_of(
        replace(PROFILE, **changes),  # type: ignore[arg-type]  # of its fields
        identity.key_store,
        tls_certificate=identity.tls_certificate,
        issued_at=later(day),
        valid_until=EXPIRES,
        previous=identity.card,
    )
