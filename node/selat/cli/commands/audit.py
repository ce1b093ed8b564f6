# SPDX-License-Identifier: Apache-2.0
"""``selat audit``: what auditors are given, and how they verify it."""

from __future__ import annotations

from selat.cli.command import command, group
from selat.cli.commands.audit_export import export
from selat.cli.commands.audit_policy import policy
from selat.cli.commands.audit_tiles import tiles
from selat.cli.commands.audit_timestamps import (
    timestamp_add_command,
    timestamp_query_command,
)
from selat.cli.commands.audit_verify import verify

app = group("Write what auditors verify, and verify it.")
command(app, "export")(export)
command(app, "tiles")(tiles)
command(app, "policy")(policy)
command(app, "timestamp-query")(timestamp_query_command)
command(app, "timestamp-add")(timestamp_add_command)
command(app, "verify")(verify)
