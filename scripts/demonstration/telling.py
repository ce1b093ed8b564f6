# SPDX-License-Identifier: Apache-2.0
"""How the demonstration tells its story, and ends it when something is wrong."""

from __future__ import annotations

import sys
import time


class DemoFailedError(Exception):
    """Something did not happen as it must."""


def say(text: str = "") -> None:
    """Print a line of the story at once."""
    print(text, flush=True)


def title(text: str) -> None:
    """Print the heading of a chapter."""
    say()
    say(f"\033[1m{text}\033[0m" if sys.stdout.isatty() else text)


def check(holds: bool, text: str) -> None:  # noqa: FBT001 - reads like an assertion
    """Print what was checked, or end the demonstration.

    Raises:
        DemoFailedError: It does not hold.
    """
    if not holds:
        raise DemoFailedError(f"This does not hold: {text}")
    say(f"  ✓ {text}")


def indented(text: str) -> str:
    """Return what a command printed, as it stands below the command."""
    return "\n".join(f"    {line}".rstrip() for line in text.strip("\n").splitlines())


def wait_until_passed(start: float, timeout_s: float, what: str) -> None:
    """Raise when something takes too long.

    Raises:
        DemoFailedError: It does.
    """
    if time.monotonic() - start > timeout_s:
        raise DemoFailedError(f"{what} did not happen within {timeout_s:.0f} s.")
