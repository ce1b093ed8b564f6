# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from selat.importers.un_list.name_texts import (
    names_in_remark,
    script_of,
    split_names,
    without_acronym,
)


@pytest.mark.parametrize(
    ("text", "script"),
    [
        ("Antek Borono", "Latn"),
        ("Антек", "Cyrl"),
        ("أنتك", "Arab"),
        ("陈大文", "Hani"),
        ("สมชาย", "Thai"),
        ("Antek Антек", ""),
        ("12345", ""),
        ("ⲁⲃ", "Zyyy"),
    ],
)
def test_script_of_a_name(text: str, script: str) -> None:
    assert script_of(text) == script


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("Antek Borono", ["Antek Borono"]),
        ("Antek; Anton ;Antoni", ["Antek", "Anton", "Antoni"]),
        ("a) Antek Borono b) Anton B.", ["Antek Borono", "Anton B."]),
        ("Antek; Antek", ["Antek"]),
        ("Antek (Антек)", ["Antek", "Антек"]),
        ("Antek (original script: Антек Б.)", ["Antek", "Антек Б."]),
        ("Антек (Antek; Anton)", ["Антек", "Antek", "Anton"]),
        ("Antek Borono Антек Бороно", ["Antek Borono", "Антек Бороно"]),
        ("Антек (original script); Antek (ATK)", ["Антек", "Antek", "ATK"]),
        ("Antek son of Bor (Антек), ", ["Antek son of Bor", "Антек"]),
        ("Antek (Tony) Borono", ["Antek (Tony) Borono"]),
        ("(Sheikh) Antek", ["(Sheikh) Antek"]),
        ("-", []),
        ("", []),
    ],
)
def test_each_spelling_is_a_name_of_its_own(text: str, names: list[str]) -> None:
    assert [name.full for name in split_names(text)] == names


@pytest.mark.parametrize(
    ("text", "full", "note"),
    [
        ("Antek Borono (birth name)", "Antek Borono", "birth name"),
        ("ANTEK (COMBAT NAME)", "ANTEK", "combat name"),
        ("Antek (previously listed as)", "Antek", "previously listed as"),
        ("Antek born in 1963", "Antek", "born in 1963"),
        (
            "Antek, born 1 Jan. 1953 (passport no. 1)",
            "Antek",
            "born 1 Jan. 1953 (passport no. 1)",
        ),
        (
            "Antek (false identity that is told of in a long remark)",
            "Antek",
            "false identity that is told of in a long remark",
        ),
        ("Antek Reborn 1", "Antek Reborn 1", ""),
    ],
)
def test_remark_behind_a_name_is_its_note(text: str, full: str, note: str) -> None:
    [name] = split_names(text)
    assert (name.full, name.note) == (full, note)


def test_remark_stays_with_its_name_among_several_scripts() -> None:
    first, second = split_names("Сеть (Example Network - sub-unit name)")
    assert (first.full, first.note) == ("Сеть", "")
    assert (second.full, second.note) == ("Example Network", "sub-unit name")


@pytest.mark.parametrize(
    ("remark", "script", "names", "rest"),
    [
        ("original script: Антек", "Latn", ["Антек"], ""),
        (
            "Previously listed as. In Arabic: أنتك",
            "Latn",
            ["أنتك"],
            "Previously listed as",
        ),
        ("in Arabic script: unknown", "Latn", [], "in Arabic script: unknown"),
        ("Antek; Anton", "Cyrl", ["Antek", "Anton"], ""),
        ("(Antek; Anton) known so", "Cyrl", ["Antek", "Anton"], "known so"),
        ("born in 1971 (Antek; Anton)", "Latn", ["Antek", "Anton"], "born in 1971"),
        ("nom de guerre", "Latn", [], "nom de guerre"),
        ("brother; cousin", "Latn", [], "brother; cousin"),
        ("(DOB 1970; POB Orsk)", "Latn", [], "(DOB 1970; POB Orsk)"),
        ("", "Latn", [], ""),
    ],
)
def test_names_are_found_in_a_remark(
    remark: str, script: str, names: list[str], rest: str
) -> None:
    found, said = names_in_remark(remark, script=script)
    assert [name.full for name in found] == names
    assert said == rest


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (
            "Committee of Example Matters (CEM)",
            ("Committee of Example Matters", "CEM"),
        ),
        ("Al-Example in the Peninsula (AEP)", ("Al-Example in the Peninsula", "AEP")),
        ("Example Fund (KENYA)", ("", "")),
        ("Example Fund (branch)", ("", "")),
        ("Example Fund", ("", "")),
    ],
)
def test_acronym_is_cut_off_only_when_it_is_one(
    name: str, expected: tuple[str, str]
) -> None:
    assert without_acronym(name) == expected


@given(st.text(max_size=80))
def test_no_letter_is_lost_or_added(text: str) -> None:
    written = "".join(text.split())
    for name in split_names(text):
        for word in name.full.split():
            assert word in written or set("()") & set(word)
