# SPDX-License-Identifier: Apache-2.0
"""What the files of a policy folder say, whose policy it is, and its digest."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from selat.policy.agreements import Agreement
from selat.policy.catalogue import Catalogue
from selat.policy.groups import Groups
from selat.policy.rules import Rule

#: Form of the digest: a change of how rules are read is a change of policy.
DIGEST_VERSION: Final = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicySource:
    """What the files of a policy folder say.

    Attributes:
        catalogue: The categories.
        groups: The groups of states and nodes.
        rules: Rules of the baseline and of the state.
        agreements: The agreements.
        released: The release list: categories by node name.
        departures: Declared departures from the baseline.
        digests: SHA-256 of each file, hexadecimal, by path.
    """

    catalogue: Catalogue
    groups: Groups
    rules: tuple[Rule, ...]
    agreements: tuple[Agreement, ...]
    released: Mapping[str, frozenset[str]]
    departures: tuple[str, ...]
    digests: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Whose policy it is.

    Attributes:
        node: Our node name.
        state: Our state.
        received: Categories that our card declares; ``*`` for all.
    """

    node: str
    state: str
    received: frozenset[str]


def digest_of(source: PolicySource, identity: Identity) -> str:
    """Return the SHA-256 of all that the set consists of, in one canonical form.

    RFC 8785 needs nothing that `json.dumps` with these options does not give for
    texts without surrogates, which no file read as UTF-8 has.
    """
    document = {
        "version": DIGEST_VERSION,
        "node": identity.node,
        "state": identity.state,
        "received": sorted(identity.received),
        "departures": list(source.departures),
        "files": dict(source.digests),
        "released": {peer: sorted(names) for peer, names in source.released.items()},
    }
    canonical = json.dumps(
        document, sort_keys=True, separators=(",", ":"), ensure_ascii=False
    )
    return hashlib.sha256(canonical.encode()).hexdigest()
