# SPDX-License-Identifier: Apache-2.0
"""The leaves of an exchange log: RFC 8785 JSON without personal data.

Every kind is a class; `encode` gives its one canonical form and `parse_leaf`
takes nothing else. Digests are bytes here and hexadecimal in the leaf, times
are ms since the epoch here and RFC 3339 in the leaf.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Annotated, ClassVar, Final, TypeAlias

from selat.core.equivocation_leaf import EquivocationLeaf
from selat.core.leaf_base import (
    LAYOUTS,
    LEAF_BYTES_MAX,
    VERSION,
    Leaf,
    malformed,
)
from selat.core.leaf_json import (
    Digest,
    DigestOrNone,
    HexDigest,
    HexDigestOrNone,
    Identifier,
    Number,
    Text,
    Texts,
    one_of,
    text_like,
)
from selat.core.shard_leaves import CloseLeaf, OpenLeaf
from selat.errors import SelatError, UnsupportedVersionError

Effect: TypeAlias = Annotated[str, one_of("permit", "hold", "withhold")]
Outcome: TypeAlias = Annotated[str, one_of("accepted", "refused", "quarantined")]
Action: TypeAlias = Annotated[str, one_of("accepted", "updated", "removed", "resumed")]
Act: TypeAlias = Annotated[str, one_of("approve", "refuse")]
LegalHoldAct: TypeAlias = Annotated[str, one_of("set", "release")]
#: Why a message is under legal hold; a code, so that no free text is logged.
LegalHoldCode: TypeAlias = Annotated[str, text_like("[A-Z0-9_-]{1,32}")]
#: What a message is taken out for.
PurposeName: TypeAlias = Annotated[str, text_like("[a-z_]{1,32}")]


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
        policy: SHA-256 of the active policy set, hexadecimal.
        effect: What was decided.
        policies: Identifiers of the policies that decided.
        commit: 32-byte commitment to the message.
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
    policy: HexDigest
    effect: Effect
    policies: Texts
    commit: Digest


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferLeaf(DecisionLeaf):
    """A message was offered to a peer."""

    kind: ClassVar[str] = "offer"


@dataclass(frozen=True, slots=True, kw_only=True)
class WithholdLeaf(DecisionLeaf):
    """A message was not let go to a peer."""

    kind: ClassVar[str] = "withhold"


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldLeaf(DecisionLeaf):
    """A message waits for a person before it may go to a peer."""

    kind: ClassVar[str] = "hold"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiptLeaf(Leaf):
    """An offer was answered.

    Attributes:
        offer: 32-byte RFC 6962 hash of the offer leaf.
        id: The message.
        version: Its version.
        sender: Author of the receipt: the node that received the message.
        recipient: The node that offered it.
        outcome: ``accepted``, ``refused`` or ``quarantined``.
        reason: Stable reason code; empty for a plain acceptance.
        policy: SHA-256 of the active policy set, hexadecimal.
        effect: What was decided.
        policies: Identifiers of the policies that decided.
    """

    kind: ClassVar[str] = "receipt"

    offer: Digest
    id: Identifier
    version: Number
    sender: Text
    recipient: Text
    outcome: Outcome
    reason: Text
    policy: HexDigest
    effect: Effect
    policies: Texts


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewLeaf(Leaf):
    """A person decided on a message that a policy had left to a person.

    Attributes:
        node: Our node.
        peer: The peer that the message is to go to, or came from.
        id: The message.
        version: Its version.
        answers: 32-byte RFC 6962 hash of the hold leaf, or of the receipt leaf
            that quarantined it.
        act: ``approve`` or ``refuse``.
        reason: Stable reason code of a refusal; empty for an approval.
        by: Role of who decided; never a name.
        policy: SHA-256 of the active policy set, hexadecimal.
    """

    kind: ClassVar[str] = "review"

    node: Text
    peer: Text
    id: Identifier
    version: Number
    answers: Digest
    act: Act
    reason: Text
    by: Text
    policy: HexDigest


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
    """

    kind: ClassVar[str] = "peer-checkpoint"

    sender: Text
    peer: Text
    origin: Text
    size: Number
    root: Digest
    sequence: Number


@dataclass(frozen=True, slots=True, kw_only=True)
class CardLeaf(Leaf):
    """Our node issued a card.

    Attributes:
        node: Our node.
        sequence: Number of the card.
        digest: 32-byte SHA-256 of the card's payload.
    """

    kind: ClassVar[str] = "card"

    node: Text
    sequence: Number
    digest: Digest


