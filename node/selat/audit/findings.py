# SPDX-License-Identifier: Apache-2.0
"""What an audit can find, check by check.

Every kind of finding has a stable code. A *failure* means that something does
not hold, and that the audit fails; a *fact* is something that happened and that
a reader wants to know. docs/auditors.md lists them all.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from typing import Final

#: Findings of one code that are kept; the others are counted.
KEPT_OF_EACH: Final = 100


class Check(IntEnum):
    """The checks, in the order in which they are reported."""

    STRUCTURE = 1
    CARDS = 2
    SIGNATURES = 3
    WITNESSES = 4
    TREE = 5
    CONSISTENCY = 6
    SHARDS = 7
    LEAVES = 8
    CLOCK = 9
    POLICY = 10
    SEQUENCE = 11
    EXCHANGES = 12
    PEERS = 13
    PERIOD = 14
    EVIDENCE = 15

    @property
    def title(self) -> str:
        """What holds when the check passes."""
        return _TITLES[self]


_TITLES: Final = {
    Check.STRUCTURE: "Files are whole and of their form",
    Check.CARDS: "Cards are signed by the pinned roots",
    Check.SIGNATURES: "Checkpoints are signed by keys valid when used",
    Check.WITNESSES: "Pinned witnesses cosigned the end of each log",
    Check.TREE: "Entries and tiles lead to the signed root",
    Check.CONSISTENCY: "Every other checkpoint is of the same tree",
    Check.SHARDS: "Shards are handed over from one to the next",
    Check.LEAVES: "Leaves are well formed and the node's own",
    Check.CLOCK: "Clocks are in order",
    Check.POLICY: "Every policy set in use was logged before",
    Check.SEQUENCE: "No batch is missing",
    Check.EXCHANGES: "Offers and receipts stand in both logs",
    Check.PEERS: "Logs are the same for everybody",
    Check.PERIOD: "The whole period is there",
    Check.EVIDENCE: "Evidence files hold",
}


class Code(StrEnum):
    """Everything that can be found; the texts never change their meaning."""

    FILE_UNEXPECTED = "FILE_UNEXPECTED"
    FILE_MISSING = "FILE_MISSING"
    FILE_UNLISTED = "FILE_UNLISTED"
    FILE_DAMAGED = "FILE_DAMAGED"
    FILE_MALFORMED = "FILE_MALFORMED"

    CARD_INVALID = "CARD_INVALID"
    CARD_NOT_PINNED = "CARD_NOT_PINNED"
    CARD_FORKED = "CARD_FORKED"
    CARD_MISSING = "CARD_MISSING"
    CARD_NOT_LOGGED = "CARD_NOT_LOGGED"

    SIGNATURE_MISSING = "SIGNATURE_MISSING"
    SIGNATURE_WRONG = "SIGNATURE_WRONG"
    KEY_OUTSIDE_VALIDITY = "KEY_OUTSIDE_VALIDITY"
    CHECKPOINT_MISPLACED = "CHECKPOINT_MISPLACED"

    QUORUM_NOT_MET = "QUORUM_NOT_MET"
    COSIGNATURE_WRONG = "COSIGNATURE_WRONG"
    COSIGNATURE_INCOMPLETE = "COSIGNATURE_INCOMPLETE"
    WITNESS_UNKNOWN = "WITNESS_UNKNOWN"

    TILE_MISSING = "TILE_MISSING"
    TILE_TRUNCATED = "TILE_TRUNCATED"
    TILE_DIFFERS = "TILE_DIFFERS"
    ROOT_DIFFERS = "ROOT_DIFFERS"
    ENTRIES_MISSING = "ENTRIES_MISSING"
    ENTRIES_MALFORMED = "ENTRIES_MALFORMED"
    ENTRY_REMOVED = "ENTRY_REMOVED"
    ENTRY_ADDED = "ENTRY_ADDED"
    ENTRIES_SWAPPED = "ENTRIES_SWAPPED"
    ENTRY_CHANGED = "ENTRY_CHANGED"

    CHECKPOINT_INCONSISTENT = "CHECKPOINT_INCONSISTENT"

    HAND_OVER_BROKEN = "HAND_OVER_BROKEN"

    LEAF_MALFORMED = "LEAF_MALFORMED"
    LEAF_OF_ANOTHER_NODE = "LEAF_OF_ANOTHER_NODE"
    LEAF_MISPLACED = "LEAF_MISPLACED"

    CLOCK_DISORDER = "CLOCK_DISORDER"
    RECEIPT_BEFORE_OFFER = "RECEIPT_BEFORE_OFFER"

    POLICY_UNKNOWN = "POLICY_UNKNOWN"
    POLICY_BROKEN = "POLICY_BROKEN"
    POLICY_FROM_BEFORE = "POLICY_FROM_BEFORE"
    POLICY_DEPARTURE = "POLICY_DEPARTURE"

    SEQUENCE_GAP = "SEQUENCE_GAP"
    SEQUENCE_REPEATED = "SEQUENCE_REPEATED"

    OFFER_DENIED = "OFFER_DENIED"
    OFFER_UNANSWERED = "OFFER_UNANSWERED"
    OFFER_PENDING = "OFFER_PENDING"
    RECEIPT_DENIED = "RECEIPT_DENIED"
    RECEIPT_WITHOUT_OFFER = "RECEIPT_WITHOUT_OFFER"
    RECEIPT_DIFFERS = "RECEIPT_DIFFERS"
    RECEIPT_REPEATED = "RECEIPT_REPEATED"
    RECEIPT_LATE = "RECEIPT_LATE"
    RECEIPT_OVERDUE = "RECEIPT_OVERDUE"

    RANGE_MISSING = "RANGE_MISSING"
    RANGE_UNPROVEN = "RANGE_UNPROVEN"
    RANGE_MISPLACED = "RANGE_MISPLACED"
    PEER_NOT_PINNED = "PEER_NOT_PINNED"
    PEER_NOT_EXAMINED = "PEER_NOT_EXAMINED"
    PEER_CHECKPOINT_DIFFERS = "PEER_CHECKPOINT_DIFFERS"
    PEER_CHECKPOINT_ALONE = "PEER_CHECKPOINT_ALONE"
    LOG_FORKED = "LOG_FORKED"
    EQUIVOCATION_PROVEN = "EQUIVOCATION_PROVEN"
    EQUIVOCATION_UNPROVEN = "EQUIVOCATION_UNPROVEN"

    BUNDLE_OLD = "BUNDLE_OLD"
    PERIOD_CUT = "PERIOD_CUT"

    PROOF_WRONG = "PROOF_WRONG"
    EVIDENCE_MISMATCH = "EVIDENCE_MISMATCH"

    @property
    def check(self) -> Check:
        """The check that finds it."""
        return _CHECKS[self]

    @property
    def is_failure(self) -> bool:
        """Whether the audit fails when it is found."""
        return self not in _FACTS


#: The last code of each check, in their order above.
_LAST_OF: Final = {
    Check.STRUCTURE: Code.FILE_MALFORMED,
    Check.CARDS: Code.CARD_NOT_LOGGED,
    Check.SIGNATURES: Code.CHECKPOINT_MISPLACED,
    Check.WITNESSES: Code.WITNESS_UNKNOWN,
    Check.TREE: Code.ENTRY_CHANGED,
    Check.CONSISTENCY: Code.CHECKPOINT_INCONSISTENT,
    Check.SHARDS: Code.HAND_OVER_BROKEN,
    Check.LEAVES: Code.LEAF_MISPLACED,
    Check.CLOCK: Code.RECEIPT_BEFORE_OFFER,
    Check.POLICY: Code.POLICY_DEPARTURE,
    Check.SEQUENCE: Code.SEQUENCE_REPEATED,
    Check.EXCHANGES: Code.RECEIPT_OVERDUE,
    Check.PEERS: Code.EQUIVOCATION_UNPROVEN,
    Check.PERIOD: Code.PERIOD_CUT,
    Check.EVIDENCE: Code.EVIDENCE_MISMATCH,
}
_ORDER: Final = {code: place for place, code in enumerate(Code)}
_CHECKS: Final = {
    code: next(check for check, last in _LAST_OF.items() if _ORDER[last] >= place)
    for code, place in _ORDER.items()
}
_FACTS: Final = frozenset(
    {
        Code.WITNESS_UNKNOWN,
        Code.POLICY_FROM_BEFORE,
        Code.POLICY_DEPARTURE,
        Code.OFFER_PENDING,
        Code.RECEIPT_LATE,
        Code.PEER_NOT_EXAMINED,
        Code.PEER_CHECKPOINT_ALONE,
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was found.

    Attributes:
        code: What it is.
        subject: What it is about: an origin, a node or a file.
        message: What was found, one sentence.
        index: Index of the leaf in its log, where it is about one.
    """

    code: Code
    subject: str
    message: str
    index: int | None = None


@dataclass(slots=True)
class Findings:
    """Everything that was found; of each code the first ones as they are."""

    _kept: list[Finding] = field(default_factory=list)
    _counts: Counter[Code] = field(default_factory=Counter)

    def add(
        self, code: Code, subject: str, message: str, *, index: int | None = None
    ) -> None:
        """Add a finding."""
        self._counts[code] += 1
        if self._counts[code] <= KEPT_OF_EACH:
            self._kept.append(
                Finding(code=code, subject=subject, message=message, index=index)
            )

    def __iter__(self) -> Iterator[Finding]:
        """Yield those that are kept, by their code."""
        return iter(sorted(self._kept, key=lambda each: _ORDER[each.code]))

    def count(self, code: Code) -> int:
        """Return how often it was found."""
        return self._counts[code]

    def failed(self, check: Check) -> int:
        """Return how many failures a check has found."""
        return sum(
            count
            for code, count in self._counts.items()
            if code.check is check and code.is_failure
        )

    @property
    def failures(self) -> int:
        """How many failures there are."""
        return sum(map(self.failed, Check))
