# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.x509 import ObjectIdentifier
from hypothesis import given
from hypothesis import strategies as st

from selat.errors import MalformedError, SelatError, VerificationError
from selat.publication import timestamps
from selat.publication.timestamps import (
    TOKEN_BYTES_MAX,
    parse_timestamp,
    timestamp_query,
)

VECTORS = Path(__file__).parents[2] / "vectors"
#: An answer of a made-up authority (`openssl ts -reply`) over this text.
ANSWER = (VECTORS / "timestamp.tsr").read_bytes()
REFUSAL = (VECTORS / "timestamp-refused.tsr").read_bytes()
NOTE = "police.xa.example/exchange/2030h1\n3\nAAAA\n\n\u2014 a note\n".encode()


def test_answer_is_over_the_note_and_over_nothing_else() -> None:
    stamp = parse_timestamp(ANSWER)
    assert stamp.is_over(NOTE)
    assert not stamp.is_over(NOTE + b"\n")
    assert stamp.at == datetime(2026, 11, 25, 13, 44, 3, tzinfo=UTC)
    assert stamp.data == ANSWER


def test_query_asks_for_the_digest_of_the_note_and_a_certificate() -> None:
    query = timestamp_query(NOTE)
    assert parse_timestamp(ANSWER).digest in query
    assert query.endswith(b"\x01\x01\xff")  # certReq TRUE
    assert timestamp_query(NOTE) != query  # a nonce of its own


def test_refusal_is_no_time_stamp() -> None:
    with pytest.raises(VerificationError, match="did not grant"):
        parse_timestamp(REFUSAL)


def test_hash_that_is_not_known_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    sha512 = ObjectIdentifier("2.16.840.1.101.3.4.2.3").dotted_string
    only = {sha512: timestamps._HASHES[sha512]}
    monkeypatch.setattr(timestamps, "_HASHES", only)
    with pytest.raises(MalformedError, match="hash other than"):
        parse_timestamp(ANSWER)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x30\x80",
        ANSWER[:-1],
        ANSWER + b"\0",
        bytes(TOKEN_BYTES_MAX + 1),
    ],
)
def test_what_is_no_answer_is_refused(data: bytes) -> None:
    with pytest.raises(MalformedError):
        parse_timestamp(data)


@given(position=st.integers(0, len(ANSWER) - 1), mask=st.integers(1, 255))
def test_hostile_answer_is_refused_or_read(position: int, mask: int) -> None:
    data = bytearray(ANSWER)
    data[position] ^= mask
    try:
        stamp = parse_timestamp(bytes(data))
    except SelatError:
        return
    assert stamp.data == data
