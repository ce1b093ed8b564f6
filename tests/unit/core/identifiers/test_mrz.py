# SPDX-License-Identifier: Apache-2.0
import pytest

from selat.core.identifiers.mrz import Format, check_digit, parse
from selat.errors import MalformedError

# Specimens of ICAO Doc 9303, parts 4 to 7; Utopia (UTO) issues them.
TD3 = """P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<
L898902C36UTO7408122F1204159ZE184226B<<<<<10"""
TD1 = """I<UTOD231458907<<<<<<<<<<<<<<<
7408122F1204159UTO<<<<<<<<<<<6
ERIKSSON<<ANNA<MARIA<<<<<<<<<<"""
TD1_LONG_NUMBER = """I<UTOD23145890<7349<<<<<<<<<<<
3407127M9507122UTO<<<<<<<<<<<2
STEVENSON<<PETER<JOHN<<<<<<<<<"""
TD2 = """I<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<
D231458907UTO7408122F1204159<<<<<<<6"""
TD2_LONG_NUMBER = """I<UTOSTEVENSON<<PETER<JOHN<<<<<<<<<<
D23145890<UTO3407127M95071227349<<<8"""
MRV_A = """V<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<
L8988901C4XXX4009078F96121096ZE184226B<<<<<<"""
MRV_B = """V<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<
L8988901C4XXX4009078F9612109<<<<<<<<"""
SPECIMENS = [
    pytest.param(TD1, Format.TD1, "D23145890", id="TD1"),
    pytest.param(TD1_LONG_NUMBER, Format.TD1, "D23145890734", id="TD1-long"),
    pytest.param(TD2, Format.TD2, "D23145890", id="TD2"),
    pytest.param(TD2_LONG_NUMBER, Format.TD2, "D23145890734", id="TD2-long"),
    pytest.param(TD3, Format.TD3, "L898902C3", id="TD3"),
    pytest.param(MRV_A, Format.MRV_A, "L8988901C", id="MRV-A"),
    pytest.param(MRV_B, Format.MRV_B, "L8988901C", id="MRV-B"),
]


def rules(text: str) -> set[str]:
    return {warning.rule for warning in parse(text).warnings}


def replaced(text: str, position: int, character: str) -> str:
    zone = text.replace("\n", "")
    return zone[:position] + character + zone[position + 1 :]


@pytest.mark.parametrize(
    ("text", "digit"), [("D23145890", "7"), ("340712", "7"), ("AB2134<<<", "5")]
)
def test_published_check_digits_are_computed(text: str, digit: str) -> None:
    assert check_digit(text) == digit


@pytest.mark.parametrize(("text", "kind", "number"), SPECIMENS)
def test_specimen_is_read_without_warning(text: str, kind: Format, number: str) -> None:
    zone = parse(text)
    assert (zone.format, zone.number, zone.warnings) == (kind, number, ())


@pytest.mark.parametrize(("text", "kind", "number"), SPECIMENS)
def test_joined_lines_are_read_like_separate_ones(
    text: str, kind: Format, number: str
) -> None:
    zone = parse(text.replace("\n", ""))
    assert (zone.format, zone.number, zone.warnings) == (kind, number, ())


def test_every_field_of_a_passport_is_read() -> None:
    zone = parse(TD3)
    assert zone.document_code == "P"
    assert zone.issuer == "UTO"
    assert zone.nationality == "UTO"
    assert zone.birth_date == "740812"
    assert zone.sex == "F"
    assert zone.expiry_date == "120415"
    assert zone.optional == ("ZE184226B",)
    assert zone.primary_name == "ERIKSSON"
    assert zone.secondary_name == "ANNA MARIA"


def test_one_name_alone_is_a_primary_name() -> None:
    zone = parse(TD3.replace("ERIKSSON<<ANNA<MARIA", "ERIKSSON<<<<<<<<<<<<"))
    assert (zone.primary_name, zone.secondary_name) == ("ERIKSSON", "")


