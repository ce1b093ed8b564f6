# SPDX-License-Identifier: Apache-2.0
"""The local side of a node: its officers, case systems and administrators."""
