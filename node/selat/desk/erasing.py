# SPDX-License-Identifier: Apache-2.0
"""Erase a message before its time, because a person has ordered it.

A court's order or a data subject's right ends a message earlier than its own
date does. It ends as others do, with a leaf; a legal hold stops it.
"""

from __future__ import annotations

import re
from typing import Final

from selat.errors import InvalidInputError, NotFoundError, WrongStateError
from selat.exchange.lifecycle import EXPIRED, RETENTION, Ending, Lifecycle, entries_of
from selat.exchange.local import LocalNode
from selat.store.port import Snapshot
from selat.store.values import Holding

_CODE: Final = re.compile("[A-Z0-9_-]{1,32}")
#: Codes by which the log says that a message ended by itself.
_RESERVED: Final = frozenset({EXPIRED, RETENTION})
_ID_BYTES: Final = 16
_GONE: Final = frozenset({Holding.ERASED, Holding.DISCARDED})


class Erasing:
    """Erase messages that a person wants erased.

    Args:
        local: Our node.
        lifecycle: Ends messages.
    """

    def __init__(self, *, local: LocalNode, lifecycle: Lifecycle) -> None:
        """Take what erasing needs."""
        self._local = local
        self._lifecycle = lifecycle

    async def erase(
        self, message_id: bytes, version: int, *, code: str, by: str, dry_run: bool
    ) -> list[Ending]:
        """Erase a message; return the versions that were erased, newest first.

        Args:
            message_id: 16-byte UUIDv7.
            version: One version; 0 for all that are kept.
            code: Why, 1 to 32 of A-Z, 0-9, ``_`` and ``-``.
            by: The administrator.
            dry_run: Erase nothing; return what would be erased.

        Raises:
            InvalidInputError: The code or the identifier is none.
            NotFoundError: There is no such message.
            WrongStateError: It is erased already, under legal hold, or in a
                batch that waits for its receipt.
        """
        if not _CODE.fullmatch(code) or code in _RESERVED:
            raise InvalidInputError(
                "A reason code has 1 to 32 of A-Z, 0-9, _ and -, and is not one by "
                "which messages end by themselves.",
                remedy="Give a code such as COURT-ORDER-17, never names or words: "
                "it stands in the log.",
            )
        if len(message_id) != _ID_BYTES:
            raise InvalidInputError(
                f"A message identifier has {_ID_BYTES} bytes.",
                remedy="Give the UUID of the message.",
            )

        def find(snapshot: Snapshot) -> list[Ending]:
            return _endings(snapshot, message_id, version, code=code, by=by)

        endings = await self._local.store.read(find)
        if dry_run:
            return endings
        erased = await self._lifecycle.end(endings)
        if len(erased) < len(endings):
            raise WrongStateError(
                f"{len(erased)} of {len(endings)} versions were erased; the others "
                "changed at that moment.",
                remedy="Run it again.",
            )
        return erased


def _endings(
    snapshot: Snapshot, message_id: bytes, version: int, *, code: str, by: str
) -> list[Ending]:
    """Return what is to be erased, or say what stands against it."""
    found = snapshot.find(message_id, version or None)
    if not found:
        raise NotFoundError(
            "No such message is kept here.",
            remedy="Look for it with `selat search` or `selat inbox --all`.",
        )
    rows = [row for row in found if row.holding not in _GONE]
    if not rows:
        raise WrongStateError(
            "The message is erased already.",
            remedy="`selat lifecycle list --erased` says when and why.",
        )
    held = [row for row in rows if row.legal_hold]
    if held:
        raise WrongStateError(
            f"Version {held[0].version} is under legal hold ({held[0].legal_hold}); "
            "nothing was erased.",
            remedy="Release it first, if the law allows: selat hold release ID",
        )
    endings = [
        Ending(row=row, reason=code, entries=entries_of(snapshot, row), officer=by)
        for row in rows
    ]
    for ending in endings:
        if ending.is_on_its_way:
            raise WrongStateError(
                f"Version {ending.row.version} is in a batch that waits for its "
                "receipt and may have to be sealed again; nothing was erased.",
                remedy="Wait for the receipt, or remove the peer that does not "
                "answer; `selat outbox show ID` says which.",
            )
    return endings
