# SPDX-License-Identifier: Apache-2.0
"""Who is calling the desk, and what each role may call.

Whoever can open the node's unix socket acts as its host's administrator: the
socket stands in a folder that only the node's own user may enter. Everybody
else presents a client certificate that this node issued. Deny by default: a
method that is not listed here can be called by nobody.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from selat.errors import RoleMissingError, UnauthenticatedError
from selat.exchange.local import Clock
from selat.store.port import Store
from selat.store.values import OfficerRow

OFFICER: Final = "officer"
REVIEWER: Final = "reviewer"
ADMINISTRATOR: Final = "administrator"
AUDITOR: Final = "auditor"
SYSTEM: Final = "system"
ROLES: Final = frozenset({OFFICER, REVIEWER, ADMINISTRATOR, AUDITOR, SYSTEM})

HOST_ADMINISTRATOR: Final = "host"
TLS_VERSION: Final = "TLSv1.3"

_READERS: Final = frozenset({OFFICER, REVIEWER, SYSTEM})
_ADMINISTRATORS: Final = frozenset({ADMINISTRATOR})

#: Which roles may call which method; any one of them suffices.
PERMISSIONS: Final[Mapping[str, frozenset[str]]] = MappingProxyType(
    {
        "Publish": frozenset({OFFICER, SYSTEM}),
        "GetMessage": _READERS,
        "SearchMessages": _READERS,
        "Subscribe": _READERS,
        "AcknowledgeMessage": _READERS,
        "ListOutbox": _READERS | _ADMINISTRATORS,
        "RetryOutbox": frozenset({OFFICER, SYSTEM, ADMINISTRATOR}),
        "ListReviews": frozenset({REVIEWER}),
        "DecideReview": frozenset({REVIEWER}),
        "ExportMessage": _READERS,
        "GetEvidence": _READERS | {AUDITOR},
        "GetOwnCard": ROLES,
        "RenewCard": _ADMINISTRATORS,
        "ListKeys": frozenset({ADMINISTRATOR, AUDITOR}),
        "RotateKey": _ADMINISTRATORS,
        "AddPeer": _ADMINISTRATORS,
        "ListPeers": ROLES,
        "RemovePeer": _ADMINISTRATORS,
        "ResumePeer": _ADMINISTRATORS,
        "GetPeerEvidence": frozenset({ADMINISTRATOR, AUDITOR}),
        "AddOfficer": _ADMINISTRATORS,
        "ListOfficers": frozenset({ADMINISTRATOR, AUDITOR}),
        "RevokeOfficer": _ADMINISTRATORS,
        "GetStatus": frozenset({ADMINISTRATOR, AUDITOR}),
        "ClearIncident": _ADMINISTRATORS,
        "GetImportState": frozenset({OFFICER, SYSTEM}),
        "PutImportState": frozenset({OFFICER, SYSTEM}),
        "SetLegalHold": _ADMINISTRATORS,
        "ReleaseLegalHold": _ADMINISTRATORS,
        "RunLifecycle": _ADMINISTRATORS,
        "EraseMessage": _ADMINISTRATORS,
        "ListLifecycle": frozenset({REVIEWER, ADMINISTRATOR, AUDITOR}),
        "GetCheckpoint": frozenset({ADMINISTRATOR, AUDITOR}),
    }
)

#: Which roles may read the published log over HTTP.
LOG_READERS: Final = frozenset({AUDITOR})


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Somebody whom the desk knows."""

    officer_id: str
    agency: str
    roles: frozenset[str]
    functions: frozenset[str] = frozenset()


class Doorkeeper:
    """Tell who calls and whether the call is permitted."""

    def __init__(self, *, store: Store, clock: Clock, agency: str) -> None:
        """Take where officers are kept."""
        self._store = store
        self._clock = clock
        self._host = Caller(
            officer_id=HOST_ADMINISTRATOR,
            agency=agency,
            roles=frozenset({OFFICER, REVIEWER, ADMINISTRATOR}),
        )

    async def admit(self, context: Any, method: str) -> Caller:  # noqa: ANN401 - grpc's
        """Return the caller of a method.

        Args:
            context: The call's context.
            method: Name of the method, without its service.

        Raises:
            UnauthenticatedError: Nobody valid has that certificate.
            RoleMissingError: The caller holds no role that may call it.
        """
        caller = await self._identify(context)
        if not caller.roles & PERMISSIONS.get(method, frozenset()):
            needed = ", ".join(sorted(PERMISSIONS.get(method, frozenset())))
            raise RoleMissingError(
                f"{caller.officer_id} may not call {method}.",
                remedy=f"Ask an administrator for one of the roles: {needed}.",
                method=method,
            )
        return caller

    async def admit_log_reader(self, certificate: bytes) -> str:
        """Return the short name of who may read the published log.

        Args:
            certificate: The client certificate, DER, its chain verified.

        Raises:
            UnauthenticatedError: Nobody valid has that certificate.
            RoleMissingError: The caller is no auditor.
        """
        caller = await self._known(certificate)
        if not caller.roles & LOG_READERS:
            raise RoleMissingError(
                f"{caller.officer_id} may not read the published log.",
                remedy=f"Ask an administrator for the role {AUDITOR}.",
            )
        return caller.officer_id

    async def _identify(self, context: Any) -> Caller:  # noqa: ANN401 - grpc's own
        if context.peer().startswith("unix:"):
            return self._host
        auth = context.auth_context()
        pem = (auth.get("x509_pem_cert") or [b""])[0]
        version = (auth.get("ssl_tls_version") or [b""])[0].decode()
        if not pem or version != TLS_VERSION:
            raise _unknown()
        return await self._known(
            x509.load_pem_x509_certificate(pem).public_bytes(Encoding.DER)
        )

    async def _known(self, certificate: bytes) -> Caller:
        digest = hashlib.sha256(certificate).digest()
        row = await self._store.read(lambda s: s.officer_by_certificate(digest))
        if row is None or not _is_valid(row, self._clock()):
            raise _unknown()
        return Caller(
            officer_id=row.officer_id,
            agency=row.agency,
            roles=frozenset(row.roles),
            functions=frozenset(row.functions),
        )


def _is_valid(row: OfficerRow, now_ms: int) -> bool:
    return row.revoked_ms is None and now_ms < row.not_after_ms


def _unknown() -> UnauthenticatedError:
    return UnauthenticatedError(
        "This node knows no valid officer or system by that certificate over "
        f"{TLS_VERSION}.",
        remedy="Ask an administrator for a certificate (`selat officer add`).",
    )
