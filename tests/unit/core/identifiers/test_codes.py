# SPDX-License-Identifier: Apache-2.0
import pycountry
import pytest

from selat.core.identifiers.countries import ALPHA_3, COUNTRIES, is_mrz_state
from selat.core.identifiers.currencies import CURRENCIES


def test_table_of_countries_is_that_of_iso_3166() -> None:
    assert {c.alpha_2: c.alpha_3 for c in pycountry.countries} == ALPHA_3


def test_every_currency_of_iso_4217_is_known() -> None:
    assert {c.alpha_3 for c in pycountry.currencies} <= CURRENCIES


@pytest.mark.parametrize("code", ["SG", "TL", "XA", "XZ", "UNO", "XPO", "XXA"])
def test_country_of_a_record_is_known(code: str) -> None:
    assert code in COUNTRIES


@pytest.mark.parametrize("code", ["", "sg", "S", "SGP", "QQ", "X1", "XAA", "D", "UK"])
def test_other_country_of_a_record_is_unknown(code: str) -> None:
    assert code not in COUNTRIES


@pytest.mark.parametrize("code", ["SGP", "D", "UNO", "XPO", "XXA", "XAA", "RKS", "UTO"])
def test_state_of_a_zone_is_known(code: str) -> None:
    assert is_mrz_state(code)


@pytest.mark.parametrize("code", ["", "SG", "sgp", "X", "XX", "X1A", "QQQ", "XÄA"])
def test_other_state_of_a_zone_is_unknown(code: str) -> None:
    assert not is_mrz_state(code)


@pytest.mark.parametrize("code", ["USD", "SGD", "HRK"])
def test_currency_of_past_and_present_is_known(code: str) -> None:
    assert code in CURRENCIES


@pytest.mark.parametrize("code", ["", "usd", "US$", "QQQ"])
def test_other_currency_is_unknown(code: str) -> None:
    assert code not in CURRENCIES
