# SPDX-License-Identifier: Apache-2.0
"""The policy set in force, and how it changes while the node runs.

The release list is a file that the state owns. A change takes effect for the
next batch, is logged with the old and the new digest before it does, and a
file that cannot be read leaves the old list in force.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from selat.core.leaves import PolicyLeaf
from selat.errors import ConfigurationError, StoreError
from selat.exchange.local import Clock, Entropy
from selat.policy.release_list import (
    ReleaseList,
    format_release_list,
    parse_release_list,
)
from selat.store.port import Store, Transaction

#: When a file changed whose contents are still to be read.
_NEVER: Final = -1


class ActivePolicy:
    """Hold the release list in force.

    Args:
        path: The file.
        node: Our node name.
        own_categories: Categories that our card declares.
        store: Where the change is logged.
        clock: The present time.
        entropy: Randomness.
    """

    def __init__(
        self,
        *,
        path: Path,
        node: str,
        own_categories: Callable[[], frozenset[str]],
        store: Store,
        clock: Clock,
        entropy: Entropy,
    ) -> None:
        """Start with nothing released; `load` reads the file."""
        self._path = path
        self._node = node
        self._own_categories = own_categories
        self._store = store
        self._clock = clock
        self._entropy = entropy
        self._seen = 0
        self._active = ReleaseList(released={}, own_categories=own_categories())

    def current(self) -> ReleaseList:
        """Return the list in force."""
        return self._active

    def released(self) -> Mapping[str, frozenset[str]]:
        """Return the categories by peer."""
        return self._active.released

    async def load(self) -> None:
        """Read the file and put it into force.

        Raises:
            ConfigurationError: It cannot be used; the old list stays.
            StoreError: The change cannot be logged; the old list stays.
        """
        try:
            self._seen = self._modified()
            text = self._path.read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigurationError(
                f"The release list {self._path} cannot be read.",
                remedy="Restore the file; until then the list in force stays.",
                file=str(self._path),
            ) from error
        released = parse_release_list(text, source=str(self._path))
        try:
            await self._activate(released)
        except StoreError:
            self._seen = _NEVER  # it is still to come into force
            raise

    async def load_if_changed(self) -> bool:
        """Read the file again when it was modified; tell whether it was."""
        if self._modified() == self._seen:
            return False
        await self.load()
        return True

    async def set_released(self, peer: str, categories: frozenset[str]) -> None:
        """Change what may go to one peer, in the file and in force."""
        released = {**self._active.released, peer: categories}
        partial = self._path.with_suffix(".partial")
        partial.write_text(format_release_list(released), "utf-8")
        partial.replace(self._path)
        self._seen = self._modified()
        await self._activate(released)

    async def _activate(self, released: Mapping[str, frozenset[str]]) -> None:
        new = ReleaseList(released=released, own_categories=self._own_categories())
        last = await self._store.read(lambda s: s.setting("policy/digest"))
        if last != new.digest.encode():
            await self._store.write(lambda t: self._log(t, new, last or b""))
        self._active = new

    def _log(self, transaction: Transaction, new: ReleaseList, last: bytes) -> None:
        leaf = PolicyLeaf(
            node=self._node,
            digest=new.digest,
            previous=last.decode(),
            time_ms=self._clock(),
            blind=self._entropy(32),
        )
        transaction.append_leaves([leaf.encode()])
        transaction.put_setting("policy/digest", new.digest.encode())

    def _modified(self) -> int:
        """Return when the file changed; 0 when it is not there."""
        try:
            return self._path.stat().st_mtime_ns
        except FileNotFoundError:
            return 0
