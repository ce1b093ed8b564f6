# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

from base64 import b64decode
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.fakes.command import Command
from tests.fakes.desk import FakeDesk
from tests.fakes.identities import make_identity

from selat.cli.exits import ExitCode
from selat.errors import AccessError, SignatureError
from selat.identity.card import SignedCard
from selat.v1 import desk_service_pb2 as pb

NAME = "police.xb.example"


@pytest.fixture(scope="session")
def peer_card(tmp_path_factory: pytest.TempPathFactory) -> SignedCard:
    folder = tmp_path_factory.mktemp("peer") / "keys"
    return make_identity(folder, NAME, state="XB").card


@pytest.fixture
def card_file(tmp_path: Path, peer_card: SignedCard) -> Path:
    file = tmp_path / "xb.card"
    file.write_bytes(peer_card.envelope)
    return file


def own_card() -> pb.GetOwnCardResponse:
    return pb.GetOwnCardResponse(
        envelope=b'{"payload":"abc="}',
        fingerprint_hex="7f00 0001",
        fingerprint_words="lusab babad",
    )


def peer(card: SignedCard, *, days: int = 300, standing: str = "accepted") -> pb.Peer:
    made = pb.Peer(
        name=NAME,
        state="XB",
        agency="Police of XB",
        standing=standing,
        card_sequence=1,
        endpoints=["node.xb.example:7400"],
        fingerprint_hex=card.fingerprint.hex_groups(),
        fingerprint_words=card.fingerprint.words(),
        released_categories=["terrorism"],
    )
    made.valid_until.FromDatetime(datetime.now(UTC) + timedelta(days=days, hours=1))
    return made


# --- peers -------------------------------------------------------------------


def test_our_card_goes_to_standard_output_byte_for_byte(
    selat: Command, desk: FakeDesk
) -> None:
    desk.answers["GetOwnCard"] = own_card()

    ended = selat("peer", "card")

    assert ended.out == '{"payload":"abc="}'
    assert "7f00 0001" in ended.err
    assert "lusab babad" in ended.err


def test_our_card_goes_to_a_new_file(
    selat: Command, desk: FakeDesk, tmp_path: Path
) -> None:
    desk.answers["GetOwnCard"] = own_card()
    file = tmp_path / "own.card"

    first = selat("peer", "card", "--output", file, "--json")
    second = selat("peer", "card", "--output", file)

    assert file.read_bytes() == own_card().envelope
    assert b64decode(first.json["envelope"]) == own_card().envelope
    assert first.json["file"] == str(file)
    assert second.code == 2
    assert "cannot be written: File exists." in second.err


def test_a_peer_is_added_with_its_fingerprint(
    selat: Command, desk: FakeDesk, card_file: Path, peer_card: SignedCard
) -> None:
    desk.answers["AddPeer"] = pb.AddPeerResponse(peer=peer(peer_card))

    ended = selat(
        *("peer", "add", card_file, "--fingerprint", "as told"),
        *("--category", "terrorism", "--category", "piracy"),
    )

    [request] = desk.asked(pb.AddPeerRequest)
    assert request.envelope == peer_card.envelope
    assert request.fingerprint == "as told"
    assert list(request.categories) == ["terrorism", "piracy"]
    assert ended.out.startswith(f"Accepted {NAME} (Police of XB).\n")
    assert peer_card.fingerprint.words() in ended.out


