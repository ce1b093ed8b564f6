# SPDX-License-Identifier: Apache-2.0
"""A node's own keys in the hands of somebody who keeps no rule.

A liar has everything that an accepted peer has: card, TLS identity, log keys.
Its parts are honest until a test changes them: it logs, proves, wraps and
seals as a node does, one call for each step.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

import grpc
from tests.fakes.identities import PASSPHRASE
from tests.fakes.nodes import Home

from selat.core.batches import (
    KnownState,
    ReceiptBatch,
    verify_log_state,
    verify_receipts,
)
from selat.core.leaves import OfferLeaf, ReceiptLeaf, parse_leaf
from selat.core.merkle import leaf_hash
from selat.core.message_ids import RANDOM_BYTES, new_message_id
from selat.core.notes import NoteSigner, NoteVerifier, sign_note
from selat.core.payloads import pack
from selat.core.seal_keys import SealPublicKey
from selat.core.sealing import BatchSealer, commitment, wrap_batch_key
from selat.core.tiles import consistency_proof, range_proof, root_at, updated_tiles
from selat.core.times import utc
from selat.core.tree_heads import Checkpoint
from selat.exchange.facts import RECORD_TYPES, facts_of
from selat.exchange.peer_service import PROTOCOL_VERSION, SERVICE_NAME
from selat.exchange.wire import receipt_from
from selat.identity.certificate_checks import to_pem
from selat.identity.keystore import KeyStore
from selat.identity.p256 import private_key_pem
from selat.node.assembly import present_ms
from selat.rpc.channels import peer_channel
from selat.rpc.status import error_from_rpc
from selat.v1 import exchange_pb2, message_pb2
from selat.v1 import peer_service_pb2 as pb


class MemoryLog:
    """A log of leaves; also a `TileSource`."""

    def __init__(self) -> None:
        self.leaves: list[bytes] = []
        self._tiles: dict[tuple[int, int], bytes] = {}

    @property
    def size(self) -> int:
        return len(self.leaves)

    def append(self, leaves: Sequence[bytes]) -> int:
        first = self.size
        self._tiles |= updated_tiles(first, [leaf_hash(leaf) for leaf in leaves], self)
        self.leaves += leaves
        return first

    def tile(self, level: int, index: int) -> bytes:
        return self._tiles[level, index]

    def root(self, size: int | None = None) -> bytes:
        return root_at(self.size if size is None else size, self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A message with the leaf that tells of it."""

    leaf: bytes
    salt: bytes
    header: bytes
    body: bytes


