# SPDX-License-Identifier: Apache-2.0
"""`audit`: a bundle of 1,000,000 leaves, written and verified.

The log is that of a node which exchanged messages with two peers; what peers
answered comes to as many leaves again.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from scripts.benchmarks.bench import Bench, acquaint, running
from scripts.benchmarks.errors import BenchmarkError
from scripts.benchmarks.figures import Figure
from scripts.benchmarks.nodes import BenchNode
from scripts.benchmarks.processes import Child

from selat.identity.card import parse_card
from selat.node.folder import NodeFolder

_NAME: Final = "audit"
_LEAVES: Final = 1_000_000
_RATE_AT_LEAST: Final = 100_000.0
_MEMORY_AT_MOST_MIB: Final = 300.0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ran:
    """A command that ended well."""

    seconds: float
    cpu_s: float
    peak_mib: float
    document: Any


async def run(bench: Bench) -> list[Figure]:
    """Fill a log, then write and verify its bundle several times."""
    async with bench.folder() as work:
        nodes = [await BenchNode.create(work, label) for label in ("xa", "xb", "xc")]
        async with running(*nodes):
            for peer in nodes[1:]:
                await acquaint(nodes[0], peer)
        await _fill(nodes)
        trust = work / "trust.toml"
        trust.write_text(_trust(nodes), "utf-8")
        exports, verified = [], []
        for number in range(bench.runs):
            bundle = work / f"bundle{number}"
            exports.append(await _selat(nodes[0], "export", "--out", str(bundle)))
            arguments = ("verify", str(bundle), "--trust", str(trust))
            verified.append(await _selat(nodes[0], *arguments))
            # It goes with the folder: ext4 looks at each of the files that were
            # removed in the last minutes whenever it makes a new one.
    return [
        Figure(
            bench=_NAME,
            name="export, own leaves",
            unit="leaves/s",
            values=tuple(_LEAVES / ran.seconds for ran in exports),
            at_least=_RATE_AT_LEAST,
        ),
        *_figures("export", exports),
        *_figures("verification", verified),
        *_work(verified),
    ]


def _trust(nodes: Sequence[BenchNode]) -> str:
    """Return a trust file that pins every node and asks for both cosigners."""
    pins = [f"version = 1\nquorum = {len(nodes) - 1}\n"]
    for node in nodes:
        card = parse_card(NodeFolder(home=node.home).card.read_bytes())
        root = card.fingerprint.digest.hex()
        pins.append(f'[[node]]\nname = "{node.name}"\nroot = "{root}"\n')
    return "\n".join(pins)


async def _fill(nodes: Sequence[BenchNode]) -> None:
    module = "scripts.benchmarks.past"
    homes = [str(node.home) for node in nodes]
    command = [sys.executable, "-m", module, homes[0], str(_LEAVES), *homes[1:]]
    filling = await Child.start(command, log=nodes[0].home.with_suffix(".fill.log"))
    try:
        await filling.finish()
    finally:
        await filling.stop()


async def _selat(node: BenchNode, *arguments: str) -> _Ran:
    """Run an audit command of a node that does not run."""
    selat = str(Path(sys.executable).with_name("selat"))
    options = ["--home", str(node.home), "--passphrase-file", str(node.secret)]
    command = [selat, *options, "audit", *arguments, "--json"]
    return await asyncio.to_thread(_timed, command)


def _timed(command: Sequence[str]) -> _Ran:
    """Run a command; measure its time and its memory at its highest.

    Raises:
        BenchmarkError: It failed.
    """
    begun = time.perf_counter()
    child = subprocess.Popen(command, stdout=subprocess.PIPE)
    with child:
        printed = child.stdout.read() if child.stdout else b""
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise BenchmarkError(f"{' '.join(command[-4:])} ended with {child.returncode}")
    return _Ran(
        seconds=time.perf_counter() - begun,
        cpu_s=usage.ru_utime + usage.ru_stime,
        peak_mib=usage.ru_maxrss / 1024,
        document=json.loads(printed),
    )


def _work(runs: Sequence[_Ran]) -> list[Figure]:
    """Return what a verification itself says of its work."""
    work = [ran.document["work"] for ran in runs]
    return [
        Figure(
            bench=_NAME,
            name="hashing and structure of own leaves",
            unit="leaves/s",
            values=tuple(each["leaves_per_second"] for each in work),
            at_least=_RATE_AT_LEAST,
        ),
        *(
            Figure(
                bench=_NAME,
                name=f"{what} in a verification",
                unit="s",
                values=tuple(each[f"{key}_seconds"] for each in work),
            )
            for what, key in (
                ("peers' leaves", "peer"),
                ("signatures", "signature"),
                ("pairing", "pair"),
                ("database", "database"),
            )
        ),
    ]


def _figures(what: str, runs: Sequence[_Ran]) -> list[Figure]:
    return [
        Figure(
            bench=_NAME,
            name=f"{what} of {_LEAVES:,} leaves, from start to end",
            unit="s",
            values=tuple(ran.seconds for ran in runs),
        ),
        Figure(
            bench=_NAME,
            name=f"{what}, processor time",
            unit="s",
            values=tuple(ran.cpu_s for ran in runs),
        ),
        Figure(
            bench=_NAME,
            name=f"{what}, memory at its highest",
            unit="MiB",
            values=tuple(ran.peak_mib for ran in runs),
            at_most=_MEMORY_AT_MOST_MIB,
        ),
    ]
