# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from datetime import UTC, datetime
from hashlib import sha256
from ipaddress import ip_address

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from cryptography.x509.verification import PolicyBuilder, Store, VerificationError

from selat.errors import InvalidInputError, MalformedError
from selat.identity.certificate_checks import (
    certificate_digest,
    check_node_certificate,
    from_pem,
)
from selat.identity.certificates import (
    DeskAuthority,
    Term,
    check_officer_id,
    issue_node_certificate,
)
from selat.identity.p256 import private_key

NAME = "police.xa.example"
TERM = Term(
    serial=7,
    not_before=datetime(2030, 1, 1, tzinfo=UTC),
    not_after=datetime(2031, 1, 1, tzinfo=UTC),
)
NOW = datetime(2030, 7, 1, tzinfo=UTC)
DESK_KEY = private_key(b"\x01" * 32)
OTHER_KEY = private_key(b"\x02" * 32)


def desk(*, seed: int = 1) -> DeskAuthority:
    return DeskAuthority.create(private_key(bytes([seed] * 32)), name=NAME, term=TERM)


def loaded(certificate: bytes) -> x509.Certificate:
    return x509.load_der_x509_certificate(certificate)


def names(certificate: bytes) -> list[x509.GeneralName]:
    extension = loaded(certificate).extensions.get_extension_for_class(
        x509.SubjectAlternativeName
    )
    return list(extension.value)


def usages(certificate: bytes) -> list[x509.ObjectIdentifier]:
    extension = loaded(certificate).extensions.get_extension_for_class(
        x509.ExtendedKeyUsage
    )
    return list(extension.value)


def test_node_certificate_says_what_it_was_told() -> None:
    certificate = issue_node_certificate(OTHER_KEY, name=NAME, term=TERM)
    parsed = loaded(certificate)
    assert parsed.serial_number == 7
    assert parsed.not_valid_before_utc == TERM.not_before
    assert parsed.not_valid_after_utc == TERM.not_after
    assert parsed.public_key() == OTHER_KEY.public_key()
    assert parsed.subject.rfc4514_string() == "DC=police,DC=xa,DC=example"
    assert names(certificate) == [x509.DNSName(NAME)]
    parsed.verify_directly_issued_by(parsed)


def test_node_certificate_serves_both_ends_and_issues_nothing() -> None:
    certificate = issue_node_certificate(OTHER_KEY, name=NAME, term=TERM)
    assert usages(certificate) == [
        ExtendedKeyUsageOID.SERVER_AUTH,
        ExtendedKeyUsageOID.CLIENT_AUTH,
    ]
    extensions = loaded(certificate).extensions
    assert not extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    usage = extensions.get_extension_for_class(x509.KeyUsage).value
    assert usage.digital_signature
    assert not usage.key_cert_sign


@pytest.mark.parametrize("name", ["", "localhost", "Police.xa.example", "*.example"])
def test_only_node_names_are_certified(name: str) -> None:
    with pytest.raises(InvalidInputError, match="no node name"):
        issue_node_certificate(OTHER_KEY, name=name, term=TERM)
    with pytest.raises(InvalidInputError, match="no node name"):
        DeskAuthority.create(DESK_KEY, name=name, term=TERM)


def test_desk_server_is_verified_under_the_desk_authority() -> None:
    certificate = desk().issue_server(
        OTHER_KEY.public_key(), hosts=["desk.xa.example", "192.0.2.7"], term=TERM
    )
    for host in (
        x509.DNSName("localhost"),
        x509.DNSName("desk.xa.example"),
        x509.IPAddress(ip_address("127.0.0.1")),
        x509.IPAddress(ip_address("::1")),
        x509.IPAddress(ip_address("192.0.2.7")),
    ):
        verifier = (
            PolicyBuilder()
            .store(Store([loaded(desk().certificate)]))
            .time(NOW)
            .build_server_verifier(host)
        )
        assert verifier.verify(loaded(certificate), [])


def test_desk_server_lists_each_host_once() -> None:
    certificate = desk().issue_server(
        OTHER_KEY.public_key(), hosts=["localhost", "::1"], term=TERM
    )
    assert len(names(certificate)) == 3


