# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from datetime import date

import pytest
from tests.fakes.logs import (
    ORIGIN,
    ed25519_signer,
    log_signers,
    mldsa44_signer,
    verifiers_of,
)

from selat.core.checkpoints import Checkpoint, open_checkpoint, origin_for
from selat.core.notes import NoteSigner, sign_note
from selat.errors import MalformedError, SignatureError

HEAD = Checkpoint(origin=ORIGIN, size=7, root=bytes(range(32)))
SIGNERS = (ed25519_signer(), mldsa44_signer())
VERIFIERS = tuple(signer.verifier for signer in SIGNERS)


@pytest.mark.parametrize(
    ("day", "shard"),
    [
        (date(2030, 1, 1), "2030h1"),
        (date(2030, 6, 30), "2030h1"),
        (date(2030, 7, 1), "2030h2"),
        (date(2030, 12, 31), "2030h2"),
    ],
)
def test_a_log_has_two_origins_a_year(day: date, shard: str) -> None:
    assert origin_for("police.xa.example", day) == f"police.xa.example/exchange/{shard}"


def test_a_checkpoint_with_both_signatures_is_opened() -> None:
    note = sign_note(HEAD.text(), SIGNERS)
    assert open_checkpoint(note, origin=ORIGIN, verifiers=VERIFIERS) == HEAD


def test_signatures_of_others_do_no_harm() -> None:
    note = sign_note(HEAD.text(), [ed25519_signer("witness.example"), *SIGNERS])
    assert open_checkpoint(note, origin=ORIGIN, verifiers=VERIFIERS) == HEAD


@pytest.mark.parametrize(
    ("signer", "missing"), [(SIGNERS[0], "MLDSA44"), (SIGNERS[1], "ED25519")]
)
def test_each_key_must_have_signed(signer: NoteSigner, missing: str) -> None:
    with pytest.raises(SignatureError, match="is missing") as caught:
        open_checkpoint(
            sign_note(HEAD.text(), [signer]), origin=ORIGIN, verifiers=VERIFIERS
        )
    assert caught.value.context["signature_type"] == missing


def test_any_key_of_a_type_may_have_signed() -> None:
    note = sign_note(HEAD.text(), SIGNERS)
    others = verifiers_of(log_signers(seed=2))
    for verifiers in ([*others, *VERIFIERS], [*VERIFIERS, *others]):
        assert open_checkpoint(note, origin=ORIGIN, verifiers=verifiers) == HEAD
    with pytest.raises(SignatureError, match="ED25519 signature of"):
        open_checkpoint(note, origin=ORIGIN, verifiers=[others[0], VERIFIERS[1]])


@pytest.mark.parametrize("kind", ["ED25519", "MLDSA44"])
def test_a_wrong_signature_is_named(kind: str) -> None:
    other = HEAD.text().replace(b"7", b"8")
    parts = [
        sign_note(
            other if signer.verifier.signature_type.name == kind else HEAD.text(),
            [signer],
        ).splitlines(keepends=True)[-1]
        for signer in SIGNERS
    ]
    note = HEAD.text() + b"\n" + b"".join(parts)
    with pytest.raises(SignatureError, match="does not hold") as caught:
        open_checkpoint(note, origin=ORIGIN, verifiers=VERIFIERS)
    assert caught.value.context["signature_type"] == kind


def test_no_checkpoint_is_believed_without_keys() -> None:
    with pytest.raises(SignatureError):
        open_checkpoint(sign_note(HEAD.text(), SIGNERS), origin=ORIGIN, verifiers=())


def test_a_checkpoint_of_another_log_is_refused() -> None:
    other = Checkpoint(
        origin="police.xa.example/exchange/2030h2", size=7, root=HEAD.root
    )
    with pytest.raises(MalformedError, match="not one of"):
        open_checkpoint(
            sign_note(other.text(), SIGNERS), origin=ORIGIN, verifiers=VERIFIERS
        )


def test_a_signed_text_that_is_no_checkpoint_is_refused() -> None:
    note = sign_note(b"no checkpoint\n", SIGNERS[:1])
    with pytest.raises(MalformedError):
        open_checkpoint(note, origin=ORIGIN, verifiers=VERIFIERS[:1])
