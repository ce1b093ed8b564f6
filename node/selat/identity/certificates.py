# SPDX-License-Identifier: Apache-2.0
"""Certificates (RFC 5280): a node's own, its desk's, its officers'.

A node's certificate is self-issued and no certificate authority: peers trust
that one certificate because the node's card lists it, and nothing that it
could have signed. The desk has a small authority of its own, for the desk's
server certificate and for the client certificates of officers and systems; it
is trusted by this node alone. Times and serial numbers are arguments.

Revocation is not done here: a node looks up on every call whether a peer's
card lists the certificate, or whether the officer is still registered.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from ipaddress import ip_address
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import (
    EllipticCurvePrivateKey,
    EllipticCurvePublicKey,
)
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from selat.core.node_names import is_node_name
from selat.errors import InvalidInputError, MalformedError
from selat.identity.certificate_checks import certificate_digest, load, to_pem
from selat.identity.p256 import private_key_pem

#: Common name, in characters (RFC 5280, appendix A.1, ub-common-name).
OFFICER_ID_CHARACTERS_MAX: Final = 64

_OFFICER_ID: Final = re.compile(r"[a-z0-9]+(?:[.-][a-z0-9]+)*")
_SERVER: Final = ExtendedKeyUsageOID.SERVER_AUTH
_CLIENT: Final = ExtendedKeyUsageOID.CLIENT_AUTH


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """Serial number and validity of a certificate.

    Attributes:
        serial: Positive, at most 159 bits, never used twice by one issuer.
        not_before: First moment, aware.
        not_after: Last moment, aware.
    """

    serial: int
    not_before: datetime
    not_after: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """A certificate and its private key, to be handed over.

    Attributes:
        certificate: DER.
        private_key_pem: Unencrypted PKCS #8, PEM; secret.
    """

    certificate: bytes
    private_key_pem: bytes

    @property
    def certificate_pem(self) -> bytes:
        """The certificate, PEM."""
        return to_pem(self.certificate)

    def __repr__(self) -> str:
        """Show the certificate's digest only."""
        return f"Credentials({certificate_digest(self.certificate).hex()})"


def issue_node_certificate(
    key: EllipticCurvePrivateKey, *, name: str, term: Term
) -> bytes:
    """Issue a node's TLS certificate, for both ends of a connection.

    Args:
        key: The node's TLS key.
        name: Node name; the one DNS name of the certificate.
        term: Serial number and validity.

    Returns:
        The certificate, DER.

    Raises:
        InvalidInputError: The name is no node name.
    """
    subject = _domain(name)
    builder = _leaf(
        _builder(subject, subject, key.public_key(), term), usages=(_SERVER, _CLIENT)
    )
    names = x509.SubjectAlternativeName([x509.DNSName(name)])
    return _signed(builder.add_extension(names, critical=False), issuer=key)


