# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import socket
import subprocess
import sys
from importlib.metadata import version

import pytest
from pytest_socket import SocketBlockedError

import selat


def test_version_is_the_installed_one() -> None:
    assert selat.__version__ == version("selat")


def test_unknown_names_are_refused() -> None:
    with pytest.raises(AttributeError, match="no attribute 'sealt'"):
        _ = selat.sealt


def test_importing_the_package_imports_nothing_else_of_selat() -> None:
    code = "import sys, selat; print([m for m in sys.modules if m[:6] == 'selat.'])"
    out = subprocess.run(  # noqa: S603 - our own interpreter and our own words
        [sys.executable, "-c", code], check=True, capture_output=True, text=True
    )

    assert out.stdout == "[]\n"


def test_unit_tests_have_no_network() -> None:
    with pytest.raises(SocketBlockedError):
        socket.socket(socket.AF_INET, socket.SOCK_STREAM)
