# SPDX-License-Identifier: Apache-2.0
"""Programs that are no part of Selat, run one call at a time."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterable
from typing import Any

#: A hung program fails the test, in s. The slowest reads 70,000 leaves.
PATIENCE_S = 60


class Refused(Exception):  # noqa: N818 - what a program did, not a fault
    """The program ended with another code than 0; the text is what it said."""


class Program:
    """A program at a path."""

    def __init__(self, path: str) -> None:
        self.path = path

    def run(self, *arguments: str, data: bytes = b"") -> bytes:
        """Return what it writes when it is given data.

        Raises:
            Refused: It did not end well.
        """
        done = subprocess.run(  # noqa: S603 - a program that a fixture chose
            [self.path, *arguments],
            check=False,
            input=data,
            capture_output=True,
            timeout=PATIENCE_S,
        )
        if done.returncode:
            raise Refused(done.stderr.decode() or done.stdout.decode())
        return done.stdout

    def ask(self, *arguments: str, questions: Iterable[dict[str, Any]]) -> list[Any]:
        """Return its answers to questions, a JSON value a line."""
        data = "\n".join(json.dumps(each) for each in questions).encode()
        answers = self.run(*arguments, data=data)
        return [json.loads(line) for line in answers.splitlines()]
