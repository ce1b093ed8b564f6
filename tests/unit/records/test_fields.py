# SPDX-License-Identifier: Apache-2.0
import math

import pytest

from selat.records.fields import NumberRule, RepeatedRule
from selat.records.walk import Walk


@pytest.fixture
def walk() -> Walk:
    return Walk(strict=True, redacted=frozenset())


@pytest.mark.parametrize("value", [-90.0, 0.0, 90.0])
def test_number_between_its_bounds_is_taken(walk: Walk, value: float) -> None:
    NumberRule(name="latitude", least=-90.0, greatest=90.0).visit(value, walk)
    assert walk.violations == []


@pytest.mark.parametrize("value", [math.inf, -math.inf, math.nan])
def test_number_without_bounds_must_be_finite(walk: Walk, value: float) -> None:
    NumberRule(name="x", least=-math.inf, greatest=math.inf).visit(value, walk)
    assert [v.rule for v in walk.violations] == ["range"]


def test_list_of_numbers_has_only_a_bound(walk: Walk) -> None:
    rule = RepeatedRule(name="years", max_items=2, item=None)
    rule.visit([1, 2], walk)
    assert walk.violations == []
    rule.visit([1, 2, 3], walk)
    assert [(v.path, v.rule) for v in walk.violations] == [("years", "max-items")]
