# SPDX-License-Identifier: Apache-2.0
"""Where things stand in a node's folder, and the lock that guards it."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from selat.errors import ConfigurationError, NodeInUseError


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeFolder:
    """The paths of one node."""

    home: Path

    @property
    def configuration(self) -> Path:
        """Return the configuration file."""
        return self.home / "node.toml"

    @property
    def keys(self) -> Path:
        """Return the key store's folder."""
        return self.home / "keys"

    @property
    def card(self) -> Path:
        """Return our newest card, a signed envelope."""
        return self.home / "card.dsse"

    @property
    def desk_authority(self) -> Path:
        """Return the certificate under which the desk issues others, DER."""
        return self.home / "desk-authority.der"

    @property
    def store(self) -> Path:
        """Return the database."""
        return self.home / "store.db"

    @property
    def high_water(self) -> Path:
        """Return the high-water mark of our log."""
        return self.home / "high-water"

    @property
    def policy(self) -> Path:
        """Return the state's own copy of the policy data."""
        return self.home / "policy"

    @property
    def release_list(self) -> Path:
        """Return the list of who may receive which category."""
        return self.policy / "release.toml"

    @property
    def socket(self) -> Path:
        """Return the unix socket of the desk."""
        return self.home / "desk.sock"

    def check(self) -> None:
        """Raise unless a node was initialised here.

        Raises:
            ConfigurationError: There is no node here.
        """
        if not self.configuration.is_file():
            raise ConfigurationError(
                f"There is no node in {self.home}.",
                remedy="Create one with `selat init`, or name its folder with --home.",
            )

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the folder for this process alone.

        Raises:
            NodeInUseError: Another process holds it.
        """
        descriptor = os.open(self.home / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise NodeInUseError(
                    f"Another process works on the node in {self.home}.",
                    remedy="Use the running node, or stop it first.",
                ) from error
            yield
        finally:
            os.close(descriptor)
