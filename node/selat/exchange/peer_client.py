# SPDX-License-Identifier: Apache-2.0
"""The client side of the peer API, over one pinned channel."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

import grpc

from selat.core.batches import ReceiptBatch, SealedBatch
from selat.core.log_states import KnownState, LogPoint, LogState
from selat.core.review_answers import ReviewAnswer
from selat.core.times import utc
from selat.errors import (
    CheckpointRolledBackError,
    InvalidInputError,
    LogUnknownError,
    NodeUnreachableError,
    PeerError,
    PeerUnreachableError,
    ReceiptInvalidError,
    SelatError,
)
from selat.exchange.delivery import DeliveryStream, Greeting, Refusal
from selat.exchange.links import Connect, PeerConnection
from selat.exchange.local import Clock
from selat.exchange.peer_book import KnownPeer
from selat.exchange.peer_service import PROTOCOL_VERSION, SERVICE_NAME
from selat.exchange.wire import (
    batch_to,
    log_state_from,
    receipt_from,
    review_answer_from,
)
from selat.exchange.witness_client import WitnessClient
from selat.rpc.channels import peer_channel
from selat.rpc.status import error_from_rpc
from selat.v1 import peer_service_pb2 as pb

#: A unary call to a peer ends after this time, in s.
CALL_TIMEOUT_S: Final = 15.0


def connector(
    *,
    certificate: Callable[[], tuple[bytes, bytes]],
    clock: Clock,
) -> Connect:
    """Return how to connect to a peer.

    A peer's endpoints are called in the order of its card, the next one each
    time that a connection ended.

    Args:
        certificate: Gives our private key and certificate, PEM.
        clock: The present time: of a peer's certificates, those valid now count.
    """
    calls: Counter[str] = Counter()

    @asynccontextmanager
    async def connect(peer: KnownPeer) -> AsyncIterator[PeerConnection]:
        endpoints = peer.card.card.endpoints
        if not endpoints:
            raise PeerUnreachableError(
                f"The card of {peer.name} names no endpoint.",
                remedy="Ask the peer for a card with an endpoint.",
                peer=peer.name,
            )
        endpoint = endpoints[calls[peer.name] % len(endpoints)]
        calls[peer.name] += 1
        key, chain = certificate()
        async with peer_channel(
            endpoint,
            name=peer.name,
            key=key,
            certificate=chain,
            trusted=peer.card.card.tls_certificates_pem(at=utc(clock())),
        ) as channel:
            yield GrpcConnection(peer.name, channel)

    return connect


class GrpcConnection:
    """A channel to one peer."""

    def __init__(self, peer: str, channel: grpc.aio.Channel) -> None:
        """Take an open channel."""
        self._peer = peer
        self._channel = channel
        self.witness: Final = WitnessClient(
            channel,
            service=SERVICE_NAME,
            translate=lambda failure: _translate(peer, failure),
        )

    def stream(self) -> DeliveryStream:
        """Return a new stream, not yet open."""
        deliver = self._channel.stream_stream(
            f"/{SERVICE_NAME}/Deliver",
            request_serializer=pb.DeliverRequest.SerializeToString,
            response_deserializer=pb.DeliverResponse.FromString,
        )
        return GrpcDeliveryStream(self._peer, deliver())

    async def prove(self, old: KnownState, new: KnownState) -> LogState:
        """Return the peer's proof that one state of its log extends another."""
        ask = self._channel.unary_unary(
            f"/{SERVICE_NAME}/GetLogState",
            request_serializer=pb.GetLogStateRequest.SerializeToString,
            response_deserializer=pb.GetLogStateResponse.FromString,
        )
        request = pb.GetLogStateRequest(
            old_size=old.size,
            new_size=new.size,
            old_origin=old.origin,
            new_origin=new.origin,
        )
        try:
            response = await ask(request, timeout=CALL_TIMEOUT_S)
        except grpc.aio.AioRpcError as failure:
            raise _not_proven(self._peer, failure) from failure
        return log_state_from(response.log)

    async def reviews(
        self, messages: Sequence[tuple[bytes, int]], known: LogPoint
    ) -> ReviewAnswer | None:
        """Return what the peer's people decided about messages of ours."""
        ask = self._channel.unary_unary(
            f"/{SERVICE_NAME}/GetReviews",
            request_serializer=pb.GetReviewsRequest.SerializeToString,
            response_deserializer=pb.GetReviewsResponse.FromString,
        )
        request = pb.GetReviewsRequest(
            messages=[
                pb.SentMessage(id=identifier, version=version)
                for identifier, version in messages
            ],
            checkpoint_size=known.size,
            checkpoint_origin=known.origin,
        )
        try:
            return review_answer_from(await ask(request, timeout=CALL_TIMEOUT_S))
        except grpc.aio.AioRpcError as failure:
            raise _translate(self._peer, failure) from failure

    async def card(self) -> bytes:
        """Return the envelope of the peer's newest card."""
        ask = self._channel.unary_unary(
            f"/{SERVICE_NAME}/GetCard",
            request_serializer=pb.GetCardRequest.SerializeToString,
            response_deserializer=pb.GetCardResponse.FromString,
        )
        try:
            response = await ask(pb.GetCardRequest(), timeout=CALL_TIMEOUT_S)
        except grpc.aio.AioRpcError as failure:
            raise _translate(self._peer, failure) from failure
        envelope: bytes = response.envelope
        return envelope


