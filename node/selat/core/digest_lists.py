# SPDX-License-Identifier: Apache-2.0
"""SHA-256 of files, as ``sha256sum`` of GNU coreutils writes and checks it.

The list shows what was damaged on the way. Whoever changes a file on purpose
can change the list too: what proves something is signed elsewhere.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from selat.core.bundle_paths import PATH_CHARACTERS_MAX
from selat.errors import MalformedError

#: Room for the files of a hundred million leaves.
SUMS_BYTES_MAX: Final = 128 * 1024 * 1024

# Names without a backslash or line break need no escape in that format.
_LINE: Final = re.compile(
    rf"([0-9a-f]{{64}})  ([!-\[\]-~]{{1,{PATH_CHARACTERS_MAX}}})\n"
)


def encode_sums(digests: Mapping[str, bytes]) -> bytes:
    """Return the list of files and their 32-byte SHA-256, sorted by name.

    Raises:
        MalformedError: A name or digest cannot stand in it.
    """
    lines = [f"{digests[name].hex()}  {name}\n" for name in sorted(digests)]
    if not all(map(_LINE.fullmatch, lines)):
        raise _malformed("would have a line of another form")
    return "".join(lines).encode("ascii")


def parse_sums(data: bytes) -> dict[str, bytes]:
    """Read a list of digests; return them by name.

    Raises:
        MalformedError: It is not the list that `encode_sums` writes.
    """
    if len(data) > SUMS_BYTES_MAX:
        raise _malformed(f"has more than {SUMS_BYTES_MAX} bytes")
    try:
        text = data.decode("ascii")
    except UnicodeDecodeError as error:
        raise _malformed("is not ASCII") from error
    digests: dict[str, bytes] = {}
    end, last = 0, ""
    for match in _LINE.finditer(text):
        name = match[2]
        if match.start() != end or name <= last:
            raise _malformed("has a line of another form, or out of order")
        digests[name] = bytes.fromhex(match[1])
        end, last = match.end(), name
    if end != len(text):
        raise _malformed("has a line of another form, or out of order")
    return digests


def _malformed(what: str) -> MalformedError:
    return MalformedError(
        f"The list of digests {what}.",
        remedy="Ask for the bundle again, and change nothing in it.",
    )
