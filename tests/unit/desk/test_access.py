# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from tests.fakes.identities import ISSUED, Identity
from tests.fakes.local_nodes import NAME, NOW_MS, FakeClock

from selat.desk.access import (
    ADMINISTRATOR,
    AUDITOR,
    OFFICER,
    PERMISSIONS,
    REVIEWER,
    ROLES,
    SYSTEM,
    Doorkeeper,
)
from selat.errors import RoleMissingError, UnauthenticatedError
from selat.exchange.local import LocalNode
from selat.identity.certificate_checks import certificate_digest, to_pem
from selat.identity.certificates import DeskAuthority, Term
from selat.store.values import OfficerRow
from selat.v1 import desk_service_pb2 as pb

TERM = Term(serial=1, not_before=ISSUED, not_after=ISSUED + timedelta(days=365))
AUTHORITY = DeskAuthority.create(
    ec.generate_private_key(ec.SECP256R1()), name=NAME, term=TERM
)
CERTIFICATE = AUTHORITY.issue_officer(
    ec.generate_private_key(ec.SECP256R1()), officer_id="desk-3", term=TERM
).certificate
ROW = OfficerRow(
    officer_id="desk-3",
    agency="Border Police of XC",
    roles=(OFFICER,),
    functions=("crisis",),
    certificate=certificate_digest(CERTIFICATE),
    not_after_ms=NOW_MS + 1,
    revoked_ms=None,
)


@dataclass(frozen=True)
class Context:
    """A call over TCP."""

    auth: dict[str, list[bytes]] = field(default_factory=dict)
    address: str = "ipv4:192.0.2.7:50000"

    def peer(self) -> str:
        return self.address

    def auth_context(self) -> dict[str, list[bytes]]:
        return self.auth


ON_SOCKET = Context(address="unix:")


def over_tls(pem: bytes, *, version: bytes = b"TLSv1.3") -> Context:
    return Context(auth={"x509_pem_cert": [pem], "ssl_tls_version": [version]})


OF_OFFICER = over_tls(to_pem(CERTIFICATE))


@pytest.fixture
def door(local: LocalNode, clock: FakeClock) -> Doorkeeper:
    return Doorkeeper(store=local.store, clock=clock, agency=local.agency)


async def register(local: LocalNode, **changes: Any) -> None:  # noqa: ANN401 - fields
    row = replace(ROW, **changes)
    await local.store.write(lambda transaction: transaction.put_officer(row))


def test_permissions_name_methods_and_roles_that_exist() -> None:
    methods = {
        method.name
        for service in pb.DESCRIPTOR.services_by_name.values()
        for method in service.methods
    }
    assert methods >= set(PERMISSIONS)
    assert all(roles and roles <= ROLES for roles in PERMISSIONS.values())


async def test_officer_is_known_by_certificate(
    door: Doorkeeper, local: LocalNode
) -> None:
    await register(local)
    caller = await door.admit(OF_OFFICER, "Publish")
    assert caller.officer_id == "desk-3"
    assert caller.agency == "Border Police of XC"
    assert caller.roles == {OFFICER}


@pytest.mark.parametrize("role", sorted(ROLES))
@pytest.mark.parametrize("method", sorted(PERMISSIONS))
async def test_role_admits_to_its_own_methods_only(
    role: str, method: str, door: Doorkeeper, local: LocalNode
) -> None:
    await register(local, roles=(role,))
    if role in PERMISSIONS[method]:
        assert (await door.admit(OF_OFFICER, method)).roles == {role}
        return
    with pytest.raises(RoleMissingError) as caught:
        await door.admit(OF_OFFICER, method)
    assert all(needed in caught.value.remedy for needed in PERMISSIONS[method])


async def test_any_one_of_several_roles_suffices(
    door: Doorkeeper, local: LocalNode
) -> None:
    await register(local, roles=(AUDITOR, REVIEWER))
    assert (await door.admit(OF_OFFICER, "SearchMessages")).officer_id == "desk-3"


@pytest.mark.parametrize("method", ["Unheard", "", "publish"])
async def test_method_that_is_not_listed_is_for_nobody(
    method: str, door: Doorkeeper
) -> None:
    with pytest.raises(RoleMissingError):
        await door.admit(ON_SOCKET, method)


async def test_socket_admits_the_host_with_the_agency_of_the_node(
    door: Doorkeeper, local: LocalNode
) -> None:
    caller = await door.admit(ON_SOCKET, "AddOfficer")
    assert caller.officer_id == "host"
    assert caller.agency == local.agency
    assert ADMINISTRATOR in caller.roles


async def test_host_does_not_audit_itself(door: Doorkeeper) -> None:
    assert AUDITOR not in (await door.admit(ON_SOCKET, "GetStatus")).roles


@pytest.mark.parametrize(
    "context",
    [
        Context(),
        Context(auth={"ssl_tls_version": [b"TLSv1.3"]}),
        Context(auth={"ssl_tls_version": [b"TLSv1.3"], "x509_pem_cert": []}),
        Context(auth={"x509_pem_cert": [to_pem(CERTIFICATE)]}),
        over_tls(to_pem(CERTIFICATE), version=b"TLSv1.2"),
        Context(address="unixoid:"),
    ],
    ids=[
        "no TLS",
        "no certificate",
        "empty list",
        "no version",
        "TLS 1.2",
        "no socket",
    ],
)
async def test_call_without_a_certificate_over_tls_1_3_is_refused(
    context: Context, door: Doorkeeper, local: LocalNode
) -> None:
    await register(local)
    with pytest.raises(UnauthenticatedError):
        await door.admit(context, "Publish")


async def test_certificate_of_nobody_is_refused(
    door: Doorkeeper, local: LocalNode, xa: Identity
) -> None:
    await register(local)
    with pytest.raises(UnauthenticatedError, match="no valid officer"):
        await door.admit(over_tls(to_pem(xa.tls_certificate)), "Publish")


async def test_officer_is_admitted_until_the_certificate_ends(
    door: Doorkeeper, local: LocalNode, clock: FakeClock
) -> None:
    await register(local)
    await door.admit(OF_OFFICER, "Publish")
    clock.now_ms = ROW.not_after_ms
    with pytest.raises(UnauthenticatedError):
        await door.admit(OF_OFFICER, "Publish")


async def test_revoked_officer_is_refused_at_once(
    door: Doorkeeper, local: LocalNode
) -> None:
    await register(local)
    await door.admit(OF_OFFICER, "Publish")
    await register(local, revoked_ms=NOW_MS)
    with pytest.raises(UnauthenticatedError):
        await door.admit(OF_OFFICER, "Publish")


async def test_stranger_learns_nothing_of_what_the_desk_offers(
    door: Doorkeeper, xa: Identity
) -> None:
    stranger = over_tls(to_pem(xa.tls_certificate))
    for method in ("Publish", "Unheard"):
        with pytest.raises(UnauthenticatedError):
            await door.admit(stranger, method)


async def test_system_publishes_and_does_not_administer(
    door: Doorkeeper, local: LocalNode
) -> None:
    await register(local, roles=(SYSTEM,))
    await door.admit(OF_OFFICER, "Publish")
    with pytest.raises(RoleMissingError):
        await door.admit(OF_OFFICER, "AddPeer")
