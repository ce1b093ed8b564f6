# SPDX-License-Identifier: Apache-2.0
"""The Consolidated List of the United Nations Security Council.

`selat.importers.un_list.importing` is the way in.
"""
