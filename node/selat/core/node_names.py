# SPDX-License-Identifier: Apache-2.0
"""Names of nodes: lower-case DNS names, so that they are TLS names too."""

from __future__ import annotations

import re
from typing import Final

#: Characters of a host name as text (RFC 1035 §2.3.4).
NODE_NAME_CHARACTERS_MAX: Final = 253

# RFC 1035 §2.3.1 with RFC 1123 §2.1: two labels or more, of which the last
# begins with a letter, so that no address is a name.
_REST: Final = r"(?:[a-z0-9-]{0,61}[a-z0-9])?"
_NODE_NAME: Final = re.compile(rf"(?:[a-z0-9]{_REST}\.)+[a-z]{_REST}")


def is_node_name(text: str) -> bool:
    """Tell whether a text is a lower-case DNS name of two labels or more."""
    return (
        len(text) <= NODE_NAME_CHARACTERS_MAX and _NODE_NAME.fullmatch(text) is not None
    )