class GrpcDeliveryStream:
    """A bidirectional stream to one peer."""

    def __init__(self, peer: str, call: Any) -> None:  # noqa: ANN401 - grpc's own
        """Take a call that was just made."""
        self._peer = peer
        self._call = call

    async def open(self, known: LogPoint) -> Greeting:
        """Send the opening and return the greeting."""
        await self._write(
            pb.DeliverRequest(
                opening=pb.Opening(
                    checkpoint_size=known.size,
                    checkpoint_origin=known.origin,
                    protocol_versions=[PROTOCOL_VERSION],
                )
            )
        )
        response = await self._read()
        if response.WhichOneof("response") != "greeting":
            raise self._unexpected()
        return Greeting(
            received_sequence=response.greeting.received_sequence,
            known=LogPoint(
                origin=response.greeting.checkpoint_origin,
                size=response.greeting.checkpoint_size,
            ),
        )

    async def send(self, batch: SealedBatch) -> None:
        """Send a batch."""
        await self._write(pb.DeliverRequest(batch=batch_to(batch)))

    async def receive(self) -> ReceiptBatch | Refusal:
        """Return the next answer."""
        response = await self._read()
        match response.WhichOneof("response"):
            case "receipt":
                return receipt_from(response.receipt)
            case "refusal":
                refusal = response.refusal
                return Refusal(
                    sequence=refusal.sequence,
                    reason=refusal.reason,
                    detail=refusal.detail,
                    retryable=refusal.retryable,
                )
            case _:
                raise self._unexpected()

    async def close(self) -> None:
        """Cancel what is left of the call."""
        self._call.cancel()

    async def _write(self, request: pb.DeliverRequest) -> None:
        try:
            await self._call.write(request)
        except grpc.aio.AioRpcError as failure:
            raise _translate(self._peer, failure) from failure
        except asyncio.InvalidStateError as late:  # the call has ended already
            raise _translate(self._peer, await self._outcome()) from late

    async def _outcome(self) -> grpc.aio.AioRpcError:
        """Return how the call ended; it has ended."""
        call = self._call
        return grpc.aio.AioRpcError(
            await call.code(),
            await call.initial_metadata(),
            await call.trailing_metadata(),
            details=await call.details(),
        )

    async def _read(self) -> pb.DeliverResponse:
        try:
            response = await self._call.read()
        except grpc.aio.AioRpcError as failure:
            raise _translate(self._peer, failure) from failure
        if response is grpc.aio.EOF:
            raise PeerUnreachableError(
                f"{self._peer} ended the stream.",
                remedy="It is opened again by itself.",
                peer=self._peer,
            )
        answer: pb.DeliverResponse = response
        return answer

    def _unexpected(self) -> ReceiptInvalidError:
        return ReceiptInvalidError(
            f"{self._peer} sent a message that does not belong there.",
            remedy="Check that both nodes speak the same protocol version.",
            peer=self._peer,
        )


def _not_proven(peer: str, failure: grpc.aio.AioRpcError) -> SelatError:
    """Return what it means that a peer gives no proof of states that it signed."""
    if isinstance(error_from_rpc(failure), InvalidInputError):
        return CheckpointRolledBackError(
            f"{peer} says that its log never had states that it has signed.",
            remedy="Stop and call the peer: its log was rolled back or replaced.",
            peer=peer,
        )
    return _translate(peer, failure)


def _translate(peer: str, failure: grpc.aio.AioRpcError) -> SelatError:
    error = error_from_rpc(failure)
    if isinstance(error, PeerError | LogUnknownError):
        return error
    if isinstance(error, NodeUnreachableError):
        return PeerUnreachableError(
            f"{peer} does not answer.",
            remedy="Check the peer's node and the network; it is tried again by "
            "itself.",
            peer=peer,
        )
    return PeerUnreachableError(
        f"{peer} ended the call with {error.reason}.",
        remedy="It is tried again by itself; if it lasts, call the peer.",
        peer=peer,
    )
