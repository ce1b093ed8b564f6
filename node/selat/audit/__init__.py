# SPDX-License-Identifier: Apache-2.0
"""The auditor's verifier: bundles and evidence files against pinned keys.

It needs no node, no network and nobody's word. It reads what it is given, and
writes nothing but its database.
"""
