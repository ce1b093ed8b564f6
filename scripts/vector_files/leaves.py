# SPDX-License-Identifier: Apache-2.0
"""The leaves that docs/protocol.md shows, with their hashes (RFC 6962 §2.1)."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from scripts.vector_files.forms import Json

from selat.core.leaves import parse_leaf
from selat.core.merkle import leaf_hash

_PROTOCOL: Final = Path(__file__).parents[2] / "docs/protocol.md"
_LEAF: Final = re.compile(r'^\{.+"v":1.*\}$', re.MULTILINE)


def vectors(_: Json) -> Json:
    """Return the file."""
    shown = _LEAF.findall(_PROTOCOL.read_text("utf-8"))
    return {
        "about": "Leaves, byte for byte in UTF-8, and their RFC 6962 hashes.",
        "leaves": [
            {
                "kind": parse_leaf(leaf.encode()).kind,
                "leaf": leaf,
                "hash": leaf_hash(leaf.encode()).hex(),
            }
            for leaf in shown
        ],
    }
