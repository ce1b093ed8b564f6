# SPDX-License-Identifier: Apache-2.0
"""The leaves of one node's log, in their order (checks 8 to 10).

1. Each is the canonical form of a known kind, and the node is its author.
2. `open` is the first of its shard and nowhere else; nothing follows `close`.
3. Times go forward, but for what clocks and concurrent decisions may differ.
4. Each decision names a policy set that a leaf before it brought into force. Of
   a log that is not shown from its beginning, the set that was in force before
   is taken from its first use.

What is fit for counting goes into the database; nothing is kept in memory but
what is expected next.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from selat.audit.database import ROWS_AT_ONCE, AuditDatabase
from selat.audit.findings import Code, Findings
from selat.audit.shared_parts import SharedPart, leaf_scanner
from selat.audit.trees import LeafBlock
from selat.core.batches import CLOCK_SKEW_MS_MAX
from selat.core.bundles import ShardPeriod
from selat.core.leaves import (
    CardLeaf,
    PeerCheckpointLeaf,
    PolicyLeaf,
    parse_leaf,
)
from selat.core.merkle import HASH_BYTES
from selat.core.shard_leaves import CloseLeaf, OpenLeaf
from selat.core.times import rfc3339
from selat.errors import SelatError

#: How far a leaf may be dated before an earlier one, ms.
CLOCK_DISORDER_MS_MAX: Final = CLOCK_SKEW_MS_MAX


@dataclass(slots=True)
class ShardLeaves:
    """What was learnt of the leaves of one shard.

    Attributes:
        period: The shard, and which part of it.
        log: Number of its row.
        before_ms: Time of the leaf before the period, if it was shown.
        last_ms: Time of the newest leaf that was shown.
        times: Times of the leaves that were asked for, by index.
        opened: The leaf that opens the shard, if it was shown.
        closed: The leaf that closes it, if it was closed.
        count: How many leaves were read.
    """

    period: ShardPeriod
    log: int
    before_ms: int | None = None
    last_ms: int | None = None
    times: dict[int, int] = field(default_factory=dict)
    opened: OpenLeaf | None = None
    closed: CloseLeaf | None = None
    count: int = 0


class LeafWalk:
    """Reads the leaves of one node's log, shard after shard.

    Args:
        node: The node.
        database: Where leaves go.
        findings: Where to say what is wrong.

    Attributes:
        cards: Digests of the node's cards that were logged, by their number;
            the last leaf counts.
    """

    def __init__(self, node: str, database: AuditDatabase, findings: Findings) -> None:
        """Start before the first leaf."""
        self.cards: Final[dict[int, bytes]] = {}
        self._node: Final = node
        self._database: Final = database
        self._findings: Final = findings
        self._scanner: Final = leaf_scanner(database)
        self._rows: Final[list[tuple[object, ...]]] = []
        self._latest_ms = 0
        self._policies: Final = {""}
        self._may_be_from_before = True
        self._shard: ShardLeaves

    def begin(self, shard: ShardLeaves) -> None:
        """Go on with the leaves of a shard."""
        self._shard = shard

    def take(self, block: LeafBlock, asked: frozenset[int]) -> None:
        """Read leaves that stand in the tree.

        Args:
            block: The leaves.
            asked: Indices of leaves whose times are wanted.
        """
        shard, rows, scan = self._shard, self._rows, self._scanner.scan
        start, log = shard.period.start_size, shard.log
        policies, node, hashes = self._policies, self._node, block.hashes
        latest_ms = self._latest_ms
        for place, data in enumerate(block.leaves):
            index = block.first + place
            try:
                shared, time_ms, own = scan(data)
            except SelatError as error:
                self._add(Code.LEAF_MALFORMED, index, error.message)
                continue
            if index in asked:
                shard.times[index] = time_ms
            if index < start:
                shard.before_ms = time_ms
                continue
            if time_ms >= latest_ms:
                latest_ms = time_ms
            elif time_ms < latest_ms - CLOCK_DISORDER_MS_MAX:
                self._disorder(index, time_ms, latest_ms)
            if (
                shared.is_structural
                or shared.author != node
                or shared.policy not in policies
            ):
                self._look_closer(index, shared, data)
            message, reference = shared.values(own)
            first = place * HASH_BYTES
            rows.append(
                (
                    log,
                    index,
                    shared.kind,
                    time_ms,
                    hashes[first : first + HASH_BYTES],
                    message,
                    reference,
                    shared.number,
                )
            )
            shard.last_ms = time_ms
        self._latest_ms = latest_ms
        shard.count += len(block.leaves)
        if len(rows) >= ROWS_AT_ONCE:
            self.flush()

    def flush(self) -> None:
        """Write the rows that wait."""
        self._database.insert("leaf", self._rows)
        self._rows.clear()

    def _look_closer(self, index: int, shared: SharedPart, data: bytes) -> None:
        if shared.author != self._node:
            self._add(
                Code.LEAF_OF_ANOTHER_NODE,
                index,
                f"The author of the leaf is {ascii(shared.author)[1:-1]}.",
            )
        if shared.policy not in self._policies:
            self._unknown_policy(index, shared.policy)
        if not shared.is_structural:
            return
        leaf = parse_leaf(data)
        match leaf:
            case PeerCheckpointLeaf():
                self._peer_checkpoint(index, leaf)
            case PolicyLeaf():
                self._policy(index, leaf)
            case CardLeaf():
                self.cards[leaf.sequence] = leaf.digest
            case OpenLeaf():
                self._open(index, leaf)
            case CloseLeaf():
                self._close(index, leaf)
            case _:
                raise AssertionError(f"{leaf.kind} is no kind to look at")

    def _close(self, index: int, leaf: CloseLeaf) -> None:
        period = self._shard.period
        if index == period.end_size - 1 and leaf.origin == period.origin:
            self._shard.closed = leaf
            return
        self._add(
            Code.LEAF_MISPLACED,
            index,
            "A leaf that closes a shard is not the last of that shard.",
        )

    def _open(self, index: int, leaf: OpenLeaf) -> None:
        if index or leaf.origin != self._shard.period.origin:
            self._add(
                Code.LEAF_MISPLACED,
                index,
                "A leaf that opens a shard is not the first of that shard.",
            )
            return
        self._shard.opened = leaf
        if not leaf.previous:
            self._may_be_from_before = False  # the log begins here

    def _peer_checkpoint(self, index: int, leaf: PeerCheckpointLeaf) -> None:
        self._database.insert(
            "peer_checkpoints",
            [
                (
                    self._shard.log,
                    index,
                    leaf.time_ms,
                    leaf.peer,
                    leaf.origin,
                    leaf.size,
                    leaf.root.hex(),
                    leaf.sequence,
                )
            ],
        )

    def _policy(self, index: int, leaf: PolicyLeaf) -> None:
        if leaf.previous not in self._policies:
            self._unknown_policy(index, leaf.previous, code=Code.POLICY_BROKEN)
        self._policies.add(leaf.digest)
        self._may_be_from_before = False
        for departure in leaf.departures:
            self._add(
                Code.POLICY_DEPARTURE,
                index,
                f"The policy set {leaf.digest[:16]}… departs from the baseline: "
                f"{ascii(departure)[1:-1]}.",
            )

    def _unknown_policy(
        self, index: int, digest: str, *, code: Code = Code.POLICY_UNKNOWN
    ) -> None:
        self._policies.add(digest)  # one finding for each
        if self._may_be_from_before:
            self._may_be_from_before = False
            self._add(
                Code.POLICY_FROM_BEFORE,
                index,
                f"The policy set {digest[:16]}… was in force before the period.",
            )
            return
        what = (
            "was logged as the one before another, and never itself"
            if code is Code.POLICY_BROKEN
            else "decided, and no leaf before says that it came into force"
        )
        self._add(code, index, f"The policy set {digest[:16]}… {what}.")

    def _disorder(self, index: int, time_ms: int, latest_ms: int) -> None:
        self._add(
            Code.CLOCK_DISORDER,
            index,
            f"The leaf is dated {rfc3339(time_ms)}, after one of "
            f"{rfc3339(latest_ms)}: more than {CLOCK_DISORDER_MS_MAX // 1000} s back.",
        )

    def _add(self, code: Code, index: int, message: str) -> None:
        self._findings.add(code, self._shard.period.origin, message, index=index)
