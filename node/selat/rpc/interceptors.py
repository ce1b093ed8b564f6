# SPDX-License-Identifier: Apache-2.0
"""The error boundary of every server.

A `SelatError` leaves as its own status; anything else becomes INTERNAL with a
request id and no detail, and its traceback goes to the node's log only.
"""

from __future__ import annotations

import inspect
import logging
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, NoReturn

import grpc

from selat import errors
from selat.rpc.status import status_of

_log = logging.getLogger(__name__)

_REQUEST_ID_BYTES = 8


class ErrorBoundary(grpc.aio.ServerInterceptor):
    """Turn what handlers raise into statuses, for all four kinds of call."""

    async def intercept_service(
        self,
        continuation: Callable[
            [grpc.HandlerCallDetails],
            Awaitable[grpc.RpcMethodHandler[Any, Any] | None],
        ],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> grpc.RpcMethodHandler[Any, Any] | None:
        """Wrap the handler that the server found for a call."""
        handler = await continuation(handler_call_details)
        if handler is None:
            return handler
        method = handler_call_details.method
        if handler.response_streaming:
            wrap, inner = (
                (
                    grpc.stream_stream_rpc_method_handler,
                    handler.stream_stream,
                )
                if handler.request_streaming
                else (grpc.unary_stream_rpc_method_handler, handler.unary_stream)
            )
            # A handler that writes to its context is a coroutine (grpc's health).
            is_coroutine = inspect.iscoroutinefunction(inner)
            guarded: Any = (_guard_unary if is_coroutine else _guard_stream)(
                method, inner
            )
        else:
            wrap, inner = (
                (grpc.stream_unary_rpc_method_handler, handler.stream_unary)
                if handler.request_streaming
                else (grpc.unary_unary_rpc_method_handler, handler.unary_unary)
            )
            guarded = _guard_unary(method, inner)
        return wrap(
            guarded,
            request_deserializer=handler.request_deserializer,
            response_serializer=handler.response_serializer,
        )


def _guard_unary(method: str, inner: Any) -> Any:  # noqa: ANN401 - grpc's own types
    async def call(request: Any, context: Any) -> Any:  # noqa: ANN401 - grpc's types
        try:
            return await inner(request, context)
        except Exception as failure:  # noqa: BLE001 - the boundary
            await _abort(method, failure, context)

    return call


def _guard_stream(method: str, inner: Any) -> Any:  # noqa: ANN401 - grpc's own types
    async def call(request: Any, context: Any) -> AsyncIterator[Any]:  # noqa: ANN401
        try:
            async for response in inner(request, context):
                yield response
        except Exception as failure:  # noqa: BLE001 - the boundary
            await _abort(method, failure, context)

    return call


async def _abort(method: str, failure: Exception, context: Any) -> NoReturn:  # noqa: ANN401
    if isinstance(failure, grpc.aio.AbortError):
        raise failure
    if not isinstance(failure, errors.SelatError):
        request_id = secrets.token_hex(_REQUEST_ID_BYTES)
        _log.error(
            "call failed",
            extra={"method": method, "request": request_id},
            exc_info=failure,
        )
        failure = errors.InternalError(
            "The node could not carry out the call.",
            remedy="Look for this request id in the node's log.",
            request=request_id,
        )
    status = status_of(failure)
    await context.abort(
        status.code, status.details, trailing_metadata=status.trailing_metadata
    )
    raise failure  # abort never returns; this tells the type checker
