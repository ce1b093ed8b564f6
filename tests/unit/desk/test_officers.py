# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from tests.fakes.identities import ISSUED
from tests.fakes.local_nodes import DAY_MS, NAME, NOW_MS, FakeClock

from selat.core.times import utc
from selat.desk.officers import (
    VALID_DAYS_DEFAULT,
    VALID_DAYS_MAX,
    NewOfficer,
    Officers,
)
from selat.errors import AlreadyExistsError, InvalidInputError, NotFoundError
from selat.exchange.local import LocalNode
from selat.identity.certificate_checks import certificate_digest
from selat.identity.certificates import Credentials, DeskAuthority, Term
from selat.store.values import OfficerRow

AUTHORITY = DeskAuthority.create(
    ec.generate_private_key(ec.SECP256R1()),
    name=NAME,
    term=Term(
        serial=1, not_before=ISSUED, not_after=ISSUED + timedelta(days=VALID_DAYS_MAX)
    ),
)


def issue(officer_id: str, *, not_before_ms: int, not_after_ms: int) -> Credentials:
    return AUTHORITY.issue_officer(
        ec.generate_private_key(ec.SECP256R1()),
        officer_id=officer_id,
        term=Term(
            serial=x509.random_serial_number(),
            not_before=utc(not_before_ms),
            not_after=utc(not_after_ms),
        ),
    )


@pytest.fixture
def officers(local: LocalNode) -> Officers:
    return Officers(local=local, issue=issue)


async def add(
    officers: Officers,
    officer_id: str = "desk-3",
    **changes: Any,  # noqa: ANN401 - arguments of a call
) -> NewOfficer:
    arguments: dict[str, Any] = {
        "agency": "",
        "roles": ("officer",),
        "functions": (),
        "valid_days": 0,
    } | changes
    return await officers.add(officer_id, **arguments)


async def kept(local: LocalNode) -> list[OfficerRow]:
    return await local.store.read(lambda snapshot: snapshot.officers())


async def test_officer_is_kept_with_the_digest_of_the_certificate(
    officers: Officers, local: LocalNode
) -> None:
    new = await add(
        officers,
        agency="Border Police of XC",
        roles=("reviewer", "officer", "officer"),
        functions=("crisis",),
    )
    (row,) = await kept(local)
    assert row == new.row
    assert row.roles == ("officer", "reviewer")
    assert row.functions == ("crisis",)
    assert row.agency == "Border Police of XC"
    assert row.certificate == certificate_digest(new.issued.certificate)
    certificate = x509.load_der_x509_certificate(new.issued.certificate)
    assert "CN=desk-3" in certificate.subject.rfc4514_string()


async def test_officer_is_of_our_agency_unless_told_otherwise(
    officers: Officers, local: LocalNode
) -> None:
    assert (await add(officers)).row.agency == local.agency


@pytest.mark.parametrize(
    ("asked", "given"), [(0, VALID_DAYS_DEFAULT), (1, 1), (1_096, VALID_DAYS_MAX)]
)
async def test_certificate_holds_for_so_many_days(
    asked: int, given: int, officers: Officers
) -> None:
    new = await add(officers, valid_days=asked)
    assert new.row.not_after_ms == NOW_MS + given * DAY_MS
    certificate = x509.load_der_x509_certificate(new.issued.certificate)
    assert certificate.not_valid_before_utc == utc(NOW_MS)
    assert certificate.not_valid_after_utc == utc(new.row.not_after_ms)


@pytest.mark.parametrize(
    "changes",
    [
        {"officer_id": "Desk 3"},
        {"officer_id": ""},
        {"officer_id": "host"},
        {"roles": ()},
        {"roles": ("officer", "king")},
        {"valid_days": VALID_DAYS_MAX + 1},
    ],
    ids=str,
)
async def test_officer_that_cannot_be_is_not_registered(
    changes: dict[str, Any], officers: Officers, local: LocalNode
) -> None:
    with pytest.raises(InvalidInputError) as caught:
        await add(officers, **changes)
    assert caught.value.remedy
    assert not await kept(local)


async def test_short_name_is_not_taken_twice(
    officers: Officers, local: LocalNode
) -> None:
    first = await add(officers)
    await add(officers, "desk-4")
    with pytest.raises(AlreadyExistsError, match="desk-3"):
        await add(officers, roles=("administrator",))
    assert first.row in await kept(local)


async def test_revoked_officer_gets_a_new_certificate(
    officers: Officers, local: LocalNode
) -> None:
    first = await add(officers)
    await officers.revoke("desk-3")
    second = await add(officers)
    assert second.row.revoked_ms is None
    assert second.row.certificate != first.row.certificate
    assert await kept(local) == [second.row]


async def test_revocation_keeps_its_first_moment(
    officers: Officers, local: LocalNode, clock: FakeClock
) -> None:
    await add(officers)
    await add(officers, "desk-2")
    revoked = await officers.revoke("desk-3")
    clock.now_ms += DAY_MS
    assert await officers.revoke("desk-3") == revoked
    assert revoked.revoked_ms == NOW_MS
    by_name = {row.officer_id: row for row in await kept(local)}
    assert by_name["desk-3"] == revoked
    assert by_name["desk-2"].revoked_ms is None


async def test_nobody_cannot_be_revoked(officers: Officers) -> None:
    await add(officers)
    with pytest.raises(NotFoundError, match="desk-9"):
        await officers.revoke("desk-9")
