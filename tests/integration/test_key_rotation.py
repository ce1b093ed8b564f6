# SPDX-License-Identifier: Apache-2.0
"""Nodes exchange before, while and after one of them rotates its keys."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import grpc
import pytest
from tests.fakes.command import Selat
from tests.fakes.identities import PASSPHRASE
from tests.fakes.nodes import (
    Home,
    Running,
    ShiftedClock,
    eventually,
    introduce,
    person,
    running,
)
from tests.fakes.proofs import assert_proven, send
from tests.fakes.reckoning import assert_delivered

from selat.core.origins import end_ms
from selat.errors import KeyStoreError, SelatError, WrongStateError
from selat.identity.card import SignedCard, parse_card
from selat.identity.card_keys import KeyPurpose
from selat.identity.key_schedule import AFTER_DEFAULT
from selat.identity.keystore import KeyStore
from selat.identity.own_card import private_name
from selat.node import serve
from selat.node.assembly import present_ms
from selat.rpc.status import error_from_rpc
from selat.v1 import desk_service_pb2 as pb

JOBS = ("log", "witness", "seal", "tls")
#: A moment after new keys took over, in ms.
TAKEN_OVER_MS = (AFTER_DEFAULT + timedelta(seconds=2)) // timedelta(milliseconds=1)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serve, "KEY_CHECK_S", 0.02)


@pytest.fixture
def clock() -> ShiftedClock:
    return ShiftedClock()


async def own_card(node: Running) -> SignedCard:
    own = await node.admin.GetOwnCard(pb.GetOwnCardRequest())
    return parse_card(own.envelope)


async def keys_of(node: Running, job: str) -> dict[str, str]:
    """Return where each key of a job stands, by its name."""
    listed = await node.admin.ListKeys(pb.ListKeysRequest())
    return {
        key.key_id: pb.KeyStanding.Name(key.standing).removeprefix("KEY_STANDING_")
        for key in listed.keys
        if key.job == job
    }


async def in_use(node: Running, job: str) -> set[str]:
    keys = await keys_of(node, job)
    return {key_id for key_id, standing in keys.items() if standing == "IN_USE"}


def forget(home: Home, *key_ids: str) -> None:
    """Remove the private part of keys that a card of a node lists."""
    signed = parse_card(home.folder.card.read_bytes())
    names = {
        private_name(key) for key in signed.card.keys if key.key_id in set(key_ids)
    }
    assert len(names) == len(key_ids)
    keys = KeyStore.open(home.folder.keys, PASSPHRASE)
    for name in names:
        keys.destroy(name)


async def rotate(node: Running, job: str, *, at_once: bool = False) -> SignedCard:
    rotated = await node.admin.RotateKey(pb.RotateKeyRequest(job=job, at_once=at_once))
    return parse_card(rotated.envelope)


async def fetched(card: SignedCard, *nodes: Running) -> None:
    """Wait until nodes hold a card of their peer."""

    async def look() -> bool:
        found = [node.node.local.peers.find(card.card.name) for node in nodes]
        return all(each is not None and each.card == card for each in found)

    await eventually(look)


@pytest.mark.parametrize("job", JOBS)
async def test_exchange_goes_on_across_a_planned_rotation(
    job: str, xa: Home, xb: Home, clock: ShiftedClock
) -> None:
    await introduce(xa, xb)
    async with running(xa, clock=clock) as a, running(xb, clock=clock) as b:
        out, back = await send(a, b, 2), await send(b, a, 2)
        card = await rotate(a, job)
        old = {
            each
            for each, standing in (await keys_of(a, job)).items()
            if standing == "IN_USE"
        }
        b.node.links.begin_anew()  # as it does every few hours
        await fetched(card, b)
        out += await send(a, b, 2)
        back += await send(b, a, 2)
        clock.ahead_ms = TAKEN_OVER_MS

        assert not old & await in_use(a, job)
        out += await send(a, b, 2)
        back += await send(b, a, 2)
        cards = await own_card(a), await own_card(b)
        await assert_proven(a, (*out, *back), *cards)
        await assert_proven(b, (*out, *back), *cards)
        assert await a.incidents() == await b.incidents() == {}
    forget(xa, *old)  # nothing needs it any more
    async with running(xa, clock=clock) as a, running(xb, clock=clock) as b:
        out += await send(a, b, 2)
        back += await send(b, a, 2)
        assert await a.incidents() == await b.incidents() == {}
    assert_delivered(xa, xb, out)
    assert_delivered(xb, xa, back)


async def test_peer_that_was_off_follows_into_a_shard_opened_under_older_keys(
    xa: Home, xb: Home, clock: ShiftedClock
) -> None:
    await introduce(xa, xb)
    async with running(xa, clock=clock) as a, running(xb, clock=clock) as b:
        out, back = await send(a, b, 2), await send(b, a, 2)
    end = end_ms(xa.inspect(lambda snapshot: snapshot.tree_head()).origin)
    clock.ahead_ms = end + 1_000 - present_ms()
    async with running(xa, clock=clock) as a:  # hands its log over
        card = await rotate(a, "log")
        out += await a.publish(person("Doe, Jane"))
        clock.ahead_ms += TAKEN_OVER_MS
        async with running(xb, clock=clock) as b:
            await fetched(card, b)
            await a.settled(b.name, 3)
            back += await send(b, a, 2)
            out += await send(a, b, 2)
            await assert_proven(b, (*out, *back), card, await own_card(b))
    assert len(xa.inspect(lambda snapshot: snapshot.shards())) == 2
    assert_delivered(xa, xb, out)
    assert_delivered(xb, xa, back)


@pytest.mark.parametrize("job", ["log", "witness", "seal"])
async def test_peer_that_can_call_goes_on_after_a_rotation_at_once(
    job: str, xa: Home, xb: Home
) -> None:
    await introduce(xa, xb)
    async with running(xa) as a, running(xb) as b:
        out, back = await send(a, b, 2), await send(b, a, 2)
        old = await in_use(a, job)
        card = await rotate(a, job, at_once=True)
        assert not old & await in_use(a, job)
        out += await send(a, b, 2)
        back += await send(b, a, 2)
        await fetched(card, b)
        cards = card, await own_card(b)
        await assert_proven(a, (*out, *back), *cards)
        await assert_proven(b, (*out, *back), *cards)
    forget(xa, *old)
    async with running(xa) as a, running(xb) as b:
        out += await send(a, b, 2)
        back += await send(b, a, 2)
    assert_delivered(xa, xb, out)
    assert_delivered(xb, xa, back)


async def test_peer_goes_on_once_it_added_the_card_of_a_tls_rotation_at_once(
    xa: Home, xb: Home
) -> None:
    await introduce(xa, xb)
    async with running(xa) as a, running(xb) as b:
        out, back = await send(a, b, 2), await send(b, a, 2)
        card = await rotate(a, "tls", at_once=True)

        async def is_cut_off() -> bool:
            links = await a.link(b.name), await b.link(a.name)
            return all(
                not each.connected and each.last_error == "PEER_UNREACHABLE"
                for each in links
            )

        await eventually(is_cut_off)
        waiting = await a.publish(person("Doe, Jane"))
        await b.add_peer(replace(xa, card=card))
        await a.settled(b.name, len(out) + 1)
        out += waiting + await send(a, b, 2)
        back += await send(b, a, 2)
        assert await a.incidents() == await b.incidents() == {}
    assert_delivered(xa, xb, out)
    assert_delivered(xb, xa, back)


# --- what an administrator may do --------------------------------------------


async def refusal(node: Running, **request: Any) -> SelatError:  # noqa: ANN401 - of any field
    """Return why a rotation is refused."""
    with pytest.raises(grpc.aio.AioRpcError) as failure:
        await node.admin.RotateKey(pb.RotateKeyRequest(**request))
    return error_from_rpc(failure.value)


async def test_card_that_is_renewed_meanwhile_keeps_the_plan(xa: Home) -> None:
    async with running(xa) as a:
        planned = await rotate(a, "seal")
        renewed = await a.admin.RenewCard(pb.RenewCardRequest(categories=["piracy"]))
        card = parse_card(renewed.envelope).card
        times = {
            key.key_id: (key.not_before, key.not_after)
            for key in card.keys
            if key.purpose is KeyPurpose.SEAL
        }
        assert card.sequence == 3
        assert card.categories == ("piracy",)
        for key in planned.card.keys:
            if key.purpose is KeyPurpose.SEAL:
                begin, end = times.pop(key.key_id)
                assert begin == key.not_before
                assert end in (key.not_after, card.valid_until)
        assert not times


async def test_job_has_one_plan_at_a_time_and_at_once_goes_past_it(xa: Home) -> None:
    async with running(xa) as a:
        (first,) = await in_use(a, "seal")
        await rotate(a, "seal")
        refused = await refusal(a, job="seal")
        assert isinstance(refused, WrongStateError)
        assert "selat key rotate seal --now" in refused.remedy
        (waiting,) = set(await keys_of(a, "seal")) - {first}
        await rotate(a, "seal", at_once=True)
        (used,) = await in_use(a, "seal")
        assert used not in (first, waiting)
        keys = await keys_of(a, "seal")
        assert keys == {first: "PAST", waiting: "PAST", used: "IN_USE"}
        await rotate(a, "seal")  # nothing waits any more


async def test_without_the_root_keys_nothing_is_made(xa: Home, tmp_path: Path) -> None:
    for file in xa.folder.keys.glob("root-*.json"):
        file.rename(tmp_path / file.name)
    before = sorted(xa.folder.keys.iterdir())
    async with running(xa) as a:
        refused = await refusal(a, job="log")
        assert isinstance(refused, KeyStoreError)
        assert "Bring its file back" in refused.remedy
        assert await own_card(a) == xa.card
    assert sorted(xa.folder.keys.iterdir()) == before


async def test_card_file_that_the_log_does_not_know_is_left_as_it_is(
    xa: Home, xb: Home
) -> None:
    strange = xb.folder.card.read_bytes()
    xa.folder.card.write_bytes(strange)
    names = sorted(xa.folder.keys.iterdir())
    with pytest.raises(KeyStoreError, match="no tls key"):
        async with running(xa):
            pass
    assert xa.folder.card.read_bytes() == strange
    assert sorted(xa.folder.keys.iterdir()) == names


# --- the command -------------------------------------------------------------


def test_command_lists_and_rotates(xa: Home, selat: Selat) -> None:
    listed = selat(xa, "key", "list", "--json").json["keys"]
    assert [key["job"] for key in listed] == [
        *("root", "root", "log", "log", "witness", "witness", "seal", "tls"),
        *("desk", "store"),
    ]
    assert {key["standing"] for key in listed} == {"in_use"}
    ended = selat(xa, "key", "rotate", "seal", "--after", "3d", "--json")
    assert ended.code == 0
    assert ended.json["sequence"] == 2
    assert [key["standing"] for key in ended.json["keys"]] == ["in_use", "next"]
    shown = selat(xa, "key", "list")
    assert shown.code == 0
    assert "next" in shown.out
    for key in ended.json["keys"]:
        assert key["key_id"] in shown.out
    doctor = selat(xa, "doctor")
    assert "New seal keys take over at" in doctor.out
    assert doctor.code == 0


@pytest.mark.parametrize(
    ("arguments", "out", "err"),
    [
        (("witness",), "They take over at", ""),
        (("witness", "--after", "90m"), "They take over at", "selat peer add our.card"),
        (("log", "--now"), "in use from now on", "fetch the new card within a minute"),
        (("tls", "--now"), "in use from now on", "No peer can be reached"),
    ],
)
def test_command_says_what_happens_and_what_is_to_do(
    xa: Home, selat: Selat, arguments: tuple[str, ...], out: str, err: str
) -> None:
    ended = selat(xa, "key", "rotate", *arguments)
    assert ended.code == 0
    assert f"Card 2 lists new {arguments[0]} keys." in ended.out
    assert out in ended.out
    assert err in ended.err
    assert ("selat peer card" in ended.err) is bool(err)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("root",), "compared by telephone"),
        (("store",), "wrapped under it"),
        (("log", "--now", "--after", "7d"), "Leave --now or --after out."),
        (("log", "--after", "soon"), "Say 90m, 12h, 7d or 2w."),
        (("log", "--after", "53w"), "90 days at most"),
    ],
)
def test_command_refuses_with_a_remedy(
    xa: Home, selat: Selat, arguments: tuple[str, ...], said: str
) -> None:
    ended = selat(xa, "key", "rotate", *arguments)
    assert ended.code == 2
    assert said in ended.err
    assert selat(xa, "key", "list", "--json").json["keys"][2]["standing"] == "in_use"
