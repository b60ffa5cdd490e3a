# SPDX-License-Identifier: MIT
"""The CPU that tests run on, by the name that it has in cbackend/arch."""

from __future__ import annotations

import platform
import sys
import sysconfig

# Python's, as the kernel may be one for 64 bits under a Python of 32, or emulated.
_GNU = (sysconfig.get_config_var("MULTIARCH") or platform.machine()).partition("-")[0]

NAME = {"powerpc64le": "ppc64le"}.get(_GNU, _GNU)
WORD = 8 if sys.maxsize > 2**32 else 4  # bytes of a pointer
