# SPDX-License-Identifier: Apache-2.0
"""RFC 3161 time-stamps over checkpoints: queries out, tokens in.

A query goes to a time-stamping authority by whatever way the operator has, and
its answer comes back as a file; nothing here speaks to a network. What is
checked of an answer is that it is over the checkpoint: whether its signer is to
be trusted is for whoever verifies the bundle to say.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, Final

from rfc3161_client import (
    HashAlgorithm,
    TimestampRequestBuilder,
    decode_timestamp_response,
)
from rfc3161_client.tsp import PKIStatus

from selat.errors import MalformedError, VerificationError

#: An answer with a chain of certificates, in bytes; common ones have 6,000.
TOKEN_BYTES_MAX: Final = 64 * 1024

_HASHES: Final[Mapping[str, Callable[[bytes], Any]]] = MappingProxyType(
    {
        "2.16.840.1.101.3.4.2.1": hashlib.sha256,
        "2.16.840.1.101.3.4.2.2": hashlib.sha384,
        "2.16.840.1.101.3.4.2.3": hashlib.sha512,
    }
)
_GRANTED: Final = frozenset({PKIStatus.GRANTED, PKIStatus.GRANTED_WITH_MODS})


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeStamp:
    """An authority's answer; its signature is not verified.

    Attributes:
        data: Exact bytes of the answer (``TimeStampResp``, DER).
        at: The time that it states.
        hash_oid: Object identifier of the hash.
        digest: Hash of what was stamped.
    """

    data: bytes
    at: datetime
    hash_oid: str
    digest: bytes

    def is_over(self, note: bytes) -> bool:
        """Tell whether these are the bytes that were stamped."""
        stamped = _HASHES[self.hash_oid](note).digest()
        return hmac.compare_digest(stamped, self.digest)


def timestamp_query(note: bytes) -> bytes:
    """Return the query for a signed note: SHA-256, with nonce, DER.

    The answer is asked to bring the signer's certificate, so that it can be
    verified in years.
    """
    return (
        TimestampRequestBuilder()
        .data(note)
        .hash_algorithm(HashAlgorithm.SHA256)
        .cert_request(cert_request=True)
        .build()
        .as_bytes()
    )


def parse_timestamp(data: bytes) -> TimeStamp:
    """Read an authority's answer.

    Raises:
        MalformedError: It is none, is too long, or uses an unknown hash.
        VerificationError: The authority refused.
    """
    if len(data) > TOKEN_BYTES_MAX:
        raise _malformed(f"has more than {TOKEN_BYTES_MAX} bytes")
    try:
        response = decode_timestamp_response(data)
        granted = response.status in _GRANTED
        info = response.tst_info if granted else None
    except ValueError as error:
        raise _malformed("is no RFC 3161 answer in DER") from error
    if info is None:
        raise VerificationError(
            "The time-stamping authority did not grant a time-stamp.",
            remedy="Send the query again, or to another authority.",
        )
    imprint = info.message_imprint
    hash_oid = imprint.hash_algorithm.dotted_string
    if hash_oid not in _HASHES:
        raise _malformed("uses a hash other than SHA-256, SHA-384 and SHA-512")
    return TimeStamp(
        data=data,
        at=info.gen_time.astimezone(UTC),
        hash_oid=hash_oid,
        digest=imprint.message,
    )


def _malformed(what: str) -> MalformedError:
    return MalformedError(
        f"The time-stamp token {what}.",
        remedy="Hand in the authority's answer (.tsr) as it came.",
    )
