# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from tests.fakes.identities import ISSUED, MIDYEAR, Identity, make_identity

from selat.core.times import to_ms
from selat.desk.own_keys import KeyDesk
from selat.errors import InvalidInputError
from selat.identity.card import SignedCard
from selat.identity.card_keys import KeyPurpose
from selat.identity.key_kinds import KeyKind
from selat.identity.key_schedule import (
    AFTER_DEFAULT,
    CLOCK_ALLOWANCE,
    ScheduledKey,
    schedule_of,
)
from selat.v1 import desk_service_pb2 as pb

BEGIN = datetime.fromisoformat("2030-07-08T00:00:00Z")


@dataclass
class Rotations:
    """Notes what it is asked, and does nothing."""

    card: SignedCard
    asked: list[tuple[KeyPurpose, timedelta | None]] = field(default_factory=list)

    async def __call__(
        self, purpose: KeyPurpose, *, after: timedelta | None
    ) -> tuple[SignedCard, datetime]:
        self.asked.append((purpose, after))
        return self.card, BEGIN


@pytest.fixture
def node(tmp_path: Path) -> Identity:
    return make_identity(tmp_path / "keys")


@pytest.fixture
def rotations(node: Identity) -> Rotations:
    return Rotations(node.card)


@pytest.fixture
def desk(node: Identity, rotations: Rotations) -> KeyDesk:
    async def schedule() -> tuple[ScheduledKey, ...]:
        return schedule_of(node.card.card.keys, (), at=MIDYEAR)

    return KeyDesk(
        own_card=lambda: node.card,
        schedule=schedule,
        lasting=lambda: map(node.key_store.newest, (KeyKind.DESK, KeyKind.STORE)),
        rotate=rotations,
    )


async def test_every_key_is_listed_by_name_alone(desk: KeyDesk, node: Identity) -> None:
    listed = await desk.keys()
    assert [(key.job, key.algorithm) for key in listed.keys] == [
        ("root", "ed25519"),
        ("root", "mldsa44"),
        ("log", "ed25519"),
        ("log", "mldsa44"),
        ("witness", "ed25519"),
        ("witness", "mldsa44"),
        ("seal", "mlkem768-x25519"),
        ("tls", "x509-p256"),
        ("desk", "x509-p256"),
        ("store", "aes-256"),
    ]
    assert {key.standing for key in listed.keys} == {pb.KEY_STANDING_IN_USE}
    names = {key.key_id for key in listed.keys}
    assert {node.key_store.key_id(kind) for kind in KeyKind} - names == {
        node.key_store.key_id(KeyKind.TLS)  # a card names its certificate
    }
    data = listed.SerializeToString()
    for key in node.card.card.keys:
        assert key.public not in data


async def test_times_are_told_where_they_are_known(desk: KeyDesk) -> None:
    by_job = {key.job: key for key in (await desk.keys()).keys}
    assert not by_job["root"].HasField("used_from")
    assert not by_job["store"].HasField("valid_until")
    seal = by_job["seal"]
    assert seal.used_from.ToMilliseconds() == to_ms(ISSUED + CLOCK_ALLOWANCE)
    assert by_job["store"].used_from.ToMilliseconds() == to_ms(ISSUED)


@pytest.mark.parametrize(
    ("request_", "after"),
    [
        (pb.RotateKeyRequest(job="seal"), AFTER_DEFAULT),
        (pb.RotateKeyRequest(job="seal", after_s=90), timedelta(seconds=90)),
        (pb.RotateKeyRequest(job="seal", at_once=True), None),
    ],
)
async def test_job_is_rotated_at_the_time_that_was_asked(
    desk: KeyDesk,
    rotations: Rotations,
    request_: pb.RotateKeyRequest,
    after: timedelta | None,
) -> None:
    answer = await desk.rotate(request_)
    assert rotations.asked == [(KeyPurpose.SEAL, after)]
    assert answer.envelope == rotations.card.envelope
    assert answer.sequence == 1
    assert answer.takes_over_at.ToMilliseconds() == to_ms(BEGIN)
    assert [key.job for key in answer.keys] == ["seal"]


@pytest.mark.parametrize(
    ("job", "why", "instead"),
    [
        ("root", "compared by telephone", "begin anew under another name"),
        ("store", "wrapped under it", "begin a new node"),
        ("desk", "every officer's certificate", "selat officer revoke"),
        ("blind", "no job of a key", "log, witness, seal, tls"),
        ("", "no job of a key", "log, witness, seal, tls"),
    ],
)
async def test_what_is_not_rotated_says_why_and_what_to_do(
    desk: KeyDesk, rotations: Rotations, job: str, why: str, instead: str
) -> None:
    with pytest.raises(InvalidInputError, match=why) as caught:
        await desk.rotate(pb.RotateKeyRequest(job=job))
    assert instead in caught.value.remedy
    assert rotations.asked == []


async def test_at_once_and_later_exclude_each_other(desk: KeyDesk) -> None:
    with pytest.raises(InvalidInputError, match="either at once or"):
        await desk.rotate(pb.RotateKeyRequest(job="log", after_s=1, at_once=True))
