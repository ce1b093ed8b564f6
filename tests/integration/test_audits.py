# SPDX-License-Identifier: Apache-2.0
"""What real nodes export holds, and nothing else does."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

from tests.fakes.bundle_checks import now
from tests.fakes.command import Selat
from tests.fakes.nodes import Home, introduce, person, running

from selat.v1 import desk_service_pb2 as pb


def trust(folder: Path, *homes: Home, quorum: int = 0) -> Path:
    """Write the trust file of an auditor who compared fingerprints."""
    pins = "".join(
        f'[[node]]\nname = "{home.name}"\nroot = "{home.card.fingerprint}"\n'
        for home in homes
    )
    file = folder / "trust.toml"
    file.write_text(f"version = 1\nquorum = {quorum}\n{pins}")
    return file


async def exchange_and_erase(xa: Home, xb: Home) -> bytes:
    """Let messages cross both ways and their contents be erased."""
    soon = datetime.now(now().tzinfo) + timedelta(seconds=30)
    messages = [person(f"A {number}") for number in range(5)]
    for message in messages:
        message.header.expires_at.FromDatetime(soon)
    ahead_ms = 0

    def clock() -> int:
        return int(now().timestamp() * 1000) + ahead_ms

    async with running(xa, clock=clock) as a, running(xb, clock=clock) as b:
        identifiers = await a.publish(*messages)
        await b.publish(*(person(f"B {number}") for number in range(3)))
        await a.settled(xb.name, 5)
        await b.settled(xa.name, 3)
        ahead_ms = 60_000
        await a.node.lifecycle.run()
        await b.node.lifecycle.run()
    return identifiers[0]


def test_bundles_of_both_sides_hold_when_every_content_was_erased(
    xa: Home, xb: Home, tmp_path: Path, selat: Selat
) -> None:
    asyncio.run(introduce(xa, xb))
    message = asyncio.run(exchange_and_erase(xa, xb))
    bundles = [tmp_path / "xa-bundle", tmp_path / "xb-bundle.zip"]
    assert selat(xa, "audit", "export", "--out", bundles[0]).code == 0
    assert selat(xb, "audit", "export", "--zip", "--out", bundles[1]).code == 0
    evidence = tmp_path / "evidence.txt"
    assert selat(xa, "show", UUID(bytes=message), "--evidence", evidence).code == 0

    pins = trust(tmp_path, xa, xb)
    ended = selat(xa, "audit", "verify", *bundles, evidence, "--trust", pins, "--json")
    document = ended.json
    assert document["findings"] == []
    assert (ended.code, document["verdict"]) == (0, "verified")
    exchanges = {
        (each["sender"], each["outcome"]): each["count"]
        for each in document["listings"]["exchanges"]
    }
    assert exchanges == {(xa.name, "accepted"): 5, (xb.name, "accepted"): 3}
    erased = {each["node"]: each["count"] for each in document["listings"]["erasures"]}
    assert erased == {xa.name: 5, xb.name: 5}
    assert document["evidence"][0]["message"] == str(UUID(bytes=message))

    alone = selat(xa, "audit", "verify", bundles[0], "--trust", pins)
    assert alone.code == 0, alone.out
    assert "VERIFIED" in alone.out


def test_bundle_that_was_tampered_with_fails(
    xa: Home, xb: Home, tmp_path: Path, selat: Selat
) -> None:
    asyncio.run(introduce(xa, xb))
    asyncio.run(exchange_and_erase(xa, xb))
    bundle = tmp_path / "xa-bundle"
    assert selat(xa, "audit", "export", "--out", bundle).code == 0
    (entries,) = (bundle / "logs").glob("*/tile/entries/000*/*")
    entries.write_bytes(entries.read_bytes().replace(b"permit", b"permut", 1))
    pins = trust(tmp_path, xa, xb)
    ended = selat(xa, "audit", "verify", bundle, "--trust", pins)
    assert ended.code == 1
    assert "FILE_DAMAGED" in ended.out
    assert "ENTRY_CHANGED" in ended.out
    assert "NOT VERIFIED" in ended.out


async def exchange(xa: Home, xb: Home, settled: int) -> None:
    """Let one more message cross each way, and both be cosigned."""
    async with running(xa) as a, running(xb) as b:
        await a.publish(person(f"A {settled}"))
        await b.publish(person(f"B {settled}"))
        await a.settled(xb.name, settled)
        await b.settled(xa.name, settled)


def test_period_in_the_middle_holds_on_both_sides(
    xa: Home, xb: Home, tmp_path: Path, selat: Selat
) -> None:
    asyncio.run(introduce(xa, xb))
    asyncio.run(exchange(xa, xb, 1))
    begin = now().isoformat()
    asyncio.run(exchange(xa, xb, 2))
    end = now().isoformat()
    asyncio.run(exchange(xa, xb, 3))
    bundles = [tmp_path / "xa-bundle", tmp_path / "xb-bundle"]
    for home, bundle in zip((xa, xb), bundles, strict=True):
        period = ("--from", begin, "--to", end)
        assert selat(home, "audit", "export", *period, "--out", bundle).code == 0
    pins = trust(tmp_path, xa, xb)
    for chosen in (bundles, bundles[:1], bundles[1:]):
        ended = selat(xa, "audit", "verify", *chosen, "--trust", pins, "--json")
        assert ended.code == 0, ended.json["findings"]
        codes = {each["code"] for each in ended.json["findings"]}
        assert codes == {"POLICY_FROM_BEFORE"}
        exchanged = sum(each["count"] for each in ended.json["listings"]["exchanges"])
        assert exchanged >= 2


async def exchange_and_rotate(xa: Home, xb: Home, *jobs: str) -> bytes:
    """Let messages cross before and after keys change; return one from before."""
    settled = 1
    async with running(xa) as a, running(xb) as b:
        (first,) = await a.publish(person("A 0"))
        await a.settled(xb.name, 1)
        for job in jobs:
            await a.admin.RotateKey(pb.RotateKeyRequest(job=job, at_once=True))
            await a.publish(person(f"A, {job}"))
            await b.publish(person(f"B, {job}"))
            settled += 1
            await a.settled(xb.name, settled)
            await b.settled(xa.name, settled - 1)
    return first


def test_bundles_across_rotations_of_keys_hold_on_both_sides(
    xa: Home, xb: Home, tmp_path: Path, selat: Selat
) -> None:
    asyncio.run(introduce(xa, xb))
    message = asyncio.run(exchange_and_rotate(xa, xb, "log", "witness", "seal"))
    bundles = [tmp_path / "xa-bundle", tmp_path / "xb-bundle"]
    for home, bundle in zip((xa, xb), bundles, strict=True):
        assert selat(home, "audit", "export", "--out", bundle).code == 0
    evidence = tmp_path / "evidence.txt"
    assert selat(xa, "show", UUID(bytes=message), "--evidence", evidence).code == 0
    shown = selat(xa, "show", UUID(bytes=message), "--verify", "--json")
    assert shown.code == 0
    pins = trust(tmp_path, xa, xb)
    ended = selat(xa, "audit", "verify", *bundles, evidence, "--trust", pins, "--json")
    assert ended.json["findings"] == []
    assert (ended.code, ended.json["verdict"]) == (0, "verified")
    exchanged = sum(each["count"] for each in ended.json["listings"]["exchanges"])
    assert exchanged == 7
