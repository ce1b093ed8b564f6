# SPDX-License-Identifier: Apache-2.0
"""A message leaves the node for another system only as policy lets an officer."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from tests.fakes.nodes import (
    Desk,
    Home,
    Running,
    free_port,
    make_home,
    person,
    running,
)
from tests.fakes.officers import desk_as, failure
from tests.fakes.reckoning import assert_log_holds, leaves_of

from selat.core.leaves import ExportLeaf
from selat.errors import (
    InvalidInputError,
    NotFoundError,
    PolicyDeniedError,
    RoleMissingError,
    SelatError,
    WrongStateError,
)
from selat.v1 import desk_service_pb2 as pb
from selat.v1 import message_pb2

RULE = """\
@id("rules/exports-name-nobody")
@title("What is taken out names nobody")
@principle("Data Protection Act, s. 9")
@redact("{redact}")
forbid (principal, action == Action::"export", resource)
when {{ resource.originator == "police.xa.example" }}
unless {{ context.redacted.contains("{redact}") }};
"""


@pytest.fixture
def home(tmp_path: Any) -> Home:  # noqa: ANN401 - pytest's own
    return make_home(tmp_path, "xa", desk_listen=f"127.0.0.1:{free_port()}")


@pytest.fixture
async def node(home: Home) -> AsyncIterator[Running]:
    async with running(home) as each:
        yield each


def request(message_id: bytes, **values: Any) -> pb.ExportMessageRequest:  # noqa: ANN401 - any field
    purpose = message_pb2.PURPOSE_INVESTIGATION
    return pb.ExportMessageRequest(
        **{"id": message_id, "purpose": purpose, **values},
    )


async def denied(
    desk: Desk | Running,
    message_id: bytes,
    **values: Any,  # noqa: ANN401 - any field
) -> SelatError:
    return await failure(desk.desk.ExportMessage(request(message_id, **values)))


def exports(home: Home) -> list[tuple[str, str, str, tuple[str, ...]]]:
    return [
        (leaf.purpose, leaf.by, leaf.effect, leaf.policies)
        for _, leaf in leaves_of(home, ExportLeaf)
    ]


async def test_officer_takes_a_message_out_and_the_log_says_so(
    node: Running, home: Home
) -> None:
    (message_id,) = await node.publish(person())
    async with desk_as(node, "a.lim", "officer") as officer:
        answer = await officer.desk.ExportMessage(request(message_id))

    assert answer.message.body.person.person.names[0].full == "Doe, John"
    assert answer.info.id == message_id
    assert list(answer.policies) == ["rules/export"]
    assert exports(home) == [("investigation", "officer", "permit", ("rules/export",))]
    assert_log_holds(home)


async def test_message_is_taken_out_for_no_purpose_that_it_does_not_name(
    node: Running, home: Home
) -> None:
    (message_id,) = await node.publish(person())
    error = await denied(node, message_id, purpose=message_pb2.PURPOSE_PROSECUTION)

    assert isinstance(error, PolicyDeniedError)
    assert "PURPOSE_NOT_ALLOWED by baseline/export-for-named-purpose" in error.message
    assert "investigation" in error.remedy
    assert exports(home) == [
        (
            "prosecution",
            "officer",
            "withhold",
            ("baseline/export-for-named-purpose",),
        )
    ]


async def test_h1_is_not_taken_out_for_a_prosecution(node: Running) -> None:
    message = person()
    message.header.purposes.append(message_pb2.PURPOSE_PROSECUTION)
    message.header.marking.handling.append(message_pb2.HANDLING_CODE_H1)
    (message_id,) = await node.publish(message)

    error = await denied(node, message_id, purpose=message_pb2.PURPOSE_PROSECUTION)
    assert "CONSENT_MISSING by baseline/h1-not-for-court" in error.message
    await node.desk.ExportMessage(request(message_id))


async def test_system_takes_nothing_out(node: Running, home: Home) -> None:
    (message_id,) = await node.publish(person())
    async with desk_as(node, "border-line", "system") as system:
        error = await denied(system, message_id)

    assert isinstance(error, PolicyDeniedError)
    assert "NOT_PERMITTED" in error.message
    assert [export[1] for export in exports(home)] == ["system"]


async def test_auditor_may_not_ask(node: Running, home: Home) -> None:
    (message_id,) = await node.publish(person())
    async with desk_as(node, "court", "auditor") as auditor:
        error = await denied(auditor, message_id)

    assert isinstance(error, RoleMissingError)
    assert exports(home) == []


async def test_what_an_officer_may_not_see_is_not_there_to_be_taken_out(
    node: Running, home: Home
) -> None:
    message = person()
    message.header.marking.level = message_pb2.LEVEL_SECRET
    (message_id,) = await node.publish(message)
    async with desk_as(node, "a.lim", "officer") as officer:
        error = await denied(officer, message_id)

    assert isinstance(error, NotFoundError)
    assert exports(home) == []


async def test_rule_of_the_state_takes_fields_out_of_an_export(home: Home) -> None:
    rule = home.path / "policy" / "rules" / "exports.cedar"
    rule.write_text(RULE.format(redact="person.person.names"))
    async with running(home) as node:
        (message_id,) = await node.publish(person())
        answer = await node.desk.ExportMessage(request(message_id))

    assert answer.message.body.HasField("person")
    assert not answer.message.body.person.person.names
    assert list(answer.message.header.redacted) == ["person.person.names"]


async def test_export_of_which_nothing_would_be_left_is_denied(home: Home) -> None:
    rule = home.path / "policy" / "rules" / "exports.cedar"
    rule.write_text(RULE.format(redact="person"))
    async with running(home) as node:
        (message_id,) = await node.publish(person())
        error = await denied(node, message_id)

    assert "REDACTION_FAILED" in error.message
    assert [effect for _, _, effect, _ in exports(home)] == ["withhold"]


async def test_erased_message_cannot_be_taken_out(node: Running) -> None:
    (message_id,) = await node.publish(person())
    await node.admin.EraseMessage(
        pb.EraseMessageRequest(id=message_id, reason_code="COURT-ORDER-17")
    )

    assert isinstance(await denied(node, message_id), WrongStateError)


async def test_export_without_a_purpose_is_refused(node: Running, home: Home) -> None:
    (message_id,) = await node.publish(person())

    assert isinstance(
        await denied(node, message_id, purpose=message_pb2.PURPOSE_UNSPECIFIED),
        InvalidInputError,
    )
    assert exports(home) == []
