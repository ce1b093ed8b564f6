# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

from pathlib import Path

from selat.cli.shared import SharedOptions


def test_what_stands_after_the_command_goes_before() -> None:
    outer = SharedOptions(home=Path("outer"), desk="a:1", passphrase_fd=3)
    inner = SharedOptions(home=Path("inner"), as_json=True)

    assert inner.over(outer) == SharedOptions(
        home=Path("inner"), as_json=True, desk="a:1", passphrase_fd=3
    )


def test_file_descriptor_zero_is_a_descriptor() -> None:
    options = SharedOptions(passphrase_fd=0).over(SharedOptions(passphrase_fd=3))

    assert options.passphrase_fd == 0


def test_the_folder_is_the_users_own_unless_named() -> None:
    assert SharedOptions().folder == Path.home() / ".selat"
    assert SharedOptions(home=Path("x")).folder == Path("x")
