# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from selat.exchange import facts
from selat.exchange.facts import (
    facts_of,
    lane_of,
    status_of,
)
from selat.records.headings import expiry_ms, review_ms, timestamp_ms
from selat.store.values import Holding, Lane
from selat.v1 import message_pb2 as pb
from selat.v1 import records_pb2


def test_everything_that_policies_may_know_is_read_off_the_header() -> None:
    header = pb.Header(
        type=pb.MESSAGE_TYPE_PERSON,
        category="terrorism",
        purposes=[pb.PURPOSE_INVESTIGATION, pb.PURPOSE_THREAT_TO_LIFE],
        recipients=["police.xb.example"],
        subject_role=pb.SUBJECT_ROLE_VICTIM,
        safeguards=[pb.SAFEGUARD_MINOR],
        assurances=[records_pb2.ASSURANCE_KIND_NO_DEATH_PENALTY],
        status=pb.RECORD_STATUS_WITHDRAWN,
        urgency=pb.URGENCY_FLASH,
    )
    header.originator.node = "police.xa.example"
    header.marking.level = pb.LEVEL_RESTRICTED
    header.marking.tlp = pb.TLP_AMBER_STRICT
    header.marking.handling.extend([pb.HANDLING_CODE_H0, pb.HANDLING_CODE_H2])
    header.marking.releasable_to.extend(["XB", "police.xd.example"])
    header.created_at.FromMilliseconds(1_000)
    header.expires_at.FromMilliseconds(2_000)

    known = facts_of(header, holding=Holding.QUARANTINED)

    assert known.originator == "police.xa.example"
    assert known.category == "terrorism"
    assert known.record_type == "person"
    assert (known.level, known.tlp) == ("restricted", "amber_strict")
    assert known.codes == ("H0", "H2")
    assert known.purposes == ("investigation", "threat_to_life")
    assert known.releasable_to == ("XB", "police.xd.example")
    assert (known.created_ms, known.expires_ms) == (1_000, 2_000)
    assert known.recipients == ("police.xb.example",)
    assert known.subject_role == "victim"
    assert known.safeguards == ("minor",)
    assert known.assurances == ("no_death_penalty",)
    assert (known.status, known.holding) == ("withdrawn", "quarantined")
    assert known.urgency == "flash"


def test_what_is_not_stated_has_its_plain_meaning() -> None:
    known = facts_of(pb.Header())
    assert (known.status, known.holding, known.urgency) == (
        "current",
        "current",
        "routine",
    )
    assert known.expires_ms is None
    assert (known.record_type, known.level, known.tlp) == ("", "", "")
    assert lane_of(pb.Header()) is Lane.ROUTINE
    assert status_of(pb.Header()) == "current"
    assert review_ms(pb.Header()) is None


@pytest.mark.parametrize("urgency", [each for each in pb.Urgency.values() if each])
def test_urgency_is_the_lane_of_the_same_number_and_name(
    urgency: pb.Urgency.ValueType,
) -> None:
    header = pb.Header(urgency=urgency)
    assert lane_of(header).value == urgency
    assert lane_of(header).name.lower() == facts_of(header).urgency


def test_header_that_differs_in_one_fact_has_other_facts() -> None:
    first = pb.Header(category="drugs", purposes=[pb.PURPOSE_INVESTIGATION])
    second = pb.Header(category="drugs", purposes=[pb.PURPOSE_THREAT_TO_LIFE])
    for header, purpose in ((first, "investigation"), (second, "threat_to_life")) * 2:
        assert facts_of(header).purposes == (purpose,)


def test_long_header_is_read_like_a_short_one() -> None:
    names = [f"police-{number:03}.example" for number in range(200)]
    header = pb.Header(category="drugs", recipients=names)
    known = facts_of(header)
    assert known.recipients == tuple(names)
    assert known.category == "drugs"


@pytest.mark.parametrize(
    "names",
    [
        facts.RECORD_TYPES,
        facts.LEVELS,
        facts.TLP_LABELS,
        facts.PURPOSES,
        facts.STATUSES,
        facts.SUBJECT_ROLES,
        facts.SAFEGUARDS,
        facts.ASSURANCES,
        facts.URGENCIES,
        facts.HANDLING_CODES,
    ],
    ids=str,
)
def test_every_value_but_the_unstated_has_a_name_of_its_own(
    names: dict[int, str],
) -> None:
    assert names[0] == ""
    assert len(set(names.values())) == len(names)
    assert not any("unspecified" in name.lower() for name in names.values())


@pytest.mark.parametrize(
    ("seconds", "nanos", "ms"),
    [(0, 0, 0), (1, 999_999, 1_000), (1, 1_000_000, 1_001), (-1, 999_000_000, -1)],
)
def test_moment_is_rounded_down_to_milliseconds(
    seconds: int, nanos: int, ms: int
) -> None:
    assert timestamp_ms(Timestamp(seconds=seconds, nanos=nanos)) == ms


def test_expiry_and_review_at_the_epoch_are_stated() -> None:
    header = pb.Header(expires_at=Timestamp(), review_at=Timestamp())
    assert expiry_ms(header) == 0
    assert review_ms(header) == 0