class Liar:
    """An accepted peer of a node under attack.

    Args:
        home: Whose keys it holds; nothing runs there.
        victim: The node that it delivers to.
    """

    def __init__(self, home: Home, victim: Home) -> None:
        self.home = home
        self.victim = victim
        self.name = home.name
        self.keys = KeyStore.open(home.folder.keys, PASSPHRASE)
        self.origin = f"{home.name}/exchange/2030h1"
        self.log = MemoryLog()
        #: Size of this log that the victim has verified, as an honest peer knows.
        self.known_size = 0
        self.sequence = 0
        self.now_ms = present_ms()

    # --- telling -----------------------------------------------------------
    def header(self, message: message_pb2.Message) -> message_pb2.Header:
        """Complete a message's header as a publishing node does."""
        header = message_pb2.Header()
        header.CopyFrom(message.header)
        header.originator.node = self.name
        header.originator.state = self.home.card.card.state
        header.originator.agency = self.home.card.card.agency
        header.id = new_message_id(self.now_ms, os.urandom(RANDOM_BYTES)).bytes
        header.version = 1
        if not header.type:
            header.type = message_pb2.MESSAGE_TYPE_PERSON
        header.status = message_pb2.RECORD_STATUS_CURRENT
        header.urgency = header.urgency or message_pb2.URGENCY_ROUTINE
        header.created_at.FromMilliseconds(self.now_ms)
        return header

    def leaf(
        self, header: message_pb2.Header, *, salt: bytes, data: bytes, body: bytes
    ) -> OfferLeaf:
        """Return the offer leaf of a message."""
        facts = facts_of(header)
        return OfferLeaf(
            id=UUID(bytes=header.id),
            version=header.version,
            type=RECORD_TYPES.get(header.type, ""),
            category=facts.category,
            level=facts.level,
            codes=facts.codes,
            tlp=facts.tlp,
            purposes=facts.purposes,
            sender=self.name,
            recipient=self.victim.name,
            time_ms=self.now_ms,
            policy="00" * 32,
            effect="permit",
            policies=("any",),
            commit=commitment(pack(salt=salt, header=data, body=body)),
            blind=os.urandom(32),
        )

    def tell(
        self,
        message: message_pb2.Message,
        *,
        header: message_pb2.Header | None = None,
        data: bytes | None = None,
        body: bytes | None = None,
        **lies: Any,  # noqa: ANN401 - attributes of the leaf
    ) -> Told:
        """Make a message ready to be offered.

        Args:
            message: The message.
            header: Its header in place of the completed one.
            data: The header's bytes in place of its own.
            body: The body's bytes in place of its own.
            **lies: Attributes of the leaf that are not true.
        """
        header = header or self.header(message)
        data = header.SerializeToString() if data is None else data
        body = message.body.SerializeToString() if body is None else body
        salt = os.urandom(32)
        leaf = replace(self.leaf(header, salt=salt, data=data, body=body), **lies)
        return Told(leaf=leaf.encode(), salt=salt, header=data, body=body)

    # --- logging and sealing -----------------------------------------------
    def note(
        self,
        *,
        size: int | None = None,
        root: bytes | None = None,
        signers: Sequence[NoteSigner] | None = None,
    ) -> bytes:
        """Sign a checkpoint, a true one unless told otherwise."""
        size = self.log.size if size is None else size
        checkpoint = Checkpoint(
            origin=self.origin,
            size=size,
            root=self.log.root(size) if root is None else root,
        )
        signers = self.keys.log_signers(self.origin) if signers is None else signers
        return sign_note(checkpoint.text(), signers)

    def wrap(
        self, key: bytes, *, sequence: int, recipient: Home | None = None
    ) -> bytes:
        recipient = recipient or self.victim
        return wrap_batch_key(
            batch_key=key,
            recipient_key=seal_key_of(recipient)[1],
            sender=self.name,
            recipient=self.victim.name,
            sequence=sequence,
        )

    def batch(
        self,
        *told: Told,
        sequence: int | None = None,
        first: int | None = None,
        key: bytes | None = None,
    ) -> exchange_pb2.Batch:
        """Log, prove and seal messages: an honest batch.

        Args:
            *told: The messages.
            sequence: Its number; the next one when None.
            first: Where its leaves stand when they are in the log already.
            key: The batch key; fresh when None.
        """
        if first is None:
            first = self.log.append([each.leaf for each in told])
        sequence = self.sequence + 1 if sequence is None else sequence
        size, key = self.log.size, key or os.urandom(32)
        sealer = BatchSealer(key)
        return exchange_pb2.Batch(
            sequence=sequence,
            offers=exchange_pb2.LeafRange(
                first_index=first,
                leaves=[each.leaf for each in told],
                proof=range_proof(first, len(told), size, self.log),
            ),
            log=exchange_pb2.LogState(
                checkpoint=self.note(),
                consistency_size=self.known_size,
                consistency_proof=consistency_proof(self.known_size, size, self.log),
            ),
            seal_key_id=seal_key_of(self.victim)[0],
            wrapped_key=self.wrap(key, sequence=sequence),
            sealed_messages=[
                sealer.seal(
                    position,
                    leaf=each.leaf,
                    message=pack(salt=each.salt, header=each.header, body=each.body),
                )
                for position, each in enumerate(told)
            ],
        )

    # --- calling -----------------------------------------------------------
    @asynccontextmanager
    async def channel(self) -> AsyncIterator[grpc.aio.Channel]:
        """Call the victim as the accepted peer that this is."""
        key = private_key_pem(self.keys.tls())
        async with peer_channel(
            self.victim.card.card.endpoints[0],
            name=self.victim.name,
            key=key,
            certificate=to_pem(self.home.card.card.tls_certificates[0]),
            trusted=to_pem(self.victim.card.card.tls_certificates[0]),
        ) as channel:
            yield channel

    @asynccontextmanager
    async def stream(self) -> AsyncIterator[Stream]:
        """Begin a delivery; nothing is sent yet."""
        async with self.channel() as channel:
            yield self.stream_on(channel)

    def stream_on(self, channel: grpc.aio.Channel) -> Stream:
        """Begin a delivery on an open channel; nothing is sent yet."""
        return Stream(self, channel)


