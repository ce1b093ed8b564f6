# SPDX-License-Identifier: Apache-2.0
"""What a simulated node holds: its own log, and what it knows of its peers'."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from tests.fakes.simulation.keys import NodeKeys
from tests.fakes.trees import MemoryTree

from selat.core.equivocation import Equivocation
from selat.core.log_states import KnownState, LeafRange, LogState
from selat.core.merkle import EMPTY_ROOT, leaf_hash
from selat.core.notes import sign_note
from selat.core.tiles import consistency_proof, range_proof, root_at
from selat.core.tree_heads import Checkpoint
from selat.errors import EquivocationError


class OwnLog:
    """A node's log: leaves, tiles, and the newest head that was signed."""

    def __init__(self) -> None:
        self.leaves: list[bytes] = []
        self.tree = MemoryTree()
        self._signed: tuple[int, bytes] | None = None
        self._roots = {0: EMPTY_ROOT}

    @property
    def size(self) -> int:
        return len(self.leaves)

    def append(self, leaves: Sequence[bytes]) -> int:
        first = self.size
        self.leaves += leaves
        self.tree.append([leaf_hash(leaf) for leaf in leaves])
        self._roots[self.size] = self.tree.frontier.root()
        return first

    def root(self, size: int) -> bytes:
        if size not in self._roots:
            self._roots[size] = root_at(size, self.tree)
        return self._roots[size]

    def signed(self, keys: NodeKeys) -> bytes:
        """Return the signed checkpoint of the whole log."""
        if self._signed is None or self._signed[0] != self.size:
            head = Checkpoint(
                origin=keys.origin, size=self.size, root=self.tree.frontier.root()
            )
            self._signed = self.size, sign_note(head.text(), keys.signers)
        return self._signed[1]

    def state(self, keys: NodeKeys, old_size: int) -> LogState:
        return LogState(
            checkpoint=self.signed(keys),
            consistency_size=old_size,
            consistency_proof=consistency_proof(old_size, self.size, self.tree),
        )

    def range(self, first: int, count: int) -> LeafRange:
        return LeafRange(
            first_index=first,
            leaves=tuple(self.leaves[first : first + count]),
            proof=range_proof(first, count, self.size, self.tree),
        )


@dataclass(slots=True, kw_only=True)
class Knowledge:
    """What a node knows of one peer's log.

    Attributes:
        tip: The newest state that extends all before it.
        note: Its signed note.
        seen: Root and note of every signed state, by size.
        loose: Sizes of those that nothing joins to the tip yet.
        accused: Why the peer is not believed any more; empty otherwise.
        proof: Two roots of one size, when there are.
    """

    tip: KnownState | None = None
    note: bytes = b""
    seen: dict[int, tuple[bytes, bytes]] = field(default_factory=dict)
    loose: set[int] = field(default_factory=set)
    accused: str = ""
    proof: Equivocation | None = None

    @property
    def size(self) -> int:
        return 0 if self.tip is None else self.tip.size

    def look_at(self, head: Checkpoint, note: bytes) -> None:
        """Compare a signed state with every one that was seen.

        Raises:
            EquivocationError: There is another root for that size.
        """
        root, before = self.seen.setdefault(head.size, (head.root, note))
        if root != head.root:
            raise EquivocationError("Two roots.", first=before, second=note)

    def join(self, head: Checkpoint, note: bytes) -> None:
        """Take a state that was proven to be on the tip's history."""
        self.loose.discard(head.size)
        if self.tip is None or head.size > self.tip.size:
            self.tip = KnownState(origin=head.origin, size=head.size, root=head.root)
            self.note = note


@dataclass(slots=True, kw_only=True)
class Batch:
    """Offers on their way to a peer, or that came from one."""

    sequence: int
    first: int
    count: int
    leaves: tuple[bytes, ...] = ()


@dataclass(slots=True, kw_only=True)
class Way:
    """What goes to one peer, and what came from it."""

    knowledge: Knowledge = field(default_factory=Knowledge)
    outbox: deque[Batch] = field(default_factory=deque)
    formed: int = 0
    receipts: dict[int, Batch] = field(default_factory=dict)
    #: Size of our log that the peer has cosigned.
    cosigned: int = 0
    #: Newest size at which we cosigned the peer's log.
    witnessed: int = 0

    @property
    def accepted(self) -> int:
        return len(self.receipts)


@dataclass(slots=True, kw_only=True)
class Database:
    """All that a node keeps; a backup is a copy of it."""

    log: OwnLog
    ways: dict[str, Way]
