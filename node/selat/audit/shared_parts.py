# SPDX-License-Identifier: Apache-2.0
"""What many leaves of a log share, as one row of the database."""

from __future__ import annotations

import json
from binascii import unhexlify
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from selat.audit.database import AuditDatabase
from selat.core.leaf_scans import LeafScanner, Shape

#: Attributes that stand in columns, by the column.
_COLUMNS: Final = {
    "author": ("sender", "node"),
    "peer": ("recipient", "peer"),
    "version": ("version",),
    "type": ("type",),
    "category": ("category",),
    "level": ("level",),
    "policy": ("policy",),
    "effect": ("effect",),
    "outcome": ("outcome",),
    "act": ("act", "action"),
    "reason": ("reason",),
}
#: Attributes that name another thing by its 32-byte digest.
_REFERENCES: Final = ("offer", "answers", "card", "root")
_NOT_DETAILS: Final = frozenset(
    {
        *(name for names in _COLUMNS.values() for name in names),
        *_REFERENCES,
        "id",
        "time_ms",
        "blind",
    }
)
#: Kinds of leaves that say something of the log itself, or of another log; the
#: audit looks at each of them.
STRUCTURAL_KINDS: Final = frozenset(
    {"open", "close", "policy", "card", "peer-checkpoint"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedPart:
    """What many leaves share.

    Attributes:
        number: Number of its row.
        kind: Kind of the leaves.
        is_structural: Whether the audit itself looks at them.
        author: The node that wrote them.
        peer: The other node, or empty.
        policy: Digest of the policy set that decided, or empty.
        message: Identifier of the message, or None.
        reference: The digest that a leaf names, or None.
        message_place: Where the identifier stands among a leaf's own texts.
        reference_place: Where the digest stands among them.
    """

    number: int
    kind: str
    is_structural: bool
    author: str
    peer: str
    policy: str
    message: str | None
    reference: bytes | None
    message_place: int | None
    reference_place: int | None

    def values(self, own: tuple[bytes, ...]) -> tuple[str | None, bytes | None]:
        """Return the message and the reference of one leaf."""
        if not own:
            return self.message, self.reference
        message, reference = self.message_place, self.reference_place
        return (
            None if message is None else own[message].decode(),
            None if reference is None else unhexlify(own[reference]),
        )


def leaf_scanner(database: AuditDatabase) -> LeafScanner[SharedPart]:
    """Return a scanner that writes what leaves share into the database."""

    def describe(shape: Shape, texts: tuple[str, ...]) -> SharedPart:
        members = dict(zip(shape.names, map(_plain, texts), strict=True))
        columns = {
            column: next((members[name] for name in names if name in members), "")
            for column, names in _COLUMNS.items()
        }
        own = {name: place for place, name in enumerate(shape.own)}
        found = next((name for name in _REFERENCES if members.get(name)), None)
        number = database.add(
            "shared", shape.kind, *columns.values(), _details(shape, texts)
        )
        return SharedPart(
            number=number,
            kind=shape.kind,
            is_structural=shape.kind in STRUCTURAL_KINDS,
            author=columns["author"],
            peer=columns["peer"],
            policy=columns["policy"],
            message=members.get("id"),
            reference=None if found is None else bytes.fromhex(members[found]),
            message_place=own.get("id"),
            reference_place=None if found is None else own.get(found),
        )

    return LeafScanner(describe)


def _plain(text: str) -> str:
    """Return the text that stands inside of a JSON string."""
    if "\\" not in text:
        return text
    try:
        plain: str = json.loads(f'"{text}"')
    except ValueError:
        return text  # several strings
    return plain


def _details(shape: Shape, texts: tuple[str, ...]) -> str:
    """Return what has no column, as a JSON object."""
    members: Mapping[str, str] = {
        name: shape.member(name, text)
        for name, text in zip(shape.names, texts, strict=True)
        if name not in _NOT_DETAILS and name not in shape.own
    }
    return "{" + ",".join(f'"{name}":{text}' for name, text in members.items()) + "}"
