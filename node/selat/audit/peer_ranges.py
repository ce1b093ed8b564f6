# SPDX-License-Identifier: Apache-2.0
"""What a bundle shows of other nodes' logs (check 13).

Leaves of peers, range by range:

1. The note is signed by the peer's log.
2. The leaves stand in it, by their range proof.
3. They are what the direction says: offers to the bundle's node, or its
   receipts; the peer is their author.

The newest notes that were cosigned are signed, and proofs of equivocation hold.
What is shown of peers that the auditor did not pin is not looked at.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from selat.audit.context import BundleContext
from selat.audit.database import ROWS_AT_ONCE
from selat.audit.findings import Code
from selat.audit.shared_parts import SharedPart, leaf_scanner
from selat.audit.signatures import Cosigned
from selat.core.bundle_paths import BundlePath, FileKind, peer_checkpoint_path
from selat.core.bundles import (
    LINE_BYTES_MAX,
    Direction,
    PeerRange,
    parse_peer_ranges,
)
from selat.core.checkpoints import Checkpoint
from selat.core.equivocation import EQUIVOCATION_BYTES_MAX, parse_equivocation
from selat.core.leaf_scans import Scan
from selat.core.merkle import leaf_hash
from selat.core.notes import NOTE_BYTES_MAX
from selat.core.proofs import verify_range
from selat.errors import MalformedError, ProofError, SelatError


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownState:
    """A signed state of a log that another node showed.

    Attributes:
        origin: The log.
        size: Its size.
        root: Its root.
        shown_by: The bundle.
        newest_ms: Time of the newest thing that shows it: a leaf in it, or our
            cosignature.
    """

    origin: str
    size: int
    root: bytes
    shown_by: str
    newest_ms: int


class PeerRanges:
    """Verifies what one bundle shows of other nodes' logs.

    Args:
        context: The bundle.

    Attributes:
        states: The signed states that it shows.
        count: How many leaves of peers it shows.
    """

    def __init__(self, context: BundleContext) -> None:
        """Start without a state."""
        self.states: Final[list[ShownState]] = []
        self.count = 0
        self.context: Final = context

    def verify(self) -> None:
        """Verify every file about peers that are pinned."""
        reader = self.context.reader
        for name, path in sorted(reader.paths.items()):
            if path.node not in self.context.trust.roots:
                continue
            if path.kind is FileKind.PEER_LEAVES:
                self._leaves(name, path)
            elif path.kind is FileKind.WITNESSED:
                self._witnessed(name, path)
            elif path.kind is FileKind.EQUIVOCATION:
                self._equivocation(name, path)

    def note(
        self, name: str, path: BundlePath, at_ms: int | None
    ) -> tuple[Checkpoint, list[Cosigned]] | None:
        """Return a checkpoint of a peer's log, if it is signed, and cosigners."""
        data = self.context.reader.read(name, bytes_max=NOTE_BYTES_MAX)
        if data is None:
            return None
        subject, notes = self.context.subject(name), self.context.notes
        checkpoint = notes.checkpoint(
            data,
            node=path.node,
            origin=_origin(path),
            subject=subject,
            at_ms=at_ms,
        )
        if checkpoint is None:
            return None
        return checkpoint, notes.cosigners(data, owner=path.node, subject=subject)

    def show(self, checkpoint: Checkpoint, *, file: str, newest_ms: int) -> None:
        """Keep a signed state of a peer's log for comparison."""
        self.states.append(
            ShownState(
                origin=checkpoint.origin,
                size=checkpoint.size,
                root=checkpoint.root,
                shown_by=self.context.reader.label,
                newest_ms=newest_ms,
            )
        )
        self.context.database.add(
            "checkpoints",
            self.context.number,
            checkpoint.origin,
            checkpoint.size,
            checkpoint.root.hex(),
            file,
        )

    def _leaves(self, name: str, path: BundlePath) -> None:
        reader, file = self.context.reader, _PeerFile(self, path)
        try:
            for each in parse_peer_ranges(reader.lines(name, bytes_max=LINE_BYTES_MAX)):
                file.take(each)
                self.count += len(each.leaves)
                self.context.progress(len(each.leaves))
        except MalformedError as error:
            reader.malformed(name, error)
        file.flush()

    def _witnessed(self, name: str, path: BundlePath) -> None:
        found = self.note(name, path, None)
        if found is not None:
            times = (each.time_ms for each in found[1])
            self.show(found[0], file=name, newest_ms=max(times, default=0))

    def _equivocation(self, name: str, path: BundlePath) -> None:
        """Verify a proof that a node signed two roots for one size."""
        context, subject = self.context, self.context.subject(name)
        data = context.reader.read(name, bytes_max=EQUIVOCATION_BYTES_MAX)
        if data is None:
            return
        try:
            proof = parse_equivocation(data)
        except MalformedError as error:
            context.reader.malformed(name, error)
            return
        origin = proof.heads[0].origin
        signed = origin.startswith(f"{path.node}/exchange/") and all(
            context.notes.checkpoint(
                note, node=path.node, origin=origin, subject=subject, at_ms=None
            )
            for note in (proof.first, proof.second)
        )
        if signed:
            code, what = Code.EQUIVOCATION_PROVEN, "signed two roots for one size"
        else:
            code, what = Code.EQUIVOCATION_UNPROVEN, "is accused without proof"
        context.findings.add(code, subject, f"{path.node} {what}.")


