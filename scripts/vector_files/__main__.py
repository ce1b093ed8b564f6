# SPDX-License-Identifier: Apache-2.0
"""Write or check the files of test vectors; see `scripts/vectors`."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from scripts.vector_files import checkpoints, leaves, messages, tiles, trees

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "tests/vectors"
FILES = {
    "checkpoints.json": checkpoints.vectors,
    "leaves.json": leaves.vectors,
    "messages.json": messages.vectors,
    "tiles.json": tiles.vectors,
    "trees.json": trees.vectors,
}


def main(arguments: list[str]) -> int:
    """Write the files, or compare them; return the exit code."""
    if arguments not in ([], ["--check"]):
        print("usage: scripts/vectors [--check]", file=sys.stderr)
        return 2
    old = []
    for name, vectors in FILES.items():
        path = FOLDER / name
        before = path.read_text("ascii") if path.exists() else "{}"
        now = json.dumps(vectors(json.loads(before)), indent=1, sort_keys=True) + "\n"
        if now != before:
            old.append(name)
            if not arguments:
                path.write_text(now, "ascii")
    if old and arguments:
        print(f"scripts/vectors: old: {', '.join(old)}", file=sys.stderr)
        print("Run scripts/vectors and commit what it writes.", file=sys.stderr)
        return 1
    print(f"written: {', '.join(old)}" if old else "nothing to write")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
