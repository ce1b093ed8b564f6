# SPDX-License-Identifier: Apache-2.0
"""Child processes: begun, watched through /proc, and ended by their own id."""

from __future__ import annotations

import asyncio
import os
from asyncio.subprocess import PIPE, Process
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from scripts.benchmarks.errors import BenchmarkError

#: A child must say that it is ready within this time, in s.
START_TIMEOUT_S: Final = 60.0
#: A child that was told to stop is killed after this time, in s.
STOP_TIMEOUT_S: Final = 20.0
_LOG_TAIL_BYTES: Final = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """Resident memory of a process in MiB: now, and at its highest."""

    now_mib: float
    peak_mib: float


class Child:
    """A process that prints one line when it is ready, and ends on SIGTERM."""

    def __init__(self, process: Process, log: Path) -> None:
        """Take a process that `start` began."""
        self._process = process
        self._log = log
        self.ready_line = ""

    @classmethod
    async def start(cls, command: Sequence[str], *, log: Path) -> Child:
        """Start a process and wait until it is ready.

        Args:
            command: Program and arguments.
            log: File that takes its standard error.

        Raises:
            BenchmarkError: It ended, or said nothing for a minute.
        """
        with log.open("ab") as errors:
            process = await asyncio.create_subprocess_exec(
                *command, stdout=PIPE, stderr=errors
            )
        child = cls(process, log)
        try:
            async with asyncio.timeout(START_TIMEOUT_S):
                child.ready_line = await child._first_line()
        except TimeoutError as error:
            await child.stop()
            raise BenchmarkError(f"{command[0]} was not ready: {log}") from error
        except BaseException:
            await child.stop()
            raise
        return child

    async def _first_line(self) -> str:
        output = self._process.stdout
        line = await output.readline() if output else b""
        if not line:
            raise BenchmarkError(f"A process ended before it was ready:\n{self.told()}")
        return line.decode()

    async def finish(self) -> None:
        """Wait until the process ends by itself.

        Raises:
            BenchmarkError: It failed.
        """
        if await self._process.wait():
            raise BenchmarkError(f"A process failed:\n{self.told()}")

    def told(self) -> str:
        """Return the end of what the process said on standard error."""
        return self._log.read_bytes()[-_LOG_TAIL_BYTES:].decode(errors="replace")

    async def stop(self) -> None:
        """Tell the process to stop; kill it when it does not."""
        if self._process.returncode is not None:
            return
        with suppress(ProcessLookupError):
            self._process.terminate()
        try:
            async with asyncio.timeout(STOP_TIMEOUT_S):
                await self._process.wait()
        except TimeoutError:
            with suppress(ProcessLookupError):
                self._process.kill()
            await self._process.wait()

    def memory(self) -> Memory:
        """Return the process's resident memory (``proc_pid_status(5)``)."""
        fields: dict[str, float] = {}
        status = Path(f"/proc/{self._process.pid}/status").read_text("utf-8")
        for line in status.splitlines():
            name, _, value = line.partition(":")
            if name in {"VmRSS", "VmHWM"}:
                fields[name] = int(value.split()[0]) / 1024
        return Memory(now_mib=fields["VmRSS"], peak_mib=fields["VmHWM"])

    def forget_peak(self) -> None:
        """Begin the peak anew at what is resident (``proc_pid_clear_refs(5)``)."""
        Path(f"/proc/{self._process.pid}/clear_refs").write_text("5", "ascii")

    def cpu_s(self) -> float:
        """Return the processor time that the process used (``proc_pid_stat(5)``)."""
        stat = Path(f"/proc/{self._process.pid}/stat").read_text("utf-8")
        # The second field is the name, in parentheses; utime and stime are the
        # 14th and 15th.
        fields = stat.rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
