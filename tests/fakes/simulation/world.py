# SPDX-License-Identifier: Apache-2.0
"""The simulated world: a bad network, restarts, a restored backup, and an oracle.

Everything follows from the seed. The oracle knows every history that was ever
written, and asserts at each step what the nodes may and must do.
"""

from __future__ import annotations

import copy
import random
from collections import Counter, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from tests.fakes.simulation.keys import KeyMaker, origin_of
from tests.fakes.simulation.knowledge import Database, Knowledge, OwnLog
from tests.fakes.simulation.liar import Liar
from tests.fakes.simulation.node import Node
from tests.fakes.simulation.witness import Message, WitnessNode

from selat.core.equivocation import verify_equivocation
from selat.core.log_states import KnownState
from selat.core.proof_lines import read_head
from selat.core.tree_heads import Checkpoint
from selat.core.witnessing import parse_add_checkpoint
from selat.errors import SelatError

State = KnownState | Checkpoint
NAMES = tuple(f"police.x{letter}.example" for letter in "abcdef")
LIAR, RESTORED = NAMES[0], NAMES[1]
LOST = 0.08
TWICE = 0.08


@dataclass(slots=True, kw_only=True)
class Wire:
    """A stream's messages, each way in its order."""

    ends: tuple[str, str]
    queues: dict[str, deque[Message]]


