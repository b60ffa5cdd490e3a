# SPDX-License-Identifier: MIT
"""What tests and benchmarks need from Debian, without changing the system."""
