# SPDX-License-Identifier: Apache-2.0
"""The demonstration: three made-up states exchange intelligence, and check it.

Every command that is shown is run as shown. A check that fails ends it with an
exit code other than 0, and the folder stays for a look.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import secrets
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

from scripts.demonstration.law import OUTCOMES, Example, example_of, legislate
from scripts.demonstration.nodes import DemoNode
from scripts.demonstration.reading import (
    approve,
    fingerprint,
    outbox,
    published,
    received,
)
from scripts.demonstration.security_council import entries_of, samples_of
from scripts.demonstration.telling import (
    DemoFailedError,
    check,
    indented,
    say,
    title,
    wait_until_passed,
)

from selat.cli.evidence import cards_at_hand, verify_exchange
from selat.policy.catalogue_file import load_catalogue
from selat.v1 import desk_service_pb2 as pb

RECORDS: Final = Path(__file__).with_name("records.jsonl")
DELIVERY_TIMEOUT_S: Final = 90.0
#: Width of what commands print here, in characters.
COLUMNS: Final = "100"
#: The category that the third state has not declared on its card.
DECLINED: Final = "research"


class Story:
    """Three nodes and what happens to them."""

    def __init__(self, folder: Path) -> None:
        """Invent the states."""
        self.folder = folder
        self.sender = DemoNode(
            state="XA", agency="Federal Police of Xanadu", folder=folder
        )
        self.second = DemoNode(state="XB", agency="Xibalba Coast Guard", folder=folder)
        self.third = DemoNode(
            state="XC",
            agency="Interior Ministry of Xylo",
            folder=folder,
            declined=frozenset({DECLINED}),
        )
        self.nodes = (self.sender, self.second, self.third)
        self.peers = (self.second, self.third)

    # --- chapters ----------------------------------------------------------
    def set_up(self) -> None:
        """Create, start and introduce the nodes."""
        title("1. Three states set up their nodes. No state is first, none in between.")
        passphrase = self.folder / "passphrase"
        passphrase.touch(mode=0o600)
        passphrase.write_text(secrets.token_urlsafe(24))
        for node in self.nodes:
            _initialise(node)
        legislate(self.sender, self.third)
        with ThreadPoolExecutor() as pool:
            list(pool.map(DemoNode.start, self.nodes))
        for node in self.nodes:
            say(f"  {node.name}  {node.agency}, listening on 127.0.0.1:{node.port}")
        title("2. They compare fingerprints by telephone and accept each other.")
        cards = {node: self._card(node) for node in self.nodes}
        for node in self.nodes:
            self._accept(node, cards)

    def _card(self, node: DemoNode) -> tuple[Path, str]:
        path = self.folder / f"{node.state.lower()}.card"
        path.write_text(node.run("peer", "card"))
        words = asyncio.run(fingerprint(node))
        say(f"  {node.state} reads out: {' '.join(words.split()[:6])} …")
        return path, words

    def _accept(self, node: DemoNode, cards: dict[DemoNode, tuple[Path, str]]) -> None:
        for peer in self.nodes:
            if peer is not node:
                path, words = cards[peer]
                node.run(
                    "peer", "add", str(path), "--fingerprint", words, "--category", "*"
                )

    def exchange(self) -> None:
        """Publish, kill two nodes in the middle, and start them again."""
        lines = RECORDS.read_text("utf-8").splitlines(keepends=True)
        half = len(lines) // 2
        title(
            f"3. {self.sender.state} publishes {len(lines)} records over 17 categories."
        )
        self._publish(lines[:half], "first.jsonl")
        asyncio.run(self._wait_for_some(self.third))
        self.third.kill()
        say(f"  {self.third.state} dies in the middle (SIGKILL); the others go on.")
        self._publish(lines[half:], "second.jsonl")
        self.sender.kill()
        say(f"  {self.sender.state} dies just after it said «published» (SIGKILL).")
        self.sender.start()
        self.third.start()
        say("  Both are started again. Nobody does anything else.")
        asyncio.run(self._wait_for_receipts())

    def verify(self) -> None:
        """Check arrivals and verify every proof."""
        title("4. Nothing is lost, nothing is doubled, and both logs prove it.")
        asyncio.run(self._check_arrivals())
        asyncio.run(self._check_proofs())

    def look(self) -> None:
        """Show what people see."""
        title(f"6. What an officer in {self.second.state} sees.")
        self._show(self.second, "inbox", "--limit", "5")
        self._show(self.second, "search", "فارس رحمت دليماوان")
        title(f"7. What an administrator in {self.sender.state} sees.")
        self._show(self.sender, "status")
        say(f"  {self.third.state} has not declared «{DECLINED}»: deny by default.")
        self._show(self.sender, "outbox", "list", "--state", "withheld", "--limit", "3")

    def import_list(self, path: Path) -> None:
        """Move a Security Council list to both peers, killing one on the way."""
        entries = entries_of(path)
        title(f"8. {self.sender.state} imports the Security Council's list.")
        before = {node: len(asyncio.run(received(node))) for node in self.peers}
        with ThreadPoolExecutor() as pool:
            importing = pool.submit(
                self.sender.run_apart, "import", "un-list", str(path)
            )
            asyncio.run(self._wait_for_more(self.second, before[self.second]))
            self.second.kill()
            say(f"  {self.second.state} dies in the middle (SIGKILL) and comes back.")
            self.second.start()
            say(indented(importing.result()))
        asyncio.run(self._wait_for_receipts())
        for node in self.peers:
            got = len(asyncio.run(received(node))) - before[node]
            check(
                got == len(entries), f"{node.state} has all {got:,} entries, once each"
            )
        asyncio.run(self._check_proofs())
        for kind, value in samples_of(entries):
            found = self.second.run("search", value, "--json")
            check(
                '"id"' in found,
                f"{self.second.state} finds an entry by {kind}: {value}",
            )

    def decide(self) -> None:
        """Show each outcome that a law can have, and why."""
        title("5. Every state applies its own law, and says which.")
        to_second = asyncio.run(outbox(self.sender, self.second.name))
        to_third = asyncio.run(outbox(self.sender, self.third.name))
        say("  Released. A record leaves as it is, because the release list says so:")
        self._explain(example_of("released", to_second))
        say("  Redacted. Another leaves without the fields that an agreement names:")
        self._explain(example_of("redacted", to_third))
        say("  Withheld. One stays, and the denial is on the record:")
        self._explain(example_of("withheld", to_third))
        say("  Refused. What the receiver's own law does not let in:")
        self._explain(example_of("refused", to_third))
        self._approve(to_second + to_third)

    def _approve(self, entries: Sequence[pb.OutboxEntry]) -> None:
        """Let a second person approve what is held, and see it leave."""
        say("  Held. What protects a person waits until a second person has looked:")
        held = example_of("held", entries)
        self._explain(held)
        self._show(
            self.sender,
            *("officer", "add", "duty", "--role", "reviewer"),
            *("--output", str(self.folder)),
            shown="officer add duty --role reviewer",
        )
        waiting = [each.number for each in entries if OUTCOMES["held"](each)]
        review = f"release/{held.entry.number}"
        self._show(self.sender, "review", "approve", review, officer="duty")
        others = [number for number in waiting if number != held.entry.number]
        asyncio.run(approve(self.sender, "duty", others))
        say(f"  The reviewer approves the other {len(others)} as well.")
        asyncio.run(self._wait_for_receipts())
        self._explain(held)
        left = self.sender.run("review", "list", "--json")
        check(
            not json.loads(left)["reviews"],
            "nothing is held any more, and every act is a leaf",
        )
        asyncio.run(self._check_arrivals())
        asyncio.run(self._check_proofs())

    def _explain(self, example: Example) -> None:
        """Show what explains one outcome."""
        self._show(
            self.sender,
            *("policy", "explain", example.message, "--peer", example.entry.peer),
        )

    def stop(self) -> None:
        """Stop every node that runs."""
        for node in self.nodes:
            node.stop()

    # --- parts -------------------------------------------------------------
    def _publish(self, lines: Sequence[str], file: str) -> None:
        path = self.folder / file
        path.write_text("".join(map(self._addressed, lines)), "utf-8")
        self._show(self.sender, "publish", str(path), shown=f"publish {file}")

    def _addressed(self, line: str) -> str:
        """Name the second state in records that only a named state may have."""
        record = json.loads(line)
        if record["header"].get("marking", {}).get("tlp") == "TLP_RED":
            record["header"]["recipients"] = [self.second.name]
        return json.dumps(record, ensure_ascii=False) + "\n"

    def _show(
        self, node: DemoNode, *arguments: str, shown: str = "", officer: str = ""
    ) -> None:
        say(f"  {node.state}$ selat {shown or ' '.join(arguments)}")
        say(indented(node.run(*arguments, officer=officer)))

    async def _wait_for_some(self, node: DemoNode) -> None:
        await self._wait_for_more(node, 0)

    async def _wait_for_more(self, node: DemoNode, count: int) -> None:
        start = time.monotonic()
        while len(await received(node)) <= count:
            wait_until_passed(
                start, DELIVERY_TIMEOUT_S, f"a first arrival in {node.state}"
            )
            await asyncio.sleep(0.02)

    async def _wait_for_receipts(self) -> None:
        start = time.monotonic()
        while True:
            async with self.sender.desk() as (_, admin):
                status = await admin.GetStatus(pb.GetStatusRequest())
            if not any(link.queued + link.offered for link in status.links):
                break
            wait_until_passed(start, DELIVERY_TIMEOUT_S, "the last receipt")
            await asyncio.sleep(0.05)
        for link in status.links:
            check(
                not link.dead, f"{link.peer} answered all: {link.accepted:,} accepted"
            )

    async def _check_arrivals(self) -> None:
        """Hold what each state has against what the sender has receipts for."""
        for node in self.peers:
            entries = await outbox(self.sender, node.name)
            accepted = Counter(
                (entry.id, entry.version)
                for entry in entries
                if entry.state == pb.OUTBOX_STATE_ACCEPTED
            )
            got = await received(node)
            say(
                f"  {self.sender.state} kept {len(entries) - accepted.total()} of "
                f"{len(entries)} records from {node.state}, each denial on the record."
            )
            check(
                Counter(key[:2] for key in got) == accepted,
                f"{node.state} holds exactly the {len(got)} records that it receipted, "
                f"over {len({key[2] for key in got})} categories",
            )

    async def _check_proofs(self) -> None:
        """Verify every exchange with nothing but the cards of both nodes."""
        cards = cards_at_hand(self.sender.home, ())
        verified = 0
        start = time.monotonic()
        async with self.sender.desk() as (desk, _):
            for message_id, version, _ in await published(self.sender):
                answer = await desk.GetEvidence(
                    pb.GetEvidenceRequest(id=message_id, version=version)
                )
                for exchange in answer.exchanges:
                    verify_exchange(
                        exchange, cards, message_id=message_id, version=version
                    )
                    verified += 1
        elapsed = time.monotonic() - start
        check(
            verified > 0,
            f"{verified:,} offers and their receipts proven in both logs, with Ed25519 "
            f"and ML-DSA-44 signatures ({elapsed:.1f} s)",
        )


def _initialise(node: DemoNode) -> None:
    declared = sorted(set(load_catalogue().categories) - node.declined)
    address = f"127.0.0.1:{node.port}"
    categories = [part for name in declared for part in ("--category", name)]
    node.run(
        "init", "--name", node.name, "--state", node.state, "--agency", node.agency,
        "--listen", address, "--endpoint", address,
        "--desk-listen", f"127.0.0.1:{node.desk_port}", *categories,
    )  # fmt: skip


def main() -> int:
    """Tell the story; return the exit code."""
    parser = argparse.ArgumentParser(
        prog="scripts/demo",
        description="Three made-up states exchange intelligence on this machine.",
    )
    parser.add_argument("--un-list", type=Path, help="the Security Council's list, XML")
    parser.add_argument("--keep", type=Path, help="keep the nodes' folders here")
    arguments = parser.parse_args()
    if arguments.un_list is not None and not arguments.un_list.is_file():
        parser.error(f"there is no file {arguments.un_list}")
    # Unix sockets have short paths: stay near the root of the file system.
    folder = arguments.keep or Path(tempfile.mkdtemp(prefix="selat-"))
    folder.mkdir(parents=True, exist_ok=True)
    # Commands in this process find what they find in a terminal of a demonstration.
    os.environ.update(COLUMNS=COLUMNS, GRPC_VERBOSITY="NONE")
    started = time.monotonic()
    story = Story(folder)
    try:
        story.set_up()
        story.exchange()
        story.verify()
        story.decide()
        story.look()
        if arguments.un_list is not None:
            story.import_list(arguments.un_list)
    except DemoFailedError as failure:
        say(f"\nThe demonstration failed. {failure}\nIts files are in {folder}.")
        return 1
    finally:
        story.stop()
    if arguments.keep is None:
        shutil.rmtree(folder)
    say(f"\nAll checks hold. It took {time.monotonic() - started:.0f} s.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
