# SPDX-License-Identifier: MIT
"""What tests share: compiling and running C, policies, models of C types, counts and limits.

Imported as ``from support import core``: pytest puts the folder above on the path. What is in the
folder tools can be imported, too.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tools"))
