# SPDX-License-Identifier: Apache-2.0
"""What every test has: no network, repeatable examples, the shared data."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from hypothesis import settings

from selat.policy.policy_files import PolicyFiles
from selat.policy.policy_loading import prove_policy_set
from selat.policy.policy_set import PolicySet

TESTS = Path(__file__).parent
REPOSITORY = TESTS.parent

# Tests that may open sockets, and only to this machine.
ON_LOOPBACK = frozenset({"integration", "interop", "faults"})

settings.register_profile("local", deadline=None, print_blob=True)
settings.register_profile(
    "ci", deadline=None, print_blob=True, derandomize=True, database=None
)
settings.load_profile("ci" if os.environ.get("CI") else "local")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Close the network to every test, and to some all but loopback.

    This stops Python's own sockets. gRPC opens its own, underneath; tests
    that use it belong into ``ON_LOOPBACK``.
    """
    for item in items:
        kind = item.path.relative_to(TESTS).parts[0]
        if kind in ON_LOOPBACK:
            item.add_marker(pytest.mark.allow_hosts(["127.0.0.1", "::1"]))
        else:
            item.add_marker(pytest.mark.disable_socket)


@pytest.fixture(scope="session")
def shared() -> Path:
    """Give the folder of real data beside the checkout, or skip the test."""
    folder = REPOSITORY.parent / "shared"
    if not (folder / "data").is_dir():
        pytest.skip("the real data (../shared) is not on this machine")
    return folder


@pytest.fixture(scope="session", autouse=True)
def _policies_prove_themselves_once() -> Iterator[None]:
    """Let equal policies run their scenarios once, not in every node of every test.

    The digest covers all that the proof looks at but the date.
    """
    proven: set[tuple[str, date | None]] = set()

    def prove_once(
        policy: PolicySet, files: PolicyFiles, *, today: date | None = None
    ) -> None:
        if (policy.digest, today) not in proven:
            prove_policy_set(policy, files, today=today)
            proven.add((policy.digest, today))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("selat.node.active_policy.prove_policy_set", prove_once)
        yield
