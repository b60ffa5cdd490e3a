# SPDX-License-Identifier: MIT
"""The pictures of a run: bars for each question, and lines over the number of closures."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib

from lib.names import (
    AS_IT_IS,
    CALLBACK,
    CREATE_FREE,
    CTYPES,
    CYTHON,
    DIRECT,
    ENTRY_LIBFFI,
    EXTERN,
    FILL,
    HAND,
    PLAN,
    PYTHON_CALLBACK,
    STATIC,
    STOCK,
    TITLES,
    TRAMPFD_CFFI,
    TRAMPFD_CTYPES,
    TRAMPFD_RUN,
    UNITS,
    VECTORCALL,
)
from lib.results import Figure, Results, digits

matplotlib.use("Agg")
from matplotlib import pyplot

# Ours are blue, floors grey; a rival has its colour in all pictures.
COLOURS = {
    PLAN: "#1f5fa8",
    TRAMPFD_CFFI: "#1f5fa8",
    TRAMPFD_RUN: "#1f5fa8",
    TRAMPFD_CTYPES: "#5b9bd8",
    ENTRY_LIBFFI: "#a9cbee",
    STOCK: "#c9472b",
    CALLBACK: "#c9472b",
    AS_IT_IS: "#c9472b",
    STATIC: "#8b4fa0",
    EXTERN: "#e08a3c",
    CTYPES: "#d9b13b",
    CYTHON: "#4f9d69",
    HAND: "#7a7a52",
    DIRECT: "#9a9a9a",
    VECTORCALL: "#9a9a9a",
}
OTHER = "#6f7f8f"

COLUMNS = 4
#: Here a bar so much longer than the median one is cut off, so that the others can be seen.
CUT = {PYTHON_CALLBACK: 8}

_STYLE: dict[Any, Any] = {
    "svg.fonttype": "path",
    "svg.hashsalt": "trampfd",
    "figure.facecolor": "white",
    "font.size": 9,
    "axes.titlesize": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
}


def _colour(rival: str) -> str:
    return COLOURS.get(rival, COLOURS[PLAN] if "trampfd" in rival else OTHER)


def _scale(figures: Sequence[Figure]) -> tuple[float, str]:
    if figures[0].question in UNITS:
        return 1, UNITS[figures[0].question]
    middle = statistics.median(figure.spread.median for figure in figures)
    return (1e6, "ms") if middle >= 1e5 else (1, "ns")


def _bars(axes: Any, figures: Sequence[Figure], title: str, places: int) -> None:
    scale, unit = _scale(figures)
    values = [figure.spread.median / scale for figure in figures]
    longest = CUT.get(figures[0].question, math.inf) * statistics.median(values)
    seen = [value for value in values if value <= longest]
    end = 1.35 * max(seen)
    for place, (figure, value) in enumerate(zip(figures, values)):
        cut = value > end
        axes.barh(
            place,
            min(value, end),
            color=_colour(figure.rival),
            alpha=0.75 if cut else 1,
        )
        if cut:
            axes.text(end * 0.97, place, f"{digits(value)} »", ha="right", va="center",
                      color="white", fontweight="bold")  # fmt: skip
            continue
        low, high = figure.spread.low / scale, min(figure.spread.high / scale, end)
        if len(figure.rounds) > 1:
            axes.plot([low, high], [place, place], color="black", linewidth=0.8, alpha=0.6)
        axes.text(max(value, high) + end * 0.02, place, digits(value), va="center")
    axes.set_yticks(range(len(figures)), [figure.rival for figure in figures])
    axes.set_ylim(places - 0.4, -0.6)
    axes.set_xlim(0, end * 1.15)
    axes.set_title(f"{title} ({unit})", loc="left")
    axes.tick_params(axis="y", length=0)


def _bar_plot(results: Results, question: str) -> Any:
    cases = results.cases(question)
    groups = [results.of(question, case) for case in cases]
    columns = min(COLUMNS, len(cases)) if len(cases) != 6 else 3
    rows = math.ceil(len(cases) / columns)
    tallest = max(map(len, groups))
    figure, grid = pyplot.subplots(
        rows,
        columns,
        figsize=(1.2 + 3.6 * columns, 0.5 + rows * (0.75 + 0.24 * tallest)),
        squeeze=False,
        layout="constrained",
    )
    for axes, case, group in zip(grid.flat, cases, groups):
        _bars(axes, group, case, tallest)
    for axes in grid.flat[len(cases) :]:
        axes.remove()
    figure.suptitle(f"{TITLES[question]}: less is better")
    return figure


def _line(axes: Any, figures: Sequence[Figure], value: Any, label: str) -> None:
    rival = figures[0].rival
    counts = [figure.more.get("stopped") or figure.more["count"] for figure in figures]
    values = [value(figure) for figure in figures]
    colour = _colour(rival)
    stopped = figures[-1].more.get("stopped")
    name = f"{rival} (fails at {stopped / 1e6:.1f} million)" if stopped else rival
    axes.plot(counts, values, color=colour, marker="o", markersize=4, label=name)
    if stopped:
        axes.plot(counts[-1:], values[-1:], color=colour, marker="X", markersize=10)
    axes.set_xscale("log")
    axes.set_xlabel("live closures")
    axes.set_title(label, loc="left")
    axes.grid(True, which="major", color="#dddddd", linewidth=0.6)


# Below so many closures the pages that the first one touches would be shown.
_PANELS = (
    ("ns to make and free one", 10, "log", lambda figure: figure.spread.median),
    ("bytes of memory each", 10**5, "linear", lambda figure: figure.more["bytes"]),
    ("mappings", 1000, "log", lambda figure: max(figure.more["mappings"], 1)),
)


def _line_plot(results: Results, question: str) -> Any:
    all_figures = [figure for figure in results if figure.question == question]
    rivals = dict.fromkeys(figure.rival for figure in all_figures)
    figure, grid = pyplot.subplots(1, len(_PANELS), figsize=(13, 3.8), layout="constrained")
    for axes, (label, least, scale, value) in zip(grid, _PANELS):
        axes.set_yscale(scale)
        for rival in rivals:
            line = [f for f in all_figures if f.rival == rival and f.more["count"] >= least]
            _line(axes, line, value, label)
        if scale == "linear":
            axes.set_ylim(0, 1.1 * axes.get_ylim()[1])
        else:
            axes.yaxis.set_major_formatter(lambda number, _: f"{number:,.0f}")
    handles, labels = grid[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(labels), frameon=False)
    figure.suptitle(f"{TITLES[question]}: less is better")
    return figure


def _file_name(question: str) -> str:
    return "".join(c if c.isalnum() else "_" for c in question.lower()).strip("_") + ".svg"


def draw(results: Results, folder: Path) -> list[Path]:
    """One SVG for each question."""
    paths = []
    with matplotlib.rc_context(_STYLE):
        for question in results.questions():
            lines = question in (CREATE_FREE, FILL)
            figure = _line_plot(results, question) if lines else _bar_plot(results, question)
            path = folder / _file_name(question)
            figure.savefig(path, metadata={"Date": None})
            pyplot.close(figure)
            paths.append(path)
    return paths
