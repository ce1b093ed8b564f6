# SPDX-License-Identifier: Apache-2.0
"""Gather what peers cosign of our own log.

A checkpoint of ours is *anchored* once enough accepted peers have cosigned it:
from then on our log cannot be rewritten below it without one of them noticing.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from selat.core.cosignatures import cosigners, verify_cosignatures
from selat.core.cosigned_states import CosignedState, Extension
from selat.core.log_states import LogPoint
from selat.core.note_keys import timestamp_of
from selat.core.notes import parse_note, parse_signatures
from selat.core.tiles import consistency_proof
from selat.core.times import utc
from selat.errors import (
    CardExpiredError,
    CosignatureInvalidError,
    MalformedError,
    SignatureError,
)
from selat.exchange.peer_book import KnownPeer, PeerBook
from selat.exchange.signing import SignedHead
from selat.identity.card_contents import witness_name
from selat.store.port import Snapshot, Transaction
from selat.store.witnessing import Cosigned, OwnCheckpoint

#: Signed heads that may still be cosigned: more than are on their way to the
#: peers of one node at once.
_HEADS_MAX: Final = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Gathered:
    """A peer's verified cosignature of one of our checkpoints.

    Attributes:
        peer: The peer.
        head: The checkpoint.
        lines: The peer's signature lines; empty when they do not hold.
        fault: Why they do not hold; None when they do.
    """

    peer: str
    head: SignedHead
    lines: bytes
    fault: CosignatureInvalidError | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AnchorStanding:
    """How far peers vouch for our log, and whether that is enough.

    Attributes:
        quorum: How many accepted peers must cosign; 0 for none.
        peers: How many are accepted.
        anchored: The newest anchored checkpoint, or None.
        age_max_s: Age at which it becomes a warning, s.
    """

    quorum: int
    peers: int
    anchored: OwnCheckpoint | None
    age_max_s: int

    def warning(self, now_ms: int) -> str:
        """Return what is amiss, one sentence; empty when nothing is."""
        if not self.quorum or not self.peers:
            return ""
        if self.peers < self.quorum:
            return (
                f"The quorum is {self.quorum}, but {self.peers} peers are accepted: "
                "nothing can be anchored."
            )
        if self.anchored is None:
            return "No checkpoint of our log is anchored yet."
        age_s = (now_ms - (self.anchored.anchored_ms or 0)) // 1000
        if age_s <= self.age_max_s:
            return ""
        return (
            f"Our log was last anchored {age_s} s ago, at {self.anchored.size} leaves."
        )


class Anchors:
    """Our checkpoints, and how far each peer has cosigned them.

    Args:
        peers: Who may vouch for us.
        quorum: How many of them anchor a checkpoint; 0 for none.
        clock: The present time.
    """

    def __init__(
        self, *, peers: PeerBook, quorum: int, clock: Callable[[], int]
    ) -> None:
        """Start with nothing shown to anybody."""
        self._peers = peers
        self._clock = clock
        self.quorum: Final = quorum
        self._heads: OrderedDict[tuple[str, int], SignedHead] = OrderedDict()
        self._known_sizes: dict[tuple[str, str], int] = {}

    # --- what is shown -------------------------------------------------------
    def show(self, head: SignedHead) -> None:
        """Remember a checkpoint that is sent to a peer, until it is cosigned."""
        key = head.checkpoint.origin, head.checkpoint.size
        self._heads.setdefault(key, head)
        self._heads.move_to_end(key)
        while len(self._heads) > _HEADS_MAX:
            self._heads.popitem(last=False)

    def known_size(self, peer: str, origin: str) -> int:
        """Return what a peer is believed to have cosigned of a log; 0 for none."""
        return self._known_sizes.get((peer, origin), 0)

    def extension(
        self, snapshot: Snapshot, peer: str, head: SignedHead, *, base: LogPoint
    ) -> Extension | None:
        """Return the proof for a peer's cosignature of a head.

        None when the peer needs none: the proof from ``base``, which travels
        with the head, serves, or it has cosigned nothing of that log.

        Args:
            snapshot: A snapshot at least as new as the head.
            peer: Who is to cosign.
            head: What.
            base: State from which the head's own proof starts.
        """
        origin, size = head.checkpoint.origin, head.checkpoint.size
        known = self.known_size(peer, origin)
        if not 0 < known < size or base == LogPoint(origin=origin, size=known):
            return None
        tiles = snapshot.shard_tiles(origin)
        return Extension(old_size=known, proof=consistency_proof(known, size, tiles))

    # --- what comes back -----------------------------------------------------
    def verify(
        self, peer: KnownPeer, cosigned: CosignedState | None
    ) -> Gathered | None:
        """Verify a peer's cosignature of a checkpoint that it was shown.

        None when there is nothing to keep: it tells a size alone, or is of a
        checkpoint that is not remembered. A signature that does not hold makes
        an incident and nothing else: what it came with stands by itself.
        """
        if cosigned is None:
            return None
        key = (peer.name, cosigned.origin)
        if not cosigned.lines:
            self._known_sizes[key] = cosigned.size
            return None
        head = self._heads.get((cosigned.origin, cosigned.size))
        if head is None:
            return None
        try:
            lines = self._verified(peer, head, cosigned.lines)
        except (CardExpiredError, MalformedError, SignatureError) as error:
            fault = _invalid(peer.name, error.message)
            return Gathered(peer=peer.name, head=head, lines=b"", fault=fault)
        self._known_sizes[key] = cosigned.size
        return Gathered(peer=peer.name, head=head, lines=lines)

    def _verified(self, peer: KnownPeer, head: SignedHead, lines: bytes) -> bytes:
        """Return the lines of the peer's keys, each key's once.

        They are judged with the keys that were in use since the time that they
        state: they may be handed back long after, when the peer has other ones.

        Raises:
            SignatureError: One of them is wrong, or one of both is missing.
            MalformedError: They are no signature lines.
            CardExpiredError: The card has no witness keys for that time.
        """
        now_ms = self._clock()
        stated_ms = [
            timestamp_of(each.signature) * 1000
            for each in parse_signatures(lines)
            if each.name == witness_name(peer.name)
        ]
        found = verify_cosignatures(
            head.checkpoint.text(),
            lines,
            peer.card.card.witness_verifiers_between(
                since=utc(min([now_ms, *stated_ms])), until=utc(now_ms)
            ),
        )
        if cosigners(found) != {witness_name(peer.name)}:
            raise SignatureError("One of its two signatures is missing.")
        return b"".join({each.key_id: each.line for each in found}.values())

    def keep(
        self, transaction: Transaction, gathered: Gathered, *, now_ms: int
    ) -> None:
        """Keep a cosignature with what else was gathered for its checkpoint."""
        fault, head = gathered.fault, gathered.head
        if fault is not None:
            transaction.note_incident(
                peer=gathered.peer,
                reason=fault.reason,
                detail=str(fault),
                at_ms=now_ms,
            )
            return
        origin, size = head.checkpoint.origin, head.checkpoint.size
        transaction.put_cosigned(
            Cosigned(peer=gathered.peer, origin=origin, size=size, cosigned_ms=now_ms)
        )
        kept = transaction.own_checkpoint(origin, size)
        if kept is None and _is_superseded(transaction, origin, size):
            return
        note = renewed(head.note if kept is None else kept.note, gathered.lines)
        count = self._count(note)
        # Without a quorum, the first cosignature is as good as any.
        is_anchored = count >= max(self.quorum, 1)
        transaction.keep_own_checkpoint(
            OwnCheckpoint(
                origin=origin,
                size=size,
                note=note,
                cosigners=count,
                signed_ms=now_ms if kept is None else kept.signed_ms,
                anchored_ms=now_ms if is_anchored else None,
            )
        )

    def _count(self, note: bytes) -> int:
        """Return how many accepted peers have cosigned a note of ours."""
        accepted = {witness_name(peer.name) for peer in self._peers.accepted()}
        return len(accepted & {each.name for each in parse_note(note).signatures})


def renewed(note: bytes, lines: bytes) -> bytes:
    """Put cosignatures under a note, in the place of older ones by the same keys.

    Args:
        note: The signed note.
        lines: Verified signature lines.
    """
    parsed, new = parse_note(note), parse_signatures(lines)
    keys = {(each.name, each.key_id) for each in new}
    stay = [each for each in parsed.signatures if (each.name, each.key_id) not in keys]
    return parsed.text + b"\n" + b"".join(each.line() for each in (*stay, *new))


def _is_superseded(snapshot: Snapshot, origin: str, size: int) -> bool:
    anchored = snapshot.newest_anchored()
    return anchored is not None and anchored.origin == origin and anchored.size > size


def _invalid(peer: str, what: str) -> CosignatureInvalidError:
    return CosignatureInvalidError(
        f"The cosignature of {peer} under our checkpoint does not count. {what}",
        remedy="Add the peer's newest card; if that is not it, call the peer.",
        peer=peer,
    )
