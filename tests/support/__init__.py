# SPDX-License-Identifier: MIT
"""What tests share: compiling and running C, policies, models of C types, counts and limits.

Imported as ``from support import core``: pytest puts the folder above on the path.
"""
