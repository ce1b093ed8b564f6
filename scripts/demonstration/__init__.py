# SPDX-License-Identifier: Apache-2.0
"""The demonstration that scripts/demo runs."""
