# SPDX-License-Identifier: Apache-2.0
"""Messages as their schema describes them: validation, selectors, redaction.

What a field must hold, what it identifies and whom it tells about stands in
the options of the proto. Everything here is derived from them.
"""
