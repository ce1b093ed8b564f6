# SPDX-License-Identifier: Apache-2.0
"""Whether a log is the same for everybody (checks 13 and 14).

1. Of all states of a log that anybody shows, no two have one size and two roots.
2. If its own node shows the log, each root is the one that its tiles had.
3. So are the roots that other nodes logged in their `peer-checkpoint` leaves.
4. Nobody shows a state that a node must have reached within its bundle's period
   and that the bundle does not reach: it would be an old one.
5. Whoever took part in an exchange is pinned, or left out on purpose.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import Any, Final

from selat.audit.database import AuditDatabase
from selat.audit.findings import Code, Findings
from selat.audit.leaf_walk import CLOCK_DISORDER_MS_MAX
from selat.audit.own_logs import OwnShard
from selat.audit.peer_ranges import ShownState
from selat.audit.trust import Trust
from selat.core.tiles import roots_at
from selat.core.times import rfc3339

_LOGGED: Final = """
SELECT p.origin, p.size, p.root, logs.origin, MAX(p.time_ms)
FROM peer_checkpoints AS p JOIN logs ON logs.id = p.log
GROUP BY p.origin, p.size, p.root, logs.origin ORDER BY p.origin, p.size
"""
_PEERS: Final = """
SELECT DISTINCT peer FROM shared WHERE kind IN ('offer', 'receipt') ORDER BY peer
"""
_WITH_PEER: Final = """
SELECT COUNT(*) FROM leaf JOIN shared ON shared.id = leaf.shared
WHERE leaf.kind IN ('offer', 'receipt') AND shared.peer = ?
"""


class Comparison:
    """Compares what different parties show of one log.

    Args:
        database: Where the leaves are.
        trust: Whom the auditor pinned.
        findings: Where to say what is wrong.
        shards: The logs that their own nodes show.
    """

    def __init__(
        self,
        database: AuditDatabase,
        trust: Trust,
        findings: Findings,
        shards: Sequence[OwnShard],
    ) -> None:
        """Take what is needed."""
        self._database: Final = database
        self._trust: Final = trust
        self._findings: Final = findings
        #: Origins of logs of which an old state was said to be the newest.
        self._old: Final[set[str]] = set()
        #: The longest of each log whose tiles lead to a signed root.
        self._shards: Final[dict[str, OwnShard]] = {}
        for shard in sorted(shards, key=lambda each: each.period.end_size):
            if shard.files is not None:
                self._shards[shard.period.origin] = shard

    def verify(self, states: Iterable[ShownState]) -> None:
        """Compare the states that were shown, and those that were logged."""
        shown = sorted(states, key=lambda each: (each.origin, each.size))
        self._equal_sizes(shown)
        self._against_tiles(shown, Code.LOG_FORKED)
        logged = list(self._logged())
        self._against_tiles(logged, Code.PEER_CHECKPOINT_DIFFERS)
        self._against_notes(logged, shown)
        self._pinned()

    def _logged(self) -> Iterator[ShownState]:
        for origin, size, root, log, time_ms in self._rows(_LOGGED):
            yield ShownState(
                origin=origin,
                size=size,
                root=bytes.fromhex(root),
                shown_by=log,
                newest_ms=time_ms,
            )

    def _equal_sizes(self, shown: Sequence[ShownState]) -> None:
        """Step 1."""
        for (origin, size), group in groupby(
            shown, key=lambda each: (each.origin, each.size)
        ):
            roots = {each.root: each.shown_by for each in group}
            if len(roots) > 1:
                self._findings.add(
                    Code.LOG_FORKED,
                    origin,
                    f"Two roots are signed for {size} leaves: one is shown by "
                    f"{' and another by '.join(sorted(roots.values()))}.",
                )

    def _against_tiles(self, states: Sequence[ShownState], code: Code) -> None:
        """Steps 2 to 4."""
        for origin, group in groupby(states, key=lambda each: each.origin):
            shard = self._shards.get(origin)
            if shard is None or shard.files is None:
                continue
            within = []
            for state in group:
                if state.size > shard.period.end_size:
                    self._beyond(state, shard)
                elif state.size:
                    within.append(state)
            roots = roots_at([each.size for each in within], shard.files)
            for state, root in zip(within, roots, strict=True):
                if state.root != root:
                    self._findings.add(
                        code,
                        origin,
                        f"{state.shown_by} shows another log of {state.size} leaves "
                        f"than {shard.label} does: two histories.",
                    )

    def _against_notes(
        self, logged: Sequence[ShownState], shown: Sequence[ShownState]
    ) -> None:
        """Step 3, for logs that their own nodes do not show."""
        signed = {
            (each.origin, each.size): each.root
            for each in shown
            if each.origin not in self._shards
        }
        alone: Counter[str] = Counter()
        for state in logged:
            if state.origin in self._shards:
                continue
            root = signed.get((state.origin, state.size))
            if root is None:
                alone[state.origin] += 1
            elif root != state.root:
                self._findings.add(
                    Code.PEER_CHECKPOINT_DIFFERS,
                    state.origin,
                    f"{state.shown_by} logged another root for {state.size} leaves "
                    "than the one that is signed.",
                )
        for origin, count in alone.items():
            self._findings.add(
                Code.PEER_CHECKPOINT_ALONE,
                origin,
                f"{count} logged checkpoints could be compared with nothing; a bundle "
                "of that log would show whether they are of it.",
            )

    def _beyond(self, state: ShownState, shard: OwnShard) -> None:
        is_within = 0 < state.newest_ms < shard.to_ms - CLOCK_DISORDER_MS_MAX
        if is_within and state.origin not in self._old:
            self._old.add(state.origin)
            self._findings.add(
                Code.BUNDLE_OLD,
                state.origin,
                f"{shard.label} ends at {shard.period.end_size} leaves and says that "
                f"it reaches {rfc3339(shard.to_ms)}; {state.shown_by} shows "
                f"{state.size} leaves by {rfc3339(state.newest_ms)}.",
            )

    def _pinned(self) -> None:
        """Step 5."""
        for (peer,) in list(self._rows(_PEERS)):
            if peer in self._trust.roots:
                continue
            ((count,),) = self._rows(_WITH_PEER, (peer,))
            if peer in self._trust.unexamined:
                code, what = Code.PEER_NOT_EXAMINED, "are left out of this audit"
            else:
                code, what = Code.PEER_NOT_PINNED, "cannot be verified: pin it"
            self._findings.add(
                code,
                ascii(peer)[1:-1],
                f"{count} offers and receipts with {ascii(peer)[1:-1]} {what}.",
            )

    def _rows(self, sql: str, parameters: Sequence[str] = ()) -> Iterator[Any]:
        return self._database.rows(sql, parameters)
