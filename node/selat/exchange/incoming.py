# SPDX-License-Identifier: Apache-2.0
"""Wait for what a peer sends on a stream, until the node ends the stream."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from selat.errors import ShuttingDownError


async def next_message(
    requests: AsyncIterator[bytes], *, end: asyncio.Future[None]
) -> bytes | None:
    """Wait for the next message; None when the peer ended the stream.

    Args:
        requests: What the peer sends.
        end: Done when the node ends the stream.

    Raises:
        ShuttingDownError: The node ends the stream.
    """
    coming = asyncio.ensure_future(anext(requests, None))
    try:
        await asyncio.wait((coming, end), return_when=asyncio.FIRST_COMPLETED)
        if not coming.done():
            raise ShuttingDownError(
                "The node is stopping, or has changed its keys.",
                remedy="What has no receipt is delivered on the next stream.",
            )
        return coming.result()
    finally:
        coming.cancel()