class _PeerFile:
    """The ranges of one peer's shard."""

    def __init__(self, ranges: PeerRanges, path: BundlePath) -> None:
        context, origin = ranges.context, _origin(path)
        self._ranges: Final = ranges
        self._context: Final = context
        self._path: Final = path
        self._origin: Final = origin
        self._log: Final = context.database.add(
            "logs", context.number, path.node, origin, None, None, ""
        )
        self._scanner: Final = leaf_scanner(context.database)
        self._checkpoints: Final[dict[int, Checkpoint | None]] = {}
        self._rows: Final[list[tuple[object, ...]]] = []

    def take(self, shown: PeerRange) -> None:
        """Verify a range and keep its leaves."""
        scans = []
        for index, data in enumerate(shown.leaves, shown.range.first_index):
            try:
                scan = self._scanner.scan(data)
            except SelatError as error:
                self._wrong(Code.LEAF_MALFORMED, index, error.message)
                return
            if not self._belongs(scan[0], shown.direction):
                self._wrong(
                    Code.RANGE_MISPLACED,
                    index,
                    f"The leaf is no {_KINDS[shown.direction]} of {self._path.node} "
                    f"that concerns {self._context.node}.",
                )
                return
            scans.append(scan)
        hashes = self._proven(shown, scans[-1][1])
        if hashes is None:
            return
        self._keep(shown.range.first_index, scans, hashes)
        self._context.database.insert(
            "ranges",
            [
                (
                    self._log,
                    shown.range.first_index,
                    len(scans),
                    shown.size,
                    shown.direction.value,
                    shown.sequence,
                )
            ],
        )

    def flush(self) -> None:
        """Write the rows that wait."""
        self._context.database.insert("leaf", self._rows)
        self._rows.clear()

    def _keep(
        self, first: int, scans: Sequence[Scan[SharedPart]], hashes: Sequence[bytes]
    ) -> None:
        log = self._log
        for index, (scan, digest) in enumerate(zip(scans, hashes, strict=True), first):
            shared, time_ms, own = scan
            self._rows.append(
                (
                    log,
                    index,
                    shared.kind,
                    time_ms,
                    digest,
                    *shared.values(own),
                    shared.number,
                )
            )
        if len(self._rows) >= ROWS_AT_ONCE:
            self.flush()

    def _belongs(self, shared: SharedPart, direction: Direction) -> bool:
        return (shared.kind, shared.author, shared.peer) == (
            _KINDS[direction],
            self._path.node,
            self._context.node,
        )

    def _proven(self, shown: PeerRange, at_ms: int) -> list[bytes] | None:
        """Return the hashes of leaves that are proven to stand in the log."""
        size = shown.size
        if size not in self._checkpoints:
            self._checkpoints[size] = self._checkpoint(size, at_ms)
        checkpoint = self._checkpoints[size]
        if checkpoint is None:
            return None  # said already
        hashes = [leaf_hash(leaf) for leaf in shown.leaves]
        try:
            verify_range(
                leaf_hashes=hashes,
                first=shown.range.first_index,
                size=checkpoint.size,
                proof=shown.range.proof,
                root=checkpoint.root,
            )
        except ProofError:
            self._wrong(
                Code.RANGE_UNPROVEN,
                shown.range.first_index,
                f"{len(shown.leaves)} leaves of batch {shown.sequence} are not proven "
                f"to stand in the log of {size} leaves.",
            )
            return None
        return hashes

    def _checkpoint(self, size: int, at_ms: int) -> Checkpoint | None:
        name = peer_checkpoint_path(self._path.node, self._path.shard, size)
        found = self._ranges.note(name, self._path, at_ms)
        if found is None:
            return None
        checkpoint, _ = found
        if checkpoint.size != size:
            self._context.findings.add(
                Code.CHECKPOINT_MISPLACED,
                self._context.subject(name),
                f"The checkpoint called {name} is of {checkpoint.size} leaves.",
            )
            return None
        self._ranges.show(checkpoint, file=name, newest_ms=at_ms)
        return checkpoint

    def _wrong(self, code: Code, index: int, message: str) -> None:
        self._context.findings.add(code, self._origin, message, index=index)


def _origin(path: BundlePath) -> str:
    return f"{path.node}/exchange/{path.shard}"


_KINDS: Final = {Direction.IN: "offer", Direction.OUT: "receipt"}
