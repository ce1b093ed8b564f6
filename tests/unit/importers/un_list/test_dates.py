# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from selat.importers.un_list.dates import (
    PartialDate,
    expiry_date,
    month_of_year,
    month_range,
    partial_date,
    written_date,
)
from selat.records.forms import is_partial_date


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1971", "1971"),
        ("1971-05", "1971-05"),
        ("1971-05-09", "1971-05-09"),
        ("2012-12-31-05:00", "2012-12-31"),
        ("2012-12-31Z", "2012-12-31"),
        ("2012-12-31T00:00:00.5+02:00", "2012-12-31"),
        ("2012-02-29", "2012-02-29"),
    ],
)
def test_iso_date_keeps_its_precision(text: str, expected: str) -> None:
    assert partial_date(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "71",
        "1971-13",
        "2013-02-29",
        "1402",
        "2999",
        "1971-5-9",
        "about 1971",
        "١٩٧١",
    ],
)
def test_what_is_no_gregorian_date_is_left_as_text(text: str) -> None:
    assert partial_date(text) is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Nov. 1973", "1973-11"),
        ("August 1961", "1961-08"),
        ("Sept. 1961", "1961-09"),
        ("28 October 2021", "2021-10-28"),
        ("06 Jun. 2023", "2023-06-06"),
        ("March 2, 2018", "2018-03-02"),
        ("1968", "1968"),
    ],
)
def test_date_in_english_is_understood(text: str, expected: str) -> None:
    assert written_date(text) == expected


@pytest.mark.parametrize(
    "text",
    ["05/07/1401 (Hijri Calendar)", "20-25 years old", "31 Feb. 2001", "Mayor 1999"],
)
def test_other_words_are_no_date(text: str) -> None:
    assert written_date(text) is None


def test_month_beside_a_year_makes_the_date_more_precise() -> None:
    assert month_of_year(PartialDate("1958"), "Sep.") == "1958-09"
    assert month_of_year(PartialDate("1958"), "from a false passport") is None


def test_range_of_months_has_two_ends() -> None:
    assert month_range("Between Aug. and Sep. 1977") == ("1977-08", "1977-09")
    assert month_range("Between Sep. and Aug. 1977") is None
    assert month_range("Between Foo and Bar 1977") is None
    assert month_range("1977") is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("expired on 11 Apr. 2005", "2005-04-11"),
        ("issued on 5 April 1998 at Orsk, expired on 4 April 2003", "2003-04-04"),
        ("Date of expiration: 7 May 2022", "2022-05-07"),
        ("Expiration date: 2023-06-04.", "2023-06-04"),
        ("valid until 15 Feb. 2017", "2017-02-15"),
        ("with expiry date of 16 Jun. 2019", "2019-06-16"),
        ("expires on October 19, 2020", "2020-10-19"),
        ("exp. 20 Aug 2017", "2017-08-20"),
    ],
)
def test_date_of_expiry_is_found_in_a_remark(text: str, expected: str) -> None:
    assert expiry_date(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "expired",
        "issued on 5 April 1999",
        "expires on 1 May 2001, expires on 2 May 2001",
        "expires on 31 Feb. 2001",
    ],
)
def test_remark_without_one_clear_date_of_expiry_gives_none(text: str) -> None:
    assert expiry_date(text) is None


@given(st.text(alphabet="0123456789-TZ:.+ JanFebSpt", max_size=30))
def test_every_date_that_is_understood_is_one_for_the_schema(text: str) -> None:
    for understood in (partial_date(text), written_date(text), expiry_date(text)):
        assert understood is None or is_partial_date(understood)
