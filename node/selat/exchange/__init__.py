# SPDX-License-Identifier: Apache-2.0
"""What crosses the border: outbox, delivery, intake and receipts."""
