# SPDX-License-Identifier: Apache-2.0
"""Where the files of an audit bundle stand.

A bundle is a folder, or the same folder as a zip file. Its names are relative,
ASCII, and of the kinds below; nothing else belongs into it::

    bundle.json                          what it is of: `selat.core.bundles`
    SHA256SUMS                           digest of every other file
    cards/NODE/SEQUENCE.card             signed cards, own and peers'
    logs/SHARD/checkpoint                signed note of a shard at its end
    logs/SHARD/checkpoint.SIZE           other signed notes of the shard
    logs/SHARD/tile/…                    C2SP tlog-tiles: hashes and entries
    peers/NODE/SHARD/leaves.jsonl        leaves of peers that pair with ours
    peers/NODE/SHARD/checkpoints/SIZE    the signed notes that prove them
    witnessed/NODE/SHARD                 newest note of a peer that we cosigned
    equivocations/NODE-SIZE-NUMBER.txt   proofs of equivocation
    tokens/SHARD-SIZE.tsr                RFC 3161 time-stamp tokens over a note

SHARD is the last part of an origin, ``YYYYhN``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from selat.core.node_names import is_node_name
from selat.errors import MalformedError

MANIFEST: Final = "bundle.json"
SUMS: Final = "SHA256SUMS"
#: Longest name in a bundle, characters: a node's name, a number, and room.
PATH_CHARACTERS_MAX: Final = 512

_SHARD: Final = r"(?P<shard>[0-9]{4}h[12])"
_NODE: Final = r"(?P<node>[a-z0-9.-]{1,253})"
_NUMBER: Final = r"(?:0|[1-9][0-9]{0,18})"
_SIZE: Final = rf"(?P<size>{_NUMBER})"


class FileKind(StrEnum):
    """What a file of a bundle is."""

    MANIFEST = "manifest"
    SUMS = "sums"
    CARD = "card"
    CHECKPOINT = "checkpoint"
    TILE = "tile"
    PEER_LEAVES = "peer-leaves"
    PEER_CHECKPOINT = "peer-checkpoint"
    WITNESSED = "witnessed"
    EQUIVOCATION = "equivocation"
    TIME_STAMP = "time-stamp"


_PATTERNS: Final = {
    FileKind.MANIFEST: re.compile(r"bundle\.json"),
    FileKind.SUMS: re.compile("SHA256SUMS"),
    FileKind.CARD: re.compile(rf"cards/{_NODE}/{_SIZE}\.card"),
    FileKind.CHECKPOINT: re.compile(rf"logs/{_SHARD}/checkpoint(?:\.{_SIZE})?"),
    # What stands below `tile` is the matter of `selat.core.tile_paths`.
    FileKind.TILE: re.compile(rf"logs/{_SHARD}/(?P<tile>tile/[a-z0-9/.]+)"),
    FileKind.PEER_LEAVES: re.compile(rf"peers/{_NODE}/{_SHARD}/leaves\.jsonl"),
    FileKind.PEER_CHECKPOINT: re.compile(
        rf"peers/{_NODE}/{_SHARD}/checkpoints/{_SIZE}"
    ),
    FileKind.WITNESSED: re.compile(rf"witnessed/{_NODE}/{_SHARD}"),
    FileKind.EQUIVOCATION: re.compile(
        rf"equivocations/{_NODE}-{_SIZE}-(?P<number>{_NUMBER})\.txt"
    ),
    FileKind.TIME_STAMP: re.compile(rf"tokens/{_SHARD}-{_SIZE}\.tsr"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class BundlePath:
    """The name of a file of a bundle, taken apart.

    Attributes:
        text: The name.
        kind: What the file is.
        node: Whose it is, where the name says that.
        shard: ``YYYYhN``, where the name says that.
        size: Size of a tree, or the number of a card; None where there is none.
        tile: Path of a tile as in C2SP tlog-tiles.
    """

    text: str
    kind: FileKind
    node: str = ""
    shard: str = ""
    size: int | None = None
    tile: str = ""


def parse_bundle_path(text: str) -> BundlePath:
    """Read the name of a file of a bundle.

    Raises:
        MalformedError: No file of a bundle has that name.
    """
    if len(text) <= PATH_CHARACTERS_MAX:
        for kind, pattern in _PATTERNS.items():
            match = pattern.fullmatch(text)
            if match is None:
                continue
            parts = match.groupdict()
            node, size = parts.get("node") or "", parts.get("size")
            if node and not is_node_name(node):
                break
            return BundlePath(
                text=text,
                kind=kind,
                node=node,
                shard=parts.get("shard") or "",
                size=None if size is None else int(size),
                tile=parts.get("tile") or "",
            )
    raise MalformedError(
        f"No file of a bundle is called {text[:PATH_CHARACTERS_MAX]!a}.",
        remedy="Ask for the bundle again, and add nothing to it.",
    )


def shard_of(origin: str) -> str:
    """Return the last part of a log's origin, ``YYYYhN``."""
    return origin.rpartition("/")[2]


def card_path(node: str, sequence: int) -> str:
    """Return where a card stands."""
    return f"cards/{node}/{sequence}.card"


def checkpoint_path(shard: str, size: int | None = None) -> str:
    """Return where a shard's note at its end stands, or another one of a size."""
    return f"logs/{shard}/checkpoint" + ("" if size is None else f".{size}")


def log_path(shard: str, tile: str) -> str:
    """Return where a tile or entry bundle stands.

    Args:
        shard: ``YYYYhN``.
        tile: Its path as in C2SP tlog-tiles, ``tile/…``.
    """
    return f"logs/{shard}/{tile}"


def peer_leaves_path(node: str, shard: str) -> str:
    """Return where the leaves of a peer's shard stand."""
    return f"peers/{node}/{shard}/leaves.jsonl"


def peer_checkpoint_path(node: str, shard: str, size: int) -> str:
    """Return where a signed note of a peer's shard stands."""
    return f"peers/{node}/{shard}/checkpoints/{size}"


def witnessed_path(node: str, shard: str) -> str:
    """Return where the newest note of a peer that we cosigned stands."""
    return f"witnessed/{node}/{shard}"


def equivocation_path(node: str, size: int, number: int) -> str:
    """Return where a proof of equivocation stands.

    Args:
        node: Who equivocated.
        size: The size for which two roots were signed.
        number: From 1, where there are several.
    """
    return f"equivocations/{node}-{size}-{number}.txt"


def token_path(shard: str, size: int) -> str:
    """Return where the time-stamp token over our note of a size stands."""
    return f"tokens/{shard}-{size}.tsr"
