# SPDX-License-Identifier: Apache-2.0
"""The forms of a card's fields. What a peer wrote is never repeated in errors."""

from __future__ import annotations

import re
from collections.abc import Sized
from datetime import UTC, datetime
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from typing import Final

from selat.core.node_names import is_node_name
from selat.errors import MalformedError

#: Text for people on a card, in characters.
TEXT_CHARACTERS_MAX: Final = 200
#: Name of a key, in characters.
KEY_ID_CHARACTERS_MAX: Final = 64
#: Origin prefix of logs, in characters.
ORIGIN_PREFIX_CHARACTERS_MAX: Final = 300

_DIGEST_BYTES: Final = 32
_SEQUENCE_MAX: Final = 2**63 - 1
_PORT_MAX: Final = 65_535

_STATE: Final = re.compile(r"[A-Z]{2}")
_KEY_ID: Final = re.compile(r"[0-9a-z]+(?:-[0-9a-z]+)*")
_CATEGORY: Final = re.compile(r"[a-z][a-z0-9]*(?:-[a-z0-9]+)*")
_PROTOCOL_VERSION: Final = re.compile(r"selat/[1-9][0-9]{0,3}")
# ITU-T E.164: at most fifteen digits.
_PHONE: Final = re.compile(r"\+[1-9][0-9]{5,14}")
# RFC 5646 §2.1, without its extensions.
_LANGUAGE: Final = re.compile(r"[a-z]{2,3}(?:-[A-Z][a-z]{3})?(?:-[A-Z]{2}|-[0-9]{3})?")
_ENDPOINT: Final = re.compile(
    r"(?:\[(?P<ipv6>[0-9a-f:.]{2,45})\]|(?P<host>[a-z0-9.-]{1,253}))"
    r":(?P<port>[1-9][0-9]{0,4})"
)
_ORIGIN_PREFIX: Final = re.compile(r"[a-z0-9./-]+/")


def check_name(name: str) -> None:
    """Check a node name."""
    _require(is_node_name(name), "The name is no node name.")


def check_state(state: str) -> None:
    """Check the form of a state's code; who accepts the card knows the state."""
    _require(
        _STATE.fullmatch(state) is not None,
        "The state is no code of ISO 3166-1 alpha-2.",
    )


def check_text(what: str, text: str) -> None:
    """Check a text for people: bounded, and safe to show on a terminal."""
    _require(
        0 < len(text) <= TEXT_CHARACTERS_MAX
        and text.isprintable()
        and text == text.strip(),
        f"The {what} is empty, too long, or has characters that cannot be shown.",
    )


def check_link(sequence: int, previous_digest: bytes) -> None:
    """Check the number of a card and the digest of the one before."""
    _require(
        1 <= sequence <= _SEQUENCE_MAX
        and len(previous_digest) == (0 if sequence == 1 else _DIGEST_BYTES),
        "The card's number and the digest of the card before do not fit.",
    )


def check_period(start: datetime, end: datetime) -> None:
    """Check a time of validity: aware, in UTC, and not empty."""
    _require(
        start.tzinfo is UTC and end.tzinfo is UTC and start < end,
        "A time of validity ends before it begins, or is not in UTC.",
    )


def check_key_id(key_id: str) -> None:
    """Check the name of a key."""
    _require(
        len(key_id) <= KEY_ID_CHARACTERS_MAX and _KEY_ID.fullmatch(key_id) is not None,
        "A key has a name of another form.",
    )


def check_count(what: str, items: Sized, least: int, most: int) -> None:
    """Check the number of items in a list."""
    _require(least <= len(items) <= most, f"A card has {least} to {most} {what}.")


def check_endpoint(endpoint: str) -> None:
    """Check an endpoint: host name, IPv4 address or [IPv6 address], and port."""
    match = _ENDPOINT.fullmatch(endpoint)
    _require(
        match is not None
        and int(match["port"]) <= _PORT_MAX
        and _is_host(match["ipv6"], match["host"]),
        "An endpoint is not of the form host:port.",
    )


def check_phone(phone: str) -> None:
    """Check a telephone number."""
    _require(_PHONE.fullmatch(phone) is not None, "A telephone number is not E.164.")


def check_language(language: str) -> None:
    """Check a language tag."""
    _require(_LANGUAGE.fullmatch(language) is not None, "A language is not BCP 47.")


def check_protocol_version(version: str) -> None:
    """Check the name of a protocol version."""
    _require(
        _PROTOCOL_VERSION.fullmatch(version) is not None,
        "A protocol version is not of the form selat/N.",
    )


def check_category(category: str) -> None:
    """Check the form of a category; the catalogue may be newer than ours."""
    _require(
        len(category) <= KEY_ID_CHARACTERS_MAX
        and _CATEGORY.fullmatch(category) is not None,
        "A category is not written in lower-case words with hyphens.",
    )


def check_origin_prefix(prefix: str, *, name: str) -> None:
    """Check with what log origins begin: the node's name, then a path."""
    _require(
        len(prefix) <= ORIGIN_PREFIX_CHARACTERS_MAX
        and prefix.startswith(f"{name}/")
        and _ORIGIN_PREFIX.fullmatch(prefix) is not None,
        "The origin of the logs does not begin with the node's name.",
    )


def wrong(message: str) -> MalformedError:
    """Return the error for a card that breaks a rule."""
    return MalformedError(
        f"The card cannot be used. {message}",
        remedy="Let the node that it describes issue a correct one.",
    )


def _require(condition: bool, message: str) -> None:  # noqa: FBT001 - one condition
    if not condition:
        raise wrong(message)


def _is_host(ipv6: str | None, host: str) -> bool:
    try:
        if ipv6 is not None:
            IPv6Address(ipv6)
        elif host.replace(".", "").isdigit():
            IPv4Address(host)
        else:
            return host == "localhost" or is_node_name(host)
    except AddressValueError:
        return False
    return True
