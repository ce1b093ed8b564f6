# SPDX-License-Identifier: Apache-2.0
"""Publish messages: validate, protect, keep and queue, in one transaction."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from selat.core.message_ids import RANDOM_BYTES, new_message_id
from selat.core.payloads import SALT_BYTES, pack, unpack
from selat.core.selectors import selector_bytes
from selat.errors import (
    AlreadyExistsError,
    InvalidInputError,
    PeerError,
    TooLargeError,
)
from selat.exchange.facts import (
    facts_of,
    lane_of,
    status_of,
)
from selat.exchange.inspector import Inspector
from selat.exchange.local import LocalNode
from selat.records.headings import expiry_ms, review_ms, timestamp_ms
from selat.records.walk import RecordWarning
from selat.store.port import Transaction
from selat.store.values import Direction, Lane, MessageRow, NewMessage
from selat.v1 import message_pb2

MESSAGES_MAX: Final = 256
#: Header and body of one message, in bytes; half of what a batch may hold.
MESSAGE_BYTES_MAX: Final = 512 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """What became of one message."""

    message_id: bytes
    version: int
    recipients: tuple[str, ...]
    warnings: tuple[RecordWarning, ...]
    duplicate: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A message that is valid and protected, and not yet kept."""

    message: NewMessage
    header: bytes
    body: bytes
    recipients: tuple[str, ...]
    warnings: tuple[RecordWarning, ...]


