# SPDX-License-Identifier: Apache-2.0
"""The leaves with which a shard of the log begins and ends.

`selat.core.hand_overs` says what they must agree in.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from selat.core.leaf_base import Leaf
from selat.core.leaf_json import Text


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenLeaf(Leaf):
    """The log, or a shard of it, begins: the first leaf of each shard.

    Attributes:
        node: Our node.
        origin: Origin of the shard.
        previous: Final checkpoint of the shard before, the exact signed note;
            empty for the first.
    """

    kind: ClassVar[str] = "open"

    node: Text
    origin: Text
    previous: Text


@dataclass(frozen=True, slots=True, kw_only=True)
class CloseLeaf(Leaf):
    """A shard of the log ends: the last leaf of a shard that has a successor.

    Attributes:
        node: Our node.
        origin: Origin of the shard.
        next: Origin of the shard that follows.
    """

    kind: ClassVar[str] = "close"

    node: Text
    origin: Text
    next: Text
