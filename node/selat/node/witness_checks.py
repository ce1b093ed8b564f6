# SPDX-License-Identifier: Apache-2.0
"""What a node's folder tells of how nodes vouch for each other."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from selat.core.times import to_ms
from selat.errors import SelatError
from selat.exchange.anchoring import AnchorStanding
from selat.node.configuration import NodeConfiguration
from selat.node.findings import Finding, fail, failed, ok, warn
from selat.node.folder import NodeFolder
from selat.store.port import Snapshot
from selat.store.sqlite.inspection import inspect
from selat.store.values import PeerState
from selat.store.witnessing import OwnCheckpoint


@dataclass(frozen=True, slots=True, kw_only=True)
class _Contents:
    """What the checks need of the database, from one moment of it."""

    accepted: int
    suspended: tuple[str, ...]
    anchored: OwnCheckpoint | None


def check_witnessing(
    folder: NodeFolder, configuration: NodeConfiguration, *, now: datetime
) -> Iterator[Finding]:
    """Examine whether peers vouch for our log, and which have lost our trust."""
    if not folder.store.is_file():
        return  # the database's own check says so
    try:
        contents = inspect(folder.store, _read)
    except SelatError as error:
        yield failed("anchor", error)
        return
    yield _anchor(contents, configuration, now=now)
    for name in contents.suspended:
        yield fail(
            "peers",
            f"Exchange with {name} is suspended: its log has shown two histories.",
            f"See: selat peer evidence {name}; call it; then resume or remove it.",
        )


def _read(snapshot: Snapshot) -> _Contents:
    peers = snapshot.peers()
    return _Contents(
        accepted=sum(peer.state is PeerState.ACCEPTED for peer in peers),
        suspended=tuple(
            peer.name for peer in peers if peer.state is PeerState.SUSPENDED
        ),
        anchored=snapshot.newest_anchored(),
    )


def _anchor(
    contents: _Contents, configuration: NodeConfiguration, *, now: datetime
) -> Finding:
    settings, anchored = configuration.witness, contents.anchored
    standing = AnchorStanding(
        quorum=settings.quorum,
        peers=contents.accepted,
        anchored=anchored,
        age_max_s=settings.anchor_age_max_s,
    )
    amiss = standing.warning(to_ms(now))
    if amiss:
        return warn(
            "anchor",
            amiss,
            "Let the node run and reach its peers; see `selat status`, and 'quorum' "
            "in node.toml.",
        )
    if anchored is None:
        return ok("anchor", "No peer has to cosign our log yet.")
    return ok(
        "anchor",
        f"{anchored.cosigners} peers vouch for our log at {anchored.size} leaves.",
    )
