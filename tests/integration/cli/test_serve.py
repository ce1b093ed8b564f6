# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
from tests.fakes.command import Command
from tests.fakes.desk import FakeDesk

from selat.errors import NodeInUseError
from selat.v1 import desk_service_pb2 as pb


@pytest.fixture(autouse=True)
def kept_logging(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    started: list[object] = []
    monkeypatch.setattr(
        "selat.cli.commands.serve.start_logging",
        lambda **options: started.append(options["log_format"].value),
    )
    return started


@pytest.fixture(autouse=True)
def passphrase(selat: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    del selat  # which forgets the environment first
    file = tmp_path / "passphrase"
    file.write_text("correct horse battery")
    file.chmod(0o600)
    monkeypatch.setenv("SELAT_PASSPHRASE_FILE", str(file))


def serve_until_greeted(desk_port: int) -> Callable[..., object]:
    async def serve(
        _home: Path, *, passphrase: bytes, ready: Callable[[object], None]
    ) -> None:
        assert passphrase == b"correct horse battery"
        ready(SimpleNamespace(peer_port=7400, desk_port=desk_port, publish_port=0))
        await asyncio.gather(*asyncio.all_tasks() - {asyncio.current_task()})

    return serve


def state() -> pb.GetStatusResponse:
    return pb.GetStatusResponse(
        name="police.xa.example",
        state="XA",
        agency="Police of XA",
        log_origin="police.xa.example/exchange/2026h1",
        log_size=1234,
        links=[pb.LinkStatus(peer="police.xb.example")],
    )


@pytest.mark.parametrize(
    ("desk_port", "where"), [(0, "{socket}"), (7401, "port 7401 and {socket}")]
)
def test_a_person_is_told_who_serves_where(
    selat: Command,
    desk: FakeDesk,
    monkeypatch: pytest.MonkeyPatch,
    desk_port: int,
    where: str,
) -> None:
    desk.answers["GetStatus"] = state()
    monkeypatch.setattr(
        "selat.cli.commands.serve.serve_node", serve_until_greeted(desk_port)
    )

    ended = selat("serve")

    assert ended.code == 0
    assert ended.out.splitlines() == [
        "police.xa.example is serving.",
        "agency        Police of XA · XA",
        "for peers     port 7400",
        f"desk          {where.format(socket=selat.home / 'desk.sock')}",
        "for auditors  nowhere",
        "log           police.xa.example/exchange/2026h1, 1,234 leaves",
        "peers         1 peer police.xb.example",
        "Stopped; all that was accepted is kept.",
    ]


def test_a_program_is_told_in_one_line(
    selat: Command,
    desk: FakeDesk,
    monkeypatch: pytest.MonkeyPatch,
    kept_logging: list[object],
) -> None:
    desk.answers["GetStatus"] = state()
    monkeypatch.setattr(
        "selat.cli.commands.serve.serve_node", serve_until_greeted(7401)
    )

    [ready] = selat("serve", "--json").lines
    selat("serve", "--log-format", "json")

    assert ready["event"] == "ready"
    assert ready["peers"] == ["police.xb.example"]
    assert (ready["peer_port"], ready["desk_port"]) == (7400, 7401)
    assert kept_logging == ["json", "json"]


def test_a_node_that_cannot_start_says_why(
    selat: Command, monkeypatch: pytest.MonkeyPatch, kept_logging: list[object]
) -> None:
    async def fail(_home: Path, **_options: object) -> None:
        await asyncio.sleep(0)
        raise NodeInUseError("Another process works on it.", remedy="Stop it first.")

    monkeypatch.setattr("selat.cli.commands.serve.serve_node", fail)

    ended = selat("serve")

    assert ended.code == 6
    assert ended.out == ""
    assert "[NODE_IN_USE]" in ended.err
    assert kept_logging == ["text"]
