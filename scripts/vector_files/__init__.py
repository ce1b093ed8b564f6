# SPDX-License-Identifier: Apache-2.0
"""What scripts/vectors writes: the protocol's values, for other implementers."""
