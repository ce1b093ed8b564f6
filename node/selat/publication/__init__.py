# SPDX-License-Identifier: Apache-2.0
"""Show our log to auditors: as tiles, over HTTP, in files and in bundles.

Nothing here changes the log, and nothing of a message's contents is read: all
of it works when every payload has been erased.
"""
