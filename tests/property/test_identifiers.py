# SPDX-License-Identifier: Apache-2.0
import string

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from selat.core.identifiers.mrz import check_digit, parse
from selat.core.selectors import SelectorKind, normalise, selector_bytes
from selat.errors import MalformedError

CHARACTERS = string.ascii_uppercase + string.digits
DATES = st.dates().map(lambda date: date.strftime("%y%m%d"))
NAMES = st.text(string.ascii_uppercase, min_size=1, max_size=15)
# Text as people write it, and text that nobody writes.
VALUES = st.one_of(
    st.text(max_size=40),
    st.text("aZ09 -./'@:+éßİﬁ٣สมชा陈한하ㄱ\u0301\u200d", max_size=40),
)


@st.composite
def passports(draw: st.DrawFn) -> tuple[str, str]:
    number = draw(st.text(CHARACTERS, min_size=1, max_size=9))
    names = f"{draw(NAMES)}<<{draw(NAMES)}"
    personal = draw(st.text(CHARACTERS, max_size=14)).ljust(14, "<")
    padded = number.ljust(9, "<")
    numbered = padded + check_digit(padded)
    birth, expiry = draw(DATES), draw(DATES)
    dated = birth + check_digit(birth)
    valid = expiry + check_digit(expiry) + personal + check_digit(personal)
    composite = check_digit(numbered + dated + valid)
    second = f"{numbered}XPO{dated}{draw(st.sampled_from('MF<'))}{valid}{composite}"
    return "P<XPO" + names.ljust(39, "<") + "\n" + second, number


@given(passports())
def test_composed_passport_is_read_without_warning(passport: tuple[str, str]) -> None:
    text, number = passport
    zone = parse(text)
    assert (zone.number, zone.warnings) == (number, ())


@given(passports(), st.integers(0, 6))
def test_altered_number_is_noticed(passport: tuple[str, str], change: int) -> None:
    text, number = passport
    # 7-3-1 modulo 10 sees every change that is no multiple of ten.
    altered = CHARACTERS[(CHARACTERS.index(number[0]) + 1 + change) % 10]
    values = "0123456789" + string.ascii_uppercase
    if (values.index(altered) - values.index(number[0])) % 10:
        zone = parse(text[:45] + altered + text[46:])
        assert "mrz-document-number-check-digit" in {w.rule for w in zone.warnings}


@given(st.text(max_size=140))
def test_any_text_is_read_or_refused(text: str) -> None:
    with pytest.raises(MalformedError):
        parse(text)


@pytest.mark.parametrize("kind", SelectorKind)
@given(raw=VALUES)
@example(raw="\ufcf2")  # an Arabic presentation form of optional signs alone
def test_normalised_value_is_its_own_normal_form(kind: SelectorKind, raw: str) -> None:
    for selector in normalise(kind, raw):
        assert selector.value
        assert selector in normalise(kind, selector.value)
        assert selector_bytes(selector)[0] == kind


@given(words=st.lists(NAMES, min_size=1, max_size=5), data=st.data())
def test_order_and_case_of_a_name_do_not_matter(
    words: list[str], data: st.DataObject
) -> None:
    other = [word.lower() for word in data.draw(st.permutations(words))]
    first = normalise(SelectorKind.PERSON_NAME, " ".join(words))
    assert first == normalise(SelectorKind.PERSON_NAME, ", ".join(other))
