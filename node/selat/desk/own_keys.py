# SPDX-License-Identifier: Apache-2.0
"""Our own keys, as administrators see and rotate them. No key is ever told."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime, timedelta
from typing import Final, Protocol

from selat.core.times import to_ms
from selat.desk import convert
from selat.errors import InvalidInputError
from selat.identity.card import SignedCard
from selat.identity.card_keys import KeyPurpose
from selat.identity.key_files import KeyName
from selat.identity.key_kinds import KeyKind, key_id
from selat.identity.key_schedule import AFTER_DEFAULT, KeyStanding, ScheduledKey
from selat.v1 import desk_service_pb2 as pb

_STANDINGS: Final = {
    KeyStanding.NEXT: pb.KEY_STANDING_NEXT,
    KeyStanding.IN_USE: pb.KEY_STANDING_IN_USE,
    KeyStanding.PAST: pb.KEY_STANDING_PAST,
}
_JOBS: Final = {purpose.name.lower(): purpose for purpose in KeyPurpose}


class Rotate(Protocol):
    """Makes new keys for one job and issues the card by which they take over."""

    def __call__(
        self, purpose: KeyPurpose, *, after: timedelta | None
    ) -> Awaitable[tuple[SignedCard, datetime]]:
        """Return the card and when they take over; None for ``after`` is at once."""


class KeyDesk:
    """List and rotate our own keys.

    Args:
        own_card: Gives our card.
        schedule: Gives every key that a card of ours ever listed.
        lasting: Gives the names of the keys that last: store and desk.
        rotate: Rotates the keys of one job.
    """

    def __init__(
        self,
        *,
        own_card: Callable[[], SignedCard],
        schedule: Callable[[], Awaitable[tuple[ScheduledKey, ...]]],
        lasting: Callable[[], Iterable[KeyName]],
        rotate: Rotate,
    ) -> None:
        """Take where keys are known, and what rotates them."""
        self._own_card = own_card
        self._schedule = schedule
        self._lasting = lasting
        self._rotate = rotate

    async def keys(self) -> pb.ListKeysResponse:
        """Return our keys, by what they are for and then by their time."""
        root = self._own_card().card.root
        return pb.ListKeysResponse(
            keys=[
                _root_key(KeyKind.ROOT_ED25519, root.ed25519),
                _root_key(KeyKind.ROOT_MLDSA44, root.mldsa44),
                *map(_scheduled_key, await self._schedule()),
                *map(_lasting_key, self._lasting()),
            ]
        )

    async def rotate(self, request: pb.RotateKeyRequest) -> pb.RotateKeyResponse:
        """Rotate the keys of one job.

        Raises:
            InvalidInputError: There is no such job, its keys are not rotated, or
                the time is none.
            KeyStoreError: The root keys are not here.
            WrongStateError: Other new keys wait to take over.
        """
        purpose = _purpose(request.job)
        if request.at_once and request.after_s:
            raise InvalidInputError(
                "A rotation is either at once or after some time.",
                remedy="Name one of both.",
            )
        after = timedelta(seconds=request.after_s) or AFTER_DEFAULT
        card, takes_over_at = await self._rotate(
            purpose, after=None if request.at_once else after
        )
        return pb.RotateKeyResponse(
            envelope=card.envelope,
            sequence=card.card.sequence,
            takes_over_at=convert.timestamp(to_ms(takes_over_at)),
            keys=[
                _scheduled_key(each)
                for each in await self._schedule()
                if each.key.purpose is purpose
            ],
        )


def _purpose(job: str) -> KeyPurpose:
    if job in _JOBS:
        return _JOBS[job]
    match job:
        case "root":
            raise InvalidInputError(
                "The root keys are not rotated: they are what peers have compared by "
                "telephone, and they sign every card.",
                remedy="To keep them safer, move their files offline. If somebody else "
                "may have them, tell every peer to remove this node, and begin anew "
                "under another name.",
            )
        case "store":
            raise InvalidInputError(
                "The store key is not rotated: the data key of every message that is "
                "kept is wrapped under it.",
                remedy="If somebody else may have it and the database, what it holds "
                "is disclosed: tell those whom it concerns, and begin a new node.",
            )
        case "desk":
            raise InvalidInputError(
                "The key of the desk's authority is not rotated: every officer's "
                "certificate is issued under it.",
                remedy="Revoke officers one by one: selat officer revoke",
            )
        case _:
            raise InvalidInputError(
                "That is no job of a key.", remedy=f"Name one of: {', '.join(_JOBS)}."
            )


def _scheduled_key(each: ScheduledKey) -> pb.OwnKey:
    key = each.key
    return pb.OwnKey(
        job=key.purpose.name.lower(),
        algorithm=key.algorithm.name.lower().replace("_", "-"),
        key_id=key.key_id,
        used_from=convert.timestamp(to_ms(each.used_from)),
        valid_until=convert.timestamp(to_ms(key.not_after)),
        standing=_STANDINGS[each.standing],
    )


def _root_key(kind: KeyKind, public: bytes) -> pb.OwnKey:
    job, _, algorithm = kind.value.partition("-")
    return pb.OwnKey(
        job=job,
        algorithm=algorithm,
        key_id=key_id(kind, public),
        standing=pb.KEY_STANDING_IN_USE,
    )


def _lasting_key(name: KeyName) -> pb.OwnKey:
    return pb.OwnKey(
        job=name.kind.value,
        algorithm="x509-p256" if name.kind is KeyKind.DESK else "aes-256",
        key_id=name.key_id,
        used_from=convert.timestamp(to_ms(name.created)),
        standing=pb.KEY_STANDING_IN_USE,
    )
