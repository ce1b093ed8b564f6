# SPDX-License-Identifier: Apache-2.0
"""Our log and its cosigners as a policy that foreign tools read (C2SP tlog-policy).

A peer counts as a cosigner when both of its keys have cosigned, so it is a group
of two witnesses. A policy names one log, since two logs may not have one key and
our shards do.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Final

from selat.core.note_keys import NoteVerifier, SignatureType
from selat.core.tlog_policies import (
    NONE,
    PolicyGroup,
    PolicyLog,
    PolicyWitness,
    TlogPolicy,
)
from selat.errors import InvalidInputError
from selat.identity.card_contents import Card

_QUORUM: Final = "peers"


class Algorithm(StrEnum):
    """Which signatures a policy is about."""

    BOTH = "both"
    ED25519 = "ed25519"
    MLDSA44 = "mldsa44"

    def takes(self, verifier: NoteVerifier) -> bool:
        """Tell whether a key is of this algorithm."""
        is_mldsa44 = verifier.signature_type is SignatureType.MLDSA44
        return self is Algorithm.BOTH or is_mldsa44 is (self is Algorithm.MLDSA44)


def tlog_policy(
    own: Card,
    peers: Sequence[Card],
    *,
    origin: str,
    quorum: int,
    at: datetime,
    algorithm: Algorithm,
) -> TlogPolicy:
    """Return the policy of one shard of our log.

    Args:
        own: Our card.
        peers: Cards of the accepted peers.
        origin: The shard.
        quorum: How many of them must have cosigned; 0 for none.
        at: Whose keys of the time count.
        algorithm: Which keys are named.

    Raises:
        InvalidInputError: There are fewer peers than the quorum asks for.
        CardExpiredError: A card has no keys for that time.
    """
    if quorum > len(peers):
        raise InvalidInputError(
            f"A quorum of {quorum} cannot be had of {len(peers)} peers.",
            remedy="Accept more peers, or name a smaller one with --quorum.",
        )
    witnesses: list[PolicyWitness] = []
    groups: list[PolicyGroup] = []
    for peer in peers:
        keys = [key for key in peer.witness_verifiers(at=at) if algorithm.takes(key)]
        names = (
            [peer.name]
            if len(keys) == 1
            else [f"{peer.name}:{key.signature_type.name.lower()}" for key in keys]
        )
        witnesses += [
            PolicyWitness(name=name, key=key)
            for name, key in zip(names, keys, strict=True)
        ]
        if len(keys) > 1:
            groups.append(
                PolicyGroup(name=peer.name, threshold=len(keys), members=tuple(names))
            )
    if quorum:
        members = tuple(peer.name for peer in peers)
        groups.append(PolicyGroup(name=_QUORUM, threshold=quorum, members=members))
    return TlogPolicy(
        logs=tuple(
            PolicyLog(key=key)
            for key in own.log_verifiers(origin, at=at)
            if algorithm.takes(key)
        ),
        witnesses=tuple(witnesses),
        groups=tuple(groups),
        quorum=_QUORUM if quorum else NONE,
    )
