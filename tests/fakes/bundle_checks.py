# SPDX-License-Identifier: Apache-2.0
"""What must hold of a bundle, checked by the shortest way there is."""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from selat.core.bundle_paths import (
    MANIFEST,
    SUMS,
    FileKind,
    checkpoint_path,
    log_path,
    parse_bundle_path,
    peer_checkpoint_path,
)
from selat.core.bundles import Manifest, PeerRange, parse_manifest, parse_peer_ranges
from selat.core.checkpoints import Checkpoint, open_checkpoint
from selat.core.digest_lists import parse_sums
from selat.core.entry_bundles import entries_tile, parse_entries
from selat.core.leaf_base import Leaf
from selat.core.leaves import parse_leaf
from selat.core.merkle import leaf_hash
from selat.core.proofs import verify_range
from selat.core.tile_paths import TILE_WIDTH, entries_path, tile_path
from selat.core.tiles import root_at
from selat.identity.card import SignedCard


@dataclass(frozen=True, kw_only=True)
class Shard:
    """A shard of a bundle, checked."""

    checkpoint: Checkpoint
    leaves: dict[int, Leaf]


@dataclass(frozen=True, kw_only=True)
class Checked:
    """A bundle of which everything held."""

    manifest: Manifest
    files: dict[str, bytes]
    shards: tuple[Shard, ...]
    peers: dict[str, list[PeerRange]]


def contents(path: Path) -> dict[str, bytes]:
    """Return the files of a folder or of a zip file."""
    if path.is_file():
        with zipfile.ZipFile(path) as archive:
            return {name: archive.read(name) for name in archive.namelist()}
    return {
        str(file.relative_to(path)): file.read_bytes()
        for file in path.rglob("*")
        if file.is_file()
    }


class _Tiles:
    """The hash tiles of a shard of a bundle."""

    def __init__(self, files: dict[str, bytes], shard: str, size: int) -> None:
        self.files, self.shard, self.size = files, shard, size

    def tile(self, level: int, index: int) -> bytes:
        width = min((self.size >> 8 * level) - index * TILE_WIDTH, TILE_WIDTH)
        return self.files[log_path(self.shard, tile_path(level, index, width))]


def check_bundle(path: Path, cards: Iterable[SignedCard], *, at: datetime) -> Checked:
    """Check all that a bundle says against cards that are trusted."""
    files = contents(path)
    known = {signed.card.name: signed.card for signed in cards}
    digests = parse_sums(files[SUMS])
    assert set(digests) | {SUMS} == set(files)
    for name, digest in digests.items():
        assert hashlib.sha256(files[name]).digest() == digest
    manifest = parse_manifest(files[MANIFEST])
    shards = []
    for period in manifest.shards:
        own = known[manifest.node].log_verifiers(period.origin, at=at)
        tiles = _Tiles(files, period.shard, period.end_size)
        checkpoint = open_checkpoint(
            files[checkpoint_path(period.shard)], origin=period.origin, verifiers=own
        )
        assert checkpoint.size == period.end_size
        assert root_at(checkpoint.size, tiles) == checkpoint.root
        leaves = dict(_leaves(files, tiles, period.start_size))
        shards.append(Shard(checkpoint=checkpoint, leaves=leaves))
        first = manifest.from_ms
        for index, leaf in leaves.items():
            assert (leaf.time_ms >= first) == (index >= period.start_size), index
        assert set(range(period.start_size, period.end_size)) <= set(leaves)
    peers: dict[str, list[PeerRange]] = {}
    for name in files:
        place = parse_bundle_path(name)
        if place.kind is FileKind.PEER_LEAVES:
            origin = f"{place.node}/exchange/{place.shard}"
            lines = files[name].splitlines(keepends=True)
            ranges = list(parse_peer_ranges(lines))
            peers[place.node] = ranges
            verifiers = known[place.node].log_verifiers(origin, at=at)
            for each in ranges:
                note = files[peer_checkpoint_path(place.node, place.shard, each.size)]
                theirs = open_checkpoint(note, origin=origin, verifiers=verifiers)
                verify_range(
                    leaf_hashes=list(map(leaf_hash, each.leaves)),
                    first=each.range.first_index,
                    size=theirs.size,
                    proof=each.range.proof,
                    root=theirs.root,
                )
    return Checked(manifest=manifest, files=files, shards=tuple(shards), peers=peers)


def _leaves(
    files: dict[str, bytes], tiles: _Tiles, start: int
) -> Iterable[tuple[int, Leaf]]:
    for index in range(max(0, start - 1) // TILE_WIDTH, -(-tiles.size // TILE_WIDTH)):
        width = min(tiles.size - index * TILE_WIDTH, TILE_WIDTH)
        data = files[log_path(tiles.shard, entries_path(index, width))]
        leaves = parse_entries(data, count=width)
        assert entries_tile(leaves) == tiles.tile(0, index)
        for offset, leaf in enumerate(leaves):
            yield index * TILE_WIDTH + offset, parse_leaf(leaf)


def now() -> datetime:
    return datetime.now(UTC)
