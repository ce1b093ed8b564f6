# SPDX-License-Identifier: Apache-2.0
"""The table ``[witness]`` of the configuration: how nodes vouch for each other."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from selat.core.notes import NoteVerifier, parse_vkey
from selat.errors import ConfigurationError, MalformedError

#: More cosigners than a note has room for beside the log's own signatures
#: cannot be asked for.
QUORUM_MAX: Final = 31
_INTERVAL_S_MIN: Final = 1
#: A day: what is not offered once a day is not anchored.
_INTERVAL_S_MAX: Final = 86_400
_AGE_S_MAX: Final = 365 * 86_400
_KEYS: Final = frozenset(
    {"quorum", "interval_s", "anchor_age_max_s", "compare_views", "foreign_logs"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class WitnessSettings:
    """How this node vouches for others, and lets them vouch for it.

    Attributes:
        quorum: How many accepted peers must cosign a checkpoint until it is
            anchored; 0 for none.
        interval_s: Time between two offers of a checkpoint to every peer, s.
        anchor_age_max_s: Age at which the newest anchored checkpoint becomes a
            warning, s.
        compare_views: Whether peers are asked what they hold of each other.
        foreign_logs: Verifier keys (C2SP signed-note) of logs that are no
            peers' and are cosigned over HTTP; the key's name is the origin.
    """

    quorum: int = 1
    interval_s: int = 60
    anchor_age_max_s: int = 3_600
    compare_views: bool = True
    foreign_logs: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse what cannot be kept."""
        _check_range("quorum", self.quorum, 0, QUORUM_MAX)
        _check_range("interval_s", self.interval_s, _INTERVAL_S_MIN, _INTERVAL_S_MAX)
        _check_range("anchor_age_max_s", self.anchor_age_max_s, 1, _AGE_S_MAX)
        self.foreign_verifiers()

    def foreign_verifiers(self) -> Mapping[str, tuple[NoteVerifier, ...]]:
        """Return the keys of the configured logs by origin.

        One key of each type that is listed for a log must have signed its
        checkpoints.

        Raises:
            ConfigurationError: One is no verifier key.
        """
        found: dict[str, tuple[NoteVerifier, ...]] = {}
        for vkey in self.foreign_logs:
            try:
                verifier = parse_vkey(vkey)
            except MalformedError as error:
                raise _wrong("foreign_logs", "a list of verifier keys") from error
            found[verifier.name] = (*found.get(verifier.name, ()), verifier)
        return found


def read_witness_settings(document: Mapping[str, Any]) -> WitnessSettings:
    """Read the table ``witness`` of the configuration; without it, the defaults.

    Raises:
        ConfigurationError: It has other keys, or a value is none of its kind.
    """
    table = document.get("witness", {})
    if not isinstance(table, dict):
        raise _wrong("witness", "a table")
    unknown = set(table) - _KEYS
    if unknown:
        raise ConfigurationError(
            f"The configuration has unknown keys in [witness]: "
            f"{', '.join(sorted(unknown))}.",
            remedy=f"Known are: {', '.join(sorted(_KEYS))}.",
        )
    for key in ("quorum", "interval_s", "anchor_age_max_s"):
        if type(table.get(key, 0)) is not int:
            raise _wrong(key, "a whole number")
    if type(table.get("compare_views", True)) is not bool:
        raise _wrong("compare_views", "true or false")
    logs = table.get("foreign_logs", [])
    if not isinstance(logs, list) or not all(isinstance(log, str) for log in logs):
        raise _wrong("foreign_logs", "a list of verifier keys")
    return WitnessSettings(**{**table, "foreign_logs": tuple(logs)})


def format_witness_settings(settings: WitnessSettings) -> list[str]:
    """Return the lines of the table, which `read_witness_settings` reads back."""
    logs = ", ".join(
        json.dumps(log, ensure_ascii=False) for log in settings.foreign_logs
    )
    return [
        "# How many accepted peers must cosign our log until it is anchored; 0 for",
        "# none. Every interval one checkpoint is offered to all of them.",
        "[witness]",
        f"quorum = {settings.quorum}",
        f"interval_s = {settings.interval_s}",
        "# An anchor older than this is a warning in `selat status`.",
        f"anchor_age_max_s = {settings.anchor_age_max_s}",
        "# Ask peers what they were shown of the logs of other peers.",
        f"compare_views = {json.dumps(settings.compare_views)}",
        "# Verifier keys of other logs that this node cosigns.",
        f"foreign_logs = [{logs}]",
    ]


def _check_range(key: str, value: int, least: int, greatest: int) -> None:
    if not least <= value <= greatest:
        raise _wrong(key, f"a number from {least} to {greatest}")


def _wrong(key: str, what: str) -> ConfigurationError:
    return ConfigurationError(
        f"'{key}' in the configuration must be {what}.",
        remedy="Correct node.toml; `selat doctor` checks it.",
        key=key,
    )
