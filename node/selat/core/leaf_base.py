# SPDX-License-Identifier: Apache-2.0
"""What leaves of every kind have: version, time, blind, one canonical form."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import ClassVar, Final, get_type_hints

from selat.core.leaf_json import Digest, Layout, Moment, Path
from selat.errors import MalformedError

VERSION: Final = 1
#: Entries of C2SP tlog-tiles carry their length in 16 bits.
LEAF_BYTES_MAX: Final = 65_535

#: Attributes that do not stand in the leaf under their own name.
_PATHS: Final[Mapping[str, Path]] = {
    "sender": ("from",),
    "recipient": ("to",),
    "time_ms": ("time",),
    "level": ("marking", "level"),
    "codes": ("marking", "codes"),
    "tlp": ("marking", "tlp"),
    "effect": ("decision", "effect"),
    "policies": ("decision", "policies"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaf:
    """What leaves of every kind say.

    Attributes:
        time_ms: When it was decided or done.
        blind: 32 random bytes, so that no leaf can be guessed from its hash.
    """

    kind: ClassVar[str]

    time_ms: Moment
    blind: Digest

    def __post_init__(self) -> None:
        """Refuse what no leaf of the kind may say."""
        wrong = LAYOUTS[type(self)].wrong(self)
        if wrong:
            raise malformed(f"has a wrong {wrong}")

    def encode(self) -> bytes:
        """Return the leaf's exact bytes.

        Raises:
            MalformedError: It is over the size limit, or a text is no Unicode.
        """
        try:
            data = LAYOUTS[type(self)].write(self).encode()
        except UnicodeEncodeError as error:
            raise malformed("has a text that UTF-8 cannot express") from error
        if len(data) > LEAF_BYTES_MAX:
            raise malformed(f"has more than {LEAF_BYTES_MAX} bytes")
        return data


class _Layouts(dict[type[Leaf], Layout]):
    """The layout of each kind, worked out when it is first asked for."""

    def __missing__(self, cls: type[Leaf]) -> Layout:
        hints = get_type_hints(cls, include_extras=True)
        layout = self[cls] = Layout(
            constants={("kind",): f'"{cls.kind}"', ("v",): str(VERSION)},
            attributes={
                _PATHS.get(name, (name,)): (name, hints[name].__metadata__[0])
                for name in (field.name for field in fields(cls))
            },
        )
        return layout


#: How the leaves of a kind are written and read.
LAYOUTS: Final = _Layouts()


def malformed(what: str) -> MalformedError:
    """Return the refusal of a leaf that is not as it must be."""
    return MalformedError(
        f"The leaf {what}.",
        remedy="Send leaves as docs/protocol.md describes them.",
    )
