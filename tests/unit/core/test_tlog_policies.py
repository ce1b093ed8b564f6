# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from dataclasses import replace

import pytest
from tests.fakes.logs import log_signers, signed_head, witness_signer

from selat.core.cosignatures import verify_cosignatures
from selat.core.notes import parse_note
from selat.core.tlog_policies import (
    POLICY_BYTES_MAX,
    POLICY_ITEMS_MAX,
    PolicyGroup,
    PolicyLog,
    PolicyWitness,
    TlogPolicy,
    parse_tlog_policy,
)
from selat.errors import MalformedError

LOG_KEYS = [signer.verifier for signer in log_signers()]
WITNESSES = [
    witness_signer(f"police.{state}.example/witness", seed=20 + number)
    for number, state in enumerate(("xb", "xc", "xd"))
]
VKEYS = [[key.vkey for key in each.verifiers] for each in WITNESSES]


def written(*lines: str) -> bytes:
    return "".join(f"{line}\n" for line in lines).encode()


#: Two witnesses of three, each with both of its keys.
LINES = (
    f"log {LOG_KEYS[0].vkey} https://log.example/",
    f"log {LOG_KEYS[1].vkey}",
    *(
        f"witness {state}-{kind} {VKEYS[number][kind]}"
        for number, state in enumerate(("xb", "xc", "xd"))
        for kind in (0, 1)
    ),
    "group xb 2 xb-0 xb-1",
    "group xc 2 xc-0 xc-1",
    "group xd 2 xd-0 xd-1",
    "group two 2 xb xc xd",
    "quorum two",
)
POLICY = parse_tlog_policy(written(*LINES))


def test_a_policy_is_read_as_it_stands() -> None:
    assert [log.key.vkey for log in POLICY.logs] == [key.vkey for key in LOG_KEYS]
    assert [log.url for log in POLICY.logs] == ["https://log.example/", ""]
    assert [each.name for each in POLICY.witnesses[:2]] == ["xb-0", "xb-1"]
    assert POLICY.groups[3] == PolicyGroup(
        name="two", threshold=2, members=("xb", "xc", "xd")
    )
    assert POLICY.quorum == "two"
    assert POLICY.encode() == written(*LINES)


def test_white_space_comments_and_order_mean_nothing() -> None:
    key = VKEYS[0][0]
    policy = parse_tlog_policy(
        b"# why\n\n \t# \xff\n"
        + f" \twitness  a\t{key}   https://a.example \n".encode()
        + f"group g any a\nquorum g\nlog {LOG_KEYS[0].vkey}\n".encode()
    )
    assert policy.encode() == written(
        f"log {LOG_KEYS[0].vkey}",
        f"witness a {key} https://a.example",
        "group g 1 a",
        "quorum g",
    )


@pytest.mark.parametrize(
    ("word", "threshold"), [("any", 1), ("all", 3), ("1", 1), ("2", 2), ("3", 3)]
)
def test_a_group_asks_for_some_of_its_members(word: str, threshold: int) -> None:
    lines = [f"witness w{n} {VKEYS[n][0]}" for n in range(3)]
    policy = parse_tlog_policy(written(*lines, f"group g {word} w0 w1 w2", "quorum g"))
    assert policy.groups[0].threshold == threshold
    for count in range(4):
        names = [f"w{number}" for number in range(count)]
        assert policy.is_met(names) is (count >= threshold)


def test_the_specifications_example_is_two_levels_of_groups() -> None:
    keys = [key for pair in VKEYS for key in pair]
    names = ("X1", "X2", "X3", "Y1", "Y2", "Y3")
    policy = parse_tlog_policy(
        written(
            *(f"witness {name} {key}" for name, key in zip(names, keys, strict=True)),
            "group X-witnesses 2 X1 X2 X3",
            "group Y-witnesses any Y1 Y2 Y3",
            "group X-and-Y all X-witnesses Y-witnesses",
            "quorum X-and-Y",
        )
    )
    assert policy.is_met({"X1", "X3", "Y2"})
    assert not policy.is_met({"X1", "Y1", "Y2", "Y3"})
    assert not policy.is_met({"X1", "X2", "X3"})
    assert not policy.is_met({"X-witnesses", "Y-witnesses"})
    assert not policy.is_met(())


def test_one_witness_or_nobody_may_be_the_quorum() -> None:
    nobody = parse_tlog_policy(b"quorum none\n")
    assert nobody.is_met(())
    assert nobody.encode() == b"quorum none\n"
    one = parse_tlog_policy(written(f"witness a {VKEYS[0][0]}", "quorum a"))
    assert one.is_met({"a"})
    assert not one.is_met({"b"})


def test_cosignatures_are_counted_by_the_policys_names() -> None:
    text = parse_note(signed_head(7, bytes(32))).text
    keys = [key for each in WITNESSES for key in each.verifiers]
    lines = [each.cosign(text, time_s=1_900_000_000) for each in WITNESSES]

    def names_of(data: bytes) -> frozenset[str]:
        return POLICY.witnesses_of(verify_cosignatures(text, data, keys))

    assert names_of(lines[0]) == {"xb-0", "xb-1"}
    assert not POLICY.is_met(names_of(lines[0]))
    assert POLICY.is_met(names_of(lines[0] + lines[2]))
    half = lines[2].splitlines(keepends=True)[1]
    assert not POLICY.is_met(names_of(lines[0] + half))


def test_names_are_octets() -> None:
    data = (
        written(f"witness \u00e9 {VKEYS[0][0]}").replace(b"\xc3\xa9", b"\xe9")
        + b"quorum \xe9\n"
    )
    policy = parse_tlog_policy(data)
    assert policy.encode() == data
    assert policy.is_met({"\udce9"})
    assert not policy.is_met({"\u00e9"})


