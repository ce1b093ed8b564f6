# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import pytest

from selat.errors import ConfigurationError
from selat.policy.catalogue import MEASURES, RECORD_TYPES, Deadline
from selat.policy.catalogue_file import (
    CATALOGUE_FILE,
    MAX_CATALOGUE_BYTES,
    default_policy_folder,
    load_catalogue,
    parse_catalogue,
)

REPOSITORY = Path(__file__).parents[3]

SEVENTEEN = (
    "hostage",
    "judicial",
    "transport",
    "piracy",
    "terrorist-financing",
    "money-laundering",
    "terrorism",
    "joint-action",
    "firearms",
    "travel-documents",
    "migrant-smuggling",
    "drugs",
    "human-trafficking",
    "research",
    "smuggling",
    "cybercrime",
    "sanctions",
)

SMALL = """\
version = 1

[deadlines]
normal = { answer_minutes = 10080 }

[instruments]
treaty = "A treaty (2001)"

[[category]]
id = "drugs"
title = "Drugs"
measure = "9"
legal_bases = ["treaty"]
record_types = ["seizure"]
marking = { level = "restricted", handling = ["H0"], tlp = "amber" }
purposes = ["investigation"]
longest_retention_days = 365

[[category]]
id = "firearms"
title = "Firearms"
measure = "6"
legal_bases = ["treaty"]
record_types = ["firearm"]
marking = { level = "restricted", handling = [], tlp = "amber" }
purposes = ["investigation"]
longest_retention_days = 365
deadlines = { normal = { answer_minutes = 60 }, judicial = {} }
"""


def refused(raw: bytes | str) -> ConfigurationError:
    encoded = raw.encode() if isinstance(raw, str) else raw
    with pytest.raises(ConfigurationError) as caught:
        parse_catalogue(encoded, source="categories.toml")
    assert caught.value.remedy
    assert caught.value.context["file"] == "categories.toml"
    return caught.value


def test_shipped_catalogue_has_the_seventeen_categories_of_the_design() -> None:
    assert tuple(load_catalogue().categories) == SEVENTEEN


def test_shipped_catalogue_covers_every_kind_of_record() -> None:
    catalogue = load_catalogue()

    homeless = {name for name in RECORD_TYPES if not catalogue.categories_of(name)}
    assert not homeless


def test_shipped_catalogue_serves_every_measure_that_has_a_category() -> None:
    served = {category.measure for category in load_catalogue().categories.values()}

    # Measure 8 (fugitives and proceeds) is served by "judicial" as well.
    assert served == MEASURES - {"8"}


def test_shipped_catalogue_uses_every_instrument_that_it_names() -> None:
    catalogue = load_catalogue()
    used = {
        basis
        for category in catalogue.categories.values()
        for basis in category.legal_bases
    }

    assert used == set(catalogue.instruments.values())


def test_shipped_catalogue_names_the_resolutions_of_the_founding_statement() -> None:
    instruments = load_catalogue().instruments

    for number in ("2161", "2170", "2199", "2249", "2255"):
        assert f"unscr-{number}" in instruments
    assert "Taliban" in instruments["unscr-2255"].title


def test_victims_are_marked_most_strictly_by_default() -> None:
    category = load_catalogue().categories["human-trafficking"]

    assert category.marking.tlp == "red"
    assert "H2" in category.marking.handling


def test_flash_requests_are_answered_within_the_hour_everywhere() -> None:
    flash = Deadline(acknowledge_minutes=15, answer_minutes=60)

    for category in load_catalogue().categories.values():
        assert category.deadlines["flash"] == flash


def test_judicial_requests_are_answered_as_the_treaty_says() -> None:
    deadlines = load_catalogue().categories["judicial"].deadlines

    assert deadlines["judicial"] == Deadline()


def test_package_ships_every_file_of_the_policy_folder() -> None:
    policy = REPOSITORY / "policy"
    shipped = default_policy_folder()

    for file in (path for path in policy.rglob("*") if path.is_file()):
        # On failure: ln -s, relative, from node/selat/policy/data to the file.
        assert (shipped / file.relative_to(policy)).resolve() == file


def test_category_has_the_common_deadlines_unless_it_has_its_own() -> None:
    catalogue = parse_catalogue(SMALL.encode(), source="small")

    assert catalogue.categories["drugs"].deadlines == {
        "normal": Deadline(answer_minutes=10080)
    }
    assert catalogue.categories["firearms"].deadlines == {
        "normal": Deadline(answer_minutes=60),
        "judicial": Deadline(),
    }


def test_state_may_keep_its_own_catalogue(tmp_path: Path) -> None:
    (tmp_path / CATALOGUE_FILE).write_text(SMALL)

    assert list(load_catalogue(tmp_path).categories) == ["drugs", "firearms"]


def test_missing_catalogue_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="No such file"):
        load_catalogue(tmp_path)


