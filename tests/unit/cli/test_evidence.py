# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol
from uuid import UUID

import pytest
from tests.fakes.identities import (
    EXPIRES,
    MIDYEAR,
    Identity,
    SeededEntropy,
    card_of,
    later,
    make_identity,
)

from selat.cli.evidence import cards_at_hand, verify_exchange
from selat.core.checkpoints import Checkpoint
from selat.core.leaf_base import Leaf
from selat.core.leaves import OfferLeaf, ReceiptLeaf, ReviewLeaf
from selat.core.merkle import leaf_hash
from selat.core.notes import parse_note, sign_note
from selat.core.shard_leaves import OpenLeaf
from selat.core.tiles import range_proof, root_at, updated_tiles
from selat.core.times import to_ms, utc
from selat.errors import (
    CardExpiredError,
    MalformedError,
    NotFoundError,
    ProofError,
    SelatError,
    SignatureError,
    VerificationError,
)
from selat.identity.card import SignedCard
from selat.identity.key_kinds import KeyKind
from selat.identity.own_card import NodeProfile
from selat.v1 import desk_service_pb2 as pb

ID = UUID("0198f2f0-7a3b-7c11-9a55-0242ac120002")
XA, XB = "police.xa.example", "police.xb.example"
TIME_MS = to_ms(MIDYEAR)


class Log:
    """A log of a few leaves, in memory."""

    def __init__(self, identity: Identity) -> None:
        self.identity = identity
        self.leaves: list[bytes] = []
        self._tiles: dict[tuple[int, int], bytes] = {}

    def tile(self, level: int, index: int) -> bytes:
        return self._tiles.get((level, index), b"")

    def append(self, leaves: Sequence[Leaf]) -> None:
        encoded = [leaf.encode() for leaf in leaves]
        hashes = [leaf_hash(each) for each in encoded]
        self._tiles.update(updated_tiles(len(self.leaves), hashes, self))
        self.leaves += encoded

    def evidence(self, index: int, *, first: int, count: int) -> pb.LeafEvidence:
        size = len(self.leaves)
        origin = f"{self.identity.card.card.name}/exchange/2030h2"
        checkpoint = Checkpoint(origin=origin, size=size, root=root_at(size, self))
        signers = self.identity.key_store.log_signers(origin)
        return pb.LeafEvidence(
            leaf=self.leaves[index],
            index=index,
            first_index=first,
            leaf_hashes=map(leaf_hash, self.leaves[first : first + count]),
            proof=range_proof(first, count, size, self),
            checkpoint=sign_note(checkpoint.text(), signers),
        )


def opening(node: str) -> OpenLeaf:
    return OpenLeaf(
        node=node,
        origin=f"{node}/exchange/2030h2",
        previous="",
        time_ms=0,
        blind=bytes(32),
    )


def offer(**changes: object) -> OfferLeaf:
    values: dict[str, object] = {
        "id": ID,
        "version": 1,
        "type": "person",
        "category": "terrorism",
        "level": "restricted",
        "codes": (),
        "tlp": "",
        "purposes": ("prevention",),
        "sender": XA,
        "recipient": XB,
        "time_ms": TIME_MS,
        "policy": "00" * 32,
        "effect": "permit",
        "policies": (),
        "commit": bytes(32),
        "blind": bytes(32),
    }
    return OfferLeaf(**(values | changes))  # type: ignore[arg-type]  # any field


def receipt(answered: OfferLeaf, **changes: object) -> ReceiptLeaf:
    values: dict[str, object] = {
        "offer": leaf_hash(answered.encode()),
        "id": answered.id,
        "version": answered.version,
        "sender": XB,
        "recipient": XA,
        "time_ms": TIME_MS,
        "outcome": "accepted",
        "reason": "",
        "policy": "00" * 32,
        "effect": "permit",
        "policies": (),
        "blind": bytes(32),
    }
    return ReceiptLeaf(**(values | changes))  # type: ignore[arg-type]  # any field


def review(answered: ReceiptLeaf, **changes: object) -> ReviewLeaf:
    values: dict[str, object] = {
        "node": XB,
        "peer": XA,
        "id": answered.id,
        "version": answered.version,
        "answers": leaf_hash(answered.encode()),
        "act": "approve",
        "reason": "",
        "by": "reviewer",
        "policy": "00" * 32,
        "time_ms": TIME_MS,
        "blind": bytes(32),
    }
    return ReviewLeaf(**(values | changes))  # type: ignore[arg-type]  # any field


@pytest.fixture(scope="module")
def identities(tmp_path_factory: pytest.TempPathFactory) -> tuple[Identity, Identity]:
    return (
        make_identity(tmp_path_factory.mktemp("xa") / "keys", XA),
        make_identity(tmp_path_factory.mktemp("xb") / "keys", XB, state="XB"),
    )


@pytest.fixture
def cards(identities: tuple[Identity, Identity]) -> dict[str, SignedCard]:
    return {each.card.card.name: each.card for each in identities}


