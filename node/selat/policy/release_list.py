# SPDX-License-Identifier: Apache-2.0
"""The release list: the simplest agreement there is.

``release.toml`` of the policy folder says which peer may receive which category.
`selat.policy.agreement_rules` makes permits of it; what the baseline forbids stays
forbidden.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping

from selat.errors import ConfigurationError


def parse_release_list(text: str, *, source: str) -> dict[str, frozenset[str]]:
    """Parse the release list that a state keeps.

    The form is ``[peers."police.bb.example"]`` with ``categories = ["…"]``.

    Args:
        text: The TOML text.
        source: Where it came from, for error messages.

    Raises:
        ConfigurationError: It is not TOML or not of that form.
    """
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise _bad(source, f"is not valid TOML: {error}") from error
    if set(document) - {"peers"}:
        raise _bad(source, 'has tables other than [peers."NAME"]')
    peers = document.get("peers", {})
    if not isinstance(peers, dict):
        raise _bad(source, "has a 'peers' that is not a table")
    released: dict[str, frozenset[str]] = {}
    for name, table in peers.items():
        listed = table.get("categories") if isinstance(table, dict) else None
        if (
            not isinstance(listed, list)
            or set(table) != {"categories"}
            or not all(isinstance(item, str) for item in listed)
        ):
            raise _bad(source, f"needs exactly one list 'categories' for {name}")
        released[name] = frozenset(listed)
    return released


def format_release_list(released: Mapping[str, frozenset[str]]) -> str:
    """Write a release list that `parse_release_list` reads back."""
    lines = [
        "# Which categories may be released to which peer.",
        '# "*" stands for all of them. A peer that is not listed receives nothing.',
    ]
    for name in sorted(released):
        items = ", ".join(json.dumps(item) for item in sorted(released[name]))
        lines += ["", f"[peers.{json.dumps(name)}]", f"categories = [{items}]"]
    return "\n".join(lines) + "\n"


def _bad(source: str, what: str) -> ConfigurationError:
    return ConfigurationError(
        f"The release list {source} {what}.",
        remedy="Correct the file; until then the list in force stays.",
        file=source,
    )
