# SPDX-License-Identifier: MIT
"""``trampfd doctor``: the facts of the system, and the command."""
