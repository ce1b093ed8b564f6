# SPDX-License-Identifier: Apache-2.0
"""The port through which services ask the state's policy.

A policy sees a small set of attributes of the message and of the peer, never
the payload. Deny by default: what no rule permits is withheld or refused.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Protocol

#: Stands for every category in a release list.
ANY_CATEGORY: Final = "*"


class Effect(StrEnum):
    """What a policy decides."""

    PERMIT = "permit"
    WITHHOLD = "withhold"


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageFacts:
    """What policies may know of a message.

    Attributes:
        originator: Node name of the publisher.
        category: Category identifier.
        record_type: Name of the body's kind.
        level: Lower-case level of the marking.
        tlp: Lower-case TLP label, or empty.
        codes: Handling codes, for example ``("H0", "H2")``.
        purposes: Lower-case names of the purposes.
        releasable_to: States (alpha-2) or node names; empty means no limit.
        expires_ms: When the message expires, ms since the epoch, or None.
    """

    originator: str
    category: str
    record_type: str
    level: str
    tlp: str
    codes: tuple[str, ...]
    purposes: tuple[str, ...]
    releasable_to: tuple[str, ...]
    expires_ms: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PeerFacts:
    """What policies may know of a peer.

    Attributes:
        name: Node name.
        state: ISO 3166-1 alpha-2 code.
        categories: Categories that it declares on its card.
    """

    name: str
    state: str
    categories: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What was decided, by which policies, and why not.

    Attributes:
        effect: The decision.
        policies: Identifiers of the policies that made it.
        reason: Stable reason code of a denial; empty for a permit.
    """

    effect: Effect
    policies: tuple[str, ...]
    reason: str = ""


class Policy(Protocol):
    """The active policy set; immutable, so that a batch sees one set."""

    @property
    def digest(self) -> str:
        """Return the SHA-256 of the set in hexadecimal; it is in every leaf."""

    def release(
        self, message: MessageFacts, peer: PeerFacts, *, now_ms: int
    ) -> Decision:
        """Decide whether a message of ours may go to a peer."""

    def accept(
        self, message: MessageFacts, peer: PeerFacts, *, now_ms: int
    ) -> Decision:
        """Decide whether a peer's message may enter."""
