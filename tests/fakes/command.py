# SPDX-License-Identifier: Apache-2.0
"""The real command, run in this process."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from selat.cli.main import run


@dataclass(frozen=True, kw_only=True)
class Ended:
    """How a run of the command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:  # noqa: ANN401 - any document
        return json.loads(self.out)

    @property
    def lines(self) -> list[Any]:
        return [json.loads(line) for line in self.out.splitlines()]

    @property
    def error(self) -> Any:  # noqa: ANN401 - any document
        return json.loads(self.err)["error"]


@dataclass(frozen=True, kw_only=True)
class Command:
    """The command of a node's folder."""

    home: Path
    capsys: pytest.CaptureFixture[str]
    monkeypatch: pytest.MonkeyPatch

    def __call__(self, *arguments: object, stdin: str = "") -> Ended:
        stream = io.TextIOWrapper(io.BytesIO(stdin.encode()), encoding="utf-8")
        self.monkeypatch.setattr("sys.stdin", stream)
        self.capsys.readouterr()
        code = run(["--home", str(self.home), *map(str, arguments)])
        captured = self.capsys.readouterr()
        return Ended(code=code, out=captured.out, err=captured.err)


#: The command of any node, which takes the node first.
Selat = Callable[..., Ended]
