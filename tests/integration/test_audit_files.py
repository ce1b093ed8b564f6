# SPDX-License-Identifier: Apache-2.0
"""Time-stamps of a real authority, policies for foreign tools, trees of files."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
from pathlib import Path

import pytest
from tests.fakes.bundle_checks import check_bundle, now
from tests.fakes.command import Selat
from tests.fakes.nodes import Home, exchanged

from selat.core.notes import parse_note
from selat.core.tlog_policies import parse_tlog_policy
from selat.core.tree_heads import parse_tree_head

# --- time-stamps ---------------------------------------------------------------

AUTHORITY = """
[req]
distinguished_name = name
x509_extensions = extensions
prompt = no
[name]
CN = Time-stamping authority (made up)
[extensions]
extendedKeyUsage = critical, timeStamping
keyUsage = critical, digitalSignature
[tsa]
default_tsa = authority
[authority]
serial = serial
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256
"""


class Authority:
    """A time-stamping authority: OpenSSL, in a folder."""

    def __init__(self, folder: Path) -> None:
        program = shutil.which("openssl")
        if program is None:
            pytest.skip("there is no openssl on this machine")
        self.program, self.folder = program, folder
        folder.mkdir()
        (folder / "authority.cnf").write_text(AUTHORITY)
        (folder / "serial").write_text("01\n")
        self("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
             "-nodes", "-keyout", "key.pem", "-out", "certificate.pem",
             "-config", "authority.cnf")  # fmt: skip

    def __call__(self, *arguments: object) -> None:
        subprocess.run(  # noqa: S603 - a program of this machine, in a folder of its own
            [self.program, *map(str, arguments)],
            cwd=self.folder,
            check=True,
            capture_output=True,
        )

    def answer(self, query: Path) -> Path:
        answer = query.with_suffix(".tsr")
        self("ts", "-reply", "-config", "authority.cnf", "-queryfile", query,
             "-signer", "certificate.pem", "-inkey", "key.pem",
             "-out", answer)  # fmt: skip
        return answer

    def verify(self, stamped: Path, answer: Path) -> None:
        self("ts", "-verify", "-data", stamped, "-in", answer,
             "-CAfile", "certificate.pem",
             "-untrusted", "certificate.pem")  # fmt: skip


def test_time_stamp_of_an_authority_goes_into_the_bundle(
    xa: Home, tmp_path: Path, selat: Selat
) -> None:
    authority = Authority(tmp_path / "authority")
    bundle, queries = tmp_path / "bundle", tmp_path / "queries"
    assert selat(xa, "audit", "export", "--out", bundle).code == 0
    asked = selat(xa, "audit", "timestamp-query", bundle, "--out", queries, "--json")
    (query,) = map(Path, asked.json["queries"])
    answer = authority.answer(query)
    added = selat(xa, "audit", "timestamp-add", bundle, answer)
    assert added.code == 0, added.err
    again = selat(xa, "audit", "timestamp-add", bundle, answer, "--json")
    assert again.json["added"] == [f"tokens/{answer.name}"]
    checked = check_bundle(bundle, (xa.card,), at=now())
    name = f"tokens/{query.with_suffix('.tsr').name}"
    assert checked.files[name] == answer.read_bytes()
    (checkpoint,) = bundle.glob("logs/*/checkpoint")
    authority.verify(checkpoint, bundle / name)

    one = selat(xa, "audit", "timestamp-query", checkpoint, "--out", queries)
    assert Path(one.out.strip()) == queries / "checkpoint.tsq"
    elsewhere = selat(
        xa, "audit", "export", "--tsa-token", answer, "--out", tmp_path / "other"
    )
    # Its checkpoint was signed anew, and nobody has stamped that one.
    assert "over no checkpoint" in elsewhere.err
    assert not (tmp_path / "other").exists()


# --- policies and trees ----------------------------------------------------------


def test_policy_for_foreign_tools_names_the_peers(
    pair: tuple[Home, Home], tmp_path: Path, selat: Selat
) -> None:
    xa, xb = pair
    printed = selat(xa, "audit", "policy", "--algorithm", "ed25519")
    policy = parse_tlog_policy(printed.out.encode())
    assert [witness.name for witness in policy.witnesses] == [xb.name]
    written = selat(xa, "audit", "policy", "--out", tmp_path / "policy", "--json")
    assert (tmp_path / "policy").read_text() == written.json["policy"]
    third = selat(xa, "audit", "policy", "--out", tmp_path / "third")
    assert "is the policy of" in third.out
    parsed = parse_tlog_policy((tmp_path / "policy").read_bytes())
    assert len(parsed.witnesses) == 2
    assert selat(xa, "audit", "policy", "--quorum", 2).code == 2


def test_tree_of_files_follows_the_log(
    pair: tuple[Home, Home], tmp_path: Path, selat: Selat
) -> None:
    xa, _ = pair
    first = selat(xa, "audit", "tiles", "--out", tmp_path / "tiles")
    assert first.code == 0, first.err
    assert "files written" in first.out
    asyncio.run(exchanged(*pair))
    second = selat(xa, "audit", "tiles", "--out", tmp_path / "tiles", "--json")
    (shard,) = second.json["shards"]
    folder = tmp_path / "tiles" / shard["origin"].rpartition("/")[2]
    note = parse_note((folder / "checkpoint").read_bytes())
    assert parse_tree_head(note.text).size == shard["size"]
