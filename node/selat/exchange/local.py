# SPDX-License-Identifier: Apache-2.0
"""What every part of the exchange knows of its own node."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from selat.core.at_rest import StoreCipher
from selat.core.seal_keys import SealPrivateKey
from selat.exchange.accusing import Accuser
from selat.exchange.anchoring import Anchors
from selat.exchange.peer_book import PeerBook
from selat.exchange.signing import CheckpointSigner, StepObserver
from selat.exchange.witnessing import Witness
from selat.policy.port import DeskPolicy
from selat.records.schema import Schema
from selat.store.port import Store

#: Clock: the present time in ms since the epoch, UTC.
Clock = Callable[[], int]
#: Entropy: so many bytes from the operating system's generator.
Entropy = Callable[[int], bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalNode:
    """The node's own name, keys, store and senses.

    Attributes:
        name: Node name.
        state: ISO 3166-1 alpha-2 code.
        agency: The agency that runs the node.
        store: The database.
        cipher: Protects payloads at rest.
        signer: Signs checkpoints of our log.
        witness: Cosigns the logs of others.
        anchors: Gathers what others cosign of ours.
        accuser: Acts on proofs that a log has shown two histories.
        seal_keys: Gives our seal key by identifier; None when unknown.
        policy: Gives the active policy set.
        schema: The compiled rules of the protocol's fields.
        peers: The accepted peers.
        clock: The present time.
        entropy: Randomness.
        on_step: Observer of write steps.
        follow_half_year: Sees to it that the newest shard of our log is that of the
            present half-year.
    """

    name: str
    state: str
    agency: str
    store: Store
    cipher: StoreCipher
    signer: CheckpointSigner
    witness: Witness
    anchors: Anchors
    accuser: Accuser
    seal_keys: Callable[[str], SealPrivateKey | None]
    policy: Callable[[], DeskPolicy]
    schema: Schema
    peers: PeerBook
    clock: Clock
    entropy: Entropy
    on_step: StepObserver
    follow_half_year: Callable[[], Awaitable[None]]

    def draw(self, count: int, size: int) -> list[bytes]:
        """Return so many random strings of ``size`` bytes each, drawn at once."""
        drawn = self.entropy(count * size)
        return [drawn[start : start + size] for start in range(0, len(drawn), size)]
