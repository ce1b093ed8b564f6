# SPDX-License-Identifier: Apache-2.0
"""The server side of the peer API.

Every call, and every batch on an open stream, asks the peer book anew who is
calling. `Deliver` receives raw bytes, so that what cannot be parsed is refused
with a reason and seen by the operator, rather than lost inside the library.
"""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any, Final, NamedTuple

import grpc

from selat.core.batches import ReceiptBatch
from selat.core.log_states import LogPoint, LogState
from selat.core.times import utc
from selat.errors import (
    BatchMalformedError,
    CheckpointForkedError,
    CheckpointRolledBackError,
    EquivocationError,
    PeerError,
    SelatError,
    SequenceGapError,
    StoreError,
    UnauthenticatedError,
    UnavailableError,
)
from selat.exchange.arrivals import Arrived
from selat.exchange.incoming import next_message
from selat.exchange.intake import IntakeStream, OpenedBatch
from selat.exchange.judging import Judge
from selat.exchange.local import LocalNode
from selat.exchange.log_proofs import history, holds, log_state, not_ours
from selat.exchange.peer_book import KnownPeer
from selat.exchange.refusals import refusal_of
from selat.exchange.review_proofs import review_answer
from selat.exchange.wire import (
    batch_from,
    log_state_to,
    parse_deliver_request,
    receipt_to,
    review_answer_to,
)
from selat.exchange.witness_calls import WitnessCalls
from selat.store.port import Snapshot
from selat.store.values import Link
from selat.v1 import exchange_pb2, peer_service_pb2

_log = logging.getLogger(__name__)

SERVICE_NAME: Final = "selat.v1.PeerService"
PROTOCOL_VERSION: Final = "selat/1"
TLS_VERSION: Final = "TLSv1.3"


class _Taken(NamedTuple):
    """A batch that was taken from a stream, and how it was opened, or why not."""

    batch: exchange_pb2.Batch
    opened: OpenedBatch | PeerError | StoreError | UnavailableError


