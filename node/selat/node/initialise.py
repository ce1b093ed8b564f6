# SPDX-License-Identifier: Apache-2.0
"""Create a node's folder: keys, card, configuration, policy copy, database.

The folder is built beside its place and moved there when it is whole, so that
a failure leaves nothing that looks like a node.
"""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography import x509

from selat.core.checkpoints import origin_for
from selat.core.leaves import CardLeaf
from selat.core.node_names import is_node_name
from selat.core.shard_leaves import OpenLeaf
from selat.core.times import to_ms
from selat.errors import AlreadyExistsError, InvalidInputError
from selat.identity.card import SignedCard
from selat.identity.certificates import DeskAuthority, Term, issue_node_certificate
from selat.identity.key_files import Argon2Cost
from selat.identity.key_schedule import CLOCK_ALLOWANCE
from selat.identity.keystore import KeyStore
from selat.identity.own_card import (
    NodeProfile,
    build_card,
    card_keys,
    newest_names,
)
from selat.node.configuration import NodeConfiguration, format_configuration
from selat.node.folder import NodeFolder
from selat.node.high_water import HighWaterFile
from selat.policy.catalogue_file import default_policy_folder, load_catalogue
from selat.policy.release_list import format_release_list
from selat.store.port import Transaction
from selat.store.publication import KeptCard
from selat.store.sqlite.store import SqliteStore

CARD_VALID_DAYS: Final = 730
#: Certificates outlive cards; the card that lists one bounds its use.
CERTIFICATE_VALID_DAYS: Final = 3_650


@dataclass(frozen=True, slots=True, kw_only=True)
class NewNode:
    """What a new node is to be.

    Attributes:
        configuration: Name, state, agency and addresses.
        endpoints: Where peers can call it, ``host:port``.
        categories: Categories that it wishes to receive.
    """

    configuration: NodeConfiguration
    endpoints: tuple[str, ...]
    categories: tuple[str, ...]


def initialise_node(
    home: Path,
    new: NewNode,
    *,
    passphrase: bytes,
    now: datetime,
    entropy: Callable[[int], bytes] = os.urandom,
    cost: Argon2Cost | None = None,
) -> SignedCard:
    """Create a node in a folder that does not exist yet, or is empty.

    Args:
        home: The folder.
        new: What the node is to be.
        passphrase: Protects its keys, at least 12 bytes.
        now: The present time, aware.
        entropy: Source of randomness.
        cost: Cost of opening the key store; the default when None.

    Returns:
        The node's first card.

    Raises:
        AlreadyExistsError: The folder has contents.
        InvalidInputError: A name, category or passphrase cannot be used.
    """
    _check(home, new)
    partial = home.with_name(f".{home.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(mode=0o700, parents=True)
    folder = NodeFolder(home=partial)
    try:
        card = _write_identity(
            folder, new, passphrase=passphrase, now=now, entropy=entropy, cost=cost
        )
        _write_policy(folder)
        folder.configuration.write_text(
            format_configuration(new.configuration), "utf-8"
        )
        asyncio.run(_open_log(folder, card, now=now, entropy=entropy))
        if home.exists():
            home.rmdir()
        partial.rename(home)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return card


def _check(home: Path, new: NewNode) -> None:
    if home.exists() and (not home.is_dir() or any(home.iterdir())):
        raise AlreadyExistsError(
            f"{home} has contents.",
            remedy="Choose a folder that does not exist; nothing is overwritten.",
        )
    if not is_node_name(new.configuration.name):
        raise InvalidInputError(
            "A node name is a lower-case DNS name of two labels or more.",
            remedy="For example police.xa.example.",
        )
    known = load_catalogue().categories
    unknown = [name for name in new.categories if name not in known]
    if unknown:
        raise InvalidInputError(
            f"Not in the catalogue: {', '.join(unknown)}.",
            remedy=f"Choose from: {', '.join(sorted(known))}.",
        )


def _write_identity(
    folder: NodeFolder,
    new: NewNode,
    *,
    passphrase: bytes,
    now: datetime,
    entropy: Callable[[int], bytes],
    cost: Argon2Cost | None,
) -> SignedCard:
    keys = KeyStore.create(
        folder.keys, passphrase, created=now, entropy=entropy, cost=cost
    )
    name = new.configuration.name
    issued_at = (now - CLOCK_ALLOWANCE).replace(microsecond=0)
    valid_until = issued_at + timedelta(days=CARD_VALID_DAYS)
    certificates_until = issued_at + timedelta(days=CERTIFICATE_VALID_DAYS)
    certificate = issue_node_certificate(
        keys.tls(),
        name=name,
        term=_term(issued_at, certificates_until),
    )
    authority = DeskAuthority.create(
        keys.desk(),
        name=name,
        term=_term(issued_at, certificates_until),
    )
    card = build_card(
        NodeProfile(
            name=name,
            state=new.configuration.state,
            agency=new.configuration.agency,
            endpoints=new.endpoints,
            categories=new.categories,
        ),
        keys.root(),
        keys=card_keys(
            keys,
            newest_names(keys),
            tls_certificate=certificate,
            not_before=issued_at,
            not_after=valid_until,
        ),
        issued_at=issued_at,
        valid_until=valid_until,
    )
    folder.desk_authority.write_bytes(authority.certificate)
    folder.card.write_bytes(card.envelope)
    return card


def _term(not_before: datetime, not_after: datetime) -> Term:
    return Term(
        serial=x509.random_serial_number(), not_before=not_before, not_after=not_after
    )


def _write_policy(folder: NodeFolder) -> None:
    shutil.copytree(default_policy_folder(), folder.policy)
    (folder.policy / "agreements").mkdir(exist_ok=True)
    folder.release_list.write_text(format_release_list({}), "utf-8")


async def _open_log(
    folder: NodeFolder,
    card: SignedCard,
    *,
    now: datetime,
    entropy: Callable[[int], bytes],
) -> None:
    """Begin the log with its opening and with the first card."""
    node = card.card.name
    origin = origin_for(node, now.date())
    opening = OpenLeaf(
        node=node,
        origin=origin,
        previous="",
        time_ms=to_ms(now),
        blind=entropy(32),
    )
    card_leaf = CardLeaf(
        node=node,
        sequence=card.card.sequence,
        digest=card.digest,
        time_ms=to_ms(now),
        blind=entropy(32),
    )

    def work(transaction: Transaction) -> None:
        transaction.open_log(origin)
        transaction.append_leaves([opening.encode(), card_leaf.encode()])
        transaction.keep_card(KeptCard(node=node, envelope=card.envelope))

    store = SqliteStore.open(folder.store)
    try:
        await store.write(work)
    finally:
        await store.close()
    HighWaterFile(folder.high_water, create=True).close()
