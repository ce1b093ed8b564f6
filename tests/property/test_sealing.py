# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from selat.core.at_rest import ProtectedPayload, StoreCipher
from selat.core.fingerprints import Fingerprint
from selat.core.payloads import pack
from selat.core.seal_keys import SealPrivateKey
from selat.core.sealing import (
    BatchOpener,
    BatchSealer,
    commitment,
    unwrap_batch_key,
    wrap_batch_key,
)
from selat.errors import DecryptionError, StoreCorruptError

RECIPIENT = SealPrivateKey(bytes(range(96)))

keys = st.binary(min_size=32, max_size=32)
contents = st.binary(max_size=300)
positions = st.integers(min_value=0, max_value=255)
names = st.text(max_size=40)
sequences = st.integers(min_value=0, max_value=2**64 - 1)


def flipped(data: bytes, draw: st.DataObject) -> bytes:
    bit = draw.draw(st.integers(min_value=0, max_value=8 * len(data) - 1))
    changed = bytearray(data)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


@given(key=keys, salt=keys, at=positions, leaf=contents, header=contents, body=contents)
def test_what_was_sealed_is_opened(
    *, key: bytes, salt: bytes, at: int, leaf: bytes, header: bytes, body: bytes
) -> None:
    message = pack(salt=salt, header=header, body=body)
    data = BatchSealer(key).seal(at, leaf=leaf, message=message)
    opened = BatchOpener(key).open(at, leaf=leaf, ciphertext=data)
    assert opened == message
    assert (opened.salt, opened.header, opened.body) == (salt, header, body)


@given(key=keys, at=positions, body=contents, draw=st.data())
def test_no_flipped_bit_of_a_sealed_message_goes_unseen(
    key: bytes, at: int, body: bytes, draw: st.DataObject
) -> None:
    leaf = b"leaf"
    message = pack(salt=key, header=b"", body=body)
    data = BatchSealer(key).seal(at, leaf=leaf, message=message)
    with pytest.raises(DecryptionError):
        BatchOpener(key).open(at, leaf=leaf, ciphertext=flipped(data, draw))
    with pytest.raises(DecryptionError):
        BatchOpener(key).open(at, leaf=flipped(leaf, draw), ciphertext=data)


@given(key=keys, sender=names, recipient=names, sequence=sequences)
def test_wrapped_key_is_unwrapped(
    key: bytes, sender: str, recipient: str, sequence: int
) -> None:
    wrapped = wrap_batch_key(
        batch_key=key,
        recipient_key=RECIPIENT.public,
        sender=sender,
        recipient=recipient,
        sequence=sequence,
    )
    unwrapped = unwrap_batch_key(
        wrapped,
        private_key=RECIPIENT,
        sender=sender,
        recipient=recipient,
        sequence=sequence,
    )
    assert unwrapped == key


@given(key=keys, draw=st.data())
def test_no_flipped_bit_of_a_wrapped_key_goes_unseen(
    key: bytes, draw: st.DataObject
) -> None:
    wrapped = wrap_batch_key(
        batch_key=key,
        recipient_key=RECIPIENT.public,
        sender="police.xa.example",
        recipient="police.xb.example",
        sequence=1,
    )
    with pytest.raises(DecryptionError):
        unwrap_batch_key(
            flipped(wrapped, draw),
            private_key=RECIPIENT,
            sender="police.xa.example",
            recipient="police.xb.example",
            sequence=1,
        )


@given(
    salt=keys, first=st.tuples(contents, contents), second=st.tuples(contents, contents)
)
def test_commitments_are_equal_only_for_equal_messages(
    salt: bytes, first: tuple[bytes, bytes], second: tuple[bytes, bytes]
) -> None:
    commits = {
        commitment(pack(salt=salt, header=header, body=body))
        for header, body in (first, second, (first[0] + first[1], b""))
    }
    assert len(commits) == len({first, second, (first[0] + first[1], b"")})


@given(store_key=keys, data_key=keys, payload=contents, draw=st.data())
def test_payload_at_rest_is_revealed_or_refused(
    store_key: bytes, data_key: bytes, payload: bytes, draw: st.DataObject
) -> None:
    cipher = StoreCipher(store_key)
    message_id = bytes(16)
    protected = cipher.protect(
        payload,
        originator="police.xa.example",
        message_id=message_id,
        version=1,
        data_key=data_key,
        nonce=data_key[:12],
    )

    def reveal(changed: ProtectedPayload) -> bytes:
        return cipher.reveal(
            changed, originator="police.xa.example", message_id=message_id, version=1
        )

    assert reveal(protected) == payload
    for wrapped_key, ciphertext in (
        (flipped(protected.wrapped_key, draw), protected.ciphertext),
        (protected.wrapped_key, flipped(protected.ciphertext, draw)),
    ):
        with pytest.raises(StoreCorruptError):
            reveal(ProtectedPayload(wrapped_key=wrapped_key, ciphertext=ciphertext))


@given(keys)
def test_fingerprint_is_read_back_in_both_forms(digest: bytes) -> None:
    shown = Fingerprint(digest)
    assert Fingerprint.parse(shown.hex_groups()) == shown
    assert Fingerprint.parse(shown.words()) == shown