def test_a_person_compares_the_fingerprint(
    selat: Command,
    desk: FakeDesk,
    card_file: Path,
    peer_card: SignedCard,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    desk.answers["ListPeers"] = pb.ListPeersResponse()
    desk.answers["AddPeer"] = pb.AddPeerResponse(peer=peer(peer_card))
    answers = iter([False, True])
    monkeypatch.setattr("typer.confirm", lambda _question: next(answers))
    monkeypatch.setattr("selat.cli.commands.peer._at_a_terminal", lambda: True)

    differs = selat("peer", "add", card_file)
    same = selat("peer", "add", card_file)

    assert differs.code == 2
    assert "The fingerprint was not confirmed" in differs.err
    assert same.code == 0
    assert peer_card.fingerprint.hex_groups() in same.out
    [request] = desk.asked(pb.AddPeerRequest)
    assert request.fingerprint == peer_card.fingerprint.hex_groups()


def test_nobody_to_compare_means_that_a_fingerprint_is_asked_for(
    selat: Command, desk: FakeDesk, card_file: Path
) -> None:
    desk.answers["ListPeers"] = pb.ListPeersResponse()

    for form in ([], ["--json"]):
        ended = selat("peer", "add", card_file, *form)
        assert ended.code == 2
        assert "--fingerprint" in ended.err
    assert not desk.asked(pb.AddPeerRequest)


def test_a_newer_card_under_a_known_root_needs_no_comparison(
    selat: Command, desk: FakeDesk, card_file: Path, peer_card: SignedCard
) -> None:
    desk.answers["ListPeers"] = pb.ListPeersResponse(peers=[peer(peer_card)])
    desk.answers["AddPeer"] = pb.AddPeerResponse(peer=peer(peer_card), updated=True)

    ended = selat("peer", "add", card_file, "--json")

    assert ended.json["updated"] is True
    assert ended.json["peer"]["name"] == NAME


def test_a_removed_peer_is_compared_again(
    selat: Command, desk: FakeDesk, card_file: Path, peer_card: SignedCard
) -> None:
    removed = peer(peer_card, standing="removed")
    desk.answers["ListPeers"] = pb.ListPeersResponse(peers=[removed])

    ended = selat("peer", "add", card_file)

    assert ended.code == 2
    assert "is not compared yet" in ended.err


def test_a_file_that_is_no_card_never_reaches_the_node(
    selat: Command, desk: FakeDesk, tmp_path: Path
) -> None:
    file = tmp_path / "no.card"
    file.write_text("{}")

    assert selat("peer", "add", file).code == 2
    assert selat("peer", "add", tmp_path / "missing").code == 2
    assert desk.requests == []


def test_a_wrong_fingerprint_is_a_failed_verification(
    selat: Command, desk: FakeDesk, card_file: Path
) -> None:
    desk.answers["AddPeer"] = SignatureError("The fingerprint is another.")

    ended = selat("peer", "add", card_file, "--fingerprint", "x")

    assert ended.code == 5
    assert "[BAD_SIGNATURE]" in ended.err


def test_peers_are_listed_with_what_needs_attention(
    selat: Command, desk: FakeDesk, peer_card: SignedCard
) -> None:
    desk.answers["ListPeers"] = pb.ListPeersResponse(
        peers=[peer(peer_card), peer(peer_card, days=-1, standing="removed")]
    )

    human = selat("peer", "list")
    program = selat("peer", "list", "--json")

    assert "expired" in human.out
    assert [each["standing"] for each in program.json["peers"]] == [
        "accepted",
        "removed",
    ]


def test_no_peers_are_said_to_be_none(selat: Command, desk: FakeDesk) -> None:
    desk.answers["ListPeers"] = pb.ListPeersResponse()

    assert "No peers yet." in selat("peer", "list").out
    assert selat("peer", "list", "--json").json == {"peers": []}


def test_a_peer_is_removed(
    selat: Command, desk: FakeDesk, peer_card: SignedCard
) -> None:
    desk.answers["RemovePeer"] = pb.RemovePeerResponse(
        peer=peer(peer_card, standing="removed")
    )

    human = selat("peer", "remove", NAME)
    program = selat("peer", "remove", NAME, "--json")

    assert human.out.startswith(f"Removed {NAME};")
    assert program.json["peer"]["standing"] == "removed"
    assert desk.asked(pb.RemovePeerRequest)[0].name == NAME


def test_a_suspended_peer_is_resumed(
    selat: Command, desk: FakeDesk, peer_card: SignedCard
) -> None:
    desk.answers["ResumePeer"] = pb.ResumePeerResponse(peer=peer(peer_card))

    human = selat("peer", "resume", NAME)
    program = selat("peer", "resume", NAME, "--json")

    assert human.out == f"Exchange with {NAME} is resumed.\n"
    assert program.json["peer"]["standing"] == "accepted"
    assert desk.asked(pb.ResumePeerRequest)[0].name == NAME


def test_a_peer_with_two_histories_is_pointed_out(
    selat: Command, desk: FakeDesk, peer_card: SignedCard
) -> None:
    liar = peer(peer_card, standing="suspended")
    liar.equivocations = 1
    desk.answers["ListPeers"] = pb.ListPeersResponse(peers=[liar])

    listed = selat("peer", "list")

    assert "suspended" in listed.out
    assert f"selat peer evidence {NAME}" in listed.err


def proofs() -> pb.GetPeerEvidenceResponse:
    made = pb.EquivocationEvidence(
        peer=NAME,
        origin=f"{NAME}/exchange/2026h2",
        size=41,
        proof=b"selat/v1/equivocation\n",
        leaf_index=1_207,
    )
    made.found_at.FromDatetime(datetime(2026, 12, 1, 8, 30, tzinfo=UTC))
    return pb.GetPeerEvidenceResponse(equivocations=[made])


def test_proofs_against_a_peer_are_shown(selat: Command, desk: FakeDesk) -> None:
    desk.answers["GetPeerEvidence"] = proofs()

    human = selat("peer", "evidence", NAME)
    program = selat("peer", "evidence", NAME, "--json")

    for shown in ("2026h2", "41", "2026-12-01 08:30Z", "found here", "1,207"):
        assert shown in human.out, shown
    assert "--out FILE" in human.err
    (proof,) = program.json["equivocations"]
    assert proof["proof"] == "selat/v1/equivocation\n"
    assert proof["found_at"] == "2026-12-01T08:30:00.000Z"
    assert program.json["file"] is None


def test_the_newest_proof_goes_to_a_file(
    selat: Command, desk: FakeDesk, tmp_path: Path
) -> None:
    desk.answers["GetPeerEvidence"] = proofs()
    file = tmp_path / "proof.txt"

    ended = selat("peer", "evidence", NAME, "--out", str(file))

    assert file.read_bytes() == b"selat/v1/equivocation\n"
    assert str(file) in ended.err


def test_there_is_no_file_where_there_is_no_proof(
    selat: Command, desk: FakeDesk, tmp_path: Path
) -> None:
    desk.answers["GetPeerEvidence"] = pb.GetPeerEvidenceResponse()
    file = tmp_path / "proof.txt"

    shown = selat("peer", "evidence", NAME)
    refused = selat("peer", "evidence", NAME, "--out", str(file))

    assert shown.out == f"There is no proof against {NAME}.\n"
    assert refused.code is not ExitCode.OK
    assert not file.exists()


# --- officers ----------------------------------------------------------------


def officer(*, revoked: bool = False) -> pb.Officer:
    made = pb.Officer(officer_id="jane", agency="Police of XA", roles=["officer"])
    made.valid_until.FromDatetime(datetime(2027, 1, 1, tzinfo=UTC))
    if revoked:
        made.revoked_at.FromDatetime(datetime(2026, 1, 1, tzinfo=UTC))
    return made


def test_an_officer_gets_three_files_and_the_key_is_private(
    selat: Command, desk: FakeDesk, tmp_path: Path
) -> None:
    desk.answers["AddOfficer"] = pb.AddOfficerResponse(
        officer=officer(),
        certificate_pem=b"certificate",
        private_key_pem=b"key",
        desk_ca_pem=b"ca",
    )

    ended = selat(
        *("officer", "add", "jane", "--role", "officer", "--role", "reviewer"),
        *("--function", "police", "--days", 30, "-o", tmp_path, "--json"),
    )

    [request] = desk.asked(pb.AddOfficerRequest)
    assert list(request.roles) == ["officer", "reviewer"]
    assert request.valid_days == 30
    key = tmp_path / "jane.key"
    assert key.read_bytes() == b"key"
    assert key.stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "jane.pem").read_bytes() == b"certificate"
    assert (tmp_path / "jane.ca.pem").read_bytes() == b"ca"
    assert ended.json["files"]["key"] == str(key)
    assert "key" not in ended.json["officer"]


