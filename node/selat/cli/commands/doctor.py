# SPDX-License-Identifier: Apache-2.0
"""``selat doctor``: examine the installation."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

import typer

from selat.cli.command import command, group
from selat.cli.context import Context
from selat.cli.display import counted
from selat.cli.exits import ExitCode
from selat.cli.output import Output, styled
from selat.errors import SelatError
from selat.node.doctor import examine
from selat.node.findings import Finding, Level, failed

app = group("Examine this installation and say what to mend.")

_SIGNS: Final = {Level.OK: "✓", Level.WARN: "!", Level.FAIL: "✗"}


@command(app, "doctor")
async def doctor(context: Context) -> None:
    """Examine this installation and say what to mend.

    Nothing is changed; the node may run meanwhile. With a passphrase file the
    keys are examined too. The exit code is 6 when something must be mended.
    """
    context.require_local("doctor")
    output = context.output
    findings: list[Finding] = []
    passphrase: bytes | None = None
    if context.has_passphrase():
        try:
            passphrase = context.passphrase()
        except SelatError as error:
            findings.append(failed("passphrase", error))
    with output.progress("examining") as advance:
        for finding in examine(
            context.home, passphrase=passphrase, now=datetime.now(UTC)
        ):
            findings.append(finding)
            advance(1)
    _report(output, findings)
    if any(finding.level is Level.FAIL for finding in findings):
        raise typer.Exit(ExitCode.INSTALLATION)


def _report(output: Output, findings: Sequence[Finding]) -> None:
    failures = sum(finding.level is Level.FAIL for finding in findings)
    warnings = sum(finding.level is Level.WARN for finding in findings)
    if output.as_json:
        output.document(
            {
                "ok": not failures,
                "failures": failures,
                "warnings": warnings,
                "findings": [
                    {
                        "check": finding.check,
                        "level": finding.level.value,
                        "message": finding.message,
                        "remedy": finding.remedy,
                    }
                    for finding in findings
                ],
            }
        )
        return
    for finding in findings:
        sign = styled(_SIGNS[finding.level], finding.level.value)
        output.fields([(finding.check.ljust(14), sign.append(f" {finding.message}"))])
        if finding.remedy:
            output.say(f"{'':16}→ {finding.remedy}")
    output.blank()
    if failures:
        output.say(f"{counted(failures, 'thing')} must be mended.", style="fail")
    elif warnings:
        output.say(f"It works; {counted(warnings, 'thing')} to look at.", style="warn")
    else:
        output.say("All is well.", style="ok")
