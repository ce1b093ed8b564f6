# SPDX-License-Identifier: Apache-2.0
"""Duty desks, as a card lists them for people to call."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from selat.identity import card_forms

#: Languages of a contact point.
LANGUAGES_MAX: Final = 8


class ContactFunction(StrEnum):
    """What a contact point can be called for; also the functions of officers."""

    COUNTER_TERRORISM = "counter-terrorism"
    POLICE = "police"
    FINANCIAL_INTELLIGENCE = "financial-intelligence"
    LEGAL_ASSISTANCE = "legal-assistance"
    EXTRADITION = "extradition"
    BORDER = "border"
    TRAVEL_DOCUMENTS = "travel-documents"
    AVIATION_SECURITY = "aviation-security"
    FLAG_STATE = "flag-state"
    MARITIME_RESCUE = "maritime-rescue"
    PORT_SECURITY = "port-security"
    RAIL = "rail"
    ROAD = "road"
    FIREARMS_TRACING = "firearms-tracing"
    NARCOTICS = "narcotics"
    HUMAN_TRAFFICKING = "human-trafficking"
    CUSTOMS = "customs"
    CRISIS = "crisis"
    SANCTIONS = "sanctions"
    DATA_PROTECTION = "data-protection"


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactPoint:
    """A duty desk.

    Attributes:
        function: What it can be called for.
        phone: Telephone number, E.164.
        languages: BCP 47 tags, the preferred one first.
        hours: When it is staffed, for people to read.
    """

    function: ContactFunction
    phone: str
    languages: tuple[str, ...]
    hours: str

    def __post_init__(self) -> None:
        """Check every field."""
        card_forms.check_phone(self.phone)
        card_forms.check_count("languages", self.languages, 1, LANGUAGES_MAX)
        for language in self.languages:
            card_forms.check_language(language)
        card_forms.check_text("hours", self.hours)
