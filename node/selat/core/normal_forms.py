# SPDX-License-Identifier: Apache-2.0
"""Normal forms of identifying values, one function for each kind of value.

Two agencies that write one passport number, plate or address differently must
arrive at one text. Nothing here asks whether a value is genuine: that is the
business of ``core.identifiers``. A value without a normal form yields ``""``.
"""

from __future__ import annotations

import ipaddress
import re
import unicodedata
from typing import Final

# Index is the code point: letters to upper case, digits kept, all else dropped.
_UPPER: Final = [
    chr(point).upper() if chr(point).isalnum() else None for point in range(128)
]
_DIGITS: Final = [chr(point) if chr(point).isdigit() else None for point in range(128)]

_NOT_CODE: Final = re.compile(r"[^A-Z0-9]+")
_REFERENCE: Final = re.compile(r"[A-Z0-9]+(?:-[A-Z0-9]+)*")
_HEX: Final = re.compile(r"[0-9a-f]{32,128}")
# Names of the DNS; services use the underscore as well (RFC 8552).
_HOST: Final = re.compile(r"[a-z0-9_-]+(?:\.[a-z0-9_-]+)*")
# Carrier (IATA two characters, ICAO three letters), leading zeros, number.
_FLIGHT: Final = re.compile(r"([A-Z][A-Z0-9]|[0-9][A-Z]|[A-Z]{3})0*([0-9]{1,4}[A-Z]?)")

# What records say of a firearm whose number was taken off, or never struck.
_NO_SERIAL_NUMBER: Final = frozenset({"ERASED", "NONE", "UNKNOWN"})

# How analysts write an address that must not be clicked.
_DEFANGED: Final = (("[.]", "."), ("(.)", "."), ("[:]", ":"), ("[@]", "@"))

_MAX_HOST_LENGTH: Final = 253
"""Characters of a host name (RFC 1035, 2.3.4, as text)."""

_IMEI_LENGTH: Final = 14
"""Digits that identify a device: type and serial number (3GPP TS 23.003, 6.2)."""


def code(value: str) -> str:
    """Return letters and digits only, in upper case.

    Documents, plates and serial numbers in other scripts keep their letters:
    without them they would become the number of something else. Decimal digits
    of every script become ASCII digits.
    """
    if value.isascii():
        return value.upper() if value.isalnum() else value.translate(_UPPER)
    kept = "".join([c for c in _upper(value) if unicodedata.category(c)[0] in "LMN"])
    # What now stands side by side may combine.
    return unicodedata.normalize("NFC", kept)


def serial_number(value: str) -> str:
    """Return the serial number of a firearm; one that was taken off is none."""
    text = code(value)
    return "" if text in _NO_SERIAL_NUMBER else text


def reference(value: str) -> str:
    """Return a case reference: upper case, with one hyphen for each separator.

    Separators stay, because 12/345 and 123/45 are two cases.
    """
    if value.isascii():
        text = value.upper()
        if _REFERENCE.fullmatch(text):
            return text
        return _NOT_CODE.sub("-", text).strip("-")
    separated = [
        c if unicodedata.category(c)[0] in "LMN" else " " for c in _upper(value)
    ]
    return "-".join("".join(separated).split())


def digits(value: str) -> str:
    """Return the decimal digits of every script as ASCII digits."""
    text = _western_digits(value)
    if not text.isascii():
        text = text.encode("ascii", "ignore").decode("ascii")
    return text.translate(_DIGITS)


def imei(value: str) -> str:
    """Return type and serial number of a device, without check or version digits.

    Networks report an IMEI with either of them or with none.
    """
    return digits(value)[:_IMEI_LENGTH]


def flight(value: str) -> str:
    """Return carrier and number of a flight, without leading zeros."""
    text = code(value)
    match = _FLIGHT.fullmatch(text)
    return match[1] + match[2] if match else text


def email(value: str) -> str:
    """Return an address in lower case, its domain in the form of the DNS."""
    local, at, host = _refanged(value).rpartition("@")
    normal_host = domain(host)
    if not at or not local or not normal_host:
        return ""
    return f"{_lower(local)}@{normal_host}"


def handle(value: str) -> str:
    """Return a user name in lower case, without spaces and the sign in front."""
    return unicodedata.normalize("NFC", "".join(_lower(value).split()).lstrip("@"))


def wallet(value: str) -> str:
    """Return a wallet's address; only forms that ignore case are lowered.

    Base58 tells upper from lower case. Hexadecimal addresses and Bech32 (BIP
    173) do not: the former use case as a checksum, the latter use one case.
    """
    address = "".join(value.split())
    if address.isupper() or address[:2] in {"0x", "0X"}:
        return address.lower()
    return address


def ip_address(value: str) -> str:
    """Return an address or network, IPv6 compressed (RFC 5952)."""
    text = _refanged(value)
    try:
        if "/" in text:
            return str(ipaddress.ip_network(text, strict=False))
        address = ipaddress.ip_address(text)
    except ValueError:
        return ""
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return str(mapped or address)


def domain(value: str) -> str:
    """Return a host name in lower case, in the form of the DNS (RFC 3490)."""
    host = _refanged(value).rstrip(".").lower()
    if len(host) > _MAX_HOST_LENGTH:
        return ""
    try:
        name = host if host.isascii() else host.encode("idna").decode("ascii").lower()
    except UnicodeError:
        return ""
    return name if _HOST.fullmatch(name) else ""


def file_hash(value: str) -> str:
    """Return a digest in lower-case hexadecimal, without its algorithm's name."""
    text = value.strip().lower().rpartition(":")[2]
    return text if _HEX.fullmatch(text) else ""


def phone_text(value: str) -> str:
    """Return a telephone number with width folded and digits in ASCII."""
    if value.isascii():
        return value
    return _western_digits(unicodedata.normalize("NFKC", value))


def _western_digits(value: str) -> str:
    """Write the decimal digits of every script in ASCII."""
    if value.isascii():
        return value
    return "".join([str(unicodedata.decimal(c)) if c.isdecimal() else c for c in value])


def _upper(value: str) -> str:
    """Fold width and case of a text that is not ASCII to upper case.

    Folding case before raising it makes the result stable.
    """
    folded = unicodedata.normalize("NFKC", value).casefold()
    raised = unicodedata.normalize("NFKC", folded).upper()
    return _western_digits(unicodedata.normalize("NFKC", raised))


def _lower(value: str) -> str:
    """Fold width and case to lower case."""
    if value.isascii():
        return value.lower()
    return unicodedata.normalize(
        "NFKC", unicodedata.normalize("NFKC", value).casefold()
    )


def _refanged(value: str) -> str:
    """Undo what analysts do to an address so that nobody opens it."""
    text = value.strip()
    if "[" in text or "(" in text:
        for defanged, plain in _DEFANGED:
            text = text.replace(defanged, plain)
    return text
