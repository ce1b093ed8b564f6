# SPDX-License-Identifier: Apache-2.0
"""Read certificates that others made, and change their form.

Whether a certificate is to be trusted is not decided here: a card lists it.
"""

from __future__ import annotations

from hashlib import sha256
from typing import Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    EllipticCurvePublicKey,
)
from cryptography.hazmat.primitives.serialization import Encoding

from selat.errors import MalformedError

#: Certificate in DER, in bytes; ours have about 500.
CERTIFICATE_BYTES_MAX: Final = 4096

# What the parser raises for a certificate that is broken or strange.
_UNREADABLE: Final = (
    ValueError,
    TypeError,
    UnsupportedAlgorithm,
    x509.DuplicateExtension,
    x509.ExtensionNotFound,
    x509.InvalidVersion,
    x509.UnsupportedGeneralNameType,
)


def load(certificate: bytes) -> x509.Certificate:
    """Read a certificate in DER.

    Raises:
        MalformedError: It is none.
    """
    if len(certificate) > CERTIFICATE_BYTES_MAX:
        raise _malformed()
    try:
        return x509.load_der_x509_certificate(certificate)
    except _UNREADABLE as error:
        raise _malformed() from error


def check_node_certificate(certificate: bytes, *, name: str) -> None:
    """Check that a certificate can be a node's on a card.

    It must have a key on P-256, the node's name as its only name, and be no
    certificate authority.

    Args:
        certificate: DER.
        name: Node name.

    Raises:
        MalformedError: It cannot.
    """
    loaded = load(certificate)
    try:
        key = loaded.public_key()
        names = loaded.extensions.get_extension_for_class(x509.SubjectAlternativeName)
        basic = loaded.extensions.get_extension_for_class(x509.BasicConstraints)
    except _UNREADABLE as error:
        raise _not_of(name) from error
    if (
        not isinstance(key, EllipticCurvePublicKey)
        or not isinstance(key.curve, SECP256R1)
        or list(names.value) != [x509.DNSName(name)]
        or basic.value.ca
    ):
        raise _not_of(name)


def certificate_digest(certificate: bytes) -> bytes:
    """Return the 32-byte SHA-256 of a certificate, DER."""
    return sha256(certificate).digest()


def to_pem(certificate: bytes) -> bytes:
    """Return a certificate in DER as PEM.

    Raises:
        MalformedError: It is no certificate.
    """
    return load(certificate).public_bytes(Encoding.PEM)


def from_pem(pem: bytes) -> bytes:
    """Return the first certificate of a PEM text as DER.

    Raises:
        MalformedError: There is none.
    """
    try:
        return x509.load_pem_x509_certificate(pem).public_bytes(Encoding.DER)
    except _UNREADABLE as error:
        raise _malformed() from error


def _malformed() -> MalformedError:
    return MalformedError(
        "That is no X.509 certificate.",
        remedy="Provide one certificate as it was issued.",
    )


def _not_of(name: str) -> MalformedError:
    return MalformedError(
        f"A TLS certificate on the card is not one that {name} may use.",
        remedy="Ask the node for a card whose certificate has a P-256 key and the "
        "node's name alone, and is no certificate authority.",
        peer=name,
    )
