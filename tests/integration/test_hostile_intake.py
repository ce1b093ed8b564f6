# SPDX-License-Identifier: Apache-2.0
"""An accepted peer that lies: each lie is refused by its own reason.

Each batch comes over a real stream to a node that serves. What is refused
leaves the store as it was, but for the incident that the operator sees.
"""

from __future__ import annotations

import base64
import os
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path

import pytest
from tests.fakes.liars import Liar, MemoryLog, Stream, Told, dump
from tests.fakes.nodes import (
    Home,
    Running,
    desk_of,
    introduce,
    make_home,
    person,
    running,
)

from selat.core.leaves import OfferLeaf, parse_leaf
from selat.core.log_states import NOTHING_KNOWN
from selat.core.payloads import pack
from selat.core.sealing import BATCH_BYTES_MAX, BATCH_MESSAGES_MAX, commitment
from selat.errors import (
    BatchMalformedError,
    BatchTooLargeError,
    CheckpointRolledBackError,
    PeerSuspendedError,
)
from selat.exchange.inspector import Inspector
from selat.exchange.intake import IntakeStream
from selat.exchange.judging import Judge
from selat.exchange.wire import batch_from
from selat.policy.catalogue_file import load_catalogue
from selat.rpc import channels
from selat.rpc.channels import PEER_MESSAGE_BYTES_MAX
from selat.v1 import exchange_pb2, message_pb2
from selat.v1 import peer_service_pb2 as pb


@pytest.fixture
async def victim(xa: Home, xb: Home) -> AsyncIterator[Running]:
    """Give police.xb.example, which has accepted police.xa.example."""
    async with desk_of(xb) as desk:
        await desk.add_peer(xa, categories=("*",))
    async with running(xb) as node:
        yield node


@pytest.fixture
def liar(xa: Home, xb: Home) -> Liar:
    return Liar(xa, xb)


@pytest.fixture
async def stream(liar: Liar, victim: Running) -> AsyncIterator[Stream]:
    """Give an open stream of the liar to the victim."""
    assert liar.victim is victim.home
    async with liar.stream() as stream:
        await stream.open()
        yield stream


async def assert_refused(
    victim: Running, stream: Stream, batch: exchange_pb2.Batch, reason: str
) -> None:
    before = dump(victim.home)
    answer = await stream.send(batch)
    assert answer.refusal.reason == reason
    assert answer.refusal.sequence == batch.sequence
    assert dump(victim.home) == before
    assert await victim.incidents() == {("police.xa.example", reason): 1}


async def test_honest_batch_is_receipted(
    victim: Running, liar: Liar, stream: Stream
) -> None:
    batch = liar.batch(liar.tell(person("Doe, John")), liar.tell(person("Doe, Jane")))
    assert await stream.outcomes(batch) == [("accepted", "")] * 2
    assert len(await victim.received()) == 2
    assert await victim.incidents() == {}


# --- steps 2 to 11: the whole batch is refused -------------------------------


def too_many_messages(liar: Liar) -> exchange_pb2.Batch:
    batch = liar.batch(*[liar.tell(person())] * BATCH_MESSAGES_MAX)
    batch.sealed_messages.append(batch.sealed_messages[0])
    return batch


def too_many_leaves(liar: Liar) -> exchange_pb2.Batch:
    batch = liar.batch(liar.tell(person()))
    batch.offers.leaves.extend(list(batch.offers.leaves) * BATCH_MESSAGES_MAX)
    return batch


def too_many_bytes(liar: Liar) -> exchange_pb2.Batch:
    batch = liar.batch(*[liar.tell(person())] * 2)
    batch.sealed_messages[1] += bytes(BATCH_BYTES_MAX)
    return batch


def no_message(liar: Liar) -> exchange_pb2.Batch:
    batch = liar.batch(liar.tell(person()))
    del batch.sealed_messages[:]
    del batch.offers.leaves[:]
    return batch


def fewer_leaves_than_messages(liar: Liar) -> exchange_pb2.Batch:
    batch = liar.batch(*[liar.tell(person())] * 2)
    del batch.offers.leaves[1]
    return batch


def endless_proof(liar: Liar) -> exchange_pb2.Batch:
    batch = liar.batch(liar.tell(person()))
    batch.offers.proof.extend([bytes(32)] * 200)
    return batch


def hash_of_another_length(liar: Liar) -> exchange_pb2.Batch:
    batch = liar.batch(*[liar.tell(person())] * 3)
    batch.offers.proof.append(bytes(31))
    return batch


