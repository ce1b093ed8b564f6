# SPDX-License-Identifier: Apache-2.0
"""A node's own parts on a real database, with made-up keys; nothing serves."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path

from tests.fakes.exchanges import SEAL_KEY, SEAL_KEY_ID
from tests.fakes.identities import MIDYEAR, Identity, SeededEntropy
from tests.fakes.logs import ed25519_signer, mldsa44_signer, witness_signer

from selat.core.at_rest import StoreCipher
from selat.core.checkpoints import Checkpoint, origin_for
from selat.core.leaf_base import Leaf
from selat.core.leaves import PolicyLeaf, parse_leaf
from selat.core.notes import NoteSigner, NoteVerifier, sign_note
from selat.core.times import to_ms
from selat.exchange.accusing import Accuser
from selat.exchange.anchoring import Anchors
from selat.exchange.local import LocalNode
from selat.exchange.peer_book import PeerBook
from selat.exchange.signing import CheckpointSigner, StepObserver
from selat.exchange.witnessing import Witness
from selat.identity.card import SignedCard
from selat.node.assembly import ignore_step
from selat.policy.port import Decision, Effect
from selat.records.schema import Schema
from selat.store.port import Snapshot, Store, Transaction
from selat.store.sqlite.store import SqliteStore
from selat.store.values import PeerRow, PeerState

NAME = "police.xc.example"
ORIGIN = origin_for(NAME, date(2030, 7, 1))
NOW_MS = to_ms(MIDYEAR)
DAY_MS = 86_400_000


class FakeClock:
    """A clock that stands still until a test moves it."""

    def __init__(self, now_ms: int = NOW_MS) -> None:
        self.now_ms = now_ms

    def __call__(self) -> int:
        return self.now_ms

    @property
    def now(self) -> datetime:
        return datetime.fromtimestamp(self.now_ms / 1000, tz=MIDYEAR.tzinfo)


class FakePolicy:
    """Permit whatever is asked."""

    digest = "ab" * 32

    def _permit(self, *_asked: object, **_conditions: object) -> Decision:
        return Decision(effect=Effect.PERMIT, policies=("any",))

    release = accept = publish = view = search = export = approve = _permit


@dataclass
class MemoryMark:
    """A high-water mark that is lost with the process."""

    raised: list[tuple[str, int, bytes]] = field(default_factory=list)

    def raise_to(self, *, origin: str, size: int, root: bytes) -> None:
        self.raised.append((origin, size, root))


async def same_half_year() -> None:
    """See to it that nothing changes: the newest shard stays what it is."""


def signers_of(origin: str) -> tuple[NoteSigner, NoteSigner]:
    """Return the signers of a log: Ed25519, ML-DSA-44."""
    return ed25519_signer(origin), mldsa44_signer(origin)


def policy_leaf(time_ms: int) -> bytes:
    """Return a leaf of the node that tells its time and no more."""
    return PolicyLeaf(
        node=NAME,
        digest="ab" * 32,
        previous="",
        departures=(),
        time_ms=time_ms,
        blind=bytes(32),
    ).encode()


def note_of(snapshot: Snapshot) -> bytes:
    """Sign the newest state of a log."""
    head = snapshot.tree_head()
    checkpoint = Checkpoint(
        origin=head.origin, size=head.frontier.size, root=head.frontier.root()
    )
    return sign_note(checkpoint.text(), signers_of(head.origin))


@asynccontextmanager
async def open_store(path: Path) -> AsyncIterator[Store]:
    """Open a database whose log is begun."""
    store = SqliteStore.open(path)
    await store.write(lambda transaction: transaction.open_log(ORIGIN))
    yield store
    await store.close()


def no_card() -> SignedCard:
    """Stand in for the card of a node that has none."""
    raise AssertionError("this node has no card")


def local_node(
    store: Store,
    *,
    clock: FakeClock,
    mark: MemoryMark | None = None,
    quorum: int = 1,
    foreign: Mapping[str, Sequence[NoteVerifier]] | None = None,
    own_card: Callable[[], SignedCard] = no_card,
    on_step: StepObserver = ignore_step,
) -> LocalNode:
    """Put the parts of ``police.xc.example`` together."""
    policy, peers = FakePolicy(), PeerBook()
    signer = CheckpointSigner(
        store=store, mark=mark or MemoryMark(), signers=signers_of, on_step=ignore_step
    )
    return LocalNode(
        name=NAME,
        state="XC",
        agency="Police of XC",
        store=store,
        cipher=StoreCipher(bytes(range(32))),
        signer=signer,
        witness=Witness(
            store=store,
            peers=peers,
            cosigner=lambda: witness_signer(f"{NAME}/witness"),
            foreign=foreign or {},
            clock=clock,
            on_step=on_step,
        ),
        anchors=Anchors(peers=peers, quorum=quorum, clock=clock),
        accuser=Accuser(
            name=NAME,
            store=store,
            peers=peers,
            signer=signer,
            own_card=own_card,
            clock=clock,
            entropy=SeededEntropy(f"{NAME}/accuser"),
        ),
        seal_keys=lambda key_id: SEAL_KEY if key_id == SEAL_KEY_ID else None,
        policy=lambda: policy,
        schema=Schema(),
        peers=peers,
        clock=clock,
        entropy=SeededEntropy(NAME),
        on_step=on_step,
        follow_half_year=same_half_year,
    )


def peer_row(
    identity: Identity,
    *,
    state: PeerState = PeerState.ACCEPTED,
    envelope: bytes | None = None,
) -> PeerRow:
    """Return the row of a peer that was accepted this moment."""
    return PeerRow(
        name=identity.card.card.name,
        envelope=identity.card.envelope if envelope is None else envelope,
        state=state,
        accepted_ms=NOW_MS,
        changed_ms=NOW_MS,
    )


async def accept_peers(local: LocalNode, *rows: PeerRow) -> None:
    """Keep peers and load them, as if they had been accepted before."""

    def work(transaction: Transaction) -> list[PeerRow]:
        for row in rows:
            transaction.put_peer(row)
        return transaction.peers()

    local.peers.load(await local.store.write(work))


async def leaves_of(store: Store) -> list[Leaf]:
    """Return every leaf of our log."""

    def work(snapshot: Snapshot) -> list[bytes]:
        return snapshot.leaves(0, snapshot.tree_head().end)

    return [parse_leaf(data) for data in await store.read(work)]
