# SPDX-License-Identifier: Apache-2.0
"""Codes of currencies: ISO 4217 in use, and those withdrawn since 2011.

The table stands here for the same reason as that of countries. Amounts are
never converted.
"""

from __future__ import annotations

from typing import Final

# ISO 4217, list one.
_IN_USE: Final = """
AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BHD BIF BMD BND BOB BOV BRL BSD BTN
BWP BYN BZD CAD CDF CHE CHF CHW CLF CLP CNY COP COU CRC CUP CVE CZK DJF DKK DOP DZD
EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD HNL HTG HUF IDR ILS INR
IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD
MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD
OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE
SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD USN UYI
UYU UYW UZS VED VES VND VUV WST XAD XAF XAG XAU XBA XBB XBC XBD XCD XCG XDR XOF XPD
XPF XPT XSU XTS XUA XXX YER ZAR ZMW ZWG
"""

# ISO 4217, list three: withdrawn since 2011. Transactions of past years still
# name them.
_WITHDRAWN: Final = """
ANG BGN BYR CUC EEK HRK LTL LVL MRO SLL STD VEF ZMK ZWL
"""

CURRENCIES: Final = frozenset(_IN_USE.split()) | frozenset(_WITHDRAWN.split())
"""Every currency code that a record may name."""
