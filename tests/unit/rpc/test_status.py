# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json

import grpc
import pytest
from google.protobuf import any_pb2
from google.rpc import error_details_pb2, status_pb2
from grpc.aio import AioRpcError, Metadata
from grpc_status import rpc_status

from selat.errors import (
    CardExpiredError,
    InternalError,
    InvalidInputError,
    InvalidRecordError,
    MalformedError,
    NodeUnreachableError,
    PeerError,
    RoleMissingError,
    SelatError,
    StoreFullError,
    TooLargeError,
    UnauthenticatedError,
    Violation,
)
from selat.rpc.status import (
    DOMAIN,
    code_of,
    error_classes,
    error_from_rpc,
    error_of_reason,
    status_of,
)

CLASSES = sorted(error_classes().values(), key=lambda cls: cls.__name__)
VIOLATIONS = tuple(
    Violation(path=f"header.purposes[{number}]", rule="known", message="is „unknown”")
    for number in range(60)
)


def failed_call(status: grpc.Status) -> AioRpcError:
    """Return what a client sees of a status."""
    return AioRpcError(
        status.code,
        Metadata(),
        Metadata(*(status.trailing_metadata or ())),
        details=status.details,
    )


def failed_transport(code: grpc.StatusCode, details: str | None = "") -> AioRpcError:
    """Return the failure of a call that no handler ended."""
    return AioRpcError(code, Metadata(), Metadata(), details=details)


def failed_with(info: error_details_pb2.ErrorInfo, message: str = "Why") -> AioRpcError:
    """Return the failure of a call that ended with these details."""
    detail = any_pb2.Any()
    detail.Pack(info)
    status = status_pb2.Status(
        code=grpc.StatusCode.INVALID_ARGUMENT.value[0],
        message=message,
        details=[detail],
    )
    return failed_call(rpc_status.to_status(status))


@pytest.mark.parametrize(
    "cls", [cls for cls in CLASSES if cls is not InvalidRecordError]
)
def test_error_survives_the_wire(cls: type[SelatError]) -> None:
    error = cls("It happened.", remedy="Do this.", peer="police.xb.example", size=7)
    status = status_of(error)

    rebuilt = error_from_rpc(failed_call(status))

    assert status.code is code_of(error)
    assert type(rebuilt) is cls
    assert rebuilt.message == "It happened."
    assert rebuilt.remedy == "Do this."
    assert rebuilt.context == {"peer": "police.xb.example", "size": "7"}


def test_error_without_a_remedy_survives_the_wire() -> None:
    rebuilt = error_from_rpc(failed_call(status_of(StoreFullError("No room."))))
    assert (rebuilt.message, rebuilt.remedy, rebuilt.context) == ("No room.", "", {})


@pytest.mark.parametrize("count", [0, 1, 50])
def test_violations_survive_the_wire(count: int) -> None:
    error = InvalidRecordError(VIOLATIONS[:count])
    rebuilt = error_from_rpc(failed_call(status_of(error)))
    assert isinstance(rebuilt, InvalidRecordError)
    assert rebuilt.violations == error.violations
    assert str(rebuilt) == str(error)


def test_only_the_first_violations_travel() -> None:
    rebuilt = error_from_rpc(failed_call(status_of(InvalidRecordError(VIOLATIONS))))
    assert isinstance(rebuilt, InvalidRecordError)
    assert rebuilt.violations == VIOLATIONS[:50]


def test_details_are_one_error_info_of_our_domain() -> None:
    call = failed_call(status_of(MalformedError("Torn.", remedy="Mend it.", size=2)))
    status = rpc_status.from_call(call)  # type: ignore[arg-type] # typed for sync calls
    assert status is not None
    (detail,) = status.details
    info = error_details_pb2.ErrorInfo()
    assert detail.Unpack(info)
    assert info == error_details_pb2.ErrorInfo(
        reason="MALFORMED",
        domain="selat",
        metadata={"remedy": "Mend it.", "size": "2"},
    )


def test_unknown_reason_of_a_newer_node_becomes_an_internal_error() -> None:
    info = error_details_pb2.ErrorInfo(reason="OF_THE_FUTURE", domain=DOMAIN)
    rebuilt = error_from_rpc(failed_with(info, "Something new."))
    assert type(rebuilt) is InternalError
    assert rebuilt.message == "Something new."


def test_details_of_another_domain_do_not_count() -> None:
    info = error_details_pb2.ErrorInfo(reason="STORE_FULL", domain="elsewhere.example")
    rebuilt = error_from_rpc(failed_with(info, "Why."))
    assert type(rebuilt) is InternalError
    assert rebuilt.context == {"details": "Why."}


def test_details_of_another_kind_do_not_count() -> None:
    detail = any_pb2.Any()
    detail.Pack(error_details_pb2.RetryInfo())
    status = status_pb2.Status(
        code=grpc.StatusCode.UNAVAILABLE.value[0], message="Later.", details=[detail]
    )
    rebuilt = error_from_rpc(failed_call(rpc_status.to_status(status)))
    assert type(rebuilt) is NodeUnreachableError


