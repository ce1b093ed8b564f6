# SPDX-License-Identifier: Apache-2.0
"""What an audit bundle says of itself, and the leaves of peers in it.

The manifest says whose logs the bundle is of, and of which period. It is not
signed: nothing follows from it but what to look for. Leaves of a peer stand in
JSON Lines: a line about a range of them, then each leaf as it is, one a line.
(Canonical JSON holds no line break.)

All of it has one canonical form. Where the files stand is said in
`selat.core.bundle_paths`.
"""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from selat.core.batches import PROOF_HASHES_MAX, SEQUENCE_MAX
from selat.core.bundle_paths import shard_of
from selat.core.leaf_base import LEAF_BYTES_MAX
from selat.core.leaf_json import NUMBER_MAX, TIME_MS_MAX
from selat.core.log_states import LeafRange
from selat.core.merkle import HASH_BYTES
from selat.core.node_names import is_node_name
from selat.core.sealing import BATCH_MESSAGES_MAX
from selat.core.times import from_rfc3339, rfc3339
from selat.errors import MalformedError, UnsupportedVersionError

VERSION: Final = 1
MANIFEST_BYTES_MAX: Final = 256 * 1024
#: Shards in one bundle: a hundred years.
SHARDS_MAX: Final = 200
#: The line about a range, bytes: its proof in base64, and room.
HEADER_BYTES_MAX: Final = 16 * 1024
#: Any line, bytes, with its line break.
LINE_BYTES_MAX: Final = LEAF_BYTES_MAX + 1


@dataclass(frozen=True, slots=True, kw_only=True)
class ShardPeriod:
    """The part of one shard that a bundle is about.

    Attributes:
        origin: Origin of the shard's log, ``NODE/exchange/YYYYhN``.
        start_size: Leaves before the period. The entry of the last of them is
            in the bundle, so that its time shows where the period begins.
        end_size: Leaves at the shard's checkpoint, which ends the period or
            lies behind its end.
    """

    origin: str
    start_size: int
    end_size: int

    def __post_init__(self) -> None:
        """Refuse sizes that no period has."""
        if not 0 <= self.start_size <= self.end_size <= NUMBER_MAX:
            raise _malformed("has sizes that no shard has")

    @property
    def shard(self) -> str:
        """``YYYYhN``."""
        return shard_of(self.origin)


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What a bundle is of.

    Attributes:
        node: Whose logs.
        from_ms: Begin of the period, ms since the epoch.
        to_ms: Its end.
        created_ms: When the bundle was written.
        shards: The shards that the period touches, oldest first.
    """

    node: str
    from_ms: int
    to_ms: int
    created_ms: int
    shards: tuple[ShardPeriod, ...]

    def __post_init__(self) -> None:
        """Refuse what no bundle is of."""
        if not is_node_name(self.node):
            raise _malformed("names no node")
        if not (
            0 <= self.from_ms <= self.to_ms <= TIME_MS_MAX
            and 0 <= self.created_ms <= TIME_MS_MAX
        ):
            raise _malformed("has a period that ends before it begins")
        shards = [each.shard for each in self.shards]
        expected = [f"{self.node}/exchange/{shard}" for shard in shards]
        if [each.origin for each in self.shards] != expected:
            raise _malformed("has a shard of another node's log")
        if not 1 <= len(shards) <= SHARDS_MAX or shards != sorted(set(shards)):
            raise _malformed("has no shards, or not each once and in order")

    def encode(self) -> bytes:
        """Return the manifest's one form: sorted members, one line."""
        return _line(
            {
                "version": VERSION,
                "node": self.node,
                "from": rfc3339(self.from_ms),
                "to": rfc3339(self.to_ms),
                "created": rfc3339(self.created_ms),
                "shards": [
                    {
                        "origin": each.origin,
                        "start_size": each.start_size,
                        "end_size": each.end_size,
                    }
                    for each in self.shards
                ],
            }
        )


def parse_manifest(data: bytes) -> Manifest:
    """Read a manifest.

    Raises:
        UnsupportedVersionError: The bundle is of another version.
        MalformedError: It is not in its one form.
    """
    members = _members(data, bytes_max=MANIFEST_BYTES_MAX)
    try:
        if type(members["version"]) is int and members["version"] != VERSION:
            raise UnsupportedVersionError(
                "The bundle has a version that is not known here.",
                remedy="Verify it with a newer version of Selat.",
            )
        manifest = Manifest(
            node=members["node"],
            from_ms=from_rfc3339(members["from"]),
            to_ms=from_rfc3339(members["to"]),
            created_ms=from_rfc3339(members["created"]),
            shards=tuple(
                ShardPeriod(
                    origin=each["origin"],
                    start_size=each["start_size"],
                    end_size=each["end_size"],
                )
                for each in members["shards"]
            ),
        )
    except _WRONG_MEMBERS as error:
        raise _malformed("has not the members that it must have") from error
    if manifest.encode() != data:
        raise _malformed("is not in its one form")
    return manifest


