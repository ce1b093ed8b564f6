# SPDX-License-Identifier: Apache-2.0
"""What a running node does when other keys of its own come into use.

Who signs takes the right key by itself (`selat.node.own_keys`). What lasts longer
than a signature is done anew here: the signed head that many are shown, and
connections, which keep the certificate that they began with.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field

from selat.exchange.links import Links
from selat.exchange.peer_service import PeerService
from selat.exchange.signing import CheckpointSigner
from selat.identity.card_keys import KeyPurpose
from selat.node.own_keys import OwnKeys

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class Turnover:
    """Follow which keys are in use.

    Args:
        keys: Gives the keys in use.
        signer: Signs our log.
        links: Our connections to peers.
        peer_service: Peers' connections to us.
    """

    keys: OwnKeys
    signer: CheckpointSigner
    links: Links
    peer_service: PeerService
    _used: dict[KeyPurpose, frozenset[str]] = field(init=False)

    def __post_init__(self) -> None:
        """Begin with the keys that are in use."""
        self._used = self.keys.in_use()

    def follow(self) -> None:
        """Take up keys that came into use since the last call."""
        used = self.keys.in_use()
        changed = {each for each in used if used[each] != self._used[each]}
        self._used = used
        if KeyPurpose.LOG in changed:
            self.signer.forget()
        if KeyPurpose.TLS in changed:
            self.links.begin_anew()
        for each in changed:
            _log.info("keys taken up", extra={"job": each.name.lower()})

    def at_once(self) -> None:
        """Take up keys without the time that peers had to learn of them.

        Peers' streams end. They call again within a second, and ask for our card
        then; one that does not trust the certificate of our new TLS key cannot.
        """
        self.follow()
        self.peer_service.end_streams()
