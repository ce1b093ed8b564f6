# SPDX-License-Identifier: Apache-2.0
"""Write an audit bundle out of a node's database.

What is in it says `selat.core.bundle_paths`. The order is: (1) the cards, (2)
each shard's checkpoints, tiles and entries, (3) the leaves of peers that pair
with ours, and the notes that prove them, (4) what we cosigned, (5) proofs of
equivocation, (6) time-stamps, (7) the manifest. Nothing is held in memory but a
few files at once, and the database only for moments, so that a node that runs
is not disturbed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Final

from selat.core import bundle_paths
from selat.core.bundles import Manifest, ShardPeriod
from selat.core.entry_bundles import parse_entries
from selat.core.leaves import PeerCheckpointLeaf, parse_leaf
from selat.core.node_names import is_node_name
from selat.core.tile_paths import TILE_WIDTH, TilePath, tile_paths
from selat.errors import StoreCorruptError, VerificationError
from selat.identity.card import parse_card
from selat.publication.bundle_files import BundleFiles
from selat.publication.peer_ranges import peer_ranges
from selat.publication.periods import Period, ShardPart
from selat.publication.published_log import size_of
from selat.publication.resources import tile_bytes
from selat.publication.tile_tree import Reads
from selat.publication.timestamps import TimeStamp
from selat.store.port import Snapshot
from selat.store.publication import PeerLog

#: How the kind of a peer-checkpoint leaf stands in it.
_ANSWER: Final = b'"kind":"peer-checkpoint"'
#: Files that are read in one moment of the database, of 256 leaves at most.
_READ_AT_ONCE: Final = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class BundleRequest:
    """What a bundle is to hold.

    Attributes:
        node: Whose log it is.
        period: The period.
        created_ms: When it is written.
        parts: The parts of the shards, oldest first.
        notes: The checkpoint that ends each of them, in the same order.
        timestamps: Time-stamps over checkpoints that will be in the bundle.
    """

    node: str
    period: Period
    created_ms: int
    parts: Sequence[ShardPart]
    notes: Sequence[bytes]
    timestamps: Sequence[TimeStamp] = ()

    @property
    def spans(self) -> list[tuple[int, int]]:
        """Positions of our leaves of the period, first and end, shard by shard."""
        return [
            (
                part.shard.first_position + part.start_size,
                part.shard.first_position + size_of(note),
            )
            for part, note in zip(self.parts, self.notes, strict=True)
        ]


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenBundle:
    """What a bundle holds.

    Attributes:
        manifest: What it says of itself.
        peer_leaves: Leaves of peers that are in it.
        files: Number of its files.
    """

    manifest: Manifest
    peer_leaves: int
    files: int


class BundleWriter:
    """Writes one bundle.

    Args:
        files: Takes its files.
        reads: Gives moments of the database.
        progress: Told of how many leaves were written, own and peers'.
    """

    def __init__(
        self, files: BundleFiles, *, reads: Reads, progress: Callable[[int], None]
    ) -> None:
        """Take where files go and where leaves come from."""
        self._files = files
        self._reads = reads
        self._progress = progress
        self._answered: dict[str, set[int]] = {}

    def write(self, request: BundleRequest) -> WrittenBundle:
        """Write the bundle.

        Raises:
            VerificationError: A time-stamp is over no checkpoint of the bundle.
            StoreError: The database cannot be read.
        """
        periods = []
        self._write_cards()
        for part, note in zip(request.parts, request.notes, strict=True):
            periods.append(self._write_shard(part, note))
        peer_leaves = sum(
            self._write_peer_log(log, request.spans)
            for log in self._reads(lambda snapshot: snapshot.peer_logs())
        )
        self._write_witnessed()
        self._write_equivocations()
        self._write_timestamps(request)
        manifest = Manifest(
            node=request.node,
            from_ms=request.period.from_ms,
            to_ms=request.period.to_ms,
            created_ms=request.created_ms,
            shards=tuple(periods),
        )
        self._files.put(bundle_paths.MANIFEST, manifest.encode())
        return WrittenBundle(
            manifest=manifest, peer_leaves=peer_leaves, files=self._files.count
        )

    def _write_cards(self) -> None:
        # Of two cards with one number the later is in force.
        cards = {
            (card.node, parse_card(card.envelope).card.sequence): card.envelope
            for card in self._reads(lambda snapshot: snapshot.cards())
        }
        for (node, sequence), envelope in cards.items():
            self._files.put(bundle_paths.card_path(node, sequence), envelope)

    def _write_shard(self, part: ShardPart, note: bytes) -> ShardPeriod:
        origin, end_size = part.shard.origin, size_of(note)
        name = bundle_paths.shard_of(origin)
        self._files.put(bundle_paths.checkpoint_path(name), note)
        for size, kept in part.notes.items():
            if size < end_size:
                self._files.put(bundle_paths.checkpoint_path(name, size), kept)
        tiles = [
            path
            for path in tile_paths(end_size)
            if path.level is not None or path.index >= _first_bundle(part)
        ]
        for start in range(0, len(tiles), _READ_AT_ONCE):
            self._write_tiles(part, tiles[start : start + _READ_AT_ONCE], end_size)
        return ShardPeriod(origin=origin, start_size=part.start_size, end_size=end_size)

    def _write_tiles(
        self, part: ShardPart, tiles: Sequence[TilePath], size: int
    ) -> None:
        def work(snapshot: Snapshot) -> list[bytes]:
            return [tile_bytes(snapshot, part.shard, tile, size=size) for tile in tiles]

        name = bundle_paths.shard_of(part.shard.origin)
        contents = self._reads(work)
        paths = [bundle_paths.log_path(name, str(tile)) for tile in tiles]
        self._files.put_all([*zip(paths, contents, strict=True)])
        for tile, data in zip(tiles, contents, strict=True):
            if tile.level is None:
                self._note_answers(part, tile, data)
                self._progress(tile.width)

    def _note_answers(self, part: ShardPart, tile: TilePath, data: bytes) -> None:
        """Note which batches of ours were answered in the period.

        Those of the log's first leaves were offered in the period as well.
        """
        if part.shard.first_position + part.start_size == 0 or _ANSWER not in data:
            return
        first = max(0, part.start_size - tile.index * TILE_WIDTH)
        for leaf in parse_entries(data, count=tile.width)[first:]:
            if _ANSWER in leaf:
                answer = parse_leaf(leaf)
                if isinstance(answer, PeerCheckpointLeaf):
                    sequences = self._answered.setdefault(answer.peer, set())
                    sequences.add(answer.sequence)

    def _write_peer_log(self, log: PeerLog, spans: Sequence[tuple[int, int]]) -> int:
        """Write what is held of a shard of a peer's log; return how many leaves."""
        answered = self._answered.get(log.peer, set())
        ranges = peer_ranges(self._reads, log, spans=spans, answered=answered)
        first = next(ranges, None)
        if first is None:
            return 0
        name = bundle_paths.shard_of(log.origin)
        sizes: set[int] = set()
        leaves = 0
        with self._files.open(bundle_paths.peer_leaves_path(log.peer, name)) as write:
            for each in chain([first], ranges):
                write(each.encode())
                sizes.add(each.size)
                leaves += len(each.leaves)
                self._progress(len(each.leaves))
        proven = sorted(sizes)
        for start in range(0, len(proven), _READ_AT_ONCE):
            self._write_peer_notes(log, proven[start : start + _READ_AT_ONCE])
        return leaves

    def _write_peer_notes(self, log: PeerLog, sizes: Sequence[int]) -> None:
        def work(snapshot: Snapshot) -> list[bytes]:
            return [_peer_note(snapshot, log, size) for size in sizes]

        name = bundle_paths.shard_of(log.origin)
        paths = [
            bundle_paths.peer_checkpoint_path(log.peer, name, size) for size in sizes
        ]
        self._files.put_all([*zip(paths, self._reads(work), strict=True)])

    def _write_witnessed(self) -> None:
        for each in self._reads(lambda snapshot: snapshot.witnessed_logs()):
            if is_node_name(each.peer):  # not a log that is only configured
                name = bundle_paths.shard_of(each.origin)
                path = bundle_paths.witnessed_path(each.peer, name)
                self._files.put(path, each.note)

    def _write_equivocations(self) -> None:
        numbers: dict[tuple[str, int], int] = {}
        for each in self._reads(lambda snapshot: snapshot.equivocations()):
            place = each.peer, each.size
            numbers[place] = numbers.get(place, 0) + 1
            path = bundle_paths.equivocation_path(*place, numbers[place])
            self._files.put(path, each.proof)

    def _write_timestamps(self, request: BundleRequest) -> None:
        notes = {
            (bundle_paths.shard_of(part.shard.origin), size_of(note)): note
            for part, end in zip(request.parts, request.notes, strict=True)
            for note in (*part.notes.values(), end)
            if size_of(note) <= size_of(end)
        }
        for stamp in request.timestamps:
            name, size = stamped_checkpoint(stamp, notes.items())
            self._files.put(bundle_paths.token_path(name, size), stamp.data)


