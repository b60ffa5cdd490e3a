# SPDX-License-Identifier: MIT
"""Rivals that cannot be had here."""

from __future__ import annotations


class Absent(Exception):
    """A rival cannot be had here; the text says why."""
