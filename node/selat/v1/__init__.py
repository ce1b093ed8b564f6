# SPDX-License-Identifier: Apache-2.0
"""The Selat protocol, version 1, as Python: written by scripts/generate."""
