# SPDX-License-Identifier: Apache-2.0
"""How a log goes on from one shard to the next, and when that is believed.

A shard ends with a ``close`` leaf that names the next origin; its checkpoint of
that size is final. The next shard begins with an ``open`` leaf that holds this
final checkpoint, the exact signed note. What was believed of the newer shard
therefore binds all of the older one: a hand-over is followed from the newer to
the older, and the final checkpoint need not travel beside the leaf.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from selat.core.checkpoints import Checkpoint, open_checkpoint
from selat.core.leaves import parse_leaf
from selat.core.merkle import leaf_hash
from selat.core.notes import NoteVerifier
from selat.core.origins import is_later, node_of
from selat.core.proofs import verify_inclusion
from selat.core.shard_leaves import CloseLeaf, OpenLeaf
from selat.errors import (
    HandOverError,
    MalformedError,
    ProofError,
    SignatureError,
    UnsupportedVersionError,
)

#: Shards that one state of a log may follow back: 32 years of half-years.
HAND_OVERS_MAX: Final = 64


class VerifierSource(Protocol):
    """Where the verifiers of a node's log come from: its card."""

    def __call__(
        self, origin: str, at_ms: int | None = None, /
    ) -> Sequence[NoteVerifier]:
        """Return the Ed25519 and the ML-DSA-44 verifiers for a log origin.

        One of each type must have signed.

        Args:
            origin: Origin of the log.
            at_ms: When it was signed, in ms since the epoch; None for now.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class HandOver:
    """The hand-over from one shard to the next as it travels.

    Attributes:
        close_leaf: Last leaf of the older shard, exact bytes.
        close_proof: Inclusion proof of it in the older shard's final checkpoint.
        open_leaf: First leaf of the newer shard, exact bytes.
        open_proof: Inclusion proof of it in the newer shard's state that is shown.
    """

    close_leaf: bytes
    close_proof: tuple[bytes, ...]
    open_leaf: bytes
    open_proof: tuple[bytes, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedState:
    """A verified checkpoint and the exact note that it was signed in."""

    checkpoint: Checkpoint
    note: bytes


def check_hand_over(*, final_note: bytes, close_leaf: bytes, open_leaf: bytes) -> None:
    """Check that the leaves on both sides of a boundary agree with each other.

    For who has recomputed both trees, and so knows which leaf is a shard's last
    and which its first. Signatures and proofs are not looked at.

    Args:
        final_note: The older shard's final checkpoint, the exact signed note.
        close_leaf: Last leaf of the older shard, exact bytes.
        open_leaf: First leaf of the newer shard, exact bytes.

    Raises:
        HandOverError: They do not.
    """
    opening = _opening(open_leaf)
    if opening.previous.encode() != final_note:
        raise _refusal(opening.origin, "was opened on another checkpoint than that")
    _check_closing(close_leaf, opening, _origin_of(final_note))


def verify_hand_over(
    hand_over: HandOver, *, newer: Checkpoint, verifiers: VerifierSource
) -> SignedState:
    """Verify a hand-over; return the final state of the older shard.

    (1) the open leaf is the newer shard's first and names its origin, (2) the
    final checkpoint in it is of an earlier shard of the same log, (3) signed by
    the keys that were valid when the newer shard was opened, (4) the close leaf
    is the last leaf under it and names both origins.

    Args:
        hand_over: What the log's node sent.
        newer: A verified state of the newer shard.
        verifiers: Gives the log's verifiers.

    Raises:
        HandOverError: One of these does not hold.
    """
    opening = _opening(hand_over.open_leaf)
    if opening.origin != newer.origin:
        raise _refusal(newer.origin, "begins with the opening of another shard")
    _verify_leaf(hand_over.open_leaf, hand_over.open_proof, 0, newer, of=newer.origin)
    note = opening.previous.encode()
    final = _verify_final(note, opening, verifiers)
    _verify_leaf(
        hand_over.close_leaf,
        hand_over.close_proof,
        final.size - 1,
        final,
        of=newer.origin,
    )
    _check_closing(hand_over.close_leaf, opening, final.origin)
    return SignedState(checkpoint=final, note=note)


def verify_hand_overs(
    hand_overs: Sequence[HandOver], *, newest: SignedState, verifiers: VerifierSource
) -> tuple[SignedState, ...]:
    """Verify hand-overs one after another; return the state of each shard.

    Args:
        hand_overs: Oldest first; the last one leads to the newest state.
        newest: The verified state to begin with.
        verifiers: Gives the log's verifiers.

    Returns:
        The final states of the older shards, oldest first, and the newest one.

    Raises:
        HandOverError: One of them does not hold, or there are too many.
    """
    if len(hand_overs) > HAND_OVERS_MAX:
        raise _refusal(
            newest.checkpoint.origin, f"follows more than {HAND_OVERS_MAX} others"
        )
    states = [newest]
    for hand_over in reversed(hand_overs):
        newer = states[-1].checkpoint
        states.append(verify_hand_over(hand_over, newer=newer, verifiers=verifiers))
    return tuple(reversed(states))


def _opening(data: bytes) -> OpenLeaf:
    try:
        leaf = parse_leaf(data)
    except (MalformedError, UnsupportedVersionError) as error:
        raise _refusal("", "does not begin with an open leaf") from error
    if not isinstance(leaf, OpenLeaf):
        raise _refusal("", "does not begin with an open leaf")
    try:
        node = node_of(leaf.origin)
    except MalformedError as error:
        raise _refusal("", "has no origin of an exchange log") from error
    if leaf.node != node:
        raise _refusal(leaf.origin, "was opened by another node")
    return leaf


def _origin_of(note: bytes) -> str:
    return note.partition(b"\n")[0].decode("utf-8", "replace")


def _verify_final(
    note: bytes, opening: OpenLeaf, verifiers: VerifierSource
) -> Checkpoint:
    """Steps 2 and 3."""
    origin = _origin_of(note)
    try:
        if not is_later(opening.origin, origin):
            raise _refusal(opening.origin, "does not follow an earlier shard")
        return open_checkpoint(
            note, origin=origin, verifiers=verifiers(origin, opening.time_ms)
        )
    except (MalformedError, SignatureError) as error:
        raise _refusal(
            opening.origin, "holds no signed checkpoint of the shard before"
        ) from error


def _verify_leaf(
    data: bytes, proof: Sequence[bytes], index: int, tree: Checkpoint, *, of: str
) -> None:
    try:
        verify_inclusion(
            leaf_hash=leaf_hash(data),
            index=index,
            size=tree.size,
            proof=proof,
            root=tree.root,
        )
    except ProofError as error:
        which = "last" if index else "first"
        raise _refusal(
            of, f"has no proof that a leaf is the {which} one of {tree.origin}"
        ) from error


def _check_closing(data: bytes, opening: OpenLeaf, origin: str) -> None:
    try:
        leaf = parse_leaf(data)
    except (MalformedError, UnsupportedVersionError) as error:
        raise _refusal(
            opening.origin, "follows a shard that no close leaf ends"
        ) from error
    if not isinstance(leaf, CloseLeaf):
        raise _refusal(opening.origin, "follows a shard that no close leaf ends")
    names = (leaf.node, leaf.origin, leaf.next)
    if names != (opening.node, origin, opening.origin):
        raise _refusal(opening.origin, "is not the one that the shard before names")


def _refusal(origin: str, what: str) -> HandOverError:
    return HandOverError(
        f"The shard {origin} {what}." if origin else f"A shard of a log {what}.",
        remedy="Stop and call the peer: its log does not go on where it ended.",
        origin=origin,
    )
