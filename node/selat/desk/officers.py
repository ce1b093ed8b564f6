# SPDX-License-Identifier: Apache-2.0
"""Register officers and systems, and issue their certificates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final, Protocol

from selat.core.times import to_ms, utc
from selat.desk.access import HOST_ADMINISTRATOR, ROLES
from selat.errors import AlreadyExistsError, InvalidInputError, NotFoundError
from selat.exchange.local import LocalNode
from selat.identity.certificate_checks import certificate_digest
from selat.identity.certificates import Credentials, check_officer_id
from selat.store.port import Transaction
from selat.store.values import OfficerRow

VALID_DAYS_DEFAULT: Final = 365
VALID_DAYS_MAX: Final = 1_096


class IssueCertificate(Protocol):
    """Issue a client certificate under the node's desk CA."""

    def __call__(
        self, officer_id: str, *, not_before_ms: int, not_after_ms: int
    ) -> Credentials:
        """Return certificate and private key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewOfficer:
    """A registered officer with what must be handed over."""

    row: OfficerRow
    issued: Credentials


class Officers:
    """Keep who may use the desk."""

    def __init__(self, *, local: LocalNode, issue: IssueCertificate) -> None:
        """Take our node and its desk CA."""
        self._local = local
        self._issue = issue

    async def add(
        self,
        officer_id: str,
        *,
        agency: str,
        roles: Sequence[str],
        functions: Sequence[str],
        valid_days: int,
    ) -> NewOfficer:
        """Register an officer or system; a revoked one gets a new certificate.

        Raises:
            InvalidInputError: The short name, a role or the validity is wrong.
            AlreadyExistsError: The short name is taken by a valid officer.
        """
        _check(officer_id, roles, valid_days)
        now_ms = self._local.clock()
        days = timedelta(days=valid_days or VALID_DAYS_DEFAULT)
        not_after_ms = to_ms(utc(now_ms) + days)
        issued = self._issue(
            officer_id, not_before_ms=now_ms, not_after_ms=not_after_ms
        )
        row = OfficerRow(
            officer_id=officer_id,
            agency=agency or self._local.agency,
            roles=tuple(sorted(set(roles))),
            functions=tuple(functions),
            certificate=certificate_digest(issued.certificate),
            not_after_ms=not_after_ms,
            revoked_ms=None,
        )

        def work(transaction: Transaction) -> None:
            for kept in transaction.officers():
                if kept.officer_id == officer_id and kept.revoked_ms is None:
                    raise AlreadyExistsError(
                        f"{officer_id} is registered already.",
                        remedy="Choose another short name, or revoke the old one.",
                    )
            transaction.put_officer(row)

        await self._local.store.write(work)
        return NewOfficer(row=row, issued=issued)

    async def revoke(self, officer_id: str) -> OfficerRow:
        """Revoke an officer's access.

        Raises:
            NotFoundError: There is no such officer.
        """
        now_ms = self._local.clock()

        def work(transaction: Transaction) -> OfficerRow:
            for kept in transaction.officers():
                if kept.officer_id == officer_id:
                    revoked = replace(kept, revoked_ms=kept.revoked_ms or now_ms)
                    transaction.put_officer(revoked)
                    return revoked
            raise NotFoundError(
                f"Nobody is registered as {officer_id}.",
                remedy="`selat officer list` shows the short names.",
            )

        return await self._local.store.write(work)


def _check(officer_id: str, roles: Sequence[str], valid_days: int) -> None:
    check_officer_id(officer_id)
    if officer_id == HOST_ADMINISTRATOR:
        raise InvalidInputError(
            f"{HOST_ADMINISTRATOR} is whoever acts on the node's own host.",
            remedy="Choose another short name.",
        )
    unknown = set(roles) - ROLES
    if unknown or not roles:
        raise InvalidInputError(
            "An officer needs at least one role, and only known ones.",
            remedy=f"Choose from: {', '.join(sorted(ROLES))}.",
        )
    if valid_days > VALID_DAYS_MAX:
        raise InvalidInputError(
            f"A certificate is valid for at most {VALID_DAYS_MAX} days.",
            remedy="Choose a shorter validity and renew in time.",
        )