class Direction(StrEnum):
    """Which way the batch went that leaves of a peer belong to."""

    #: The peer offered: the leaves are its offers.
    IN = "in"
    #: We offered: the leaves are the peer's receipts.
    OUT = "out"


@dataclass(frozen=True, slots=True, kw_only=True)
class PeerRange:
    """The leaves of one batch in a peer's log, as the peer proved them.

    Attributes:
        size: Size of the checkpoint that the proof leads to.
        sequence: Number of the batch on its way.
        direction: Which way the batch went.
        range: The leaves with their range proof.
    """

    size: int
    sequence: int
    direction: Direction
    range: LeafRange

    def __post_init__(self) -> None:
        """Refuse what is no batch."""
        count, first = len(self.range.leaves), self.range.first_index
        if not (
            1 <= count <= BATCH_MESSAGES_MAX
            and first >= 0
            and first + count <= self.size <= NUMBER_MAX
            and 0 <= self.sequence <= SEQUENCE_MAX
            and len(self.range.proof) <= PROOF_HASHES_MAX
        ):
            raise _malformed("has a range that no batch has")
        if any(len(item) != HASH_BYTES for item in self.range.proof):
            raise _malformed("has a hash of another length")
        if max(map(len, self.leaves)) > LEAF_BYTES_MAX or b"\n" in b"".join(
            self.leaves
        ):
            raise _malformed("has a leaf that no line holds")

    @property
    def leaves(self) -> tuple[bytes, ...]:
        """Exact bytes of the leaves."""
        return self.range.leaves

    def encode(self) -> bytes:
        """Return the line about the range, and a line for each leaf."""
        return b"\n".join((self.header()[:-1], *self.leaves, b""))

    def header(self) -> bytes:
        """Return the line about the range."""
        return _line(
            {
                "count": len(self.leaves),
                "direction": self.direction.value,
                "first": self.range.first_index,
                "proof": [b64encode(item).decode() for item in self.range.proof],
                "sequence": self.sequence,
                "size": self.size,
            }
        )


def parse_peer_ranges(lines: Iterable[bytes]) -> Iterator[PeerRange]:
    """Read ranges of a peer's leaves, one after the other.

    Args:
        lines: The lines with their line breaks, none longer than
            `LINE_BYTES_MAX`.

    Raises:
        MalformedError: They are not in their one form.
    """
    following = iter(lines)
    for header in following:
        members = _members(header, bytes_max=HEADER_BYTES_MAX)
        try:
            count = _number(members["count"])
            if count > BATCH_MESSAGES_MAX:
                raise _malformed("has a range that no batch has")
            parsed = PeerRange(
                size=_number(members["size"]),
                sequence=_number(members["sequence"]),
                direction=Direction(members["direction"]),
                range=LeafRange(
                    first_index=_number(members["first"]),
                    leaves=tuple(_leaf(following) for _ in range(count)),
                    proof=tuple(
                        b64decode(item, validate=True) for item in members["proof"]
                    ),
                ),
            )
        except _WRONG_MEMBERS as error:
            raise _malformed("has not the members that it must have") from error
        if parsed.header() != header:
            raise _malformed("has a line that is not in its one form")
        yield parsed


_WRONG_MEMBERS: Final = (KeyError, TypeError, ValueError, AttributeError)


def _leaf(lines: Iterator[bytes]) -> bytes:
    line = next(lines, b"")
    if not line.endswith(b"\n"):
        raise _malformed("ends inside of a range of leaves")
    return line[:-1]


def _number(value: object) -> int:
    if type(value) is not int:
        raise TypeError
    return value


def _members(data: bytes, *, bytes_max: int) -> dict[str, Any]:
    """Return the members of a JSON object that is in one line."""
    if len(data) > bytes_max:
        raise _malformed(f"has a line of more than {bytes_max} bytes")
    try:
        members = json.loads(data.decode("ascii"))
    except (ValueError, RecursionError) as error:
        raise _malformed("is not ASCII and JSON") from error
    if not isinstance(members, dict):
        raise _malformed("has not the members that it must have")
    return members


def _line(members: dict[str, object]) -> bytes:
    return json.dumps(members, sort_keys=True, separators=(",", ":")).encode() + b"\n"


def _malformed(what: str) -> MalformedError:
    return MalformedError(
        f"The bundle {what}.",
        remedy="Ask for the bundle again, and change nothing in it.",
    )
