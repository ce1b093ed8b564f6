# SPDX-License-Identifier: Apache-2.0
"""The auditor's command, over bundles that were made up."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from tests.fakes.bundles import (
    FakeNode,
    add_cards,
    begin,
    deliver,
    evidence,
    exchange,
    export,
    listed,
    offers,
    trust_file,
    write_folder,
    write_zip,
)
from tests.fakes.command import Command, Ended
from tests.fakes.identities import Identity
from tests.fakes.leaves import ERASE, WITHHOLD

Verify = Callable[..., Ended]


class Case:
    """Bundles of two nodes on disk, with a trust file."""

    def __init__(self, folder: Path, xa: FakeNode, xb: FakeNode) -> None:
        self.xa, self.xb = xa, xb
        self.folder = folder
        self.trust = folder / "trust.toml"
        self.trust.write_bytes(trust_file(xa, xb))
        self.bundles = [
            write_folder(listed(add_cards(export(xa), xa, xb)), folder / "xa"),
            write_zip(listed(add_cards(export(xb), xa, xb)), folder / "xb.zip"),
        ]


@pytest.fixture
def nodes(xa: Identity, xb: Identity) -> tuple[FakeNode, FakeNode]:
    nodes = FakeNode(xa), FakeNode(xb)
    for node in nodes:
        begin(node)
    return nodes


@pytest.fixture
def verify(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> Verify:
    """Give the command; there is no node."""
    command = Command(home=tmp_path / "nowhere", capsys=capsys, monkeypatch=monkeypatch)

    def run(*arguments: object) -> Ended:
        return command("audit", "verify", *arguments)

    return run


def settled(folder: Path, nodes: tuple[FakeNode, FakeNode]) -> Case:
    """Return two nodes of which everything holds, with something of each kind."""
    xa, xb = nodes
    at_ms = xa.log.times[-1] + 1000
    exchange(xa, xb, 3, at_ms)
    exchange(xb, xa, 2, at_ms + 1000, outcome="quarantined")
    late = xa.log.times[-1]
    xa.log.append(replace(WITHHOLD, policy=WITHHOLD.policy, time_ms=late))
    xa.log.append(replace(ERASE, time_ms=late))
    xa.log.sign(xb)
    xb.log.sign(xa)
    return Case(folder, xa, xb)


def denied(folder: Path, nodes: tuple[FakeNode, FakeNode]) -> Case:
    """Return two nodes of which one denies twelve messages."""
    xa, xb = nodes
    at_ms = xa.log.times[-1] + 1000
    deliver(xa, xb, offers(xa, xb, 12, at_ms), [], at_ms)
    xa.sent -= 1
    exchange(xa, xb, 1, at_ms + 1)
    xa.log.sign(xb)
    xb.log.sign(xa)
    return Case(folder, xa, xb)


def test_what_holds_is_shown_check_by_check(
    tmp_path: Path, nodes: tuple[FakeNode, FakeNode], verify: Verify
) -> None:
    case = settled(tmp_path, nodes)
    ended = verify(*case.bundles, "--trust", case.trust)
    assert (ended.code, ended.err) == (0, "")
    assert "xa: police.xa.example, 2030-03-01 00:00Z to" in ended.out
    assert "cosigned by police.xb.example" in ended.out
    assert ended.out.count("✓") == 14
    assert "✓  4  Pinned witnesses cosigned the end of each log (quorum 1)" in ended.out
    assert "police.xb.example   police.xa.example   quarantined" in ended.out
    assert "Erasures" in ended.out
    assert "Reviews" not in ended.out
    assert ended.out.endswith("VERIFIED: all of it holds.\n")


def test_what_fails_is_shown_with_its_code(
    tmp_path: Path, nodes: tuple[FakeNode, FakeNode], verify: Verify
) -> None:
    case = denied(tmp_path, nodes)
    ended = verify(*case.bundles, "--trust", case.trust)
    assert ended.code == 1
    assert "✗ 12  Offers and receipts stand in both logs: 12 failures" in ended.out
    line = "OFFER_DENIED police.xa.example/exchange/2030h1, 2: The offer to"
    assert line in ended.out
    assert ended.out.count("OFFER_DENIED") == 10
    assert "… 2 more" in ended.out
    assert ended.out.endswith("NOT VERIFIED: 12 failures.\n")


def test_document_has_all_of_it(
    tmp_path: Path, nodes: tuple[FakeNode, FakeNode], verify: Verify
) -> None:
    case = denied(tmp_path, nodes)
    document = verify(*case.bundles, "--trust", case.trust, "--json").json
    assert document["verdict"] == "failed"
    assert document["failures"] == 12
    assert document["finding_counts"] == {"OFFER_DENIED": 12}
    assert [each["name"] for each in document["checks"] if not each["passed"]] == [
        "EXCHANGES"
    ]
    assert [each["applies"] for each in document["checks"]] == [True] * 14 + [False]
    assert {each["code"] for each in document["one_sided"]} == {"OFFER_DENIED"}
    assert len(document["one_sided"]) == 12
    assert document["one_sided"][0]["author"] == "police.xa.example"
    (shard,) = document["bundles"][0]["shards"]
    assert (shard["start_size"], shard["proven"]) == (0, True)
    assert shard["cosigned_by"][0]["node"] == "police.xb.example"
    work = document["work"]
    assert work["leaves"] == sum(
        each["count"] for each in document["listings"]["leaves"]
    )
    assert work["signatures"].keys() == {"ED25519", "COSIGNATURE_ED25519", "MLDSA44"}


def test_database_can_be_queried(
    tmp_path: Path, nodes: tuple[FakeNode, FakeNode], verify: Verify
) -> None:
    case = denied(tmp_path, nodes)
    file = tmp_path / "audit.db"
    ended = verify(*case.bundles, "--trust", case.trust, "--database", file)
    assert ended.code == 1
    assert f"datasette {file}" in ended.err
    with closing(sqlite3.connect(file)) as db:

        def one(sql: str) -> tuple[object, ...]:
            found: tuple[object, ...] = db.execute(sql).fetchone()
            return found

        assert one("SELECT COUNT(*) FROM leaves WHERE kind = 'offer'") == (26,)
        assert one("SELECT sender, recipient, outcome, category FROM exchanges") == (
            "police.xa.example",
            "police.xb.example",
            "accepted",
            "terrorism",
        )
        assert one("SELECT COUNT(*), MIN(code) FROM one_sided") == (12, "OFFER_DENIED")
        assert one("SELECT time FROM offers WHERE leaf_index = 2") == (
            "2030-03-01T00:00:01.000Z",
        )
        assert one("SELECT COUNT(*), SUM(failure) FROM findings") == (12, 12)
        assert one("SELECT json_extract(details, '$.codes[1]') FROM offers") == ("H2",)
        assert one(
            "SELECT COUNT(*) FROM checkpoints JOIN cosignatures ON "
            "checkpoint = id WHERE witness = 'police.xb.example'"
        )[0]
        for view in ("receipts", "refusals", "quarantines", "withheld", "erasures"):
            one(f"SELECT COUNT(*) FROM {view}")  # noqa: S608 - ours
        assert one("PRAGMA integrity_check") == ("ok",)


def test_database_is_never_overwritten(
    tmp_path: Path, nodes: tuple[FakeNode, FakeNode], verify: Verify
) -> None:
    case = settled(tmp_path, nodes)
    file = tmp_path / "audit.db"
    file.write_bytes(b"mine")
    ended = verify(*case.bundles, "--trust", case.trust, "--database", file)
    assert ended.code == 2
    assert file.read_bytes() == b"mine"
    ended = verify(
        *case.bundles, "--trust", case.trust, "--database", tmp_path / "no" / "a.db"
    )
    assert ended.code == 2
    assert "cannot be written" in ended.err


def test_evidence_is_verified_by_the_same_command(
    tmp_path: Path, nodes: tuple[FakeNode, FakeNode], verify: Verify
) -> None:
    xa, xb = nodes
    (offer,) = exchange(xa, xb, 1, xa.log.times[-1])
    xa.log.sign(xb)
    file = tmp_path / "court.txt"
    file.write_bytes(evidence(xa, xb, offer).encode())
    trust = tmp_path / "trust.toml"
    trust.write_bytes(trust_file(xa, xb))
    ended = verify(file, "--trust", trust)
    assert ended.code == 0
    assert f"court.txt: message {offer.id}, version 1" in ended.out
    assert "offered by police.xa.example" in ended.out
    assert "accepted by police.xb.example" in ended.out
    assert ended.out.count("✓") == 4
    document = verify(file, "--trust", trust, "--json").json
    assert document["evidence"][0]["receipt"]["index"] == 2


@pytest.mark.parametrize(
    ("name", "contents"),
    [("nothing.zip", None), ("letter.txt", b"Dear auditor,"), ("empty", b"")],
)
def test_unusable_input_is_told_apart(
    name: str,
    contents: bytes | None,
    tmp_path: Path,
    nodes: tuple[FakeNode, FakeNode],
    verify: Verify,
) -> None:
    case = settled(tmp_path, nodes)
    if contents is not None:
        (tmp_path / name).write_bytes(contents)
    ended = verify(case.bundles[0], tmp_path / name, "--trust", case.trust)
    assert ended.code == 2
    assert name in ended.err


def test_bundle_of_a_node_that_is_not_pinned_is_unusable(
    tmp_path: Path, nodes: tuple[FakeNode, FakeNode], verify: Verify
) -> None:
    case = settled(tmp_path, nodes)
    case.trust.write_bytes(trust_file(case.xa, quorum=0))
    ended = verify(*case.bundles, "--trust", case.trust)
    assert ended.code == 2
    assert "police.xb.example, which the trust file does not pin" in ended.err


def test_trust_file_is_needed(
    tmp_path: Path, nodes: tuple[FakeNode, FakeNode], verify: Verify
) -> None:
    case = settled(tmp_path, nodes)
    assert verify(*case.bundles).code == 2
    assert verify(*case.bundles, "--trust", tmp_path / "none.toml").code == 2


def test_manifest_that_cannot_be_read_fails(
    tmp_path: Path, nodes: tuple[FakeNode, FakeNode], verify: Verify
) -> None:
    case = settled(tmp_path, nodes)
    (case.bundles[0] / "bundle.json").write_bytes(b"{}")
    ended = verify(*case.bundles, "--trust", case.trust)
    assert ended.code == 1
    assert "FILE_MALFORMED xa/bundle.json" in ended.out
    assert "FILE_DAMAGED xa/bundle.json" in ended.out
