# SPDX-License-Identifier: MIT
"""The files that commands write for others to read."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path


def write(path: Path, content: str) -> None:
    """At once or not at all; for all users to read, whatever the umask."""
    with tempfile.NamedTemporaryFile("w", dir=path.parent, prefix=".trampfd-", delete=False) as new:
        try:
            new.write(content)
            new.flush()
            os.chmod(new.name, 0o644)
            os.replace(new.name, path)
        except BaseException:
            os.unlink(new.name)
            raise
