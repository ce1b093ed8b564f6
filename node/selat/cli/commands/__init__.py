# SPDX-License-Identifier: Apache-2.0
"""One module for each command or group of commands.

`selat.cli.main` imports a module when its command is called and not before.
"""