def test_a_key_that_could_not_be_written_is_never_issued(
    selat: Command, desk: FakeDesk, tmp_path: Path
) -> None:
    (tmp_path / "jane.key").touch()

    exists = selat("officer", "add", "jane", "--role", "officer", "-o", tmp_path)
    missing = selat(
        "officer", "add", "jane", "--role", "officer", "-o", tmp_path / "nowhere"
    )

    assert exists.code == missing.code == 2
    assert "exists already" in exists.err
    assert "There is no folder" in missing.err
    assert desk.requests == []


def test_officers_are_listed_and_revoked(selat: Command, desk: FakeDesk) -> None:
    desk.answers["ListOfficers"] = pb.ListOfficersResponse(
        officers=[officer(), officer(revoked=True)]
    )
    desk.answers["RevokeOfficer"] = pb.RevokeOfficerResponse(
        officer=officer(revoked=True)
    )

    listed = selat("officer", "list")
    revoked = selat("officer", "revoke", "jane")

    assert "open" in listed.out
    assert "revoked 2026-01-01 00:00Z" in listed.out
    assert revoked.out == "Revoked the access of jane.\n"
    assert selat("officer", "revoke", "jane", "--json").json["officer"]["revoked_at"]
    assert len(selat("officer", "list", "--json").json["officers"]) == 2
    desk.answers["ListOfficers"] = pb.ListOfficersResponse()
    assert "No officers yet." in selat("officer", "list").out


def test_what_the_caller_may_not_do_has_an_exit_code_of_its_own(
    selat: Command, desk: FakeDesk
) -> None:
    desk.answers["ListOfficers"] = AccessError("Not yours to see.", remedy="Ask.")

    ended = selat("officer", "list")

    assert ended.code == 4
    assert ended.err == "error: Not yours to see. [ACCESS]\n→ Ask.\n"


