# SPDX-License-Identifier: Apache-2.0
"""Which check of ``core.identifiers`` belongs to which field.

Most follow from the field's selector. The few identifiers that nobody searches
by, and the lines of a machine-readable zone, are named here by their fields.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from selat.core.identifiers import maritime, mrz, numbers
from selat.core.identifiers.findings import CheckWarning
from selat.core.selectors import SelectorKind
from selat.errors import MalformedError

Check = Callable[[str], tuple[CheckWarning, ...]]
"""Return warnings; raise ``MalformedError`` when the structure is wrong."""

BY_SELECTOR: Final[dict[SelectorKind, Check]] = {
    SelectorKind.ACCOUNT: numbers.check_account,
    SelectorKind.WALLET: numbers.check_wallet,
    SelectorKind.IMO: maritime.check_imo,
    SelectorKind.MMSI: maritime.check_mmsi,
    SelectorKind.CONTAINER: numbers.check_container,
    SelectorKind.IMEI: numbers.check_imei,
    SelectorKind.IMSI: numbers.check_imsi,
}

BY_FIELD: Final[dict[str, Check]] = {
    "selat.v1.Account.bic": numbers.check_bic,
    "selat.v1.Organisation.lei": numbers.check_lei,
    "selat.v1.Substance.cas_number": numbers.check_cas,
}

# Kinds whose values have a structure of their own: without it there is nothing
# to search by, and the field must not hold the value.
STRUCTURED: Final = {
    SelectorKind.EMAIL: "an e-mail address",
    SelectorKind.IP: "an IPv4 or IPv6 address or network",
    SelectorKind.DOMAIN: "a domain name, without scheme and path",
    SelectorKind.FILE_HASH: "a digest in hexadecimal",
}
"""What the value must be, to finish "must be …", by the kind of selector."""


def check_mrz_lines(lines: str) -> tuple[CheckWarning, ...]:
    """Check the lines of a machine-readable zone, joined by line feeds.

    A zone that fits no format is kept: it was written down as it was read, and
    forgers get lengths wrong as well.
    """
    try:
        return mrz.parse(lines).warnings
    except MalformedError:
        return (
            CheckWarning(
                rule="mrz-format",
                message="The lines fit no machine-readable zone of ICAO Doc 9303.",
            ),
        )


OF_ALL_ITEMS: Final[dict[str, Check]] = {
    "selat.v1.TravelDocument.mrz_lines": check_mrz_lines
}
"""Checks of a repeated field as a whole, its items joined by line feeds."""
