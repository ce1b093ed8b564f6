# SPDX-License-Identifier: Apache-2.0
"""The text of a checkpoint (C2SP tlog-checkpoint): origin, size, root."""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass
from typing import Final

from selat.core.merkle import HASH_BYTES, TREE_SIZE_MAX
from selat.errors import MalformedError

_SIZE: Final = re.compile(r"0|[1-9][0-9]{0,18}")
# Newlines and other control characters, and halves of characters.
_UNPRINTABLE: Final = re.compile("[\x00-\x1f\ud800-\udfff]")
_LINES_MIN: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """What a checkpoint says of a log.

    Attributes:
        origin: The log's unique name.
        size: Number of leaves.
        root: 32-byte root.
        extensions: Extension lines; ours never have any.
    """

    origin: str
    size: int
    root: bytes
    extensions: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse what a checkpoint cannot say."""
        if any(
            not line or _UNPRINTABLE.search(line)
            for line in (self.origin, *self.extensions)
        ):
            raise _malformed("has an empty line, or control characters")
        if not 0 <= self.size <= TREE_SIZE_MAX or len(self.root) != HASH_BYTES:
            raise _malformed("has a size or root that no tree has")

    def text(self) -> bytes:
        """Return the note text."""
        root = base64.b64encode(self.root).decode()
        lines = (self.origin, str(self.size), root, *self.extensions, "")
        return "\n".join(lines).encode()


def parse_tree_head(text: bytes) -> Checkpoint:
    """Read a note text as a checkpoint.

    Raises:
        MalformedError: It is none.
    """
    try:
        lines = text.decode("utf-8").split("\n")
    except UnicodeDecodeError as error:
        raise _malformed("is not UTF-8") from error
    if len(lines) <= _LINES_MIN or lines.pop():
        raise _malformed("has not three lines or more, each ended")
    origin, size, root, *extensions = lines
    if not _SIZE.fullmatch(size):
        raise _malformed("has a size that is no decimal number")
    try:
        digest = base64.b64decode(root, validate=True)
    except (binascii.Error, ValueError) as error:
        raise _malformed("has a root that is not base64") from error
    if base64.b64encode(digest).decode() != root:
        raise _malformed("has a root that is not canonical base64")
    return Checkpoint(
        origin=origin, size=int(size), root=digest, extensions=tuple(extensions)
    )


def _malformed(what: str) -> MalformedError:
    return MalformedError(
        f"The checkpoint {what}.",
        remedy="Ask for the checkpoint again, byte for byte.",
    )
