# SPDX-License-Identifier: Apache-2.0
"""ISO 3166-1 codes for countries as the United Nations write them."""

from __future__ import annotations

from functools import cache
from typing import Final

import pycountry

# Names of the list that the ISO database writes otherwise.
_UN_NAMES: Final = {
    "china, hong kong special administrative region": "HK",
    "china, macao special administrative region": "MO",
    "cote d'ivoire": "CI",
    "democratic republic of the congo": "CD",
    "iran (islamic republic of)": "IR",
    "state of palestine": "PS",
    "turkey": "TR",
    "venezuela (bolivarian republic of)": "VE",
    "bolivia (plurinational state of)": "BO",
    "micronesia (federated states of)": "FM",
    "netherlands (kingdom of the)": "NL",
    "united kingdom": "GB",
    "united states": "US",
}


def country_code(name: str) -> str:
    """Return the alpha-2 code of a country, or ``""``.

    Only whole names are known: "Afghanistan/Pakistan border" is no country, and
    a state that is no more ("former Soviet Union") has no code.

    Args:
        name: Name in English, in any case.
    """
    return _codes().get(name.casefold(), "")


@cache
def _codes() -> dict[str, str]:
    codes: dict[str, str] = {}
    for country in pycountry.countries:
        for kind in ("name", "official_name", "common_name"):
            name = getattr(country, kind, None)
            if name:
                codes[name.casefold()] = country.alpha_2
    return codes | _UN_NAMES