class DeskAuthority:
    """Issues the certificates with which a node's desk is reached.

    Attributes:
        certificate: The authority's own certificate, DER.
    """

    __slots__ = ("_issuer", "_key", "certificate")

    def __init__(self, key: EllipticCurvePrivateKey, certificate: bytes) -> None:
        """Take the desk key and the certificate that `create` issued.

        Raises:
            MalformedError: The certificate is of another key.
        """
        loaded = load(certificate)
        if loaded.public_key() != key.public_key():
            raise MalformedError(
                "The desk's certificate is of another key.",
                remedy="Restore the node's folder from one backup.",
            )
        self.certificate: Final = certificate
        self._key = key
        self._issuer = loaded.subject

    @classmethod
    def create(
        cls, key: EllipticCurvePrivateKey, *, name: str, term: Term
    ) -> DeskAuthority:
        """Issue the authority's own certificate.

        Args:
            key: The node's desk key.
            name: Node name.
            term: Serial number and validity.

        Raises:
            InvalidInputError: The name is no node name.
        """
        subject = _domain(name, common_name="desk")
        builder = (
            _builder(subject, subject, key.public_key(), term)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_key_usage(certificates=True), critical=True)
        )
        return cls(key, _signed(builder, issuer=key))

    def issue_server(
        self, public_key: EllipticCurvePublicKey, *, hosts: Sequence[str], term: Term
    ) -> bytes:
        """Issue the desk's server certificate.

        Args:
            public_key: The server's key.
            hosts: DNS names and addresses at which it is reached, beside
                ``localhost``, ``127.0.0.1`` and ``::1``.
            term: Serial number and validity.

        Returns:
            The certificate, DER.

        Raises:
            InvalidInputError: A host is neither a DNS name nor an address.
        """
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
        builder = self._leaf(subject, public_key, term, usage=_SERVER)
        unique = dict.fromkeys(("localhost", "127.0.0.1", "::1", *hosts))
        names = x509.SubjectAlternativeName([_general_name(host) for host in unique])
        return _signed(builder.add_extension(names, critical=False), issuer=self._key)

    def issue_officer(
        self, key: EllipticCurvePrivateKey, *, officer_id: str, term: Term
    ) -> Credentials:
        """Issue a client certificate to an officer or system.

        Args:
            key: A new key for the officer.
            officer_id: Short name under which the officer acts; the common
                name. No person's name is needed.
            term: Serial number and validity.

        Raises:
            InvalidInputError: The short name has another form.
        """
        check_officer_id(officer_id)
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, officer_id)])
        builder = self._leaf(subject, key.public_key(), term, usage=_CLIENT)
        return Credentials(
            certificate=_signed(builder, issuer=self._key),
            private_key_pem=private_key_pem(key),
        )

    def _leaf(
        self,
        subject: x509.Name,
        public_key: EllipticCurvePublicKey,
        term: Term,
        *,
        usage: x509.ObjectIdentifier,
    ) -> x509.CertificateBuilder:
        authority = x509.AuthorityKeyIdentifier.from_issuer_public_key(
            self._key.public_key()
        )
        return _leaf(
            _builder(subject, self._issuer, public_key, term), usages=(usage,)
        ).add_extension(authority, critical=False)


def check_officer_id(officer_id: str) -> None:
    """Check an officer's short name.

    Raises:
        InvalidInputError: It has another form.
    """
    if (
        len(officer_id) > OFFICER_ID_CHARACTERS_MAX
        or _OFFICER_ID.fullmatch(officer_id) is None
    ):
        raise InvalidInputError(
            "That is no officer's short name.",
            remedy="Use lower-case letters, digits, and single hyphens and dots "
            f"between them, at most {OFFICER_ID_CHARACTERS_MAX} characters.",
        )


def _domain(name: str, *, common_name: str = "") -> x509.Name:
    """Return a DNS name as a distinguished name (RFC 2247)."""
    if not is_node_name(name):
        raise InvalidInputError(
            "That is no node name.",
            remedy="Use a lower-case DNS name, for example police.xa.example.",
        )
    labels = [
        x509.NameAttribute(NameOID.DOMAIN_COMPONENT, label)
        for label in reversed(name.split("."))
    ]
    if common_name:
        labels.append(x509.NameAttribute(NameOID.COMMON_NAME, common_name))
    return x509.Name(labels)


def _general_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(host))
    except ValueError:
        pass
    if host != "localhost" and not is_node_name(host):
        raise InvalidInputError(
            "A host of the desk is neither a DNS name nor an address.",
            remedy="Correct the desk's hosts in the configuration.",
        )
    return x509.DNSName(host)


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    public_key: EllipticCurvePublicKey,
    term: Term,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public_key)
        .serial_number(term.serial)
        .not_valid_before(term.not_before)
        .not_valid_after(term.not_after)
        # Two certificates of one subject, old and new, are told apart by it.
        .add_extension(
            x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False
        )
    )


def _leaf(
    builder: x509.CertificateBuilder, *, usages: Sequence[x509.ObjectIdentifier]
) -> x509.CertificateBuilder:
    return (
        builder.add_extension(
            x509.BasicConstraints(ca=False, path_length=None), critical=True
        )
        .add_extension(_key_usage(certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage(usages), critical=False)
    )


def _key_usage(*, certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=certificates,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )


def _signed(
    builder: x509.CertificateBuilder, *, issuer: EllipticCurvePrivateKey
) -> bytes:
    return builder.sign(issuer, SHA256()).public_bytes(Encoding.DER)
