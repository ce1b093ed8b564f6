# SPDX-License-Identifier: Apache-2.0
"""How the attributes of a leaf stand in its RFC 8785 JSON, and back.

Where the members of an object are known, RFC 8785 leaves one way to write it:
members sorted, no white space, one escape for each character that needs one. A
`Layout` therefore writes with a template and reads with a regular expression
over the whole leaf, both made from the same members. What an expression cannot
bound (the greatest number, real dates, which escape) is checked on top.

An annotation names the form of an attribute: `Digest`, `Moment`, `HexDigest` …
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from json.encoder import encode_basestring
from operator import attrgetter
from typing import Annotated, Any, Final, TypeAlias
from uuid import UUID

from selat.core.times import rfc3339, to_ms

#: Numbers above this are not exact in every JSON reader (RFC 8785 §3.2.2.3).
NUMBER_MAX: Final = 2**53 - 1
#: The last millisecond of RFC 3339's last year, 9999.
TIME_MS_MAX: Final = 253_402_300_799_999
DIGEST_BYTES: Final = 32
#: Leaves of one batch share a few moments.
_MOMENTS: Final = 64

#: Where a member stands: its name, after the name of the object around it.
Path: TypeAlias = tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """How one kind of value is written, read and checked.

    Attributes:
        pattern: Regular expression of its JSON text, with one group.
        write: Gives the JSON text of a value.
        read: Gives the value of what the group matched, or a ValueError.
        holds: Gives something true for a value that may stand in a leaf; None if
            all values may.
        is_own: Whether leaves of one batch differ in it. Its texts are JSON strings
            of one length, without escapes.
        is_exact: Whether each text that the pattern matches may stand in a leaf.
    """

    pattern: str
    write: Callable[[Any], str]
    read: Callable[[str], object]
    holds: Callable[[Any], object] | None = None
    is_own: bool = False
    is_exact: bool = False


class Layout:
    """The JSON of one kind of leaf.

    Args:
        constants: JSON texts of members that are always the same.
        attributes: Name and form of the attribute that stands at each path.

    Attributes:
        members: Name and form of each attribute, in the order of the JSON.
        own: Those that leaves of one batch differ in.
        literals: The JSON before, between and behind them.
    """

    def __init__(
        self,
        *,
        constants: Mapping[Path, str],
        attributes: Mapping[Path, tuple[str, Form]],
    ) -> None:
        """Work out once what every leaf of the kind needs."""
        template = _object({**constants, **dict.fromkeys(attributes, "%s")})
        # In the order of the template, which sorts the members of each object.
        ordered = [attributes[path] for path in sorted(attributes)]
        forms = [form for _, form in ordered]
        self.members: Final = tuple(ordered)
        self.own: Final = {name: form for name, form in ordered if form.is_own}
        self.literals: Final = tuple(template.split("%s"))
        self._names: Final = tuple(name for name, _ in ordered)
        self._template: Final = template
        self._pattern: Final = pattern_of(self.literals, forms)
        self._values: Final = attrgetter(*self._names)
        self._writers: Final = tuple(form.write for form in forms)
        self._readers: Final = tuple(form.read for form in forms)
        self._checks: Final = tuple(
            (name, form.holds) for name, form in ordered if form.holds is not None
        )

    def write(self, leaf: object) -> str:
        """Return the canonical JSON of a leaf."""
        pairs = zip(self._writers, self._values(leaf), strict=True)
        return self._template % tuple([write(value) for write, value in pairs])

    def match(self, text: str) -> re.Match[str] | None:
        """Return what stands inside of each member's JSON, as groups in order.

        None if the text has not this layout. Which escapes it has, and bounds
        that an expression cannot hold, are not checked.
        """
        return self._pattern.fullmatch(text)

    def read(self, text: str) -> dict[str, Any]:
        """Return the attributes of a leaf by name; their bounds are not checked.

        Raises:
            ValueError: The text has not this layout.
        """
        match = self.match(text)
        if match is None:
            raise ValueError
        pairs = zip(self._readers, match.groups(), strict=True)
        values = [read(group) for read, group in pairs]
        return dict(zip(self._names, values, strict=True))

    def wrong(self, leaf: object) -> str:
        """Return the name of the first attribute out of its bounds, or nothing."""
        for name, holds in self._checks:
            if not holds(getattr(leaf, name)):
                return name
        return ""


def _object(members: Mapping[Path, str]) -> str:
    """Return an object of JSON texts by path, names sorted."""
    grouped: dict[str, dict[Path, str]] = {}
    for path, text in members.items():
        grouped.setdefault(path[0], {})[path[1:]] = text
    parts = (
        f'"{name}":{inner[()] if () in inner else _object(inner)}'
        for name, inner in sorted(grouped.items())
    )
    return "{" + ",".join(parts) + "}"


def pattern_of(literals: Sequence[str], forms: Sequence[Form]) -> re.Pattern[str]:
    """Return the expression of texts with a value between each two literals."""
    first, *others = map(re.escape, literals)
    parts = [
        form.pattern + literal for form, literal in zip(forms, others, strict=True)
    ]
    return re.compile(first + "".join(parts))


# RFC 8785 §3.2.2.2. No text matches in two ways, so that no quantifier needs to
# give back what it took; possessive ones make that sure and every text quick.
_PLAIN: Final = r'[^"\\\x00-\x1f]*+'
_STRING: Final = rf'{_PLAIN}(?:\\(?:["\\bfnrt]|u00[01][0-9a-f]){_PLAIN})*+'
_STRINGS: Final = re.compile(f'"({_STRING})"')


def _read_text(inside: str) -> str:
    if "\\" not in inside:
        return inside
    text: str = json.loads(f'"{inside}"')
    if encode_basestring(text) != f'"{inside}"':
        raise ValueError
    return text


def _write_texts(values: tuple[str, ...]) -> str:
    return "[" + ",".join(map(encode_basestring, values)) + "]"


def _read_texts(inside: str) -> tuple[str, ...]:
    if "\\" in inside:
        return tuple(map(_read_text, _STRINGS.findall(inside)))
    # Without an escape there is no quotation mark inside of a text.
    return tuple(inside[1:-1].split('","')) if inside else ()


def _write_hex(value: bytes) -> str:
    return f'"{value.hex()}"'


def _write_identifier(value: UUID) -> str:
    return f'"{value}"'


@lru_cache(_MOMENTS)
def _write_moment(ms: int) -> str:
    return f'"{rfc3339(ms)}"'


@lru_cache(_MOMENTS)
def _read_moment(inside: str) -> int:
    return to_ms(datetime.fromisoformat(inside))


def identifier_text(octets: bytes) -> str:
    """Return the text of a 16-byte identifier, as it stands in a leaf."""
    digits = octets.hex()
    return "-".join(
        (digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:])
    )


def moment_text(ms: int) -> str:
    """Return the text of a moment in ms since the epoch, as it stands in a leaf."""
    return _write_moment(ms)[1:-1]


def moment_ms(text: str) -> int:
    """Return the moment of a text that stands in a leaf, in ms since the epoch."""
    return _read_moment(text)


def _is_number(value: int) -> bool:
    # True is an int, but no number in JSON.
    return type(value) is int and 0 <= value <= NUMBER_MAX


def _is_moment(value: int) -> bool:
    return type(value) is int and 0 <= value <= TIME_MS_MAX


def _is_digest(value: bytes) -> bool:
    return len(value) == DIGEST_BYTES


def _is_digest_or_none(value: bytes) -> bool:
    return len(value) in (0, DIGEST_BYTES)


def one_of(*texts: str) -> Form:
    """Return the form of a text out of a closed list."""
    return Form(
        pattern=f'"({"|".join(map(re.escape, texts))})"',
        write=encode_basestring,
        read=str,
        holds=frozenset(texts).__contains__,
    )


def text_like(expression: str) -> Form:
    """Return the form of a text that an expression matches, without escapes."""
    return Form(
        pattern=f'"({expression})"',
        write=encode_basestring,
        read=str,
        holds=re.compile(expression).fullmatch,
    )


_HEX: Final = "[0-9a-f]"
_UUID: Final = "-".join(f"{_HEX}{{{digits}}}" for digits in (8, 4, 4, 4, 12))
_DATE: Final = "[0-9]{4}-[0-9]{2}-[0-9]{2}"
_TIME: Final = r"(?:[01][0-9]|2[0-3]):[0-9]{2}:[0-9]{2}\.[0-9]{3}"

#: Any text.
Text: TypeAlias = Annotated[
    str, Form(pattern=f'"({_STRING})"', write=encode_basestring, read=_read_text)
]
#: Any texts, in their order.
Texts: TypeAlias = Annotated[
    tuple[str, ...],
    Form(
        pattern=rf'\[((?:"{_STRING}"(?:,"{_STRING}")*+)?+)\]',
        write=_write_texts,
        read=_read_texts,
    ),
]
#: A whole number that is not negative.
Number: TypeAlias = Annotated[
    int,
    Form(pattern="(0|[1-9][0-9]{0,15})", write=str, read=int, holds=_is_number),
]
#: Identifier of a message, 36 characters in JSON.
Identifier: TypeAlias = Annotated[
    UUID,
    Form(
        pattern=f'"({_UUID})"',
        write=_write_identifier,
        read=UUID,
        is_own=True,
        is_exact=True,
    ),
]
#: 32 bytes, lower-case hexadecimal in JSON.
Digest: TypeAlias = Annotated[
    bytes,
    Form(
        pattern=f'"({_HEX}{{64}})"',
        write=_write_hex,
        read=bytes.fromhex,
        holds=_is_digest,
        is_own=True,
        is_exact=True,
    ),
]
#: `Digest`, or empty where there is none.
DigestOrNone: TypeAlias = Annotated[
    bytes,
    Form(
        pattern=f'"((?:{_HEX}{{64}})?+)"',
        write=_write_hex,
        read=bytes.fromhex,
        holds=_is_digest_or_none,
    ),
]
#: 32 bytes as 64 lower-case hexadecimal digits.
HexDigest: TypeAlias = Annotated[str, text_like(f"{_HEX}{{64}}")]
#: `HexDigest`, or empty where there is none.
HexDigestOrNone: TypeAlias = Annotated[str, text_like(f"(?:{_HEX}{{64}})?+")]
#: ms since the epoch, RFC 3339 in UTC with milliseconds in JSON.
Moment: TypeAlias = Annotated[
    int,
    Form(
        pattern=f'"({_DATE}T{_TIME}Z)"',
        write=_write_moment,
        read=_read_moment,
        holds=_is_moment,
        is_own=True,
    ),
]
