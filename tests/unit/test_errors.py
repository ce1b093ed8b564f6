# SPDX-License-Identifier: Apache-2.0
"""The tree of errors is as its docstring draws it, and as the wire knows it."""

from __future__ import annotations

import re

import pytest
from grpc import StatusCode

from selat import errors
from selat.errors import InvalidRecordError, MalformedError, SelatError, Violation
from selat.rpc.status import code_of, error_classes

CLASSES = sorted(error_classes().values(), key=lambda cls: cls.__name__)

#: The status of every branch, and of each class that departs from its branch.
#: Other programs branch on these: a change here is a change of the protocol.
STATUSES = {
    "SelatError": StatusCode.INTERNAL,
    "InvalidInputError": StatusCode.INVALID_ARGUMENT,
    "AccessError": StatusCode.PERMISSION_DENIED,
    "UnauthenticatedError": StatusCode.UNAUTHENTICATED,
    "StateError": StatusCode.FAILED_PRECONDITION,
    "NotFoundError": StatusCode.NOT_FOUND,
    "AlreadyExistsError": StatusCode.ALREADY_EXISTS,
    "VerificationError": StatusCode.INVALID_ARGUMENT,
    "PeerError": StatusCode.INVALID_ARGUMENT,
    "PeerUnknownError": StatusCode.UNAUTHENTICATED,
    "PeerRemovedError": StatusCode.PERMISSION_DENIED,
    "PeerSuspendedError": StatusCode.PERMISSION_DENIED,
    "CardExpiredError": StatusCode.PERMISSION_DENIED,
    "LocalError": StatusCode.FAILED_PRECONDITION,
    "StoreBusyError": StatusCode.UNAVAILABLE,
    "LogClosedError": StatusCode.UNAVAILABLE,
    "StoreFullError": StatusCode.RESOURCE_EXHAUSTED,
    "StoreCorruptError": StatusCode.DATA_LOSS,
    "UnavailableError": StatusCode.UNAVAILABLE,
    "OverloadedError": StatusCode.RESOURCE_EXHAUSTED,
}


def instance(cls: type[SelatError]) -> SelatError:
    if cls is InvalidRecordError:
        return InvalidRecordError(())
    return cls("It happened.")


def drawn_tree() -> dict[str, str]:
    """Return the parent of each class as the docstring draws it."""
    parents: dict[str, str] = {}
    above: list[str] = []
    for line in (errors.__doc__ or "").splitlines():
        if found := re.match(r"    ([ │├└─]*)([A-Z]\w+Error)\b", line):
            depth = len(found[1]) // 4
            del above[depth:]
            parents[found[2]] = above[-1] if above else "Exception"
            above.append(found[2])
    return parents


def test_docstring_draws_the_tree_of_classes() -> None:
    assert drawn_tree() == {cls.__name__: cls.__bases__[0].__name__ for cls in CLASSES}


def test_every_class_is_of_this_module_and_has_one_parent() -> None:
    assert {cls.__module__ for cls in CLASSES} == {"selat.errors"}
    assert {len(cls.__bases__) for cls in CLASSES} == {1}


def test_no_two_classes_share_a_reason() -> None:
    named = [
        name
        for name, value in vars(errors).items()
        if isinstance(value, type) and issubclass(value, SelatError)
    ]
    assert len(named) == len(error_classes())
    assert all("reason" in vars(cls) for cls in CLASSES)


@pytest.mark.parametrize("cls", CLASSES)
def test_reason_has_the_form_of_an_error_info(cls: type[SelatError]) -> None:
    # google.rpc.ErrorInfo: at most 63 characters of UPPER_SNAKE_CASE.
    assert re.fullmatch(r"[A-Z][A-Z0-9_]{1,61}[A-Z0-9]", cls.reason)


@pytest.mark.parametrize("cls", CLASSES)
def test_class_travels_under_the_status_of_its_branch(cls: type[SelatError]) -> None:
    branch = next(base for base in cls.__mro__ if base.__name__ in STATUSES)
    assert code_of(instance(cls)) is STATUSES[branch.__name__]


def test_error_shows_what_happened_and_what_to_do() -> None:
    error = MalformedError("It is torn.", remedy="Send it again.", size=3)
    assert str(error) == "It is torn. Send it again."
    assert str(MalformedError("It is torn.")) == "It is torn."
    assert error.context == {"size": 3}


def test_invalid_record_shows_the_first_five_fields_and_counts_the_others() -> None:
    violations = tuple(
        Violation(path=f"body.field_{number}", rule="required", message="is missing")
        for number in range(7)
    )
    shown = str(InvalidRecordError(violations))
    assert "breaks 7 rule(s)" in shown
    assert "body.field_4: is missing (and 2 more)." in shown
    assert "field_5" not in shown
    assert "more" not in InvalidRecordError(violations[:5]).message
