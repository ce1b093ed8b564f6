# SPDX-License-Identifier: Apache-2.0
"""The published log over HTTP: who reads it, what they get, what they do not."""

from __future__ import annotations

import asyncio
import gzip
import ssl
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.fakes.http import Answer, Client
from tests.fakes.nodes import (
    Home,
    Running,
    desk_of,
    eventually,
    free_port,
    introduce,
    make_home,
    running,
)

from selat.core.checkpoints import Checkpoint, open_checkpoint
from selat.core.cosignatures import cosigner_verifiers, verify_cosignatures
from selat.core.entry_bundles import entries_tile, parse_entries
from selat.core.merkle import EMPTY_FRONTIER
from selat.core.notes import parse_note
from selat.core.tile_paths import TilePath, tile_paths
from selat.core.tree_heads import parse_tree_head
from selat.identity.card_keys import KeyAlgorithm, KeyPurpose
from selat.publication.resources import PATH_CHARACTERS_MAX
from selat.v1 import desk_service_pb2 as pb


def context(issued: pb.AddOfficerResponse, folder: Path | None) -> ssl.SSLContext:
    """Return a client's context; without a folder it has no certificate."""
    tls = ssl.create_default_context(cadata=issued.desk_ca_pem.decode())
    if folder is not None:
        file = folder / "client.pem"
        file.write_bytes(issued.private_key_pem + issued.certificate_pem)
        tls.load_cert_chain(file)
    return tls


async def issue(node: Running, officer_id: str, *roles: str) -> pb.AddOfficerResponse:
    return await node.admin.AddOfficer(
        pb.AddOfficerRequest(officer_id=officer_id, agency="Court", roles=roles)
    )


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return make_home(tmp_path, "xp", publish_listen=f"127.0.0.1:{free_port()}")


@pytest.fixture
async def node(home: Home) -> AsyncIterator[Running]:
    async with running(home) as node:
        yield node


@pytest.fixture
async def auditor(node: Running, tmp_path: Path) -> Client:
    issued = await issue(node, "court.1", "auditor")
    return Client(port=node.serving.publish_port, tls=context(issued, tmp_path))


async def grow(node: Running, count: int) -> None:
    """Append leaves to a node's log."""
    await node.node.local.store.write(
        lambda t: t.append_leaves([b'{"n":%d}' % n for n in range(count)])
    )


def shard(node: Running) -> str:
    origin = node.home.inspect(lambda s: s.tree_head()).origin
    return "/" + origin.rpartition("/")[2]


async def opened(node: Running, client: Client) -> Checkpoint:
    """Fetch and verify the checkpoint."""
    answer = await client(f"{shard(node)}/checkpoint")
    assert answer.status == 200
    origin = node.home.inspect(lambda s: s.tree_head()).origin
    card = node.home.card.card
    return open_checkpoint(
        answer.body,
        origin=origin,
        verifiers=card.log_verifiers(origin, at=card.issued_at),
    )


# --- what an auditor gets -----------------------------------------------------


async def test_whole_log_is_fetched_and_leads_to_the_signed_root(
    node: Running, auditor: Client
) -> None:
    await grow(node, 600)
    checkpoint = await opened(node, auditor)
    assert checkpoint.size > 600
    frontier = EMPTY_FRONTIER
    for path in tile_paths(checkpoint.size):
        answer = await auditor(f"{shard(node)}/{path}")
        assert answer.status == 200, path
        assert answer.headers["content-type"] == "application/octet-stream"
        assert "immutable" in answer.headers["cache-control"]
        if path.level is None:
            leaves = parse_entries(answer.body, count=path.width)
            hashes = entries_tile(leaves)
            level = TilePath(level=0, index=path.index, width=path.width)
            assert (await auditor(f"{shard(node)}/{level}")).body == hashes
            frontier = frontier.extend(
                [hashes[at : at + 32] for at in range(0, len(hashes), 32)]
            )
        else:
            assert len(answer.body) == 32 * path.width
    assert frontier.root() == checkpoint.root


async def test_checkpoint_is_text_that_nobody_keeps(
    node: Running, auditor: Client
) -> None:
    answer = await auditor(f"{shard(node)}/checkpoint")
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.headers["cache-control"] == "no-cache"
    assert answer.headers["server"] == "selat"


