# SPDX-License-Identifier: Apache-2.0
"""gRPC plumbing: errors as statuses, TLS, channels, interceptors.

No service and no decision lives here.
"""
