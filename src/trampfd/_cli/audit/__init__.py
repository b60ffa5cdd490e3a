# SPDX-License-Identifier: MIT
"""``trampfd audit``: inspect a process, guess who made what is found, print it."""
