# SPDX-License-Identifier: Apache-2.0
"""Keep what a node must not lose: the port, its values and its adapters."""
