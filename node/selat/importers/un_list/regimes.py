# SPDX-License-Identifier: Apache-2.0
"""The sanctions regimes whose lists are consolidated, and their resolutions.

The resolutions of a regime are the one that began it, the ones that laid its
measures on listed persons where those are others, and the one after which its
committee is called now. Entries' own remarks name more; they are kept as text.

Resolution 2255 (2015) concerns the Taliban list of resolution 1988 (2011) and
not that of resolution 1267 (1999); the two were one list until 2011.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from selat.importers.un_list.entries import EntryKind
from selat.v1 import entities_pb2

_FREEZE: Final = entities_pb2.SANCTION_MEASURE_ASSETS_FREEZE
_TRAVEL: Final = entities_pb2.SANCTION_MEASURE_TRAVEL_BAN
_ARMS: Final = entities_pb2.SANCTION_MEASURE_ARMS_EMBARGO


@dataclass(frozen=True, slots=True, kw_only=True)
class Regime:
    """One sanctions regime.

    Attributes:
        legal_basis: Resolutions that the listing rests on, oldest first.
        category: Category of the catalogue for its entries.
        measures: What the listing demands, where that is the same for every
            entry of the regime; elsewhere the entry's remarks tell it.
    """

    legal_basis: tuple[str, ...]
    category: str = "sanctions"
    measures: tuple[entities_pb2.SanctionMeasure.ValueType, ...] = ()

    def measures_for(
        self, kind: EntryKind
    ) -> list[entities_pb2.SanctionMeasure.ValueType]:
        """Return the measures that can concern a person, or an organisation."""
        return [
            measure
            for measure in self.measures
            if measure != _TRAVEL or kind is EntryKind.INDIVIDUAL
        ]


_REGIMES: Final = {
    "al-qaida": Regime(
        legal_basis=("UNSCR 1267 (1999)", "UNSCR 1989 (2011)", "UNSCR 2253 (2015)"),
        category="terrorism",
        measures=(_FREEZE, _TRAVEL, _ARMS),
    ),
    "taliban": Regime(
        legal_basis=("UNSCR 1988 (2011)", "UNSCR 2255 (2015)"),
        measures=(_FREEZE, _TRAVEL, _ARMS),
    ),
    "car": Regime(
        legal_basis=("UNSCR 2127 (2013)", "UNSCR 2134 (2014)", "UNSCR 2745 (2024)")
    ),
    "drc": Regime(
        legal_basis=("UNSCR 1533 (2004)", "UNSCR 1596 (2005)", "UNSCR 2293 (2016)")
    ),
    "dprk": Regime(legal_basis=("UNSCR 1718 (2006)",)),
    # Guinea-Bissau
    "gb": Regime(legal_basis=("UNSCR 2048 (2012)",), measures=(_TRAVEL,)),
    "haiti": Regime(legal_basis=("UNSCR 2653 (2022)",)),
    # In force again since 27 September 2025 (resolution 2231, paragraph 12).
    "iran": Regime(legal_basis=("UNSCR 1737 (2006)", "UNSCR 1747 (2007)")),
    "iraq": Regime(
        legal_basis=("UNSCR 1483 (2003)", "UNSCR 1518 (2003)"), measures=(_FREEZE,)
    ),
    "libya": Regime(legal_basis=("UNSCR 1970 (2011)", "UNSCR 1973 (2011)")),
    "mali": Regime(legal_basis=("UNSCR 2374 (2017)",)),
    "somalia": Regime(legal_basis=("UNSCR 1844 (2008)", "UNSCR 2713 (2023)")),
    "southsudan": Regime(legal_basis=("UNSCR 2206 (2015)",)),
    "sudan": Regime(legal_basis=("UNSCR 1591 (2005)",)),
    "yemen": Regime(legal_basis=("UNSCR 2140 (2014)", "UNSCR 2216 (2015)")),
}

_OTHER: Final = Regime(legal_basis=("Charter of the United Nations, art. 41",))

# First letters of a reference number: the list of resolution 1267.
_AL_QAIDA_PREFIX: Final = "QD"


def known_regime(list_type: str) -> bool:
    """Tell whether the resolutions of a regime are known here."""
    return list_type.casefold() in _REGIMES


def regime_of(list_type: str, reference: str) -> Regime:
    """Return the regime of an entry.

    Args:
        list_type: The regime in the list's words, for example ``Al-Qaida``.
        reference: Reference number; QDi and QDe stand for Al-Qaida, whatever
            the list calls the regime.

    Returns:
        The regime, or one that rests on the Charter alone.
    """
    if reference.startswith(_AL_QAIDA_PREFIX):
        return _REGIMES["al-qaida"]
    return _REGIMES.get(list_type.casefold(), _OTHER)
