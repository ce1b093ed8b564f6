# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from selat.desk.pages import number_from, token_for
from selat.errors import BadCursorError
from selat.v1 import desk_service_pb2 as pb

NAMES = st.text(max_size=40)
NUMBERS = st.integers(min_value=0, max_value=2**63 - 1)


def request(peer: str, **page: int | str) -> pb.ListOutboxRequest:
    return pb.ListOutboxRequest(peer=peer, **page)  # type: ignore[arg-type] # a table of fields


@given(
    peer=NAMES,
    number=NUMBERS,
    sizes=st.tuples(*[st.integers(min_value=0, max_value=2**32 - 1)] * 2),
    token=NAMES,
)
def test_token_leads_to_its_number(
    peer: str, number: int, sizes: tuple[int, int], token: str
) -> None:
    made = token_for(request(peer, page_size=sizes[0]), number)
    again = request(peer, page_size=sizes[1], page_token=token)
    assert number_from(again, made) == number
    assert made.isascii()


@given(peer=NAMES, other=NAMES, number=NUMBERS)
def test_token_holds_for_its_request_only(peer: str, other: str, number: int) -> None:
    assume(peer != other)
    with pytest.raises(BadCursorError):
        number_from(request(other), token_for(request(peer), number))


@given(token=st.text(min_size=1, max_size=40))
def test_any_text_is_refused_as_a_token(token: str) -> None:
    with pytest.raises(BadCursorError):
        number_from(request("police.xb.example"), token)
