# SPDX-License-Identifier: Apache-2.0
"""What of a request a rule reads: its outcome depends on nothing else.

Found by walking the rule's conditions in Cedar's JSON form (EST). Who asks, the
category, and what they belong to are the same for all requests of a principal, and
so are the scopes that name them: they do not count. Whatever the walk does not
understand counts as reading everything, so that a mistake costs time and no more.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from selat.policy.port import MessageFacts

#: The type of every message's entity.
RECORD_TYPE: Final = "Record"

_PROFILE: Final = MessageFacts._fields[: MessageFacts._fields.index("recipients")]
#: What may differ between the requests of one principal: of the message …
RECORD_READS: Final = (*(f"resource.{name}" for name in _PROFILE), "resource.emergency")
#: … and of the context, where an action's has it. Rounds of a decision change the
#: last two.
CONTEXT_READS: Final = (
    "context.today",
    "context.expired",
    "context.retention_days",
    "context.named",
    "context.author",
    "context.purpose",
    "context.approved",
    "context.redacted",
)
#: Of numbers rules often read no more than on which side of some bounds they lie,
#: and of sets no more than whether some members are in them. These are the names
#: of such readings, by the names of what is read.
RANGE_OF: Final = MappingProxyType(
    {name: f"range of {name}" for name in ("context.today", "context.retention_days")}
)
MEMBERS_OF: Final = MappingProxyType(
    {
        name: f"members of {name}"
        for name in (
            "resource.codes",
            "resource.purposes",
            "resource.releasable_to",
            "resource.safeguards",
            "resource.assurances",
            "resource.consents",
        )
    }
)
_PART_OF: Final = MappingProxyType({**RANGE_OF, **MEMBERS_OF})
#: All but the category, which is one for all requests of a principal.
_EVERYTHING: Final = frozenset({*RECORD_READS, *CONTEXT_READS} - {"resource.category"})
#: Attributes of a peer's node that are asked for in sets.
_OWN_NAMES: Final = frozenset({"name", "state"})
#: An attribute of the category that numbers are compared with.
_RETENTION: Final = {
    ".": {
        "left": {".": {"left": {"Var": "resource"}, "attr": "category"}},
        "attr": "longest_retention_days",
    }
}

_COMPARISONS: Final = frozenset({"==", "!=", "<", "<=", ">", ">="})
_BETWEEN_TWO: Final = _COMPARISONS | frozenset(
    {"in", "&&", "||", "+", "-", "*", "contains", "containsAll", "containsAny"}
)
#: Under which names the operands of an operator stand.
_OPERANDS: Final[MappingProxyType[str, frozenset[str]]] = MappingProxyType(
    {
        **dict.fromkeys(_BETWEEN_TWO, frozenset({"left", "right"})),
        **dict.fromkeys((".", "has", "like", "is"), frozenset({"left"})),
        **dict.fromkeys(("!", "neg", "isEmpty"), frozenset({"arg"})),
        "if-then-else": frozenset({"if", "then", "else"}),
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reads:
    """What a rule reads.

    Attributes:
        names: Of `RECORD_READS`, `CONTEXT_READS`, and the values of `RANGE_OF` and
            `MEMBERS_OF`.
        bounds: For each number of which the range is read, where ranges begin.
        members: For each set of which members are read, which. The principal's own
            name and state may always be among them.
    """

    names: frozenset[str]
    bounds: Mapping[str, frozenset[int]]
    members: Mapping[str, frozenset[str]]


class _NotUnderstoodError(Exception):
    """The walk does not know what an expression reads."""


def reads_of(policy: Mapping[str, Any], *, retentions: frozenset[int]) -> Reads:
    """Return what a policy reads.

    Args:
        policy: The policy, in Cedar's JSON form.
        retentions: The longest retentions of all categories, in days.
    """
    values: set[str] = set()
    bounds: dict[str, set[int]] = {}
    members: dict[str, set[str]] = {}
    pending = [condition["body"] for condition in policy.get("conditions", [])]
    try:
        while pending:
            expression = pending.pop()
            if compared := _compared(expression):
                name, number = compared
                fixed = retentions if number is None else {number}
                # Less, equal and greater begin here, and nowhere else.
                bounds.setdefault(name, set()).update(fixed, (n + 1 for n in fixed))
            elif asked := _asked(expression):
                name, member = asked
                members.setdefault(name, set()).update(member)
            elif attribute := _attribute(expression):
                values.add(attribute)
            else:
                pending += _operands(expression)
    except _NotUnderstoodError:
        return Reads(names=_EVERYTHING, bounds={}, members={})
    # What no message or context has is absent for all.
    names = values & _EVERYTHING
    in_part = {_PART_OF[name] for name in {*bounds, *members} - values}
    return Reads(
        names=frozenset(names | in_part),
        bounds={name: frozenset(some) for name, some in bounds.items()},
        members={name: frozenset(some) for name, some in members.items()},
    )


def _compared(expression: object) -> tuple[str, int | None] | None:
    """Return the number that is compared with a fixed one here, and that one.

    None stands for the longest retention of the category.
    """
    operator, inside = _parted(expression)
    if operator not in _COMPARISONS:
        return None
    left, right = inside["left"], inside["right"]
    for one, other in ((left, right), (right, left)):
        name = _attribute(one)
        if name is not None and name in RANGE_OF and "." in one:
            if other == _RETENTION:
                return name, None
            match other:
                case {"Value": int(fixed)} if not isinstance(fixed, bool):
                    return name, fixed
                case _:
                    pass
    return None


def _asked(expression: object) -> tuple[str, tuple[str, ...]] | None:
    """Return the set of which a member is asked for here, and that member."""
    match _parted(expression):
        case "isEmpty", {"arg": {".": _} as left}:
            member: tuple[str, ...] = ()
        case "contains", {"left": {".": _} as left, "right": {"Value": str(text)}}:
            member = (text,)
        case (
            "contains",
            {
                "left": {".": _} as left,
                "right": {".": {"left": {"Var": "principal"}, "attr": str(attribute)}},
            },
        ) if attribute in _OWN_NAMES:
            member = ()
        case _:
            return None
    name = _attribute(left)
    return (name, member) if name is not None and name in MEMBERS_OF else None


def _attribute(expression: object) -> str | None:
    """Return the attribute of message or context that is read here, if one is."""
    match _parted(expression):
        case (
            ("." | "has"),
            {"left": {"Var": ("resource" | "context") as owner}, "attr": str(name)},
        ):
            return f"{owner}.{name}"
        case _:
            return None


def _operands(expression: object) -> Iterable[object]:
    """Return the expressions within one that reads no attribute itself."""
    operator, inside = _parted(expression)
    match operator, inside:
        case "Value", {"__entity": {"type": str(kind)}} if kind != RECORD_TYPE:
            # One of the message's own type might name it, and read it unseen.
            return ()
        case ("Value", str() | int()) | ("Var", "principal"):
            return ()
        case "Set", list():
            return inside
        case "Record", dict():
            return inside.values()
        case (("in" | "is"), {"left": {"Var": "resource"}}):
            # Its type is one for all, and what it is in are those of its category.
            return [inside[name] for name in ("right", "in") if name in inside]
        case _:
            pass
    names = _OPERANDS.get(operator, frozenset())
    if not names or not isinstance(inside, dict) or not names <= inside.keys():
        # Also message, context or a slot as a whole, or an extension of Cedar.
        raise _NotUnderstoodError
    return [inside[name] for name in {*names, "in"} if name in inside]


def _parted(expression: object) -> tuple[str, Any]:
    if not isinstance(expression, dict) or len(expression) != 1:
        raise _NotUnderstoodError
    ((operator, inside),) = expression.items()
    return operator, inside
