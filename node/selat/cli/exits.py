# SPDX-License-Identifier: Apache-2.0
"""How the command ends: one enumeration, one table of errors."""

from __future__ import annotations

from enum import IntEnum, unique
from typing import Final

from selat import errors


@unique
class ExitCode(IntEnum):
    """What a script may branch on; the numbers never change their meaning."""

    #: All of it was done.
    OK = 0
    #: The operation failed or was refused; the reason code says why.
    FAILED = 1
    #: The command line, or what was handed in, cannot be used as it is.
    USAGE = 2
    #: The node does not answer, drains or is overloaded; try again later.
    UNREACHABLE = 3
    #: The caller may not do this.
    DENIED = 4
    #: A signature, proof or commitment does not hold.
    NOT_VERIFIED = 5
    #: This node's own installation is broken; ``selat doctor`` looks closer.
    INSTALLATION = 6
    #: A fault in Selat itself (``EX_SOFTWARE`` of sysexits.h).
    INTERNAL = 70
    #: Stopped by the user (128 + SIGINT, as shells count).
    INTERRUPTED = 130


# The most specific class decides.
_CODES: Final[dict[type[errors.SelatError], ExitCode]] = {
    errors.InvalidInputError: ExitCode.USAGE,
    errors.AccessError: ExitCode.DENIED,
    errors.StateError: ExitCode.FAILED,
    errors.VerificationError: ExitCode.NOT_VERIFIED,
    errors.PeerError: ExitCode.FAILED,
    errors.LocalError: ExitCode.INSTALLATION,
    errors.UnavailableError: ExitCode.UNREACHABLE,
    errors.InternalError: ExitCode.INTERNAL,
    errors.SelatError: ExitCode.FAILED,
}


def exit_code_of(error: errors.SelatError) -> ExitCode:
    """Return the code with which the command ends after an error."""
    return next(_CODES[cls] for cls in type(error).__mro__ if cls in _CODES)
