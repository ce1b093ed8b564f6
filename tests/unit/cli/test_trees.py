# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from selat.cli.output import Output
from selat.cli.trees import body_tree
from selat.v1 import entities_pb2, message_pb2


def printed(body: message_pb2.Body, capsys: pytest.CaptureFixture[str]) -> list[str]:
    Output(as_json=False).show(body_tree(body))
    return [line.rstrip() for line in capsys.readouterr().out.splitlines()]


def test_what_is_set_is_shown_as_the_schema_nests_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    body = message_pb2.Body()
    person = body.person.person
    person.names.add(full="Jane Sample")
    person.names.add(full="J. Sample")
    person.documents.add(type=entities_pb2.DOCUMENT_TYPE_PASSPORT, number="L898902C3")

    assert printed(body, capsys) == [
        "person",
        "└── person",
        "    ├── names",
        "    │   └── full  Jane Sample",
        "    ├── names",
        "    │   └── full  J. Sample",
        "    └── documents",
        "        ├── type  passport",
        "        └── number  L898902C3",
    ]


def test_times_are_shown_in_utc(capsys: pytest.CaptureFixture[str]) -> None:
    body = message_pb2.Body()
    at = datetime(2026, 1, 31, 8, tzinfo=UTC)
    body.crossing.crossed_at.FromDatetime(at)

    assert printed(body, capsys)[1] == "└── crossed at  2026-01-31 08:00Z"


def test_what_a_peer_wrote_stays_in_its_line(
    capsys: pytest.CaptureFixture[str],
) -> None:
    body = message_pb2.Body()
    body.person.person.names.add(full="Jane\n└── forged  \x1b[2J[bold]x")

    [*_, line] = printed(body, capsys)

    assert line.endswith("full  Jane └── forged  \N{REPLACEMENT CHARACTER}[2J[bold]x")


def test_a_kind_of_a_newer_version_is_said_to_be_unknown(
    capsys: pytest.CaptureFixture[str],
) -> None:
    [line] = printed(message_pb2.Body(), capsys)

    assert "does not know" in line
