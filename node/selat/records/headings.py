# SPDX-License-Identifier: Apache-2.0
"""What a node itself needs of a header, and headers that are built like one before.

Most headers of one desk differ in their identifier, their times and two texts; all
else is the same octets. The shape of such a header is learnt of one about which
nothing was to be said, as that of a body is (``records.shapes``), and others are read
off their octets: about a header that it reads, a walk would say nothing either. Of
every other header it says nothing, and the walk of ``records.header`` decides. A test
holds the two against each other.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final, NamedTuple

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.timestamp_pb2 import Timestamp

from selat.core.selectors import Selector
from selat.records.header import (
    COMMON_BYTES_MAX,
    OWN_FIELDS,
    UUID_SIZE,
    are_in_order,
    common_part,
    is_uuid7,
    nanoseconds,
)
from selat.records.shapes import (
    Kind,
    Look,
    Part,
    Recent,
    Shape,
    fixed,
    stamp,
    text,
)

if TYPE_CHECKING:
    from selat.v1 import message_pb2

#: What a header with an identifier of 16 octets begins with: field 1 and its length.
_BEGINNING: Final = bytes([1 << 3 | 2, UUID_SIZE])
_REST: Final = len(_BEGINNING) + UUID_SIZE
#: So far reaches what shapes are looked up by: version, kind, and where the name of
#: the category begins.
_KEY_END: Final = _REST + 16
_MILLISECOND: Final = 1_000_000
_NOTHING: Final[frozenset[str]] = frozenset()


class Heading(NamedTuple):
    """What a node itself needs of a header.

    A tuple, because a node makes thousands in a second. What many headers have in
    common comes last.

    Attributes:
        id: Identifier of the message, a UUIDv7.
        created_ms: When this version was made, ms since the epoch.
        expires_ms: When the message expires, ms since the epoch, or None.
        review_ms: When its author wants it looked at again, or None.
        version: Version of the message.
        urgency: Number of its urgency.
        kind: Number of the kind of its body, and the paths from the root of what
            policy withheld of it.
        common: Its common part; see ``records.header``.
    """

    id: bytes
    created_ms: int
    expires_ms: int | None
    review_ms: int | None
    version: int
    urgency: int
    kind: Kind
    common: bytes


def heading_of(header: message_pb2.Header) -> Heading:
    """Return the heading of a header, which need not be valid."""
    paths = header.redacted
    withheld = frozenset([f"body.{path}" for path in paths]) if paths else _NOTHING
    return Heading(
        id=header.id,
        created_ms=timestamp_ms(header.created_at),
        expires_ms=expiry_ms(header),
        review_ms=review_ms(header),
        version=header.version,
        urgency=header.urgency,
        kind=(header.type, withheld),
        common=common_part(header),
    )


def timestamp_ms(stamp: Timestamp) -> int:
    """Return a protobuf timestamp in ms since the epoch, rounded down."""
    return nanoseconds(stamp) // _MILLISECOND


def expiry_ms(header: message_pb2.Header) -> int | None:
    """Return when a message expires in ms since the epoch, or None."""
    return timestamp_ms(header.expires_at) if header.HasField("expires_at") else None


def review_ms(header: message_pb2.Header) -> int | None:
    """Return when its author wants a message looked at again, in ms, or None."""
    return timestamp_ms(header.review_at) if header.HasField("review_at") else None


class ReadHeading(NamedTuple):
    """A clean header, read off its octets.

    Attributes:
        heading: What it says.
        selectors: The selectors that a walk would find, in their order.
    """

    heading: Heading
    selectors: list[Selector]


class HeadingShape:
    """How one header is built.

    Args:
        header: The header.
        heading: What it says.
        look: Gives what is asked of the texts of a field.
    """

    def __init__(
        self, header: message_pb2.Header, heading: Heading, look: Look
    ) -> None:
        """Learn it; `read` shows whether it can be learnt."""
        self._shape: Final = Shape(_parts(header, look))
        names = [
            field.name
            for field, value in header.ListFields()
            if field.name in OWN_FIELDS and isinstance(value, Timestamp)
        ]
        # One more moment follows those that are read: none.
        self._created, self._expires, self._review = [
            names.index(name) if name in names else len(names)
            for name in ("created_at", "expires_at", "review_at")
        ]
        self._common: Final = heading[4:]

    def read(self, data: bytes) -> ReadHeading | None:
        """Return what a header says; None if it is another one, or not clean.

        Args:
            data: Any octets.
        """
        identifier = data[len(_BEGINNING) : _REST]
        if not (data.startswith(_BEGINNING) and is_uuid7(identifier)):
            return None
        moments: list[int | None] = []
        selectors = self._shape.read(data[_REST:], moments)
        if selectors is None:
            return None
        moments.append(None)
        created = moments[self._created]
        expires, review = moments[self._expires], moments[self._review]
        if created is None or not are_in_order(created, expires, review):
            return None
        heading = (
            identifier,
            created // _MILLISECOND,
            None if expires is None else expires // _MILLISECOND,
            None if review is None else review // _MILLISECOND,
            *self._common,
        )
        return ReadHeading(Heading._make(heading), selectors)


class HeadingShapes:
    """The shapes of the headers that came last; threads may share it.

    Args:
        look: Gives what is asked of the texts of a field.
    """

    def __init__(self, look: Look) -> None:
        """Know no shape yet."""
        self._look = look
        self._recent = Recent[bytes, HeadingShape]()

    def read(self, data: bytes) -> ReadHeading | None:
        """Return what a clean header of a known shape says, or None.

        Args:
            data: Any octets.
        """
        for shape in self._recent.of(data[_REST:_KEY_END]):
            found = shape.read(data)
            if found is not None:
                return found
        return None

    def learn(
        self, header: message_pb2.Header, data: bytes, found: ReadHeading
    ) -> None:
        """Learn the shape of a header of which a walk said nothing, now and then.

        Args:
            header: The header.
            data: Its octets.
            found: What it says, and the selectors that the walk found.
        """
        if len(found.heading.common) > COMMON_BYTES_MAX:
            return
        key = data[_REST:_KEY_END]
        if self._recent.is_due(key):
            shape = HeadingShape(header, found.heading, self._look)
            if shape.read(data) == found:
                self._recent.add(key, shape)


def _parts(header: message_pb2.Header, look: Look) -> Iterator[Part]:
    """Yield how a header is built behind its identifier."""
    for field, value in header.ListFields():
        if field.name == "id":
            continue
        is_own = field.name in OWN_FIELDS
        if is_own and field.type == FieldDescriptor.TYPE_STRING:
            yield text(field, look)
        elif is_own and isinstance(value, Timestamp):
            yield stamp(field)
        else:  # what is common, and what it supersedes, answers or recalls
            yield fixed(header, field)
