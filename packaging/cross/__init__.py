# SPDX-License-Identifier: MIT
"""Compile the package for other CPUs, C libraries and Pythons than those of this machine."""
