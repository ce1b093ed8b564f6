# SPDX-License-Identifier: Apache-2.0
import subprocess
import sys

import pytest

from selat.core.identifiers.phones import to_e164


@pytest.mark.parametrize(
    ("value", "country", "expected"),
    [
        ("+65 9123 4567", "", "+6591234567"),
        ("+1 (202) 555-0123", "", "+12025550123"),
        ("+670 7712 3456", "", "+67077123456"),
        ("9123 4567", "SG", "+6591234567"),
        ("020 7946 0000", "GB", "+442079460000"),
        ("+44 (0)20 7946 0000", "", "+442079460000"),
        ("+4402079460000", "", "+442079460000"),
        ("+39 06 1234 5678", "", "+390612345678"),
    ],
)
def test_number_whose_country_is_known_is_international(
    value: str, country: str, expected: str
) -> None:
    assert to_e164(value, country) == expected


@pytest.mark.parametrize(
    ("value", "country", "expected"),
    [
        ("9123 4567", "", "91234567"),
        ("9123 4567", "XA", "91234567"),
        ("12", "SG", "12"),
        ("+123", "", "123"),
        ("+999" + "1" * 20, "", "999" + "1" * 20),
        ("1" * 1000, "SG", "1" * 1000),
        ("unknown", "", ""),
        ("unknown", "SG", ""),
        ("", "", ""),
        ("+", "", ""),
    ],
)
def test_number_that_no_plan_reads_keeps_its_digits(
    value: str, country: str, expected: str
) -> None:
    assert to_e164(value, country) == expected


def test_international_number_loads_no_numbering_plans() -> None:
    program = (
        "import sys; from selat.core.identifiers.phones import to_e164; "
        "to_e164('+65 9123 4567'); sys.exit('phonenumbers' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], check=False)  # noqa: S603 - our own program
    assert done.returncode == 0
