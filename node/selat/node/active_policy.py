# SPDX-License-Identifier: Apache-2.0
"""The policy set in force, and how it changes while the node runs.

The policy folder belongs to the state. A change of any file takes effect for
the next batch, is logged with the old and the new digest before it does, and a
folder that cannot be used leaves the old set in force.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from pathlib import Path

from selat.core.leaves import PolicyLeaf
from selat.core.times import utc
from selat.errors import ConfigurationError, StoreError
from selat.exchange.local import Clock, Entropy
from selat.policy.policy_files import (
    RELEASE_FILE,
    PolicyFiles,
    policy_paths,
    read_policy_files,
)
from selat.policy.policy_loading import build_policy_set, prove_policy_set
from selat.policy.policy_set import PolicySet
from selat.policy.policy_source import Identity
from selat.policy.release_list import format_release_list
from selat.store.port import Store, Transaction

_SETTING = "policy/digest"

#: Name, time of change and size of each file.
_Seen = tuple[tuple[str, int, int], ...]


class ActivePolicy:
    """Hold the policy set in force.

    Args:
        folder: The policy folder.
        node: Our node name.
        state: Our state.
        own_categories: Categories that our card declares.
        store: Where the change is logged.
        clock: The present time.
        entropy: Randomness.
    """

    def __init__(
        self,
        *,
        folder: Path,
        node: str,
        state: str,
        own_categories: Callable[[], frozenset[str]],
        store: Store,
        clock: Clock,
        entropy: Entropy,
    ) -> None:
        """Start without a set; `load` reads the folder."""
        self._folder = folder
        self._node = node
        self._state = state
        self._own_categories = own_categories
        self._store = store
        self._clock = clock
        self._entropy = entropy
        self._seen: _Seen | None = None
        self._active: PolicySet | None = None

    def policy_set(self) -> PolicySet:
        """Return the set in force.

        Raises:
            ConfigurationError: None was loaded yet.
        """
        if self._active is None:
            raise ConfigurationError(
                "No policy is in force.",
                remedy=f"Correct the folder {self._folder} and start the node again.",
            )
        return self._active

    def released(self) -> Mapping[str, frozenset[str]]:
        """Return the release list: categories by peer."""
        return self.policy_set().source.released

    async def load(self) -> None:
        """Read the folder and put it into force.

        Raises:
            ConfigurationError: It cannot be used; the old set stays.
            StoreError: The change cannot be logged; the old set stays.
        """
        self._seen = self._look()
        try:
            await self._activate()
        except StoreError:
            self._seen = None  # it is still to come into force
            raise

    async def load_if_changed(self) -> bool:
        """Read the folder again when a file changed; tell whether one did."""
        if self._look() == self._seen:
            return False
        await self.load()
        return True

    async def set_released(self, peer: str, categories: frozenset[str]) -> None:
        """Change what may go to one peer, in the file and in force."""
        path = self._folder / RELEASE_FILE
        partial = path.with_suffix(".partial")
        released = {**self.released(), peer: categories}
        partial.write_text(format_release_list(released), "utf-8")
        partial.replace(path)
        await self.load()

    async def _activate(self) -> None:
        last = await self._store.read(lambda s: s.setting(_SETTING)) or b""
        new = await asyncio.to_thread(self._build, last.decode())
        if last != new.digest.encode():
            await self._store.write(lambda t: self._log(t, new, last))
        self._active = new

    def _build(self, last: str) -> PolicySet:
        """Make the set of the folder; it proves itself unless it was in force."""
        files = read_policy_files(self._folder)
        self._check_release_list(files)
        identity = Identity(
            node=self._node, state=self._state, received=self._own_categories()
        )
        new = build_policy_set(files, identity)
        if new.digest != last:
            prove_policy_set(new, files, today=utc(self._clock()).date())
        return new

    def _check_release_list(self, files: PolicyFiles) -> None:
        if RELEASE_FILE not in files.contents:
            raise ConfigurationError(
                f"The release list {self._folder / RELEASE_FILE} is missing.",
                remedy="Restore the file; until then the policy in force stays.",
                file=RELEASE_FILE,
            )

    def _log(self, transaction: Transaction, new: PolicySet, last: bytes) -> None:
        leaf = PolicyLeaf(
            node=self._node,
            digest=new.digest,
            previous=last.decode(),
            departures=new.departures,
            time_ms=self._clock(),
            blind=self._entropy(32),
        )
        transaction.append_leaves([leaf.encode()])
        transaction.put_setting(_SETTING, new.digest.encode())

    def _look(self) -> _Seen:
        """Return what tells that a file of the folder changed."""
        seen = []
        for path in policy_paths(self._folder):
            try:
                status = path.stat()
            except FileNotFoundError:  # taken away this moment
                continue
            seen.append((str(path), status.st_mtime_ns, status.st_size))
        return tuple(seen)
