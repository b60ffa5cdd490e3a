# SPDX-License-Identifier: MIT
"""Parts of tests/vm/run; what is in the folder tools can be imported, too."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "tools"))


class VmError(Exception):
    """Something that the user is told in one sentence; the message says what to do."""
