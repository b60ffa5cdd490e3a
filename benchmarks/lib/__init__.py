# SPDX-License-Identifier: MIT
"""What the benchmarks share; what is in the folder tools can be imported, too."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tools"))
