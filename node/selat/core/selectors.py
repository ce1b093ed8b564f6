# SPDX-License-Identifier: Apache-2.0
"""Selectors: the normalised identifying values of a record.

Search, the index and blind queries work on selectors, so every node must
derive the same ones from the same value. ``NORMALISER_VERSION`` numbers the
rules; a change of any result, however small, needs a new version. Selectors
are personal data: they are hashed under a key before they are kept, and stand
in no log line. No kind exists for religion, ethnicity or opinion.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum
from typing import Final, NamedTuple

from selat.core import normal_forms
from selat.core.identifiers.phones import to_e164
from selat.core.names import name_keys

NORMALISER_VERSION: Final = 1
"""Version of the rules below; it separates the hashes of one from another."""


class SelectorKind(IntEnum):
    """What a selector identifies; numbers as in ``selat.v1.SelectorKind``."""

    PERSON_NAME = 1
    ORGANISATION_NAME = 2
    DOCUMENT = 3
    NATIONAL_ID = 4
    PHONE = 5
    EMAIL = 6
    ONLINE_HANDLE = 7
    ACCOUNT = 8
    WALLET = 9
    IMO = 10
    MMSI = 11
    AIRCRAFT = 12
    PLATE = 13
    VIN = 14
    FIREARM = 15
    CONTAINER = 16
    IMEI = 17
    IMSI = 18
    LISTING = 19
    CASE = 20
    IP = 21
    DOMAIN = 22
    FILE_HASH = 23
    FLIGHT = 24


class Selector(NamedTuple):
    """One normalised value, as ``normalise`` makes it.

    A tuple, because a node makes and compares tens of thousands in a second.

    Attributes:
        kind: What the value identifies.
        value: The normalised value, never empty.
    """

    kind: SelectorKind
    value: str


_FORMS: Final[dict[SelectorKind, Callable[[str], str]]] = {
    SelectorKind.DOCUMENT: normal_forms.code,
    SelectorKind.NATIONAL_ID: normal_forms.code,
    SelectorKind.EMAIL: normal_forms.email,
    SelectorKind.ONLINE_HANDLE: normal_forms.handle,
    SelectorKind.ACCOUNT: normal_forms.code,
    SelectorKind.WALLET: normal_forms.wallet,
    SelectorKind.IMO: normal_forms.digits,
    SelectorKind.MMSI: normal_forms.digits,
    SelectorKind.AIRCRAFT: normal_forms.code,
    SelectorKind.PLATE: normal_forms.code,
    SelectorKind.VIN: normal_forms.code,
    SelectorKind.FIREARM: normal_forms.serial_number,
    SelectorKind.CONTAINER: normal_forms.code,
    SelectorKind.IMEI: normal_forms.imei,
    SelectorKind.IMSI: normal_forms.digits,
    SelectorKind.LISTING: normal_forms.code,
    SelectorKind.CASE: normal_forms.reference,
    SelectorKind.IP: normal_forms.ip_address,
    SelectorKind.DOMAIN: normal_forms.domain,
    SelectorKind.FILE_HASH: normal_forms.file_hash,
    SelectorKind.FLIGHT: normal_forms.flight,
}

# What Selector() calls, in a third of the time.
_new: Final = tuple.__new__

_PREFIXES: Final = {kind: bytes([kind]) for kind in SelectorKind}


def normalise(
    kind: SelectorKind, raw: str, *, country: str = ""
) -> tuple[Selector, ...]:
    """Derive the selectors of one value.

    Args:
        kind: What the value identifies.
        raw: The value as a record holds it; its length was bounded before.
        country: ISO 3166-1 alpha-2 of the state in which a telephone number
            was written, where that is known. Other kinds do not use it.

    Returns:
        One selector, or two for some names; none when nothing that identifies
        is left of the value.
    """
    form = _FORMS.get(kind)
    if form is not None:
        value = form(raw)
    elif kind is SelectorKind.PHONE:
        value = to_e164(normal_forms.phone_text(raw), country)
    else:
        return tuple([_new(Selector, (kind, key)) for key in name_keys(raw)])
    return (_new(Selector, (kind, value)),) if value else ()


def selector_bytes(selector: Selector) -> bytes:
    """Encode a selector for hashing under a key.

    Returns:
        The kind as one byte, then the value in UTF-8. Kinds never share an
        encoding, and no separator is needed.
    """
    return _PREFIXES[selector.kind] + selector.value.encode()