@dataclass(frozen=True, slots=True, kw_only=True)
class PeerLeaf(Leaf):
    """A peer was accepted, updated or removed, or its suspension was ended.

    Attributes:
        node: Our node.
        peer: The peer.
        action: ``accepted``, ``updated``, ``removed`` or ``resumed``.
        card: 32-byte SHA-256 of the peer's card.
        by: Role of who did it.
    """

    kind: ClassVar[str] = "peer"

    node: Text
    peer: Text
    action: Action
    card: Digest
    by: Text


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyLeaf(Leaf):
    """Another policy set came into force.

    Attributes:
        node: Our node.
        digest: SHA-256 of the new set, hexadecimal.
        previous: SHA-256 of the old set, hexadecimal; empty for the first.
        departures: Where the set departs from the shipped baseline, as
            ``removed`` or ``altered`` and a file; usually nowhere.
    """

    kind: ClassVar[str] = "policy"

    node: Text
    digest: HexDigest
    previous: HexDigestOrNone
    departures: Texts


@dataclass(frozen=True, slots=True, kw_only=True)
class EraseLeaf(Leaf):
    """A message's key, salt and ciphertext were destroyed here.

    Attributes:
        node: Our node.
        id: The message.
        version: Its version.
        offer: 32-byte RFC 6962 hash of the offer or receipt leaf that logged it;
            empty for a message that never came so far.
        reason: Stable reason code.
    """

    kind: ClassVar[str] = "erase"

    node: Text
    id: Identifier
    version: Number
    offer: DigestOrNone
    reason: Text


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportLeaf(Leaf):
    """An officer asked to take a message out of our node for another system.

    Attributes:
        node: Our node.
        id: The message.
        version: Its version.
        purpose: What it was to be taken out for.
        by: Role of who asked; never a name.
        policy: SHA-256 of the active policy set, hexadecimal.
        effect: What was decided; anything but ``permit`` is a denial.
        policies: Identifiers of the policies that decided.
    """

    kind: ClassVar[str] = "export"

    node: Text
    id: Identifier
    version: Number
    purpose: PurposeName
    by: Text
    policy: HexDigest
    effect: Effect
    policies: Texts


@dataclass(frozen=True, slots=True, kw_only=True)
class LegalHoldLeaf(Leaf):
    """A message was put under legal hold, or released from it.

    Attributes:
        node: Our node.
        id: The message.
        version: Its version.
        act: ``set`` or ``release``.
        code: Why, as a short code.
        by: Role of who did it; never a name.
    """

    kind: ClassVar[str] = "legal-hold"

    node: Text
    id: Identifier
    version: Number
    act: LegalHoldAct
    code: LegalHoldCode
    by: Text


#: Every kind of leaf by its name.
KINDS: Final[Mapping[str, type[Leaf]]] = MappingProxyType(
    {
        cls.kind: cls
        for cls in (
            OfferLeaf,
            WithholdLeaf,
            HoldLeaf,
            ReceiptLeaf,
            ReviewLeaf,
            PeerCheckpointLeaf,
            CardLeaf,
            PeerLeaf,
            EquivocationLeaf,
            PolicyLeaf,
            EraseLeaf,
            ExportLeaf,
            LegalHoldLeaf,
            OpenLeaf,
            CloseLeaf,
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
        raise malformed(f"has more than {LEAF_BYTES_MAX} bytes")
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        raise malformed("is not UTF-8") from error
    # Found inside of a text, the quotation marks would be escaped.
    cls = KINDS.get(text.partition('"kind":"')[2].partition('"')[0])
    if cls is None:
        raise _refusal(text)
    try:
        attributes = LAYOUTS[cls].read(text)
    except ValueError as error:
        raise _refusal(text) from error
    return cls(**attributes)


def _refusal(text: str) -> SelatError:
    """Say what is wrong with a leaf that has the layout of no kind."""
    try:
        members = json.loads(text)
    except (ValueError, RecursionError):
        return malformed("is not JSON")
    if not isinstance(members, dict):
        return malformed("is not an object")
    version, kind = members.get("v"), members.get("kind")
    if type(version) is not int or type(kind) is not str:
        return malformed("has no version or kind")
    if version != VERSION:
        return UnsupportedVersionError(
            "The leaf has a version that this node does not speak.",
            remedy="Upgrade the older of both nodes.",
        )
    if kind not in KINDS:
        return malformed("is of an unknown kind")
    return malformed("has not the members of its kind in their canonical form")
