# SPDX-License-Identifier: Apache-2.0
"""Made-up person records of a given size, no two of them alike."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from typing import Final

from selat.v1 import entities_pb2, message_pb2, records_pb2

#: Header and body together as they travel, in bytes.
RECORD_BYTES: Final = 1024

CATEGORY: Final = "terrorism"
# What the node adds to a header: identifier, version, originator and time.
_ADDED_BYTES: Final = 73
_COLLECTED: Final = datetime(2026, 10, 1, tzinfo=UTC)
_SYLLABLES: Final = [a + b for a in "bdfghjklmnprstwy" for b in "aeiou"]
_SENTENCES: Final = (
    "Seen at the ferry pier in the company of two unknown men. ",
    "Travels under a second name and pays for passage in cash. ",
    "Recruits among dock workers and meets them after dark. ",
    "Left the country by land and came back by sea a year later. ",
    "Rents a storehouse near the container yard for a trading firm. ",
)


def person_messages(first: int, count: int) -> list[message_pb2.Message]:
    """Return messages as a case system would publish them.

    Args:
        first: Number of the first; the same number gives the same message.
        count: How many.
    """
    return [_message(number) for number in range(first, first + count)]


def _message(number: int) -> message_pb2.Message:
    chance = random.Random(number)  # noqa: S311 - made-up people
    message = message_pb2.Message(header=_header(number))
    message.header.collected_at.FromDatetime(_COLLECTED)
    record = message.body.person
    record.person.CopyFrom(_person(number, chance))
    record.requested_action = "Do not stop. Report time, place and company."
    record.last_seen_at.FromDatetime(_COLLECTED)
    record.last_seen_location.city = "Port Sariang"
    record.last_seen_location.country = "XA"
    _fill(message, record, chance)
    return message


def _header(number: int) -> message_pb2.Header:
    pb = message_pb2
    return pb.Header(
        category=CATEGORY,
        marking=pb.Marking(
            level=pb.LEVEL_CONFIDENTIAL,
            handling=[pb.HANDLING_CODE_H0, pb.HANDLING_CODE_H2],
            tlp=pb.TLP_AMBER_STRICT,
        ),
        purposes=[pb.PURPOSE_PREVENTION, pb.PURPOSE_INVESTIGATION],
        legal_basis=["UNSCR 2178 (2014), para. 11", "UNSCR 2396 (2017), para. 11"],
        evaluation=pb.Evaluation(
            source=pb.SOURCE_CODE_B, information=pb.INFORMATION_CODE_2
        ),
        subject_role=pb.SUBJECT_ROLE_SUSPECT,
        case_reference=f"XA-CT-2026-{number:06d}",
        title="Believed to hold a second passport",
        languages=["en"],
    )


def _person(number: int, chance: random.Random) -> entities_pb2.Person:
    pb = entities_pb2
    given, family = _name(chance, 3), _name(chance, 4)
    passport = pb.TravelDocument(
        type=pb.DOCUMENT_TYPE_PASSPORT,
        issuer="XA",
        number=f"A{number:08d}",
        expires_on="2031-02-10",
    )
    return pb.Person(
        names=[
            pb.PersonName(
                full=f"{given} {family}",
                given=given,
                family=family,
                script="Latn",
                kind=pb.NAME_KIND_PRIMARY,
            )
        ],
        births=[
            pb.Birth(
                date=f"{chance.randint(1955, 2004)}-{chance.randint(1, 12):02d}-17",
                place=pb.Location(city="Kuala Bayan", country="XA"),
            )
        ],
        sex=pb.SEX_MALE,
        nationalities=["XA"],
        documents=[passport],
        contacts=pb.ContactChannels(
            phones=[pb.Phone(number=f"+99917{number % 10_000_000:07d}")]
        ),
    )


def _name(chance: random.Random, syllables: int) -> str:
    return "".join(chance.choices(_SYLLABLES, k=syllables)).capitalize()


def _fill(
    message: message_pb2.Message,
    record: records_pb2.PersonRecord,
    chance: random.Random,
) -> None:
    """Lengthen the summary until the record has its size."""
    text = "".join(chance.choices(_SENTENCES, k=RECORD_BYTES // 40))
    # The summary's own tag and length, and a byte more for the length of each
    # of the two messages around it.
    size = message.header.ByteSize() + message.body.ByteSize() + _ADDED_BYTES + 3
    record.summary = text[: max(0, RECORD_BYTES - size)]
