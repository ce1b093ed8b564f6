# SPDX-License-Identifier: Apache-2.0
"""Signatures under notes (checks 3 and 4).

A log's own:

1. Every signature of a key on the node's cards holds.
2. There is one of each type, Ed25519 and ML-DSA-44.
3. Their keys were in use at a time at which they can have been made: not before
   the newest leaf that is known to be under the checkpoint, and not after a
   pinned witness cosigned it or the bundle was written. A key outside its
   validity is a finding of its own.

Cosignatures:

1. Every one of a pinned node's witness keys holds.
2. A pinned node that cosigned did so with both types.
3. Its keys were in use at the time that the cosignature states.
4. As many other pinned nodes as the trust file asks for have done so.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from time import perf_counter
from typing import Final

from selat.audit.findings import Code, Findings
from selat.audit.keyring import Keyring, KnownKey
from selat.audit.trust import Trust
from selat.core.checkpoints import Checkpoint
from selat.core.cosignatures import REQUIRED_TYPES
from selat.core.leaf_json import TIME_MS_MAX
from selat.core.note_keys import SignatureType, timestamp_of
from selat.core.notes import Note, NoteSignature, parse_note
from selat.core.times import rfc3339
from selat.core.tree_heads import parse_tree_head
from selat.errors import MalformedError, SignatureError
from selat.identity.card_contents import witness_name

LOG_TYPES: Final = (SignatureType.ED25519, SignatureType.MLDSA44)
_MS: Final = 1000


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


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedNote:
    """A note that its log signed.

    Attributes:
        checkpoint: What it says.
        cosigned: Who cosigned it.
    """

    checkpoint: Checkpoint
    cosigned: tuple[Cosigned, ...]


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

    def verify(
        self,
        data: bytes,
        *,
        node: str,
        origin: str,
        subject: str,
        earliest_ms: int = 0,
        latest_ms: int = TIME_MS_MAX,
    ) -> VerifiedNote | None:
        """Return what a note says and who cosigned it, if its log signed it.

        Args:
            data: The signed note.
            node: Whose log it is of.
            origin: Which log.
            subject: Where it stood.
            earliest_ms: When its newest leaf was written, as far as that is
                known; it was signed no earlier.
            latest_ms: When it was there; it was signed no later.
        """
        read = self._read(data, origin=origin, subject=subject)
        if read is None:
            return None
        note, checkpoint = read
        cosigned = self._cosigned(note, owner=node, subject=subject)
        times = [latest_ms, *(each.time_ms for each in cosigned)]
        used = (earliest_ms, min(times))
        keys = self._keyring.log_keys(node, origin)
        if not self._log_signatures(note, keys, node=node, subject=subject, used=used):
            return None
        return VerifiedNote(checkpoint=checkpoint, cosigned=cosigned)

    def _read(
        self, data: bytes, *, origin: str, subject: str
    ) -> tuple[Note, Checkpoint] | None:
        """Read a note as a checkpoint of a log."""
        try:
            note = parse_note(data)
            checkpoint = parse_tree_head(note.text)
        except MalformedError as error:
            self._findings.add(Code.FILE_MALFORMED, subject, error.message)
            return None
        if checkpoint.origin == origin:
            return note, checkpoint
        self._findings.add(
            Code.CHECKPOINT_MISPLACED,
            subject,
            f"The checkpoint is of {ascii(checkpoint.origin)[1:-1]}, not of {origin}.",
        )
        return None

    def _cosigned(
        self, note: Note, *, owner: str, subject: str
    ) -> tuple[Cosigned, ...]:
        """Return the pinned nodes, but the owner, that cosigned a note."""
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
        return tuple(
            Cosigned(node=node, time_ms=min(found.values()))
            for node, found in times.items()
            if self._is_complete(node, found, subject)
        )

    def quorum(self, cosigned: Sequence[Cosigned], *, subject: str) -> None:
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
        self,
        note: Note,
        log_keys: Sequence[KnownKey],
        *,
        node: str,
        subject: str,
        used: tuple[int, int],
    ) -> bool:
        """Tell whether a log signed a note with both types of key."""
        keys = {(each.verifier.name, each.verifier.id): each for each in log_keys}
        signed: set[SignatureType] = set()
        holds = True
        for line in note.signatures:
            key = keys.get((line.name, line.key_id))
            if key is None:
                continue
            try:
                self.work.verify(key, note.text, line.signature)
            except (SignatureError, MalformedError) as error:
                self._findings.add(Code.SIGNATURE_WRONG, subject, error.message)
                holds = False
                continue
            signed.add(key.verifier.signature_type)
            if not key.is_valid(*used):
                self._outside_validity(key, used, subject)
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
        if not 0 < time_s <= TIME_MS_MAX // _MS:
            self._findings.add(
                Code.COSIGNATURE_WRONG,
                subject,
                f"The cosignature of {key.node} states no time.",
            )
            return None
        time_ms = time_s * _MS
        if not key.is_valid(time_ms, time_ms):
            self._outside_validity(key, (time_ms, time_ms), subject)
            return None
        return time_ms

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

    def _outside_validity(
        self, key: KnownKey, used: tuple[int, int], subject: str
    ) -> None:
        earliest_ms, latest_ms = used
        used_ms = earliest_ms if earliest_ms > key.not_after_ms else latest_ms
        self._findings.add(
            Code.KEY_OUTSIDE_VALIDITY,
            subject,
            f"The {key.verifier.signature_type.name} key of {key.node} was used at "
            f"{rfc3339(used_ms)}; it is valid from {rfc3339(key.not_before_ms)} to "
            f"{rfc3339(key.not_after_ms)}.",
        )