@pytest.mark.parametrize(
    ("old", "new", "line", "key", "says"),
    [
        # The whole file.
        ("version = 1", "version = 2", 1, "version", "reads version 1"),
        ("version = 1", "version = true", 1, "version", "whole number"),
        ("version = 1", "version = 1.0", 1, "version", "whole number"),
        ("version = 1\n", "", 1, "version", "'version' is missing"),
        ("version = 1", "version = 1\nversoin = 1", 2, "versoin", "no key"),
        # Common deadlines.
        ("{ answer_minutes = 10080 }", "10080", 4, "normal", "a table"),
        ("answer_minutes = 10080", 'answer_minutes = "1"', 4, "normal", "whole"),
        ("answer_minutes = 10080", "answer_minutes = -1", 3, "deadlines", "1 to"),
        ("answer_minutes = 10080", "hours = 1", 4, "normal", "no key 'hours'"),
        ("normal =", "nomral =", 4, "nomral", "no key 'nomral'"),
        # Instruments.
        ('treaty = "A treaty (2001)"', "treaty = 1", 7, "treaty", "in quotes"),
        ('treaty = "A treaty (2001)"', 'treaty = ""', 7, "treaty", "not empty"),
        ('treaty = "A', 'Treaty = "A', 7, "Treaty", "lower-case"),
        # The first category.
        ('id = "drugs"', "id = 1", 10, "id", "in quotes"),
        ('title = "Drugs"\n', "", 9, "title", "'title' is missing"),
        ('measure = "9"', "measure = 9", 12, "measure", "in quotes"),
        ('measure = "9"', 'measure = "19"', 12, "measure", "no measure '19'"),
        ('legal_bases = ["treaty"]', "legal_bases = []", 13, "legal_bases", "without"),
        ('bases = ["treaty"]', 'bases = ["t"]', 13, "legal_bases", "no 't'"),
        ('["seizure"]', '"seizure"', 14, "record_types", "a list"),
        ('["seizure"]', '["seizure", 1]', 14, "record_types", "in quotes"),
        ('["seizure"]', '["seizure", "seizure"]', 14, "record_types", "twice"),
        ('["seizure"]', '["seizures"]', 14, "record_types", "no name 'seizures'"),
        ('level = "restricted", ', "", 15, "marking", "'level' is missing"),
        ('level = "restricted"', 'levle = "restricted"', 15, "marking", "no key"),
        ('level = "restricted"', 'level = "royal"', 15, "marking", "no level"),
        ('["investigation"]', '["revenge"]', 16, "purposes", "no name 'revenge'"),
        ("days = 365", "days = 365.5", 17, "longest_retention_days", "whole"),
        ("days = 365", "days = 0", 17, "longest_retention_days", "1 to"),
    ],
)  # fmt: skip
def test_error_names_file_line_key_and_rule(
    old: str, new: str, line: int, key: str, says: str
) -> None:
    assert old in SMALL
    error = refused(SMALL.replace(old, new, 1))

    assert str(error).startswith(f"categories.toml, line {line}, ")
    assert f"key '{key}': " in str(error)
    assert says in str(error)
    assert error.context["line"] == line


def test_error_in_a_later_category_leads_to_that_category() -> None:
    error = refused(SMALL.replace('["firearm"]', '["gun"]'))

    assert "line 24, category \"firearms\", key 'record_types'" in str(error)


def test_second_category_of_the_same_name_is_refused() -> None:
    error = refused(SMALL.replace('id = "firearms"', 'id = "drugs"'))

    assert error.context["line"] == 20
    assert "same identifier" in str(error)


def test_error_in_a_category_written_inline_still_names_the_file() -> None:
    head = SMALL.partition("[[category]]")[0]
    error = refused(head.replace("\n[dead", 'category = [{ id = "x" }]\n[dead', 1))

    assert "is missing" in str(error)
    assert error.context["line"] == 1


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        (
            "[deadlines]\nnormal = { answer_minutes = 10080 }",
            "deadlines = 1",
            "a table",
        ),
        ('[instruments]\ntreaty = "A treaty (2001)"', "", "is missing"),
        ("[[category]]", "[category]", "at least one"),
    ],
)
def test_table_of_the_wrong_shape_is_refused(old: str, new: str, says: str) -> None:
    one_category = SMALL.partition('\n[[category]]\nid = "f')[0]
    assert old in one_category

    assert says in str(refused(one_category.replace(old, new)))


def test_catalogue_without_categories_is_refused() -> None:
    head = SMALL.partition("[[category]]")[0]

    assert "at least one" in str(refused("category = []\n" + head))
    assert "it must be a table" in str(refused("category = [1]\n" + head))


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\xff\xfe",
        b"\x00",
        b"version = 1\nversion = 1\n",
        b"version = ",
        b"x = " + b"[" * 20_000,
        b"version = " + b"9" * 20_000,
        SMALL.encode()[:-20],
    ],
)
def test_hostile_bytes_are_refused(raw: bytes) -> None:
    assert refused(raw).reason == "CONFIGURATION"


def test_syntax_error_names_the_line() -> None:
    assert "line 2" in str(refused("version = 1\nwhat is this\n"))


def test_file_over_the_limit_is_refused_unread() -> None:
    padded = SMALL.encode() + b"#" * MAX_CATALOGUE_BYTES

    assert "more than" in str(refused(padded))


def test_long_key_is_not_repeated_in_full() -> None:
    error = refused(f"{'k' * 5_000} = 1\n{SMALL}")

    assert len(str(error)) < 400
