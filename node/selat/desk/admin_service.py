# SPDX-License-Identifier: Apache-2.0
"""The administrators' API: card and keys, peers, officers, status."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from selat.core.times import to_ms
from selat.desk import convert
from selat.desk.access import ADMINISTRATOR, Doorkeeper
from selat.desk.legal_holds import LegalHolds
from selat.desk.lifecycle import LifecycleDesk
from selat.desk.officers import Officers
from selat.desk.own_keys import KeyDesk
from selat.desk.peering import Peering
from selat.desk.status import StatusReporter
from selat.errors import NotFoundError, TooLargeError
from selat.exchange.local import LocalNode
from selat.exchange.peer_book import KnownPeer
from selat.identity.card import SignedCard
from selat.v1 import desk_service_pb2 as pb
from selat.v1 import desk_service_pb2_grpc

IMPORT_STATE_BYTES_MAX: Final = 4 * 1024 * 1024

Context = Any
#: Issues our next card for endpoints and categories; empty leaves them.
RenewCard = Callable[[tuple[str, ...], tuple[str, ...]], Awaitable[SignedCard]]


class AdminService(desk_service_pb2_grpc.AdminServiceServicer):
    """Serve administrators; see ``desk_service.proto``."""

    def __init__(
        self,
        *,
        local: LocalNode,
        door: Doorkeeper,
        peering: Peering,
        officers: Officers,
        status: StatusReporter,
        lifecycle: LifecycleDesk,
        legal_holds: LegalHolds,
        own_card: Callable[[], SignedCard],
        renew_card: RenewCard,
        keys: KeyDesk,
        desk_ca_pem: bytes,
        released: Callable[[], Mapping[str, frozenset[str]]],
        checkpoint: Callable[[str, int], Awaitable[bytes]],
    ) -> None:
        """Take the parts that administration is made of."""
        self._local = local
        self._door = door
        self._peering = peering
        self._officers = officers
        self._status = status
        self._lifecycle = lifecycle
        self._legal_holds = legal_holds
        self._own_card = own_card
        self._renew_card = renew_card
        self._keys = keys
        self._desk_ca_pem = desk_ca_pem
        self._released = released
        self._checkpoint = checkpoint

    async def GetOwnCard(
        self, request: pb.GetOwnCardRequest, context: Context
    ) -> pb.GetOwnCardResponse:
        """Return our card."""
        await self._door.admit(context, "GetOwnCard")
        card = self._own_card()
        return pb.GetOwnCardResponse(
            envelope=card.envelope,
            fingerprint_hex=card.fingerprint.hex_groups(),
            fingerprint_words=card.fingerprint.words(),
        )

    async def RenewCard(
        self, request: pb.RenewCardRequest, context: Context
    ) -> pb.RenewCardResponse:
        """Issue our next card."""
        await self._door.admit(context, "RenewCard")
        card = await self._renew_card(
            tuple(request.endpoints), tuple(request.categories)
        )
        return pb.RenewCardResponse(
            envelope=card.envelope,
            sequence=card.card.sequence,
            valid_until=convert.timestamp(to_ms(card.card.valid_until)),
        )

    async def ListKeys(
        self, request: pb.ListKeysRequest, context: Context
    ) -> pb.ListKeysResponse:
        """List our own keys."""
        await self._door.admit(context, "ListKeys")
        return await self._keys.keys()

    async def RotateKey(
        self, request: pb.RotateKeyRequest, context: Context
    ) -> pb.RotateKeyResponse:
        """Rotate the keys of one job."""
        await self._door.admit(context, "RotateKey")
        return await self._keys.rotate(request)

    async def AddPeer(
        self, request: pb.AddPeerRequest, context: Context
    ) -> pb.AddPeerResponse:
        """Accept a peer."""
        await self._door.admit(context, "AddPeer")
        peer, updated = await self._peering.add(
            request.envelope,
            fingerprint=request.fingerprint,
            categories=frozenset(request.categories),
            by=ADMINISTRATOR,
        )
        return pb.AddPeerResponse(peer=self._peer(peer), updated=updated)

    async def ListPeers(
        self, request: pb.ListPeersRequest, context: Context
    ) -> pb.ListPeersResponse:
        """List peers."""
        await self._door.admit(context, "ListPeers")
        proofs = await self._local.store.read(lambda s: s.equivocations())
        counts = Counter(row.peer for row in proofs)
        return pb.ListPeersResponse(
            peers=[
                self._peer(known, equivocations=counts[known.name])
                for known in self._local.peers.known()
            ]
        )

    async def RemovePeer(
        self, request: pb.RemovePeerRequest, context: Context
    ) -> pb.RemovePeerResponse:
        """Remove a peer."""
        await self._door.admit(context, "RemovePeer")
        peer = await self._peering.remove(request.name, by=ADMINISTRATOR)
        return pb.RemovePeerResponse(peer=self._peer(peer))

    async def ResumePeer(
        self, request: pb.ResumePeerRequest, context: Context
    ) -> pb.ResumePeerResponse:
        """Resume the exchange with a suspended peer."""
        await self._door.admit(context, "ResumePeer")
        peer = await self._peering.resume(request.name, by=ADMINISTRATOR)
        return pb.ResumePeerResponse(peer=self._peer(peer))

    async def GetPeerEvidence(
        self, request: pb.GetPeerEvidenceRequest, context: Context
    ) -> pb.GetPeerEvidenceResponse:
        """Return proofs that a peer's log has shown two histories."""
        await self._door.admit(context, "GetPeerEvidence")
        rows = await self._local.store.read(lambda s: s.equivocations(request.name))
        return pb.GetPeerEvidenceResponse(equivocations=map(convert.equivocation, rows))

    async def AddOfficer(
        self, request: pb.AddOfficerRequest, context: Context
    ) -> pb.AddOfficerResponse:
        """Register an officer."""
        await self._door.admit(context, "AddOfficer")
        new = await self._officers.add(
            request.officer_id,
            agency=request.agency,
            roles=tuple(request.roles),
            functions=tuple(request.functions),
            valid_days=request.valid_days,
        )
        return pb.AddOfficerResponse(
            officer=convert.officer(new.row),
            certificate_pem=new.issued.certificate_pem,
            private_key_pem=new.issued.private_key_pem,
            desk_ca_pem=self._desk_ca_pem,
        )

    async def ListOfficers(
        self, request: pb.ListOfficersRequest, context: Context
    ) -> pb.ListOfficersResponse:
        """List officers."""
        await self._door.admit(context, "ListOfficers")
        rows = await self._local.store.read(lambda s: s.officers())
        return pb.ListOfficersResponse(officers=[convert.officer(row) for row in rows])

    async def RevokeOfficer(
        self, request: pb.RevokeOfficerRequest, context: Context
    ) -> pb.RevokeOfficerResponse:
        """Revoke an officer."""
        await self._door.admit(context, "RevokeOfficer")
        row = await self._officers.revoke(request.officer_id)
        return pb.RevokeOfficerResponse(officer=convert.officer(row))

    async def GetStatus(
        self, request: pb.GetStatusRequest, context: Context
    ) -> pb.GetStatusResponse:
        """Return the node's state."""
        await self._door.admit(context, "GetStatus")
        return await self._status.report()

    async def ClearIncident(
        self, request: pb.ClearIncidentRequest, context: Context
    ) -> pb.ClearIncidentResponse:
        """Remove an incident."""
        await self._door.admit(context, "ClearIncident")
        cleared = await self._local.store.write(
            lambda t: t.clear_incident(peer=request.peer, reason=request.reason)
        )
        if not cleared:
            raise NotFoundError(
                "There is no such incident.",
                remedy="`selat status` shows the incidents.",
            )
        return pb.ClearIncidentResponse()

    async def GetImportState(
        self, request: pb.GetImportStateRequest, context: Context
    ) -> pb.GetImportStateResponse:
        """Return what an import remembered."""
        await self._door.admit(context, "GetImportState")
        state = await self._local.store.read(
            lambda s: s.setting(f"import/{request.source}")
        )
        return pb.GetImportStateResponse(state=state or b"")

    async def PutImportState(
        self, request: pb.PutImportStateRequest, context: Context
    ) -> pb.PutImportStateResponse:
        """Keep what an import must remember."""
        await self._door.admit(context, "PutImportState")
        if len(request.state) > IMPORT_STATE_BYTES_MAX:
            raise TooLargeError(
                f"An import state has at most {IMPORT_STATE_BYTES_MAX} bytes.",
                remedy="Import the source in parts, under names of their own.",
            )
        await self._local.store.write(
            lambda t: t.put_setting(f"import/{request.source}", request.state)
        )
        return pb.PutImportStateResponse()

    async def SetLegalHold(
        self, request: pb.SetLegalHoldRequest, context: Context
    ) -> pb.SetLegalHoldResponse:
        """Put a message under legal hold."""
        caller = await self._door.admit(context, "SetLegalHold")
        rows = await self._legal_holds.set(
            request.id,
            request.version,
            code=request.reason_code,
            by=caller.officer_id,
        )
        return pb.SetLegalHoldResponse(messages=map(convert.message_info, rows))

    async def ReleaseLegalHold(
        self, request: pb.ReleaseLegalHoldRequest, context: Context
    ) -> pb.ReleaseLegalHoldResponse:
        """Release a message from legal hold."""
        caller = await self._door.admit(context, "ReleaseLegalHold")
        rows = await self._legal_holds.release(
            request.id, request.version, by=caller.officer_id
        )
        return pb.ReleaseLegalHoldResponse(messages=map(convert.message_info, rows))

    async def RunLifecycle(
        self, request: pb.RunLifecycleRequest, context: Context
    ) -> pb.RunLifecycleResponse:
        """Erase what is due, or tell what would be."""
        await self._door.admit(context, "RunLifecycle")
        return await self._lifecycle.run(request)

    async def EraseMessage(
        self, request: pb.EraseMessageRequest, context: Context
    ) -> pb.EraseMessageResponse:
        """Erase a message before its time, or tell what would be erased."""
        caller = await self._door.admit(context, "EraseMessage")
        return await self._lifecycle.erase(request, by=caller.officer_id)

    async def ListLifecycle(
        self, request: pb.ListLifecycleRequest, context: Context
    ) -> pb.ListLifecycleResponse:
        """List messages by how they end."""
        await self._door.admit(context, "ListLifecycle")
        return await self._lifecycle.page(request)

    async def GetCheckpoint(
        self, request: pb.GetCheckpointRequest, context: Context
    ) -> pb.GetCheckpointResponse:
        """Return a signed checkpoint of our log."""
        await self._door.admit(context, "GetCheckpoint")
        note = await self._checkpoint(request.shard, request.size)
        return pb.GetCheckpointResponse(note=note)

    def _peer(self, known: KnownPeer, *, equivocations: int = 0) -> pb.Peer:
        released = self._released().get(known.name, frozenset())
        return convert.peer(known, released=released, equivocations=equivocations)
