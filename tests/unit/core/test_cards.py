# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import base64
import json
from functools import cache
from hashlib import sha256

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey

from selat.core.cards import (
    CARD_BYTES_MAX,
    ENVELOPE_BYTES_MAX,
    RootKeys,
    RootPublic,
    card_digest,
    parse_envelope,
    pre_authentication_encoding,
    sign_card,
    verify_card_envelope,
)
from selat.core.fingerprints import fingerprint
from selat.errors import (
    MalformedError,
    SignatureError,
    TooLargeError,
    UnsupportedVersionError,
)

PAYLOAD = b"the bytes of a card"


def root_keys(seed: int) -> RootKeys:
    return RootKeys(
        ed25519=Ed25519PrivateKey.from_private_bytes(bytes([seed] * 32)),
        mldsa44=MLDSA44PrivateKey.from_seed_bytes(bytes([seed] * 32)),
    )


@cache
def root() -> RootKeys:
    return root_keys(1)


@cache
def envelope() -> bytes:
    return sign_card(PAYLOAD, root())


def test_signed_card_is_verified_with_its_root() -> None:
    assert verify_card_envelope(envelope(), root().public) == PAYLOAD


def test_largest_card_fits_into_an_envelope() -> None:
    payload = bytes(CARD_BYTES_MAX)
    signed = sign_card(payload, root())
    assert len(signed) <= ENVELOPE_BYTES_MAX
    assert verify_card_envelope(signed, root().public) == payload


def test_envelope_is_what_dsse_describes() -> None:
    fields = json.loads(envelope())
    assert base64.b64decode(fields["payload"]) == PAYLOAD
    assert fields["payloadType"] == "application/vnd.selat.card.v1"
    signatures = {entry["keyid"]: entry["sig"] for entry in fields["signatures"]}
    message = b"DSSEv1 29 application/vnd.selat.card.v1 19 " + PAYLOAD
    ed25519 = Ed25519PrivateKey.from_private_bytes(b"\x01" * 32).public_key()
    ed25519.verify(base64.b64decode(signatures["root-ed25519"]), message)
    mldsa44 = MLDSA44PrivateKey.from_seed_bytes(b"\x01" * 32).public_key()
    mldsa44.verify(base64.b64decode(signatures["root-mldsa44"]), message)


def test_pre_authentication_encoding_counts_bytes() -> None:
    assert pre_authentication_encoding("é".encode()).endswith(b" 2 \xc3\xa9")


def mixed_root(*, ed25519: int, mldsa44: int) -> RootPublic:
    return RootPublic(
        ed25519=root_keys(ed25519).public.ed25519,
        mldsa44=root_keys(mldsa44).public.mldsa44,
    )


@pytest.mark.parametrize(
    ("ed25519", "mldsa44", "name"),
    [(2, 2, "Ed25519"), (2, 1, "Ed25519"), (1, 2, "ML-DSA-44")],
)
def test_each_signature_must_be_of_the_root_expected(
    ed25519: int, mldsa44: int, name: str
) -> None:
    with pytest.raises(SignatureError, match=f"{name} signature") as caught:
        verify_card_envelope(envelope(), mixed_root(ed25519=ed25519, mldsa44=mldsa44))
    assert caught.value.context == {"signature_type": name}


def test_envelope_of_another_payload_is_refused() -> None:
    other = base64.b64encode(b"the bytes of b card")
    changed = envelope().replace(base64.b64encode(PAYLOAD), other)
    with pytest.raises(SignatureError):
        verify_card_envelope(changed, root().public)


def rewritten(**changes: object) -> bytes:
    fields = json.loads(envelope()) | changes
    return json.dumps(fields, separators=(",", ":")).encode()


def hostile() -> dict[str, bytes]:
    valid = envelope()
    fields = json.loads(valid)
    first, second = fields["signatures"]
    short = {"keyid": "root-ed25519", "sig": "AAAA"}
    stranger = {"keyid": "stranger", "sig": "AAAA"}
    return {
        "empty": b"",
        "no JSON": b"card",
        "binary": b"\xff\xfe\x00",
        "deeply nested": b"[" * 20_000,
        "trailing newline": valid + b"\n",
        "leading space": b" " + valid,
        "byte order mark": b"\xef\xbb\xbf" + valid,
        "two envelopes": valid + valid,
        "white space": json.dumps(fields).encode(),
        "another order": rewritten(payload=fields.pop("payload"))[:-1] + b',"x":1}',
        "unknown member": valid[:-1] + b',"note":"x"}',
        "duplicate member": valid.replace(b"{", b'{"payload":"AAAA",', 1),
        "no signature": rewritten(signatures=[]),
        "one signature": rewritten(signatures=[first]),
        "signatures swapped": rewritten(signatures=[second, first]),
        "same signature twice": rewritten(signatures=[first, first]),
        "third signature": rewritten(signatures=[first, second, stranger]),
        "short signature": rewritten(signatures=[short, second]),
        "signature without key id": rewritten(
            signatures=[{"sig": first["sig"]}, second]
        ),
        "signature of another type": rewritten(signatures=[first | {"sig": 1}, second]),
        "empty payload": rewritten(payload=""),
        "payload without padding": rewritten(payload="AAA"),
        "payload with too much padding": rewritten(payload="AAAA=="),
        "payload in base64url": rewritten(payload="-_-_"),
        "payload with spare bits set": rewritten(payload="AB=="),
        "payload with a line break": rewritten(payload="AAAA\nAAAA"),
        "payload of another type": rewritten(payload=None),
        "escaped payload": valid.replace(b'"payload":"', b'"payload":"\\u0041AAA', 1),
    }


@pytest.mark.parametrize("name", hostile())
def test_any_other_form_of_envelope_is_refused(name: str) -> None:
    with pytest.raises(MalformedError, match="no signed card"):
        parse_envelope(hostile()[name])


@pytest.mark.parametrize(
    "payload_type", ["application/vnd.selat.card.v2", "application/vnd.in-toto+json"]
)
def test_other_payload_type_is_refused(payload_type: str) -> None:
    with pytest.raises(UnsupportedVersionError, match="card of version 1"):
        parse_envelope(rewritten(payloadType=payload_type))


def test_too_large_envelope_is_refused_unread() -> None:
    with pytest.raises(TooLargeError):
        parse_envelope(b"\xff" * (ENVELOPE_BYTES_MAX + 1))


def test_too_large_card_is_neither_signed_nor_read() -> None:
    payload = bytes(CARD_BYTES_MAX + 1)
    with pytest.raises(TooLargeError):
        sign_card(payload, root())
    with pytest.raises(TooLargeError):
        parse_envelope(rewritten(payload=base64.b64encode(payload).decode()))


def test_empty_card_is_not_signed() -> None:
    with pytest.raises(MalformedError):
        sign_card(b"", root())


def test_root_has_its_fingerprint() -> None:
    public = root().public
    expected = fingerprint(ed25519=public.ed25519, mldsa44=public.mldsa44)
    assert public.fingerprint == expected


@pytest.mark.parametrize(("ed25519", "mldsa44"), [(31, 1312), (32, 1313)])
def test_root_key_of_another_length_is_refused(ed25519: int, mldsa44: int) -> None:
    with pytest.raises(MalformedError, match="length of its algorithm"):
        RootPublic(ed25519=bytes(ed25519), mldsa44=bytes(mldsa44))


def test_root_shows_its_fingerprint_only() -> None:
    assert repr(root()) == f"RootKeys({root().public.fingerprint})"


def test_digest_is_plain_sha256() -> None:
    assert card_digest(PAYLOAD) == sha256(PAYLOAD).digest()
