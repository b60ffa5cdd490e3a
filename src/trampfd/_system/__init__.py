# SPDX-License-Identifier: MIT
"""What is read of the operating system, its files and its processes; knows nothing of closures."""