def checkpoint_without_signature(liar: Liar) -> exchange_pb2.Batch:
    batch = liar.batch(liar.tell(person()))
    batch.log.checkpoint = batch.log.checkpoint.partition(b"\n\n")[0]
    return batch


def checkpoint_of_another_node(liar: Liar) -> exchange_pb2.Batch:
    liar.origin = "police.xc.example/exchange/2030h1"
    return liar.batch(liar.tell(person()))


def checkpoint_that_is_no_text(liar: Liar) -> exchange_pb2.Batch:
    batch = liar.batch(liar.tell(person()))
    batch.log.checkpoint = b"\xff" * 200
    return batch


def checkpoint_without_ed25519(liar: Liar) -> exchange_pb2.Batch:
    batch = liar.batch(liar.tell(person()))
    batch.log.checkpoint = liar.note(signers=liar.keys.log_signers(liar.origin)[1:])
    return batch


def checkpoint_without_mldsa(liar: Liar) -> exchange_pb2.Batch:
    batch = liar.batch(liar.tell(person()))
    batch.log.checkpoint = liar.note(signers=liar.keys.log_signers(liar.origin)[:1])
    return batch


def _spoiled(note: bytes, line: int) -> bytes:
    """Change the signature on one of a note's signature lines."""
    lines = note.split(b"\n")
    key_name, encoded = lines[line].rsplit(b" ", 1)
    signature = bytearray(base64.b64decode(encoded))
    signature[-1] ^= 1
    lines[line] = key_name + b" " + base64.b64encode(signature)
    return b"\n".join(lines)


def wrong_ed25519_signature(liar: Liar) -> exchange_pb2.Batch:
    batch = liar.batch(liar.tell(person()))
    batch.log.checkpoint = _spoiled(batch.log.checkpoint, -3)
    return batch


def wrong_mldsa_signature(liar: Liar) -> exchange_pb2.Batch:
    batch = liar.batch(liar.tell(person()))
    batch.log.checkpoint = _spoiled(batch.log.checkpoint, -2)
    return batch


def consistency_from_a_size_never_seen(liar: Liar) -> exchange_pb2.Batch:
    liar.log.append([b"first", b"second"])
    liar.known_size = 2
    return liar.batch(liar.tell(person()))


def leaf_that_is_not_logged(liar: Liar) -> exchange_pb2.Batch:
    liar.log.append([b"logged", b"instead"])
    told = liar.tell(person())
    batch = liar.batch(told)
    batch.offers.leaves[0] = liar.tell(person()).leaf
    return batch


def leaf_at_another_index(liar: Liar) -> exchange_pb2.Batch:
    liar.log.append([b"a leaf before"])
    batch = liar.batch(liar.tell(person()))
    batch.offers.first_index = 0
    return batch


def leaves_in_another_order(liar: Liar) -> exchange_pb2.Batch:
    batch = liar.batch(liar.tell(person()), liar.tell(person()))
    leaves = list(reversed(batch.offers.leaves))
    del batch.offers.leaves[:]
    batch.offers.leaves.extend(leaves)
    return batch


def index_beyond_any_tree(liar: Liar) -> exchange_pb2.Batch:
    batch = liar.batch(liar.tell(person()))
    batch.offers.first_index = 2**64 - 1
    return batch


def leaf_for_another_recipient(liar: Liar) -> exchange_pb2.Batch:
    return liar.batch(liar.tell(person(), recipient="police.xc.example"))


def leaf_from_another_sender(liar: Liar) -> exchange_pb2.Batch:
    return liar.batch(liar.tell(person(), sender="police.xc.example"))


def _with_leaf(liar: Liar, change: Callable[[bytes], bytes]) -> exchange_pb2.Batch:
    told = liar.tell(person())
    return liar.batch(replace(told, leaf=change(told.leaf)))


def leaf_that_is_no_json(liar: Liar) -> exchange_pb2.Batch:
    return _with_leaf(liar, lambda leaf: leaf[:-1])


def leaf_with_an_extra_member(liar: Liar) -> exchange_pb2.Batch:
    return _with_leaf(liar, lambda leaf: b'{"a":1,' + leaf[1:])


def leaf_in_another_form(liar: Liar) -> exchange_pb2.Batch:
    return _with_leaf(liar, lambda leaf: leaf.replace(b":", b": ", 1))


def leaf_nested_without_end(liar: Liar) -> exchange_pb2.Batch:
    return _with_leaf(liar, lambda _leaf: b"[" * 60_000)


def withhold_leaf(liar: Liar) -> exchange_pb2.Batch:
    return _with_leaf(
        liar, lambda leaf: leaf.replace(b'"kind":"offer"', b'"kind":"withhold"')
    )


