# SPDX-License-Identifier: Apache-2.0
"""One leaf of each kind."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from selat.core.equivocation_leaf import EquivocationLeaf
from selat.core.leaf_base import Leaf
from selat.core.leaves import (
    CardLeaf,
    EraseLeaf,
    ExportLeaf,
    HoldLeaf,
    LegalHoldLeaf,
    OfferLeaf,
    PeerCheckpointLeaf,
    PeerLeaf,
    PolicyLeaf,
    ReceiptLeaf,
    ReviewLeaf,
    WithholdLeaf,
)
from selat.core.shard_leaves import CloseLeaf, OpenLeaf

MESSAGE: Final = UUID("01932e5c-5c00-7abc-8def-0123456789ab")
BLIND: Final = b"\x0b" * 32
TIME_MS: Final = 1_795_456_800_007  # 2026-11-23T18:00:00.007Z
TIME: Final = "2026-11-23T18:00:00.007Z"

OFFER: Final = OfferLeaf(
    id=MESSAGE,
    version=2,
    type="person",
    category="terrorism",
    level="restricted",
    codes=("H1", "H2"),
    tlp="amber",
    purposes=("prevention",),
    sender="police.xa.example",
    recipient="police.xb.example",
    time_ms=TIME_MS,
    policy="ab" * 32,
    effect="permit",
    policies=("release/listed",),
    commit=b"\x0c" * 32,
    blind=BLIND,
)
WITHHOLD: Final = WithholdLeaf(
    id=MESSAGE,
    version=2,
    type="person",
    category="terrorism",
    level="restricted",
    codes=(),
    tlp="",
    purposes=(),
    sender="police.xa.example",
    recipient="police.xb.example",
    time_ms=TIME_MS,
    policy="ab" * 32,
    effect="withhold",
    policies=(),
    commit=b"\x0c" * 32,
    blind=BLIND,
)
HOLD: Final = HoldLeaf(
    id=MESSAGE,
    version=2,
    type="person",
    category="terrorism",
    level="restricted",
    codes=(),
    tlp="",
    purposes=("prevention",),
    sender="police.xa.example",
    recipient="police.xb.example",
    time_ms=TIME_MS,
    policy="ab" * 32,
    effect="hold",
    policies=("baseline/minors-held",),
    commit=b"\x0c" * 32,
    blind=BLIND,
)
RECEIPT: Final = ReceiptLeaf(
    offer=b"\x0f" * 32,
    id=MESSAGE,
    version=2,
    sender="police.xb.example",
    recipient="police.xa.example",
    time_ms=TIME_MS,
    outcome="refused",
    reason="POLICY_DENIED",
    policy="ab" * 32,
    effect="withhold",
    policies=("accept/declared",),
    blind=BLIND,
)
REVIEW: Final = ReviewLeaf(
    node="police.xa.example",
    peer="police.xb.example",
    id=MESSAGE,
    version=2,
    answers=b"\x0f" * 32,
    act="refuse",
    reason="REVIEW_REFUSED",
    by="reviewer",
    policy="ab" * 32,
    time_ms=TIME_MS,
    blind=BLIND,
)
PEER_CHECKPOINT: Final = PeerCheckpointLeaf(
    sender="police.xa.example",
    peer="police.xb.example",
    origin="police.xb.example/exchange/2026h2",
    size=512,
    root=b"\x0d" * 32,
    sequence=3,
    time_ms=TIME_MS,
    blind=BLIND,
)
CARD: Final = CardLeaf(
    node="police.xa.example",
    sequence=1,
    digest=b"\x0e" * 32,
    time_ms=TIME_MS,
    blind=BLIND,
)
PEER: Final = PeerLeaf(
    node="police.xa.example",
    peer="police.xb.example",
    action="accepted",
    card=b"\x0e" * 32,
    by="administrator",
    time_ms=TIME_MS,
    blind=BLIND,
)
EQUIVOCATION: Final = EquivocationLeaf(
    node="police.xa.example",
    peer="police.xb.example",
    origin="police.xb.example/exchange/2026h2",
    size=41,
    proof=b"\x0c" * 32,
    reporter="police.xc.example",
    time_ms=TIME_MS,
    blind=BLIND,
)
POLICY: Final = PolicyLeaf(
    node="police.xa.example",
    digest="cd" * 32,
    previous="",
    departures=("removed baseline/8-emergency.cedar",),
    time_ms=TIME_MS,
    blind=BLIND,
)
ERASE: Final = EraseLeaf(
    node="police.xa.example",
    id=MESSAGE,
    version=2,
    offer=b"\x0f" * 32,
    reason="RECALLED",
    time_ms=TIME_MS,
    blind=BLIND,
)
EXPORT: Final = ExportLeaf(
    node="police.xa.example",
    id=MESSAGE,
    version=2,
    purpose="investigation",
    by="officer",
    policy="cd" * 32,
    effect="permit",
    policies=("rules/export",),
    time_ms=TIME_MS,
    blind=BLIND,
)
LEGAL_HOLD: Final = LegalHoldLeaf(
    node="police.xa.example",
    id=MESSAGE,
    version=2,
    act="set",
    code="COURT-ORDER",
    by="administrator",
    time_ms=TIME_MS,
    blind=BLIND,
)
OPEN: Final = OpenLeaf(
    node="police.xa.example",
    origin="police.xa.example/exchange/2026h2",
    previous="",
    time_ms=TIME_MS,
    blind=BLIND,
)
CLOSE: Final = CloseLeaf(
    node="police.xa.example",
    origin="police.xa.example/exchange/2026h2",
    next="police.xa.example/exchange/2027h1",
    time_ms=TIME_MS,
    blind=BLIND,
)
LEAVES: Final[tuple[Leaf, ...]] = (
    OFFER,
    WITHHOLD,
    HOLD,
    RECEIPT,
    REVIEW,
    PEER_CHECKPOINT,
    CARD,
    PEER,
    EQUIVOCATION,
    POLICY,
    ERASE,
    EXPORT,
    LEGAL_HOLD,
    OPEN,
    CLOSE,
)
