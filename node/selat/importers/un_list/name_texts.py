# SPDX-License-Identifier: Apache-2.0
"""Single names out of the texts in which the list writes several.

The list puts spellings side by side ("Doe; Dow"), a name in its own script into
brackets or without any, and remarks behind a name. Each spelling becomes a name
of its own, because names are matched as wholes. No letter is changed, added or
put into another script.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import Final

_MAX_BRACKETED_NAME: Final = 40
"""Letters in brackets that may still be part of a name; longer is a remark."""

# Scripts of Unicode character names, as ISO 15924 codes.
_SCRIPTS: Final = {
    "ARABIC": "Arab",
    "ARMENIAN": "Armn",
    "BENGALI": "Beng",
    "CJK": "Hani",
    "CYRILLIC": "Cyrl",
    "DEVANAGARI": "Deva",
    "ETHIOPIC": "Ethi",
    "GEORGIAN": "Geor",
    "GREEK": "Grek",
    "HANGUL": "Hang",
    "HEBREW": "Hebr",
    "HIRAGANA": "Jpan",
    "KATAKANA": "Jpan",
    "KHMER": "Khmr",
    "LAO": "Laoo",
    "LATIN": "Latn",
    "MYANMAR": "Mymr",
    "TAMIL": "Taml",
    "THAI": "Thai",
}

# "a) … b) …" and "…; …" set names side by side.
_SEPARATOR: Final = re.compile(r"\s*;\s*|(?:^|\s+)[a-z]\)\s+")
_SCRIPT_LABEL: Final = re.compile(
    r"\(?\b(?:original script|in arabic(?: script)?)\b:?\s?\)?", re.IGNORECASE
)
_REMARK: Final = re.compile(
    r"\s*\((previously listed as|formerly listed as|[\w-]+ name)\)"
    r"|\s+-\s+(sub-unit name)",
    re.IGNORECASE,
)
_BORN: Final = re.compile(r",?\s+(born\s+(?:in\s+)?\d.*)", re.DOTALL)
_BRACKETS: Final = re.compile(r"[()\[\]]")
# At least two, without digits: spellings and no data.
_SPELLINGS: Final = re.compile(r"\(([^();:\d]+(?:;[^();:\d]+)+)\)")
_ACRONYM: Final = re.compile(
    r"(?P<name>[^()]+) \((?P<acronym>[A-Za-z][A-Za-z-]{1,11})\)"
)
_WORDS: Final = re.compile(r"[^\W\d_]+")
_TAIL: Final = re.compile(r"\s*\((?P<remark>[^()]*)\)\s*$")


@dataclass(frozen=True, slots=True, kw_only=True)
class NameText:
    """One name.

    Attributes:
        full: The name as written.
        script: ISO 15924 code; empty for one that is not known, or several.
        note: What the list remarks on it.
    """

    full: str
    script: str
    note: str = ""


def script_of(text: str) -> str:
    """Return the script of a text's letters, or ``""`` when there are several."""
    scripts = {_script(letter) for letter in text if letter.isalpha()}
    return scripts.pop() if len(scripts) == 1 else ""


def split_names(text: str) -> tuple[NameText, ...]:
    """Return the names that a text sets side by side, in its order.

    Args:
        text: A name, an alias, or several.

    Returns:
        Each different name once; nothing for a text without a letter or digit.
    """
    names: dict[str, NameText] = {}
    for part in _parts(text):
        name = _name(part)
        if any(character.isalnum() for character in name.full):
            names.setdefault(name.full, name)
    return tuple(names.values())


def names_in_remark(remark: str, *, script: str) -> tuple[tuple[NameText, ...], str]:
    """Return the names that a remark on a name holds.

    Args:
        remark: For example ``original script: …`` or ``(Doe; Dow)``.
        script: Script of the name that the remark stands beside.

    Returns:
        The names, and what the remark says beside them.
    """
    label = _SCRIPT_LABEL.search(remark)
    if label:
        names = split_names(remark[label.end() :])
        if names and "Latn" not in {name.script for name in names}:
            return names, remark[: label.start()].strip(" .,:;")
    bracketed = _SPELLINGS.search(remark)
    if bracketed:
        rest = remark[: bracketed.start()] + remark[bracketed.end() :]
        return split_names(bracketed[1]), " ".join(rest.split())
    # Spellings of a name in another script, side by side.
    if script != "Latn" and _SPELLINGS.fullmatch(f"({remark})"):
        return split_names(remark), ""
    return (), remark


def without_acronym(name: str) -> tuple[str, str]:
    """Cut the acronym in brackets off the name of an organisation.

    Args:
        name: For example ``Committee of Example Matters (CEM)``.

    Returns:
        The name and its acronym; two empty texts when what stands in brackets
        is not made of the initials of the name.
    """
    match = _ACRONYM.fullmatch(name)
    if match is None:
        return "", ""
    initials = iter(word[0].upper() for word in _WORDS.findall(match["name"]))
    if all(letter in initials for letter in match["acronym"].replace("-", "").upper()):
        return match["name"], match["acronym"]
    return "", ""


def _parts(text: str) -> list[str]:
    """Cut at separators; where scripts are mixed, also at brackets and scripts."""
    if script_of(text):
        return _SEPARATOR.split(text)
    unlabelled = _SCRIPT_LABEL.sub(" ", _REMARK.sub(_marked, text))
    return [
        run.replace("\N{START OF TEXT}", " (").replace("\N{END OF TEXT}", ")")
        for piece in _SEPARATOR.split(_BRACKETS.sub(";", unlabelled))
        for run in _script_runs(piece)
    ]


def _marked(match: re.Match[str]) -> str:
    """Keep a remark beside its name while brackets are cut."""
    return f"\N{START OF TEXT}{match[1] or match[2]}\N{END OF TEXT}"


def _script_runs(text: str) -> list[str]:
    """Cut a text between a word in Latin and one in another script."""
    runs: list[list[str]] = []
    last: bool | None = None
    for word in text.split():
        letters = [letter for letter in word if letter.isalpha()]
        latin = (
            all(_script(letter) == "Latn" for letter in letters) if letters else last
        )
        if not runs or (last is not None and latin is not last):
            runs.append([])
        runs[-1].append(word)
        last = latin
    return [" ".join(run) for run in runs]


def _name(part: str) -> NameText:
    notes: list[str] = []
    remark = _REMARK.search(part)
    if remark:
        notes.append((remark[1] or remark[2]).lower())
        part = part[: remark.start()] + part[remark.end() :]
    born = _BORN.search(part)
    if born:
        notes.append(born[1])
        part = part[: born.start()]
    tail = _TAIL.search(part)
    if tail and len(tail["remark"]) > _MAX_BRACKETED_NAME:
        notes.append(tail["remark"])
        part = part[: tail.start()]
    full = part.strip(" ,;:")
    return NameText(full=full, script=script_of(full), note="; ".join(notes))


def _script(letter: str) -> str:
    return _SCRIPTS.get(unicodedata.name(letter, "?").split()[0].split("-")[0], "Zyyy")