class Stream:
    """One `Deliver` call that sends whatever it is given."""

    def __init__(self, liar: Liar, channel: grpc.aio.Channel) -> None:
        self._liar = liar
        #: What the victim has proven of its log on this stream.
        self.known: KnownState | None = None
        self._call = channel.stream_stream(
            f"/{SERVICE_NAME}/Deliver",
            request_serializer=bytes,
            response_deserializer=pb.DeliverResponse.FromString,
        )()

    async def ask(self, request: pb.DeliverRequest | bytes) -> pb.DeliverResponse:
        """Send a message and return the answer.

        Raises:
            SelatError: What the call ended with.
        """
        data = request if isinstance(request, bytes) else request.SerializeToString()
        try:
            await self._call.write(data)
            return await self._answer()
        except grpc.aio.AioRpcError as failure:
            raise error_from_rpc(failure) from failure

    async def ask_all(
        self, *batches: exchange_pb2.Batch, answers: int | None = None
    ) -> list[pb.DeliverResponse]:
        """Send batches without waiting in between; return the answers.

        As many answers are waited for as are named; one for each batch when None.
        """
        for batch in batches:
            await self._call.write(pb.DeliverRequest(batch=batch).SerializeToString())
        answers = len(batches) if answers is None else answers
        return [await self._answer() for _ in range(answers)]

    async def _answer(self) -> pb.DeliverResponse:
        answer = await self._call.read()
        assert isinstance(answer, pb.DeliverResponse), "the stream has ended"
        return answer

    def close(self) -> None:
        """End the stream at once."""
        self._call.cancel()

    async def open(self) -> pb.Greeting:
        """Open the exchange as an honest peer does, and take the greeting in."""
        opening = pb.Opening(checkpoint_size=0, protocol_versions=[PROTOCOL_VERSION])
        answer = await self.ask(pb.DeliverRequest(opening=opening))
        self._liar.known_size = answer.greeting.checkpoint_size
        self._liar.sequence = answer.greeting.received_sequence
        return answer.greeting

    async def send(self, batch: exchange_pb2.Batch) -> pb.DeliverResponse:
        """Send a batch and return the answer."""
        return await self.ask(pb.DeliverRequest(batch=batch))

    async def deliver(self, batch: exchange_pb2.Batch) -> exchange_pb2.BatchReceipt:
        """Send an honest batch; it is receipted, and the receipt holds."""
        answer = await self.send(batch)
        assert answer.WhichOneof("response") == "receipt", answer
        self._liar.known_size = self._liar.log.size
        self._liar.sequence = max(self._liar.sequence, batch.sequence)
        self._verify(receipt_from(answer.receipt), batch)
        return answer.receipt

    async def outcomes(self, batch: exchange_pb2.Batch) -> list[tuple[str, str]]:
        """Send an honest batch; return outcome and reason of each message."""
        receipt = await self.deliver(batch)
        leaves = [parse_leaf(leaf) for leaf in receipt.receipts.leaves]
        return [
            (leaf.outcome, leaf.reason)
            for leaf in leaves
            if isinstance(leaf, ReceiptLeaf)
        ]

    def _verify(self, answer: ReceiptBatch, batch: exchange_pb2.Batch) -> None:
        victim, now_ms = self._liar.victim, present_ms()

        def verifiers(origin: str, at_ms: int | None = None) -> Sequence[NoteVerifier]:
            at = utc(now_ms if at_ms is None else at_ms)
            return victim.card.card.log_verifiers(origin, at=at)

        log = verify_log_state(
            answer.log,
            owner=victim.name,
            verifiers=verifiers,
            known=self.known,
        )
        verify_receipts(
            answer,
            log=log,
            offer_hashes=[leaf_hash(leaf) for leaf in batch.offers.leaves],
            recipient=victim.name,
            sender=self._liar.name,
        )
        self.known = log.known


def seal_key_of(home: Home) -> tuple[str, SealPublicKey]:
    """Return a node's seal key as its card lists it."""
    key = home.card.card.seal_key(utc(present_ms()))
    return key.key_id, key.public


#: What changes when a node tries to reach its peer, whatever the peer sends.
_OF_OUR_ATTEMPTS = {"attempts", "next_attempt_ms", "last_error"}


def dump(home: Home) -> dict[str, list[tuple[object, ...]]]:
    """Return everything that a node keeps, but its incidents and attempts."""
    uri = f"{home.folder.store.as_uri()}?mode=ro"
    with closing(sqlite3.connect(uri, uri=True)) as db:
        names = db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        tables = sorted({name for (name,) in names} - {"incident"})
        return {table: _rows(db, table) for table in tables}


def _rows(db: sqlite3.Connection, table: str) -> list[tuple[object, ...]]:
    found = db.execute(f'SELECT * FROM "{table}"')  # noqa: S608 - from the schema
    shown = [
        position
        for position, (name, *_) in enumerate(found.description)
        if table != "link" or name not in _OF_OUR_ATTEMPTS
    ]
    rows = (tuple(row[position] for position in shown) for row in found)
    return sorted((row for row in rows if any(row[1:])), key=repr)
