# SPDX-License-Identifier: Apache-2.0
"""The leaves of an exchange log: RFC 8785 JSON without personal data.

Every kind is a class; `encode` gives its one canonical form and `parse_leaf`
takes nothing else. Digests are bytes here and hexadecimal in the leaf, times
are ms since the epoch here and RFC 3339 in the leaf. ``blind`` is 32 random
bytes, so that no leaf can be guessed from its hash.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from json.encoder import encode_basestring
from types import MappingProxyType
from typing import Annotated, Any, ClassVar, Final, TypeAlias, get_type_hints

from selat.core.leaf_json import (
    Digest,
    Form,
    HexDigest,
    HexDigestOrNone,
    Identifier,
    Layout,
    Moment,
    Number,
    Text,
    Texts,
    one_of,
)
from selat.errors import MalformedError, UnsupportedVersionError

VERSION: Final = 1
#: Entries of C2SP tlog-tiles carry their length in 16 bits.
LEAF_BYTES_MAX: Final = 65_535

Effect: TypeAlias = Annotated[str, one_of("permit", "hold", "withhold")]
Outcome: TypeAlias = Annotated[str, one_of("accepted", "refused", "quarantined")]
Action: TypeAlias = Annotated[str, one_of("accepted", "updated", "removed")]


class Leaf:
    """A leaf of any kind."""

    __slots__ = ()

    kind: ClassVar[str]

    def __post_init__(self) -> None:
        """Refuse what no leaf of the kind may say."""
        wrong = _LAYOUTS[type(self)].wrong(self)
        if wrong:
            raise _malformed(f"has a wrong {wrong}")

    def encode(self) -> bytes:
        """Return the leaf's exact bytes.

        Raises:
            MalformedError: It is over the size limit, or a text is no Unicode.
        """
        try:
            data = _LAYOUTS[type(self)].write(self).encode()
        except UnicodeEncodeError as error:
            raise _malformed("has a text that UTF-8 cannot express") from error
        if len(data) > LEAF_BYTES_MAX:
            raise _malformed(f"has more than {LEAF_BYTES_MAX} bytes")
        return data


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionLeaf(Leaf):
    """What was decided about releasing a message to a peer.

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

    id: Identifier
    version: Number
    type: Text
    category: Text
    level: Text
    codes: Texts
    tlp: Text
    purposes: Texts
    sender: Text
    recipient: Text
    time_ms: Moment
    policy: HexDigest
    effect: Effect
    policies: Texts
    commit: Digest
    blind: Digest


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferLeaf(DecisionLeaf):
    """A message was offered to a peer."""

    kind: ClassVar[str] = "offer"


@dataclass(frozen=True, slots=True, kw_only=True)
class WithholdLeaf(DecisionLeaf):
    """A message was not let go to a peer."""

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

    offer: Digest
    id: Identifier
    version: Number
    sender: Text
    recipient: Text
    time_ms: Moment
    outcome: Outcome
    reason: Text
    policy: HexDigest
    effect: Effect
    policies: Texts
    blind: Digest


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

    sender: Text
    peer: Text
    origin: Text
    size: Number
    root: Digest
    sequence: Number
    time_ms: Moment
    blind: Digest


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

    node: Text
    sequence: Number
    digest: Digest
    time_ms: Moment
    blind: Digest


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

    node: Text
    peer: Text
    action: Action
    card: Digest
    by: Text
    time_ms: Moment
    blind: Digest


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

    node: Text
    digest: HexDigest
    previous: HexDigestOrNone
    time_ms: Moment
    blind: Digest


@dataclass(frozen=True, slots=True, kw_only=True)
class EraseLeaf(Leaf):
    """A message's key, salt and ciphertext were destroyed here.

    Attributes:
        node: Our node.
        id: The message.
        version: Its version.
        offer: 32-byte RFC 6962 hash of the offer or receipt leaf that logged it.
        reason: Stable reason code.
        time_ms: When.
        blind: 32 random bytes.
    """

    kind: ClassVar[str] = "erase"

    node: Text
    id: Identifier
    version: Number
    offer: Digest
    reason: Text
    time_ms: Moment
    blind: Digest


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

    node: Text
    origin: Text
    previous: Text
    time_ms: Moment
    blind: Digest


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
            EraseLeaf,
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
    members = _members(data)
    version, kind = members.get("v"), members.get("kind")
    if type(version) is not int or type(kind) is not str:
        raise _malformed("has no version or kind")
    if version != VERSION:
        raise UnsupportedVersionError(
            "The leaf has a version that this node does not speak.",
            remedy="Upgrade the older of both nodes.",
        )
    cls = KINDS.get(kind)
    if cls is None:
        raise _malformed("is of an unknown kind")
    try:
        leaf = cls(**_LAYOUTS[cls].read(members))
    except (KeyError, TypeError, ValueError) as error:
        raise _malformed("has missing or wrong members") from error
    # Unknown and repeated members, spaces, other spellings: all end here.
    if leaf.encode() != data:
        raise _malformed("is not in its canonical form")
    return leaf


def _members(data: bytes) -> dict[str, Any]:
    try:
        members = _read_json(data.decode())
    except (ValueError, RecursionError) as error:
        raise _malformed("is not JSON") from error
    if not isinstance(members, dict):
        raise _malformed("is not an object")
    return members


_read_json: Final = json.JSONDecoder().decode
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


def _layout(cls: type[Leaf]) -> Layout:
    hints = get_type_hints(cls, include_extras=True)
    forms: dict[str, Form] = {
        name: hint.__metadata__[0]
        for name, hint in hints.items()
        if hasattr(hint, "__metadata__")
    }
    constants = {"kind": encode_basestring(cls.kind), "v": str(VERSION)}
    return Layout(constants=constants, forms=forms, keys=_KEYS, groups=_GROUPS)


_LAYOUTS: Final = {cls: _layout(cls) for cls in KINDS.values()}


def _malformed(what: str) -> MalformedError:
    return MalformedError(
        f"The leaf {what}.",
        remedy="Send leaves as docs/protocol.md describes them.",
    )
