# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import time

import pytest

from selat.importers.un_list.document_texts import (
    NumberText,
    find_number,
    passports_in,
    read_number,
)


@pytest.mark.parametrize(
    "number",
    [
        "AB1234567",
        "1234567",
        "Q 000123",
        "11 22 333444",
        "E-123456",
        "QQ-P 123 456",
        "B/001234",
        "12345- 1234567-8",
        "1234567890.1234567",
        "010203Q004567",
        "12AG11MAM20",
    ],
)
def test_plain_number_is_taken_as_it_is(number: str) -> None:
    assert read_number(number) == NumberText(number=number)


@pytest.mark.parametrize(
    ("text", "label", "number", "rest"),
    [
        ("Examplian passport no. Q00000123", "Examplian passport no", "Q00000123", ""),
        ("national card number 123-45-67", "national card number", "123-45-67", ""),
        ("Diplomatic Passport: Z12345678", "Diplomatic Passport", "Z12345678", ""),
        ("Examplia B/001234", "Examplia", "B/001234", ""),
        ("123450042 (Expired 25 Jan. 2016)", "", "123450042", "Expired 25 Jan. 2016"),
        ("R00012345, Examplia", "", "R00012345", "Examplia"),
        ("Tax Number 123-45-6789 (XA)", "Tax Number", "123-45-6789", "XA"),
        ("No12345/678", "No", "12345/678", ""),
        ("card (tazkira) number 4321", "card (tazkira) number", "4321", ""),
        (
            "Travel paper (“Ausweis”) A 0123456",
            "Travel paper (“Ausweis”)",
            "A 0123456",
            "",
        ),
    ],
)
def test_number_is_found_between_words(
    text: str, label: str, number: str, rest: str
) -> None:
    assert read_number(text) == NumberText(label=label, number=number, rest=rest)


@pytest.mark.parametrize(
    "text",
    [
        "Laissez-passer no. N°235/MISPAT/SP",
        "passport number 1234 No. 123456",
        "unknown",
        "no. 7",
        "number 1" + "2" * 600,
    ],
)
def test_text_of_another_form_stays_whole(text: str) -> None:
    assert read_number(text) == NumberText(rest=text)


@pytest.mark.parametrize("text", ["2004", "2000-2001", "since 2013", "issued in 1974"])
def test_year_in_a_remark_is_no_number(text: str) -> None:
    assert not find_number(text).number


def test_number_in_a_remark_is_found() -> None:
    assert find_number("01234567 issued on 18 Jun. 1999").number == "01234567"
    assert find_number("Fiscal Code: AAABBB00C11D222E").number == "AAABBB00C11D222E"


def test_passports_are_found_in_the_remark_on_a_name() -> None:
    remark = "born in 1965, passport number ZZ 7654321 issued 2003; Passport No. 234567"
    assert passports_in(remark) == ("ZZ 7654321", "234567")
    assert passports_in("passport number unknown") == ()


@pytest.mark.parametrize(
    "text",
    [
        "1" * 512,
        "no " * 170,
        "A1 " * 170,
        "a " * 200 + "1" * 100,
        "(" * 512,
        "1." * 256,
    ],
)
def test_hostile_text_is_read_quickly(text: str) -> None:
    started = time.process_time()
    find_number(text)
    passports_in(text)
    assert time.process_time() - started < 2
