# SPDX-License-Identifier: Apache-2.0
"""Keys of names: the same key for the same name, however it was set down.

"Doe, John" and "john doe" have one key. A key never crosses scripts: nobody
but the issuing state may say how its names are written in another script, so
each spelling that a record holds has a key of its own. Keys find candidates; a
person decides whether two names are one.
"""

from __future__ import annotations

import unicodedata
from typing import Final

# ASCII: letters to lower case, digits kept, apostrophes dropped ("O'Neil" is
# "ONeil"), everything else a space. Index is the code point.
_ASCII: Final = [
    None if chr(point) in "'`" else chr(point).lower() if chr(point).isalnum() else " "
    for point in range(128)
]

# Signs that writers set or leave out at will: apostrophes and the half rings
# of romanised Arabic, Arabic tatweel and vowel signs, the soft hyphen, joiners
# and marks of direction.
_DROPPED: Final = frozenset(
    "'`\u00ad\u02b9\u02bb\u02bc\u02bd\u02be\u02bf\u02c8\u2018\u2019\u201b\u2032"
    "\u0640\u064b\u064c\u064d\u064e\u064f\u0650\u0651\u0652\u0670"
    "\u061c\u200b\u200c\u200d\u200e\u200f\u202a\u202b\u202c\u202d\u202e"
    "\u2060\u2066\u2067\u2068\u2069\ufe0f\ufeff"
)

# Below the Thai block no script writes its words without spaces.
_FIRST_UNSPACED: Final = "\u0e00"
# Ranges of code points of Thai and Lao, Myanmar, Khmer, kana and Han, Hangul,
# the compatibility ideographs and the supplementary planes of Han.
_UNSPACED: Final = (
    (0x0E00, 0x0EFF),
    (0x1000, 0x109F),
    (0x1780, 0x17FF),
    (0x3005, 0x30FF),
    (0x3400, 0x9FFF),
    (0xAC00, 0xD7A3),
    (0xF900, 0xFAFF),
    (0x20000, 0x3FFFF),
)


def name_keys(name: str) -> tuple[str, ...]:
    """Return the keys under which a name is found.

    Args:
        name: A full name in one script, in any order and case.

    Returns:
        The words of the name, folded and sorted. A name in a script that need
        not separate its words has also its exact form without spaces. Nothing
        when the name has no letter and no digit.
    """
    if name.isascii():
        plain = name.replace(" ", "").isalnum()
        words = (name.lower() if plain else name.translate(_ASCII)).split()
        words.sort()
        return (" ".join(words),) if words else ()
    words = _folded(name).split()
    if not words:
        return ()
    key = " ".join(sorted(words))
    if len(words) == 1 or not _has_unspaced(key):
        return (key,)
    return key, unicodedata.normalize("NFC", "".join(words))


def _folded(name: str) -> str:
    """Fold case and width, drop optional signs, put spaces for punctuation.

    NFKC_Casefold of Unicode (The Unicode Standard, 3.13, D147) spelled out,
    because the standard library has it not in one function.
    """
    kept = "".join([c for c in name if c not in _DROPPED])
    folded = unicodedata.normalize(
        "NFKC", unicodedata.normalize("NFD", kept).casefold()
    )
    folded = unicodedata.normalize("NFKC", folded.casefold())
    category = unicodedata.category
    # Presentation forms hold optional signs that only folding brings to light.
    return "".join(
        [c if category(c)[0] in "LMN" else " " for c in folded if c not in _DROPPED]
    )


def _has_unspaced(key: str) -> bool:
    """Tell whether a letter belongs to a script that writes without spaces."""
    return max(key) >= _FIRST_UNSPACED and any(
        first <= ord(character) <= last
        for character in key
        for first, last in _UNSPACED
    )
