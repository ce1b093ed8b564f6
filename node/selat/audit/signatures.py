# SPDX-License-Identifier: Apache-2.0
"""Signatures under notes (checks 3 and 4).

A log's own:

1. Every signature of a key on the node's cards holds.
2. There is one of each type, Ed25519 and ML-DSA-44.
3. Their keys were in use when they were made: at the time of the newest leaf
   that the checkpoint is known to cover. A key outside its validity is a
   finding of its own.

Cosignatures:

1. Every one of a pinned node's witness keys holds.
2. A pinned node that cosigned did so with both types.
3. Its keys were in use at the time that the cosignature states.
4. As many other pinned nodes as the trust file asks for have done so.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from time import perf_counter
from typing import Final

from selat.audit.findings import Code, Findings
from selat.audit.keyring import Keyring, KnownKey, witness_name
from selat.audit.trust import Trust
from selat.core.checkpoints import Checkpoint
from selat.core.cosignatures import REQUIRED_TYPES
from selat.core.note_keys import SignatureType, timestamp_of
from selat.core.notes import Note, NoteSignature, parse_note
from selat.core.times import rfc3339
from selat.core.tree_heads import parse_tree_head
from selat.errors import MalformedError, SignatureError

LOG_TYPES: Final = (SignatureType.ED25519, SignatureType.MLDSA44)
_MS: Final = 1000
#: Greatest time that a report can show, s: the end of the year 9999.
_TIME_S_MAX: Final = 253_402_300_799


@dataclass(slots=True)
class SignatureWork:
    """How many signatures were verified, by their type, and for how long."""

    counts: Counter[SignatureType] = field(default_factory=Counter)
    seconds: float = 0.0

    @property
    def count(self) -> int:
        """How many signatures were verified."""
        return self.counts.total()

    def verify(self, key: KnownKey, text: bytes, signature: bytes) -> None:
        """Verify one signature.

        Raises:
            SignatureError: It does not hold.
        """
        started = perf_counter()
        try:
            key.verifier.verify(text, signature)
        finally:
            self.seconds += perf_counter() - started
            self.counts[key.verifier.signature_type] += 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Cosigned:
    """That a pinned node cosigned a checkpoint, with both types.

    Attributes:
        node: The node.
        time_ms: When, by its own clock, ms since the epoch; the older of both
            signatures counts.
    """

    node: str
    time_ms: int


class NoteVerification:
    """Verifies notes, and says what does not hold.

    Args:
        keyring: The keys.
        trust: Whom the auditor pinned.
        findings: Where to say what is wrong.

    Attributes:
        work: What was done.
    """

    def __init__(self, keyring: Keyring, trust: Trust, findings: Findings) -> None:
        """Start without work done."""
        self._keyring: Final = keyring
        self._trust: Final = trust
        self._findings: Final = findings
        self.work: Final = SignatureWork()

    def checkpoint(
        self, data: bytes, *, node: str, origin: str, subject: str, at_ms: int | None
    ) -> Checkpoint | None:
        """Return the checkpoint of a note, if its log signed it.

        Args:
            data: The signed note.
            node: Whose log it is of.
            origin: Which log.
            subject: Where it stood.
            at_ms: When it was signed, ms since the epoch; None if that cannot
                be told.
        """
        try:
            note = parse_note(data)
            checkpoint = parse_tree_head(note.text)
        except MalformedError as error:
            self._findings.add(Code.FILE_MALFORMED, subject, error.message)
            return None
        if checkpoint.origin != origin:
            self._findings.add(
                Code.CHECKPOINT_MISPLACED,
                subject,
                f"The checkpoint is of {ascii(checkpoint.origin)[1:-1]}, "
                f"not of {origin}.",
            )
            return None
        if not self._log_signatures(note, node, origin, subject, at_ms):
            return None
        return checkpoint

    def cosigners(self, data: bytes, *, owner: str, subject: str) -> list[Cosigned]:
        """Return the pinned nodes, but the owner, that cosigned a note.

        Args:
            data: The signed note, which is one.
            owner: Whose log it is of.
            subject: Where it stood.
        """
        note = parse_note(data)
        keys = {
            (each.verifier.name, each.verifier.id): each
            for each in self._keyring.witness_keys()
            if each.node != owner
        }
        times: dict[str, dict[SignatureType, int]] = {}
        for line in note.signatures:
            key = keys.get((line.name, line.key_id))
            if key is None:
                self._unknown_witness(line, owner, subject)
            elif (time_ms := self._cosignature(note, line, key, subject)) is not None:
                types = times.setdefault(key.node, {})
                types[key.verifier.signature_type] = time_ms
        return [
            Cosigned(node=node, time_ms=min(found.values()))
            for node, found in times.items()
            if self._is_complete(node, found, subject)
        ]

    def quorum(self, cosigned: list[Cosigned], *, subject: str) -> None:
        """Check that enough pinned nodes cosigned the end of a log."""
        nodes = {each.node for each in cosigned}
        if len(nodes) < self._trust.quorum:
            self._findings.add(
                Code.QUORUM_NOT_MET,
                subject,
                f"{len(nodes)} of the {self._trust.quorum} pinned witnesses that the "
                "trust file asks for cosigned the end of the log.",
            )

    def _log_signatures(
        self, note: Note, node: str, origin: str, subject: str, at_ms: int | None
    ) -> bool:
        keys = {each.verifier.id: each for each in self._keyring.log_keys(node, origin)}
        signed: set[SignatureType] = set()
        holds = True
        for line in note.signatures:
            key = keys.get(line.key_id)
            if key is None or line.name != origin:
                continue
            try:
                self.work.verify(key, note.text, line.signature)
            except (SignatureError, MalformedError) as error:
                self._findings.add(Code.SIGNATURE_WRONG, subject, error.message)
                holds = False
                continue
            signed.add(key.verifier.signature_type)
            if at_ms is not None and not key.is_valid(at_ms):
                self._outside_validity(key, at_ms, subject)
        for missing in LOG_TYPES:
            if missing not in signed and holds:
                self._findings.add(
                    Code.SIGNATURE_MISSING,
                    subject,
                    f"The {missing.name} signature of a key of {node} is missing.",
                )
        return holds and signed.issuperset(LOG_TYPES)

    def _cosignature(
        self, note: Note, line: NoteSignature, key: KnownKey, subject: str
    ) -> int | None:
        """Return the time of a cosignature of a known key, if it holds."""
        try:
            self.work.verify(key, note.text, line.signature)
        except (SignatureError, MalformedError) as error:
            self._findings.add(Code.COSIGNATURE_WRONG, subject, error.message)
            return None
        time_s = timestamp_of(line.signature)
        if not 0 < time_s <= _TIME_S_MAX:
            self._findings.add(
                Code.COSIGNATURE_WRONG,
                subject,
                f"The cosignature of {key.node} states no time.",
            )
            return None
        if not key.is_valid(time_s * _MS):
            self._outside_validity(key, time_s * _MS, subject)
            return None
        return time_s * _MS

    def _is_complete(
        self, node: str, found: Mapping[SignatureType, int], subject: str
    ) -> bool:
        missing = REQUIRED_TYPES - found.keys()
        for each in sorted(missing):
            self._findings.add(
                Code.COSIGNATURE_INCOMPLETE,
                subject,
                f"The {each.name} cosignature of {node} is missing beside its other "
                "one; the node does not count as a witness.",
            )
        return not missing

    def _unknown_witness(self, line: NoteSignature, owner: str, subject: str) -> None:
        if line.name.startswith(f"{owner}/exchange/") or line.name == witness_name(
            owner
        ):
            return  # the log's own
        self._findings.add(
            Code.WITNESS_UNKNOWN,
            subject,
            f"A signature of {ascii(line.name)[1:-1]} is of a key that is on no card "
            "of a pinned node; it does not count.",
        )

    def _outside_validity(self, key: KnownKey, at_ms: int, subject: str) -> None:
        self._findings.add(
            Code.KEY_OUTSIDE_VALIDITY,
            subject,
            f"The {key.verifier.signature_type.name} key of {key.node} was used at "
            f"{rfc3339(at_ms)}; it is valid from {rfc3339(key.not_before_ms)} to "
            f"{rfc3339(key.not_after_ms)}.",
        )
