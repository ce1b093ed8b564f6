# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import pytest

from selat import errors
from selat.cli.exits import ExitCode, exit_code_of


def all_classes(root: type[errors.SelatError]) -> list[type[errors.SelatError]]:
    return [root, *(each for c in root.__subclasses__() for each in all_classes(c))]


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.MalformedError("x"), ExitCode.USAGE),
        (errors.NotFoundError("x"), ExitCode.FAILED),
        (errors.PolicyDeniedError("x"), ExitCode.DENIED),
        (errors.ProofError("x"), ExitCode.NOT_VERIFIED),
        (errors.CardExpiredError("x"), ExitCode.FAILED),
        (errors.WrongPassphraseError("x"), ExitCode.INSTALLATION),
        (errors.StoreFullError("x"), ExitCode.INSTALLATION),
        (errors.NodeUnreachableError("x"), ExitCode.UNREACHABLE),
        (errors.InternalError("x"), ExitCode.INTERNAL),
        (errors.InvalidRecordError(()), ExitCode.USAGE),
    ],
)
def test_errors_end_the_command_with_the_code_of_their_branch(
    error: errors.SelatError, code: ExitCode
) -> None:
    assert exit_code_of(error) is code


def test_no_error_ends_the_command_with_success() -> None:
    for cls in all_classes(errors.SelatError):
        error = cls(()) if cls is errors.InvalidRecordError else cls("x")
        assert exit_code_of(error) is not ExitCode.OK
