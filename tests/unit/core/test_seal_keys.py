# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest

from selat.core.seal_keys import (
    SEAL_PRIVATE_BYTES,
    SEAL_PUBLIC_BYTES,
    SealPrivateKey,
    SealPublicKey,
)
from selat.errors import MalformedError

PRIVATE = bytes(range(SEAL_PRIVATE_BYTES))


def test_raw_forms_are_read_back() -> None:
    private = SealPrivateKey(PRIVATE)
    assert private.to_bytes() == PRIVATE
    public = SealPublicKey(private.public.to_bytes())
    assert public == private.public
    assert hash(public) == hash(private.public)
    assert len(public.to_bytes()) == SEAL_PUBLIC_BYTES


def test_different_keys_are_not_equal() -> None:
    other = SealPrivateKey(PRIVATE[::-1]).public
    assert SealPrivateKey(PRIVATE).public != other
    assert other != other.to_bytes()


def test_private_key_does_not_show_itself() -> None:
    assert repr(SealPrivateKey(PRIVATE)) == "SealPrivateKey(…)"


@pytest.mark.parametrize("size", [0, 95, 97])
def test_private_key_of_another_length_is_refused(size: int) -> None:
    with pytest.raises(MalformedError, match="96 bytes"):
        SealPrivateKey(bytes(size))


@pytest.mark.parametrize("size", [0, 1215, 1217])
def test_public_key_of_another_length_is_refused(size: int) -> None:
    with pytest.raises(MalformedError, match="1216 bytes"):
        SealPublicKey(bytes(size))


def test_lattice_half_outside_its_field_is_refused() -> None:
    valid = SealPrivateKey(PRIVATE).public.to_bytes()
    with pytest.raises(MalformedError, match="no valid key"):
        SealPublicKey(b"\xff" * 1184 + valid[1184:])


@pytest.mark.parametrize("point", [bytes(32), b"\x01" + bytes(31)])
def test_curve_point_of_small_order_is_refused(point: bytes) -> None:
    valid = SealPrivateKey(PRIVATE).public.to_bytes()
    with pytest.raises(MalformedError, match="no valid key"):
        SealPublicKey(valid[:1184] + point)
