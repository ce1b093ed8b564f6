# SPDX-License-Identifier: Apache-2.0
"""Errors as gRPC statuses and back, by one table.

A `SelatError` travels as ``google.rpc.Status`` with an ``ErrorInfo`` whose
reason is the class's own, whose domain is ``selat`` and whose metadata is the
error's context (AIP-193). The client rebuilds the class from the reason.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Final, cast

import grpc
from google.protobuf import any_pb2
from google.protobuf.message import DecodeError
from google.rpc import code_pb2, error_details_pb2, status_pb2
from grpc_status import rpc_status

from selat import errors

DOMAIN: Final = "selat"
_REMEDY_KEY: Final = "remedy"
_VIOLATIONS_KEY: Final = "violations"

#: The most specific class in this table decides.
_CODES: Final[dict[type[errors.SelatError], grpc.StatusCode]] = {
    errors.InvalidInputError: grpc.StatusCode.INVALID_ARGUMENT,
    errors.TooLargeError: grpc.StatusCode.INVALID_ARGUMENT,
    errors.UnauthenticatedError: grpc.StatusCode.UNAUTHENTICATED,
    errors.AccessError: grpc.StatusCode.PERMISSION_DENIED,
    errors.NotFoundError: grpc.StatusCode.NOT_FOUND,
    errors.AlreadyExistsError: grpc.StatusCode.ALREADY_EXISTS,
    errors.StateError: grpc.StatusCode.FAILED_PRECONDITION,
    errors.VerificationError: grpc.StatusCode.INVALID_ARGUMENT,
    errors.PeerUnknownError: grpc.StatusCode.UNAUTHENTICATED,
    errors.PeerRemovedError: grpc.StatusCode.PERMISSION_DENIED,
    errors.PeerSuspendedError: grpc.StatusCode.PERMISSION_DENIED,
    errors.CardExpiredError: grpc.StatusCode.PERMISSION_DENIED,
    errors.PeerError: grpc.StatusCode.INVALID_ARGUMENT,
    errors.StoreBusyError: grpc.StatusCode.UNAVAILABLE,
    errors.LogClosedError: grpc.StatusCode.UNAVAILABLE,
    errors.StoreFullError: grpc.StatusCode.RESOURCE_EXHAUSTED,
    errors.StoreCorruptError: grpc.StatusCode.DATA_LOSS,
    errors.LocalError: grpc.StatusCode.FAILED_PRECONDITION,
    errors.OverloadedError: grpc.StatusCode.RESOURCE_EXHAUSTED,
    errors.UnavailableError: grpc.StatusCode.UNAVAILABLE,
    errors.SelatError: grpc.StatusCode.INTERNAL,
}


def _subclasses(root: type[errors.SelatError]) -> list[type[errors.SelatError]]:
    found = [root]
    for child in root.__subclasses__():
        found.extend(_subclasses(child))
    return found


def error_classes() -> dict[str, type[errors.SelatError]]:
    """Return every error class by its stable reason."""
    return {cls.reason: cls for cls in _subclasses(errors.SelatError)}


def error_of_reason(reason: str, message: str, *, peer: str) -> errors.SelatError:
    """Return the error of a stable reason that a peer named.

    An unknown reason, of a newer peer, becomes a plain `PeerError`.
    """
    cls = error_classes().get(reason, errors.PeerError)
    if cls is errors.InvalidRecordError:
        cls = errors.PeerError
    return cls(message, peer=peer)


def code_of(error: errors.SelatError) -> grpc.StatusCode:
    """Return the gRPC status code of an error."""
    for cls in type(error).__mro__:
        if cls in _CODES:
            return _CODES[cls]
    return grpc.StatusCode.INTERNAL  # pragma: no cover - SelatError is listed


def status_of(error: errors.SelatError) -> grpc.Status:
    """Return the rich status under which an error travels."""
    metadata = {key: str(value) for key, value in error.context.items()}
    if error.remedy:
        metadata[_REMEDY_KEY] = error.remedy
    if isinstance(error, errors.InvalidRecordError):
        metadata[_VIOLATIONS_KEY] = json.dumps(
            [[v.path, v.rule, v.message] for v in error.violations[:50]]
        )
    detail = any_pb2.Any()
    detail.Pack(
        error_details_pb2.ErrorInfo(
            reason=error.reason, domain=DOMAIN, metadata=metadata
        )
    )
    code: int = code_of(error).value[0]
    return rpc_status.to_status(
        status_pb2.Status(
            code=code_pb2.Code.ValueType(code), message=error.message, details=[detail]
        )
    )


def error_from_rpc(failure: grpc.aio.AioRpcError) -> errors.SelatError:
    """Rebuild the error that a call ended with.

    A status without our details comes from the transport: a deadline or a
    connection that failed becomes `NodeUnreachableError`, a refused
    certificate `UnauthenticatedError`, everything else `InternalError`. So
    does one whose details cannot be read: a peer may send anything.
    """
    for info in _error_infos(failure):
        if info.domain == DOMAIN:
            return _rebuild(info, failure.details() or "")
    return _from_code(failure.code(), failure.details() or "")


def _error_infos(
    failure: grpc.aio.AioRpcError,
) -> Iterator[error_details_pb2.ErrorInfo]:
    try:
        # Typed for synchronous calls; it reads what both kinds have.
        status = rpc_status.from_call(cast("grpc.Call", failure))
        for detail in status.details if status is not None else ():
            info = error_details_pb2.ErrorInfo()
            if detail.Unpack(info):
                yield info
    except (DecodeError, ValueError):  # torn, or of another code or message
        return


def _rebuild(info: error_details_pb2.ErrorInfo, message: str) -> errors.SelatError:
    cls = error_classes().get(info.reason, errors.InternalError)
    context = dict(info.metadata)
    remedy = context.pop(_REMEDY_KEY, "")
    if cls is errors.InvalidRecordError:
        violations = _violations(context.pop(_VIOLATIONS_KEY, ""))
        if violations is not None:
            return errors.InvalidRecordError(violations)
        cls = errors.InvalidInputError
    return cls(message, remedy=remedy, **context)


def _violations(text: str) -> tuple[errors.Violation, ...] | None:
    """Return the violations of a record; None when they cannot be read."""
    try:
        return tuple(
            errors.Violation(path=str(path), rule=str(rule), message=str(why))
            for path, rule, why in json.loads(text)
        )
    except (RecursionError, TypeError, ValueError):
        return None


def _from_code(code: grpc.StatusCode, details: str) -> errors.SelatError:
    match code:
        case grpc.StatusCode.UNAVAILABLE | grpc.StatusCode.DEADLINE_EXCEEDED:
            return errors.NodeUnreachableError(
                "The node does not answer.",
                remedy="Check that it runs and that its address is right.",
            )
        case grpc.StatusCode.UNAUTHENTICATED:
            return errors.UnauthenticatedError("The node does not know the caller.")
        case grpc.StatusCode.PERMISSION_DENIED:
            return errors.RoleMissingError("The node does not permit this call.")
        case grpc.StatusCode.RESOURCE_EXHAUSTED | grpc.StatusCode.OUT_OF_RANGE:
            return errors.TooLargeError("The call is larger than the node permits.")
        case _:
            return errors.InternalError(
                f"The call failed with {code.name}.",
                remedy="Look for the same time in the node's log.",
                details=details[:200],
            )