class Exchange(Protocol):
    """Makes the evidence of an exchange, with a review or without."""

    def __call__(
        self, offered: Leaf, answer: Leaf, decided: Leaf | None = None
    ) -> pb.ExchangeEvidence: ...


@pytest.fixture
def exchange(identities: tuple[Identity, Identity]) -> Exchange:
    def make(
        offered: Leaf, answer: Leaf, decided: Leaf | None = None
    ) -> pb.ExchangeEvidence:
        ours, theirs = map(Log, identities)
        ours.append([opening(XA), offer(version=9), offered])
        theirs.append([opening(XB), answer])
        receipt = theirs.evidence(1, first=1, count=1)
        if decided is not None:
            theirs.append([decided])
        ours.append([opening(XA)])
        return pb.ExchangeEvidence(
            sender=XA,
            recipient=XB,
            offer=ours.evidence(2, first=1, count=2),
            receipt=receipt,
            review=(None if decided is None else theirs.evidence(2, first=2, count=1)),
        )

    return make


@pytest.fixture
def good(exchange: Exchange) -> pb.ExchangeEvidence:
    return exchange(offer(), receipt(offer()))


def verify(evidence: pb.ExchangeEvidence, cards: dict[str, SignedCard]) -> object:
    return verify_exchange(evidence, cards, message_id=ID.bytes, version=1)


def test_an_exchange_that_both_logs_hold_is_verified(
    good: pb.ExchangeEvidence, cards: dict[str, SignedCard]
) -> None:
    verified = verify_exchange(good, cards, message_id=ID.bytes, version=1)

    assert verified.outcome == "accepted"
    assert verified.offer.index == 2
    assert verified.document()["receipt"] == {
        "origin": f"{XB}/exchange/2030h2",
        "index": 1,
        "time": "2030-07-01T00:00:00.000Z",
        "checkpoint_size": 2,
        "checkpoint_root": verified.receipt.checkpoint.root.hex(),
    }
    assert verified.offer.describe() == (
        f"leaf 2 of {XA}/exchange/2030h2, 2030-07-01 00:00Z"
    )


def _flip(data: bytes, at: int = -3) -> bytes:
    changed = bytearray(data)
    changed[at] ^= 1
    return bytes(changed)


@pytest.mark.parametrize("side", ["offer", "receipt"])
@pytest.mark.parametrize("position", [-3, -80, 60])
def test_a_changed_checkpoint_is_refused(
    good: pb.ExchangeEvidence,
    cards: dict[str, SignedCard],
    side: str,
    position: int,
) -> None:
    evidence: pb.LeafEvidence = getattr(good, side)
    evidence.checkpoint = _flip(evidence.checkpoint, position)

    with pytest.raises((SignatureError, MalformedError)):
        verify(good, cards)


def test_a_checkpoint_of_another_node_is_refused(
    good: pb.ExchangeEvidence, cards: dict[str, SignedCard]
) -> None:
    good.offer.checkpoint = good.receipt.checkpoint

    with pytest.raises(VerificationError, match=f"not one of a log of {XA}"):
        verify(good, cards)


def test_a_checkpoint_signed_by_other_keys_is_refused(
    good: pb.ExchangeEvidence, cards: dict[str, SignedCard], tmp_path: Path
) -> None:
    # The keys of made-up identities follow from their name.
    store = make_identity(tmp_path / "keys", "impostor.xa.example").key_store
    text, _, _ = good.offer.checkpoint.partition(b"\n\n")
    signers = store.log_signers(f"{XA}/exchange/2030h2")
    good.offer.checkpoint = sign_note(text + b"\n", signers)

    with pytest.raises(SignatureError):
        verify(good, cards)


def test_a_changed_leaf_hash_is_refused(
    good: pb.ExchangeEvidence, cards: dict[str, SignedCard]
) -> None:
    good.offer.leaf_hashes[0] = _flip(good.offer.leaf_hashes[0])

    with pytest.raises(ProofError):
        verify(good, cards)


@pytest.mark.parametrize("index", [0, 1, 3, 2**63])
def test_a_leaf_at_another_place_is_refused(
    good: pb.ExchangeEvidence, cards: dict[str, SignedCard], index: int
) -> None:
    good.offer.index = index

    with pytest.raises(ProofError, match="not among those"):
        verify(good, cards)


def test_a_leaf_that_is_not_in_the_log_is_refused(
    good: pb.ExchangeEvidence, cards: dict[str, SignedCard]
) -> None:
    good.offer.leaf = offer(category="sanctions").encode()

    with pytest.raises(ProofError, match="not among those"):
        verify(good, cards)


