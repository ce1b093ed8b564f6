# SPDX-License-Identifier: Apache-2.0
"""Make the keys that take over from those in use, and list them.

A rotation is planned, or it is at once. A planned one leaves peers the time to
fetch the card that names the new keys; keys that somebody else may have are ended
at once, and peers refuse what is signed with them from then on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from cryptography import x509

from selat.errors import InvalidInputError, WrongStateError
from selat.identity.card import SignedCard
from selat.identity.card_keys import CardKey, KeyPurpose
from selat.identity.certificates import Term, issue_node_certificate
from selat.identity.key_kinds import KeyKind
from selat.identity.key_schedule import (
    AFTER_DEFAULT,
    AFTER_MAX,
    CLOCK_ALLOWANCE,
    succeeded,
    waiting_keys,
)
from selat.identity.keystore import KeyStore
from selat.identity.own_card import CARD_KINDS, card_keys
from selat.node.initialise import CERTIFICATE_VALID_DAYS

_SECOND: Final = timedelta(seconds=1)

Entropy = Callable[[int], bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class NewKeys:
    """What takes over one job, and when.

    Attributes:
        name: Our node.
        purpose: The job.
        created: The present time, UTC.
        takes_over_at: When the new keys are used, UTC, whole seconds.
        ends: Until when the keys in use are valid.
    """

    name: str
    purpose: KeyPurpose
    created: datetime
    takes_over_at: datetime
    ends: datetime

    @classmethod
    def plan(
        cls,
        card: SignedCard,
        purpose: KeyPurpose,
        *,
        now: datetime,
        after: timedelta | None,
    ) -> NewKeys:
        """Decide when new keys take over.

        Args:
            card: Our card in force.
            purpose: The job.
            now: The present time, UTC.
            after: From now on; None for at once.

        Raises:
            InvalidInputError: That is too far ahead, or no time at all.
            WrongStateError: Other new keys wait to take over.
        """
        whole = now.replace(microsecond=0)
        if after is None:
            # To the end of this second: what is being signed may be of it.
            return cls(
                name=card.card.name,
                purpose=purpose,
                created=now,
                takes_over_at=whole,
                ends=whole + _SECOND,
            )
        if not timedelta() < after <= AFTER_MAX:
            raise InvalidInputError(
                f"New keys take over after {AFTER_MAX.days} days at most.",
                remedy="Name a shorter time, or none: the default is "
                f"{AFTER_DEFAULT.days} days.",
            )
        waiting = waiting_keys(card.card.keys, purpose, now)
        if waiting:
            begins = waiting[0].used_from
            raise WrongStateError(
                f"New {purpose.name.lower()} keys take over at "
                f"{begins:%Y-%m-%d %H:%M:%S} UTC already.",
                remedy="Wait until they have. If somebody else may have the keys, "
                f"run: selat key rotate {purpose.name.lower()} --now",
            )
        takes_over_at = (now + after + _SECOND).replace(microsecond=0)
        return cls(
            name=card.card.name,
            purpose=purpose,
            created=now,
            takes_over_at=takes_over_at,
            ends=takes_over_at + CLOCK_ALLOWANCE,
        )

    def make(
        self, keys: KeyStore, *, valid_until: datetime, entropy: Entropy
    ) -> tuple[CardKey, ...]:
        """Write the new keys to the key store; return them as a card lists them.

        Args:
            keys: The key store.
            valid_until: Until when the card that is to list them holds.
            entropy: Source of randomness.

        Raises:
            KeyStoreError: One could not be written.
        """
        names = {
            kind: keys.add(kind, created=self.created, entropy=entropy)
            for kind, (purpose, _) in CARD_KINDS.items()
            if purpose is self.purpose
        }
        certificate = b""
        if self.purpose is KeyPurpose.TLS:
            begin = (self.created - CLOCK_ALLOWANCE).replace(microsecond=0)
            certificate = issue_node_certificate(
                keys.tls(names[KeyKind.TLS]),
                name=self.name,
                term=Term(
                    serial=x509.random_serial_number(),
                    not_before=begin,
                    not_after=begin + timedelta(days=CERTIFICATE_VALID_DAYS),
                ),
            )
        return card_keys(
            keys,
            names,
            tls_certificate=certificate,
            not_before=self.takes_over_at - CLOCK_ALLOWANCE,
            not_after=valid_until,
        )

    def list_on(
        self, listed: Iterable[CardKey], made: Iterable[CardKey]
    ) -> tuple[CardKey, ...]:
        """Return the keys of a card with the new ones among them."""
        keys = tuple(listed)
        for new in made:
            keys = succeeded(keys, new, ends=self.ends)
        return keys
