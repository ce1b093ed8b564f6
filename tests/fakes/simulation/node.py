# SPDX-License-Identifier: Apache-2.0
"""A simulated node: a witness that offers, delivers and answers as well.

Deliveries travel on streams, which keep their order and break.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from tests.fakes.simulation.knowledge import Batch, Way
from tests.fakes.simulation.witness import Message, Stream, WitnessNode

from selat.core.log_states import KnownState, verify_leaf_range, verify_log_state
from selat.core.merkle import leaf_hash
from selat.core.tree_heads import Checkpoint
from selat.errors import MalformedError, SignatureError


class Node(WitnessNode):
    """An honest node."""

    def offer(self, peer: str, count: int) -> None:
        """Log offers to a peer and put them into its queue."""
        way, log = self.database.ways[peer], self.log_for(peer)
        way.formed += 1
        leaves = [
            f"{self.name} offers {peer} {way.formed}.{n}".encode() for n in range(count)
        ]
        first = log.append(leaves)
        way.outbox.append(Batch(sequence=way.formed, first=first, count=count))

    def open_stream(self, peer: str, number: int) -> Message:
        knowledge = self.database.ways[peer].knowledge
        self.streams[number] = Stream(theirs=knowledge.tip)
        return self.message(peer, "opening", size=knowledge.size, stream=number)

    # --- delivering ----------------------------------------------------------
    def _on_opening(self, message: Message, way: Way) -> Iterator[Message]:
        self.streams[message.stream] = Stream(
            theirs=way.knowledge.tip, our_size=message.size
        )
        if message.size <= self.log_for(message.sender).size:
            yield self.message(
                message.sender,
                "greeting",
                size=way.knowledge.size,
                old_size=way.accepted,
                stream=message.stream,
            )

    def _on_greeting(self, message: Message, way: Way) -> Iterator[Message]:
        stream = self.streams[message.stream]
        stream.our_size = message.size
        if message.size > self.log_for(message.sender).size:
            # Only a checkpoint that we signed shows that our log was longer.
            yield self.message(
                message.sender, "get-witnessed", data=self.keys.origin.encode()
            )
            return
        yield from self._deliver(message.sender, way, message.stream)

    def _deliver(self, peer: str, way: Way, number: int) -> Iterable[Message]:
        if not way.outbox or not self.may_sign:
            return
        batch, log, stream = way.outbox[0], self.log_for(peer), self.streams[number]
        self.sign(peer)
        yield self.message(
            peer,
            "batch",
            old_size=batch.sequence,
            state=log.state(self.keys, stream.our_size),
            leaves=log.range(batch.first, batch.count),
            stream=number,
        )
        stream.our_size = log.size

    def _follow(self, message: Message) -> Checkpoint:
        """Verify the next state on a stream's chain, and its leaves."""
        assert message.state is not None
        assert message.leaves is not None
        stream, peer = self.streams[message.stream], message.sender
        log = verify_log_state(
            message.state,
            owner=peer,
            verifiers=lambda *_: self.verifiers(peer),
            known=stream.theirs,
        )
        try:
            verify_leaf_range(message.leaves, log=log)
        finally:
            stream.theirs = log.known
        return log.checkpoint

    def _take(
        self, message: Message, way: Way, before: KnownState | None, head: Checkpoint
    ) -> Iterator[Message]:
        """Add what a stream showed to what is known."""
        assert message.state is not None
        note = message.state.checkpoint
        if before == way.knowledge.tip:
            self._extends_tip(message.sender, head, note)
        else:
            yield from self._learn(message.sender, head, note)

    def _on_batch(self, message: Message, way: Way) -> Iterator[Message]:
        stream, peer, sequence = (
            self.streams[message.stream],
            message.sender,
            message.old_size,
        )
        before = stream.theirs
        head = self._follow(message)
        yield from self._take(message, way, before, head)
        assert message.state is not None
        assert message.leaves is not None
        if not self.may_sign or sequence > way.accepted + 1:
            return
        log = self.log_for(peer)
        if sequence == way.accepted + 1:
            leaves = [b"receipt " + leaf_hash(each) for each in message.leaves.leaves]
            way.receipts[sequence] = Batch(
                sequence=sequence,
                first=log.append(leaves),
                count=len(leaves),
                leaves=message.leaves.leaves,
            )
        kept = way.receipts[sequence]
        if kept.leaves != message.leaves.leaves:
            raise MalformedError("That number came with other leaves.")
        lines = b""
        if way.knowledge.size == head.size:
            lines = self._cosign(way, head, message.state.checkpoint)
        self.sign(peer)
        yield self.message(
            peer,
            "receipt",
            data=message.state.checkpoint + b"\0" + lines,
            old_size=sequence,
            state=log.state(self.keys, stream.our_size),
            leaves=log.range(kept.first, kept.count),
            stream=message.stream,
        )
        stream.our_size = log.size

    def _on_receipt(self, message: Message, way: Way) -> Iterator[Message]:
        before = self.streams[message.stream].theirs
        head = self._follow(message)
        yield from self._take(message, way, before, head)
        yield from self._on_cosigned(message, way)
        assert message.leaves is not None
        log = self.log_for(message.sender)
        if way.outbox and message.old_size == way.outbox[0].sequence:
            batch = way.outbox[0]
            offers = log.leaves[batch.first : batch.first + batch.count]
            if [b"receipt " + leaf_hash(each) for each in offers] != list(
                message.leaves.leaves
            ):
                raise SignatureError("That receipt is of another batch.")
            way.outbox.popleft()
            log.append([f"receipts of {message.sender} {batch.sequence}".encode()])
        yield from self._deliver(message.sender, way, message.stream)