class World:
    """Six nodes that know each other.

    Args:
        seed: Decides everything.
        make_keys: Makes the keys of a node.
        liar: Whether the first node forks its log.
        mark: Whether the restored node still has its high-water mark; None
            when no backup is restored.
    """

    def __init__(
        self, seed: int, make_keys: KeyMaker, *, liar: bool, mark: bool | None
    ) -> None:
        self.chance = random.Random(seed)  # noqa: S311 - to be repeated
        self.mark = mark
        cards = {name: make_keys(name, number) for number, name in enumerate(NAMES, 1)}
        self.nodes: dict[str, Node] = {
            name: Node(cards[name], cards, self) for name in NAMES
        }
        self.liar: Liar | None = None
        if liar:
            self.liar = Liar(cards[LIAR], cards, self, self.chance)
            self.nodes[LIAR] = self.liar
        self.histories: dict[str, list[OwnLog]] = {
            name: [node.database.log] for name, node in self.nodes.items()
        }
        self.calls: list[Message] = []
        self.wires: dict[int, Wire] = {}
        self.opened = 0
        self.backup: Database | None = None
        self.restored_behind = False
        #: What was cosigned, by witness and log.
        self.signed: dict[tuple[str, str], Checkpoint] = {}
        #: How often a lie was in sight, by the kind of message that showed it.
        self.caught: Counter[str] = Counter()

    # --- what the oracle knows -----------------------------------------------
    def honest(self) -> list[Node]:
        return [node for node in self.nodes.values() if node is not self.liar]

    def on_one_history(self, name: str, first: State, second: State) -> bool:
        return any(
            max(first.size, second.size) <= log.size
            and log.root(first.size) == first.root
            and log.root(second.size) == second.root
            for log in self.histories[name]
        )

    def joined(self, node: WitnessNode, peer: str, before: KnownState | None) -> None:
        """A node took a state for the newest one: it must extend the last."""
        tip = node.database.ways[peer].knowledge.tip
        assert tip is not None
        if node is not self.liar and before is not None:
            assert tip.size >= before.size
            assert self.on_one_history(peer, before, tip)

    def cosigned(self, node: WitnessNode, head: Checkpoint) -> None:
        """A witness cosigned: never less than before, never another history."""
        if node is self.liar:
            return
        key = node.name, head.origin
        before = self.signed.get(key, head)
        assert head.size >= before.size
        assert self.on_one_history(head.origin.partition("/")[0], before, head)
        self.signed[key] = head

    def accused(self, node: WitnessNode, peer: str) -> None:
        """Only a liar may be accused."""
        assert self.liar is not None, f"{node.name} accused {peer}"
        assert peer == self.liar.name

    def lie_in_sight(self, message: Message) -> str:
        """Return who lies, if the recipient can see it in this message."""
        node = self.nodes[message.recipient]
        if self.liar is None or node is self.liar or node.halted:
            return ""
        knowledge = node.database.ways[self.liar.name].knowledge
        if knowledge.accused or knowledge.tip is None:
            return ""
        if message.kind == "witnessed" and message.sender != self.liar.name:
            origin, _, note = message.data.partition(b"\0")
            if not note or origin.decode() != self.liar.keys.origin:
                return ""
            head = read_head(note)
            root, _ = knowledge.seen.get(head.size, (head.root, b""))
            return self.liar.name if root != head.root else ""
        if message.sender == self.liar.name and self._seen_directly(message, node):
            return self.liar.name
        return ""

    def _seen_directly(self, message: Message, node: Node) -> bool:
        knowledge = node.database.ways[message.sender].knowledge
        assert knowledge.tip is not None
        if message.kind == "add-checkpoint":
            request = parse_add_checkpoint(message.data)
            head, tip = read_head(request.checkpoint), knowledge.tip
            return not self.on_one_history(message.sender, tip, head) and (
                tip.size in {head.size, request.old_size}
            )
        if message.kind == "proven":
            return self._proven_in_vain(message, knowledge)
        stream = node.streams.get(message.stream)
        if message.kind in {"batch", "receipt"} and stream and stream.theirs:
            assert message.state is not None
            head = read_head(message.state.checkpoint)
            if head.size < stream.theirs.size:
                return True
            return message.state.consistency_size == stream.theirs.size and (
                not self.on_one_history(message.sender, stream.theirs, head)
            )
        return False

    def _proven_in_vain(self, message: Message, knowledge: Knowledge) -> bool:
        """Tell whether an answer should join what no proof can join."""
        sizes = sorted((message.old_size, message.size))
        if knowledge.size not in sizes or not knowledge.loose.intersection(sizes):
            return False
        origin = origin_of(message.sender)
        old, new = (
            Checkpoint(origin=origin, size=size, root=knowledge.seen[size][0])
            for size in sizes
        )
        return not self.on_one_history(message.sender, old, new)

    # --- steps -----------------------------------------------------------------
    def run(self, steps: int) -> None:
        """Live through a bad network, then through a good one."""
        fork, backup, restore = steps // 4, steps // 3, steps // 2
        for step in range(steps):
            if step == fork and self.liar is not None:
                self.liar.fork()
                self.histories[LIAR] = self.liar.branches
            if step == backup:
                self.backup = copy.deepcopy(self.nodes[RESTORED].database)
            if step == restore and self.mark is not None:
                self.restore()
            self.step()
        self.settle()

    def step(self) -> None:
        """Do one thing, most often deliver a message."""
        waiting = len(self.calls) + len(self.wires)
        if waiting and self.chance.random() < 0.55 + waiting / 200:
            self.deliver_any()
            return
        node = self.nodes[self.chance.choice(NAMES)]
        peer = self.chance.choice(node.peers)
        actions: list[Callable[[Node, str], None]] = [
            *[self.offer] * 6,
            *[self.idle] * 4,
            *[self.gossip] * 2,
            self.restart,
            self.lie,
        ]
        self.chance.choice(actions)(node, peer)

    def offer(self, node: Node, peer: str) -> None:
        if node.may_sign and not node.database.ways[peer].knowledge.accused:
            node.offer(peer, self.chance.randint(1, 3))
            self.open(node, peer)

    def open(self, node: Node, peer: str) -> None:
        if any(wire.ends == (node.name, peer) for wire in self.wires.values()):
            return
        self.opened += 1
        self.wires[self.opened] = Wire(
            ends=(node.name, peer), queues={node.name: deque(), peer: deque()}
        )
        self.send([node.open_stream(peer, self.opened)])

    def idle(self, node: Node, peer: str) -> None:
        if node.may_sign and not node.database.ways[peer].knowledge.accused:
            self.send([node.idle(peer)])

    def gossip(self, node: Node, peer: str) -> None:
        about = self.chance.choice([each for each in node.peers if each != peer])
        if not node.halted:
            self.send(node.gossip(peer, about))

    def restart(self, node: Node, peer: str) -> None:
        del peer
        for number in [n for n, wire in self.wires.items() if node.name in wire.ends]:
            self.cut(number)
        if not node.halted:
            self.send(node.start())

    def lie(self, node: Node, peer: str) -> None:
        del node
        if self.liar is not None and peer != self.liar.name:
            if self.chance.random() < 0.05:
                self.idle(self.liar, self.liar.slip())
            self.send([self.liar.slander(peer)])

    def restore(self) -> None:
        """Bring back an old database; nothing that was sent is still on its way."""
        node = self.nodes[RESTORED]
        assert self.backup is not None
        self.restored_behind = node.mark is not None and (
            node.mark.size > self.backup.log.size
        )
        node.database = self.backup
        self.histories[RESTORED].append(node.database.log)
        self.calls = [call for call in self.calls if call.sender != RESTORED]
        if not self.mark:
            node.mark = None
        self.restart(node, "")
        if self.mark:
            assert bool(node.halted) == self.restored_behind

    # --- the network -------------------------------------------------------------
    def send(self, messages: Iterable[Message]) -> None:
        try:
            for message in messages:
                if not message.stream:
                    self.calls.append(message)
                elif message.stream in self.wires:
                    queue = self.wires[message.stream].queues[message.recipient]
                    queue.append(message)
        except SelatError:
            # A liar that has mixed up its histories has nothing to send.
            assert self.liar is not None

    def cut(self, number: int) -> None:
        """Break a stream: what is on it is lost, and both ends know."""
        for end in self.wires.pop(number).ends:
            self.nodes[end].streams.pop(number, None)

    def deliver_any(self) -> None:
        choice = self.chance.randrange(len(self.calls) + len(self.wires))
        if choice < len(self.calls):
            message = self.calls[choice]
            if self.chance.random() >= TWICE:
                self.calls[choice] = self.calls[-1]
                self.calls.pop()
            if self.chance.random() >= LOST:
                self.deliver(message)
            return
        number = list(self.wires)[choice - len(self.calls)]
        if self.chance.random() < LOST or not self.deliver_next(number):
            self.cut(number)

    def deliver_next(self, number: int) -> bool:
        """Deliver a stream's next message; False when there is none."""
        for queue in self.wires[number].queues.values():
            if queue:
                self.deliver(queue.popleft())
                return True
        return False

    def deliver(self, message: Message) -> None:
        liar = self.lie_in_sight(message)
        node = self.nodes[message.recipient]
        self.send(node.handle(message))
        if liar:
            assert node.database.ways[liar].knowledge.accused, message.kind
            self.caught[message.kind] += 1

    # --- the end -----------------------------------------------------------------
    def settle(self) -> None:
        """Let everything arrive and everybody talk to everybody."""
        for node in self.nodes.values():
            self.restart(node, "")
        for talk in (self._talk, self._compare):
            for _ in range(3):
                self._drain()
                for node in self.nodes.values():
                    for peer in node.peers:
                        talk(node, peer)
                        self._drain()

    def _talk(self, node: Node, peer: str) -> None:
        """Deliver what is in a queue."""
        if node.may_sign and not node.database.ways[peer].knowledge.accused:
            self.open(node, peer)

    def _compare(self, node: Node, peer: str) -> None:
        """Have everything cosigned, and compare what is known of the others."""
        self.idle(node, peer)
        for about in node.peers:
            if about != peer and node is not self.liar and not node.halted:
                self.send(node.gossip(peer, about))

    def _drain(self) -> None:
        while self.calls or self.wires:
            while self.calls:
                self.deliver(self.calls.pop())
            for number in list(self.wires):
                if not self.deliver_next(number):
                    self.cut(number)

    def check(self) -> None:
        """Assert what must hold when all is quiet."""
        awake = [node for node in self.honest() if not node.halted]
        for node in self.honest():
            may_halt = node.name == RESTORED and self.restored_behind
            assert not node.halted or may_halt
        for node in awake:
            for peer in awake:
                if peer is not node:
                    self._check_pair(node, peer)
        if self.liar is not None:
            self._check_lies(awake)

    def _check_pair(self, node: Node, peer: Node) -> None:
        """All is delivered, receipted and cosigned between two honest nodes."""
        ours = node.database.ways[peer.name]
        theirs = peer.database.ways[node.name]
        assert not node.unanswered
        assert not ours.outbox
        assert theirs.accepted == ours.formed
        assert theirs.knowledge.size == node.database.log.size == ours.cosigned
        assert not ours.knowledge.accused
        assert not ours.knowledge.loose

    def _check_lies(self, awake: list[Node]) -> None:
        """Nobody believes what another can refute, and proofs are with all."""
        assert self.liar is not None
        known = {
            node.name: node.database.ways[self.liar.name].knowledge for node in awake
        }
        # A state that nothing joins to the others is an open question.
        believing = [
            each for each in known.values() if not each.accused and not each.loose
        ]
        for first in believing:
            for second in believing:
                assert first.tip is not None
                assert second.tip is not None
                assert self.on_one_history(self.liar.name, first.tip, second.tip)
        proofs = [each.proof for each in known.values() if each.proof is not None]
        assert len(proofs) in {0, len(awake)}
        for proof in proofs:
            verify_equivocation(proof, self.liar.keys.verifiers)
            assert proof.heads[0].origin == origin_of(self.liar.name)
