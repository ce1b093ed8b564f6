# SPDX-License-Identifier: Apache-2.0
"""Check digits of accounts, devices, containers and substances.

A thin layer over python-stdnum, which is loaded by the first number that needs
it: it costs a node 12 MiB, mostly for the registry of IBANs. Each function
returns warnings for a number that fails its check and raises for one that has
not the form of such a number at all.
"""

from __future__ import annotations

import re
from importlib import import_module
from typing import Final, Protocol, cast

from selat.core.identifiers.findings import CheckWarning
from selat.errors import MalformedError

# ISO 13616-1: country, two check digits, 11 to 30 characters of the country.
_IBAN: Final = re.compile(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}")
# 3GPP TS 23.003, 6.2: 14 digits, with check digit 15, with software version 16.
_IMEI: Final = re.compile(r"[0-9]{14,16}")
# 3GPP TS 23.003, 2.2: at most 15 digits, three of them the country's.
_IMSI: Final = re.compile(r"[0-9]{6,15}")
# ISO 6346: owner, equipment category, serial number, check digit.
_CONTAINER: Final = re.compile(r"[A-Z]{4}[0-9]{7}")
# ISO 9362.
_BIC: Final = re.compile(r"[A-Z0-9]{8}(?:[A-Z0-9]{3})?")
# ISO 17442.
_LEI: Final = re.compile(r"[A-Z0-9]{18}[0-9]{2}")
_CAS: Final = re.compile(r"[1-9][0-9]{1,6}-[0-9]{2}-[0-9]")
# Base58 addresses begin with 1 or 3, Bech32 ones (BIP 173, BIP 350) with bc1.
_BITCOIN: Final = re.compile(
    r"[13][1-9A-HJ-NP-Za-km-z]{25,34}|bc1[02-9ac-hj-np-z]{8,87}|BC1[02-9AC-HJ-NP-Z]{8,87}"
)
# BIP 350: from witness version 1 (the character "p") on, the checksum is
# Bech32m, which python-stdnum does not know.
_BECH32M: Final = re.compile(r"bc1[^q].*", re.IGNORECASE)

_SEPARATORS: Final = str.maketrans("", "", " -./")


class _NumberModule(Protocol):
    """A module of python-stdnum."""

    def is_valid(self, number: str) -> bool: ...


def check_account(value: str) -> tuple[CheckWarning, ...]:
    """Check an account number that has the form of an IBAN.

    Args:
        value: Any account number; one that is no IBAN has no check digit that
            we know, and passes.

    Returns:
        A warning when an IBAN's check digits or length are wrong.
    """
    number = _compact(value)
    if not _IBAN.fullmatch(number):
        return ()
    return _warning("iban", number, "The check digits of the IBAN are wrong.")


def check_imei(value: str) -> tuple[CheckWarning, ...]:
    """Check the Luhn digit of an IMEI; 14 and 16 digits have none.

    Raises:
        MalformedError: If it is not 14 to 16 digits.
    """
    number = _formed(_IMEI, value, "An IMEI has 14 to 16 digits.")
    return _warning("imei", number, "The check digit of the IMEI is wrong.")


def check_imsi(value: str) -> tuple[CheckWarning, ...]:
    """Check the country and network codes of an IMSI.

    Raises:
        MalformedError: If it is not 6 to 15 digits.
    """
    number = _formed(_IMSI, value, "An IMSI has 6 to 15 digits.")
    return _warning("imsi", number, "The IMSI names no known country and network.")


def check_container(value: str) -> tuple[CheckWarning, ...]:
    """Check the digit of a freight container number (ISO 6346).

    Raises:
        MalformedError: If it is not four letters and seven digits.
    """
    number = _formed(
        _CONTAINER, value, "A container number has four letters and seven digits."
    )
    return _warning(
        "iso6346", number, "The check digit of the container number is wrong."
    )


def check_bic(value: str) -> tuple[CheckWarning, ...]:
    """Check the country in a business identifier code (ISO 9362).

    Raises:
        MalformedError: If it is not 8 or 11 letters and digits.
    """
    number = _formed(_BIC, value, "A BIC has 8 or 11 letters and digits.")
    return _warning("bic", number, "The BIC names no country.")


def check_lei(value: str) -> tuple[CheckWarning, ...]:
    """Check the digits of a legal entity identifier (ISO 17442).

    Raises:
        MalformedError: If it is not 18 letters or digits and 2 digits.
    """
    number = _formed(_LEI, value, "An LEI has 20 characters, the last two digits.")
    return _warning("lei", number, "The check digits of the LEI are wrong.")


def check_cas(value: str) -> tuple[CheckWarning, ...]:
    """Check the digit of a CAS registry number of a substance.

    Raises:
        MalformedError: If it has not the form ``nnnnnnn-nn-n``.
    """
    number = value.strip()
    if not _CAS.fullmatch(number):
        raise MalformedError("A CAS number has the form nnnnnnn-nn-n.")
    return _warning("casrn", number, "The check digit of the CAS number is wrong.")


def check_wallet(value: str) -> tuple[CheckWarning, ...]:
    """Check a wallet address that has the form of a Bitcoin address.

    Args:
        value: Any address; one of another chain, or in Bech32m (BIP 350),
            passes.

    Returns:
        A warning when the checksum is wrong.
    """
    address = value.strip()
    if not _BITCOIN.fullmatch(address) or _BECH32M.fullmatch(address):
        return ()
    return _warning("bitcoin", address, "The checksum of the address is wrong.")


def _compact(value: str) -> str:
    return value.translate(_SEPARATORS).upper()


def _formed(form: re.Pattern[str], value: str, message: str) -> str:
    """Return the number without separators, refusing one without that form."""
    number = _compact(value)
    if not form.fullmatch(number):
        raise MalformedError(message)
    return number


def _warning(module: str, number: str, message: str) -> tuple[CheckWarning, ...]:
    """Ask the module of python-stdnum whether the number holds."""
    checks = cast("_NumberModule", import_module(f"stdnum.{module}"))
    if checks.is_valid(number):
        return ()
    return (CheckWarning(rule=f"{module}-check", message=message),)