def leaf_of_an_unknown_version(liar: Liar) -> exchange_pb2.Batch:
    return _with_leaf(liar, lambda leaf: leaf.replace(b'"v":1', b'"v":2'))


def first_batch_left_out(liar: Liar) -> exchange_pb2.Batch:
    return liar.batch(liar.tell(person()), sequence=2)


def batch_number_zero(liar: Liar) -> exchange_pb2.Batch:
    return liar.batch(liar.tell(person()), sequence=0)


def batch_number_beyond_any(liar: Liar) -> exchange_pb2.Batch:
    return liar.batch(liar.tell(person()), sequence=2**64 - 1)


def leaf_of_the_day_after(liar: Liar) -> exchange_pb2.Batch:
    return liar.batch(liar.tell(person(), time_ms=liar.now_ms + 86_400_000))


def unknown_seal_key(liar: Liar) -> exchange_pb2.Batch:
    batch = liar.batch(liar.tell(person()))
    batch.seal_key_id = "0" * len(batch.seal_key_id)
    return batch


def key_wrapped_for_another_batch(liar: Liar) -> exchange_pb2.Batch:
    key = os.urandom(32)
    batch = liar.batch(liar.tell(person()), key=key)
    batch.wrapped_key = liar.wrap(key, sequence=2)
    return batch


def key_wrapped_for_another_node(liar: Liar) -> exchange_pb2.Batch:
    key = os.urandom(32)
    batch = liar.batch(liar.tell(person()), key=key)
    batch.wrapped_key = liar.wrap(key, sequence=1, recipient=liar.home)
    return batch


def key_that_was_cut_off(liar: Liar) -> exchange_pb2.Batch:
    batch = liar.batch(liar.tell(person()))
    batch.wrapped_key = batch.wrapped_key[:-1]
    return batch


def swapped_ciphertexts(liar: Liar) -> exchange_pb2.Batch:
    batch = liar.batch(liar.tell(person()), liar.tell(person()))
    sealed = list(reversed(batch.sealed_messages))
    del batch.sealed_messages[:]
    batch.sealed_messages.extend(sealed)
    return batch


def changed_ciphertext(liar: Liar) -> exchange_pb2.Batch:
    batch = liar.batch(liar.tell(person()))
    batch.sealed_messages[0] = batch.sealed_messages[0][:-1] + b"!"
    return batch


def empty_ciphertext(liar: Liar) -> exchange_pb2.Batch:
    batch = liar.batch(liar.tell(person()))
    batch.sealed_messages[0] = b""
    return batch


def another_body_than_committed(liar: Liar) -> exchange_pb2.Batch:
    told = liar.tell(person("Doe, John"))
    other = person("Doe, Jane").body.SerializeToString()
    return liar.batch(replace(told, body=other))


def another_category_than_in_the_leaf(liar: Liar) -> exchange_pb2.Batch:
    return liar.batch(liar.tell(person(category="drugs"), category="terrorism"))


def another_version_than_in_the_leaf(liar: Liar) -> exchange_pb2.Batch:
    return liar.batch(liar.tell(person(), version=7))


def another_purpose_than_in_the_leaf(liar: Liar) -> exchange_pb2.Batch:
    return liar.batch(liar.tell(person(), purposes=("prevention",)))


def header_without_identifier(liar: Liar) -> exchange_pb2.Batch:
    message = person()
    header = liar.header(message)
    honest = liar.tell(message, header=header)
    header.id = b""
    data = header.SerializeToString()
    commit = commitment(pack(salt=honest.salt, header=data, body=honest.body))
    leaf = parse_leaf(honest.leaf)
    assert isinstance(leaf, OfferLeaf)
    told = replace(honest, leaf=replace(leaf, commit=commit).encode(), header=data)
    return liar.batch(told)


def message_of_another_originator(liar: Liar) -> exchange_pb2.Batch:
    header = liar.header(person())
    header.originator.node = "police.xc.example"
    return liar.batch(liar.tell(person(), header=header))


