# SPDX-License-Identifier: Apache-2.0
"""Policy folders of the measured nodes: with all that a state has, and with least."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Final

from selat.policy.groups import GROUPS_FILE
from selat.policy.policy_files import BASELINE_FILE

_AGREEMENTS: Final = Path(__file__).with_name("agreements")
#: Without it nothing enters.
_INTAKE: Final = "7-intake.cedar"
_EXCEPTION: Final = """
[[exception]]
file = "baseline/{name}"
change = "removed"
reason = "Measures what policy costs."
"""


def put_agreements(policy: Path) -> None:
    """Add three agreements to a policy folder; the first takes out fields.

    Args:
        policy: A copy of the shipped folder, with the whole baseline.
    """
    shutil.copytree(_AGREEMENTS, policy / "agreements", dirs_exist_ok=True)
    shutil.copy(policy / "examples" / GROUPS_FILE, policy / GROUPS_FILE)


def strip(policy: Path) -> None:
    """Take out of a policy folder what a node can run without, as declared.

    What stays lets in every declared category, lets out what the release list
    names, and lets officers use their desk.

    Args:
        policy: A copy of the shipped folder.
    """
    declared = "version = 1\n"
    for file in sorted((policy / "baseline").iterdir()):
        if file.name != _INTAKE:
            file.unlink()
            declared += _EXCEPTION.format(name=file.name)
    (policy / BASELINE_FILE).write_text(declared, "utf-8")
    shutil.rmtree(policy / "scenarios")  # they hold the baseline
