# SPDX-License-Identifier: Apache-2.0
"""What a node's own folder tells of it: card, database, log, peers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from selat.core.times import to_ms
from selat.errors import SelatError
from selat.identity.card import SignedCard, parse_card
from selat.node.configuration import NodeConfiguration
from selat.node.findings import Finding, fail, failed, ok, warn
from selat.node.folder import NodeFolder
from selat.node.high_water import HighWaterFile, Mark, check_against_mark
from selat.node.policy_folder import prove
from selat.store.port import Snapshot
from selat.store.reviews import OVERDUE_MS
from selat.store.sqlite.inspection import check_integrity, inspect
from selat.store.values import IncidentRow, OutboxState, PeerRow, PeerState, TreeHead

#: A card that ends sooner should be renewed now: peers need time to take it.
CARD_WARN: Final = timedelta(days=30)

_INCIDENTS_MAX: Final = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class _Contents:
    """What the checks need of the database, from one moment of it."""

    head: TreeHead
    shards: int
    rolled_back: SelatError | None
    peers: tuple[PeerRow, ...]
    incidents: tuple[IncidentRow, ...]
    dead: dict[str, int]
    #: Since when the first message waits for a person, ms; None when none does.
    waiting_since_ms: int | None


def check_card(
    folder: NodeFolder, configuration: NodeConfiguration, *, now: datetime
) -> Iterator[Finding]:
    """Examine our own card, and the clock by it."""
    try:
        signed = parse_card(folder.card.read_bytes())
    except OSError as failure:
        yield fail(
            "card",
            f"The card {folder.card} cannot be read: {failure.strerror}.",
            "Restore it from the backup of the folder.",
        )
        return
    except SelatError as error:
        yield failed("card", error)
        return
    yield _validity("card", "Our card", signed, now=now)
    if signed.card.name != configuration.name:
        yield fail(
            "card",
            f"The card is of {signed.card.name}, the node is {configuration.name}.",
            "Correct 'name' in node.toml: a node keeps its name for ever.",
        )
    if signed.card.issued_at > now:
        yield fail(
            "clock",
            "The clock is behind the time at which our card was issued.",
            "Synchronise the clock; peers refuse what comes from the past or future.",
        )
    else:
        yield ok("clock", "The clock is past the issue of our card.")


def check_policy(folder: NodeFolder, *, now: datetime) -> Iterator[Finding]:
    """Examine whether the policy folder can be put into force."""
    try:
        policy = prove(folder, folder.policy, today=None)
    except SelatError as error:
        yield failed("policy", error)
        return
    if not folder.release_list.is_file():
        yield fail(
            "policy",
            "The release list is missing.",
            f"Restore {folder.release_list} from its backup.",
        )
        return
    ended = [a for a in policy.source.agreements if a.valid_until < now.date()]
    for agreement in ended:
        yield warn(
            "policy",
            f"The agreement {agreement.id} ended on {agreement.valid_until}.",
            "Take its file out, or put in the agreement that follows it.",
        )
    for departure in policy.departures:
        yield warn(
            "policy",
            f"The policy departs from the baseline: {departure}.",
            "Nothing, if the reason in baseline.toml still holds.",
        )
    count = len(policy.source.agreements) - len(ended)
    peers = sum(1 for names in policy.source.released.values() if names)
    yield ok(
        "policy",
        f"The policy can be put into force: {len(policy.source.rules)} rules, "
        f"{count} agreements, {peers} peers on the release list.",
    )


def check_database(folder: NodeFolder, *, now: datetime) -> Iterator[Finding]:
    """Examine the database, our log in it, peers, dead letters and incidents."""
    if not folder.store.is_file():
        yield fail(
            "database",
            f"There is no database {folder.store}.",
            "Restore the newest backup; a node never starts over with its old keys.",
        )
        return
    try:
        check_integrity(folder.store)
        yield ok("database", "The database is sound.")
        if not folder.high_water.is_file():
            yield fail(
                "log",
                "There is no high-water mark of what was signed.",
                "Restore it with the folder; without it a lost database is not seen.",
            )
            return
        if folder.high_water.stat().st_size == 0:
            yield warn(
                "log",
                "The high-water mark is an empty file: it begins anew at the next "
                "start, and what was signed before is not checked.",
                "Nothing, if this database is no shorter than peers say.",
            )
            return
        # Before the database: what is marked had been committed.
        with closing(HighWaterFile(folder.high_water)) as file:
            mark = file.mark
        contents = inspect(folder.store, _reader(mark))
    except SelatError as error:
        yield failed("database", error)
        return
    yield _log(contents)
    for row in contents.peers:
        if row.state is PeerState.ACCEPTED:
            yield _peer(row, now=now)
    yield from _reviews(contents, now=now)
    yield from _work(contents)


def _reviews(contents: _Contents, *, now: datetime) -> Iterator[Finding]:
    """Warn of what has waited for a person too long."""
    since = contents.waiting_since_ms
    if since is not None and to_ms(now) - since > OVERDUE_MS:
        yield warn(
            "reviews",
            f"A message has waited for a person for "
            f"{(to_ms(now) - since) // 3_600_000} hours.",
            "Ask a reviewer to decide: selat review list",
        )


def _reader(mark: Mark | None) -> Callable[[Snapshot], _Contents]:
    def read(snapshot: Snapshot) -> _Contents:
        counts = snapshot.counts()
        waiting = (counts.oldest_held_ms, counts.oldest_quarantined_ms)
        try:
            check_against_mark(mark, snapshot)
        except SelatError as error:
            rolled_back: SelatError | None = error
        else:
            rolled_back = None
        return _Contents(
            head=snapshot.tree_head(),
            shards=len(snapshot.shards()),
            rolled_back=rolled_back,
            peers=tuple(snapshot.peers()),
            incidents=tuple(snapshot.incidents(limit=_INCIDENTS_MAX)),
            dead={
                queue.peer: queue.count
                for queue in counts.queues
                if queue.state is OutboxState.DEAD
            },
            waiting_since_ms=min(
                (since for since in waiting if since is not None), default=None
            ),
        )

    return read


def _log(contents: _Contents) -> Finding:
    if contents.rolled_back is not None:
        return failed("log", contents.rolled_back)
    head, before = contents.head, contents.shards - 1
    older = f" after {before} older shards" if before else ""
    return ok(
        "log",
        f"{head.origin} has {head.frontier.size} leaves{older} and holds what was "
        "signed.",
    )


def _peer(row: PeerRow, *, now: datetime) -> Finding:
    try:
        signed = parse_card(row.envelope)
    except SelatError as error:
        return failed("peers", error)
    return _validity("peers", f"The card of {row.name}", signed, now=now)


def _validity(check: str, whose: str, signed: SignedCard, *, now: datetime) -> Finding:
    until = signed.card.valid_until
    days = (until - now).days
    if until <= now:
        return fail(
            check,
            f"{whose} expired on {until:%Y-%m-%d}; nothing is exchanged under it.",
            "Issue a new card with `selat peer renew`, or ask the peer for its "
            "newest, and add it.",
        )
    if until - now < CARD_WARN:
        return warn(
            check,
            f"{whose} expires in {days} days.",
            "Issue a new card with `selat peer renew`, or ask the peer for its "
            "newest, and add it.",
        )
    return ok(check, f"{whose} is valid for {days} more days.")


def _work(contents: _Contents) -> Iterator[Finding]:
    for peer, count in contents.dead.items():
        yield warn(
            "outbox",
            f"{count} messages for {peer} were given up.",
            f"Find the reason, then: selat outbox retry --peer {peer}",
        )
    for incident in contents.incidents:
        where = f" ({incident.peer})" if incident.peer else ""
        yield warn(
            "incidents",
            f"{incident.reason}{where}, {incident.count} times: {incident.detail}",
            "When it is dealt with: selat status --clear REASON --peer NODE",
        )
    if not contents.dead and not contents.incidents:
        yield ok("incidents", "No incidents and no dead letters.")