LIES = {
    "BATCH_TOO_LARGE": (too_many_messages, too_many_leaves, too_many_bytes),
    "BATCH_MALFORMED": (
        no_message,
        fewer_leaves_than_messages,
        endless_proof,
        batch_number_beyond_any,
        checkpoint_without_signature,
        checkpoint_of_another_node,
        checkpoint_that_is_no_text,
        consistency_from_a_size_never_seen,
    ),
    "CHECKPOINT_ED25519_INVALID": (checkpoint_without_ed25519, wrong_ed25519_signature),
    "CHECKPOINT_MLDSA44_INVALID": (checkpoint_without_mldsa, wrong_mldsa_signature),
    "LEAF_NOT_IN_TREE": (
        leaf_that_is_not_logged,
        leaf_at_another_index,
        leaves_in_another_order,
        index_beyond_any_tree,
        hash_of_another_length,
    ),
    "LEAF_MISADDRESSED": (leaf_for_another_recipient, leaf_from_another_sender),
    "LEAF_MALFORMED": (
        leaf_that_is_no_json,
        leaf_with_an_extra_member,
        leaf_in_another_form,
        leaf_nested_without_end,
        withhold_leaf,
    ),
    "LEAF_VERSION_UNKNOWN": (leaf_of_an_unknown_version,),
    "SEQUENCE_GAP": (first_batch_left_out, batch_number_zero),
    "CLOCK_SKEW": (leaf_of_the_day_after,),
    "KEY_WRAP_INVALID": (
        unknown_seal_key,
        key_wrapped_for_another_batch,
        key_wrapped_for_another_node,
        key_that_was_cut_off,
    ),
    "CIPHERTEXT_INVALID": (swapped_ciphertexts, changed_ciphertext, empty_ciphertext),
    "COMMITMENT_MISMATCH": (
        another_body_than_committed,
        another_category_than_in_the_leaf,
        another_version_than_in_the_leaf,
        another_purpose_than_in_the_leaf,
        header_without_identifier,
        message_of_another_originator,
    ),
}


@pytest.mark.parametrize(
    ("lie", "reason"),
    [
        pytest.param(lie, reason, id=lie.__name__)
        for reason, lies in LIES.items()
        for lie in lies
    ],
)
async def test_lie_is_refused_and_leaves_nothing_behind(
    lie: Callable[[Liar], exchange_pb2.Batch],
    reason: str,
    victim: Running,
    liar: Liar,
    stream: Stream,
) -> None:
    await assert_refused(victim, stream, lie(liar), reason)


# --- lies about what was delivered before ------------------------------------


async def test_checkpoint_that_was_rolled_back_is_refused(
    victim: Running, liar: Liar, stream: Stream
) -> None:
    await stream.deliver(liar.batch(liar.tell(person()), liar.tell(person())))
    batch = liar.batch(liar.tell(person()))
    batch.log.checkpoint = liar.note(size=1)
    await assert_refused(victim, stream, batch, "CHECKPOINT_ROLLED_BACK")


async def test_second_root_for_one_size_is_refused_and_ends_the_exchange(
    victim: Running, liar: Liar, stream: Stream
) -> None:
    await stream.deliver(liar.batch(liar.tell(person())))
    batch = liar.batch(liar.tell(person()))
    batch.log.checkpoint = liar.note(size=1, root=bytes(32))
    del batch.log.consistency_proof[:]
    answer = await stream.send(batch)
    assert answer.refusal.reason == "EQUIVOCATION"
    assert await victim.incidents() == {(liar.name, "EQUIVOCATION"): 1}
    assert len(await victim.received()) == 1
    (kept,) = victim.home.inspect(lambda s: s.equivocations())
    assert (kept.peer, kept.origin, kept.size) == (liar.name, liar.origin, 1)
    with pytest.raises(PeerSuspendedError):
        async with liar.stream() as again:
            await again.open()


async def test_larger_log_that_does_not_extend_the_known_one_is_refused(
    victim: Running, liar: Liar, stream: Stream
) -> None:
    await stream.deliver(liar.batch(liar.tell(person())))
    liar.log = MemoryLog()
    liar.log.append([b"another", b"history"])
    batch = liar.batch(liar.tell(person()))
    await assert_refused(victim, stream, batch, "CHECKPOINT_FORKED")


async def test_fork_is_noticed_over_streams_and_restarts(
    xa: Home, xb: Home, liar: Liar
) -> None:
    await introduce(xa, xb)
    async with running(xb), liar.stream() as stream:
        await stream.open()
        await stream.deliver(liar.batch(liar.tell(person())))
    liar.log = MemoryLog()
    liar.log.append([b"another", b"history"])
    async with running(xb) as victim, liar.stream() as stream:
        await stream.open()
        batch = liar.batch(liar.tell(person()))
        await assert_refused(victim, stream, batch, "CHECKPOINT_FORKED")


