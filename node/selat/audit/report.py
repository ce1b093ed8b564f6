# SPDX-License-Identifier: Apache-2.0
"""What an audit came to, for programs: one JSON document of a stable form."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from selat.audit.auditing import Audit, AuditedBundle, Work
from selat.audit.database import AuditDatabase
from selat.audit.evidence import EvidencePart, VerifiedEvidence
from selat.audit.findings import Check, Code, Finding
from selat.core.times import rfc3339

#: Version of the document; members are only ever added to it.
VERSION: Final = 1
#: Exchanges that only one side logged, of which the document names each; the
#: database has all of them.
ONE_SIDED_MAX: Final = 10_000

#: What is counted for each listing: names and columns of it, and which leaves.
_LISTINGS: Final[Mapping[str, tuple[Mapping[str, str], str]]] = {
    "leaves": ({"node": "author", "kind": "kind"}, "is_own"),
    "exchanges": (
        {
            "sender": "peer",
            "recipient": "author",
            "outcome": "outcome",
            "reason": "reason",
        },
        "answers > 0",
    ),
    "withheld": (
        {
            "sender": "author",
            "recipient": "peer",
            "kind": "kind",
            "category": "category",
        },
        "kind IN ('withhold', 'hold')",
    ),
    "reviews": (
        {"node": "author", "peer": "peer", "act": "act", "reason": "reason"},
        "kind = 'review'",
    ),
    "erasures": ({"node": "author", "reason": "reason"}, "kind = 'erase'"),
}
# What leaves share is counted once; every listing is made of that.
_TALLY: Final = """
CREATE TEMP TABLE tally AS
SELECT shared.*, counts.is_own, counts.leaves, counts.answers FROM (
  SELECT leaf.shared AS number, logs.end_size IS NOT NULL AS is_own,
    COUNT(*) AS leaves, 0 AS answers
  FROM leaf JOIN logs ON logs.id = leaf.log GROUP BY leaf.shared, is_own
  UNION ALL
  SELECT leaf.shared, 0, 0, COUNT(*)
  FROM exchange JOIN leaf ON leaf.rowid = exchange.receipt GROUP BY leaf.shared
) AS counts JOIN shared ON shared.id = counts.number
"""
_ONE_SIDED: Final = f"""
SELECT unmatched.code, logs.origin, leaf.leaf_index, leaf.kind, leaf.message,
  s.version, s.author, s.peer
FROM unmatched JOIN leaf ON leaf.rowid = unmatched.leaf
  JOIN logs ON logs.id = leaf.log JOIN shared AS s ON s.id = leaf.shared
LIMIT {ONE_SIDED_MAX}
"""  # noqa: S608 - a number of ours
_ONE_SIDED_COLUMNS: Final = (
    "code",
    "origin",
    "index",
    "kind",
    "message",
    "version",
    "author",
    "peer",
)


def _listings(database: AuditDatabase) -> dict[str, list[dict[str, Any]]]:
    """Return counts of what happened, by name."""
    database.db.execute(_TALLY)
    found = {}
    for name, (columns, where) in _LISTINGS.items():
        chosen = ", ".join(columns.values())
        counted = "answers" if name == "exchanges" else "leaves"
        sql = (
            f"SELECT {chosen}, SUM({counted}) FROM tally "  # noqa: S608 - ours
            f"WHERE {where} AND {counted} > 0 GROUP BY {chosen} ORDER BY {chosen}"
        )
        found[name] = [
            dict(zip((*columns, "count"), row, strict=True))
            for row in database.rows(sql)
        ]
    return found


def report(result: Audit, database: AuditDatabase) -> dict[str, Any]:
    """Return the whole document."""
    one_sided = [
        dict(zip(_ONE_SIDED_COLUMNS, row, strict=True))
        for row in database.rows(_ONE_SIDED)
    ]
    counts = {code.value: result.findings.count(code) for code in Code}
    return {
        "version": VERSION,
        "verdict": "verified" if result.holds else "failed",
        "failures": result.findings.failures,
        "bundles": [_bundle(each) for each in result.bundles],
        "evidence": [_evidence(each) for each in result.evidence],
        "checks": [_check(check, result) for check in Check],
        "findings": [_finding(each) for each in result.findings],
        "finding_counts": {code: count for code, count in counts.items() if count},
        "one_sided": one_sided,
        "listings": _listings(database),
        "work": _work(result.work),
    }


def _bundle(bundle: AuditedBundle) -> dict[str, object]:
    manifest = bundle.manifest
    return {
        "label": bundle.label,
        "node": manifest.node,
        "from": rfc3339(manifest.from_ms),
        "to": rfc3339(manifest.to_ms),
        "created": rfc3339(manifest.created_ms),
        "shards": [
            {
                "origin": shard.period.origin,
                "start_size": shard.period.start_size,
                "end_size": shard.period.end_size,
                "root": None
                if shard.checkpoint is None
                else shard.checkpoint.root.hex(),
                "proven": shard.files is not None,
                "cosigned_by": [
                    {"node": each.node, "time": rfc3339(each.time_ms)}
                    for each in shard.cosigned
                ],
            }
            for shard in bundle.shards
        ],
    }


def _evidence(evidence: VerifiedEvidence) -> dict[str, object]:
    return {
        "label": evidence.label,
        "message": evidence.message,
        "version": evidence.version,
        "sender": evidence.sender,
        "recipient": evidence.recipient,
        "outcome": evidence.outcome,
        "reason": evidence.reason,
        "offer": _part(evidence.offer),
        "receipt": _part(evidence.receipt),
    }


def _part(part: EvidencePart) -> dict[str, object]:
    return {"origin": part.origin, "index": part.index, "time": rfc3339(part.time_ms)}


def _check(check: Check, result: Audit) -> dict[str, object]:
    failures = result.findings.failed(check)
    return {
        "number": int(check),
        "name": check.name,
        "title": check.title,
        "applies": result.applies(check),
        "passed": not failures,
        "failures": failures,
    }


def _finding(finding: Finding) -> dict[str, object]:
    return {
        "code": finding.code.value,
        "check": finding.code.check.name,
        "failure": finding.code.is_failure,
        "subject": finding.subject,
        "index": finding.index,
        "message": finding.message,
    }


def _work(work: Work) -> dict[str, object]:
    return {
        "leaves": work.leaves,
        "leaf_seconds": round(work.leaf_seconds, 3),
        "leaves_per_second": per_second(work.leaves, work.leaf_seconds),
        "peer_leaves": work.peer_leaves,
        "peer_seconds": round(work.peer_seconds, 3),
        "pair_seconds": round(work.pair_seconds, 3),
        "database_seconds": round(work.database_seconds, 3),
        "signatures": {
            kind.name: count for kind, count in sorted(work.signatures.counts.items())
        },
        "signature_seconds": round(work.signatures.seconds, 3),
    }


def per_second(count: int, seconds: float) -> int:
    """Return a rate, rounded; 0 where no time was measured."""
    return round(count / seconds) if seconds else 0
