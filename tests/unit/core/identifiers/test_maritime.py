# SPDX-License-Identifier: Apache-2.0
import pytest

from selat.core.identifiers.maritime import check_imo, check_mmsi
from selat.errors import MalformedError


@pytest.mark.parametrize("value", ["9074729", "IMO 9074729", "imo9074729", " 9319466 "])
def test_published_imo_numbers_hold(value: str) -> None:
    assert check_imo(value) == ()


def test_wrong_imo_check_digit_warns_without_the_number() -> None:
    (warning,) = check_imo("9074728")
    assert warning.rule == "imo-check-digit"
    assert "9074728" not in warning.message


@pytest.mark.parametrize(
    "value", ["", "907472", "90747290", "IMO", "9o74729", "٩٠٧٤٧٢٩"]
)
def test_malformed_imo_number_is_refused(value: str) -> None:
    with pytest.raises(MalformedError):
        check_imo(value)


@pytest.mark.parametrize(
    "value",
    [
        "563000001",
        "201000000",
        "775999999",
        "056312345",
        "005631234",
        "111563123",
        "856312345",
        "985631234",
        "995631234",
        "970123456",
        "972123456",
        "974123456",
    ],
    ids=[
        "ship",
        "first",
        "last",
        "group",
        "coast",
        "aircraft",
        "handheld",
        "craft",
        "aid",
        "sart",
        "overboard",
        "epirb",
    ],
)
def test_mmsi_with_digits_of_a_country_holds(value: str) -> None:
    assert check_mmsi(value) == ()


@pytest.mark.parametrize(
    "value", ["123456789", "200000000", "776000000", "001234567", "000000000"]
)
def test_mmsi_without_digits_of_a_country_warns(value: str) -> None:
    assert [warning.rule for warning in check_mmsi(value)] == ["mmsi-country"]


@pytest.mark.parametrize("value", ["", "56300000", "5630000011", "56300000A"])
def test_malformed_mmsi_is_refused(value: str) -> None:
    with pytest.raises(MalformedError):
        check_mmsi(value)
