# SPDX-License-Identifier: Apache-2.0
"""What every check of one bundle works with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from selat.audit.bundle_reader import BundleReader
from selat.audit.database import AuditDatabase
from selat.audit.findings import Findings
from selat.audit.signatures import NoteVerification
from selat.audit.trust import Trust
from selat.core.bundles import Manifest


@dataclass(frozen=True, slots=True, kw_only=True)
class BundleContext:
    """One bundle in the middle of an audit.

    Attributes:
        reader: Its files.
        manifest: What it is of.
        number: Number of its row in the database.
        database: Where leaves go.
        notes: Verifies notes.
        trust: Whom the auditor pinned.
        findings: Where to say what is wrong.
        progress: Told of each number of leaves just read.
    """

    reader: BundleReader
    manifest: Manifest
    number: int
    database: AuditDatabase
    notes: NoteVerification
    trust: Trust
    findings: Findings
    progress: Callable[[int], None]

    @property
    def node(self) -> str:
        """Whose bundle it is."""
        return self.manifest.node

    def subject(self, name: str) -> str:
        """Return what a file is called in reports."""
        return f"{self.reader.label}/{name}"