@pytest.mark.parametrize(
    ("position", "rule"),
    [
        (53, "mrz-document-number-check-digit"),
        (63, "mrz-birth-date-check-digit"),
        (71, "mrz-expiry-date-check-digit"),
        (86, "mrz-personal-number-check-digit"),
    ],
)
def test_wrong_check_digit_warns_and_so_does_the_composite(
    position: int, rule: str
) -> None:
    wrong = str((int(TD3.replace("\n", "")[position]) + 1) % 10)
    assert rules(replaced(TD3, position, wrong)) == {
        rule,
        "mrz-composite-check-digit",
    }


def test_wrong_composite_digit_warns_alone() -> None:
    assert rules(replaced(TD3, 87, "9")) == {"mrz-composite-check-digit"}


def test_long_number_with_wrong_digit_warns() -> None:
    assert "mrz-document-number-check-digit" in rules(
        replaced(TD1_LONG_NUMBER, 18, "8")
    )


def test_long_number_that_does_not_go_on_warns() -> None:
    text = TD1_LONG_NUMBER.replace("<7349", "<<<<<")
    assert "mrz-document-number-check-digit" in rules(text)
    assert parse(text).number == "D23145890"


@pytest.mark.parametrize("digit", ["<", "0"])
def test_empty_personal_number_may_have_a_filler_for_its_digit(digit: str) -> None:
    text = TD3.replace("ZE184226B<<<<<1", "<" * 14 + digit)
    assert rules(text) <= {"mrz-composite-check-digit"}


def test_passport_without_number_is_read() -> None:
    text = TD3.replace("L898902C36", "<" * 10)
    assert parse(text).number == ""
    assert rules(text) == {"mrz-composite-check-digit"}


@pytest.mark.parametrize(
    "state", ["XPO", "D<<", "UNO", "UNA", "XXA", "XXB", "XXC", "XXX", "XOM", "RKS"]
)
def test_every_issuer_of_doc_9303_is_known(state: str) -> None:
    text = TD3.replace("P<UTO", f"P<{state}").replace("6UTO", f"6{state}")
    assert rules(text) == set()
    assert parse(text).issuer == state.rstrip("<")


def test_unknown_states_sex_and_impossible_dates_warn() -> None:
    text = TD3.replace("P<UTO", "P<QQQ").replace("6UTO", "6Q<<")
    text = text.replace("7408122F1204159", "7413122Q1204999")
    assert rules(text) >= {
        "mrz-issuer",
        "mrz-nationality",
        "mrz-sex",
        "mrz-birth-date",
        "mrz-expiry-date",
    }


def test_birth_date_may_be_unknown_in_part() -> None:
    digit = check_digit("74<<<<")
    text = TD3.replace("7408122", f"74<<<<{digit}")
    assert rules(text) == {"mrz-composite-check-digit"}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n\n",
        "P<UTO",
        TD3[:-1],
        TD3 + "<",
        TD3.lower(),
        TD3.replace("<", "-"),
        TD3.replace("A", "\u0391"),
        TD3 + " " * 128,
        "V" + TD1[1:],
        TD3.replace("\n", "").replace("UTOERIK", "UTO\nERIK"),
    ],
    ids=[
        "empty",
        "blank",
        "short",
        "one-less",
        "one-more",
        "lower-case",
        "hyphens",
        "greek-alpha",
        "too-long",
        "visa-of-90",
        "broken-elsewhere",
    ],
)
def test_malformed_zone_is_refused(text: str) -> None:
    with pytest.raises(MalformedError):
        parse(text)


def test_check_digit_of_other_characters_is_refused() -> None:
    with pytest.raises(MalformedError):
        check_digit("ab")


def test_check_digit_of_nothing_is_zero() -> None:
    assert check_digit("") == "0"


def test_warnings_hold_no_value() -> None:
    messages = " ".join(w.message for w in parse(replaced(TD3, 53, "1")).warnings)
    assert "L898902C" not in messages
