# SPDX-License-Identifier: Apache-2.0
"""A simulated node that keeps two histories and tells each peer one of them."""

from __future__ import annotations

import copy
import random
from collections.abc import Iterator

from tests.fakes.simulation.keys import NodeKeys
from tests.fakes.simulation.knowledge import OwnLog, Way
from tests.fakes.simulation.node import Node
from tests.fakes.simulation.witness import Message, Observer

from selat.core.equivocation import Equivocation
from selat.core.merkle import HASH_BYTES
from selat.core.notes import NoteSignature
from selat.core.tree_heads import Checkpoint
from selat.errors import SelatError


class Liar(Node):
    """A node that was honest until it forked."""

    def __init__(
        self,
        keys: NodeKeys,
        cards: dict[str, NodeKeys],
        observer: Observer,
        chance: random.Random,
    ) -> None:
        super().__init__(keys, cards, observer)
        self.chance = chance
        self.branches = [self.database.log]
        self.sides: dict[str, int] = {}

    def fork(self) -> None:
        """Begin a second history, and choose who is told which."""
        self.branches.append(copy.deepcopy(self.database.log))
        for branch, log in enumerate(self.branches):
            log.append([f"branch {branch}".encode()])
        for number, peer in enumerate(self.chance.sample(self.peers, len(self.peers))):
            self.sides[peer] = number % 2

    def slip(self) -> str:
        """Tell a peer the other history from now on; return who it is."""
        peer = self.chance.choice(self.peers)
        if self.sides:
            self.sides[peer] = 1 - self.sides[peer]
        return peer

    def slander(self, peer: str) -> Message:
        """Tell a peer that another has signed two roots for one size."""
        victim = self.chance.choice([each for each in self.peers if each != peer])
        notes = [self._forged(victim, root=bytes([number]) * 32) for number in (1, 2)]
        proof = Equivocation(first=notes[0], second=notes[1])
        return self.message(peer, "report", data=proof.encode())

    def _forged(self, victim: str, *, root: bytes) -> bytes:
        head = Checkpoint(origin=self.cards[victim].origin, size=3, root=root)
        lines = [
            NoteSignature(
                name=key.name, key_id=key.id, signature=bytes(8) + self._noise()
            ).line()
            for key in self.cards[victim].verifiers
        ]
        return head.text() + b"\n" + b"".join(lines)

    def _noise(self) -> bytes:
        return self.chance.randbytes(HASH_BYTES)

    # --- where it differs from an honest node --------------------------------
    def log_for(self, peer: str) -> OwnLog:
        return self.branches[self.sides.get(peer, 0)]

    def start(self) -> Iterator[Message]:
        """Ask nobody what it may have forgotten."""
        self.streams.clear()
        yield from ()

    def _ask(self, peer: str, old_size: int) -> Message:
        """Ask as if the other history had never been told."""
        return super()._ask(peer, min(old_size, self.log_for(peer).size))

    def raise_mark(self, log: OwnLog) -> None:
        """Remember nothing of what was signed."""

    def accuse(self, peer: str, error: SelatError) -> Iterator[Message]:
        """Do not care."""
        del peer, error
        yield from ()

    def _on_prove(self, message: Message, way: Way) -> Iterator[Message]:
        yield from super()._on_prove(message, way)
        # What cannot be proven is made up, or not answered.
        if self.sides and self.chance.random() < 0.5:
            yield self.message(
                message.sender,
                "proven",
                old_size=message.old_size,
                size=message.size,
                proof=tuple(self._noise() for _ in range(3)),
            )

    def _on_opening(self, message: Message, way: Way) -> Iterator[Message]:
        for answer in super()._on_opening(message, way):
            if self.sides and self.chance.random() < 0.1:
                yield self.message(
                    message.sender, "greeting", size=10**6, stream=message.stream
                )
            else:
                yield answer
