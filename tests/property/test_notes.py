# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.fakes.logs import ORIGIN, ed25519_signer, mldsa44_signer

from selat.core.checkpoints import Checkpoint, open_checkpoint
from selat.core.note_keys import NoteSigner
from selat.core.notes import open_note, parse_note, sign_note
from selat.core.tree_heads import parse_tree_head
from selat.errors import MalformedError, SignatureError

lines = st.text(
    st.characters(exclude_categories=["Cs"], min_codepoint=0x20), max_size=30
)
texts = st.lists(lines, min_size=1, max_size=5).map(
    lambda parts: "".join(f"{part}\n" for part in parts).encode()
)
heads = st.builds(
    Checkpoint,
    origin=lines.filter(bool),
    size=st.integers(min_value=0, max_value=2**63 - 1),
    root=st.binary(min_size=32, max_size=32),
    extensions=st.lists(lines.filter(bool), max_size=2).map(tuple),
)
SIGNERS: tuple[NoteSigner, ...] = (ed25519_signer(), mldsa44_signer())
VERIFIERS = tuple(signer.verifier for signer in SIGNERS)
SIGNED = sign_note(
    Checkpoint(origin=ORIGIN, size=7, root=bytes(range(32))).text(), SIGNERS
)


@given(text=texts)
def test_any_text_is_signed_and_opened(text: bytes) -> None:
    opened = open_note(sign_note(text, SIGNERS[:1]), VERIFIERS)
    assert opened.text == text
    assert opened.verified == VERIFIERS[:1]


@given(head=heads)
def test_checkpoints_are_read_as_they_were_written(head: Checkpoint) -> None:
    assert parse_tree_head(head.text()) == head


@given(head=heads.filter(lambda head: len(head.origin.encode()) < 256))
def test_checkpoints_are_opened_as_they_were_signed(head: Checkpoint) -> None:
    note = sign_note(head.text(), SIGNERS)
    assert open_checkpoint(note, origin=head.origin, verifiers=VERIFIERS) == head


@given(data=st.data())
def test_no_changed_byte_of_a_checkpoint_goes_unseen(data: st.DataObject) -> None:
    changed = bytearray(SIGNED)
    position = data.draw(st.integers(min_value=0, max_value=len(SIGNED) - 1))
    changed[position] ^= data.draw(st.integers(min_value=1, max_value=255))
    with pytest.raises((MalformedError, SignatureError)):
        open_checkpoint(bytes(changed), origin=ORIGIN, verifiers=VERIFIERS)


@given(
    cut=st.integers(min_value=0, max_value=len(SIGNED) - 1), tail=st.binary(max_size=4)
)
def test_no_checkpoint_is_shorter_or_longer(cut: int, tail: bytes) -> None:
    for note in (SIGNED[:cut], SIGNED + b"\n" + tail):
        with pytest.raises((MalformedError, SignatureError)):
            open_checkpoint(note, origin=ORIGIN, verifiers=VERIFIERS)


@given(note=st.binary(max_size=300))
def test_bytes_at_random_are_no_note(note: bytes) -> None:
    with suppress(MalformedError):
        assert note.startswith(parse_note(note).text)
    with pytest.raises((MalformedError, SignatureError)):
        open_note(note, VERIFIERS)


@given(text=st.binary(max_size=120))
def test_bytes_at_random_are_no_checkpoint_or_the_same_one(text: bytes) -> None:
    with suppress(MalformedError):
        assert parse_tree_head(text).text() == text
