# SPDX-License-Identifier: Apache-2.0
"""The calls of the peer API with which nodes vouch for each other, made."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, Protocol, TypeVar

import grpc
from google.protobuf.message import Message

from selat.core.cosigned_states import CosignedState
from selat.core.equivocation import Equivocation
from selat.core.witnessing import AddCheckpoint
from selat.errors import SelatError
from selat.exchange.wire import cosigned_from, cosigned_to
from selat.v1 import exchange_pb2
from selat.v1 import peer_service_pb2 as pb

#: One of these calls ends after this time, in s: it never holds a delivery up.
WITNESS_CALL_TIMEOUT_S: Final = 10.0

_Answer = TypeVar("_Answer", bound=Message)


class WitnessConnection(Protocol):
    """What one node asks of another about logs.

    Each method raises `PeerUnreachableError` when the peer does not answer, or
    answers with an error that is none of its protocol.
    """

    async def add_checkpoint(
        self, request: AddCheckpoint, *, cosigned: CosignedState | None
    ) -> CosignedState:
        """Ask for a cosignature, and hand one back.

        Without lines, the answer is the size that the peer knows.
        """

    async def witnessed(self, origins: Sequence[str]) -> tuple[bytes, ...]:
        """Return what the peer has verified of logs; none means all of ours."""

    async def report_equivocation(self, proof: Equivocation) -> None:
        """Hand over a proof of equivocation."""


class WitnessClient:
    """The same over one channel.

    Args:
        channel: An open channel.
        service: Full name of the peer service.
        translate: Turns a failed call into the error to raise.
    """

    def __init__(
        self,
        channel: grpc.aio.Channel,
        *,
        service: str,
        translate: Callable[[grpc.aio.AioRpcError], SelatError],
    ) -> None:
        """Take an open channel."""
        self._channel = channel
        self._service = service
        self._translate = translate

    async def add_checkpoint(
        self, request: AddCheckpoint, *, cosigned: CosignedState | None
    ) -> CosignedState:
        """Ask for a cosignature, and hand one back."""
        answer = await self._ask(
            "AddCheckpoint",
            pb.AddCheckpointRequest(
                extension=exchange_pb2.Extension(
                    old_size=request.old_size, proof=request.proof
                ),
                checkpoint=request.checkpoint,
                cosigned=cosigned_to(cosigned),
            ),
            pb.AddCheckpointResponse,
        )
        return cosigned_from(answer.cosigned)

    async def witnessed(self, origins: Sequence[str]) -> tuple[bytes, ...]:
        """Return what the peer has verified of logs; none means all of ours."""
        answer = await self._ask(
            "GetWitnessed",
            pb.GetWitnessedRequest(origins=origins),
            pb.GetWitnessedResponse,
        )
        return tuple(answer.checkpoints)

    async def report_equivocation(self, proof: Equivocation) -> None:
        """Hand over a proof of equivocation."""
        await self._ask(
            "ReportEquivocation",
            pb.ReportEquivocationRequest(proof=proof.encode()),
            pb.ReportEquivocationResponse,
        )

    async def _ask(
        self, method: str, request: Message, answer: type[_Answer]
    ) -> _Answer:
        call: Any = self._channel.unary_unary(
            f"/{self._service}/{method}",
            request_serializer=type(request).SerializeToString,
            response_deserializer=answer.FromString,
        )
        try:
            found: _Answer = await call(request, timeout=WITNESS_CALL_TIMEOUT_S)
        except grpc.aio.AioRpcError as failure:
            raise self._translate(failure) from failure
        return found
