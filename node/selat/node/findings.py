# SPDX-License-Identifier: Apache-2.0
"""What an examination of an installation found, one thing at a time."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from selat.errors import SelatError


class Level(StrEnum):
    """How a thing stands."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was examined.

    Attributes:
        check: Stable name of the check, for example ``card``.
        level: How it stands.
        message: What was found, one sentence.
        remedy: What to do; empty when there is nothing to do.
    """

    check: str
    level: Level
    message: str
    remedy: str = ""


def ok(check: str, message: str) -> Finding:
    """Return a finding of something that is in order."""
    return Finding(check=check, level=Level.OK, message=message)


def warn(check: str, message: str, remedy: str) -> Finding:
    """Return a finding of something that will become trouble."""
    return Finding(check=check, level=Level.WARN, message=message, remedy=remedy)


def fail(check: str, message: str, remedy: str) -> Finding:
    """Return a finding of something that keeps the node from its work."""
    return Finding(check=check, level=Level.FAIL, message=message, remedy=remedy)


def failed(check: str, error: SelatError) -> Finding:
    """Return an error as the finding that it is."""
    return fail(check, error.message, error.remedy)