async def test_entries_are_compressed_for_who_asks(
    node: Running, auditor: Client
) -> None:
    await grow(node, 256)
    path = f"{shard(node)}/tile/entries/000"
    plain = await auditor(path)
    packed = await auditor(path, "GET", "Accept-Encoding: gzip")
    assert packed.headers["content-encoding"] == "gzip"
    assert len(packed.body) < len(plain.body)
    # The length of what is compressed is not known before: it comes in chunks.
    assert gzip.decompress(_dechunked(packed)) == plain.body


def _dechunked(answer: Answer) -> bytes:
    if answer.headers.get("transfer-encoding") != "chunked":
        return answer.body
    body, rest = b"", answer.body
    while True:
        size, _, rest = rest.partition(b"\r\n")
        count = int(size, 16)
        if not count:
            return body
        body, rest = body + rest[:count], rest[count + 2 :]


async def test_head_tells_the_length_and_sends_nothing(
    node: Running, auditor: Client
) -> None:
    answer = await auditor(f"{shard(node)}/tile/0/000.p/2", "HEAD")
    assert (answer.status, answer.body) == (200, b"")
    assert answer.headers["content-length"] == "64"


async def test_old_partial_tile_is_served_after_the_log_has_grown(
    node: Running, auditor: Client
) -> None:
    partial = await auditor(f"{shard(node)}/tile/0/000.p/2")
    await grow(node, 300)
    assert (await auditor(f"{shard(node)}/tile/0/000.p/2")).body == partial.body
    full = await auditor(f"{shard(node)}/tile/0/000")
    assert full.body[:64] == partial.body


# --- what nobody gets ---------------------------------------------------------

NOWHERE = [
    "/",
    "/checkpoint",
    "/2026h2",
    "/2026h2/",
    "/1999h1/checkpoint",
    "/2026h3/checkpoint",
    "/{shard}/tile/0/000",
    "/{shard}/tile/0/000.p/9",
    "/{shard}/tile/1/000",
    "/{shard}/tile/63/000",
    "/{shard}/tile/entries/000.p/255",
    "/{shard}/tile/entries/x999/x999/999",
    "/{shard}/checkpoint/",
    "/{shard}/checkpoint?size=1",
    "/{shard}/../{shard}/checkpoint",
    "/{shard}/%63heckpoint",
    "/{shard}/../../node.toml",
    "/..%2f..%2fnode.toml",
    "//{shard}/checkpoint",
    "/{shard}//checkpoint",
    "/" + "a" * (PATH_CHARACTERS_MAX + 1),
    "/{shard}/tile/0/" + "x000/" * 30 + "000",
    "http://elsewhere.example/{shard}/checkpoint",
]
NO_TILES = [
    "/{shard}/tile/",
    "/{shard}/tile/0",
    "/{shard}/tile/00/000",
    "/{shard}/tile/64/000",
    "/{shard}/tile/0/0",
    "/{shard}/tile/0/x000/000",
    "/{shard}/tile/0/001/067",
    "/{shard}/tile/0/000.p/0",
    "/{shard}/tile/0/000.p/256",
    "/{shard}/tile/0/000.p/02",
    "/{shard}/tile/0/../0/000",
    "/{shard}/tile/entries",
    "/{shard}/tile/data/000",
]


@pytest.mark.parametrize(
    ("path", "status"),
    [(path, 404) for path in NOWHERE] + [(path, 400) for path in NO_TILES],
)
async def test_what_is_not_published_is_not_found(
    path: str, status: int, node: Running, auditor: Client
) -> None:
    answer = await auditor(path.format(shard=shard(node)[1:]))
    assert answer.status == status
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert len(answer.body) < 300


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "PROPFIND"])
async def test_log_is_only_read(method: str, node: Running, auditor: Client) -> None:
    answer = await auditor(f"{shard(node)}/checkpoint", method)
    assert answer.status == 405
    assert answer.headers["allow"] == "GET, HEAD"


@pytest.mark.parametrize(
    "sent",
    [
        b"GARBAGE\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nX: " + b"a" * 20_000 + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 300 + b"\r\n",
        b"GET / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        b"GET / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"\x00\xff\xfe\r\n\r\n",
    ],
    ids=[
        "garbage",
        "version",
        "long path",
        "long header",
        "many headers",
        "negative length",
        "two lengths",
        "bytes",
    ],
)
async def test_what_is_no_request_is_answered_with_400(
    sent: bytes, auditor: Client
) -> None:
    answer = await auditor.raw(sent)
    assert answer.status == 400
    assert b"Traceback" not in answer.body


