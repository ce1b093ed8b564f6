# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import grpc
import pytest
from google.rpc import error_details_pb2, status_pb2

from selat.errors import NotFoundError
from selat.rpc.interceptors import ErrorBoundary

METHOD = "/selat.v1.DeskService/GetMessage"
SECRET = "the body of a message"

HANDLERS = {
    "unary_unary": grpc.unary_unary_rpc_method_handler,
    "unary_stream": grpc.unary_stream_rpc_method_handler,
    "stream_unary": grpc.stream_unary_rpc_method_handler,
    "stream_stream": grpc.stream_stream_rpc_method_handler,
}


@dataclass
class Context:
    """A call's context that keeps what it was ended with."""

    code: grpc.StatusCode | None = None
    details: str = ""
    info: error_details_pb2.ErrorInfo = field(
        default_factory=error_details_pb2.ErrorInfo
    )
    written: list[str] = field(default_factory=list)

    async def abort(
        self,
        code: grpc.StatusCode,
        details: str,
        trailing_metadata: Sequence[tuple[str, bytes]],
    ) -> None:
        self.code, self.details = code, details
        for key, value in trailing_metadata:
            if key == "grpc-status-details-bin":
                status_pb2.Status.FromString(value).details[0].Unpack(self.info)
        raise grpc.aio.AbortError

    async def write(self, response: str) -> None:
        self.written.append(response)


@dataclass
class Details:
    method: str = METHOD
    invocation_metadata: tuple[tuple[str, str | bytes], ...] = ()


def handler_of(kind: str, failure: Exception | None) -> Any:  # noqa: ANN401 - grpc's own
    """Return a handler that answers its request, then fails if it is to."""

    async def answer_once(request: str, _context: Context) -> str:
        if failure:
            raise failure
        return f"answer to {request}"

    async def answer_often(request: str, _context: Context) -> AsyncIterator[str]:
        yield f"answer to {request}"
        if failure:
            raise failure

    answer: Any = answer_often if kind.endswith("stream") else answer_once
    return HANDLERS[kind](
        answer, request_deserializer=bytes.decode, response_serializer=str.encode
    )


async def guarded(handler: Any) -> Any:  # noqa: ANN401 - grpc's own
    async def find(_details: object) -> Any:  # noqa: ANN401 - grpc's own
        return handler

    return await ErrorBoundary().intercept_service(find, Details())


async def call(kind: str, failure: Exception | None, context: Context) -> list[str]:
    """Call a guarded handler as a server does; return the answers."""
    handler = await guarded(handler_of(kind, failure))
    behaviour = getattr(handler, kind)
    if kind.endswith("stream"):
        return [answer async for answer in behaviour("request", context)]
    return [await behaviour("request", context)]


@pytest.mark.parametrize("kind", HANDLERS)
async def test_answers_pass_the_boundary(kind: str) -> None:
    context = Context()
    assert await call(kind, None, context) == ["answer to request"]
    assert context.code is None


@pytest.mark.parametrize("kind", HANDLERS)
async def test_handler_stays_of_its_kind(kind: str) -> None:
    handler = await guarded(handler_of(kind, None))
    assert handler.request_streaming == kind.startswith("stream")
    assert handler.response_streaming == kind.endswith("stream")
    assert handler.request_deserializer is bytes.decode
    assert handler.response_serializer is str.encode
    assert [name for name in HANDLERS if getattr(handler, name)] == [kind]


@pytest.mark.parametrize("kind", HANDLERS)
async def test_our_error_leaves_with_its_own_status(kind: str) -> None:
    context = Context()
    failure = NotFoundError("There is none.", remedy="Look elsewhere.", number=3)
    with pytest.raises(grpc.aio.AbortError):
        await call(kind, failure, context)
    assert context.code is grpc.StatusCode.NOT_FOUND
    assert context.details == "There is none."
    assert context.info.reason == "NOT_FOUND"
    assert context.info.metadata == {"number": "3", "remedy": "Look elsewhere."}


@pytest.mark.parametrize("kind", HANDLERS)
async def test_unexpected_error_leaves_without_detail(
    kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    context, failure = Context(), ValueError(SECRET)
    with caplog.at_level(logging.ERROR), pytest.raises(grpc.aio.AbortError):
        await call(kind, failure, context)
    assert context.code is grpc.StatusCode.INTERNAL
    assert context.info.reason == "INTERNAL"
    assert SECRET not in f"{context.details} {context.info}"
    (record,) = caplog.records
    assert record.exc_info is not None
    assert record.exc_info[1] is failure
    assert vars(record)["method"] == METHOD
    # The request id leads from what the caller sees to the log.
    assert vars(record)["request"] == context.info.metadata["request"]
    assert len(context.info.metadata["request"]) == 16


@pytest.mark.parametrize("kind", HANDLERS)
async def test_every_unexpected_error_has_its_own_request_id(kind: str) -> None:
    contexts = Context(), Context()
    for context in contexts:
        with pytest.raises(grpc.aio.AbortError):
            await call(kind, ValueError(SECRET), context)
    first, second = (context.info.metadata["request"] for context in contexts)
    assert first != second


@pytest.mark.parametrize("kind", HANDLERS)
async def test_status_that_a_handler_chose_stays(
    kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    context = Context()
    chosen = grpc.aio.AbortError()
    with pytest.raises(grpc.aio.AbortError) as caught:
        await call(kind, chosen, context)
    assert caught.value is chosen
    assert context.code is None
    assert not caplog.records


async def test_streaming_handler_may_write_to_its_context() -> None:
    async def watch(request: str, context: Context) -> None:
        await context.write(f"answer to {request}")
        raise NotFoundError("There is none.")

    context = Context()
    handler = await guarded(grpc.unary_stream_rpc_method_handler(watch))
    with pytest.raises(grpc.aio.AbortError):
        await handler.unary_stream("request", context)
    assert context.written == ["answer to request"]
    assert context.code is grpc.StatusCode.NOT_FOUND


async def test_boundary_holds_though_a_context_does_not_abort() -> None:
    class Careless(Context):
        async def abort(self, *arguments: object, **metadata: object) -> None:
            self.details = f"{arguments} {metadata}"

    context = Careless()
    with pytest.raises(NotFoundError):
        await call("unary_unary", NotFoundError("There is none."), context)
    assert "There is none." in context.details


async def test_method_that_nobody_handles_stays_unhandled() -> None:
    assert await guarded(None) is None
