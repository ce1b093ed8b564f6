# SPDX-License-Identifier: Apache-2.0
"""The leaves of an exchange log: RFC 8785 JSON without personal data.

Every kind is a class; `encode` gives its one canonical form and `parse_leaf`
takes nothing else. Digests are bytes here and hexadecimal in the leaf, times
are ms since the epoch here and RFC 3339 in the leaf. ``blind`` is 32 random
bytes, so that no leaf can be guessed from its hash.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, ClassVar, Final
from uuid import UUID

from selat.errors import MalformedError, UnsupportedVersionError

VERSION: Final = 1
#: Entries of C2SP tlog-tiles carry their length in 16 bits.
LEAF_BYTES_MAX: Final = 65_535
_DIGEST_BYTES: Final = 32
#: Numbers above this are not exact in every JSON reader (RFC 8785 §3.2.2.3).
_INTEGER_MAX: Final = 2**53 - 1
_HEX: Final = re.compile(r"(?:[0-9a-f]{2})*")

_encode_json: Final[Callable[[object], str]] = json.JSONEncoder(
    sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
).encode


class Leaf:
    """A leaf of any kind."""

    __slots__ = ()

    kind: ClassVar[str]

    def encode(self) -> bytes:
        """Return the leaf's exact bytes.

        Raises:
            MalformedError: It is over the size limit.
        """
        members = _plan(type(self)).write(self)
        data = _encode_json(members).encode()
        if len(data) > LEAF_BYTES_MAX:
            raise _malformed(f"has more than {LEAF_BYTES_MAX} bytes")
        return data


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferLeaf(Leaf):
    """A message was offered to a peer.

    Attributes:
        id: The message.
        version: Its version.
        type: Its record type.
        category: Its category.
        level: Level of its marking.
        codes: Handling codes.
        tlp: TLP label, or empty.
        purposes: Purposes.
        sender: Our node.
        recipient: The peer.
        time_ms: When it was decided.
        policy: SHA-256 of the active policy set, hexadecimal.
        effect: What was decided.
        policies: Identifiers of the policies that decided.
        commit: 32-byte commitment to the message.
        blind: 32 random bytes.
    """

    kind: ClassVar[str] = "offer"

    id: UUID
    version: int
    type: str
    category: str
    level: str
    codes: tuple[str, ...]
    tlp: str
    purposes: tuple[str, ...]
    sender: str
    recipient: str
    time_ms: int
    policy: str
    effect: str
    policies: tuple[str, ...]
    commit: bytes
    blind: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class WithholdLeaf(OfferLeaf):
    """A message was not let go to a peer; otherwise like an offer."""

    kind: ClassVar[str] = "withhold"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiptLeaf(Leaf):
    """An offer was answered.

    Attributes:
        offer: 32-byte RFC 6962 hash of the offer leaf.
        id: The message.
        version: Its version.
        sender: Author of the receipt: the node that received the message.
        recipient: The node that offered it.
        time_ms: When it was decided.
        outcome: ``accepted``, ``refused`` or ``quarantined``.
        reason: Stable reason code; empty for a plain acceptance.
        policy: SHA-256 of the active policy set, hexadecimal.
        effect: What was decided.
        policies: Identifiers of the policies that decided.
        blind: 32 random bytes.
    """

    kind: ClassVar[str] = "receipt"

    offer: bytes
    id: UUID
    version: int
    sender: str
    recipient: str
    time_ms: int
    outcome: str
    reason: str
    policy: str
    effect: str
    policies: tuple[str, ...]
    blind: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class PeerCheckpointLeaf(Leaf):
    """A peer's checkpoint was verified with its receipts for a batch.

    Attributes:
        sender: Our node.
        peer: The peer.
        origin: Origin of the peer's log.
        size: Number of its leaves.
        root: 32-byte root.
        sequence: The batch that was answered.
        time_ms: When.
        blind: 32 random bytes.
    """

    kind: ClassVar[str] = "peer-checkpoint"

    sender: str
    peer: str
    origin: str
    size: int
    root: bytes
    sequence: int
    time_ms: int
    blind: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class CardLeaf(Leaf):
    """Our node issued a card.

    Attributes:
        node: Our node.
        sequence: Number of the card.
        digest: 32-byte SHA-256 of the card's payload.
        time_ms: When.
        blind: 32 random bytes.
    """

    kind: ClassVar[str] = "card"

    node: str
    sequence: int
    digest: bytes
    time_ms: int
    blind: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class PeerLeaf(Leaf):
    """A peer was accepted, updated or removed.

    Attributes:
        node: Our node.
        peer: The peer.
        action: ``accepted``, ``updated`` or ``removed``.
        card: 32-byte SHA-256 of the peer's card.
        by: Role or short name of who did it.
        time_ms: When.
        blind: 32 random bytes.
    """

    kind: ClassVar[str] = "peer"

    node: str
    peer: str
    action: str
    card: bytes
    by: str
    time_ms: int
    blind: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyLeaf(Leaf):
    """Another policy set came into force.

    Attributes:
        node: Our node.
        digest: SHA-256 of the new set, hexadecimal.
        previous: SHA-256 of the old set, hexadecimal; empty for the first.
        time_ms: When.
        blind: 32 random bytes.
    """

    kind: ClassVar[str] = "policy"

    node: str
    digest: str
    previous: str
    time_ms: int
    blind: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenLeaf(Leaf):
    """The log, or a shard of it, begins.

    Attributes:
        node: Our node.
        origin: Origin of the log.
        previous: Final checkpoint of the shard before; empty for the first.
        time_ms: When.
        blind: 32 random bytes.
    """

    kind: ClassVar[str] = "open"

    node: str
    origin: str
    previous: str
    time_ms: int
    blind: bytes


#: Every kind of leaf by its name.
KINDS: Final[Mapping[str, type[Leaf]]] = MappingProxyType(
    {
        cls.kind: cls
        for cls in (
            OfferLeaf,
            WithholdLeaf,
            ReceiptLeaf,
            PeerCheckpointLeaf,
            CardLeaf,
            PeerLeaf,
            PolicyLeaf,
            OpenLeaf,
        )
    }
)


def parse_leaf(data: bytes) -> Leaf:
    """Read a leaf.

    Raises:
        UnsupportedVersionError: It is of a version that this node does not know.
        MalformedError: It is not the canonical form of a known kind.
    """
    if len(data) > LEAF_BYTES_MAX:
        raise _malformed(f"has more than {LEAF_BYTES_MAX} bytes")
    try:
        members = json.loads(data, parse_float=_no_float, parse_constant=_no_float)
    except (ValueError, RecursionError) as error:
        raise _malformed("is not JSON") from error
    if not isinstance(members, dict):
        raise _malformed("is not an object")
    if members.get("v") != VERSION:
        raise UnsupportedVersionError(
            "The leaf has a version that this node does not speak.",
            remedy="Upgrade the older of both nodes.",
        )
    kind = members.get("kind")
    cls = KINDS.get(kind) if isinstance(kind, str) else None
    if cls is None:
        raise _malformed("is of an unknown kind")
    if _canonical(members) != data:
        raise _malformed("is not in its canonical form")
    return _plan(cls).read(cls, members)


def _canonical(members: dict[str, Any]) -> bytes:
    try:
        return _encode_json(members).encode()
    except (ValueError, RecursionError) as error:  # lone surrogates have no UTF-8
        raise _malformed("holds what RFC 8785 cannot express") from error


#: Attributes that stand in the leaf under another name.
_KEYS: Final = {"sender": "from", "recipient": "to", "time_ms": "time"}
#: Attributes that stand together in one object of the leaf.
_GROUPS: Final = {
    "level": "marking",
    "codes": "marking",
    "tlp": "marking",
    "effect": "decision",
    "policies": "decision",
}


class _Plan:
    """How the attributes of one kind stand in its JSON."""

    def __init__(self, cls: type[Leaf]) -> None:
        types = {field.name: str(field.type) for field in fields(cls)}  # type: ignore[arg-type] # every kind is a dataclass
        self._kind = cls.kind
        self._attributes = tuple(
            (
                name,
                _GROUPS.get(name),
                _KEYS.get(name, name),
                _WRITERS.get(_form(name, types[name]), _same),
                _READERS[_form(name, types[name])],
            )
            for name in types
        )
        self._groups = {
            group: sum(_GROUPS.get(name) == group for name in types)
            for group in {_GROUPS[name] for name in types if name in _GROUPS}
        }
        alone = sum(name not in _GROUPS for name in types)
        self._members = alone + len(self._groups) + len(("v", "kind"))

    def write(self, leaf: Leaf) -> dict[str, Any]:
        members: dict[str, Any] = {group: {} for group in self._groups}
        for name, group, key, write, _ in self._attributes:
            target = members if group is None else members[group]
            target[key] = write(getattr(leaf, name))
        members["v"] = VERSION
        members["kind"] = self._kind
        return members

    def read(self, cls: type[Leaf], members: dict[str, Any]) -> Leaf:
        try:
            if len(members) != self._members or any(
                len(members[group]) != count for group, count in self._groups.items()
            ):
                raise KeyError
            values = {
                name: read((members if group is None else members[group])[key])
                for name, group, key, _, read in self._attributes
            }
        except (KeyError, TypeError, ValueError) as error:
            raise _malformed("has unknown, missing or wrong members") from error
        return cls(**values)


def _form(name: str, annotation: str) -> str:
    return name if name == "time_ms" else annotation


def _same(value: object) -> object:
    return value


def _write_time(ms: int) -> str:
    moment = datetime.fromtimestamp(ms // 1000, tz=UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{ms % 1000:03d}Z"


def _read_time(text: object) -> int:
    moment = datetime.fromisoformat(_read_text(text))
    ms = int(moment.timestamp()) * 1000 + moment.microsecond // 1000
    if _write_time(ms) != text:
        raise ValueError
    return ms


def _read_text(value: object) -> str:
    if type(value) is not str:
        raise TypeError
    return value


def _read_number(value: object) -> int:
    if type(value) is not int or not 0 <= value <= _INTEGER_MAX:
        raise TypeError
    return value


def _read_digest(value: object) -> bytes:
    text = _read_text(value)
    if len(text) != 2 * _DIGEST_BYTES or not _HEX.fullmatch(text):
        raise ValueError
    return bytes.fromhex(text)


def _read_uuid(value: object) -> UUID:
    identifier = UUID(_read_text(value))
    if str(identifier) != value:
        raise ValueError
    return identifier


def _read_texts(value: object) -> tuple[str, ...]:
    if type(value) is not list:
        raise TypeError
    return tuple(_read_text(item) for item in value)


_WRITERS: Final[dict[str, Callable[[Any], object]]] = {
    "bytes": bytes.hex,
    "UUID": str,
    "time_ms": _write_time,
}
_READERS: Final[dict[str, Callable[[object], object]]] = {
    "bytes": _read_digest,
    "UUID": _read_uuid,
    "time_ms": _read_time,
    "str": _read_text,
    "int": _read_number,
    "tuple[str, ...]": _read_texts,
}
_PLANS: Final = {cls: _Plan(cls) for cls in KINDS.values()}


def _plan(cls: type[Leaf]) -> _Plan:
    return _PLANS[cls]


def _no_float(_: str) -> float:
    raise ValueError


def _malformed(what: str) -> MalformedError:
    return MalformedError(
        f"The leaf {what}.",
        remedy="Send leaves as docs/protocol.md describes them.",
    )
