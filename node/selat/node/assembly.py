# SPDX-License-Identifier: Apache-2.0
"""Build a node's parts from its folder; the one place that knows them all."""

from __future__ import annotations

import os
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib.metadata import version

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from selat.core.at_rest import StoreCipher
from selat.core.times import utc
from selat.desk.access import Doorkeeper
from selat.desk.admin_service import AdminService
from selat.desk.desk_service import DeskService
from selat.desk.exporting import Exporting
from selat.desk.legal_holds import LegalHolds
from selat.desk.lifecycle import LifecycleDesk
from selat.desk.officers import Officers
from selat.desk.own_keys import KeyDesk
from selat.desk.peering import Peering
from selat.desk.publishing import Publisher
from selat.desk.reviews import ReviewDesk
from selat.desk.status import StatusReporter
from selat.exchange.arrivals import Arrivals
from selat.exchange.inspector import Inspector
from selat.exchange.judging import Judge
from selat.exchange.lifecycle import Lifecycle
from selat.exchange.links import Links
from selat.exchange.local import Clock, LocalNode
from selat.exchange.peer_book import PeerBook
from selat.exchange.peer_client import connector
from selat.exchange.peer_service import PeerService
from selat.exchange.reviewing import Reviewing
from selat.exchange.shards import ShardKeeper
from selat.exchange.signing import CheckpointSigner, StepObserver
from selat.exchange.view_comparison import ViewComparison
from selat.exchange.witness_http import HttpWitness
from selat.exchange.witness_rounds import WitnessRounds
from selat.identity.card import SignedCard
from selat.identity.card_keys import KeyPurpose
from selat.identity.certificate_checks import to_pem
from selat.identity.certificates import Credentials, DeskAuthority, Term
from selat.identity.key_kinds import KeyKind
from selat.identity.keystore import KeyStore
from selat.identity.p256 import private_key_pem
from selat.node.active_policy import ActivePolicy
from selat.node.configuration import NodeConfiguration, read_configuration
from selat.node.folder import NodeFolder
from selat.node.high_water import HighWaterFile, check_log
from selat.node.own_card import OwnCard
from selat.node.own_keys import OwnKeys
from selat.node.turnover import Turnover
from selat.node.vouching import build_vouching
from selat.policy.catalogue_file import load_catalogue
from selat.publication.published_log import PublishedLog
from selat.records.schema import Schema
from selat.rpc.handshakes import Handshakes
from selat.store.gate import GatedStore
from selat.store.sqlite.store import SqliteStore

DESK_SERVER_VALID_DAYS = 365


def present_ms() -> int:
    """Return the present time in ms since the epoch."""
    return time.time_ns() // 1_000_000


