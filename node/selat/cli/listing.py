# SPDX-License-Identifier: Apache-2.0
"""Messages in lists: the same columns and keys wherever they stand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from rich.text import Text

from selat.cli.contents import message_document
from selat.cli.display import ABSENT, moment, printable
from selat.cli.output import Output, styled
from selat.cli.plain import plain, time_of, uuid_text
from selat.v1 import desk_service_pb2 as pb
from selat.v1 import message_pb2

UUID_WIDTH: Final = 36
"""Characters of an identifier, which should stay in one line to be copied."""

_WIDE: Final = (
    *("no.", "stored", "from", "category", "type", "marking"),
    *("title", "id"),
)
_NARROW: Final = ("no.", "stored", "from", "title")

_URGENCY_STYLES: Final = {"flash": "fail", "urgent": "warn"}


def message_entry(
    info: pb.MessageInfo, message: message_pb2.Message | None, *, with_contents: bool
) -> dict[str, object]:
    """Return one message as a program reads it.

    Args:
        info: What the node knows of it.
        message: Header and body, or None when they were not sent.
        with_contents: Whether they are to be shown.
    """
    entry = plain(info)
    entry["title"] = (message.header.title or None) if message else None
    if with_contents:
        entry["message"] = message_document(message) if message else None
    return entry


def identity_of(info: pb.MessageInfo | pb.OutboxEntry | pb.PublishedMessage) -> str:
    """Return identifier and, from the second on, version."""
    version = f" v{info.version}" if info.version > 1 else ""
    return uuid_text(info.id) + version


def place_of(
    logged: pb.ReviewDecision | pb.Erasure | pb.LifecycleEntry,
) -> tuple[int, str]:
    """Return index and shard of a leaf of our log, as auditors find it.

    A node that does not tell them tells the position in all of its log.
    """
    if logged.HasField("place"):
        return logged.place.index, logged.place.origin
    return logged.leaf_index, "our log"


def marking_of(info: pb.MessageInfo) -> str:
    """Return level and TLP label."""
    tlp = f" tlp:{info.tlp.replace('_', '+')}" if info.tlp else ""
    return printable(info.level + tlp) or ABSENT


def _kind(info: pb.MessageInfo) -> Text:
    text = Text(printable(info.record_type.replace("_", " ")))
    if info.urgency in _URGENCY_STYLES:
        text.append_text(styled(f" {info.urgency}", _URGENCY_STYLES[info.urgency]))
    for remark in (info.status, info.holding):
        if remark not in {"", "current"}:
            text.append_text(styled(f" {remark}", "warn"))
    if info.legal_hold:
        text.append_text(styled(" legal hold", "warn"))
    return text


def show_messages(output: Output, found: Sequence[pb.FoundMessage]) -> None:
    """Print matches as a table; on a narrow terminal with two lines for each."""
    if output.is_narrow:
        rows = [_narrow_row(each.info, _title(each)) for each in found]
        output.table(_NARROW, rows, right=("no.",), least={"title": UUID_WIDTH})
    else:
        rows = [_wide_row(each.info, _title(each)) for each in found]
        output.table(_WIDE, rows, right=("no.",), least={"id": UUID_WIDTH})


def found_entries(
    found: Sequence[pb.FoundMessage], *, with_contents: bool
) -> list[dict[str, object]]:
    """Return matches as a program reads them."""
    return [
        message_entry(
            each.info,
            each.message if each.HasField("message") else None,
            with_contents=with_contents,
        )
        for each in found
    ]


def _title(found: pb.FoundMessage) -> Text:
    return Text(printable(found.message.header.title) or ABSENT)


def _wide_row(info: pb.MessageInfo, title: Text) -> Sequence[Text]:
    return (
        Text(str(info.number)),
        Text(moment(time_of(info, "stored_at"))),
        Text(printable(info.originator)),
        Text(printable(info.category)),
        _kind(info),
        Text(marking_of(info)),
        title,
        Text(identity_of(info)),
    )


def _narrow_row(info: pb.MessageInfo, title: Text) -> Sequence[Text]:
    return (
        Text(str(info.number)),
        Text(moment(time_of(info, "stored_at")).replace(" ", "\n")),
        Text(printable(info.originator) + "\n").append_text(_kind(info)),
        title.append(f"\n{identity_of(info)}", style="dim"),
    )
