# SPDX-License-Identifier: Apache-2.0
"""The published values hold, by the code and by the specifications alone."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from functools import cache
from hashlib import sha256, shake_256
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)
from cryptography.hazmat.primitives.asymmetric.mldsa import (
    MLDSA44PrivateKey,
    MLDSA44PublicKey,
)
from tests.fakes.trees import audit_path, consistency, tree_hash

from selat.core.cards import RootPublic, card_digest, verify_card_envelope
from selat.core.checkpoints import open_checkpoint
from selat.core.cosignatures import cosignatures_of, cosigners
from selat.core.entry_bundles import entries_tile, parse_entries
from selat.core.equivocation import parse_equivocation, verify_equivocation
from selat.core.leaves import parse_leaf
from selat.core.log_states import KnownState
from selat.core.note_keys import NoteVerifier, parse_vkey
from selat.core.notes import parse_note
from selat.core.payloads import offer_salt, pack
from selat.core.proofs import verify_consistency, verify_inclusion, verify_range
from selat.core.seal_keys import SealPrivateKey
from selat.core.sealing import commitment, unwrap_batch_key
from selat.core.tile_paths import parse_tile_path
from selat.core.tlog_policies import parse_tlog_policy
from selat.core.tlog_proofs import parse_tlog_proof, verify_tlog_proof
from selat.core.witnessing import parse_add_checkpoint, verify_extension

LEAVES = [f"leaf {number}".encode() for number in range(1_000)]
HASHES = [sha256(b"\x00" + leaf).digest() for leaf in LEAVES]


@cache
def read(name: str) -> dict[str, Any]:
    values: dict[str, Any] = json.loads(
        Path(__file__).with_name(f"{name}.json").read_text("ascii")
    )
    return values


def unhex(items: Sequence[str]) -> tuple[bytes, ...]:
    return tuple(bytes.fromhex(item) for item in items)


# --- leaves and trees --------------------------------------------------------
def test_leaves_are_canonical_and_hash_to_their_values() -> None:
    leaves = read("leaves")["leaves"]
    assert len(leaves) > 8
    for each in leaves:
        data = each["leaf"].encode()
        assert parse_leaf(data).kind == each["kind"]
        assert sha256(b"\x00" + data).hexdigest() == each["hash"]


def roots() -> dict[int, bytes]:
    return {
        each["size"]: bytes.fromhex(each["root"]) for each in read("trees")["roots"]
    }


def test_roots_are_those_of_rfc_6962() -> None:
    assert unhex(read("trees")["leaf_hashes"]) == tuple(HASHES[:4])
    small = {size: root for size, root in roots().items() if size <= len(HASHES)}
    assert len(small) > 20
    assert small == {size: tree_hash(HASHES[:size]) for size in small}


def leaf_hash_of(number: int) -> bytes:
    return sha256(b"\x00leaf %d" % number).digest()


def test_inclusion_proofs_are_those_of_rfc_6962_and_hold() -> None:
    for each in read("trees")["inclusion"]:
        index, size, proof = each["index"], each["size"], unhex(each["proof"])
        if size <= len(HASHES):
            assert proof == audit_path(index, HASHES[:size])
        verify_inclusion(
            leaf_hash=leaf_hash_of(index),
            index=index,
            size=size,
            proof=proof,
            root=roots()[size],
        )


def test_consistency_proofs_are_those_of_rfc_6962_and_hold() -> None:
    for each in read("trees")["consistency"]:
        old_size, size = each["old_size"], each["size"]
        proof = unhex(each["proof"])
        if 0 < old_size < size <= len(HASHES):
            assert proof == consistency(old_size, HASHES[:size])
        old_root = roots().get(old_size) or tree_hash(
            [leaf_hash_of(number) for number in range(old_size)]
        )
        verify_consistency(
            old_size=old_size,
            old_root=old_root,
            new_size=size,
            new_root=roots().get(size) or tree_hash(HASHES[:size]),
            proof=proof,
        )


def outside(first: int, end: int, start: int, hashes: Sequence[bytes]) -> list[bytes]:
    """The range proof, written down as docs/protocol.md has it."""
    stop = start + len(hashes)
    if first <= start and stop <= end:
        return []
    if stop <= first or end <= start:
        return [tree_hash(hashes)]
    split = 1 << (len(hashes) - 1).bit_length() - 1
    return outside(first, end, start, hashes[:split]) + outside(
        first, end, start + split, hashes[split:]
    )


def test_range_proofs_are_those_of_the_protocol_and_hold() -> None:
    for each in read("trees")["range"]:
        first, count, size = each["first"], each["count"], each["size"]
        proof = unhex(each["proof"])
        if size <= len(HASHES):
            expected = outside(first, first + count, 0, HASHES[:size])
            assert list(proof) == expected
        verify_range(
            leaf_hashes=[leaf_hash_of(first + number) for number in range(count)],
            first=first,
            size=size,
            proof=proof,
            root=roots()[size],
        )


# --- tiles ---------------------------------------------------------------------
def test_a_bundle_holds_leaves_behind_their_lengths() -> None:
    bundle = bytes.fromhex(read("tiles")["bundle_of_3"])
    assert bundle == b"\x00\x06leaf 0\x00\x06leaf 1\x00\x06leaf 2"
    assert entries_tile(parse_entries(bundle, count=3)) == b"".join(HASHES[:3])


def test_tiles_hold_the_hashes_that_c2sp_defines() -> None:
    trees = read("tiles")["trees"]
    for each in (tree for tree in trees if tree["size"] <= len(HASHES)):
        assert each["count"] == len(each["files"])
        for path, digest in each["files"].items():
            tile = parse_tile_path(path)
            first = tile.index * 256
            if tile.level is None:
                leaves = LEAVES[first : first + tile.width]
                data = b"".join(len(x).to_bytes(2, "big") + x for x in leaves)
            else:
                span = 256**tile.level
                data = b"".join(
                    tree_hash(HASHES[number * span : (number + 1) * span])
                    for number in range(first, first + tile.width)
                )
            assert sha256(data).hexdigest() == digest


def test_a_tree_of_70000_has_the_tiles_of_the_specifications_example() -> None:
    (tree,) = (each for each in read("tiles")["trees"] if each["size"] == 70_000)
    assert sorted(tree["files"]) == [
        "tile/0/273.p/112",
        "tile/1/001.p/17",
        "tile/2/000.p/1",
        "tile/entries/273.p/112",
    ]
    assert tree["count"] == 2 * 274 + 2 + 1


# --- checkpoints -----------------------------------------------------------------
def keys() -> list[NoteVerifier]:
    return [parse_vkey(each["vkey"]) for each in read("checkpoints")["keys"]]


def checkpoint(name: str) -> bytes:
    value: str = read("checkpoints")[name]
    return value.encode()


def test_keys_follow_from_their_seeds() -> None:
    for each, verifier in zip(read("checkpoints")["keys"], keys(), strict=True):
        seed = bytes.fromhex(each["seed"])
        assert verifier.signature_type == each["type"]
        assert verifier.id.hex() == each["id"]
        private = (
            MLDSA44PrivateKey.from_seed_bytes(seed)
            if each["type"] == 6
            else Ed25519PrivateKey.from_private_bytes(seed)
        )
        assert private.public_key().public_bytes_raw() == verifier.public_key
        digest = sha256(
            verifier.name.encode() + bytes([10, each["type"]]) + verifier.public_key
        )
        assert digest.hexdigest()[:8] == each["id"]


def test_all_four_signatures_hold_over_their_messages() -> None:
    text, time_s = checkpoint("text"), read("checkpoints")["time"]
    note = parse_note(checkpoint("cosigned_note"))
    assert note.text == text
    origin, witness = (
        b"police.xa.example/exchange/2026h2",
        b"police.xb.example/witness",
    )
    time = time_s.to_bytes(8, "big")
    head = bytes([len(origin)]) + origin + bytes(8) + (7).to_bytes(8, "big")
    head += roots()[7]
    label = b"subtree/v1\n\0"
    messages = {
        "0x01": text,
        "0x06 log": label + bytes([len(origin)]) + origin + bytes(8) + head,
        "0x04": b"cosignature/v1\ntime %d\n" % time_s + text,
        "0x06 witness": label + bytes([len(witness)]) + witness + time + head,
    }
    times = (b"", bytes(8), time, time)
    for line, key, at, (name, message) in zip(
        note.signatures, keys(), times, messages.items(), strict=True
    ):
        digest = sha256(message).hexdigest()
        assert digest == read("checkpoints")["messages"][name]
        assert line.signature.startswith(at)
        kind = MLDSA44PublicKey if key.signature_type == 6 else Ed25519PublicKey
        public = kind.from_public_bytes(key.public_key)
        public.verify(line.signature[len(at) :], message)


def test_the_checkpoint_is_signed_and_cosigned() -> None:
    log, witness = keys()[:2], keys()[2:]
    for name in ("note", "cosigned_note"):
        head = open_checkpoint(
            checkpoint(name), origin="police.xa.example/exchange/2026h2", verifiers=log
        )
        assert (head.size, head.root) == (7, roots()[7])
    found = cosignatures_of(checkpoint("cosigned_note"), witness)
    assert cosigners(found) == {"police.xb.example/witness"}
    assert {each.time_s for each in found} == {read("checkpoints")["time"]}
    policy = parse_tlog_policy(checkpoint("tlog_policy"))
    assert policy.is_met(policy.witnesses_of(found))
    assert not policy.is_met(policy.witnesses_of(found[:1]))


def test_the_request_extends_what_the_witness_knows() -> None:
    request = parse_add_checkpoint(checkpoint("add_checkpoint"))
    known = KnownState(origin=request.origin, size=3, root=roots()[3])
    head = verify_extension(request, known=known, verifiers=keys()[:2])
    assert head.root == roots()[7]


def test_the_leaf_is_proven_alone() -> None:
    proof = parse_tlog_proof(checkpoint("tlog_proof"))
    origin = "police.xa.example/exchange/2026h2"
    verify_tlog_proof(proof, leaf=b"leaf 4", origin=origin, verifiers=keys()[:2])


def test_two_roots_of_one_size_convict() -> None:
    proof = parse_equivocation(checkpoint("equivocation"))
    first, second = verify_equivocation(proof, keys()[:2])
    assert (first.size, second.size) == (7, 7)
    assert (first.root, second.root) == (roots()[7], bytes(32))


# --- messages and cards ------------------------------------------------------------
def test_commitment_and_salt_are_those_of_the_code() -> None:
    values = read("messages")["commitment"]
    packed = pack(
        salt=bytes.fromhex(values["salt"]),
        header=values["header"].encode(),
        body=values["body"].encode(),
    )
    assert commitment(packed).hex() == values["commit"]
    values = read("messages")["offer_salt"]
    salt = offer_salt(
        bytes.fromhex(values["seed"]),
        recipient=values["recipient"],
        blind=bytes.fromhex(values["blind"]),
    )
    assert salt.hex() == values["salt"]


def test_the_batch_key_unwraps() -> None:
    values = read("messages")["batch_key"]
    private = SealPrivateKey(shake_256(bytes.fromhex(values["seal_seed"])).digest(96))
    public = private.public.to_bytes()
    assert sha256(public).hexdigest() == values["seal_public_sha256"]
    key = unwrap_batch_key(
        bytes.fromhex(values["wrapped_key"]),
        private_key=private,
        sender=values["sender"],
        recipient=values["recipient"],
        sequence=values["sequence"],
    )
    assert key.hex() == values["batch_key"]


def test_the_card_is_signed_by_its_root() -> None:
    values = read("messages")["card"]
    ed25519, mldsa44 = unhex(values["root_seeds"])
    root = RootPublic(
        ed25519=Ed25519PrivateKey.from_private_bytes(ed25519)
        .public_key()
        .public_bytes_raw(),
        mldsa44=MLDSA44PrivateKey.from_seed_bytes(mldsa44)
        .public_key()
        .public_bytes_raw(),
    )
    assert root.fingerprint.digest.hex() == values["fingerprint"]
    payload = verify_card_envelope(values["envelope"].encode(), root)
    assert payload.decode() == values["payload"]
    assert card_digest(payload).hex() == values["digest"]
    encoding = b"DSSEv1 29 application/vnd.selat.card.v1 4 card"
    digest = values["pre_authentication_encoding_sha256"]
    assert hashlib.sha256(encoding).hexdigest() == digest


@pytest.mark.parametrize(
    "name", ["checkpoints", "leaves", "messages", "tiles", "trees"]
)
def test_files_say_what_they_are(name: str) -> None:
    assert read(name)["about"]
