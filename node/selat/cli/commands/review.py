# SPDX-License-Identifier: Apache-2.0
"""``selat review``: what waits for a second person, and its decision."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Final

import typer
from rich.text import Text

from selat.cli.command import command, group
from selat.cli.contents import message_document
from selat.cli.context import Context
from selat.cli.display import age, listed, printable
from selat.cli.listing import UUID_WIDTH, identity_of, marking_of
from selat.cli.output import Output, styled
from selat.cli.paging import waiting_reviews
from selat.cli.plain import enum_name, plain, time_of
from selat.errors import InvalidInputError
from selat.v1 import desk_service_pb2 as pb

app = group("Decide on what waits for a second person.")

_WIDE: Final = ("review", "peer", "author", "message", "waits", "why", "id")
_NARROW: Final = ("review", "peer", "waits", "id")


class Kind(StrEnum):
    """What is to be decided."""

    RELEASE = "release"
    INTAKE = "intake"


@command(app, "list")
async def list_reviews(
    context: Context,
    *,
    kind: Annotated[Kind | None, typer.Option(help="Only this kind.")] = None,
    limit: Annotated[int, typer.Option(help="At most so many.", min=1)] = 50,
    contents: Annotated[
        bool, typer.Option("--contents", help="With --json: header and body too.")
    ] = False,
) -> None:
    """List what waits for a decision, the oldest first.

    A release is a message of ours that may go to one peer; an intake is a
    received one in quarantine.
    """
    output = context.output
    request = pb.ListReviewsRequest(with_contents=contents)
    if kind is not None:
        request.kind = pb.ReviewKind.Value(f"REVIEW_KIND_{kind.name}")
    async with context.desk() as desk:
        reviews = await waiting_reviews(desk, request, limit=limit)
    if output.as_json:
        entries = [_entry(review, with_contents=contents) for review in reviews]
        output.document({"reviews": entries})
    elif reviews:
        _show(output, reviews)
        output.note("Decide with: selat review approve|refuse REVIEW")
    else:
        output.say("Nothing waits for a decision.", style="ok")


@command(app, "approve")
async def approve(
    context: Context,
    *,
    review: Annotated[
        str, typer.Argument(metavar="REVIEW", help="For example release/7.")
    ],
    reason: Annotated[str, typer.Option(help="Why; it stays on this node.")] = "",
) -> None:
    """Let a message go on: to its peer, or into the inbox."""
    await _decide(context, review, pb.REVIEW_ACT_APPROVE, reason)


@command(app, "refuse")
async def refuse(
    context: Context,
    *,
    review: Annotated[
        str, typer.Argument(metavar="REVIEW", help="For example intake/12.")
    ],
    reason: Annotated[str, typer.Option(help="Why; it stays on this node.")],
) -> None:
    """Let a message go no further, for good."""
    await _decide(context, review, pb.REVIEW_ACT_REFUSE, reason)


async def _decide(
    context: Context, review: str, act: pb.ReviewAct.ValueType, reason: str
) -> None:
    kind, number = _parse(review)
    output = context.output
    async with context.desk() as desk:
        answer = await desk.call(
            desk.messages.DecideReview,
            pb.DecideReviewRequest(kind=kind, number=number, act=act, note=reason),
        )
    if output.as_json:
        output.document(plain(answer))
    elif act == pb.REVIEW_ACT_REFUSE:
        output.say(f"Refused: {identity_of(answer.info)}", style="warn")
    elif answer.HasField("entry"):
        output.say(
            f"Approved: {identity_of(answer.info)} may go to {answer.entry.peer} if "
            "policy asks for nothing more.",
            style="ok",
        )
    else:
        output.say(f"Approved: {identity_of(answer.info)} is shown now.", style="ok")


def _parse(review: str) -> tuple[pb.ReviewKind.ValueType, int]:
    kind, _, number = review.partition("/")
    if kind not in set(Kind) or not number.isascii() or not number.isdigit():
        raise InvalidInputError(
            "A review is named by its kind and number, for example release/7.",
            remedy="Copy it from: selat review list",
        )
    return pb.ReviewKind.Value(f"REVIEW_KIND_{kind.upper()}"), int(number)


def _name(review: pb.Review) -> str:
    return f"{enum_name(pb.ReviewKind.DESCRIPTOR, review.kind)}/{review.number}"


def _entry(review: pb.Review, *, with_contents: bool) -> dict[str, object]:
    entry = {"review": _name(review), **plain(review)}
    message = review.message if review.HasField("message") else None
    entry["title"] = (message.header.title or None) if message else None
    entry["message"] = (
        message_document(message) if message is not None and with_contents else None
    )
    return entry


def _show(output: Output, reviews: Sequence[pb.Review]) -> None:
    now = datetime.now(UTC)
    least = {"id": UUID_WIDTH}
    if output.is_narrow:
        rows = [_narrow_row(review, now) for review in reviews]
        output.table(_NARROW, rows, least=least)
    else:
        rows = [_wide_row(review, now) for review in reviews]
        output.table(_WIDE, rows, least=least)


def _wide_row(review: pb.Review, now: datetime) -> Sequence[str | Text]:
    info = review.info
    return (
        _name(review),
        review.peer,
        styled("you", "warn") if review.own else Text(listed([review.author])),
        Text(_kind(info)).append(f"\n{marking_of(info)}", style="dim"),
        age(now, time_of(review, "waiting_since")),
        _why(review),
        identity_of(info),
    )


def _narrow_row(review: pb.Review, now: datetime) -> Sequence[str | Text]:
    info = review.info
    return (
        _name(review),
        review.peer,
        age(now, time_of(review, "waiting_since")),
        Text(identity_of(info)).append(f"\n{_kind(info)}", style="dim"),
    )


def _kind(info: pb.MessageInfo) -> str:
    return printable(f"{info.category} {info.record_type.replace('_', ' ')}")


def _why(review: pb.Review) -> Text:
    """Return what is to be done, or the reason, and the policies that say so."""
    why = Text(listed(review.obligations or [review.reason]))
    for policy in review.policies:
        why.append(f"\n{printable(policy)}", style="dim")
    return why
