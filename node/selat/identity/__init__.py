# SPDX-License-Identifier: Apache-2.0
"""Who a node is: its keys, its card, its certificates, and those of its peers."""
