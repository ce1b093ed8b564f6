# SPDX-License-Identifier: Apache-2.0
"""The logs of the node that a bundle is of (checks 3 to 6).

For each shard, oldest first:

1. The tree follows from its files (`selat.audit.trees`), and its leaves are
   read (`selat.audit.leaf_walk`).
2. The note at its end is signed, is of the size that the manifest says, and its
   root is the one that the tiles lead to.
3. Pinned witnesses cosigned that note.
4. Each other note of the shard is signed, and its root is the one that the same
   tiles had at that size.

Whether the shards follow each other and fill the period is judged in
`selat.audit.periods`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from selat.audit.context import BundleContext
from selat.audit.findings import Code
from selat.audit.leaf_walk import LeafWalk, ShardLeaves
from selat.audit.signatures import Cosigned
from selat.audit.trees import TreeFiles, TreeWalk
from selat.core.bundle_paths import FileKind, checkpoint_path
from selat.core.bundles import ShardPeriod
from selat.core.checkpoints import Checkpoint
from selat.core.notes import NOTE_BYTES_MAX
from selat.core.tiles import roots_at
from selat.core.times import rfc3339


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnShard:
    """A shard as its own node shows it.

    Attributes:
        node: Whose log.
        label: The bundle.
        number: Number of its row.
        period: The shard, and which part of it.
        leaves: What was learnt of its leaves.
        files: Its tiles; None unless they lead to a signed root.
        checkpoint: The checkpoint at its end; None unless it is signed.
        to_ms: End of the bundle's period, or when it was written.
        cosigned: Who cosigned its end.
    """

    node: str
    label: str
    number: int
    period: ShardPeriod
    leaves: ShardLeaves
    files: TreeFiles | None
    checkpoint: Checkpoint | None
    to_ms: int
    cosigned: tuple[Cosigned, ...]


class OwnLogs:
    """Verifies the logs of one bundle.

    Args:
        context: The bundle.
    """

    def __init__(self, context: BundleContext) -> None:
        """Start before the first shard."""
        self._context: Final = context
        self._reader: Final = context.reader
        self._manifest: Final = context.manifest
        self._database: Final = context.database
        self._findings: Final = context.findings
        self._walk: Final = LeafWalk(context.node, context.database, context.findings)

    @property
    def cards(self) -> dict[int, bytes]:
        """Digests of the node's cards that were logged, by their number."""
        return self._walk.cards

    def verify(self) -> tuple[OwnShard, ...]:
        """Verify every shard; return what is known of each."""
        shards = [self._shard(period) for period in self._manifest.shards]
        self._walk.flush()
        self._check_names()
        return tuple(shards)

    def _shard(self, period: ShardPeriod) -> OwnShard:
        sizes = self._other_sizes(period)
        asked = frozenset(size - 1 for size in sizes)
        number = self._database.add(
            "logs",
            self._context.number,
            self._manifest.node,
            period.origin,
            period.start_size,
            period.end_size,
            "",
        )
        leaves = ShardLeaves(period=period, log=number)
        self._walk.begin(leaves)
        tree = TreeWalk(self._reader, period, self._findings)
        for block in tree:
            self._walk.take(block, asked)
            self._context.progress(len(block.leaves))
        checkpoint, cosigned = self._end(period, leaves)
        is_proven = checkpoint is not None and self._leads_to_root(tree, checkpoint)
        self._others(period, sizes, leaves, tree.files if is_proven else None)
        return OwnShard(
            node=self._manifest.node,
            label=self._reader.label,
            number=number,
            period=period,
            leaves=leaves,
            files=tree.files if is_proven else None,
            checkpoint=checkpoint,
            to_ms=min(self._manifest.to_ms, self._manifest.created_ms),
            cosigned=tuple(cosigned),
        )

    def _end(
        self, period: ShardPeriod, leaves: ShardLeaves
    ) -> tuple[Checkpoint | None, list[Cosigned]]:
        """Steps 2 and 3."""
        found = self._note(checkpoint_path(period.shard), period, leaves.last_ms)
        if found is None:
            return None, []
        checkpoint, cosigned = found
        self._context.notes.quorum(cosigned, subject=period.origin)
        if checkpoint.size != period.end_size:
            self._findings.add(
                Code.CHECKPOINT_MISPLACED,
                period.origin,
                f"The checkpoint at the end is of {checkpoint.size} leaves; the "
                f"bundle says that it is of {period.end_size}.",
            )
            return None, cosigned
        self._database.db.execute(
            "UPDATE logs SET root = ? WHERE id = ?",
            [checkpoint.root.hex(), leaves.log],
        )
        return checkpoint, cosigned

    def _leads_to_root(self, tree: TreeWalk, checkpoint: Checkpoint) -> bool:
        if tree.is_whole and tree.root != checkpoint.root:
            self._findings.add(
                Code.ROOT_DIFFERS,
                checkpoint.origin,
                f"The tiles do not lead to the root that is signed for "
                f"{checkpoint.size} leaves.",
            )
        return tree.is_whole and tree.root == checkpoint.root

    def _others(
        self,
        period: ShardPeriod,
        sizes: Sequence[int],
        leaves: ShardLeaves,
        files: TreeFiles | None,
    ) -> None:
        """Step 4."""
        signed = []
        for size in sizes:
            name = checkpoint_path(period.shard, size)
            found = self._note(name, period, leaves.times.get(size - 1))
            if found is None:
                continue
            if found[0].size != size or size > period.end_size:
                self._findings.add(
                    Code.CHECKPOINT_MISPLACED,
                    period.origin,
                    f"The checkpoint called {name} is of {found[0].size} leaves.",
                )
            elif files is not None and size:
                signed.append(found[0])
        if files is None:
            return
        roots = roots_at([each.size for each in signed], files)
        for checkpoint, root in zip(signed, roots, strict=True):
            if checkpoint.root != root:
                self._findings.add(
                    Code.CHECKPOINT_INCONSISTENT,
                    period.origin,
                    f"The checkpoint of {checkpoint.size} leaves is signed for "
                    "another tree than the one at the end.",
                )

    def _note(
        self, name: str, period: ShardPeriod, at_ms: int | None
    ) -> tuple[Checkpoint, list[Cosigned]] | None:
        data = self._reader.read(name, bytes_max=NOTE_BYTES_MAX)
        if data is None:
            return None
        subject, notes = self._context.subject(name), self._context.notes
        node = self._context.node
        checkpoint = notes.checkpoint(
            data, node=node, origin=period.origin, subject=subject, at_ms=at_ms
        )
        if checkpoint is None:
            return None
        cosigned = notes.cosigners(data, owner=node, subject=subject)
        number = self._database.add(
            "checkpoints",
            self._context.number,
            period.origin,
            checkpoint.size,
            checkpoint.root.hex(),
            name,
        )
        self._database.insert(
            "cosignatures",
            [(number, each.node, rfc3339(each.time_ms)) for each in cosigned],
        )
        return checkpoint, cosigned

    def _other_sizes(self, period: ShardPeriod) -> list[int]:
        return sorted(
            path.size
            for path in self._reader.paths.values()
            if path.kind is FileKind.CHECKPOINT
            and path.shard == period.shard
            and path.size is not None
        )

    def _check_names(self) -> None:
        """Refuse logs that the manifest does not name."""
        named = {period.shard for period in self._manifest.shards}
        for name, path in sorted(self._reader.paths.items()):
            if path.kind in {FileKind.CHECKPOINT, FileKind.TILE} and (
                path.shard not in named
            ):
                self._findings.add(
                    Code.FILE_UNEXPECTED,
                    self._context.subject(name),
                    f"{name} is of a shard that the bundle does not name.",
                )
