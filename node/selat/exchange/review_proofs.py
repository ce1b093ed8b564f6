# SPDX-License-Identifier: Apache-2.0
"""Tell a peer what persons here decided about messages that it sent."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from selat.core.log_states import LogPoint
from selat.core.review_answers import ReviewAnswer
from selat.errors import CheckpointRolledBackError, InvalidInputError
from selat.exchange.local import LocalNode
from selat.exchange.log_proofs import holds, leaf_range, log_state
from selat.store.port import Snapshot
from selat.store.values import Direction

#: Messages that one call may ask about.
ASKED_MAX: Final = 256
_ID_BYTES: Final = 16


async def review_answer(
    local: LocalNode,
    peer: str,
    asked: Sequence[tuple[bytes, int]],
    *,
    known: LogPoint,
) -> ReviewAnswer | None:
    """Return the review leaves about messages of a peer that were decided.

    Args:
        local: Our node.
        peer: The node that asks, which sent the messages.
        asked: Identifier and version of each.
        known: The state of our log that the peer has verified.

    Returns:
        The leaves with their proofs; None when nothing was decided.

    Raises:
        InvalidInputError: It asks about too many, or what is no message.
        CheckpointRolledBackError: It has verified more than we have.
    """
    if len(asked) > ASKED_MAX or any(len(each) != _ID_BYTES for each, _ in asked):
        raise InvalidInputError(
            f"A peer may ask about {ASKED_MAX} messages at once, by identifiers of "
            f"{_ID_BYTES} bytes.",
            remedy="Ask again for fewer.",
        )
    positions = await local.store.read(lambda s: _positions(s, peer, asked))
    if not positions:
        return None
    head = await local.signer.at_least(max(positions) + 1)

    def prove(snapshot: Snapshot) -> ReviewAnswer:
        if not holds(snapshot, known):
            raise CheckpointRolledBackError(
                f"{peer} says that it has verified {known.size} leaves of a shard of "
                "our log that has not as many.",
                remedy="If our database was restored, stop this node and restore the "
                "newest one; if not, call the peer.",
                peer=peer,
            )
        # The oldest first: who goes back to its shard passes those of the others.
        reviews = [
            leaf_range(snapshot, position, 1, head=head)
            for position in sorted(positions)
        ]
        return ReviewAnswer(
            reviews=tuple(reviews),
            log=log_state(snapshot, head=head, known=known, also=reviews[0].origin),
        )

    return await local.store.read(prove)


def _positions(
    snapshot: Snapshot, peer: str, asked: Sequence[tuple[bytes, int]]
) -> list[int]:
    """Return where the reviews of messages stand in our log."""
    found: list[int] = []
    for message_id, version in asked:
        for row in snapshot.find(message_id, version, peer):
            if row.direction is Direction.IN:
                reviews = snapshot.reviews_of_message(row.number)
                found += [review.leaf_index for review in reviews]
    return found
