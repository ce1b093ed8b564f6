# SPDX-License-Identifier: Apache-2.0
"""``POST /add-checkpoint`` of C2SP tlog-witness, without the HTTP around it.

Nobody has to say who they are: what counts is that a log which we know has
signed the checkpoint. A proof that fails is the caller's fault, not the log's.
"""

from __future__ import annotations

from http import HTTPStatus

from selat.core.witnessing import http_status, parse_add_checkpoint
from selat.errors import EquivocationError, SelatError, WitnessConflictError
from selat.exchange.accusing import Accuser
from selat.exchange.witnessing import Witness


class HttpWitness:
    """Answer requests for cosignatures as HTTP does.

    Args:
        witness: Cosigns.
        accuser: Acts on two roots of one size.
    """

    def __init__(self, *, witness: Witness, accuser: Accuser) -> None:
        """Take what answers are made of."""
        self._witness = witness
        self._accuser = accuser

    async def add_checkpoint(self, body: bytes) -> tuple[int, bytes]:
        """Cosign the checkpoint of a request body.

        Args:
            body: The body, at most
                `selat.core.witnessing.ADD_CHECKPOINT_BYTES_MAX` bytes.

        Returns:
            Status and body: 200 with signature lines; 409 with the size that is
            known, whose content type is ``text/x.tlog.size``; else a reason.
        """
        try:
            request = parse_add_checkpoint(body)
            return HTTPStatus.OK, await self._witness.add_checkpoint(request)
        except SelatError as error:
            if isinstance(error, EquivocationError):
                await self._accuser.try_accuse(error.first, error.second)
            return _answer(error)


def _answer(error: SelatError) -> tuple[int, bytes]:
    status = http_status(error)
    if status == HTTPStatus.CONFLICT and isinstance(
        error, WitnessConflictError | EquivocationError
    ):
        return status, f"{error.context['size']}\n".encode()
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:  # ours is told by its reason
        return status, f"{error.reason}\n".encode()
    return status, f"{error.reason}: {error.message}\n".encode()
