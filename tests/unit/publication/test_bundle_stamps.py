# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import hashlib
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.fakes.logs import ed25519_signer

from selat.core.bundle_paths import SUMS
from selat.core.digest_lists import encode_sums, parse_sums
from selat.core.notes import NOTE_BYTES_MAX, sign_note
from selat.core.tree_heads import Checkpoint
from selat.errors import (
    InvalidInputError,
    MalformedError,
    TooLargeError,
    VerificationError,
)
from selat.publication.bundle_stamps import add_stamps, end_checkpoints
from selat.publication.timestamps import TimeStamp


def note(size: int, half: str = "2030h1") -> bytes:
    origin = f"police.xa.example/exchange/{half}"
    checkpoint = Checkpoint(origin=origin, size=size, root=bytes(32))
    return sign_note(checkpoint.text(), [ed25519_signer(origin)])


FILES = {
    "bundle.json": b"{}\n",
    "logs/2030h1/checkpoint": note(9),
    "logs/2030h1/checkpoint.7": note(7),
    "logs/2030h2/checkpoint": note(5, "2030h2"),
    "logs/2030h2/tile/0/000.p/5": bytes(160),
    "logs/stray": b"",
}


def stamp(stamped: bytes) -> TimeStamp:
    return TimeStamp(
        data=b"answer over " + stamped[:10],
        at=datetime(2030, 1, 1, tzinfo=UTC),
        hash_oid="2.16.840.1.101.3.4.2.3",
        digest=hashlib.sha512(stamped).digest(),
    )


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    sums = {name: hashlib.sha256(data).digest() for name, data in FILES.items()}
    for name, data in {**FILES, SUMS: encode_sums(sums)}.items():
        file = tmp_path / "bundle" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
    return tmp_path / "bundle"


@pytest.fixture
def zipped(tmp_path: Path) -> Path:
    with zipfile.ZipFile(tmp_path / "b.zip", "w") as archive:
        for name, data in FILES.items():
            archive.writestr(name, data)
    return tmp_path / "b.zip"


def test_checkpoints_that_end_the_shards_are_found(bundle: Path, zipped: Path) -> None:
    expected = [(("2030h1", 9), note(9)), (("2030h2", 5), note(5, "2030h2"))]
    assert end_checkpoints(bundle) == expected
    assert end_checkpoints(zipped) == expected


def test_time_stamp_goes_where_its_checkpoint_says(bundle: Path) -> None:
    names = add_stamps(bundle, [stamp(note(9)), stamp(note(7))])
    assert names == ["tokens/2030h1-7.tsr", "tokens/2030h1-9.tsr"]
    digests = parse_sums((bundle / SUMS).read_bytes())
    for name in names:
        assert digests[name] == hashlib.sha256((bundle / name).read_bytes()).digest()
    assert set(FILES) < set(digests)


def test_time_stamp_may_be_added_again(bundle: Path) -> None:
    add_stamps(bundle, [stamp(note(9))])
    before = (bundle / SUMS).read_bytes()
    add_stamps(bundle, [stamp(note(9))])
    assert (bundle / SUMS).read_bytes() == before


def test_time_stamp_over_something_else_is_refused(bundle: Path) -> None:
    with pytest.raises(VerificationError, match="over no checkpoint"):
        add_stamps(bundle, [stamp(note(9)), stamp(note(8))])
    assert not (bundle / "tokens").exists()


def test_zip_file_is_not_changed(zipped: Path) -> None:
    with pytest.raises(InvalidInputError, match="not changed"):
        add_stamps(zipped, [stamp(note(9))])


def test_what_is_no_bundle_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="There is no bundle"):
        end_checkpoints(tmp_path / "nothing")
    (tmp_path / "file").write_bytes(b"PK")
    with pytest.raises(MalformedError, match="is no zip file"):
        end_checkpoints(tmp_path / "file")
    with pytest.raises(InvalidInputError, match="cannot be read"):
        add_stamps(tmp_path, [stamp(note(9))])


def test_checkpoint_that_is_too_long_is_refused(bundle: Path) -> None:
    (bundle / "logs/2030h1/checkpoint").write_bytes(bytes(NOTE_BYTES_MAX + 1))
    with pytest.raises(TooLargeError):
        end_checkpoints(bundle)
