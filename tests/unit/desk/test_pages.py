# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import base64
from typing import Any

import pytest

from selat.desk.pages import (
    PAGE_SIZE_DEFAULT,
    PAGE_SIZE_MAX,
    number_from,
    page_size,
    token_for,
)
from selat.errors import BadCursorError
from selat.v1 import desk_service_pb2 as pb

REQUEST = pb.ListOutboxRequest(peer="police.xb.example", page_size=20)
TOKEN = token_for(REQUEST, 117)


def raw(token: str) -> bytes:
    return base64.urlsafe_b64decode(token)


@pytest.mark.parametrize(
    ("asked", "given"),
    [(0, PAGE_SIZE_DEFAULT), (1, 1), (500, PAGE_SIZE_MAX), (501, PAGE_SIZE_MAX)],
)
def test_page_is_as_long_as_asked_within_limits(asked: int, given: int) -> None:
    assert page_size(pb.ListOutboxRequest(page_size=asked)) == given


def test_first_page_has_no_token() -> None:
    assert number_from(REQUEST, "") is None


def test_token_leads_to_its_page() -> None:
    assert number_from(REQUEST, TOKEN) == 117


def test_token_holds_for_another_size_of_page_and_beside_a_token() -> None:
    next_request = pb.ListOutboxRequest(
        peer="police.xb.example", page_size=3, page_token=TOKEN
    )
    assert number_from(next_request, TOKEN) == 117


@pytest.mark.parametrize(
    "fields",
    [{"peer": "police.xa.example"}, {}, {"peer": "police.xb.example", "state": 2}],
    ids=["another peer", "any peer", "another state"],
)
def test_token_of_another_request_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(BadCursorError) as caught:
        number_from(pb.ListOutboxRequest(**fields), TOKEN)
    assert "start without a token" in caught.value.remedy


def test_token_of_a_number_that_no_row_has_is_refused() -> None:
    assert number_from(REQUEST, token_for(REQUEST, 2**63 - 1)) == 2**63 - 1
    with pytest.raises(BadCursorError):
        number_from(REQUEST, token_for(REQUEST, 2**63))


@pytest.mark.parametrize(
    "token",
    [
        "x",
        "not base64!",
        "é",
        TOKEN + "AAAA",
        " " + TOKEN,
        base64.urlsafe_b64encode(raw(TOKEN)[:-1]).decode(),
        base64.urlsafe_b64encode(raw(TOKEN) + b"\0").decode(),
        base64.urlsafe_b64encode(b"\0" + raw(TOKEN)).decode(),
        base64.urlsafe_b64encode(raw(TOKEN)[8:]).decode(),
    ],
)
def test_token_that_is_not_ours_is_refused(token: str) -> None:
    with pytest.raises(BadCursorError):
        number_from(REQUEST, token)