class Publisher:
    """Take messages from the desk.

    Args:
        local: Our node.
        inspector: Reads messages by schema and catalogue.
        wake: Called with the name of each peer for which something was queued.
    """

    def __init__(
        self, *, local: LocalNode, inspector: Inspector, wake: Callable[[str], None]
    ) -> None:
        """Take what publishing needs."""
        self._local = local
        self._inspector = inspector
        self._wake = wake

    def draft_all(
        self, messages: Sequence[message_pb2.Message], *, author: str
    ) -> list[Draft]:
        """Validate and protect messages; nothing is kept yet.

        Args:
            messages: The messages.
            author: Who publishes them.

        Raises:
            InvalidInputError: None or too many messages, or one names an
                originator or a recipient that is not right.
            InvalidRecordError: A message breaks a rule of the schema.
            TooLargeError: A message is over its size limit.
        """
        if not 1 <= len(messages) <= MESSAGES_MAX:
            raise InvalidInputError(
                f"A call publishes from 1 to {MESSAGES_MAX} messages, this one "
                f"{len(messages)}.",
                remedy="Split the messages over several calls.",
            )
        return [self._draft(message, author) for message in messages]

    async def keep(self, drafts: Sequence[Draft]) -> list[Published]:
        """Keep drafts durably, queue them and wake the links of their recipients.

        Raises:
            AlreadyExistsError: A version exists with another body.
            StoreError: Nothing was kept.
        """
        kept = self._local.store.write(lambda t: self._keep_all(t, drafts))
        # It is in the store's queue: whatever a link forms from now on, it forms
        # behind it. So no link need be woken after the commit.
        self.wake_all(drafts)
        return await kept

    def _keep_all(
        self, transaction: Transaction, drafts: Sequence[Draft]
    ) -> list[Published]:
        """Keep drafts and queue them for their recipients.

        Raises:
            AlreadyExistsError: A version exists with another body.
        """
        fresh: dict[tuple[bytes, int], Draft] = {}
        duplicates: list[bool] = []
        for draft in drafts:
            key = (draft.message.message_id, draft.message.version)
            same = (
                fresh[key].body == draft.body
                if key in fresh
                else self._same_as_kept(transaction, draft)
            )
            if same is None:
                fresh[key] = draft
            elif not same:
                raise _other_body(draft)
            duplicates.append(same is not None)
        self._queue(transaction, list(fresh.values()))
        return [
            Published(
                message_id=draft.message.message_id,
                version=draft.message.version,
                recipients=draft.recipients,
                warnings=draft.warnings,
                duplicate=duplicate,
            )
            for draft, duplicate in zip(drafts, duplicates, strict=True)
        ]

    def wake_all(self, drafts: Sequence[Draft]) -> None:
        """Tell the links of all recipients that there is work, or will be."""
        for name in {name for draft in drafts for name in draft.recipients}:
            self._wake(name)

    def _queue(self, transaction: Transaction, drafts: Sequence[Draft]) -> None:
        numbers = transaction.add_messages([draft.message for draft in drafts])
        by_recipients: dict[tuple[str, ...], list[tuple[int, Lane]]] = {}
        for number, draft in zip(numbers, drafts, strict=True):
            queued = by_recipients.setdefault(draft.recipients, [])
            queued.append((number, draft.message.lane))
        now_ms = self._local.clock()
        for recipients, queued in by_recipients.items():
            transaction.enqueue(queued, recipients, now_ms)

    def _draft(self, message: message_pb2.Message, author: str) -> Draft:
        local, now_ms = self._local, self._local.clock()
        header = self._complete(message, now_ms)
        inspection = self._inspector.inspect(header, message.body, strict=True)
        recipients = self._recipients(header)
        header_bytes = header.SerializeToString(deterministic=True)
        body = message.body.SerializeToString(deterministic=True)
        _check_size(header_bytes, body)
        stored = pack(salt=local.entropy(SALT_BYTES), header=header_bytes, body=body)
        protected = local.cipher.protect(
            stored.data,
            originator=local.name,
            message_id=header.id,
            version=header.version,
            data_key=local.entropy(32),
            nonce=local.entropy(12),
        )
        facts = facts_of(header)
        kept = NewMessage(
            direction=Direction.OUT,
            message_id=header.id,
            version=header.version,
            originator=local.name,
            category=facts.category,
            record_type=facts.record_type,
            status=status_of(header),
            lane=lane_of(header),
            level=facts.level,
            tlp=facts.tlp,
            created_ms=timestamp_ms(header.created_at),
            expires_ms=expiry_ms(header),
            stored_ms=now_ms,
            wrapped_key=protected.wrapped_key,
            ciphertext=protected.ciphertext,
            selectors=tuple(
                local.cipher.selector_index(selector_bytes(selector))
                for selector in inspection.selectors
            ),
            warnings=len(inspection.warnings),
            author=author,
            review_ms=review_ms(header),
        )
        return Draft(
            message=kept,
            header=header_bytes,
            body=body,
            recipients=recipients,
            warnings=inspection.warnings,
        )

    def _complete(
        self, message: message_pb2.Message, now_ms: int
    ) -> message_pb2.Header:
        """Fill in what the node knows better than its caller."""
        local = self._local
        header = message_pb2.Header()
        header.CopyFrom(message.header)
        if header.originator.node not in ("", local.name):
            raise InvalidInputError(
                "The message names another node as its originator.",
                remedy="A node publishes in its own name only; leave the originator "
                "out.",
            )
        header.originator.node = local.name
        header.originator.state = local.state
        header.originator.agency = header.originator.agency or local.agency
        if not header.id:
            header.id = new_message_id(now_ms, local.entropy(RANDOM_BYTES)).bytes
        header.version = header.version or 1
        if not header.HasField("created_at"):
            header.created_at.FromMilliseconds(now_ms)
        kind = message.body.WhichOneof("record")
        if header.type == message_pb2.MESSAGE_TYPE_UNSPECIFIED and kind:
            header.type = message_pb2.MessageType.Value(f"MESSAGE_TYPE_{kind.upper()}")
        header.status = header.status or message_pb2.RECORD_STATUS_CURRENT
        header.urgency = header.urgency or message_pb2.URGENCY_ROUTINE
        return header

    def _recipients(self, header: message_pb2.Header) -> tuple[str, ...]:
        """Return the named recipients, or every peer.

        What is queued for a suspended peer waits for an administrator.
        """
        peers = self._local.peers
        if not header.recipients:
            return tuple(peer.name for peer in peers.corresponding())
        try:
            return tuple(peers.correspondent(name).name for name in header.recipients)
        except PeerError as error:
            raise InvalidInputError(
                f"A recipient cannot be reached: {error.message}",
                remedy="Name accepted peers only (`selat peer list`).",
            ) from error

    def _same_as_kept(self, transaction: Transaction, draft: Draft) -> bool | None:
        """Compare with what is kept of that version; None when nothing is."""
        message = draft.message
        for row in transaction.find(
            message.message_id, message.version, self._local.name
        ):
            if row.direction is Direction.OUT:
                return self._body_of(transaction, row) in (draft.body, None)
        return None

    def _body_of(self, transaction: Transaction, row: MessageRow) -> bytes | None:
        payload = transaction.payload(row.number)
        if payload is None:
            return None
        revealed = self._local.cipher.reveal(
            payload,
            originator=row.originator,
            message_id=row.message_id,
            version=row.version,
        )
        return unpack(revealed).body


def _check_size(header: bytes, body: bytes) -> None:
    size = len(header) + len(body)
    if size > MESSAGE_BYTES_MAX:
        raise TooLargeError(
            f"The message has {size} bytes; {MESSAGE_BYTES_MAX} are allowed.",
            remedy="Split it, or send a reference instead of the whole.",
            size_bytes=size,
        )


def _other_body(draft: Draft) -> AlreadyExistsError:
    return AlreadyExistsError(
        f"Version {draft.message.version} of this message exists with another body.",
        remedy="Publish the change as the next version.",
        version=draft.message.version,
    )
