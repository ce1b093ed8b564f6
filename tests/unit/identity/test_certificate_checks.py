# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from functools import cache

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given
from hypothesis import strategies as st

from selat.errors import MalformedError
from selat.identity.certificate_checks import (
    CERTIFICATE_BYTES_MAX,
    check_node_certificate,
    from_pem,
    load,
    to_pem,
)
from selat.identity.certificates import Term, issue_node_certificate
from selat.identity.p256 import private_key

NAME = "police.xa.example"
START = datetime(2030, 1, 1, tzinfo=UTC)
END = datetime(2031, 1, 1, tzinfo=UTC)
P256 = private_key(b"\x01" * 32)


@cache
def node_certificate() -> bytes:
    term = Term(serial=1, not_before=START, not_after=END)
    return issue_node_certificate(P256, name=NAME, term=term)


def strange(
    key: ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey,
    *extensions: x509.ExtensionType,
) -> bytes:
    subject = x509.Name([])
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(START)
        .not_valid_after(END)
    )
    for extension in extensions:
        builder = builder.add_extension(extension, critical=False)
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return builder.sign(key, None).public_bytes(Encoding.DER)
    return builder.sign(key, SHA256()).public_bytes(Encoding.DER)


OWN_NAME = x509.SubjectAlternativeName([x509.DNSName(NAME)])
LEAF = x509.BasicConstraints(ca=False, path_length=None)


def test_issued_certificate_is_its_nodes() -> None:
    check_node_certificate(node_certificate(), name=NAME)


def test_least_certificate_will_do() -> None:
    check_node_certificate(strange(P256, OWN_NAME, LEAF), name=NAME)


def refused() -> dict[str, bytes]:
    both = [x509.DNSName(NAME), x509.DNSName("police.xb.example")]
    p384 = ec.derive_private_key(7, ec.SECP384R1())
    return {
        "no extension": strange(P256),
        "no name": strange(P256, LEAF),
        "no constraints": strange(P256, OWN_NAME),
        "two names": strange(P256, x509.SubjectAlternativeName(both), LEAF),
        "authority": strange(
            P256, OWN_NAME, x509.BasicConstraints(ca=True, path_length=0)
        ),
        "another curve": strange(p384, OWN_NAME, LEAF),
        "another algorithm": strange(
            ed25519.Ed25519PrivateKey.from_private_bytes(bytes(32)), OWN_NAME, LEAF
        ),
    }


@pytest.mark.parametrize("kind", refused())
def test_strange_certificate_is_no_nodes(kind: str) -> None:
    with pytest.raises(MalformedError, match=f"not one that {NAME} may use"):
        check_node_certificate(refused()[kind], name=NAME)


def test_certificate_of_another_node_is_refused() -> None:
    with pytest.raises(MalformedError, match=r"not one that police\.xb\.example"):
        check_node_certificate(node_certificate(), name="police.xb.example")


@pytest.mark.parametrize(
    "data", [b"", b"\x30\x00", b"\xff" * 100, bytes(CERTIFICATE_BYTES_MAX + 1)]
)
def test_what_is_no_certificate_is_refused(data: bytes) -> None:
    with pytest.raises(MalformedError, match=r"no X\.509 certificate"):
        load(data)
    with pytest.raises(MalformedError):
        to_pem(data)
    with pytest.raises(MalformedError):
        check_node_certificate(data, name=NAME)


@pytest.mark.parametrize("pem", [b"", b"card", b"-----BEGIN CERTIFICATE-----\n"])
def test_what_is_no_pem_is_refused(pem: bytes) -> None:
    with pytest.raises(MalformedError):
        from_pem(pem)


def test_certificate_is_read_back_from_pem() -> None:
    assert from_pem(to_pem(node_certificate())) == node_certificate()


@pytest.mark.filterwarnings("ignore::UserWarning")
@given(
    position=st.integers(min_value=0, max_value=len(node_certificate()) - 1),
    value=st.integers(min_value=0, max_value=255),
)
def test_changed_certificate_is_read_or_refused(position: int, value: int) -> None:
    changed = bytearray(node_certificate())
    changed[position] = value
    # Anything but a refusal of ours is a way to stop a node.
    with suppress(MalformedError):
        check_node_certificate(bytes(changed), name=NAME)
