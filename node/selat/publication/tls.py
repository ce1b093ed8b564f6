# SPDX-License-Identifier: Apache-2.0
"""TLS of the publication's server: 1.3, and auditors' client certificates."""

from __future__ import annotations

import secrets
import ssl
from pathlib import Path
from tempfile import TemporaryDirectory

from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)


def server_context(
    *, key: bytes, certificate: bytes, authority: bytes
) -> ssl.SSLContext:
    """Return the context of a server that asks for client certificates.

    A client may leave its certificate out, as one that submits a checkpoint to a
    witness does; one that is presented must stand under the authority. Who may
    fetch what is decided on each request.

    Args:
        key: The server's private key, PEM.
        certificate: Its certificate, PEM.
        authority: The certificate that auditors' certificates are issued under,
            PEM.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.verify_mode = ssl.CERT_OPTIONAL
    context.load_verify_locations(cadata=authority.decode("ascii"))
    _load_chain(context, key=key, certificate=certificate)
    return context


def _load_chain(context: ssl.SSLContext, *, key: bytes, certificate: bytes) -> None:
    """Give a context its key, which Python's ssl takes from files only.

    The key lies on the disk for a moment, encrypted under a passphrase that never
    leaves this process.
    """
    passphrase = secrets.token_bytes(32).hex().encode()
    sealed = load_pem_private_key(key, password=None).private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(passphrase)
    )
    with TemporaryDirectory(prefix="selat-") as folder:
        file = Path(folder) / "chain.pem"
        file.touch(mode=0o600)
        file.write_bytes(sealed + certificate)
        context.load_cert_chain(file, password=passphrase)