async def test_fork_is_noticed_over_two_streams_at_once(
    victim: Running, liar: Liar, stream: Stream
) -> None:
    async with liar.stream() as second:
        await second.open()
        await second.deliver(liar.batch(liar.tell(person())))
        # The first stream began before the victim knew anything of the log.
        liar.log, liar.known_size = MemoryLog(), 0
        liar.log.append([b"another", b"history"])
        batch = liar.batch(liar.tell(person()), sequence=2)
        await assert_refused(victim, stream, batch, "SEQUENCE_GAP")


async def test_shard_begun_without_a_hand_over_is_refused(
    victim: Running, liar: Liar, stream: Stream
) -> None:
    await stream.deliver(liar.batch(liar.tell(person())))
    batch = _in_next_shard(liar)
    await assert_refused(victim, stream, batch, "HAND_OVER_INVALID")


def _in_next_shard(liar: Liar) -> exchange_pb2.Batch:
    """Begin another shard out of nothing, and send from it."""
    liar.log, liar.known_size = MemoryLog(), 0
    liar.origin = f"{liar.name}/exchange/2030h2"
    return liar.batch(liar.tell(person()))


async def test_hand_over_that_is_made_up_is_refused(
    victim: Running, liar: Liar, stream: Stream
) -> None:
    await stream.deliver(liar.batch(liar.tell(person())))
    batch = _in_next_shard(liar)
    batch.log.hand_overs.add(close_leaf=b"{}", open_leaf=batch.offers.leaves[0])
    await assert_refused(victim, stream, batch, "HAND_OVER_INVALID")


async def test_shard_before_the_one_that_was_shown_is_refused(
    victim: Running, liar: Liar, stream: Stream
) -> None:
    await stream.deliver(liar.batch(liar.tell(person())))
    liar.origin = f"{liar.name}/exchange/2029h2"
    batch = liar.batch(liar.tell(person()))
    await assert_refused(victim, stream, batch, "CHECKPOINT_ROLLED_BACK")


async def test_leaves_of_a_shard_that_is_not_shown_are_refused(
    victim: Running, liar: Liar, stream: Stream
) -> None:
    batch = liar.batch(liar.tell(person()))
    batch.offers.origin = f"{liar.name}/exchange/2029h2"
    await assert_refused(victim, stream, batch, "LEAF_NOT_IN_TREE")


async def test_accepted_number_with_other_contents_is_refused(
    victim: Running, liar: Liar, stream: Stream
) -> None:
    await stream.deliver(liar.batch(liar.tell(person())))
    batch = liar.batch(liar.tell(person()), sequence=1)
    await assert_refused(victim, stream, batch, "SEQUENCE_REPLAYED")


async def test_leaves_of_an_earlier_batch_are_refused(
    victim: Running, liar: Liar, stream: Stream
) -> None:
    told = liar.tell(person())
    await stream.deliver(liar.batch(told))
    batch = liar.batch(told, first=0)
    await assert_refused(victim, stream, batch, "SEQUENCE_REPLAYED")


async def test_skipped_number_is_refused(
    victim: Running, liar: Liar, stream: Stream
) -> None:
    await stream.deliver(liar.batch(liar.tell(person())))
    batch = liar.batch(liar.tell(person()), sequence=3)
    await assert_refused(victim, stream, batch, "SEQUENCE_GAP")


async def test_same_batch_again_is_answered_with_its_first_receipts(
    victim: Running, liar: Liar, stream: Stream
) -> None:
    told = liar.tell(person())
    first = await stream.deliver(liar.batch(told))
    before = dump(victim.home)
    again = await stream.deliver(liar.batch(told, first=0, sequence=1))
    assert again.duplicate
    assert not first.duplicate
    assert again.receipts.leaves == first.receipts.leaves
    assert again.receipts.first_index == first.receipts.first_index
    assert dump(victim.home) == before


async def test_same_batch_on_another_stream_is_answered_with_its_first_receipts(
    victim: Running, liar: Liar, stream: Stream
) -> None:
    told = liar.tell(person())
    first = await stream.deliver(liar.batch(told))
    async with liar.stream() as other:
        greeting = await other.open()
        assert greeting.received_sequence == 1
        again = await other.deliver(liar.batch(told, first=0, sequence=1))
    assert again.receipts.leaves == first.receipts.leaves
    assert len(await victim.received()) == 1


