# SPDX-License-Identifier: Apache-2.0
"""What a tamperer may do to a bundle, each with the message it is caught by.

Whoever tampers on purpose writes the list of digests anew: `verify` does that.
Where the node itself lies, it signs with its own keys.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.fakes.bundles import (
    BEGIN_MS,
    MINUTE_MS,
    FakeNode,
    Files,
    add_cards,
    begin,
    exchange,
    export,
    listed,
    rebuild,
    trust_file,
    write_folder,
    write_zip,
)
from tests.fakes.identities import Identity, SeededEntropy, make_identity
from tests.unit.audit.conftest import (
    LOG,
    Pair,
    Verify,
    failures,
    make_pair,
    message,
)

from selat.audit.auditing import audit
from selat.audit.database import open_database
from selat.audit.findings import Code
from selat.audit.trust import Trust, parse_trust
from selat.core.cosignatures import with_cosignatures
from selat.core.entry_bundles import encode_entries, parse_entries
from selat.core.merkle import HASH_BYTES
from selat.core.note_keys import cosigned_message
from selat.core.notes import parse_note
from selat.core.times import to_ms

ENTRIES = f"{LOG}/tile/entries/000"


def entries(files: Files, name: str = ENTRIES) -> list[bytes]:
    return list(parse_entries(files[name], count=256))


# --- nothing ---------------------------------------------------------------
def test_honest_bundles_hold(bundles: tuple[Files, Files], verify: Verify) -> None:
    result = verify(*bundles)
    assert result.holds
    assert not list(result.findings)
    assert result.work.leaves == sum(
        each.period.end_size for bundle in result.bundles for each in bundle.shards
    )


@pytest.mark.parametrize("which", [0, 1])
def test_one_honest_bundle_holds_alone(
    which: int, bundles: tuple[Files, Files], verify: Verify
) -> None:
    assert verify(bundles[which]).holds


def test_zipped_bundle_holds(
    honest: Pair, bundles: tuple[Files, Files], tmp_path: Path
) -> None:
    archive = write_zip(listed(bundles[0]), tmp_path / "xa.zip")
    trust = parse_trust(trust_file(honest.xa, honest.xb))
    with open_database(None) as database:
        result = audit([archive], trust, database, progress=lambda _count: None)
    assert result.holds
    assert result.work.leaves > 0


# --- a flipped bit in any file ---------------------------------------------
def test_flipped_bit_in_any_file_is_caught(
    honest: Pair, bundles: tuple[Files, Files], tmp_path: Path
) -> None:
    files = listed(bundles[0])
    folder = write_folder(files, tmp_path / "bundle")
    trust = parse_trust(trust_file(honest.xa, honest.xb))
    assert len(files) > 15
    for name, data in files.items():
        place = len(data) // 2
        changed = bytearray(data)
        changed[place] ^= 1
        (folder / name).write_bytes(changed)
        with open_database(None) as database:
            result = audit([folder], trust, database, progress=lambda _count: None)
        (folder / name).write_bytes(data)
        assert not result.holds, name
        named = [
            each for each in result.findings if name in each.subject + each.message
        ]
        assert named, name
        damaged = failures(result) & {Code.FILE_DAMAGED, Code.FILE_MALFORMED}
        assert damaged or name == "SHA256SUMS"


@pytest.mark.parametrize(
    ("kind", "codes"),
    [
        (f"{LOG}/checkpoint", {Code.SIGNATURE_WRONG, Code.FILE_MALFORMED}),
        (f"{LOG}/tile/0/000", {Code.ROOT_DIFFERS, Code.TILE_DIFFERS}),
        (f"{LOG}/tile/1/000.p/1", {Code.ROOT_DIFFERS, Code.TILE_DIFFERS}),
        (ENTRIES, {Code.ENTRY_CHANGED, Code.ENTRIES_MALFORMED}),
        (
            "peers/police.xb.example/2030h1/leaves.jsonl",
            {Code.RANGE_UNPROVEN, Code.LEAF_MALFORMED, Code.FILE_MALFORMED},
        ),
        ("cards/police.xa.example/1.card", {Code.CARD_INVALID}),
    ],
)
def test_flipped_bit_is_caught_where_the_digests_were_made_anew(
    kind: str, codes: set[Code], bundles: tuple[Files, Files], verify: Verify
) -> None:
    files = bundles[0]
    changed = bytearray(files[kind])
    changed[len(changed) // 3] ^= 4
    files[kind] = bytes(changed)
    assert failures(verify(files)) & codes


@pytest.fixture(scope="module")
def hostile(
    honest: Pair, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Files, Trust]:
    """Give a bundle on disk, its files, and a trust file."""
    files = listed(honest.bundles()[0])
    folder = write_folder(files, tmp_path_factory.mktemp("hostile") / "bundle")
    return folder, files, parse_trust(trust_file(honest.xa, honest.xb))


@settings(max_examples=40)
@given(data=st.data())
def test_any_flipped_bit_is_caught_and_breaks_nothing(
    data: st.DataObject, hostile: tuple[Path, Files, Trust]
) -> None:
    folder, files, trust = hostile
    name = data.draw(st.sampled_from(sorted(files)))
    place = data.draw(st.integers(0, 8 * len(files[name]) - 1))
    changed = bytearray(files[name])
    changed[place // 8] ^= 1 << place % 8
    damaged = files | {name: bytes(changed)}
    for written in (damaged, listed(damaged)):
        for each in (name, "SHA256SUMS"):
            (folder / each).write_bytes(written[each])
        with open_database(None) as database:
            result = audit([folder], trust, database, progress=lambda _count: None)
        assert not (result.holds and written is damaged)
    for each in (name, "SHA256SUMS"):
        (folder / each).write_bytes(files[each])


# --- the tree --------------------------------------------------------------
def test_removed_entry_is_caught(bundles: tuple[Files, Files], verify: Verify) -> None:
    files = bundles[0]
    leaves = entries(files)
    del leaves[100]
    files[ENTRIES] = encode_entries(leaves)
    result = verify(files)
    assert Code.ENTRY_REMOVED in failures(result)
    assert message(result, Code.ENTRY_REMOVED) == "A leaf at 100 was removed."


def test_two_swapped_entries_are_caught(
    bundles: tuple[Files, Files], verify: Verify
) -> None:
    files = bundles[0]
    leaves = entries(files)
    leaves[7], leaves[9] = leaves[9], leaves[7]
    files[ENTRIES] = encode_entries(leaves)
    result = verify(files)
    assert Code.ENTRIES_SWAPPED in failures(result)
    assert message(result, Code.ENTRIES_SWAPPED) == (
        "The leaves 7, 9 stand in another order than in the tree."
    )


def test_added_leaf_is_caught(bundles: tuple[Files, Files], verify: Verify) -> None:
    files = bundles[0]
    name = next(each for each in files if each.startswith(f"{LOG}/tile/entries/001"))
    width = int(name.rpartition("/")[2])
    leaves = list(parse_entries(files[name], count=width))
    files[name] = encode_entries([*leaves, leaves[-1]])
    result = verify(files)
    assert failures(result) == {Code.ENTRY_ADDED}
    assert message(result, Code.ENTRY_ADDED) == (
        f"A leaf at {256 + width} was added that the tree does not have."
    )


def test_changed_leaf_is_caught(bundles: tuple[Files, Files], verify: Verify) -> None:
    files = bundles[0]
    leaves = entries(files)
    leaves[50] = leaves[50].replace(b"terrorism", b"piracy")
    files[ENTRIES] = encode_entries(leaves)
    result = verify(files)
    assert Code.ENTRY_CHANGED in failures(result)
    assert message(result, Code.ENTRY_CHANGED) == (
        "A leaf at 50 is not the one that the tree has."
    )


def test_leaf_changed_with_its_tiles_is_caught(
    xa: Identity, xb: Identity, verify: Verify
) -> None:
    pair = make_pair(xa, xb)
    log = pair.xa.log
    rebuild(log, {50: log.leaves[50].replace(b"terrorism", b"piracy")})
    result = verify(pair.bundles()[0])
    assert Code.ROOT_DIFFERS in failures(result)
    assert "do not lead to the root" in message(result, Code.ROOT_DIFFERS)


@pytest.mark.parametrize("name", [f"{LOG}/tile/0/000", f"{LOG}/tile/1/000.p/1"])
def test_truncated_tile_is_caught(
    name: str, bundles: tuple[Files, Files], verify: Verify
) -> None:
    files = bundles[0]
    files[name] = files[name][:-HASH_BYTES]
    result = verify(files)
    assert Code.TILE_TRUNCATED in failures(result)
    assert f"has {len(files[name])} bytes instead of" in message(
        result, Code.TILE_TRUNCATED
    )


@pytest.mark.parametrize("name", [f"{LOG}/tile/0/000", ENTRIES, f"{LOG}/checkpoint"])
def test_missing_file_is_caught(
    name: str, bundles: tuple[Files, Files], verify: Verify
) -> None:
    files = bundles[0]
    del files[name]
    result = verify(files)
    missing = [each for each in result.findings if each.code is Code.FILE_MISSING]
    assert [each.subject for each in missing] == [f"bundle-0/{name}"]
    assert missing[0].message == "The file is missing or cannot be read."


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("notes.txt", "is not a file that a bundle has"),
        (f"{LOG}/tile/0/005", "has no tile/0/005"),
        ("logs/2029h2/checkpoint", "is of a shard that the bundle does not name"),
    ],
)
def test_additional_file_is_caught(
    name: str, what: str, bundles: tuple[Files, Files], verify: Verify
) -> None:
    result = verify(bundles[0] | {name: bytes(8192)})
    assert failures(result) == {Code.FILE_UNEXPECTED}
    assert what in message(result, Code.FILE_UNEXPECTED)


# --- checkpoints -----------------------------------------------------------
def test_checkpoint_of_another_size_is_caught(
    bundles: tuple[Files, Files], verify: Verify
) -> None:
    files = bundles[0]
    other = next(name for name in files if name.startswith(f"{LOG}/checkpoint."))
    files[f"{LOG}/checkpoint"] = files[other]
    result = verify(files)
    assert Code.CHECKPOINT_MISPLACED in failures(result)
    assert "the bundle says that it is of" in message(result, Code.CHECKPOINT_MISPLACED)


def test_checkpoint_of_another_tree_is_caught(
    honest: Pair, bundles: tuple[Files, Files], verify: Verify
) -> None:
    files = bundles[0]
    other = FakeNode(honest.xa.identity)
    begin(other, BEGIN_MS + 1)
    note = other.log.sign(honest.xb)
    files[f"{LOG}/checkpoint.2"] = note
    result = verify(files)
    assert failures(result) == {Code.CHECKPOINT_INCONSISTENT}
    assert "of 2 leaves is signed for another tree" in message(
        result, Code.CHECKPOINT_INCONSISTENT
    )


def test_cosignature_of_an_unknown_witness_does_not_count(
    bundles: tuple[Files, Files], verify: Verify, tmp_path: Path
) -> None:
    files = bundles[0]
    stranger = FakeNode(make_identity(tmp_path / "xz", "police.xz.example"))
    files[f"{LOG}/checkpoint"] = recosigned(files[f"{LOG}/checkpoint"], stranger)
    result = verify(files)
    assert failures(result) == {Code.QUORUM_NOT_MET}
    assert message(result, Code.QUORUM_NOT_MET).startswith("0 of the 1 pinned")
    assert "police.xz.example/witness" in message(result, Code.WITNESS_UNKNOWN)


def recosigned(note: bytes, witness: FakeNode) -> bytes:
    """Return a note with the log's own signatures and those of one witness."""
    parsed = parse_note(note)
    own = [each for each in parsed.signatures if "/exchange/" in each.name]
    lines = b"".join(each.line() for each in own)
    cosigned = witness.witness.cosign(parsed.text, time_s=BEGIN_MS // 1000)
    return with_cosignatures(parsed.text + b"\n" + lines, [cosigned])


@pytest.mark.parametrize(
    ("place", "code", "name"),
    [
        (0, Code.SIGNATURE_MISSING, "ED25519 signature"),
        (1, Code.SIGNATURE_MISSING, "MLDSA44 signature"),
        (2, Code.COSIGNATURE_INCOMPLETE, "COSIGNATURE_ED25519 cosignature"),
        (3, Code.COSIGNATURE_INCOMPLETE, "MLDSA44 cosignature"),
    ],
)
def test_stripped_signature_type_is_caught(
    place: int,
    code: Code,
    name: str,
    bundles: tuple[Files, Files],
    verify: Verify,
) -> None:
    files = bundles[0]
    parsed = parse_note(files[f"{LOG}/checkpoint"])
    lines = [each.line() for each in parsed.signatures]
    del lines[place]
    files[f"{LOG}/checkpoint"] = parsed.text + b"\n" + b"".join(lines)
    result = verify(files)
    assert code in failures(result)
    assert message(result, code).startswith(f"The {name} of")


def test_wrong_cosignature_is_caught(
    bundles: tuple[Files, Files], verify: Verify
) -> None:
    files = bundles[0]
    parsed = parse_note(files[f"{LOG}/checkpoint"])
    lines = list(parsed.signatures)
    lines[2] = replace(lines[2], signature=lines[2].signature[:-1] + b"\x00")
    files[f"{LOG}/checkpoint"] = (
        parsed.text + b"\n" + b"".join(each.line() for each in lines)
    )
    assert Code.COSIGNATURE_WRONG in failures(verify(files))


# --- keys ------------------------------------------------------------------
def test_key_used_after_its_validity_is_caught(
    xa: Identity, xb: Identity, verify: Verify
) -> None:
    nodes = FakeNode(xa), FakeNode(xb)
    # The cards of the fakes end with the year.
    end_ms = to_ms(xa.card.card.valid_until)
    for node in nodes:
        begin(node, end_ms + 60 * MINUTE_MS, "2031h1")
    exchange(nodes[0], nodes[1], 2, end_ms + 61 * MINUTE_MS)
    nodes[0].log.sign(nodes[1])
    files = add_cards(export(nodes[0], from_ms=end_ms), *nodes)
    result = verify(files)
    assert Code.KEY_OUTSIDE_VALIDITY in failures(result)
    assert "it is valid from 2030-01-01T00:00:00.000Z to 2031-01-01T" in message(
        result, Code.KEY_OUTSIDE_VALIDITY
    )


def test_key_used_before_its_validity_is_caught(
    xa: Identity, xb: Identity, verify: Verify
) -> None:
    nodes = FakeNode(xa), FakeNode(xb)
    early_ms = to_ms(xa.card.card.issued_at) - 60 * MINUTE_MS
    for node in nodes:
        begin(node, early_ms, "2029h2")
    nodes[0].log.sign(nodes[1])
    files = add_cards(export(nodes[0], from_ms=early_ms), *nodes)
    assert Code.KEY_OUTSIDE_VALIDITY in failures(verify(files))


def test_card_of_another_root_is_caught(
    bundles: tuple[Files, Files], verify: Verify, tmp_path: Path
) -> None:
    other = make_identity(tmp_path / "xa", entropy=SeededEntropy("another"))
    files = bundles[0]
    files["cards/police.xa.example/1.card"] = other.card.envelope
    result = verify(files)
    assert {Code.CARD_NOT_PINNED, Code.SIGNATURE_MISSING} <= failures(result)
    assert "other root keys than the pinned ones" in message(
        result, Code.CARD_NOT_PINNED
    )


def test_cosignature_without_a_time_is_caught(
    honest: Pair, bundles: tuple[Files, Files], verify: Verify
) -> None:
    files = bundles[0]
    parsed = parse_note(files[f"{LOG}/checkpoint"])
    (mldsa44,) = [
        each for each in parsed.signatures if each.name == "police.xb.example/witness"
    ][1:]
    _, private = honest.xb.identity.key_store.witness()
    text = cosigned_message(mldsa44.name, parsed.text, timestamp_s=0)
    forged = replace(mldsa44, signature=bytes(8) + private.sign(text))
    lines = [*parsed.signatures[:-1], forged]
    files[f"{LOG}/checkpoint"] = (
        parsed.text + b"\n" + b"".join(each.line() for each in lines)
    )
    result = verify(files)
    assert Code.COSIGNATURE_WRONG in failures(result)
    assert "states no time" in message(result, Code.COSIGNATURE_WRONG)


def test_size_that_was_made_up_costs_nothing(
    bundles: tuple[Files, Files], verify: Verify
) -> None:
    files = bundles[0]
    files["bundle.json"] = files["bundle.json"].replace(
        b'"end_size":307', b'"end_size":9007199254740991'
    )
    result = verify(files)
    assert {Code.TILE_MISSING, Code.CHECKPOINT_MISPLACED} <= failures(result)
    assert "too few files for 9007199254740991 leaves" in message(
        result, Code.TILE_MISSING
    )


def test_entry_bundle_that_is_cut_off_is_caught(
    bundles: tuple[Files, Files], verify: Verify
) -> None:
    files = bundles[0]
    files[ENTRIES] = files[ENTRIES][:-1]
    assert Code.ENTRIES_MALFORMED in failures(verify(files))


@pytest.mark.parametrize(
    "name", ["cards/police.xb.example/1.card", "bundle.json", ENTRIES]
)
def test_file_larger_than_any_of_its_kind_is_caught(
    name: str, bundles: tuple[Files, Files], verify: Verify
) -> None:
    files = bundles[0]
    files[name] = bytes(256 * 65_537 + 1)
    result = verify(files)
    found = [each for each in result.findings if each.code is Code.FILE_MALFORMED]
    assert [each.subject for each in found] == [f"bundle-0/{name}"]
