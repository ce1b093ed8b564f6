# SPDX-License-Identifier: Apache-2.0
"""What the log publishes and its witnesses are told: round trips, and garbage."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.fakes.logs import log_signers, signed_head, verifiers_of, witness_signer

from selat.core.cosignatures import (
    cosignatures_of,
    cosigners,
    verify_cosignatures,
    with_cosignatures,
)
from selat.core.entry_bundles import encode_entries, parse_entries
from selat.core.equivocation import (
    Equivocation,
    parse_equivocation,
    verify_equivocation,
)
from selat.core.notes import parse_note, parse_signatures
from selat.core.tile_paths import TilePath, parse_tile_path, tile_paths
from selat.core.tlog_policies import (
    PolicyGroup,
    PolicyLog,
    PolicyWitness,
    TlogPolicy,
    parse_tlog_policy,
)
from selat.core.tlog_proofs import TlogProof, parse_tlog_proof
from selat.core.witnessing import AddCheckpoint, parse_add_checkpoint
from selat.errors import MalformedError, SignatureError

NOTE = signed_head(2**40, bytes(32))
OTHER = signed_head(2**40, bytes([1]) * 32)
KEYS = verifiers_of(log_signers())
WITNESSES = [witness_signer(f"w{number}.example", seed=number) for number in (1, 2, 3)]
COSIGNERS = [key for each in WITNESSES for key in each.verifiers]
TEXT = parse_note(NOTE).text
LINES = [each.cosign(TEXT, time_s=1_900_000_000) for each in WITNESSES]
COSIGNED = with_cosignatures(NOTE, LINES)
EQUIVOCATION = Equivocation(first=NOTE, second=OTHER).encode()

numbers = st.integers(min_value=0, max_value=2**63 - 1)
hashes = st.lists(st.binary(min_size=32, max_size=32), max_size=63).map(tuple)
leaves = st.lists(st.binary(max_size=40), min_size=1, max_size=256)
words = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cc", "Zs"]), min_size=1
).filter(lambda word: word != "none")


@given(leaves=leaves)
def test_leaves_are_read_as_they_were_bundled(leaves: list[bytes]) -> None:
    assert parse_entries(encode_entries(leaves), count=len(leaves)) == tuple(leaves)


@given(leaves=leaves, other=st.integers(min_value=0, max_value=300))
def test_a_bundle_is_of_one_width(leaves: list[bytes], other: int) -> None:
    if other != len(leaves):
        with pytest.raises(MalformedError):
            parse_entries(encode_entries(leaves), count=other)


@given(data=st.binary(max_size=60), count=st.integers(min_value=1, max_value=8))
def test_bytes_at_random_are_no_bundle_or_the_same_one(data: bytes, count: int) -> None:
    with suppress(MalformedError):
        assert encode_entries(parse_entries(data, count=count)) == data


@given(
    level=st.none() | st.integers(min_value=0, max_value=63),
    index=numbers,
    width=st.integers(min_value=1, max_value=256),
)
def test_paths_are_read_as_they_were_written(
    level: int | None, index: int, width: int
) -> None:
    path = TilePath(level=level, index=index, width=width)
    assert parse_tile_path(str(path)) == path


@given(path=st.text("tile/enrs0123x.p", max_size=30) | st.text(max_size=30))
def test_text_at_random_is_no_path_or_the_same_one(path: str) -> None:
    with suppress(MalformedError):
        assert str(parse_tile_path(path)) == path


@given(size=st.integers(min_value=0, max_value=200_000))
def test_the_tiles_of_a_tree_hold_each_of_its_leaves_once(size: int) -> None:
    paths = list(tile_paths(size))
    for level in (None, 0):
        held = [path for path in paths if path.level == level]
        assert sum(path.width for path in held) == size
        assert [path.index for path in held] == list(range(len(held)))
    for level in range(1, 4):
        widths = sum(path.width for path in paths if path.level == level)
        assert widths == size >> 8 * level


@given(index=numbers, proof=hashes, extra=st.binary(max_size=50))
def test_proofs_are_read_as_they_were_written(
    index: int, proof: tuple[bytes, ...], extra: bytes
) -> None:
    value = TlogProof(index=index, proof=proof, checkpoint=NOTE, extra=extra)
    assert parse_tlog_proof(value.encode()) == value


@given(old_size=st.integers(min_value=0, max_value=2**40), proof=hashes)
def test_requests_are_read_as_they_were_written(
    old_size: int, proof: tuple[bytes, ...]
) -> None:
    value = AddCheckpoint(old_size=old_size, proof=proof, checkpoint=COSIGNED)
    assert parse_add_checkpoint(value.encode()) == value


@given(
    first=st.lists(st.integers(min_value=0, max_value=2), max_size=8), data=st.data()
)
def test_any_lines_of_cosigners_give_the_cosigners(
    first: list[int], data: st.DataObject
) -> None:
    lines = b"".join(data.draw(st.permutations([LINES[number] for number in first])))
    expected = {WITNESSES[number].name for number in first}
    found = verify_cosignatures(TEXT, lines, COSIGNERS)
    assert cosigners(found) == expected
    note = with_cosignatures(NOTE, [each.line for each in found])
    assert note.startswith(NOTE)
    assert cosigners(cosignatures_of(note, COSIGNERS)) == expected
    assert len(parse_note(note).signatures) == 2 + 2 * len(expected)


@given(data=st.data())
def test_no_changed_byte_of_a_cosignature_adds_a_cosigner(data: st.DataObject) -> None:
    changed = bytearray(LINES[0])
    position = data.draw(st.integers(min_value=0, max_value=len(changed) - 1))
    changed[position] ^= data.draw(st.integers(min_value=1, max_value=255))
    with suppress(MalformedError, SignatureError):
        # A name or key ID that was changed is that of somebody unknown.
        assert cosigners(verify_cosignatures(TEXT, bytes(changed), COSIGNERS)) == set()


@given(lines=st.binary(max_size=200) | st.just("\u2014 a ").map(str.encode))
def test_bytes_at_random_are_no_lines_or_the_same_ones(lines: bytes) -> None:
    with suppress(MalformedError):
        assert b"".join(each.line() for each in parse_signatures(lines)) == lines


PARSERS: tuple[tuple[bytes, Callable[[bytes], bytes]], ...] = (
    (
        TlogProof(index=7, proof=(bytes(32),) * 3, checkpoint=NOTE).encode(),
        lambda data: parse_tlog_proof(data).encode(),
    ),
    (
        AddCheckpoint(old_size=7, proof=(bytes(32),) * 3, checkpoint=NOTE).encode(),
        lambda data: parse_add_checkpoint(data).encode(),
    ),
    (EQUIVOCATION, lambda data: parse_equivocation(data).encode()),
)


@given(which=st.sampled_from(PARSERS), data=st.data())
def test_each_form_is_read_in_one_way(
    which: tuple[bytes, Callable[[bytes], bytes]], data: st.DataObject
) -> None:
    whole, read = which
    changed = bytearray(whole)
    for _ in range(data.draw(st.integers(min_value=0, max_value=3))):
        position = data.draw(st.integers(min_value=0, max_value=len(changed) - 1))
        byte = data.draw(st.sampled_from(b"\n 09A=\x00\xff"))
        match data.draw(st.sampled_from(["put in", "left out", "changed", "cut"])):
            case "put in":
                changed.insert(position, byte)
            case "left out":
                del changed[position]
            case "changed":
                changed[position] = byte
            case _:
                del changed[position + 1 :]
    with suppress(MalformedError):
        assert read(bytes(changed)) == changed


@given(data=st.data())
def test_no_changed_byte_of_a_proof_of_equivocation_convicts(
    data: st.DataObject,
) -> None:
    changed = bytearray(EQUIVOCATION)
    position = data.draw(st.integers(min_value=0, max_value=len(changed) - 1))
    changed[position] ^= data.draw(st.integers(min_value=1, max_value=255))
    with pytest.raises((MalformedError, SignatureError)):
        verify_equivocation(parse_equivocation(bytes(changed)), KEYS)


@st.composite
def policies(draw: st.DrawFn) -> TlogPolicy:
    """Any policy over the witnesses' keys; members stand above their groups."""
    names = draw(st.lists(words, unique=True, min_size=6, max_size=12))
    urls = st.just("") | words
    witnesses = tuple(
        PolicyWitness(name=name, key=key, url=draw(urls))
        for name, key in zip(names, COSIGNERS, strict=False)
    )
    free, groups = names[: len(witnesses)], []
    for name in names[len(witnesses) :]:
        members = draw(st.lists(st.sampled_from(free), min_size=1, unique=True))
        threshold = draw(st.integers(min_value=1, max_value=len(members)))
        groups.append(
            PolicyGroup(name=name, threshold=threshold, members=tuple(members))
        )
        free = [each for each in free if each not in members] + [name]
    return TlogPolicy(
        logs=tuple(PolicyLog(key=key, url=draw(urls)) for key in KEYS),
        witnesses=witnesses,
        groups=tuple(groups),
        quorum=draw(st.sampled_from([*names, "none"])),
    )


@given(policy=policies())
def test_policies_are_read_as_they_were_written(policy: TlogPolicy) -> None:
    again = parse_tlog_policy(policy.encode())
    assert again.encode() == policy.encode()
    assert (again.groups, again.quorum) == (policy.groups, policy.quorum)


@given(policy=policies(), data=st.data())
def test_more_witnesses_never_meet_less(
    policy: TlogPolicy, data: st.DataObject
) -> None:
    names = [witness.name for witness in policy.witnesses]
    some = data.draw(st.sets(st.sampled_from(names)))
    more = some | data.draw(st.sets(st.sampled_from(names)))
    assert policy.is_met(more) or not policy.is_met(some)
    assert policy.is_met(names)


@given(
    data=st.binary(max_size=100)
    | st.text("ab \t#\ngroup quorum none all 12").map(str.encode)
)
def test_bytes_at_random_are_no_policy_or_one_that_stays(data: bytes) -> None:
    with suppress(MalformedError):
        policy = parse_tlog_policy(data)
        assert parse_tlog_policy(policy.encode()) == policy
