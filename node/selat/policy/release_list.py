# SPDX-License-Identifier: Apache-2.0
"""The first policy: an explicit list of who may receive which category.

An accepted peer may receive a category that it declares on its card and that
is listed for it in ``policy/release.toml`` of the node's folder. A message
may enter when its category is one that this node declares on its own card.
Expired messages move nowhere, and a marking's list of recipients is a limit.
Everything else is denied.
"""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from selat.errors import ConfigurationError
from selat.policy.port import ANY_CATEGORY, Decision, Effect, MessageFacts, PeerFacts

#: Part of the digest: a change of the rule itself is a change of policy.
RULE_VERSION: Final = 1

_DECLARED_AND_LISTED: Final = "release/declared-and-listed"
_NOT_LISTED: Final = "release/not-listed"
_NOT_DECLARED: Final = "release/not-declared"
_EXPIRED: Final = "baseline/expired-moves-nowhere"
_RELEASABLE: Final = "baseline/releasable-to"
_ACCEPT_DECLARED: Final = "accept/declared"


class ReleaseList:
    """Decide by a list of categories for each peer.

    Args:
        released: Categories by node name; ``*`` stands for all of them.
        own_categories: Categories that this node's card declares.
    """

    def __init__(
        self,
        *,
        released: Mapping[str, frozenset[str]],
        own_categories: frozenset[str],
    ) -> None:
        """Keep the lists and compute their digest."""
        self.released = MappingProxyType(dict(released))
        self._own_categories = own_categories
        canonical = json.dumps(
            {
                "accept": sorted(own_categories),
                "release": {k: sorted(v) for k, v in released.items()},
                "rule": RULE_VERSION,
            },
            sort_keys=True,
            separators=(",", ":"),
        )
        self._digest = hashlib.sha256(canonical.encode()).hexdigest()

    @property
    def digest(self) -> str:
        """Return the SHA-256 of lists and rule, hexadecimal."""
        return self._digest

    def release(
        self,
        message: MessageFacts,
        peer: PeerFacts,
        *,
        now_ms: int,
        approved: frozenset[str] = frozenset(),  # noqa: ARG002 - nothing is held here
    ) -> Decision:
        """Permit what is neither expired nor limited, declared and listed."""
        if message.expires_ms is not None and message.expires_ms <= now_ms:
            return _deny(_EXPIRED, "EXPIRED")
        limit = message.releasable_to
        if limit and peer.name not in limit and peer.state not in limit:
            return _deny(_RELEASABLE, "NOT_RELEASABLE_TO_PEER")
        listed = self.released.get(peer.name, frozenset())
        if message.category not in listed and ANY_CATEGORY not in listed:
            return _deny(_NOT_LISTED, "CATEGORY_NOT_LISTED")
        if message.category not in peer.categories:
            return _deny(_NOT_DECLARED, "CATEGORY_NOT_DECLARED")
        return Decision(effect=Effect.PERMIT, policies=(_DECLARED_AND_LISTED,))

    def accept(
        self,
        message: MessageFacts,
        peer: PeerFacts,  # noqa: ARG002 - the port's signature
        *,
        now_ms: int,
        approved: frozenset[str] = frozenset(),  # noqa: ARG002 - nothing is held here
    ) -> Decision:
        """Permit what is not expired and of a category that we declare."""
        if message.expires_ms is not None and message.expires_ms <= now_ms:
            return _deny(_EXPIRED, "EXPIRED")
        if message.category not in self._own_categories:
            return _deny(_ACCEPT_DECLARED, "CATEGORY_NOT_DECLARED")
        return Decision(effect=Effect.PERMIT, policies=(_ACCEPT_DECLARED,))


def _deny(policy: str, reason: str) -> Decision:
    return Decision(effect=Effect.WITHHOLD, policies=(policy,), reason=reason)


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
