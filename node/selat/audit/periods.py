# SPDX-License-Identifier: Apache-2.0
"""Whether shards follow each other and fill the period (checks 7 and 14).

Hand-over:

1. The older shard ends with a `close` leaf that names the next one.
2. The next one begins with an `open` leaf that repeats a checkpoint of the older
   one: signed by its log, of its whole size and its root.

Period:

1. Nothing was left out before: the leaf before the period is dated before it.
2. Nothing was left out after: a leaf that is dated later is in the bundle, or
   something in it is nearly as new as the period's end. An old bundle that is
   presented as a new one shows nothing new.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Final

from selat.audit.context import BundleContext
from selat.audit.findings import Code
from selat.audit.leaf_walk import CLOCK_DISORDER_MS_MAX
from selat.audit.own_logs import OwnShard
from selat.core.checkpoints import Checkpoint
from selat.core.times import rfc3339

#: How much older than the end of the period the newest thing in a bundle may
#: be, ms: witnesses cosign the newest checkpoint many times a day, also while
#: nothing happens.
FRESHNESS_MS_MAX: Final = 24 * 60 * 60 * 1000


class Periods:
    """Judges the shards of one bundle.

    Args:
        context: The bundle.
    """

    def __init__(self, context: BundleContext) -> None:
        """Take what is needed."""
        self._context: Final = context
        self._findings: Final = context.findings

    def verify(self, shards: Sequence[OwnShard]) -> None:
        """Verify hand-overs, begin and end."""
        for before, after in pairwise(shards):
            self._hand_over(before, after)
        self._begin(shards[0])
        self._end(shards[-1])

    def _hand_over(self, before: OwnShard, after: OwnShard) -> None:
        if before.files is None or after.files is None:
            return  # said already, and nothing to go by
        origin, following = before.period.origin, after.period.origin
        closed = before.leaves.closed
        if closed is None or closed.next != following:
            self._broken(origin, f"It does not close in favour of {following}.")
        final = self._previous(after, origin)
        if final is None or before.checkpoint is None:
            return
        expected = before.checkpoint
        if (final.size, final.root) != (expected.size, expected.root):
            self._broken(
                following,
                f"It opens on a checkpoint of {origin} with {final.size} leaves "
                "that is not the final one.",
            )

    def _previous(self, shard: OwnShard, origin: str) -> Checkpoint | None:
        """Return the checkpoint that a shard opens on, if its log signed it."""
        opened = shard.leaves.opened
        if opened is None or not opened.previous:
            self._broken(shard.period.origin, f"It does not open on {origin}.")
            return None
        return self._context.notes.checkpoint(
            opened.previous.encode(),
            node=shard.node,
            origin=origin,
            subject=f"{shard.period.origin}, leaf 0",
            at_ms=opened.time_ms,
        )

    def _begin(self, shard: OwnShard) -> None:
        from_ms, leaves = self._context.manifest.from_ms, shard.leaves
        if shard.period.start_size:
            if leaves.before_ms is not None and leaves.before_ms >= from_ms:
                self._cut(
                    shard,
                    f"The leaf before the period is dated "
                    f"{rfc3339(leaves.before_ms)}, which is in the period.",
                )
            return
        opened = leaves.opened
        if opened is None:
            if shard.files is not None:
                self._broken(shard.period.origin, "Its first leaf does not open it.")
            return
        if opened.previous:
            earlier = opened.previous.partition("\n")[0]
            self._previous(shard, earlier)
            if from_ms < opened.time_ms - CLOCK_DISORDER_MS_MAX:
                self._cut(shard, f"The shard before, {earlier}, is not in the bundle.")

    def _end(self, shard: OwnShard) -> None:
        if shard.files is None or shard.leaves.last_ms is None:
            return
        to_ms, last_ms = shard.to_ms, shard.leaves.last_ms
        closed = shard.leaves.closed
        if closed is not None and last_ms < to_ms:
            self._cut(shard, f"The shard after, {closed.next}, is not in the bundle.")
        newest_ms = max(last_ms, *(each.time_ms for each in shard.cosigned), 0)
        if newest_ms < to_ms - FRESHNESS_MS_MAX:
            self._findings.add(
                Code.BUNDLE_OLD,
                shard.period.origin,
                f"The period ends at {rfc3339(to_ms)}, and nothing in the bundle is "
                f"newer than {rfc3339(newest_ms)}: an old log in the place of the new.",
            )

    def _cut(self, shard: OwnShard, message: str) -> None:
        self._findings.add(Code.PERIOD_CUT, shard.period.origin, message)

    def _broken(self, origin: str, message: str) -> None:
        self._findings.add(Code.HAND_OVER_BROKEN, origin, message)
