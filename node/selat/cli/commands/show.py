# SPDX-License-Identifier: Apache-2.0
"""``selat show``: one message, where it stands, and its proofs."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.text import Text

from selat.cli.command import command, group
from selat.cli.commands.outbox import show_entries
from selat.cli.connection import Desk
from selat.cli.context import Context
from selat.cli.display import (
    ABSENT,
    counted,
    listed,
    moment,
    number,
    printable,
)
from selat.cli.evidence import Cards, VerifiedExchange, cards_at_hand, verify_exchange
from selat.cli.evidence_files import chosen_exchange, evidence_file
from selat.cli.files import write_file
from selat.cli.listing import marking_of, message_entry, place_of
from selat.cli.output import Output, styled
from selat.cli.plain import enum_name, plain, time_of, uuid_bytes, uuid_text
from selat.cli.trees import body_tree
from selat.v1 import desk_service_pb2 as pb
from selat.v1 import message_pb2

app = group("Show one message and where it stands.")

_OWNER_ONLY: Final = 0o600


@command(app, "show")
async def show(
    context: Context,
    *,
    message: Annotated[str, typer.Argument(metavar="ID", help="The message's UUID.")],
    version: Annotated[int, typer.Option(help="The newest unless given.", min=0)] = 0,
    originator: Annotated[
        str, typer.Option("--from", metavar="NODE", help="The node that published it.")
    ] = "",
    verify: Annotated[
        bool, typer.Option("--verify", help="Fetch and verify the proofs of exchange.")
    ] = False,
    card: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FILE",
            help="With --verify: a card that you hold; both for a desk elsewhere.",
        ),
    ] = None,
    evidence: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Verify one exchange, and write its proofs to a file."
        ),
    ] = None,
    peer: Annotated[
        str, typer.Option(metavar="NODE", help="With --evidence: the exchange with it.")
    ] = "",
) -> None:
    """Show one message and where it stands.

    An evidence file holds offer and receipt with their proofs and both cards:
    all that `selat audit verify` needs beside a fingerprint, also when the
    message was erased.
    """
    output = context.output
    identifier = uuid_bytes(message)
    request = pb.GetMessageRequest(
        id=identifier, version=version, originator=originator
    )
    async with context.desk() as desk:
        found = await desk.call(desk.messages.GetMessage, request)
        proofs = await _evidence(desk, found) if verify or evidence else None
    exchanges: list[VerifiedExchange] | None = None
    if proofs is not None:
        cards = cards_at_hand(context.local_home, card or [])
        exchanges = _verified(proofs.exchanges, cards, found)
        if evidence is not None:
            chosen = chosen_exchange(proofs.exchanges, peer)
            write_file(evidence, evidence_file(chosen, cards), mode=_OWNER_ONLY)
    if output.as_json:
        output.document(_document(found, exchanges))
    else:
        _print(output, found, exchanges)


async def _evidence(desk: Desk, found: pb.GetMessageResponse) -> pb.GetEvidenceResponse:
    request = pb.GetEvidenceRequest(id=found.info.id, version=found.info.version)
    return await desk.call(desk.messages.GetEvidence, request)


def _verified(
    evidence: Iterable[pb.ExchangeEvidence], cards: Cards, found: pb.GetMessageResponse
) -> list[VerifiedExchange]:
    return [
        verify_exchange(
            each, cards, message_id=found.info.id, version=found.info.version
        )
        for each in evidence
    ]


def _document(
    found: pb.GetMessageResponse, exchanges: list[VerifiedExchange] | None
) -> dict[str, object]:
    message = found.message if found.HasField("message") else None
    document = message_entry(found.info, message, with_contents=True)
    document["erasure"] = plain(found.erasure) if found.HasField("erasure") else None
    document["outbox"] = [plain(entry) for entry in found.outbox]
    document["reviews"] = [plain(review) for review in found.reviews]
    document["verified_exchanges"] = (
        None if exchanges is None else [each.document() for each in exchanges]
    )
    return document


def _print(
    output: Output,
    found: pb.GetMessageResponse,
    exchanges: list[VerifiedExchange] | None,
) -> None:
    info = found.info
    header = found.message.header
    if header.title:
        output.say(header.title, style="strong")
    output.fields(_info_fields(info) + _header_fields(header))
    output.blank()
    if found.HasField("message"):
        output.show(body_tree(found.message.body))
    else:
        output.say(_erased(found), style="warn")
    if found.outbox:
        show_entries(output, found.outbox)
    for review in found.reviews:
        output.say(_review(review))
    if exchanges is not None:
        _print_exchanges(output, exchanges)


def _print_exchanges(output: Output, exchanges: list[VerifiedExchange]) -> None:
    if not exchanges:
        output.say(
            "No exchange is complete yet; there is nothing to verify.", style="warn"
        )
        return
    for each in exchanges:
        output.say(
            f"✓ {each.sender} → {each.recipient}: {each.outcome}, proven by both logs",
            style="ok",
        )
        fields: list[tuple[str, str | Text]] = [
            ("  offer", each.offer.describe()),
            ("  receipt", each.receipt.describe()),
        ]
        if each.review is not None:
            fields.append(("  review", f"{each.act}: {each.review.describe()}"))
        output.fields(fields)


def _review(review: pb.ReviewDecision) -> str:
    """Say what a person decided, for which peer, and where the log says so."""
    act = "approved" if review.act == pb.REVIEW_ACT_APPROVE else "refused"
    way = "to" if review.entry else "from"
    why = f": {review.note}" if review.note else ""
    index, log = place_of(review)
    return (
        f"{review.officer} {act} it {way} {review.peer} on "
        f"{moment(time_of(review, 'decided_at'))}, leaf {number(index)} of {log}{why}"
    )


def _erased(found: pb.GetMessageResponse) -> str:
    """Say when and why the contents went, as far as the node tells."""
    if not found.HasField("erasure"):
        return "Its contents were erased; the log still holds its proof."
    erasure = found.erasure
    index, log = place_of(erasure)
    return (
        f"Its contents were erased on {moment(time_of(erasure, 'erased_at'))} "
        f"({erasure.reason}); leaf {number(index)} of {log} says so."
    )


def _info_fields(info: pb.MessageInfo) -> list[tuple[str, str | Text]]:
    fields: list[tuple[str, str | Text]] = [
        ("id", uuid_text(info.id)),
        ("version", str(info.version)),
        ("direction", enum_name(pb.MessageDirection.DESCRIPTOR, info.direction)),
        ("from", info.originator),
        ("category", info.category),
        ("type", info.record_type.replace("_", " ")),
        ("status", _status(info)),
        ("urgency", info.urgency),
        ("marking", marking_of(info)),
        ("created", moment(time_of(info, "created_at"))),
        ("stored", f"{moment(time_of(info, 'stored_at'))} as no. {info.number}"),
        ("expires", moment(time_of(info, "expires_at"))),
    ]
    if info.HasField("review_at"):
        fields.append(("review", moment(time_of(info, "review_at"))))
    if info.legal_hold:
        fields.append(("legal hold", styled(info.legal_hold, "warn")))
    if info.direction == pb.MESSAGE_DIRECTION_IN:
        taken = time_of(info, "acknowledged_at")
        hands = f"{info.acknowledged_by} since {moment(taken)}" if taken else "nobody"
        fields.append(("in hand of", hands))
    if info.warning_count:
        warnings = counted(info.warning_count, "check digit", "check digits")
        fields.append(
            ("warnings", styled(f"{warnings} or the like do not hold", "warn"))
        )
    return fields


def _header_fields(header: message_pb2.Header) -> list[tuple[str, str | Text]]:
    """Return what only the header tells, where it tells it."""
    handling = [
        enum_name(message_pb2.HandlingCode.DESCRIPTOR, code).upper()
        for code in header.marking.handling
    ]
    purposes = [
        enum_name(message_pb2.Purpose.DESCRIPTOR, purpose).replace("_", " ")
        for purpose in header.purposes
    ]
    role = enum_name(message_pb2.SubjectRole.DESCRIPTOR, header.subject_role)
    pairs = [
        ("agency", header.originator.agency),
        ("handling", listed(handling)),
        ("restriction", header.marking.handling_note),
        ("releasable to", listed(header.marking.releasable_to)),
        ("purposes", listed(purposes)),
        ("legal basis", listed(header.legal_basis)),
        ("evaluation", _evaluation(header.evaluation)),
        ("subject is", "" if role == "unspecified" else role),
        ("recipients", listed(header.recipients)),
        ("case", header.case_reference),
        ("redacted", listed(header.redacted)),
    ]
    return [(name, value) for name, value in pairs if value not in {"", ABSENT}]


def _status(info: pb.MessageInfo) -> Text:
    text = Text(printable(info.status))
    if info.holding not in {"", "current"}:
        text.append_text(styled(f" · {info.holding}", "warn"))
    return text


def _evaluation(evaluation: message_pb2.Evaluation) -> str:
    """Return both scales side by side, as they were given."""
    scales = []
    if evaluation.source or evaluation.information:
        source = enum_name(message_pb2.SourceCode.DESCRIPTOR, evaluation.source)
        information = enum_name(
            message_pb2.InformationCode.DESCRIPTOR, evaluation.information
        )
        scales.append(f"4x4 {_grade(source)}{_grade(information)}")
    if evaluation.source_grade or evaluation.information_grade:
        source = enum_name(message_pb2.SourceGrade.DESCRIPTOR, evaluation.source_grade)
        information = enum_name(
            message_pb2.InformationGrade.DESCRIPTOR, evaluation.information_grade
        )
        scales.append(f"6x6 {_grade(source)}{_grade(information)}")
    return ", ".join(scales)


def _grade(name: str) -> str:
    return "?" if name == "unspecified" else name.upper()
