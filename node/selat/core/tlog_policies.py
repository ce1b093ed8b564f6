# SPDX-License-Identifier: Apache-2.0
"""Whose signatures suffice, as a file that foreign tools read (C2SP tlog-policy).

A policy names logs, witnesses and groups of them. Names are octets to the
format; here they are texts that keep every octet (`surrogateescape`).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Final

from selat.core.cosignatures import REQUIRED_TYPES, Cosignature
from selat.core.note_keys import NoteVerifier, SignatureType, parse_vkey
from selat.errors import MalformedError

NONE: Final = "none"
#: A policy, in bytes: an ML-DSA-44 key has 1.8 kB as a verifier key.
POLICY_BYTES_MAX: Final = 1024 * 1024
#: Logs, witnesses and groups, each; C2SP tlog-policy recommends 32 at least.
POLICY_ITEMS_MAX: Final = 256
_LOG_TYPES: Final = frozenset({SignatureType.ED25519, SignatureType.MLDSA44})
# Octets that may not stand in a policy (C2SP tlog-policy, "Character set").
_CONTROL: Final = re.compile(rb"[\x00-\x08\x0b-\x1f\x7f]")
_WHITE_SPACE: Final = re.compile(r"[ \t]+")
# Octets that are no UTF-8 stand as U+DC80 to U+DCFF; no other half of a
# character can be written.
_WORD: Final = re.compile(r"[^ \x00-\x1f\x7f\ud800-\udc7f\udd00-\udfff]+")
_COUNT: Final = re.compile(r"[1-9][0-9]{0,3}", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyLog:
    """A log that is accepted.

    Attributes:
        key: Its key, of type 0x01 or 0x06; the name is the log's origin.
        url: Where it is, or empty.
    """

    key: NoteVerifier
    url: str = ""

    def __post_init__(self) -> None:
        """Refuse keys of witnesses, and what is no word."""
        if self.key.signature_type not in _LOG_TYPES or not _is_url(self.url):
            raise _malformed("has a log with no key or URL of one")


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyWitness:
    """A witness key under the name that the policy gives it.

    Attributes:
        name: Name within the policy.
        key: Its key, of type 0x04 or 0x06.
        url: Where it is asked, or empty.
    """

    name: str
    key: NoteVerifier
    url: str = ""

    def __post_init__(self) -> None:
        """Refuse keys of logs, and what is no word."""
        if self.key.signature_type not in REQUIRED_TYPES or not _is_url(self.url):
            raise _malformed("has a witness with no key or URL of one")
        _check_name(self.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyGroup:
    """Witnesses and groups of which some must have cosigned.

    Attributes:
        name: Name within the policy.
        threshold: How many of the members, at least.
        members: Names of witnesses and groups.
    """

    name: str
    threshold: int
    members: tuple[str, ...]

    def __post_init__(self) -> None:
        """Refuse a threshold that no members can meet."""
        _check_name(self.name)
        if not 1 <= self.threshold <= len(self.members):
            raise _malformed("has a group with more to ask than members")


@dataclass(frozen=True, slots=True, kw_only=True)
class TlogPolicy:
    """Logs, witnesses, groups, and which of them is the quorum.

    Attributes:
        logs: Accepted logs; a checkpoint is signed by any one of them.
        witnesses: Known witnesses.
        groups: Groups; members stand before those that name them.
        quorum: Name of a witness or group, or ``none``.
    """

    logs: tuple[PolicyLog, ...]
    witnesses: tuple[PolicyWitness, ...]
    groups: tuple[PolicyGroup, ...]
    quorum: str

    def __post_init__(self) -> None:
        """Refuse names and keys that stand twice or for nothing."""
        for items in (self.logs, self.witnesses):
            if len({item.key.public_key for item in items}) != len(items):
                raise _malformed("has one key twice")
        for count in (len(self.logs), len(self.witnesses), len(self.groups)):
            if count > POLICY_ITEMS_MAX:
                raise _malformed(f"has more than {POLICY_ITEMS_MAX} lines of one kind")
        self._check_names()

    def _check_names(self) -> None:
        defined = {NONE} | {witness.name for witness in self.witnesses}
        if len(defined) <= len(self.witnesses):
            raise _malformed("has one name twice")
        # A name is a member once, so that nobody is counted twice.
        free = defined - {NONE}
        for group in self.groups:
            if group.name in defined:
                raise _malformed("has one name twice")
            for member in group.members:
                if member not in free:
                    raise _malformed("has a member that is not defined, or is twice")
                free.remove(member)
            free.add(group.name)
            defined.add(group.name)
        if self.quorum not in defined:
            raise _malformed("has a quorum that is not defined")

    def encode(self) -> bytes:
        """Return the policy as text, in one form."""
        lines = [
            *(f"log {log.key.vkey} {log.url}" for log in self.logs),
            *(f"witness {one.name} {one.key.vkey} {one.url}" for one in self.witnesses),
            *(
                f"group {group.name} {group.threshold} {' '.join(group.members)}"
                for group in self.groups
            ),
            f"quorum {self.quorum}",
        ]
        text = "".join(f"{line.rstrip(' ')}\n" for line in lines)
        return text.encode("utf-8", "surrogateescape")

    def witnesses_of(self, cosignatures: Iterable[Cosignature]) -> frozenset[str]:
        """Return the policy's names of those who cosigned."""
        made = {(each.name, each.key_id) for each in cosignatures}
        return frozenset(
            witness.name
            for witness in self.witnesses
            if (witness.key.name, witness.key.id) in made
        )

    def is_met(self, witnesses: Collection[str]) -> bool:
        """Tell whether these witnesses, by the policy's names, are a quorum."""
        if self.quorum == NONE:
            return True
        met = {each.name for each in self.witnesses if each.name in witnesses}
        for group in self.groups:
            if sum(member in met for member in group.members) >= group.threshold:
                met.add(group.name)
        return self.quorum in met


