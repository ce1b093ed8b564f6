# SPDX-License-Identifier: Apache-2.0
"""Offers against receipts, over all logs at once (checks 9, 11 and 12).

1. A receipt answers the offer whose hash it names, wherever either of them was
   shown: in its own log, or in the other party's hands.
2. Both speak of one message, and of each other.
3. The receipt is not dated before the offer, and not long after it.
4. No offer has two receipts.
5. An offer without receipt is *denied* if the recipient's own log is there and
   has none, else *unanswered*. It is *pending*, and no fault, while nothing that
   was offered later has been answered and the catch-up after an outage may still
   bring the answer.
6. A receipt without offer is *denied* by the sender, or without its offer.
7. The batches that were answered are numbered without a gap, and the receipts of
   each are in the bundle of the node that logged the answer.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

from selat.audit.database import AuditDatabase
from selat.audit.findings import Code, Findings
from selat.audit.leaf_walk import CLOCK_DISORDER_MS_MAX
from selat.audit.own_logs import OwnShard
from selat.audit.trust import Trust

#: Later than this after its offer a receipt is listed, ms.
RECEIPT_LATE_MS: Final = 60 * 60 * 1000
#: How long an outage may last that is caught up, ms: later receipts are a fault,
#: and older offers without one.
CATCH_UP_MS_MAX: Final = 7 * 24 * 60 * 60 * 1000

# Leaves of one batch stand together, offers as well as receipts: in the order of
# the offers both are read nearly in a row. Of an offer that was shown twice the
# first counts, its own log's.
_PAIR: Final = """
INSERT INTO exchange SELECT offer, receipt FROM (
  SELECT o.rowid AS offer, (
    SELECT MIN(r.rowid) FROM leaf AS r WHERE r.kind = 'receipt' AND r.ref = o.hash
  ) AS receipt
  FROM leaf AS o WHERE o.kind = 'offer' AND o.rowid = (
    SELECT MIN(x.rowid) FROM leaf AS x WHERE x.kind = 'offer' AND x.hash = o.hash
  )
) WHERE receipt IS NOT NULL
"""
_AMISS: Final = """
SELECT rl.origin, r.leaf_index, o.leaf_index, r.time_ms - o.time_ms,
  o.message IS NOT r.message OR os.version <> rs.version
    OR os.author <> rs.peer OR os.peer <> rs.author AS differ
FROM exchange CROSS JOIN leaf AS o ON o.rowid = exchange.offer
  CROSS JOIN leaf AS r ON r.rowid = exchange.receipt
  CROSS JOIN shared AS os ON os.id = o.shared
  CROSS JOIN shared AS rs ON rs.id = r.shared
  CROSS JOIN logs AS rl ON rl.id = r.log
WHERE differ OR r.time_ms - o.time_ms NOT BETWEEN ? AND ?
"""
_REPEATED: Final = """
SELECT MAX(logs.origin), MAX(leaf_index), COUNT(DISTINCT hash) FROM leaf
  JOIN logs ON logs.id = leaf.log
WHERE kind = 'receipt' AND ref IN (
  SELECT ref FROM leaf WHERE kind = 'receipt' GROUP BY ref
  HAVING MIN(hash) <> MAX(hash)
) GROUP BY ref
"""
# A log that its own node shows has an end.
_UNANSWERED: Final = """
SELECT o.rowid, logs.origin, o.leaf_index, o.time_ms, shared.author, shared.peer
FROM leaf AS o JOIN logs ON logs.id = o.log JOIN shared ON shared.id = o.shared
WHERE o.kind = 'offer' AND logs.end_size IS NOT NULL AND NOT EXISTS (
  SELECT 1 FROM leaf AS r WHERE r.kind = 'receipt' AND r.ref = o.hash
)
"""
_ANSWERED_LAST: Final = """
SELECT os.author, os.peer, logs.origin, MAX(o.leaf_index)
FROM exchange JOIN leaf AS o ON o.rowid = exchange.offer
  JOIN shared AS os ON os.id = o.shared JOIN logs ON logs.id = o.log
