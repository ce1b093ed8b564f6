# SPDX-License-Identifier: Apache-2.0
"""Put messages under legal hold, and release them.

A hold is on the versions that are kept at that moment; each of them has its
leaf. Versions that come later need a hold of their own.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final
from uuid import UUID

from selat.core.leaves import LegalHoldLeaf
from selat.desk.access import ADMINISTRATOR
from selat.errors import InvalidInputError, NotFoundError, WrongStateError
from selat.exchange.local import LocalNode
from selat.store.lifecycle import LegalHold, LegalHoldAct
from selat.store.port import Transaction
from selat.store.values import Holding, MessageRow

_CODE: Final = re.compile("[A-Z0-9_-]{1,32}")
_BLIND_BYTES: Final = 32
_ID_BYTES: Final = 16
_GONE: Final = frozenset({Holding.ERASED, Holding.DISCARDED})


class LegalHolds:
    """Keep messages from being erased for as long as the law asks.

    Args:
        local: Our node.
    """

    def __init__(self, *, local: LocalNode) -> None:
        """Take what a hold needs."""
        self._local = local

    async def set(
        self, message_id: bytes, version: int, *, code: str, by: str
    ) -> list[MessageRow]:
        """Put a message under legal hold; return the versions that came under it.

        Args:
            message_id: 16-byte UUIDv7.
            version: One version; 0 for all that are kept.
            code: Why, 1 to 32 of A-Z, 0-9, ``_`` and ``-``.
            by: The administrator.

        Raises:
            InvalidInputError: The code or the identifier is none.
            NotFoundError: There is no such message.
            WrongStateError: It is erased, or under legal hold already.
        """
        if not _CODE.fullmatch(code):
            raise InvalidInputError(
                "A reason code has 1 to 32 of A-Z, 0-9, _ and -.",
                remedy="Give a code such as COURT-ORDER-17, never names or words: "
                "it stands in the log.",
            )
        _check(message_id)
        return await self._local.store.write(
            lambda t: self._act(
                t, message_id, version, act=LegalHoldAct.SET, code=code, by=by
            )
        )

    async def release(
        self, message_id: bytes, version: int, *, by: str
    ) -> list[MessageRow]:
        """Release a message; return the versions that were under legal hold.

        Args:
            message_id: 16-byte UUIDv7.
            version: One version; 0 for all that are kept.
            by: The administrator.

        Raises:
            InvalidInputError: The identifier is none.
            NotFoundError: There is no such message.
            WrongStateError: It is not under legal hold.
        """
        _check(message_id)
        return await self._local.store.write(
            lambda t: self._act(
                t, message_id, version, act=LegalHoldAct.RELEASE, code="", by=by
            )
        )

    def _act(
        self,
        transaction: Transaction,
        message_id: bytes,
        version: int,
        *,
        act: LegalHoldAct,
        code: str,
        by: str,
    ) -> list[MessageRow]:
        found = transaction.find(message_id, version or None)
        if not found:
            raise NotFoundError(
                "No such message is kept here.",
                remedy="Look for it with `selat search` or `selat inbox --all`.",
            )
        is_set = act is LegalHoldAct.SET
        rows = [
            row
            for row in found
            if row.holding not in _GONE and bool(row.legal_hold) is not is_set
        ]
        if not rows:
            raise _nothing_to_do(found, act)
        now_ms = self._local.clock()
        codes = [code or row.legal_hold for row in rows]
        first = transaction.append_leaves(
            [
                self._leaf(row, act, own, now_ms)
                for row, own in zip(rows, codes, strict=True)
            ]
        )
        for index, (row, own) in enumerate(zip(rows, codes, strict=True), first):
            transaction.put_legal_hold(
                row.number,
                LegalHold(
                    act=act, code=own, officer=by, at_ms=now_ms, leaf_index=index
                ),
            )
        changed = [transaction.message(row.number) for row in rows]
        return [row for row in changed if row is not None]

    def _leaf(
        self, row: MessageRow, act: LegalHoldAct, code: str, now_ms: int
    ) -> bytes:
        return LegalHoldLeaf(
            node=self._local.name,
            id=UUID(bytes=row.message_id),
            version=row.version,
            act=act.value,
            code=code,
            by=ADMINISTRATOR,
            time_ms=now_ms,
            blind=self._local.entropy(_BLIND_BYTES),
        ).encode()


def _check(message_id: bytes) -> None:
    if len(message_id) != _ID_BYTES:
        raise InvalidInputError(
            f"A message identifier has {_ID_BYTES} bytes.",
            remedy="Give the UUID of the message.",
        )


def _nothing_to_do(found: Sequence[MessageRow], act: LegalHoldAct) -> WrongStateError:
    if all(row.holding in _GONE for row in found):
        return WrongStateError(
            "The message is erased; there is nothing left to hold.",
            remedy="`selat lifecycle list --erased` says when and why.",
        )
    already = "already" if act is LegalHoldAct.SET else "not"
    return WrongStateError(
        f"The message is {already} under legal hold.",
        remedy="`selat lifecycle list --held` shows what is.",
    )
