# SPDX-License-Identifier: Apache-2.0
"""Read Cedar files: each policy with its name, its ground and its obligations.

Cedar knows allow and deny. What more a decision needs is said by annotations,
which Cedar carries and does not read:

``@id``, ``@title``, ``@principle``
    Name, one plain sentence, and the principle or article it stands for.
``@reason``
    Reason code of a denial, told to the other side.
``@obligation``, ``@redact``
    What lifts a forbid, or comes with a permit: a person's approval, or fields
    taken out for the recipient.
``@remedy``
    What would have to change for a forbid not to apply, one plain sentence
    without a full stop.
``@notify``
    Function to tell when the policy decides.

An annotation that is not known is refused: a misspelt obligation would be none.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import cedarpy
from google.protobuf.descriptor import Descriptor

from selat.errors import ConfigurationError
from selat.policy.port import PERSONAL, REVIEW, TWO_PERSON
from selat.v1 import message_pb2

#: Largest Cedar file, in bytes: forty times the largest of the baseline.
MAX_CEDAR_BYTES: Final = 128 * 1024

OBLIGATIONS: Final = frozenset({TWO_PERSON, REVIEW})
_REQUIRED: Final = ("id", "title", "principle")
_KNOWN: Final = frozenset(
    {*_REQUIRED, "reason", "remedy", "obligation", "redact", "notify"}
)
_ID: Final = re.compile(r"[a-z0-9-]+(/[a-z0-9._-]+)+")
_REASON: Final = re.compile(r"[A-Z][A-Z0-9_]{1,63}")
_FUNCTION: Final = re.compile(r"[a-z][a-z-]{0,63}")
_MAX_ID_LENGTH: Final = 128
_MAX_TEXT_LENGTH: Final = 512


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One policy, or template, with what its annotations say.

    Attributes:
        id: Name, for example ``baseline/expired-moves-nowhere``.
        title: What it says, one plain sentence.
        principle: The principle or article it stands for.
        source: File it comes from.
        permits: Whether it permits; otherwise it forbids.
        reason: Reason code of its denials, or empty.
        remedy: What would have to change for it not to apply, or empty.
        obligations: What a person has to do.
        redact: What is taken out.
        notify: Functions to tell.
        is_template: Whether it decides only when linked.
        policy: The policy in Cedar's JSON form.
    """

    id: str
    title: str
    principle: str
    source: str
    permits: bool
    reason: str
    remedy: str
    obligations: frozenset[str]
    redact: frozenset[str]
    notify: frozenset[str]
    is_template: bool
    policy: Mapping[str, Any]

    @property
    def is_final(self) -> bool:
        """Tell whether a forbid can be lifted by nothing."""
        return not self.permits and not self.obligations and not self.redact


def parse_rules(raw: bytes, *, source: str) -> tuple[Rule, ...]:
    """Parse a Cedar file.

    Args:
        raw: The whole file, UTF-8.
        source: Its path below the policy folder; the identifiers in it begin
            with the name of its folder.

    Raises:
        ConfigurationError: It is too large, not UTF-8, not Cedar, or a policy
            lacks a name or ground, says what nobody knows, or permits all.
    """
    if len(raw) > MAX_CEDAR_BYTES:
        raise _refuse(source, 1, f"the file has more than {MAX_CEDAR_BYTES:,} bytes")
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _refuse(source, 1, "the file is not UTF-8") from error
    try:
        document = json.loads(cedarpy.policies_to_json_str(text))
    except ValueError as error:
        line = _broken_line(text)
        raise _refuse(source, line, f"Cedar cannot read this policy: {error}") from None
    rules = tuple(
        _rule(policy, source=source, text=text, is_template=is_template)
        for table, is_template in (("staticPolicies", False), ("templates", True))
        for _, policy in sorted(document[table].items(), key=_position)
    )
    folder = source.partition("/")[0]
    for rule in rules:
        if not rule.id.startswith(f"{folder}/"):
            line = line_of(text, rule.id)
            raise _refuse(source, line, f"the @id must begin with '{folder}/'")
    return rules


def _position(item: tuple[str, object]) -> int:
    """Return the place in its file that Cedar's name of a policy tells."""
    return int(item[0].removeprefix("policy"))