def leaf_count(snapshot: Snapshot, request: BundleRequest) -> int:
    """Return how many leaves a bundle will hold, own and peers'.

    What peers answered in the period to offers from before it comes on top.
    """
    own = sum(
        size_of(note) - _first_bundle(part) * TILE_WIDTH
        for part, note in zip(request.parts, request.notes, strict=True)
    )
    return own + sum(
        snapshot.peer_leaf_count(log, first=first, end=end)
        for log in snapshot.peer_logs()
        for first, end in request.spans
    )


def _peer_note(snapshot: Snapshot, log: PeerLog, size: int) -> bytes:
    """Return the checkpoint of a size that a peer signed.

    Raises:
        StoreCorruptError: It is not there.
    """
    kept = snapshot.peer_checkpoint(log.peer, log.origin, size)
    if kept is None:
        raise StoreCorruptError(
            f"The checkpoint of {log.origin} with {size} leaves is missing.",
            remedy="Restore the database from a backup.",
        )
    return kept.note


def _first_bundle(part: ShardPart) -> int:
    """Return which entry bundle holds the leaf before the period."""
    return max(0, part.start_size - 1) // TILE_WIDTH


def stamped_checkpoint(
    stamp: TimeStamp, notes: Iterable[tuple[tuple[str, int], bytes]]
) -> tuple[str, int]:
    """Return shard and size of the checkpoint that a time-stamp is over.

    Args:
        stamp: The time-stamp.
        notes: Signed notes under their shard's name and size.

    Raises:
        VerificationError: It is over none of them.
    """
    for place, note in notes:
        if stamp.is_over(note):
            return place
    raise VerificationError(
        "A time-stamp is over no checkpoint of this bundle.",
        remedy="Take the query with `selat audit timestamp-query` from this bundle, "
        "and add the answer with `selat audit timestamp-add`.",
    )
