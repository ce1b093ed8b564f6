# SPDX-License-Identifier: Apache-2.0
"""Public sources that a node can read and publish: one package for each."""
