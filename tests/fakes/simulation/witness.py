# SPDX-License-Identifier: Apache-2.0
"""A simulated witness: it cosigns, compares, and hands on evidence.

These calls travel alone, in any order, once, twice or never. What it decides,
the core decides; nothing else of a node is here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Protocol

from tests.fakes.simulation.keys import NodeKeys, origin_of
from tests.fakes.simulation.knowledge import Database, Knowledge, OwnLog, Way

from selat.core.checkpoints import open_checkpoint
from selat.core.cosignatures import cosigners, verify_cosignatures
from selat.core.equivocation import (
    Equivocation,
    parse_equivocation,
    verify_equivocation,
)
from selat.core.log_states import (
    KnownState,
    LeafRange,
    LogState,
)
from selat.core.merkle import EMPTY_ROOT
from selat.core.note_keys import NoteVerifier
from selat.core.notes import parse_note
from selat.core.proofs import verify_consistency
from selat.core.tiles import consistency_proof
from selat.core.tree_heads import Checkpoint
from selat.core.witnessing import (
    AddCheckpoint,
    parse_add_checkpoint,
    verify_extension,
)
from selat.errors import (
    CheckpointForkedError,
    CheckpointRolledBackError,
    EquivocationError,
    LogRolledBackError,
    MalformedError,
    ProofError,
    SelatError,
    WitnessConflictError,
)

#: What convicts a peer, or says that its history cannot be followed.
LIES = (
    EquivocationError,
    CheckpointForkedError,
    CheckpointRolledBackError,
    ProofError,
)
#: In these a peer speaks of its own log.
OWN_WORDS = frozenset({"add-checkpoint", "batch", "receipt", "proven"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One message; a stream's has the stream's number."""

    sender: str
    recipient: str
    kind: str
    data: bytes = b""
    size: int = 0
    old_size: int = 0
    state: LogState | None = None
    leaves: LeafRange | None = None
    proof: tuple[bytes, ...] = ()
    stream: int = 0


class Observer(Protocol):
    """Who looks over the nodes' shoulders."""

    def joined(
        self, node: WitnessNode, peer: str, before: KnownState | None
    ) -> None: ...
    def cosigned(self, node: WitnessNode, head: Checkpoint) -> None: ...
    def accused(self, node: WitnessNode, peer: str) -> None: ...


@dataclass(slots=True, kw_only=True)
class Stream:
    """One end of a stream: the chains that it follows, and how far it is."""

    theirs: KnownState | None
    our_size: int = 0


