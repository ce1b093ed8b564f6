# SPDX-License-Identifier: Apache-2.0
"""Build the parts with which a node vouches for others, and they for it."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass

from selat.exchange.accusing import Accuser
from selat.exchange.anchoring import Anchors
from selat.exchange.head_comparison import HeadComparison
from selat.exchange.local import Clock
from selat.exchange.peer_book import PeerBook
from selat.exchange.signing import CheckpointSigner, StepObserver
from selat.exchange.witnessing import Witness
from selat.identity.card import SignedCard
from selat.node.configuration import NodeConfiguration
from selat.node.own_keys import OwnKeys
from selat.store.port import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Vouching:
    """What a node needs to vouch and to be vouched for.

    Attributes:
        witness: Cosigns the logs of others.
        anchors: Gathers what others cosign of ours.
        accuser: Acts on proofs that a log has shown two histories.
        comparison: Compares our log with what peers hold of it.
    """

    witness: Witness
    anchors: Anchors
    accuser: Accuser
    comparison: HeadComparison


def build_vouching(
    configuration: NodeConfiguration,
    *,
    keys: OwnKeys,
    store: Store,
    peers: PeerBook,
    signer: CheckpointSigner,
    own_card: Callable[[], SignedCard],
    clock: Clock,
    on_step: StepObserver,
) -> Vouching:
    """Build them.

    Args:
        configuration: Name, quorum and logs that are configured.
        keys: Gives our keys in use.
        store: The database.
        peers: The accepted peers.
        signer: Signs our own log.
        own_card: Gives our card.
        clock: The present time.
        on_step: Observer of write steps.
    """
    name, settings = configuration.name, configuration.witness
    return Vouching(
        witness=Witness(
            store=store,
            peers=peers,
            cosigner=keys.cosigner,
            foreign=settings.foreign_verifiers(),
            clock=clock,
            on_step=on_step,
        ),
        anchors=Anchors(peers=peers, quorum=settings.quorum, clock=clock),
        accuser=Accuser(
            name=name,
            store=store,
            peers=peers,
            signer=signer,
            own_card=own_card,
            clock=clock,
            entropy=os.urandom,
        ),
        comparison=HeadComparison(
            store=store,
            peers=peers,
            signer=signer,
            verifiers=keys.log_verifiers,
        ),
    )
