# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.unit.store.samples import ALPHA, BRAVO, NOW

from selat.errors import AlreadyExistsError
from selat.store.port import Store, Transaction
from selat.store.values import IncidentRow, OfficerRow, StoreCounts

OFFICER = OfficerRow(
    officer_id="lim",
    agency="Polizei Übersee",
    roles=("officer", "reviewer"),
    functions=("ct-intelligence", "перехват"),
    certificate=b"c" * 32,
    not_after_ms=NOW + 1,
    revoked_ms=None,
)


async def test_new_store_counts_nothing(store: Store) -> None:
    assert await store.read(lambda s: s.counts()) == StoreCounts(
        messages_in=0, messages_out=0, unacknowledged=0, incidents=0
    )


async def test_officers_are_listed_by_id_and_found_by_certificate(
    store: Store,
) -> None:
    other = replace(
        OFFICER, officer_id="adams", roles=(), functions=(), certificate=b"d" * 32
    )

    def work(transaction: Transaction) -> None:
        transaction.put_officer(OFFICER)
        transaction.put_officer(other)

    await store.write(work)

    assert await store.read(lambda s: s.officers()) == [other, OFFICER]
    found = await store.read(lambda s: s.officer_by_certificate(b"c" * 32))
    assert found == OFFICER
    assert await store.read(lambda s: s.officer_by_certificate(b"e" * 32)) is None


async def test_officer_is_replaced_with_a_new_certificate(store: Store) -> None:
    renewed = replace(
        OFFICER, certificate=b"n" * 32, revoked_ms=NOW, roles=("auditor",)
    )
    await store.write(lambda t: t.put_officer(OFFICER))
    await store.write(lambda t: t.put_officer(renewed))
    await store.write(lambda t: t.put_officer(renewed))

    assert await store.read(lambda s: s.officers()) == [renewed]
    assert await store.read(lambda s: s.officer_by_certificate(b"c" * 32)) is None


async def test_certificate_belongs_to_one_officer(store: Store) -> None:
    await store.write(lambda t: t.put_officer(OFFICER))

    with pytest.raises(AlreadyExistsError):
        await store.write(lambda t: t.put_officer(replace(OFFICER, officer_id="tan")))

    assert await store.read(lambda s: s.officers()) == [OFFICER]


async def note(store: Store, peer: str, reason: str, at_ms: int, detail: str) -> None:
    await store.write(
        lambda t: t.note_incident(peer=peer, reason=reason, detail=detail, at_ms=at_ms)
    )


async def test_incidents_are_counted_and_listed_latest_first(store: Store) -> None:
    await note(store, ALPHA, "CLOCK_SKEW", NOW, "first")
    await note(store, BRAVO, "CLOCK_SKEW", NOW + 1, "other")
    await note(store, ALPHA, "CLOCK_SKEW", NOW + 2, "latest")
    await note(store, "", "STORE_FULL", NOW + 1, "ours")

    listed = await store.read(lambda s: s.incidents(limit=10))

    assert listed[0] == IncidentRow(
        peer=ALPHA,
        reason="CLOCK_SKEW",
        detail="latest",
        count=2,
        first_ms=NOW,
        last_ms=NOW + 2,
    )
    assert [row.peer for row in listed] == [ALPHA, "", BRAVO]
    assert await store.read(lambda s: s.incidents(limit=1)) == listed[:1]
    assert (await store.read(lambda s: s.counts())).incidents == 3


async def test_cleared_incident_is_gone(store: Store) -> None:
    await note(store, ALPHA, "CLOCK_SKEW", NOW, "x")

    async def clear() -> bool:
        return await store.write(
            lambda t: t.clear_incident(peer=ALPHA, reason="CLOCK_SKEW")
        )

    assert await clear()
    assert not await clear()
    assert await store.read(lambda s: s.incidents(limit=10)) == []


async def test_setting_is_kept_and_replaced(store: Store) -> None:
    assert await store.read(lambda s: s.setting("import/un")) is None

    await store.write(lambda t: t.put_setting("import/un", b"\x00one"))
    await store.write(lambda t: t.put_setting("import/un", b""))
    await store.write(lambda t: t.put_setting("ключ", b"two"))

    assert await store.read(lambda s: s.setting("import/un")) == b""
    assert await store.read(lambda s: s.setting("ключ")) == b"two"
