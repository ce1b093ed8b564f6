# SPDX-License-Identifier: Apache-2.0
"""Figures: what was measured, how it spread, and how it stands to its target."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from rich.console import Console
from rich.table import Table

#: Columns of the printed table, which nothing may cut.
_WIDTH: Final = 160


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One measured quantity.

    Attributes:
        bench: The benchmark it belongs to.
        name: What was measured.
        unit: Its unit.
        values: One value for each run, at least one.
        at_least: The target from below, or None.
        at_most: The target from above, or None.
        ratios: Median as a share of each ceiling's median.
    """

    bench: str
    name: str
    unit: str
    values: tuple[float, ...]
    at_least: float | None = None
    at_most: float | None = None
    ratios: dict[str, float] = field(default_factory=dict)

    @property
    def median(self) -> float:
        """Return the median of the runs."""
        return statistics.median(self.values)

    def is_met(self) -> bool | None:
        """Tell whether the median reaches the target; None without one."""
        if self.at_least is not None:
            return self.median >= self.at_least
        if self.at_most is not None:
            return self.median <= self.at_most
        return None

    def document(self) -> dict[str, Any]:
        """Return the figure for a JSON file."""
        return {
            "bench": self.bench,
            "name": self.name,
            "unit": self.unit,
            "min": min(self.values),
            "median": self.median,
            "max": max(self.values),
            "values": list(self.values),
            "at_least": self.at_least,
            "at_most": self.at_most,
            "met": self.is_met(),
            "ratios": self.ratios,
        }


def percentile(values: Sequence[float], share: float) -> float:
    """Return the smallest value that so large a share of the values is not above.

    The nearest-rank definition, which never invents a value between two.

    Args:
        values: At least one value, in any order.
        share: Above 0, at most 1.
    """
    return sorted(values)[math.ceil(share * len(values)) - 1]


def print_table(figures: Sequence[Figure]) -> None:
    """Print figures for a person."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("benchmark", no_wrap=True)
    table.add_column("figure", no_wrap=True)
    for heading in ("median", "min", "max"):
        table.add_column(heading, justify="right", no_wrap=True)
    for heading in ("unit", "target", "of the ceilings"):
        table.add_column(heading, no_wrap=True)
    previous = ""
    for figure in figures:
        table.add_row(
            figure.bench if figure.bench != previous else "",
            figure.name,
            *(_number(v) for v in (figure.median, *_spread(figure))),
            figure.unit,
            _target(figure),
            ", ".join(f"{name} {share:.1%}" for name, share in figure.ratios.items()),
        )
        previous = figure.bench
    Console(width=_WIDTH, soft_wrap=True).print(table)


def _spread(figure: Figure) -> tuple[float, float]:
    return min(figure.values), max(figure.values)


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"  # noqa: PLR2004 - three digits tell enough


def _target(figure: Figure) -> str:
    met = figure.is_met()
    if met is None:
        return ""
    sign, bound = "≥", figure.at_least
    if bound is None:
        sign, bound = "≤", figure.at_most or 0.0
    return f"{sign} {bound:,g} {'met' if met else 'NOT MET'}"
