# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from selat.cli.display import counted, listed, moment, number, printable


@pytest.mark.parametrize(
    "text", ["Jane Sample", "محمد", "می‌خواهم", "李明", "O'Neil Ünal", "नमस्ते"]
)
def test_names_of_any_script_are_printed_as_they_are(text: str) -> None:
    assert printable(text) == text


@pytest.mark.parametrize(
    "char", ["\x1b", "\x07", "\x9b", "\r", "\u202e", "\u2066", "\u200b", "\u2028"]
)
def test_what_acts_on_a_terminal_is_replaced(char: str) -> None:
    assert printable(f"a{char}b") == "a\N{REPLACEMENT CHARACTER}b"


def test_lines_and_tabs_become_spaces() -> None:
    assert printable("one\ntwo\tthree") == "one two three"


def test_times_are_shown_in_utc() -> None:
    east = timezone(timedelta(hours=8))

    assert moment(datetime(2026, 1, 31, 8, 30, tzinfo=east)) == "2026-01-31 00:30Z"
    assert moment(datetime(2026, 1, 31, tzinfo=UTC)) == "2026-01-31 00:00Z"
    assert moment(None) == "—"


def test_numbers_and_nouns_agree() -> None:
    assert number(1234567) == "1,234,567"
    assert counted(1, "peer") == "1 peer"
    assert counted(0, "peer") == "0 peers"
    assert counted(2, "entry", "entries") == "2 entries"


def test_an_empty_list_is_a_dash() -> None:
    assert listed([]) == "—"
    assert listed(["a", "b\x1b"]) == "a, b\N{REPLACEMENT CHARACTER}"
