# SPDX-License-Identifier: Apache-2.0
"""Folders of made-up nodes; nothing runs in them yet."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.fakes.nodes import Home, make_home


@pytest.fixture
def xa(tmp_path: Path) -> Home:
    return make_home(tmp_path, "xa")


@pytest.fixture
def xb(tmp_path: Path) -> Home:
    return make_home(tmp_path, "xb")