async def test_batch_that_a_broken_stream_still_kept_is_answered_as_kept(
    victim: Running, liar: Liar, stream: Stream
) -> None:
    local = victim.node.local
    link = await local.store.read(lambda s: s.link(liar.name))
    batch = liar.batch(liar.tell(person()))
    first = await stream.deliver(batch)
    arrived: list[str] = []
    # This stream was opened before the other one's transaction ended.
    late = IntakeStream(
        local=local,
        judge=Judge(
            local=local,
            inspector=Inspector(schema=local.schema, catalogue=load_catalogue()),
        ),
        arrived=lambda _: arrived.append("arrived"),
        link=link,
        answer_base=NOTHING_KNOWN,
    )
    peer = local.peers.get(liar.name)
    again = await late.keep(peer, await late.open(peer, batch_from(batch)))
    assert again.duplicate
    assert again.receipts.leaves == tuple(first.receipts.leaves)
    assert len(await victim.received()) == 1
    assert not arrived


# --- batches that follow each other without waiting ---------------------------


def behind(liar: Liar, *told: Told) -> tuple[exchange_pb2.Batch, exchange_pb2.Batch]:
    """Return two batches, the second proven to follow the first."""
    first = liar.batch(liar.tell(person("Doe, John")))
    liar.known_size = liar.log.size
    return first, liar.batch(*told, sequence=2)


async def test_batch_is_taken_while_the_one_before_it_is_kept(
    victim: Running, liar: Liar, stream: Stream
) -> None:
    answers = await stream.ask_all(*behind(liar, liar.tell(person("Doe, Jane"))))
    assert [answer.receipt.sequence for answer in answers] == [1, 2]
    first, second = (answer.receipt.receipts for answer in answers)
    assert second.first_index > first.first_index
    assert len(await victim.received()) == 2
    assert await victim.incidents() == {}


async def test_lie_behind_an_honest_batch_is_refused_alone(
    victim: Running, liar: Liar, stream: Stream
) -> None:
    first, second = behind(liar, *[liar.tell(person())] * 2)
    second.sealed_messages.reverse()
    kept, refused = await stream.ask_all(first, second)
    assert kept.receipt.sequence == 1
    assert (refused.refusal.sequence, refused.refusal.reason) == (
        2,
        "CIPHERTEXT_INVALID",
    )
    assert len(await victim.received()) == 1
    assert await victim.incidents() == {(liar.name, "CIPHERTEXT_INVALID"): 1}


async def test_batch_behind_a_lie_is_not_kept(
    victim: Running, liar: Liar, stream: Stream
) -> None:
    told = liar.tell(person("Doe, John"))
    await stream.deliver(liar.batch(told))
    # That its leaves came before is found only when it is to be kept.
    lie = liar.batch(told, first=0, sequence=2)
    behind_it = liar.batch(liar.tell(person("Doe, Jane")), sequence=3)
    before = dump(victim.home)
    (answer,) = await stream.ask_all(lie, behind_it, answers=1)
    assert answer.refusal.reason == "SEQUENCE_REPLAYED"
    with pytest.raises(AssertionError, match="the stream has ended"):
        await stream.ask_all(answers=1)
    assert dump(victim.home) == before


async def test_second_root_behind_the_first_one_is_proven(
    victim: Running, liar: Liar, stream: Stream
) -> None:
    first, second = behind(liar, liar.tell(person()))
    second.log.checkpoint = liar.note(size=1, root=bytes(32))
    del second.log.consistency_proof[:]
    kept, refused = await stream.ask_all(first, second)
    assert kept.receipt.sequence == 1
    assert refused.refusal.reason == "EQUIVOCATION"
    (proof,) = victim.home.inspect(lambda s: s.equivocations())
    assert (proof.peer, proof.size) == (liar.name, 1)


async def test_same_batch_right_behind_itself_is_answered_twice(
    victim: Running, liar: Liar, stream: Stream
) -> None:
    batch = liar.batch(liar.tell(person()))
    again = exchange_pb2.Batch()
    again.CopyFrom(batch)
    again.log.consistency_size = liar.log.size
    del again.log.consistency_proof[:]
    once, twice = await stream.ask_all(batch, again)
    assert not once.receipt.duplicate
    assert twice.receipt.duplicate
    assert twice.receipt.receipts.leaves == once.receipt.receipts.leaves
    assert len(await victim.received()) == 1


async def test_exchange_goes_on_after_a_refused_batch(
    victim: Running, liar: Liar, stream: Stream
) -> None:
    refused = swapped_ciphertexts(liar)
    await assert_refused(victim, stream, refused, "CIPHERTEXT_INVALID")
    async with liar.stream() as again:
        greeting = await again.open()
        assert greeting.received_sequence == 0
        await again.deliver(liar.batch(liar.tell(person())))
    assert len(await victim.received()) == 1


# --- what is no batch ---------------------------------------------------------


