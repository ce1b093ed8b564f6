# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import io
import os
from pathlib import Path

import pytest

from selat.cli.passphrases import PASSPHRASE_BYTES_MAX, read_passphrase
from selat.errors import ConfigurationError, InvalidInputError


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "passphrase"
    path.write_bytes(b"correct horse battery\n")
    path.chmod(0o600)
    return path


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Give the answers of a person at a terminal."""
    answers: list[str] = []
    monkeypatch.setattr("sys.stdin", Terminal())
    monkeypatch.setattr("selat.cli.passphrases.getpass", lambda _prompt: answers.pop(0))
    return answers


def test_a_passphrase_is_one_line_of_a_file(file: Path) -> None:
    assert read_passphrase(file=file, descriptor=None) == b"correct horse battery"


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o601])
def test_a_file_that_others_can_use_is_refused_with_the_remedy(
    file: Path, mode: int
) -> None:
    file.chmod(mode)

    with pytest.raises(ConfigurationError) as caught:
        read_passphrase(file=file, descriptor=None)

    assert caught.value.remedy == f"Run: chmod 600 {file}"


def test_a_missing_file_is_told_by_its_name(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="missing cannot be read: No such"):
        read_passphrase(file=tmp_path / "missing", descriptor=None)


def test_a_descriptor_goes_before_the_file_and_stays_open(file: Path) -> None:
    reader, writer = os.pipe()
    os.write(writer, b"another passphrase")
    os.close(writer)

    assert read_passphrase(file=file, descriptor=reader) == b"another passphrase"
    os.close(reader)


def test_a_descriptor_that_is_not_open_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="descriptor 987"):
        read_passphrase(file=None, descriptor=987)


@pytest.mark.parametrize(
    "text", [b"", b"\n", b"two\nlines\n", b"x" * (PASSPHRASE_BYTES_MAX + 1)]
)
def test_what_is_no_passphrase_is_refused_and_not_shown(
    file: Path, text: bytes
) -> None:
    file.write_bytes(text)

    with pytest.raises(InvalidInputError) as caught:
        read_passphrase(file=file, descriptor=None)

    assert "two" not in str(caught.value)


def test_a_person_is_asked_once_for_a_passphrase_that_exists(asked: list[str]) -> None:
    asked += ["häuser"]

    assert read_passphrase(file=None, descriptor=None) == "häuser".encode()


def test_a_person_is_asked_twice_for_a_new_passphrase(asked: list[str]) -> None:
    asked += ["one", "one", "one", "other"]

    assert read_passphrase(file=None, descriptor=None, confirm=True) == b"one"
    with pytest.raises(InvalidInputError, match="not the same"):
        read_passphrase(file=None, descriptor=None, confirm=True)


def test_there_is_no_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("from standard input\n"))

    with pytest.raises(InvalidInputError, match="no terminal to ask at"):
        read_passphrase(file=None, descriptor=None)
