# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest

from selat.core import bundle_paths
from selat.core.bundle_paths import BundlePath, FileKind, parse_bundle_path
from selat.errors import MalformedError

NODE = "police.xa.example"

PATHS = [
    (bundle_paths.MANIFEST, {"kind": FileKind.MANIFEST}),
    (bundle_paths.SUMS, {"kind": FileKind.SUMS}),
    (
        bundle_paths.card_path(NODE, 3),
        {"kind": FileKind.CARD, "node": NODE, "size": 3},
    ),
    (
        bundle_paths.checkpoint_path("2026h2"),
        {"kind": FileKind.CHECKPOINT, "shard": "2026h2"},
    ),
    (
        bundle_paths.checkpoint_path("2026h2", 0),
        {"kind": FileKind.CHECKPOINT, "shard": "2026h2", "size": 0},
    ),
    (
        bundle_paths.log_path("2026h2", "tile/entries/x001/067.p/5"),
        {
            "kind": FileKind.TILE,
            "shard": "2026h2",
            "tile": "tile/entries/x001/067.p/5",
        },
    ),
    (
        bundle_paths.peer_leaves_path(NODE, "2027h1"),
        {"kind": FileKind.PEER_LEAVES, "node": NODE, "shard": "2027h1"},
    ),
    (
        bundle_paths.peer_checkpoint_path(NODE, "2027h1", 12),
        {
            "kind": FileKind.PEER_CHECKPOINT,
            "node": NODE,
            "shard": "2027h1",
            "size": 12,
        },
    ),
    (
        bundle_paths.witnessed_path(NODE, "2027h1"),
        {"kind": FileKind.WITNESSED, "node": NODE, "shard": "2027h1"},
    ),
    (
        bundle_paths.equivocation_path("po-lice.xa.example", 12, 1),
        {"kind": FileKind.EQUIVOCATION, "node": "po-lice.xa.example", "size": 12},
    ),
    (
        bundle_paths.token_path("2026h2", 512),
        {"kind": FileKind.TIME_STAMP, "shard": "2026h2", "size": 512},
    ),
]


@pytest.mark.parametrize(("text", "parts"), PATHS)
def test_name_is_taken_apart(text: str, parts: dict[str, object]) -> None:
    parsed = parse_bundle_path(text)
    assert parsed == BundlePath(text=text, **parts)  # type: ignore[arg-type]  # of each field


@pytest.mark.parametrize(
    "text",
    [
        "",
        "/etc/passwd",
        "../bundle.json",
        "bundle.json/",
        "bundle.json\n",
        "cards/police/1.card",
        "cards/police.xa.example/01.card",
        "cards/../x.example/1.card",
        "cards/police.xa.example/1.card.bak",
        "cards/police.xa.example/99999999999999999999.card",
        "logs/2026h3/checkpoint",
        "logs/2026h2/checkpoint.",
        "logs/2026h2/tile/../checkpoint~",
        "logs/2026h2/notes.txt",
        "peers/Police.xa.example/2026h2/leaves.jsonl",
        "tokens/2026h2-1.der",
        "logs/2026h2/tile/" + "0" * 600,
    ],
)
def test_other_name_is_refused(text: str) -> None:
    with pytest.raises(MalformedError, match="No file of a bundle"):
        parse_bundle_path(text)


def test_shard_is_the_last_part_of_an_origin() -> None:
    assert bundle_paths.shard_of("police.xa.example/exchange/2026h2") == "2026h2"
