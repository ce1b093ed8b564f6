# SPDX-License-Identifier: Apache-2.0
"""A made-up node that is initialised at once and opens no socket."""

from __future__ import annotations

from pathlib import Path

from tests.fakes.identities import CHEAP, ISSUED, PASSPHRASE, SeededEntropy

from selat.identity.card import SignedCard
from selat.node.configuration import NodeConfiguration
from selat.node.initialise import NewNode, initialise_node

NAME = "police.xc.example"
NEW = NewNode(
    configuration=NodeConfiguration(
        name=NAME, state="XC", agency="Police of XC", listen="127.0.0.1:7400"
    ),
    endpoints=("node.xc.example:7400",),
    categories=("terrorism", "drugs"),
)


def initialise(
    home: Path, new: NewNode = NEW, *, passphrase: bytes = PASSPHRASE
) -> SignedCard:
    return initialise_node(
        home,
        new,
        passphrase=passphrase,
        now=ISSUED,
        entropy=SeededEntropy(NAME),
        cost=CHEAP,
    )