class WitnessNode:
    """An honest node, without deliveries."""

    def __init__(
        self, keys: NodeKeys, cards: dict[str, NodeKeys], observer: Observer
    ) -> None:
        self.name = keys.origin.partition("/")[0]
        self.keys = keys
        self.cards = cards
        self.observer = observer
        self.database = Database(
            log=OwnLog(), ways={name: Way() for name in cards if name != self.name}
        )
        #: None when it was lost.
        self.mark: KnownState | None = KnownState(
            origin=keys.origin, size=0, root=EMPTY_ROOT
        )
        self.halted = ""
        self.unanswered: set[str] = set()
        self.streams: dict[int, Stream] = {}
        self.now_s = 1_900_000_000

    # --- its own log -------------------------------------------------------
    @property
    def peers(self) -> list[str]:
        return list(self.database.ways)

    @property
    def may_sign(self) -> bool:
        return not self.halted and not self.unanswered

    def log_for(self, peer: str) -> OwnLog:  # noqa: ARG002 - a liar looks at it
        return self.database.log

    def sign(self, peer: str) -> bytes:
        """Sign the whole log, once the high-water mark was raised."""
        log = self.log_for(peer)
        self.raise_mark(log)
        return log.signed(self.keys)

    def raise_mark(self, log: OwnLog) -> None:
        self._check_mark()
        root = log.tree.frontier.root()
        self.mark = KnownState(origin=self.keys.origin, size=log.size, root=root)

    def _check_mark(self) -> None:
        if self.mark is not None:
            self._compare(self.mark)

    def _compare(self, signed: KnownState | Checkpoint) -> None:
        """Compare our log with a state of it that we have signed."""
        log = self.database.log
        if signed.size > log.size or log.root(signed.size) != signed.root:
            raise LogRolledBackError("Our database is older than what we signed.")

    def start(self) -> Iterator[Message]:
        """Start again: streams are gone; compare with the mark and with peers."""
        self.streams.clear()
        try:
            self._check_mark()
        except LogRolledBackError as error:
            self.halted = error.reason
            return
        if self.mark is None:
            self.unanswered = set(self.peers)
        for peer in self.peers:
            yield self.message(peer, "get-witnessed", data=self.keys.origin.encode())

    def message(self, peer: str, kind: str, **parts: object) -> Message:
        message = Message(sender=self.name, recipient=peer, kind=kind)
        return replace(message, **parts)  # type: ignore[arg-type]

    # --- what it does by itself ----------------------------------------------
    def idle(self, peer: str) -> Message:
        """Ask a peer to cosign our newest checkpoint."""
        return self._ask(peer, self.database.ways[peer].cosigned)

    def _ask(self, peer: str, old_size: int) -> Message:
        log, note = self.log_for(peer), self.sign(peer)
        request = AddCheckpoint(
            old_size=old_size,
            proof=consistency_proof(old_size, log.size, log.tree),
            checkpoint=note,
        )
        return self.message(peer, "add-checkpoint", data=request.encode())

    def gossip(self, peer: str, about: str) -> Iterator[Message]:
        """Ask a peer what it holds of a log; hand on what convicts its owner."""
        yield self.message(peer, "get-witnessed", data=origin_of(about).encode())
        yield from self._join(about)
        proof = self.database.ways[about].knowledge.proof
        if proof is not None:
            yield self.message(peer, "report", data=proof.encode())

    # --- what it is told -----------------------------------------------------
    def handle(self, message: Message) -> list[Message]:
        """Take a message; return what follows from it."""
        peer = message.sender
        way = self.database.ways[peer]
        # From a liar it hears evidence, and nothing else.
        if self.halted or (way.knowledge.accused and message.kind != "report"):
            return []
        handler = getattr(self, "_on_" + message.kind.replace("-", "_"))
        try:
            return list(handler(message, way))
        except LogRolledBackError as error:
            self.halted = error.reason
        except SelatError as error:
            if message.kind in OWN_WORDS and isinstance(error, LIES):
                return list(self.accuse(peer, error))
            self.streams.pop(message.stream, None)  # refused, nobody is accused
        return []

    def accuse(self, peer: str, error: SelatError) -> Iterator[Message]:
        """Believe a peer no longer; show everybody what convicts it."""
        knowledge = self.database.ways[peer].knowledge
        knowledge.accused = knowledge.accused or error.reason
        self.observer.accused(self, peer)
        if isinstance(error, EquivocationError) and knowledge.proof is None:
            knowledge.proof = Equivocation(first=error.first, second=error.second)
            for other in self.peers:
                yield self.message(other, "report", data=knowledge.proof.encode())

    def verifiers(self, peer: str) -> tuple[NoteVerifier, ...]:
        return self.cards[peer].verifiers

    def _learn(self, peer: str, head: Checkpoint, note: bytes) -> Iterator[Message]:
        """Take a signed state of a peer's log; ask for the proof that it lacks."""
        knowledge = self.database.ways[peer].knowledge
        knowledge.look_at(head, note)
        if knowledge.tip is None:
            self._advance(peer, knowledge, head, note)
        elif knowledge.tip.size != head.size:
            knowledge.loose.add(head.size)
        yield from self._join(peer)

    def _join(self, peer: str) -> Iterator[Message]:
        knowledge = self.database.ways[peer].knowledge
        for size in sorted(knowledge.loose)[:2]:
            old, new = sorted((size, knowledge.size))
            yield self.message(peer, "prove", old_size=old, size=new)

    def _advance(
        self, peer: str, knowledge: Knowledge, head: Checkpoint, note: bytes
    ) -> None:
        before = knowledge.tip
        knowledge.join(head, note)
        self.observer.joined(self, peer, before)

    def _extends_tip(self, peer: str, head: Checkpoint, note: bytes) -> None:
        """Take a state that is proven to extend the tip."""
        knowledge = self.database.ways[peer].knowledge
        knowledge.look_at(head, note)
        self._advance(peer, knowledge, head, note)

    def _cosign(self, way: Way, head: Checkpoint, note: bytes) -> bytes:
        """Cosign the tip, which the database holds before this is told."""
        way.witnessed = head.size
        self.observer.cosigned(self, head)
        return self.keys.witness.cosign(parse_note(note).text, time_s=self.now_s)

    # --- witnessing ----------------------------------------------------------
    def _on_add_checkpoint(self, message: Message, way: Way) -> Iterator[Message]:
        peer, knowledge = message.sender, way.knowledge
        request = parse_add_checkpoint(message.data)
        if request.origin != self.cards[peer].origin:
            raise MalformedError("That is another node's log.")
        try:
            head = verify_extension(
                request,
                known=knowledge.tip,
                verifiers=self.verifiers(peer),
                known_note=knowledge.note,
            )
        except WitnessConflictError:
            yield self.message(peer, "conflict", size=knowledge.size)
            return
        self._extends_tip(peer, head, request.checkpoint)
        lines = self._cosign(way, head, request.checkpoint)
        yield self.message(peer, "cosigned", data=request.checkpoint + b"\0" + lines)

    def _on_cosigned(self, message: Message, way: Way) -> Iterator[Message]:
        note, _, lines = message.data.partition(b"\0")
        witness = self.cards[message.sender].witness
        head = open_checkpoint(
            note, origin=self.keys.origin, verifiers=self.keys.verifiers
        )
        found = verify_cosignatures(parse_note(note).text, lines, witness.verifiers)
        if witness.name in cosigners(found):
            way.cosigned = max(way.cosigned, head.size)
        yield from ()

    def _on_conflict(self, message: Message, way: Way) -> Iterator[Message]:
        way.cosigned = max(way.cosigned, min(message.size, self.database.log.size))
        if message.size > self.log_for(message.sender).size:
            yield self.message(
                message.sender, "get-witnessed", data=self.keys.origin.encode()
            )
        elif self.may_sign:
            yield self._ask(message.sender, message.size)

    def _on_get_witnessed(self, message: Message, way: Way) -> Iterator[Message]:
        node = message.data.decode().partition("/")[0]
        if node == message.sender:
            note = way.knowledge.note
        elif node == self.name:
            return
        else:
            note = self.database.ways[node].knowledge.note
        yield self.message(
            message.sender, "witnessed", data=message.data + b"\0" + note
        )

    def _on_witnessed(self, message: Message, way: Way) -> Iterator[Message]:
        del way
        origin, _, note = message.data.partition(b"\0")
        node = origin.decode().partition("/")[0]
        verifiers = self.cards[node].verifiers
        if node == self.name:
            if note:
                self._compare(
                    open_checkpoint(note, origin=origin.decode(), verifiers=verifiers)
                )
            self.unanswered.discard(message.sender)
        elif note and not self.database.ways[node].knowledge.accused:
            head = open_checkpoint(note, origin=origin.decode(), verifiers=verifiers)
            try:
                yield from self._learn(node, head, note)
            except EquivocationError as error:
                yield from self.accuse(node, error)

    # --- joining what was seen on two ways -----------------------------------
    def _on_prove(self, message: Message, way: Way) -> Iterator[Message]:
        del way
        log = self.log_for(message.sender)
        proof = consistency_proof(message.old_size, message.size, log.tree)
        yield replace(
            self.message(message.sender, "proven", proof=proof),
            old_size=message.old_size,
            size=message.size,
        )

    def _on_proven(self, message: Message, way: Way) -> Iterator[Message]:
        knowledge = way.knowledge
        sizes = {message.old_size, message.size}
        if not (knowledge.loose & sizes) or knowledge.size not in sizes:
            return  # the answer to an older question
        (old_root, old_note), (new_root, new_note) = (
            knowledge.seen[size] for size in sorted(sizes)
        )
        verify_consistency(
            old_size=message.old_size,
            old_root=old_root,
            new_size=message.size,
            new_root=new_root,
            proof=message.proof,
        )
        origin = self.cards[message.sender].origin
        for size, root, note in (
            (message.old_size, old_root, old_note),
            (message.size, new_root, new_note),
        ):
            head = Checkpoint(origin=origin, size=size, root=root)
            self._advance(message.sender, knowledge, head, note)
        yield from self._join(message.sender)

    def _on_report(self, message: Message, way: Way) -> Iterator[Message]:
        del way
        proof = parse_equivocation(message.data)
        node = proof.heads[0].origin.partition("/")[0]
        verify_equivocation(proof, self.cards[node].verifiers)
        if node != self.name and not self.database.ways[node].knowledge.proof:
            yield from self.accuse(
                node,
                EquivocationError("Shown.", first=proof.first, second=proof.second),
            )
