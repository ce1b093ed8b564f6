# SPDX-License-Identifier: Apache-2.0
"""OpenSSL verifies the signatures under our checkpoints."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from tests.fakes.foreign import Program, Refused
from tests.fakes.logs import log_signers, signed_head, witness_signer

from selat.core.note_keys import cosigned_message
from selat.core.notes import parse_note, parse_signatures

NOTE = signed_head(7, bytes(range(32)))
TEXT = parse_note(NOTE).text
LINES = parse_note(NOTE).signatures


def verify(
    openssl: Program,
    folder: Path,
    *,
    key: Ed25519PublicKey | MLDSA44PublicKey,
    message: bytes,
    signature: bytes,
) -> bytes:
    der = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    files = {"key": der, "message": message, "signature": signature}
    for name, data in files.items():
        (folder / name).write_bytes(data)
    return openssl.run(
        *("pkeyutl", "-verify", "-rawin", "-pubin", "-keyform", "DER"),
        *("-inkey", str(folder / "key"), "-in", str(folder / "message")),
        *("-sigfile", str(folder / "signature")),
    )


def test_the_ed25519_line_of_a_checkpoint_holds(
    openssl: Program, tmp_path: Path
) -> None:
    key = Ed25519PublicKey.from_public_bytes(log_signers()[0].verifier.public_key)
    signature = LINES[0].signature
    said = verify(openssl, tmp_path, key=key, message=TEXT, signature=signature)
    assert b"Verified Successfully" in said
    other = TEXT.replace(b"\n7\n", b"\n8\n")
    with pytest.raises(Refused, match="Failure"):
        verify(openssl, tmp_path, key=key, message=other, signature=signature)


def test_the_ed25519_line_of_a_witness_holds(openssl: Program, tmp_path: Path) -> None:
    witness = witness_signer()
    line = parse_signatures(witness.cosign(TEXT, time_s=1_900_000_000))[0]
    key = Ed25519PublicKey.from_public_bytes(witness.verifiers[0].public_key)
    said = verify(
        openssl,
        tmp_path,
        key=key,
        message=b"cosignature/v1\ntime 1900000000\n" + TEXT,
        signature=line.signature[8:],
    )
    assert b"Verified Successfully" in said


def test_the_ml_dsa_line_of_a_checkpoint_holds(
    openssl: Program, tmp_path: Path
) -> None:
    version = re.search(r"OpenSSL (\d+)\.(\d+)", openssl.run("version").decode())
    if version is None or (int(version[1]), int(version[2])) < (3, 5):
        pytest.skip("ML-DSA needs OpenSSL 3.5; transparency-dev's verifier looks at it")
    log = log_signers()[1].verifier
    said = verify(
        openssl,
        tmp_path,
        key=MLDSA44PublicKey.from_public_bytes(log.public_key),
        message=cosigned_message(log.name, TEXT, timestamp_s=0),
        signature=LINES[1].signature[8:],
    )
    assert b"Verified Successfully" in said
