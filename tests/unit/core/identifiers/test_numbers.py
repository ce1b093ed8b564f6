# SPDX-License-Identifier: Apache-2.0
from collections.abc import Callable

import pytest

from selat.core.identifiers import numbers
from selat.core.identifiers.findings import CheckWarning
from selat.errors import MalformedError

Check = Callable[[str], tuple[CheckWarning, ...]]


@pytest.mark.parametrize(
    ("check", "value"),
    [
        # ISO 13616 registry.
        (numbers.check_account, "GB29 NWBK 6016 1331 9268 19"),
        (numbers.check_account, "DE89370400440532013000"),
        # Accounts that are no IBAN have no check digit known to us.
        (numbers.check_account, "0012345678"),
        (numbers.check_account, ""),
        # 3GPP TS 23.003 and GSMA TS.06.
        (numbers.check_imei, "490154203237518"),
        (numbers.check_imei, "49-015420-323751"),
        (numbers.check_imei, "4901542032375101"),
        (numbers.check_imsi, "310150123456789"),
        # ISO 6346.
        (numbers.check_container, "CSQU3054383"),
        (numbers.check_container, "csqu 305438-3"),
        (numbers.check_bic, "DEUTDEFF"),
        (numbers.check_bic, "DEUTDEFF500"),
        (numbers.check_lei, "213800KUD8LAJWSQ9D15"),
        (numbers.check_cas, "64-17-5"),
        (numbers.check_cas, "7732-18-5"),
        # BIP 173, and addresses of other kinds, which pass.
        (numbers.check_wallet, "BC1QW508D6QEJXTDG4Y5R3ZARVARY0C5XW7KV8F3T4"),
        (numbers.check_wallet, "0xde0B295669a9FD93d5F28D9Ec85E40f4cb697BAe"),
        # BIP 350.
        (
            numbers.check_wallet,
            "bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqzk5jj0",
        ),
    ],
)
def test_published_numbers_hold(check: Check, value: str) -> None:
    assert check(value) == ()


@pytest.mark.parametrize(
    ("check", "value", "rule"),
    [
        (numbers.check_account, "GB28NWBK60161331926819", "iban-check"),
        (numbers.check_imei, "490154203237519", "imei-check"),
        (numbers.check_imsi, "000101123456789", "imsi-check"),
        (numbers.check_container, "CSQU3054384", "iso6346-check"),
        (numbers.check_bic, "DEUTQQFF", "bic-check"),
        (numbers.check_lei, "213800KUD8LAJWSQ9D16", "lei-check"),
        (numbers.check_cas, "64-17-6", "casrn-check"),
        (
            numbers.check_wallet,
            "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t5",
            "bitcoin-check",
        ),
    ],
)
def test_wrong_check_digit_warns_without_the_number(
    check: Check, value: str, rule: str
) -> None:
    (warning,) = check(value)
    assert warning.rule == rule
    assert value not in warning.message


@pytest.mark.parametrize(
    ("check", "value"),
    [
        (numbers.check_imei, "4901542032375"),
        (numbers.check_imei, "49015420323751812"),
        (numbers.check_imei, "49015420323751X"),
        (numbers.check_imsi, "31015"),
        (numbers.check_imsi, "3101501234567890"),
        (numbers.check_container, "CSQ3054383"),
        (numbers.check_container, "CSQU30543833"),
        (numbers.check_bic, "DEUTDEF"),
        (numbers.check_lei, "213800KUD8LAJWSQ9DXX"),
        (numbers.check_cas, "64175"),
        (numbers.check_cas, "06-17-5"),
    ],
)
def test_malformed_number_is_refused(check: Check, value: str) -> None:
    with pytest.raises(MalformedError):
        check(value)
