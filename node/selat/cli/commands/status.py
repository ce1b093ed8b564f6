# SPDX-License-Identifier: Apache-2.0
"""``selat status``: the node at a glance."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated, Final

import typer
from rich.text import Text

from selat.cli.command import command, group
from selat.cli.context import Context
from selat.cli.display import ABSENT, age, counted, moment, number, printable
from selat.cli.output import Output, styled
from selat.cli.plain import plain, time_of
from selat.errors import InvalidInputError
from selat.store.reviews import OVERDUE_MS
from selat.v1 import desk_service_pb2 as pb

app = group("Show the node, its log, links and incidents.")

_EXPIRES_SOON: Final = timedelta(days=30)
_OVERDUE: Final = timedelta(milliseconds=OVERDUE_MS)
_LINK_COLUMNS: Final = (
    "peer",
    "link",
    "queued",
    "offered",
    "accepted",
    "refused",
    "withheld",
    "dead",
    "its log",
    "our log there",
    "last heard",
)


@command(app, "status")
async def status(
    context: Context,
    *,
    clear: Annotated[
        str,
        typer.Option(metavar="REASON", help="Remove this incident: it is dealt with."),
    ] = "",
    peer: Annotated[
        str, typer.Option(metavar="NODE", help="With --clear: the incident's peer.")
    ] = "",
) -> None:
    """Show the node, its log, links and incidents."""
    if peer and not clear:
        raise InvalidInputError(
            "--peer says which incident --clear means.", remedy="Add --clear REASON."
        )
    output = context.output
    async with context.desk() as desk:
        if clear:
            await desk.call(
                desk.admin.ClearIncident,
                pb.ClearIncidentRequest(peer=peer, reason=clear),
            )
        state = await desk.call(desk.admin.GetStatus, pb.GetStatusRequest())
    if output.as_json:
        output.document(plain(state))
        return
    output.fields(_fields(state, now=datetime.now(UTC)))
    _show_links(output, state)
    _show_incidents(output, state)


def _fields(
    state: pb.GetStatusResponse, *, now: datetime
) -> list[tuple[str, str | Text]]:
    until = time_of(state, "card_valid_until")
    card: str | Text = moment(until)
    if until is not None and until - now < _EXPIRES_SOON:
        card = styled(f"{moment(until)} renew it", "fail" if until <= now else "warn")
    received = Text(f"{number(state.messages_in)} received")
    if state.unacknowledged:
        waiting = f", {number(state.unacknowledged)} in nobody's hands"
        received.append_text(styled(waiting, "warn"))
    return [
        ("node", Text.assemble((printable(state.name), "bold"), f" · {state.state}")),
        ("agency", state.agency),
        ("software", f"selat {state.software_version}"),
        ("started", moment(time_of(state, "started_at"))),
        ("log", f"{state.log_origin}, {number(state.log_size)} leaves"),
        ("root", state.log_root.hex()),
        ("anchored", _anchor(state.anchor, now=now)),
        ("policy", state.policy_digest),
        ("card until", card),
        ("messages", received),
        ("", f"{number(state.messages_out)} published"),
        ("reviews", _reviews(state, now=now)),
        ("turned away", _turned_away(state)),
    ]


def _anchor(anchor: pb.AnchorStatus, *, now: datetime) -> Text:
    """Return how far peers vouch for our log."""
    if not anchor.origin:
        quorum = f"no checkpoint yet, quorum {anchor.quorum}"
        return styled(quorum, "warn") if anchor.overdue else Text(quorum)
    since = age(now, time_of(anchor, "anchored_at"))
    text = (
        f"{number(anchor.size)} leaves, {since} ago, by "
        f"{counted(anchor.cosigners, 'peer')} (quorum {anchor.quorum})"
    )
    return styled(text, "warn") if anchor.overdue else Text(text)


def _turned_away(state: pb.GetStatusResponse) -> Text:
    """Return how many connections TLS turned away since the start."""
    if not state.turned_away:
        return Text("nobody")
    count = counted(state.turned_away, "connection")
    return Text(f"{count} of callers without an accepted certificate")


def _reviews(state: pb.GetStatusResponse, *, now: datetime) -> Text:
    """Return what waits for a reviewer, and how long the first has waited."""
    waiting = [
        (count, what, time_of(state, oldest))
        for count, what, oldest in (
            (state.held, "held", "oldest_held_at"),
            (state.quarantined, "quarantined", "oldest_quarantined_at"),
        )
        if count
    ]
    if not waiting:
        return Text("none")
    text = ", ".join(
        f"{number(count)} {what} (oldest {age(now, since)})"
        for count, what, since in waiting
    )
    overdue = any(since and now - since > _OVERDUE for _, _, since in waiting)
    return styled(f"{text}, overdue", "fail") if overdue else styled(text, "warn")


def _show_links(output: Output, state: pb.GetStatusResponse) -> None:
    rows = [_link_row(link) for link in state.links]
    if rows and not output.is_narrow:
        output.table(_LINK_COLUMNS, rows, right=_LINK_COLUMNS[2:10])
        return
    for row in rows:
        output.blank()
        output.fields(zip(_LINK_COLUMNS, row, strict=True))


def _link_row(link: pb.LinkStatus) -> tuple[str | Text, ...]:
    return (
        link.peer,
        _link_state(link),
        number(link.queued),
        number(link.offered),
        number(link.accepted),
        _alarming(link.refused, "warn"),
        _alarming(link.withheld, "warn"),
        _alarming(link.dead, "fail"),
        number(link.verified_size),
        number(link.acknowledged_size),
        moment(time_of(link, "last_contact_at")),
    )


def _link_state(link: pb.LinkStatus) -> Text:
    if link.suspended:
        return styled("suspended", "fail")
    if link.connected:
        return styled("open", "ok")
    if not link.last_error:
        return Text("idle")
    text = styled(link.last_error, "fail")
    again = time_of(link, "next_attempt_at")
    if again is not None:
        text.append(f", again {moment(again)}", style="default not bold")
    return text


def _alarming(count: int, style: str) -> Text:
    return styled(number(count), style) if count else Text("0")


def _show_incidents(output: Output, state: pb.GetStatusResponse) -> None:
    if not state.incidents:
        output.say("No incidents.", style="ok")
        return
    output.say("Incidents", style="fail")
    output.table(
        ("last", "times", "peer", "reason", "what happened"),
        [
            (
                moment(time_of(each, "last_at")),
                number(each.count),
                each.peer or ABSENT,
                each.reason,
                each.detail,
            )
            for each in state.incidents
        ],
        right=("times",),
    )
    output.note(
        "Remove one that is dealt with: selat status --clear REASON --peer NODE"
    )
