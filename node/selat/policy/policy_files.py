# SPDX-License-Identifier: Apache-2.0
"""Read a policy folder, and hold its baseline against the one that is shipped.

=====================  ======================================================
``categories.toml``    the catalogue of categories
``schema.cedarschema`` what policies can see; as shipped
``baseline/*.cedar``   what no state may loosen; as shipped
``baseline.toml``      where the state departs from the baseline, and why
``rules/*.cedar``      the state's own rules
``groups.toml``        groups of states and nodes
``agreements/*.toml``  agreements
``release.toml``       the release list
``scenarios/*.toml``   cases that the set must decide as written
``examples/``          agreements and groups that only scenarios may assume
=====================  ======================================================

Other files, such as notes, are no part of the policy.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final

from selat.errors import ConfigurationError
from selat.policy.catalogue_file import CATALOGUE_FILE
from selat.policy.groups import GROUPS_FILE
from selat.policy.strict_toml import (
    Part,
    as_integer,
    as_line,
    as_tables,
    check_keys,
    check_known,
    fault,
    read_toml,
)

SCHEMA_FILE: Final = "schema.cedarschema"
RELEASE_FILE: Final = "release.toml"
BASELINE_FILE: Final = "baseline.toml"
BASELINE_VERSION: Final = 1

#: Folders and the ending of what counts in them.
_FOLDERS: Final = MappingProxyType(
    {
        "agreements": ".toml",
        "baseline": ".cedar",
        "examples": ".toml",
        "examples/agreements": ".toml",
        "rules": ".cedar",
        "scenarios": ".toml",
    }
)
_SINGLE: Final = (
    BASELINE_FILE,
    CATALOGUE_FILE,
    GROUPS_FILE,
    RELEASE_FILE,
    SCHEMA_FILE,
)
#: Files of a policy folder; a state has some two hundred partners at most.
MAX_FILES: Final = 1_000
#: Bytes of all files together.
MAX_FOLDER_BYTES: Final = 8 * 1024 * 1024
_EXCEPTION_KEYS: Final = frozenset({"file", "change", "reason"})
_CHANGES: Final = frozenset({"altered", "removed"})


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyFiles:
    """The files of a policy folder.

    Attributes:
        name: Where they come from, for messages.
        contents: Bytes by path below the folder.
    """

    name: str
    contents: Mapping[str, bytes]

    def below(self, folder: str) -> list[tuple[str, bytes]]:
        """Return the files of a folder by path."""
        prefix = f"{folder}/"
        return sorted(
            (path, raw)
            for path, raw in self.contents.items()
            if path.startswith(prefix)
        )

    def required(self, path: str) -> bytes:
        """Return a file that must be there.

        Raises:
            ConfigurationError: It is not.
        """
        raw = self.contents.get(path)
        if raw is None:
            raise ConfigurationError(
                f"The policy folder {self.name} has no {path}.",
                remedy="Copy it from the policy folder that is shipped with Selat.",
                file=path,
            )
        return raw

    def digests(self) -> dict[str, str]:
        """Return the SHA-256 of each file, hexadecimal, by path."""
        return {
            path: hashlib.sha256(raw).hexdigest()
            for path, raw in sorted(self.contents.items())
        }


def policy_paths(folder: Path) -> list[Path]:
    """Return the files of a folder that are part of the policy."""
    found = [folder / name for name in _SINGLE]
    for name, ending in _FOLDERS.items():
        found += (folder / name).glob(f"*{ending}")
    return sorted(path for path in found if path.is_file())


def read_policy_files(folder: Path) -> PolicyFiles:
    """Read a policy folder.

    Raises:
        ConfigurationError: It cannot be read or is too large.
    """
    paths = policy_paths(folder)
    if len(paths) > MAX_FILES:
        raise _too_much(folder, f"{MAX_FILES:,} files")
    contents: dict[str, bytes] = {}
    size = 0
    for path in paths:
        try:
            with path.open("rb") as file:
                raw = file.read(MAX_FOLDER_BYTES + 1)
        except OSError as error:
            raise ConfigurationError(
                f"The policy file {path} cannot be read: {error.strerror}.",
                remedy="Restore it; until then the policy in force stays.",
                file=str(path),
            ) from error
        size += len(raw)
        if size > MAX_FOLDER_BYTES:
            raise _too_much(folder, f"{MAX_FOLDER_BYTES:,} bytes")
        contents[path.relative_to(folder).as_posix()] = raw
    return PolicyFiles(name=str(folder), contents=MappingProxyType(contents))


def check_baseline(files: PolicyFiles, shipped: PolicyFiles) -> tuple[str, ...]:
    """Check that nothing of the baseline is missing or changed unsaid.

    Args:
        files: The state's policy folder.
        shipped: The policy folder that is shipped.

    Returns:
        The departures that ``baseline.toml`` declares, for example
        ``removed baseline/5-persons.cedar``.

    Raises:
        ConfigurationError: A file differs and ``baseline.toml`` does not say so,
            or it says so of a file that does not differ.
    """
    if files.required(SCHEMA_FILE) != shipped.required(SCHEMA_FILE):
        raise _departs(SCHEMA_FILE, "is not the one that is shipped")
    declared = _declared(files)
    expected, present = dict(shipped.below("baseline")), dict(files.below("baseline"))
    for path in sorted(set(present) - set(expected)):
        raise ConfigurationError(
            f"{path} is no part of the baseline.",
            remedy="Put rules of your own into the folder rules/.",
            file=path,
        )
    for path, raw in expected.items():
        change = declared.pop(path, "")
        if path not in present and change != "removed":
            raise _departs(path, "is missing")
        if path in present and present[path] != raw and change != "altered":
            raise _departs(path, "was altered")
        if present.get(path) == raw and change:
            raise _departs(BASELINE_FILE, f"calls {path} {change}, and it is not")
    for path in declared:
        raise _departs(BASELINE_FILE, f"names {path}, which is not in the baseline")
    return tuple(
        f"{change} {path}" for path, change in sorted(_declared(files).items())
    )


def _declared(files: PolicyFiles) -> dict[str, str]:
    """Return the declared change by path."""
    raw = files.contents.get(BASELINE_FILE)
    if raw is None:
        return {}
    text, document = read_toml(raw, source=BASELINE_FILE, what="list of departures")
    whole = Part(source=BASELINE_FILE, text=text)
    keys = frozenset({"version", "exception"})
    with whole.locating():
        check_keys(document, keys, keys)
        if as_integer("version", document["version"]) != BASELINE_VERSION:
            raise fault("version", f"this Selat reads version {BASELINE_VERSION}")
        tables = as_tables("exception", document["exception"])
    declared: dict[str, str] = {}
    for index, table in enumerate(tables):
        with whole.within("[[exception]]", index).locating():
            check_keys(table, _EXCEPTION_KEYS, _EXCEPTION_KEYS)
            change = as_line("change", table["change"])
            check_known("change", (change,), _CHANGES, "change")
            as_line("reason", table["reason"])
            declared[as_line("file", table["file"])] = change
    return declared


def _departs(path: str, what: str) -> ConfigurationError:
    return ConfigurationError(
        f"{path} {what}.",
        remedy="Restore what is shipped (`selat policy activate --restore-baseline`); "
        f"a state that departs from it says so, with its reason, in {BASELINE_FILE}.",
        file=path,
    )


def _too_much(folder: Path, limit: str) -> ConfigurationError:
    return ConfigurationError(
        f"The policy folder {folder} has more than {limit}.",
        remedy="Take out what is no policy.",
        file=str(folder),
    )
