# SPDX-License-Identifier: Apache-2.0
"""Which of a node's keys is in use when: its card is the schedule.

A key on a card is *valid* between two moments, as every verifier reads it. Its
node *uses* it from a little later than the first, and retires it a little before
the second, so that peers whose clocks are some minutes off agree with each
signature. At every moment one key of each kind is in use, and it follows from the
card and the time alone.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from selat.identity.card_keys import CardKey, KeyAlgorithm, KeyPurpose

#: How far the clocks of peers may be off; a key is valid by as much before it is
#: used, and after.
CLOCK_ALLOWANCE: Final = timedelta(minutes=5)
#: A rotation may be planned for so long ahead.
AFTER_MAX: Final = timedelta(days=90)
#: So long the keys in use still are, unless another time is named. Links fetch cards
#: at most six hours apart; a peer may be off over a weekend, and a holiday.
AFTER_DEFAULT: Final = timedelta(days=7)
#: Retired keys on a card: four changes of both keys of log and witness. Older ones
#: stand on older cards, which the node keeps.
RETIRED_KEYS_MAX: Final = 16

_TICK: Final = timedelta(seconds=1)
#: What these sign is verified for as long as the log is; the others only ever
#: serve the present.
_SIGNING: Final = frozenset({KeyPurpose.LOG, KeyPurpose.WITNESS})


class KeyStanding(StrEnum):
    """Where a key stands in its life."""

    NEXT = "next"
    IN_USE = "in use"
    PAST = "past"


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduledKey:
    """A key of our own, with its time.

    Attributes:
        key: The key as our newest card that lists it does.
        standing: Where it stands at present.
    """

    key: CardKey
    standing: KeyStanding

    @property
    def used_from(self) -> datetime:
        """From when the node uses it, UTC."""
        return begin_of_use(self.key)


def begin_of_use(key: CardKey) -> datetime:
    """Return from when its node uses a key."""
    return key.not_before + CLOCK_ALLOWANCE


def key_in_use(
    keys: Iterable[CardKey], purpose: KeyPurpose, algorithm: KeyAlgorithm, at: datetime
) -> CardKey:
    """Return the key that its node uses at a time.

    The newest whose use has begun; before all of them, as on a clock that went
    back, the first. A card lists one at least.

    Args:
        keys: The keys on the node's own card.
        purpose: What for.
        algorithm: Which algorithm.
        at: When, aware.
    """
    kind = purpose, algorithm
    found = sorted(
        (key for key in keys if (key.purpose, key.algorithm) == kind), key=_order
    )
    begun = [key for key in found if begin_of_use(key) <= at]
    return begun[-1] if begun else found[0]


def waiting_keys(
    keys: Iterable[CardKey], purpose: KeyPurpose, at: datetime
) -> tuple[ScheduledKey, ...]:
    """Return the keys of a purpose that are to take over later."""
    return tuple(
        each
        for each in schedule_of(keys, (), at=at)
        if each.key.purpose is purpose and each.standing is KeyStanding.NEXT
    )


def schedule_of(
    listed: Iterable[CardKey], ever: Iterable[CardKey], *, at: datetime
) -> tuple[ScheduledKey, ...]:
    """Return our keys with where they stand, by purpose and then by their time.

    Args:
        listed: The keys on our card.
        ever: Those on every card that we had, each as the newest lists it.
        at: The present time, aware.
    """
    current = tuple(listed)
    used = {
        key_in_use(current, key.purpose, key.algorithm, at).public for key in current
    }
    keys = {key.public: key for key in (*ever, *current)}.values()
    return tuple(
        ScheduledKey(key=key, standing=_standing(key, used, at))
        for key in sorted(
            keys, key=lambda key: (key.purpose, key.algorithm, _order(key))
        )
    )


def carried(
    listed: Iterable[CardKey], *, issued_at: datetime, valid_until: datetime
) -> tuple[CardKey, ...]:
    """Return the keys of a card as the next card lists them.

    The last key of each kind lasts as long as the new card. A retired one keeps
    its end: those of log and witness stay, so that what they signed can be
    verified, those of seal and TLS go once their end has passed.

    Args:
        listed: The keys on the card before.
        issued_at: From when the next card holds.
        valid_until: Until when.
    """
    keys = sorted(listed, key=_order)
    last = {(key.purpose, key.algorithm): key.public for key in keys}
    current: list[CardKey] = []
    retired: list[CardKey] = []
    for key in keys:
        if last[key.purpose, key.algorithm] == key.public:
            current.append(replace(key, not_after=valid_until))
        elif key.purpose in _SIGNING or key.not_after > issued_at:
            retired.append(key)
    retired.sort(key=lambda key: key.not_after)
    return (*current, *retired[-RETIRED_KEYS_MAX:])


def succeeded(
    keys: Iterable[CardKey], new: CardKey, *, ends: datetime
) -> tuple[CardKey, ...]:
    """Let a new key follow those of its kind.

    Args:
        keys: The keys on a card.
        new: The key that is to follow.
        ends: When those of its kind end that would last longer. One that was to
            be used only later, and now never is, ends with them.
    """
    kind = new.purpose, new.algorithm
    first = min(new.not_before, ends) - _TICK
    return (
        *(
            replace(
                key,
                not_before=min(key.not_before, first),
                not_after=min(key.not_after, ends),
            )
            if (key.purpose, key.algorithm) == kind
            else key
            for key in keys
        ),
        new,
    )


def _order(key: CardKey) -> datetime:
    return key.not_before


def _standing(key: CardKey, used: set[bytes], at: datetime) -> KeyStanding:
    if key.public in used:
        return KeyStanding.IN_USE
    return KeyStanding.NEXT if begin_of_use(key) > at else KeyStanding.PAST
