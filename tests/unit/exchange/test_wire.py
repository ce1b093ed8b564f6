# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from dataclasses import replace

import pytest
from tests.fakes.exchanges import SENDER, FakeExchange
from tests.fakes.shards import FakeShards

from selat.core.cosigned_states import CosignedState, Extension
from selat.errors import BatchMalformedError
from selat.exchange.wire import (
    batch_from,
    batch_to,
    log_state_from,
    log_state_to,
    parse_deliver_request,
    receipt_from,
    receipt_to,
)
from selat.v1 import exchange_pb2, peer_service_pb2


def test_batch_survives_the_wire() -> None:
    exchange = FakeExchange()
    batch = exchange.batch(*exchange.letters(3), sequence=7, known_size=2)
    data = batch_to(batch).SerializeToString()
    assert batch_from(exchange_pb2.Batch.FromString(data)) == batch


@pytest.mark.parametrize("duplicate", [False, True])
def test_receipt_survives_the_wire(*, duplicate: bool) -> None:
    exchange = FakeExchange()
    offers = [letter.leaf for letter in exchange.letters(3)]
    answer = exchange.answer(*map(exchange.receipt, offers), sequence=7, known_size=2)
    answer = replace(answer, duplicate=duplicate)
    data = receipt_to(answer).SerializeToString()
    assert receipt_from(exchange_pb2.BatchReceipt.FromString(data)) == answer


def test_log_state_survives_the_wire() -> None:
    exchange = FakeExchange()
    state = exchange.sender.state(known_size=3)
    data = log_state_to(state).SerializeToString()
    assert log_state_from(exchange_pb2.LogState.FromString(data)) == state


def test_hand_overs_survive_the_wire() -> None:
    shards = FakeShards(SENDER, 3, 2, 1)
    state = shards.state(2, known=(0, 2))
    assert len(state.hand_overs) == 2
    data = log_state_to(state).SerializeToString()
    assert log_state_from(exchange_pb2.LogState.FromString(data)) == state


def test_range_of_an_older_shard_survives_the_wire() -> None:
    exchange = FakeExchange()
    batch = exchange.batch(*exchange.letters(2))
    older = replace(batch, offers=replace(batch.offers, origin="an older shard"))
    data = batch_to(older).SerializeToString()
    assert batch_from(exchange_pb2.Batch.FromString(data)) == older


def test_empty_messages_become_empty_values() -> None:
    # They are for the core to refuse; nothing is decided here.
    batch = batch_from(exchange_pb2.Batch())
    assert (batch.sequence, batch.sealed_messages, batch.offers.leaves) == (0, (), ())
    assert receipt_from(exchange_pb2.BatchReceipt()).log.checkpoint == b""


def test_request_is_parsed_whole() -> None:
    request = peer_service_pb2.DeliverRequest(
        opening=peer_service_pb2.Opening(checkpoint_size=5, protocol_versions=["1"])
    )
    assert parse_deliver_request(request.SerializeToString()) == request


@pytest.mark.parametrize(
    "data", [b"\xff", b"\x0a\x05ab", b"\x0a"], ids=["no tag", "torn", "no length"]
)
def test_bytes_that_are_no_request_are_refused(data: bytes) -> None:
    with pytest.raises(BatchMalformedError) as caught:
        parse_deliver_request(data)
    assert "DeliverRequest" in caught.value.remedy


def test_what_stands_beside_checkpoints_survives_the_wire() -> None:
    exchange = FakeExchange()
    extension = Extension(old_size=2, proof=(b"h" * 32,))
    cosigned = CosignedState(origin="a log", size=9, lines=b"two lines")
    batch = exchange.batch(*exchange.letters(1))
    batch = replace(batch, extension=extension, cosigned=cosigned)
    data = batch_to(batch).SerializeToString()
    assert batch_from(exchange_pb2.Batch.FromString(data)) == batch
    offers = [letter.leaf for letter in exchange.letters(1)]
    answer = exchange.answer(*map(exchange.receipt, offers))
    answer = replace(answer, extension=extension, cosigned=cosigned)
    data = receipt_to(answer).SerializeToString()
    assert receipt_from(exchange_pb2.BatchReceipt.FromString(data)) == answer


def test_cosignature_without_a_log_is_refused() -> None:
    exchange = FakeExchange()
    message = batch_to(exchange.batch(*exchange.letters(1)))
    message.cosigned.size = 7
    with pytest.raises(BatchMalformedError):
        batch_from(message)
