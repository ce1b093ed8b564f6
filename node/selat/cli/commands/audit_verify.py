# SPDX-License-Identifier: Apache-2.0
"""``selat audit verify``: bundles and evidence files against pinned keys."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from selat.audit.auditing import Audit, audit
from selat.audit.database import open_database
from selat.audit.findings import Check, Finding
from selat.audit.report import per_second, report
from selat.audit.trust import TRUST_BYTES_MAX, parse_trust
from selat.cli.context import Context
from selat.cli.display import counted, moment, number
from selat.cli.exits import ExitCode
from selat.cli.files import read_file
from selat.cli.output import Output
from selat.core.times import utc

#: Findings of one check that are shown; `--json` and the database have more.
_SHOWN: Final = 10


async def verify(
    context: Context,
    bundles: Annotated[
        list[Path],
        typer.Argument(
            metavar="BUNDLE...", help="Bundles, folders or zips, and evidence files."
        ),
    ],
    *,
    trust: Annotated[
        Path, typer.Option(metavar="FILE", help="Whom you pinned, and the quorum.")
    ],
    database: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write an SQLite database to query; new."),
    ] = None,
) -> None:
    """Verify the logs of one or more parties, offline.

    Ends with 0 if all holds, 1 if something does not, and 2 if the input cannot
    be used. No node is needed, no network and nobody's word but the trust file's.
    """
    pinned = parse_trust(read_file(trust, bytes_max=TRUST_BYTES_MAX))
    output = context.output
    with open_database(database) as rows:
        with output.progress("verifying leaves") as progress:
            result = audit(bundles, pinned, rows, progress=progress)
        document = report(result, rows)
        if database is not None:
            rows.finish(result.findings)
    if output.as_json:
        output.document(document)
    else:
        _print(output, result, document["listings"], quorum=pinned.quorum)
        if database is not None:
            output.note(f"Query it with: datasette {database}")
    if not result.holds:
        raise typer.Exit(ExitCode.FAILED)


def _print(
    output: Output,
    result: Audit,
    counts: Mapping[str, Sequence[Mapping[str, Any]]],
    *,
    quorum: int,
) -> None:
    _bundles(output, result)
    found: dict[Check, list[Finding]] = {}
    for each in result.findings:
        found.setdefault(each.code.check, []).append(each)
    for check in Check:
        if result.applies(check):
            _check(output, check, result, found.get(check, []), quorum=quorum)
    output.blank()
    _listings(output, counts)
    _work(output, result)
    failures = result.findings.failures
    if failures:
        output.say(f"NOT VERIFIED: {counted(failures, 'failure')}.", style="fail")
    else:
        output.say("VERIFIED: all of it holds.", style="ok")


def _bundles(output: Output, result: Audit) -> None:
    for bundle in result.bundles:
        manifest = bundle.manifest
        period = f"{moment(utc(manifest.from_ms))} to {moment(utc(manifest.to_ms))}"
        output.say(f"{bundle.label}: {manifest.node}, {period}", style="strong")
        for shard in bundle.shards:
            names = ", ".join(each.node for each in shard.cosigned) or "nobody pinned"
            output.say(
                f"  {shard.period.origin}: leaves {number(shard.period.start_size)} to "
                f"{number(shard.period.end_size)}, cosigned by {names}"
            )
    for evidence in result.evidence:
        output.say(
            f"{evidence.label}: message {evidence.message}, version {evidence.version}",
            style="strong",
        )
        for verb, node, part in (
            ("offered", evidence.sender, evidence.offer),
            (evidence.outcome, evidence.recipient, evidence.receipt),
        ):
            output.say(
                f"  {verb} by {node}, {moment(utc(part.time_ms))}: leaf "
                f"{number(part.index)} of {part.origin}"
            )
    output.blank()


def _check(
    output: Output,
    check: Check,
    result: Audit,
    found: Sequence[Finding],
    *,
    quorum: int,
) -> None:
    failures = result.findings.failed(check)
    title = f"{int(check):>2}  {check.title}"
    if check is Check.WITNESSES:
        title += f" (quorum {quorum})"
    if failures:
        output.say(f"✗ {title}: {counted(failures, 'failure')}", style="fail")
    else:
        output.say(f"✓ {title}", style="ok")
    for each in found[:_SHOWN]:
        place = each.subject if each.index is None else f"{each.subject}, {each.index}"
        style = "" if each.code.is_failure else "quiet"
        output.say(f"      {each.code.value} {place}: {each.message}", style=style)
    total = sum(result.findings.count(code) for code in {each.code for each in found})
    if total > _SHOWN:
        output.say(f"      … {number(total - _SHOWN)} more", style="quiet")


def _listings(
    output: Output, counts: Mapping[str, Sequence[Mapping[str, Any]]]
) -> None:
    for name, rows in counts.items():
        if not rows:
            continue
        columns = list(rows[0])
        output.say(name.capitalize(), style="strong")
        output.table(
            columns,
            [
                [
                    number(row[each]) if each == "count" else row[each]
                    for each in columns
                ]
                for row in rows
            ],
            right=("count",),
        )


def _work(output: Output, result: Audit) -> None:
    work = result.work
    leaves, peers = work.leaves, work.peer_leaves
    rate = number(per_second(leaves, work.leaf_seconds))
    hashing = f"hashing and structure in {work.leaf_seconds:.2f} s ({rate}/s)"
    output.fields(
        [
            ("leaves", f"{number(leaves)}, {hashing}"),
            ("peers' leaves", f"{number(peers)} in {work.peer_seconds:.2f} s"),
            (
                "signatures",
                f"{number(work.signatures.count)} in {work.signatures.seconds:.2f} s",
            ),
            ("pairing", f"{work.pair_seconds:.2f} s"),
            ("database", f"{work.database_seconds:.2f} s"),
            ("cards", number(result.cards)),
        ]
    )
    output.blank()
