# SPDX-License-Identifier: Apache-2.0
"""Machine-readable zones of travel documents (ICAO Doc 9303, parts 3 to 7).

Reads the zones of TD1, TD2 and TD3 documents and of MRV-A and MRV-B visas, and
recomputes every check digit. Issuers outside ISO 3166-1 are read like any
other. It neither corrects what a reader misread nor transliterates names.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from selat.core.identifiers.countries import is_mrz_state
from selat.core.identifiers.findings import CheckWarning
from selat.errors import MalformedError

MAX_TEXT_LENGTH: Final = 128
"""Characters; the longest zone has 90, line breaks and spaces come on top."""

FILLER: Final = "<"

# Doc 9303-3, 4.9: digits count as themselves, A to Z as 10 to 35, filler as 0.
_VALUES: Final = {
    character: value
    for value, character in enumerate("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ")
} | {FILLER: 0}
_WEIGHTS: Final = (7, 3, 1)

_CHARACTERS: Final = re.compile(r"[A-Z0-9<]+")
_DATE: Final = re.compile(
    r"(?:[0-9]{2}|<<)(?:0[1-9]|1[0-2]|<<)(?:0[1-9]|[12][0-9]|3[01]|<<)"
)


class Format(StrEnum):
    """The formats of a machine-readable zone."""

    TD1 = "TD1"
    TD2 = "TD2"
    TD3 = "TD3"
    MRV_A = "MRV-A"
    MRV_B = "MRV-B"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Layout:
    """Where a format keeps its fields, as slices of the joined lines.

    A check digit stands directly behind the field that it checks.
    """

    number: slice
    birth: slice
    sex: int
    expiry: slice
    nationality: slice
    optional: tuple[slice, ...]
    names: slice
    composite: tuple[slice, ...] = ()
    composite_digit: int = -1


_LAYOUTS: Final = {
    # Doc 9303-5, 4.2: three lines of 30.
    Format.TD1: _Layout(
        number=slice(5, 14),
        birth=slice(30, 36),
        sex=37,
        expiry=slice(38, 44),
        nationality=slice(45, 48),
        optional=(slice(15, 30), slice(48, 59)),
        names=slice(60, 90),
        composite=(slice(5, 30), slice(30, 37), slice(38, 45), slice(48, 59)),
        composite_digit=59,
    ),
    # Doc 9303-6, 4.2: two lines of 36.
    Format.TD2: _Layout(
        number=slice(36, 45),
        nationality=slice(46, 49),
        birth=slice(49, 55),
        sex=56,
        expiry=slice(57, 63),
        optional=(slice(64, 71),),
        names=slice(5, 36),
        composite=(slice(36, 46), slice(49, 56), slice(57, 71)),
        composite_digit=71,
    ),
    # Doc 9303-4, 4.2: two lines of 44; the personal number has its own digit.
    Format.TD3: _Layout(
        number=slice(44, 53),
        nationality=slice(54, 57),
        birth=slice(57, 63),
        sex=64,
        expiry=slice(65, 71),
        optional=(slice(72, 86),),
        names=slice(5, 44),
        composite=(slice(44, 54), slice(57, 64), slice(65, 87)),
        composite_digit=87,
    ),
    # Doc 9303-7, 4.2: two lines of 44, without composite digit.
    Format.MRV_A: _Layout(
        number=slice(44, 53),
        nationality=slice(54, 57),
        birth=slice(57, 63),
        sex=64,
        expiry=slice(65, 71),
        optional=(slice(72, 88),),
        names=slice(5, 44),
    ),
    # Doc 9303-7, 5.2: two lines of 36, without composite digit.
    Format.MRV_B: _Layout(
        number=slice(36, 45),
        nationality=slice(46, 49),
        birth=slice(49, 55),
        sex=56,
        expiry=slice(57, 63),
        optional=(slice(64, 72),),
        names=slice(5, 36),
    ),
}

_DOCUMENTS: Final = {90: Format.TD1, 72: Format.TD2, 88: Format.TD3}
_VISAS: Final = {72: Format.MRV_B, 88: Format.MRV_A}
_LINE_COUNTS: Final = {90: 3, 72: 2, 88: 2}


@dataclass(frozen=True, slots=True, kw_only=True)
class MachineReadableZone:
    """What a machine-readable zone says, fillers removed.

    Attributes:
        format: Format of the document.
        document_code: One or two letters, for example ``P`` or ``ID``.
        issuer: Issuing state or body, one to three letters (``D``, ``UNO``).
        number: Document number, also where it is longer than nine characters.
        nationality: Nationality of the holder, one to three letters.
        birth_date: YYMMDD; unknown parts are fillers. The century is unknown.
        sex: ``M``, ``F``, or ``<`` where it is not specified.
        expiry_date: YYMMDD.
        optional: The issuer's own data fields, in the order of the zone.
        primary_name: Surname, as transliterated by the issuer.
        secondary_name: Given names; empty where there is none.
        warnings: The checks that fail.
    """

    format: Format
    document_code: str
    issuer: str
    number: str
    nationality: str
    birth_date: str
    sex: str
    expiry_date: str
    optional: tuple[str, ...]
    primary_name: str
    secondary_name: str
    warnings: tuple[CheckWarning, ...]


def check_digit(text: str) -> str:
    """Compute a check digit with weights 7-3-1 modulo 10 (Doc 9303-3, 4.9).

    Args:
        text: Characters A to Z, 0 to 9 and ``<``.

    Returns:
        One decimal digit.

    Raises:
        MalformedError: If another character occurs.
    """
    if text and not _CHARACTERS.fullmatch(text):
        raise MalformedError("A machine-readable zone has only A-Z, 0-9 and '<'.")
    return str(
        sum(
            _VALUES[character] * _WEIGHTS[position % 3]
            for position, character in enumerate(text)
        )
        % 10
    )


def parse(text: str) -> MachineReadableZone:
    """Read a machine-readable zone and verify every check digit in it.

    Args:
        text: Two or three lines, or the same joined; spaces are ignored.

    Returns:
        What the zone says, with a warning for each check that fails.

    Raises:
        MalformedError: If lengths or characters fit no format.
    """
    zone = _joined(text)
    kind = (_VISAS if zone[0] == "V" else _DOCUMENTS).get(len(zone), Format.TD1)
    layout = _LAYOUTS[kind]
    number, optional, warnings = _number_and_optional(zone, kind)
    warnings += _date_warnings(zone, layout) + _code_warnings(zone, layout)
    if kind is Format.TD3:
        warnings += _personal_number_warning(zone)
    if layout.composite:
        checked = "".join(zone[part] for part in layout.composite)
        if check_digit(checked) != zone[layout.composite_digit]:
            warnings.append(_digit_warning("composite"))
    primary, _, secondary = zone[layout.names].partition(FILLER * 2)
    return MachineReadableZone(
        format=kind,
        document_code=zone[:2].rstrip(FILLER),
        issuer=zone[2:5].rstrip(FILLER),
        number=number,
        nationality=zone[layout.nationality].rstrip(FILLER),
        birth_date=zone[layout.birth],
        sex=zone[layout.sex],
        expiry_date=zone[layout.expiry],
        optional=optional,
        primary_name=_words(primary),
        secondary_name=_words(secondary),
        warnings=tuple(warnings),
    )


def _joined(text: str) -> str:
    """Return the zone as one text, after checking lengths and characters."""
    if len(text) > MAX_TEXT_LENGTH:
        raise MalformedError(
            f"A machine-readable zone has at most {MAX_TEXT_LENGTH} characters."
        )
    lines = [line for line in map(_without_spaces, text.splitlines()) if line]
    zone = "".join(lines)
    count = _LINE_COUNTS.get(len(zone))
    fits = count is not None and (
        len(lines) == 1 or {len(line) for line in lines} == {len(zone) // count}
    )
    if not fits or (zone[0] == "V" and len(zone) not in _VISAS):
        raise MalformedError(
            "The lines have no length of a machine-readable zone.",
            remedy="Give 3 lines of 30, 2 of 36 or 2 of 44 characters.",
        )
    if not _CHARACTERS.fullmatch(zone):
        raise MalformedError("A machine-readable zone has only A-Z, 0-9 and '<'.")
    return zone


def _without_spaces(line: str) -> str:
    return "".join(line.split())


def _words(names: str) -> str:
    return " ".join(names.replace(FILLER, " ").split())


def _digit_warning(field: str) -> CheckWarning:
    return CheckWarning(
        rule=f"mrz-{field}-check-digit",
        message=f"The check digit of the {field.replace('-', ' ')} is wrong.",
    )


def _number_and_optional(
    zone: str, kind: Format
) -> tuple[str, tuple[str, ...], list[CheckWarning]]:
    """Return document number, optional data and the number's warning.

    A number of more than nine characters has a filler for its check digit and
    goes on in the optional data: the rest, its check digit, a filler (Doc
    9303-5, 4.2.2, note j; 9303-6, 4.2.2, note j).
    """
    layout = _LAYOUTS[kind]
    number, digit = zone[layout.number], zone[layout.number.stop]
    optional = [zone[part] for part in layout.optional]
    full = digit == FILLER and FILLER not in number
    if full and kind in (Format.TD1, Format.TD2):
        rest, _, optional[0] = optional[0].partition(FILLER)
        number, digit = number + rest[:-1], rest[-1:]
    # The digit of an empty number may be a filler.
    holds = not number.strip(FILLER) or check_digit(number) == digit
    return (
        number.strip(FILLER),
        tuple(item.strip(FILLER) for item in optional),
        [] if holds else [_digit_warning("document-number")],
    )


def _personal_number_warning(zone: str) -> list[CheckWarning]:
    """Check the personal number of a TD3 zone (Doc 9303-4, 4.2.2.2)."""
    personal, digit = zone[72:86], zone[86]
    if digit == FILLER and not personal.strip(FILLER):
        return []
    holds = check_digit(personal) == digit
    return [] if holds else [_digit_warning("personal-number")]


def _date_warnings(zone: str, layout: _Layout) -> list[CheckWarning]:
    """Check the digits of both dates and whether they can be dates at all."""
    warnings = []
    for field, part in (("birth-date", layout.birth), ("expiry-date", layout.expiry)):
        if check_digit(zone[part]) != zone[part.stop]:
            warnings.append(_digit_warning(field))
        if not _DATE.fullmatch(zone[part]):
            warnings.append(
                CheckWarning(
                    rule=f"mrz-{field}",
                    message=f"The {field.replace('-', ' ')} is no date YYMMDD.",
                )
            )
    return warnings


def _code_warnings(zone: str, layout: _Layout) -> list[CheckWarning]:
    """Check the codes of issuer, nationality and sex."""
    warnings = [
        CheckWarning(
            rule=f"mrz-{field}",
            message=f"The {field} is no code of ISO 3166-1 or ICAO Doc 9303-3.",
        )
        for field, code in (
            ("issuer", zone[2:5]),
            ("nationality", zone[layout.nationality]),
        )
        if not is_mrz_state(code.rstrip(FILLER))
    ]
    if zone[layout.sex] not in "MF<":
        warnings.append(
            CheckWarning(rule="mrz-sex", message="The sex is not one of M, F and '<'.")
        )
    return warnings