async def test_truncated_message_is_refused(
    victim: Running, liar: Liar, stream: Stream
) -> None:
    batch = liar.batch(liar.tell(person()))
    before = dump(victim.home)
    answer = await stream.ask(pb.DeliverRequest(batch=batch).SerializeToString()[:-1])
    assert answer.refusal.reason == "BATCH_MALFORMED"
    assert dump(victim.home) == before
    assert await victim.incidents() == {(liar.name, "BATCH_MALFORMED"): 1}


@pytest.fixture
def unbounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a liar send more than an honest node's channel does."""
    limit = 2 * PEER_MESSAGE_BYTES_MAX
    monkeypatch.setattr(channels, "PEER_MESSAGE_BYTES_MAX", limit)


@pytest.mark.usefixtures("unbounded")
async def test_message_larger_than_any_batch_is_refused_and_seen(
    victim: Running, liar: Liar
) -> None:
    batch = liar.batch(liar.tell(person()))
    batch.sealed_messages.append(bytes(PEER_MESSAGE_BYTES_MAX))
    before = dump(victim.home)
    async with liar.stream() as stream:
        await stream.open()
        answer = await stream.ask(pb.DeliverRequest(batch=batch))
    assert answer.refusal.reason == "BATCH_TOO_LARGE"
    assert dump(victim.home) == before
    assert await victim.incidents() == {(liar.name, "BATCH_TOO_LARGE"): 1}


@pytest.mark.usefixtures("unbounded")
async def test_opening_larger_than_any_message_is_refused_and_seen(
    victim: Running, liar: Liar
) -> None:
    async with liar.stream() as stream:
        with pytest.raises(BatchTooLargeError):
            await stream.ask(bytes(PEER_MESSAGE_BYTES_MAX + 1))
    assert await victim.incidents() == {(liar.name, "BATCH_TOO_LARGE"): 1}


async def test_second_opening_is_refused(
    victim: Running, liar: Liar, stream: Stream
) -> None:
    opening = pb.Opening(protocol_versions=["selat/1"])
    answer = await stream.ask(pb.DeliverRequest(opening=opening))
    assert answer.refusal.reason == "BATCH_MALFORMED"
    assert await victim.incidents() == {(liar.name, "BATCH_MALFORMED"): 1}


@pytest.mark.parametrize(
    "first",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"\xff\xff", id="no message"),
        pytest.param(
            pb.DeliverRequest(batch=exchange_pb2.Batch(sequence=1)), id="a batch"
        ),
        pytest.param(
            pb.DeliverRequest(opening=pb.Opening(protocol_versions=["selat/9"])),
            id="another protocol",
        ),
    ],
)
async def test_stream_without_our_opening_is_refused(
    first: pb.DeliverRequest | bytes, victim: Running, liar: Liar
) -> None:
    before = dump(victim.home)
    async with liar.stream() as stream:
        with pytest.raises(BatchMalformedError):
            await stream.ask(first)
    assert dump(victim.home) == before
    assert await victim.incidents() == {(liar.name, "BATCH_MALFORMED"): 1}


async def test_stream_that_claims_leaves_we_never_had_is_refused(
    victim: Running, liar: Liar
) -> None:
    before = dump(victim.home)
    opening = pb.Opening(checkpoint_size=2**64 - 1, protocol_versions=["selat/1"])
    async with liar.stream() as stream:
        with pytest.raises(CheckpointRolledBackError):
            await stream.ask(pb.DeliverRequest(opening=opening))
    assert dump(victim.home) == before
    assert await victim.incidents() == {(liar.name, "CHECKPOINT_ROLLED_BACK"): 1}


# --- step 12: one message is refused by a signed receipt -----------------------


@pytest.fixture
def narrow(tmp_path: Path) -> Home:
    """Give police.xd.example, which takes in nothing but what is on piracy."""
    return make_home(tmp_path, "xd", categories=("piracy",))


async def test_category_that_is_not_declared_is_refused_by_receipt(
    xa: Home, narrow: Home
) -> None:
    await introduce(xa, narrow)
    liar = Liar(xa, narrow)
    async with running(narrow) as victim, liar.stream() as stream:
        await stream.open()
        batch = liar.batch(
            liar.tell(person(category="terrorism")),
            liar.tell(person(category="piracy")),
        )
        assert await stream.outcomes(batch) == [
            ("refused", "CATEGORY_NOT_DECLARED"),
            ("accepted", ""),
        ]
        assert [m.info.category for m in await victim.inbox()] == ["piracy"]


