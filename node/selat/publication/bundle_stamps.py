# SPDX-License-Identifier: Apache-2.0
"""Time-stamps of a bundle that is there: what to ask for, and where answers go."""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

from selat.core.bundle_paths import SUMS, FileKind, parse_bundle_path, token_path
from selat.core.digest_lists import SUMS_BYTES_MAX, encode_sums, parse_sums
from selat.core.notes import NOTE_BYTES_MAX
from selat.errors import InvalidInputError, MalformedError, TooLargeError
from selat.publication.bundle_writer import stamped_checkpoint
from selat.publication.durable_files import disk_errors, replace_durably, sync_tree
from selat.publication.published_log import size_of
from selat.publication.timestamps import TimeStamp

#: A checkpoint of a bundle: the shard's name and size, and the signed note.
StampedNote = tuple[tuple[str, int], bytes]

_LOGS: Final = "logs"


def end_checkpoints(bundle: Path) -> list[StampedNote]:
    """Return the checkpoint that ends each shard of a bundle, oldest first.

    Args:
        bundle: A folder or a zip file.

    Raises:
        InvalidInputError: There is no bundle.
        MalformedError: It is none.
    """
    return [
        found
        for name, found in _checkpoints(bundle)
        if parse_bundle_path(name).size is None
    ]


def add_stamps(bundle: Path, stamps: Sequence[TimeStamp]) -> list[str]:
    """Put time-stamps into a bundle that is a folder; return their names.

    The list of digests is written last. After a crash in between the bundle has
    a file too many; to add the same time-stamp again mends it.

    Raises:
        InvalidInputError: The bundle is no folder.
        MalformedError: It is no bundle.
        VerificationError: A time-stamp is over no checkpoint of the bundle.
    """
    if not bundle.is_dir():
        raise InvalidInputError(
            f"{bundle} is no folder, and a zip file is not changed.",
            remedy="Write the zip file anew, with `selat audit export --tsa-token`.",
        )
    digests = parse_sums(_read(bundle / SUMS, SUMS_BYTES_MAX))
    notes = [found for _, found in _checkpoints(bundle)]
    placed = {token_path(*stamped_checkpoint(each, notes)): each for each in stamps}
    with disk_errors(bundle):
        for name, stamp in placed.items():
            replace_durably(bundle / name, stamp.data)
            digests[name] = hashlib.sha256(stamp.data).digest()
        replace_durably(bundle / SUMS, encode_sums(digests))
        sync_tree(bundle)
    return sorted(placed)


def _checkpoints(bundle: Path) -> Iterator[tuple[str, StampedNote]]:
    """Yield the checkpoints of a bundle with the names of their files."""
    for name, note in _notes(bundle):
        shard = parse_bundle_path(name).shard
        yield name, ((shard, size_of(note)), note)


def _notes(bundle: Path) -> Iterator[tuple[str, bytes]]:
    if bundle.is_dir():
        names = (
            f"{_LOGS}/{file.parent.name}/{file.name}"
            for file in bundle.glob(f"{_LOGS}/*/*")
        )
        for name in _of_checkpoints(names):
            yield name, _read(bundle / name, NOTE_BYTES_MAX)
        return
    try:
        with zipfile.ZipFile(bundle) as archive:
            for name in _of_checkpoints(archive.namelist()):
                with archive.open(name) as file:
                    yield name, _bounded(file.read(NOTE_BYTES_MAX + 1), NOTE_BYTES_MAX)
    except OSError as error:
        raise InvalidInputError(
            f"There is no bundle {bundle}.", remedy="Name a folder or a zip file."
        ) from error
    except zipfile.BadZipFile as error:
        raise MalformedError(
            f"{bundle} is no zip file.", remedy="Ask for the bundle again."
        ) from error


def _of_checkpoints(names: Iterable[str]) -> list[str]:
    return sorted(
        name
        for name in names
        if name.startswith(f"{_LOGS}/") and _kind_of(name) is FileKind.CHECKPOINT
    )


def _kind_of(name: str) -> FileKind | None:
    try:
        return parse_bundle_path(name).kind
    except MalformedError:
        return None


def _read(file: Path, bytes_max: int) -> bytes:
    try:
        with file.open("rb") as opened:
            return _bounded(opened.read(bytes_max + 1), bytes_max)
    except OSError as error:
        raise InvalidInputError(
            f"{file} cannot be read: {error.strerror}.",
            remedy="Is it a bundle? Name the folder that `selat audit export` wrote.",
        ) from error


def _bounded(data: bytes, bytes_max: int) -> bytes:
    if len(data) > bytes_max:
        raise TooLargeError(
            f"A file of the bundle has more than {bytes_max} bytes.",
            remedy="Ask for the bundle again.",
        )
    return data
