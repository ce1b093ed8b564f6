# SPDX-License-Identifier: Apache-2.0
"""The state of the node as an operator needs to see it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from selat.core.times import to_ms
from selat.desk import convert
from selat.exchange.anchoring import AnchorStanding
from selat.exchange.links import Links
from selat.exchange.local import LocalNode
from selat.identity.card import SignedCard
from selat.store.port import Snapshot
from selat.store.values import (
    IncidentRow,
    Link,
    OutboxState,
    PeerState,
    StoreCounts,
    TreeHead,
)
from selat.store.witnessing import Cosigned, OwnCheckpoint
from selat.v1 import desk_service_pb2 as pb

_INCIDENTS_MAX: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class _State:
    """What a status needs of the database, from one moment of it."""

    head: TreeHead
    counts: StoreCounts
    incidents: list[IncidentRow]
    links: list[Link]
    cosigned: dict[str, Cosigned]
    anchored: OwnCheckpoint | None


class StatusReporter:
    """Put the node's state together."""

    def __init__(
        self,
        *,
        local: LocalNode,
        links: Links,
        own_card: Callable[[], SignedCard],
        software_version: str,
        started_ms: int,
        anchor_age_max_s: int,
        turned_away: Callable[[], int],
    ) -> None:
        """Take what a status is made of."""
        self._local = local
        self._links = links
        self._own_card = own_card
        self._software_version = software_version
        self._started_ms = started_ms
        self._anchor_age_max_s = anchor_age_max_s
        self._turned_away = turned_away

    async def report(self) -> pb.GetStatusResponse:
        """Return the state at this moment."""
        local = self._local
        names = [peer.name for peer in local.peers.corresponding()]
        state = await local.store.read(lambda s: _read(s, names))
        head, counts = state.head, state.counts
        return pb.GetStatusResponse(
            name=local.name,
            state=local.state,
            agency=local.agency,
            software_version=self._software_version,
            started_at=convert.timestamp(self._started_ms),
            log_origin=head.origin,
            log_size=head.frontier.size,
            log_root=head.frontier.root(),
            policy_digest=local.policy().digest,
            card_valid_until=convert.timestamp(
                to_ms(self._own_card().card.valid_until)
            ),
            messages_in=counts.messages_in,
            messages_out=counts.messages_out,
            unacknowledged=counts.unacknowledged,
            links=[self._link(link, state) for link in state.links],
            incidents=[convert.incident(row) for row in state.incidents],
            held=sum(
                queue.count
                for queue in counts.queues
                if queue.state is OutboxState.HELD
            ),
            oldest_held_at=convert.timestamp(counts.oldest_held_ms),
            quarantined=counts.quarantined,
            oldest_quarantined_at=convert.timestamp(counts.oldest_quarantined_ms),
            turned_away=self._turned_away(),
            anchor=self._anchor(state.anchored),
        )

    def _anchor(self, anchored: OwnCheckpoint | None) -> pb.AnchorStatus:
        local, age_max_s = self._local, self._anchor_age_max_s
        standing = AnchorStanding(
            quorum=local.anchors.quorum,
            peers=len(local.peers.accepted()),
            anchored=anchored,
            age_max_s=age_max_s,
        )
        status = pb.AnchorStatus(
            quorum=standing.quorum,
            age_max_s=age_max_s,
            overdue=bool(standing.warning(local.clock())),
        )
        if anchored is not None:
            status.origin = anchored.origin
            status.size = anchored.size
            status.cosigners = anchored.cosigners
            status.anchored_at.FromMilliseconds(anchored.anchored_ms or 0)
        return status

    def _link(self, link: Link, state: _State) -> pb.LinkStatus:
        counts, cosigned = state.counts, state.cosigned.get(link.peer)
        peer = self._local.peers.find(link.peer)
        queue = {row.state: row.count for row in counts.queues if row.peer == link.peer}
        waits = link.next_attempt_ms > self._local.clock()
        return pb.LinkStatus(
            peer=link.peer,
            connected=self._links.is_connected(link.peer),
            queued=queue.get(OutboxState.QUEUED, 0),
            offered=queue.get(OutboxState.OFFERED, 0),
            accepted=queue.get(OutboxState.ACCEPTED, 0),
            refused=queue.get(OutboxState.REFUSED, 0),
            withheld=queue.get(OutboxState.WITHHELD, 0),
            dead=queue.get(OutboxState.DEAD, 0),
            held=queue.get(OutboxState.HELD, 0),
            quarantined=queue.get(OutboxState.QUARANTINED, 0),
            sent_sequence=link.sent_sequence,
            received_sequence=link.received_sequence,
            verified_size=link.checkpoint.size if link.checkpoint else 0,
            acknowledged_size=max(
                0, link.acknowledged_size - state.head.first_position
            ),
            attempts=link.attempts,
            next_attempt_at=convert.timestamp(link.next_attempt_ms if waits else None),
            last_error=link.last_error,
            last_contact_at=convert.timestamp(link.last_contact_ms),
            cosigned_size=cosigned.size if cosigned else 0,
            cosigned_at=convert.timestamp(cosigned.cosigned_ms if cosigned else None),
            suspended=peer is not None and peer.row.state is PeerState.SUSPENDED,
        )


def _read(snapshot: Snapshot, names: list[str]) -> _State:
    head = snapshot.tree_head()
    cosigned = {name: snapshot.cosigned(name, head.origin) for name in names}
    return _State(
        head=head,
        counts=snapshot.counts(),
        incidents=snapshot.incidents(limit=_INCIDENTS_MAX),
        links=[snapshot.link(name) for name in names],
        cosigned={name: found for name, found in cosigned.items() if found},
        anchored=snapshot.newest_anchored(),
    )
