# SPDX-License-Identifier: Apache-2.0
"""The public documents say what there is, all of it, and nothing else."""

from __future__ import annotations

import hashlib
import re
import shlex
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from selat import errors
from selat.audit.database import _TABLES, _VIEWS
from selat.audit.findings import Code
from selat.cli.exits import ExitCode
from selat.cli.main import COMMANDS, build_app, load_command
from selat.core.cards import pre_authentication_encoding
from selat.core.fingerprints import fingerprint
from selat.core.leaves import KINDS, OfferLeaf, ReceiptLeaf, parse_leaf
from selat.core.merkle import leaf_hash
from selat.core.note_keys import cosigned_message
from selat.core.payloads import offer_salt, pack
from selat.core.sealing import commitment
from selat.core.tree_heads import parse_tree_head
from selat.desk.access import PERMISSIONS, ROLES
from selat.policy.agreements import _CLAUSE_KEYS, _CLAUSE_REQUIRED, _REQUIRED
from selat.policy.catalogue_file import load_catalogue
from selat.policy.policy_files import PolicyFiles, read_policy_files
from selat.policy.policy_loading import load_policy_set, parse_source
from selat.policy.policy_source import Identity
from selat.policy.rules import _KNOWN, Rule, parse_rules
from selat.rpc.status import code_of, error_classes
from selat.v1 import desk_service_pb2, peer_service_pb2

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "node/selat"
DOCUMENTS = sorted(
    [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md")]
    + [*(ROOT / "docs").rglob("*.md")]
)


def read(name: str) -> str:
    return (ROOT / name).read_text("utf-8")


def rows(text: str) -> Iterator[list[str]]:
    """Yield the cells of every row of every table."""
    for line in text.splitlines():
        if line.startswith("| "):
            yield [cell.strip() for cell in line.strip("|").split("|")]


def names(cell: str) -> list[str]:
    """Return the words of a cell that are set as code."""
    return re.findall(r"`([^`]+)`", cell)


# --- links -----------------------------------------------------------------
def anchors(path: Path) -> set[str]:
    """Return the fragments of a document's headings, as they are linked to."""
    headings = re.findall(r"^#+ (.+)$", path.read_text("utf-8"), re.MULTILINE)
    return {
        re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        for heading in headings
    }


def links() -> Iterator[tuple[Path, str]]:
    for path in DOCUMENTS:
        text = re.sub(
            r"^```.*?^```", "", path.read_text("utf-8"), flags=re.DOTALL | re.MULTILINE
        )
        for target in re.findall(r"\]\(([^)\s]+)\)", text):
            if not target.startswith(("https://", "mailto:")):
                yield path, target


@pytest.mark.parametrize(("path", "target"), sorted(set(links())))
def test_relative_link_leads_somewhere(path: Path, target: str) -> None:
    file, _, fragment = target.partition("#")
    found = (path.parent / file).resolve() if file else path
    assert found.exists()
    assert not fragment or fragment in anchors(found)


# --- commands --------------------------------------------------------------
def subcommands() -> Iterator[tuple[str, Any]]:
    """Yield every command that does something, with its words."""
    for name in COMMANDS:
        command = load_command(name)
        inner = getattr(command, "commands", None)
        if inner is None:
            yield f"selat {name}", command
        else:
            for each, subcommand in inner.items():
                yield f"selat {name} {each}", subcommand


def shown_commands() -> Iterator[tuple[str, str]]:
    """Yield every `selat` command line that a document shows."""
    for path in DOCUMENTS:
        text = path.read_text("utf-8")
        for block in re.findall(
            r"^```console\n(.*?)^```", text, re.DOTALL | re.MULTILINE
        ):
            for line in re.findall(r"^\$ (.*selat .*)$", block, re.MULTILINE):
                yield path.name, line


def test_every_command_is_listed_for_operators() -> None:
    listed = [
        names(row[0])[0]
        for row in rows(read("docs/operations.md"))
        if row[0].startswith("`selat ")
    ]
    assert sorted(listed) == sorted(name for name, _ in subcommands())


@pytest.mark.parametrize(("document", "line"), sorted(set(shown_commands())))
def test_shown_command_has_the_options_that_are_shown(document: str, line: str) -> None:
    assert document
    line = re.sub(r"\s2?>\s?[\w./]+|\s&$", "", line)
    words = shlex.split(line)
    start = next(
        number
        for number, word in enumerate(words)
        if word.rpartition("/")[2] == "selat" and words[number - 1] != "-u"
    )
    root: Any = get_command(build_app())
    context = root.make_context("selat", words[start + 1 :])
    name, _, rest = root.resolve_command(
        context, [*context._protected_args, *context.args]
    )
    command: Any = load_command(name)
    while getattr(command, "commands", None):
        name, command, rest = command.resolve_command(context, rest)
    command.make_context(name, rest, parent=context)


def test_every_script_that_the_readme_names_is_there() -> None:
    scripts = set(re.findall(r"\bscripts/\w+", read("README.md")))
    assert {"scripts/demo", "scripts/test"} <= scripts
    assert all((ROOT / script).is_file() for script in scripts)


def test_first_commands_of_the_readme_are_demo_and_test() -> None:
    shown = re.findall(r"^\$ (.+)$", read("README.md"), re.MULTILINE)
    assert shown[:2] == ["scripts/demo", "scripts/test"]


def test_every_exit_code_is_explained() -> None:
    listed = [row[0] for row in rows(read("docs/errors.md")) if row[0].isdigit()]
    assert listed == [str(int(code)) for code in ExitCode]


# --- calls -----------------------------------------------------------------
@pytest.mark.parametrize("service", ["DeskService", "AdminService"])
def test_every_call_of_the_desk_is_listed_with_its_roles(service: str) -> None:
    methods = desk_service_pb2.DESCRIPTOR.services_by_name[service].methods_by_name
    listed = {
        names(row[0])[0]: row[2]
        for row in rows(read("docs/integrators.md"))
        if len(row) == 3 and row[0].startswith("`") and names(row[0])[0] in methods
    }
    assert list(listed) == list(methods)
    for method, roles in listed.items():
        named = ROLES if roles == "all" else set(roles.split(", "))
        assert named == PERMISSIONS[method]


def test_every_call_of_a_peer_is_specified() -> None:
    service = peer_service_pb2.DESCRIPTOR.services_by_name["PeerService"]
    text = read("docs/protocol.md")
    assert all(f"`{method}`" in text for method in service.methods_by_name)


# --- reasons ---------------------------------------------------------------
def test_every_error_is_listed_with_its_status() -> None:
    listed = {
        names(row[0])[0]: row[1]
        for row in rows(read("docs/errors.md"))
        if len(row) == 4 and row[1].isupper()
    }
    classes = error_classes()
    expected = {
        reason: code_of(cls.__new__(cls)).name for reason, cls in classes.items()
    }
    assert listed == expected


def test_tree_in_the_docstring_of_the_errors_is_the_tree() -> None:
    drawn = set(re.findall(r"\b\w+Error\b", str(errors.__doc__)))
    assert drawn == {cls.__name__ for cls in error_classes().values()}


def reasons_in_source() -> set[str]:
    """Return the reasons of decisions as policy, intake and delivery have them."""
    found: set[str] = set()
    for path in [
        *(SOURCE / "policy").glob("*.py"),
        *(SOURCE / "exchange").glob("*.py"),
        *(ROOT / "policy/baseline").glob("*.cedar"),
    ]:
        text = path.read_text("utf-8")
        found |= set(re.findall(r'^@reason\("([A-Z0-9_]+)"\)$', text, re.MULTILINE))
        found |= set(re.findall(r'reason="([A-Z_]+)"', text))
        found |= set(re.findall(r'_deny\(\w+, "([A-Z_]+)"\)', text))
        found |= set(
            re.findall(r'^[A-Z_]+: Final = "([A-Z]+(?:_[A-Z]+)*)"$', text, re.MULTILINE)
        )
    return found


def test_every_reason_of_a_decision_is_listed() -> None:
    text = read("docs/errors.md").split("## Reasons of decisions")[1].split("\n## ")[0]
    listed = {names(row[0])[0] for row in rows(text) if names(row[0])}
    assert len(reasons_in_source()) > 5
    assert reasons_in_source() <= listed


def test_every_policy_that_decides_is_listed() -> None:
    text = read("docs/errors.md")
    files = [
        *(SOURCE / "policy").glob("*.py"),
        *(SOURCE / "exchange").glob("*.py"),
        *(ROOT / "policy/baseline").glob("*.cedar"),
    ]
    source = "".join(path.read_text("utf-8") for path in files)
    policies = set(
        re.findall(r'"((?:release|baseline|default|intake)/[a-z0-9-]+)"', source)
    )
    assert len(policies) > 5
    assert all(f"`{policy}`" in text for policy in policies)


def test_hopeless_refusals_are_those_of_the_protocol() -> None:
    source = (SOURCE / "exchange/refusals.py").read_text("utf-8")
    block = source.split("_HOPELESS: Final = frozenset(")[1].split(")")[0]
    hopeless = set(re.findall(r'"([A-Z_0-9]+)"', block))
    paragraph = read("docs/protocol.md").split("are not `retryable`:")[1].split(". ")[0]
    assert set(names(paragraph)) == hopeless
    marked = {
        names(row[0])[0]
        for row in rows(read("docs/errors.md"))
        if len(row) == 4 and "*Hopeless.*" in row[2]
    }
    assert marked == hopeless


# --- audits ----------------------------------------------------------------
def test_everything_that_an_audit_can_find_is_listed() -> None:
    listed = {
        names(row[0])[0]: row[1]
        for row in rows(read("docs/auditors.md"))
        if len(row) == 3 and row[1] in {"failure", "fact"}
    }
    assert listed == {
        code.value: "failure" if code.is_failure else "fact" for code in Code
    }


def test_everything_that_an_audit_writes_into_its_database_is_listed() -> None:
    section = read("docs/auditors.md").split("### Ask the database")[1]
    section = re.sub("^```.*?^```", "", section, flags=re.DOTALL | re.MULTILINE)
    section = section.split("\n## ")[0]
    assert {*_TABLES, *_VIEWS} <= set(names(section))


# --- policy ----------------------------------------------------------------
def shown_files(language: str) -> dict[str, str]:
    """Return the policy files that the page shows, by their path."""
    blocks = re.findall(
        rf"^```{language}\n(?:#|//) (\S+)\n(.*?)^```",
        read("docs/policy.md"),
        re.DOTALL | re.MULTILINE,
    )
    return dict(blocks)


def baseline() -> list[Rule]:
    files = read_policy_files(ROOT / "policy")
    return [
        rule
        for path, raw in files.below("baseline")
        for rule in parse_rules(raw, source=path)
    ]


def baseline_rows() -> list[list[str]]:
    """Return the rows of the page's table of baseline rules."""
    section = read("docs/policy.md").split("\n## The baseline")[1].split("\n## ")[0]
    return [row for row in rows(section) if row[0].startswith("`baseline/")]


def test_every_rule_of_the_baseline_is_explained() -> None:
    listed = [(names(row[0])[0], row[1], row[2]) for row in baseline_rows()]
    assert listed == [(rule.id, rule.title, rule.principle) for rule in baseline()]


def test_shown_effect_of_a_rule_is_what_its_annotations_say() -> None:
    for rule, row in zip(baseline(), baseline_rows(), strict=True):
        effects = {rule.reason} - {""} | rule.obligations | rule.redact
        assert set(names(row[4])) == effects | rule.notify


def test_shown_policy_comes_into_force_and_decides_as_shown() -> None:
    shown = shown_files("toml") | shown_files("cedar")
    departure = shown.pop("baseline.toml")
    assert {"agreements/xa-xb.toml", "scenarios/xa-xb.toml"} <= set(shown)
    identity = Identity(
        node="police.xa.example", state="XA", received=frozenset({"travel-documents"})
    )
    shipped = read_policy_files(ROOT / "policy")
    files = PolicyFiles(
        name="shown",
        contents={**shipped.contents, **{k: v.encode() for k, v in shown.items()}},
    )
    load_policy_set(files, identity, today=date(2026, 12, 1), shipped=shipped)

    contents = {**files.contents, "baseline.toml": departure.encode()}
    del contents["baseline/8-emergency.cedar"]
    departed = PolicyFiles(name="shown", contents=contents)
    source = parse_source(departed, shipped=shipped)
    assert source.departures == ("removed baseline/8-emergency.cedar",)


def test_blank_agreement_has_every_key_that_must_be_there() -> None:
    text = read("docs/policy.md").split("This is the\nblank:")[1].split("```")[1]
    head, clause = text.split("[[clause]]")
    keys = r"^(\w+) ="
    assert set(re.findall(keys, head, re.MULTILINE)) | {"clause"} == _REQUIRED
    assert set(re.findall(keys, clause, re.MULTILINE)) == _CLAUSE_REQUIRED


def test_every_key_of_an_agreement_is_explained() -> None:
    section = read("docs/policy.md").split("\n## Agreements")[1].split("\n## ")[0]
    listed = {key for row in rows(section) for key in names(row[0])}
    assert listed == _REQUIRED | _CLAUSE_KEYS


def test_every_annotation_is_explained() -> None:
    listed = {
        names(row[0])[0].removeprefix("@")
        for row in rows(read("docs/policy.md"))
        if row[0].startswith("`@")
    }
    assert listed == _KNOWN


# --- categories ------------------------------------------------------------
def test_every_category_is_listed_with_what_it_allows() -> None:
    listed = [
        (names(row[0])[0], row[1], row[2], set(row[3].split(", ")))
        for row in rows(read("docs/integrators.md"))
        if len(row) == 4 and names(row[0])
    ]
    assert listed == [
        (each.id, each.measure, each.title, set(each.record_types))
        for each in load_catalogue().categories.values()
    ]


# --- the protocol's values ---------------------------------------------------
def shown_leaves() -> list[bytes]:
    text = read("docs/protocol.md")
    return [
        line.encode() for line in re.findall(r'^\{.+"v":1.*\}$', text, re.MULTILINE)
    ]


def shown_value(label: str) -> str:
    """Return the value of a row of the protocol's last table."""
    section = read("docs/protocol.md").split("## 13.")[-1]
    (value,) = (names(row[-1])[0] for row in rows(section) if label in row[0])
    return value


def test_shown_leaves_are_canonical() -> None:
    kinds = {parse_leaf(leaf).kind for leaf in shown_leaves()}
    assert kinds == set(KINDS) - {"withhold", "hold"}  # both like an offer


def test_every_kind_of_leaf_is_specified_with_its_members() -> None:
    text = read("docs/protocol.md")
    assert all(f"`{kind}`" in text for kind in KINDS)


def test_shown_receipt_answers_the_shown_offer() -> None:
    leaves = {leaf: parse_leaf(leaf) for leaf in shown_leaves()}
    (offer,) = (data for data, leaf in leaves.items() if isinstance(leaf, OfferLeaf))
    (receipt,) = (leaf for leaf in leaves.values() if isinstance(leaf, ReceiptLeaf))
    assert receipt.offer == leaf_hash(offer)
    assert shown_value("RFC 6962 hash") == leaf_hash(offer).hex()


def test_shown_hashes_are_those_of_the_code() -> None:
    counted = bytes(range(32))
    commit = commitment(pack(salt=counted, header=b"header", body=b"body"))
    assert shown_value("commitment") == commit.hex()
    salt = offer_salt(counted, recipient="police.xb.example", blind=b"\xff" * 32)
    assert shown_value("offer salt") == salt.hex()
    print_of_zeros = fingerprint(ed25519=bytes(32), mldsa44=bytes(1312))
    assert shown_value("fingerprint") == print_of_zeros.digest.hex()
    encoded = pre_authentication_encoding(b"card")
    assert shown_value("pre-authentication") == hashlib.sha256(encoded).hexdigest()


def test_shown_info_binds_names_and_sequence() -> None:
    info = (
        b"selat/v1/batch"
        b"\x00\x11police.xa.example"
        b"\x00\x11police.xb.example"
        b"\x00\x00\x00\x00\x00\x00\x01\x02"
    )
    assert shown_value("`info`") == hashlib.sha256(info).hexdigest()


def test_shown_checkpoint_is_what_its_second_signature_signs() -> None:
    text = read("docs/protocol.md")
    found = re.search(r"^(police\S+\n\d+\n\S+=\n)\n— ", text, re.MULTILINE)
    assert found is not None
    checkpoint = found[1].encode()
    origin = parse_tree_head(checkpoint).origin
    message = cosigned_message(origin, checkpoint, timestamp_s=0)
    assert shown_value("0x06") == hashlib.sha256(message).hexdigest()
