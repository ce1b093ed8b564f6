# SPDX-License-Identifier: Apache-2.0
"""Measure nodes as they run: every figure comes from real processes."""
