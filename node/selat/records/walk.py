# SPDX-License-Identifier: Apache-2.0
"""What one walk over a message finds, and where it stands while it walks."""

from __future__ import annotations

from dataclasses import dataclass

from selat.core.identifiers.findings import CheckWarning
from selat.core.selectors import Selector
from selat.errors import Violation

MAX_VIOLATIONS = 100
"""Violations kept of one message; a hostile message could have a million."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordWarning:
    """One thing that a person should know of a message that is valid.

    Attributes:
        path: Path of the field, for example ``body.vessel.vessel.imo``.
        rule: Stable name of the check that fails.
        message: What is wrong, without the field's value.
    """

    path: str
    rule: str
    message: str


class Walk:
    """The findings of one walk, mutable and used once.

    Attributes:
        strict: Whether fields that this node's schema does not know are
            violations.
        redacted: Paths from the root, without indices, of what policy withheld;
            what is required there may be absent.
        path: Names and indices from the root to the message being walked.
        index: Index of the item being looked at in a repeated field, or -1.
        violations: Rules broken.
        warnings: Checks that fail.
        selectors: Selectors found, also repeatedly.
    """

    __slots__ = (
        "index",
        "path",
        "redacted",
        "selectors",
        "strict",
        "violations",
        "warnings",
    )

    def __init__(self, *, strict: bool, redacted: frozenset[str]) -> None:
        """Begin with no findings."""
        self.strict = strict
        self.redacted = redacted
        self.path: list[str | int] = []
        self.index = -1
        self.violations: list[Violation] = []
        self.warnings: list[RecordWarning] = []
        self.selectors: list[Selector] = []

    def violate(self, name: str, rule: str, message: str) -> None:
        """Note that the field ``name`` of the present message breaks a rule."""
        if len(self.violations) < MAX_VIOLATIONS:
            self.violations.append(
                Violation(path=self._path_of(name), rule=rule, message=message)
            )

    def miss(self, name: str) -> None:
        """Note that a required field is absent, unless policy withheld it."""
        names = [part for part in (*self.path, name) if isinstance(part, str)]
        if ".".join(names) not in self.redacted:
            self.violate(name, "required", "is required; give it a value")

    def warn(self, name: str, findings: tuple[CheckWarning, ...]) -> None:
        """Note the checks that the field ``name`` fails."""
        for finding in findings:
            self.warnings.append(
                RecordWarning(
                    path=self._path_of(name), rule=finding.rule, message=finding.message
                )
            )

    def _path_of(self, name: str) -> str:
        parts: list[str | int] = [*self.path, name] if name else [*self.path]
        if self.index >= 0:
            parts.append(self.index)
        text = "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in parts)
        return text.removeprefix(".")
