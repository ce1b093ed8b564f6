# SPDX-License-Identifier: Apache-2.0
"""Put a node together from its folder, and run it."""
