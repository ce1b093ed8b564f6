# SPDX-License-Identifier: Apache-2.0
"""An accepted peer that takes batches and answers them as a test says."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import grpc
from tests.fakes.liars import Liar
from tests.fakes.nodes import Home

from selat.core.leaves import OfferLeaf, ReceiptLeaf, parse_leaf
from selat.core.merkle import leaf_hash
from selat.core.tiles import consistency_proof, range_proof
from selat.exchange.peer_service import SERVICE_NAME
from selat.identity.certificate_checks import to_pem
from selat.identity.p256 import private_key_pem
from selat.rpc.channels import (
    PEER_MESSAGE_BYTES_MAX,
    peer_server_credentials,
    server_options,
)
from selat.v1 import exchange_pb2
from selat.v1 import peer_service_pb2 as pb

Answer = exchange_pb2.BatchReceipt | exchange_pb2.BatchRefusal | pb.Greeting
#: Answers one batch; more or fewer than one answer may be a lie.
Respond = Callable[[exchange_pb2.Batch], list[Answer]]


class LyingRecipient(Liar):
    """A peer that is delivered to; its parts are honest until changed."""

    greeting = pb.Greeting(protocol_versions=["selat/1"])
    #: What it says of reviews, given the size of its log that the victim knows;
    #: nothing unless a test has it say something.
    reviews: Callable[[int], pb.GetReviewsResponse] = staticmethod(
        lambda _known_size: pb.GetReviewsResponse()
    )

    def __init__(self, home: Home, victim: Home) -> None:
        super().__init__(home, victim)
        #: The card that it shows.
        self.envelope = home.card.envelope

    def receipt_leaf(self, offer: bytes) -> ReceiptLeaf:
        """Return the leaf that accepts an offer."""
        leaf = parse_leaf(offer)
        assert isinstance(leaf, OfferLeaf)
        return ReceiptLeaf(
            offer=leaf_hash(offer),
            id=leaf.id,
            version=leaf.version,
            sender=self.name,
            recipient=self.victim.name,
            time_ms=self.now_ms,
            outcome="accepted",
            reason="",
            policy="00" * 32,
            effect="permit",
            policies=("any",),
            blind=os.urandom(32),
        )

    def receipts(
        self,
        batch: exchange_pb2.Batch,
        **lies: Any,  # noqa: ANN401 - attributes of the leaves
    ) -> list[bytes]:
        """Return a receipt leaf for each offer of a batch."""
        return [
            replace(self.receipt_leaf(offer), **lies).encode()
            for offer in batch.offers.leaves
        ]

    def receipt(
        self, batch: exchange_pb2.Batch, leaves: list[bytes] | None = None
    ) -> exchange_pb2.BatchReceipt:
        """Log leaves and answer a batch with them: an honest receipt."""
        leaves = self.receipts(batch) if leaves is None else leaves
        first, base = self.log.append(leaves), self.known_size
        size = self.known_size = self.log.size
        return exchange_pb2.BatchReceipt(
            sequence=batch.sequence,
            receipts=exchange_pb2.LeafRange(
                first_index=first,
                leaves=leaves,
                proof=range_proof(first, len(leaves), size, self.log),
            ),
            log=exchange_pb2.LogState(
                checkpoint=self.note(),
                consistency_size=base,
                consistency_proof=consistency_proof(base, size, self.log),
            ),
        )

    def told_reviews(
        self, leaves: list[bytes], known_size: int
    ) -> pb.GetReviewsResponse:
        """Log review leaves and tell of each: an honest answer."""
        first, size = self.log.append(leaves), self.log.size
        return pb.GetReviewsResponse(
            reviews=[
                exchange_pb2.LeafRange(
                    first_index=index,
                    leaves=[leaf],
                    proof=range_proof(index, 1, size, self.log),
                )
                for index, leaf in enumerate(leaves, first)
            ],
            log=exchange_pb2.LogState(
                checkpoint=self.note(),
                consistency_size=known_size,
                consistency_proof=consistency_proof(known_size, size, self.log),
            ),
        )

    @asynccontextmanager
    async def serving(self, respond: Respond) -> AsyncIterator[None]:
        """Be delivered to for as long as the context lasts."""

        async def deliver(
            requests: AsyncIterator[pb.DeliverRequest],
            _context: Any,  # noqa: ANN401 - grpc's own
        ) -> AsyncIterator[pb.DeliverResponse]:
            async for request in requests:
                if request.HasField("opening"):
                    self.known_size = request.opening.checkpoint_size
                    yield pb.DeliverResponse(greeting=self.greeting)
                    continue
                for answer in respond(request.batch):
                    yield _response(answer)

        async def get_card(
            _request: pb.GetCardRequest,
            _context: Any,  # noqa: ANN401 - grpc's own
        ) -> pb.GetCardResponse:
            return pb.GetCardResponse(envelope=self.envelope)

        async def get_reviews(
            request: pb.GetReviewsRequest,
            _context: Any,  # noqa: ANN401 - grpc's own
        ) -> pb.GetReviewsResponse:
            return self.reviews(request.checkpoint_size)

        server = grpc.aio.server(options=server_options(PEER_MESSAGE_BYTES_MAX))
        methods: dict[str, grpc.RpcMethodHandler[Any, Any]] = {
            "Deliver": grpc.stream_stream_rpc_method_handler(
                deliver,
                request_deserializer=pb.DeliverRequest.FromString,
                response_serializer=pb.DeliverResponse.SerializeToString,
            ),
            "GetReviews": grpc.unary_unary_rpc_method_handler(
                get_reviews,
                request_deserializer=pb.GetReviewsRequest.FromString,
                response_serializer=pb.GetReviewsResponse.SerializeToString,
            ),
            "GetCard": grpc.unary_unary_rpc_method_handler(
                get_card,
                request_deserializer=pb.GetCardRequest.FromString,
                response_serializer=pb.GetCardResponse.SerializeToString,
            ),
        }
        handler = grpc.method_handlers_generic_handler(SERVICE_NAME, methods)
        server.add_generic_rpc_handlers((handler,))
        server.add_secure_port(self.home.card.card.endpoints[0], self._credentials())
        await server.start()
        try:
            yield
        finally:
            await server.stop(None)

    def _credentials(self) -> grpc.ServerCredentials:
        key = private_key_pem(self.keys.tls())
        certificate = to_pem(self.home.card.card.tls_certificates[0])
        return peer_server_credentials(
            certificate=lambda: (key, certificate),
            trusted=lambda: to_pem(self.victim.card.card.tls_certificates[0]),
        )


def _response(answer: Answer) -> pb.DeliverResponse:
    match answer:
        case exchange_pb2.BatchReceipt():
            return pb.DeliverResponse(receipt=answer)
        case exchange_pb2.BatchRefusal():
            return pb.DeliverResponse(refusal=answer)
        case _:
            return pb.DeliverResponse(greeting=answer)
