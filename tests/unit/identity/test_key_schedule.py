# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from tests.fakes.identities import EXPIRES, ISSUED, MIDYEAR, Identity

from selat.identity.card_contents import Card
from selat.identity.card_keys import CardKey, KeyAlgorithm, KeyPurpose
from selat.identity.key_schedule import (
    CLOCK_ALLOWANCE,
    RETIRED_KEYS_MAX,
    KeyStanding,
    begin_of_use,
    carried,
    key_in_use,
    schedule_of,
    succeeded,
    waiting_keys,
)

SEAL = KeyPurpose.SEAL, KeyAlgorithm.MLKEM768_X25519
LOG = KeyPurpose.LOG, KeyAlgorithm.ED25519
SECOND = timedelta(seconds=1)
YEAR = timedelta(days=365)


@pytest.fixture
def card(identity: Identity) -> Card:
    return identity.card.card


def of(card: Card, kind: tuple[KeyPurpose, KeyAlgorithm]) -> CardKey:
    return card.key(*kind, MIDYEAR)


def follower(other: Identity, *, used_from: datetime) -> CardKey:
    """Return a seal key that is to be used from a moment on."""
    return replace(
        of(other.card.card, SEAL),
        key_id="follower",
        not_before=used_from - CLOCK_ALLOWANCE,
        not_after=EXPIRES,
    )


@pytest.fixture
def planned(card: Card, other: Identity) -> tuple[CardKey, ...]:
    """Give the keys of a card whose seal key changes at midyear."""
    new = follower(other, used_from=MIDYEAR)
    return succeeded(card.keys, new, ends=MIDYEAR + CLOCK_ALLOWANCE)


def used(keys: tuple[CardKey, ...], at: datetime) -> str:
    return key_in_use(keys, *SEAL, at).key_id


def test_new_key_takes_over_when_its_time_comes(
    card: Card, planned: tuple[CardKey, ...]
) -> None:
    old = of(card, SEAL).key_id
    assert used(planned, ISSUED) == old
    assert used(planned, MIDYEAR - SECOND) == old
    assert used(planned, MIDYEAR) == "follower"
    assert used(planned, EXPIRES + YEAR) == "follower"


def test_before_all_keys_the_first_one_is_used(
    card: Card, planned: tuple[CardKey, ...]
) -> None:
    assert used(planned, ISSUED - YEAR) == of(card, SEAL).key_id


def test_clocks_that_differ_by_the_allowance_agree_with_each_signature(
    card: Card, planned: tuple[CardKey, ...]
) -> None:
    both = replace(card, keys=planned)
    for at in (MIDYEAR - SECOND, MIDYEAR, MIDYEAR + SECOND):
        key = key_in_use(planned, *SEAL, at)
        for off in (-CLOCK_ALLOWANCE, CLOCK_ALLOWANCE - 2 * SECOND):
            assert key.is_valid(at + off)
    assert both.seal_key(MIDYEAR).key_id == "follower"


def test_keys_of_other_kinds_are_left_alone(
    card: Card, planned: tuple[CardKey, ...]
) -> None:
    others = [key for key in card.keys if key.purpose is not KeyPurpose.SEAL]
    assert [key for key in planned if key.purpose is not KeyPurpose.SEAL] == others


def test_waiting_keys_wait_until_they_are_used(planned: tuple[CardKey, ...]) -> None:
    waiting = waiting_keys(planned, KeyPurpose.SEAL, MIDYEAR - SECOND)
    assert [each.key.key_id for each in waiting] == ["follower"]
    assert begin_of_use(waiting[0].key) == waiting[0].used_from == MIDYEAR
    assert not waiting_keys(planned, KeyPurpose.SEAL, MIDYEAR)
    assert not waiting_keys(planned, KeyPurpose.LOG, ISSUED)


def test_waiting_key_that_is_overtaken_is_never_used(
    other: Identity, planned: tuple[CardKey, ...]
) -> None:
    at = MIDYEAR - timedelta(days=3)
    new = replace(follower(other, used_from=at), key_id="third")
    keys = succeeded(planned, new, ends=at + SECOND)
    for moment in (at, MIDYEAR, EXPIRES):
        assert used(keys, moment) == "third"
    overtaken = next(key for key in keys if key.key_id == "follower")
    assert overtaken.not_after == at + SECOND
    assert overtaken.not_before < new.not_before


def test_next_card_keeps_a_plan_as_it_is(planned: tuple[CardKey, ...]) -> None:
    kept = carried(planned, issued_at=ISSUED + SECOND, valid_until=EXPIRES + YEAR)
    ends = {key.key_id: key.not_after for key in kept if key.purpose is SEAL[0]}
    assert ends.pop("follower") == EXPIRES + YEAR
    assert set(ends.values()) == {MIDYEAR + CLOCK_ALLOWANCE}
    assert used(kept, MIDYEAR - SECOND) != used(kept, MIDYEAR) == "follower"


def test_old_seal_key_goes_once_its_end_has_passed(
    planned: tuple[CardKey, ...],
) -> None:
    end = MIDYEAR + CLOCK_ALLOWANCE
    for issued_at, count in ((end - SECOND, 7), (end, 6)):
        kept = carried(planned, issued_at=issued_at, valid_until=EXPIRES + YEAR)
        assert len(kept) == count


def test_newest_of_many_retired_keys_stay(card: Card) -> None:
    keys = card.keys
    for number in range(RETIRED_KEYS_MAX + 3):
        at = ISSUED + timedelta(days=number + 1)
        new = replace(
            of(card, LOG),
            key_id=f"log-{number}",
            public=bytes([number]) * 32,
            not_before=at,
        )
        keys = succeeded(carried(keys, issued_at=at, valid_until=EXPIRES), new, ends=at)
    kept = carried(keys, issued_at=MIDYEAR, valid_until=EXPIRES)
    assert len(kept) == 6 + RETIRED_KEYS_MAX
    names = {key.key_id for key in kept}
    assert {"log-2", "log-18"} <= names
    assert "log-1" not in names
    assert replace(card, keys=kept).key(*LOG, MIDYEAR).key_id == "log-18"


@pytest.mark.parametrize(
    ("at", "standings"),
    [
        (MIDYEAR - SECOND, (KeyStanding.IN_USE, KeyStanding.NEXT)),
        (MIDYEAR, (KeyStanding.PAST, KeyStanding.IN_USE)),
    ],
)
def test_schedule_tells_where_each_key_stands(
    planned: tuple[CardKey, ...],
    at: datetime,
    standings: tuple[KeyStanding, KeyStanding],
) -> None:
    found = schedule_of(planned, (), at=at)
    assert [each.key.purpose for each in found] == [1, 1, 2, 2, 3, 3, 4]
    seal = [each for each in found if each.key.purpose is KeyPurpose.SEAL]
    assert tuple(each.standing for each in seal) == standings
    assert seal[1].used_from == MIDYEAR


def test_keys_of_older_cards_are_past(card: Card, planned: tuple[CardKey, ...]) -> None:
    now = MIDYEAR + YEAR
    kept = carried(planned, issued_at=now, valid_until=now + YEAR)
    found = schedule_of(kept, (*card.keys, *planned), at=now)
    past = [each for each in found if each.standing is KeyStanding.PAST]
    assert [each.key.key_id for each in past] == [of(card, SEAL).key_id]
    # As the newest card that listed it did.
    assert past[0].key.not_after == MIDYEAR + CLOCK_ALLOWANCE
