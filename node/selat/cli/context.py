# SPDX-License-Identifier: Apache-2.0
"""What a command is given: where to print, and the way to the node."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Final

import grpc

from selat.cli.connection import Desk, desk_over
from selat.cli.output import Output
from selat.cli.passphrases import read_passphrase
from selat.cli.shared import SharedOptions
from selat.errors import ConfigurationError, InvalidInputError
from selat.rpc.channels import remote_desk_channel

#: Certificates and keys are a few kilobytes; what is larger is another file.
_PEM_BYTES_MAX: Final = 64 * 1024


class Context:
    """One run of one command."""

    def __init__(self, options: SharedOptions) -> None:
        """Keep the options that hold for this command."""
        self._options = options
        self.output = Output(as_json=options.as_json)

    @property
    def home(self) -> Path:
        """The node's folder."""
        return self._options.folder

    @property
    def local_home(self) -> Path | None:
        """The node's folder, unless a desk elsewhere was named."""
        return None if self._options.desk else self.home

    def passphrase(self) -> bytes:
        """Return the passphrase of the node's key store."""
        return self._read_passphrase(confirm=False)

    def new_passphrase(self) -> bytes:
        """Return the passphrase for a key store that is about to be made."""
        return self._read_passphrase(confirm=True)

    def has_passphrase(self) -> bool:
        """Whether a passphrase can be had without asking anybody."""
        options = self._options
        return options.passphrase_fd is not None or bool(options.passphrase_file)

    def require_local(self, name: str) -> None:
        """Refuse ``--desk`` for a command that works on this host's folder.

        Raises:
            InvalidInputError: A desk elsewhere was named.
        """
        if self._options.desk:
            raise InvalidInputError(
                f"'selat {name}' works on a folder of this host, not on a desk.",
                remedy="Leave --desk out, and unset SELAT_DESK.",
            )

    @asynccontextmanager
    async def desk(self) -> AsyncIterator[Desk]:
        """Open the desk: of the node elsewhere, or of this host's folder.

        What a call ends with is raised as the error that the node meant.
        """
        async with self._channel() as channel, desk_over(channel) as desk:
            yield desk

    def _channel(self) -> AbstractAsyncContextManager[grpc.aio.Channel]:
        options = self._options
        if not options.desk:
            # Slow to import, as the whole node is; some commands do without.
            from selat.node.session import open_desk  # noqa: PLC0415

            return open_desk(self.home, passphrase=self.passphrase)
        if not (options.certificate and options.key and options.ca):
            raise InvalidInputError(
                "A desk elsewhere needs --certificate, --key and --ca.",
                remedy="Name the three files that 'selat officer add' wrote.",
            )
        return remote_desk_channel(
            options.desk,
            certificate=_pem(options.certificate),
            key=_pem(options.key),
            ca=_pem(options.ca),
        )

    def _read_passphrase(self, *, confirm: bool) -> bytes:
        return read_passphrase(
            file=self._options.passphrase_file,
            descriptor=self._options.passphrase_fd,
            confirm=confirm,
        )


def _pem(file: Path) -> bytes:
    try:
        with file.open("rb") as opened:
            text = opened.read(_PEM_BYTES_MAX + 1)
    except OSError as failure:
        raise ConfigurationError(
            f"{file} cannot be read: {failure.strerror}.",
            remedy="Name the file that 'selat officer add' wrote.",
        ) from failure
    if len(text) > _PEM_BYTES_MAX or b"-----BEGIN" not in text:
        raise ConfigurationError(
            f"{file} is not a PEM file.",
            remedy="Name the file that 'selat officer add' wrote.",
        )
    return text
