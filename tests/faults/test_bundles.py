# SPDX-License-Identifier: Apache-2.0
"""An export is killed at every step: no half bundle has its name, and it runs again."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from tests.fakes.bundle_checks import contents
from tests.fakes.killed import KillAt, killed_itself
from tests.fakes.local_nodes import NAME, note_of, open_store, policy_leaf

from selat.core.bundle_paths import MANIFEST, SUMS
from selat.core.digest_lists import parse_sums
from selat.errors import AlreadyExistsError
from selat.publication.bundle_files import new_bundle
from selat.publication.bundle_writer import BundleRequest, BundleWriter
from selat.publication.periods import Period, parts_of
from selat.store.sqlite.inspection import inspection

LEAVES = 600
PERIOD = Period(from_ms=0, to_ms=LEAVES)
FORMS = pytest.mark.parametrize("form", ["folder", "zip"])


@pytest.fixture
async def store(tmp_path: Path) -> Path:
    """Give the database of a log with leaves for several files."""
    leaves = [policy_leaf(number) for number in range(LEAVES)]
    async with open_store(tmp_path / "store.db") as opened:
        await opened.write(lambda transaction: transaction.append_leaves(leaves))
    return tmp_path / "store.db"


def export(store: Path, bundle: Path, form: str, step: str, occurrence: int) -> None:
    """Write a bundle, and kill this process at the n-th of a step."""
    at = KillAt(step, occurrence)
    with inspection(store) as reads:
        parts = reads(lambda snapshot: parts_of(snapshot, PERIOD))
        request = BundleRequest(
            node=NAME,
            period=PERIOD,
            created_ms=LEAVES,
            parts=parts,
            notes=[reads(note_of)],
        )
        with new_bundle(bundle, as_zip=form == "zip", on_step=at) as files:
            BundleWriter(files, reads=reads, progress=lambda _leaves: None).write(
                request
            )


def was_killed(
    store: Path, bundle: Path, form: str, step: str = "", occurrence: int = 1
) -> bool:
    """Write a bundle in another process; tell whether it came to that step."""
    return killed_itself(export, store, bundle, form, step, occurrence)


def assert_whole(bundle: Path) -> None:
    found = contents(bundle)
    digests = parse_sums(found.pop(SUMS))
    assert MANIFEST in found
    assert digests == {
        name: hashlib.sha256(data).digest() for name, data in found.items()
    }


@FORMS
@pytest.mark.parametrize(
    ("step", "occurrence"),
    [
        ("bundle.file", 1),
        ("bundle.file", 5),
        ("bundle.sums", 1),
        ("bundle.written", 1),
        ("bundle.durable", 1),
    ],
)
def test_killed_export_leaves_no_bundle_and_can_be_run_again(
    form: str, step: str, occurrence: int, store: Path, tmp_path: Path
) -> None:
    place = tmp_path / "bundles"
    place.mkdir()
    bundle = place / "b"
    assert was_killed(store, bundle, form, step, occurrence), "the step never came"
    assert not bundle.exists()
    assert not was_killed(store, bundle, form)
    assert_whole(bundle)
    assert [*place.iterdir()] == [bundle], "what was left behind is still there"


@FORMS
def test_export_killed_once_it_has_its_name_has_left_all_of_it(
    form: str, store: Path, tmp_path: Path
) -> None:
    bundle = tmp_path / "b"
    assert was_killed(store, bundle, form, "bundle.renamed")
    assert_whole(bundle)
    with pytest.raises(AlreadyExistsError):
        export(store, bundle, form, "", 1)
    assert_whole(bundle)