def ignore_step(step: str) -> None:
    """Observe nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """The parts of a running node."""

    folder: NodeFolder
    configuration: NodeConfiguration
    card: OwnCard
    local: LocalNode
    policy: ActivePolicy
    links: Links
    rounds: WitnessRounds
    http_witness: HttpWitness
    lifecycle: Lifecycle
    handshakes: Handshakes
    turnover: Turnover
    peer_service: PeerService
    desk_service: DeskService
    admin_service: AdminService
    published_log: PublishedLog
    door: Doorkeeper
    tls: Callable[[], tuple[bytes, bytes]]
    desk_tls: Callable[[], tuple[bytes, bytes]]
    desk_authority_pem: bytes


@asynccontextmanager
async def assemble_node(
    folder: NodeFolder,
    *,
    passphrase: bytes,
    clock: Clock = present_ms,
    on_step: StepObserver = ignore_step,
    ask_peers: bool = False,
) -> AsyncIterator[Node]:
    """Open a node's folder for this process alone and build the node.

    Args:
        folder: The folder.
        passphrase: Opens the key store.
        clock: The present time.
        on_step: Observer of write steps.
        ask_peers: Compare our log with what peers hold, before it is signed.

    Raises:
        ConfigurationError: There is no usable node there.
        NodeInUseError: Another process holds the folder.
        KeyStoreError: The keys cannot be opened.
        LogRolledBackError: The database is older than what was signed.
        HighWaterMissingError: What was signed cannot be told.
        StoreError: The database cannot be used.
    """
    folder.check()
    configuration = read_configuration(folder.configuration)
    with folder.locked(), closing(HighWaterFile(folder.high_water)) as mark:
        keys = KeyStore.open(folder.keys, passphrase)
        store = SqliteStore.open(folder.store, on_step=on_step)
        try:
            await store.read(lambda snapshot: check_log(mark, snapshot))
            yield await _build(
                folder,
                configuration,
                keys=keys,
                store=GatedStore(store),
                mark=mark,
                clock=clock,
                on_step=on_step,
                ask_peers=ask_peers,
            )
        finally:
            await store.close()


async def _build(
    folder: NodeFolder,
    configuration: NodeConfiguration,
    *,
    keys: KeyStore,
    store: GatedStore,
    mark: HighWaterFile,
    clock: Clock,
    on_step: StepObserver,
    ask_peers: bool,
) -> Node:
    catalogue = load_catalogue(folder.policy)
    card = OwnCard(
        path=folder.card,
        keys=keys,
        store=store,
        categories=frozenset(catalogue.categories),
        clock=clock,
        entropy=os.urandom,
        on_step=on_step,
    )
    await card.settle()
    own_keys = OwnKeys(keys=keys, card=card.current, clock=clock)
    signer = CheckpointSigner(
        store=store, mark=mark, signers=own_keys.log_signers, on_step=on_step
    )
    shards = ShardKeeper(
        node=configuration.name,
        store=store,
        signer=signer,
        is_vouched=card.vouches_for_log,
        clock=clock,
        entropy=os.urandom,
        on_step=on_step,
    )
    peers = PeerBook()
    peers.load(await store.read(lambda snapshot: snapshot.peers()))
    vouching = build_vouching(
        configuration,
        keys=own_keys,
        store=store,
        peers=peers,
        signer=signer,
        own_card=card.current,
        clock=clock,
        on_step=on_step,
    )
    connect = connector(certificate=own_keys.tls, clock=clock)
    if ask_peers:  # before anything is signed
        await vouching.comparison.at_start(connect)
    await shards.follow()  # before anything is logged
    policy = ActivePolicy(
        folder=folder.policy,
        node=configuration.name,
        state=configuration.state,
        own_categories=card.declared,
        store=store,
        clock=clock,
        entropy=os.urandom,
    )
    await policy.load()
    schema = Schema()
    local = LocalNode(
        name=configuration.name,
        state=configuration.state,
        agency=configuration.agency,
        store=store,
        cipher=StoreCipher(keys.store()),
        signer=signer,
        witness=vouching.witness,
        anchors=vouching.anchors,
        accuser=vouching.accuser,
        seal_keys=keys.find_seal,
        policy=policy.policy_set,
        schema=schema,
        peers=peers,
        clock=clock,
        entropy=os.urandom,
        on_step=on_step,
        follow_half_year=shards.follow,
    )

    async def renew_card(
        endpoints: tuple[str, ...], categories: tuple[str, ...]
    ) -> SignedCard:
        renewed = await card.renew(endpoints=endpoints, categories=categories)
        await policy.load()  # what we declare is part of what we accept
        return renewed

    async def rotate(
        purpose: KeyPurpose, *, after: timedelta | None
    ) -> tuple[SignedCard, datetime]:
        rotated = await card.rotate(purpose, after=after)
        if after is None:
            turnover.at_once()
        return rotated

    peering = Peering(
        local=local,
        categories=frozenset(catalogue.categories),
        set_released=policy.set_released,
    )
    rounds = WitnessRounds(
        local=local,
        comparison=vouching.comparison,
        interval_s=configuration.witness.interval_s,
    )
    links = Links(
        local=local,
        connect=connect,
        offer_card=peering.refresh,
        meet=rounds.meet,
        visit=rounds.visit,
    )
    if configuration.witness.compare_views:
        rounds.views = ViewComparison(local=local, connections=links.connections)
    local.accuser.on_found = rounds.begin_soon
    lifecycle = Lifecycle(
        local=local, catalogue=lambda: policy.policy_set().source.catalogue
    )
    handshakes = Handshakes()
    arrivals = Arrivals()
    inspector = Inspector(schema=schema, catalogue=catalogue)
    authority = DeskAuthority(keys.desk(), folder.desk_authority.read_bytes())
    published_log = PublishedLog(store=store, signer=local.signer)
    door = Doorkeeper(store=store, clock=clock, agency=configuration.agency)
    peer_service = PeerService(
        local=local,
        judge=Judge(local=local, inspector=inspector),
        arrived=arrivals.ring,
        heard_from=links.heard_from,
        own_card=lambda: card.current().envelope,
        called=handshakes.called,
    )
    turnover = Turnover(
        keys=own_keys, signer=signer, links=links, peer_service=peer_service
    )
    return Node(
        folder=folder,
        configuration=configuration,
        card=card,
        local=local,
        policy=policy,
        links=links,
        rounds=rounds,
        http_witness=HttpWitness(witness=local.witness, accuser=local.accuser),
        lifecycle=lifecycle,
        handshakes=handshakes,
        turnover=turnover,
        peer_service=peer_service,
        desk_service=DeskService(
            local=local,
            door=door,
            publisher=Publisher(local=local, inspector=inspector, wake=links.wake),
            reviews=ReviewDesk(
                local=local,
                reviewing=Reviewing(
                    local=local, wake=links.wake, arrived=arrivals.ring
                ),
            ),
            exporting=Exporting(local=local),
            arrivals=arrivals,
            links=links,
        ),
        admin_service=AdminService(
            local=local,
            door=door,
            peering=peering,
            officers=Officers(local=local, issue=_officer_issuer(authority)),
            status=StatusReporter(
                local=local,
                links=links,
                own_card=card.current,
                software_version=version("selat"),
                started_ms=clock(),
                anchor_age_max_s=configuration.witness.anchor_age_max_s,
                turned_away=handshakes.turned_away,
            ),
            lifecycle=LifecycleDesk(local=local, lifecycle=lifecycle),
            legal_holds=LegalHolds(local=local),
            own_card=card.current,
            renew_card=renew_card,
            keys=KeyDesk(
                own_card=card.current,
                schedule=card.schedule,
                lasting=lambda: map(keys.newest, (KeyKind.DESK, KeyKind.STORE)),
                rotate=rotate,
            ),
            desk_ca_pem=to_pem(authority.certificate),
            released=policy.released,
            checkpoint=published_log.checkpoint,
        ),
        published_log=published_log,
        door=door,
        tls=own_keys.tls,
        desk_tls=_desk_tls_pair(authority, configuration, clock),
        desk_authority_pem=to_pem(authority.certificate),
    )


def _desk_tls_pair(
    authority: DeskAuthority, configuration: NodeConfiguration, clock: Clock
) -> Callable[[], tuple[bytes, bytes]]:
    """Give the desk's server key, which lives as long as the process, PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = authority.issue_server(
        key.public_key(),
        hosts=configuration.desk_hosts,
        term=_term(clock(), clock() + DESK_SERVER_VALID_DAYS * 86_400_000),
    )
    pair = private_key_pem(key), to_pem(certificate)
    return lambda: pair


def _officer_issuer(
    authority: DeskAuthority,
) -> Callable[..., Credentials]:
    def issue(officer_id: str, *, not_before_ms: int, not_after_ms: int) -> Credentials:
        return authority.issue_officer(
            ec.generate_private_key(ec.SECP256R1()),
            officer_id=officer_id,
            term=_term(not_before_ms, not_after_ms),
        )

    return issue


def _term(not_before_ms: int, not_after_ms: int) -> Term:
    return Term(
        serial=x509.random_serial_number(),
        not_before=utc(not_before_ms),
        not_after=utc(not_after_ms),
    )
