# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from selat.errors import MalformedError
from selat.identity import card_forms

MOMENT = datetime(2030, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    "endpoint",
    [
        "node.xa.example:7443",
        "localhost:1",
        "192.0.2.7:65535",
        "[2001:db8::7]:7443",
        "[::ffff:192.0.2.7]:7443",
        "node.xa.example7:7443",
    ],
)
def test_endpoints_have_host_and_port(endpoint: str) -> None:
    card_forms.check_endpoint(endpoint)


@pytest.mark.parametrize(
    "endpoint",
    [
        "",
        "node.xa.example",
        ":7443",
        "node.xa.example:",
        "node.xa.example:0",
        "node.xa.example:65536",
        "node.xa.example:07443",
        "node.xa.example:7443/path",
        "Node.xa.example:7443",
        "192.0.2.256:7443",
        "192.0.2:7443",
        "2001:db8::7:7443",
        "[2001:db8::g]:7443",
        "[:::]:7443",
        "unix:/run/selat",
        "dns:///node.xa.example:7443",
        "...:7443",
        "\u0661\u0662:7443",
    ],
)
def test_other_endpoints_are_refused(endpoint: str) -> None:
    with pytest.raises(MalformedError, match="host:port"):
        card_forms.check_endpoint(endpoint)


@pytest.mark.parametrize("text", ["24/7", "Polícia Nacional", "ตำรวจ", "x" * 200])
def test_texts_for_people_are_taken(text: str) -> None:
    card_forms.check_text("agency", text)


@pytest.mark.parametrize(
    "text",
    ["", " ", " x", "x ", "x" * 201, "a\nb", "a\x1b[31mb", "a\u202eb", "a\u200bb"],
)
def test_texts_that_may_deceive_on_a_terminal_are_refused(text: str) -> None:
    with pytest.raises(MalformedError, match="The agency is empty, too long"):
        card_forms.check_text("agency", text)


@pytest.mark.parametrize("phone", ["+6591234567", "+123456", "+123456789012345"])
def test_telephone_numbers_are_e164(phone: str) -> None:
    card_forms.check_phone(phone)


@pytest.mark.parametrize(
    "phone",
    ["", "91234567", "+0123456", "+12345", "+1234567890123456", "+65 9123 4567"],
)
def test_other_telephone_numbers_are_refused(phone: str) -> None:
    with pytest.raises(MalformedError, match=r"E\.164"):
        card_forms.check_phone(phone)


@pytest.mark.parametrize("language", ["en", "ms", "fil", "zh-Hant", "pt-TL", "es-419"])
def test_languages_are_tags(language: str) -> None:
    card_forms.check_language(language)


@pytest.mark.parametrize("language", ["", "English", "EN", "en_GB", "zh-hant", "e"])
def test_other_languages_are_refused(language: str) -> None:
    with pytest.raises(MalformedError, match="BCP 47"):
        card_forms.check_language(language)


@pytest.mark.parametrize(
    "version", ["", "selat", "selat/0", "selat/01", "selat/1.0", "Selat/1", "x/1"]
)
def test_other_protocol_versions_are_refused(version: str) -> None:
    card_forms.check_protocol_version("selat/1")
    with pytest.raises(MalformedError, match="selat/N"):
        card_forms.check_protocol_version(version)


@pytest.mark.parametrize("category", ["", "*", "Piracy", "a--b", "-a", "a" * 65])
def test_other_categories_are_refused(category: str) -> None:
    card_forms.check_category("terrorist-financing")
    with pytest.raises(MalformedError, match="category"):
        card_forms.check_category(category)


@pytest.mark.parametrize("key_id", ["", "A", "a_b", "a--b", "../a", "a" * 65])
def test_other_names_of_keys_are_refused(key_id: str) -> None:
    card_forms.check_key_id("seal-2")
    with pytest.raises(MalformedError, match="name of another form"):
        card_forms.check_key_id(key_id)


@pytest.mark.parametrize("state", ["", "X", "xa", "XAA", "X1"])
def test_other_states_are_refused(state: str) -> None:
    card_forms.check_state("XA")
    with pytest.raises(MalformedError, match="ISO 3166-1"):
        card_forms.check_state(state)


@pytest.mark.parametrize(
    ("sequence", "digest"),
    [(0, 0), (1, 32), (2, 0), (2, 31), (2, 33), (2**63, 32), (-1, 0)],
)
def test_first_card_has_no_predecessor_and_every_other_one(
    sequence: int, digest: int
) -> None:
    card_forms.check_link(1, b"")
    card_forms.check_link(2, bytes(32))
    with pytest.raises(MalformedError, match="digest of the card before"):
        card_forms.check_link(sequence, bytes(digest))


@pytest.mark.parametrize(
    ("start", "end"),
    [
        (MOMENT, MOMENT),
        (MOMENT, MOMENT - timedelta(seconds=1)),
        (MOMENT.replace(tzinfo=None), MOMENT.replace(tzinfo=None, year=2031)),
        (MOMENT, datetime(2031, 1, 1, tzinfo=timezone(timedelta(hours=8)))),
        (MOMENT.astimezone(timezone(timedelta(hours=8))), MOMENT.replace(year=2031)),
    ],
)
def test_validity_is_in_utc_and_not_empty(start: datetime, end: datetime) -> None:
    card_forms.check_period(MOMENT, MOMENT + timedelta(seconds=1))
    with pytest.raises(MalformedError, match="validity"):
        card_forms.check_period(start, end)


@pytest.mark.parametrize(
    "prefix",
    [
        "",
        "police.xa.example",
        "police.xb.example/exchange/",
        "police.xa.example.evil/",
        "police.xa.example/exchange",
        "police.xa.example/Exchange/",
        "police.xa.example/\n/",
        "police.xa.example/" + "a" * 300 + "/",
    ],
)
def test_log_origins_begin_with_the_nodes_name(prefix: str) -> None:
    name = "police.xa.example"
    card_forms.check_origin_prefix("police.xa.example/exchange/", name=name)
    with pytest.raises(MalformedError, match="origin"):
        card_forms.check_origin_prefix(prefix, name=name)


@pytest.mark.parametrize("count", [0, 3])
def test_lists_are_bounded(count: int) -> None:
    card_forms.check_count("keys", "x", 1, 2)
    with pytest.raises(MalformedError, match="1 to 2 keys"):
        card_forms.check_count("keys", "x" * count, 1, 2)


def test_name_must_be_a_node_name() -> None:
    card_forms.check_name("police.xa.example")
    with pytest.raises(MalformedError, match="no node name"):
        card_forms.check_name("police")
