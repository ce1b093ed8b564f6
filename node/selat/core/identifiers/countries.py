# SPDX-License-Identifier: Apache-2.0
"""Codes of countries: ISO 3166-1, and what travel documents add to it.

Selat writes states as alpha-2 codes. Machine-readable zones write them as
alpha-3 codes, with additions for persons and bodies that are no state (ICAO
Doc 9303-3, section 5). The table stands here, in a few kilobytes, because an
idle node must not load a country database to know 249 codes; a test compares
it with one. Names of countries and subdivisions are not kept.
"""

from __future__ import annotations

import re
from typing import Final

# ISO 3166-1: alpha-2 code and alpha-3 code of one country in each word.
_ISO_3166_1: Final = """
ADAND AEARE AFAFG AGATG AIAIA ALALB AMARM AOAGO AQATA ARARG ASASM ATAUT AUAUS AWABW
AXALA AZAZE BABIH BBBRB BDBGD BEBEL BFBFA BGBGR BHBHR BIBDI BJBEN BLBLM BMBMU BNBRN
BOBOL BQBES BRBRA BSBHS BTBTN BVBVT BWBWA BYBLR BZBLZ CACAN CCCCK CDCOD CFCAF CGCOG
CHCHE CICIV CKCOK CLCHL CMCMR CNCHN COCOL CRCRI CUCUB CVCPV CWCUW CXCXR CYCYP CZCZE
DEDEU DJDJI DKDNK DMDMA DODOM DZDZA ECECU EEEST EGEGY EHESH ERERI ESESP ETETH FIFIN
FJFJI FKFLK FMFSM FOFRO FRFRA GAGAB GBGBR GDGRD GEGEO GFGUF GGGGY GHGHA GIGIB GLGRL
GMGMB GNGIN GPGLP GQGNQ GRGRC GSSGS GTGTM GUGUM GWGNB GYGUY HKHKG HMHMD HNHND HRHRV
HTHTI HUHUN IDIDN IEIRL ILISR IMIMN ININD IOIOT IQIRQ IRIRN ISISL ITITA JEJEY JMJAM
JOJOR JPJPN KEKEN KGKGZ KHKHM KIKIR KMCOM KNKNA KPPRK KRKOR KWKWT KYCYM KZKAZ LALAO
LBLBN LCLCA LILIE LKLKA LRLBR LSLSO LTLTU LULUX LVLVA LYLBY MAMAR MCMCO MDMDA MEMNE
MFMAF MGMDG MHMHL MKMKD MLMLI MMMMR MNMNG MOMAC MPMNP MQMTQ MRMRT MSMSR MTMLT MUMUS
MVMDV MWMWI MXMEX MYMYS MZMOZ NANAM NCNCL NENER NFNFK NGNGA NINIC NLNLD NONOR NPNPL
NRNRU NUNIU NZNZL OMOMN PAPAN PEPER PFPYF PGPNG PHPHL PKPAK PLPOL PMSPM PNPCN PRPRI
PSPSE PTPRT PWPLW PYPRY QAQAT REREU ROROU RSSRB RURUS RWRWA SASAU SBSLB SCSYC SDSDN
SESWE SGSGP SHSHN SISVN SJSJM SKSVK SLSLE SMSMR SNSEN SOSOM SRSUR SSSSD STSTP SVSLV
SXSXM SYSYR SZSWZ TCTCA TDTCD TFATF TGTGO THTHA TJTJK TKTKL TLTLS TMTKM TNTUN TOTON
TRTUR TTTTO TVTUV TWTWN TZTZA UAUKR UGUGA UMUMI USUSA UYURY UZUZB VAVAT VCVCT VEVEN
VGVGB VIVIR VNVNM VUVUT WFWLF WSWSM YEYEM YTMYT ZAZAF ZMZMB ZWZWE
"""

ALPHA_3: Final[dict[str, str]] = {word[:2]: word[2:] for word in _ISO_3166_1.split()}
"""Alpha-3 code of each alpha-2 code of ISO 3166-1."""

_ASSIGNED_ALPHA_3: Final = frozenset(ALPHA_3.values())

# XA to XZ are user-assigned for good (ISO 3166-1, 8.1.3): exercises use them.
_USER_ASSIGNED: Final = frozenset(f"X{chr(letter)}" for letter in range(65, 91))

_USER_ASSIGNED_ALPHA_3: Final = re.compile("X[A-Z]{2}")

NOT_A_STATE: Final = frozenset(
    {
        "EUE",  # European Union, laissez-passer
        "GBD",  # British overseas territories citizen
        "GBN",  # British national (overseas)
        "GBO",  # British overseas citizen
        "GBP",  # British protected person
        "GBS",  # British subject
        "UNA",  # United Nations specialised agency
        "UNK",  # United Nations interim administration mission in Kosovo
        "UNO",  # United Nations
        "XOM",  # Sovereign Military Order of Malta
        "XPO",  # INTERPOL
        "XXA",  # stateless person (1954 Convention)
        "XXB",  # refugee (1951 Convention)
        "XXC",  # refugee, other
        "XXX",  # person of unspecified nationality
    }
)
"""Issuers and nationalities of ICAO Doc 9303-3 that have no alpha-2 code."""

COUNTRIES: Final = frozenset(ALPHA_3) | _USER_ASSIGNED | NOT_A_STATE
"""Every country, territory or issuer that a record may name."""

# Only in machine-readable zones: Germany's single letter, Kosovo's code before
# it had one of its own, and the specimen state of ICAO's own examples.
_MRZ_ONLY: Final = frozenset({"D", "RKS", "UTO"})


def is_mrz_state(code: str) -> bool:
    """Tell whether a machine-readable zone may name this issuer or nationality.

    Args:
        code: One to three letters, without filler. XAA to XZZ are user-assigned
            in ISO 3166-1; ICAO gives several of them a meaning, and new ones
            appear, so all of them pass.

    Returns:
        True for a code that ISO 3166-1 or ICAO Doc 9303-3 knows.
    """
    if code in _ASSIGNED_ALPHA_3 or code in NOT_A_STATE or code in _MRZ_ONLY:
        return True
    return _USER_ASSIGNED_ALPHA_3.fullmatch(code) is not None
