# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from selat.identity.p256 import draw_scalar, private_key, private_key_pem

ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


@pytest.mark.parametrize(
    ("drawn", "scalar"),
    [(0, 1), (1, 2), (ORDER - 2, ORDER - 1), (ORDER - 1, 1), (2 * ORDER - 2, 1)],
)
def test_scalar_is_never_zero_nor_the_order(drawn: int, scalar: int) -> None:
    assert draw_scalar(lambda size: drawn.to_bytes(size, "big")) == scalar.to_bytes(
        32, "big"
    )


def test_64_bits_more_than_the_order_has_are_drawn() -> None:
    asked: list[int] = []

    def entropy(size: int) -> bytes:
        asked.append(size)
        return bytes(size)

    draw_scalar(entropy)
    assert asked == [40]


def test_key_follows_from_its_scalar() -> None:
    key = private_key(b"\x00" * 31 + b"\x07")
    assert key.private_numbers().private_value == 7
    assert isinstance(key.curve, SECP256R1)


def test_key_is_read_back_from_pem() -> None:
    key = private_key(b"\x07" * 32)
    loaded = load_pem_private_key(private_key_pem(key), password=None)
    assert loaded.public_key() == key.public_key()
