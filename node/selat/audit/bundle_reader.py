# SPDX-License-Identifier: Apache-2.0
"""One bundle as the audit reads it (check 1, structure).

1. Every file has a name that a bundle knows, and stands once.
2. Every file but the list itself stands in ``SHA256SUMS``, and the other way.
3. Every file is what the list says. What is damaged is still read on: the
   other checks say what the damage did.
4. The manifest is of its form.
"""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256
from typing import IO, Final

from selat.audit.findings import Code, Findings
from selat.audit.sources import BundleFiles, read_blocks, read_bounded, read_lines
from selat.core.bundle_paths import MANIFEST, SUMS, BundlePath, parse_bundle_path
from selat.core.bundles import MANIFEST_BYTES_MAX, Manifest, parse_manifest
from selat.core.digest_lists import SUMS_BYTES_MAX, parse_sums
from selat.errors import InvalidInputError, MalformedError, SelatError, TooLargeError


class BundleReader:
    """Reads the files of a bundle, and holds each against its digest.

    Args:
        files: The files.
        findings: Where to say what is wrong.

    Attributes:
        label: What the bundle is called in reports.
        paths: Its files by name, those of a known kind.
    """

    def __init__(self, files: BundleFiles, findings: Findings) -> None:
        """List the files; read the list of their digests.

        Raises:
            InvalidInputError: It is no bundle.
        """
        self.label: Final = files.label
        self.paths: Final[dict[str, BundlePath]] = {}
        self._files: Final = files
        self._findings: Final = findings
        self._unread: Final[set[str]] = set()
        self._sums: dict[str, bytes] = {}
        self._list()

    def manifest(self) -> Manifest | None:
        """Return what the bundle is of; None if that cannot be read."""
        data = self.read(MANIFEST, bytes_max=MANIFEST_BYTES_MAX)
        if data is None:
            return None
        try:
            return parse_manifest(data)
        except SelatError as error:
            self.malformed(MANIFEST, error)
            return None

    def read(self, name: str, *, bytes_max: int) -> bytes | None:
        """Return the contents of a file.

        What is missing, too large or not readable is a finding, and None; what
        is not as the list of digests says is a finding only.
        """
        try:
            with self._open(name) as opened:
                data = read_bounded(opened, bytes_max=bytes_max)
        except OSError:
            self._missing(name)
            return None
        except TooLargeError as error:
            self.malformed(name, error)
            return None
        self._compare(name, sha256(data).digest())
        return data

    def lines(self, name: str, *, bytes_max: int) -> Iterator[bytes]:
        """Yield the lines of a file with their line breaks.

        Args:
            name: Name of the file.
            bytes_max: Most bytes of one line.
        """
        digest = sha256()
        try:
            with self._open(name) as opened:
                for line in read_lines(opened, bytes_max=bytes_max):
                    digest.update(line)
                    yield line
        except OSError:
            self._missing(name)
        except TooLargeError as error:
            self.malformed(name, error)
        else:
            self._compare(name, digest.digest())

    def finish(self) -> None:
        """Hold the files that nobody read against their digests."""
        for name in sorted(self._unread):
            digest = sha256()
            try:
                with self._open(name) as opened:
                    for block in read_blocks(opened):
                        digest.update(block)
            except OSError:
                self._missing(name)
                continue
            self._compare(name, digest.digest())

    def malformed(self, name: str, error: SelatError) -> None:
        """Say that a file is not of its form."""
        self._findings.add(Code.FILE_MALFORMED, f"{self.label}/{name}", error.message)

    def _list(self) -> None:
        names = self._files.names()
        if MANIFEST not in names:
            raise InvalidInputError(
                f"{self.label} is no bundle: it has no {MANIFEST}.",
                remedy="Name the folder or zip that 'selat audit export' wrote.",
            )
        for name in names:
            path = _path(name)
            if path is None or name in self.paths:
                self._add(Code.FILE_UNEXPECTED, name, "is not a file that a bundle has")
            else:
                self.paths[name] = path
        self._read_sums(set(names))

    def _read_sums(self, names: set[str]) -> None:
        data = b""
        if SUMS in self.paths:
            data = self.read(SUMS, bytes_max=SUMS_BYTES_MAX) or b""
        else:
            self._missing(SUMS)
        try:
            self._sums = parse_sums(data)
        except MalformedError as error:
            self.malformed(SUMS, error)
            return
        for name in sorted(self.paths.keys() - self._sums.keys() - {SUMS}):
            self._add(Code.FILE_UNLISTED, name, f"is not listed in {SUMS}")
        for name in sorted(self._sums.keys() - names):
            self._add(Code.FILE_MISSING, name, f"is listed in {SUMS} and not there")
        self._unread.update(self.paths.keys() & self._sums.keys())

    def _open(self, name: str) -> IO[bytes]:
        if name not in self.paths:
            raise FileNotFoundError(name)
        return self._files.open(name)

    def _compare(self, name: str, digest: bytes) -> None:
        if name in self._unread and self._sums[name] != digest:
            self._add(
                Code.FILE_DAMAGED, name, f"is not the file that {SUMS} was written of"
            )
        self._unread.discard(name)

    def _missing(self, name: str) -> None:
        self._unread.discard(name)
        if name not in self._sums or name in self.paths:
            self._add(Code.FILE_MISSING, name, "is missing or cannot be read")

    def _add(self, code: Code, name: str, what: str) -> None:
        shown = ascii(name)[1:-1]
        self._findings.add(code, f"{self.label}/{shown}", f"{shown} {what}.")


def _path(name: str) -> BundlePath | None:
    try:
        return parse_bundle_path(name)
    except MalformedError:
        return None
