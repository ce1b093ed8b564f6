# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

import pytest

from selat.cli.plain import enum_name, plain, time_of, uuid_bytes, uuid_text
from selat.errors import MalformedError
from selat.v1 import desk_service_pb2 as pb

ID = UUID("0198f2f0-7a3b-7c11-9a55-0242ac120002")


def test_every_key_is_there_and_absent_values_are_null() -> None:
    document = plain(pb.MessageInfo())

    assert set(document) == {f.name for f in pb.MessageInfo.DESCRIPTOR.fields}
    assert document["stored_at"] is None
    assert document["direction"] is None
    assert document["number"] == 0
    assert document["originator"] == ""


def test_values_are_what_a_program_expects() -> None:
    entry = pb.OutboxEntry(number=2**60, id=ID.bytes, state=pb.OUTBOX_STATE_DEAD)
    entry.queued_at.FromDatetime(datetime(2026, 1, 31, 8, 0, 0, 250_000))  # noqa: DTZ001 - protobuf takes UTC

    document = plain(entry)

    assert document["number"] == 2**60
    assert document["id"] == str(ID)
    assert document["state"] == "dead"
    assert document["queued_at"] == "2026-01-31T08:00:00.250Z"


def test_nested_and_repeated_messages_are_plain_too() -> None:
    status = pb.GetStatusResponse(
        log_root=b"\x01\xff", links=[pb.LinkStatus(peer="police.xb.example")]
    )

    document = plain(status)

    assert document["log_root"] == "01ff"
    links = document["links"]
    assert isinstance(links, list)
    assert links[0]["peer"] == "police.xb.example"


def test_an_enumeration_value_of_a_newer_node_is_its_number() -> None:
    assert enum_name(pb.OutboxState.DESCRIPTOR, 99) == "99"


def test_a_time_is_aware_or_absent() -> None:
    info = pb.MessageInfo()
    assert time_of(info, "stored_at") is None

    info.stored_at.FromSeconds(0)
    assert time_of(info, "stored_at") == datetime(1970, 1, 1, tzinfo=UTC)


def test_identifiers_have_one_text_form() -> None:
    assert uuid_text(ID.bytes) == str(ID)
    assert uuid_text(b"\x01\x02") == "0102"
    assert uuid_bytes(str(ID).upper()) == ID.bytes


@pytest.mark.parametrize("text", ["", "x", ID.hex, f"{{{ID}}}", f"urn:uuid:{ID}"])
def test_other_forms_of_an_identifier_are_refused(text: str) -> None:
    with pytest.raises(MalformedError):
        uuid_bytes(text)
