# SPDX-License-Identifier: MIT
"""A run against the summary of an earlier one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from lib.results import Spread, digits


def _figures(summary: dict[str, Any]) -> dict[str, Spread]:
    return {
        f"{f['question']}: {f['case']}, {f['rival']}": Spread(f["median"], f["low"], f["high"])
        for f in summary["figures"]
    }


def compare(old: dict[str, Any], new: dict[str, Any]) -> Iterator[str]:
    """A line for each figure that both have, marked where their ranges do not even touch."""
    if old["machine"] != new["machine"]:
        yield "The machines or versions differ:"
        for name in old["machine"]:
            if old["machine"][name] != new["machine"].get(name):
                yield f"  {name}: {old['machine'][name]} then, {new['machine'].get(name)} now"
    before, now = _figures(old), _figures(new)
    common = [name for name in now if name in before]
    width = max(map(len, common), default=0)
    yield f"{'':{width}}  {'then':>12}  {'now':>12}  now/then"
    for name in common:
        then, is_now = before[name], now[name]
        mark = "" if then.overlaps(is_now) else "  *"
        quotient = is_now.median / then.median if then.median else float("nan")
        yield (
            f"{name:{width}}  {digits(then.median):>12}  {digits(is_now.median):>12}"
            f"  {quotient:8.2f}{mark}"
        )
    yield "* the ranges of the rounds do not overlap"
    for name in sorted(before.keys() ^ now.keys()):
        yield f"only {'then' if name in before else 'now'}: {name}"
