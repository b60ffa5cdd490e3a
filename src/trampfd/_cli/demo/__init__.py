# SPDX-License-Identifier: MIT
"""``trampfd demo``: the jobs, the policies that they are put under, and the command."""