GROUP BY os.author, os.peer, logs.origin
"""
_WITHOUT_OFFER: Final = """
SELECT r.rowid, logs.origin, r.leaf_index, r.time_ms, shared.author, shared.peer,
  logs.end_size IS NOT NULL, r.message, shared.version
FROM leaf AS r JOIN logs ON logs.id = r.log JOIN shared ON shared.id = r.shared
WHERE r.kind = 'receipt' AND NOT EXISTS (
  SELECT 1 FROM leaf AS o WHERE o.kind = 'offer' AND o.hash = r.ref
)
"""
_SAME_MESSAGE: Final = """
SELECT MIN(o.leaf_index) FROM leaf AS o JOIN shared AS s ON s.id = o.shared
WHERE o.message = ? AND o.kind = 'offer' AND s.version = ? AND s.author = ?
  AND s.peer = ?
"""
_SEQUENCES: Final = """
SELECT node, peer, origin, leaf_index, sequence,
  LAG(sequence, 1, -1) OVER (PARTITION BY node, peer ORDER BY sequence)
FROM (
  SELECT DISTINCT logs.node, p.peer, logs.origin, p.leaf_index, p.sequence
  FROM peer_checkpoints AS p JOIN logs ON logs.id = p.log
)
"""
_NOT_SHOWN: Final = """
SELECT logs.origin, p.leaf_index, p.peer, p.sequence
FROM peer_checkpoints AS p JOIN logs ON logs.id = p.log
WHERE NOT EXISTS (
  SELECT 1 FROM ranges JOIN logs AS held ON held.id = ranges.log
  WHERE ranges.direction = 'out' AND ranges.sequence = p.sequence
    AND held.node = p.peer AND held.bundle = logs.bundle
)
"""


class Exchanges:
    """Pairs everything that was shown.

    Args:
        database: Where the leaves are.
        trust: Whom the auditor pinned.
        findings: Where to say what is wrong.
        shards: The logs that were shown by their own nodes, oldest first.
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
        self._examined: Final = frozenset(trust.roots)
        self._findings: Final = findings
        #: Until when a node's log is shown, ms.
        self._until: Final[dict[str, int]] = {}
        #: Nodes whose log is shown from its beginning.
        self._begun: Final[set[str]] = set()
        for shard in shards:
            last_ms = shard.leaves.last_ms or 0
            self._until[shard.node] = max(self._until.get(shard.node, 0), last_ms)
            opened = shard.leaves.opened
            if opened is not None and not opened.previous:
                self._begun.add(shard.node)

    def verify(self) -> None:
        """Pair offers and receipts, and say what is wrong."""
        for sql in (
            "CREATE INDEX leaf_hash ON leaf (hash) WHERE kind = 'offer'",
            "CREATE INDEX leaf_ref ON leaf (ref, hash) WHERE kind = 'receipt'",
            "CREATE INDEX range_sequence ON ranges (sequence, direction)",
            _PAIR,
        ):
            self._database.db.execute(sql)
        self._amiss()
        self._repeated()
        self._unanswered()
        self._without_offer()
        self._sequences()
        self._not_shown()

    def _amiss(self) -> None:
        """Look at every pair."""
        bounds = (-CLOCK_DISORDER_MS_MAX, RECEIPT_LATE_MS)
        for origin, index, offer, after_ms, differ in self._rows(_AMISS, bounds):
            if differ:
                self._add(
                    Code.RECEIPT_DIFFERS,
                    origin,
                    index,
                    f"The receipt names the hash of the offer at {offer} and speaks "
                    "of another message or other nodes.",
                )
                continue
            seconds = abs(after_ms) // 1000
            if after_ms < 0:
                code, what = Code.RECEIPT_BEFORE_OFFER, f"{seconds} s before"
            elif after_ms > CATCH_UP_MS_MAX:
                code, what = Code.RECEIPT_OVERDUE, f"{seconds} s after"
            else:
                code, what = Code.RECEIPT_LATE, f"{seconds} s after"
            self._add(code, origin, index, f"The receipt is dated {what} its offer.")

    def _repeated(self) -> None:
        for origin, index, count in self._rows(_REPEATED):
            self._add(
                Code.RECEIPT_REPEATED,
                origin,
                index,
                f"One offer has {count} receipts that differ.",
            )

    def _unanswered(self) -> None:
        last: dict[tuple[str, str], tuple[str, int]] | None = None
        for number, origin, index, time_ms, author, peer in self._rows(_UNANSWERED):
            if peer not in self._examined:
                continue
            if last is None:
                last = self._answered_last()
            overtaken = last.get((author, peer), ("", -1)) > (origin, index)
            old = time_ms < self._until[author] - CATCH_UP_MS_MAX
            if not overtaken and not old:
                code, what = Code.OFFER_PENDING, "is not answered yet"
            elif self._until.get(peer, -1) >= time_ms:
                code, what = Code.OFFER_DENIED, "is not in the log of the recipient"
            else:
                code, what = Code.OFFER_UNANSWERED, "has no receipt"
            self._unmatched(number, code)
            self._add(code, origin, index, f"The offer to {peer} {what}.")

    def _answered_last(self) -> dict[tuple[str, str], tuple[str, int]]:
        """Return where the last answered offer stands, by sender and recipient."""
        last: dict[tuple[str, str], tuple[str, int]] = {}
        for author, peer, origin, index in self._rows(_ANSWERED_LAST):
            pair = (author, peer)
            last[pair] = max(last.get(pair, ("", -1)), (origin, index))
        return last

    def _without_offer(self) -> None:
        for row in self._rows(_WITHOUT_OFFER):
            number, origin, index, time_ms, author, sender, is_own, *message = row
            if sender not in self._examined:
                continue
            offer = self._same_message(*message, sender, author)
            if offer is not None:
                code = Code.RECEIPT_DIFFERS
                what = f"names another offer than the one at {offer} for its message"
            elif not is_own and sender not in self._begun:
                continue  # of an offer before the period
            elif self._until.get(sender, -1) >= time_ms - CLOCK_DISORDER_MS_MAX:
                code, what = Code.RECEIPT_DENIED, f"is of no offer in {sender}'s log"
            else:
                code, what = Code.RECEIPT_WITHOUT_OFFER, "is there without its offer"
            self._unmatched(number, code)
            self._add(code, origin, index, f"The receipt of {author} {what}.")

    def _same_message(self, *values: str | int) -> int | None:
        """Return the index of an offer of a message, a version, and two nodes."""
        self._database.index_messages()
        ((index,),) = self._rows(_SAME_MESSAGE, values)
        return None if index is None else int(index)

    def _sequences(self) -> None:
        for node, peer, origin, index, sequence, before in self._rows(_SEQUENCES):
            if before == sequence:
                self._add(
                    Code.SEQUENCE_REPEATED,
                    origin,
                    index,
                    f"Batch {sequence} to {peer} was answered twice.",
                )
                continue
            begins = before < 0 and node in self._begun
            expected = 1 if begins else before + 1
            if (before >= 0 or begins) and sequence != expected:
                missing = f"{expected} to {sequence - 1}"
                self._add(
                    Code.SEQUENCE_GAP,
                    origin,
                    index,
                    f"No answer to batch {missing} to {peer} was logged.",
                )

    def _not_shown(self) -> None:
        for origin, index, peer, sequence in self._rows(_NOT_SHOWN):
            if peer in self._examined:
                self._add(
                    Code.RANGE_MISSING,
                    origin,
                    index,
                    f"The answer of {peer} to batch {sequence} was logged, and its "
                    "receipts are not in the bundle.",
                )

    def _rows(self, sql: str, parameters: Sequence[str | int] = ()) -> Iterator[Any]:
        return self._database.rows(sql, parameters)

    def _unmatched(self, number: int, code: Code) -> None:
        self._database.insert("unmatched", [(number, code.value)])

    def _add(self, code: Code, origin: str, index: int, message: str) -> None:
        self._findings.add(code, origin, message, index=index)