A, B = (f"witness {name} {VKEYS[n][0]}" for n, name in enumerate("ab"))


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"\n", id="no quorum"),
        pytest.param(b"quorum none", id="no end"),
        pytest.param(b"quorum none\r\n", id="a return"),
        pytest.param(b"quorum none\x00\n", id="a zero byte"),
        pytest.param(b"quorum none\x7f\n", id="a control character"),
        pytest.param(b"quorum none\nquorum none\n", id="two quorums"),
        pytest.param(b"quorum\n", id="a quorum of nothing"),
        pytest.param(b"quorum a\n", id="an unknown quorum"),
        pytest.param(written(A, "quorum a b"), id="a quorum of two"),
        pytest.param(written("quorum a", A), id="a quorum before its witness"),
        pytest.param(written("Quorum none"), id="a capital"),
        pytest.param(written("quorum none # why"), id="a comment behind"),
        pytest.param(written("quorum\u00a0none"), id="another space"),
        pytest.param(written("log", "quorum none"), id="a log of nothing"),
        pytest.param(written("log x", "quorum none"), id="a log without a key"),
        pytest.param(
            written(f"log {VKEYS[0][0]}", "quorum none"), id="a witness key for a log"
        ),
        pytest.param(
            written(f"log {LOG_KEYS[0].vkey} u v", "quorum none"), id="two URLs"
        ),
        pytest.param(
            written(*[f"log {LOG_KEYS[0].vkey}"] * 2, "quorum none"), id="a log twice"
        ),
        pytest.param(written("witness a", "quorum none"), id="no key"),
        pytest.param(written(A + " u v", "quorum a"), id="two URLs of a witness"),
        pytest.param(
            written(f"witness a {LOG_KEYS[0].vkey}", "quorum a"), id="a log's key"
        ),
        pytest.param(written(A, A.replace(" a ", " b "), "quorum a"), id="a key twice"),
        pytest.param(
            written(A, B.replace(" b ", " a "), "quorum a"), id="a name twice"
        ),
        pytest.param(
            written(A.replace(" a ", " none "), "quorum none"), id="a witness none"
        ),
        pytest.param(written(A, "group none 1 a", "quorum none"), id="a group none"),
        pytest.param(written(A, "group g 1", "quorum a"), id="no member"),
        pytest.param(written(A, "group g all", "quorum a"), id="all of nobody"),
        pytest.param(written(A, "group g 2 a", "quorum g"), id="more than there are"),
        pytest.param(written(A, "group g 0 a", "quorum g"), id="none of them"),
        pytest.param(written(A, "group g 01 a", "quorum g"), id="a leading zero"),
        pytest.param(written(A, "group g -1 a", "quorum g"), id="a sign"),
        pytest.param(written(A, "group g some a", "quorum g"), id="another word"),
        pytest.param(written(A, "group g 1 none", "quorum g"), id="none as a member"),
        pytest.param(written(A, "group g 1 b", B, "quorum g"), id="a member below"),
        pytest.param(written(A, "group g 1 g", "quorum g"), id="itself"),
        pytest.param(written(A, "group g 1 a a", "quorum g"), id="a member twice"),
        pytest.param(written(A, "group a 1 a", "quorum a"), id="the name of a witness"),
        pytest.param(
            written(A, B, "group g 1 a", "group g 1 b", "quorum g"), id="a group twice"
        ),
        pytest.param(
            written(A, B, "group g 1 a", "group h 2 a g", "quorum h"),
            id="a member of two groups",
        ),
    ],
)
def test_nothing_else_is_a_policy(data: bytes) -> None:
    with pytest.raises(MalformedError):
        parse_tlog_policy(data)


def test_a_policy_is_bounded() -> None:
    logs = tuple(
        PolicyLog(key=log_signers(f"log{number}", seed=number % 256)[0].verifier)
        for number in range(1, POLICY_ITEMS_MAX)
    )
    whole = TlogPolicy(logs=logs, witnesses=(), groups=(), quorum="none")
    assert parse_tlog_policy(whole.encode()).encode() == whole.encode()
    groups = tuple(
        PolicyGroup(name=f"g{number}", threshold=1, members=(f"g{number - 1}",))
        for number in range(1, POLICY_ITEMS_MAX + 2)
    )
    with pytest.raises(MalformedError, match="lines of one kind"):
        replace(whole, groups=groups)


@pytest.mark.parametrize("name", ["", "a b", "a\tb", "a\nb", "a\x7f", "\ud800", "none"])
def test_a_name_is_one_word(name: str) -> None:
    with pytest.raises(MalformedError):
        PolicyGroup(name=name, threshold=1, members=("a",))
    with pytest.raises(MalformedError):
        PolicyWitness(name=name, key=WITNESSES[0].verifiers[0])


def test_a_url_is_one_word() -> None:
    with pytest.raises(MalformedError):
        PolicyLog(key=LOG_KEYS[0], url="a b")
    with pytest.raises(MalformedError):
        PolicyWitness(name="a", key=WITNESSES[0].verifiers[0], url="a\nb")


def test_a_quorum_is_defined() -> None:
    with pytest.raises(MalformedError, match="not defined"):
        TlogPolicy(logs=(), witnesses=(), groups=(), quorum="a")
    group = PolicyGroup(name="g", threshold=1, members=("a",))
    with pytest.raises(MalformedError, match="not defined"):
        TlogPolicy(logs=(), witnesses=(), groups=(group,), quorum="g")


def test_its_length_is_bounded_before_it_is_read() -> None:
    with pytest.raises(MalformedError, match=str(POLICY_BYTES_MAX)):
        parse_tlog_policy(b"#" * POLICY_BYTES_MAX + b"\n")
