# SPDX-License-Identifier: Apache-2.0
"""Bundles and evidence that real nodes write."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest
from tests.fakes.bundle_checks import check_bundle, contents, now
from tests.fakes.command import Selat
from tests.fakes.nodes import (
    Home,
    eventually,
    exchanged,
    introduce,
    make_home,
    person,
    running,
)

from selat.core.evidence_files import parse_evidence
from selat.core.leaves import EraseLeaf, OfferLeaf, ReceiptLeaf, parse_leaf
from selat.core.merkle import leaf_hash
from selat.core.notes import parse_note
from selat.core.tlog_proofs import parse_tlog_proof, verify_tlog_proof
from selat.core.tree_heads import parse_tree_head
from selat.node.witness_settings import WitnessSettings


def test_bundle_holds_what_both_sides_logged(
    pair: tuple[Home, Home], tmp_path: Path, selat: Selat
) -> None:
    xa, xb = pair
    asyncio.run(exchanged(xa, xb))
    ended = selat(xa, "audit", "export", "--out", tmp_path / "bundle", "--json")
    assert ended.code == 0, ended.err
    checked = check_bundle(tmp_path / "bundle", (xa.card, xb.card), at=now())
    (shard,) = checked.shards
    offers = [leaf for leaf in shard.leaves.values() if isinstance(leaf, OfferLeaf)]
    assert len(offers) == 5
    theirs = [
        parse_leaf(leaf) for each in checked.peers[xb.name] for leaf in each.leaves
    ]
    answered = {leaf.offer for leaf in theirs if isinstance(leaf, ReceiptLeaf)}
    assert answered == {leaf_hash(offer.encode()) for offer in offers}
    assert sum(isinstance(leaf, OfferLeaf) for leaf in theirs) == 3
    assert {name for name in checked.files if name.startswith("cards/")} == {
        f"cards/{xa.name}/1.card",
        f"cards/{xb.name}/1.card",
    }
    assert ended.json["peer_leaves"] == 8
    assert ended.json["files"] == len(checked.files)


def test_zip_file_holds_the_same_as_a_folder(
    pair: tuple[Home, Home], tmp_path: Path, selat: Selat
) -> None:
    xa, xb = pair
    asyncio.run(exchanged(xa, xb))
    until = ("--to", now().isoformat())
    selat(xa, "audit", "export", *until, "--out", tmp_path / "folder")
    ended = selat(xa, "audit", "export", *until, "--zip", "--out", tmp_path / "b.zip")
    assert ended.code == 0, ended.err
    assert "selat audit verify" in ended.err
    zipped = check_bundle(tmp_path / "b.zip", (xa.card, xb.card), at=now())
    folder = contents(tmp_path / "folder")
    differ = {name for name in folder if folder[name] != zipped.files.get(name)}
    signed = {name for name in folder if name.endswith("/checkpoint")}
    # When it was written, and a signature that is drawn anew.
    assert differ <= {"bundle.json", "SHA256SUMS"} | signed
    assert (tmp_path / "b.zip").stat().st_mode & 0o077 == 0
    assert (tmp_path / "folder").stat().st_mode & 0o077 == 0


def test_bundle_and_evidence_are_whole_after_every_message_was_erased(
    xa: Home, xb: Home, tmp_path: Path, selat: Selat
) -> None:
    asyncio.run(introduce(xa, xb))

    async def exchange_and_erase() -> bytes:
        message = person("Doe, John")
        soon = datetime.now(now().tzinfo) + timedelta(seconds=30)
        message.header.expires_at.FromDatetime(soon)
        clock_ahead = 0

        def clock() -> int:
            return int(now().timestamp() * 1000) + clock_ahead

        async with running(xa, clock=clock) as a, running(xb) as b:
            (found,) = await a.publish(message)
            await a.settled(xb.name, 1)
            clock_ahead = 60_000
            await a.node.lifecycle.run()
            assert len(await b.received()) == 1
        return found

    message_id = asyncio.run(exchange_and_erase())
    assert selat(xa, "audit", "export", "--out", tmp_path / "bundle").code == 0
    checked = check_bundle(tmp_path / "bundle", (xa.card, xb.card), at=now())
    (shard,) = checked.shards
    assert any(isinstance(leaf, EraseLeaf) for leaf in shard.leaves.values())

    ended = selat(
        xa, "show", UUID(bytes=message_id), "--evidence", tmp_path / "evidence.txt"
    )
    assert ended.code == 0, ended.err
    check_evidence((tmp_path / "evidence.txt").read_bytes(), xa, xb)


def check_evidence(data: bytes, sender: Home, recipient: Home) -> None:
    evidence = parse_evidence(data)
    for home, leaf, text in (
        (sender, evidence.offer, evidence.offer_proof),
        (recipient, evidence.receipt, evidence.receipt_proof),
    ):
        proof = parse_tlog_proof(text)
        origin = parse_tree_head(parse_note(proof.checkpoint).text).origin
        verifiers = home.card.card.log_verifiers(origin, at=now())
        verify_tlog_proof(proof, leaf=leaf, origin=origin, verifiers=verifiers)
    receipt = parse_leaf(evidence.receipt)
    assert isinstance(receipt, ReceiptLeaf)
    assert receipt.offer == leaf_hash(evidence.offer)
    assert set(evidence.cards) == {sender.card.envelope, recipient.card.envelope}


def test_both_sides_write_evidence_of_an_exchange(
    pair: tuple[Home, Home], tmp_path: Path, selat: Selat
) -> None:
    xa, xb = pair
    (message_id, *_), _ = asyncio.run(exchanged(xa, xb))
    file = tmp_path
    for home in pair:
        file = tmp_path / f"{home.name}.txt"
        ended = selat(home, "show", UUID(bytes=message_id), "--evidence", file)
        assert ended.code == 0, ended.err
        check_evidence(file.read_bytes(), xa, xb)
        assert file.stat().st_mode & 0o077 == 0
    again = selat(xa, "show", UUID(bytes=message_id), "--evidence", file)
    assert again.code != 0
    assert "cannot be written" in again.err


def test_evidence_is_of_one_exchange(
    xa: Home, xb: Home, xc: Home, tmp_path: Path, selat: Selat
) -> None:
    asyncio.run(introduce(xa, xb, xc))

    async def publish() -> bytes:
        async with running(xa) as a, running(xb), running(xc):
            (message_id,) = await a.publish(person())
            await a.settled("", 2)
        return message_id

    message = UUID(bytes=asyncio.run(publish()))
    file = tmp_path / "evidence.txt"
    several = selat(xa, "show", message, "--evidence", file)
    assert several.code == 2
    assert f"--peer: {xb.name}, {xc.name}" in several.err
    none = selat(xa, "show", message, "--evidence", file, "--peer", "police.xz.example")
    assert none.code == 1
    assert not file.exists()
    chosen = selat(xa, "show", message, "--evidence", file, "--peer", xc.name)
    assert chosen.code == 0, chosen.err
    check_evidence(file.read_bytes(), xa, xc)


async def test_bundle_is_written_while_the_node_runs(
    xa: Home, tmp_path: Path, selat: Selat
) -> None:
    async with running(xa) as a:
        await a.publish(person())
        ended = await asyncio.to_thread(
            selat, xa, "audit", "export", "--out", tmp_path / "bundle"
        )
        assert ended.code == 0, ended.err
        tiles = await asyncio.to_thread(
            selat, xa, "audit", "tiles", "--out", tmp_path / "tiles", "--json"
        )
        assert tiles.code == 0, tiles.err
    checked = check_bundle(tmp_path / "bundle", (xa.card,), at=now())
    (written,) = tiles.json["shards"]
    assert written["size"] >= checked.shards[0].checkpoint.size


def test_period_begins_and_ends_where_it_is_asked_to(
    pair: tuple[Home, Home], tmp_path: Path, selat: Selat
) -> None:
    xa, xb = pair
    asyncio.run(exchanged(xa, xb))
    begin = now()
    asyncio.run(exchanged(xa, xb))
    ended = selat(
        xa, "audit", "export", "--from", begin.isoformat(), "--out", tmp_path / "b"
    )
    assert ended.code == 0, ended.err
    checked = check_bundle(tmp_path / "b", (xa.card, xb.card), at=now())
    (period,) = checked.manifest.shards
    assert period.start_size > 0
    offers = [
        leaf
        for index, leaf in checked.shards[0].leaves.items()
        if isinstance(leaf, OfferLeaf) and index >= period.start_size
    ]
    assert len(offers) == 5
    assert sum(len(each.leaves) for each in checked.peers[xb.name]) == 8


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--from", "2001-01-01", "--to", "2001-01-02"), "no leaves of that period"),
        (("--from", "2001-01-02", "--to", "2001-01-01"), "ends before it begins"),
        (("--from", "yesterday"), "is no time"),
    ],
)
def test_period_without_a_log_is_refused(
    arguments: tuple[str, ...], told: str, xa: Home, tmp_path: Path, selat: Selat
) -> None:
    ended = selat(xa, "audit", "export", *arguments, "--out", tmp_path / "b")
    assert ended.code in {1, 2}
    assert told in ended.err
    assert not (tmp_path / "b").exists()


def test_export_says_that_nobody_has_cosigned_the_end(
    xa: Home, tmp_path: Path, selat: Selat
) -> None:
    ended = selat(xa, "audit", "export", "--out", tmp_path / "bundle")
    assert ended.code == 0, ended.err
    assert "No peer has cosigned" in ended.err


def test_bundle_is_never_written_over(xa: Home, tmp_path: Path, selat: Selat) -> None:
    (tmp_path / "b").mkdir()
    ended = selat(xa, "audit", "export", "--out", tmp_path / "b")
    assert "is there already" in ended.err
    assert not list((tmp_path / "b").iterdir())


def test_bundle_ends_at_a_checkpoint_that_the_peer_has_cosigned(
    tmp_path: Path, selat: Selat
) -> None:
    often = WitnessSettings(interval_s=1)
    xa, xb = (make_home(tmp_path, code, witness=often) for code in ("xa", "xb"))
    asyncio.run(introduce(xa, xb))

    async def anchored() -> None:
        async with running(xa) as a, running(xb):
            await a.publish(person())
            await a.settled(xb.name, 1)

            async def covered() -> bool:
                size = xa.inspect(lambda s: s.tree_head().frontier.size)
                newest = xa.inspect(lambda s: s.newest_anchored())
                return newest is not None and newest.size == size

            await eventually(covered)

    asyncio.run(anchored())
    # The note is kept: no key is needed.
    (tmp_path / "passphrase").unlink()
    ended = selat(xa, "audit", "export", "--out", tmp_path / "bundle", "--json")
    assert ended.code == 0, ended.err
    assert ended.json["shards"][-1]["cosigned_by"] == [f"{xb.name}/witness"]
    trust = tmp_path / "trust.toml"
    pins = [
        f'[[node]]\nname = "{home.name}"\nroot = "{home.card.fingerprint.digest.hex()}"'
        for home in (xa, xb)
    ]
    trust.write_text("\n".join(["version = 1", "quorum = 1", *pins]))
    verified = selat(xb, "audit", "verify", tmp_path / "bundle", "--trust", trust)
    assert verified.code == 0, verified.out
