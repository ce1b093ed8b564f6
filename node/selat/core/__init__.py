# SPDX-License-Identifier: Apache-2.0
"""The pure core: bytes and values in, decisions out; no I/O, clock or chance."""
