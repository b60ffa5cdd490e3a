# SPDX-License-Identifier: MIT
"""Parts of tests/vm/run."""

from __future__ import annotations


class VmError(Exception):
    """Something that the user is told in one sentence; the message says what to do."""