def parse_tlog_policy(data: bytes) -> TlogPolicy:
    """Read a policy.

    Raises:
        MalformedError: It has not the form of C2SP tlog-policy, or a key of it
            is of a type that is not known here.
    """
    if len(data) > POLICY_BYTES_MAX:
        raise _malformed(f"has more than {POLICY_BYTES_MAX} bytes")
    if _CONTROL.search(data) or not data.endswith(b"\n"):
        raise _malformed("has control characters, or a last line without an end")
    reader = _Reader()
    for line in data.decode("utf-8", "surrogateescape").split("\n"):
        words = _WHITE_SPACE.split(line.strip(" \t"))
        if words[0] and not words[0].startswith("#"):
            reader.read(*words)
    if reader.quorum is None:
        raise _malformed("has no quorum")
    return TlogPolicy(
        logs=tuple(reader.logs),
        witnesses=tuple(reader.witnesses),
        groups=tuple(reader.groups),
        quorum=reader.quorum,
    )


class _Reader:
    """What the lines read so far have defined."""

    def __init__(self) -> None:
        self.logs: list[PolicyLog] = []
        self.witnesses: list[PolicyWitness] = []
        self.groups: list[PolicyGroup] = []
        self.quorum: str | None = None
        self._defined: set[str] = set()

    def read(self, word: str, *rest: str) -> None:
        """Read one line, split into words."""
        match word, rest:
            case "log", (vkey, *url) if len(url) <= 1:
                self.logs.append(PolicyLog(key=parse_vkey(vkey), url="".join(url)))
            case "witness", (name, vkey, *url) if len(url) <= 1:
                self.witnesses.append(
                    PolicyWitness(name=name, key=parse_vkey(vkey), url="".join(url))
                )
                self._defined.add(name)
            case "group", (name, threshold, *members):
                self._check_defined(*members)
                self.groups.append(_group(name, threshold, tuple(members)))
                self._defined.add(name)
            case "quorum", (name,) if self.quorum is None:
                self._check_defined(*{name} - {NONE})
                self.quorum = name
            case _:
                raise _malformed("has a line of another form, or a second quorum")

    def _check_defined(self, *names: str) -> None:
        if not self._defined.issuperset(names):
            raise _malformed("names what no line above defines")


def _group(name: str, threshold: str, members: tuple[str, ...]) -> PolicyGroup:
    counts = {"any": 1, "all": len(members)}
    if _COUNT.fullmatch(threshold):
        counts[threshold] = int(threshold)
    return PolicyGroup(name=name, threshold=counts.get(threshold, 0), members=members)


def _check_name(name: str) -> None:
    if name == NONE or not _WORD.fullmatch(name):
        raise _malformed("has a name that is reserved, or is no word")


def _is_url(url: str) -> bool:
    return not url or _WORD.fullmatch(url) is not None


def _malformed(what: str) -> MalformedError:
    return MalformedError(
        f"The policy {what}.",
        remedy="Write it as C2SP tlog-policy says.",
    )
