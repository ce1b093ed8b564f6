# SPDX-License-Identifier: Apache-2.0
"""What can go wrong with a measurement."""

from __future__ import annotations


class BenchmarkError(Exception):
    """A figure could not be measured; the message says why."""
