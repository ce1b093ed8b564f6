# SPDX-License-Identifier: Apache-2.0
"""Selat: states exchange intelligence, peer to peer and on the record.

Importing the package does no work: the version is read when it is asked for.
"""

from __future__ import annotations


def __getattr__(name: str) -> str:
    """Return ``__version__`` from the installed distribution's metadata.

    Raises:
        AttributeError: For any other name.
    """
    if name == "__version__":
        from importlib.metadata import version  # noqa: PLC0415 - only when asked

        return version("selat")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