@pytest.mark.parametrize("host", ["", "desk", "Desk.xa.example", "192.0.2.300", "*.a"])
def test_desk_server_has_real_hosts_only(host: str) -> None:
    with pytest.raises(InvalidInputError, match="neither a DNS name nor an address"):
        desk().issue_server(OTHER_KEY.public_key(), hosts=[host], term=TERM)


def test_officer_certificate_carries_the_short_name_and_nothing_else() -> None:
    credentials = desk().issue_officer(OTHER_KEY, officer_id="duty-1", term=TERM)
    parsed = loaded(credentials.certificate)
    assert parsed.subject.rfc4514_string() == "CN=duty-1"
    assert usages(credentials.certificate) == [ExtendedKeyUsageOID.CLIENT_AUTH]
    assert parsed.issuer == loaded(desk().certificate).subject
    parsed.verify_directly_issued_by(loaded(desk().certificate))


def test_officer_gets_certificate_and_key_as_pem() -> None:
    credentials = desk().issue_officer(OTHER_KEY, officer_id="duty-1", term=TERM)
    assert from_pem(credentials.certificate_pem) == credentials.certificate
    key = load_pem_private_key(credentials.private_key_pem, password=None)
    assert key.public_key() == OTHER_KEY.public_key()
    assert "PRIVATE" not in repr(credentials)
    assert certificate_digest(credentials.certificate).hex() in repr(credentials)


def test_officer_of_another_node_is_not_verified() -> None:
    credentials = desk(seed=3).issue_officer(OTHER_KEY, officer_id="duty-1", term=TERM)
    verifier = (
        PolicyBuilder()
        .store(Store([loaded(desk().certificate)]))
        .time(NOW)
        .build_server_verifier(x509.DNSName("localhost"))
    )
    with pytest.raises(VerificationError):
        verifier.verify(loaded(credentials.certificate), [])


@pytest.mark.parametrize(
    "officer_id",
    ["", "Duty", "duty officer", "duty_1", "-duty", "duty-", "a..b", "a" * 65, "é"],
)
def test_short_name_of_another_form_is_refused(officer_id: str) -> None:
    with pytest.raises(InvalidInputError, match="short name"):
        check_officer_id(officer_id)
    with pytest.raises(InvalidInputError, match="short name"):
        desk().issue_officer(OTHER_KEY, officer_id=officer_id, term=TERM)


@pytest.mark.parametrize("officer_id", ["d", "duty-1", "cell.7-b", "a" * 64])
def test_short_names_of_the_right_form_are_taken(officer_id: str) -> None:
    credentials = desk().issue_officer(OTHER_KEY, officer_id=officer_id, term=TERM)
    subject = loaded(credentials.certificate).subject
    (common_name,) = subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    assert common_name.value == officer_id


def test_desk_authority_is_opened_again_with_its_certificate() -> None:
    first = desk()
    again = DeskAuthority(DESK_KEY, first.certificate)
    credentials = again.issue_officer(OTHER_KEY, officer_id="duty-1", term=TERM)
    loaded(credentials.certificate).verify_directly_issued_by(loaded(first.certificate))


def test_desk_authority_of_another_key_is_refused() -> None:
    with pytest.raises(MalformedError, match="another key"):
        DeskAuthority(OTHER_KEY, desk().certificate)


def test_desk_authority_certifies_leaves_only() -> None:
    constraints = loaded(desk().certificate).extensions.get_extension_for_class(
        x509.BasicConstraints
    )
    assert constraints.critical
    assert constraints.value == x509.BasicConstraints(ca=True, path_length=0)


def test_desk_certificates_are_not_for_nodes() -> None:
    server = desk().issue_server(OTHER_KEY.public_key(), hosts=[], term=TERM)
    officer = desk().issue_officer(OTHER_KEY, officer_id="duty-1", term=TERM)
    for certificate in (desk().certificate, server, officer.certificate):
        with pytest.raises(MalformedError):
            check_node_certificate(certificate, name=NAME)


def test_digest_is_plain_sha256() -> None:
    assert certificate_digest(b"der") == sha256(b"der").digest()