# --- who reads ----------------------------------------------------------------


async def test_nobody_reads_without_a_certificate(node: Running) -> None:
    issued = await issue(node, "court.1", "auditor")
    client = Client(port=node.serving.publish_port, tls=context(issued, None))
    for path in (f"{shard(node)}/checkpoint", "/nowhere"):
        answer = await client(path)
        assert answer.status == 403
        assert "UNAUTHENTICATED" in answer.text


@pytest.mark.parametrize("role", ["officer", "reviewer", "administrator", "system"])
async def test_only_auditors_read(role: str, node: Running, tmp_path: Path) -> None:
    issued = await issue(node, "j.doe", role)
    client = Client(port=node.serving.publish_port, tls=context(issued, tmp_path))
    answer = await client(f"{shard(node)}/checkpoint")
    assert answer.status == 403
    assert "ROLE_MISSING" in answer.text


async def test_revoked_auditor_reads_nothing_more_on_an_open_connection(
    node: Running, auditor: Client
) -> None:
    path = f"{shard(node)}/checkpoint"
    request = f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
    reader, writer = await asyncio.open_connection(
        "127.0.0.1", auditor.port, ssl=auditor.tls, server_hostname="localhost"
    )
    writer.write(request)
    assert b" 200 " in await reader.readline()
    await node.admin.RevokeOfficer(pb.RevokeOfficerRequest(officer_id="court.1"))
    writer.write(request)

    async def refused() -> bool:
        return b"HTTP/1.1 403 " in await reader.readline()

    await eventually(refused)
    writer.close()
    assert (await auditor(path)).status == 403


async def test_auditor_of_another_node_does_not_get_through_tls(
    node: Running, xa: Home, tmp_path: Path
) -> None:
    async with desk_of(xa) as desk:
        stranger = await desk.admin.AddOfficer(
            pb.AddOfficerRequest(officer_id="court.1", agency="C", roles=["auditor"])
        )
    own = await issue(node, "court.1", "auditor")
    stranger.desk_ca_pem = own.desk_ca_pem
    client = Client(port=node.serving.publish_port, tls=context(stranger, tmp_path))
    with pytest.raises((ssl.SSLError, ConnectionError)):
        await client(f"{shard(node)}/checkpoint")


async def test_older_tls_is_refused(auditor: Client) -> None:
    auditor.tls.maximum_version = ssl.TLSVersion.TLSv1_2
    with pytest.raises((ssl.SSLError, ConnectionError)):
        await auditor("/")


async def test_log_is_not_published_unless_an_address_says_so(xa: Home) -> None:
    async with running(xa) as node:
        assert node.serving.publish_port == 0


# --- the witness --------------------------------------------------------------


async def test_log_of_a_peer_is_cosigned_over_http(home: Home, xb: Home) -> None:
    await introduce(home, xb)
    async with desk_of(xb) as desk:
        checkpoint = (await desk.admin.GetCheckpoint(pb.GetCheckpointRequest())).note
    body = b"old 0\n\n" + checkpoint
    async with running(home) as node:
        issued = await issue(node, "court.1", "auditor")
        client = Client(port=node.serving.publish_port, tls=context(issued, None))
        first = await client("/add-checkpoint", "POST", body=body)
        stale = await client("/add-checkpoint", "POST", body=body)
        strange = await client("/add-checkpoint", "POST", body=b"old 0\n\nx\n")
    assert first.status == 200
    text = parse_note(checkpoint).text
    witness = home.card.card
    keys = [
        witness.key(KeyPurpose.WITNESS, algorithm, datetime.now(UTC)).public
        for algorithm in (KeyAlgorithm.ED25519, KeyAlgorithm.MLDSA44)
    ]
    verifiers = cosigner_verifiers(f"{home.name}/witness", *keys)
    assert len(verify_cosignatures(text, first.body, verifiers)) == 2
    size = parse_tree_head(text).size
    assert (stale.status, stale.text) == (409, f"{size}\n")
    assert stale.headers["content-type"] == "text/x.tlog.size"
    assert strange.status == 400
