# SPDX-License-Identifier: Apache-2.0
"""Protobuf messages of the peer API to core values and back.

Nothing is decided here, except that what cannot be parsed at all is refused.
"""

from __future__ import annotations

from google.protobuf.message import DecodeError

from selat.core.batches import LeafRange, LogState, ReceiptBatch, SealedBatch
from selat.core.cosigned_states import CosignedState, Extension
from selat.core.log_states import HandOver
from selat.core.review_answers import ReviewAnswer
from selat.errors import BatchMalformedError, BatchTooLargeError
from selat.rpc.channels import PEER_MESSAGE_BYTES_MAX
from selat.v1 import exchange_pb2, peer_service_pb2


def parse_deliver_request(data: bytes) -> peer_service_pb2.DeliverRequest:
    """Parse one message of a deliverer.

    Raises:
        BatchTooLargeError: It is larger than any batch can be.
        BatchMalformedError: It is truncated or no such message.
    """
    if len(data) > PEER_MESSAGE_BYTES_MAX:
        raise BatchTooLargeError(
            f"A message on the stream has {len(data)} bytes; "
            f"{PEER_MESSAGE_BYTES_MAX} are the most.",
            remedy="Send batches within the protocol's limits.",
        )
    try:
        return peer_service_pb2.DeliverRequest.FromString(data)
    except DecodeError as error:
        raise BatchMalformedError(
            "A message on the stream cannot be parsed.",
            remedy="Send selat.v1.DeliverRequest messages, whole.",
        ) from error


def log_state_from(message: exchange_pb2.LogState) -> LogState:
    """Convert a log state."""
    return LogState(
        checkpoint=message.checkpoint,
        consistency_size=message.consistency_size,
        consistency_proof=tuple(message.consistency_proof),
        hand_overs=tuple(map(_hand_over, message.hand_overs)),
    )


def _hand_over(message: exchange_pb2.HandOver) -> HandOver:
    return HandOver(
        close_leaf=message.close_leaf,
        close_proof=tuple(message.close_proof),
        open_leaf=message.open_leaf,
        open_proof=tuple(message.open_proof),
    )


def _leaf_range(message: exchange_pb2.LeafRange) -> LeafRange:
    return LeafRange(
        first_index=message.first_index,
        leaves=tuple(message.leaves),
        proof=tuple(message.proof),
        origin=message.origin,
    )


def extension_from(message: exchange_pb2.Extension) -> Extension:
    """Convert the proof for a cosignature.

    Raises:
        BatchMalformedError: It is no proof of any tree.
    """
    return Extension(old_size=message.old_size, proof=tuple(message.proof))


def extension_to(extension: Extension | None) -> exchange_pb2.Extension | None:
    """Convert the proof for a cosignature; None stays absent."""
    if extension is None:
        return None
    return exchange_pb2.Extension(old_size=extension.old_size, proof=extension.proof)


def cosigned_from(message: exchange_pb2.CosignedState) -> CosignedState:
    """Convert what a peer has cosigned.

    Raises:
        BatchMalformedError: No witness says such a thing.
    """
    return CosignedState(origin=message.origin, size=message.size, lines=message.lines)


def cosigned_to(cosigned: CosignedState | None) -> exchange_pb2.CosignedState | None:
    """Convert what we have cosigned; None stays absent."""
    if cosigned is None:
        return None
    return exchange_pb2.CosignedState(
        origin=cosigned.origin, size=cosigned.size, lines=cosigned.lines
    )


def _extension_of(
    message: exchange_pb2.Batch | exchange_pb2.BatchReceipt,
) -> Extension | None:
    return extension_from(message.extension) if message.HasField("extension") else None


def _cosigned_of(
    message: exchange_pb2.Batch | exchange_pb2.BatchReceipt,
) -> CosignedState | None:
    return cosigned_from(message.cosigned) if message.HasField("cosigned") else None


def batch_from(message: exchange_pb2.Batch) -> SealedBatch:
    """Convert a batch."""
    return SealedBatch(
        sequence=message.sequence,
        offers=_leaf_range(message.offers),
        log=log_state_from(message.log),
        seal_key_id=message.seal_key_id,
        wrapped_key=message.wrapped_key,
        sealed_messages=tuple(message.sealed_messages),
        extension=_extension_of(message),
        cosigned=_cosigned_of(message),
    )


def receipt_from(message: exchange_pb2.BatchReceipt) -> ReceiptBatch:
    """Convert a receipt."""
    return ReceiptBatch(
        sequence=message.sequence,
        receipts=_leaf_range(message.receipts),
        log=log_state_from(message.log),
        duplicate=message.duplicate,
        extension=_extension_of(message),
        cosigned=_cosigned_of(message),
    )


def review_answer_from(
    message: peer_service_pb2.GetReviewsResponse,
) -> ReviewAnswer | None:
    """Convert reviews; None when there are none."""
    if not message.reviews:
        return None
    return ReviewAnswer(
        reviews=tuple(map(_leaf_range, message.reviews)),
        log=log_state_from(message.log),
    )


def review_answer_to(
    answer: ReviewAnswer | None,
) -> peer_service_pb2.GetReviewsResponse:
    """Convert reviews."""
    if answer is None:
        return peer_service_pb2.GetReviewsResponse()
    return peer_service_pb2.GetReviewsResponse(
        reviews=map(_leaf_range_to, answer.reviews), log=log_state_to(answer.log)
    )


def log_state_to(state: LogState) -> exchange_pb2.LogState:
    """Convert a log state."""
    return exchange_pb2.LogState(
        checkpoint=state.checkpoint,
        consistency_size=state.consistency_size,
        consistency_proof=state.consistency_proof,
        hand_overs=map(_hand_over_to, state.hand_overs),
    )


def _hand_over_to(hand_over: HandOver) -> exchange_pb2.HandOver:
    return exchange_pb2.HandOver(
        close_leaf=hand_over.close_leaf,
        close_proof=hand_over.close_proof,
        open_leaf=hand_over.open_leaf,
        open_proof=hand_over.open_proof,
    )


def _leaf_range_to(leaves: LeafRange) -> exchange_pb2.LeafRange:
    return exchange_pb2.LeafRange(
        first_index=leaves.first_index,
        leaves=leaves.leaves,
        proof=leaves.proof,
        origin=leaves.origin,
    )


def batch_to(batch: SealedBatch) -> exchange_pb2.Batch:
    """Convert a batch."""
    return exchange_pb2.Batch(
        sequence=batch.sequence,
        offers=_leaf_range_to(batch.offers),
        log=log_state_to(batch.log),
        seal_key_id=batch.seal_key_id,
        wrapped_key=batch.wrapped_key,
        sealed_messages=batch.sealed_messages,
        extension=extension_to(batch.extension),
        cosigned=cosigned_to(batch.cosigned),
    )


def receipt_to(receipt: ReceiptBatch) -> exchange_pb2.BatchReceipt:
    """Convert a receipt."""
    return exchange_pb2.BatchReceipt(
        sequence=receipt.sequence,
        receipts=_leaf_range_to(receipt.receipts),
        log=log_state_to(receipt.log),
        duplicate=receipt.duplicate,
        extension=extension_to(receipt.extension),
        cosigned=cosigned_to(receipt.cosigned),
    )
