# SPDX-License-Identifier: Apache-2.0
"""Numbers of ships: IMO ship identification number and MMSI.

Checks form and check digit only; whether a ship bears the number is asked of
other records.
"""

from __future__ import annotations

import re
from typing import Final

from selat.core.identifiers.findings import CheckWarning
from selat.errors import MalformedError

_IMO: Final = re.compile(r"(?:IMO)?[ -]?([0-9]{7})")

_MMSI: Final = re.compile(r"[0-9]{9}")

# ITU-R M.585: where the maritime identification digits stand, by what the
# number begins with. A ship's number begins with them.
_MID_OFFSETS: Final = (("00", 2), ("0", 1), ("111", 3), ("8", 1), ("98", 2), ("99", 2))
# ITU-R M.585, annex 2: search and rescue transmitters, man overboard devices
# and emergency position beacons carry a maker's number instead.
_WITHOUT_MID: Final = ("970", "972", "974")
# ITU Radio Regulations, appendix 42: the first and last digits allocated.
_FIRST_MID: Final = 201
_LAST_MID: Final = 775

_IMO_CHECK: Final = CheckWarning(
    rule="imo-check-digit", message="The check digit of the IMO number is wrong."
)
_MMSI_MID: Final = CheckWarning(
    rule="mmsi-country",
    message="The MMSI has no maritime identification digits of a country.",
)


def check_imo(value: str) -> tuple[CheckWarning, ...]:
    """Check an IMO number (IMO resolution A.1117(30)).

    Args:
        value: Seven digits, with or without the prefix ``IMO``.

    Returns:
        A warning when the last digit is not the sum of the first six, weighted
        7 to 2, modulo 10.

    Raises:
        MalformedError: If it is not seven digits.
    """
    match = _IMO.fullmatch(value.strip().upper())
    if match is None:
        raise MalformedError("An IMO number has seven digits.")
    digits = match[1]
    weighted = sum(
        int(digit) * weight
        for digit, weight in zip(digits, range(7, 1, -1), strict=False)
    )
    return () if weighted % 10 == int(digits[6]) else (_IMO_CHECK,)


def check_mmsi(value: str) -> tuple[CheckWarning, ...]:
    """Check a maritime mobile service identity (ITU-R M.585).

    Args:
        value: Nine digits.

    Returns:
        A warning when the digits that name the country are none that the ITU
        gives out.

    Raises:
        MalformedError: If it is not nine digits.
    """
    digits = value.strip()
    if not _MMSI.fullmatch(digits):
        raise MalformedError("An MMSI has nine digits.")
    if digits.startswith(_WITHOUT_MID):
        return ()
    offset = next((o for prefix, o in _MID_OFFSETS if digits.startswith(prefix)), 0)
    country = int(digits[offset : offset + 3])
    return () if _FIRST_MID <= country <= _LAST_MID else (_MMSI_MID,)
