# SPDX-License-Identifier: Apache-2.0
"""Run benchmarks, print their figures and write them down; see `scripts/bench`."""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import sys
import tempfile
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from scripts.benchmarks import (
    audit,
    deliver,
    depth,
    fanout,
    latency,
    machine,
    memory,
    mixed,
    policy,
)
from scripts.benchmarks.bench import Bench
from scripts.benchmarks.ceilings import Ceilings
from scripts.benchmarks.errors import BenchmarkError
from scripts.benchmarks.figures import Figure, print_table

#: No benchmark takes longer, in s.
TIME_LIMIT_S: Final = 3_600

Run = Callable[[Bench], Awaitable[list[Figure]]]


async def _only_ceilings(bench: Bench) -> list[Figure]:
    """Measure the ceilings, which are part of every result."""
    for _ in range(bench.runs):
        await bench.ceilings.measure()
    return []


# Name: benchmark, whether it runs without being named, what it measures.
BENCHMARKS: Final[dict[str, tuple[Run, bool, str]]] = {
    "deliver": (deliver.run, True, "records/s from node to node, and of publishing"),
    "latency": (latency.run, True, "ms from publishing to the other's subscriber"),
    "memory": (memory.run, True, "MiB of a node at rest and at work"),
    "fanout": (fanout.run, True, "records/s from one node to 1, 2, 5 and 10 peers"),
    "policy": (policy.run, True, "µs of a decision; its share of a delivery"),
    "mixed": (mixed.run, False, "records/s of records that are not built alike"),
    "depth": (depth.run, False, "records/s with 1,000,000 records in store"),
    "audit": (audit.run, False, "a bundle of 1,000,000 leaves, written and verified"),
    "ceilings": (_only_ceilings, False, "SQLite and gRPC alone, on this machine"),
}


@dataclass(slots=True)
class _Results:
    """What was measured and what could not be."""

    figures: list[Figure] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)


def main() -> int:
    """Run the benchmarks of this process's arguments; return the exit code."""
    arguments = _parse(sys.argv[1:])
    described, results = machine.describe(), _Results()
    with tempfile.TemporaryDirectory(
        prefix="selat-bench-", dir=arguments.work_dir
    ) as work:
        bench = Bench(
            work=Path(work),
            records=arguments.records,
            runs=arguments.runs,
            ceilings=Ceilings(Path(work)),
        )
        try:
            asyncio.run(_run(bench, arguments.names, results))
        except (KeyboardInterrupt, asyncio.CancelledError):
            results.failures.append("stopped")
    results.figures += bench.ceilings.figures()
    print_table(results.figures)
    print("\n" + ", ".join(f"{key} {value}" for key, value in described.items()))
    if arguments.json:
        document = {
            "machine": described,
            "settings": {"records": bench.records, "runs": bench.runs},
            "figures": [figure.document() for figure in results.figures],
            "failures": results.failures,
        }
        arguments.json.write_text(json.dumps(document, indent=2) + "\n", "utf-8")
    for failure in results.failures:
        print(f"scripts/bench: {failure}", file=sys.stderr)
    return 1 if results.failures else 0


async def _run(bench: Bench, names: Sequence[str], results: _Results) -> None:
    """Run benchmarks one after another; one that fails stops no other."""
    task = asyncio.current_task()
    if task is not None:
        # The nodes are stopped on the way out.
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    for name in names:
        print(f"{name} …", file=sys.stderr, flush=True)
        try:
            async with asyncio.timeout(TIME_LIMIT_S):
                results.figures += await BENCHMARKS[name][0](bench)
        except TimeoutError:
            results.failures.append(f"{name} took more than {TIME_LIMIT_S} s")
        except BenchmarkError as error:
            results.failures.append(f"{name}: {error}")


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    lines = [f"  {name:10} {what}" for name, (_, _, what) in BENCHMARKS.items()]
    parser = argparse.ArgumentParser(
        prog="scripts/bench",
        description="Measure nodes on this machine, everything turned on.",
        epilog="\n".join(["benchmarks:", *lines]),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help="which (all that take a minute)"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write them there")
    parser.add_argument(
        "--records", type=_positive, default=20_000, help="in one delivery (20000)"
    )
    parser.add_argument(
        "--runs", type=_positive, default=3, help="of each measurement (3)"
    )
    parser.add_argument(
        "--work-dir", type=Path, metavar="FOLDER", help="for databases (temporary)"
    )
    parsed = parser.parse_args(arguments)
    unknown = [name for name in parsed.names if name not in BENCHMARKS]
    if unknown:
        parser.error(f"no such benchmark: {', '.join(unknown)}")
    if not parsed.names:
        parsed.names = [name for name, (_, usual, _) in BENCHMARKS.items() if usual]
    return parsed


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError
    return number


if __name__ == "__main__":
    sys.exit(main())
