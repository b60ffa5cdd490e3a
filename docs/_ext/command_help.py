# SPDX-License-Identifier: MIT
"""The directive ``command-help``: what ``trampfd COMMAND --help`` prints."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

from docutils import nodes
from sphinx.util.docutils import SphinxDirective


class CommandHelp(SphinxDirective):
    required_arguments = 0
    optional_arguments = 1

    def run(self) -> list[nodes.Node]:
        command = [sys.executable, "-m", "trampfd", *self.arguments, "--help"]
        # argparse breaks lines for the terminal, and from Python 3.14 on colours them.
        environment = {**os.environ, "COLUMNS": "80", "NO_COLOR": "1"}
        done = subprocess.run(command, capture_output=True, text=True, env=environment)
        if done.returncode:
            raise self.error(f"{' '.join(command)} failed: {done.stderr}")
        return [nodes.literal_block(done.stdout, done.stdout.rstrip(), language="none")]


def setup(app: Any) -> dict[str, bool]:
    app.add_directive("command-help", CommandHelp)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
