# SPDX-License-Identifier: Apache-2.0
"""What a peer is told of a batch that was refused."""

from __future__ import annotations

from typing import Final

from selat.errors import PeerError, SelatError
from selat.v1 import exchange_pb2, peer_service_pb2

#: Faults of one batch's own contents. All other refusals may pass with time,
#: with a newer card or with an operator's help, and are worth another try.
_HOPELESS: Final = frozenset(
    {
        "BATCH_TOO_LARGE",
        "BATCH_MALFORMED",
        "LEAF_NOT_IN_TREE",
        "LEAF_MALFORMED",
        "LEAF_VERSION_UNKNOWN",
        "LEAF_MISADDRESSED",
        "CIPHERTEXT_INVALID",
        "COMMITMENT_MISMATCH",
    }
)


def refusal_of(sequence: int, error: SelatError) -> peer_service_pb2.DeliverResponse:
    """Return the answer to a batch that was refused.

    Args:
        sequence: Number of the batch; 0 when it could not be read.
        error: Why.
    """
    return peer_service_pb2.DeliverResponse(
        refusal=exchange_pb2.BatchRefusal(
            sequence=sequence,
            reason=error.reason,
            # Our own trouble (a full disk …) is told by its reason alone.
            detail=str(error) if isinstance(error, PeerError) else "",
            retryable=error.reason not in _HOPELESS,
        )
    )
