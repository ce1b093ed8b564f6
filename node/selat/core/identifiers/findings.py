# SPDX-License-Identifier: Apache-2.0
"""What a check of an identifier has to say when it does not hold."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckWarning:
    """One check that an identifier fails, without the identifier itself.

    Attributes:
        rule: Stable name of the check, for example ``imo-check-digit``.
        message: What is wrong, one sentence, without the value.
    """

    rule: str
    message: str
