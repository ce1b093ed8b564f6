# SPDX-License-Identifier: Apache-2.0
"""The ``selat`` command: a thin client of the desk API for people and scripts.

It decides nothing: what an officer may do, the node decides.
"""
