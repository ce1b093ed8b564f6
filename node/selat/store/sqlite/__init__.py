# SPDX-License-Identifier: Apache-2.0
"""The store in one SQLite file: `SqliteStore` in `selat.store.sqlite.store`."""
