# SPDX-License-Identifier: Apache-2.0
"""What the key store and our card tell of our own keys."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Final

from selat.errors import SelatError
from selat.identity.card import parse_card
from selat.identity.card_contents import Card
from selat.identity.card_keys import KeyAlgorithm, KeyPurpose
from selat.identity.certificate_checks import load
from selat.identity.key_kinds import KeyKind
from selat.identity.key_schedule import (
    KeyStanding,
    ScheduledKey,
    key_in_use,
    schedule_of,
)
from selat.identity.keystore import KeyStore
from selat.identity.own_card import CARD_KINDS, private_name
from selat.node.findings import Finding, fail, failed, ok, warn
from selat.node.folder import NodeFolder
from selat.node.node_checks import CARD_WARN

# They sign cards and nothing else, and may be kept offline.
_ROOT: Final = (KeyKind.ROOT_ED25519, KeyKind.ROOT_MLDSA44)


def check_keys(
    folder: NodeFolder, passphrase: bytes | None, *, now: datetime
) -> Iterator[Finding]:
    """Examine the key store, and when keys of ours begin and end."""
    try:
        card = parse_card(folder.card.read_bytes()).card
    except (OSError, SelatError):
        scheduled: tuple[ScheduledKey, ...] = ()  # the check of the card says it
    else:
        scheduled = schedule_of(card.keys, (), at=now)
        yield from _times(card, scheduled, now=now)
    if passphrase is None:
        yield warn(
            "keys",
            "The key store was not opened: no passphrase was given.",
            "Run it again with --passphrase-file.",
        )
        return
    try:
        keys = KeyStore.open(folder.keys, passphrase)
        for kind in KeyKind:
            if kind not in _ROOT or keys.generations(kind):
                keys.key_id(kind)
    except SelatError as error:
        yield failed("keys", error)
        return
    missing = _missing(keys, scheduled)
    if missing:
        yield fail(
            "keys",
            f"Our card lists keys that the key store lacks: {', '.join(missing)}.",
            "Restore their files from the newest backup of the key store.",
        )
        return
    yield ok("keys", "The key store opens and has its keys.")
    if not all(map(keys.generations, _ROOT)):
        yield ok("keys", "The root keys are elsewhere; a new card needs them.")


def _times(
    card: Card, scheduled: tuple[ScheduledKey, ...], *, now: datetime
) -> Iterator[Finding]:
    begins = {
        each.key.purpose: each.used_from
        for each in scheduled
        if each.standing is KeyStanding.NEXT
    }
    for purpose, begin in begins.items():
        yield ok(
            "keys",
            f"New {purpose.name.lower()} keys take over at {begin:%Y-%m-%d %H:%M} UTC.",
        )
    used = key_in_use(card.keys, KeyPurpose.TLS, KeyAlgorithm.X509_P256, now)
    end = load(used.public).not_valid_after_utc
    if end - now < CARD_WARN and KeyPurpose.TLS not in begins:
        yield warn(
            "keys",
            f"Our TLS certificate ends on {end:%Y-%m-%d}; no peer connects with it "
            "after that.",
            "Rotate the key early, so that peers learn of the next: selat key rotate "
            "tls",
        )


def _missing(keys: KeyStore, scheduled: tuple[ScheduledKey, ...]) -> list[str]:
    """Return the names of keys on our card, in use or next, that are not here."""
    here = {name.key_id for kind in CARD_KINDS for name in keys.generations(kind)}
    return [
        each.key.key_id
        for each in scheduled
        if each.standing is not KeyStanding.PAST and private_name(each.key) not in here
    ]
