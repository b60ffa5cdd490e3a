# SPDX-License-Identifier: MIT
"""The commands of ``trampfd``, one file or folder each, and what they share."""
