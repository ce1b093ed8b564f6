# SPDX-License-Identifier: Apache-2.0
"""The policy folder of a node: whose it is, and how a draft takes its place."""

from __future__ import annotations

import shutil
from datetime import date
from pathlib import Path
from typing import Final

from selat.errors import ConfigurationError, InvalidInputError
from selat.identity.card import parse_card
from selat.node.configuration import read_configuration
from selat.node.folder import NodeFolder
from selat.policy.policy_files import (
    BASELINE_FILE,
    RELEASE_FILE,
    SCHEMA_FILE,
    PolicyFiles,
    read_policy_files,
)
from selat.policy.policy_loading import (
    build_policy_set,
    load_policy_set,
    read_shipped,
)
from selat.policy.policy_set import PolicySet
from selat.policy.policy_source import Identity

#: Where the folder goes that a draft takes the place of.
BEFORE: Final = ".before"


def identity_of(folder: NodeFolder) -> Identity:
    """Return whose policy a node's folder holds.

    Raises:
        ConfigurationError: There is no usable node there.
    """
    folder.check()
    configuration = read_configuration(folder.configuration)
    try:
        card = parse_card(folder.card.read_bytes())
    except OSError as error:
        raise ConfigurationError(
            f"The card {folder.card} cannot be read: {error.strerror}.",
            remedy="Restore it from the newest backup.",
        ) from error
    return Identity(
        node=configuration.name,
        state=configuration.state,
        received=frozenset(card.card.categories),
    )


def policy_in_force(folder: NodeFolder) -> PolicySet:
    """Return the policy set that a node's folder holds, unproven.

    Raises:
        ConfigurationError: It cannot be used.
    """
    return build_policy_set(read_policy_files(folder.policy), identity_of(folder))


def prove(folder: NodeFolder, draft: Path, *, today: date | None) -> PolicySet:
    """Return the policy set of a draft for this node, proven as if in force.

    Args:
        folder: The node's folder.
        draft: A complete policy folder, or the node's own.
        today: Refuse agreements that have ended by this date, UTC; None takes them.

    Raises:
        ConfigurationError: It could not come into force.
    """
    return load_policy_set(_files(folder, draft), identity_of(folder), today=today)


def draft_of(folder: NodeFolder, draft: Path) -> PolicySet:
    """Return the policy set of a draft for this node, unproven.

    Raises:
        ConfigurationError: It cannot be used.
    """
    return build_policy_set(_files(folder, draft), identity_of(folder))


def activate(folder: NodeFolder, draft: Path, *, today: date) -> PolicySet:
    """Prove a draft and put it in the place of the node's policy folder.

    A running node sees the old folder, none, or the new one, and never a mixture;
    while there is none, the old set stays in force. The old folder is kept beside.

    Raises:
        ConfigurationError: The draft could not come into force; nothing changes.
    """
    files = _files(folder, draft)
    policy = load_policy_set(files, identity_of(folder), today=today)
    _replace(folder, files)
    return policy


def restore_baseline(folder: NodeFolder, *, today: date) -> PolicySet:
    """Put the shipped baseline and schema into the node's policy folder.

    Raises:
        ConfigurationError: The state's own files do not fit them; nothing changes.
    """
    own, shipped = read_policy_files(folder.policy), read_shipped()
    kept = {
        path: raw
        for path, raw in own.contents.items()
        if path not in {BASELINE_FILE, SCHEMA_FILE} and not path.startswith("baseline/")
    }
    restored = {SCHEMA_FILE: shipped.required(SCHEMA_FILE)}
    restored |= dict(shipped.below("baseline"))
    files = PolicyFiles(name=own.name, contents={**kept, **restored})
    policy = load_policy_set(files, identity_of(folder), today=today)
    _replace(folder, files)
    return policy


def _files(folder: NodeFolder, draft: Path) -> PolicyFiles:
    """Read a draft; the node's release list is part of it unless it has one."""
    if not draft.is_dir():
        raise InvalidInputError(
            f"There is no policy folder {draft}.",
            remedy="Copy the node's policy folder and edit the copy.",
        )
    files = read_policy_files(draft)
    if RELEASE_FILE in files.contents or not folder.release_list.is_file():
        return files
    released = {RELEASE_FILE: folder.release_list.read_bytes()}
    return PolicyFiles(name=files.name, contents={**files.contents, **released})


def _replace(folder: NodeFolder, files: PolicyFiles) -> None:
    place = folder.policy
    new = place.with_name(f"{place.name}.partial")
    before = place.with_name(f"{place.name}{BEFORE}")
    shutil.rmtree(new, ignore_errors=True)
    # Notes and whatever else the state keeps there stay.
    shutil.copytree(place, new)
    for path in read_policy_files(new).contents:
        (new / path).unlink()
    for path, raw in files.contents.items():
        (new / path).parent.mkdir(parents=True, exist_ok=True)
        (new / path).write_bytes(raw)
    shutil.rmtree(before, ignore_errors=True)
    place.rename(before)
    new.rename(place)
