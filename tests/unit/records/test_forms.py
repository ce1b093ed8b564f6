# SPDX-License-Identifier: Apache-2.0
import pytest

from selat.records.forms import FORMS
from selat.v1 import options_pb2

GOOD = [
    ("COUNTRY", ["SG", "XA", "UNO"]),
    ("CURRENCY", ["SGD", "XAU"]),
    ("PARTIAL_DATE", ["1984", "1984-02", "1984-02-28", "2024-02-29", "1999-12-31"]),
    ("LANGUAGE", ["ms", "zh-Hant", "zh-Hant-TW", "es-419", "sl-rozaj", "en-x-note"]),
    ("NODE_NAME", ["police.xa.example", "a.b", "a-1.b2", "a" * 63 + ".example"]),
    ("DECIMAL", ["0", "10.50", "-3", "007"]),
    ("SCRIPT", ["Latn", "Khmr"]),
    ("CATEGORY", ["terrorism", "terrorist-financing"]),
]
BAD = [
    ("COUNTRY", ["sg", "SGP", "QQ", "Singapore", " SG"]),
    ("CURRENCY", ["sgd", "S$", "QQQ"]),
    (
        "PARTIAL_DATE",
        [
            "0000",
            "84",
            "1984-13",
            "1984-00",
            "2023-02-29",
            "1984-04-31",
            "1984-1-1",
            "1984-01-01T00:00",
            "١٩٨٤",
            "1984-",
            "1984\n",
        ],
    ),
    ("LANGUAGE", ["", "English", "EN", "zh-hant", "en_GB", "e"]),
    (
        "NODE_NAME",
        [
            "Police.xa.example",
            "police",
            "police..example",
            "-a.example",
            "a-.example",
            "a.example.",
            "a_b.example",
            "a" * 64 + ".example",
            ("a" * 60 + ".") * 5 + "example",
            "münchen.example",
        ],
    ),
    ("DECIMAL", ["", "1e5", "1,5", ".5", "5.", "+1", "NaN", "٣"]),
    ("SCRIPT", ["latn", "LATN", "Lat"]),
    ("CATEGORY", ["Terrorism", "a--b", "-a", "a_b", "1a"]),
]


def cases(table: list[tuple[str, list[str]]]) -> list[tuple[str, str]]:
    return [(form, text) for form, texts in table for text in texts]


def fits(form: str, text: str) -> bool:
    return bool(FORMS[options_pb2.TextForm.Value(f"TEXT_FORM_{form}")].fits(text))


@pytest.mark.parametrize(("form", "text"), cases(GOOD))
def test_text_has_its_form(form: str, text: str) -> None:
    assert fits(form, text)


@pytest.mark.parametrize(("form", "text"), cases(BAD))
def test_text_has_not_its_form(form: str, text: str) -> None:
    assert not fits(form, text)


def test_every_form_of_the_proto_is_known() -> None:
    assert set(FORMS) == set(options_pb2.TextForm.values()) - {0}