# --- status ------------------------------------------------------------------


def state() -> pb.GetStatusResponse:
    made = pb.GetStatusResponse(
        name="police.xa.example",
        state="XA",
        agency="Police of XA",
        software_version="0.1.0",
        log_origin="police.xa.example/exchange/2026h1",
        log_size=12_345,
        log_root=b"\x01" * 32,
        messages_in=7,
        unacknowledged=3,
        links=[
            pb.LinkStatus(peer=NAME, connected=True, accepted=1234),
            pb.LinkStatus(peer="police.xc.example", last_error="PEER_UNREACHABLE"),
            pb.LinkStatus(peer="police.xd.example", dead=2),
        ],
        incidents=[
            pb.Incident(peer=NAME, reason="CLOCK_SKEW", detail="It is ahead.", count=4)
        ],
    )
    made.card_valid_until.FromDatetime(datetime.now(UTC) + timedelta(days=5))
    made.links[1].next_attempt_at.FromDatetime(datetime(2026, 1, 31, 8, tzinfo=UTC))
    return made


def test_status_shows_how_far_peers_vouch(selat: Command, desk: FakeDesk) -> None:
    made = state()
    made.anchor.MergeFrom(
        pb.AnchorStatus(quorum=2, origin=made.log_origin, size=12_300, cosigners=3)
    )
    made.anchor.anchored_at.FromDatetime(datetime.now(UTC) - timedelta(minutes=5))
    made.links[2].suspended = True
    desk.answers["GetStatus"] = made

    human = selat("status")
    program = selat("status", "--json")

    assert "12,300 leaves, 5 min ago, by 3 peers (quorum 2)" in human.out
    assert "suspended" in human.out
    assert program.json["anchor"]["cosigners"] == 3
    assert program.json["links"][2]["suspended"] is True


def test_status_of_a_log_that_nobody_vouches_for(
    selat: Command, desk: FakeDesk
) -> None:
    made = state()
    made.anchor.quorum = 1
    desk.answers["GetStatus"] = made

    assert "no checkpoint yet, quorum 1" in selat("status").out


def test_status_shows_log_links_and_incidents(selat: Command, desk: FakeDesk) -> None:
    desk.answers["GetStatus"] = state()

    human = selat("status")
    program = selat("status", "--json")

    for shown in (
        "12,345 leaves",
        "7 received, 3 in nobody's hands",
        "renew it",
        "1,234",
        "PEER_UNREACHABLE, again 2026-01-31 08:00Z",
        "idle",
        "CLOCK_SKEW",
        "It is ahead.",
    ):
        assert shown in human.out, shown
    assert program.json["log_root"] == "01" * 32
    assert program.json["links"][0]["connected"] is True
    assert program.json["started_at"] is None


def test_status_of_a_quiet_node_says_that_nothing_is_wrong(
    selat: Command, desk: FakeDesk
) -> None:
    desk.answers["GetStatus"] = pb.GetStatusResponse(name="police.xa.example")

    assert "No incidents.\n" in selat("status").out


def test_status_on_a_narrow_terminal_lists_links_under_each_other(
    selat: Command, desk: FakeDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.answers["GetStatus"] = state()
    monkeypatch.setattr("selat.cli.output._PIPE_WIDTH", 80)

    out = selat("status").out

    assert "our log there" in out
    assert max(map(len, out.splitlines())) < 130


def test_an_incident_that_was_dealt_with_is_cleared(
    selat: Command, desk: FakeDesk
) -> None:
    desk.answers["ClearIncident"] = pb.ClearIncidentResponse()
    desk.answers["GetStatus"] = pb.GetStatusResponse(name="police.xa.example")

    cleared = selat("status", "--clear", "CLOCK_SKEW", "--peer", NAME)
    unclear = selat("status", "--peer", NAME)

    assert cleared.code == 0
    assert unclear.code == 2
    [request] = desk.asked(pb.ClearIncidentRequest)
    assert (request.reason, request.peer) == ("CLOCK_SKEW", NAME)


def test_a_person_is_told_where_the_key_is_and_that_it_is_open(
    selat: Command, desk: FakeDesk, tmp_path: Path
) -> None:
    desk.answers["AddOfficer"] = pb.AddOfficerResponse(officer=officer())

    ended = selat("officer", "add", "jane", "--role", "officer", "-o", tmp_path)

    assert ended.out.startswith("Registered jane until 2027-01-01 00:00Z.\n")
    assert f"key          {tmp_path}/jane.key" in ended.out
    assert "is not encrypted" in ended.err
