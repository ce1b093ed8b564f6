# SPDX-License-Identifier: Apache-2.0
"""One audit: everything that was handed in, against what the auditor pinned.

The steps, in their order:

1. Bundles and evidence files are opened, and every card in them is read.
2. For each bundle, the node's own logs, then what it shows of its peers.
3. Over all of them, offers are paired with receipts, and what different parties
   show of one log is compared.
4. Evidence files are verified.

What each finds is said in its own module; nothing stops at the first failure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Final

from selat.audit.bundle_reader import BundleReader
from selat.audit.comparison import Comparison
from selat.audit.context import BundleContext
from selat.audit.database import AuditDatabase
from selat.audit.evidence import EvidenceVerification, VerifiedEvidence
from selat.audit.exchanges import Exchanges
from selat.audit.findings import Check, Code, Findings
from selat.audit.keyring import Keyring
from selat.audit.own_logs import OwnLogs, OwnShard
from selat.audit.peer_ranges import PeerRanges, ShownState
from selat.audit.periods import Periods
from selat.audit.signatures import NoteVerification, SignatureWork
from selat.audit.sources import BundleFiles, open_bundle
from selat.audit.trust import Trust
from selat.core.bundle_paths import FileKind
from selat.core.bundles import Manifest
from selat.core.cards import ENVELOPE_BYTES_MAX
from selat.core.checkpoints import Checkpoint
from selat.core.evidence_files import EVIDENCE_BYTES_MAX, EvidenceFile
from selat.core.times import rfc3339
from selat.errors import InvalidInputError

#: Checks of bundles that are made for evidence files as well.
_OF_EVIDENCE: Final = frozenset({Check.STRUCTURE, Check.CARDS, Check.SIGNATURES})
#: With what evidence files of every version begin.
_EVIDENCE_START: Final = b"selat/v"


@dataclass(slots=True)
class Work:
    """What an audit did, and for how long.

    Attributes:
        leaves: Leaves of nodes' own logs.
        leaf_seconds: Time for their hashing and structure.
        peer_leaves: Leaves that were shown of peers, with a proof.
        peer_seconds: Time for those.
        pair_seconds: Time for pairing and comparing.
        database_seconds: Time for writing leaves into the database, which is in
            none of the times above; nor is that of signatures.
        signatures: Signatures under notes.
    """

    signatures: SignatureWork
    leaves: int = 0
    leaf_seconds: float = 0.0
    peer_leaves: int = 0
    peer_seconds: float = 0.0
    pair_seconds: float = 0.0
    database_seconds: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditedBundle:
    """A bundle and what it shows.

    Attributes:
        label: What it is called.
        manifest: What it is of.
        shards: Its logs.
    """

    label: str
    manifest: Manifest
    shards: tuple[OwnShard, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """What an audit came to.

    Attributes:
        findings: Everything that was found.
        bundles: The bundles that could be read.
        evidence: The evidence files that hold.
        handed_in: How many bundles and how many evidence files were handed in.
        cards: How many cards of pinned nodes there were.
        work: What was done.
    """

    findings: Findings
    bundles: tuple[AuditedBundle, ...]
    evidence: tuple[VerifiedEvidence, ...]
    handed_in: tuple[int, int]
    cards: int
    work: Work

    def applies(self, check: Check) -> bool:
        """Tell whether anything was handed in that a check is for."""
        bundles, files = self.handed_in
        if check is Check.EVIDENCE:
            return files > 0
        return bundles > 0 or check in _OF_EVIDENCE

    @property
    def holds(self) -> bool:
        """Whether nothing failed."""
        return not self.findings.failures


def audit(
    inputs: Sequence[Path],
    trust: Trust,
    database: AuditDatabase,
    *,
    progress: Callable[[int], None],
) -> Audit:
    """Verify bundles and evidence files.

    Args:
        inputs: Folders, zip files and evidence files.
        trust: Whom the auditor pinned.
        database: Where what is proven goes.
        progress: Told of each number of leaves just read.

    Raises:
        InvalidInputError: One of them is neither, or of a node that is not
            pinned.
    """
    with ExitStack() as stack:
        auditor = _Auditor(trust, database, progress)
        for path in inputs:
            evidence = _evidence(path)
            if evidence is None:
                auditor.open(stack.enter_context(open_bundle(path)))
            else:
                auditor.read(evidence, label=path.name)
        return auditor.run()


class _Auditor:
    def __init__(
        self, trust: Trust, database: AuditDatabase, progress: Callable[[int], None]
    ) -> None:
        self._findings: Final = Findings()
        self._trust: Final = trust
        self._database: Final = database
        self._progress: Final = progress
        self._keyring: Final = Keyring(trust, self._findings)
        self._notes: Final = NoteVerification(self._keyring, trust, self._findings)
        self._proofs: Final = EvidenceVerification(
            self._keyring, self._notes, self._findings
        )
        self._work: Final = Work(signatures=self._notes.work)
        self._readers: Final[list[BundleReader]] = []
        self._contexts: Final[list[BundleContext]] = []
        self._evidence: Final[list[tuple[str, EvidenceFile]]] = []
        self._evidence_files = 0

    def open(self, files: BundleFiles) -> None:
        """Step 1, for a bundle."""
        reader = BundleReader(files, self._findings)
        self._readers.append(reader)
        for name, path in sorted(reader.paths.items()):
            if path.kind is FileKind.CARD:
                card = reader.read(name, bytes_max=ENVELOPE_BYTES_MAX)
                if card is not None:
                    subject = f"{reader.label}/{name}"
                    self._keyring.add(card, subject=subject, place=name)
        manifest = reader.manifest()
        if manifest is not None:
            self._contexts.append(self._context(reader, manifest))

    def read(self, data: bytes, *, label: str) -> None:
        """Step 1, for an evidence file."""
        self._evidence_files += 1
        evidence = self._proofs.read(data, label=label)
        if evidence is not None:
            self._evidence.append((label, evidence))

    def run(self) -> Audit:
        """Steps 2 to 4."""
        self._keyring.check_chains()
        bundles = [self._own_logs(context) for context in self._contexts]
        states = [state for context in self._contexts for state in self._peers(context)]
        shards = [shard for bundle in bundles for shard in bundle.shards]
        self._work.database_seconds = self._database.seconds
        started = perf_counter()
        if shards:
            exchanges = Exchanges(self._database, self._trust, self._findings, shards)
            exchanges.verify()
            comparison = Comparison(self._database, self._trust, self._findings, shards)
            comparison.verify([*states, *map(_end_state, _signed(shards))])
        self._work.pair_seconds = perf_counter() - started
        evidence = [
            self._proofs.verify(file, label=label) for label, file in self._evidence
        ]
        for reader in self._readers:
            reader.finish()
        return Audit(
            findings=self._findings,
            bundles=tuple(bundles),
            evidence=tuple(each for each in evidence if each is not None),
            handed_in=(len(self._readers), self._evidence_files),
            cards=self._keyring.count,
            work=self._work,
        )

    def _context(self, reader: BundleReader, manifest: Manifest) -> BundleContext:
        if manifest.node not in self._trust.roots:
            raise InvalidInputError(
                f"{reader.label} is of {manifest.node}, which the trust file does not "
                "pin.",
                remedy="Compare the fingerprint of its root keys, and pin it.",
            )
        times = (manifest.from_ms, manifest.to_ms, manifest.created_ms)
        number = self._database.add(
            "bundles", reader.label, manifest.node, *map(rfc3339, times)
        )
        return BundleContext(
            reader=reader,
            manifest=manifest,
            number=number,
            database=self._database,
            notes=self._notes,
            trust=self._trust,
            findings=self._findings,
            progress=self._progress,
        )

    def _own_logs(self, context: BundleContext) -> AuditedBundle:
        """Step 2, for the node's own logs."""
        if not self._keyring.has(context.node):
            self._findings.add(
                Code.CARD_MISSING,
                context.reader.label,
                f"There is no card of {context.node} that its pinned root signed.",
            )
        logs = OwnLogs(context)
        with self._timed() as timed:
            shards = logs.verify()
        self._work.leaf_seconds += timed.seconds
        self._work.leaves += sum(each.leaves.count for each in shards)
        Periods(context).verify(shards)
        for sequence, digest in logs.cards.items():
            if self._keyring.digest(context.node, sequence) not in {None, digest}:
                self._findings.add(
                    Code.CARD_NOT_LOGGED,
                    context.node,
                    f"Card {sequence} is not the one that the node logged.",
                )
        return AuditedBundle(
            label=context.reader.label, manifest=context.manifest, shards=shards
        )

    def _peers(self, context: BundleContext) -> list[ShownState]:
        """Step 2, for what is shown of peers."""
        ranges = PeerRanges(context)
        with self._timed() as timed:
            ranges.verify()
        self._work.peer_seconds += timed.seconds
        self._work.peer_leaves += ranges.count
        return ranges.states

    @contextmanager
    def _timed(self) -> Iterator[_Timed]:
        """Measure a time without that of signatures and of writing rows."""
        timed = _Timed()
        apart = self._notes.work.seconds + self._database.seconds
        started = perf_counter()
        yield timed
        timed.seconds = perf_counter() - started + apart
        timed.seconds -= self._notes.work.seconds + self._database.seconds


@dataclass(slots=True)
class _Timed:
    seconds: float = 0.0


def _signed(shards: Sequence[OwnShard]) -> Iterator[tuple[OwnShard, Checkpoint]]:
    for shard in shards:
        if shard.checkpoint is not None:
            yield shard, shard.checkpoint


def _end_state(signed: tuple[OwnShard, Checkpoint]) -> ShownState:
    shard, checkpoint = signed
    return ShownState(
        origin=checkpoint.origin,
        size=checkpoint.size,
        root=checkpoint.root,
        shown_by=shard.label,
        newest_ms=shard.leaves.last_ms or 0,
    )


def _evidence(path: Path) -> bytes | None:
    """Return the contents of an evidence file, None if it is none.

    Raises:
        InvalidInputError: It cannot be read.
    """
    if path.is_dir():
        return None
    try:
        with path.open("rb") as opened:
            start = opened.read(len(_EVIDENCE_START))
            if start != _EVIDENCE_START:
                return None
            return start + opened.read(EVIDENCE_BYTES_MAX)
    except OSError as failure:
        raise InvalidInputError(
            f"{path} cannot be read: {failure.strerror}.",
            remedy="Check the name and the permissions.",
        ) from failure