@pytest.mark.parametrize(
    ("offered", "answer", "why"),
    [
        (offer(), receipt(offer(category="piracy")), "answers another offer"),
        (offer(version=2), receipt(offer(version=2)), "is of another message"),
        (offer(), receipt(offer(), version=2), "is of another message"),
        (offer(recipient="police.xc.example"), receipt(offer()), "names other nodes"),
        (offer(), receipt(offer(), sender="police.xc.example"), "names other nodes"),
        (receipt(offer()), receipt(offer()), "is not an offer with its receipt"),
        (offer(), offer(), "is not an offer with its receipt"),
    ],
)
def test_leaves_that_do_not_belong_together_are_refused(
    exchange: Exchange,
    cards: dict[str, SignedCard],
    offered: Leaf,
    answer: Leaf,
    why: str,
) -> None:
    with pytest.raises(VerificationError, match=why):
        verify(exchange(offered, answer), cards)


QUARANTINED = receipt(offer(), outcome="quarantined", effect="hold")


def test_a_review_that_answers_the_receipt_is_verified(
    exchange: Exchange, cards: dict[str, SignedCard]
) -> None:
    evidence = exchange(offer(), QUARANTINED, review(QUARANTINED))
    verified = verify_exchange(evidence, cards, message_id=ID.bytes, version=1)

    assert (verified.outcome, verified.act) == ("quarantined", "approve")
    assert verified.review is not None
    assert verified.review.index == 2
    document = verified.document()["review"]
    assert isinstance(document, dict)
    assert (document["act"], document["index"]) == ("approve", 2)


@pytest.mark.parametrize(
    ("decided", "why"),
    [
        (QUARANTINED, "a review that is none"),
        (review(QUARANTINED, version=2), "a review of another message"),
        (review(QUARANTINED, node="police.xc.example"), "a review of another message"),
        (review(QUARANTINED, peer="police.xc.example"), "a review of another message"),
        (review(QUARANTINED, answers=bytes(32)), "answers another receipt"),
    ],
)
def test_a_review_of_something_else_is_refused(
    exchange: Exchange, cards: dict[str, SignedCard], decided: Leaf, why: str
) -> None:
    with pytest.raises(VerificationError, match=why):
        verify(exchange(offer(), QUARANTINED, decided), cards)


def test_a_review_that_is_not_in_the_log_is_refused(
    exchange: Exchange, cards: dict[str, SignedCard]
) -> None:
    evidence = exchange(offer(), QUARANTINED, review(QUARANTINED))
    evidence.review.leaf = review(QUARANTINED, act="refuse").encode()

    with pytest.raises(ProofError, match="not among those"):
        verify(evidence, cards)


def test_keys_must_have_been_valid_when_they_signed(
    exchange: Exchange, cards: dict[str, SignedCard]
) -> None:
    late = offer(time_ms=to_ms(later(1000)))

    with pytest.raises(CardExpiredError):
        verify(exchange(late, receipt(late)), cards)


def test_checkpoint_may_be_signed_with_keys_that_came_after_the_leaf(
    tmp_path: Path,
    exchange: Exchange,
    cards: dict[str, SignedCard],
) -> None:
    good = exchange(offer(), receipt(offer()))
    node = make_identity(tmp_path / "keys", XA)
    for kind in (KeyKind.LOG_ED25519, KeyKind.LOG_MLDSA44):
        node.key_store.add(kind, created=MIDYEAR, entropy=SeededEntropy("later"))
    changed = TIME_MS + 60_000
    card = card_of(
        NodeProfile(name=XA, state="XA", agency="Police of XA"),
        node.key_store,
        tls_certificate=node.tls_certificate,
        issued_at=utc(changed),
        valid_until=EXPIRES,
        previous=node.card,
    )
    text = parse_note(good.offer.checkpoint).text
    origin = f"{XA}/exchange/2030h2"
    later_note = sign_note(text, node.key_store.log_signers(origin))

    assert verify(good, cards | {XA: card})
    good.offer.checkpoint = later_note
    assert verify(good, cards | {XA: card})
    with pytest.raises(SignatureError):
        verify(good, cards)
    # Old keys sign nothing that holds a later leaf.
    late = offer(time_ms=changed + 1)
    with pytest.raises(SignatureError):
        verify(exchange(late, receipt(late)), cards | {XA: card})


@pytest.mark.parametrize("missing", [XA, XB])
def test_without_a_card_nothing_is_verified(
    good: pb.ExchangeEvidence, cards: dict[str, SignedCard], missing: str
) -> None:
    del cards[missing]

    with pytest.raises(NotFoundError, match=f"no card of {missing}"):
        verify(good, cards)


def test_cards_in_files_are_enough(
    good: pb.ExchangeEvidence, cards: dict[str, SignedCard], tmp_path: Path
) -> None:
    files = [tmp_path / f"{name}.card" for name in cards]
    for file, signed in zip(files, cards.values(), strict=True):
        file.write_bytes(signed.envelope)

    assert cards_at_hand(None, files) == cards
    assert verify(good, cards_at_hand(None, files))


def test_a_folder_without_a_node_has_no_cards(tmp_path: Path) -> None:
    with pytest.raises(SelatError, match="There is no node"):
        cards_at_hand(tmp_path, [])
