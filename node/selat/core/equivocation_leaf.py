# SPDX-License-Identifier: Apache-2.0
"""The leaf with which a node puts on record that a peer's log has two roots."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from selat.core.leaf_base import Leaf
from selat.core.leaf_json import Digest, Number, Text


@dataclass(frozen=True, slots=True, kw_only=True)
class EquivocationLeaf(Leaf):
    """A peer's log was proven to have two roots for one size.

    Exchange with the peer is suspended from here on, until a ``peer`` leaf says
    that it was resumed or removed.

    Attributes:
        node: Our node.
        peer: The peer.
        origin: Origin of the peer's log.
        size: The size that has two roots.
        proof: 32-byte SHA-256 of the proof, as `selat.core.equivocation`
            encodes it.
        reporter: The peer that reported it; empty when our node found it.
    """

    kind: ClassVar[str] = "equivocation"

    node: Text
    peer: Text
    origin: Text
    size: Number
    proof: Digest
    reporter: Text
