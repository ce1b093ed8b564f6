# SPDX-License-Identifier: Apache-2.0
"""The law of the demonstration's states, and an example of each outcome."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from scripts.demonstration.nodes import DemoNode
from scripts.demonstration.telling import DemoFailedError

from selat.v1 import desk_service_pb2 as pb

#: An agreement of two states, as a lawyer writes it.
_AGREEMENT: Final = """\
version = 1
reference = "XA-XC Treaty Series 2026, No. 1"
title = "Firearms found at sea"
parties = ["XA", "XC"]
valid_from = 2026-01-01
valid_until = 2031-12-31

[[clause]]
title = "firearms, without personal data"
categories = ["firearms"]
up_to_level = "confidential"
purposes = ["prevention", "investigation", "prosecution"]
redact = ["personal"]
"""
#: A law of the third state, on what may enter.
_REFUSAL: Final = """\
@id("rules/no-joint-action-yet")
@title("Joint action with XA is not ratified yet")
@principle("Bill 12 of 2026")
@reason("NOT_RATIFIED")
forbid (
  principal == Node::"police.xa.example",
  action == Action::"accept",
  resource
)
when { resource in Category::"joint-action" };
"""


def legislate(sender: DemoNode, third: DemoNode) -> None:
    """Write an agreement of the sender, and a law of the third state."""
    agreement = sender.home / "policy" / "agreements" / "xa-xc.toml"
    agreement.write_text(_AGREEMENT, "utf-8")
    rule = third.home / "policy" / "rules" / "joint-action.cedar"
    rule.write_text(_REFUSAL, "utf-8")


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """One record for one peer, to show an outcome by.

    Attributes:
        entry: Its outbox entry.
        message: Its identifier, as commands take it.
    """

    entry: pb.OutboxEntry
    message: str


def _left_whole(entry: pb.OutboxEntry) -> bool:
    return entry.state == pb.OUTBOX_STATE_ACCEPTED and not entry.redacted


def _left_redacted(entry: pb.OutboxEntry) -> bool:
    return entry.state == pb.OUTBOX_STATE_ACCEPTED and bool(entry.redacted)


def _waits(entry: pb.OutboxEntry) -> bool:
    return entry.state == pb.OUTBOX_STATE_HELD


def _stayed(entry: pb.OutboxEntry) -> bool:
    return entry.state == pb.OUTBOX_STATE_WITHHELD


def _was_refused(entry: pb.OutboxEntry) -> bool:
    return entry.state == pb.OUTBOX_STATE_REFUSED


OUTCOMES: Final[dict[str, Callable[[pb.OutboxEntry], bool]]] = {
    "released": _left_whole,
    "redacted": _left_redacted,
    "held": _waits,
    "withheld": _stayed,
    "refused": _was_refused,
}


def example_of(outcome: str, entries: Iterable[pb.OutboxEntry]) -> Example:
    """Return the first entry that came out so.

    Raises:
        DemoFailedError: None did.
    """
    for entry in entries:
        if OUTCOMES[outcome](entry):
            return Example(entry=entry, message=str(UUID(bytes=entry.id)))
    raise DemoFailedError(f"No record was {outcome}.")
