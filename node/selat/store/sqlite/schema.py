# SPDX-License-Identifier: Apache-2.0
"""The schema and its migrations, one SQL file each.

A migration runs in one transaction with the note that it ran. A file that was
released is never edited; what changes is a new file and a new `STEPS` entry.
"""

from __future__ import annotations

from importlib.resources import files
from typing import Final

from sqlite_utils import Database, Migrations

from selat.errors import StoreCorruptError, StoreVersionError

# "Slat" in the file's header (https://www.sqlite.org/fileformat2.html §1.3.9).
APPLICATION_ID: Final = 0x536C6174

STEPS: Final = ("0001_first", "0002_witnessing")


def migrate(db: Database) -> None:
    """Bring a database to the newest schema.

    Raises:
        StoreCorruptError: The file belongs to another program.
        StoreVersionError: A newer Selat wrote it.
    """
    version = _version(db)
    if version > len(STEPS):
        raise StoreVersionError(
            f"The database has schema {version}; this Selat knows {len(STEPS)}.",
            remedy="Start the Selat release that wrote it, or a newer one.",
            version=version,
        )
    if version < len(STEPS):
        _migrations().apply(db)


def _version(db: Database) -> int:
    """Return how many steps the database has gone; 0 when it is empty."""
    (application_id,) = db.execute("PRAGMA application_id").fetchone()
    (version,) = db.execute("PRAGMA user_version").fetchone()
    if application_id == APPLICATION_ID:
        return int(version)
    if application_id or version or db.table_names():
        raise StoreCorruptError(
            "The database file was not made by Selat.",
            remedy="Name the node's own database, or an empty place for a new one.",
        )
    return 0


def _migrations() -> Migrations:
    """Return the steps as a migration set of sqlite-utils."""
    migrations = Migrations("selat")
    for number, name in enumerate(STEPS, start=1):
        migrations(name=name)(_Step(number, name))
    return migrations


class _Step:
    """One migration: its SQL file, then the version in the file's header."""

    def __init__(self, number: int, name: str) -> None:
        self.__name__ = name
        self._number = number

    def __call__(self, db: Database, /) -> None:
        folder = files("selat.store.sqlite") / "migrations"
        sql = (folder / f"{self.__name__}.sql").read_text(encoding="utf-8")
        db.executescript(sql)
        db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        db.execute(f"PRAGMA user_version = {self._number}")
