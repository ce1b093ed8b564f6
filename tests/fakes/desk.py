# SPDX-License-Identifier: Apache-2.0
"""A desk that answers as a test says."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import grpc
from google.protobuf.message import Message

from selat.errors import SelatError
from selat.rpc.status import status_of
from selat.v1 import desk_service_pb2 as pb
from selat.v1 import desk_service_pb2_grpc as services

Answer = Message | SelatError | list[Message] | Callable[[Any], Message]


class FakeDesk:
    """Both services of a desk; answers what it was told to, keeps requests."""

    def __init__(self) -> None:
        self.answers: dict[str, Answer] = {}
        self.requests: list[Message] = []

    def answer(self, method: str, request: Any, context: Any) -> Any:  # noqa: ANN401 - any call
        self.requests.append(request)
        answer = self.answers[method]
        if isinstance(answer, SelatError):
            context.abort_with_status(status_of(answer))
        if isinstance(answer, list):
            return iter(answer)
        return answer(request) if callable(answer) else answer

    def asked(self, kind: type[Message]) -> list[Any]:
        return [each for each in self.requests if isinstance(each, kind)]


def _servicer(base: type, service: str, desk: FakeDesk) -> Any:  # noqa: ANN401 - made here
    methods = pb.DESCRIPTOR.services_by_name[service].methods_by_name

    def method(name: str) -> Callable[[Any, Any, Any], Any]:
        return lambda _self, request, context: desk.answer(name, request, context)

    return type(service, (base,), {name: method(name) for name in methods})()


def add_to(server: grpc.Server, desk: FakeDesk) -> None:
    services.add_DeskServiceServicer_to_server(
        _servicer(services.DeskServiceServicer, "DeskService", desk), server
    )
    services.add_AdminServiceServicer_to_server(
        _servicer(services.AdminServiceServicer, "AdminService", desk), server
    )