async def test_expired_message_is_refused_by_receipt(
    victim: Running, liar: Liar, stream: Stream
) -> None:
    header = liar.header(person())
    header.created_at.FromMilliseconds(liar.now_ms - 2_000)
    header.expires_at.FromMilliseconds(liar.now_ms - 1_000)
    batch = liar.batch(liar.tell(person(), header=header))
    answers = await stream.outcomes(batch)
    assert answers == [("refused", "EXPIRED")]
    assert await victim.received() == []


def _body_without_name(message: message_pb2.Message) -> None:
    message.body.person.person.names[0].full = ""


def _no_body(message: message_pb2.Message) -> None:
    message.ClearField("body")


def _no_purpose(message: message_pb2.Message) -> None:
    message.header.ClearField("purposes")


def _no_marking(message: message_pb2.Message) -> None:
    message.header.ClearField("marking")


def _category_of_no_catalogue(message: message_pb2.Message) -> None:
    message.header.category = "gossip"


def _urgency_of_no_protocol(message: message_pb2.Message) -> None:
    message.header.urgency = 99  # type: ignore[assignment] # that is the lie


def _purpose_of_no_protocol(message: message_pb2.Message) -> None:
    message.header.purposes.append(99)  # type: ignore[arg-type] # that is the lie


def _expiry_beyond_all_time(message: message_pb2.Message) -> None:
    message.header.expires_at.seconds = 2**62


def _expiry_before_all_time(message: message_pb2.Message) -> None:
    message.header.expires_at.seconds = -(2**62)


def _expiry_of_too_many_nanoseconds(message: message_pb2.Message) -> None:
    message.header.expires_at.seconds = 4_000_000_000
    message.header.expires_at.nanos = 2**31 - 1


def _recipient_that_is_no_node(message: message_pb2.Message) -> None:
    message.header.recipients.append("not a node")


@pytest.mark.parametrize(
    "spoil",
    [
        _body_without_name,
        _no_body,
        _no_purpose,
        _no_marking,
        _category_of_no_catalogue,
        _urgency_of_no_protocol,
        _purpose_of_no_protocol,
        _expiry_beyond_all_time,
        _expiry_before_all_time,
        _expiry_of_too_many_nanoseconds,
        _recipient_that_is_no_node,
    ],
)
async def test_message_that_breaks_the_schema_is_refused_by_receipt(
    spoil: Callable[[message_pb2.Message], None],
    victim: Running,
    liar: Liar,
    stream: Stream,
) -> None:
    message = person()
    spoil(message)
    batch = liar.batch(liar.tell(message), liar.tell(person()))
    assert await stream.outcomes(batch) == [
        ("refused", "INVALID_RECORD"),
        ("accepted", ""),
    ]
    assert len(await victim.received()) == 1


async def test_header_that_is_no_header_is_refused_by_receipt(
    victim: Running, liar: Liar, stream: Stream
) -> None:
    batch = liar.batch(liar.tell(person(), data=b"\xff\xff"))
    answers = await stream.outcomes(batch)
    assert answers == [("refused", "INVALID_RECORD")]
    assert await victim.received() == []


async def test_other_contents_under_an_accepted_version_are_refused_by_receipt(
    victim: Running, liar: Liar, stream: Stream
) -> None:
    header = liar.header(person())
    first = liar.tell(person("Doe, John"), header=header)
    await stream.deliver(liar.batch(first))
    other = liar.tell(person("Doe, Jane"), header=header)
    answers = await stream.outcomes(liar.batch(other))
    assert answers == [("refused", "VERSION_CONFLICT")]
    (kept,) = await victim.inbox()
    assert kept.message.body.person.person.names[0].full == "Doe, John"


async def test_two_contents_of_one_version_in_one_batch_conflict(
    victim: Running, liar: Liar, stream: Stream
) -> None:
    header = liar.header(person())
    batch = liar.batch(
        liar.tell(person("Doe, John"), header=header),
        liar.tell(person("Doe, Jane"), header=header),
        liar.tell(person("Doe, John"), header=header),
    )
    assert await stream.outcomes(batch) == [
        ("accepted", ""),
        ("refused", "VERSION_CONFLICT"),
        ("accepted", "DUPLICATE"),
    ]
    assert len(await victim.received()) == 1


async def test_message_again_in_a_new_batch_is_accepted_as_duplicate(
    victim: Running, liar: Liar, stream: Stream
) -> None:
    header = liar.header(person())
    await stream.deliver(liar.batch(liar.tell(person(), header=header)))
    again = liar.batch(liar.tell(person(), header=header))
    answers = await stream.outcomes(again)
    assert answers == [("accepted", "DUPLICATE")]
    assert len(await victim.received()) == 1
