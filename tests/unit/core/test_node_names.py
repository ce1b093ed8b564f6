# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest

from selat.core.node_names import is_node_name


@pytest.mark.parametrize(
    "name",
    ["police.xa.example", "a.b", "fiu-1.xa.example", "7.xa", f"{'a' * 63}.example"],
)
def test_lower_case_dns_names_are_node_names(name: str) -> None:
    assert is_node_name(name)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "police",
        "Police.xa.example",
        "police.xa.example.",
        ".xa.example",
        "police..example",
        "-police.xa.example",
        "police-.xa.example",
        "po lice.xa.example",
        "polic\u00e9.xa.example",
        "police.xa.example\n",
        "192.0.2.7",
        "police.7xa",
        f"{'a' * 64}.example",
        ".".join(["a" * 49] * 6),
    ],
)
def test_anything_else_is_none(name: str) -> None:
    assert not is_node_name(name)
