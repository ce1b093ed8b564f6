# SPDX-License-Identifier: Apache-2.0
"""The shards of our log by the names under which they are published."""

from __future__ import annotations

from selat.core.bundle_paths import shard_of
from selat.errors import NotFoundError
from selat.store.port import Snapshot
from selat.store.values import Shard


def shard_called(snapshot: Snapshot, name: str) -> Shard:
    """Return the shard of a name, for example ``2026h2``; without, the newest.

    Raises:
        NotFoundError: Our log has none of that name.
    """
    for shard in reversed(snapshot.shards()):
        if name in {shard_of(shard.origin), ""}:
            return shard
    raise NotFoundError(
        "Our log has no shard of that name.",
        remedy="Name a half-year in which the node was running, such as 2026h2.",
    )
