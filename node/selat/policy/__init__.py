# SPDX-License-Identifier: Apache-2.0
"""The state's own policy: the catalogue of categories, and who decides."""
