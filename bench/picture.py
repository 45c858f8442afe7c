"""Small curves as SVG, by plain Python: panels side by side, axes with units, readable on a light and a dark page."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

from bench.report import number

WIDTH, HEIGHT = 360, 220
"""Of a panel (pixels)."""
LEFT, RIGHT, TOP, BOTTOM = 56, 26, 34, 42
"""Around its curve."""
COLUMNS = 2
TICKS = 5
"""Lines of a grid, about."""

STYLE = (
    "text{font:12px sans-serif;fill:#57606a}.t{font-weight:bold;fill:#24292f}.g{stroke:#8c959f;stroke-opacity:.35}"
    ".c{fill:none;stroke:#0969da;stroke-width:2}.p{fill:#0969da}"
    "@media(prefers-color-scheme:dark){text{fill:#9198a1}.t{fill:#e6edf3}.c{stroke:#4493f8}.p{fill:#4493f8}}"
)


@dataclass(frozen=True)
class Panel:
    """One curve.

    Attributes:
        title: what it shows.
        unit: of its values.
        points: of the numbers of objects and the values.
    """

    title: str
    unit: str
    points: Sequence[tuple[float, float]]


def draw(panels: Sequence[Panel], below: str) -> str:
    """All panels as one picture; ``below`` is what all of them have along their lower axis."""
    rows = -(-len(panels) // COLUMNS)
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH * COLUMNS} {HEIGHT * rows}" role="img">',
        f"<title>{escape('; '.join(panel.title for panel in panels))}</title>",
        f"<style>{STYLE}</style>",
    ]
    for place, panel in enumerate(panels):
        row, column = divmod(place, COLUMNS)
        lines.append(f'<g transform="translate({column * WIDTH} {row * HEIGHT})">')
        lines += _panel(panel, below)
        lines.append("</g>")
    return "\n".join([*lines, "</svg>", ""])


def ticks(most: float) -> list[float]:
    """From 0 in steps of 1, 2 or 5 times a power of ten, to the first that is not below ``most``."""
    raw = most / TICKS if most > 0 else 1.0
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(step * power for step in (1, 2, 5, 10) if step * power >= raw * (1 - 1e-9))
    return [round(place * step, 12) for place in range(max(1, math.ceil(most / step - 1e-9)) + 1)]


def _panel(panel: Panel, below: str) -> Iterator[str]:
    across, up = (ticks(max(values)) for values in zip(*panel.points, strict=True))
    right, bottom = WIDTH - RIGHT, HEIGHT - BOTTOM

    def x(value: float) -> str:
        return f"{LEFT + (right - LEFT) * value / across[-1]:.1f}"

    def y(value: float) -> str:
        return f"{bottom - (bottom - TOP) * value / up[-1]:.1f}"

    yield f'<text class="t" x="{LEFT}" y="18">{escape(panel.title)} ({escape(panel.unit)})</text>'
    for value in up:
        yield f'<path class="g" d="M{LEFT} {y(value)}H{right}"/>'
        yield f'<text x="{LEFT - 6}" y="{y(value)}" dy="4" text-anchor="end">{number(value)}</text>'
    for value in across:
        yield f'<text x="{x(value)}" y="{bottom + 16}" text-anchor="middle">{number(value)}</text>'
    yield f'<text x="{(LEFT + right) / 2:.0f}" y="{bottom + 33}" text-anchor="middle">{escape(below)}</text>'
    places = [(x(objects), y(value)) for objects, value in sorted(panel.points)]
    yield f'<polyline class="c" points="{" ".join(",".join(place) for place in places)}"/>'
    yield from (f'<circle class="p" cx="{across}" cy="{up}" r="3"/>' for across, up in places)
