# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from tests.fakes.identities import EXPIRES, ISSUED, MIDYEAR

from selat.errors import MalformedError
from selat.identity.card_contents import Card
from selat.identity.card_keys import REQUIRED_KEYS, CardKey, KeyAlgorithm, KeyPurpose
from selat.v1 import card_pb2


def key_of(card: Card, algorithm: KeyAlgorithm) -> CardKey:
    return next(key for key in card.keys if key.algorithm is algorithm)


@pytest.mark.parametrize("algorithm", KeyAlgorithm)
@pytest.mark.parametrize("purpose", KeyPurpose)
def test_algorithm_suits_the_purpose(
    card: Card, purpose: KeyPurpose, algorithm: KeyAlgorithm
) -> None:
    key = key_of(card, algorithm)
    if (purpose, algorithm) in REQUIRED_KEYS:
        assert replace(key, purpose=purpose).purpose is purpose
    else:
        with pytest.raises(MalformedError, match="does not suit"):
            replace(key, purpose=purpose)


@pytest.mark.parametrize(
    "algorithm",
    [KeyAlgorithm.ED25519, KeyAlgorithm.MLDSA44, KeyAlgorithm.MLKEM768_X25519],
)
def test_key_has_the_length_of_its_algorithm(
    card: Card, algorithm: KeyAlgorithm
) -> None:
    key = key_of(card, algorithm)
    for public in (b"", key.public[:-1], key.public + b"\x00"):
        with pytest.raises(MalformedError, match="length"):
            replace(key, public=public)


def test_seal_key_must_be_a_real_one(card: Card) -> None:
    key = key_of(card, KeyAlgorithm.MLKEM768_X25519)
    with pytest.raises(MalformedError, match="no valid key"):
        replace(key, public=b"\xff" * len(key.public))


def test_key_is_used_within_its_time_both_ends_included(card: Card) -> None:
    key = key_of(card, KeyAlgorithm.ED25519)
    second = timedelta(seconds=1)
    assert not key.is_valid(ISSUED - second)
    assert key.is_valid(ISSUED)
    assert key.is_valid(MIDYEAR)
    assert key.is_valid(EXPIRES)
    assert not key.is_valid(EXPIRES + second)


def test_numbers_equal_those_of_the_protocol() -> None:
    assert {f"KEY_PURPOSE_{purpose.name}": purpose.value for purpose in KeyPurpose} | {
        "KEY_PURPOSE_UNSPECIFIED": 0
    } == dict(card_pb2.KeyPurpose.items())
    assert {
        f"KEY_ALGORITHM_{algorithm.name}": algorithm.value for algorithm in KeyAlgorithm
    } | {"KEY_ALGORITHM_UNSPECIFIED": 0} == dict(card_pb2.KeyAlgorithm.items())
