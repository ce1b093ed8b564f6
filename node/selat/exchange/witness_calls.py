# SPDX-License-Identifier: Apache-2.0
"""The calls of the peer API with which nodes vouch for each other, served.

An accepted peer may ask for a cosignature of any log that we know, not of its
own alone: what counts is who signed the checkpoint. A proof that fails is
therefore a fault of the caller, and of the log's owner only when it calls.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final

import grpc

from selat.core.cosigned_states import CosignedState
from selat.core.equivocation import parse_equivocation
from selat.core.proof_lines import read_head
from selat.core.witnessing import AddCheckpoint
from selat.errors import (
    CheckpointForkedError,
    EquivocationError,
    InvalidInputError,
    ProofError,
    WitnessConflictError,
)
from selat.exchange.local import LocalNode
from selat.exchange.peer_book import KnownPeer
from selat.exchange.wire import cosigned_from, cosigned_to
from selat.exchange.witnessing import owner_of
from selat.store.port import Snapshot
from selat.v1 import peer_service_pb2 as pb

#: Logs that one call asks about.
ORIGINS_MAX: Final = 64

Context = Any
#: Gives the accepted peer that calls, or raises.
FindCaller = Callable[[Context], Awaitable[KnownPeer]]


class WitnessCalls:
    """Serve `AddCheckpoint`, `GetWitnessed` and `ReportEquivocation`.

    Args:
        local: Our node.
        caller: Finds out who calls.
    """

    def __init__(self, *, local: LocalNode, caller: FindCaller) -> None:
        """Take what the calls need."""
        self._local = local
        self._caller = caller

    def handlers(self) -> dict[str, grpc.RpcMethodHandler[Any, Any]]:
        """Return the methods by name, for the service that they are of."""
        return {
            "AddCheckpoint": grpc.unary_unary_rpc_method_handler(
                self.add_checkpoint,
                request_deserializer=pb.AddCheckpointRequest.FromString,
                response_serializer=pb.AddCheckpointResponse.SerializeToString,
            ),
            "GetWitnessed": grpc.unary_unary_rpc_method_handler(
                self.get_witnessed,
                request_deserializer=pb.GetWitnessedRequest.FromString,
                response_serializer=pb.GetWitnessedResponse.SerializeToString,
            ),
            "ReportEquivocation": grpc.unary_unary_rpc_method_handler(
                self.report_equivocation,
                request_deserializer=pb.ReportEquivocationRequest.FromString,
                response_serializer=pb.ReportEquivocationResponse.SerializeToString,
            ),
        }

    async def add_checkpoint(
        self, request: pb.AddCheckpointRequest, context: Context
    ) -> pb.AddCheckpointResponse:
        """Cosign a checkpoint, or tell the size that is known."""
        peer = await self._caller(context)
        asked = AddCheckpoint(
            old_size=request.extension.old_size,
            proof=tuple(request.extension.proof),
            checkpoint=request.checkpoint,
        )
        if request.HasField("cosigned"):
            await self._take(peer, cosigned_from(request.cosigned))
        size = asked.old_size
        try:
            lines = await self._cosign(peer, asked)
            size = read_head(asked.checkpoint).size
        except WitnessConflictError as conflict:
            lines, size = b"", int(conflict.context["size"])
        answer = CosignedState(origin=asked.origin, size=size, lines=lines)
        return pb.AddCheckpointResponse(cosigned=cosigned_to(answer))

    async def _cosign(self, peer: KnownPeer, asked: AddCheckpoint) -> bytes:
        """Cosign a checkpoint; put on record what its owner did wrong.

        Raises:
            EquivocationError: The log has signed two roots for one size.
            CheckpointForkedError: Its owner does not prove that it grew.
        """
        local = self._local
        try:
            return await local.witness.add_checkpoint(asked)
        except EquivocationError as error:
            await local.accuser.try_accuse(error.first, error.second)
            raise
        except ProofError as error:
            if owner_of(asked.origin) != peer.name:
                raise
            raise await self._noted(
                CheckpointForkedError(
                    f"{peer.name} does not prove that its log extends the one that "
                    f"we cosigned at {asked.old_size} leaves.",
                    remedy="Stop and call the peer: its log may show two histories.",
                    peer=peer.name,
                )
            ) from error

    async def get_witnessed(
        self, request: pb.GetWitnessedRequest, context: Context
    ) -> pb.GetWitnessedResponse:
        """Return the newest checkpoints that we have verified of some logs."""
        peer = await self._caller(context)
        if len(request.origins) > ORIGINS_MAX:
            raise InvalidInputError(
                f"A call asks about at most {ORIGINS_MAX} logs.",
                remedy="Ask about fewer logs at once.",
            )
        origins = frozenset(request.origins)

        def work(snapshot: Snapshot) -> list[bytes]:
            return newest_notes(
                snapshot,
                lambda origin: (
                    origin in origins if origins else owner_of(origin) == peer.name
                ),
            )

        notes = await self._local.store.read(work)
        return pb.GetWitnessedResponse(checkpoints=notes[-ORIGINS_MAX:])

    async def report_equivocation(
        self, request: pb.ReportEquivocationRequest, context: Context
    ) -> pb.ReportEquivocationResponse:
        """Take a proof of equivocation, if it is one."""
        peer = await self._caller(context)
        proof = await asyncio.to_thread(parse_equivocation, request.proof)
        await self._local.accuser.accuse(proof, reporter=peer.name)
        return pb.ReportEquivocationResponse()

    async def _take(self, peer: KnownPeer, cosigned: CosignedState) -> None:
        """Keep a cosignature of our log that is handed back."""
        anchors, now_ms = self._local.anchors, self._local.clock()
        gathered = await asyncio.to_thread(anchors.verify, peer, cosigned)
        if gathered is not None:
            await self._local.store.write(
                lambda t: anchors.keep(t, gathered, now_ms=now_ms)
            )

    async def _noted(self, error: CheckpointForkedError) -> CheckpointForkedError:
        now_ms = self._local.clock()
        await self._local.store.write(
            lambda t: t.note_incident(
                peer=str(error.context["peer"]),
                reason=error.reason,
                detail=str(error),
                at_ms=now_ms,
            )
        )
        return error


def newest_notes(snapshot: Snapshot, concerns: Callable[[str], bool]) -> list[bytes]:
    """Return the newest note that was verified of each log, by origin.

    Deliveries may have told of a newer state than the one that was cosigned.

    Args:
        snapshot: A snapshot.
        concerns: Tells of an origin whether its log is asked for.
    """
    newest: dict[str, tuple[int, bytes]] = {}
    for kept in snapshot.witnessed_logs():
        if concerns(kept.origin):
            newest[kept.origin] = kept.size, kept.note
    for row in snapshot.peers():
        last = snapshot.link(row.name).checkpoint
        if last is None:
            continue
        known_size, _ = newest.get(last.origin, (0, b""))
        if concerns(last.origin) and last.size > known_size:
            newest[last.origin] = last.size, last.note
    return [note for _, (_, note) in sorted(newest.items())]
