# SPDX-License-Identifier: Apache-2.0
import pytest

from selat.core.selectors import (
    Selector,
    SelectorKind,
    normalise,
    selector_bytes,
)


def wide(text: str) -> str:
    return "".join(chr(ord(character) + 0xFEE0) for character in text)


def values(kind: SelectorKind, raw: str, country: str = "") -> list[str]:
    return [s.value for s in normalise(kind, raw, country=country)]


@pytest.mark.parametrize(
    ("kind", "raw", "value"),
    [
        ("DOCUMENT", " l898902c<3 ", "L898902C3"),
        ("DOCUMENT", wide("L898902C3"), "L898902C3"),
        ("DOCUMENT", "٣٤٥ AB", "345AB"),
        ("DOCUMENT", "IX-ЖБ 123456", "IXЖБ123456"),
        ("NATIONAL_ID", "s1234567-d", "S1234567D"),
        ("PHONE", "+65 9123 4567", "+6591234567"),
        ("PHONE", wide("+6591234567"), "+6591234567"),
        ("PHONE", "9123 4567", "91234567"),
        ("EMAIL", " A.Doe@Example.ORG. ", "a.doe@example.org"),
        ("EMAIL", "a[@]example[.]org", "a@example.org"),
        ("EMAIL", "É@exämple.org", "é@xn--exmple-cua.org"),
        ("ONLINE_HANDLE", " @Some_One ", "some_one"),
        ("ACCOUNT", "GB29 NWBK 6016 1331 9268 19", "GB29NWBK60161331926819"),
        ("WALLET", "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa", None),
        ("WALLET", "BC1QW508D6", "bc1qw508d6"),
        ("WALLET", "0xDE0B 2956", "0xde0b2956"),
        ("IMO", "IMO 9074729", "9074729"),
        ("MMSI", "563-000-001", "563000001"),
        ("MMSI", "٣٤٣000001é", "343000001"),
        ("AIRCRAFT", "9v-smf", "9VSMF"),
        ("PLATE", "京A·12345", "京A12345"),
        ("PLATE", "กก 1234", "กก1234"),
        ("VIN", "1m8gdm9axkp042788", "1M8GDM9AXKP042788"),
        ("FIREARM", "ab 12-34", "AB1234"),
        ("CONTAINER", "CSQU 305438 3", "CSQU3054383"),
        ("IMEI", "49-015420-323751-8", "49015420323751"),
        ("IMEI", "4901542032375101", "49015420323751"),
        ("IMSI", "310 150 123456789", "310150123456789"),
        ("LISTING", "QDi.001", "QDI001"),
        ("CASE", "ct/2024 12-3", "CT-2024-12-3"),
        ("CASE", "дело № 5/24", "ДЕЛО-NO-5-24"),
        ("IP", "2001:DB8:0:0::1", "2001:db8::1"),
        ("IP", "::ffff:192.0.2.1", "192.0.2.1"),
        ("IP", "192.0.2[.]7", "192.0.2.7"),
        ("IP", "192.0.2.7/24", "192.0.2.0/24"),
        ("DOMAIN", "WWW.Example.ORG.", "www.example.org"),
        ("DOMAIN", "例え.jp", "xn--r8jz45g.jp"),
        ("FILE_HASH", "SHA256:" + "AB" * 32, "ab" * 32),
        ("FLIGHT", "sq 0308", "SQ308"),
        ("FLIGHT", "SIA308", "SIA308"),
        ("FLIGHT", "9W 012a", "9W12A"),
        ("FLIGHT", "123 45", "12345"),
        ("PERSON_NAME", "Doe, John", "doe john"),
        ("PERSON_NAME", "john DOE", "doe john"),
        ("PERSON_NAME", "O'Neil", "oneil"),
        ("PERSON_NAME", "O\u2019Neil Seán", "oneil seán"),
        ("PERSON_NAME", "al-Rashid", "al rashid"),
        ("PERSON_NAME", "محمّد علي", "علي محمد"),
        ("PERSON_NAME", "नरेन्द्र", "नरेन्द्र"),
        ("PERSON_NAME", "Straße", "strasse"),
        ("ORGANISATION_NAME", "ACME (Holding) Ltd.", "acme holding ltd"),
    ],
)
def test_value_is_normalised(kind: str, raw: str, value: str | None) -> None:
    assert values(SelectorKind[kind], raw) == [raw if value is None else value]


def test_national_telephone_number_uses_its_country() -> None:
    assert values(SelectorKind.PHONE, "9123 4567", "SG") == ["+6591234567"]


def test_name_in_script_without_spaces_has_also_its_exact_form() -> None:
    assert values(SelectorKind.PERSON_NAME, "陈 大文") == ["大文 陈", "陈大文"]
    assert values(SelectorKind.PERSON_NAME, "陈大文") == ["陈大文"]


def test_name_in_script_with_spaces_has_one_key() -> None:
    assert values(SelectorKind.PERSON_NAME, "Иван Ⴀ Петров") == ["иван петров ⴀ"]
    assert values(SelectorKind.PERSON_NAME, "ⅣA é ꟸ") == ["iva é ħ"]


def test_names_never_cross_scripts() -> None:
    latin = normalise(SelectorKind.PERSON_NAME, "Ivan Petrov")
    assert latin != normalise(SelectorKind.PERSON_NAME, "Иван Петров")


@pytest.mark.parametrize(
    "kind",
    # A handle, a wallet's address or a label of the DNS may be all punctuation.
    set(SelectorKind)
    - {SelectorKind.ONLINE_HANDLE, SelectorKind.WALLET, SelectorKind.DOMAIN},
)
@pytest.mark.parametrize("raw", ["", " ", "---", "\u200b", "!?", "—…"])
def test_value_without_content_gives_no_selector(kind: SelectorKind, raw: str) -> None:
    assert normalise(kind, raw) == ()


@pytest.mark.parametrize(
    ("kind", "raw"),
    [
        (SelectorKind.EMAIL, "nobody"),
        (SelectorKind.EMAIL, "@example.org"),
        (SelectorKind.EMAIL, "a@"),
        (SelectorKind.EMAIL, "a@" + "ä" * 70 + ".org"),
        (SelectorKind.IP, "1.2.3"),
        (SelectorKind.IP, "1.2.3.4/99"),
        (SelectorKind.DOMAIN, "http://example.org"),
        (SelectorKind.DOMAIN, "ä" * 70),
        (SelectorKind.DOMAIN, "a" * 254),
        (SelectorKind.DOMAIN, "a b.org"),
        (SelectorKind.FIREARM, "erased"),
        (SelectorKind.FILE_HASH, "ab"),
        (SelectorKind.FILE_HASH, "g" * 64),
    ],
)
def test_value_of_another_form_gives_no_selector(kind: SelectorKind, raw: str) -> None:
    assert normalise(kind, raw) == ()


def test_separators_of_cases_are_kept_apart() -> None:
    kind = SelectorKind.CASE
    assert normalise(kind, "12/345") != normalise(kind, "123/45")


def test_selector_is_encoded_as_kind_and_value() -> None:
    selector = Selector(SelectorKind.PERSON_NAME, "é")
    assert selector_bytes(selector) == b"\x01\xc3\xa9"
