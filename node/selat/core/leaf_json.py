# SPDX-License-Identifier: Apache-2.0
"""How the attributes of a leaf stand in its RFC 8785 JSON, and back.

An annotation names the form of an attribute: `Digest`, `Moment`, `HexDigest` …
A `Layout` writes such attributes straight into the one canonical form: members
sorted, no spaces, and only texts, whole numbers and lists of texts as values.
Its reading is typed but lenient in form; `selat.core.leaves` writes what it
read once more and takes nothing but the very same bytes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from json.encoder import encode_basestring
from operator import attrgetter
from typing import Annotated, Any, Final, TypeAlias
from uuid import UUID

#: Numbers above this are not exact in every JSON reader (RFC 8785 §3.2.2.3).
NUMBER_MAX: Final = 2**53 - 1
#: The last millisecond of RFC 3339's last year, 9999.
TIME_MS_MAX: Final = 253_402_300_799_999
DIGEST_BYTES: Final = 32

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)
_OFFSET: Final = len("+00:00")
_HEX_DIGEST: Final = re.compile(r"[0-9a-f]{64}")
#: Leaves of one batch share a few moments.
_MOMENTS: Final = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """How one kind of value is written, read and checked.

    Attributes:
        write: Gives the JSON text of a value.
        read: Takes what a JSON reader gave; TypeError or ValueError if it is
            nothing of the kind.
        holds: Tells whether a value may stand in a leaf; None if all may.
    """

    write: Callable[[Any], str]
    read: Callable[[Any], object]
    holds: Callable[[Any], bool] | None = None


class Layout:
    """The JSON of one kind of leaf.

    Args:
        constants: JSON texts of members that are always the same.
        forms: Form of each attribute by name.
        keys: Member names that differ from the attribute's name.
        groups: Name of the inner object, for attributes that stand in one.
    """

    def __init__(
        self,
        *,
        constants: Mapping[str, str],
        forms: Mapping[str, Form],
        keys: Mapping[str, str],
        groups: Mapping[str, str],
    ) -> None:
        """Work out once what every leaf of the kind needs."""
        paths = {name: (groups.get(name, ""), keys.get(name, name)) for name in forms}
        # As they stand in the text: by outer name first, by inner name second.
        names = sorted(paths, key=lambda name: [part for part in paths[name] if part])
        self._template: Final = _template(constants, paths.values())
        self._values: Final = attrgetter(*names)
        self._writers: Final = tuple(forms[name].write for name in names)
        self._readers: Final = tuple(
            (name, *paths[name], forms[name].read) for name in names
        )
        self._checks: Final = tuple(
            (name, holds) for name in names if (holds := forms[name].holds) is not None
        )

    def write(self, leaf: object) -> str:
        """Return the canonical JSON of a leaf."""
        values = zip(self._writers, self._values(leaf), strict=True)
        return self._template % tuple([write(value) for write, value in values])

    def read(self, members: Mapping[str, Any]) -> dict[str, Any]:
        """Return the attributes that a JSON object holds.

        Raises:
            KeyError: A member is missing.
            TypeError: A member is of another type.
            ValueError: A member has another form.
        """
        return {
            name: read((members[group] if group else members)[key])
            for name, group, key, read in self._readers
        }

    def wrong(self, leaf: object) -> str:
        """Return the name of the first attribute out of its bounds, or nothing."""
        for name, holds in self._checks:
            if not holds(getattr(leaf, name)):
                return name
        return ""


def _template(constants: Mapping[str, str], paths: Iterable[tuple[str, str]]) -> str:
    members: dict[str, Any] = dict(constants)
    for group, key in paths:
        (members.setdefault(group, {}) if group else members)[key] = "%s"
    return _object(members)


def _object(members: Mapping[str, Any]) -> str:
    """Return an object whose values are JSON texts or objects, names sorted."""
    parts = (
        f'"{key}":{value if isinstance(value, str) else _object(value)}'
        for key, value in sorted(members.items())
    )
    return "{" + ",".join(parts) + "}"


def _read_text(value: object) -> str:
    if type(value) is not str:
        raise TypeError
    return value


def _read_number(value: object) -> int:
    if type(value) is not int:  # True is an int, but no number in JSON
        raise TypeError
    return value


def _write_texts(values: tuple[str, ...]) -> str:
    return "[" + ",".join(map(encode_basestring, values)) + "]"


def _read_texts(value: object) -> tuple[str, ...]:
    if type(value) is not list:
        raise TypeError
    return tuple([_read_text(item) for item in value])


def _write_hex(value: bytes) -> str:
    return f'"{value.hex()}"'


def _write_identifier(value: UUID) -> str:
    return f'"{value}"'


def _read_identifier(value: object) -> UUID:
    return UUID(_read_text(value))


@lru_cache(_MOMENTS)
def _write_moment(ms: int) -> str:
    moment = _EPOCH + timedelta(milliseconds=ms)
    return f'"{moment.isoformat(timespec="milliseconds")[:-_OFFSET]}Z"'


@lru_cache(_MOMENTS)
def _read_moment(value: str) -> int:
    return (datetime.fromisoformat(value) - _EPOCH) // _MILLISECOND


def one_of(*texts: str) -> Form:
    """Return the form of a text out of a closed list."""
    return Form(
        write=encode_basestring, read=_read_text, holds=frozenset(texts).__contains__
    )


def _is_digest(value: bytes) -> bool:
    return len(value) == DIGEST_BYTES


def _is_hex_digest(value: str) -> bool:
    return _HEX_DIGEST.fullmatch(value) is not None


#: Any text.
Text: TypeAlias = Annotated[str, Form(write=encode_basestring, read=_read_text)]
#: Any texts, in their order.
Texts: TypeAlias = Annotated[
    tuple[str, ...], Form(write=_write_texts, read=_read_texts)
]
#: A whole number that is not negative.
Number: TypeAlias = Annotated[
    int,
    Form(write=str, read=_read_number, holds=lambda number: 0 <= number <= NUMBER_MAX),
]
#: Identifier of a message, 36 characters in JSON.
Identifier: TypeAlias = Annotated[
    UUID, Form(write=_write_identifier, read=_read_identifier)
]
#: 32 bytes, lower-case hexadecimal in JSON.
Digest: TypeAlias = Annotated[
    bytes, Form(write=_write_hex, read=bytes.fromhex, holds=_is_digest)
]
#: 32 bytes as 64 lower-case hexadecimal digits.
HexDigest: TypeAlias = Annotated[
    str, Form(write=encode_basestring, read=_read_text, holds=_is_hex_digest)
]
#: `HexDigest`, or empty where there is none.
HexDigestOrNone: TypeAlias = Annotated[
    str,
    Form(
        write=encode_basestring,
        read=_read_text,
        holds=lambda value: not value or _is_hex_digest(value),
    ),
]
#: ms since the epoch, RFC 3339 in UTC with milliseconds in JSON.
Moment: TypeAlias = Annotated[
    int,
    Form(
        write=_write_moment,
        read=_read_moment,
        holds=lambda ms: 0 <= ms <= TIME_MS_MAX,
    ),
]
