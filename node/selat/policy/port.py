# SPDX-License-Identifier: Apache-2.0
"""The port through which services ask the state's policy.

A policy sees a small set of attributes of the message and of who is to have
it, never the payload. Deny by default: what no rule permits is withheld or
refused.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NamedTuple, Protocol

#: Stands for every category in a release list.
ANY_CATEGORY: Final = "*"
#: Reason of a message that waits for a person.
HELD_FOR_REVIEW: Final = "HELD_FOR_REVIEW"
#: Obligation: a second person, not the author, approves the release.
TWO_PERSON: Final = "two-person"
#: Obligation: a reviewer looks at what came in before anybody else does.
REVIEW: Final = "review"
#: In ``Decision.redact``: every field that the schema calls personal.
PERSONAL: Final = "personal"


class Effect(StrEnum):
    """What a policy decides."""

    PERMIT = "permit"
    HOLD = "hold"
    WITHHOLD = "withhold"


class Action(StrEnum):
    """What is asked of the policy."""

    PUBLISH = "publish"
    RELEASE = "release"
    FORWARD = "forward"
    ANSWER = "answer"
    REQUEST = "request"
    QUERY = "query"
    RECALL = "recall"
    ACCEPT = "accept"
    VIEW = "view"
    SEARCH = "search"
    EXPORT = "export"
    APPROVE = "approve"


class MessageFacts(NamedTuple):
    """What policies may know of a message.

    A tuple, because a node makes and compares thousands in a second; name the
    attributes when you make one. Recipients and dates come last: what stands before
    them is the profile that policies see of many messages.

    Attributes:
        originator: Node name of the publisher.
        category: Category identifier.
        record_type: Name of the body's kind.
        level: Lower-case level of the marking.
        tlp: Lower-case TLP label, or empty.
        codes: Handling codes, for example ``("H0", "H2")``.
        purposes: Lower-case names of the purposes.
        releasable_to: States (alpha-2) or node names; empty means no limit.
        subject_role: Lower-case role of the subject, or empty.
        safeguards: Lower-case grounds to protect the subject.
        assurances: Lower-case kinds of assurance that the originator holds.
        consents: What the originator consented to for this recipient:
            ``forward`` or ``judicial``.
        status: Whether the record stands: ``current``, ``delisted`` …
        urgency: Lower-case urgency: ``routine``, ``urgent`` or ``flash``.
        holding: What our node holds it as: ``current``, ``quarantined``,
            ``recalled`` …
        recipients: Names of the nodes that the message is for.
        expires_ms: When the message expires, ms since the epoch, or None.
        created_ms: When this version was made, ms since the epoch, or None.
    """

    originator: str
    category: str
    record_type: str
    level: str
    tlp: str
    codes: tuple[str, ...]
    purposes: tuple[str, ...]
    releasable_to: tuple[str, ...]
    subject_role: str = ""
    safeguards: tuple[str, ...] = ()
    assurances: tuple[str, ...] = ()
    consents: tuple[str, ...] = ()
    status: str = "current"
    urgency: str = "routine"
    holding: str = "current"
    recipients: tuple[str, ...] = ()
    expires_ms: int | None = None
    created_ms: int | None = None

    def dated(self, *, expires_ms: int | None, created_ms: int | None) -> MessageFacts:
        """Return the facts of a message that differs in its dates alone."""
        undated = self[:-2]
        return tuple.__new__(MessageFacts, (*undated, expires_ms, created_ms))

    @property
    def emergency(self) -> bool:
        """Tell whether the author says that a life is at stake, and only that.

        The message travels before all others and may be used for nothing but
        to avert the threat. Nothing else makes an emergency.
        """
        return self.urgency == "flash" and self.purposes == ("threat_to_life",)


class PeerFacts(NamedTuple):
    """What policies may know of a peer.

    A tuple, as `MessageFacts` is.

    Attributes:
        name: Node name.
        state: ISO 3166-1 alpha-2 code.
        categories: Categories that it declares on its card.
        groups: Groups that it belongs to beside those that the policy folder
            puts its state or itself in.
    """

    name: str
    state: str
    categories: frozenset[str]
    groups: frozenset[str] = frozenset()


class OfficerFacts(NamedTuple):
    """What policies may know of an officer, or of a system of the desk.

    A tuple, as `MessageFacts` is.

    Attributes:
        officer_id: Name by which the desk knows the caller.
        agency: Agency.
        roles: Roles held; ``system`` makes the caller a system.
        functions: Contact functions held, for example ``crisis``.
        is_author: Whether the caller published the message in question.
    """

    officer_id: str
    agency: str
    roles: frozenset[str]
    functions: frozenset[str] = frozenset()
    is_author: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What was decided, by which policies, and under which conditions.

    Attributes:
        effect: The decision. HOLD: a person has to meet ``obligations`` first;
            nothing of the message may move before.
        policies: Identifiers of the policies that made it.
        reason: Stable reason code of a hold or denial; empty for a permit.
        obligations: What a person has still to do, for example ``two-person``.
        redact: What the recipient must not get: ``personal``, or paths of
            fields of the body. A caller that cannot redact must not release.
        notify: Whom to tell of it, by function.
    """

    effect: Effect
    policies: tuple[str, ...]
    reason: str = ""
    obligations: tuple[str, ...] = ()
    redact: tuple[str, ...] = ()
    notify: tuple[str, ...] = ()


class Policy(Protocol):
    """The active policy set; immutable, so that a batch sees one set.

    ``approved`` names the obligations that a person has met for this message
    and peer. Calls are cheap, do no I/O and may come from one thread.
    """

    @property
    def digest(self) -> str:
        """Return the SHA-256 of the set in hexadecimal; it is in every leaf."""

    def release(
        self,
        message: MessageFacts,
        peer: PeerFacts,
        *,
        now_ms: int,
        approved: frozenset[str] = frozenset(),
    ) -> Decision:
        """Decide whether a message may go to a peer.

        Another originator's message is judged as one that is passed on.
        """

    def accept(
        self,
        message: MessageFacts,
        peer: PeerFacts,
        *,
        now_ms: int,
        approved: frozenset[str] = frozenset(),
    ) -> Decision:
        """Decide whether a peer's message may enter."""


class DeskPolicy(Policy, Protocol):
    """What the desk asks of the active policy set besides."""

    def publish(
        self, message: MessageFacts, officer: OfficerFacts, *, now_ms: int
    ) -> Decision:
        """Decide whether an officer may hand a message in."""

    def view(
        self, message: MessageFacts, officer: OfficerFacts, *, now_ms: int
    ) -> Decision:
        """Decide whether an officer may see a message."""

    def search(
        self, message: MessageFacts, officer: OfficerFacts, *, now_ms: int
    ) -> Decision:
        """Decide whether a message may show in an officer's searches and counts."""

    def export(
        self, message: MessageFacts, officer: OfficerFacts, *, purpose: str, now_ms: int
    ) -> Decision:
        """Decide whether an officer may take a message out for a purpose."""

    def approve(
        self, message: MessageFacts, officer: OfficerFacts, *, now_ms: int
    ) -> Decision:
        """Decide whether an officer may meet an obligation on a message."""