class PeerService:
    """Serve the accepted peers.

    Args:
        local: Our node.
        judge: Decides on what comes in.
        arrived: Called after messages were kept; with all of them when they are few.
        heard_from: Called with the name of each peer that opens a stream.
        own_card: Gives the envelope of our newest card.
        called: Called with the address of whoever calls.
    """

    def __init__(
        self,
        *,
        local: LocalNode,
        judge: Judge,
        arrived: Callable[[Sequence[Arrived]], None],
        heard_from: Callable[[str], None],
        own_card: Callable[[], bytes],
        called: Callable[[str], None],
    ) -> None:
        """Start with no stream open."""
        self._local = local
        self._judge = judge
        self._arrived = arrived
        self._heard_from = heard_from
        self._own_card = own_card
        self._called = called
        # Two streams of one peer must not take the same batch in twice, and
        # only the newest goes on: each follows the peer's log on its own, and two
        # could be shown two histories.
        self._intake_locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._newest: dict[str, object] = {}
        self._closing: asyncio.Future[None]
        self._closing = asyncio.get_running_loop().create_future()
        self._witness_calls = WitnessCalls(local=local, caller=self._caller)

    def add_to_server(self, server: grpc.aio.Server) -> None:
        """Register the service's methods."""
        handlers: dict[str, grpc.RpcMethodHandler[Any, Any]] = {
            "Deliver": grpc.stream_stream_rpc_method_handler(
                self.deliver,
                response_serializer=peer_service_pb2.DeliverResponse.SerializeToString,
            ),
            "GetLogState": grpc.unary_unary_rpc_method_handler(
                self.get_log_state,
                request_deserializer=peer_service_pb2.GetLogStateRequest.FromString,
                response_serializer=peer_service_pb2.GetLogStateResponse.SerializeToString,
            ),
            "GetReviews": grpc.unary_unary_rpc_method_handler(
                self.get_reviews,
                request_deserializer=peer_service_pb2.GetReviewsRequest.FromString,
                response_serializer=peer_service_pb2.GetReviewsResponse.SerializeToString,
            ),
            "GetCard": grpc.unary_unary_rpc_method_handler(
                self.get_card,
                request_deserializer=peer_service_pb2.GetCardRequest.FromString,
                response_serializer=peer_service_pb2.GetCardResponse.SerializeToString,
            ),
            **self._witness_calls.handlers(),
        }
        server.add_generic_rpc_handlers(
            (grpc.method_handlers_generic_handler(SERVICE_NAME, handlers),)
        )

    def end_deliveries(self) -> None:
        """End every stream after the batch in hand, and take no new one."""
        self._closing.set_result(None)

    def end_streams(self) -> None:
        """End every stream after the batch in hand; peers begin others."""
        if not self._closing.done():
            self._closing.set_result(None)
            self._closing = asyncio.get_running_loop().create_future()

    # --- calls -------------------------------------------------------------
    async def deliver(
        self,
        requests: AsyncIterator[bytes],
        context: Any,  # noqa: ANN401 - grpc's own
    ) -> AsyncIterator[peer_service_pb2.DeliverResponse]:
        """Take batches in, one after another, each with its answer."""
        end = self._closing
        peer = await self._caller(context)
        stream = await self._open(peer, requests, end)
        self._heard_from(peer.name)
        this = object()
        async with self._intake_locks[peer.name]:
            self._newest[peer.name] = this
            link = await self._local.store.read(lambda s: s.link(peer.name))
        yield peer_service_pb2.DeliverResponse(greeting=_greeting(link))
        intake = IntakeStream(
            local=self._local,
            judge=self._judge,
            arrived=self._arrived,
            link=link,
            answer_base=_known_to(stream),
        )
        coming = asyncio.ensure_future(self._take(intake, context, requests, end))
        try:
            while (taken := await coming) is not None:
                # The next batch is opened while this one is kept.
                coming = asyncio.ensure_future(
                    self._take(intake, context, requests, end)
                )
                peer = await self._caller(context)
                try:
                    receipt = await self._keep(intake, peer, taken, stream=this)
                except (PeerError, StoreError, UnavailableError) as error:
                    if not isinstance(error, EquivocationError):  # on record already
                        await self._note(peer.name, error)
                    yield refusal_of(taken.batch.sequence, error)
                    return
                yield peer_service_pb2.DeliverResponse(receipt=receipt_to(receipt))
                await self._rest(intake, peer)
        finally:
            coming.cancel()
            await asyncio.gather(coming, return_exceptions=True)

    async def _take(
        self,
        intake: IntakeStream,
        context: Any,  # noqa: ANN401 - grpc's own
        requests: AsyncIterator[bytes],
        end: asyncio.Future[None],
    ) -> _Taken | None:
        """Wait for the next batch and open it; None when the peer ended the stream.

        Why one is refused is told when its turn comes.
        """
        data = await next_message(requests, end=end)
        if data is None:
            return None
        peer = await self._caller(context)
        batch = exchange_pb2.Batch()
        try:
            request = parse_deliver_request(data)
            batch = request.batch
            if request.WhichOneof("request") != "batch":
                raise BatchMalformedError(
                    "A message on the stream is no batch.",
                    remedy="Send batches after the opening.",
                    peer=peer.name,
                )
            return _Taken(batch, await intake.open(peer, batch_from(batch)))
        except (PeerError, StoreError, UnavailableError) as error:
            return _Taken(batch, error)

    async def _keep(
        self,
        intake: IntakeStream,
        peer: KnownPeer,
        taken: _Taken,
        *,
        stream: object,
    ) -> ReceiptBatch:
        """Keep a batch; what contradicts a kept checkpoint is acted on."""
        try:
            if isinstance(taken.opened, SelatError):
                raise taken.opened
            async with self._intake_locks[peer.name]:
                self._check_newest(peer, stream)
                return await intake.keep(peer, taken.opened)
        except (CheckpointForkedError, EquivocationError) as error:
            proven = await self._local.accuser.examine(taken.batch.log.checkpoint)
            if proven is None:
                raise
            raise proven from error

    async def _rest(self, intake: IntakeStream, peer: KnownPeer) -> None:
        """Keep what the peer need not wait for."""
        try:
            await intake.keep_gathered()
        except StoreError as error:
            await self._note(peer.name, error)

    def _check_newest(self, peer: KnownPeer, stream: object) -> None:
        if self._newest[peer.name] is not stream:
            raise SequenceGapError(
                f"{peer.name} has opened another stream since.",
                remedy="Deliver on the newest stream, and on one at a time.",
                peer=peer.name,
            )

    async def get_log_state(
        self,
        request: peer_service_pb2.GetLogStateRequest,
        context: Any,  # noqa: ANN401 - grpc's own
    ) -> peer_service_pb2.GetLogStateResponse:
        """Prove that a state of our log extends an older one."""
        await self._caller(context)
        old = LogPoint(origin=request.old_origin, size=request.old_size)
        new = LogPoint(origin=request.new_origin, size=request.new_size)
        store = self._local.store
        # The newest head, so that it has every state that a peer was ever shown.
        head = await self._local.signer.at_least(
            (await store.read(lambda s: s.tree_head())).end
        )

        def prove(snapshot: Snapshot) -> LogState:
            if not (holds(snapshot, old) and holds(snapshot, new)):
                raise not_ours()
            if not new.size:
                return log_state(snapshot, head=head, known=old)
            return history(snapshot, old=old, new=new)

        state = await store.read(prove)
        return peer_service_pb2.GetLogStateResponse(log=log_state_to(state))

    async def get_reviews(
        self,
        request: peer_service_pb2.GetReviewsRequest,
        context: Any,  # noqa: ANN401 - grpc's own
    ) -> peer_service_pb2.GetReviewsResponse:
        """Tell what persons here decided about messages of the caller's."""
        peer = await self._caller(context)
        answer = await review_answer(
            self._local,
            peer.name,
            [(each.id, each.version) for each in request.messages],
            known=LogPoint(
                origin=request.checkpoint_origin, size=request.checkpoint_size
            ),
        )
        return review_answer_to(answer)

    async def get_card(
        self,
        request: peer_service_pb2.GetCardRequest,
        context: Any,  # noqa: ANN401 - grpc's own
    ) -> peer_service_pb2.GetCardResponse:
        """Return our newest card."""
        await self._caller(context)
        return peer_service_pb2.GetCardResponse(envelope=self._own_card())

    # --- who calls ---------------------------------------------------------
    async def _caller(self, context: Any) -> KnownPeer:  # noqa: ANN401 - grpc's own
        """Step 1: the accepted peer whose certificate the connection presents."""
        self._called(context.peer())
        auth = context.auth_context()
        if _first(auth, "ssl_tls_version") != TLS_VERSION:
            raise UnauthenticatedError(
                f"Peers call over {TLS_VERSION} only.",
                remedy="Let the caller's gRPC library negotiate TLS 1.3.",
            )
        pem = _first(auth, "x509_pem_cert").encode()
        try:
            return self._local.peers.by_certificate(pem, now=utc(self._local.clock()))
        except PeerError as error:
            name = str(error.context.get("peer", ""))
            await self._note(name, error)
            raise

    async def _open(
        self, peer: KnownPeer, requests: AsyncIterator[bytes], end: asyncio.Future[None]
    ) -> peer_service_pb2.Opening:
        try:
            data = await next_message(requests, end=end)
            first = parse_deliver_request(data or b"")
            if first.WhichOneof("request") != "opening":
                raise BatchMalformedError(
                    "The first message on the stream is no opening.",
                    remedy="Open the exchange before sending batches.",
                    peer=peer.name,
                )
            if PROTOCOL_VERSION not in first.opening.protocol_versions:
                raise BatchMalformedError(
                    f"The caller does not speak {PROTOCOL_VERSION}.",
                    remedy="Upgrade the older of both nodes.",
                    peer=peer.name,
                )
            await self._check_known(peer, _known_to(first.opening))
        except PeerError as error:
            await self._note(peer.name, error)
            raise
        return first.opening

    async def _check_known(self, peer: KnownPeer, known: LogPoint) -> None:
        if not await self._local.store.read(lambda s: holds(s, known)):
            raise CheckpointRolledBackError(
                f"{peer.name} says that it has verified {known.size} leaves of a "
                "shard of our log that has not as many.",
                remedy="If our database was restored, stop this node and restore the "
                "newest one; if not, call the peer.",
                peer=peer.name,
            )

    async def _note(self, peer: str, error: SelatError) -> None:
        """Let the operator see what a peer did; its data is not repeated."""
        _log.warning("refused", extra={"peer": peer, "reason": error.reason})
        now_ms = self._local.clock()
        try:
            await self._local.store.write(
                lambda t: t.note_incident(
                    peer=peer, reason=error.reason, detail=str(error), at_ms=now_ms
                )
            )
        except StoreError as failure:
            _log.error(
                "incident not kept",
                extra={"reason": error.reason, "store": failure.reason},
            )


def _greeting(link: Link) -> peer_service_pb2.Greeting:
    """Return where the exchange with a deliverer stands."""
    return peer_service_pb2.Greeting(
        received_sequence=link.received_sequence,
        checkpoint_size=link.checkpoint.size if link.checkpoint else 0,
        checkpoint_origin=link.checkpoint.origin if link.checkpoint else "",
        protocol_versions=[PROTOCOL_VERSION],
    )


def _known_to(opening: peer_service_pb2.Opening) -> LogPoint:
    """Return the state of our log that a deliverer has verified."""
    return LogPoint(origin=opening.checkpoint_origin, size=opening.checkpoint_size)


def _first(auth: dict[str, list[bytes]], key: str) -> str:
    values = auth.get(key) or [b""]
    return values[0].decode()