def _rule(
    policy: Mapping[str, Any], *, source: str, text: str, is_template: bool
) -> Rule:
    notes = {key: value or "" for key, value in policy.get("annotations", {}).items()}
    line = line_of(text, notes.get("id", ""))

    def refuse(what: str) -> ConfigurationError:
        return _refuse(source, line, what)

    for key in _REQUIRED:
        if not notes.get(key, "").strip():
            raise refuse(f"a policy has no @{key}")
    if unknown := sorted(set(notes) - _KNOWN):
        known = ", ".join(f"@{name}" for name in sorted(_KNOWN))
        raise refuse(f"there is no annotation @{unknown[0]}; there are {known}")
    for key, value in notes.items():
        if len(value) > _MAX_TEXT_LENGTH or not value.isprintable():
            raise refuse(f"@{key} is one line of at most {_MAX_TEXT_LENGTH} characters")
    if len(notes["id"]) > _MAX_ID_LENGTH or not _ID.fullmatch(notes["id"]):
        raise refuse("an @id is lower-case words with hyphens, parted by '/'")
    rule = Rule(
        id=notes["id"],
        title=notes["title"],
        principle=notes["principle"],
        source=source,
        permits=policy["effect"] == "permit",
        reason=notes.get("reason", ""),
        remedy=notes.get("remedy", ""),
        obligations=_names(notes, "obligation"),
        redact=_names(notes, "redact"),
        notify=_names(notes, "notify"),
        is_template=is_template,
        policy=policy,
    )
    for what in _faults(rule):
        raise refuse(what)
    return rule


def _names(notes: Mapping[str, str], key: str) -> frozenset[str]:
    return frozenset(name.strip() for name in notes.get(key, "").split(",") if name)


def _faults(rule: Rule) -> Iterator[str]:
    conditions = json.dumps(rule.policy.get("conditions", []))
    if '{"Var": "action"}' in conditions:
        yield "actions are named in the scope, before any 'when'"
    if rule.reason and not _REASON.fullmatch(rule.reason):
        yield "a @reason is a code in upper case, for example NO_AGREEMENT"
    if unknown := sorted(rule.obligations - OBLIGATIONS):
        known = ", ".join(sorted(OBLIGATIONS))
        yield f"there is no obligation '{unknown[0]}'; there are {known}"
    for path in sorted(rule.redact):
        if path != PERSONAL and not is_field_path(path):
            yield f"@redact names no field of a body: '{path}'"
    if not all(_FUNCTION.fullmatch(name) for name in rule.notify):
        yield "@notify names a contact function, for example crisis"
    if rule.permits:
        yield from _permit_faults(rule.policy)
    else:
        if rule.obligations and '"attr": "approved"' not in conditions:
            yield (
                "an @obligation on a forbid needs "
                'unless { context.approved.contains("…") }, or nothing lifts it'
            )
        if rule.redact and '"attr": "redacted"' not in conditions:
            yield (
                "a @redact on a forbid needs "
                'unless { context.redacted.contains("…") }, or nothing lifts it'
            )


def _permit_faults(policy: Mapping[str, Any]) -> Iterator[str]:
    if policy["action"]["op"] == "All":
        yield "a permit names the actions that it permits"
    scoped = policy["principal"]["op"] != "All" or policy["resource"]["op"] != "All"
    if not scoped and not policy.get("conditions"):
        yield "this permits everything to everybody; name who, what or when"


def is_field_path(path: str) -> bool:
    """Tell whether a path like ``person.person.names`` names a field of a body."""
    message: Descriptor | None = message_pb2.Body.DESCRIPTOR
    for name in path.split("."):
        field = message.fields_by_name.get(name) if message is not None else None
        if field is None:
            return False
        message = field.message_type
    return True


def line_of(text: str, identifier: str) -> int:
    """Return the line on which a policy's ``@id`` stands; 1 when unknown."""
    place = text.find(f'"{identifier}"') if identifier else -1
    return text.count("\n", 0, place) + 1 if place >= 0 else 1


def _broken_line(text: str) -> int:
    """Return the line where the first policy begins that Cedar cannot read."""
    line = 1
    for chunk in re.split(r"(?<=;)[ \t]*\n", text):
        try:
            cedarpy.policies_to_json_str(chunk)
        except ValueError:
            code = re.search(r"^\s*[^\s/]", chunk, re.MULTILINE)
            before = chunk[: code.end()] if code else ""
            return line + before.count("\n")
        line += chunk.count("\n") + 1
    return 1


def _refuse(source: str, line: int, what: str) -> ConfigurationError:
    return ConfigurationError(
        f"{source}, line {line}: {what}.",
        remedy="Correct the file; until then the policy in force stays.",
        file=source,
        line=line,
    )
