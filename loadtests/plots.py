"""Line plots as small SVG files, without a plotting library."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

WIDTH, HEIGHT = 640, 300
LEFT, RIGHT, TOP, BOTTOM = 60, 150, 34, 40
COLOURS = ("#1565c0", "#c62828", "#2e7d32", "#ef6c00", "#6a1b9a", "#00838f", "#5d4037", "#37474f")

type Points = Sequence[tuple[float, float]]


@dataclass(frozen=True)
class Axis:
    """One axis; a logarithmic one takes only numbers above 0."""

    label: str
    log: bool = False

    def place(self, value: float, low: float, high: float) -> float:
        """Where the value lies between the ends, 0 to 1."""
        if self.log:
            value, low, high = math.log10(value), math.log10(low), math.log10(high)
        return (value - low) / (high - low) if high > low else 0.5

    def ticks(self, low: float, high: float) -> list[float]:
        """Round values between the ends."""
        if self.log:
            return [
                10.0**n for n in range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
            ]
        step = 10 ** math.floor(math.log10(high or 1))
        while high / step < 4:
            step /= 2
        return [step * n for n in range(int(high / step) + 1)]


def lines(title: str, x: Axis, y: Axis, series: dict[str, Points]) -> str:
    """An SVG with one line per series."""
    points = [point for values in series.values() for point in values]
    x_ends = (min(it[0] for it in points), max(it[0] for it in points))
    y_ends = (min(it[1] for it in points) if y.log else 0.0, max(it[1] for it in points) or 1.0)
    if y.log:
        ticks = y.ticks(*y_ends)
        y_ends = (ticks[0], ticks[-1])

    def at(point: tuple[float, float]) -> tuple[float, float]:
        return (
            LEFT + x.place(point[0], *x_ends) * (WIDTH - LEFT - RIGHT),
            HEIGHT - BOTTOM - y.place(point[1], *y_ends) * (HEIGHT - TOP - BOTTOM),
        )

    parts = [
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
            'font-family="sans-serif"'
        ),
        ' font-size="11">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>',
        f'<text x="{LEFT}" y="18" font-size="13" font-weight="bold">{escape(title)}</text>',
        (
            f'<text x="{(LEFT + WIDTH - RIGHT) / 2}" y="{HEIGHT - 6}" '
            f'text-anchor="middle">{escape(x.label)}</text>'
        ),
        (
            f'<text x="14" y="{HEIGHT / 2}" text-anchor="middle" transform="rotate(-90 14 '
            f'{HEIGHT / 2})">'
        ),
        f"{escape(y.label)}</text>",
    ]
    for tick in y.ticks(*y_ends):
        _, row = at((x_ends[0], tick))
        parts.append(
            f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{row:.1f}" y2="{row:.1f}" stroke="#ddd"/>'
        )
        parts.append(f'<text x="{LEFT - 6}" y="{row + 4:.1f}" text-anchor="end">{tick:,g}</text>')
    for tick in x.ticks(*x_ends):
        if x_ends[0] <= tick <= x_ends[1]:
            column, _ = at((tick, y_ends[0]))
            parts.append(
                f'<text x="{column:.1f}" y="{HEIGHT - BOTTOM + 15}" '
                f'text-anchor="middle">{tick:,g}</text>'
            )
    for number, (name, values) in enumerate(series.items()):
        colour = COLOURS[number % len(COLOURS)]
        path = " ".join(f"{a:.1f},{b:.1f}" for a, b in map(at, values))
        parts.append(
            f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="1.8"/>'
        )
        if len(values) <= 12:
            parts += [
                f'<circle cx="{a:.1f}" cy="{b:.1f}" r="3" fill="{colour}"/>'
                for a, b in map(at, values)
            ]
        row = TOP + 8 + number * 16
        parts.append(
            f'<rect x="{WIDTH - RIGHT + 12}" y="{row - 8}" width="10" height="10" fill="{colour}"/>'
        )
        parts.append(f'<text x="{WIDTH - RIGHT + 27}" y="{row + 1}">{escape(name)}</text>')
    return "\n".join([*parts, "</svg>", ""])