@pytest.mark.parametrize(
    "rows", ["", "not JSON", "7", "[7]", '[["path", "rule"]]', "[" * 6_000]
)
def test_violations_that_cannot_be_read_do_not_hide_the_error(rows: str) -> None:
    info = error_details_pb2.ErrorInfo(
        reason="INVALID_RECORD", domain=DOMAIN, metadata={"violations": rows}
    )
    rebuilt = error_from_rpc(failed_with(info, "It breaks rules."))
    assert type(rebuilt) is InvalidInputError
    assert rebuilt.message == "It breaks rules."


def test_violations_are_texts_whatever_came() -> None:
    info = error_details_pb2.ErrorInfo(
        reason="INVALID_RECORD", domain=DOMAIN, metadata={"violations": "[[1, [], {}]]"}
    )
    rebuilt = error_from_rpc(failed_with(info))
    assert isinstance(rebuilt, InvalidRecordError)
    assert rebuilt.violations == (Violation(path="1", rule="[]", message="{}"),)


@pytest.mark.parametrize(
    "details",
    [
        b"\xff",  # no status
        status_pb2.Status(code=5, message="Why").SerializeToString(),
        status_pb2.Status(code=3, message="Other").SerializeToString(),
        status_pb2.Status(
            code=3,
            message="Why",
            details=[
                any_pb2.Any(
                    type_url="type.googleapis.com/google.rpc.ErrorInfo", value=b"\xff"
                )
            ],
        ).SerializeToString(),
    ],
    ids=["torn", "of another code", "of another message", "with a torn detail"],
)
def test_details_that_cannot_be_read_leave_the_code(details: bytes) -> None:
    failure = AioRpcError(
        grpc.StatusCode.INVALID_ARGUMENT,
        Metadata(),
        Metadata(("grpc-status-details-bin", details)),
        details="Why",
    )
    rebuilt = error_from_rpc(failure)
    assert type(rebuilt) is InternalError
    assert "INVALID_ARGUMENT" in rebuilt.message
    assert rebuilt.context == {"details": "Why"}


@pytest.mark.parametrize("key", ["message", "self", "remedy"])
def test_context_named_like_an_argument_does_not_hide_the_error(key: str) -> None:
    info = error_details_pb2.ErrorInfo(
        reason="MALFORMED", domain=DOMAIN, metadata={key: "x"}
    )
    rebuilt = error_from_rpc(failed_with(info, "Torn."))
    assert type(rebuilt) is MalformedError
    assert rebuilt.message == "Torn."


@pytest.mark.parametrize(
    ("code", "cls"),
    [
        (grpc.StatusCode.UNAVAILABLE, NodeUnreachableError),
        (grpc.StatusCode.DEADLINE_EXCEEDED, NodeUnreachableError),
        (grpc.StatusCode.UNAUTHENTICATED, UnauthenticatedError),
        (grpc.StatusCode.PERMISSION_DENIED, RoleMissingError),
        (grpc.StatusCode.RESOURCE_EXHAUSTED, TooLargeError),
        (grpc.StatusCode.OUT_OF_RANGE, TooLargeError),
        (grpc.StatusCode.CANCELLED, InternalError),
        (grpc.StatusCode.UNIMPLEMENTED, InternalError),
        (grpc.StatusCode.UNKNOWN, InternalError),
    ],
)
def test_failure_of_the_transport_has_a_meaning(
    code: grpc.StatusCode, cls: type[SelatError]
) -> None:
    rebuilt = error_from_rpc(failed_transport(code))
    assert type(rebuilt) is cls
    assert rebuilt.message


def test_details_of_the_transport_are_shortened() -> None:
    failure = failed_transport(grpc.StatusCode.UNKNOWN, "x" * 1_000)
    rebuilt = error_from_rpc(failure)
    assert rebuilt.context == {"details": "x" * 200}
    assert "UNKNOWN" in rebuilt.message


def test_transport_may_fail_without_details() -> None:
    rebuilt = error_from_rpc(failed_transport(grpc.StatusCode.UNKNOWN, None))
    assert rebuilt.context == {"details": ""}


def test_reason_that_a_peer_named_becomes_its_error() -> None:
    error = error_of_reason("CARD_EXPIRED", "Renew it.", peer="police.xb.example")
    assert type(error) is CardExpiredError
    assert error.message == "Renew it."
    assert error.context == {"peer": "police.xb.example"}


@pytest.mark.parametrize("reason", ["OF_THE_FUTURE", "", "INVALID_RECORD"])
def test_reason_that_says_nothing_to_us_becomes_a_peer_error(reason: str) -> None:
    # The fields of an invalid record do not come with its reason.
    error = error_of_reason(reason, "No.", peer="police.xb.example")
    assert type(error) is PeerError


def test_violations_travel_as_json() -> None:
    status = status_of(InvalidRecordError(VIOLATIONS[:1]))
    call = failed_call(status)
    parsed = rpc_status.from_call(call)  # type: ignore[arg-type] # typed for sync calls
    assert parsed is not None
    info = error_details_pb2.ErrorInfo()
    parsed.details[0].Unpack(info)
    assert json.loads(info.metadata["violations"]) == [
        ["header.purposes[0]", "known", "is „unknown”"]
    ]
