# SPDX-License-Identifier: Apache-2.0
"""Identifiers of documents, ships, accounts, devices and their check digits.

A value whose structure is wrong is refused; a value whose check digit fails is
kept and warned of, because forged documents fail their check digits, and that
is intelligence.
"""
